/* fuzz_run.c - see fuzz_run.h.
 *
 * Workers share a batch: worker i of n does every n-th round from i on. A worker writes what it
 * finds to a file of its own, and keeps in shared memory which round, path and image it is at. If
 * it crashes or hangs, that slot is all that is needed to make a case of it, and for another worker
 * to go on in the round, after what lost the first one. Losses cost time, so a round, and each
 * group of cuts in it, may have but a few.
 *
 * After the batch the files are read and the findings are sorted by round, so that the number of
 * workers does not matter. A finding has a raw shape (path_shape). A raw shape that is known counts
 * for its case. A new one is shrunk; the shrunk script has a shape too, and findings with equal
 * ones are one case. Batches are short at first, so that a bug that shows at once is reported at
 * once.
 */
#include "fuzz/fuzzers/fuzz_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/settings.h"
#include "fuzz/fuzzers/fuzz_run_internal.h"
#include "fuzz/explore/result_pipe.h"
#include "sim/memory.h"

#define BATCH_MIN 16u
#define BATCH_MAX 64u

/* What losses of workers cost, and what may be lost: in one group of cuts, and in a round. A hang
 * takes a second or more until it is noticed. */
#define LOSS_CRASH 1u
#define LOSS_HANG 4u
#define LOSS_GROUP_MAX 4u
#define LOSS_MAX 8u

/* --- what a batch found --- */

/* Takes the case. */
static void append_case(struct divergence **cases, uint32_t *count, struct divergence *it)
{
    assert(it->script);
    *cases = memory_resize(*cases, *count + 1, sizeof **cases);
    (*cases)[(*count)++] = *it;
    *it = (struct divergence){0};
}

static void add_found(struct fuzz_run *fuzzing, const struct divergence *found)
{
    struct divergence it = *found;
    append_case(&fuzzing->found, &fuzzing->found_count, &it);
}

/* One record of a worker's file: what one round or one image found. */
static bool read_record(struct fuzz_run *fuzzing, FILE *file)
{
    struct result part = {0};
    uint64_t order = 0;
    if (fread(&order, sizeof order, 1, file) != 1 || !result_pipe_read(file, &part)) return false;
    for (uint32_t i = 0; i < part.divergence_count; i++) {
        part.divergences[i].order = order;
        add_found(fuzzing, &part.divergences[i]);
    }
    part.divergence_count = 0;
    result_free(&part);
    return true;
}

static bool read_records(struct fuzz_run *fuzzing, FILE *file, size_t end)
{
    rewind(file);
    while ((size_t)ftell(file) < end) {
        if (!read_record(fuzzing, file)) return false;
    }
    return true;
}

static void add_lost_image(struct fuzz_run *fuzzing, const struct fuzz_run_slot *slot,
                           const struct script *script, const struct finding *finding)
{
    assert(slot->image_size > 0 && slot->image_size <= FUZZ_RUN_IMAGE_SIZE_MAX);
    struct divergence found = {0};
    fuzz_run_image_case(script, finding, slot, &found);
    found.lost = true;
    found.order = slot->round * FUZZ_RUN_ORDERS_PER_ROUND + slot->image;
    add_found(fuzzing, &found);
}

static void add_lost_path(struct fuzz_run *fuzzing, const struct fuzz_run_slot *slot,
                          const struct path_frame *frame, struct finding *finding)
{
    struct divergence found = path_divergence(frame, &slot->path, finding);
    found.lost = true;
    found.order = slot->round * FUZZ_RUN_ORDERS_PER_ROUND;
    found.script = path_case(frame, &slot->path);
    found.script->found = *finding;
    add_found(fuzzing, &found);
}

/* The engine ended it when it was asked what it takes: there is no script, so nobody asks again. */
static void add_mistake(struct fuzz_run *fuzzing, const char *text)
{
    struct result *total = &fuzzing->result->total;
    assert(*text);
    snprintf(total->mistake, sizeof total->mistake, "asked what it takes: %.170s", text);
    fuzzing->shared->stop = true;
}

/* The worker is gone in the middle of an engine call; its slot says in which. */
static void add_lost(struct fuzz_run *fuzzing, uint32_t index, enum worker_end end,
                     const char *text)
{
    const struct fuzz_run_slot *slot = &fuzzing->shared->slots[index];
    const struct fuzz_run_options *options = fuzzing->options;
    uint64_t state = fuzz_run_state(fuzzing, slot->round);
    struct adapter_settings settings;
    struct script *script = fuzz_run_script(fuzzing, slot->round, &state, &settings);
    const struct path_frame frame = {script, options->target.adapter, &settings,
                                     options->explore.faults};
    assert(end != WORKER_RUNS && end != WORKER_DONE);
    struct finding finding = worker_finding(&fuzzing->workers[index], end, text);
    if (!script) return;
    if (slot->image)
        add_lost_image(fuzzing, slot, script, &finding);
    else
        add_lost_path(fuzzing, slot, &frame, &finding);
    script_free(script);
}

