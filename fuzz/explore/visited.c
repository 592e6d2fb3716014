#include "fuzz/explore/visited.h"

#include <stdlib.h>

#define MEMBERS_MAX (1u << 25)

struct seen {
    struct chip_hash *slots; /* both words 0: free */
    uint64_t mask, count;
};

struct seen *seen_new(void)
{
    struct seen *seen = calloc(1, sizeof *seen);
    if (!seen) return NULL;
    seen->mask = (1u << 12) - 1;
    seen->slots = calloc(seen->mask + 1, sizeof *seen->slots);
    if (seen->slots) return seen;
    free(seen);
    return NULL;
}

void seen_free(struct seen *seen)
{
    if (seen) free(seen->slots);
    free(seen);
}

static struct chip_hash *place_of(const struct seen *seen, struct chip_hash digest)
{
    uint64_t at = digest.low & seen->mask;
    for (;; at = (at + 1) & seen->mask) {
        struct chip_hash *slot = &seen->slots[at];
        if (!slot->low && !slot->high) return slot;
        if (slot->low == digest.low && slot->high == digest.high) return slot;
    }
}

static void grow(struct seen *seen)
{
    struct seen larger = {.mask = seen->mask * 2 + 1, .count = seen->count};
    larger.slots = calloc(larger.mask + 1, sizeof *larger.slots);
    if (!larger.slots) return; /* goes on with the full table: see seen_before() */
    for (uint64_t i = 0; i <= seen->mask; i++) {
        if (seen->slots[i].low || seen->slots[i].high)
            *place_of(&larger, seen->slots[i]) = seen->slots[i];
    }
    free(seen->slots);
    *seen = larger;
}

bool seen_before(struct seen *seen, struct chip_hash digest)
{
    digest.high |= 1; /* so that no digest looks like a free slot */
    struct chip_hash *slot = place_of(seen, digest);
    if (slot->low || slot->high) return true;
    if (seen->count >= MEMBERS_MAX) return false;
    if (seen->count * 2 >= seen->mask) {
        grow(seen);
        if (seen->count * 2 >= seen->mask) return false;
        slot = place_of(seen, digest);
    }
    *slot = digest;
    seen->count++;
    return false;
}
