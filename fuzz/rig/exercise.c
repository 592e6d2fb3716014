/* exercise.c - chooses the harness's own key, values and rounds.
 *
 * A value is a sixth of a sector, an item a third, within the limits of the engine: a few of them
 * fill a sector. The rounds are as many as go once around all sectors, up to ROUNDS_MAX. The bytes
 * depend on the size alone, so that every run of a scenario writes the same.
 */
#include "fuzz/rig/exercise.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/ask.h"
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

/* Of keys that are any bytes. */
static struct value *plain_key(uint32_t n, uint32_t size)
{
    return n < 0xEE ? make_value(size, (uint8_t)(0xEE - n)) : NULL;
}

static struct value *made_key(const struct adapter *adapter,
                              const struct adapter_settings *settings, uint32_t n,
                              uint32_t size_max)
{
    struct value *key = make_value(size_max, 0);
    key->size = ask_key(adapter, settings, n, key->bytes);
    assert(key->size <= size_max);
    key->digest = script_digest(key->bytes, key->size);
    if (key->size) return key;
    free(key);
    return NULL;
}

struct value *exercise_key(const struct script *script, const struct adapter *adapter,
                           const struct adapter_settings *settings, uint32_t n)
{
    uint32_t min, max, most;
    ask_limits(adapter, &script->part.geometry, settings, &min, &max, &most);
    if (max == 0) return NULL;
    for (uint32_t i = 0;; i++) {
        struct value *key = adapter->make_key ? made_key(adapter, settings, i, max)
                                              : plain_key(i, min > 1 ? min : 1);
        if (!key || (!is_taken(script, key) && n-- == 0)) return key;
        free(key);
    }
}

struct exercise *exercise_new(const struct script *script, const struct adapter *adapter,
                              const struct adapter_settings *settings)
{
    const struct bo_flash_geometry *geometry = &script->part.geometry;
    struct exercise *exercise = memory_zeroed(1, sizeof *exercise);
    uint32_t key_min, key_max, most, least = ask_value_size_min(adapter, settings);
    bool is_map = adapter->kind == ADAPTER_MAP;
    ask_limits(adapter, geometry, settings, &key_min, &key_max, &most);
    uint32_t size = geometry->sector_size / (is_map ? 6 : 3);
    if (size > most) size = most;
    if (size < least) size = least;
    if (size == 0) size = 1;
    uint64_t rounds = (uint64_t)geometry->sector_count * (geometry->sector_size / size + 1);
    exercise->rounds = rounds < ROUNDS_MAX ? (uint32_t)rounds : ROUNDS_MAX;
    assert(size > 0 && exercise->rounds > 0 && exercise->rounds <= ROUNDS_MAX);
    exercise->values[0] = make_value(size, 1);
    exercise->values[1] = make_value(size, 101);
    if (is_map) {
        exercise->key = exercise_key(script, adapter, settings, 0);
        return exercise;
    }
    exercise->sized_max = most + 1;
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
