/* rig_map.c - maps: values under keys. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/exercise.h"
#include "fuzz/model/keys.h"
#include "fuzz/rig/rig_internal.h"

/* --- making and freeing --- */

/* The script's keys, then the harness's own. */
static void make(struct rig *rig)
{
    uint32_t count = rig->script->key_count + (rig->exercise->key ? 1 : 0);
    rig->keys = keys_new(count);
    rig->buffer = memory_new((size_t)rig->value_size_max + 1);
    rig->seen = memory_new(count);
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++) {
        struct rig_level *level = &rig->levels[i];
        model_init(&level->model, count, rig->widened);
        model_init(&level->before, count, rig->widened);
    }
    for (uint32_t i = 0; i < rig->script->key_count; i++)
        keys_add(rig->keys, rig->script->keys[i]);
    if (rig->exercise->key) keys_add(rig->keys, rig->exercise->key);
}

static void free_keys(struct rig *rig)
{
    keys_free(rig->keys);
    free(rig->seen);
}

/* --- operations --- */

static const char *key_text(const struct rig *rig, uint32_t key, char text[RIG_TEXT_MAX])
{
    const struct value *bytes = keys_at(rig->keys, key);
    return rig_bytes_text(bytes->bytes, bytes->size, text);
}

static const char *slot_text(const struct model_slot *slot, char text[3 * RIG_TEXT_MAX])
{
    char one[RIG_TEXT_MAX];
    int length = 0;
    for (uint32_t i = 0; i < slot->count; i++)
        length += snprintf(text + length, (size_t)(3 * RIG_TEXT_MAX - length), "%s%s",
                           i ? " or " : "", rig_value_text(slot->allowed[i], one));
    return text;
}

static enum answer fetch_from(struct rig *rig, void *object, const struct value *key,
                              uint32_t *size)
{
    *size = 0;
    return rig->adapter->map->fetch(object, key->bytes, key->size, rig->buffer, rig->value_size_max,
                                    size);
}

static enum answer fetch_into_buffer(struct rig *rig, const struct value *key, uint32_t *size)
{
    return fetch_from(rig, rig_here(rig)->object, key, size);
}

/* Only what was hit may be damaged: where a value may not be missing, no program of it fell into
 * the sector that rotted. */
static bool may_be_damaged(const struct rig *rig, const struct model_slot *slot)
{
    return rig->rotten && slot->count > 1;
}

/* One key, fetched and compared with the model, whose sets all have one member now. */
static bool check_fetch(struct rig *rig, uint32_t key, enum clause clause)
{
    uint32_t size;
    char k[RIG_TEXT_MAX], want[3 * RIG_TEXT_MAX];
    const struct model_slot *slot = &rig_here(rig)->model.slots[key];
    rig_before(rig, ADAPTER_CALL_FETCH);
    enum answer answer = fetch_into_buffer(rig, keys_at(rig->keys, key), &size);
    if (!rig_after(rig, ADAPTER_CALL_FETCH, answer)) return false;
    if (rig_is_off(rig)) return true;
    if (answer == ANSWER_DAMAGED && may_be_damaged(rig, slot)) return true;
    if (answer != ANSWER_OK && answer != ANSWER_NOT_FOUND)
        return rig_finds(rig, clause, "fetch %s answers: %s", key_text(rig, key, k),
                         rig_answer_name(answer));
    bool absent = answer == ANSWER_NOT_FOUND;
    if (size > rig->value_size_max) size = rig->value_size_max;
    if (model_match(&rig_here(rig)->model, key, absent, rig->buffer, size) >= 0) return true;
    char got[RIG_TEXT_MAX] = "absent";
    if (!absent) rig_bytes_text(rig->buffer, size, got);
    return rig_finds(rig, clause, "%s: expected %s, fetched %s", key_text(rig, key, k),
                     slot_text(slot, want), got);
}

static enum answer fetch_short(struct rig *rig, const void *context, void *buffer,
                               uint32_t capacity, uint32_t *size)
{
    const struct value *key = context;
    return rig->adapter->map->fetch(rig_here(rig)->object, key->bytes, key->size, buffer, capacity,
                                    size);
}

/* A fetch of the script, and again with a buffer that is too short. */
static bool check_fetch_twice(struct rig *rig, uint32_t key)
{
    const struct model_slot *slot = &rig_here(rig)->model.slots[key];
    if (!check_fetch(rig, key, CLAUSE_DURABLE)) return false;
    if (rig_is_off(rig) || rig->rotten || slot->count != 1) return true;
    return rig_short(rig, ADAPTER_CALL_FETCH, slot->allowed[0], rig->buffer, fetch_short,
                     keys_at(rig->keys, key));
}

