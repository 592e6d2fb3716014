/* explore.c - the recursion that cuts power everywhere.
 *
 * Method. The script runs once, on a rig: chip, engine, model. Before a program or an erase takes
 * effect, the chip asks on_flash_op(). For each tear that the fault classes allow here, crash()
 * goes up a level, tears, powers on and judges; then it goes back down and the call takes effect as
 * if nothing had been. So a run of n flash calls costs one run and n recoveries, not n runs. Before
 * that the script runs once without cuts, and at its end power goes off and on.
 *
 *     run_from(op)         calls the engine for each operation; the chip asks at each flash call
 *       on_flash_op()      counts it, and
 *         cut_here()       offers every tear to
 *           crash()        which enters a level, tears and powers on; a state that was visited is
 *                          left at once, else
 *             judge()      recovers and looks (rig_recover), or looks later (rig_boot);
 *               explore_use()  goes on with the next operation; does the interrupted one again
 *                          and exercises the store; each ends with power off and on, and a look;
 *                          in a few states, does an append again and again with a power-on after
 *                          each, and has the engine make a new store;
 *               run_from() while the depth allows: the same again, one level up.
 *
 * Level n comes after n cuts. Who goes up a level calls rig_enter() and path_cut(), who comes down
 * leave(): the rig's level and the path's are one number. The chip goes back by a mark of its
 * journal, engine and model by having one of each at every level.
 *
 * An example. Three operations on a map, depth 2; `store a` erases sector 1 (E) and programs a
 * record (P), `store b` and `store c` program one each. Here power has been cut in the erase of
 * `store a`, and once more in the program that does `store a` again:
 *
 *     the call stack                                  the level      marks in the journal
 *     run_from(0)            store a                   0
 *      engine: E             on_flash_op, cut_here     0
 *       crash: a third of the sector is blank          0 -> 1        1: before E
 *        judge                mount, look, mount       1
 *         use                 [b, c, power, look]      1             2, and back to 2
 *         use                 [a, exercise, power]     1             2, and back to 2
 *         run_from(0)         store a, once more       1
 *          engine: P          on_flash_op, cut_here    1
 *           crash: 5 bytes of the record are there     1 -> 2        1, 2: before P
 *            judge            mount, look, mount       2
 *             use, use                                 2             1, 2, 3, and back to 3
 *           leave: back to 2                           2 -> 1        1
 *          the next tear of P, then P takes effect; then store b and c, cut in the same way
 *       leave: back to 1                               1 -> 0
 *      the next tear of E; then E takes effect, and the engine never knew
 *
 * Its case is the path: `store a cut 1 blank:85`, `mount`, `store a cut 1 prefix:5`, `mount`, and
 * what was done when it showed.
 *
 * What needs no cut stands beside this, at level 0 (explore_fail.c): before an operation of the
 * run, explore_fail_before() does it once for each way in which one of its calls may fail, lie,
 * stray or read wrong, and what a device may do then; after it, explore_glitch_after() does that
 * with a power-on, and explore_rot_after() lets bits flip while the power is off. All go back to
 * where the run is.
 *
 * A state is judged once: the image, what the model allows, and what will be asked of it make its
 * digest. Ways of explore_use() from different states come to equal ones, too: from there on the
 * rest of them is judged once (rest.h). Everything is a function of script, options and seed.
 */
#include "fuzz/explore/explore_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/explore/result_pipe.h"
#include "fuzz/explore/uncut.h"
#include "fuzz/rig/aged.h"
#include "fuzz/rig/leak.h"
#include "fuzz/rig/worn.h"
#include "sim/memory.h"

static const struct tear *on_flash_op(void *context, const struct chip_op *op);

void explore_defaults(struct explore_options *options)
{
    *options = (struct explore_options){
        .faults = FAULT_STABLE,
        .depth = 1,
        .reach = 3,
        .effort = {.bits_max = 12, .masks = 4, .prefixes_max = 16},
        .seed = 1,
        .use = true,
        .dedup = true,
        .laps = true,
        .age = AGED_SHORT,
        .divergences_max = 10,
    };
}

/* --- divergences --- */

/* What is new is reported before the engine can crash on something else. */
static void report_found(struct explorer *e)
{
    if (e->result->divergence_count <= e->reported) return;
    e->reported = e->result->divergence_count;
    if (e->options->found) e->options->found(e->options->found_context, e->result);
}

