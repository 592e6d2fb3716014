/* explore_count.c - what the run without cuts counted. */
#include "fuzz/explore/explore_internal.h"

#include <assert.h>
#include <string.h>

#include "sim/memory.h"

/* What is put in, and what of it the engine took. */
struct puts {
    uint64_t all, taken;
};

/* What was cut or failed may have been done. */
static bool may_be_done(const struct explorer *e, uint32_t index)
{
    return e->answers[index] == ANSWER_OK || e->answers[index] == ANSWER_FLASH;
}

static void count_put(const struct explorer *e, uint32_t index, struct puts *puts)
{
    if (!op_puts(e->script->ops[index].kind)) return;
    puts->all++;
    puts->taken += may_be_done(e, index);
}

/* What a transaction puts in counts as taken with its commit, and not at all where it is aborted.
 * That at which the run ended early may have been taken, too. Where a script puts in nothing, a new
 * store is asked. */
static void count_puts(const struct explorer *e)
{
    struct puts puts = {e->diverged, e->diverged}, inside = {0};
    bool open = false;
    for (uint32_t i = 0; i < e->script->op_count; i++) {
        enum op_kind kind = e->script->ops[i].kind;
        count_put(e, i, open ? &inside : &puts);
        if (kind == OP_BEGIN) open = e->answers[i] == ANSWER_OK;
        if (!op_ends_transaction(kind)) continue;
        if (kind == OP_COMMIT) puts.all += inside.all;
        if (kind == OP_COMMIT && may_be_done(e, i)) puts.taken += inside.taken;
        inside = (struct puts){0};
        open = false;
    }
    if (puts.all == 0) puts = (struct puts){1, capacity_takes(e->capacity)};
    assert(puts.taken <= puts.all);
    e->result->puts = puts.all;
    e->result->taken = puts.taken;
}

void explore_keep_counts(struct explorer *e)
{
    struct result *result = e->result;
    uint32_t sectors = chip_flash(e->rig->chip)->geometry.sector_count;
    assert(e->rig->level == 0 && !result->sector_erases);
    result->counters = *chip_counters(e->rig->chip);
    result->operations = e->script->op_count;
    count_puts(e);
    result->refused = e->rig->refusals.count;
    rig_print_refusal(e->rig, result->refusal);
    explorer_count_waived(e);
    result->mounts = e->rig->mounts;
    result->sector_count = sectors;
    result->sector_erases = memory_zeroed(sectors, sizeof *result->sector_erases);
    for (uint32_t i = 0; i < sectors; i++) {
        result->sector_erases[i] = chip_sector_erases(e->rig->chip, i);
        if (result->sector_erases[i] <= result->erases_max) continue;
        result->erases_max = result->sector_erases[i];
        result->erases_max_sector = i;
    }
}
