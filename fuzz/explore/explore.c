/* The explorer. One recursion does all the work:
 *
 *     run_from(op)      calls the engine for each operation; at every flash call the chip asks
 *       on_flash_op()   which offers every tear to
 *         crash()       which tears, powers on, and lets
 *           judge()     recover, exercise, and, while depth allows, run_from(op) again.
 *
 * Level n of the recursion has n cuts behind it. The chip goes back by its journal, the engine and
 * the model by having one of each at every level.
 */
#include "fuzz/explore/explore.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/settings.h"
#include "fuzz/rig/capacity.h"
#include "fuzz/rig/rig.h"
#include "fuzz/explore/visited.h"
#include "fuzz/explore/result_pipe.h"
#include "fuzz/explore/worker.h"

struct explorer {
    const struct script *script;
    const struct explore_options *options;
    struct result *result;
    struct path *path;
    const volatile bool *stop;
    struct rig *rig;
    struct capacity *capacity;
    struct visited *visited;
    uint8_t *answers; /* of the uncut run, one for each operation */
    uint64_t ordinal; /* first-level cuts met in this pass, of all shards */
    uint32_t pass;
    struct worker child; /* that judges; its file holds its result, NULL: judge in this process */
    uint32_t told;       /* divergences that the caller was told of */
};

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
        .divergences_max = 10,
    };
}

/* --- divergences --- */

/* What is new is told before the engine can crash on something else. */
static void tell_found(struct explorer *e)
{
    if (e->result->divergence_count <= e->told) return;
    e->told = e->result->divergence_count;
    if (e->options->found) e->options->found(e->options->found_context, e->result);
}

static void add_finding(struct explorer *e, bool lost)
{
    const struct finding *finding = &e->rig->finding;
    struct divergence divergence = {
        .clause = finding->clause,
        .fault = path_fault(e->path),
        .shape = path_shape(finding->clause, e->rig->adapter, e->script, e->path),
        .lost = lost,
        .count = 1,
        .order = e->ordinal,
    };
    divergence.script = path_case(e->script, e->rig->adapter, &e->rig->settings, e->path);
    if (divergence.script) {
        /* A replay needs the rules of these classes in force too. */
        if (e->options->faults & ~(uint32_t)FAULT_STABLE)
            divergence.script->faults = e->options->faults;
        memcpy(divergence.script->finding, finding->text, sizeof finding->text);
        strncpy(divergence.script->clause, clause_name(finding->clause),
                sizeof divergence.script->clause - 1);
        result_add(e->result, &divergence);
    }
    e->rig->finding.clause = CLAUSE_NONE;
    tell_found(e);
}

static void diverges(struct explorer *e)
{
    if (e->rig->finding.clause == CLAUSE_SCENARIO) {
        memcpy(e->result->mistake, e->rig->finding.text, sizeof e->result->mistake);
        e->result->mistake_line = e->script->ops[path_here(e->path)->op].line;
        e->result->stopped = true;
        return;
    }
    add_finding(e, false);
}

static bool stopped(struct explorer *e)
{
    uint32_t max = e->options->divergences_max;
    if ((e->stop && *e->stop) || e->result->failed || (max && e->result->divergence_count >= max))
        e->result->stopped = true;
    return e->result->stopped;
}

/* --- running --- */

static void watch_cuts(struct explorer *e)
{
    bool deeper = e->rig->level < e->options->depth;
    chip_set_hook(e->rig->chip, deeper ? on_flash_op : NULL, e);
}

static bool exercise(struct explorer *e)
{
    return rig_use(e->rig, capacity_can_use(e->capacity));
}

/* Whether a store has taken effect before the cut: doing it again asks for room once more, which
 * the uncut run never did. */
static bool is_done(const struct explorer *e, const struct op *op)
{
    const struct model *model = rig_model(e->rig);
    return op->kind == OP_STORE && model_is_map(model) &&
           model_match(model, op->key, false, op->value->bytes, op->value->size) >= 0;
}

/* One operation at this level. What the uncut run could do must be possible after a cut too. */
static bool run_op(struct explorer *e, uint32_t index)
{
    const struct op *op = &e->script->ops[index];
    enum answer answer = ANSWER_OK;
    /* After the exercise its key may still be there, on parts that can't remove. */
    bool must = e->answers[index] == ANSWER_OK && op->kind != OP_REMOVE && op->kind != OP_POP &&
                !is_done(e, op) && e->path->use != USE_FIRST;
    path_call(e->path, index);
    if (op->kind == OP_USE) return exercise(e);
    if (!rig_call(e->rig, op, &answer)) return false;
    if (e->rig->level == 0)
        e->answers[index] = (uint8_t)answer;
    else if (answer != ANSWER_OK && must && capacity_can_do(e->capacity, op))
        return rig_finds(e->rig, CLAUSE_ALIVE, "%s worked without the cut and fails after it",
                         op_name(op->kind));
    return true;
}

static bool is_new(struct explorer *e, uint32_t op, enum fault_class fault);

