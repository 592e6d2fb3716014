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

/* What an engine made of images. Two builds of an engine that wrote the same and answered the same
 * to the same images have the same, in whatever order the images came. */
struct hostile_answers {
    uint64_t images;
    uint64_t opened; /* of these: the first power-on answered OK */
    uint64_t digest; /* of each answer and each byte that was read */
};

/* Tries one image, which must be as large as the rig's chip, and adds what the engine made of it to
 * *answers, which may be NULL. The rig must be new or done with; when the answer is false it is
 * left with the finding, clause sane. */
bool hostile_try(struct rig *rig, const uint8_t *image, struct hostile_answers *answers);
void hostile_add(struct hostile_answers *answers, const struct hostile_answers *more);

/* Fills an image with bytes that no engine wrote: in each sector a number, by the seed, and what
 * follows from it. On such an image an engine that promises ADAPTER_REFUSES_JUNK is held to it. */
void hostile_junk(uint8_t *image, const struct bo_flash_geometry *geometry, uint64_t seed);

#endif
