#include "fuzz/rig/exercise.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

#define ROUNDS_MAX 64u

static struct value *make_value(uint32_t size, uint8_t seed)
{
    struct value *value = memory_new(sizeof *value + size);
    value->size = size;
    for (uint32_t i = 0; i < size; i++)
        value->bytes[i] = (uint8_t)(seed + i * 7u);
    value->digest = script_digest(value->bytes, size);
    return value;
}

static bool is_taken(const struct script *script, const struct value *key)
{
    for (uint32_t i = 0; i < script->key_count; i++) {
        const struct value *taken = script->keys[i];
        if (taken->size == key->size && memcmp(taken->bytes, key->bytes, key->size) == 0)
            return true;
    }
    return false;
}

struct value *exercise_key(const struct script *script, uint32_t size_min, uint32_t size_max,
                           uint32_t n)
{
    uint32_t size = size_min > 1 ? size_min : 1;
    if (size > size_max) return NULL;
    for (unsigned first = 0xEE; first > 0; first--) {
        struct value *key = make_value(size, (uint8_t)first);
        if (!is_taken(script, key) && n-- == 0) return key;
        free(key);
    }
    return NULL;
}

/* So many values a sector that it is filled in a few steps. */
static struct exercise *make(const struct bo_flash_geometry *geometry, uint32_t per_sector,
                             uint32_t value_size_max)
{
    struct exercise *exercise = memory_zeroed(1, sizeof *exercise);
    uint32_t size = geometry->sector_size / per_sector;
    if (size > value_size_max) size = value_size_max;
    if (size == 0) size = 1;
    uint64_t rounds = (uint64_t)geometry->sector_count * (geometry->sector_size / size + 1);
    exercise->rounds = rounds < ROUNDS_MAX ? (uint32_t)rounds : ROUNDS_MAX;
    exercise->values[0] = make_value(size, 1);
    exercise->values[1] = make_value(size, 101);
    return exercise;
}

struct exercise *exercise_new(const struct script *script, const struct bo_flash_geometry *geometry,
                              uint32_t key_size_min, uint32_t key_size_max, uint32_t value_size_max)
{
    struct exercise *exercise = make(geometry, 6, value_size_max);
    exercise->key = exercise_key(script, key_size_min, key_size_max, 0);
    return exercise;
}

struct exercise *exercise_new_list(const struct bo_flash_geometry *geometry, uint32_t item_size_max)
{
    struct exercise *exercise = make(geometry, 3, item_size_max);
    exercise->sized_max = item_size_max + 1;
    exercise->sized = memory_zeroed(exercise->sized_max + 1u, sizeof *exercise->sized);
    return exercise;
}

void exercise_free(struct exercise *exercise)
{
    if (!exercise) return;
    free(exercise->key);
    for (uint32_t size = 0; exercise->sized && size <= exercise->sized_max; size++)
        free(exercise->sized[size]);
    free(exercise->sized);
    free(exercise->values[0]);
    free(exercise->values[1]);
    free(exercise);
}

const struct value *exercise_sized(struct exercise *exercise, uint32_t size)
{
    assert(exercise->sized && size <= exercise->sized_max);
    struct value **value = &exercise->sized[size];
    if (!*value) *value = make_value(size, 0x6C);
    return *value;
}
