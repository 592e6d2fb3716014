/* rig_state.h - a digest of all that decides what an engine and its judge do from here on.
 *
 * Two rigs' moments with one digest have the same flash, the same RAM of the engine and the same
 * model. An engine is a function of what it is asked, its object and what it reads, and so is the
 * rig, so from there on the same work gives the same answers and the same verdict. What depends on
 * more has no digest: bits that may read differently, sectors that wear out, engines that keep
 * something outside of their object, what rotted, and what was destroyed or is kept open.
 */
#ifndef BROWNOUT_RIG_STATE_H
#define BROWNOUT_RIG_STATE_H

#include "fuzz/rig/rig.h"

/* Between two engine calls, power on. False: there is none. */
bool rig_state(const struct rig *rig, struct chip_hash *state);

#endif
