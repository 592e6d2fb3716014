/* pool.c - see pool.h.
 *
 * First one worker does the run without cuts: what it counts and finds is the result's. Then all
 * workers do that run, and each takes the groups of cuts (explore.h) that come its way and that no
 * other has taken. A worker writes the result of each group to its file. When it ends, the pool
 * reads them; in the end they are put in the order of the groups and added up, so that nothing
 * depends on who explored what, and when.
 *
 * A worker that is lost was at one step of one group. What it had found there is in its file, what
 * it had counted in shared memory, and a new worker goes on with the next step. Each loss in a
 * group costs some of what the group may lose; a loss outside of the cuts costs all of it.
 *
 * The exploration ends with the first group that makes the kinds found as many as are wanted, or
 * the losses too many. Workers that know of that take no later group; what they took is left out.
 */
#include "fuzz/explore/pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/explore/result_pipe.h"
#include "fuzz/script/kind.h"
#include "sim/memory.h"

/* What losses cost, and what may be lost: of one group, and of all. A hang takes a second or more
 * until it is noticed. */
#define LOSS_CRASH 1u
#define LOSS_HANG 16u
#define LOSS_GROUP_MAX 64u
#define LOSS_MAX 128u

/* Kinds of which workers know: one that finds no room here is found all the same, and others may
 * take groups in vain. */
#define KINDS_MAX 1024u

struct kind_seen {
    uint32_t group;
    _Atomic uint64_t core; /* of the kind (script/kind.h); 0: it is being written down */
};

/* Of a worker and of those that take its place. */
struct slot {
    struct path path;
    struct result part;    /* of the group in progress: counts */
    size_t written, begun; /* bytes of its file: groups that are done, and one that is not */
    uint32_t resumed;      /* the group in which the one before it was lost, */
    uint64_t step;         /* and its step there */
};

struct group {
    atomic_bool taken;
    atomic_uint lost; /* what its losses cost */
};

/* What the workers and the pool see both. */
struct shared {
    volatile bool stop;
    atomic_uint lost; /* what all losses cost */
    atomic_uint kind_count;
    struct kind_seen kinds[KINDS_MAX];
};

/* The result of a group, or of a part of one that follows a loss. */
struct portion {
    uint32_t group, number;
    struct result result;
};

struct pool {
    const struct script *script;
    const struct adapter *adapter;
    const struct adapter_settings *settings;
    const struct explore_options *options;
    const struct pool_options *how;
    struct shared *shared;
    struct slot *slots;
    struct group *groups;
    uint32_t group_count;
    double start;
    bool leaks;   /* the engine keeps memory without a cut; children take it with them */
    bool uncut;   /* the run without cuts is being done, */
    uint32_t end; /* operations that it can do */
    struct worker *workers;
    struct portion *portions;
    uint32_t portion_count;
    struct result *result;
};

/* --- how far the exploration goes --- */

static uint32_t kinds_before(const struct pool *pool, uint32_t group)
{
    const struct kind_seen *kinds = pool->shared->kinds;
    uint32_t count = atomic_load(&pool->shared->kind_count), before = 0;
    uint64_t cores[KINDS_MAX];
    if (count > KINDS_MAX) count = KINDS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t core = atomic_load(&kinds[i].core);
        if (core && kinds[i].group < group) cores[before++] = core;
    }
    return kind_count_least(cores, before);
}

/* Whether the groups before this one have lost too much. They are many, and losses rare: the groups
 * are only gone through where there are enough losses at all. */
static bool is_lost(const struct pool *pool, uint32_t group)
{
    uint32_t lost = 0;
    assert(group < pool->group_count);
    if (atomic_load(&pool->shared->lost) < LOSS_MAX) return false;
    for (uint32_t i = 0; i < group; i++)
        lost += atomic_load(&pool->groups[i].lost);
    return lost >= LOSS_MAX;
}

/* Whether the groups before this one are the last ones that count. */
static bool is_enough(const struct pool *pool, uint32_t group)
{
    uint32_t max = pool->options->divergences_max;
    return (max && kinds_before(pool, group) >= max) || is_lost(pool, group);
}

static void note_kind(struct pool *pool, uint32_t group, const struct finding *finding)
{
    uint32_t index = atomic_fetch_add(&pool->shared->kind_count, 1);
    if (index >= KINDS_MAX) return;
    pool->shared->kinds[index].group = group;
    atomic_store(&pool->shared->kinds[index].core, kind_core(finding));
}

/* --- in the worker --- */

struct hand {
    struct pool *pool;
    struct slot *slot;
    FILE *file;
    uint32_t noted; /* kinds of this group that others know of */
};

