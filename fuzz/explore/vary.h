/* vary.h - changes of a case that make it no smaller by themselves.
 *
 * The shrinker (shrink.h) takes away what can go alone. Some operations can only go when something
 * else changes with them: two of five stores, when the sector has two slots less; the store that
 * was cut, when the cut comes one store sooner. Here is that something: another chip, a cut at
 * another place, another size, key, place or seed, the same operation twice, a transaction as plain
 * changes. Whether the case still shows the same is for a replay to say.
 */
#ifndef BROWNOUT_VARY_H
#define BROWNOUT_VARY_H

#include "fuzz/script/script.h"

enum vary_what {
    VARY_CHIP,  /* n sectors of `size` bytes */
    VARY_CUT,   /* operation n has `cut`, operation `op`, which had one, has none (n may be op) */
    VARY_FLAT,  /* the transaction that begins at `op`: its changes alone; a cut in its commit is
                   one in the last of them */
    VARY_PLACE, /* operation `op`: place n */
    VARY_SEED,  /* seed n */
    VARY_KIND,  /* another kind that has the same fields: n */
    VARY_COPY,  /* the same as operation n, but for a cut */
    VARY_KEY,   /* key n */
    VARY_SIZE,  /* a plain value of n bytes */
    VARY_SIZES, /* the same of every operation that has a value */
    VARY_KEYS,  /* every operation: key n */
    VARY_WHATS
};

struct variation {
    enum vary_what what;
    uint32_t op; /* where it is one */
    uint32_t n;
    uint32_t size;
    struct cut cut;
};

/* All variations of a script, in an order that is always the same: the cheap and likely ones first.
 * *list is to be freed. */
uint32_t vary_list(const struct script *script, struct variation **list);

/* The script with one thing changed; the chip may be none that there is. */
struct script *vary(const struct script *script, const struct variation *variation);

/* Some things changed, and every other time some operations gone, as *random decides. The script
 * must have operations. */
struct script *vary_at_random(const struct script *script, uint64_t *random);

/* A value of `size` equal letters: easy to read, and of use where only its size matters. */
const struct value *vary_plain(struct script *script, uint32_t size, uint32_t letter);

#endif
