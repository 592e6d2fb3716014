/* crc32c_test.c - every way to make CRC-32C gives the same numbers.
 *
 * The three ways in software are compiled in here under names of their own; bo_crc32c itself is the
 * one of this build, in the harness the processor's instruction.
 */
#include "crc32c.h"

#include <stdio.h>
#include <string.h>

#undef BO_CRC32C_NATIVE
#undef BO_CRC32C_FAST
#undef BO_CRC32C_SMALL

uint32_t by_halves(uint32_t crc, const void *data, size_t size);
uint32_t by_bits(uint32_t crc, const void *data, size_t size);
uint32_t by_tables(uint32_t crc, const void *data, size_t size);

#define bo_crc32c by_halves
#define in_software halves_in_software
#include "crc32c.c"
#undef bo_crc32c
#undef in_software

#define BO_CRC32C_SMALL
#define bo_crc32c by_bits
#define in_software bits_in_software
#include "crc32c.c"
#undef bo_crc32c
#undef in_software

#define BO_CRC32C_FAST
#define bo_crc32c by_tables
#define in_software tables_in_software
#include "crc32c.c"
#undef bo_crc32c
#undef in_software

#define SIZE_MAX_TESTED 200u
#define OFFSETS 9u

static unsigned failures;

static void check(const char *way, uint32_t got, uint32_t wanted, unsigned size, unsigned offset)
{
    if (got == wanted) return;
    failures++;
    printf("FAILED %s, %u bytes at offset %u: expected %08X, got %08X\n", way, size, offset,
           (unsigned)wanted, (unsigned)got);
}

static void same_in_every_way(uint32_t start, const uint8_t *bytes, unsigned size, unsigned offset)
{
    uint32_t wanted = by_bits(start, bytes + offset, size);
    check("half bytes", by_halves(start, bytes + offset, size), wanted, size, offset);
    check("tables", by_tables(start, bytes + offset, size), wanted, size, offset);
    check("this build", bo_crc32c(start, bytes + offset, size), wanted, size, offset);
    uint32_t piece = bo_crc32c(start, bytes + offset, size / 3);
    piece = bo_crc32c(piece, bytes + offset + size / 3, size - size / 3);
    check("this build in two pieces", piece, wanted, size, offset);
}

int main(void)
{
    uint8_t bytes[SIZE_MAX_TESTED + OFFSETS];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167u + i * i * 13u + 5u);
    check("bits, the known value", ~by_bits(BO_CRC32C_START, "123456789", 9), 0xE3069283u, 9, 0);
    for (unsigned size = 0; size <= SIZE_MAX_TESTED; size++)
        for (unsigned offset = 0; offset < OFFSETS; offset++) {
            same_in_every_way(BO_CRC32C_START, bytes, size, offset);
            same_in_every_way(0xEEEEEEEEu + size, bytes, size, offset);
        }
    return failures != 0;
}
