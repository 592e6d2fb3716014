/* SPDX-License-Identifier: MIT */
/* crc_table.h - how the large tables of checksums are written, and what is done with a table.
 *
 * A CRC table is linear: the entry of a byte is the xor of the entries of its bits. So a table is
 * eight numbers, those of the bytes 1, 2, 4 .. 128, and the preprocessor makes 256 of them.
 */
#ifndef BROWNOUT_CRC_TABLE_H
#define BROWNOUT_CRC_TABLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BO_CRC_ENTRY(n, a, b, c, d, e, f, g, h)                                                    \
    (((n)&1 ? (a) : 0) ^ ((n)&2 ? (b) : 0) ^ ((n)&4 ? (c) : 0) ^ ((n)&8 ? (d) : 0) ^               \
     ((n)&16 ? (e) : 0) ^ ((n)&32 ? (f) : 0) ^ ((n)&64 ? (g) : 0) ^ ((n)&128 ? (h) : 0))
#define BO_CRC_ENTRIES_4(n, ...)                                                                   \
    BO_CRC_ENTRY((n), __VA_ARGS__), BO_CRC_ENTRY((n) + 1, __VA_ARGS__),                            \
        BO_CRC_ENTRY((n) + 2, __VA_ARGS__), BO_CRC_ENTRY((n) + 3, __VA_ARGS__)
#define BO_CRC_ENTRIES_16(n, ...)                                                                  \
    BO_CRC_ENTRIES_4((n), __VA_ARGS__), BO_CRC_ENTRIES_4((n) + 4, __VA_ARGS__),                    \
        BO_CRC_ENTRIES_4((n) + 8, __VA_ARGS__), BO_CRC_ENTRIES_4((n) + 12, __VA_ARGS__)
#define BO_CRC_ENTRIES_64(n, ...)                                                                  \
    BO_CRC_ENTRIES_16((n), __VA_ARGS__), BO_CRC_ENTRIES_16((n) + 16, __VA_ARGS__),                 \
        BO_CRC_ENTRIES_16((n) + 32, __VA_ARGS__), BO_CRC_ENTRIES_16((n) + 48, __VA_ARGS__)
#define BO_CRC_TABLE(...)                                                                          \
    {                                                                                              \
        BO_CRC_ENTRIES_64(0, __VA_ARGS__), BO_CRC_ENTRIES_64(64, __VA_ARGS__),                     \
            BO_CRC_ENTRIES_64(128, __VA_ARGS__), BO_CRC_ENTRIES_64(192, __VA_ARGS__)               \
    }

/* What `size` bytes make of a register whose bits leave at the low end: three ways, of which a
 * build has one for each checksum. */

/* Eight bytes at a time. Row k: the effect of a byte that is followed by k more. */
static inline uint32_t bo_crc_by_rows(const uint32_t rows[8][256], uint32_t crc, const uint8_t *b,
                                      size_t size)
{
    for (; size >= 8; size -= 8, b += 8)
        crc = rows[7][(crc ^ b[0]) & 255] ^ rows[6][(crc >> 8 ^ b[1]) & 255] ^
              rows[5][(crc >> 16 ^ b[2]) & 255] ^ rows[4][(crc >> 24 ^ b[3]) & 255] ^
              rows[3][b[4]] ^ rows[2][b[5]] ^ rows[1][b[6]] ^ rows[0][b[7]];
    while (size-- != 0)
        crc = rows[0][(crc ^ *b++) & 255] ^ crc >> 8;
    return crc;
}

/* Four bits at a time. */
static inline uint32_t bo_crc_by_halves(const uint32_t halves[16], uint32_t crc, const uint8_t *b,
                                        size_t size)
{
    while (size-- != 0) {
        crc ^= *b++;
        crc = halves[crc & 15] ^ crc >> 4;
        crc = halves[crc & 15] ^ crc >> 4;
    }
    return crc;
}

/* Bit by bit, without a table. */
static inline uint32_t bo_crc_by_bits(uint32_t polynomial, uint32_t crc, const uint8_t *b,
                                      size_t size)
{
    while (size-- != 0) {
        crc ^= *b++;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    }
    return crc;
}

#ifdef __cplusplus
}
#endif

#endif
