/* capacity.h - what a healthy store can take, asked of one.
 *
 * After a crash the engine must be alive: it takes new operations and its capacity is what it was.
 * What "what it was" means is asked of the engine itself: a capacity store on a blank chip that holds
 * the same values does the same. What it can do, the crashed store must do too. How a log packs its
 * sectors depends on what went before, so the capacity store holds an allowance besides: for each
 * sector one more value of the largest size. Not where all values are of one size: then there is
 * one way to pack them.
 */
#ifndef BROWNOUT_CAPACITY_H
#define BROWNOUT_CAPACITY_H

#include "fuzz/rig/rig.h"

struct capacity;

/* A capacity store for the script, engine and settings of a rig, which must outlive it. NULL when
 * memory is short. */
struct capacity *capacity_new(struct rig *rig);
void capacity_free(struct capacity *capacity);

/* Whether it could do the exercise, holding what the rig's model allows at the rig's level.
 * Remembered by the model's digest. */
bool capacity_can_use(struct capacity *capacity);

/* Whether it could do one operation. Costs a whole run: for when the crashed store refused it. */
bool capacity_can_do(struct capacity *capacity, const struct op *op);

#endif
