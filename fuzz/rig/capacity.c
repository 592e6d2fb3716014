/* capacity.c - asks a fresh store what the crashed one must be able to do.
 *
 * The fresh store is one rig, made when it is first needed and reset for each question: blank chip,
 * format, mount, the values that the asking rig's model allows, the allowance (capacity.h), and
 * then the exercise or the operation itself. What a map of one content can do is remembered by the
 * digest of the model. The exercise of a queue or a log does not depend on its content, so it is
 * measured once. Where the model is not decided there is no one content, and nothing is asked.
 */
#include "fuzz/rig/capacity.h"

#include <assert.h>
#include <stdlib.h>

#include "fuzz/rig/exercise.h"
#include "fuzz/model/keys.h"
#include "sim/memory.h"

#define MEMORY_SLOTS 4096u
#define BALLAST_MAX 16u

struct capacity {
    struct rig *asks;               /* the rig that wants to know */
    struct rig *store;              /* the fresh store; NULL until something is asked */
    bool measured;                  /* of a queue or a log: its exercise has been tried out */
    uint64_t digests[MEMORY_SLOTS]; /* what it could do before, by model digest; direct-mapped */
    uint8_t answers[MEMORY_SLOTS];  /* 0 unknown, 1 can't, 2 can */
};

struct capacity *capacity_new(struct rig *rig)
{
    struct capacity *capacity = memory_zeroed(1, sizeof *capacity);
    capacity->asks = rig;
    return capacity;
}

void capacity_free(struct capacity *capacity)
{
    if (capacity) rig_free(capacity->store);
    free(capacity);
}

static bool is_map(const struct capacity *capacity)
{
    return capacity->asks->adapter->kind == ADAPTER_MAP;
}

static const struct value *larger(const struct value *a, const struct value *b)
{
    return b && b->size > a->size ? b : a;
}

/* Whether all keys that hold something, and all values, are of one size, `op`'s too. */
static bool is_uniform(const struct rig *rig, const struct model *model, const struct op *op)
{
    assert(op->kind == OP_STORE && op->value && op->key < model->key_count);
    uint32_t key_size = keys_at(rig->keys, op->key)->size;
    for (uint32_t key = 0; key < model->key_count; key++) {
        const struct value *value = model->slots[key].allowed[0];
        if (!value) continue;
        if (value->size != op->value->size || keys_at(rig->keys, key)->size != key_size)
            return false;
    }
    return true;
}

/* The allowance: for each sector that may hold data one more value, of the largest size. */
static bool store_ballast(struct rig *store, const struct model *model, const struct value *value)
{
    for (uint32_t key = 0; key < model->key_count; key++)
        value = larger(value, model->slots[key].allowed[0]);
    uint32_t sectors = chip_flash(store->chip)->geometry.sector_count;
    for (uint32_t n = 1; n < sectors && n <= BALLAST_MAX; n++) {
        struct value *key = exercise_key(store->script, store->adapter, &store->settings, n);
        bool stored = key && rig_store_unwatched(store, key, value);
        free(key);
        if (!stored) return false;
    }
    return true;
}

/* It obeys the rules that the other does, and wears nothing out. */
static void make_store(struct capacity *capacity)
{
    const struct rig *asks = capacity->asks;
    assert(!capacity->store);
    capacity->store = rig_new(asks->script, asks->adapter, &asks->settings);
    rig_set_faults(capacity->store, asks->faults & ~(uint32_t)FAULT_ROT);
}

/* A blank store, powered on. */
static bool start(struct capacity *capacity)
{
    const struct rig *asks = capacity->asks;
    assert(capacity->store != asks); /* it would format what it is asked about */
    if (!capacity->store) make_store(capacity);
    struct rig *store = capacity->store;
    assert(store->level == 0 && "a finding ends a rehearsal, not a level");
    store->finding.clause = CLAUSE_NONE;
    chip_reset(store->chip);
    return rig_start(store);
}

/* The transaction that the operation is part of, up to it: what is open, or a commit has just been
 * refused. */
static bool begin_again(struct capacity *capacity, const struct op *op)
{
    const struct model_open *open = &rig_model(capacity->asks)->open;
    enum answer answer;
    if (open->transaction != TRANSACTION_OPEN && op->kind != OP_COMMIT) return true;
    if (!rig_call(capacity->store, &(struct op){.kind = OP_BEGIN}, &answer) || answer != ANSWER_OK)
        return false;
    assert(capacity->store && is_map(capacity));
    for (uint32_t i = 0; i < open->change_count; i++) {
        const struct model_change *change = &open->changes[i];
        struct op made = {.kind = change->value ? OP_STORE : OP_REMOVE,
                          .key = change->key,
                          .value = change->value};
        if (!rig_call(capacity->store, &made, &answer) || !rig_worked(&made, answer)) return false;
    }
    return true;
}

/* Makes the fresh store hold what the rig's does. `op` is what it shall be asked to do; NULL: the
 * exercise. */
