/* rest.c - see rest.h. The states of the way that is under way are a list, those of ways that ended
 * well a set. */
#include "fuzz/explore/rest.h"

#include <assert.h>
#include <stdlib.h>

#include "fuzz/explore/visited.h"
#include "fuzz/rig/rig_state.h"
#include "fuzz/script/mix.h"
#include "sim/memory.h"

struct rest {
    struct visited *clean;
    uint32_t kept;
    struct chip_hash *passed; /* by this way */
    uint32_t count, capacity;
    bool compares, may_end, known;
};

/* States that are kept: equal ones come soon after one another, and a small set is fast. */
#define KEPT_MAX (1u << 16)

struct rest *rest_new(void)
{
    struct rest *rest = memory_zeroed(1, sizeof *rest);
    rest->clean = visited_new();
    return rest;
}

void rest_free(struct rest *rest)
{
    visited_free(rest->clean);
    free(rest->passed);
    free(rest);
}

void rest_clear(struct rest *rest)
{
    assert(!rest->compares && "no group begins on a way");
    visited_clear(rest->clean);
    rest->kept = 0;
}

void rest_begin(struct rest *rest, const struct rig *rig, bool ends)
{
    rest->count = 0;
    rest->known = false;
    rest->compares = ends;
    rest->may_end = (chip_hash(rig->chip).low >> 9) % REST_EVERY != 0;
}

static void pass(struct rest *rest, struct chip_hash state)
{
    if (rest->count == rest->capacity) {
        rest->capacity = rest->capacity ? 2 * rest->capacity : 64;
        rest->passed = memory_resize(rest->passed, rest->capacity, sizeof *rest->passed);
    }
    assert(rest->count < rest->capacity);
    rest->passed[rest->count++] = state;
}

bool rest_is_known(struct rest *rest, const struct rig *rig, uint64_t todo)
{
    struct chip_hash state;
    if (!rest->compares) return false;
    assert(!rest->known && "a way ends where its rest is known");
    if (!rig_state(rig, &state)) return false;
    state.low += mix_word(todo + MIX_STEP);
    state.high ^= mix_word(todo + 2 * MIX_STEP);
    rest->known = rest->may_end && visited_has(rest->clean, state);
    if (!rest->known) pass(rest, state);
    return rest->known;
}

bool rest_end(struct rest *rest, bool fine)
{
    bool clean = fine || rest->known;
    rest->compares = false;
    if (!clean) return false;
    if (rest->kept + rest->count > KEPT_MAX) rest_clear(rest);
    for (uint32_t i = 0; i < rest->count; i++)
        visited_before(rest->clean, rest->passed[i]);
    rest->kept += rest->count;
    return true;
}
