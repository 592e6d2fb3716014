/* model.c - see model.h.
 *
 * A set of at most three values stands for a key. begin() adds the outcome of the operation,
 * commit() leaves nothing but it, abort() puts back what was there. After a cut neither is called:
 * both outcomes stay, until a look picks one.
 *
 * The digest of all sets is a sum with one share for each key, so that a change costs one share
 * taken away and one put in. The explorer skips a crash state whose image and digest were visited.
 *
 * A commit, or a clear that may not stop half way, makes the keys depend on one another, which sets
 * for single keys cannot say. So each member has a mask of worlds. begin() doubles the worlds: in
 * the upper half the keys that it changes have their new values, in the lower half the ones that
 * they had. What is the same in both has MODEL_EVERYWHERE, so that a commit over one world touches
 * its own keys alone. Where power comes back without a look the worlds stay, and the next commit
 * doubles them again.
 */
#include "fuzz/model/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/mix.h"
#include "sim/memory.h"

/* A sum over the members, so that their order does not matter. */
static uint64_t slot_digest(uint32_t key, const struct model_slot *slot)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < slot->count; i++) {
        const struct value *value = slot->allowed[i];
        uint64_t member = value ? value->digest ^ mix_word(value->size + 1u) : 0;
        if (slot->worlds[i] != MODEL_EVERYWHERE) member ^= mix_word(slot->worlds[i] + 1u);
        sum += mix_word(member + (uint64_t)(key + 1u) * MIX_STEP);
    }
    return sum;
}

static void set_slot(struct model *model, uint32_t key, const struct model_slot *slot)
{
    assert(key < model->key_count && slot->count >= 1 && slot->count <= MODEL_ALLOWED_MAX);
    model->digest -= slot_digest(key, &model->slots[key]);
    model->slots[key] = *slot;
    model->digest += slot_digest(key, slot);
}

static void set_only(struct model *model, uint32_t key, const struct value *value)
{
    struct model_slot slot = {.allowed = {value},
                              .count = 1,
                              .worlds = {MODEL_EVERYWHERE},
                              .since = model->slots[key].since};
    set_slot(model, key, &slot);
}

void model_init(struct model *model, uint32_t key_count, uint32_t widened)
{
    *model = (struct model){
        .kind = ADAPTER_MAP, .key_count = key_count, .widened = widened, .worlds = 1};
    model_open_init(&model->open, key_count);
    model->slots = memory_zeroed(key_count, sizeof *model->slots);
    for (uint32_t key = 0; key < key_count; key++) {
        model->slots[key].count = 1;
        model->slots[key].worlds[0] = MODEL_EVERYWHERE;
        model->digest += slot_digest(key, &model->slots[key]);
    }
}

void model_init_list(struct model *model, const struct model_design *design)
{
    *model = (struct model){.kind = design->numbered ? ADAPTER_LOG : ADAPTER_QUEUE, .worlds = 1};
    model_list_init(&model->list, design);
}

void model_reset(struct model *model)
{
    model_lose_ram(model);
    model->gone.count = 0;
    if (model_is_map(model))
        model_commit(model, &(struct op){.kind = OP_CLEAR});
    else
        model_list_reset(&model->list);
}

void model_free(struct model *model)
{
    model_list_free(&model->list);
    model_open_free(&model->open);
    free(model->slots);
    model->slots = NULL;
}

void model_copy(struct model *to, const struct model *from)
{
    assert(to->key_count == from->key_count);
    to->formatting = from->formatting;
    if (!model_is_map(from)) {
        model_list_copy(&to->list, &from->list);
        return;
    }
    memcpy(to->slots, from->slots, from->key_count * sizeof *from->slots);
    to->digest = from->digest;
    to->widened = from->widened;
    to->worlds = from->worlds;
    to->doubled = from->doubled;
    to->gone = from->gone;
    model_open_copy(&to->open, &from->open);
}

