/* SPDX-License-Identifier: MIT */
/* lsm.c - see lsm.h; the layers: lsm_internal.h. What survives a cut, and why. In brackets what
 * fails without it, a function of lsm_cut_test.c where no other file is named:
 *
 *  1. Mounting only reads. What is committed is what the chunks of the newest manifest say, up to
 *     the first one that is not whole. [power_on, lsm_test.c: test_image]
 *  2. A commit is one program, the last of a call: the magic of a chunk that is whole but for it,
 *     in as few units as hold it. All that the chunk names was programmed before, into sectors that
 *     nobody else reads. The crate programs magic and checksum together, and takes what is half of
 *     them for damage; so the magic goes alone where a unit has no more bytes. [power_on,
 *     lsm_test.c: magic_alone, peers/cross/test_cross.py]
 *  3. Where the manifest moves to another sector, its chunk is programmed first and the header
 *     last, so the header is the commit. The crate programs the header before that of the chunk: a
 *     cut then leaves a newest manifest without a chunk. Its entries are there and whole; they
 *     count, or the older manifest where they do not show. The older one alone is not enough: the
 *     crate may have erased a sector that it names, to put the newest one there.
 *     [power_on, lsm_test.c: crate_cut, lsm_test.c: crate_cut_after_entries]
 *  4. A chunk that is torn ends the manifest, and nothing is appended to that sector any more: not
 *     after one, and not where a unit that a cut touched is not blank. So each unit is programmed
 *     once. Whole chunks after one that is not are a sign of rot, and no map is given up for them.
 *     [live_on, lsm_test.c: rot_in_manifest]
 *  5. A sector is free again after the commit that does not name it any more, and erased just
 *     before its first program; that it reads blank is no proof. So what a cut erase leaves is in
 *     no run, and can be taken for a manifest only if bits that were set make its seq larger: that
 *     is what the checksum of its header is for. [live_on, scenarios/lsm-pairs.scn]
 *  6. A step of a merge is a commit too: the target has grown, and the sources begin where it ends.
 *     Each key is in one of them, so no reader needs to know that a merge is on. A removal goes
 *     with the records that it hides: it is left out where no older run is. [transact]
 *  7. A snapshot is a copy of the list of runs. While one is open no sector is freed; when it is
 *     closed, those in use are counted anew. [transact, lsm_test.c: snapshots]
 *  8. Room. Transactions leave what merges need (lsm_merge.c), and those that make the data larger
 *     leave what one needs that does not: so a full map still removes. Whether a map is full is
 *     known when all runs are one. [lsm_test.c: full]
 *  9. Sectors are taken in turn, after a power-on from where the last commit left off, and the
 *     oldest run, which merges leave alone, moves now and then. So they wear alike.
 *     [lsm_test.c, lsm_staging_test.c: wear]
 * 10. The log. It is named by the manifest, after it was erased; so all of it is blank but for the
 *     chunks that were appended, and the last of these may be torn. The checksum shows it: a chunk
 *     counts as a whole or not at all, with all keys of its transaction. It is programmed from its
 *     start on, so where a cut left anything, it is not blank; nothing is appended after that, and
 *     the next transaction has a new log. A cut leaves nothing after the bytes that a torn chunk
 *     says it has; else they rotted, and no map is given up for them.
 *     [power_on, scenarios/lsm-staging-pairs.scn, lsm_staging_test.c: rot_in_a_short_log]
 * 11. Order. The log is newer than all runs: a transaction that has a run of its own makes one of
 *     the log first. The commit that names the run of a log names the next log, too, so no record
 *     is there twice or missing. A removal in it goes only where there is no run.
 *     [lsm_staging_test.c: order]
 * 12. Nothing that is read is believed: numbers of sectors, sizes and links are checked where they
 *     are used, and each walk gets lower in seq or higher in address. [lsm_test.c: damage]
 */
#include "lsm_internal.h"

#include <string.h>

/* Mount ---------------------------------------------------------------------------------------- */

