/* SPDX-License-Identifier: MIT */
/* tickv.c - see tickv.h. What survives a cut, and why; what the crate makes of it. In brackets what
 * fails without it, tests of tickv_map_test.c where no other file is named:
 *
 *  1. An object counts if its valid bit is set and its checksum fits. A program that was cut
 *     leaves a part of an object at the end of a region, whose checksum does not. Before anything
 *     is written there a mount makes it dead: its version and its length are programmed again, as
 *     the shortest length that its bits allow and that covers what was touched; then its valid
 *     bit is cleared, and that alone, since what was cut of the object may have been written by
 *     that. [scenarios/cases/tickv-copy-half-cured.case, the_crate_finds_all_that_a_map_holds]
 *  2. Where the header in question leads nowhere, bits may be wrong which no cut left. Nothing is
 *     covered or erased if a live object lies after it. [a_wrong_bit_costs_what_it_hits]
 *  3. What an object will be written to is looked at before; a mount looks at the next header of
 *     each region alone. [a_blank_region_hides_nothing, errors_of_the_flash_are_answered]
 *  4. Invalidating clears one bit: it is done or not. A region is erased only when all in it is
 *     dead, and after their checksums were overwritten with zeros: the erase that is cut may set
 *     any bits, a valid bit too. So a region with valid objects none of which fits is dead, and a
 *     mount says so in their flags. [scenarios/cases/tickv-dead-looks-live.case]
 *  5. An update. Three programs, for which the reserved bits of the flags are used, which the
 *     crate writes as 0 and does not look at; the checksum covers them as 0, as they will be: the
 *     new object, with the bit TICKV_UPDATE; the old one dies; the bit is cleared. After the
 *     first the new value counts: a mount that finds the bit, on an object that fits, does the
 *     rest. A search does not meet both, as a mount comes before it. The crate, if it mounts
 *     first, finds the old object where that comes first in its order, else the new one, which it
 *     reports as damaged as long as the bit is set. [scenarios/cases/tickv-two-live.case]
 *  6. Room. A map keeps a region without live objects: the spare. When nothing fits, the region
 *     with the least live bytes is copied to it, each copy with the bit TICKV_COPY, and the new
 *     object as one of them. They count when the bit TICKV_OPEN of the object at the start of the
 *     spare is cleared, all at once; then each kills the others of its hash, and loses its bit.
 *     Before that a mount kills the copies; after, it goes on. Then nothing is live in the region
 *     that was copied: it is the spare. As it had room for its start too, what is live in any
 *     region always fits. [a_full_map_replaces_and_removes, static_objects_pin_no_region,
 *     scenarios/cases/tickv-copies-count.case]
 *  7. The start of a region is a dead object without a value. It stands where a blank region
 *     would end the crate's search for a live object: in those that an object passed over, and,
 *     at the end of the call, after an erase. Its checksum never fits, so it is torn, and is
 *     cured, where a cut leaves its valid bit set. [a_blank_region_hides_nothing,
 *     scenarios/cases/tickv-start-looks-live.case]
 *  8. At the end of a region 12 bytes stay blank, else the crate would end its search there. Where
 *     an erase that was cut left less, or zeros there, nothing is live: a mount erases again.
 *     [the_crate_finds_all_that_a_map_holds, what_a_cut_erase_left_hides_nothing,
 *     scenarios/cases/tickv-zeros-hide.case]
 *  9. The main key is the last thing that a format writes, and the first that it takes away, in a
 *     way that no erase brings back: while there is none, nothing here writes but a format.
 *     [never_formats_by_itself, a_map_of_other_regions_is_refused]
 */
#include "tickv.h"

#include <string.h>

#include "../check.h"
#include "tickv_internal.h"

bool tickv_find_any(struct tickv *store, uint64_t hash, struct tickv_walk *walk)
{
    struct tickv_search search = tickv_search_for(hash);
    search.mask = TICKV_VALID;
    while (tickv_search_next(store, &search)) {
        *walk = search.walk;
        if (tickv_sound(store, walk)) return true;
    }
    return false;
}

/* Calls -------------------------------------------------------------------------------------- */

bool tickv_begin(struct tickv *store, const struct tickv_config *config)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    if (!tickv_geometry_usable(g) || config->work_size < TICKV_WORK_MIN ||
        tickv_hash_reserved(config->main_hash))
        return false;
    store->flash = config->flash;
    store->main_hash = config->main_hash;
    store->region_size = g->sector_size;
    store->regions = g->sector_count;
    store->end = g->sector_size * g->sector_count;
    store->work = (uint8_t *)config->work;
    store->work_size = config->work_size & ~(g->unit - 1u);
    store->error = BO_FLASH_OK;
    store->ready = store->blank = false;
    return true;
}

void tickv_enter(struct tickv *store)
{
    store->error = BO_FLASH_OK;
    if (!store->ready) tickv_recover(store);
}

int tickv_leave(struct tickv *store, int error)
{
    if (store->blank) tickv_open_paths(store);
    store->blank = false;
    store->ready = store->error == BO_FLASH_OK;
    tickv_check(store, false);
    return store->error ? store->error : error;
}

int tickv_mount(struct tickv *store, const struct tickv_config *config)
{
    struct tickv_walk walk;
    if (!tickv_begin(store, config)) return MAP_ERR_GEOMETRY;
    if (!tickv_find_any(store, store->main_hash, &walk))
        return tickv_leave(store, MAP_ERR_NOT_FOUND);
    tickv_enter(store);
    return tickv_leave(store, BO_FLASH_OK);
}