bool model_shows(const struct value *value, bool absent, const void *bytes, uint32_t size)
{
    if (!value || absent) return !value && absent;
    return value->size == size && (size == 0 || memcmp(value->bytes, bytes, size) == 0);
}

static int slot_match(const struct model_slot *slot, bool absent, const void *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < slot->count; i++) {
        if (model_shows(slot->allowed[i], absent, bytes, size)) return (int)i;
    }
    return -1;
}

int model_match(const struct model *model, uint32_t key, bool absent, const void *bytes,
                uint32_t size)
{
    assert(key < model->key_count);
    return slot_match(&model->slots[key], absent, bytes, size);
}

/* The worlds that there are, as a mask. */
static uint8_t all_worlds(const struct model *model)
{
    return (uint8_t)((1u << model->worlds) - 1u);
}

static uint8_t as_worlds(const struct model *model, unsigned mask)
{
    uint8_t all = all_worlds(model);
    return (mask & all) == all ? (uint8_t)MODEL_EVERYWHERE : (uint8_t)(mask & all);
}

static void allow_in(struct model *model, uint32_t key, const struct value *value, unsigned worlds)
{
    struct model_slot slot = model->slots[key];
    int at = slot_match(&slot, !value, value ? value->bytes : NULL, value ? value->size : 0);
    if (at < 0) {
        assert(slot.count < MODEL_ALLOWED_MAX);
        at = (int)slot.count++;
        slot.allowed[at] = value;
        slot.worlds[at] = 0;
    }
    slot.worlds[at] = as_worlds(model, slot.worlds[at] | worlds);
    set_slot(model, key, &slot);
}

static void allow(struct model *model, uint32_t key, const struct value *value)
{
    allow_in(model, key, value, MODEL_EVERYWHERE);
}

void model_doubt(struct model *model, uint64_t since)
{
    if (!model_is_map(model)) {
        model_list_doubt(&model->list, since);
        return;
    }
    for (uint32_t key = 0; key < model->key_count; key++) {
        if (model->slots[key].since <= since) allow(model, key, NULL);
    }
}

void model_set_now(struct model *model, uint64_t now)
{
    model->now = model->list.now = now;
}

/* --- worlds --- */

/* Each world twice: the upper half is to become what the operation makes of it. */
static void double_worlds(struct model *model, enum op_kind kind)
{
    uint32_t half = model->worlds;
    assert(2 * half <= MODEL_WORLDS_MAX);
    model->doubled = kind;
    model->worlds = 2 * half;
    for (uint32_t key = 0; half > 1 && key < model->key_count; key++) {
        struct model_slot slot = model->slots[key];
        for (uint32_t i = 0; i < slot.count; i++) {
            unsigned low = slot.worlds[i] & ((1u << half) - 1u);
            slot.worlds[i] = as_worlds(model, low | low << half);
        }
        set_slot(model, key, &slot);
    }
}

/* In the upper half this key has this value alone. */
static void change_upper(struct model *model, uint32_t key, const struct value *value)
{
    unsigned lower = (1u << model->worlds / 2) - 1u;
    struct model_slot slot = model->slots[key];
    for (uint32_t i = 0; i < slot.count; i++)
        slot.worlds[i] = (uint8_t)(slot.worlds[i] & lower);
    set_slot(model, key, &slot);
    allow_in(model, key, value, lower << model->worlds / 2);
}

/* Only these worlds are left, with the members that they have. */
static void keep_worlds(struct model *model, uint8_t kept)
{
    uint32_t old_count = model->worlds, count = 0;
    assert(kept != 0);
    if (kept == all_worlds(model)) return;
    for (uint32_t i = 0; i < old_count; i++)
        count += kept >> i & 1u;
    model->worlds = count;
    for (uint32_t key = 0; key < model->key_count; key++) {
        struct model_slot old = model->slots[key], slot = {.since = old.since};
        for (uint32_t i = 0; i < old.count; i++) {
            unsigned mask = 0, bit = 0;
            for (uint32_t world = 0; world < old_count; world++) {
                if (kept >> world & 1u) mask |= (old.worlds[i] >> world & 1u) << bit++;
            }
            if (!mask) continue;
            slot.allowed[slot.count] = old.allowed[i];
            slot.worlds[slot.count++] = as_worlds(model, mask);
        }
        set_slot(model, key, &slot);
    }
}

