/* SPDX-License-Identifier: MIT */
/* lsm_manifest.c - see lsm_internal.h. The manifest lies in one sector, that with the highest seq.
 * Each of its chunks is a commit: entries of 8 bytes, of which a later one of the same run counts.
 *
 *     run, flags, last sector (u16; LSM_NONE: empty), seq of its first byte (u32)
 *
 * The length of a run stands in its last sector. Where a chunk does not fit, or where something is
 * in its way, all runs go to another sector, whose header is programmed last.
 *
 * A chunk that is torn ends the manifest. Nothing is written after one, so a whole chunk after it
 * means that the bytes rotted.
 */
#include "lsm_internal.h"

#include <string.h>

#define ENTRY_SIZE 8u
#define SEQ_LAST 0xFFFFFFFEu /* one more would read as blank */

/* Reading the manifest ------------------------------------------------------------------------- */

static bool entry_apply(struct lsm *map, const uint8_t *bytes, struct lsm_view *view)
{
    struct lsm_run run;
    uint32_t id = bytes[0];
    run.flags = bytes[1];
    run.sector = (uint16_t)lsm_get(bytes + 2, 2);
    run.first = lsm_get(bytes + 4, 4);
    run.last = 0;
    bool empty = run.sector == LSM_NONE;
    if (id >= lsm_places(&map->shape)) return false;
    if (id != map->shape.runs && run.flags > (LSM_FLAG_TARGET | LSM_FLAG_SOURCE)) return false;
    if (id == map->shape.runs && (run.first != 0 || run.flags != (empty ? 0 : LSM_FLAG_LOG)))
        return false;
    if (empty ? run.first != 0 : run.sector >= map->shape.sector_count) return false;
    if (view == NULL) return true;
    view->runs[id] = run;
    if (!empty) map->cursor = run.sector;
    return true;
}

/* Checks a chunk of the manifest, or applies it (view not NULL). */
static int chunk_walk(struct lsm *map, uint16_t sector, const struct lsm_chunk *chunk,
                      struct lsm_view *view)
{
    uint32_t at = lsm_address(map, sector, chunk->at + map->shape.chunk_header), crc = 0;
    if (chunk->size % ENTRY_SIZE != 0) return MAP_ERR_DAMAGED;
    for (uint32_t done = 0; done < chunk->size; done += ENTRY_SIZE) {
        uint8_t bytes[ENTRY_SIZE];
        int error = lsm_read(map, at + done, bytes, ENTRY_SIZE);
        if (error) return error;
        if (!entry_apply(map, bytes, view)) return MAP_ERR_DAMAGED;
        crc = lsm_crc(crc, bytes, ENTRY_SIZE);
    }
    return lsm_damaged_unless(!map->shape.crc || crc == chunk->crc);
}

/* The chunk at `at`, if it is whole; what cannot be read is not. */
static int chunk_whole(struct lsm *map, uint16_t sector, uint32_t at, struct lsm_chunk *chunk)
{
    int error = lsm_chunk_read(map, sector, at, chunk);
    if (!error) error = chunk_walk(map, sector, chunk, NULL);
    return error == BO_FLASH_ERR_ECC ? MAP_ERR_DAMAGED : error;
}

/* Whether no whole chunk lies from `at` on. Where there are no checksums nothing shows it. */
static int chunks_end(struct lsm *map, uint16_t sector, uint32_t at)
{
    struct lsm_chunk chunk;
    for (; map->shape.crc && at < map->shape.sector_size; at += map->shape.align) {
        int error = chunk_whole(map, sector, at, &chunk);
        if (!error) return MAP_ERR_DAMAGED;
        if (error != MAP_ERR_NOT_FOUND && error != MAP_ERR_DAMAGED) return error;
    }
    return BO_FLASH_OK;
}

