/* hostile.h - any image whatever gives an answer or an error: the clause sane, tried.
 *
 * An image of bytes that no engine wrote is put on a chip and the engine is asked everything there
 * is to ask of a store, twice, with a power-on between. What it answers is free. What must hold: it
 * comes back, within its stated number of flash calls; it keeps inside the chip and to the
 * alignment; it writes no more than the buffers that it is given. A crash takes the process along.
 */
#ifndef BROWNOUT_HOSTILE_H
#define BROWNOUT_HOSTILE_H

#include "fuzz/rig/rig.h"

/* Tries one image, which must be as large as the rig's chip. The rig must be new or done with; it
 * is left with the finding, clause sane, when the answer is false. */
bool hostile_try(struct rig *rig, const uint8_t *image);

/* Fills an image with bytes that no engine wrote: in each sector a number, by the seed, and what
 * follows from it. On such an image an engine that promises ADAPTER_REFUSES_JUNK is held to it. */
void hostile_junk(uint8_t *image, const struct bo_flash_geometry *geometry, uint64_t seed);

#endif