/* What is about to be destroyed: all that the key may hold. */
static void begin_destruction(struct model *model, uint32_t key)
{
    const struct model_slot *slot = &model->slots[key];
    for (uint32_t i = 0; i < slot->count; i++) {
        if (slot->allowed[i]) gone_begin(&model->gone, key, slot->allowed[i]);
    }
}

/* Of a transaction, or of all keys that are to become absent. */
static void begin_together(struct model *model, const struct op *op, struct model *before)
{
    struct model_open *open = &model->open;
    for (uint32_t key = 0; op->kind == OP_DESTROY_ALL && key < model->key_count; key++)
        begin_destruction(model, key);
    model_copy(before, model);
    if (op->kind != OP_COMMIT && model->widened & ADAPTER_CLEAR_MAY_STOP) {
        model_doubt(model, UINT64_MAX);
        return;
    }
    double_worlds(model, op->kind);
    for (uint32_t key = 0; op->kind != OP_COMMIT && key < model->key_count; key++)
        change_upper(model, key, NULL);
    if (op->kind != OP_COMMIT) return;
    assert(open->transaction == TRANSACTION_OPEN);
    open->transaction = TRANSACTION_IN_FLIGHT;
    for (uint32_t i = 0; i < open->change_count; i++)
        change_upper(model, open->changes[i].key, open->changes[i].value);
}

/* What doubled the worlds is done. */
static void commit_transaction(struct model *model)
{
    struct model_open *open = &model->open;
    assert(open->transaction == TRANSACTION_IN_FLIGHT && model->worlds >= 2);
    for (uint32_t i = 0; i < open->change_count; i++)
        model->slots[open->changes[i].key].since = model->now;
    for (uint32_t i = 0; model->worlds == 2 && i < open->change_count; i++)
        set_only(model, open->changes[i].key, open->changes[i].value);
    if (model->worlds == 2) /* the other keys are the same in both */
        model->worlds = 1;
    else
        keep_worlds(model, (uint8_t)(all_worlds(model) & ~((1u << model->worlds / 2) - 1u)));
    open->transaction = TRANSACTION_NONE;
}

/* --- operations --- */

/* All keys become absent. */
static bool empties(enum op_kind kind)
{
    return kind == OP_CLEAR || kind == OP_DESTROY_ALL || kind == OP_FORMAT;
}

static bool is_single(enum op_kind kind)
{
    return kind == OP_STORE || kind == OP_REMOVE || kind == OP_DESTROY;
}

/* A change that only the open transaction sees. */
static bool is_inside(const struct model *model, const struct op *op)
{
    return model->open.transaction == TRANSACTION_OPEN &&
           (op->kind == OP_STORE || op->kind == OP_REMOVE);
}

static void begin(struct model *model, const struct op *op, struct model *before)
{
    assert(before->key_count == model->key_count);
    if (op->kind == OP_STORE) gone_stored(&model->gone, op->key, op->value);
    if (is_inside(model, op)) return;
    if (op->kind == OP_COMMIT || empties(op->kind)) {
        begin_together(model, op, before);
        return;
    }
    if (!is_single(op->kind)) return;
    assert(op->key < model->key_count && (op->value || op->kind != OP_STORE));
    before->slots[op->key] = model->slots[op->key];
    if (op->kind == OP_DESTROY) begin_destruction(model, op->key);
    if (op->kind == OP_STORE && model->widened & ADAPTER_UPDATE_MAY_LOSE)
        allow(model, op->key, NULL);
    allow(model, op->key, op->kind == OP_STORE ? op->value : NULL);
}