/* --- cases --- */

static void free_case(struct divergence *it)
{
    script_free(it->script);
    *it = (struct divergence){0};
}

/* The index of the case that a raw shape belongs to, or UINT32_MAX. */
static uint32_t find_known(const struct fuzz_run *fuzzing, uint64_t raw)
{
    for (uint32_t i = 0; i < fuzzing->known_count; i++) {
        if (fuzzing->known[i].raw == raw) return fuzzing->known[i].index;
    }
    return UINT32_MAX;
}

static uint32_t find_case(const struct fuzz_run_result *result, uint64_t shape)
{
    for (uint32_t i = 0; i < result->case_count; i++) {
        if (result->cases[i].shape == shape) return i;
    }
    return UINT32_MAX;
}

static void remember(struct fuzz_run *fuzzing, uint64_t raw, uint32_t index)
{
    assert(find_known(fuzzing, raw) == UINT32_MAX && "a raw shape belongs to one case");
    fuzzing->known =
        memory_resize(fuzzing->known, fuzzing->known_count + 1, sizeof *fuzzing->known);
    fuzzing->known[fuzzing->known_count++] = (struct fuzz_run_known){raw, index};
}

#define NOT_REPRODUCED (UINT32_MAX - 1)

/* A kind that was not met before: run again and shrunk, it is a case of its own or one that is
 * there, or none. Takes the finding. */
static uint32_t add_case(struct fuzz_run *fuzzing, struct divergence *found)
{
    struct fuzz_run_result *result = fuzzing->result;
    const struct fuzz_run_options *options = fuzzing->options;
    uint64_t raw = found->shape;
    assert(found->script && found->count > 0);
    if (!settle_divergence(found, options->target.adapter, &options->settle)) {
        append_case(&result->unreproduced, &result->unreproduced_count, found);
        remember(fuzzing, raw, NOT_REPRODUCED);
        return NOT_REPRODUCED;
    }
    uint32_t index = find_case(result, found->shape);
    if (index == UINT32_MAX) {
        index = result->case_count;
        found->count = 0;
        append_case(&result->cases, &result->case_count, found);
    }
    remember(fuzzing, raw, index);
    return index;
}

static int by_order(const void *a, const void *b)
{
    const struct divergence *left = a, *right = b;
    if (left->order != right->order) return left->order < right->order ? -1 : 1;
    return (left->shape > right->shape) - (left->shape < right->shape);
}

/* Whether there are as many cases as were asked for. */
static bool is_enough(const struct fuzz_run *fuzzing)
{
    uint32_t max = fuzzing->options->explore.divergences_max;
    return max && fuzzing->result->case_count >= max;
}

/* Counts what the batch found for its cases, in the order of the rounds. */
static void add_cases(struct fuzz_run *fuzzing, uint64_t *counts)
{
    if (fuzzing->found_count == 0) return;
    qsort(fuzzing->found, fuzzing->found_count, sizeof *fuzzing->found, by_order);
    for (uint32_t i = 0; i < fuzzing->found_count; i++) {
        struct divergence *found = &fuzzing->found[i];
        uint64_t count = found->count;
        uint32_t index = find_known(fuzzing, found->shape);
        if (index == UINT32_MAX) {
            if (is_enough(fuzzing)) continue;
            index = add_case(fuzzing, found);
        }
        if (index == NOT_REPRODUCED) continue;
        assert(index < fuzzing->result->case_count);
        fuzzing->result->cases[index].count += count;
        counts[index] += count;
    }
}

/* --- a batch --- */

static void sum_up(const struct fuzz_run *fuzzing, struct result *total)
{
    for (uint32_t i = 0; i < fuzzing->options->jobs; i++) {
        const struct fuzz_run_slot *slot = &fuzzing->shared->slots[i];
        fuzzing->result->rounds += slot->rounds;
        fuzzing->result->scenarios += slot->scenarios;
        hostile_add(&fuzzing->result->images, &slot->images);
        fuzz_run_add(total, &slot->total);
    }
    fuzz_run_add(&fuzzing->result->total, total);
}

