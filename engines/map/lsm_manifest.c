/* SPDX-License-Identifier: MIT */
/* lsm_manifest.c - see lsm_internal.h. The manifest lies in one sector, that with the highest seq.
 * Each of its chunks is a commit: entries of 8 bytes, of which a later one of the same run counts.
 *
 *     run, flags, last sector (u16; LSM_NONE: empty), seq of its first byte (u32)
 *
 * The length of a run stands in its last sector. Where a chunk does not fit, or where something is
 * in its way, all runs go to another sector, whose header is programmed last.
 *
 * Where there are no checksums, a cut may leave magic and size of a chunk, and a part of what is in
 * their unit. So where this holds more of an appended chunk, it is the first entry, which comes
 * once more after that, and counts there.
 *
 * A chunk that is torn ends the manifest. Nothing is written after one, so a whole chunk after it
 * means that the bytes rotted.
 */
#include "lsm_internal.h"

#include <string.h>

#define ENTRY_SIZE 8u
/* Header, entries and padding of a chunk. */
#define CHUNK_MAX (8 + ENTRY_SIZE * (LSM_RUNS_MAX + 1) + 2 * LSM_ALIGN_MAX)
#define SEQ_LAST 0xFFFFFFFEu /* one more would read as blank */

/* Reading the manifest ------------------------------------------------------------------------- */

/* Applies an entry to a view; *cursor: its sector, if it names one. */
static bool entry_apply(const struct lsm *map, const uint8_t *bytes, struct lsm_view *view,
                        uint32_t *cursor)
{
    struct lsm_run run;
    uint32_t id = bytes[0];
    run.flags = bytes[1];
    run.sector = (uint16_t)lsm_get(bytes + 2, 2);
    run.first = lsm_get(bytes + 4, 4);
    run.last = 0;
    bool empty = run.sector == LSM_NONE, log = lsm_staging(&map->shape) && id == map->shape.runs;
    if (id >= map->shape.runs && !log) return false;
    if (!log && run.flags > LSM_FLAG_SOURCE) return false;
    if (log && (run.first != 0 || run.flags != (empty ? 0 : LSM_FLAG_LOG))) return false;
    if (empty ? run.first != 0 : run.sector >= map->shape.sector_count) return false;
    view->runs[id] = run;
    if (!empty) *cursor = run.sector;
    return true;
}

/* Applies the chunk at `at` to the map, if it is whole. What cannot be read is not whole. */
static int chunk_apply(struct lsm *map, uint32_t sector, struct lsm_chunk *chunk, uint32_t at)
{
    struct lsm_view view;
    uint32_t crc = 0, cursor = map->cursor;
    int error = lsm_chunk_read(map, sector, at, chunk);
    if (!error && chunk->size % ENTRY_SIZE != 0) return MAP_ERR_DAMAGED;
    if (!error) lsm_view_copy(map, &view, &map->view);
    at = lsm_address(map, sector, at + map->shape.chunk_header);
    for (uint32_t done = 0; !error && done < chunk->size; done += ENTRY_SIZE) {
        uint8_t bytes[ENTRY_SIZE];
        error = lsm_read(map, at + done, bytes, ENTRY_SIZE);
        if (!error && !entry_apply(map, bytes, &view, &cursor)) return MAP_ERR_DAMAGED;
        crc = lsm_crc(crc, bytes, ENTRY_SIZE);
    }
    if (error) return error == BO_FLASH_ERR_ECC ? (int)MAP_ERR_DAMAGED : error;
    if (map->shape.crc && crc != chunk->crc) return MAP_ERR_DAMAGED;
    lsm_view_copy(map, &map->view, &view);
    map->cursor = cursor;
    return BO_FLASH_OK;
}

/* Whether no whole chunk lies from `at` on. Where there are no checksums nothing shows it. */
static int chunks_end(struct lsm *map, uint32_t sector, uint32_t at)
{
    struct lsm_chunk chunk;
    for (; map->shape.crc && at < map->shape.sector_size; at += map->shape.align) {
        int error = chunk_apply(map, sector, &chunk, at);
        if (!error) return MAP_ERR_DAMAGED;
        if (error != MAP_ERR_NOT_FOUND && error != MAP_ERR_DAMAGED) return error;
    }
    return BO_FLASH_OK;
}

/* Whether `size` bytes are blank: 1, 0, or an error. What cannot be read is not. */
static int is_blank(struct lsm *map, uint32_t sector, uint32_t at, uint32_t size)
{
    uint8_t piece[LSM_PIECE];
    for (uint32_t part; size != 0; at += part, size -= part) {
        part = lsm_minimum(size, sizeof piece);
        int error = lsm_read(map, lsm_address(map, sector, at), piece, part);
        if (error) return error == BO_FLASH_ERR_ECC ? 0 : error;
        for (uint32_t i = 0; i < part; i++)
            if (piece[i] != map->shape.erased) return 0;
    }
    return 1;
}

