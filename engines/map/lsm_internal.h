/* SPDX-License-Identifier: MIT */
/* lsm_internal.h - the layers of lsm, each of which uses those above it only.
 *
 *     lsm_crc.c       the checksum
 *     lsm_format.c    bytes on the flash: headers of sectors and chunks
 *     lsm_shape.c     constants of the format
 *     lsm_run.c       a sorted run: reading, searching
 *     lsm_log.c       the staging log: the same, unsorted
 *     lsm_cursor.c    keys in order, of all of them
 *     lsm_writer.c    taking sectors, writing a run or a chunk of the manifest
 *     lsm_manifest.c  which runs there are: mount and commit
 *     lsm_merge.c     steps of a merge, what becomes of a transaction and a full log, and room
 *     lsm_bound.c     bounds
 *     lsm.c           transactions, snapshots, fetch, theory
 */
#ifndef BROWNOUT_LSM_INTERNAL_H
#define BROWNOUT_LSM_INTERNAL_H

#include "../check.h"
#include "lsm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is left out (lsm.h) goes where one of these is false; the compiler drops what none calls. */
enum {
#ifdef LSM_NO_STAGING
    LSM_WITH_STAGING = 0,
#else
    LSM_WITH_STAGING = 1,
#endif
#ifdef LSM_NO_VIEWS
    LSM_WITH_VIEWS = 0,
#else
    LSM_WITH_VIEWS = 1,
#endif
#ifdef LSM_NO_SEARCH
    LSM_WITH_SEARCH = 0,
#else
    LSM_WITH_SEARCH = 1,
#endif
#ifdef LSM_NO_CRATE
    LSM_WITH_CRATE = 0,
#else
    LSM_WITH_CRATE = 1,
#endif
};

#define LSM_ALIGN_MAX BO_FLASH_UNIT_MAX
/* Both headers of a sector; the first unit of a chunk, header included. */
#define LSM_HEADERS_MAX 96u
#define LSM_START_MAX LSM_ALIGN_MAX
/* Pieces in which keys are compared and records are copied. */
#define LSM_PIECE 32u

/* Of a run; the last are those of the log and of the transaction. */
enum { LSM_FLAG_TARGET = 1, LSM_FLAG_SOURCE = 2, LSM_FLAG_LOG = 4, LSM_FLAG_OWN = 8 };

/* --- lsm_crc.c --- */

/* The checksum of what `crc` is one of, and more; 0: of nothing. */
uint32_t lsm_crc(uint32_t crc, const void *data, uint32_t size);

/* --- lsm_format.c --- */

/* The header of a sector of a run. */
struct lsm_head {
    uint32_t seq;    /* of its first byte */
    uint16_t sector; /* whose header it is */
    /* Earlier sectors: the one before, and the last that hold a byte whose seq is a multiple of
     * 2^(shift + i). After them stands lsm_boundary(). */
    uint16_t skips[LSM_SKIPS_MAX + 1];
};

struct lsm_manifest_head {
    uint32_t sectors, seq;
    bool staging;
};

struct lsm_chunk {
    uint32_t at; /* of its header, from the start of the sector */
    uint32_t size;
    uint32_t crc;
};

static inline int lsm_damaged_unless(bool sound)
{
    if (sound) return BO_FLASH_OK;
    return MAP_ERR_DAMAGED;
}

static inline uint32_t lsm_round_up(uint32_t n, uint32_t multiple)
{
    return (n + multiple - 1) & ~(multiple - 1);
}

static inline uint32_t lsm_minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t lsm_get(const uint8_t *from, unsigned bytes)
{
    uint32_t value = 0;
    while (bytes-- != 0)
        value = value << 8 | from[bytes];
    return value;
}

static inline void lsm_put(uint8_t *to, uint32_t value, unsigned bytes)
{
    for (; bytes-- != 0; value >>= 8)
        *to++ = (uint8_t)value;
}

/* Bytes of a chunk that are programmed last: its magic, and no more than the unit asks for. What a
 * cut leaves of a magic is none; of a size beside it the crate takes it for damage. */
static inline uint32_t lsm_chunk_start(const struct lsm *map)
{
    uint32_t unit = map->flash->geometry.unit;
    return unit > 2 ? unit : 2;
}

