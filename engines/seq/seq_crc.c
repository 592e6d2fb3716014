/* SPDX-License-Identifier: MIT */
/* seq_crc.c - see seq_crc.h. The CRC-16 shifts towards the low bit; a length of two bytes goes
 * through the register as a whole.
 */
#include "seq_crc.h"

#ifdef BO_CRC32C_FAST

/* A CRC table is linear: the entry of a byte is the xor of the entries of its bits. */
#define BIT(n, bit, effect) ((n) >> (bit)&1 ? (effect) : 0)
#define ENTRY(n)                                                                                   \
    (BIT(n, 0, 0x167E) ^ BIT(n, 1, 0x18A1) ^ BIT(n, 2, 0x051F) ^ BIT(n, 3, 0x0A3E) ^               \
     BIT(n, 4, 0x147C) ^ BIT(n, 5, 0x1CA5) ^ BIT(n, 6, 0x0D17) ^ BIT(n, 7, 0x1A2E))
#define ENTRIES_4(n) ENTRY(n), ENTRY((n) + 1), ENTRY((n) + 2), ENTRY((n) + 3)
#define ENTRIES_16(n) ENTRIES_4(n), ENTRIES_4((n) + 4), ENTRIES_4((n) + 8), ENTRIES_4((n) + 12)
#define ENTRIES_64(n)                                                                              \
    ENTRIES_16(n), ENTRIES_16((n) + 16), ENTRIES_16((n) + 32), ENTRIES_16((n) + 48)

static const uint16_t table[256] = {ENTRIES_64(0), ENTRIES_64(64), ENTRIES_64(128),
                                    ENTRIES_64(192)};

static uint32_t shifted(uint32_t crc)
{
    crc = table[crc & 255] ^ crc >> 8;
    return table[crc & 255] ^ crc >> 8;
}

#else

static uint32_t shifted(uint32_t crc)
{
    for (unsigned bit = 0; bit < 16; bit++)
        crc = (crc & 1 ? 0x1A2E : 0) ^ crc >> 1;
    return crc;
}

#endif

uint16_t seq_crc16(uint32_t length)
{
    uint32_t crc = shifted(0xFFFF ^ length);
    return (uint16_t)(crc == 0 ? 0xFFFE : ~crc);
}

uint32_t seq_crc32_end(uint32_t crc)
{
    crc = ~crc;
    return ((crc + 1) & 0xFE) == 0 ? crc ^ 1 : crc; /* the low byte is 00 or FF */
}
