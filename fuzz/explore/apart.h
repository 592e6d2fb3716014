/* apart.h - work in a process of its own, which the engine may crash or keep busy for ever.
 *
 * Whoever runs an engine for a verdict of its own does so here: the engine may abort, exit, recurse
 * without end or never return, and whoever asked goes on with a finding.
 */
#ifndef BROWNOUT_APART_H
#define BROWNOUT_APART_H

#include "fuzz/explore/replay.h"

/* What is done there. `pulse` is for the rig: `rig->pulse`; it has to beat while the work lasts.
 * Standard output is flushed when it returns; other files are its own business. */
typedef int apart_work(void *context, struct rig_pulse *pulse);

/* How it ended. */
struct apart_end {
    int code;               /* what the work returned, */
    struct finding finding; /* or that the engine ended the process; CLAUSE_NONE: it did not */
};

/* Does the work. `silence_max`: seconds of CPU time in one engine call after which it hangs
 * (worker.h). What was printed on standard error is kept for the finding; with `errors` it comes
 * there when the work has ended. */
struct apart_end apart_do(apart_work *work, void *context, double silence_max, FILE *errors);

/* As replay_once(), but a crash and a call that does not end are findings too. With `story` the
 * operations are printed there; nothing may be buffered in it. */
void replay_apart(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, FILE *story, double silence_max,
                  struct replay *result);

#endif
