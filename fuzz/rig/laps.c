/* laps.c - see laps.h. */
#include "fuzz/rig/laps.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

#define SECTORS_MAX 4096u

bool laps_call(struct laps *laps, enum op_kind kind, const struct value *value)
{
    struct op op = {.kind = kind, .key = laps->change->key, .value = value};
    assert(laps->store->level == 0 && !op.cut.nth && "a fresh store, and no cut");
    enum answer answer = ANSWER_OK;
    return rig_call(laps->store, &op, &answer) && answer == ANSWER_OK;
}

static bool put_in(struct laps *laps, struct laps_pair *pair)
{
    return laps_call(laps, laps->change->kind, pair->values[pair->turn++ % 2]);
}

static bool round_off(struct laps *laps)
{
    const struct adapter_list *list = laps->store->adapter->list;
    if (laps->change->kind == OP_PUSH && !laps_call(laps, OP_POP, NULL)) return false;
    return !list || !list->sync || laps_call(laps, OP_SYNC, NULL);
}

bool laps_put(struct laps *laps, struct laps_pair *pair)
{
    return put_in(laps, pair) && round_off(laps);
}

static void resize(struct laps_pair *pair, uint32_t size)
{
    for (uint32_t i = 0; i < 2; i++) {
        assert(pair->values[i] && "made with room for the largest");
        pair->values[i]->size = size;
        pair->values[i]->digest = script_digest(pair->values[i]->bytes, size);
    }
}

bool laps_make_large(struct laps *laps)
{
    uint32_t size = laps->store->value_size_max;
    for (; size > laps->store->value_size_min; size -= size / 8 + 1) {
        resize(&laps->large, size);
        if (put_in(laps, &laps->large)) return round_off(laps); /* the model has it now */
        if (laps->store->finding.clause != CLAUSE_NONE) return false;
    }
    return false;
}

/* With room for the largest value; the first bytes are those of the script's. */
static void make_pair(struct laps_pair *pair, const struct value *like, uint32_t room)
{
    *pair = (struct laps_pair){.turn = 0};
    for (uint32_t i = 0; i < 2; i++) {
        struct value *value = memory_new(sizeof *value + room);
        memset(value->bytes, i ? 0x77 : 0x88, room);
        if (i == 0) memcpy(value->bytes, like->bytes, like->size);
        pair->values[i] = value;
    }
    resize(pair, like->size || room == 0 ? like->size : 1); /* so that the two differ */
}

static void free_pair(struct laps_pair *pair)
{
    free(pair->values[0]);
    free(pair->values[1]);
}

bool laps_open(struct laps *laps, struct rig *asks)
{
    *laps = (struct laps){.asks = asks, .change = script_first_change(asks->script)};
    if (!laps->change || chip_flash(asks->chip)->geometry.sector_count > SECTORS_MAX) return false;
    const struct value *like = laps->change->value;
    assert(like && asks->level == 0);
    uint32_t room = asks->value_size_max > like->size ? asks->value_size_max : like->size;
    make_pair(&laps->small, like, room);
    make_pair(&laps->large, like, room);
    rig_lend_ram(asks);
    laps->store = rig_new(asks->script, asks->adapter, &asks->settings);
    if (!rig_start(laps->store)) return false;
    if (op_has_key(laps->change->kind)) /* a look may show it */
        laps->store->levels[0].keys_reached = laps->change->key + 1;
    return true;
}

void laps_close(struct laps *laps)
{
    if (!laps->store) return;
    rig_free(laps->store); /* its model has the values */
    rig_take_ram(laps->asks);
    free_pair(&laps->small);
    free_pair(&laps->large);
}
