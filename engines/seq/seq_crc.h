/* seq_crc.h - the two checksums of the sequential-storage format.
 *
 * seq_crc16 guards the two length bytes of an item header; seq_crc32 the item's data. Both leave
 * out results that an erased or zeroed word could imitate: the CRC-16 is never FFFF, the low byte
 * of the CRC-32 is never 00 or FF.
 *
 * Built with SEQ_CRC_FAST they use 8 KiB of tables, without it none and go bit by bit.
 */
#ifndef BROWNOUT_SEQ_CRC_H
#define BROWNOUT_SEQ_CRC_H

#include <stddef.h>
#include <stdint.h>

#define SEQ_CRC32_START 0xEEEEEEEEu

/* CRC-16, polynomial 0x7458 reflected, of the bytes of a length field. */
uint16_t seq_crc16(const void *data, size_t size);

/* CRC-32C in pieces: pass the register through, SEQ_CRC32_START at first, seq_crc32_end at last. */
uint32_t seq_crc32(uint32_t crc, const void *data, size_t size);
uint32_t seq_crc32_end(uint32_t crc);

#endif
