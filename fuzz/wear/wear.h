/* wear.h - what a run did to the chip, and how long the chip will bear it. */
#ifndef BROWNOUT_WEAR_H
#define BROWNOUT_WEAR_H

#include <stdio.h>
#include "fuzz/rig/rig.h"

/* Erases of the sectors, all sectors of the chip counted. */
struct wear {
    uint32_t max, max_sector, used; /* most erases, where, and how many sectors were erased */
    uint32_t min;
    double mean, deviation; /* the standard deviation: 0 when all sectors are worn alike */
};

/* `before` has the erases of each sector that do not count; NULL: all count. */
struct wear wear_of(const struct rig *rig, const uint32_t *before);

/* Until the most worn sector has passed its endurance, if life goes on like this; 0: never, or not
 * known. */
double wear_lifetime_ns(const struct rig *rig, const struct wear *wear);

/* "3.2 days" */
void wear_print_duration(FILE *out, double ns);

#endif
