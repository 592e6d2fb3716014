/* cut_rate.h - power cuts at a rate: in which operation, where in it, and what is left.
 *
 * The model. Of `of` operations `cuts` lose power, on average, each decided by a draw of its
 * own. Inside the operation the place is one of its programs and erases, each as likely as any
 * other. What the cut leaves is drawn in two steps, first one of the fault classes that have
 * something to leave there, then one of their tears, so that a long program with its many prefixes
 * does not crowd out the other classes.
 *
 * Everything is a function of the seed, the number of the operation and the flash call, so that all
 * engines lose power in the same operations of a script.
 */
#ifndef BROWNOUT_CUT_RATE_H
#define BROWNOUT_CUT_RATE_H

#include "sim/chip.h"
#include "sim/fault.h"

struct cut_rate {
    uint64_t cuts, of; /* rate: cuts <= of; cuts 0: never */
    uint32_t faults;   /* fault classes of the tears, of FAULT_CUTS */
    struct fault_effort effort;
    uint64_t seed;
};

/* One operation as its programs and erases are watched. */
struct cut_rate_watch {
    const struct cut_rate *cut_rate;
    const struct chip *chip;
    uint32_t nth;     /* to be cut, from 1; 0: none, they are counted only */
    uint32_t met;     /* programs and erases so far */
    bool erase;       /* what was cut is an erase */
    struct tear tear; /* what it left */
    uint64_t seed;    /* of this operation */
};

/* Whether power is cut in the operation with this number in the script. */
bool cut_rate_strikes(const struct cut_rate *cut_rate, uint64_t number);

/* The place of the cut in an operation: one of `count` programs and erases, from 1. */
uint32_t cut_rate_place(const struct cut_rate *cut_rate, uint64_t number, uint32_t count);

/* Begins to watch the chip: cuts the nth program or erase from here on, or only counts them. The
 * watch must stay where it is until cut_rate_unwatch(). */
void cut_rate_watch(struct cut_rate_watch *watch, const struct cut_rate *cut_rate,
                    struct chip *chip, uint64_t number, uint32_t nth);
void cut_rate_unwatch(struct chip *chip);

#endif