int lsm_tail_prove(struct lsm *map, struct lsm_tail *tail, uint32_t sector, uint32_t at)
{
    if (tail->sealed || !tail->unproven) return BO_FLASH_OK;
    int blank = is_blank(map, sector, at, map->shape.sector_size - at);
    if (blank < 0) return blank;
    tail->unproven = false;
    tail->sealed = !blank;
    return BO_FLASH_OK;
}

/* Applies the chunks of that sector. Returns 1 when there is one, 0, or an error. Leaves in
 * `cursor` the sector that the last commit took last: that of the last entry, or of the manifest,
 * if the chunk is its first. */
static int replay(struct lsm *map, uint32_t sector)
{
    struct lsm_chunk chunk;
    uint32_t at = lsm_manifest_chunks(&map->shape), magic = lsm_chunk_start(map);
    int error, any = 0;
    map->manifest = (uint16_t)sector;
    map->cursor = sector;
    lsm_view_clear(map, &map->view);
    while ((error = chunk_apply(map, sector, &chunk, at)) == BO_FLASH_OK) {
        if (!any) map->cursor = sector; /* it was taken after what its first chunk names */
        any = 1;
        at = lsm_chunk_next(&map->shape, &chunk);
    }
    if (error != MAP_ERR_NOT_FOUND && error != MAP_ERR_DAMAGED) return error;
    map->manifest_end = at;
    map->manifest_tail.unproven = true;
    map->manifest_tail.sealed = error == MAP_ERR_DAMAGED;
    if (!map->manifest_tail.sealed && at + magic <= map->shape.sector_size) {
        int blank = is_blank(map, sector, at, magic);
        if (blank < 0) return blank;
        map->manifest_tail.sealed = !blank;
    }
    if (!map->manifest_tail.sealed) return any;
    error = chunks_end(map, sector, at + map->shape.align);
    return error ? error : any;
}

/* The sector of a manifest with the highest seq below `limit`, or an error. LSM_NONE: there is
 * none; best->staging: but one of a map that has a log where this one has none, or the other way
 * round. */
static int newest(struct lsm *map, uint32_t limit, struct lsm_manifest_head *best)
{
    int sector = LSM_NONE;
    best->seq = best->sectors = 0;
    best->staging = false;
    for (uint32_t at = 0; at < map->device_sectors; at++) {
        struct lsm_manifest_head head;
        int error = lsm_manifest_read(map, at, &head);
        if (error == MAP_ERR_DAMAGED) continue;
        if (error) return error;
        if (head.staging != lsm_staging(&map->shape)) {
            best->staging = true;
            continue;
        }
        if (head.sectors > map->device_sectors || at >= head.sectors) continue;
        if (head.seq <= best->seq || head.seq >= limit) continue;
        sector = (int)at;
        *best = head;
    }
    return sector;
}

#ifndef LSM_NO_CRATE
/* Whether a program of the header of that chunk that was cut leaves what is there, or nothing was
 * begun: all bits that it cleared are to be cleared. 1, 0, or an error. */
static int may_be_cut(struct lsm *map, uint32_t sector, const struct lsm_chunk *chunk)
{
    uint8_t bytes[8], whole[8];
    uint32_t size = map->shape.chunk_header;
    lsm_chunk_bytes(&map->shape, chunk->size, chunk->crc, whole);
    int error = lsm_read(map, lsm_address(map, sector, chunk->at), bytes, size);
    if (error) return error == BO_FLASH_ERR_ECC ? 0 : error;
    for (uint32_t i = 0; i < size; i++) {
        unsigned changed = bytes[i] ^ map->shape.erased, wanted = whole[i] ^ map->shape.erased;
        if (changed & ~wanted) return 0;
    }
    return 1;
}

/* Applies the entries of a first chunk whose header was cut. Where the crate changes the sector it
 * programs them, then the header of the sector, and that of the chunk last: so they are whole,
 * unless they share a unit with it. They are of runs that are not empty, in order. The runs that
 * the older manifest names may be gone: a sector that they no longer need may be this one. Returns
 * 1 when there are such entries, 0, or an error. */
