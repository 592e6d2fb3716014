/* SPDX-License-Identifier: MIT */
/* tickv_crc.c - see tickv_internal.h: CRC-32/CKSUM, of which bits leave at the high end. Like
 * ../crc32c.c it is fast with BO_CRC32C_FAST.
 */
#include "../crc_table.h"
#include "tickv_internal.h"

#ifdef BO_CRC32C_FAST

/* Row k: the effect of a byte that is followed by k more. */
static const uint32_t rows[8][256] = {
    BO_CRC_TABLE(0x04C11DB7u, 0x09823B6Eu, 0x130476DCu, 0x2608EDB8u, 0x4C11DB70u, 0x9823B6E0u,
                 0x34867077u, 0x690CE0EEu),
    BO_CRC_TABLE(0xD219C1DCu, 0xA0F29E0Fu, 0x452421A9u, 0x8A484352u, 0x10519B13u, 0x20A33626u,
                 0x41466C4Cu, 0x828CD898u),
    BO_CRC_TABLE(0x01D8AC87u, 0x03B1590Eu, 0x0762B21Cu, 0x0EC56438u, 0x1D8AC870u, 0x3B1590E0u,
                 0x762B21C0u, 0xEC564380u),
    BO_CRC_TABLE(0xDC6D9AB7u, 0xBC1A28D9u, 0x7CF54C05u, 0xF9EA980Au, 0xF7142DA3u, 0xEAE946F1u,
                 0xD1139055u, 0xA6E63D1Du),
    BO_CRC_TABLE(0x490D678Du, 0x921ACF1Au, 0x20F48383u, 0x41E90706u, 0x83D20E0Cu, 0x036501AFu,
                 0x06CA035Eu, 0x0D9406BCu),
    BO_CRC_TABLE(0x1B280D78u, 0x36501AF0u, 0x6CA035E0u, 0xD9406BC0u, 0xB641CA37u, 0x684289D9u,
                 0xD08513B2u, 0xA5CB3AD3u),
    BO_CRC_TABLE(0x4F576811u, 0x9EAED022u, 0x399CBDF3u, 0x73397BE6u, 0xE672F7CCu, 0xC824F22Fu,
                 0x9488F9E9u, 0x2DD0EE65u),
    BO_CRC_TABLE(0x5BA1DCCAu, 0xB743B994u, 0x6A466E9Fu, 0xD48CDD3Eu, 0xADD8A7CBu, 0x5F705221u,
                 0xBEE0A442u, 0x79005533u),
};

/* Eight bytes at a time. */
uint32_t tickv_crc(uint32_t crc, const uint8_t *b, uint32_t size)
{
    for (; size >= 8; size -= 8, b += 8)
        crc = rows[7][crc >> 24 ^ b[0]] ^ rows[6][(crc >> 16 ^ b[1]) & 255] ^
              rows[5][(crc >> 8 ^ b[2]) & 255] ^ rows[4][(crc ^ b[3]) & 255] ^ rows[3][b[4]] ^
              rows[2][b[5]] ^ rows[1][b[6]] ^ rows[0][b[7]];
    while (size-- != 0)
        crc = rows[0][crc >> 24 ^ *b++] ^ crc << 8;
    return crc;
}

#else

/* Four bits at a time. */
uint32_t tickv_crc(uint32_t crc, const uint8_t *b, uint32_t size)
{
    static const uint32_t steps[16] = {
        0x00000000, 0x04C11DB7, 0x09823B6E, 0x0D4326D9, 0x130476DC, 0x17C56B6B,
        0x1A864DB2, 0x1E475005, 0x2608EDB8, 0x22C9F00F, 0x2F8AD6D6, 0x2B4BCB61,
        0x350C9B64, 0x31CD86D3, 0x3C8EA00A, 0x384FBDBD,
    };
    for (; size-- != 0; b++) {
        crc ^= (uint32_t)*b << 24;
        crc = crc << 4 ^ steps[crc >> 28];
        crc = crc << 4 ^ steps[crc >> 28];
    }
    return crc;
}

#endif
