#define _DEFAULT_SOURCE
#include "fuzz/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/wire.h"

struct worker {
    pid_t pid; /* 0: ended */
    FILE *file;
    uint64_t states, operations; /* when it was last seen alive */
    double seen;
};

/* What the workers and the pool see both. */
struct shared {
    volatile bool stop;
    struct explore_path paths[];
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
    struct explore_result *result;
};

static volatile sig_atomic_t interrupted;

void pool_stop(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* --- in the worker --- */

static _Noreturn void work(const struct pool *pool, uint32_t index)
{
    struct explore_options mine = *pool->options;
    uint32_t shards = mine.shards ? mine.shards : 1;
    mine.shard += shards * index;
    mine.shards = shards * pool->how->jobs;
    signal(SIGINT, SIG_IGN); /* the pool hears it and asks us to stop */
    struct explore_result result;
    bool fine = explore(pool->script, pool->adapter, pool->settings, &mine,
                        &pool->shared->paths[index], &pool->shared->stop, &result);
    fine = fine && wire_write(pool->workers[index].file, &result);
    _exit(fine ? 0 : 3);
}

/* --- in the pool --- */

static bool start_worker(struct pool *pool, uint32_t index)
{
    struct worker *worker = &pool->workers[index];
    worker->file = tmpfile();
    worker->seen = now();
    if (!worker->file) return false;
    pid_t pid = fork();
    if (pid == 0) work(pool, index);
    if (pid < 0) return false;
    worker->pid = pid;
    return true;
}

/* The worker is gone in the middle of an engine call: the path it was on is the case. */
static void add_lost(struct pool *pool, uint32_t index, enum clause clause, const char *text)
{
    const struct explore_path *path = &pool->shared->paths[index];
    struct divergence divergence = {
        .clause = clause, .lost = true, .count = 1, .order = path->states};
    divergence.shape = explore_shape(clause, pool->adapter, pool->script, path);
    divergence.script = explore_case(pool->script, pool->adapter, pool->settings, path);
    if (path->count) divergence.fault = fault_class_of(&path->cuts[path->count - 1].tear);
    if (!divergence.script) return;
    snprintf(divergence.script->finding, sizeof divergence.script->finding, "%s", text);
    snprintf(divergence.script->clause, sizeof divergence.script->clause, "%s",
             clause_name(clause));
    explore_add(pool->result, &divergence);
}

/* Takes over what a worker found. False when it failed by itself, not by the engine's fault. */
static bool collect(struct pool *pool, uint32_t index, int status)
{
    struct worker *worker = &pool->workers[index];
    char text[80];
    worker->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        rewind(worker->file);
        return wire_read(worker->file, pool->result);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3) return false;
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    snprintf(text, sizeof text, "the engine crashed: %s",
             number ? strsignal(number) : "it ended the process");
    pool->result->states += pool->shared->paths[index].states;
    add_lost(pool, index, CLAUSE_SANE, text);
    return true;
}

static void end_if_hung(struct pool *pool, uint32_t index)
{
    struct worker *worker = &pool->workers[index];
    const struct explore_path *path = &pool->shared->paths[index];
    if (path->states != worker->states || path->operations != worker->operations) {
        worker->states = path->states;
        worker->operations = path->operations;
        worker->seen = now();
    }
    if (pool->how->silence_max <= 0 || now() - worker->seen < pool->how->silence_max) return;
    kill(worker->pid, SIGKILL);
    waitpid(worker->pid, NULL, 0);
    worker->pid = 0;
    pool->result->states += path->states;
    add_lost(pool, index, CLAUSE_BOUNDED, "an engine call does not return");
}

static void show_progress(const struct pool *pool)
{
    uint64_t states = 0, operations = UINT64_MAX;
    if (!pool->how->progress) return;
    for (uint32_t i = 0; i < pool->how->jobs; i++) {
        const struct explore_path *path = &pool->shared->paths[i];
        states += path->states;
        if (path->operations < operations) operations = path->operations;
    }
    uint32_t passes = pool->options->passes ? pool->options->passes : 1;
    pool->how->progress(pool->how->context, states, operations,
                        (uint64_t)pool->script->op_count * passes);
}

static bool watch_workers(struct pool *pool)
{
    bool fine = true;
    double start = now(), shown = start;
    const struct timespec pause = {.tv_nsec = 2000000};
    for (uint32_t running = 1; running;) {
        running = 0;
        for (uint32_t i = 0; i < pool->how->jobs; i++) {
            int status;
            if (!pool->workers[i].pid) continue;
            if (waitpid(pool->workers[i].pid, &status, WNOHANG) > 0) {
                fine = collect(pool, i, status) && fine;
                continue;
            }
            end_if_hung(pool, i);
            running += pool->workers[i].pid != 0;
        }
        double seconds_max = pool->how->seconds_max;
        if (interrupted || (seconds_max > 0 && now() - start > seconds_max))
            pool->shared->stop = true;
        if (now() - shown > 0.2) {
            show_progress(pool);
            shown = now();
        }
        if (running) nanosleep(&pause, NULL);
    }
    if (pool->shared->stop) pool->result->stopped = true;
    return fine;
}

static bool run_workers(struct pool *pool)
{
    bool fine = true;
    fflush(NULL); /* nothing buffered is to be written twice */
    for (uint32_t i = 0; fine && i < pool->how->jobs; i++)
        fine = start_worker(pool, i);
    if (!fine) pool->shared->stop = true;
    fine = watch_workers(pool) && fine;
    for (uint32_t i = 0; i < pool->how->jobs; i++) {
        if (pool->workers[i].file) fclose(pool->workers[i].file);
    }
    return fine;
}

static int by_order(const void *a, const void *b)
{
    const struct divergence *left = a, *right = b;
    if (left->order != right->order) return left->order < right->order ? -1 : 1;
    return left->shape < right->shape ? -1 : left->shape > right->shape;
}

bool pool_explore(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, const struct explore_options *options,
                  const struct pool_options *how, struct explore_result *result)
{
    struct pool pool = {script, adapter, settings, options, how, NULL, 0, NULL, result};
    *result = (struct explore_result){0};
    pool.shared_size = sizeof *pool.shared + how->jobs * sizeof *pool.shared->paths;
    void *memory =
        mmap(NULL, pool.shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    pool.shared = memory;
    pool.workers = calloc(how->jobs, sizeof *pool.workers);
    bool fine = pool.workers && run_workers(&pool);
    free(pool.workers);
    munmap(memory, pool.shared_size);
    if (result->divergence_count)
        qsort(result->divergences, result->divergence_count, sizeof *result->divergences, by_order);
    return fine;
}