static int replay_cut(struct lsm *map, uint32_t sector)
{
    uint8_t bytes[ENTRY_SIZE];
    struct lsm_chunk chunk = {lsm_manifest_chunks(&map->shape), 0, 0};
    uint32_t at = chunk.at + map->shape.chunk_header, cursor;
    int error = BO_FLASH_OK, id = -1;
    lsm_view_clear(map, &map->view);
    if (lsm_staging(&map->shape) || map->shape.align > map->shape.chunk_header) return 0;
    for (; chunk.size < ENTRY_SIZE * map->shape.runs; chunk.size += ENTRY_SIZE, at += ENTRY_SIZE) {
        error = lsm_read(map, lsm_address(map, sector, at), bytes, ENTRY_SIZE);
        if (error || !entry_apply(map, bytes, &map->view, &cursor)) break;
        if (bytes[0] <= id || lsm_empty(&map->view.runs[bytes[0]])) break;
        id = bytes[0];
        chunk.crc = lsm_crc(chunk.crc, bytes, ENTRY_SIZE);
    }
    if (error) return error == BO_FLASH_ERR_ECC ? 0 : error;
    if (chunk.size == 0) return 0;
    map->cursor = sector;
    map->manifest_tail.sealed = true;
    int blank = is_blank(map, sector, at, map->shape.sector_size - at);
    return blank > 0 ? may_be_cut(map, sector, &chunk) : blank;
}
#else
#define replay_cut(map, sector) 0
#endif

/* Whether that is the next one. Where there is no checksum a cut may have left the first bytes of
 * its seq; the others are blank then, so it reads as one of the highest. */
static bool follows(const struct lsm *map, const struct lsm_manifest_head *head,
                    const struct lsm_manifest_head *before)
{
    uint32_t next = before->seq + 1;
    bool torn = !map->shape.crc && head->seq >= 0xFF000000u && (next & ~head->seq) == 0;
    return head->sectors == before->sectors && (head->seq == next || (LSM_WITH_CRATE && torn));
}

/* Finds the manifest. A newest one without a chunk is what the crate leaves when its change of the
 * sector was cut, if there is an older one: what it was to say counts, or else the older one. */
static int find(struct lsm *map)
{
    struct lsm_manifest_head head, before;
    int sector = newest(map, 0xFFFFFFFFu, &head);
    if (sector < 0) return sector;
    if (sector == LSM_NONE) return head.staging ? MAP_ERR_UNSUPPORTED : MAP_ERR_DAMAGED;
    map->manifest_seq = head.seq;
    map->shape.sector_count = head.sectors;
    int any = replay(map, (uint32_t)sector);
    if (any != 0) return any < 0 ? any : BO_FLASH_OK;
    int older = newest(map, head.seq, &before);
    if (older < 0) return older;
    if (older == LSM_NONE) return BO_FLASH_OK;
    if (!follows(map, &head, &before)) return lsm_damaged_unless(LSM_WITH_CRATE);
    any = replay_cut(map, (uint32_t)sector);
    if (any == 0) any = replay(map, (uint32_t)older);
    map->manifest_tail.sealed = true;
    return any < 0 ? any : BO_FLASH_OK;
}

/* Sectors in use ------------------------------------------------------------------------------- */

enum mark { MARK_USED, MARK_AGAIN, MARK_FREE };

/* Marks the sectors of a run that hold nothing from `keep` on. MARK_AGAIN: one may be marked
 * already, as of another view. */
static int mark_run(struct lsm *map, const struct lsm_run *run, uint32_t keep, enum mark mark)
{
    struct lsm_head head;
    head.seq = run->last;
    head.skips[0] = run->sector;
    int error = keep < run->last ? lsm_run_sector(map, run, keep, &head) : BO_FLASH_OK;
    while (!error && head.seq > run->first) {
        uint32_t sector = head.skips[0], before = head.seq;
        error = lsm_head_read(map, sector, &head);
        if (error) return error;
        bool used = lsm_is_used(map, sector);
        if (head.seq >= before) return MAP_ERR_DAMAGED;
        if (mark != MARK_AGAIN && used != (mark == MARK_FREE)) return MAP_ERR_DAMAGED;
        if (mark == MARK_FREE) lsm_free(map, sector);
        if (!used) lsm_use(map, sector);
    }
    return error;
}

static int mark_view(struct lsm *map, const struct lsm_view *view, enum mark mark)
{
    uint16_t log = view->runs[map->shape.runs].sector;
    if (LSM_WITH_STAGING && log != LSM_NONE) {
        bool used = lsm_is_used(map, log);
        if (used && mark == MARK_USED) return MAP_ERR_DAMAGED;
        if (!used) lsm_use(map, log);
    }
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        const struct lsm_run *run = &view->runs[id];
        int error = lsm_empty(run) ? 0 : mark_run(map, run, run->last, mark);
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
    int error = mark_view(map, &map->view, MARK_USED);
    for (struct lsm_snapshot *s = map->snapshots; LSM_WITH_VIEWS && s != NULL && !error;
         s = s->next)
        error = mark_view(map, &s->view, MARK_AGAIN);
    map->pinned = LSM_WITH_VIEWS && map->snapshots != NULL;
    return error;
}