/* Reports the batch: its counts, and its cases with the counts that they have in it. */
static bool report(struct fuzz_run *fuzzing, struct result *batch, const uint64_t *counts,
                   double seconds)
{
    const struct fuzz_run_result *result = fuzzing->result;
    if (!fuzzing->options->batch) return true;
    batch->divergences = memory_zeroed(result->case_count, sizeof *batch->divergences);
    for (uint32_t i = 0; i < result->case_count; i++) {
        if (!counts[i]) continue;
        struct divergence *divergence = &batch->divergences[batch->divergence_count++];
        assert(batch->divergence_count <= result->case_count);
        *divergence = result->cases[i];
        divergence->count = counts[i];
    }
    bool fine = fuzzing->options->batch(fuzzing->options->context, batch, seconds);
    free(batch->divergences);
    return fine;
}

static bool finish_batch(struct fuzz_run *fuzzing, double start)
{
    struct result batch = {0};
    uint64_t *counts =
        memory_zeroed(fuzzing->result->case_count + fuzzing->found_count, sizeof *counts);
    sum_up(fuzzing, &batch);
    add_cases(fuzzing, counts);
    bool fine = report(fuzzing, &batch, counts, worker_now() - start);
    for (uint32_t i = 0; i < fuzzing->found_count; i++)
        free_case(&fuzzing->found[i]);
    fuzzing->found_count = 0;
    free(counts);
    return fine;
}

/* --- workers --- */

static void start_worker(struct fuzz_run *fuzzing, uint32_t index, uint64_t round)
{
    assert(index < fuzzing->options->jobs && round < fuzzing->end + fuzzing->options->jobs);
    if (worker_fork(&fuzzing->workers[index])) fuzz_run_work(fuzzing, index, round);
}

/* The run without cuts lost the worker: what comes before the operation in which it was can be cut
 * all the same. False when that is nothing, or it was lost there twice. */
static bool limit_round(struct fuzz_run_resume *resume, const struct path *path)
{
    uint32_t op = path->levels[0].op;
    if (resume->limited || resume->counted || op == PATH_OP_NONE) return false;
    resume->limited = true;
    resume->end = path->level ? op + 1 : op; /* above: it was read back */
    return resume->end != 0;
}

/* Goes on after the step that lost the worker, or with the next group when this one has cost too
 * much. */
static void skip_step(struct fuzz_run_resume *resume, const struct path *path, uint32_t cost)
{
    assert(path->group >= resume->group);
    if (path->group != resume->group) resume->group_lost = 0;
    resume->group_lost += cost;
    resume->group = path->group;
    resume->step = path->step;
    if (resume->group_lost < LOSS_GROUP_MAX) return;
    resume->group++;
    resume->step = resume->group_lost = 0;
}

/* Where another worker goes on with the round in which one was lost. False when it does not. */
static bool resume_round(struct fuzz_run_slot *slot, enum worker_end end)
{
    struct fuzz_run_resume *resume = &slot->resume;
    uint32_t cost = end == WORKER_HUNG ? LOSS_HANG : LOSS_CRASH;
    resume->lost += cost;
    if (resume->lost >= LOSS_MAX) return false;
    if (slot->image) {
        resume->image = slot->image;
        return true;
    }
    if (slot->path.group == PATH_GROUP_NONE) return limit_round(resume, &slot->path);
    skip_step(resume, &slot->path, cost);
    return true;
}

/* What the lost worker had found and counted, and what lost it. */
static void keep_lost(struct fuzz_run *fuzzing, uint32_t index, enum worker_end end,
                      const char *text)
{
    struct fuzz_run_slot *slot = &fuzzing->shared->slots[index];
    assert(slot->round >= fuzzing->first && slot->round < fuzzing->end);
    add_lost(fuzzing, index, end, text);
    slot->written = slot->begun;
    fuzz_run_add(&slot->total, &slot->part);
    memset(&slot->part, 0, sizeof slot->part); /* its divergences are gone with the worker */
}

/* Another worker goes on where this one was lost, or with the next round. */
static void end_worker(struct fuzz_run *fuzzing, uint32_t index, enum worker_end end,
                       const char *text)
{
    struct fuzz_run_slot *slot = &fuzzing->shared->slots[index];
    uint64_t next = slot->round;
    if (end == WORKER_DONE) return;
    if (!slot->made) {
        add_mistake(fuzzing, text);
        return;
    }
    keep_lost(fuzzing, index, end, text);
    if (!resume_round(slot, end)) {
        slot->resume = (struct fuzz_run_resume){0};
        slot->rounds++;
        next += fuzzing->options->jobs;
    }
    if (next >= fuzzing->end || fuzzing->shared->stop) return;
    start_worker(fuzzing, index, next);
}