static uint32_t at_least_one(uint32_t n)
{
    return n ? n : 1;
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
    rig_leave(e->rig);
    path_return(e->path, e->rig->level);
}

/* The class rot: after an operation, one bit flips while the power is off. */
static void rot(struct explorer *e, uint32_t index, uint64_t seed)
{
    struct rig *rig = e->rig;
    enter_beside(e);
    e->path->rotten = true;
    e->path->rot_seed = seed;
    bool fine = rig_call(rig, &(struct op){.kind = OP_ROT, .count = 1, .seed = seed}, NULL);
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    if (fine && is_new(e, index, FAULT_ROT) && !rig_recover(rig)) diverges(e);
    rig->rotten = e->path->rotten = false;
    leave(e);
}

static void rot_after(struct explorer *e, uint32_t index)
{
    if (e->pass || e->rig->level != 0 || !(e->options->faults & FAULT_ROT)) return;
    if (index % at_least_one(e->options->shards) != e->options->shard) return;
    uint64_t seed = chip_hash(e->rig->chip).low ^ e->options->seed;
    for (uint32_t i = 0; i < 4 * e->options->effort.masks && !stopped(e); i++)
        rot(e, index, seed + i);
}

static void run_from(struct explorer *e, uint32_t first)
{
    uint32_t end = e->script->op_count;
    uint32_t reach = e->rig->level ? e->options->reach : 0;
    if (reach && end - first > reach) end = first + reach;
    for (uint32_t i = first; i < end && !stopped(e); i++) {
        watch_cuts(e);
        if (!run_op(e, i)) {
            diverges(e);
            return;
        }
        if (e->options->depth) rot_after(e, i);
        if (e->rig->level == 0) e->path->operations++;
    }
}

/* --- cutting --- */

/* Does the interrupted operation again. A list is read back then: the exercise may go around the
 * ring, and what was lost until then would count as dropped. */
static bool redo(struct explorer *e)
{
    struct rig *rig = e->rig;
    uint32_t index = path_here(e->path)->first_op;
    if (index >= e->script->op_count) return true;
    if (!run_op(e, index)) return false;
    e->path->looked = rig->adapter->kind != ADAPTER_MAP && !rig_is_off(rig);
    return !e->path->looked || rig_look(rig, rig_object(rig));
}

/* The interrupted operation is done again and the store is exercised, in either order: a device may
 * write the same bytes to the same place once more, or others. The crash state decides which. */
static bool use_store(struct explorer *e)
{
    chip_set_hook(e->rig->chip, NULL, NULL);
    if (chip_hash(e->rig->chip).low & 1) {
        e->path->use = USE_FIRST;
        return exercise(e) && redo(e);
    }
    if (!redo(e)) return false;
    e->path->use = USE_LAST;
    return exercise(e);
}

/* With deeper cuts to come the exercise happens beside this level, on an object of its own. */
static void use_beside(struct explorer *e)
{
    enter_beside(e);
    if (!rig_recover(e->rig) || !use_store(e)) diverges(e);
    leave(e);
}

/* Power is on again at a new level: everything that must hold now. */
static void judge(struct explorer *e)
{
    struct rig *rig = e->rig;
    watch_cuts(e);
    if (!rig_recover(rig)) {
        diverges(e);
        return;
    }
    path_recovered(e->path);
    if (rig->level < e->options->depth) {
        if (e->options->use) use_beside(e);
        run_from(e, path_here(e->path)->first_op);
    } else if (e->options->use && !use_store(e)) {
        diverges(e);
    }
}

/* A crash state is the image, the states that the model allows, and what will be asked of it. Bits
 * that rotted are judged with more patience, a clear that may not stop half way with less. */
static struct chip_hash state_digest(const struct explorer *e, uint32_t op)
{
    const struct rig *rig = e->rig;
    struct chip_hash digest = chip_hash(rig->chip);
    const struct model *model = rig_model(e->rig);
    uint64_t allowed = model_digest(model);
    uint64_t asked =
        (uint64_t)op << 8 | rig->level << 2 | (model->together ? 2u : 0u) | rig->rotten;
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
    return index;
}

static bool is_new(struct explorer *e, uint32_t op, enum fault_class fault)
{
    e->result->states++;
    e->path->states++;
    if (e->options->dedup && visited_before(e->visited, state_digest(e, op))) {
        e->result->skipped++;
        return false;
    }
    e->result->judged++;
    e->result->judged_by_class[class_index(fault)]++;
    return true;
}

static _Noreturn void judge_and_leave(struct explorer *e)
{
    struct result found = {0};
    e->result = &found;
    e->told = UINT32_MAX; /* our parent tells */
    judge(e);
    worker_leave(result_pipe_write(e->child.file, &found));
}

/* In a process of its own, which takes the engine's crashes and its heap with it. */
static void judge_in_child(struct explorer *e)
{
    char text[WORKER_TEXT_MAX];
    rewind(e->child.file);
    fflush(NULL);
    pid_t pid = worker_fork(&e->child);
    if (pid == 0) judge_and_leave(e);
    enum worker_end end = pid > 0 ? worker_wait(&e->child, text) : WORKER_FAILED;
    if (end == WORKER_CRASHED) {
        rig_finds(e->rig, CLAUSE_SANE, "%s", text);
        add_finding(e, true);
        return;
    }
    rewind(e->child.file);
    if (end != WORKER_DONE || !result_pipe_read(e->child.file, e->result)) e->result->failed = true;
    tell_found(e);
}

