/* apart.h - a replay in a process of its own, which the engine may crash or keep busy for ever. */
#ifndef BROWNOUT_APART_H
#define BROWNOUT_APART_H

#include "fuzz/explore/replay.h"

/* As replay_once(), but a crash and a call that does not end are findings too. What the engine
 * prints on standard error is kept for the finding. With `story` the operations are told there;
 * nothing may be buffered in it. `silence_max`: seconds of CPU time in one engine call after which
 * it hangs (worker.h). */
void replay_apart(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, FILE *story, double silence_max,
                  struct replay *result);

#endif
