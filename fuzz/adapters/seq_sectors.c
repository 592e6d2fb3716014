#include "fuzz/adapters/seq_sectors.h"

#include <stdio.h>
#include <string.h>

#include "engines/seq/seq.h"

const char *seq_claims(const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings)
{
    uint32_t limit = geometry->programs_per_unit;
    (void)settings;
    if (limit > 1 || (limit == 1 && geometry->sector_count == 2)) return "edge,prefix,zeros";
    return "edge,prefix,bits,zeros";
}

static const char *sector_state(const struct bo_flash *flash, uint32_t sector)
{
    const struct bo_flash_geometry *g = &flash->geometry;
    uint8_t word[SEQ_WORD_MAX];
    uint32_t size = seq_word_size(g), start = sector * g->sector_size;
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

void seq_sectors_print(void *object, const struct bo_flash *flash,
                       const struct adapter_settings *settings, adapter_line *line, void *context)
{
    (void)object, (void)settings;
    char text[80];
    for (uint32_t sector = 0; sector < flash->geometry.sector_count; sector++) {
        const char *state = sector_state(flash, sector);
        if (flash->geometry.sector_count > 64 && strcmp(state, "open") == 0) continue;
        snprintf(text, sizeof text, "sector %lu: %s", (unsigned long)sector, state);
        line(context, text);
    }
}