/* Where the groups that are done end. */
static size_t put_portion(const struct hand *hand, uint32_t group, const struct result *part)
{
    assert(group < hand->pool->group_count && hand->slot->written <= hand->slot->begun);
    fseek(hand->file, (long)hand->slot->written, SEEK_SET);
    result_pipe_put(hand->file, &group, sizeof group);
    result_pipe_write(hand->file, part);
    return (size_t)ftell(hand->file);
}

static bool take(void *context, uint32_t group)
{
    struct hand *hand = context;
    struct pool *pool = hand->pool;
    hand->noted = 0;
    assert(group < pool->group_count);
    if (group == hand->slot->resumed) return true;
    return !is_enough(pool, group) && !atomic_exchange(&pool->groups[group].taken, true);
}

/* Whenever something new is found, so that it is not lost with the worker later. */
static void keep(void *context, const struct result *so_far)
{
    struct hand *hand = context;
    uint32_t group = hand->slot->path.group;
    if (group == PATH_GROUP_NONE) return; /* the run without cuts, once more */
    for (; hand->noted < so_far->divergence_count; hand->noted++)
        note_kind(hand->pool, group, &so_far->divergences[hand->noted].script->found);
    hand->slot->begun = put_portion(hand, group, so_far);
}

static void done(void *context, uint32_t group, struct result *part)
{
    struct hand *hand = context;
    hand->slot->written = hand->slot->begun = put_portion(hand, group, part);
    result_free(part);
}

static _Noreturn void work(struct pool *pool, uint32_t index)
{
    struct slot *slot = &pool->slots[index];
    struct hand hand = {.pool = pool, .slot = slot, .file = pool->workers[index].file};
    const struct explore_share share = {take,          done,       &hand,    &slot->part,
                                        slot->resumed, slot->step, pool->end};
    struct explore_options mine = *pool->options;
    struct result rest;
    mine.limits = pool->how->limits;
    mine.isolate = mine.isolate || pool->leaks;
    mine.share = &share;
    mine.found = keep;
    mine.found_context = &hand;
    explore(pool->script, pool->adapter, pool->settings, &mine, &slot->path, &pool->shared->stop,
            &rest);
    worker_leave();
}

static _Noreturn void work_uncut(struct pool *pool)
{
    struct explore_options mine = *pool->options;
    struct result result;
    mine.depth = 0;
    explore(pool->script, pool->adapter, pool->settings, &mine, &pool->slots[0].path,
            &pool->shared->stop, &result);
    result_pipe_write(pool->workers[0].file, &result);
    worker_leave();
}

/* --- what is lost --- */

/* The worker is gone in the middle of an engine call: the path it was on is the case. */
static struct finding add_lost(struct pool *pool, uint32_t index, enum worker_end end,
                               const char *text, struct result *result)
{
    const struct path *path = &pool->slots[index].path;
    const struct path_frame frame = {pool->script, pool->adapter, pool->settings,
                                     pool->options->faults};
    assert(end != WORKER_RUNS && end != WORKER_DONE);
    struct finding finding = worker_finding(&pool->workers[index], end, text);
    struct divergence divergence = path_divergence(&frame, path, &finding);
    divergence.lost = true;
    divergence.order = path->ordinal;
    path_add(result, &divergence, &frame, path, &finding);
    return finding;
}

static struct result *new_portion(struct pool *pool, uint32_t group)
{
    uint32_t count = pool->portion_count++;
    pool->portions = memory_resize(pool->portions, pool->portion_count, sizeof *pool->portions);
    pool->portions[count] = (struct portion){.group = group, .number = count};
    return &pool->portions[count].result;
}

/* The result of each group in its file, that of one that is not done too. */
static void read_portions(struct pool *pool, uint32_t index)
{
    FILE *file = pool->workers[index].file;
    const struct slot *slot = &pool->slots[index];
    rewind(file);
    while ((size_t)ftell(file) < slot->begun) {
        uint32_t group;
        if (fread(&group, sizeof group, 1, file) != 1 ||
            !result_pipe_read(file, new_portion(pool, group)))
            worker_fail("a temporary file lost what a worker had found");
    }
}

/* What the lost worker had done of its group: the counts are newer than what its file has. */
static struct result *lost_portion(struct pool *pool, uint32_t index)
{
    const struct slot *slot = &pool->slots[index];
    assert(slot->begun <= slot->written || pool->portion_count > 0);
    struct result *part = slot->begun > slot->written
                              ? &pool->portions[pool->portion_count - 1].result
                              : new_portion(pool, slot->path.group);
    struct result counts = slot->part;
    counts.divergences = part->divergences;
    counts.divergence_count = part->divergence_count;
    *part = counts;
    return part;
}

