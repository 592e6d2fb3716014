/* model.c - see model.h.
 *
 * A set of at most three values stands for a key. begin() adds the outcome of the operation,
 * commit() leaves nothing but it, abort() puts back what was there. After a cut neither is called:
 * both outcomes stay, until a look picks one.
 *
 * The digest of all sets is a sum with one share for each key, so that a change costs one share
 * taken away and one put in. The explorer skips a crash state whose image and digest were visited.
 *
 * A clear that may not stop half way makes the keys depend on one another, which sets for single
 * keys cannot say: `together` is set, and the rig judges all keys or none.
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
    struct model_slot slot = {.allowed = {value}, .count = 1, .since = model->slots[key].since};
    set_slot(model, key, &slot);
}

void model_init(struct model *model, uint32_t key_count, uint32_t widened)
{
    *model = (struct model){.kind = ADAPTER_MAP, .key_count = key_count, .widened = widened};
    model->slots = memory_zeroed(key_count, sizeof *model->slots);
    for (uint32_t key = 0; key < key_count; key++) {
        model->slots[key].count = 1;
        model->digest += slot_digest(key, &model->slots[key]);
    }
}

void model_init_list(struct model *model, const struct model_design *design)
{
    *model = (struct model){.kind = design->numbered ? ADAPTER_LOG : ADAPTER_QUEUE};
    model_list_init(&model->list, design);
}

void model_free(struct model *model)
{
    model_list_free(&model->list);
    free(model->slots);
    model->slots = NULL;
}

void model_copy(struct model *to, const struct model *from)
{
    assert(to->key_count == from->key_count);
    if (!model_is_map(from)) {
        model_list_copy(&to->list, &from->list);
        return;
    }
    memcpy(to->slots, from->slots, from->key_count * sizeof *from->slots);
    to->digest = from->digest;
    to->widened = from->widened;
    to->together = from->together;
}

static bool equals(const struct value *value, bool absent, const void *bytes, uint32_t size)
{
    if (!value || absent) return !value && absent;
    return value->size == size && memcmp(value->bytes, bytes, size) == 0;
}

static int slot_match(const struct model_slot *slot, bool absent, const void *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < slot->count; i++) {
        if (equals(slot->allowed[i], absent, bytes, size)) return (int)i;
    }
    return -1;
}

int model_match(const struct model *model, uint32_t key, bool absent, const void *bytes,
                uint32_t size)
{
    assert(key < model->key_count);
    return slot_match(&model->slots[key], absent, bytes, size);
}

static void allow(struct model *model, uint32_t key, const struct value *value)
{
    struct model_slot slot = model->slots[key];
    if (slot_match(&slot, !value, value ? value->bytes : NULL, value ? value->size : 0) >= 0)
        return;
    assert(slot.count < MODEL_ALLOWED_MAX);
    slot.allowed[slot.count++] = value;
    set_slot(model, key, &slot);
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

void model_begin(struct model *model, const struct op *op, struct model *before)
{
    if (!model_is_map(model)) {
        model_list_begin(&model->list, op);
        return;
    }
    assert(before->key_count == model->key_count);
    switch (op->kind) {
    case OP_STORE:
        assert(op->key < model->key_count && op->value);
        before->slots[op->key] = model->slots[op->key];
        model->slots[op->key].since = model->now;
        if (model->widened & ADAPTER_UPDATE_MAY_LOSE) allow(model, op->key, NULL);
        allow(model, op->key, op->value);
        break;
    case OP_REMOVE:
        assert(op->key < model->key_count);
        before->slots[op->key] = model->slots[op->key];
        allow(model, op->key, NULL);
        break;
    case OP_CLEAR:
        model_copy(before, model);
        model->together = !(model->widened & ADAPTER_CLEAR_MAY_STOP);
        model_doubt(model, UINT64_MAX);
        break;
    default:
        break;
    }
}

void model_commit(struct model *model, const struct op *op)
{
    if (!model_is_map(model)) {
        model_list_commit(&model->list, op);
        return;
    }
    switch (op->kind) {
    case OP_STORE:
        set_only(model, op->key, op->value);
        break;
    case OP_REMOVE:
        set_only(model, op->key, NULL);
        break;
    case OP_CLEAR:
        model->together = false;
        for (uint32_t key = 0; key < model->key_count; key++)
            set_only(model, key, NULL);
        break;
    default:
        break;
    }
}

void model_abort(struct model *model, const struct op *op, const struct model *before)
{
    if (!model_is_map(model)) {
        model_list_abort(&model->list, op);
        return;
    }
    switch (op->kind) {
    case OP_STORE:
    case OP_REMOVE:
        set_slot(model, op->key, &before->slots[op->key]);
        break;
    case OP_CLEAR:
        model_copy(model, before);
        break;
    default:
        break;
    }
}

void model_observe(struct model *model, const struct chip *chip, bool recovered)
{
    if (!model_is_map(model)) model_list_observe(&model->list, chip, recovered);
}

void model_cut(struct model *model, const struct chip *chip)
{
    model_observe(model, chip, false);
    if (!model_is_map(model)) model_list_cut(&model->list);
}

void model_settle(struct model *model, uint32_t key, int member)
{
    assert(key < model->key_count);
    const struct model_slot *slot = &model->slots[key];
    assert(member >= 0 && (uint32_t)member < slot->count);
    if (slot->count > 1) set_only(model, key, slot->allowed[member]);
}

bool model_wait(struct model *model)
{
    if (!model_is_map(model)) return model_list_wait(&model->list);
    if (model->together) return false;
    for (uint32_t key = 0; key < model->key_count; key++) {
        if (model->slots[key].count + 1 >= MODEL_ALLOWED_MAX) return false;
    }
    return true;
}

/* --- checking --- */

static void check_slot(const struct model_slot *slot)
{
    assert(slot->count >= 1 && slot->count <= MODEL_ALLOWED_MAX);
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
        check_slot(&model->slots[key]);
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
