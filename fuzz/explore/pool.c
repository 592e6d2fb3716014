#include "fuzz/explore/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "fuzz/explore/result_pipe.h"
#include "sim/memory.h"

/* What the workers and the pool see both. */
struct shared {
    volatile bool stop;
    struct path paths[];
};

struct pool {
    const struct script *script;
    const struct adapter *adapter;
    const struct adapter_settings *settings;
    const struct explore_options *options;
    const struct pool_options *how;
    struct shared *shared;
    size_t shared_size;
    struct worker *workers;
    struct result *result;
};

/* --- in the worker --- */

/* Whenever something new is found, so that it is not lost with the worker later. */
static void keep(void *context, const struct result *so_far)
{
    FILE *file = context;
    rewind(file);
    result_pipe_write(file, so_far);
}

static _Noreturn void work(const struct pool *pool, uint32_t index)
{
    struct explore_options mine = *pool->options;
    FILE *file = pool->workers[index].file;
    uint32_t shards = mine.shards ? mine.shards : 1;
    mine.shard += shards * index;
    mine.shards = shards * pool->how->jobs;
    mine.found = keep;
    mine.found_context = file;
    mine.limits = pool->how->limits;
    struct result result;
    explore(pool->script, pool->adapter, pool->settings, &mine, &pool->shared->paths[index],
            &pool->shared->stop, &result);
    rewind(file);
    result_pipe_write(file, &result);
    worker_leave();
}

/* --- in the pool --- */

static void start_worker(struct pool *pool, uint32_t index)
{
    worker_open(&pool->workers[index]);
    if (worker_fork(&pool->workers[index])) work(pool, index);
}

/* The worker is gone in the middle of an engine call: the path it was on is the case. */
static void add_lost(struct pool *pool, uint32_t index, enum worker_end end, const char *text)
{
    const struct path *path = &pool->shared->paths[index];
    const struct path_frame frame = {pool->script, pool->adapter, pool->settings,
                                     pool->options->faults};
    struct finding finding = worker_finding(&pool->workers[index], end, text);
    struct divergence divergence = path_divergence(&frame, path, &finding);
    divergence.lost = true;
    divergence.order = path->states;
    path_add(pool->result, &divergence, &frame, path, &finding);
}

/* What a worker had found before it was lost; its counts end there and are left alone. */
static void take_found(struct pool *pool, FILE *file)
{
    struct result part = {0};
    rewind(file);
    result_pipe_read(file, &part);
    for (uint32_t i = 0; i < part.divergence_count; i++)
        result_add(pool->result, &part.divergences[i]);
    part.divergence_count = 0;
    result_free(&part);
}

/* Takes over what a worker found. */
static void collect(struct pool *pool, uint32_t index, enum worker_end end, const char *text)
{
    FILE *file = pool->workers[index].file;
    if (end == WORKER_DONE) {
        result_pipe_read_whole(file, pool->result);
        return;
    }
    take_found(pool, file);
    pool->result->states += pool->shared->paths[index].states;
    pool->result->stopped = true; /* nobody explores the rest of its share */
    add_lost(pool, index, end, text);
}

static void show_progress(const struct pool *pool)
{
    uint64_t states = 0, operations = UINT64_MAX;
    if (!pool->how->progress) return;
    for (uint32_t i = 0; i < pool->how->jobs; i++) {
        const struct path *path = &pool->shared->paths[i];
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
        if (end == WORKER_RUNS)
            running++;
        else
            collect(pool, i, end, text);
    }
    return running;
}

static void watch_workers(struct pool *pool)
{
    double start = worker_now(), shown = start, seconds_max = pool->how->seconds_max;
    while (look_at_workers(pool)) {
        double time = worker_now();
        if (worker_stopped() || (seconds_max > 0 && time - start > seconds_max))
            pool->shared->stop = true;
        if (time - shown > 0.2) {
            show_progress(pool);
            shown = time;
        }
        worker_pause();
    }
    if (pool->shared->stop) pool->result->stopped = true;
}

static void run_workers(struct pool *pool)
{
    fflush(NULL); /* nothing buffered is to be written twice */
    for (uint32_t i = 0; i < pool->how->jobs; i++)
        start_worker(pool, i);
    watch_workers(pool);
    for (uint32_t i = 0; i < pool->how->jobs; i++)
        worker_close(&pool->workers[i]);
}

static int by_order(const void *a, const void *b)
{
    const struct divergence *left = a, *right = b;
    if (left->order != right->order) return left->order < right->order ? -1 : 1;
    return left->shape < right->shape ? -1 : left->shape > right->shape;
}

void pool_explore(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, const struct explore_options *options,
                  const struct pool_options *how, struct result *result)
{
    struct pool pool = {script, adapter, settings, options, how, NULL, 0, NULL, result};
    *result = (struct result){0};
    pool.shared_size = sizeof *pool.shared + how->jobs * sizeof *pool.shared->paths;
    pool.shared = worker_share(pool.shared_size);
    pool.workers = memory_zeroed(how->jobs, sizeof *pool.workers);
    run_workers(&pool);
    free(pool.workers);
    worker_unshare(pool.shared, pool.shared_size);
    if (result->divergence_count)
        qsort(result->divergences, result->divergence_count, sizeof *result->divergences, by_order);
}