/* What a loss costs: one at the same place again, or outside of the cuts, all that may be lost. */
static uint32_t price(const struct path *path, enum worker_end end)
{
    assert(end != WORKER_RUNS && end != WORKER_DONE);
    bool in_cut = path->cuts > 0 || path_has_step(path, OP_ROT);
    if (!in_cut) return LOSS_GROUP_MAX;
    return end == WORKER_HUNG ? LOSS_HANG : LOSS_CRASH;
}

/* --- in the pool --- */

static void start_worker(struct pool *pool, uint32_t index)
{
    assert(index < pool->how->jobs);
    worker_open(&pool->workers[index]);
    fflush(NULL); /* nothing buffered is to be written twice */
    if (!worker_fork(&pool->workers[index])) return;
    worker_limit_memory(&pool->how->limits);
    if (pool->uncut)
        work_uncut(pool);
    else
        work(pool, index);
}

/* Another worker goes on after the step at which this one was lost. */
static void replace(struct pool *pool, uint32_t index, enum worker_end end, const char *text)
{
    struct slot *slot = &pool->slots[index];
    uint32_t group = slot->path.group;
    if (group == PATH_GROUP_NONE) { /* in the run without cuts, which one has done before */
        pool->result->stopped = true;
        add_lost(pool, index, end, text, pool->result);
        return;
    }
    assert(group < pool->group_count);
    struct result *part = lost_portion(pool, index);
    struct finding finding = add_lost(pool, index, end, text, part);
    note_kind(pool, group, &finding);
    uint32_t more = price(&slot->path, end);
    bool over = atomic_fetch_add(&pool->groups[group].lost, more) + more >= LOSS_GROUP_MAX;
    atomic_fetch_add(&pool->shared->lost, more);
    if (over) part->stopped = true;
    worker_close(&pool->workers[index]);
    slot->resumed = over ? PATH_GROUP_NONE : group;
    slot->step = slot->path.step;
    slot->written = slot->begun = 0;
    start_worker(pool, index);
}

/* What comes after the operation in which it was lost was not run. */
static void end_uncut(struct pool *pool, enum worker_end end, const char *text)
{
    const struct path *path = &pool->slots[0].path;
    uint32_t op = path->levels[0].op;
    if (end == WORKER_DONE) {
        result_pipe_read_whole(pool->workers[0].file, pool->result);
        return;
    }
    if (path->level == 0) pool->end = op == PATH_OP_NONE ? 0 : op; /* else it was read back */
    pool->result->stopped = true;
    pool->result->operations = pool->end;
    add_lost(pool, 0, end, text, pool->result);
}

static void end_worker(struct pool *pool, uint32_t index, enum worker_end end, const char *text)
{
    assert(end != WORKER_RUNS && (index == 0 || !pool->uncut));
    if (pool->uncut) {
        end_uncut(pool, end, text);
        return;
    }
    read_portions(pool, index);
    if (end != WORKER_DONE) replace(pool, index, end, text);
}

static void show_progress(const struct pool *pool)
{
    uint64_t states = 0, operations = UINT64_MAX;
    if (!pool->how->progress) return;
    for (uint32_t i = 0; i < pool->how->jobs; i++) {
        const struct path *path = &pool->slots[i].path;
        states += path->states;
        if (path->operations < operations) operations = path->operations;
    }
    uint32_t passes = pool->options->passes ? pool->options->passes : 1;
    pool->how->progress(pool->how->context, states, operations,
                        (uint64_t)pool->script->op_count * passes);
}

/* One look at each; how many go on. */
static uint32_t look_at_workers(struct pool *pool)
{
    uint32_t running = 0;
    for (uint32_t i = 0; i < pool->how->jobs; i++) {
        char text[WORKER_TEXT_MAX];
        struct worker *worker = &pool->workers[i];
        if (!worker->pid) continue;
        enum worker_end end = worker_look(worker, &pool->how->limits, text);
        if (end != WORKER_RUNS) end_worker(pool, i, end, text);
        running += worker->pid != 0;
    }
    return running;
}

static void watch_workers(struct pool *pool)
{
    double shown = worker_now(), seconds_max = pool->how->seconds_max;
    while (look_at_workers(pool)) {
        double time = worker_now();
        bool late = seconds_max > 0 && time - pool->start > seconds_max;
        if (late || worker_stopped()) {
            pool->shared->stop = true;
            pool->result->stop = worker_stopped() ? RESULT_ASKED : RESULT_TIME;
        }
        if (time - shown > 0.2) {
            show_progress(pool);
            shown = time;
        }
        worker_pause();
    }
    if (pool->shared->stop) pool->result->stopped = true;
}

