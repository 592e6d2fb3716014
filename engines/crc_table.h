/* SPDX-License-Identifier: MIT */
/* crc_table.h - how the large tables of checksums are written.
 *
 * A CRC table is linear: the entry of a byte is the xor of the entries of its bits. So a table is
 * eight numbers, those of the bytes 1, 2, 4 .. 128, and the preprocessor makes 256 of them.
 */
#ifndef BROWNOUT_CRC_TABLE_H
#define BROWNOUT_CRC_TABLE_H

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

#ifdef __cplusplus
}
#endif

#endif
