/* keys.c - see keys.h. A hash table with linear probing, at most half full; nothing leaves it. */
#include "fuzz/model/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

struct keys {
    const struct value **all;
    uint32_t *slots; /* index + 1, or 0; linear probing, at most half full */
    uint32_t mask, count, count_max;
};

static uint32_t hash(const uint8_t *bytes, uint32_t size)
{
    uint64_t h = size;
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
        bytes += 8;
        size -= 8;
    }
    for (uint32_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 0x100000001B3u;
    h *= 0x9E3779B97F4A7C15u;
    return (uint32_t)(h >> 32);
}

struct keys *keys_new(uint32_t count_max)
{
    struct keys *keys = memory_zeroed(1, sizeof *keys);
    uint32_t slots = 16;
    assert(count_max <= 1u << 30 && "twice as many slots can be counted");
    while (slots < 2 * count_max)
        slots *= 2;
    keys->mask = slots - 1;
    keys->count_max = count_max;
    keys->slots = memory_zeroed(slots, sizeof *keys->slots);
    keys->all = memory_zeroed(count_max, sizeof *keys->all);
    return keys;
}

void keys_free(struct keys *keys)
{
    if (!keys) return;
    free(keys->slots);
    free(keys->all);
    free(keys);
}

void keys_add(struct keys *keys, const struct value *key)
{
    assert(keys->count < keys->count_max);
    uint32_t at = hash(key->bytes, key->size) & keys->mask;
    while (keys->slots[at])
        at = (at + 1) & keys->mask;
    keys->all[keys->count++] = key;
    keys->slots[at] = keys->count;
}

uint32_t keys_find(const struct keys *keys, const void *bytes, uint32_t size)
{
    uint32_t at = hash(bytes, size) & keys->mask;
    for (; keys->slots[at]; at = (at + 1) & keys->mask) {
        const struct value *key = keys->all[keys->slots[at] - 1];
        if (key->size == size && memcmp(key->bytes, bytes, size) == 0) return keys->slots[at] - 1;
    }
    return KEYS_NONE;
}

const struct value *keys_at(const struct keys *keys, uint32_t index)
{
    assert(index < keys->count);
    return keys->all[index];
}