/* Mounting ------------------------------------------------------------------------------------- */

#ifdef LSM_NO_STAGING
#define log_complete(map) BO_FLASH_OK
#else
/* The end of the log. What a cut left of a chunk is no longer than it says: where bits are missing
 * that a program clears, its size reads as a larger one. Whatever is there after it shows that
 * chunks rotted, and no map is given up for them. */
static int log_complete(struct lsm *map)
{
    const struct lsm_shape *shape = &map->shape;
    struct lsm_run *log = &map->view.runs[shape->runs];
    struct lsm_chunk chunk;
    uint32_t at = 0;
    int error;
    if (lsm_empty(log)) return BO_FLASH_OK;
    while ((error = lsm_log_chunk(map, log->sector, at, &chunk)) == BO_FLASH_OK)
        at = lsm_chunk_next(shape, &chunk);
    if (error != MAP_ERR_NOT_FOUND && error != MAP_ERR_DAMAGED && error != BO_FLASH_ERR_ECC)
        return error;
    log->last = at;
    map->log_tail.sealed = false;
    map->log_tail.unproven = true;
    uint32_t size = lsm_log_max(shape);
    if (shape->erased == 0xFF) size = lsm_minimum(size, chunk.size);
    at += lsm_round_up(shape->chunk_header + size, shape->align);
    if (at >= shape->sector_size) return BO_FLASH_OK;
    int blank = is_blank(map, log->sector, at, shape->sector_size - at);
    return blank < 0 ? blank : lsm_damaged_unless(blank);
}
#endif

/* The end of a run, which stands in its last sector. */
static int run_complete(struct lsm *map, struct lsm_run *run)
{
    struct lsm_head head;
    int error = lsm_head_read(map, run->sector, &head);
    if (error) return error;
    int size = lsm_payload(map, run->sector);
    if (size < 0) return size;
    run->last = head.seq + (uint32_t)size;
    return lsm_damaged_unless(run->last >= head.seq && run->first < run->last);
}

/* Completes the runs. Of their flags: there is one target, older than its sources, and the oldest
 * run is there only as one. */
static int runs_complete(struct lsm *map)
{
    uint32_t targets = 0, sources = 0;
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        struct lsm_run *run = &map->view.runs[id];
        if (lsm_empty(run)) continue;
        int error = run_complete(map, run);
        if (error) return error;
        uint32_t flags = run->flags;
        if (id == 0 && flags != LSM_FLAG_TARGET) return MAP_ERR_DAMAGED;
        if (flags == LSM_FLAG_SOURCE && targets == 0) return MAP_ERR_DAMAGED;
        targets += flags & LSM_FLAG_TARGET;
        sources += flags >> 1;
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
    if (!error) map->cursor = lsm_sector_after(map, map->cursor);
    if (!error) error = runs_complete(map);
    if (!error && LSM_WITH_STAGING) error = log_complete(map);
    if (!error) error = lsm_mark_used(map);
    if (error == BO_FLASH_ERR_ECC || error == MAP_ERR_NOT_FOUND) error = MAP_ERR_DAMAGED;
    map->stale = error != BO_FLASH_OK;
    return error;
}

