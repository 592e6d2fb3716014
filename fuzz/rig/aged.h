/* aged.h - whether a store stays right when the numbers that it counts come round.
 *
 * Many designs number their sectors or their changes, and compare the numbers to find the newest.
 * In 8 bits they are used up after 256 of them, in 16 bits after 65,536, which a device of some
 * years comes to; what compares them as they are then takes the oldest for the newest. No scenario
 * is as long as that. So a fresh store is given one change after the other, each so large that it
 * needs a sector.
 */
#ifndef BROWNOUT_AGED_H
#define BROWNOUT_AGED_H

#include "fuzz/rig/rig.h"

/* Numbers of 8 bits come round in the changes or erases of a short life, those of 16 bits in a long
 * one. */
#define AGED_SHORT 320u
#define AGED_LONG 66000u

/* Whether it is wrong before that many changes were made and sectors erased, with no cut; the
 * finding, of the clause that is broken, is left in the rig then. There is a power-on for each half
 * lap. Where changes erase little, eight times as many changes end it. What is refused ends it and
 * is no finding: some designs have a stated life. So does asks->stop, as an engine that reads much
 * takes minutes for a long life. */
bool aged_finds(struct rig *asks, uint32_t life);

#endif
