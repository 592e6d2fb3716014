/* rig_hand.c - the bytes of the caller that a call gets: a key, a value, an item.
 *
 * They are the caller's, and no call may write into them (adapter.h). The harness needs its own as
 * they are: the model, the text of the case and every later operation have them. So a call gets a
 * copy, of each level its own, as a call may be cut and go on when the levels above it are done.
 * After the call the copy must still have the same bytes.
 */
#include "fuzz/rig/rig_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Of all that is ever handed to a call: what the script has, which may be too large for the engine,
 * and what the harness makes, up to one byte more than the engine takes. */
static uint32_t room_of(const struct rig *rig)
{
    const struct script *script = rig->script;
    uint32_t room = larger(rig->key_size_max, rig->value_size_max);
    assert(room < UINT32_MAX);
    for (uint32_t i = 0; i < script->key_count; i++)
        room = larger(room, script->keys[i]->size);
    for (uint32_t i = 0; i < script->op_count; i++) {
        if (script->ops[i].value) room = larger(room, script->ops[i].value->size);
    }
    return room + 1;
}

void rig_hand_make(struct rig *rig)
{
    rig->handed_room = room_of(rig);
    rig->handed = memory_new(CONTRACT_LEVELS * RIG_HANDS * (size_t)rig->handed_room);
}

static uint8_t *copy_of(const struct rig *rig, uint32_t as)
{
    assert(as < RIG_HANDS);
    return rig->handed + (rig->level * RIG_HANDS + as) * (size_t)rig->handed_room;
}

const void *rig_hand(struct rig *rig, enum rig_hand as, const struct value *value)
{
    assert(value->size <= rig->handed_room && "room_of() knows of it");
    rig_here(rig)->handed[as] = value;
    if (value->size) memcpy(copy_of(rig, as), value->bytes, value->size);
    return copy_of(rig, as);
}

void rig_hand_nothing(struct rig *rig)
{
    for (uint32_t i = 0; i < RIG_HANDS; i++)
        rig_here(rig)->handed[i] = NULL;
}

bool rig_hand_is_whole(struct rig *rig, enum adapter_call call)
{
    static const char *const names[RIG_HANDS] = {[RIG_KEY] = "key", [RIG_VALUE] = "value"};
    for (uint32_t i = 0; i < RIG_HANDS; i++) {
        const struct value *value = rig_here(rig)->handed[i];
        if (!value || value->size == 0) continue;
        if (memcmp(copy_of(rig, i), value->bytes, value->size) == 0) continue;
        return rig_finds(rig, CLAUSE_SANE, SEEN_OTHER,
                         "%s writes into the %s of %" PRIu32 " bytes that it is given",
                         adapter_call_name(call), names[i], value->size);
    }
    return true;
}
