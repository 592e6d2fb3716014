/* capacity.h - what a healthy store can take, asked of one.
 *
 * After a crash the engine must be alive: it takes new operations and its capacity is what it was.
 * The engine itself shows what that was: a fresh store, on a blank chip, is filled with the same
 * values, and what it can do, the crashed store must do too. How values are packed into sectors
 * depends on the order in which they came. So the fresh store holds an allowance besides: for each
 * sector one more value of the largest size. Where all values have one size there is one way to
 * pack them, and no allowance.
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

/* Whether it could do one operation. Takes a whole run: ask when the crashed store refused it. */
bool capacity_can_do(struct capacity *capacity, const struct op *op);

/* Whether it takes the exercise's value at all, however little; also where the exercise has no key
 * for it. */
bool capacity_takes(struct capacity *capacity);

#endif
