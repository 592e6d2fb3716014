/* rig_state.c - see rig_state.h. The chip's own hash has its bytes, counts of programs and flaws;
 * the model's state (model_state()) what the contract allows and where items lie; here they come
 * together with the bytes of the object and the few things that the rig itself remembers. */
#include "fuzz/rig/rig_state.h"

#include <assert.h>
#include <string.h>

#include "fuzz/script/mix.h"
#include "sim/hash.h"

/* A sum with a share for each 16 bytes and their place: no share waits for the one before it. */
static uint64_t digest_bytes(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t sum = size, place = MIX_STEP, two[2];
    for (; size >= sizeof two; size -= sizeof two, at += sizeof two) {
        memcpy(two, at, sizeof two);
        sum += hash_fold(two[0] ^ place, two[1] ^ ~place);
        place += MIX_STEP;
    }
    memset(two, 0, sizeof two);
    if (size) memcpy(two, at, size);
    return sum + hash_fold(two[0] ^ place, two[1] ^ ~place);
}

static bool is_comparable(const struct rig *rig)
{
    return !rig->adapter->has_globals && !rig->rotten && !rig->levels[rig->level].doubted &&
           !(rig->faults & FAULT_ROT) && !chip_unstable(rig->chip);
}

bool rig_state(const struct rig *rig, struct chip_hash *state)
{
    const struct rig_level *here = &rig->levels[rig->level];
    uint64_t known[] = {0, 0, rig->level, here->reached, here->keys_reached, rig->interrupted};
    assert(chip_powered(rig->chip) && rig->finding.clause == CLAUSE_NONE);
    if (!is_comparable(rig) || !model_state(&here->model, rig->chip, &known[0])) return false;
    known[1] = digest_bytes(here->object, rig->object_size);
    *state = chip_hash(rig->chip);
    uint64_t sum = digest_bytes(known, sizeof known);
    state->low ^= mix_word(sum);
    state->high += mix_word(sum + MIX_STEP);
    return true;
}
