/* explore_fail.c - what goes wrong without a cut: calls of the flash that fail, lie, stray or read
 * wrong, and bits that rot while the power is off. At level 0, there and back.
 *
 * An operation is done once as a rehearsal, which lists the ways in which its calls may go wrong;
 * then once for each of them, and after it what a device may do then.
 */
#include "fuzz/explore/explore_internal.h"

#include <assert.h>

#include "fuzz/script/mix.h"
#include "sim/memory.h"

/* The class rot: after an operation, one bit flips while the power is off. At level 0, where it is
 * known which values may lie in the sector. */
static void rot(struct explorer *e, uint32_t index, uint64_t seed)
{
    struct rig *rig = e->rig;
    assert(rig->level == 0 && !rig->rotten);
    chip_set_hook(rig->chip, NULL, NULL);
    rig_save(rig);
    path_step_own(e->path, OP_ROT, seed);
    path_step_own(e->path, OP_MOUNT, 0);
    bool fine = rig_call(rig, &(struct op){.kind = OP_ROT, .count = 1, .seed = seed}, NULL);
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    if (fine && explorer_is_new(e, index, FAULT_ROT) && !rig_recover(rig)) explorer_diverges(e);
    explorer_count_waived(e);
    path_clear_tail(e->path);
    rig_restore(rig);
}

void explore_rot_after(struct explorer *e, uint32_t index)
{
    if (e->pass || e->rig->level != 0 || !(e->options->faults & FAULT_ROT) || !e->taken) return;
    if (e->rig->rotten) return; /* by the scenario itself */
    if (index % explorer_at_least_one(e->options->shards) != e->options->shard) return;
    uint64_t seed = explorer_seed(e);
    for (uint32_t i = 0; i < 4 * e->options->effort.masks && !explorer_stopped(e); i++) {
        if (explorer_takes_step(e)) rot(e, index, seed + i);
    }
}

/* --- calls that fail --- */

static bool list_failure(void *context, const struct tear *tear)
{
    struct failures *failures = context;
    if (failures->count == failures->capacity) {
        failures->capacity = failures->capacity ? 2 * failures->capacity : 64;
        failures->at = memory_resize(failures->at, failures->capacity, sizeof *failures->at);
    }
    struct cut *cut = &failures->at[failures->count++];
    *cut = (struct cut){failures->nth, *tear};
    cut->tear.powered = true;
    return true;
}

/* A part of it is done, from the start on. */
static struct tear some_of(const struct chip_op *op, uint64_t seed)
{
    assert(op->size > 0);
    return (struct tear){.kind = TEAR_PREFIX, .n = 1 + (uint32_t)(seed % op->size)};
}

/* In which ways this program or erase may fail. Nothing, a part or all of it done, and some of what
 * a cut may leave by the other classes in force: that the engine knows of it is what is new. */
static const struct tear *list_failures(void *context, const struct chip_op *op)
{
    static const struct fault_effort effort = {.bits_max = 1, .masks = 1, .prefixes_max = 2};
    struct explorer *e = context;
    struct failures *failures = &e->failures;
    if (op->kind == CHIP_READ) return NULL;
    uint64_t seed = explorer_seed(e);
    struct tear half = some_of(op, seed);
    uint32_t classes = FAULT_EDGE | (op->kind == CHIP_ERASE ? FAULT_PREFIX : 0u);
    classes |= e->options->faults & (FAULT_BITS | FAULT_ZEROS);
    failures->nth++;
    fault_tears(e->rig->chip, op, classes, &effort, seed, list_failure, failures);
    if (op->kind == CHIP_PROGRAM && half.n < op->size) list_failure(failures, &half);
    return NULL;
}

static bool list_lie(void *context, const struct tear *tear)
{
    struct tear lie = *tear;
    if (!fault_may_be(lie.kind, FAULT_LIE)) return true;
    lie.lies = true;
    return list_failure(context, &lie);
}