/* A rule that belongs to a class is broken under that class, whatever tear led to it. */
static enum fault_class fault_of(const struct explorer *e)
{
    bool unproven = e->rig->finding.clause == CLAUSE_LAWFUL &&
                    chip_breach(e->rig->chip)->rule == CHIP_RULE_UNPROVEN;
    return unproven ? FAULT_WEAK : path_fault(e->path);
}

static void add_finding(struct explorer *e, bool lost)
{
    struct finding *finding = &e->rig->finding;
    const struct path_frame frame = {e->script, e->rig->adapter, &e->rig->settings,
                                     e->options->faults};
    struct divergence divergence = path_divergence(&frame, e->path, finding);
    divergence.fault = fault_of(e);
    divergence.lost = lost;
    divergence.order = e->path->ordinal;
    assert(!waiver_covers(&e->script->waivers, finding->clause) || lost);
    path_add(e->result, &divergence, &frame, e->path, finding);
    finding->clause = CLAUSE_NONE;
    report_found(e);
}

/* The line of the operation that is being called; 0 in a power-on before the first one. */
static uint32_t line_here(const struct explorer *e)
{
    uint32_t op = path_here(e->path)->op;
    assert(op == PATH_OP_NONE || op < e->script->op_count);
    return op == PATH_OP_NONE ? 0 : e->script->ops[op].line;
}

void explorer_diverges(struct explorer *e)
{
    assert(e->rig->finding.clause != CLAUSE_NONE && "what is false has a finding");
    if (e->rig->finding.clause == CLAUSE_SCENARIO) {
        memcpy(e->result->mistake, e->rig->finding.text, sizeof e->result->mistake);
        e->result->mistake_line = line_here(e);
        e->result->stopped = true;
        return;
    }
    e->diverged = true;
    if (waiver_covers(&e->script->waivers, e->rig->finding.clause)) {
        e->result->waived++;
        e->rig->finding.clause = CLAUSE_NONE;
        return;
    }
    add_finding(e, false);
}

/* What the rig has put away, so that the way went on. */
void explorer_count_waived(struct explorer *e)
{
    e->result->waived += e->rig->waived;
    e->rig->waived = 0;
}

bool explorer_stopped(struct explorer *e)
{
    uint32_t max = e->options->divergences_max;
    const struct result *result = e->result;
    bool enough = max && result->divergence_count >= max && result_kinds(result) >= max;
    if (enough || (e->stop && *e->stop)) e->result->stopped = true;
    return e->result->stopped;
}

/* --- running --- */

/* At level 0 always: the scenario may have cuts of its own. */
static void watch_cuts(struct explorer *e)
{
    assert(e->rig->level == e->path->level && "they go up and down together");
    bool deeper = e->rig->level == 0 || e->rig->level < e->options->depth;
    chip_set_hook(e->rig->chip, deeper ? on_flash_op : NULL, e);
}

/* Whether there was a cut or a call that failed before this operation. After the exercise its key
 * may still be there, on parts that can't remove. A pop that fails is judged by the rig. */
static bool may_have_to_work(const struct explorer *e, uint32_t index)
{
    const struct op *op = &e->script->ops[index];
    bool own = e->path->own_cut != CUT_NONE && !(e->rig->level == 0 && op->cut.nth);
    bool after = e->rig->level > 0 || e->path->failed.nth || own;
    return after && !e->rig->rotten && op->kind != OP_POP && !rig_is_done(e->rig, op) &&
           !path_has_step(e->path, OP_USE) && index < e->exercised;
}

/* The first exercise of the script's own; op_count: it has none. */
static uint32_t find_exercise(const struct script *script)
{
    uint32_t i = 0;
    while (i < script->op_count && script->ops[i].kind != OP_USE)
        i++;
    return i;
}

/* What is done without a cut must be possible after one too. A run with cuts of the script's own
 * does not show all of that, so it is asked when it is needed. */
static bool must_work(struct explorer *e, uint32_t index)
{
    assert(index < e->script->op_count);
    if (e->answers[index] == ANSWER_OK) return true;
    if (!e->uncut || !op_changes(e->script->ops[index].kind)) return false;
    if (e->uncut[index] == UNCUT_UNKNOWN)
        e->uncut[index] = uncut_works(e->rig, index) ? UNCUT_WORKS : UNCUT_FAILS;
    return e->uncut[index] == UNCUT_WORKS;
}

