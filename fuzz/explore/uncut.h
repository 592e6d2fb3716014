/* uncut.h - what an operation would have answered without the cuts of its script.
 *
 * An engine that refuses a change after a cut is accused only if it takes it where nothing is cut.
 */
#ifndef BROWNOUT_UNCUT_H
#define BROWNOUT_UNCUT_H

#include "fuzz/rig/rig.h"

/* Whether the operation of that index in the rig's script works when nothing is cut. The rig keeps
 * its state. Takes a whole run: ask when the operation failed after a cut. */
bool uncut_works(struct rig *rig, uint32_t index);

#endif