/* Divides the work buffer: a key, then what was read and what is written, in halves. */
static bool set_up(struct lsm *map, const struct lsm_config *config)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    const struct lsm_format *format = &config->format;
    memset(map, 0, sizeof *map);
    if (!lsm_shape_make(&map->shape, g, format)) return false;
    if (config->work_size < lsm_work_size(format)) return false;
    if (config->transaction_size < map->shape.record_max) return false;
    map->device_sectors = g->sector_count < LSM_NONE ? g->sector_count : LSM_NONE;
    if (config->used_size < (map->device_sectors + 7) / 8) return false;
    uint32_t keys = (lsm_staging(&map->shape) ? 2u : 1u) * format->key_max;
    uint32_t half = (config->work_size - keys) / 2 & ~(LSM_ALIGN_MAX - 1);
    map->flash = config->flash;
    map->key = (uint8_t *)config->work;
    map->least = map->key + keys - format->key_max;
    map->window = map->key + keys;
    map->gather = map->window + half;
    map->half = half;
    map->records = (uint8_t *)config->transaction;
    map->records_size = config->transaction_size;
    map->used = config->used;
    lsm_own(map)->flags = LSM_FLAG_OWN;
    map->stale = true;
    return true;
}

/* Sectors that `bytes` of records take, merged into one run. */
static uint32_t merged_sectors(const struct lsm_shape *shape, uint32_t bytes)
{
    return bytes / (shape->payload - shape->payload / 16) + 1;
}

/* Whether that many bytes fit besides what is kept: for merges, for the manifest, and for
 * transactions that make the data no larger. */
static bool fits_merged(const struct lsm_shape *shape, uint32_t transaction_size, uint32_t bytes)
{
    uint32_t spare = (transaction_size + shape->payload - 1) / shape->payload;
    if (lsm_staging(shape)) spare += LSM_RENEW;
    return merged_sectors(shape, bytes) + lsm_reserve(shape) + spare + 1 <= shape->sector_count;
}

bool lsm_usable(const struct bo_flash_geometry *geometry, const struct lsm_format *format,
                uint32_t transaction_size)
{
    struct lsm_shape shape;
    return lsm_shape_make(&shape, geometry, format) && transaction_size >= shape.record_max &&
           fits_merged(&shape, transaction_size, shape.record_max);
}

/* Each call begins here. */
static int enter(struct lsm *map)
{
    map->erases_left = LSM_ERASES_MAX;
    return map->stale ? lsm_remount(map) : BO_FLASH_OK;
}

/* Each call that may change something ends here. */
static int leave(struct lsm *map, int answer)
{
    lsm_check(map, false);
    (void)map;
    return answer;
}

int lsm_mount(struct lsm *map, const struct lsm_config *config)
{
    if (!set_up(map, config)) return MAP_ERR_GEOMETRY;
    return leave(map, lsm_remount(map));
}

int lsm_format(struct lsm *map, const struct lsm_config *config)
{
    if (!set_up(map, config)) return MAP_ERR_GEOMETRY;
    if (!fits_merged(&map->shape, map->records_size, map->shape.record_max))
        return MAP_ERR_GEOMETRY;
    bool sound = lsm_remount(map) == BO_FLASH_OK;
    sound = sound && map->shape.sector_count == map->device_sectors && map->free_count != 0;
    int error = sound ? lsm_manifest_clear(map) : lsm_manifest_format(map);
    return leave(map, error ? error : lsm_remount(map));
}

/* Fetch ---------------------------------------------------------------------------------------- */

/* Finds the newest record of the key in the first `places`. MAP_ERR_NOT_FOUND also when it stands
 * for a removal. */
static int find(struct lsm *map, const struct lsm_view *view, uint32_t places, const void *key,
                uint32_t key_size, struct lsm_place *place, struct lsm_record *r)
{
    while (places-- != 0) {
        if (lsm_empty(&view->runs[places])) continue;
        int error = lsm_find(map, &view->runs[places], key, key_size, place, r);
        if (!error && r->removed) return MAP_ERR_NOT_FOUND;
        if (error != MAP_ERR_NOT_FOUND) return error;
    }
    return MAP_ERR_NOT_FOUND;
}