static enum adapter_call call_of(enum op_kind kind)
{
    switch (kind) {
    case OP_STORE:
        return ADAPTER_CALL_STORE;
    case OP_REMOVE:
        return ADAPTER_CALL_REMOVE;
    case OP_CLEAR:
        return ADAPTER_CALL_CLEAR;
    default:
        return ADAPTER_CALL_FETCH;
    }
}

static enum answer change(struct rig *rig, const struct op *op)
{
    const struct adapter_map *map = rig->adapter->map;
    void *object = rig_here(rig)->object;
    const struct value *key = op->kind == OP_CLEAR ? NULL : keys_at(rig->keys, op->key);
    switch (op->kind) {
    case OP_STORE:
        return map->store(object, key->bytes, key->size, op->value->bytes, op->value->size);
    case OP_REMOVE:
        return map->remove ? map->remove(object, key->bytes, key->size) : ANSWER_UNSUPPORTED;
    default:
        return map->clear ? map->clear(object) : ANSWER_UNSUPPORTED;
    }
}

/* Whether an engine that promises it refused to change a value that is there for want of room. */
static bool breaks_promise(struct rig *rig, const struct op *op, enum answer answer)
{
    bool promised = rig->adapter->promised & ADAPTER_FULL_CHANGES;
    if (!promised || answer != ANSWER_FULL || op->kind == OP_CLEAR) return false;
    const struct model_slot *slot = &rig_model(rig)->slots[op->key];
    if (slot->count != 1 || !slot->allowed[0]) return false;
    return op->kind == OP_REMOVE || op->value->size <= slot->allowed[0]->size;
}

/* A call that fails changes nothing (clean): looked at in the key that was to change. */
static bool check_failed(struct rig *rig, const struct op *op, enum answer answer)
{
    char k[RIG_TEXT_MAX];
    model_abort(&rig_here(rig)->model, op, &rig_here(rig)->before);
    if (answer != ANSWER_NOT_FOUND) rig_refused(rig, op, answer);
    if (breaks_promise(rig, op, answer))
        return rig_finds(rig, CLAUSE_ALIVE, "a full store refuses to %s %s",
                         op->kind == OP_REMOVE ? "remove" : "replace", key_text(rig, op->key, k));
    if (op->kind == OP_REMOVE && answer == ANSWER_NOT_FOUND) {
        if (model_match(rig_model(rig), op->key, true, NULL, 0) >= 0) return true;
        return rig_finds(rig, CLAUSE_DURABLE, "remove does not find %s", key_text(rig, op->key, k));
    }
    return op->kind == OP_CLEAR || check_fetch(rig, op->key, CLAUSE_CLEAN);
}

static bool call_change(struct rig *rig, const struct op *op, enum answer *answer)
{
    struct rig_level *level = rig_here(rig);
    model_begin(&level->model, op, &level->before);
    rig_before(rig, call_of(op->kind));
    *answer = change(rig, op);
    if (!rig_after(rig, call_of(op->kind), *answer)) return false;
    if (rig_is_off(rig)) return true;
    if (*answer != ANSWER_OK) return check_failed(rig, op, *answer);
    model_commit(&level->model, op);
    if (op->kind != OP_STORE || op->value->size <= rig->value_size_max) return true;
    return rig_finds(rig, CLAUSE_SANE, "took a value of %" PRIu32 " bytes, limits() says %" PRIu32,
                     op->value->size, rig->value_size_max);
}

/* The scenario's own word. Where it contradicts the scenario's own operations and power was never
 * cut, the scenario is wrong, or the engine refused what it was asked. */
static bool check_expectation(struct rig *rig, const struct op *op)
{
    char k[RIG_TEXT_MAX], want[RIG_TEXT_MAX], have[3 * RIG_TEXT_MAX], why[RIG_REFUSAL_MAX];
    const struct value *value = op->value;
    int member = model_match(&rig_here(rig)->model, op->key, !value, value ? value->bytes : NULL,
                             value ? value->size : 0);
    if (member >= 0 || rig->level > 0 || rig->interrupted)
        return check_fetch(rig, op->key, CLAUSE_DURABLE);
    rig_print_refusal(rig, why);
    return rig_finds(rig, CLAUSE_SCENARIO, "%s is expected of %s, which is %s here%s%s",
                     rig_value_text(value, want), key_text(rig, op->key, k),
                     slot_text(&rig_here(rig)->model.slots[op->key], have), *why ? "; " : "", why);
}

