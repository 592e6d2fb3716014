/* SPDX-License-Identifier: MIT */
/* tickv_map.c - see tickv_map.h. */
#include "tickv_map.h"

#include <string.h>

#include "../check.h"
#include "tickv_map_internal.h"

/* False: no map has such a key. */
static bool entry_make(const struct tickv_map *map, struct tickv_map_entry *entry, const void *key,
                       uint32_t key_size)
{
    if (key_size > TICKV_MAP_KEY_MAX) return false;
    entry->hash = map->hash(key, key_size);
    entry->size = (uint8_t)key_size;
    entry->value = (struct tickv_value){{&entry->size, key, NULL}, {1, key_size, 0}};
    return true;
}

static bool is_key_hash(const struct tickv *store, uint64_t hash)
{
    return tickv_hash_usable(store, hash) && hash != TICKV_HASH_GEOMETRY;
}

/* Mounting ----------------------------------------------------------------------------------- */

#define GEOMETRY_SIZE 8u

/* What an object of the map says of its regions. */
static void make_geometry(const struct tickv *store, uint8_t bytes[GEOMETRY_SIZE])
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(store->region_size >> 8 * i);
        bytes[4 + i] = (uint8_t)(store->regions >> 8 * i);
    }
}

/* Whether the regions are those that were formatted; only reads. */
static int know(struct tickv *store)
{
    uint8_t wanted[GEOMETRY_SIZE], found[GEOMETRY_SIZE];
    struct tickv_walk walk;
    uint32_t size;
    if (!tickv_find_any(store, store->main_hash, &walk) ||
        !tickv_find_any(store, TICKV_HASH_GEOMETRY, &walk))
        return MAP_ERR_NOT_FOUND;
    make_geometry(store, wanted);
    bool same = tickv_read(store, &walk, 0, found, sizeof found, &size) && size == sizeof found &&
                memcmp(found, wanted, sizeof found) == 0;
    return same ? (int)BO_FLASH_OK : (int)MAP_ERR_GEOMETRY;
}

static bool begin(struct tickv_map *map, const struct tickv_map_config *config)
{
    map->hash = config->hash;
    return tickv_map_geometry_usable(&config->store.flash->geometry) &&
           tickv_begin(&map->store, &config->store);
}

int tickv_map_mount(struct tickv_map *map, const struct tickv_map_config *config)
{
    if (!begin(map, config)) return MAP_ERR_GEOMETRY;
    int error = know(&map->store);
    if (!error) tickv_enter(&map->store);
    return tickv_leave(&map->store, error);
}

/* The main key comes last: without it there is no map. */
int tickv_map_format(struct tickv_map *map, const struct tickv_map_config *config)
{
    struct tickv *store = &map->store;
    uint8_t geometry[GEOMETRY_SIZE];
    if (!begin(map, config)) return MAP_ERR_GEOMETRY;
    tickv_blank(store);
    make_geometry(store, geometry);
    int error = tickv_put_first(store, TICKV_HASH_GEOMETRY, geometry, sizeof geometry);
    if (!error) error = tickv_put_first(store, store->main_hash, NULL, 0);
    return tickv_leave(store, error);
}

/* Calls -------------------------------------------------------------------------------------- */

/* Bytes of the key with which an object's value begins; 0: it begins otherwise. */
static uint32_t key_part(struct tickv *store, const struct tickv_walk *walk,
                         const struct tickv_map_entry *entry)
{
    uint8_t piece[TICKV_PIECE];
    const uint8_t *key = (const uint8_t *)entry->value.parts[1];
    uint32_t at = walk->at + TICKV_HEADER, rest = 1u + entry->size;
    uint32_t part = tickv_minimum(rest, sizeof piece);
    if (rest > walk->length - TICKV_OVERHEAD) return 0;
    tickv_load(store, at, piece, part);
    if (piece[0] != entry->size || memcmp(piece + 1, key, part - 1) != 0) return 0;
    key += part - 1;
    while ((rest -= part) != 0) {
        at += part;
        part = tickv_minimum(rest, sizeof piece);
        tickv_load(store, at, piece, part);
        if (memcmp(piece, key, part) != 0) return 0;
        key += part;
    }
    return 1u + entry->size;
}