static void watch_time(struct fuzz_run *fuzzing)
{
    double time = worker_now(), max = fuzzing->options->seconds_max;
    if (worker_stopped() || (max > 0 && time - fuzzing->start > max)) fuzzing->shared->stop = true;
    if (worker_stopped()) {
        fuzzing->result->stopped = true;
        fuzzing->result->total.stop = RESULT_ASKED;
    }
    if (!fuzzing->options->progress || time - fuzzing->shown < 0.2) return;
    struct fuzz_run_result so_far = *fuzzing->result;
    for (uint32_t i = 0; i < fuzzing->options->jobs; i++) {
        const struct fuzz_run_slot *slot = &fuzzing->shared->slots[i];
        so_far.scenarios += slot->scenarios;
        hostile_add(&so_far.images, &slot->images);
        so_far.total.states += slot->total.states + slot->part.states;
    }
    fuzzing->options->progress(fuzzing->options->context, &so_far);
    fuzzing->shown = time;
}

/* One look at each; how many go on. */
static uint32_t look_at_workers(struct fuzz_run *fuzzing)
{
    uint32_t running = 0;
    for (uint32_t i = 0; i < fuzzing->options->jobs; i++) {
        char text[WORKER_TEXT_MAX];
        struct worker *worker = &fuzzing->workers[i];
        if (!worker->pid) continue;
        enum worker_end end = worker_look(worker, &fuzzing->options->limits, text);
        if (end != WORKER_RUNS) end_worker(fuzzing, i, end, text);
        running += worker->pid != 0;
    }
    return running;
}

static void watch_workers(struct fuzz_run *fuzzing)
{
    while (look_at_workers(fuzzing)) {
        watch_time(fuzzing);
        worker_pause();
    }
    watch_time(fuzzing);
}

static bool run_batch(struct fuzz_run *fuzzing)
{
    double start = worker_now();
    uint32_t jobs = fuzzing->options->jobs;
    assert(fuzzing->first < fuzzing->end && fuzzing->found_count == 0);
    memset(fuzzing->shared->slots, 0, jobs * sizeof *fuzzing->shared->slots);
    fflush(NULL); /* nothing buffered is to be written twice */
    for (uint32_t i = 0; i < jobs; i++) {
        worker_open(&fuzzing->workers[i]);
        start_worker(fuzzing, i, fuzzing->first + i);
    }
    watch_workers(fuzzing);
    for (uint32_t i = 0; i < jobs; i++) {
        if (!read_records(fuzzing, fuzzing->workers[i].file, fuzzing->shared->slots[i].begun))
            worker_fail("a temporary file lost what a worker had found");
        worker_close(&fuzzing->workers[i]);
    }
    return finish_batch(fuzzing, start);
}

/* --- the whole --- */

static bool run_batches(struct fuzz_run *fuzzing)
{
    const struct fuzz_run_options *options = fuzzing->options;
    uint64_t size = BATCH_MIN;
    bool fine = true;
    while (fine && !fuzzing->shared->stop && !is_enough(fuzzing)) {
        uint64_t left = options->runs_max ? options->runs_max - fuzzing->end : UINT64_MAX;
        if (left == 0) break;
        fuzzing->first = fuzzing->end;
        fuzzing->end += size < left ? size : left;
        fine = run_batch(fuzzing);
        if (size < BATCH_MAX) size *= 2;
    }
    struct fuzz_run_result *result = fuzzing->result;
    if (!result->stopped && (is_enough(fuzzing) || result->rounds < options->runs_max)) {
        result->stopped = true;
        result->total.stop = is_enough(fuzzing)         ? RESULT_MAX
                             : options->seconds_max > 0 ? RESULT_TIME
                                                        : RESULT_LOST;
    }
    return fine;
}

bool fuzz_run_run(const struct fuzz_run_options *options, struct fuzz_run_result *result)
{
    struct fuzz_run fuzzing = {.options = options, .result = result, .start = worker_now()};
    assert(options->jobs > 0 && options->target.adapter && options->target.frame);
    *result = (struct fuzz_run_result){0};
    fuzzing.shared_size = sizeof *fuzzing.shared + options->jobs * sizeof *fuzzing.shared->slots;
    fuzzing.shared = worker_share(fuzzing.shared_size);
    fuzzing.workers = memory_zeroed(options->jobs, sizeof *fuzzing.workers);
    bool fine = run_batches(&fuzzing);
    free(fuzzing.workers);
    free(fuzzing.found);
    free(fuzzing.known);
    worker_unshare(fuzzing.shared, fuzzing.shared_size);
    return fine;
}

void fuzz_run_result_free(struct fuzz_run_result *result)
{
    for (uint32_t i = 0; i < result->case_count; i++)
        free_case(&result->cases[i]);
    for (uint32_t i = 0; i < result->unreproduced_count; i++)
        free_case(&result->unreproduced[i]);
    free(result->cases);
    free(result->unreproduced);
    result_free(&result->total);
    *result = (struct fuzz_run_result){0};
}
