/* fresh.h - what a healthy store can take, asked of one.
 *
 * After a crash the engine must be alive: it takes new operations and its capacity is what it was.
 * What "what it was" means is asked of the engine itself: a fresh store on a blank chip that holds
 * the same values does the same. What it can do, the crashed store must do too. How a log packs its
 * sectors depends on what went before, so the fresh store holds an allowance besides: for each
 * sector one more value of the largest size. Not where all values are of one size: then there is
 * one way to pack them.
 */
#ifndef BROWNOUT_FRESH_H
#define BROWNOUT_FRESH_H

#include "fuzz/rig/rig.h"

struct fresh;

/* A fresh store for the script, engine and settings of a rig, which must outlive it. NULL when
 * memory is short. */
struct fresh *fresh_new(struct rig *rig);
void fresh_free(struct fresh *fresh);

/* Whether it could do the exercise, holding what the rig's model allows at the rig's level.
 * Remembered by the model's digest. */
bool fresh_can_use(struct fresh *fresh);

/* Whether it could do one operation. Costs a whole run: for when the crashed store refused it. */
bool fresh_can_do(struct fresh *fresh, const struct op *op);

#endif