/* The run without cuts, by one worker. Whether there is something to cut. */
static bool run_uncut(struct pool *pool)
{
    uint32_t max = pool->options->divergences_max;
    assert(pool->portion_count == 0 && "groups come later");
    pool->uncut = true;
    start_worker(pool, 0);
    watch_workers(pool);
    worker_close(&pool->workers[0]);
    pool->uncut = false;
    bool full = max && result_kinds(pool->result) >= max;
    for (uint32_t i = 0; i < pool->result->divergence_count; i++)
        note_kind(pool, 0, &pool->result->divergences[i].script->found);
    pool->leaks = result_has_leak(pool->result);
    return pool->end && !full && !pool->result->mistake[0] && !pool->shared->stop;
}

/* The groups, by all of them. */
static void run_cuts(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->how->jobs; i++)
        start_worker(pool, i);
    watch_workers(pool);
    for (uint32_t i = 0; i < pool->how->jobs; i++)
        worker_close(&pool->workers[i]);
}

/* --- adding up --- */

static int by_group(const void *a, const void *b)
{
    const struct portion *left = a, *right = b;
    if (left->group != right->group) return left->group < right->group ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

static void add_portion(struct result *to, struct result *part)
{
    result_add_counts(to, part);
    to->stopped = to->stopped || part->stopped;
    for (uint32_t i = 0; i < part->divergence_count; i++)
        result_add(to, &part->divergences[i]);
    part->divergence_count = 0;
}

/* Groups after the last one that counts were taken before that was known. */
static void add_up(struct pool *pool)
{
    struct result *result = pool->result;
    uint32_t max = pool->options->divergences_max, last = PATH_GROUP_NONE;
    if (pool->portion_count)
        qsort(pool->portions, pool->portion_count, sizeof *pool->portions, by_group);
    for (uint32_t i = 0; i < pool->portion_count; i++) {
        struct portion *part = &pool->portions[i];
        bool next = part->group != last;
        bool enough = (max && result_kinds(result) >= max) || is_lost(pool, part->group);
        if (next && enough) {
            result->stopped = true;
            break;
        }
        result->parts += next;
        last = part->group;
        add_portion(result, &part->result);
    }
    result->parts_all = pool->group_count;
    assert(result->parts <= result->parts_all && "a group counts once");
    if (!max || result_kinds(result) < max) return;
    result->stopped = true;
    if (!pool->shared->stop) result->stop = RESULT_MAX;
}

static int by_order(const void *a, const void *b)
{
    const struct divergence *left = a, *right = b;
    if (left->order != right->order) return left->order < right->order ? -1 : 1;
    return left->shape < right->shape ? -1 : left->shape > right->shape;
}

static void make_pool(struct pool *pool)
{
    uint32_t passes = pool->options->passes ? pool->options->passes : 1;
    pool->end = pool->script->op_count;
    pool->group_count = pool->end * passes;
    pool->shared = worker_share(sizeof *pool->shared);
    pool->slots = worker_share(pool->how->jobs * sizeof *pool->slots);
    pool->groups = worker_share((pool->group_count + 1) * sizeof *pool->groups);
    pool->workers = memory_zeroed(pool->how->jobs, sizeof *pool->workers);
    for (uint32_t i = 0; i < pool->how->jobs; i++)
        pool->slots[i].resumed = PATH_GROUP_NONE;
}

static void free_pool(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->portion_count; i++)
        result_free(&pool->portions[i].result);
    free(pool->portions);
    free(pool->workers);
    worker_unshare(pool->groups, (pool->group_count + 1) * sizeof *pool->groups);
    worker_unshare(pool->slots, pool->how->jobs * sizeof *pool->slots);
    worker_unshare(pool->shared, sizeof *pool->shared);
}

void pool_explore(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, const struct explore_options *options,
                  const struct pool_options *how, struct result *result)
{
    struct pool pool = {.script = script,
                        .adapter = adapter,
                        .settings = settings,
                        .options = options,
                        .how = how,
                        .start = worker_now(),
                        .result = result};
    *result = (struct result){0};
    make_pool(&pool);
    if (run_uncut(&pool)) run_cuts(&pool);
    add_up(&pool);
    free_pool(&pool);
    if (result_took_nothing(result)) result_empty(result);
    if (result->divergence_count)
        qsort(result->divergences, result->divergence_count, sizeof *result->divergences, by_order);
}
