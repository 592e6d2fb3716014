/* SPDX-License-Identifier: MIT */
/* seq_cache.c - see seq_cache.h. */
#include "seq_cache.h"

#ifndef SEQ_NO_CACHE

#include <stddef.h>
#include <string.h>

#define STATE_UNKNOWN 0xFFu

void seq_cache_clear(struct seq_cache *cache, uint32_t sector_count)
{
    if (cache == NULL) return;
    if (cache->states != NULL) memset(cache->states, STATE_UNKNOWN, sector_count);
    if (cache->sectors != NULL) memset(cache->sectors, 0, sector_count * sizeof *cache->sectors);
    if (cache->keys != NULL) memset(cache->keys, 0, cache->key_count * sizeof *cache->keys);
}

/* Sectors ---------------------------------------------------------------------------------- */

int seq_cache_state(const struct seq_cache *cache, uint32_t sector)
{
    if (cache == NULL || cache->states == NULL || cache->states[sector] == STATE_UNKNOWN) return -1;
    return cache->states[sector];
}

void seq_cache_note_state(struct seq_cache *cache, uint32_t sector, int state)
{
    if (cache != NULL && cache->states != NULL) cache->states[sector] = (uint8_t)state;
}

uint32_t seq_cache_first(const struct seq_cache *cache, uint32_t sector, uint32_t otherwise)
{
    bool known = cache != NULL && cache->sectors != NULL && cache->sectors[sector].first != 0;
    return known ? cache->sectors[sector].first : otherwise;
}

uint32_t seq_cache_end(const struct seq_cache *cache, uint32_t sector, uint32_t otherwise)
{
    bool known = cache != NULL && cache->sectors != NULL && cache->sectors[sector].end != 0;
    return known ? cache->sectors[sector].end : otherwise;
}

void seq_cache_note_first(struct seq_cache *cache, uint32_t sector, uint32_t first)
{
    if (cache != NULL && cache->sectors != NULL) cache->sectors[sector].first = first;
}

void seq_cache_note_end(struct seq_cache *cache, uint32_t sector, uint32_t end)
{
    if (cache != NULL && cache->sectors != NULL) cache->sectors[sector].end = end;
}

void seq_cache_forget_sector(struct seq_cache *cache, uint32_t sector)
{
    if (cache == NULL) return;
    if (cache->states != NULL) cache->states[sector] = STATE_UNKNOWN;
    if (cache->sectors != NULL) cache->sectors[sector] = (struct seq_cache_sector){0, 0};
}

/* Keys ------------------------------------------------------------------------------------- */

/* Index of the key's entry; key_count when there is none. */
static uint32_t key_index(const struct seq_cache *cache, const uint8_t *key, uint32_t size)
{
    uint32_t i = 0;
    while (i < cache->key_count && (cache->keys[i].address == 0 || cache->keys[i].size != size ||
                                    memcmp(cache->keys[i].key, key, size) != 0))
        i++;
    return i;
}

static bool holds_keys(const struct seq_cache *cache, uint32_t size)
{
    return cache != NULL && cache->keys != NULL && cache->key_count != 0 &&
           size <= SEQ_CACHE_KEY_MAX;
}

uint32_t seq_cache_key(const struct seq_cache *cache, const uint8_t *key, uint32_t size)
{
    if (!holds_keys(cache, size)) return 0;
    uint32_t i = key_index(cache, key, size);
    return i == cache->key_count ? 0 : cache->keys[i].address;
}

void seq_cache_note_key(struct seq_cache *cache, const uint8_t *key, uint32_t size,
                        uint32_t address)
{
    if (!holds_keys(cache, size)) return;
    uint32_t i = key_index(cache, key, size);
    if (i == cache->key_count) i--;
    memmove(cache->keys + 1, cache->keys, i * sizeof *cache->keys);
    cache->keys[0].address = address;
    cache->keys[0].size = (uint8_t)size;
    memcpy(cache->keys[0].key, key, size);
}

void seq_cache_forget_key(struct seq_cache *cache, const uint8_t *key, uint32_t size)
{
    if (!holds_keys(cache, size)) return;
    uint32_t i = key_index(cache, key, size);
    if (i == cache->key_count) return;
    uint32_t older = cache->key_count - i - 1;
    memmove(cache->keys + i, cache->keys + i + 1, older * sizeof *cache->keys);
    cache->keys[cache->key_count - 1].address = 0;
}

#endif