static bool call(struct rig *rig, const struct op *op, enum answer *answer)
{
    switch (op->kind) {
    case OP_STORE:
    case OP_REMOVE:
    case OP_CLEAR:
        return call_change(rig, op, answer);
    case OP_FETCH:
        return check_fetch_twice(rig, op->key);
    case OP_EXPECT:
        return check_expectation(rig, op);
    default:
        return rig_misfits(rig, op);
    }
}

/* --- looking --- */

#define SEEN_ABSENT (-1)
#define SEEN_OTHER (-2)   /* a value that the model does not allow */
#define SEEN_DAMAGED (-3) /* counts as absent */

static void visit(void *context, const void *key, uint32_t key_size, const void *value,
                  uint32_t value_size)
{
    struct rig *rig = context;
    uint32_t index = keys_find(rig->keys, key, key_size);
    if (index == KEYS_NONE) {
        rig->aliens++;
        return;
    }
    if (!value && value_size == ADAPTER_DAMAGED) {
        rig->seen[index] = SEEN_DAMAGED;
        return;
    }
    int member = model_match(&rig_here(rig)->model, index, false, value, value_size);
    rig->seen[index] = (int8_t)(member < 0 ? SEEN_OTHER : member);
}

/* Which clause a wrong value breaks: of a key in flight it is half an operation; of another one
 * that should be absent it came back; else what was acknowledged is lost. */
static enum clause clause_of(const struct rig *rig, const struct model_slot *slot)
{
    if (rig->rotten) return CLAUSE_HONEST;
    if (slot->count > 1) return CLAUSE_ATOMIC;
    return slot->allowed[0] ? CLAUSE_DURABLE : CLAUSE_SETTLED;
}

static bool differs(struct rig *rig, uint32_t key, int seen)
{
    const struct model_slot *slot = &rig_here(rig)->model.slots[key];
    char k[RIG_TEXT_MAX], want[3 * RIG_TEXT_MAX], got[RIG_TEXT_MAX] = "absent";
    uint32_t size;
    if (seen == SEEN_DAMAGED) {
        snprintf(got, sizeof got, "damaged");
    } else if (seen != SEEN_ABSENT) {
        snprintf(got, sizeof got, "another value");
        if (fetch_into_buffer(rig, keys_at(rig->keys, key), &size) == ANSWER_OK &&
            size <= rig->value_size_max)
            rig_bytes_text(rig->buffer, size, got);
    }
    return rig_finds(rig, clause_of(rig, slot), "%s: expected %s, read %s", key_text(rig, key, k),
                     slot_text(slot, want), got);
}

/* Picks a member of each set; false at the first key that has none. */
static bool settle(struct rig *rig)
{
    struct model *model = &rig_here(rig)->model;
    bool old = false, cleared = false;
    for (uint32_t key = 0; key < model->key_count; key++) {
        int seen = rig->seen[key];
        bool absent = seen == SEEN_ABSENT || seen == SEEN_DAMAGED;
        int member = absent ? model_match(model, key, true, NULL, 0) : seen;
        if (member < 0) return differs(rig, key, seen);
        if (model->slots[key].count == 1) continue;
        if (absent)
            cleared = true;
        else
            old = true;
        model_settle(model, key, member);
    }
    bool half = model->together && old && cleared;
    model->together = false;
    return !half || rig_finds(rig, CLAUSE_ATOMIC, "a clear was cut and stopped half way");
}

/* Iterating stopped at damage: what was not hit must be there all the same. */
static bool check_untouched(struct rig *rig)
{
    const struct model *model = rig_model(rig);
    for (uint32_t key = 0; key < model->key_count && !rig_is_off(rig); key++) {
        if (model->slots[key].count == 1 && !check_fetch(rig, key, CLAUSE_HONEST)) return false;
    }
    return true;
}

/* An engine that can't show all its values is asked for each key that there may be. */
static bool fetch_all(struct rig *rig, void *object, enum answer *answer)
{
    for (uint32_t key = 0; key < rig_here(rig)->model.key_count && !rig_is_off(rig); key++) {
        const struct value *bytes = keys_at(rig->keys, key);
        uint32_t size;
        rig_before(rig, ADAPTER_CALL_FETCH);
        *answer = fetch_from(rig, object, bytes, &size);
        if (!rig_after(rig, ADAPTER_CALL_FETCH, *answer)) return false;
        if (*answer == ANSWER_NOT_FOUND || (*answer == ANSWER_DAMAGED && rig->rotten)) continue;
        if (*answer != ANSWER_OK) return true;
        if (size > rig->value_size_max) size = rig->value_size_max;
        visit(rig, bytes->bytes, bytes->size, rig->buffer, size);
    }
    *answer = ANSWER_OK;
    return true;
}