/* The exercise of the store. */
static bool use_store(struct explorer *e)
{
    e->must = capacity_can_use(e->capacity);
    return rig_use(e->rig, e->must);
}

bool explorer_ask(struct rig *rig, void *context)
{
    struct asked *asked = context;
    if (asked->op->kind == OP_USE) return use_store(asked->e);
    return rig_call(rig, asked->op, &asked->answer);
}

/* An operation of the script, at this level. The script's own cuts are in the run. */
static bool do_op(struct explorer *e, uint32_t index)
{
    const struct op *op = &e->script->ops[index];
    struct asked asked = {e, op, ANSWER_OK};
    assert(index < e->script->op_count);
    bool must = may_have_to_work(e, index), cut = e->rig->level == 0 && op->cut.nth;
    if (cut ? !rig_until_off(e->rig, explorer_ask, &asked) : !explorer_ask(e->rig, &asked))
        return false;
    if (op->kind == OP_USE) return true;
    enum answer answer = asked.answer;
    if (rig_is_off(e->rig)) answer = ANSWER_FLASH;
    if (e->rig->level == 0 && !e->path->failed.nth) e->answers[index] = (uint8_t)answer;
    if (!must || rig_worked(op, answer) || rig_is_off(e->rig) || !must_work(e, index) ||
        !capacity_can_do(e->capacity, op))
        return true;
    return rig_finds_failed(e->rig, op, answer);
}

/* --- steps of the harness's own --- */

/* Whether what is still to be done on this way is known to be clean: what that is follows from the
 * way, where it began and how far it has come. */
static bool is_rest_known(void *context, uint64_t place)
{
    struct explorer *e = context;
    const uint64_t todo[] = {(uintptr_t)e->way,
                             path_here(e->path)->first_op,
                             e->path->tail_count,
                             path_fault(e->path) == FAULT_EDGE,
                             e->must,
                             place};
    return rest_is_known(e->rest, e->rig, script_digest(todo, sizeof todo));
}

/* At the beginning of a step. */
#define REST_STEP UINT64_MAX

bool explorer_step(struct explorer *e, enum op_kind kind)
{
    if (is_rest_known(e, REST_STEP)) return false;
    path_step_own(e->path, kind, 0);
    if (kind == OP_USE) return use_store(e);
    return rig_call(e->rig, &(struct op){.kind = kind}, NULL);
}

bool explorer_step_op(struct explorer *e, uint32_t index)
{
    if (is_rest_known(e, REST_STEP)) return false;
    path_step_op(e->path, e->script, index);
    return do_op(e, index);
}

/* Whether the next tear or rot of the group is to be tried. */
bool explorer_takes_step(struct explorer *e)
{
    return e->rig->level != 0 || ++e->path->step > e->skip;
}

/* A level for what happens without a cut, and is not cut either. */
static void enter_beside(struct explorer *e)
{
    chip_set_hook(e->rig->chip, NULL, NULL);
    rig_enter(e->rig);
    path_beside(e->path);
}

static void leave(struct explorer *e)
{
    explorer_count_waived(e);
    rig_leave(e->rig);
    path_return(e->path, e->rig->level);
    assert(e->rig->finding.clause == CLAUSE_NONE || e->result->stopped);
}

/* A cut that the scenario has in its text: power comes back before the next operation, if that is
 * not what the operation does. */
static bool power_on_first(struct explorer *e, uint32_t next)
{
    if (!rig_is_off(e->rig)) return true;
    e->rig->interrupted = true;
    chip_set_hook(e->rig->chip, NULL, NULL);
    if (next < e->script->op_count && op_powers_on(e->script->ops[next].kind)) return true;
    return rig_call(e->rig, &(struct op){.kind = OP_MOUNT}, NULL);
}

/* --- groups --- */