/* Without a main key, whose checksum no tear of an erase makes fit, it is no store. */
void tickv_blank(struct tickv *store)
{
    struct tickv_walk walk;
    uint32_t region = 0;
    while (tickv_find_any(store, store->main_hash, &walk))
        tickv_zero(store, &walk, walk.length - TICKV_CHECK);
    do
        tickv_erase_whole(store, region);
    while (tickv_next_region(store, &region));
    store->ready = true;
}

int tickv_put_first(struct tickv *store, uint64_t hash, const void *value, uint32_t size)
{
    struct tickv_value whole = {{value, NULL, NULL}, {size, 0, 0}};
    uint32_t length = TICKV_OVERHEAD + size, step = 0, region;
    if (size > TICKV_LENGTH_MAX - TICKV_OVERHEAD || length + TICKV_TAIL > store->region_size)
        return MAP_ERR_TOO_BIG;
    while (tickv_path(store, hash, &step, &region)) {
        struct tickv_walk place = tickv_walk_region(store, region);
        uint32_t live = tickv_survey(store, &place);
        if (!tickv_room(store, &place, length, live)) continue;
        tickv_open_path(store, hash, region);
        tickv_write(store, place.at, hash, TICKV_VALID, &whole);
        return BO_FLASH_OK;
    }
    return MAP_ERR_FULL;
}

int tickv_format(struct tickv *store, const struct tickv_config *config)
{
    if (!tickv_begin(store, config)) return MAP_ERR_GEOMETRY;
    tickv_blank(store);
    return tickv_leave(store, tickv_put_first(store, store->main_hash, NULL, 0));
}

bool tickv_hash_usable(const struct tickv *store, uint64_t hash)
{
    return !tickv_hash_reserved(hash) && hash != store->main_hash;
}

int tickv_append(struct tickv *store, uint64_t hash, const void *value, uint32_t size)
{
    struct tickv_search search = tickv_search_for(hash);
    if (!tickv_hash_usable(store, hash)) return TICKV_ERR_COLLISION;
    tickv_enter(store);
    while (tickv_search_next(store, &search)) {
        if (tickv_sound(store, &search.walk)) return tickv_leave(store, TICKV_ERR_EXISTS);
        tickv_clear(store, &search.walk, TICKV_VALID);
    }
    return tickv_leave(store, tickv_put_first(store, hash, value, size));
}

int tickv_get(struct tickv *store, uint64_t hash, void *value, uint32_t capacity,
              uint32_t *value_size)
{
    struct tickv_search search = tickv_search_for(hash);
    int error = MAP_ERR_NOT_FOUND;
    tickv_enter(store);
    while (tickv_search_next(store, &search)) {
        error = MAP_ERR_DAMAGED;
        if (!tickv_read(store, &search.walk, 0, value, capacity, value_size)) continue;
        error = *value_size > capacity ? (int)MAP_ERR_BUFFER : (int)BO_FLASH_OK;
        break;
    }
    return tickv_leave(store, error);
}

void tickv_wipe(struct tickv *store, uint64_t hash)
{
    uint32_t region = 0;
    do {
        struct tickv_walk walk = tickv_walk_region(store, region);
        while (tickv_walk_next(store, &walk) ||
               (tickv_used(store, walk.at, walk.left) != 0 && tickv_cure(store, &walk, true))) {
            if (walk.length == 0 || tickv_live(&walk) || tickv_is_start(store, &walk)) continue;
            if (hash == 0 || tickv_walk_hash(store, &walk) == hash || !tickv_sound(store, &walk))
                tickv_zero(store, &walk, TICKV_HEADER);
        }
    } while (tickv_next_region(store, &region));
}

static int end(struct tickv *store, bool wipe, uint64_t hash)
{
    if (!tickv_hash_usable(store, hash)) return TICKV_ERR_COLLISION;
    tickv_enter(store);
    bool any = tickv_kill(store, hash, TICKV_NOWHERE);
    if (wipe) tickv_wipe(store, hash);
    return tickv_leave(store, any ? (int)BO_FLASH_OK : (int)MAP_ERR_NOT_FOUND);
}

int tickv_invalidate(struct tickv *store, uint64_t hash)
{
    return end(store, false, hash);
}

int tickv_destroy(struct tickv *store, uint64_t hash)
{
    return end(store, true, hash);
}

int tickv_collect(struct tickv *store, uint32_t *freed)
{
    uint32_t region = 0;
    *freed = 0;
    tickv_enter(store);
    do {
        struct tickv_walk walk = tickv_walk_region(store, region);
        if (tickv_survey(store, &walk) != 0 || walk.junk || tickv_is_fresh(store, region)) continue;
        tickv_erase(store, region);
        *freed += store->region_size;
    } while (tickv_next_region(store, &region));
    return tickv_leave(store, BO_FLASH_OK);
}

#ifdef BO_CHECKS
static void check_region(struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(store, region);
    while (tickv_walk_next(store, &walk)) {
        if (!(walk.flags & TICKV_VALID)) continue;
        BO_CHECK(!(walk.flags & TICKV_RESERVED) && tickv_sound(store, &walk));
        struct tickv_search search = tickv_search_for(tickv_walk_hash(store, &walk));
        BO_CHECK(tickv_search_next(store, &search) && !tickv_search_next(store, &search));
    }
    BO_CHECK(!walk.junk);
    if (walk.left >= TICKV_OVERHEAD) BO_CHECK(tickv_used(store, walk.at, TICKV_HEADER) == 0);
}

void tickv_check(struct tickv *store, bool flash)
{
    uint32_t region = 0;
    BO_CHECK(store->work_size >= TICKV_WORK_MIN &&
             store->work_size % store->flash->geometry.unit == 0);
    BO_CHECK(!store->ready || store->error == BO_FLASH_OK);
    if (!flash) return;
    do
        check_region(store, region);
    while (tickv_next_region(store, &region));
}
#endif
