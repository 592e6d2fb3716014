/* capacity.h - what a healthy store can take, asked of one.
 *
 * After a crash the engine must be alive: it takes new operations and its capacity is what it was.
 * What it was is asked of the engine itself: a fresh store, on a blank chip, is filled with the
 * same values. What that store can do, the crashed one must do too. How a log packs its sectors
 * depends on what went before. So the fresh store holds an allowance besides: for each sector one
 * more value of the largest size. There is none where all values are of one size: then there is
 * one way to pack them.
 */
#ifndef BROWNOUT_CAPACITY_H
#define BROWNOUT_CAPACITY_H

#include "fuzz/rig/rig.h"

struct capacity;

/* A capacity store for the script, engine and settings of a rig, which must outlive it. */
struct capacity *capacity_new(struct rig *rig);
void capacity_free(struct capacity *capacity);

/* Whether it could do the exercise, holding what the rig's model allows at the rig's level.
 * Remembered by the model's digest. */
bool capacity_can_use(struct capacity *capacity);

/* Whether it could do one operation. Costs a whole run: for when the crashed store refused it. */
bool capacity_can_do(struct capacity *capacity, const struct op *op);

#endif
