/* digests.c - see digests.h. A hash table with linear probing, at most half full; the digests are
 * hashes already. An empty slot is 0, which stands for no digest: that of 0 is kept as 1. */
#include "fuzz/model/digests.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/memory.h"

struct digests digests_new(uint32_t count_max)
{
    uint32_t slots = 16;
    assert(count_max <= 1u << 30 && "twice as many slots can be counted");
    while (slots < 2 * (uint64_t)count_max)
        slots *= 2;
    return (struct digests){.slots = memory_zeroed(slots, sizeof(uint64_t)), .mask = slots - 1};
}

void digests_free(struct digests *set)
{
    free(set->slots);
    set->slots = NULL;
}

/* The slot that holds it, or the empty one where it belongs. */
static uint64_t *slot_of(struct digests *set, uint64_t digest)
{
    uint32_t at = (uint32_t)(digest >> 32 ^ digest) & set->mask;
    for (;; at = (at + 1) & set->mask) {
        set->steps++;
        if (set->slots[at] == 0 || set->slots[at] == digest) return &set->slots[at];
    }
}

static uint64_t kept_as(uint64_t digest)
{
    return digest ? digest : 1;
}

bool digests_add(struct digests *set, uint64_t digest)
{
    uint64_t *slot = slot_of(set, kept_as(digest));
    bool is_new = *slot == 0;
    *slot = kept_as(digest);
    return is_new;
}

bool digests_has(struct digests *set, uint64_t digest)
{
    return *slot_of(set, kept_as(digest)) != 0;
}
