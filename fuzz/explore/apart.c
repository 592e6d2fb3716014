#define _POSIX_C_SOURCE 200809L
#include "fuzz/explore/apart.h"

#include <time.h>

#include "fuzz/explore/worker.h"

/* What both processes see; as far as it came when the engine ended its own. */
struct shared {
    struct replay replay;
    struct rig_pulse pulse;
};

static _Noreturn void play_and_leave(const struct script *script, const struct adapter *adapter,
                                     const struct adapter_settings *settings, FILE *story,
                                     struct shared *shared)
{
    struct rig *rig = rig_new(script, adapter, settings);
    rig->pulse = &shared->pulse;
    replay(rig, story, &shared->replay);
    if (story) fflush(story);
    worker_leave();
}

/* Most replays take less time than a pause of the pool. */
static void pause_shortly(uint32_t looks)
{
    const struct timespec pause = {.tv_nsec = looks < 64 ? 50000 : 2000000};
    nanosleep(&pause, NULL);
}

static void watch(struct worker *worker, struct shared *shared, double silence_max)
{
    char text[WORKER_TEXT_MAX];
    enum worker_end end = WORKER_RUNS;
    for (uint32_t looks = 0; end == WORKER_RUNS; looks++) {
        if (looks) pause_shortly(looks);
        end = worker_look(worker, shared->pulse.calls, silence_max, text);
    }
    if (end == WORKER_DONE) return;
    shared->replay.finding = worker_finding(end, shared->pulse.call, text);
    shared->replay.finding.cut = shared->replay.cut;
}

void replay_apart(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, FILE *story, double silence_max,
                  struct replay *result)
{
    struct shared *shared = worker_share(sizeof *shared);
    struct worker worker;
    worker_open(&worker);
    worker_keep_errors(&worker);
    fflush(NULL);
    if (worker_fork(&worker)) play_and_leave(script, adapter, settings, story, shared);
    watch(&worker, shared, silence_max);
    worker_close(&worker);
    *result = shared->replay;
    worker_unshare(shared, sizeof *shared);
}