/* Whether `size` bytes are blank; what cannot be read is not. */
static int is_blank(struct lsm *map, uint16_t sector, uint32_t at, uint32_t size, bool *blank)
{
    uint8_t piece[LSM_PIECE];
    *blank = true;
    for (uint32_t part; *blank && size != 0; at += part, size -= part) {
        part = lsm_minimum(size, sizeof piece);
        int error = lsm_read(map, lsm_address(map, sector, at), piece, part);
        if (error == BO_FLASH_ERR_ECC) *blank = false;
        if (error) return error == BO_FLASH_ERR_ECC ? BO_FLASH_OK : error;
        for (uint32_t i = 0; i < part; i++)
            if (piece[i] != map->shape.erased) *blank = false;
    }
    return BO_FLASH_OK;
}

int lsm_tail_prove(struct lsm *map, struct lsm_tail *tail, uint16_t sector, uint32_t at)
{
    bool blank;
    if (tail->sealed || !tail->unproven) return BO_FLASH_OK;
    int error = is_blank(map, sector, at, map->shape.sector_size - at, &blank);
    if (error) return error;
    tail->unproven = false;
    tail->sealed = !blank;
    return BO_FLASH_OK;
}

/* Applies the chunks of that sector; *any: there is one. Leaves in `cursor` the sector that the
 * last commit took last: that of the last entry, or of the manifest, if the chunk is its first. */
static int replay(struct lsm *map, uint16_t sector, bool *any)
{
    struct lsm_chunk chunk;
    uint32_t at = lsm_manifest_chunks(&map->shape), magic = lsm_chunk_start(&map->shape);
    int error;
    *any = false;
    map->cursor = sector;
    lsm_view_clear(&map->view);
    while ((error = chunk_whole(map, sector, at, &chunk)) == BO_FLASH_OK) {
        error = chunk_walk(map, sector, &chunk, &map->view);
        if (error) return error;
        if (!*any) map->cursor = sector; /* it was taken after what its first chunk names */
        *any = true;
        at = lsm_chunk_next(&map->shape, &chunk);
    }
    if (error != MAP_ERR_NOT_FOUND && error != MAP_ERR_DAMAGED) return error;
    map->manifest_end = at;
    map->manifest_tail.unproven = true;
    map->manifest_tail.sealed = error == MAP_ERR_DAMAGED;
    if (!map->manifest_tail.sealed && at + magic <= map->shape.sector_size) {
        bool blank;
        error = is_blank(map, sector, at, magic, &blank);
        if (error) return error;
        map->manifest_tail.sealed = !blank;
    }
    return map->manifest_tail.sealed ? chunks_end(map, sector, at + map->shape.align) : BO_FLASH_OK;
}

/* The sector of a manifest with the highest seq below `limit`; LSM_NONE: there is none. */
static int newest(struct lsm *map, uint32_t limit, uint16_t *sector, struct lsm_manifest_head *best)
{
    *sector = LSM_NONE;
    best->seq = best->sectors = 0;
    for (uint32_t at = 0; at < map->device_sectors; at++) {
        struct lsm_manifest_head head;
        int error = lsm_manifest_read(map, at, &head);
        if (error == MAP_ERR_DAMAGED) continue;
        if (error) return error;
        if (head.staging != map->shape.staging) continue;
        if (head.sectors > map->device_sectors || at >= head.sectors) continue;
        if (head.seq <= best->seq || head.seq >= limit) continue;
        *sector = (uint16_t)at;
        *best = head;
    }
    return BO_FLASH_OK;
}

/* Finds the manifest. A newest one without a chunk is what the crate leaves when its change of the
 * sector was cut, if there is an older one. */
static int find(struct lsm *map)
{
    bool any;
    struct lsm_manifest_head head, head_before;
    uint16_t sector, before;
    int error = newest(map, 0xFFFFFFFFu, &sector, &head);
    if (error) return error;
    if (sector == LSM_NONE) return MAP_ERR_DAMAGED;
    map->manifest_seq = head.seq;
    map->manifest = sector;
    map->shape.sector_count = head.sectors;
    error = replay(map, sector, &any);
    if (error || any) return error;
    error = newest(map, head.seq, &before, &head_before);
    if (error || before == LSM_NONE) return error;
    if (head_before.seq != head.seq - 1 || head_before.sectors != head.sectors) return error;
    map->manifest = before;
    error = replay(map, before, &any);
    map->manifest_tail.sealed = true;
    return error;
}

/* Sectors in use ------------------------------------------------------------------------------- */

