#include "fuzz/fuzzers/fuzz_run.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/adapters/adapters.h"
#include "fuzz/fuzzers/fuzz_run_internal.h"
#include "fuzz/explore/shrink.h"
#include "fuzz/explore/result_pipe.h"

#define BATCH_MIN 16u
#define BATCH_MAX 64u

/* --- what a batch found --- */

static bool add_fresh(struct session *session, const struct session_case *found)
{
    size_t size = (session->fresh_count + 1) * sizeof *found;
    struct session_case *larger = realloc(session->fresh, size);
    if (!larger) return false;
    session->fresh = larger;
    session->fresh[session->fresh_count++] = *found;
    return true;
}

/* One record of a worker's file: what one run or one image found. */
static bool read_record(struct session *session, FILE *file)
{
    struct explore_result part = {0};
    struct session_case found = {0};
    bool fine =
        wire_read(file, &part) && fread(&found.image_size, sizeof found.image_size, 1, file) == 1;
    if (fine && found.image_size) {
        found.image = malloc(found.image_size);
        fine = found.image && fread(found.image, found.image_size, 1, file) == 1;
    }
    for (uint32_t i = 0; i < part.divergence_count; i++) {
        found.divergence = part.divergences[i];
        fine = fine && add_fresh(session, &found);
    }
    part.divergence_count = 0;
    explore_result_free(&part);
    return fine;
}

static bool read_records(struct session *session, FILE *file)
{
    rewind(file);
    for (;;) {
        int byte = fgetc(file);
        if (byte == EOF) return !ferror(file);
        ungetc(byte, file);
        if (!read_record(session, file)) return false;
    }
}

static void add_lost_image(struct session *session, const struct session_slot *slot,
                           const struct script *script, enum clause clause, const char *text)
{
    struct session_case found = {.image = malloc(slot->image_size), .image_size = slot->image_size};
    char finding[120];
    snprintf(finding, sizeof finding, "on a damaged image %s", text);
    if (!found.image || !session_image_case(script, finding, clause, &found.divergence)) return;
    memcpy(found.image, slot->bytes, slot->image_size);
    found.divergence.lost = true;
    found.divergence.order = slot->run * SESSION_ORDERS_PER_RUN + slot->image;
    found.divergence.shape = script_digest(finding, (uint32_t)strlen(finding));
    add_fresh(session, &found);
}

/* The worker is gone in the middle of an engine call; its slot says in which. */
static void add_lost(struct session *session, uint32_t index, enum clause clause, const char *text)
{
    const struct session_slot *slot = &session->shared->slots[index];
    const struct adapter *adapter = session->options->target.adapter;
    uint64_t state = session_state(session, slot->run);
    struct adapter_settings settings;
    struct script *script = session_script(session, &state, &settings);
    if (!script) return;
    if (slot->image) {
        add_lost_image(session, slot, script, clause, text);
    } else {
        struct session_case found = {.divergence = {.clause = clause, .lost = true, .count = 1}};
        struct divergence *divergence = &found.divergence;
        divergence->order = slot->run * SESSION_ORDERS_PER_RUN;
        divergence->shape = explore_shape(clause, adapter, script, &slot->path);
        divergence->script = explore_case(script, adapter, &settings, &slot->path);
        if (slot->path.count)
            divergence->fault = fault_class_of(&slot->path.cuts[slot->path.count - 1].tear);
        if (divergence->script) {
            snprintf(divergence->script->finding, sizeof divergence->script->finding, "%s", text);
            snprintf(divergence->script->clause, sizeof divergence->script->clause, "%s",
                     clause_name(clause));
            add_fresh(session, &found);
        }
    }
    script_free(script);
}

/* --- cases --- */

static void free_case(struct session_case *it)
{
    script_free(it->divergence.script);
    free(it->image);
    *it = (struct session_case){0};
}

/* The index of the case that a raw shape belongs to, or UINT32_MAX. */
static uint32_t find_known(const struct session *session, uint64_t raw)
{
    for (uint32_t i = 0; i < session->known_count; i++) {
        if (session->known[i].raw == raw) return session->known[i].index;
    }
    return UINT32_MAX;
}

static uint32_t find_case(const struct session_result *result, uint64_t shape)
{
    for (uint32_t i = 0; i < result->case_count; i++) {
        if (result->cases[i].divergence.shape == shape) return i;
    }
    return UINT32_MAX;
}

static bool remember(struct session *session, uint64_t raw, uint32_t index)
{
    size_t size = (session->known_count + 1) * sizeof *session->known;
    struct session_known *larger = realloc(session->known, size);
    if (!larger) return false;
    session->known = larger;
    session->known[session->known_count++] = (struct session_known){raw, index};
    return true;
}