/* In which ways it may answer OK and not be done: not at all, or a part of it, which of a program
 * is some of what a cut may leave where bits are asked for. */
static const struct tear *list_lies(void *context, const struct chip_op *op)
{
    static const struct fault_effort effort = {.bits_max = 1, .masks = 1, .prefixes_max = 1};
    struct explorer *e = context;
    struct failures *failures = &e->failures;
    if (op->kind == CHIP_READ) return NULL;
    uint64_t seed = explorer_seed(e);
    struct tear half = some_of(op, seed);
    uint32_t bits = op->kind == CHIP_ERASE ? 0u : e->options->faults & FAULT_BITS;
    failures->nth++;
    fault_tears(e->rig->chip, op, FAULT_EDGE | bits, &effort, seed, list_lie, failures);
    if (half.n < op->size) list_lie(failures, &half);
    return NULL;
}

/* Where it may clear bits that are none of its own. */
static const struct tear *list_strays(void *context, const struct chip_op *op)
{
    struct explorer *e = context;
    if (op->kind == CHIP_READ) return NULL;
    e->failures.nth++;
    uint64_t seed = explorer_seed(e);
    fault_tears(e->rig->chip, op, FAULT_STRAY, &e->options->effort, seed, list_failure,
                &e->failures);
    return NULL;
}

/* A power-on of the harness's own. */
static const struct op boot = {.kind = OP_BOOT};

/* Of each read its number and its size. */
static const struct tear *list_reads(void *context, const struct chip_op *op)
{
    struct explorer *e = context;
    if (op->kind != CHIP_READ) return NULL;
    e->failures.nth++;
    list_failure(&e->failures, &(struct tear){.kind = TEAR_READ_BIT, .n = op->size});
    return NULL;
}

/* Of an operation's reads up to this many go wrong, each in four ways: the first and the last
 * ones, and others that lie evenly between them. */
#define GLITCHES_MAX 16u
#define GLITCHES_EDGE 4u
/* Reads in a row that fail: more than an engine tries. */
#define ERRORS_MANY 9u

static uint32_t chosen_read(uint32_t i, uint32_t count)
{
    uint32_t inner = GLITCHES_MAX - 2 * GLITCHES_EDGE;
    assert(i < count && i < GLITCHES_MAX);
    if (count <= GLITCHES_MAX || i < GLITCHES_EDGE) return i;
    if (i >= GLITCHES_EDGE + inner) return count - (GLITCHES_MAX - i);
    uint64_t place = (uint64_t)(i - GLITCHES_EDGE) * (count - 2 * GLITCHES_EDGE) / inner;
    return GLITCHES_EDGE + (uint32_t)place;
}

/* Of the reads that were listed. */
static void choose_glitches(struct explorer *e)
{
    struct failures *failures = &e->failures;
    struct cut reads[GLITCHES_MAX];
    uint64_t seed = explorer_seed(e);
    uint32_t count = failures->count < GLITCHES_MAX ? failures->count : GLITCHES_MAX;
    for (uint32_t i = 0; i < count; i++)
        reads[i] = failures->at[chosen_read(i, failures->count)];
    failures->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bit = (uint32_t)(mix_word(seed + i) % (8 * (uint64_t)reads[i].tear.n));
        failures->nth = reads[i].nth;
        list_failure(failures, &(struct tear){.kind = TEAR_READ_ERROR});
        list_failure(failures, &(struct tear){.kind = TEAR_READ_ERASED});
        list_failure(failures, &(struct tear){.kind = TEAR_READ_BIT, .n = bit});
        uint32_t errors = i % 2 ? ERRORS_MANY : 2;
        list_failure(failures, &(struct tear){.kind = TEAR_READ_ERRORS, .n = errors});
    }
}

static const struct tear *fail_one(void *context, const struct chip_op *op)
{
    struct explorer *e = context;
    const struct cut *failed = &e->path->failed;
    if (cut_is_glitch(failed) != (op->kind == CHIP_READ)) return NULL;
    return cut_meets(failed, ++e->failures.nth) ? &failed->tear : NULL;
}