static void enter_group(struct explorer *e, uint32_t index)
{
    const struct explore_share *share = e->options->share;
    uint32_t group = e->pass * e->script->op_count + index;
    if (e->rig->level != 0) return;
    visited_clear(e->visited);
    rest_clear(e->rest);
    e->taken = !share || share->take(share->context, group);
    if (!e->taken || !share || !e->options->depth) return;
    e->skip = share->resumed == group ? share->step : 0;
    e->path->step = 0;
    e->path->group = group;
    e->hangs = e->reported = 0;
    e->mounted = e->rig->mounts;
    e->result = share->part;
    *e->result = (struct result){0};
}

/* What ends a group early, such as as many divergences as are wanted, does not end the others. */
static void leave_group(struct explorer *e)
{
    const struct explore_share *share = e->options->share;
    struct result *part = e->result;
    if (e->rig->level != 0 || e->path->group == PATH_GROUP_NONE) return;
    part->mounts = e->rig->mounts - e->mounted;
    e->result = e->whole;
    e->result->mistake_line = part->mistake_line;
    memcpy(e->result->mistake, part->mistake, sizeof part->mistake);
    e->result->stopped = part->mistake[0] != 0;
    share->done(share->context, e->path->group, part);
    e->path->group = PATH_GROUP_NONE;
}

/* Of the run: where the scenario has a read of the operation go wrong. */
static void watch_reads(struct explorer *e, uint32_t index)
{
    if (e->rig->level != 0) return;
    assert(index < e->script->op_count);
    e->reads = 0;
    e->struck = false;
    chip_ask_reads(e->rig->chip, cut_is_glitch(&e->script->ops[index].cut));
}

/* The scenario's own cut stands at a call of the flash that the operation does not make. */
static void note_missed(struct explorer *e, uint32_t index)
{
    bool missed = e->script->ops[index].cut.nth && !e->struck;
    assert(index < e->script->op_count);
    if (missed && e->options->depth == 0) e->result->cuts_missed++;
}

/* One operation and, at level 0, what belongs to its group. */
static bool run_op(struct explorer *e, uint32_t index)
{
    enter_group(e, index);
    if (e->options->depth) explore_fail_before(e, index);
    watch_cuts(e);
    watch_reads(e, index);
    path_call(e->path, e->script, index);
    bool fine = do_op(e, index);
    note_missed(e, index);
    fine = fine && power_on_first(e, index + 1);
    if (e->rig->level == 0 && e->options->depth) e->rig->waived = 0; /* counted without cuts */
    if (!fine) {
        explorer_diverges(e);
    } else if (e->options->depth) {
        explore_glitch_after(e, index);
        explore_rot_after(e, index);
    }
    leave_group(e);
    return fine;
}

/* Pieces of work: a transaction is one. */
static uint32_t end_of_reach(const struct explorer *e, uint32_t first)
{
    uint32_t end = first;
    if (!e->options->reach) return e->script->op_count;
    for (uint32_t i = 0; i < e->options->reach && end < e->script->op_count; i++)
        end = script_after(e->script, end);
    assert(end >= first && end <= e->script->op_count);
    return end;
}

static void run_from(struct explorer *e, uint32_t first)
{
    uint32_t end = e->rig->level ? end_of_reach(e, first) : e->end;
    assert(first <= e->script->op_count);
    for (uint32_t i = first; i < end && !explorer_stopped(e); i++) {
        if (!run_op(e, i)) return;
        if (e->rig->level == 0) e->path->operations++;
    }
}

/* One state in this many is not read back before the device changes something. */
#define BLIND_EVERY 4u

/* Not where cuts nest: there the next operations come after a look, and without one in `use`. */
static bool is_blind(const struct explorer *e)
{
    return e->options->use && e->rig->level == e->options->depth &&
           (chip_hash(e->rig->chip).low >> 1) % BLIND_EVERY == 0;
}

/* Power is on again at a new level: everything that must hold now. */
static void judge(struct explorer *e)
{
    struct rig *rig = e->rig;
    struct path_level *here = path_here(e->path);
    here->blind = is_blind(e);
    watch_cuts(e);
    if (here->blind ? !rig_boot(rig) : !rig_recover(rig)) {
        explorer_diverges(e);
        return;
    }
    path_recovered(e->path);
    if (e->options->use) explore_use(e);
    if (rig->level < e->options->depth && !explorer_stopped(e)) run_from(e, here->first_op);
}