int tickv_map_fetch(struct tickv_map *map, const void *key, uint32_t key_size, void *value,
                    uint32_t capacity, uint32_t *value_size)
{
    struct tickv_map_entry entry;
    int error = MAP_ERR_NOT_FOUND;
    if (!entry_make(map, &entry, key, key_size)) return error;
    struct tickv_search search = tickv_search_for(entry.hash);
    tickv_enter(&map->store);
    while (tickv_search_next(&map->store, &search)) {
        uint32_t key_bytes = key_part(&map->store, &search.walk, &entry);
        error = MAP_ERR_DAMAGED;
        if (!tickv_read(&map->store, &search.walk, key_bytes, value, capacity, value_size))
            continue;
        error = *value_size > capacity ? (int)MAP_ERR_BUFFER : (int)BO_FLASH_OK;
        if (key_bytes == 0) error = MAP_ERR_NOT_FOUND;
        break;
    }
    return tickv_leave(&map->store, error);
}

/* Whether another key, or an object that is none of the map's, has this hash. */
static bool collides(struct tickv *store, const struct tickv_map_entry *entry)
{
    struct tickv_search search = tickv_search_for(entry->hash);
    while (tickv_search_next(store, &search))
        if (tickv_sound(store, &search.walk)) return key_part(store, &search.walk, entry) == 0;
    return false;
}

int tickv_map_store(struct tickv_map *map, const void *key, uint32_t key_size, const void *value,
                    uint32_t value_size)
{
    struct tickv_map_entry entry;
    if (!entry_make(map, &entry, key, key_size) || value_size > TICKV_LENGTH_MAX)
        return MAP_ERR_TOO_BIG;
    if (!is_key_hash(&map->store, entry.hash)) return TICKV_ERR_COLLISION;
    tickv_enter(&map->store);
    if (collides(&map->store, &entry)) return tickv_leave(&map->store, TICKV_ERR_COLLISION);
    entry.value.parts[2] = value;
    entry.value.sizes[2] = value_size;
    return tickv_leave(&map->store, tickv_put(&map->store, entry.hash, &entry.value));
}

static int remove_key(struct tickv_map *map, const void *key, uint32_t key_size, bool wipe)
{
    struct tickv_map_entry entry;
    if (!entry_make(map, &entry, key, key_size)) return BO_FLASH_OK;
    if (!is_key_hash(&map->store, entry.hash)) return BO_FLASH_OK;
    tickv_enter(&map->store);
    if (!collides(&map->store, &entry)) tickv_kill(&map->store, entry.hash, TICKV_NOWHERE);
    if (wipe) tickv_wipe(&map->store, entry.hash);
    return tickv_leave(&map->store, BO_FLASH_OK);
}

int tickv_map_remove(struct tickv_map *map, const void *key, uint32_t key_size)
{
    return remove_key(map, key, key_size, false);
}

int tickv_map_destroy(struct tickv_map *map, const void *key, uint32_t key_size)
{
    return remove_key(map, key, key_size, true);
}

static int remove_all(struct tickv_map *map, bool wipe)
{
    struct tickv *store = &map->store;
    uint32_t region = 0;
    tickv_enter(store);
    do {
        struct tickv_walk walk = tickv_walk_region(store, region);
        while (tickv_walk_next(store, &walk))
            if (tickv_live(&walk) && is_key_hash(store, tickv_walk_hash(store, &walk)))
                tickv_clear(store, &walk, TICKV_VALID);
    } while (tickv_next_region(store, &region));
    if (wipe) tickv_wipe(store, 0);
    return tickv_leave(store, BO_FLASH_OK);
}

int tickv_map_remove_all(struct tickv_map *map)
{
    return remove_all(map, false);
}

int tickv_map_destroy_all(struct tickv_map *map)
{
    return remove_all(map, true);
}

/* Iterating ---------------------------------------------------------------------------------- */

void tickv_iterate(struct tickv_iterator *iterator)
{
    iterator->region = iterator->offset = 0;
}

