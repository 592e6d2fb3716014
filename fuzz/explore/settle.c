/* settle.c - see settle.h.
 *
 * First the case is written and read again, and that text is replayed in a process of its own: only
 * what shows the same kind goes on. Then the shrinker works in one child process, where an attempt
 * costs microseconds. Should an attempt crash or hang, that child is gone and the work starts anew
 * with a process for each attempt. What comes out of it is replayed like the first one.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/explore/settle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/explore/apart.h"
#include "fuzz/explore/result_pipe.h"
#include "fuzz/explore/shrink.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/scenario.h"
#include "fuzz/script/settings.h"

/* --- running it again --- */

/* A crash in the exploration has no message yet: its worker wrote that where others read it. */
bool settle_is_same(const struct finding *recorded, const struct finding *shown)
{
    struct finding known = *recorded;
    if (known.seen == SEEN_CRASH && !kind_has_place(known.text) &&
        strncmp(known.text, shown->text, strlen(known.text)) == 0)
        memcpy(known.text, shown->text, sizeof known.text);
    return kind_same(&known, shown);
}

/* The script as its text gives it, with what it shows; NULL when it does not show its kind. */
static struct script *run_again(const struct script *script, const struct adapter *adapter,
                                const struct worker_limits *limits, struct finding *shown)
{
    struct replay replayed;
    struct script *again = scenario_reread(script);
    replay_apart(again, adapter, NULL, NULL, limits, &replayed);
    *shown = replayed.finding;
    if (settle_is_same(&script->found, shown)) {
        again->found = *shown;
        again->trace = replayed.trace;
        return again;
    }
    script_free(again);
    return NULL;
}

/* --- making it smaller --- */

static _Noreturn void shrink_and_leave(struct divergence *divergence, const struct adapter *adapter,
                                       const struct adapter_settings *settings,
                                       const struct shrink_options *options, FILE *file)
{
    struct result one = {.divergences = divergence, .divergence_count = 1};
    if (shrink(&divergence->script, adapter, settings, options)) result_pipe_write(file, &one);
    worker_leave();
}

/* An attempt may hang, crash, or leave no memory to the next one: then attempts are made apart.
 * Whoever asks for an end does not wait for a smaller case. */
static enum worker_end wait_for(struct worker *worker, double seconds_max)
{
    static const struct worker_limits none = {0};
    char text[WORKER_TEXT_MAX];
    worker->unwanted = true; /* however it ends early */
    for (;;) {
        enum worker_end end = worker_look(worker, &none, text);
        if (end != WORKER_RUNS) return end;
        if (worker_stopped() || worker_cpu(worker) > seconds_max) worker_kill(worker);
        worker_pause();
    }
}

/* In a child process, where attempts are cheap: thousands a second. NULL when one of them has ended
 * it. */
static struct script *shrink_in_child(struct divergence *divergence, const struct adapter *adapter,
                                      const struct adapter_settings *settings,
                                      const struct shrink_options *options)
{
    struct result back = {0};
    struct worker worker;
    struct script *smaller = NULL;
    worker_open(&worker);
    worker_keep_errors(&worker);
    fflush(NULL);
    if (worker_fork(&worker)) {
        worker_limit_memory(&(struct worker_limits){.memory = options->memory});
        shrink_and_leave(divergence, adapter, settings, options, worker.file);
    }
    bool done = wait_for(&worker, options->seconds + 2) == WORKER_DONE;
    rewind(worker.file);
    if (done && result_pipe_read(worker.file, &back) && back.divergence_count == 1) {
        smaller = back.divergences[0].script;
        back.divergences[0].script = NULL;
    }
    result_free(&back);
    worker_close(&worker);
    return smaller;
}

static struct script *shrink_apart(const struct script *script, const struct adapter *adapter,
                                   const struct adapter_settings *settings,
                                   const struct shrink_options *options)
{
    struct shrink_options apart = *options;
    apart.apart = true;
    struct script *smaller = script_copy(script);
    if (shrink(&smaller, adapter, settings, &apart)) return smaller;
    script_free(smaller);
    return NULL;
}

/* The smaller one takes its place when it shows the kind from its own text too. */
static void make_smaller(struct divergence *divergence, const struct adapter *adapter,
                         const struct settle_options *options)
{
    char reason[SETTINGS_REASON_MAX];
    struct adapter_settings settings;
    struct finding shown;
    const struct shrink_options how = {.seconds = options->shrink_seconds,
                                       .memory = options->limits.memory};
    struct script *smaller = NULL;
    if (!settings_resolve(adapter, divergence->script, &settings, reason)) return;
    if (!divergence->lost) smaller = shrink_in_child(divergence, adapter, &settings, &how);
    if (!smaller) smaller = shrink_apart(divergence->script, adapter, &settings, &how);
    struct script *sure = smaller ? run_again(smaller, adapter, &options->limits, &shown) : NULL;
    script_free(smaller);
    if (!sure) return;
    script_free(divergence->script);
    divergence->script = sure;
}

/* --- the whole --- */

/* Whether it shows its kind when it is run again, whose words it takes over. */
static bool confirm(struct divergence *divergence, const struct adapter *adapter,
                    const struct settle_options *options)
{
    assert(divergence->script && "what was found has its case");
    struct script *again =
        run_again(divergence->script, adapter, &options->limits, &divergence->shown);
    if (!again) return false;
    script_free(divergence->script);
    divergence->script = again;
    return true;
}

/* Its clause and shape are those of what it shows. */
static void name(struct divergence *divergence, const struct adapter *adapter)
{
    const struct finding *found = &divergence->script->found;
    divergence->clause = found->clause;
    divergence->shape =
        kind_digest(found) ^ script_digest(adapter->name, (uint32_t)strlen(adapter->name));
}

static void finish(struct divergence *divergence, const struct adapter *adapter,
                   const struct settle_options *options)
{
    if (options->shrink && !worker_stopped()) make_smaller(divergence, adapter, options);
    name(divergence, adapter);
}

bool settle_divergence(struct divergence *divergence, const struct adapter *adapter,
                       const struct settle_options *options)
{
    if (!confirm(divergence, adapter, options)) return false;
    finish(divergence, adapter, options);
    return true;
}

/* What shows one kind already is made smaller once. */
void settle_result(struct result *result, const struct adapter *adapter,
                   const struct settle_options *options)
{
    struct result confirmed = {0};
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        struct divergence *found = &result->divergences[i];
        if (confirm(found, adapter, options)) {
            name(found, adapter);
            result_add(&confirmed, found);
        } else {
            result_add_unreproduced(result, found);
        }
    }
    free(result->divergences);
    result->divergences = NULL;
    result->divergence_count = 0;
    for (uint32_t i = 0; i < confirmed.divergence_count; i++) {
        finish(&confirmed.divergences[i], adapter, options);
        result_add(result, &confirmed.divergences[i]);
    }
    free(confirmed.divergences);
}
