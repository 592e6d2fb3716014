/* path.c - where an exploration is, as levels and steps, and as a case.
 *
 * A case is written down level by level: each level but the last ends with the operation, or the
 * power-on, that was cut, and with the cut; the last one ends where the finding was. What the
 * harness did besides (the tail) follows as operations of its own.
 */
#include "fuzz/explore/path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/kind.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

void path_check(const struct path *path)
{
    assert(path->level < CONTRACT_LEVELS && path->cuts <= CONTRACT_DEPTH_MAX);
    assert(path->level == path->cuts || path->level == path->cuts + 1);
    assert(path->tail_count <= PATH_TAIL_MAX);
    for (uint32_t i = 0; i < path->cuts; i++) {
        const struct path_level *cut = &path->levels[i], *next = cut + 1;
        assert(cut->nth > 0 && "a cut is in a program or an erase");
        assert(cut->recovering || cut->op != PATH_OP_NONE);
        assert(next->first_op >= cut->first_op && "a script does not run back");
    }
}

void path_start(struct path *path)
{
    path->levels[0] = (struct path_level){.op = PATH_OP_NONE};
    path->level = path->cuts = path->tail_count = 0;
    path->own_cut = CUT_NONE;
    path->failed = (struct cut){0};
    path->group = PATH_GROUP_NONE;
    path->ordinal = 0;
}

void path_call(struct path *path, const struct script *script, uint32_t op)
{
    struct path_level *here = path_here(path);
    assert(op < script->op_count && op >= here->first_op);
    enum op_kind kind = script->ops[op].kind;
    if (here->op != op) { /* else it has been rehearsed */
        if (!here->inside) here->work = op;
        here->inside = kind == OP_BEGIN || (here->inside && !op_ends_transaction(kind));
    }
    here->op = op;
    here->nth = 0;
}

static void add_step(struct path *path, const struct path_step *step)
{
    assert(path->tail_count < PATH_TAIL_MAX);
    path->tail[path->tail_count++] = *step;
}

void path_step_op(struct path *path, const struct script *script, uint32_t op)
{
    assert(op < script->op_count);
    add_step(path, &(struct path_step){.kind = script->ops[op].kind, .op = op});
}

void path_step_own(struct path *path, enum op_kind kind, uint64_t seed)
{
    assert(!op_has_key(kind) && !op_has_value(kind));
    add_step(path, &(struct path_step){.kind = kind, .op = PATH_OP_NONE, .seed = seed});
}

void path_clear_tail(struct path *path)
{
    path->tail_count = 0;
}

bool path_has_step(const struct path *path, enum op_kind kind)
{
    for (uint32_t i = 0; i < path->tail_count; i++) {
        if (path->tail[i].kind == kind) return true;
    }
    return false;
}

void path_skip(struct path *path, const struct script *script)
{
    struct path_level *here = path_here(path);
    assert(path->level > 0 && !here->recovering);
    here->first_op = here->first_op < script->op_count ? script_after(script, here->first_op)
                                                       : here->first_op + 1;
}

/* What was interrupted comes first: a recovery was interrupted before the operation after it. */
static uint32_t next_op(const struct path_level *level)
{
    assert(level->recovering || level->op != PATH_OP_NONE);
    return level->recovering ? level->first_op : level->work;
}

void path_cut(struct path *path, const struct tear *tear, bool erase)
{
    struct path_level *here = path_here(path);
    assert(path->level == path->cuts && path->cuts < CONTRACT_DEPTH_MAX);
    here->tear = *tear;
    here->erase = erase;
    path->cuts++;
    path->level++;
    *path_here(path) =
        (struct path_level){.first_op = next_op(here), .op = PATH_OP_NONE, .recovering = true};
    path_check(path);
}

void path_beside(struct path *path)
{
    assert(path->level == path->cuts && path->level + 1 < CONTRACT_LEVELS);
    path->level++;
    path->levels[path->level] = path->levels[path->level - 1];
}

void path_own_cut(struct path *path, const struct script *script, enum chip_op_kind kind)
{
    assert(path->level == 0 && path_here(path)->op < script->op_count);
    const struct op *op = &script->ops[path_here(path)->op];
    if (!op->cut.tear.powered) path_here(path)->inside = false;
    path->own_cut = cut_in_of(op, kind);
}

void path_fail(struct path *path, const struct cut *failed, bool after)
{
    assert(path->level == 0 && path_here(path)->op != PATH_OP_NONE);
    assert(!failed->nth || failed->tear.powered);
    path->failed = *failed;
    path->failed_after = after;
    path->tail_count = 0;
}

void path_recovered(struct path *path)
{
    assert(path_here(path)->recovering);
    path_here(path)->recovering = false;
}

void path_return(struct path *path, uint32_t level)
{
    assert(level < path->level);
    path->level = level;
    if (path->cuts > level) path->cuts = level;
    path->tail_count = 0;
    path_check(path);
}