/* Finds what is committed. */
static int find_now(struct lsm *map, const void *key, uint32_t key_size, struct lsm_record *r)
{
    struct lsm_place place;
    return find(map, &map->view, lsm_places(&map->shape), key, key_size, &place, r);
}

/* `own`: in the transaction, too. */
static int fetch(struct lsm *map, const struct lsm_view *view, bool own, const void *key,
                 uint32_t key_size, void *value, uint32_t capacity, uint32_t *value_size)
{
    struct lsm_place place;
    struct lsm_record r;
    int error = enter(map);
    uint32_t places = lsm_places(&map->shape) + own;
    if (!error) error = find(map, view, places, key, key_size, &place, &r);
    if (error) return error;
    *value_size = r.value_size;
    if (r.value_size > capacity) return MAP_ERR_BUFFER;
    return lsm_place_read(map, &place, value, r.value_size);
}

int lsm_fetch(struct lsm *map, const void *key, uint32_t key_size, void *value, uint32_t capacity,
              uint32_t *value_size)
{
    return fetch(map, &map->view, false, key, key_size, value, capacity, value_size);
}

int lsm_fetch_own(struct lsm *map, const void *key, uint32_t key_size, void *value,
                  uint32_t capacity, uint32_t *value_size)
{
    return fetch(map, &map->view, map->open, key, key_size, value, capacity, value_size);
}

/* The transaction ------------------------------------------------------------------------------ */

/* The records stand in its buffer as they will on the flash. A place is an offset in it. */
static struct lsm_record own_record(const struct lsm *map, uint32_t at)
{
    struct lsm_record r;
    int error = lsm_record_decode(&map->shape, map->records + at, &r);
    BO_CHECK(error == BO_FLASH_OK);
    (void)error;
    r.start = at;
    return r;
}

/* Puts a record in place of the one that the key has; NULL: puts none. */
static int own_put(struct lsm *map, const void *key, uint32_t key_size, const void *value,
                   const struct lsm_record *r)
{
    struct lsm_run *own = lsm_own(map);
    struct lsm_place place;
    struct lsm_record old;
    uint32_t held = 0, size = 0;
    if (lsm_run_find(map, own, key, key_size, &place, &old) == BO_FLASH_OK) {
        place.at = old.start;
        held = lsm_record_end(&map->shape, &old) - old.start;
    }
    if (r != NULL) size = map->shape.record_header + key_size + r->value_size;
    if (map->records_size - (own->last - held) < size) return MAP_ERR_FULL;
    uint8_t *to = map->records + place.at;
    memmove(to + size, to + held, own->last - place.at - held);
    own->last += size - held;
    if (r == NULL) return BO_FLASH_OK;
    lsm_record_encode(&map->shape, r, to);
    memcpy(to + map->shape.record_header, key, key_size);
    if (r->value_size != 0) memcpy(to + size - r->value_size, value, r->value_size);
    return BO_FLASH_OK;
}

/* Room ----------------------------------------------------------------------------------------- */

/* Whether the data will be no larger when the records have been merged: 1, 0, or an error. */
static int own_shrinks(struct lsm *map)
{
    struct lsm_record r, old;
    uint32_t before = 0, after = 0;
    for (uint32_t at = 0; at < lsm_own(map)->last; at = lsm_record_end(&map->shape, &r)) {
        r = own_record(map, at);
        int error = find_now(map, map->records + at + map->shape.record_header, r.key_size, &old);
        if (error && error != MAP_ERR_NOT_FOUND) return error;
        if (!error) before += lsm_record_end(&map->shape, &old) - old.start;
        if (!r.removed) after += lsm_record_end(&map->shape, &r) - at;
    }
    return after <= before;
}

/* Whether all runs, merged into one, and the records fit. */
static bool own_fits(const struct lsm *map)
{
    uint32_t bytes = 0;
    for (uint32_t id = 0; id <= lsm_places(&map->shape); id++)
        bytes += map->view.runs[id].last - map->view.runs[id].first;
    return fits_merged(&map->shape, map->records_size, bytes);
}

