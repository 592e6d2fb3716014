/* SPDX-License-Identifier: MIT */
/* tickv_region.c - see tickv_internal.h: what is done to regions; the theory is in tickv.c. */
#include <string.h>

#include "../check.h"
#include "tickv_internal.h"

/* A start that is open. Its checksum is not that of its bytes: torn so that it looks live, it is
 * damaged. */
static const uint8_t start_bytes[TICKV_OVERHEAD] = {1,    TICKV_OPEN, TICKV_OVERHEAD, 0xFF, 0xFF,
                                                    0xFF, 0xFF,       0xFF,           0xFF, 0xFF,
                                                    0xFF, 0x0F,       0xF0,           0x5A, 0xA5};

bool tickv_is_start(struct tickv *store, const struct tickv_walk *walk)
{
    return walk->left == store->region_size && walk->length == TICKV_OVERHEAD &&
           tickv_walk_hash(store, walk) == TICKV_HASH_START;
}

uint32_t tickv_survey(struct tickv *store, struct tickv_walk *walk)
{
    uint32_t live = 0;
    while (tickv_walk_next(store, walk))
        if (tickv_live(walk)) live += walk->length;
    return live;
}

/* Spoils the checksums of what is dead, so that no bits that an erase sets make it live again. */
void tickv_erase(struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(store, region);
    while (tickv_walk_next(store, &walk))
        tickv_zero(store, &walk, walk.length - TICKV_CHECK);
    tickv_erase_whole(store, region);
}

void tickv_erase_whole(struct tickv *store, uint32_t region)
{
    if (!store->error) store->error = bo_flash_erase(store->flash, region);
    store->blank = true;
}

bool tickv_is_fresh(struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(store, region);
    if (tickv_walk_next(store, &walk) && tickv_is_start(store, &walk) && (walk.flags & TICKV_OPEN))
        (void)tickv_walk_next(store, &walk);
    return tickv_used(store, walk.at, walk.left) == 0;
}

/* Gives a blank region its first, dead object: the crate's search goes on after it. */
void tickv_start(struct tickv *store, uint32_t region)
{
    if (tickv_used(store, region, TICKV_OVERHEAD + TICKV_HEADER) != 0) tickv_erase(store, region);
    tickv_program(store, region, start_bytes, TICKV_OVERHEAD);
}

/* Starts the blank regions that lie before `region` in the order of a hash. */
void tickv_open_path(struct tickv *store, uint64_t hash, uint32_t region)
{
    uint32_t step = 0, before;
    uint8_t first;
    while (tickv_path(store, hash, &step, &before) && before != region) {
        tickv_load(store, before, &first, 1);
        if (first == 0xFF) tickv_start(store, before);
    }
}

/* The same for all live objects. */
void tickv_open_paths(struct tickv *store)
{
    uint32_t region = 0;
    do {
        struct tickv_walk walk = tickv_walk_region(store, region);
        while (tickv_walk_next(store, &walk))
            if (tickv_live(&walk)) tickv_open_path(store, tickv_walk_hash(store, &walk), region);
    } while (tickv_next_region(store, &region));
}

/* Whether a live object lies anywhere after `from`, though no walk leads to it: a bit of a header
 * before it is wrong, which no cut does. */
static bool hides(struct tickv *store, const struct tickv_walk *from)
{
    for (uint32_t i = 1; i < from->left; i++) {
        struct tickv_walk walk = {from->at + i, from->left - i, 0, 0, 0, false};
        if (tickv_walk_next(store, &walk) && tickv_live(&walk) && tickv_sound(store, &walk))
            return true;
    }
    return false;
}

/* A torn header has all the bits that it should have, and perhaps more: of the lengths that can be
 * made of it, that of the object is one. The version and the length come first; then one bit kills
 * it, while a copy is still marked as one, as it may be whole now. */
bool tickv_cure(struct tickv *store, const struct tickv_walk *end, bool guard)
{
    struct tickv_walk torn = *end;
    uint32_t length = tickv_used(store, torn.at, torn.left);
    uint8_t head[3];
    if (length == 0) return true;
    if (guard && hides(store, end)) return false;
    tickv_load(store, torn.at, head, sizeof head);
    uint32_t most = (head[1] & 15u) << 8 | head[2];
    if (length < TICKV_OVERHEAD) length = TICKV_OVERHEAD;
    while (length <= most && (length & ~most) != 0)
        length++;
    if (!(head[0] & 1) || length > most || length > torn.left) return false;
    torn.flags = head[1] & 0xF0;
    torn.length = length;
    head[0] = 1;
    head[1] = (uint8_t)(torn.flags | length >> 8);
    head[2] = (uint8_t)length;
    tickv_program(store, torn.at, head, sizeof head);
    tickv_clear(store, &torn, TICKV_VALID);
    return true;
}