/* The same, but the interrupted operation is not done again and what follows it is cut. */
static void judge_skipping(struct explorer *e)
{
    chip_set_hook(e->rig->chip, NULL, NULL);
    if (!rig_recover(e->rig)) { /* judge() has found that */
        e->rig->finding.clause = CLAUSE_NONE;
        return;
    }
    path_recovered(e->path);
    path_skip(e->path, e->script);
    run_from(e, path_here(e->path)->first_op);
}

/* A crash state is the image, the states that the model allows, and what will be asked of it. Three
 * more things decide what is judged: after rot a value may be missing, a clear that was cut may
 * have to be done for all keys or for none, and of two engines on one flash either may be next. */
static struct chip_hash state_digest(const struct explorer *e, uint32_t op)
{
    const struct rig *rig = e->rig;
    struct chip_hash digest = chip_hash(rig->chip);
    const struct model *model = rig_model(e->rig);
    uint64_t allowed = model_digest(model);
    uint64_t asked = (uint64_t)op << 8 | (model->formatting ? 128u : 0u) | rig->level << 2 |
                     (model->worlds > 1 ? 2u : 0u) | rig->rotten;
    if (rig_whose(rig, 0)) asked |= (uint64_t)(rig->levels[rig->level].power_ons % 2) << 63;
    asked *= 0x9E3779B97F4A7C15u;
    digest.low ^= allowed + asked;
    digest.high += (allowed ^ asked) * 0xBF58476D1CE4E5B9u;
    return digest;
}

static uint32_t class_index(enum fault_class fault)
{
    uint32_t index = 0;
    while ((1u << index) != (uint32_t)fault && index < FAULT_CLASSES - 1)
        index++;
    assert(1u << index == (uint32_t)fault);
    return index;
}

void explorer_count_state(struct explorer *e)
{
    e->result->states++;
    e->path->states++;
}

void explorer_count_judged(struct explorer *e, enum fault_class fault)
{
    e->result->judged++;
    e->result->judged_by_class[class_index(fault)]++;
}

bool explorer_is_new(struct explorer *e, uint32_t op, enum fault_class fault)
{
    explorer_count_state(e);
    if (e->options->dedup && visited_before(e->visited, state_digest(e, op))) {
        e->result->skipped++;
        return false;
    }
    explorer_count_judged(e, fault);
    return true;
}

static _Noreturn void judge_and_leave(struct explorer *e, void judge_it(struct explorer *))
{
    struct result found = {0};
    e->result = &found;
    e->reported = UINT32_MAX; /* our parent reports */
    judge_it(e);
    explorer_count_waived(e);
    result_pipe_write(e->child.file, &found);
    worker_leave();
}

/* Hangs of children after which an exploration ends; each costs a second or more. */
#define HANGS_MAX 3u

/* In a process of its own, which takes the engine's crashes and its heap with it. */
static void judge_in_child(struct explorer *e, void judge_it(struct explorer *))
{
    char text[WORKER_TEXT_MAX];
    assert(e->rig->level == 1 && "a child for each cut of the run");
    rewind(e->child.file);
    fflush(NULL);
    if (worker_fork(&e->child)) judge_and_leave(e, judge_it);
    enum worker_end end = worker_wait(&e->child, &e->options->limits, text);
    if (end != WORKER_DONE) {
        e->rig->finding = worker_finding(&e->child, end, text);
        add_finding(e, true);
        e->hangs += end == WORKER_HUNG;
        if (e->hangs >= HANGS_MAX) e->result->stopped = true;
        return;
    }
    result_pipe_read_whole(e->child.file, e->result);
    report_found(e);
}

struct interruption {
    struct explorer *e;
    const struct chip_op *op;
};

static void enter_cut(const struct interruption *now, const struct tear *tear)
{
    struct explorer *e = now->e;
    rig_enter(e->rig);
    path_cut(e->path, tear, now->op->kind == CHIP_ERASE);
    assert(path_here(e->path)->recovering && e->rig->level == e->path->cuts);
    chip_tear(e->rig->chip, now->op, tear);
    chip_power_on(e->rig->chip);
}

/* One state in this many, where cuts nest, is also left by another way than doing it again. */
#define SKIP_EVERY 4u

static bool is_left_undone(const struct explorer *e)
{
    return e->options->use && e->rig->level < e->options->depth &&
           (chip_hash(e->rig->chip).low >> 3) % SKIP_EVERY == 0;
}

