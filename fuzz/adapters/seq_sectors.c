/* seq_sectors.c - prints the state of each sector, as its two marker words show it. */
#include "fuzz/adapters/seq_sectors.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engines/seq/seq.h"

const char *seq_claims(const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings)
{
    uint32_t limit = geometry->programs_per_unit;
    (void)settings;
    if (limit > 1 || (limit == 1 && geometry->sector_count <= 2)) return "edge,prefix,zeros,fail";
    return "edge,prefix,bits,zeros,fail";
}

static const char *sector_state(const struct bo_flash *flash, uint32_t sector)
{
    const struct bo_flash_geometry *g = &flash->geometry;
    uint8_t word[SEQ_WORD_MAX];
    uint32_t size = seq_word_size(g), start = sector * g->sector_size;
    assert(sector < g->sector_count);
    bool marked[2] = {false, false};
    for (int end = 0; end < 2; end++) {
        uint32_t address = end ? start + (g->sector_size - size) : start;
        if (size > sizeof word || bo_flash_read(flash, address, word, size)) return "unreadable";
        for (uint32_t i = 0; i < size; i++)
            marked[end] = marked[end] || word[i] != 0xFF;
    }
    if (marked[0]) return marked[1] ? "sealed" : "in use";
    return marked[1] ? "half erased" : "open";
}

/* Bits of a sector that are cleared, and the address of the first. */
static uint32_t cleared_bits(const struct bo_flash *flash, uint32_t sector, uint32_t *first)
{
    const struct bo_flash_geometry *g = &flash->geometry;
    uint8_t word[SEQ_WORD_MAX];
    uint32_t size = seq_word_size(g), start = sector * g->sector_size, count = 0;
    assert(size != 0 && size <= sizeof word && "both markers were read");
    for (uint32_t at = 0; at < g->sector_size; at += size) {
        if (bo_flash_read(flash, start + at, word, size)) continue; /* damaged: not known */
        for (uint32_t i = 0; i < 8 * size; i++) {
            if (word[i / 8] >> i % 8 & 1u) continue;
            if (count++ == 0) *first = start + at + i / 8;
        }
    }
    return count;
}

/* An erase was cut there, or somebody else wrote. */
static bool print_open(const struct bo_flash *flash, uint32_t sector, adapter_line *line,
                       void *context)
{
    char text[100];
    uint32_t first = 0, count = cleared_bits(flash, sector, &first);
    if (!count) return false;
    assert(first / flash->geometry.sector_size == sector && "the first lies in the sector");
    snprintf(text, sizeof text, "sector %lu: open, but %lu bits are cleared, the first at 0x%lx",
             (unsigned long)sector, (unsigned long)count, (unsigned long)first);
    line(context, text);
    return true;
}

void seq_sectors_print(void *object, const struct bo_flash *flash,
                       const struct adapter_settings *settings, adapter_line *line, void *context)
{
    (void)object, (void)settings;
    char text[80];
    for (uint32_t sector = 0; sector < flash->geometry.sector_count; sector++) {
        const char *state = sector_state(flash, sector);
        bool open = strcmp(state, "open") == 0;
        if (open && print_open(flash, sector, line, context)) continue;
        if (open && flash->geometry.sector_count > 64) continue;
        snprintf(text, sizeof text, "sector %lu: %s", (unsigned long)sector, state);
        line(context, text);
    }
}
