/* SPDX-License-Identifier: MIT */
/* seq.c - see seq.h. */
#include "seq.h"

#include <string.h>

#include "seq_cache.h"

bool seq_setup(struct seq *seq, const struct bo_flash *flash, void *work, uint32_t work_size)
{
    uint32_t word = seq_word_size(&flash->geometry);
    if (!seq_geometry_usable(&flash->geometry) || work == NULL || work_size < word) return false;
    seq->flash = flash;
    seq->word = (uint8_t)word;
    seq->mask = (uint8_t)(word - 1);
    seq->header = (uint8_t)(word > 8 ? word : 8);
    seq->work = (uint8_t *)work;
    seq->work_size = seq_down(seq, work_size);
    return true;
}

#ifndef SEQ_NO_CACHE

/* The bytes at `address` when the work buffer holds them, or NULL. */
static uint8_t *window(const struct seq *seq, uint32_t address, uint32_t size)
{
    uint32_t offset = address - seq->window;
    bool inside =
        address >= seq->window && offset <= seq->window_size && size <= seq->window_size - offset;
    return inside ? seq->work + offset : NULL;
}

void seq_look_ahead(struct seq *seq, uint32_t address, uint32_t end)
{
    uint32_t size = seq_minimum(seq->header + seq->ahead, seq->work_size);
    if (size < seq->header || window(seq, address, seq->header) != NULL) return;
    (void)seq_look(seq, address, seq_minimum(size, end - address));
}

#else
#define window(seq, address, size) NULL
#endif

bool seq_read(struct seq *seq, uint32_t address, void *to, uint32_t size)
{
    const uint8_t *held = window(seq, address, size);
    if (held != NULL) {
        memcpy(to, held, size);
        return true;
    }
    if (seq->error) return false;
    BO_CHECK(seq_inside(seq, address, size));
    int error = bo_flash_read(seq->flash, address, to, size);
    if (error != BO_FLASH_ERR_ECC) seq->error = error;
    return !error;
}

uint8_t *seq_look(struct seq *seq, uint32_t address, uint32_t size)
{
    uint8_t *held = window(seq, address, size);
    BO_CHECK(size <= seq->work_size);
    if (held != NULL) return held;
    seq_look_away(seq);
    if (!seq_read(seq, address, seq->work, size)) return NULL;
#ifndef SEQ_NO_CACHE
    seq->window = address;
    seq->window_size = size;
#endif
    return seq->work;
}

void seq_program(struct seq *seq, uint32_t address, const void *data, uint32_t size)
{
    BO_CHECK(seq_inside(seq, address, size));
    seq_look_away(seq);
    if (!seq->error) seq->error = bo_flash_program(seq->flash, address, data, size);
}

#ifdef BO_CHECKS

bool seq_inside(const struct seq *seq, uint32_t address, uint32_t size)
{
    return ((address | size) & seq->mask) == 0 && bo_flash_inside(seq->flash, address, size);
}

#ifndef SEQ_NO_CACHE

/* Whether 0, or an address of a sector from the first to the last of its payload. */
static bool in_payload(const struct seq *seq, uint32_t sector, uint32_t address)
{
    uint32_t size = seq->flash->geometry.sector_size, offset = address - sector * size;
    return address == 0 || (offset >= seq->word && offset <= size - seq->word);
}

static void check_cache(const struct seq *seq, const struct seq_cache *cache)
{
    for (uint32_t i = 0; cache->sectors != NULL && i < seq->flash->geometry.sector_count; i++) {
        BO_CHECK(in_payload(seq, i, cache->sectors[i].first));
        BO_CHECK(in_payload(seq, i, cache->sectors[i].end));
    }
    for (uint32_t i = 0; cache->keys != NULL && i < cache->key_count; i++) {
        uint32_t address = cache->keys[i].address;
        BO_CHECK(in_payload(seq, address / seq->flash->geometry.sector_size, address));
        BO_CHECK(address == 0 || cache->keys[i].size <= SEQ_CACHE_KEY_MAX);
    }
}

#endif

void seq_check(const struct seq *seq)
{
    BO_CHECK(seq->mask + 1u == seq->word && (seq->header & seq->mask) == 0);
    BO_CHECK(seq->work_size >= seq->word && (seq->work_size & seq->mask) == 0);
#ifndef SEQ_NO_CACHE
    BO_CHECK(seq->window_size <= seq->work_size);
    if (seq->cache != NULL) check_cache(seq, seq->cache);
#endif
}

#endif