static void judge_apart(struct explorer *e, void judge_it(struct explorer *))
{
    rig_lose_power(e->rig);
    if (e->child.file && e->rig->level == 1)
        judge_in_child(e, judge_it);
    else
        judge_it(e);
}

static bool crash(void *context, const struct tear *tear)
{
    const struct interruption *now = context;
    struct explorer *e = now->e;
    if (!explorer_takes_step(e)) return true;
    enter_cut(now, tear);
    bool undone = is_left_undone(e);
    bool new = explorer_is_new(e, path_here(e->path)->first_op, fault_class_of(tear));
    if (new) judge_apart(e, judge);
    leave(e);
    if (new &&undone && !explorer_stopped(e)) {
        enter_cut(now, tear);
        judge_apart(e, judge_skipping);
        leave(e);
    }
    return !explorer_stopped(e);
}

/* Whether a first-level cut belongs to this shard and this pass. */
static bool is_ours(const struct explorer *e, uint64_t ordinal)
{
    uint64_t shards = explorer_at_least_one(e->options->shards);
    if (ordinal % shards != e->options->shard) return false;
    return ordinal / shards % explorer_at_least_one(e->options->passes) == e->pass;
}

/* Every tear that the fault classes allow for one program or erase. */
static void cut_here(struct explorer *e, const struct chip_op *op)
{
    struct interruption now = {e, op};
    uint64_t seed = explorer_seed(e);
    if (e->rig->level == 0 && (!is_ours(e, e->path->ordinal++) || !e->taken)) return;
    if (!(e->options->faults & FAULT_CUTS)) return;
    if (e->rig->level != 0 || !e->skip || e->path->step >= e->skip) e->result->cuts++;
    uint32_t classes = e->options->faults & FAULT_CUTS;
    fault_tears(e->rig->chip, op, classes, &e->options->effort, seed, crash, &now);
    watch_cuts(e); /* the levels above have set the hook to what they need */
}

/* The cut that the scenario has at this flash call of the run; NULL: none. */
static const struct tear *cut_of_scenario(const struct explorer *e)
{
    const struct path_level *here = &e->path->levels[0];
    if (e->rig->level || here->op == PATH_OP_NONE) return NULL;
    assert(here->op < e->script->op_count);
    const struct cut *cut = &e->script->ops[here->op].cut;
    uint32_t nth = cut_is_glitch(cut) ? e->reads : here->nth;
    return cut_meets(cut, nth) ? &cut->tear : NULL;
}

/* A case has one cut or one fault in an operation: not after the scenario's own one. */
static bool may_cut_here(const struct explorer *e)
{
    if (e->rig->level == 0 && e->struck) return false;
    return e->rig->level < e->options->depth && !e->result->stopped;
}

static const struct tear *on_flash_op(void *context, const struct chip_op *op)
{
    struct explorer *e = context;
    assert(e->rig->level == e->path->level);
    bool reads = op->kind == CHIP_READ;
    if (reads && e->rig->level) return NULL;
    ++*(reads ? &e->reads : &path_here(e->path)->nth);
    if (!reads && may_cut_here(e)) cut_here(e, op);
    const struct tear *tear = cut_of_scenario(e);
    if (!tear || reads != (fault_class_of(tear) == FAULT_GLITCH)) return NULL;
    path_own_cut(e->path, e->script, op->kind);
    e->struck = true;
    return tear;
}

/* --- the whole --- */

static bool start(struct explorer *e)
{
    path_start(e->path);
    chip_set_hook(e->rig->chip, NULL, NULL);
    if (rig_begin(e->rig)) return true;
    explorer_diverges(e);
    return false;
}

/* An uncut divergence ends its history, not the exploration: what was good before it is cut. */
static bool end_before_divergence(struct explorer *e)
{
    if (e->result->mistake_line || e->result->mistake[0]) return false;
    if (e->diverged) e->end = path_here(e->path)->op;
    return e->end != PATH_OP_NONE && e->end != 0;
}

/* After the uncut run power goes off and on: what was never cut, since nothing was written, is not
 * there then. A finding ends the history at its last operation. */
static void read_back(struct explorer *e)
{
    if (e->diverged || explorer_stopped(e) || path_here(e->path)->op == PATH_OP_NONE) return;
    enter_beside(e);
    if (!explorer_step(e, OP_MOUNT)) explorer_diverges(e);
    leave(e);
}