/* Marks the sectors of a run. `again`: one may be marked already, as of another view. */
static int mark_run(struct lsm *map, const struct lsm_run *run, bool again)
{
    struct lsm_head head;
    uint32_t before = run->last;
    uint16_t sector = run->sector;
    for (;;) {
        int error = lsm_head_read(map, sector, &head);
        if (error) return error;
        if (head.seq >= before || (!again && lsm_is_used(map, sector))) return MAP_ERR_DAMAGED;
        if (!lsm_is_used(map, sector)) lsm_use(map, sector);
        if (head.seq <= run->first) return BO_FLASH_OK;
        before = head.seq;
        sector = head.skips[0];
    }
}

static int mark_view(struct lsm *map, const struct lsm_view *view, bool again)
{
    uint16_t log = view->runs[map->shape.runs].sector;
    if (log != LSM_NONE) {
        if (!again && lsm_is_used(map, log)) return MAP_ERR_DAMAGED;
        if (!lsm_is_used(map, log)) lsm_use(map, log);
    }
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        int error = lsm_empty(&view->runs[id]) ? 0 : mark_run(map, &view->runs[id], again);
        if (error) return error;
    }
    return BO_FLASH_OK;
}

int lsm_mark_used(struct lsm *map)
{
    memset(map->used, 0, (map->shape.sector_count + 7) / 8);
    map->free_count = map->shape.sector_count;
    map->pinned = false;
    lsm_use(map, map->manifest);
    int error = mark_view(map, &map->view, false);
    for (struct lsm_snapshot *s = map->snapshots; s != NULL && !error; s = s->next)
        error = mark_view(map, &s->view, true);
    map->pinned = map->snapshots != NULL;
    return error;
}

/* Mounting ------------------------------------------------------------------------------------- */

/* The ends of the runs, which stand in their last sectors. */
static int runs_complete(struct lsm *map)
{
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        struct lsm_run *run = &map->view.runs[id];
        struct lsm_head head;
        uint32_t size;
        if (lsm_empty(run)) continue;
        int error = lsm_head_read(map, run->sector, &head);
        if (!error) error = lsm_payload(map, run->sector, &size);
        if (error) return error;
        run->last = head.seq + size;
        if (run->last < head.seq || run->first >= run->last) return MAP_ERR_DAMAGED;
    }
    return BO_FLASH_OK;
}

/* The end of the log. What a cut left of a chunk is no longer than the longest one; whatever else
 * is there shows that chunks rotted, and no map is given up for them. */
static int log_complete(struct lsm *map)
{
    const struct lsm_shape *shape = &map->shape;
    struct lsm_run *log = &map->view.runs[shape->runs];
    struct lsm_chunk chunk;
    uint32_t at = 0;
    bool blank = true;
    int error;
    if (lsm_empty(log)) return BO_FLASH_OK;
    while ((error = lsm_log_chunk(map, log->sector, at, &chunk)) == BO_FLASH_OK)
        at = lsm_chunk_next(shape, &chunk);
    if (error != MAP_ERR_NOT_FOUND && error != MAP_ERR_DAMAGED && error != BO_FLASH_ERR_ECC)
        return error;
    log->last = at;
    map->log_tail.sealed = false;
    map->log_tail.unproven = true;
    at += lsm_round_up(shape->chunk_header + lsm_log_max(shape), shape->align);
    if (at >= shape->sector_size) return BO_FLASH_OK;
    error = is_blank(map, log->sector, at, shape->sector_size - at, &blank);
    return error ? error : lsm_damaged_unless(blank);
}

/* One target, older than its sources; the oldest run is there only as one. */
static int flags_check(const struct lsm *map)
{
    uint32_t targets = 0, sources = 0;
    if (!lsm_empty(&map->view.runs[0]) && !(map->view.runs[0].flags & LSM_FLAG_TARGET))
        return MAP_ERR_DAMAGED;
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        const struct lsm_run *run = &map->view.runs[id];
        if (lsm_empty(run)) continue;
        if (run->flags & LSM_FLAG_TARGET) targets++;
        if (!(run->flags & LSM_FLAG_SOURCE)) continue;
        sources++;
        if (targets == 0 || run->flags & LSM_FLAG_TARGET) return MAP_ERR_DAMAGED;
    }
    bool sound = targets <= 1 && sources <= map->shape.branching && (targets == 0 || sources != 0);
    return lsm_damaged_unless(sound);
}

