#define _POSIX_C_SOURCE 200809L
#include "fuzz/explore/apart.h"

#include <time.h>

#include "fuzz/explore/worker.h"

/* What both processes see; as far as it came when the engine ended its own. */
struct shared {
    int code;
    struct rig_pulse pulse;
};

/* Most replays take less time than a pause of the pool. */
static void pause_shortly(uint32_t looks)
{
    const struct timespec pause = {.tv_nsec = looks < 64 ? 50000 : 2000000};
    nanosleep(&pause, NULL);
}

static struct finding watch(struct worker *worker, const struct shared *shared, double silence_max)
{
    char text[WORKER_TEXT_MAX];
    enum worker_end end = WORKER_RUNS;
    for (uint32_t looks = 0; end == WORKER_RUNS; looks++) {
        if (looks) pause_shortly(looks);
        end = worker_look(worker, shared->pulse.calls, silence_max, text);
    }
    if (end == WORKER_DONE) return (struct finding){.clause = CLAUSE_NONE};
    return worker_finding(end, shared->pulse.call, text);
}

static void copy_file(FILE *from, FILE *to)
{
    char line[512];
    rewind(from);
    while (fgets(line, sizeof line, from))
        fputs(line, to);
}

struct apart_end apart_do(apart_work *work, void *context, double silence_max, FILE *errors)
{
    struct shared *shared = worker_share(sizeof *shared);
    struct worker worker;
    worker_open(&worker);
    worker_keep_errors(&worker);
    fflush(NULL);
    if (worker_fork(&worker)) {
        shared->code = work(context, &shared->pulse);
        fflush(stdout);
        worker_leave();
    }
    struct finding finding = watch(&worker, shared, silence_max);
    if (errors) copy_file(worker.errors, errors);
    struct apart_end end = {.code = shared->code, .finding = finding};
    worker_close(&worker);
    worker_unshare(shared, sizeof *shared);
    return end;
}

struct play {
    const struct script *script;
    const struct adapter *adapter;
    const struct adapter_settings *settings;
    FILE *story;
    struct replay *result; /* shared */
};

static int play(void *context, struct rig_pulse *pulse)
{
    const struct play *it = context;
    struct rig *rig = rig_new(it->script, it->adapter, it->settings);
    rig->pulse = pulse;
    replay(rig, it->story, it->result);
    return 0;
}

void replay_apart(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, FILE *story, double silence_max,
                  struct replay *result)
{
    struct replay *shared = worker_share(sizeof *shared);
    struct play it = {script, adapter, settings, story, shared};
    struct apart_end end = apart_do(play, &it, silence_max, NULL);
    *result = *shared;
    worker_unshare(shared, sizeof *shared);
    if (end.finding.clause == CLAUSE_NONE) return;
    result->finding = end.finding;
    result->finding.cut = result->cut;
}