/* A shape that was not met before: shrunk, it is a case of its own or one that is there. Takes the
 * finding. */
static uint32_t add_case(struct session *session, struct session_case *found)
{
    struct session_result *result = session->result;
    struct divergence *divergence = &found->divergence;
    uint64_t raw = divergence->shape;
    if (session->options->shrink && !divergence->lost && !found->image)
        shrink_apart(divergence, session->options->target.adapter, true);
    if (!found->image) divergence->shape = shrink_shape(divergence->clause, divergence->script);
    uint32_t index = find_case(result, divergence->shape);
    if (index == UINT32_MAX) {
        size_t size = (result->case_count + 1) * sizeof *result->cases;
        struct session_case *larger = realloc(result->cases, size);
        if (!larger) return UINT32_MAX;
        index = result->case_count++;
        result->cases = larger;
        result->cases[index] = *found;
        result->cases[index].divergence.count = 0;
        *found = (struct session_case){0};
    }
    return remember(session, raw, index) ? index : UINT32_MAX;
}

static int by_order(const void *a, const void *b)
{
    const struct divergence *left = &((const struct session_case *)a)->divergence;
    const struct divergence *right = &((const struct session_case *)b)->divergence;
    if (left->order != right->order) return left->order < right->order ? -1 : 1;
    return (left->shape > right->shape) - (left->shape < right->shape);
}

/* Whether there are as many cases as were asked for. */
static bool is_enough(const struct session *session)
{
    uint32_t max = session->options->explore.divergences_max;
    return max && session->result->case_count >= max;
}

/* Counts what the batch found for its cases, in the order of the runs. */
static bool add_cases(struct session *session, uint64_t *counts)
{
    bool fine = true;
    if (session->fresh_count == 0) return true;
    qsort(session->fresh, session->fresh_count, sizeof *session->fresh, by_order);
    for (uint32_t i = 0; fine && i < session->fresh_count; i++) {
        struct session_case *found = &session->fresh[i];
        uint64_t count = found->divergence.count;
        uint32_t index = find_known(session, found->divergence.shape);
        if (index == UINT32_MAX) {
            if (is_enough(session)) continue;
            index = add_case(session, found);
        }
        fine = index != UINT32_MAX;
        if (!fine) break;
        session->result->cases[index].divergence.count += count;
        counts[index] += count;
    }
    return fine;
}

/* --- a batch --- */

static void sum_up(const struct session *session, struct explore_result *total)
{
    for (uint32_t i = 0; i < session->options->jobs; i++) {
        const struct session_slot *slot = &session->shared->slots[i];
        session->result->runs += slot->runs;
        session->result->scenarios += slot->scenarios;
        session->result->images += slot->images;
        session_add(total, &slot->total);
    }
    session_add(&session->result->total, total);
}

/* Hands the batch on: its counts, and its cases with the counts that they have in it. */
static bool report(struct session *session, struct explore_result *batch, const uint64_t *counts,
                   double seconds)
{
    const struct session_result *result = session->result;
    if (!session->options->batch) return true;
    batch->divergences = calloc(result->case_count + 1, sizeof *batch->divergences);
    if (!batch->divergences) return false;
    for (uint32_t i = 0; i < result->case_count; i++) {
        if (!counts[i]) continue;
        struct divergence *divergence = &batch->divergences[batch->divergence_count++];
        *divergence = result->cases[i].divergence;
        divergence->count = counts[i];
    }
    bool fine = session->options->batch(session->options->context, batch, seconds);
    free(batch->divergences);
    return fine;
}

static bool finish_batch(struct session *session, double start)
{
    struct explore_result batch = {0};
    uint64_t *counts =
        calloc(session->result->case_count + session->fresh_count + 1, sizeof *counts);
    sum_up(session, &batch);
    bool fine = counts && add_cases(session, counts);
    fine = fine && report(session, &batch, counts, worker_now() - start);
    for (uint32_t i = 0; i < session->fresh_count; i++)
        free_case(&session->fresh[i]);
    session->fresh_count = 0;
    free(counts);
    return fine;
}

/* --- workers --- */

static bool start_worker(struct session *session, uint32_t index, uint64_t run)
{
    pid_t pid = worker_fork(&session->workers[index]);
    if (pid == 0) session_work(session, index, run);
    return pid > 0;
}

