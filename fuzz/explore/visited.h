/* seen.h - a set of 128-bit digests: the crash states that were judged before. */
#ifndef BROWNOUT_SEEN_H
#define BROWNOUT_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"

struct seen;

/* NULL when memory is short. */
struct seen *seen_new(void);
void seen_free(struct seen *seen);

/* Whether the digest was there; adds it when not. From 2^25 members on nothing is added, which
 * costs time but no truth: a state is then judged again. */
bool seen_before(struct seen *seen, struct chip_hash digest);

#endif
