/* SPDX-License-Identifier: MIT */
/* crc32c.h - CRC-32C (Castagnoli), the checksum of all engines.
 *
 * In pieces: pass the register through, BO_CRC32C_START or a number of one's own at first, and
 * invert it at last:
 *
 *     uint32_t crc = BO_CRC32C_START;
 *     crc = bo_crc32c(crc, head, head_size);
 *     crc = bo_crc32c(crc, body, body_size);
 *     store(~crc);
 *
 * The result does not depend on how it is built:
 *
 *     BO_CRC32C_SMALL   bit by bit, no table: the smallest
 *     (nothing)         half a byte at a time, a table of 64 bytes
 *     BO_CRC32C_FAST    eight bytes at a time, tables of 8 KiB
 *     BO_CRC32C_NATIVE  besides one of these: by the instruction of an x86-64 processor where it
 *                       has that. Not for firmware.
 */
#ifndef BROWNOUT_CRC32C_H
#define BROWNOUT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BO_CRC32C_START 0xFFFFFFFFu

/* The register after `size` more bytes. */
uint32_t bo_crc32c(uint32_t crc, const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
