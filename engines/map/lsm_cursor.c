/* SPDX-License-Identifier: MIT */
/* lsm_cursor.c - see lsm.h. A cursor is a place in each run, at the first record that was not
 * passed yet. The least of their keys is next; where several runs have it, the newest counts.
 */
#include "lsm_internal.h"

#include <string.h>

#ifndef LSM_NO_VIEWS
int lsm_seek(struct lsm *map, const struct lsm_snapshot *snapshot, const void *key,
             uint32_t key_size, struct lsm_cursor *cursor)
{
    struct lsm_place place;
    struct lsm_record r;
    int error = map->stale ? lsm_remount(map) : BO_FLASH_OK;
    memset(cursor, 0, sizeof *cursor);
    cursor->at[lsm_places(&map->shape)] = UINT32_MAX; /* none of the transaction */
    cursor->view = snapshot != NULL ? &snapshot->view : &map->view;
    for (uint32_t id = 0; !error && id < lsm_places(&map->shape); id++) {
        const struct lsm_run *run = &cursor->view->runs[id];
        if (lsm_empty(run)) continue;
        error = lsm_find(map, run, key, key_size, &place, &r);
        cursor->at[id] = error ? place.at : r.start;
        cursor->sectors[id] = LSM_NONE;
        if (error == MAP_ERR_NOT_FOUND) error = BO_FLASH_OK;
    }
    return error;
}
#endif

/* Compares the head of a run with the least key, which is in `key`. */
static int look_at(struct lsm *map, struct lsm_cursor *cursor, uint32_t id, uint8_t *key,
                   struct lsm_least *least)
{
    struct lsm_place place;
    struct lsm_record r;
    int order = -1;
    lsm_place_set(&place, &cursor->view->runs[id], cursor->at[id]);
    place.sector = cursor->sectors[id];
    int error = lsm_record_read(map, &place, &r);
    uint32_t start = place.at;
    if (!error && least->id != LSM_NONE)
        error = lsm_key_compare(map, &place, r.key_size, key, least->record.key_size, &order);
    cursor->sectors[id] = place.sector;
    if (error || order > 0) return error;
    least->ends[id] = lsm_record_end(&map->shape, &r);
    if (order == 0) return BO_FLASH_OK;
    least->id = id;
    least->record = r;
    lsm_place_move(&place, start);
    error = lsm_place_read(map, &place, key, r.key_size);
    least->place = place;
    return error;
}

int lsm_cursor_least(struct lsm *map, struct lsm_cursor *cursor, uint8_t *key,
                     struct lsm_least *least)
{
    least->id = LSM_NONE;
    for (uint32_t id = lsm_places(&map->shape) + 1; id-- != 0;) {
        const struct lsm_run *run = &cursor->view->runs[id];
        least->ends[id] = 0;
        if (lsm_empty(run) || cursor->at[id] >= run->last) continue;
        int error = look_at(map, cursor, id, key, least);
        if (error) return error;
    }
    return BO_FLASH_OK;
}

int lsm_cursor_pass(struct lsm *map, struct lsm_cursor *cursor, const uint8_t *key,
                    const struct lsm_least *least)
{
    for (uint32_t id = 0; id <= least->id; id++) {
        const struct lsm_run *run = &cursor->view->runs[id];
        if (least->ends[id] == 0) continue;
        cursor->at[id] = least->ends[id];
        if (!lsm_is_log(run)) continue;
        struct lsm_place place;
        struct lsm_record r;
        int error = lsm_log_find(map, run, key, least->record.key_size, true, &place, &r);
        if (error != MAP_ERR_NOT_FOUND) return error;
        cursor->at[id] = r.start;
    }
    return BO_FLASH_OK;
}

#ifndef LSM_NO_VIEWS
int lsm_next(struct lsm *map, struct lsm_cursor *cursor, void *key, uint32_t *key_size, void *value,
             uint32_t capacity, uint32_t *value_size)
{
    struct lsm_least least;
    do {
        int error = lsm_cursor_least(map, cursor, (uint8_t *)key, &least);
        if (!error && least.id == LSM_NONE) error = MAP_ERR_NOT_FOUND;
        if (!error) error = lsm_cursor_pass(map, cursor, (const uint8_t *)key, &least);
        if (error) return error;
    } while (least.record.removed);
    *key_size = least.record.key_size;
    *value_size = least.record.value_size;
    if (*value_size > capacity) return MAP_ERR_BUFFER;
    return lsm_place_read(map, &least.place, value, *value_size);
}
#endif
