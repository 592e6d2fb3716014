/* SPDX-License-Identifier: MIT */
/* seq_sector.c - see seq_sector.h. */
#include "seq_sector.h"

#include <string.h>

#include "seq_cache.h"

/* Bits that are 0 in the first `size` bytes of a word; more than it has when it can't be read. */
static uint32_t zeros(struct seq *seq, uint32_t address, uint32_t size)
{
    const uint8_t *bytes = seq_look(seq, address, seq->word);
    uint32_t count = 0;
    if (bytes == NULL) return UINT32_MAX;
    while (size--)
        for (unsigned left = (uint8_t) ~*bytes++; left != 0; left &= left - 1)
            count++;
    return count;
}

enum seq_sector_state seq_sector_state(struct seq *seq, uint32_t sector)
{
    int state = seq_cache_state(seq->cache, sector);
    if (state < 0) {
        uint32_t read_unit = seq->flash->geometry.read_unit;
        state = zeros(seq, seq_sector_address(seq, sector), read_unit) >= 4 ? SEQ_SECTOR_IN_USE : 0;
        state += zeros(seq, seq_sector_end(seq, sector), seq->word) != 0;
        seq_cache_note_state(seq->cache, sector, state);
    }
    return (enum seq_sector_state)state;
}

void seq_sector_zero(struct seq *seq, uint32_t address)
{
    seq_cache_note_state(seq->cache, address / seq->flash->geometry.sector_size, -1);
    memset(seq->work, 0, seq->word);
    seq_program(seq, address, seq->work, seq->word);
}

bool seq_sector_is_zero(struct seq *seq, uint32_t address)
{
    return zeros(seq, address, seq->word) >= 8u * seq->word;
}

void seq_sector_erase(struct seq *seq, uint32_t sector)
{
    seq_look_away(seq);
    seq_cache_forget_sector(seq->cache, sector);
    if (!seq->error) seq->error = bo_flash_erase(seq->flash, seq_sector_address(seq, sector));
}

bool seq_sector_blank(struct seq *seq, uint32_t from, uint32_t to)
{
    for (uint32_t size; from != to; from += size) {
        size = seq_minimum(to - from, seq->work_size);
        const uint8_t *bytes = seq_look(seq, from, size);
        /* The first byte is 0xFF and each byte equals the next one. */
        if (bytes == NULL || *bytes != 0xFF || memcmp(bytes, bytes + 1, size - 1) != 0)
            return false;
    }
    return true;
}
