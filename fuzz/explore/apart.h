/* apart.h - work in a process of its own, which the engine may crash or keep busy for ever.
 *
 * Whoever runs an engine for a verdict of its own does so here: the engine may abort, exit, recurse
 * without end or never return, and whoever asked goes on with a finding.
 */
#ifndef BROWNOUT_APART_H
#define BROWNOUT_APART_H

#include "fuzz/explore/replay.h"
#include "fuzz/explore/worker.h"

/* What is done there. Standard output is flushed when it returns; other files are its own business.
 * Whoever calls an engine there without a rig says so (sim/pulse.h). */
typedef int apart_work(void *context);

/* How it ended. */
struct apart_end {
    int code;               /* what the work returned, */
    struct finding finding; /* or that the engine ended the process; CLAUSE_NONE: it did not */
    bool stopped;           /* or that it was to end before the work was done (limits->stops) */
};

/* Does the work. What was printed on standard error is kept for the finding; with `errors` it comes
 * there when the work has ended. */
struct apart_end apart_do(apart_work *work, void *context, const struct worker_limits *limits,
                          FILE *errors);

/* As replay_once(), but a crash and a call that does not end are findings too. `settings` NULL:
 * those of the script, for which the engine is asked there; where it refuses, there is no finding.
 * With `story` the operations are printed there; nothing may be buffered in it. */
void replay_apart(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, FILE *story,
                  const struct worker_limits *limits, struct replay *result);

#endif