/* Where the chunks begin. */
static inline uint32_t lsm_run_chunks(const struct lsm_shape *shape)
{
    return (uint32_t)shape->sector_header + shape->run_header;
}

static inline uint32_t lsm_manifest_chunks(const struct lsm_shape *shape)
{
    return (uint32_t)shape->sector_header + shape->manifest_header;
}

/* The first record that starts in the sector, from its first byte on. */
static inline uint16_t *lsm_boundary(const struct lsm_shape *shape, struct lsm_head *head)
{
    return &head->skips[shape->skips];
}

static inline uint32_t lsm_address(const struct lsm *map, uint32_t sector, uint32_t offset)
{
    return sector * map->shape.sector_size + offset;
}

/* The next one in turn; that of LSM_NONE is the first. */
static inline uint32_t lsm_sector_after(const struct lsm *map, uint32_t sector)
{
    return sector + 1 < map->shape.sector_count ? sector + 1 : 0;
}

/* Bits of a number, without leading zeros. */
uint32_t lsm_bits(uint32_t n);
int lsm_read(struct lsm *map, uint32_t address, void *buffer, uint32_t size);
/* The link to follow from a sector that starts at `b` to one that holds or precedes `a`. */
uint32_t lsm_skip_index(const struct lsm_shape *shape, uint32_t a, uint32_t b);
/* MAP_ERR_DAMAGED when the sector has no such header. */
int lsm_head_read(struct lsm *map, uint32_t sector, struct lsm_head *head);
int lsm_manifest_read(struct lsm *map, uint32_t sector, struct lsm_manifest_head *head);
/* The bytes of both headers; returns their number. */
uint32_t lsm_head_bytes(const struct lsm *map, const struct lsm_head *head, uint8_t *bytes);
uint32_t lsm_manifest_bytes(const struct lsm *map, uint32_t sector, uint32_t seq, uint8_t *bytes);
/* The chunk at that offset. MAP_ERR_NOT_FOUND: none is there; MAP_ERR_DAMAGED: not a size. The size
 * is what is in its place all the same. */
int lsm_chunk_read(struct lsm *map, uint32_t sector, uint32_t at, struct lsm_chunk *chunk);
/* The header of a chunk, at most 8 bytes. */
void lsm_chunk_bytes(const struct lsm_shape *shape, uint32_t size, uint32_t crc, uint8_t *bytes);
/* Where the next one may be. */
uint32_t lsm_chunk_next(const struct lsm_shape *shape, const struct lsm_chunk *chunk);

/* --- lsm_shape.c --- */

/* False: the format does not fit the part. */
bool lsm_shape_make(struct lsm_shape *shape, const struct bo_flash_geometry *geometry,
                    const struct lsm_format *format);

/* --- lsm_run.c --- */

static inline bool lsm_staging(const struct lsm_shape *shape)
{
    return LSM_WITH_STAGING && shape->staging;
}

/* Places of a view: its runs, and the log. The next one is that of the transaction. */
static inline uint32_t lsm_places(const struct lsm_shape *shape)
{
    return shape->runs + 1u;
}

static inline struct lsm_run *lsm_own(struct lsm *map)
{
    return &map->view.runs[lsm_places(&map->shape)];
}

static inline bool lsm_is_log(const struct lsm_run *run)
{
    return LSM_WITH_STAGING && (run->flags & LSM_FLAG_LOG) != 0;
}

/* A place in a run, and what is known of where it lies. */
struct lsm_place {
    const struct lsm_run *run;
    uint32_t at;    /* of the next byte */
    uint32_t start; /* seq of the first byte of the chunk */
    struct lsm_chunk chunk;
    uint16_t sector; /* LSM_NONE: not known */
    bool located;    /* `start` and `chunk` are known */
};

struct lsm_record {
    uint32_t start, key_size, value_size;
    bool removed;
};

static inline bool lsm_empty(const struct lsm_run *run)
{
    return run->sector == LSM_NONE;
}

static inline uint32_t lsm_record_end(const struct lsm_shape *shape, const struct lsm_record *r)
{
    return r->start + shape->record_header + r->key_size + r->value_size;
}