void model_begin(struct model *model, const struct op *op, struct model *before)
{
    if (model_is_map(model))
        begin(model, op, before);
    else
        model_list_begin(&model->list, op);
    if (op->kind == OP_FORMAT) model->formatting = true;
}

void model_commit(struct model *model, const struct op *op)
{
    if (empties(op->kind)) model->formatting = false;
    if (!model_is_map(model)) {
        model_list_commit(&model->list, op);
        return;
    }
    const struct value *value = op->kind == OP_STORE ? op->value : NULL;
    bool stored = op->kind == OP_STORE && !is_inside(model, op);
    if (stored) model->slots[op->key].since = model->now; /* not before: the older may stay */
    if (is_inside(model, op))
        model_open_change(&model->open, op->key, value);
    else if (is_single(op->kind))
        set_only(model, op->key, value);
    else if (op->kind == OP_COMMIT)
        commit_transaction(model);
    else if (op->kind == OP_ABORT)
        model->open.transaction = TRANSACTION_UNDONE;
    else if (op->kind == OP_BEGIN) {
        model->open.transaction = TRANSACTION_OPEN;
        model->open.change_count = 0;
    }
    if (op->kind == OP_DESTROY) gone_promise(&model->gone, op->key);
    if (op->kind == OP_DESTROY_ALL) gone_promise(&model->gone, GONE_ALL);
    if (!empties(op->kind)) return;
    for (uint32_t key = 0; key < model->key_count; key++)
        set_only(model, key, NULL);
    model->worlds = 1;
}

void model_abort(struct model *model, const struct op *op, const struct model *before)
{
    model->formatting = false;
    if (!model_is_map(model)) {
        model_list_abort(&model->list, op);
        return;
    }
    if (is_inside(model, op)) return;
    if (is_single(op->kind))
        set_slot(model, op->key, &before->slots[op->key]);
    else if (op->kind == OP_COMMIT || empties(op->kind))
        model_copy(model, before);
    if (op->kind == OP_COMMIT || op->kind == OP_ABORT) model->open.transaction = TRANSACTION_UNDONE;
}

void model_observe(struct model *model, const struct chip *chip, bool recovered)
{
    if (!model_is_map(model)) model_list_observe(&model->list, chip, recovered);
}

void model_cut(struct model *model, const struct chip *chip)
{
    model_observe(model, chip, false);
    if (!model_is_map(model)) model_list_cut(&model->list);
    model_lose_ram(model);
}

void model_lose_ram(struct model *model)
{
    if (model_is_map(model)) model_open_lose(&model->open);
}

void model_keep(struct model *model, uint32_t snapshot)
{
    struct model_snapshot *kept = model_open_snapshot(&model->open, snapshot);
    kept->known = model_is_decided(model);
    for (uint32_t key = 0; key < model->key_count; key++)
        kept->values[key] = model->slots[key].allowed[0];
}

void model_drop(struct model *model, uint32_t snapshot)
{
    assert(model->open.snapshots[snapshot - 1].open);
    model->open.snapshots[snapshot - 1].open = false;
}

void model_fail(struct model *model, const struct chip *chip)
{
    model_observe(model, chip, false);
    if (!model_is_map(model))
        model_list_fail(&model->list);
    else if (model->open.transaction == TRANSACTION_IN_FLIGHT)
        model->open.transaction = TRANSACTION_NONE;
}

void model_settle(struct model *model, uint32_t key, int member)
{
    assert(key < model->key_count);
    const struct model_slot *slot = &model->slots[key];
    assert(member >= 0 && (uint32_t)member < slot->count);
    if (slot->count == 1) return;
    uint8_t worlds = slot->worlds[member] & all_worlds(model);
    set_only(model, key, slot->allowed[member]);
    keep_worlds(model, worlds);
}

