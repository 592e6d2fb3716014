/* visited.c - a hash table with open addressing: half of its slots stay free, so a search is short.
 * When it holds MEMBERS_MAX digests it takes no more, and states are judged again. */
#include "fuzz/explore/visited.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

#define MEMBERS_MAX (1u << 23)

struct visited {
    struct chip_hash *slots; /* both words 0: free */
    uint64_t mask, count;
};

#define SLOTS_MIN (1u << 12)

static void make_slots(struct visited *visited, uint64_t slots)
{
    visited->mask = slots - 1;
    visited->slots = memory_zeroed(slots, sizeof *visited->slots);
}

struct visited *visited_new(void)
{
    struct visited *visited = memory_zeroed(1, sizeof *visited);
    make_slots(visited, SLOTS_MIN);
    return visited;
}

/* A table that was much too large becomes smaller, as clearing it costs its size. */
void visited_clear(struct visited *visited)
{
    uint64_t slots = visited->mask + 1;
    if (!visited->count) return;
    if (slots > SLOTS_MIN && visited->count * 16 < slots) {
        free(visited->slots);
        make_slots(visited, slots / 2);
    } else {
        memset(visited->slots, 0, slots * sizeof *visited->slots);
    }
    visited->count = 0;
}

void visited_free(struct visited *visited)
{
    free(visited->slots);
    free(visited);
}

/* So that no digest looks like a free slot. */
static struct chip_hash as_member(struct chip_hash digest)
{
    digest.high |= 1;
    return digest;
}

static struct chip_hash *place_of(const struct visited *visited, struct chip_hash digest)
{
    uint64_t at = digest.low & visited->mask;
    for (;; at = (at + 1) & visited->mask) {
        struct chip_hash *slot = &visited->slots[at];
        if (!slot->low && !slot->high) return slot;
        if (slot->low == digest.low && slot->high == digest.high) return slot;
    }
}

static void grow(struct visited *visited)
{
    struct visited larger = {.mask = visited->mask * 2 + 1, .count = visited->count};
    larger.slots = memory_zeroed(larger.mask + 1, sizeof *larger.slots);
    for (uint64_t i = 0; i <= visited->mask; i++) {
        if (visited->slots[i].low || visited->slots[i].high)
            *place_of(&larger, visited->slots[i]) = visited->slots[i];
    }
    uint64_t moved = 0;
    for (uint64_t i = 0; i <= larger.mask; i++)
        moved += larger.slots[i].low || larger.slots[i].high;
    assert(moved == visited->count && "each member has its place in the larger table");
    free(visited->slots);
    *visited = larger;
}

bool visited_has(const struct visited *visited, struct chip_hash digest)
{
    return place_of(visited, as_member(digest))->high != 0;
}

bool visited_before(struct visited *visited, struct chip_hash digest)
{
    digest = as_member(digest);
    struct chip_hash *slot = place_of(visited, digest);
    if (slot->low || slot->high) return true;
    if (visited->count >= MEMBERS_MAX) return false;
    if (visited->count * 2 >= visited->mask) {
        grow(visited);
        slot = place_of(visited, digest);
    }
    *slot = digest;
    visited->count++;
    assert(visited->count * 2 <= visited->mask + 1 && "half of the slots are free");
    return false;
}
