/* apart.c - see apart.h: fork, work, wait, and what the engine said on standard error.
 *
 * What comes back travels in shared memory: a child that dies half way has left what it had.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/explore/apart.h"

#include <assert.h>

#include "fuzz/script/settings.h"

static void copy_file(FILE *from, FILE *to)
{
    char line[512];
    rewind(from);
    while (fgets(line, sizeof line, from))
        fputs(line, to);
}

struct apart_end apart_do(apart_work *work, void *context, const struct worker_limits *limits,
                          FILE *errors)
{
    char text[WORKER_TEXT_MAX];
    assert(work && limits);
    int *code = worker_share(sizeof *code);
    struct worker worker;
    worker_open(&worker);
    worker_keep_errors(&worker);
    fflush(NULL);
    if (worker_fork(&worker)) {
        worker_limit_memory(limits);
        *code = work(context);
        fflush(stdout);
        worker_leave();
    }
    enum worker_end end = worker_wait(&worker, limits, text);
    struct apart_end apart = {.code = *code, .stopped = end != WORKER_DONE && worker.unwanted};
    assert(!apart.stopped || limits->stops);
    if (end != WORKER_DONE && !apart.stopped) apart.finding = worker_finding(&worker, end, text);
    if (errors) copy_file(worker.errors, errors);
    worker_close(&worker);
    worker_unshare(code, sizeof *code);
    return apart;
}

struct play {
    const struct script *script;
    const struct adapter *adapter;
    const struct adapter_settings *settings;
    FILE *story;
    struct replay *result; /* shared */
};

static int play(void *context)
{
    const struct play *it = context;
    char reason[SETTINGS_REASON_MAX];
    struct adapter_settings own;
    if (!it->settings && !settings_resolve(it->adapter, it->script, &own, reason)) return 0;
    const struct adapter_settings *settings = it->settings ? it->settings : &own;
    replay(rig_new(it->script, it->adapter, settings), it->story, it->result);
    return 0;
}

void replay_apart(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, FILE *story,
                  const struct worker_limits *limits, struct replay *result)
{
    assert(script && adapter && limits && result);
    struct replay *shared = worker_share(sizeof *shared);
    struct play it = {script, adapter, settings, story, shared};
    struct apart_end end = apart_do(play, &it, limits, NULL);
    *result = *shared;
    worker_unshare(shared, sizeof *shared);
    if (end.finding.clause == CLAUSE_NONE) return;
    result->finding = end.finding;
    result->finding.cut = result->cut;
}