/* Merges until the records fit with all else, or make it no larger. */
static int make_fit(struct lsm *map)
{
    int shrinks = own_fits(map) ? 1 : own_shrinks(map), error = BO_FLASH_OK;
    if (shrinks != 0) return shrinks < 0 ? shrinks : BO_FLASH_OK;
    while (!error && !own_fits(map)) {
        error = lsm_merge_step(map);
        if (error != MAP_ERR_NOT_FOUND) continue;
        error = lsm_log_holds(map) ? lsm_newest_write(map, map->shape.runs) : (int)MAP_ERR_FULL;
    }
    return error;
}

/* Commit --------------------------------------------------------------------------------------- */

#ifndef LSM_NO_STAGING
/* Appends the records to the log: its chunk is the commit. */
static int commit_log(struct lsm *map)
{
    struct lsm_run *log = &map->view.runs[map->shape.runs];
    uint32_t size = lsm_own(map)->last;
    map->stale = true;
    int error = lsm_log_write(map, log, map->records, size);
    if (error) return error;
    log->last += lsm_round_up(map->shape.chunk_header + size, map->shape.align);
    map->stale = false;
    return BO_FLASH_OK;
}

/* Whether the log must be made a run first: it has no place for the records, or they get a run of
 * their own, which is newer. 1, 0, or an error. */
static int log_ends(struct lsm *map, bool small)
{
    const struct lsm_run *log = lsm_log(map);
    if (!small) return lsm_log_holds(map);
    if (lsm_empty(log)) return 1;
    int error = lsm_tail_prove(map, &map->log_tail, log->sector, log->last);
    uint32_t end = log->last + lsm_own(map)->last; /* and the header: all fits a sector of a run */
    return error ? error : map->log_tail.sealed || end > map->shape.payload;
}

static int commit_staged(struct lsm *map)
{
    bool small = lsm_own(map)->last <= lsm_log_max(&map->shape);
    int ends = log_ends(map, small), error = ends < 0 ? ends : BO_FLASH_OK;
    if (ends > 0) error = lsm_newest_write(map, map->shape.runs);
    if (error) return error;
    return small ? commit_log(map) : lsm_newest_write(map, lsm_places(&map->shape));
}
#else
#define commit_staged(map) BO_FLASH_OK
#endif

static int commit(struct lsm *map)
{
    if (lsm_own(map)->last == 0) return BO_FLASH_OK;
    int error = make_fit(map);
    if (error) return error;
    if (lsm_staging(&map->shape)) return commit_staged(map);
    return lsm_newest_write(map, lsm_places(&map->shape));
}

int lsm_begin(struct lsm *map)
{
    if (map->open) return MAP_ERR_UNSUPPORTED;
    map->open = true;
    lsm_own(map)->last = 0;
    return BO_FLASH_OK;
}

int lsm_commit(struct lsm *map)
{
    if (!map->open) return MAP_ERR_UNSUPPORTED;
    int error = enter(map);
    if (!error) error = commit(map);
    if (error != LSM_ERR_AGAIN && error != MAP_ERR_FULL) map->open = false;
    return leave(map, error);
}

void lsm_abort(struct lsm *map)
{
    map->open = false;
}

/* What is a transaction of its own outside of one. */
static int change(struct lsm *map, const void *key, const void *value, struct lsm_record *r)
{
    if (!map->open) lsm_own(map)->last = 0;
    int error = own_put(map, key, r->key_size, value, r);
    return leave(map, error || map->open ? error : commit(map));
}

int lsm_store(struct lsm *map, const void *key, uint32_t key_size, const void *value,
              uint32_t value_size)
{
    struct lsm_record r = {0, key_size, value_size, false};
    if (key_size > map->shape.key_max || value_size > map->shape.value_max) return MAP_ERR_TOO_BIG;
    int error = enter(map);
    return error ? error : change(map, key, value, &r);
}

int lsm_remove(struct lsm *map, const void *key, uint32_t key_size)
{
    struct lsm_record r = {0, key_size, 0, true}, old;
    if (key_size > map->shape.key_max) return BO_FLASH_OK;
    int error = enter(map);
    if (!error) error = find_now(map, key, key_size, &old);
    if (error && error != MAP_ERR_NOT_FOUND) return error;
    if (!error) return change(map, key, NULL, &r);
    return leave(map, map->open ? own_put(map, key, key_size, NULL, NULL) : BO_FLASH_OK);
}