/* The operation, with a hook of its own, which is asked about reads too. */
static bool do_with(struct explorer *e, const struct op *op, chip_hook *hook)
{
    struct asked asked = {e, op, ANSWER_OK};
    e->failures.nth = 0;
    chip_set_hook(e->rig->chip, hook, e);
    chip_ask_reads(e->rig->chip, true);
    bool fine = explorer_ask(e->rig, &asked);
    chip_ask_reads(e->rig->chip, false);
    chip_set_hook(e->rig->chip, NULL, NULL);
    return fine;
}

/* Up to `count` operations from `first` on, but for those that the scenario cuts. */
static bool go_on_from(struct explorer *e, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < e->script->op_count && i < first + count; i++) {
        if (e->script->ops[i].cut.nth) break;
        if (!explorer_step_op(e, i)) return false;
    }
    return true;
}

/* What the engine says of the change that failed, it says after a power-on too. */
static bool look_and_start_again(struct explorer *e)
{
    return explorer_step(e, OP_LOOK) && explorer_step(e, OP_MOUNT) &&
           go_on_from(e, path_here(e->path)->op, 1) && explorer_step(e, OP_USE) &&
           explorer_step(e, OP_MOUNT);
}

static bool look_and_go_on(struct explorer *e)
{
    return explorer_step(e, OP_LOOK) && go_on_from(e, path_here(e->path)->op + 1, GO_ON_MAX) &&
           explorer_step(e, OP_MOUNT);
}

static bool go_on_blindly(struct explorer *e)
{
    return go_on_from(e, path_here(e->path)->op + 1, GO_ON_MAX) && explorer_step(e, OP_MOUNT) &&
           explorer_step(e, OP_USE) && explorer_step(e, OP_MOUNT);
}

/* After a stray: what was hit may be met at a power-on, or be read or moved before that one, which
 * is the last, as after a bit that rots. */
static bool start_again(struct explorer *e)
{
    return explorer_step(e, OP_MOUNT);
}

static uint32_t count_to_power_on(const struct explorer *e, uint32_t first)
{
    const struct script *script = e->script;
    uint32_t count = 0;
    while (count < GO_ON_MAX && first + count < script->op_count &&
           !op_powers_on(script->ops[first + count].kind))
        count++;
    return count;
}

static bool read_and_go_on(struct explorer *e)
{
    uint32_t first = path_here(e->path)->op + 1;
    return explorer_step(e, OP_LOOK) && go_on_from(e, first, count_to_power_on(e, first)) &&
           explorer_step(e, OP_MOUNT);
}

static bool go_on_and_start_again(struct explorer *e)
{
    uint32_t first = path_here(e->path)->op + 1;
    return go_on_from(e, first, count_to_power_on(e, first)) && explorer_step(e, OP_MOUNT);
}

/* From where its transaction began, if that is not too far. */
static bool do_again(struct explorer *e)
{
    const struct path_level *here = path_here(e->path);
    uint32_t inside = here->op - here->work;
    uint32_t first = inside < WORK_MAX ? here->work : here->op;
    return go_on_from(e, first, here->op - first + GO_ON_MAX) && explorer_step(e, OP_LOOK) &&
           explorer_step(e, OP_MOUNT);
}

/* What a device may do after a call that failed, lied, strayed or went wrong. */
static bool (*const ways[])(struct explorer *) = {
    look_and_start_again, look_and_go_on, go_on_blindly,         do_again,
    start_again,          read_and_go_on, go_on_and_start_again,
};
#define START_AGAIN (1u << 0)
#define LOOK_AND_GO_ON (1u << 1)
#define GO_ON (1u << 2)
#define AFTER_FAIL (15u << 0)
#define AFTER_STRAY (7u << 4)
#define WAYS 7u
_Static_assert(sizeof ways / sizeof *ways == WAYS, "a bit each");