/* `at` is a byte of the run, or its end. */
void lsm_run_clear(struct lsm_run *run);
void lsm_view_clear(const struct lsm *map, struct lsm_view *view);
/* Copies the places of a view that the shape has. */
void lsm_view_copy(const struct lsm *map, struct lsm_view *to, const struct lsm_view *from);
void lsm_place_set(struct lsm_place *place, const struct lsm_run *run, uint32_t at);
void lsm_place_move(struct lsm_place *place, uint32_t at);
/* Reads on. MAP_ERR_DAMAGED at the end of the run. */
int lsm_place_read(struct lsm *map, struct lsm_place *place, void *buffer, uint32_t size);
/* The header of the sector of the run that holds `seq`. */
int lsm_run_sector(struct lsm *map, const struct lsm_run *run, uint32_t seq, struct lsm_head *head);
/* Bytes of the payload of a sector, or an error. */
int lsm_payload(struct lsm *map, uint32_t sector);
int lsm_record_decode(const struct lsm_shape *shape, const uint8_t *bytes, struct lsm_record *r);
void lsm_record_encode(const struct lsm_shape *shape, const struct lsm_record *r, uint8_t *bytes);
/* The record at the place, which is moved to its key. */
int lsm_record_read(struct lsm *map, struct lsm_place *place, struct lsm_record *r);
/* Compares the key at the place, of `size` bytes, with another; the place moves. */
int lsm_key_compare(struct lsm *map, struct lsm_place *place, uint32_t size, const void *key,
                    uint32_t key_size, int *order);
/* The first record whose key is not less; the place is at its value when it is equal, else at its
 * start. MAP_ERR_NOT_FOUND when it is not equal. */
int lsm_run_find(struct lsm *map, const struct lsm_run *run, const void *key, uint32_t key_size,
                 struct lsm_place *place, struct lsm_record *r);

/* --- lsm_log.c --- */

static inline const struct lsm_run *lsm_log(const struct lsm *map)
{
    return &map->view.runs[map->shape.runs];
}

/* Whether there is a log and something in it. */
static inline bool lsm_log_holds(const struct lsm *map)
{
    return LSM_WITH_STAGING && !lsm_empty(lsm_log(map)) && lsm_log(map)->last != 0;
}

/* Bytes of the longest transaction that goes to the log. */
static inline uint32_t lsm_log_max(const struct lsm_shape *shape)
{
    if (!lsm_staging(shape)) return 0;
    return lsm_minimum(shape->chunk_max, shape->payload / 2);
}

/* As lsm_run_find, of the log; `after`: the first record whose key is greater. There is none: the
 * record starts at the end of the log. */
int lsm_log_find(struct lsm *map, const struct lsm_run *log, const void *key, uint32_t key_size,
                 bool after, struct lsm_place *place, struct lsm_record *r);
/* Of a run or the log. */
#ifdef LSM_NO_STAGING
#define lsm_find lsm_run_find
#else
int lsm_find(struct lsm *map, const struct lsm_run *run, const void *key, uint32_t key_size,
             struct lsm_place *place, struct lsm_record *r);
#endif
/* The chunk at `at`, if it is whole: its checksum is right, and it is full of records. */
int lsm_log_chunk(struct lsm *map, uint32_t sector, uint32_t at, struct lsm_chunk *chunk);

/* --- lsm_cursor.c --- */

/* What comes next in order: the least key, and the places that have it. */
struct lsm_least {
    uint32_t id;            /* the newest of them; LSM_NONE: the end */
    struct lsm_place place; /* at its value there */
    struct lsm_record record;
    uint32_t ends[LSM_RUNS_MAX + 2]; /* up to `id`: of the records that have it; else 0 */
};

/* Finds it, and copies it to `key`; a removal is not left out. */
int lsm_cursor_least(struct lsm *map, struct lsm_cursor *cursor, uint8_t *key,
                     struct lsm_least *least);
/* Passes its records. */
int lsm_cursor_pass(struct lsm *map, struct lsm_cursor *cursor, const uint8_t *key,
                    const struct lsm_least *least);

/* --- lsm_writer.c --- */

