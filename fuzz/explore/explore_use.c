/* explore_use.c - after the last cut: what a device may do. */
#include "fuzz/explore/explore_internal.h"

#include <assert.h>

/* A piece of work, one operation or a transaction. *first goes on to the next one. */
static bool step_work(struct explorer *e, uint32_t *first, uint32_t *left)
{
    uint32_t end = script_after(e->script, *first);
    assert(*first < e->script->op_count && end > *first);
    for (; *first < end && *left; ++*first, --*left) {
        if (!explorer_step_op(e, *first)) return false;
    }
    *first = end;
    return true;
}

/* The work is not done again: the device has something else to do. An operation that was done in
 * part leaves few states, at the edges of its flash calls, so these are exercised as well; after a
 * power-on, for the exercise may heal what the operations showed. */
static bool go_on(struct explorer *e)
{
    uint32_t first = path_here(e->path)->first_op, left = WORK_MAX;
    bool edge = path_fault(e->path) == FAULT_EDGE;
    first = first < e->script->op_count ? script_after(e->script, first) : first + 1;
    for (uint32_t i = 0; first < e->script->op_count && i < GO_ON_MAX && left; i++) {
        if (!step_work(e, &first, &left)) return false;
    }
    if (!explorer_step(e, OP_MOUNT)) return false;
    return !edge || (explorer_step(e, OP_USE) && explorer_step(e, OP_MOUNT));
}

/* Does the interrupted work again. A list is read back then: the exercise may go around the
 * ring, and what was lost until then would count as dropped. */
static bool redo(struct explorer *e)
{
    uint32_t index = path_here(e->path)->first_op, left = WORK_MAX;
    if (index >= e->script->op_count) return true;
    return step_work(e, &index, &left) &&
           (e->rig->adapter->kind == ADAPTER_MAP || explorer_step(e, OP_LOOK));
}

/* The interrupted operation is done again and the store is exercised, in either order: a device may
 * write the same bytes to the same place once more, or others. Then power goes off and on: an older
 * state may have waited for that. */
static bool use_and_redo(struct explorer *e)
{
    return explorer_step(e, OP_USE) && redo(e) && explorer_step(e, OP_MOUNT);
}

static bool redo_and_use(struct explorer *e)
{
    return redo(e) && explorer_step(e, OP_USE) && explorer_step(e, OP_MOUNT);
}

/* A device that gets no further: it does the interrupted append again, and power goes off and on,
 * as many times as there are sectors and once more. What it does at each power-on has come around
 * the ring then. */
#define LOOP_SECTORS_MAX 16u

static bool loop(struct explorer *e)
{
    uint32_t rounds = chip_flash(e->rig->chip)->geometry.sector_count + 1;
    for (uint32_t i = 0; i < rounds; i++) {
        if (!explorer_step_op(e, path_here(e->path)->first_op) || !explorer_step(e, OP_MOUNT))
            return false;
    }
    return true;
}

/* It takes tens of power-ons, and shows what an engine does after each of them, wherever the cut
 * was: so only after few cuts, at their edges. */
static bool may_loop(const struct explorer *e)
{
    uint64_t ordinal = e->path->ordinal - 1;
    uint32_t index = e->path->levels[e->path->level].first_op;
    return e->rig->adapter->kind != ADAPTER_MAP && path_fault(e->path) == FAULT_EDGE &&
           e->rig->level == 1 && (ordinal & (ordinal - 1)) == 0 && index < e->script->op_count &&
           e->script->ops[index].kind == OP_APPEND &&
           chip_flash(e->rig->chip)->geometry.sector_count <= LOOP_SECTORS_MAX;
}

/* The engine makes a new store of the crash state: nothing of what was there comes back, and it
 * takes as much as one on a blank chip. */
static bool make_new(struct explorer *e)
{
    return explorer_step(e, OP_RESET) && explorer_step(e, OP_USE) && explorer_step(e, OP_MOUNT);
}

/* One state in this many. */
#define RESET_EVERY 16u

static bool may_reset(const struct explorer *e)
{
    return e->rig->adapter->reset && (chip_hash(e->rig->chip).low >> 5) % RESET_EVERY == 0;
}

/* Something that the device does with this crash state, and back. */
static void try(struct explorer *e, bool (*way)(struct explorer *))
{
    if (explorer_stopped(e)) return;
    rig_save(e->rig);
    e->way = way;
    e->must = false;
    rest_begin(e->rest, e->rig, e->options->dedup);
    if (!rest_end(e->rest, way(e))) explorer_diverges(e);
    path_clear_tail(e->path);
    rig_restore(e->rig);
}

/* Each of them on the same crash state. The state itself says what comes first. */
void explore_use(struct explorer *e)
{
    bool use_first = chip_hash(e->rig->chip).low & 1;
    chip_set_hook(e->rig->chip, NULL, NULL);
    try(e, go_on);
    try(e, use_first ? use_and_redo : redo_and_use);
    if (may_loop(e)) try(e, loop);
    if (may_reset(e)) try(e, make_new);
}