bool model_settle_all(struct model *model, const int8_t *members)
{
    uint8_t worlds = all_worlds(model);
    for (uint32_t key = 0; key < model->key_count; key++) {
        const struct model_slot *slot = &model->slots[key];
        assert(members[key] >= 0 && (uint32_t)members[key] < slot->count);
        worlds &= slot->worlds[members[key]];
        if (slot->count > 1) set_only(model, key, slot->allowed[members[key]]);
    }
    model->worlds = 1;
    return worlds != 0;
}

bool model_wait(struct model *model)
{
    if (!model_is_map(model)) return model_list_wait(&model->list);
    if (2 * model->worlds > MODEL_WORLDS_MAX) return false;
    for (uint32_t key = 0; key < model->key_count; key++) {
        if (model->slots[key].count + 1 >= MODEL_ALLOWED_MAX) return false;
    }
    return true;
}

/* --- state --- */

bool model_state(const struct model *model, const struct chip *chip, uint64_t *state)
{
    const struct model_open *open = &model->open;
    assert(model->worlds >= 1 && model->worlds <= MODEL_WORLDS_MAX);
    *state = model->formatting;
    if (!model_is_map(model)) {
        uint64_t list;
        if (!model_list_state(&model->list, chip, &list)) return false;
        *state += list;
        return true;
    }
    if (open->transaction == TRANSACTION_OPEN || open->transaction == TRANSACTION_IN_FLIGHT ||
        model_open_any_snapshot(open) || model->gone.count)
        return false;
    *state += mix_word(model->digest + (model->worlds << 8 | (uint64_t)model->doubled) * MIX_STEP);
    if (open->transaction == TRANSACTION_NONE) return true;
    for (uint32_t i = 0; i < open->change_count; i++) {
        const struct value *value = open->changes[i].value;
        *state = mix_word(*state + open->changes[i].key + 1) + (value ? value->digest : 0);
    }
    return true;
}

/* --- checking --- */

static void check_slot(const struct model *model, const struct model_slot *slot)
{
    unsigned worlds = 0;
    assert(slot->count >= 1 && slot->count <= MODEL_ALLOWED_MAX);
    for (uint32_t i = 0; i < slot->count; i++) {
        assert(slot->worlds[i] && slot->worlds[i] == as_worlds(model, slot->worlds[i]));
        worlds |= slot->worlds[i];
    }
    assert((worlds & all_worlds(model)) == all_worlds(model) && "a key has a member in each world");
    (void)worlds;
    for (uint32_t i = 1; i < slot->count; i++) {
        const struct value *value = slot->allowed[i];
        struct model_slot before = *slot;
        before.count = i;
        int twice =
            slot_match(&before, !value, value ? value->bytes : NULL, value ? value->size : 0);
        assert(twice < 0 && "members differ");
        (void)twice;
    }
}

void model_check(const struct model *model)
{
    uint64_t digest = 0;
    if (!model_is_map(model)) {
        assert(model->key_count == 0 && !model->slots);
        model_list_check(&model->list);
        return;
    }
    for (uint32_t key = 0; key < model->key_count; key++) {
        check_slot(model, &model->slots[key]);
        digest += slot_digest(key, &model->slots[key]);
    }
    assert(digest == model->digest && "the digest is that of what is allowed");
}

#ifdef BO_CHECKS
void model_check_call(const struct model *model)
{
    static uint64_t earned;
    uint64_t price = model_is_map(model) ? model->key_count : model->list.end - model->list.first;
    earned += 8;
    if (earned < price) return;
    earned = 0;
    model_check(model);
}
#endif

bool model_is_decided(const struct model *model)
{
    for (uint32_t key = 0; model_is_map(model) && key < model->key_count; key++) {
        if (model->slots[key].count > 1) return false;
    }
    return true;
}