int lsm_remove_all(struct lsm *map)
{
    struct lsm_view next;
    bool any = false;
    map->open = false;
    int error = enter(map);
    if (error) return error;
    lsm_view_clear(map, &next);
    for (uint32_t id = 0; id < lsm_places(&map->shape); id++)
        any = any || map->view.runs[id].last != 0;
    return leave(map, any ? lsm_manifest_commit(map, &next, NULL) : BO_FLASH_OK);
}

int lsm_collect(struct lsm *map)
{
    int error = enter(map);
    if (error) return error;
    if (lsm_merge_due(map)) return leave(map, lsm_merge_step(map));
    if (!LSM_WITH_CRATE || !map->manifest_tail.sealed) return MAP_ERR_NOT_FOUND;
    return leave(map, lsm_manifest_renew(map, &map->view));
}

/* Snapshots ------------------------------------------------------------------------------------ */

#ifndef LSM_NO_VIEWS
int lsm_fetch_at(struct lsm *map, const struct lsm_snapshot *snapshot, const void *key,
                 uint32_t key_size, void *value, uint32_t capacity, uint32_t *value_size)
{
    const struct lsm_view *view = snapshot != NULL ? &snapshot->view : &map->view;
    return fetch(map, view, false, key, key_size, value, capacity, value_size);
}

int lsm_open(struct lsm *map, struct lsm_snapshot *snapshot)
{
    int error = enter(map);
    if (error) return error;
    snapshot->view = map->view;
    snapshot->next = map->snapshots;
    map->snapshots = snapshot;
    return leave(map, BO_FLASH_OK);
}

int lsm_close(struct lsm *map, struct lsm_snapshot *snapshot)
{
    struct lsm_snapshot **link = &map->snapshots;
    while (*link != NULL && *link != snapshot)
        link = &(*link)->next;
    if (*link == NULL) return MAP_ERR_NOT_FOUND;
    *link = snapshot->next;
    int error = enter(map);
    if (error || !map->pinned) return error;
    error = lsm_mark_used(map);
    map->stale = error != BO_FLASH_OK;
    return leave(map, error);
}
#endif

#ifdef BO_CHECKS
static void check_runs(const struct lsm *map)
{
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        const struct lsm_run *run = &map->view.runs[id];
        if (lsm_empty(run)) continue;
        BO_CHECK(run->first < run->last && lsm_is_used(map, run->sector)); /* 2 */
    }
}

static void check_records(struct lsm *map)
{
    struct lsm_place place;
    struct lsm_record r, found;
    uint32_t held = lsm_own(map)->last;
    BO_CHECK(held <= map->records_size); /* 4 */
    for (uint32_t at = 0; at < held; at = lsm_record_end(&map->shape, &r)) {
        r = own_record(map, at);
        const uint8_t *key = map->records + at + map->shape.record_header;
        int error = lsm_run_find(map, lsm_own(map), key, r.key_size, &place, &found);
        BO_CHECK(error == BO_FLASH_OK && found.start == at);
    }
}

static void check_flash(struct lsm *map)
{
    uint32_t free_count = map->free_count;
    bool pinned = map->pinned;
    map->stale = lsm_mark_used(map) != BO_FLASH_OK;
    BO_CHECK(map->stale || pinned || free_count == map->free_count); /* 5 */
    map->pinned = pinned;
}

void lsm_check(struct lsm *map, bool flash)
{
    uint32_t free_count = 0;
    if (map->stale) return;
    for (uint32_t sector = 0; sector < map->shape.sector_count; sector++)
        free_count += !lsm_is_used(map, sector);
    BO_CHECK(free_count == map->free_count && lsm_is_used(map, map->manifest)); /* 1 */
    check_runs(map);
    BO_CHECK(map->cursor < map->shape.sector_count && map->window_held <= map->half); /* 3 */
    check_records(map);
    if (flash) check_flash(map);
}
#endif