int lsm_remount(struct lsm *map)
{
    map->stale = true;
    map->window_held = 0;
    map->shape.sector_count = map->device_sectors;
    int error = find(map);
    if (!error && ++map->cursor >= map->shape.sector_count) map->cursor = 0;
    if (!error) error = runs_complete(map);
    if (!error) error = log_complete(map);
    if (!error) error = flags_check(map);
    if (!error) error = lsm_mark_used(map);
    if (error == BO_FLASH_ERR_ECC || error == MAP_ERR_NOT_FOUND) error = MAP_ERR_DAMAGED;
    map->stale = error != BO_FLASH_OK;
    return error;
}

static int manifest_erase(struct lsm *map, uint32_t sector)
{
    map->window_held = 0;
    return bo_flash_erase(map->flash, lsm_address(map, sector, 0));
}

/* The newest manifest goes last: a cut must not leave an older one, which would be a map again. */
int lsm_manifest_format(struct lsm *map)
{
    uint8_t header[LSM_HEADERS_MAX];
    struct lsm_manifest_head head;
    uint32_t first = 0;
    uint16_t last;
    map->window_held = 0;
    int error = newest(map, 0xFFFFFFFFu, &last, &head);
    for (uint32_t at = 0; !error && at < map->device_sectors; at++) {
        error = at == last ? (int)MAP_ERR_DAMAGED : lsm_manifest_read(map, at, &head);
        if (!error) error = manifest_erase(map, at);
        if (error == MAP_ERR_DAMAGED) error = BO_FLASH_OK;
    }
    if (last != LSM_NONE) first = last + 1u == map->device_sectors ? 0 : last + 1u;
    if (!error && last != LSM_NONE) error = manifest_erase(map, last);
    if (!error) error = manifest_erase(map, first);
    if (error) return error;
    map->shape.sector_count = map->device_sectors;
    uint32_t size = lsm_manifest_bytes(map, (uint16_t)first, 1, header);
    return bo_flash_program(map->flash, lsm_address(map, first, 0), header, size);
}

/* Committing ----------------------------------------------------------------------------------- */

static bool run_differs(const struct lsm_run *a, const struct lsm_run *b)
{
    return a->sector != b->sector || a->first != b->first || a->flags != b->flags;
}

static uint32_t entry(uint32_t id, const struct lsm_run *run, uint8_t *bytes)
{
    bytes[0] = (uint8_t)id;
    bytes[1] = run->flags;
    lsm_put(bytes + 2, run->sector, 2);
    lsm_put(bytes + 4, lsm_empty(run) ? 0 : run->first, 4);
    return ENTRY_SIZE;
}

/* The entries of the runs that are not as in `now` (NULL: that are not empty), or of an empty one.
 * The target of a merge is older than its sources, and so comes last. */
static uint32_t entries(const struct lsm *map, const struct lsm_view *now,
                        const struct lsm_view *next, uint8_t *bytes)
{
    uint32_t size = 0;
    for (uint32_t id = lsm_places(&map->shape); id-- != 0;) {
        const struct lsm_run *run = &next->runs[id];
        if (now != NULL ? !run_differs(run, &now->runs[id]) : lsm_empty(run)) continue;
        size += entry(id, run, bytes + size);
    }
    return size != 0 ? size : entry(1, &next->runs[1], bytes);
}

/* Whether a chunk of that size may be appended. Where a cut may hurt what else is in the sector,
 * none is. */
static int may_append(struct lsm *map, uint32_t size, bool *may)
{
    uint32_t end = map->manifest_end + map->shape.chunk_header + size;
    *may = false;
    if (map->flash->geometry.tear_scope == BO_FLASH_TEAR_SECTOR) return BO_FLASH_OK;
    if (end > map->shape.sector_size) return BO_FLASH_OK;
    int error = lsm_tail_prove(map, &map->manifest_tail, map->manifest, map->manifest_end);
    *may = !error && !map->manifest_tail.sealed;
    return error;
}

