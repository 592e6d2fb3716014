/* SPDX-License-Identifier: MIT */
/* lsm_crc.c - see lsm_internal.h: CRC-32/ISO-HDLC, of which bits leave at the low end. Like
 * ../crc32c.c it is fast with BO_CRC32C_FAST, and has no table with BO_CRC32C_SMALL.
 */
#include "../crc_table.h"
#include "lsm_internal.h"

#if defined(BO_CRC32C_FAST)

static const uint32_t rows[8][256] = {
    BO_CRC_TABLE(0x77073096u, 0xEE0E612Cu, 0x076DC419u, 0x0EDB8832u, 0x1DB71064u, 0x3B6E20C8u,
                 0x76DC4190u, 0xEDB88320u),
    BO_CRC_TABLE(0x191B3141u, 0x32366282u, 0x646CC504u, 0xC8D98A08u, 0x4AC21251u, 0x958424A2u,
                 0xF0794F05u, 0x3B83984Bu),
    BO_CRC_TABLE(0x01C26A37u, 0x0384D46Eu, 0x0709A8DCu, 0x0E1351B8u, 0x1C26A370u, 0x384D46E0u,
                 0x709A8DC0u, 0xE1351B80u),
    BO_CRC_TABLE(0xB8BC6765u, 0xAA09C88Bu, 0x8F629757u, 0xC5B428EFu, 0x5019579Fu, 0xA032AF3Eu,
                 0x9B14583Du, 0xED59B63Bu),
    BO_CRC_TABLE(0x3D6029B0u, 0x7AC05360u, 0xF580A6C0u, 0x30704BC1u, 0x60E09782u, 0xC1C12F04u,
                 0x58F35849u, 0xB1E6B092u),
    BO_CRC_TABLE(0xCB5CD3A5u, 0x4DC8A10Bu, 0x9B914216u, 0xEC53826Du, 0x03D6029Bu, 0x07AC0536u,
                 0x0F580A6Cu, 0x1EB014D8u),
    BO_CRC_TABLE(0xA6770BB4u, 0x979F1129u, 0xF44F2413u, 0x33EF4E67u, 0x67DE9CCEu, 0xCFBD399Cu,
                 0x440B7579u, 0x8816EAF2u),
    BO_CRC_TABLE(0xCCAA009Eu, 0x4225077Du, 0x844A0EFAu, 0xD3E51BB5u, 0x7CBB312Bu, 0xF9766256u,
                 0x299DC2EDu, 0x533B85DAu),
};

static uint32_t add(uint32_t crc, const uint8_t *b, uint32_t size)
{
    return bo_crc_by_rows(rows, crc, b, size);
}

#elif defined(BO_CRC32C_SMALL)

static uint32_t add(uint32_t crc, const uint8_t *b, uint32_t size)
{
    return bo_crc_by_bits(0xEDB88320u, crc, b, size);
}

#else

static const uint32_t halves[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
    0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
    0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

static uint32_t add(uint32_t crc, const uint8_t *b, uint32_t size)
{
    return bo_crc_by_halves(halves, crc, b, size);
}

#endif

uint32_t lsm_crc(uint32_t crc, const void *data, uint32_t size)
{
    return ~add(~crc, (const uint8_t *)data, size);
}