bool tickv_kill(struct tickv *store, uint64_t hash, uint32_t but)
{
    struct tickv_search search = tickv_search_for(hash);
    bool any = false;
    while (tickv_search_next(store, &search)) {
        if (search.walk.at == but) continue;
        tickv_clear(store, &search.walk, TICKV_VALID);
        any = true;
    }
    return any;
}

/* Recovery ----------------------------------------------------------------------------------- */

/* Makes what was touched in `size` bytes from the end of the objects a dead object; or blank, with
 * the region, where nothing in it is `live`. Whether they are blank now, from where it ends on. */
static bool tidy(struct tickv *store, struct tickv_walk *end, uint32_t size, bool live)
{
    if (tickv_used(store, end->at, size) == 0 || tickv_cure(store, end, true)) return true;
    if (live || hides(store, end)) return false;
    *end = tickv_walk_region(store, end->at + end->left - store->region_size);
    tickv_erase(store, end->at);
    return true;
}

/* Whether the crate's search goes on after the last object: enough bytes are left, and if they are
 * too few for another one, all are blank. */
static bool ends_blank(struct tickv *store, const struct tickv_walk *end)
{
    if (end->left >= TICKV_OVERHEAD) return true;
    return end->left >= TICKV_TAIL && tickv_used(store, end->at, end->left) == 0;
}

/* Makes the end of a region blank, or dead; its last object, too, if that is torn. An erase that
 * was cut sets bits of dead objects, whose checksums were spoiled before. So if none of a region
 * has one that fits, all are dead. Whether a valid object has reserved bits. */
static bool settle(struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(store, region), last = walk;
    uint8_t flags = 0; /* of the valid ones */
    bool any = false;  /* has a checksum that fits */
    while (tickv_walk_next(store, &walk)) {
        last = walk;
        if (!(walk.flags & TICKV_VALID)) continue;
        flags |= walk.flags;
        any = any || tickv_sound(store, &walk);
    }
    bool torn = (last.flags & TICKV_VALID) && !tickv_sound(store, &last);
    if (!torn || walk.junk || !tickv_cure(store, &last, false))
        if (walk.left >= TICKV_OVERHEAD) (void)tidy(store, &walk, TICKV_HEADER, any);
    if (walk.left == store->region_size) store->blank = true;
    walk = tickv_walk_region(store, region);
    while (!any && tickv_walk_next(store, &walk))
        tickv_clear(store, &walk, TICKV_VALID);
    if (!ends_blank(store, &walk)) tickv_erase(store, region);
    return (flags & TICKV_RESERVED) != 0;
}

/* Whether what was copied to a region counts. */
static bool committed(struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(store, region);
    return tickv_walk_next(store, &walk) && tickv_is_start(store, &walk) &&
           !(walk.flags & TICKV_OPEN);
}

/* Goes on with what was written and not yet finished, or drops it. */
void tickv_resolve(struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(store, region);
    while (tickv_walk_next(store, &walk)) {
        if (!(walk.flags & TICKV_VALID) || !(walk.flags & TICKV_RESERVED)) continue;
        bool dropped = (walk.flags & TICKV_COPY) && !committed(store, region);
        if (dropped || !tickv_sound(store, &walk)) {
            tickv_clear(store, &walk, TICKV_VALID);
            continue;
        }
        (void)tickv_kill(store, tickv_walk_hash(store, &walk), walk.at);
        tickv_clear(store, &walk, TICKV_RESERVED);
    }
}

void tickv_recover(struct tickv *store)
{
    bool unfinished = false;
    uint32_t region = 0;
    do
        unfinished |= settle(store, region);
    while (tickv_next_region(store, &region));
    if (!unfinished) return;
    do
        tickv_resolve(store, region);
    while (tickv_next_region(store, &region));
}

/* Room --------------------------------------------------------------------------------------- */

bool tickv_fits(const struct tickv_walk *end, uint32_t length)
{
    return !end->junk && length + TICKV_TAIL <= end->left;
}

bool tickv_room(struct tickv *store, struct tickv_walk *end, uint32_t length, uint32_t live)
{
    if (!tickv_fits(end, length) || !tidy(store, end, length + TICKV_HEADER, live != 0))
        return false;
    (void)tickv_survey(store, end); /* what was cured */
    return tickv_fits(end, length);
}
