/* visited.h - a set of 128-bit digests: the crash states that were judged before. */
#ifndef BROWNOUT_VISITED_H
#define BROWNOUT_VISITED_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"

struct visited;

struct visited *visited_new(void);
void visited_free(struct visited *visited);

/* Forgets all of them. */
void visited_clear(struct visited *visited);

/* Whether the digest is there. */
bool visited_has(const struct visited *visited, struct chip_hash digest);

/* Whether the digest was there; adds it when not. From 2^23 members on nothing is added, which
 * costs time but no truth: a state is then judged again. */
bool visited_before(struct visited *visited, struct chip_hash digest);

#endif