enum fault_class path_fault(const struct path *path)
{
    if (path_has_step(path, OP_ROT)) return FAULT_ROT;
    if (path->failed.nth) return fault_class_of(&path->failed.tear);
    return path->cuts ? fault_class_of(&path->levels[path->cuts - 1].tear) : (enum fault_class)0;
}

static enum cut_in cut_in(const struct script *script, const struct path *path)
{
    const struct path_level *last = path->cuts ? &path->levels[path->cuts - 1] : NULL;
    if (path->failed.nth) return cut_in_powered(&path->failed.tear);
    if (!last) return path->own_cut;
    if (last->recovering || op_powers_on(script->ops[last->op].kind)) return CUT_RECOVERY;
    return last->erase ? CUT_ERASE : CUT_PROGRAM;
}

/* The message of a crash, which says what it is, is there when it is run again. Until then each
 * operation has its own. */
static uint64_t place_of(const struct path *path, const struct finding *finding)
{
    const struct path_level *here = &path->levels[path->level];
    return finding->seen == SEEN_CRASH ? (uint64_t)here->op << 8 | path->tail_count : 0;
}

struct divergence path_divergence(const struct path_frame *frame, const struct path *path,
                                  struct finding *finding)
{
    const char *engine = frame->adapter->name;
    assert(finding->clause != CLAUSE_NONE && finding->clause != CLAUSE_SCENARIO);
    finding->cut = cut_in(frame->script, path);
    uint64_t kind = kind_digest(finding) ^ script_digest(engine, (uint32_t)strlen(engine));
    return (struct divergence){.clause = finding->clause,
                               .fault = path_fault(path),
                               .shape = kind ^ place_of(path, finding) * 0x9E3779B97F4A7C15u,
                               .count = 1};
}

bool path_add(struct result *result, struct divergence *divergence, const struct path_frame *frame,
              const struct path *path, const struct finding *finding)
{
    if (result_counts(result, divergence)) return false;
    divergence->script = path_case(frame, path);
    divergence->script->found = *finding;
    return result_add(result, divergence);
}

/* The scenario's own cuts belong to the run, level 0; what is done again above it is not cut. */
static void append_op(struct script *to, const struct op *op, uint32_t level)
{
    struct op done = *op;
    if (level) done.cut = (struct cut){0};
    script_append(to, &done);
}

static void append_range(struct script *to, const struct op *ops, uint32_t first, uint32_t end,
                         uint32_t level)
{
    for (uint32_t i = first; i < end; i++)
        append_op(to, &ops[i], level);
}

/* How a level above the first begins. */
static enum op_kind power_on_of(const struct path_level *level)
{
    return level->blind ? OP_BOOT : OP_MOUNT;
}

/* A level that ended by a cut; `index` is its place on the path. A cut in the power-on that begins
 * it is one in that operation. */
static void append_level(struct script *to, const struct op *ops, const struct path_level *level,
                         uint32_t index)
{
    struct op op = {.kind = power_on_of(level)};
    assert(level->nth > 0);
    if (!level->recovering) {
        assert(level->first_op <= level->op);
        if (index) script_append(to, &op);
        append_range(to, ops, level->first_op, level->op, index);
        op = ops[level->op];
    }
    op.cut = (struct cut){.nth = level->nth, .tear = level->tear};
    script_append(to, &op);
}

/* What follows the last cut: a recovery, the operations up to the one that showed it, and what the
 * harness did then. */
static void append_end(struct script *to, const struct op *ops, uint32_t op_count,
                       const struct path *path)
{
    const struct path_level *here = &path->levels[path->level];
    uint32_t first = here->first_op, end = here->op == PATH_OP_NONE ? first : here->op + 1;
    if (path->cuts) script_append(to, &(struct op){.kind = power_on_of(here)});
    append_range(to, ops, first, end < op_count ? end : op_count, path->cuts);
    uint32_t failed = to->op_count - !path->failed_after;
    for (uint32_t i = 0; i < path->tail_count; i++) {
        const struct path_step *step = &path->tail[i];
        struct op own = {.kind = step->kind, .seed = step->seed, .count = step->kind == OP_ROT};
        append_op(to, step->op == PATH_OP_NONE ? &own : &ops[step->op], path->level);
    }
    if (path->failed.nth) to->ops[failed].cut = path->failed;
}

/* A replay needs the rules of the same classes in force. */
static void set_faults(struct script *script, uint32_t faults)
{
    uint32_t differ = (script->faults ^ faults) & ~(uint32_t)FAULT_STABLE;
    if (differ) script->faults = faults;
}

struct script *path_case(const struct path_frame *frame, const struct path *path)
{
    const struct script *script = frame->script;
    struct script *found = script_copy(script);
    struct op *ops = memory_copy(found->ops, found->op_count * sizeof *ops);
    found->op_count = 0;
    settings_name(found, frame->adapter, frame->settings);
    set_faults(found, frame->faults);
    for (uint32_t i = 0; i < path->cuts; i++)
        append_level(found, ops, &path->levels[i], i);
    append_end(found, ops, script->op_count, path);
    free(ops);
    return found;
}
