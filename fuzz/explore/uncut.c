/* uncut.c - a script once more, without its cuts.
 *
 * A rig of its own calls the operations up to the one that is asked about. Work that was cut and is
 * done again in the script is done once. Faults, the exercise, and what the scenario expects after
 * its cuts are left out.
 */
#include "fuzz/explore/uncut.h"

#include <assert.h>

/* Whether an operation is the one that was cut, done again. */
static bool is_again(const struct op *cut, const struct op *op)
{
    uint64_t was = cut->value ? cut->value->digest : 0, is = op->value ? op->value->digest : 0;
    return cut->kind == op->kind && cut->key == op->key && was == is && cut->count == op->count &&
           cut->to == op->to && cut->snapshot == op->snapshot;
}

/* Where the work at `first` was cut and is done again up to `end`, before any other: how many of
 * its operations were done in vain. Else 0. */
static uint32_t count_redone(const struct script *script, uint32_t first, uint32_t end)
{
    const struct op *ops = script->ops;
    uint32_t after = script_after(script, first), again;
    uint32_t cut = script_next_cut(script, first, after);
    assert(first <= end && end < script->op_count);
    if (cut == after || cut >= end || op_powers_on(ops[cut].kind)) return 0;
    for (again = cut + 1; again <= end && !is_again(&ops[first], &ops[again]); again++) {
        if (op_is_work(ops[again].kind) && !op_powers_on(ops[again].kind)) return 0;
    }
    if (again > end) return 0;
    for (uint32_t i = first; i <= cut && again <= end; i++, again++) {
        if (!is_again(&ops[i], &ops[again])) return 0;
    }
    return cut - first + 1;
}

bool uncut_works(struct rig *rig, uint32_t index)
{
    const struct script *script = rig->script;
    enum answer answer = ANSWER_FULL;
    struct rig *uncut = rig_new(script, rig->adapter, &rig->settings);
    rig_lend_ram(rig);
    bool fine = rig_start(uncut);
    assert(index < script->op_count);
    for (uint32_t i = 0; fine && i <= index; i++) {
        const struct op *op = &script->ops[i];
        uint32_t redone = count_redone(script, i, index);
        if (redone) i += redone - 1;
        if (redone || op->kind == OP_ROT || op->kind == OP_USE || op_claims(op->kind)) continue;
        fine = rig_call(uncut, op, &answer);
    }
    rig_take_ram(rig);
    rig_free(uncut);
    return fine && rig_worked(&rig->script->ops[index], answer);
}