/* Which of these after the i-th failure. Of reads there are many more than of programs and erases,
 * so that these take turns. */
static uint32_t ways_after(const struct explorer *e, uint32_t i, bool boots)
{
    assert(i < e->failures.count && (!boots || cut_is_glitch(&e->failures.at[i])));
    if (e->failures.at[i].tear.kind == TEAR_STRAY) return AFTER_STRAY;
    if (!cut_is_glitch(&e->failures.at[i])) return AFTER_FAIL;
    if (!boots) return START_AGAIN | LOOK_AND_GO_ON << (i + i / 4) % 3;
    return (i + i / 4) % 2 ? LOOK_AND_GO_ON | GO_ON : LOOK_AND_GO_ON;
}

/* One way for one call to fail, lie or go wrong, and what the device does then. There and back. */
static void fail_in(struct explorer *e, const struct op *op, const struct cut *cut,
                    bool (*way)(struct explorer *))
{
    rig_save(e->rig);
    e->rig->interrupted = true;
    path_fail(e->path, cut, op == &boot);
    if (op == &boot) path_step_own(e->path, OP_BOOT, 0);
    explorer_count_state(e);
    explorer_count_judged(e, fault_class_of(&cut->tear));
    if (!do_with(e, op, fail_one) || !way(e)) explorer_diverges(e);
    explorer_count_waived(e);
    path_fail(e->path, &(struct cut){0}, false);
    rig_restore(e->rig);
}

/* Each call of the flash that the list has of the operation, which is rehearsed for that. */
static void fail_each(struct explorer *e, const struct op *op, chip_hook *list)
{
    assert(e->rig->level == 0 && !e->path->failed.nth && "calls that fail do not nest");
    e->failures.count = 0;
    rig_save(e->rig);
    bool fine = do_with(e, op, list);
    e->rig->waived = 0;
    rig_restore(e->rig);
    if (!fine) { /* the run itself will find that */
        e->rig->finding.clause = CLAUSE_NONE;
        return;
    }
    if (list == list_reads) choose_glitches(e);
    for (uint32_t i = 0; i < e->failures.count && !explorer_stopped(e); i++) {
        uint32_t taken = ways_after(e, i, op == &boot);
        for (uint32_t way = 0; way < WAYS && !explorer_stopped(e); way++) {
            if (taken >> way & 1 && explorer_takes_step(e))
                fail_in(e, op, &e->failures.at[i], ways[way]);
        }
    }
}

/* Whether calls of the flash that belong to this operation may go wrong in this class. */
static bool may_fail(const struct explorer *e, uint32_t index, enum fault_class class)
{
    if (e->pass || e->rig->level != 0 || !(e->options->faults & (uint32_t) class)) return false;
    if (!e->taken || index % explorer_at_least_one(e->options->shards) != e->options->shard)
        return false;
    return !e->script->ops[index].cut.nth;
}

void explore_fail_before(struct explorer *e, uint32_t index)
{
    const struct op *op = &e->script->ops[index];
    bool writes = op_changes(op->kind) || op_powers_on(op->kind);
    if (e->rig->level != 0) return;
    path_call(e->path, e->script, index);
    if (may_fail(e, index, FAULT_FAIL) && writes) fail_each(e, op, list_failures);
    if (may_fail(e, index, FAULT_LIE) && writes) fail_each(e, op, list_lies);
    if (may_fail(e, index, FAULT_STRAY) && writes && !e->rig->rotten) fail_each(e, op, list_strays);
    if (may_fail(e, index, FAULT_GLITCH) && op_takes_cut(op->kind)) fail_each(e, op, list_reads);
}

void explore_glitch_after(struct explorer *e, uint32_t index)
{
    if (!may_fail(e, index, FAULT_GLITCH) || !op_changes(e->script->ops[index].kind)) return;
    fail_each(e, &boot, list_reads);
}
