/* SPDX-License-Identifier: MIT */
/* tickv_move.c - see tickv_internal.h: an object takes the place of another, and what is live moves
 * together where there is no room. The theory is in tickv.c.
 */
#include "tickv_internal.h"

/* Room --------------------------------------------------------------------------------------- */

static bool has_start(struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(store, region);
    return tickv_walk_next(store, &walk) && tickv_is_start(store, &walk);
}

/* Whether a region other than this one has no live object. */
static bool another_is_dead(struct tickv *store, uint32_t region)
{
    uint32_t other = 0;
    do {
        struct tickv_walk walk = tickv_walk_region(store, other);
        if (other != region && tickv_survey(store, &walk) == 0 && !walk.junk) return true;
    } while (tickv_next_region(store, &other));
    return false;
}

/* The last region without live objects stays so. In each there stays room for the start that a
 * region gets to which all that is in it is moved. */
static bool place_in(struct tickv *store, uint32_t region, uint32_t length,
                     struct tickv_walk *place)
{
    uint32_t more = has_start(store, region) ? length : length + TICKV_OVERHEAD;
    *place = tickv_walk_region(store, region);
    uint32_t live = tickv_survey(store, place);
    if (live == 0) {
        if (!another_is_dead(store, region)) return false;
        if (!tickv_fits(place, more)) {
            tickv_erase(store, region);
            *place = tickv_walk_region(store, region);
        }
    }
    return tickv_room(store, place, more, live);
}

static bool place_for(struct tickv *store, uint64_t hash, uint32_t length, struct tickv_walk *place)
{
    uint32_t step = 0, region;
    while (tickv_path(store, hash, &step, &region)) {
        if (!place_in(store, region, length, place)) continue;
        tickv_open_path(store, hash, region);
        return true;
    }
    return false;
}

/* Compaction --------------------------------------------------------------------------------- */

/* Whether another object of its hash is found in its place: the crate leaves such. */
static bool is_hidden(struct tickv *store, const struct tickv_walk *walk, uint64_t hash)
{
    struct tickv_search search = tickv_search_for(hash);
    while (tickv_search_next(store, &search))
        if (tickv_sound(store, &search.walk)) return search.walk.at != walk->at;
    return false;
}

/* The copy of an object, marked as one. */
static void write_copy(struct tickv *store, uint32_t address, const struct tickv_walk *source)
{
    uint8_t piece[TICKV_PIECE];
    tickv_output_at(store, address);
    for (uint32_t done = 0; done < source->length;) {
        uint32_t part = tickv_minimum(source->length - done, TICKV_PIECE);
        tickv_load(store, source->at + done, piece, part);
        if (done == 0) piece[1] = (uint8_t)((piece[1] & 15u) | TICKV_VALID | TICKV_COPY);
        tickv_output(store, piece, part);
        done += part;
    }
    tickv_output_end(store);
}

/* Copies what is live in a region but the objects of `hash`; where the copies end. */
static uint32_t copy(struct tickv *store, uint32_t from, uint32_t to, uint64_t hash)
{
    struct tickv_walk walk = tickv_walk_region(store, from);
    uint32_t end = to + TICKV_OVERHEAD;
    while (tickv_walk_next(store, &walk)) {
        if (!tickv_live(&walk)) continue;
        uint64_t other = tickv_walk_hash(store, &walk);
        if (other == hash) continue;
        if (is_hidden(store, &walk, other)) {
            tickv_clear(store, &walk, TICKV_VALID);
            continue;
        }
        write_copy(store, end, &walk);
        end += walk.length;
    }
    return end;
}

/* Bytes of the live objects in a region, those of a hash apart. */
static uint32_t others(struct tickv *store, uint32_t region, uint64_t hash)
{
    struct tickv_walk walk = tickv_walk_region(store, region);
    uint32_t bytes = 0;
    while (tickv_walk_next(store, &walk))
        if (tickv_live(&walk) && tickv_walk_hash(store, &walk) != hash) bytes += walk.length;
    return bytes;
}

/* Moves what is live in the region that has the least of it to the one that has nothing, and the
 * object with it, in the place of what its hash has. Whether there was room. */
static bool compact(struct tickv *store, uint64_t hash, const struct tickv_value *value)
{
    uint32_t region = 0, spare = 0, victim = 0, least = UINT32_MAX;
    bool is_spare = false;
    do {
        struct tickv_walk walk = tickv_walk_region(store, region);
        bool live = tickv_survey(store, &walk) != 0;
        uint32_t bytes = live ? others(store, region, hash) : 0;
        if (walk.junk) continue;
        if (!live) {
            spare = region;
            is_spare = true;
        } else if (bytes < least) {
            least = bytes;
            victim = region;
        }
    } while (tickv_next_region(store, &region));
    uint32_t length = 2 * TICKV_OVERHEAD + tickv_value_size(value) + TICKV_TAIL;
    if (!is_spare || length > store->region_size || least > store->region_size - length)
        return false;
    if (!tickv_is_fresh(store, spare)) tickv_erase(store, spare);
    if (!has_start(store, spare)) tickv_start(store, spare);
    uint32_t end = copy(store, victim, spare, hash);
    tickv_write(store, end, hash, TICKV_VALID | TICKV_COPY, value);
    struct tickv_walk first = tickv_walk_region(store, spare);
    if (tickv_walk_next(store, &first)) tickv_clear(store, &first, TICKV_OPEN);
    tickv_resolve(store, spare);
    store->blank = true;
    return true;
}

int tickv_put(struct tickv *store, uint64_t hash, const struct tickv_value *value)
{
    struct tickv_search search = tickv_search_for(hash);
    struct tickv_walk place;
    uint32_t length = TICKV_OVERHEAD + tickv_value_size(value), size = store->region_size;
    if (length > TICKV_LENGTH_MAX || length + TICKV_OVERHEAD + TICKV_TAIL > size)
        return MAP_ERR_TOO_BIG;
    bool old = tickv_search_next(store, &search);
    if (!place_for(store, hash, length, &place))
        return compact(store, hash, value) ? (int)BO_FLASH_OK : (int)MAP_ERR_FULL;
    uint8_t flags = (uint8_t)(TICKV_VALID | (old ? TICKV_UPDATE : 0));
    tickv_write(store, place.at, hash, flags, value);
    if (!old) return BO_FLASH_OK;
    tickv_kill(store, hash, place.at);
    place.flags = flags;
    place.length = length;
    tickv_clear(store, &place, TICKV_RESERVED);
    return BO_FLASH_OK;
}
