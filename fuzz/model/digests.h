/* digests.h - a set of digests: whether one is in it, without looking at the others. */
#ifndef BROWNOUT_DIGESTS_H
#define BROWNOUT_DIGESTS_H

#include <stdbool.h>
#include <stdint.h>

/* The fields are the set's own, but for `steps`: slots that were looked at so far. A handful for
 * each call; tests bound what a whole costs by it. */
struct digests {
    uint64_t *slots;
    uint32_t mask;
    uint64_t steps;
};

/* An empty set with room for `count_max`. */
struct digests digests_new(uint32_t count_max);
void digests_free(struct digests *set);

/* False when it was there already. */
bool digests_add(struct digests *set, uint64_t digest);

bool digests_has(struct digests *set, uint64_t digest);

#endif
