/* leak.h - whether calls of an engine keep memory, more each time.
 *
 * An engine may take memory from the heap. What it holds when power goes away is gone on a device;
 * under the harness, which brings back the engine's object and nothing else, it stays, and looks
 * like a leak. So the heap is watched where no power goes away: on a fresh store, on which the same
 * call is made again and again.
 */
#ifndef BROWNOUT_LEAK_H
#define BROWNOUT_LEAK_H

#include "fuzz/rig/rig.h"

/* Whether a call that the script of the rig makes keeps memory each time; the finding, of clause
 * alive, is left in the rig then. Takes up to a few thousand calls. Sees the heap of the C library
 * (glibc) alone, and nothing under a sanitizer. */
bool leak_finds(struct rig *asks);

#endif