/* Takes over what a worker that ended found; another one goes on behind a run that was lost. */
static bool end_worker(struct session *session, uint32_t index, enum worker_end end,
                       const char *text)
{
    struct session_slot *slot = &session->shared->slots[index];
    if (end == WORKER_DONE) return true;
    if (end == WORKER_FAILED) return false;
    add_lost(session, index, end == WORKER_HUNG ? CLAUSE_BOUNDED : CLAUSE_SANE, text);
    slot->total.states += slot->path.states;
    slot->runs++;
    uint64_t next = slot->run + session->options->jobs;
    if (next >= session->end || session->shared->stop) return true;
    fseek(session->workers[index].file, 0, SEEK_END);
    return start_worker(session, index, next);
}

static void watch_time(struct session *session)
{
    double time = worker_now(), max = session->options->seconds_max;
    if (worker_stopped() || (max > 0 && time - session->start > max)) session->shared->stop = true;
    if (worker_stopped()) session->result->stopped = true;
    if (!session->options->progress || time - session->shown < 0.2) return;
    struct session_result so_far = *session->result;
    for (uint32_t i = 0; i < session->options->jobs; i++) {
        const struct session_slot *slot = &session->shared->slots[i];
        so_far.scenarios += slot->scenarios;
        so_far.images += slot->images;
        so_far.total.states += slot->total.states + slot->path.states;
    }
    session->options->progress(session->options->context, &so_far);
    session->shown = time;
}

/* One look at each; *running counts those that go on. */
static bool look_at_workers(struct session *session, uint32_t *running)
{
    bool fine = true;
    *running = 0;
    for (uint32_t i = 0; i < session->options->jobs; i++) {
        char text[WORKER_TEXT_MAX];
        struct worker *worker = &session->workers[i];
        const struct session_slot *slot = &session->shared->slots[i];
        if (!worker->pid) continue;
        uint64_t beats = slot->beats + slot->path.states + slot->path.operations;
        enum worker_end end = worker_look(worker, beats, session->options->silence_max, text);
        if (end != WORKER_RUNS) fine = end_worker(session, i, end, text) && fine;
        *running += worker->pid != 0;
    }
    return fine;
}

static bool watch_workers(struct session *session)
{
    bool fine = true;
    for (uint32_t running = 1; running;) {
        fine = look_at_workers(session, &running) && fine;
        if (!fine) session->shared->stop = true;
        watch_time(session);
        if (running) worker_pause();
    }
    return fine;
}

static bool run_batch(struct session *session)
{
    double start = worker_now();
    bool fine = true;
    uint32_t jobs = session->options->jobs;
    memset(session->shared->slots, 0, jobs * sizeof *session->shared->slots);
    fflush(NULL); /* nothing buffered is to be written twice */
    for (uint32_t i = 0; i < jobs; i++) {
        session->workers[i].file = tmpfile();
        fine = fine && session->workers[i].file && start_worker(session, i, session->first + i);
    }
    if (!fine) session->shared->stop = true;
    fine = watch_workers(session) && fine;
    for (uint32_t i = 0; i < jobs; i++) {
        FILE *file = session->workers[i].file;
        fine = file && read_records(session, file) && fine;
        if (file) fclose(file);
        session->workers[i].file = NULL;
    }
    return finish_batch(session, start) && fine;
}

/* --- the whole --- */

static bool run_batches(struct session *session)
{
    const struct session_options *options = session->options;
    uint64_t size = BATCH_MIN;
    bool fine = true;
    while (fine && !session->shared->stop && !is_enough(session)) {
        uint64_t left = options->runs_max ? options->runs_max - session->end : UINT64_MAX;
        if (left == 0) break;
        session->first = session->end;
        session->end += size < left ? size : left;
        fine = run_batch(session);
        if (size < BATCH_MAX) size *= 2;
    }
    if (is_enough(session)) session->result->stopped = true;
    return fine;
}

bool session_run(const struct session_options *options, struct session_result *result)
{
    struct session session = {.options = options, .result = result, .start = worker_now()};
    *result = (struct session_result){0};
    session.shared_size = sizeof *session.shared + options->jobs * sizeof *session.shared->slots;
    session.shared = worker_share(session.shared_size);
    session.workers = calloc(options->jobs, sizeof *session.workers);
    bool fine = session.shared && session.workers && run_batches(&session);
    free(session.workers);
    free(session.fresh);
    free(session.known);
    worker_unshare(session.shared, session.shared_size);
    return fine;
}

void session_result_free(struct session_result *result)
{
    for (uint32_t i = 0; i < result->case_count; i++)
        free_case(&result->cases[i]);
    free(result->cases);
    *result = (struct session_result){0};
}