/* The newest manifest goes last: a cut must not leave an older one, which would be a map again. */
int lsm_manifest_format(struct lsm *map)
{
    uint8_t header[LSM_HEADERS_MAX];
    struct lsm_manifest_head head;
    map->window_held = 0;
    int last = newest(map, 0xFFFFFFFFu, &head), error = last < 0 ? last : BO_FLASH_OK;
    map->shape.sector_count = map->device_sectors;
    uint32_t at = (uint32_t)last;
    for (uint32_t i = 0; !error && i < map->device_sectors; i++) {
        at = lsm_sector_after(map, at);
        error = lsm_manifest_read(map, at, &head);
        if (!error) error = lsm_erase(map, at);
        if (error == MAP_ERR_DAMAGED) error = BO_FLASH_OK;
    }
    at = lsm_sector_after(map, at);
    if (!error) error = lsm_erase(map, at);
    if (error) return error;
    uint32_t size = lsm_manifest_bytes(map, at, 1, header);
    return lsm_program(map, at, 0, header, size);
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

/* A chunk of the entries of the runs that are not as in `now` (NULL: that are not empty), or of an
 * empty one; returns their size. The target of a merge is older than its sources, and so comes
 * last. */
static uint32_t entries(const struct lsm *map, const struct lsm_view *now,
                        const struct lsm_view *next, uint8_t *chunk)
{
    uint32_t size = 0, header = map->shape.chunk_header, unit = lsm_chunk_start(map);
    uint32_t torn = now != NULL && !map->shape.crc && unit > header ? unit - header : 0;
    uint8_t *bytes = chunk + header;
    for (uint32_t id = lsm_places(&map->shape); id-- != 0;) {
        const struct lsm_run *run = &next->runs[id];
        if (now != NULL ? !run_differs(run, &now->runs[id]) : lsm_empty(run)) continue;
        do
            size += entry(id, run, bytes + size);
        while (size < torn + ENTRY_SIZE);
    }
    return size != 0 ? size : entry(1, &next->runs[1], bytes);
}

/* Whether a chunk of that size may be appended: 1, 0, or an error. Where a cut may hurt what else
 * is in the sector, none is. */
static int may_append(struct lsm *map, uint32_t size)
{
    uint32_t end = map->manifest_end + map->shape.chunk_header + size;
    if (map->flash->geometry.tear_scope == BO_FLASH_TEAR_SECTOR) return 0;
    if (end > map->shape.sector_size || size > map->shape.chunk_max) return 0;
    int error = lsm_tail_prove(map, &map->manifest_tail, map->manifest, map->manifest_end);
    return error ? error : !map->manifest_tail.sealed;
}

/* A new sector for the manifest; its header is programmed last. */
static int manifest_move(struct lsm *map, const struct lsm_view *next, uint8_t *chunk)
{
    uint8_t header[LSM_HEADERS_MAX];
    uint32_t before = map->manifest;
    if (map->manifest_seq >= SEQ_LAST) return MAP_ERR_UNSUPPORTED;
    int taken = lsm_take(map);
    if (taken < 0) return taken;
    uint32_t sector = (uint32_t)taken;
    uint32_t size = entries(map, NULL, next, chunk), at = lsm_manifest_chunks(&map->shape);
    int error = lsm_chunk_write(map, sector, at, chunk, size);
    uint32_t head = lsm_manifest_bytes(map, sector, map->manifest_seq + 1, header);
    if (!error) error = lsm_program(map, sector, 0, header, head);
    if (error) return error;
    map->manifest_seq++;
    map->manifest = (uint16_t)sector;
    map->manifest_end = at + lsm_round_up(map->shape.chunk_header + size, map->shape.align);
    map->manifest_tail.sealed = map->manifest_tail.unproven = false;
    lsm_free(map, before);
    return BO_FLASH_OK;
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
        int error = mark_run(map, old, keep, MARK_FREE);
        if (error) return error;
    }
    const struct lsm_run *log = lsm_log(map);
    if (LSM_WITH_STAGING && !lsm_empty(log) && next->runs[map->shape.runs].sector != log->sector)
        lsm_free(map, log->sector);
    if (grown != NULL && grown->copied != LSM_NONE) lsm_free(map, grown->copied);
    return BO_FLASH_OK;
}

int lsm_manifest_renew(struct lsm *map, const struct lsm_view *view)
{
    uint8_t chunk[CHUNK_MAX];
    map->stale = true;
    int error = manifest_move(map, view, chunk);
    map->stale = error != BO_FLASH_OK;
    return error;
}

int lsm_manifest_clear(struct lsm *map)
{
    struct lsm_view next;
    lsm_view_clear(map, &next);
    return lsm_manifest_renew(map, &next);
}

int lsm_manifest_commit(struct lsm *map, const struct lsm_view *next, const struct lsm_grown *grown)
{
    uint8_t chunk[CHUNK_MAX];
    uint32_t size = entries(map, &map->view, next, chunk);
    map->stale = true;
    int append = may_append(map, size), error = append;
    if (append > 0) {
        error = lsm_chunk_write(map, map->manifest, map->manifest_end, chunk, size);
        map->manifest_end += lsm_round_up(map->shape.chunk_header + size, map->shape.align);
    } else if (append == 0) {
        error = manifest_move(map, next, chunk);
    }
    if (error) return error;
    map->stale = false;
    map->pinned = LSM_WITH_VIEWS && map->snapshots != NULL;
    if ((!LSM_WITH_VIEWS || !map->pinned) && free_rest(map, next, grown))
        map->stale = true; /* committed all the same */
    lsm_view_copy(map, &map->view, next);
    return BO_FLASH_OK;
}