static bool fill_map(struct capacity *capacity, const struct op *op)
{
    struct rig *asks = capacity->asks;
    const struct model *model = rig_model(asks);
    assert(model_is_decided(model));
    if (!start(capacity) || !rig_fill(capacity->store, model)) return false;
    bool plain = model->open.transaction != TRANSACTION_OPEN;
    if (op && op->kind == OP_STORE && plain && is_uniform(asks, model, op)) return true;
    const struct value *largest = capacity->store->exercise->values[0];
    return store_ballast(capacity->store, model, larger(largest, op ? op->value : largest)) &&
           (!op || begin_again(capacity, op));
}

/* What is refused on a full queue: a push, and what brings items from RAM to flash. An append makes
 * room itself. */
static bool needs_room(enum op_kind kind)
{
    return kind == OP_PUSH || kind == OP_SYNC || kind == OP_SEAL || kind == OP_IDLE;
}

/* The same of a queue. Items that were popped keep their room until their sector is empty, and a
 * cut wastes some, so for each sector there is ballast that fills a third of it, for one sector two
 * thirds more, and as much as what was cut would fill. Items taken out of their order may leave
 * room anywhere: nothing is known then. */
static bool fill_list(struct capacity *capacity, const struct op *op)
{
    struct rig *asks = capacity->asks;
    const struct script *script = asks->script;
    for (uint32_t i = 0; i < asks->levels[asks->level].reached; i++) {
        if (script->ops[i].kind == OP_POP && script->ops[i].count) return false;
    }
    if (!start(capacity)) return false;
    if (!needs_room(op->kind)) return true;
    struct rig *store = capacity->store;
    if (!rig_fill(store, rig_model(asks))) return false;
    struct op push = {.kind = OP_PUSH, .value = store->exercise->values[0]};
    const struct bo_flash_geometry *geometry = &chip_flash(store->chip)->geometry;
    uint64_t third = geometry->sector_size / 3 / push.value->size; /* where items are small */
    uint64_t ballast = (geometry->sector_count + 2u) * (third ? third : 1);
    ballast += (rig_model(asks)->list.wasted + push.value->size - 1) / push.value->size;
    for (uint64_t i = 0; i < ballast; i++) {
        enum answer answer;
        if (!rig_call(store, &push, &answer) || answer != ANSWER_OK) return false;
    }
    return true;
}

static bool measure(struct capacity *capacity)
{
    struct exercise *exercise = capacity->asks->exercise;
    if (!capacity->measured && (!start(capacity) || !rig_measure(capacity->store, exercise)))
        exercise->need = 0;
    capacity->measured = true;
    return exercise->need != 0;
}

/* A snapshot holds room that a fresh store has, and some designs have no room to count on. */
static bool is_unlike(const struct capacity *capacity)
{
    struct rig *asks = capacity->asks;
    bool varies = asks->widened & ADAPTER_ROOM_VARIES;
    return is_map(capacity) && (varies || model_open_any_snapshot(&rig_model(asks)->open));
}

static bool can_use(struct capacity *capacity)
{
    if (!model_is_decided(rig_model(capacity->asks)) || is_unlike(capacity)) return false;
    uint64_t digest = model_digest(rig_model(capacity->asks));
    size_t slot = (size_t)(digest % MEMORY_SLOTS);
    if (is_map(capacity) && capacity->answers[slot] && capacity->digests[slot] == digest)
        return capacity->answers[slot] == 2;
    if (!is_map(capacity) && capacity->measured) return capacity->asks->exercise->need != 0;
    rig_lend_ram(capacity->asks);
    bool can = is_map(capacity) ? fill_map(capacity, NULL) && rig_exercise(capacity->store, true)
                                : measure(capacity);
    rig_take_ram(capacity->asks);
    capacity->digests[slot] = digest;
    capacity->answers[slot] = can ? 2 : 1;
    return can;
}

/* What was hit, by rot or a stray, takes room that a fresh store has. How a queue or a log is
 * exercised is found out all the same. */
bool capacity_can_use(struct capacity *capacity)
{
    bool rotten = capacity->asks->rotten;
    if (rotten && is_map(capacity)) return false;
    return can_use(capacity) && !rotten;
}

bool capacity_can_do(struct capacity *capacity, const struct op *op)
{
    if (capacity->asks->rotten) return false;
    if (!model_is_decided(rig_model(capacity->asks)) || is_unlike(capacity)) return false;
    enum answer answer = ANSWER_FULL;
    rig_lend_ram(capacity->asks);
    bool can = (is_map(capacity) ? fill_map(capacity, op) : fill_list(capacity, op)) &&
               rig_call(capacity->store, op, &answer);
    rig_take_ram(capacity->asks);
    return can && answer == ANSWER_OK;
}

static bool takes(struct rig *store)
{
    const struct exercise *exercise = store->exercise;
    if (store->adapter->kind == ADAPTER_MAP)
        return !exercise->key || rig_store_unwatched(store, exercise->key, exercise->values[0]);
    struct op put = {.kind = OP_PUSH, .value = exercise->values[0]};
    enum answer answer;
    if (rig_call(store, &put, &answer) && answer == ANSWER_OK) return true;
    put.kind = OP_APPEND;
    return rig_call(store, &put, &answer) && answer == ANSWER_OK;
}

bool capacity_takes(struct capacity *capacity)
{
    rig_lend_ram(capacity->asks);
    bool any = start(capacity) && takes(capacity->store);
    rig_take_ram(capacity->asks);
    return any;
}
