/* SPDX-License-Identifier: MIT */
/* crc32c.c - see crc32c.h.
 *
 * The polynomial is 0x1EDC6F41, reflected 0x82F63B78; bits leave at the low end. There are three
 * ways in software, of which a build has one: `in_software`. The instruction of x86-64 processors
 * is a fourth way, taken at run time where the processor has it.
 */
#include "crc32c.h"

#include <stdbool.h>
#include <string.h>

#include "crc_table.h"

/* In software ------------------------------------------------------------------------------ */

#if defined(BO_CRC32C_FAST)

static const uint32_t rows[8][256] = {
    BO_CRC_TABLE(0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu, 0x105EC76Fu, 0x20BD8EDEu,
                 0x417B1DBCu, 0x82F63B78u),
    BO_CRC_TABLE(0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u, 0x3FC5F181u, 0x7F8BE302u,
                 0xFF17C604u, 0xFBC3FAF9u),
    BO_CRC_TABLE(0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u, 0x70A27D8Au, 0xE144FB14u,
                 0xC76580D9u, 0x8B277743u),
    BO_CRC_TABLE(0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u, 0xE964B13Du, 0xD725148Bu,
                 0xABA65FE7u, 0x52A0C93Fu),
    BO_CRC_TABLE(0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u, 0x8F2261D3u, 0x1BA8B557u,
                 0x37516AAEu, 0x6EA2D55Cu),
    BO_CRC_TABLE(0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu, 0xC00C303Eu, 0x85F4168Du,
                 0x0E045BEBu, 0x1C08B7D6u),
    BO_CRC_TABLE(0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u, 0x9C5BFAA6u, 0x3D5B83BDu,
                 0x7AB7077Au, 0xF56E0EF4u),
    BO_CRC_TABLE(0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu, 0x847609B4u, 0x0D006599u,
                 0x1A00CB32u, 0x34019664u),
};

static uint32_t in_software(uint32_t crc, const uint8_t *b, size_t size)
{
    return bo_crc_by_rows(rows, crc, b, size);
}

#elif defined(BO_CRC32C_SMALL)

static uint32_t in_software(uint32_t crc, const uint8_t *b, size_t size)
{
    return bo_crc_by_bits(0x82F63B78u, crc, b, size);
}

#else

/* The effect of half a byte. */
static const uint32_t halves[16] = {
    0x00000000u, 0x105EC76Fu, 0x20BD8EDEu, 0x30E349B1u, 0x417B1DBCu, 0x5125DAD3u,
    0x61C69362u, 0x7198540Du, 0x82F63B78u, 0x92A8FC17u, 0xA24BB5A6u, 0xB21572C9u,
    0xC38D26C4u, 0xD3D3E1ABu, 0xE330A81Au, 0xF36E6F75u,
};

static uint32_t in_software(uint32_t crc, const uint8_t *b, size_t size)
{
    return bo_crc_by_halves(halves, crc, b, size);
}

#endif

/* By the instruction ----------------------------------------------------------------------- */

#if defined(BO_CRC32C_NATIVE) && defined(__x86_64__) && defined(__GNUC__)

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *b,
                                                                 size_t size)
{
    uint64_t eight;
    for (; size >= sizeof eight; size -= sizeof eight, b += sizeof eight) {
        memcpy(&eight, b, sizeof eight);
        crc = (uint32_t)__builtin_ia32_crc32di(crc, eight);
    }
    while (size--)
        crc = __builtin_ia32_crc32qi(crc, *b++);
    return crc;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

#else
#define has_instruction() false
#define by_instruction in_software
#endif

uint32_t bo_crc32c(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    return has_instruction() ? by_instruction(crc, bytes, size) : in_software(crc, bytes, size);
}
