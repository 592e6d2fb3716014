/* SPDX-License-Identifier: MIT */
/* tickv_map.h - a map by key bytes on tickv.
 *
 * Each value is an object under the hash of its key, and the object's value is
 *
 *     size of the key, 1 byte | key | value
 *
 * so that a fetch knows the key, and two keys of one hash are noticed: storing the second is
 * refused. Two objects more are in the flash: the main key, and one that says which regions the
 * map has, so that a map of other regions is refused. To the crate both, and all values, are
 * objects like any.
 *
 * A store is atomic, and a cut in it leaves the old or the new value (tickv.c says how). One region
 * is always without live objects: sector_count - 1 regions hold data, each up to 27 bytes less than
 * its size. A full map still removes, and replaces a value by one that is no longer.
 *
 * Errors and cuts: tickv.h.
 */
#ifndef BROWNOUT_TICKV_MAP_H
#define BROWNOUT_TICKV_MAP_H

#include "tickv.h"
#include "tickv_hash.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of what a value begins with; that of objects is TICKV_FORMAT_VERSION. */
#define TICKV_MAP_FORMAT_VERSION 0x00010000u

#define TICKV_MAP_KEY_MAX 255u

struct tickv_map_config {
    struct tickv_config store;
    /* tickv_hash_std, tickv_hash_tock, or another. Not stored on the flash: the same must be given
     * each time. */
    uint64_t (*hash)(const void *key, uint32_t size);
};

/* A mounted map. The caller owns it; the fields are the engine's. */
struct tickv_map {
    struct tickv store;
    uint64_t (*hash)(const void *key, uint32_t size);
};

/* A place in the iteration. */
struct tickv_iterator {
    uint32_t region, offset;
};

/* As tickv_mount; MAP_ERR_NOT_FOUND also when the flash holds a store that is no map, and
 * MAP_ERR_GEOMETRY when its map had other regions, or there is only one. */
int tickv_map_mount(struct tickv_map *map, const struct tickv_map_config *config);

/* As tickv_format. */
int tickv_map_format(struct tickv_map *map, const struct tickv_map_config *config);

/* Copies the value of `key` to `value` and its length to *value_size. MAP_ERR_NOT_FOUND,
 * MAP_ERR_DAMAGED (there is an object of its hash, and its checksum does not fit), or
 * MAP_ERR_BUFFER when the value is longer than `capacity`: *value_size holds the length then. */
int tickv_map_fetch(struct tickv_map *map, const void *key, uint32_t key_size, void *value,
                    uint32_t capacity, uint32_t *value_size);

/* Stores a value, replacing the one the key had. Durable when it returns BO_FLASH_OK.
 * MAP_ERR_TOO_BIG, MAP_ERR_FULL, TICKV_ERR_COLLISION: nothing that can be read has changed. */
int tickv_map_store(struct tickv_map *map, const void *key, uint32_t key_size, const void *value,
                    uint32_t value_size);

/* Removes the key; BO_FLASH_OK also when it was not there. */
int tickv_map_remove(struct tickv_map *map, const void *key, uint32_t key_size);

/* The same, and its bytes, those of older values too, become zeros; see tickv_destroy. */
int tickv_map_destroy(struct tickv_map *map, const void *key, uint32_t key_size);

/* Removes all keys, one after the other. After a cut any of the keys may be gone. */
int tickv_map_remove_all(struct tickv_map *map);

/* The same, and the bytes of all that was ever removed become zeros. */
int tickv_map_destroy_all(struct tickv_map *map);

/* The values in the order of their places, each key once; see tickv_next. MAP_ERR_BUFFER when key
 * or value do not fit: both lengths are returned. */
int tickv_map_next(struct tickv_map *map, struct tickv_iterator *iterator, void *key,
                   uint32_t key_capacity, uint32_t *key_size, void *value, uint32_t value_capacity,
                   uint32_t *value_size);

/* Of a store without key bytes, beyond the calls of the crate --------------------------------- */

/* Puts an object in the place of the one that the hash has, if any: after a cut it is the old or
 * the new one. Keeps a region without live objects, to which it moves what is live elsewhere when
 * there is no room. MAP_ERR_FULL, MAP_ERR_TOO_BIG, TICKV_ERR_COLLISION; at least two regions, else
 * MAP_ERR_UNSUPPORTED. */
int tickv_replace(struct tickv *store, uint64_t hash, const void *value, uint32_t size);

/* The live objects in the order of their places, each hash once, the main key too. MAP_ERR_BUFFER
 * when the value does not fit: the length is returned and the iterator has not moved.
 * MAP_ERR_NOT_FOUND at the end. A change of the store ends the iteration. */
void tickv_iterate(struct tickv_iterator *iterator);
int tickv_next(struct tickv *store, struct tickv_iterator *iterator, uint64_t *hash, void *value,
               uint32_t capacity, uint32_t *value_size);

/* Whether a map can lie on such a part; smaller regions would hold little more than the two
 * objects that are not the caller's. */
static inline bool tickv_map_geometry_usable(const struct bo_flash_geometry *geometry)
{
    return tickv_geometry_usable(geometry) && geometry->sector_count >= 2 &&
           geometry->sector_size >= 128;
}

#ifdef __cplusplus
}
#endif

#endif