struct interruption {
    struct explorer *e;
    const struct chip_op *op;
};

static bool crash(void *context, const struct tear *tear)
{
    const struct interruption *now = context;
    struct explorer *e = now->e;
    struct rig *rig = e->rig;
    rig_enter(rig);
    path_cut(e->path, tear, now->op->kind == CHIP_ERASE);
    chip_tear(rig->chip, now->op, tear);
    chip_power_on(rig->chip);
    if (is_new(e, path_here(e->path)->first_op, fault_class_of(tear))) {
        rig_lose_power(rig);
        if (e->child.file && rig->level == 1)
            judge_in_child(e);
        else
            judge(e);
    }
    leave(e);
    return !stopped(e);
}

/* Whether a first-level cut belongs to this shard and this pass. */
static bool is_ours(const struct explorer *e, uint64_t ordinal)
{
    uint64_t shards = at_least_one(e->options->shards);
    if (ordinal % shards != e->options->shard) return false;
    return ordinal / shards % at_least_one(e->options->passes) == e->pass;
}

static const struct tear *on_flash_op(void *context, const struct chip_op *op)
{
    struct explorer *e = context;
    struct rig *rig = e->rig;
    path_here(e->path)->nth++;
    if (e->result->stopped) return NULL;
    if (rig->level == 0) {
        if (!is_ours(e, e->ordinal++)) return NULL;
    }
    e->result->cuts++;
    struct interruption now = {e, op};
    uint64_t seed = e->options->seed ^ chip_hash(rig->chip).low;
    fault_tears(rig->chip, op, e->options->faults, &e->options->effort, seed, crash, &now);
    watch_cuts(e);
    return NULL;
}

/* --- the whole --- */

static bool keep_counts(struct explorer *e)
{
    struct result *result = e->result;
    uint32_t sectors = chip_flash(e->rig->chip)->geometry.sector_count;
    result->counters = *chip_counters(e->rig->chip);
    result->operations = e->script->op_count;
    result->refused = e->rig->refusals.count;
    rig_print_refusal(e->rig, result->refusal);
    result->mounts = e->rig->mounts;
    result->sector_count = sectors;
    result->sector_erases = calloc(sectors, sizeof *result->sector_erases);
    if (!result->sector_erases) return false;
    for (uint32_t i = 0; i < sectors; i++) {
        result->sector_erases[i] = chip_sector_erases(e->rig->chip, i);
        if (result->sector_erases[i] <= result->erases_max) continue;
        result->erases_max = result->sector_erases[i];
        result->erases_max_sector = i;
    }
    return true;
}

static bool start(struct explorer *e)
{
    path_start(e->path);
    chip_set_hook(e->rig->chip, NULL, NULL);
    if (rig_begin(e->rig)) return true;
    diverges(e);
    return false;
}

/* Once to learn what each operation answers and what the work costs, then with cuts. */
static bool explore_all(struct explorer *e)
{
    struct explore_options uncut = *e->options;
    const struct explore_options *asked = e->options;
    uncut.depth = 0;
    e->options = &uncut;
    if (start(e)) run_from(e, 0);
    bool kept = keep_counts(e);
    e->options = asked;
    if (!kept || e->result->divergence_count || asked->depth == 0) return kept;
    e->path->operations = 0;
    for (; e->pass < at_least_one(asked->passes) && !stopped(e); e->pass++) {
        e->ordinal = 0;
        chip_reset(e->rig->chip);
        if (start(e)) run_from(e, 0);
    }
    e->result->mounts = e->rig->mounts;
    return true;
}

bool explore(const struct script *script, const struct adapter *adapter,
             const struct adapter_settings *settings, const struct explore_options *options,
             struct path *path, const volatile bool *stop, struct result *result)
{
    struct explorer e = {
        .script = script, .options = options, .result = result, .path = path, .stop = stop};
    *result = (struct result){0};
    e.rig = rig_new(script, adapter, settings);
    e.capacity = e.rig ? capacity_new(e.rig) : NULL;
    e.visited = visited_new();
    e.answers = calloc(script->op_count + 1, 1);
    bool isolate = options->isolate || adapter->has_globals;
    if (isolate) e.child.file = tmpfile();
    if (e.child.file)
        setvbuf(e.child.file, NULL, _IONBF,
                0); /* a buffer would show what an earlier child wrote */
    bool done = e.capacity && e.visited && e.answers && (e.child.file || !isolate);
    if (done) {
        rig_set_faults(e.rig, options->faults);
        done = explore_all(&e) && !result->failed;
    }
    if (e.child.file) fclose(e.child.file);
    capacity_free(e.capacity);
    rig_free(e.rig);
    visited_free(e.visited);
    free(e.answers);
    return done;
}