static bool grows_old(const struct explorer *e)
{
    return e->options->age && aged_finds(e->rig, e->options->age);
}

/* The case of what laps find has the history, which must show nothing itself: only what was right.
 * False: nothing was put in before it was wrong. */
static bool leave_out_divergence(struct explorer *e)
{
    struct path_level *here = path_here(e->path);
    const struct op *first = script_first_change(e->script);
    if (!e->diverged) return true;
    if (!first || first >= &e->script->ops[here->op]) return false;
    here->op--;
    return true;
}

/* What keeps memory, wears a sector out, or is wrong after many changes, does so without a cut, in
 * no operation of the history: that one goes on. */
static void look_at_laps(struct explorer *e)
{
    bool diverged = e->diverged;
    uint32_t op = path_here(e->path)->op;
    if (!e->options->laps || op == PATH_OP_NONE || !leave_out_divergence(e)) return;
    if (!explorer_stopped(e) && leak_finds(e->rig)) explorer_diverges(e);
    if (!explorer_stopped(e) && worn_finds(e->rig)) explorer_diverges(e);
    if (!explorer_stopped(e) && grows_old(e)) explorer_diverges(e);
    path_here(e->path)->op = op;
    e->diverged = diverged;
}

/* Whoever shares an exploration knows of the uncut run already. */
static void forget_uncut(struct explorer *e)
{
    result_free(e->result);
    e->reported = 0;
}

/* Once to learn what each operation answers and what the work costs, then with cuts. */
static void explore_all(struct explorer *e)
{
    struct explore_options uncut = *e->options;
    const struct explore_options *asked = e->options;
    uncut.depth = 0;
    uncut.share = NULL;
    e->options = &uncut;
    if (start(e)) run_from(e, 0);
    explore_keep_counts(e);
    if (!asked->share) {
        read_back(e);
        look_at_laps(e);
    }
    e->planned = *asked;
    e->options = &e->planned;
    if (asked->depth == 0 || !end_before_divergence(e)) return;
    if (asked->plan) asked->plan(asked->plan_context, e->result, &e->planned);
    assert(e->planned.depth == asked->depth && e->planned.passes == asked->passes);
    if (asked->share) forget_uncut(e);
    e->path->operations = 0;
    for (; e->pass < explorer_at_least_one(asked->passes) && !explorer_stopped(e); e->pass++) {
        chip_reset(e->rig->chip);
        if (start(e)) run_from(e, 0);
    }
    if (!asked->share) e->result->mounts = e->rig->mounts;
}

void explore(const struct script *script, const struct adapter *adapter,
             const struct adapter_settings *settings, const struct explore_options *options,
             struct path *path, const volatile bool *stop, struct result *result)
{
    struct explorer e = {
        .script = script, .options = options, .result = result, .path = path, .stop = stop};
    assert(options->depth <= CONTRACT_DEPTH_MAX &&
           options->shard < explorer_at_least_one(options->shards));
    e.whole = result;
    *result = (struct result){0};
    e.rig = rig_new(script, adapter, settings);
    e.capacity = capacity_new(e.rig);
    e.visited = visited_new();
    e.rest = rest_new();
    e.rig->rest = is_rest_known;
    e.rig->rest_context = &e;
    e.rig->stop = stop;
    e.answers = memory_zeroed(script->op_count, 1);
    memset(e.answers, ANSWER_UNSUPPORTED, script->op_count);
    if (script_next_cut(script, 0, script->op_count) < script->op_count)
        e.uncut = memory_zeroed(script->op_count, 1);
    e.end = options->share ? options->share->end : script->op_count;
    e.exercised = find_exercise(script);
    bool isolate = options->isolate || adapter->has_globals;
    if (isolate) {
        worker_open(&e.child);
        setvbuf(e.child.file, NULL, _IONBF, 0); /* a buffer would show what an earlier one wrote */
    }
    rig_set_faults(e.rig, options->faults);
    explore_all(&e);
    if (isolate) worker_close(&e.child);
    capacity_free(e.capacity);
    rig_free(e.rig);
    visited_free(e.visited);
    rest_free(e.rest);
    free(e.answers);
    free(e.uncut);
    free(e.failures.at);
}