/* Writes a stream into sectors. */
struct lsm_writer {
    uint32_t at;    /* seq of the next byte */
    uint32_t chunk; /* its place in the sector */
    uint32_t size;  /* bytes of it so far */
    uint32_t crc;
    uint32_t flushed;     /* bytes after its start that are programmed */
    uint32_t held;        /* bytes that are in `gather`, its start included */
    uint32_t taken;       /* sectors */
    uint16_t before;      /* the sector before; LSM_NONE: the first */
    bool copied;          /* the first sector is a copy of one of the run */
    struct lsm_head head; /* of the open sector; LSM_NONE: none is open */
};

int lsm_erase(struct lsm *map, uint32_t sector);
int lsm_program(struct lsm *map, uint32_t sector, uint32_t offset, const uint8_t *data,
                uint32_t size);
/* Takes the next free sector and erases it; returns it, or an error. */
int lsm_take(struct lsm *map);
bool lsm_is_used(const struct lsm *map, uint32_t sector);
void lsm_use(struct lsm *map, uint32_t sector);
void lsm_free(struct lsm *map, uint32_t sector);
void lsm_writer_begin(struct lsm_writer *writer);
/* A record starts here. */
int lsm_writer_record(struct lsm *map, struct lsm_writer *writer);
int lsm_writer_write(struct lsm *map, struct lsm_writer *writer, const void *data, uint32_t size);
/* Copies that many bytes from the place on, which moves. */
int lsm_writer_copy(struct lsm *map, struct lsm_writer *writer, struct lsm_place *place,
                    uint32_t size);
/* Bytes that still fit the open sector; a whole one when none is open. */
uint32_t lsm_writer_room(const struct lsm *map, const struct lsm_writer *writer);
int lsm_writer_end(struct lsm *map, struct lsm_writer *writer);
/* Goes on at the end of a run, whose last sector is copied where much of it is blank. */
int lsm_writer_resume(struct lsm *map, struct lsm_writer *writer, const struct lsm_run *run);
/* Writes a chunk of the manifest, its magic last. Its data stand in `chunk` after the room of a
 * header; after them is room for padding. */
int lsm_chunk_write(struct lsm *map, uint32_t sector, uint32_t at, uint8_t *chunk, uint32_t size);

/* Writes a chunk of the log from its first byte to its last one: its checksum makes it whole. So
 * what a cut leaves begins with something that is not blank, even if the data read blank. */
int lsm_log_write(struct lsm *map, const struct lsm_run *log, const uint8_t *data, uint32_t size);

/* --- lsm_manifest.c --- */

int lsm_remount(struct lsm *map);
/* A run that a merge went on with: its sectors are kept but `copied`, its last one, or LSM_NONE. */
struct lsm_grown {
    uint32_t id;
    uint16_t copied;
};

/* Makes a manifest of an empty map where there was none that counts. */
int lsm_manifest_format(struct lsm *map);
/* Writes all of it to another sector: what is committed. */
int lsm_manifest_renew(struct lsm *map, const struct lsm_view *view);
/* The same of an empty map; this one is to be mounted again. */
int lsm_manifest_clear(struct lsm *map);
/* Makes `next` what is committed, and frees what only the one before held. */
int lsm_manifest_commit(struct lsm *map, const struct lsm_view *next,
                        const struct lsm_grown *grown);
/* Finds out anew which sectors are in use. */
int lsm_mark_used(struct lsm *map);
/* Looks once whether a sector is blank from `at` on; if not, it is sealed. */
int lsm_tail_prove(struct lsm *map, struct lsm_tail *tail, uint32_t sector, uint32_t at);

/* --- lsm_merge.c --- */

/* Sectors that a step of a merge may take. */
uint32_t lsm_step(const struct lsm_shape *shape);
/* Sectors that merges need to be free at any time. */
uint32_t lsm_reserve(const struct lsm_shape *shape);
/* A step of a merge. MAP_ERR_NOT_FOUND: there is nothing to merge; LSM_ERR_AGAIN. */
int lsm_merge_step(struct lsm *map);
/* Whether a merge was begun, or half of the list is in use. */
bool lsm_merge_due(const struct lsm *map);
/* Sectors that lsm_newest_write takes of the log. */
#define LSM_RENEW 2u
/* Merges until there is room for a run of the transaction, or of the log, whose place is `id`, as
 * far as one call may, and writes it: a commit. Another log takes the place of that. */
int lsm_newest_write(struct lsm *map, uint32_t id);

#ifdef __cplusplus
}
#endif

#endif
