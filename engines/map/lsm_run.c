/* SPDX-License-Identifier: MIT */
/* lsm_run.c - see lsm_internal.h. A run is a stream of records in ascending order of their keys,
 * cut into the payloads of sectors that link back only. To find a place, one goes back from the
 * last sector by the longest link that does not go too far.
 *
 * A record is its header (sizes and whether it stands for a removal, in as few bytes as the longest
 * key and value need), the key and the value.
 *
 * Nothing read here is believed: each link leads to a sector whose header is there and whose seq is
 * lower, so no image makes a walk longer than the number of sectors.
 */
#include "lsm_internal.h"

#include <string.h>

/* Places --------------------------------------------------------------------------------------- */

void lsm_run_clear(struct lsm_run *run)
{
    memset(run, 0, sizeof *run);
    run->sector = LSM_NONE;
}

void lsm_view_clear(const struct lsm *map, struct lsm_view *view)
{
    for (uint32_t id = 0; id < lsm_places(&map->shape); id++)
        lsm_run_clear(&view->runs[id]);
}

void lsm_view_copy(const struct lsm *map, struct lsm_view *to, const struct lsm_view *from)
{
    memcpy(to->runs, from->runs, lsm_places(&map->shape) * sizeof *to->runs);
}

void lsm_place_set(struct lsm_place *place, const struct lsm_run *run, uint32_t at)
{
    place->run = run;
    place->at = at;
    place->start = 0;
    place->sector = LSM_NONE;
    place->located = false;
}

void lsm_place_move(struct lsm_place *place, uint32_t at)
{
    place->at = at;
    if (at < place->start) {
        place->located = false;
        place->sector = LSM_NONE;
    }
}

int lsm_run_sector(struct lsm *map, const struct lsm_run *run, uint32_t seq, struct lsm_head *head)
{
    uint32_t at = run->sector, before = run->last;
    for (;;) {
        int error = lsm_head_read(map, at, head);
        if (error) return error;
        if (head->seq >= before) return MAP_ERR_DAMAGED;
        if (head->seq <= seq) return BO_FLASH_OK;
        before = head->seq;
        at = head->skips[LSM_WITH_SEARCH ? lsm_skip_index(&map->shape, seq, head->seq) : 0];
    }
}

/* Finds the first chunk of the sector that holds the place, or of an earlier one: `sector`, if it
 * is known and `hint`. */
static int place_sector(struct lsm *map, struct lsm_place *place, bool hint)
{
    struct lsm_head head;
    uint32_t before = place->sector;
    int error = MAP_ERR_NOT_FOUND;
    if (hint && before != LSM_NONE) {
        error = lsm_head_read(map, before, &head);
        if (!error && head.seq > place->at) error = MAP_ERR_NOT_FOUND;
    }
    if (error == MAP_ERR_NOT_FOUND) {
        error = lsm_run_sector(map, place->run, place->at, &head);
        if (!error && !hint && head.sector == before) error = MAP_ERR_DAMAGED;
    }
    if (error) return error;
    place->sector = head.sector;
    place->start = head.seq;
    error = lsm_chunk_read(map, place->sector, lsm_run_chunks(&map->shape), &place->chunk);
    return error == MAP_ERR_NOT_FOUND ? MAP_ERR_DAMAGED : error;
}

/* A place in the log is an offset in its sector, where a record lies in one chunk, and one in the
 * transaction is an offset in its buffer. */
static int place_in_one(const struct lsm *map, struct lsm_place *place)
{
    place->sector = place->run->sector;
    place->chunk.at = 0u - map->shape.chunk_header;
    place->chunk.size = place->run->last;
    return BO_FLASH_OK;
}

/* Finds the chunk that holds the place. */
static int place_locate(struct lsm *map, struct lsm_place *place)
{
    int error = BO_FLASH_OK;
    if (place->at >= place->run->last) return MAP_ERR_DAMAGED;
    if (place->run->flags & (LSM_FLAG_LOG | LSM_FLAG_OWN)) return place_in_one(map, place);
    if (!place->located) error = place_sector(map, place, true);
    while (!error && place->at - place->start >= place->chunk.size) {
        place->start += place->chunk.size;
        uint32_t next = lsm_chunk_next(&map->shape, &place->chunk);
        error = lsm_chunk_read(map, place->sector, next, &place->chunk);
        if (error == MAP_ERR_NOT_FOUND) error = place_sector(map, place, false);
    }
    place->located = error == BO_FLASH_OK;
    return error;
}