static bool visit_all(struct rig *rig, void *object, enum answer *answer)
{
    if (!rig->adapter->map->each) return fetch_all(rig, object, answer);
    rig_before(rig, ADAPTER_CALL_EACH);
    *answer = rig->adapter->map->each(object, visit, rig);
    return rig_after(rig, ADAPTER_CALL_EACH, *answer);
}

static bool look(struct rig *rig, void *object, bool powered_on)
{
    enum answer answer = ANSWER_OK;
    (void)powered_on;
    memset(rig->seen, SEEN_ABSENT & 0xFF, rig_here(rig)->model.key_count);
    rig->aliens = 0;
    if (!visit_all(rig, object, &answer)) return false;
    if (rig_is_off(rig)) return true;
    if (answer == ANSWER_DAMAGED && rig->rotten)
        return object != rig_object(rig) || check_untouched(rig);
    if (answer != ANSWER_OK)
        return rig_finds(rig, CLAUSE_DURABLE, "reading back answers: %s", rig_answer_name(answer));
    if (rig->aliens)
        return rig_finds(rig, CLAUSE_HONEST, "a key came back that nobody ever stored");
    return settle(rig);
}

/* Fetches beside the look: both ways to a value must agree. One key, another each time, or all. */
static bool agree(struct rig *rig)
{
    const struct model *model = &rig_here(rig)->model;
    if (model->key_count == 0) return true;
    uint32_t first = rig->thorough ? 0 : (uint32_t)(model_digest(model) % model->key_count);
    uint32_t end = rig->thorough ? model->key_count : first + 1;
    for (uint32_t key = first; key < end && !rig_is_off(rig); key++) {
        if (!check_fetch(rig, key, CLAUSE_SETTLED)) return false;
    }
    return true;
}

/* --- use --- */

static bool use_store(struct rig *rig, const struct value *value, bool must, bool *full)
{
    enum answer answer;
    struct op op = {.kind = OP_STORE, .key = rig->script->key_count, .value = value};
    if (!rig_call(rig, &op, &answer)) return false;
    *full = answer != ANSWER_OK;
    if (!*full || !must || rig_is_off(rig)) return true;
    return rig_finds(rig, CLAUSE_ALIVE, "a store that a fresh engine would do answers: %s",
                     rig_answer_name(answer));
}

static bool exercise_for(struct rig *rig, bool must, uint32_t rounds)
{
    const struct exercise *exercise = rig->exercise;
    bool full = false;
    for (uint32_t i = 0; exercise->key && i < rounds && !full; i++) {
        if (!use_store(rig, exercise->values[i % 2], must, &full)) return false;
        if (rig_is_off(rig)) return true;
        if (rig->thorough && !look(rig, rig_here(rig)->object, false)) return false;
    }
    return true;
}

static bool exercise_store(struct rig *rig, bool must)
{
    return exercise_for(rig, must, rig->exercise->rounds);
}

/* Every other image is used all the way round; the rest end where the image says, so that what a
 * later power-on finds is not the same place of the round each time. */
static uint32_t rounds_of(const struct rig *rig)
{
    uint64_t image = chip_hash(rig->chip).high;
    uint32_t all = rig->exercise->rounds;
    return image & 1 ? all : 1 + (uint32_t)((image >> 1) % all);
}

static bool use(struct rig *rig, bool must)
{
    struct op remove = {.kind = OP_REMOVE, .key = rig->script->key_count};
    if (!exercise_for(rig, must, rounds_of(rig))) return false;
    if (rig_is_off(rig)) return true;
    if (rig->exercise->key) {
        if (!check_fetch(rig, remove.key, CLAUSE_DURABLE)) return false;
        if (rig_is_off(rig)) return true;
        if (rig->adapter->map->remove && !rig_call(rig, &remove, NULL)) return false;
    }
    return rig_is_off(rig) || look(rig, rig_here(rig)->object, false);
}

static bool fill(struct rig *rig, const struct model *content)
{
    for (uint32_t key = 0; key < rig->script->key_count; key++) {
        enum answer answer;
        struct op op = {.kind = OP_STORE, .key = key, .value = content->slots[key].allowed[0]};
        if (!op.value) continue;
        if (!rig_call(rig, &op, &answer) || answer != ANSWER_OK) return false;
    }
    return true;
}

const struct rig_kind rig_map = {.make = make,
                                 .free = free_keys,
                                 .call = call,
                                 .look = look,
                                 .exercise = exercise_store,
                                 .use = use,
                                 .fill = fill,
                                 .agree = agree};
