/* SPDX-License-Identifier: MIT */
/* lsm_log.c - see lsm_internal.h. The staging log is one sector: chunks from its start on, each the
 * records of one transaction. A later record of the same key counts. The manifest names the sector,
 * and did so after it was erased; so there is no header, and all after the last chunk is blank, or
 * what a cut left of one more.
 *
 * A snapshot shows the log up to where it ended then, and the log stays in the order in which it
 * was written. So a search reads all of it.
 */
#include "lsm_internal.h"

#ifndef LSM_NO_STAGING

/* A search, and the best record so far: the least key, of equal ones the last. */
struct search {
    const struct lsm_run *log;
    const void *key;
    uint32_t key_size;
    bool after;
    struct lsm_record best;
    int order; /* of its key to `key` */
};

/* Looks at the record, whose key is at the place. */
static int consider(struct lsm *map, struct search *s, const struct lsm_record *r,
                    struct lsm_place *place)
{
    uint32_t at = place->at;
    int order, to_best = -1;
    int error = lsm_key_compare(map, place, r->key_size, s->key, s->key_size, &order);
    if (error || order < 0 || (s->after && order == 0)) return error;
    lsm_place_move(place, at);
    if (s->best.start < s->log->last)
        error = lsm_key_compare(map, place, r->key_size, map->least, s->best.key_size, &to_best);
    if (error || to_best > 0) return error;
    lsm_place_move(place, at);
    s->best = *r;
    s->order = order;
    return lsm_place_read(map, place, map->least, r->key_size);
}

static int search_chunk(struct lsm *map, struct search *s, const struct lsm_chunk *chunk)
{
    uint32_t at = chunk->at + map->shape.chunk_header, end = at + chunk->size;
    while (at < end) {
        struct lsm_place place;
        struct lsm_record r;
        lsm_place_set(&place, s->log, at);
        int error = lsm_record_read(map, &place, &r);
        if (!error) error = consider(map, s, &r, &place);
        if (error) return error;
        at = lsm_record_end(&map->shape, &r);
    }
    return BO_FLASH_OK;
}

int lsm_log_find(struct lsm *map, const struct lsm_run *log, const void *key, uint32_t key_size,
                 bool after, struct lsm_place *place, struct lsm_record *r)
{
    struct search s = {log, key, key_size, after, {log->last, 0, 0, false}, 1};
    struct lsm_chunk chunk;
    for (uint32_t at = 0; at < log->last; at = lsm_chunk_next(&map->shape, &chunk)) {
        int error = lsm_chunk_read(map, log->sector, at, &chunk);
        if (!error) error = search_chunk(map, &s, &chunk);
        if (error) return error == MAP_ERR_NOT_FOUND ? MAP_ERR_DAMAGED : error;
    }
    *r = s.best;
    lsm_place_set(place, log, r->start);
    if (s.order != 0) return MAP_ERR_NOT_FOUND;
    lsm_place_move(place, r->start + map->shape.record_header + r->key_size);
    return BO_FLASH_OK;
}

int lsm_find(struct lsm *map, const struct lsm_run *run, const void *key, uint32_t key_size,
             struct lsm_place *place, struct lsm_record *r)
{
    if (lsm_is_log(run)) return lsm_log_find(map, run, key, key_size, false, place, r);
    return lsm_run_find(map, run, key, key_size, place, r);
}

int lsm_log_chunk(struct lsm *map, uint32_t sector, uint32_t at, struct lsm_chunk *chunk)
{
    uint8_t piece[LSM_PIECE];
    uint32_t crc = 0, address, header = map->shape.record_header;
    int error = lsm_chunk_read(map, sector, at, chunk);
    if (error) return error;
    address = lsm_address(map, sector, at + map->shape.chunk_header);
    for (uint32_t done = 0, part; done < chunk->size; done += part) {
        part = lsm_minimum(chunk->size - done, sizeof piece);
        error = lsm_read(map, address + done, piece, part);
        if (error) return error;
        crc = lsm_crc(crc, piece, part);
    }
    if (chunk->size == 0 || crc != chunk->crc) return MAP_ERR_DAMAGED;
    for (struct lsm_record r = {0, 0, 0, false}; r.start != chunk->size;) {
        if (chunk->size - r.start < header) return MAP_ERR_DAMAGED;
        error = lsm_read(map, address + r.start, piece, header);
        if (!error) error = lsm_record_decode(&map->shape, piece, &r);
        if (error) return error;
        uint32_t end = lsm_record_end(&map->shape, &r);
        if (end > chunk->size) return MAP_ERR_DAMAGED;
        r.start = end;
    }
    return BO_FLASH_OK;
}
#endif