int lsm_place_read(struct lsm *map, struct lsm_place *place, void *buffer, uint32_t size)
{
    uint8_t *to = (uint8_t *)buffer;
    while (size != 0) {
        int error = place_locate(map, place);
        if (error) return error;
        uint32_t inside = place->at - place->start;
        uint32_t part = lsm_minimum(size, place->chunk.size - inside);
        uint32_t offset = place->chunk.at + map->shape.chunk_header + inside;
        if (place->run->flags & LSM_FLAG_OWN)
            memcpy(to, map->records + offset, part);
        else
            error = lsm_read(map, lsm_address(map, place->sector, offset), to, part);
        if (error) return error;
        place->at += part;
        to += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

int lsm_payload(struct lsm *map, uint32_t sector)
{
    struct lsm_chunk chunk;
    uint32_t at = lsm_run_chunks(&map->shape), size = 0;
    for (;; at = lsm_chunk_next(&map->shape, &chunk)) {
        int error = lsm_chunk_read(map, sector, at, &chunk);
        if (error == MAP_ERR_NOT_FOUND) return (int)size;
        if (error) return error;
        size += chunk.size;
    }
}

/* Records -------------------------------------------------------------------------------------- */

int lsm_record_decode(const struct lsm_shape *shape, const uint8_t *bytes, struct lsm_record *r)
{
    uint32_t word = lsm_get(bytes, shape->record_header);
    uint32_t rest = word >> shape->key_bits;
    r->key_size = word & ((1u << shape->key_bits) - 1);
    r->value_size = rest & ((1u << shape->value_bits) - 1);
    r->removed = (rest >> shape->value_bits & 1) != 0;
    bool sound = r->key_size <= shape->key_max && r->value_size <= shape->value_max &&
                 (!r->removed || r->value_size == 0);
    return lsm_damaged_unless(sound);
}

void lsm_record_encode(const struct lsm_shape *shape, const struct lsm_record *r, uint8_t *bytes)
{
    uint32_t rest = (r->removed ? 1u << shape->value_bits : 0) | r->value_size;
    lsm_put(bytes, r->key_size | rest << shape->key_bits, shape->record_header);
}

int lsm_record_read(struct lsm *map, struct lsm_place *place, struct lsm_record *r)
{
    uint8_t bytes[4];
    r->start = place->at;
    int error = lsm_place_read(map, place, bytes, map->shape.record_header);
    if (!error) error = lsm_record_decode(&map->shape, bytes, r);
    if (error) return error;
    uint32_t size = r->key_size + r->value_size;
    return lsm_damaged_unless(place->run->last - place->at >= size);
}

int lsm_key_compare(struct lsm *map, struct lsm_place *place, uint32_t size, const void *key,
                    uint32_t key_size, int *order)
{
    const uint8_t *other = (const uint8_t *)key;
    uint8_t piece[LSM_PIECE];
    uint32_t both = lsm_minimum(size, key_size);
    for (uint32_t done = 0, part; done < both; done += part) {
        part = lsm_minimum(both - done, sizeof piece);
        int error = lsm_place_read(map, place, piece, part);
        if (error) return error;
        *order = memcmp(piece, other + done, part);
        if (*order != 0) return BO_FLASH_OK;
    }
    *order = size < key_size ? -1 : size > key_size;
    return BO_FLASH_OK;
}

/* Searching ------------------------------------------------------------------------------------ */

/* A search. The first record from `left` on is not greater than the key, those from `right` on are;
 * no record starts between the start of the hub and `right`. */
struct search {
    const struct lsm_run *run;
    const void *key;
    uint32_t key_size;
    uint32_t left, right;
    uint32_t low; /* a sector that holds a byte before this one is no use */
    struct lsm_head hub;
    struct lsm_place *place;
    struct lsm_record *record;
    int order; /* of the record to the key */
};

static int compare_at(struct lsm *map, struct search *s, uint32_t at)
{
    lsm_place_move(s->place, at);
    int error = lsm_record_read(map, s->place, s->record);
    if (error) return error;
    return lsm_key_compare(map, s->place, s->record->key_size, s->key, s->key_size, &s->order);
}

#ifdef LSM_NO_SEARCH
/* Narrows left and right to about a sector, from the last one back. */
static int search_sectors(struct lsm *map, struct search *s)
{
    struct lsm_head head;
    uint32_t sector = s->run->sector, before = s->right;
    for (;;) {
        int error = lsm_head_read(map, sector, &head);
        if (error) return error;
        if (head.seq >= before) return MAP_ERR_DAMAGED;
        if (head.seq <= s->left) return BO_FLASH_OK;
        uint32_t boundary = *lsm_boundary(&map->shape, &head);
        if (boundary != LSM_NONE) {
            uint32_t at = head.seq + boundary;
            if (at >= s->right) return MAP_ERR_DAMAGED;
            error = compare_at(map, s, at);
            if (error) return error;
            if (s->order <= 0) s->left = at;
            if (s->order <= 0) return BO_FLASH_OK;
            s->right = at;
        }
        before = head.seq;
        sector = head.skips[0];
    }
}
#else
/* Tries link `i` of the hub. Returns 1 when the hub is another one then, 0, or an error. */
static int search_link(struct lsm *map, struct search *s, uint32_t i)
{
    struct lsm_head head;
    uint32_t mask = i == 0 ? 0 : (1u << (map->shape.shift + i)) - 1;
    uint32_t held = (s->hub.seq - 1) & ~mask; /* a byte that the sector of the link holds */
    if (s->hub.seq <= s->low || s->hub.skips[i] == LSM_NONE || held < s->low) return 0;
    int error = lsm_head_read(map, s->hub.skips[i], &head);
    if (error) return error;
    if (head.seq > held) return MAP_ERR_DAMAGED;
    uint32_t boundary = *lsm_boundary(&map->shape, &head);
    if (boundary == LSM_NONE) {
        if (i != 0 || head.seq <= s->left) return 0;
        s->hub = head;
        return 1;
    }
    uint32_t at = head.seq + boundary;
    if (at < head.seq || at >= s->right) return MAP_ERR_DAMAGED;
    s->order = -1;
    if (at > s->left) {
        lsm_place_set(s->place, s->run, at);
        s->place->sector = head.sector;
        error = compare_at(map, s, at);
    }
    if (error) return error;
    if (s->order > 0) {
        s->right = at;
        s->hub = head;
        return 1;
    }
    if (at > s->left) s->left = at;
    s->low = held + 1;
    return 0;
}

/* Narrows left and right to about a sector. */
static int search_sectors(struct lsm *map, struct search *s)
{
    const struct lsm_run *run = s->run;
    int error = lsm_head_read(map, run->sector, &s->hub);
    if (error) return error;
    if (s->hub.seq >= run->last) return MAP_ERR_DAMAGED;
    for (uint32_t i = 0; i <= lsm_skip_index(&map->shape, s->hub.seq, run->last); i++)
        s->hub.skips[i] = run->sector;
    s->hub.seq = run->last;
    for (uint32_t i = map->shape.skips; i-- != 0;) {
        int moved = search_link(map, s, i);
        if (moved < 0) return moved;
        if (moved) i = map->shape.skips;
    }
    return BO_FLASH_OK;
}
#endif

int lsm_run_find(struct lsm *map, const struct lsm_run *run, const void *key, uint32_t key_size,
                 struct lsm_place *place, struct lsm_record *r)
{
    struct search s;
    memset(&s, 0, sizeof s);
    s.run = run;
    s.key = key;
    s.key_size = key_size;
    s.left = s.low = run->first;
    s.right = run->last;
    s.place = place;
    s.record = r;
    lsm_place_set(place, run, run->first);
    int error = run->flags & LSM_FLAG_OWN ? BO_FLASH_OK : search_sectors(map, &s);
    s.order = -1;
    for (uint32_t at = s.left; !error && at < s.right && s.order < 0;
         at = lsm_record_end(&map->shape, r))
        error = compare_at(map, &s, at);
    if (error || s.order == 0) return error;
    lsm_place_move(place, s.order < 0 ? s.right : r->start);
    return MAP_ERR_NOT_FOUND;
}
