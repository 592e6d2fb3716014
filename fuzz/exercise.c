#include "fuzz/exercise.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/rig.h"

#define ROUNDS_MAX 64u
#define MEMORY_SLOTS 4096u
#define BALLAST_MAX 16u

/* What the fresh store could do, by model digest; direct-mapped. */
struct exercise_memory {
    struct rig *rig; /* the fresh store; NULL until it is asked */
    uint64_t digests[MEMORY_SLOTS];
    uint8_t answers[MEMORY_SLOTS]; /* 0 unknown, 1 can't, 2 can */
};

static struct value *make_value(uint32_t size, uint8_t seed)
{
    struct value *value = malloc(sizeof *value + size);
    if (!value) return NULL;
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

/* The n-th key, from 0, that the script does not use; NULL when there is none within the engine's
 * limits. */
static struct value *make_key(const struct script *script, uint32_t size_min, uint32_t size_max,
                              uint32_t n)
{
    uint32_t size = size_min > 1 ? size_min : 1;
    if (size > size_max) return NULL;
    for (unsigned first = 0xEE; first > 0; first--) {
        struct value *key = make_value(size, (uint8_t)first);
        if (!key || (!is_taken(script, key) && n-- == 0)) return key;
        free(key);
    }
    return NULL;
}

struct exercise *exercise_new(const struct script *script, const struct flash_geometry *geometry,
                              uint32_t key_size_min, uint32_t key_size_max, uint32_t value_size_max)
{
    struct exercise *exercise = calloc(1, sizeof *exercise);
    if (!exercise) return NULL;
    uint32_t size = geometry->sector_size / 6;
    if (size > value_size_max / 2) size = value_size_max / 2;
    if (size == 0) size = 1;
    uint64_t rounds = (uint64_t)geometry->sector_count * (geometry->sector_size / size + 1);
    exercise->rounds = rounds < ROUNDS_MAX ? (uint32_t)rounds : ROUNDS_MAX;
    exercise->key = make_key(script, key_size_min, key_size_max, 0);
    exercise->values[0] = make_value(size, 1);
    exercise->values[1] = make_value(size, 101);
    exercise->memory = calloc(1, sizeof *exercise->memory);
    if (exercise->values[0] && exercise->values[1] && exercise->memory) return exercise;
    exercise_free(exercise);
    return NULL;
}

void exercise_free(struct exercise *exercise)
{
    if (!exercise) return;
    if (exercise->memory) rig_free(exercise->memory->rig);
    free(exercise->memory);
    free(exercise->key);
    free(exercise->values[0]);
    free(exercise->values[1]);
    free(exercise);
}

static struct rig *fresh_rig(const struct rig *rig)
{
    struct rig *fresh = rig_new(rig->script, rig->adapter, &rig->settings);
    if (fresh) fresh->exercise->fresh = true;
    return fresh;
}

static const struct value *larger(const struct value *a, const struct value *b)
{
    return b && b->size > a->size ? b : a;
}

/* The allowance: for each sector that may hold data one more value, of the largest size. */
static bool store_ballast(struct rig *fresh, const struct model *model, const struct value *value)
{
    for (uint32_t key = 0; key < model->key_count; key++)
        value = larger(value, model->slots[key].allowed[0]);
    uint32_t sectors = chip_flash(fresh->chip)->geometry.sector_count;
    for (uint32_t n = 1; n < sectors && n <= BALLAST_MAX; n++) {
        struct value *key = make_key(fresh->script, fresh->key_size_min, fresh->key_size_max, n);
        bool stored = key && rig_store_unwatched(fresh, key, value);
        free(key);
        if (!stored) return false;
    }
    return true;
}

/* The fresh store, filled; NULL when it has no room or there is no memory. */
static struct rig *filled(struct rig *rig, const struct model *model, const struct value *value)
{
    struct exercise_memory *memory = rig->exercise->memory;
    if (!memory->rig) memory->rig = fresh_rig(rig);
    struct rig *fresh = memory->rig;
    if (!fresh) return NULL;
    fresh->finding.clause = CLAUSE_NONE;
    chip_reset(fresh->chip);
    bool fine = rig_start(fresh) && rig_fill(fresh, model);
    return fine && store_ballast(fresh, model, larger(rig->exercise->values[0], value)) ? fresh
                                                                                        : NULL;
}

bool exercise_must(struct rig *rig, const struct model *model)
{
    struct exercise_memory *memory = rig->exercise->memory;
    uint64_t digest = model->digest;
    size_t slot = (size_t)(digest % MEMORY_SLOTS);
    if (memory->answers[slot] && memory->digests[slot] == digest) return memory->answers[slot] == 2;
    rig_keep_ram(rig->levels[rig->level].ram);
    struct rig *fresh = filled(rig, model, NULL);
    bool can = fresh && rig_use(fresh, true);
    rig_restore_ram(rig->levels[rig->level].ram);
    memory->digests[slot] = digest;
    memory->answers[slot] = can ? 2 : 1;
    return can;
}

bool exercise_could(struct rig *rig, const struct op *op)
{
    enum answer answer = ANSWER_FULL;
    struct rig_level *level = &rig->levels[rig->level];
    rig_keep_ram(level->ram);
    struct rig *fresh = filled(rig, &level->model, op->value);
    bool could = fresh && rig_call(fresh, op, &answer) && answer == ANSWER_OK;
    rig_restore_ram(level->ram);
    return could;
}
