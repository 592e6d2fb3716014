/* crc32c.h - CRC-32C (Castagnoli), the checksum of the ring logs.
 *
 * In pieces: pass the register through, BO_CRC32C_START or a number of one's own at first, and invert
 * it at last:
 *
 *     uint32_t crc = BO_CRC32C_START;
 *     crc = bo_crc32c(crc, head, head_size);
 *     crc = bo_crc32c(crc, body, body_size);
 *     store(~crc);
 *
 * It goes by half bytes with a table of 64 bytes; built with BO_CRC32C_FAST by eight bytes at a time,
 * with 8 KiB of tables.
 */
#ifndef BROWNOUT_CRC32C_H
#define BROWNOUT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define BO_CRC32C_START 0xFFFFFFFFu

/* The register after `size` more bytes. */
uint32_t bo_crc32c(uint32_t crc, const void *data, size_t size);

#endif