/* A new sector for the manifest; its header is programmed last. */
static int manifest_move(struct lsm *map, const struct lsm_view *next, uint8_t *bytes)
{
    uint8_t header[LSM_HEADERS_MAX];
    uint16_t sector, before = map->manifest;
    if (map->manifest_seq >= SEQ_LAST) return MAP_ERR_UNSUPPORTED;
    int error = lsm_take(map, &sector);
    if (error) return error;
    uint32_t size = entries(map, NULL, next, bytes), at = lsm_manifest_chunks(&map->shape);
    error = lsm_chunk_write(map, sector, at, bytes, size);
    uint32_t head = lsm_manifest_bytes(map, sector, map->manifest_seq + 1, header);
    map->window_held = 0;
    if (!error) error = bo_flash_program(map->flash, lsm_address(map, sector, 0), header, head);
    if (error) return error;
    map->manifest_seq++;
    map->manifest = sector;
    map->manifest_end = at + lsm_round_up(map->shape.chunk_header + size, map->shape.align);
    map->manifest_tail.sealed = map->manifest_tail.unproven = false;
    lsm_free(map, before);
    return BO_FLASH_OK;
}

/* Frees the sectors of `old` that hold nothing from `keep` on. */
static int free_run(struct lsm *map, const struct lsm_run *old, uint32_t keep)
{
    struct lsm_head head;
    uint16_t sector = old->sector;
    int error;
    if (keep < old->last) {
        error = lsm_run_sector(map, old, keep, &sector, &head);
        if (error) return error;
        if (head.seq <= old->first) return BO_FLASH_OK;
        sector = head.skips[0];
    }
    for (;;) {
        error = lsm_head_read(map, sector, &head);
        if (!error && !lsm_is_used(map, sector)) error = MAP_ERR_DAMAGED;
        if (error) return error;
        lsm_free(map, sector);
        if (head.seq <= old->first) return BO_FLASH_OK;
        sector = head.skips[0];
    }
}

/* Frees what `next` does not have of what is committed. */
static int free_rest(struct lsm *map, const struct lsm_view *next, const struct lsm_grown *grown)
{
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        const struct lsm_run *old = &map->view.runs[id];
        uint32_t keep = old->last;
        if (lsm_empty(old) || (grown != NULL && id == grown->id)) continue;
        for (uint32_t i = 0; i < map->shape.runs; i++)
            if (next->runs[i].sector == old->sector) keep = next->runs[i].first;
        if (keep == old->first) continue;
        int error = free_run(map, old, keep);
        if (error) return error;
    }
    const struct lsm_run *log = lsm_log(map);
    if (!lsm_empty(log) && next->runs[map->shape.runs].sector != log->sector)
        lsm_free(map, log->sector);
    if (grown != NULL && grown->copied != LSM_NONE) lsm_free(map, grown->copied);
    return BO_FLASH_OK;
}

int lsm_manifest_clear(struct lsm *map)
{
    uint8_t bytes[ENTRY_SIZE];
    struct lsm_view next;
    lsm_view_clear(&next);
    map->stale = true;
    return manifest_move(map, &next, bytes);
}

int lsm_manifest_commit(struct lsm *map, const struct lsm_view *next, const struct lsm_grown *grown)
{
    uint8_t bytes[ENTRY_SIZE * (LSM_RUNS_MAX + 1)];
    bool append;
    uint32_t size = entries(map, &map->view, next, bytes);
    map->stale = true;
    int error = may_append(map, size, &append);
    if (!error && append) {
        error = lsm_chunk_write(map, map->manifest, map->manifest_end, bytes, size);
        map->manifest_end += lsm_round_up(map->shape.chunk_header + size, map->shape.align);
    } else if (!error) {
        error = manifest_move(map, next, bytes);
    }
    if (error) return error;
    map->stale = false;
    map->pinned = map->snapshots != NULL;
    if (!map->pinned && free_rest(map, next, grown)) map->stale = true; /* committed all the same */
    map->view = *next;
    return BO_FLASH_OK;
}
