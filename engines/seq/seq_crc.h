/* SPDX-License-Identifier: MIT */
/* seq_crc.h - the two checksums of the sequential-storage format.
 *
 * seq_crc16 guards the length of an item; bo_crc32c, from SEQ_CRC32_START to seq_crc32_end, its
 * data. Both leave out results that an erased or zeroed word could imitate: the CRC-16 is never
 * FFFF, the low byte of the CRC-32 is never 00 or FF.
 *
 * Built with BO_CRC32C_FAST the CRC-16 has a table of 512 bytes too; else it goes bit by bit.
 */
#ifndef BROWNOUT_SEQ_CRC_H
#define BROWNOUT_SEQ_CRC_H

#include "../crc32c.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEQ_CRC32_START 0xEEEEEEEEu

/* CRC-16, polynomial 0x7458 reflected, of the two bytes of a length, the low one first. */
uint16_t seq_crc16(uint32_t length);

/* The checksum when all data went through the register. */
uint32_t seq_crc32_end(uint32_t crc);

#ifdef __cplusplus
}
#endif

#endif
