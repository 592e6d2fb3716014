/* pairs.h - `first+second`: two engines on one flash, each other power-on the other one's.
 *
 * What firmware does with an update and with a roll back: the next power-on opens what another
 * build has left. The harness says whose power-on it is (pairs_power_on), in the object, before it
 * mounts, formats or resets.
 *
 * The two as one engine have the calls, limits and promises that both have, and the widenings of
 * either. An option that both have is given to both, by default with the value of the first one.
 */
#ifndef BROWNOUT_PAIRS_H
#define BROWNOUT_PAIRS_H

#include "fuzz/adapters/beside.h"

#define PAIRS_MARK '+'
#define PAIRS_REASON_MAX 160

/* The pair of these two, made once, which lives to the end. NULL and a reason when they can't be
 * one. `name` is what a scenario calls it. */
const struct adapter *pairs_make(const char *name, const struct adapter *first,
                                 const struct adapter *second, char reason[PAIRS_REASON_MAX]);

/* One of the two of a pair; NULL: it is no pair. */
const struct adapter *pairs_side(const struct adapter *adapter, enum beside_side side);

/* The object of a pair, as power-on left it, is that of this one's power-on. Nothing happens to
 * that of another engine. */
void pairs_power_on(const struct adapter *adapter, void *object, enum beside_side side);

#endif