/* Whether no object before it is what a search for its hash finds. */
static bool is_found(struct tickv *store, const struct tickv_walk *walk, uint64_t hash)
{
    struct tickv_search search = tickv_search_for(hash);
    while (tickv_search_next(store, &search)) {
        if (search.walk.at == walk->at) return true;
        if (tickv_sound(store, &search.walk)) return false;
    }
    return false;
}

static bool next_live(struct tickv *store, struct tickv_iterator *iterator, struct tickv_walk *walk)
{
    for (; iterator->region < store->regions; iterator->region++) {
        *walk = tickv_walk_region(store, iterator->region * store->region_size);
        walk->at += iterator->offset;
        walk->left -= iterator->offset;
        while (tickv_walk_next(store, walk)) {
            iterator->offset = store->region_size - walk->left + walk->length;
            if (tickv_live(walk) && is_found(store, walk, tickv_walk_hash(store, walk)))
                return true;
        }
        iterator->offset = 0;
    }
    return false;
}

int tickv_next(struct tickv *store, struct tickv_iterator *iterator, uint64_t *hash, void *value,
               uint32_t capacity, uint32_t *value_size)
{
    struct tickv_walk walk;
    struct tickv_iterator next = *iterator;
    tickv_enter(store);
    if (!next_live(store, &next, &walk)) return tickv_leave(store, MAP_ERR_NOT_FOUND);
    *hash = tickv_walk_hash(store, &walk);
    bool fits = tickv_read(store, &walk, 0, value, capacity, value_size);
    if (*value_size > capacity) return tickv_leave(store, MAP_ERR_BUFFER);
    *iterator = next;
    return tickv_leave(store, fits ? (int)BO_FLASH_OK : (int)MAP_ERR_DAMAGED);
}

/* Reads the key of an object into `key`; false: it holds none of the map's values. */
static bool entry_of(struct tickv_map *map, const struct tickv_walk *walk, void *key,
                     uint32_t capacity, struct tickv_map_entry *entry)
{
    struct tickv *store = &map->store;
    uint32_t at = walk->at + TICKV_HEADER;
    uint8_t size = 0;
    if (walk->length == TICKV_OVERHEAD) return false;
    tickv_load(store, at, &size, 1);
    if (size + 1u > walk->length - TICKV_OVERHEAD) return false;
    if (size <= capacity) tickv_load(store, at + 1, key, size);
    entry->size = size;
    return size > capacity ||
           (entry_make(map, entry, key, size) && entry->hash == tickv_walk_hash(store, walk));
}

int tickv_map_next(struct tickv_map *map, struct tickv_iterator *iterator, void *key,
                   uint32_t key_capacity, uint32_t *key_size, void *value, uint32_t value_capacity,
                   uint32_t *value_size)
{
    struct tickv *store = &map->store;
    struct tickv_iterator next = *iterator;
    struct tickv_walk walk;
    struct tickv_map_entry entry;
    tickv_enter(store);
    while (next_live(store, &next, &walk)) {
        if (!entry_of(map, &walk, key, key_capacity, &entry)) continue;
        *key_size = entry.size;
        *value_size = walk.length - TICKV_OVERHEAD - 1 - entry.size;
        if (*key_size > key_capacity || *value_size > value_capacity)
            return tickv_leave(store, MAP_ERR_BUFFER);
        *iterator = next;
        bool fits = tickv_read(store, &walk, 1u + entry.size, value, value_capacity, value_size);
        return tickv_leave(store, fits ? (int)BO_FLASH_OK : (int)MAP_ERR_DAMAGED);
    }
    return tickv_leave(store, MAP_ERR_NOT_FOUND);
}

int tickv_replace(struct tickv *store, uint64_t hash, const void *value, uint32_t size)
{
    struct tickv_value whole = {{value, NULL, NULL}, {size, 0, 0}};
    if (!is_key_hash(store, hash)) return TICKV_ERR_COLLISION;
    if (store->regions < 2) return MAP_ERR_UNSUPPORTED;
    if (size > TICKV_LENGTH_MAX) return MAP_ERR_TOO_BIG;
    tickv_enter(store);
    return tickv_leave(store, tickv_put(store, hash, &whole));
}
