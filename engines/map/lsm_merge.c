/* SPDX-License-Identifier: MIT */
/* lsm_merge.c - see lsm_internal.h. A merge takes neighbours in the list of runs, and puts one in
 * their place. Small ones that fit a sector together are merged as soon as the list is full, the
 * newest of them; so a run of one transaction is copied once for each time that the list fills up.
 * Where few places are left for such, larger ones are merged, two at a time.
 *
 * A merge goes in steps, each of which writes up to lsm_step() sectors and commits: the target has
 * grown, the sources begin later. Flags in the manifest show a later step what to go on with. A
 * reader needs none of that, as all keys of the target are before those that the sources still
 * have. Two sources at least and `branching` at most are what the crate goes on with, too.
 *
 * A full log is a source as well, of a merge that ends in the same step.
 *
 * The list. Place 0 is for the target of an unfinished merge of the oldest; the others are 1, 2, 3
 * and so on after each merge, and a new run comes after the newest. To the crate `branching` places
 * are a level, and a place that is empty before one of its level that is not is damage. So in an
 * unfinished merge, whose sources the crate may empty, they and what is newer begin a level each.
 *
 * Room. After a step, a target of c bytes fills up to c * 16/15 / payload + 1 sectors, since all of
 * its sectors but the last are filled to 15/16 at least; and of n sources each has a sector that
 * was taken in part, so up to n - 1 fewer sectors are free again than their bytes would fill. So at
 * any time up to 1/15 of the sectors, and one for each source, are in use that were not before; a
 * step takes its own and may take one for the manifest: lsm_reserve().
 */
#include "lsm_internal.h"

#include <string.h>

#define SOURCES 2u /* of a merge that takes more than a step */
#define NO_PLACE UINT32_MAX

/* The sector that is copied to go on, and those of a record. */
uint32_t lsm_step(const struct lsm_shape *shape)
{
    return 1 + (shape->record_max + shape->payload - 1) / shape->payload;
}

uint32_t lsm_reserve(const struct lsm_shape *shape)
{
    return shape->sector_count / 15 + shape->branching + lsm_step(shape) + 1;
}

/* A merge: its sources, from old to new the places `from` to `to`, and how far they are taken. */
struct merge {
    uint32_t from, to;
    uint32_t target; /* LSM_NONE: none was begun */
    struct lsm_cursor cursor;
};

/* The list of runs ----------------------------------------------------------------------------- */

/* The runs of a view, from old to new. */
static uint32_t runs_of(const struct lsm *map, uint8_t ids[LSM_RUNS_MAX])
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < map->shape.runs; id++)
        if (!lsm_empty(&map->view.runs[id])) ids[count++] = (uint8_t)id;
    return count;
}

/* The first place from `id` on that begins a level; only the crate has levels. */
static uint32_t level_start(const struct lsm_shape *shape, uint32_t id)
{
    uint32_t inside = lsm_staging(shape) ? 0 : (id - 1) % shape->branching;
    return inside == 0 ? id : id + shape->branching - inside;
}

/* A list that is made anew. */
struct list {
    struct lsm_view *view;
    uint32_t place; /* of the next run */
    uint32_t flags; /* of the run before it */
};

static void list_begin(const struct lsm *map, struct list *list, struct lsm_view *view)
{
    lsm_view_clear(view);
    view->runs[map->shape.runs] = *lsm_log(map);
    list->view = view;
    list->place = 1;
    list->flags = 0;
}

/* What comes after the target, or after the sources, begins a level. */
static void list_add(const struct lsm *map, struct list *list, const struct lsm_run *run)
{
    if (lsm_empty(run)) return;
    if (list->flags != 0 && list->flags != run->flags)
        list->place = level_start(&map->shape, list->place);
    list->flags = run->flags;
    bool oldest = run->flags == LSM_FLAG_TARGET && list->place == 1;
    list->view->runs[oldest ? 0 : list->place++] = *run;
    BO_CHECK(list->place <= map->shape.runs);
}

/* Whether the oldest runs move, though nothing else wants it: else what is never changed would wear
 * out all other sectors. By chance, as no RAM outlives a power-on. */
static bool oldest_moves(const struct lsm *map, uint32_t count)
{
    uint32_t mixed = (map->manifest_seq * 0x9E3779B1u ^ map->manifest_end) * 0x85EBCA6Bu;
    uint32_t often =
        map->shape.sector_count * (lsm_staging(&map->shape) ? 1 : 2); /* for two turns */
    return count > 1 && (mixed >> 12) % often == 0;
}

/* The merge that was begun. */
static bool find_begun(const struct lsm *map, struct merge *m)
{
    m->target = m->from = m->to = NO_PLACE;
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        uint8_t flags = lsm_empty(&map->view.runs[id]) ? 0 : map->view.runs[id].flags;
        if (flags & LSM_FLAG_TARGET) m->target = id;
        if (flags & LSM_FLAG_SOURCE) m->to = id;
        if (flags & LSM_FLAG_SOURCE && m->from == NO_PLACE) m->from = id;
    }
    return m->target != NO_PLACE;
}

/* Two places stay empty, for a target and where a level begins. */
static bool has_place(const struct lsm *map, uint32_t count)
{
    return count + 2 < map->shape.runs;
}

/* The place of the next run. The first has that where the crate begins. */
static uint32_t next_place(const struct lsm *map, const uint8_t *ids, uint32_t count)
{
    if (count == 0) return map->shape.runs - map->shape.branching;
    uint32_t newest = ids[count - 1];
    bool source = (map->view.runs[newest].flags & LSM_FLAG_SOURCE) != 0;
    return source ? level_start(&map->shape, newest + 1) : newest + 1;
}

bool lsm_list_takes(const struct lsm *map)
{
    struct merge m;
    uint8_t ids[LSM_RUNS_MAX];
    uint32_t count = runs_of(map, ids);
    bool stays = !lsm_staging(&map->shape) && find_begun(map, &m); /* at its places, see above */
    if (stays && next_place(map, ids, count) >= map->shape.runs) return false;
    return has_place(map, count) && !oldest_moves(map, count);
}

void lsm_list_put(const struct lsm *map, const struct lsm_run *run, struct lsm_view *next)
{
    uint8_t ids[LSM_RUNS_MAX];
    uint32_t count = runs_of(map, ids), id = next_place(map, ids, count);
    lsm_view_copy(map, next, &map->view);
    if (id < map->shape.runs) {
        next->runs[id] = *run;
        return;
    }
    struct list list;
    list_begin(map, &list, next);
    for (uint32_t i = 0; i < count; i++)
        list_add(map, &list, &map->view.runs[ids[i]]);
    list_add(map, &list, run);
}

/* What to merge -------------------------------------------------------------------------------- */

static bool is_source(const struct lsm *map, const struct merge *m, uint32_t id)
{
    const struct lsm_run *run = &map->view.runs[id];
    if (id < m->from || id > m->to || lsm_empty(run)) return false;
    return m->target == NO_PLACE || (run->flags & LSM_FLAG_SOURCE) != 0;
}

static uint32_t run_size(const struct lsm *map, uint32_t id)
{
    return map->view.runs[id].last - map->view.runs[id].first;
}

/* How many of the oldest are left out, when the newest that fit a sector beside that many bytes
 * are taken. */
static uint32_t older(const struct lsm *map, const uint8_t *ids, uint32_t count, uint32_t bytes)
{
    while (count != 0 && map->view.runs[ids[count - 1]].flags == 0) {
        bytes += run_size(map, ids[count - 1]);
        if (bytes > map->shape.payload) break;
        count--;
    }
    return count;
}

/* The two neighbours that are least together, up to the one at `end`. */
static uint32_t least_pair(const struct lsm *map, const uint8_t *ids, uint32_t end)
{
    uint32_t best = 1, least = UINT32_MAX;
    for (uint32_t i = 1; i <= end; i++) {
        uint32_t bytes = run_size(map, ids[i - 1]) + run_size(map, ids[i]);
        if (bytes > least) continue;
        least = bytes;
        best = i;
    }
    return best;
}

/* Whether the places are enough while some runs are merged, to which others are older. */
static bool list_fits(const struct lsm_shape *shape, uint32_t others, uint32_t sources,
                      uint32_t count)
{
    uint32_t first = others == 0 ? 1 : level_start(shape, others + 2);
    return level_start(shape, first + sources) + count - others - sources <= shape->runs;
}

/* The merge that was begun, or another one. False: there is nothing to merge. */
static bool choose(const struct lsm *map, struct merge *m)
{
    uint8_t ids[LSM_RUNS_MAX];
    uint32_t count = runs_of(map, ids);
    if (find_begun(map, m)) return true;
    if (count < SOURCES) return false;
    bool short_of_room = has_place(map, count) && !lsm_staging(&map->shape);
    uint32_t old = older(map, ids, count, 0), most = short_of_room ? 1 : map->shape.runs / 4u;
    bool moves = oldest_moves(map, count);
    if (!moves && count - old >= 2 && (old <= most || old == 1)) {
        m->from = ids[old];
        m->to = ids[count - 1];
        return true;
    }
    uint32_t newer = moves || old < 2 ? 1 : least_pair(map, ids, old - 1);
    if (!list_fits(&map->shape, newer - 1, SOURCES, count)) newer = 1;
    uint32_t last = newer;
    while (!list_fits(&map->shape, newer - 1, last + 2 - newer, count))
        last++;
    m->from = ids[newer - 1];
    m->to = ids[last];
    return true;
}

bool lsm_merge_due(const struct lsm *map)
{
    struct merge m;
    uint8_t ids[LSM_RUNS_MAX];
    return find_begun(map, &m) || runs_of(map, ids) > map->shape.runs / 2u;
}

/* Merging -------------------------------------------------------------------------------------- */

/* Sets the cursor at the start of the sources; all else is at its end. */
static int sources_begin(struct lsm *map, struct merge *m)
{
    struct lsm_place place;
    struct lsm_record r;
    int error = BO_FLASH_OK;
    m->cursor.view = &map->view;
    for (uint32_t id = 0; id < lsm_places(&map->shape); id++) {
        const struct lsm_run *run = &map->view.runs[id];
        bool source = is_source(map, m, id);
        m->cursor.sectors[id] = LSM_NONE;
        m->cursor.at[id] = source ? run->first : run->last;
        if (!source || !lsm_is_log(run)) continue;
        error = lsm_log_find(map, run, NULL, 0, false, &place, &r);
        m->cursor.at[id] = r.start;
    }
    return error == MAP_ERR_NOT_FOUND ? BO_FLASH_OK : error;
}

/* Whether a record fits what the step may still take. One sector is left for the manifest. */
static bool fits(const struct lsm *map, const struct lsm_writer *w, uint32_t size)
{
    uint32_t room = w->head.sector == LSM_NONE ? 0 : lsm_writer_room(map, w);
    if (size <= room) return true;
    uint32_t more = (size - room + map->shape.payload - 1) / map->shape.payload;
    return w->taken + more <= lsm_step(&map->shape) && more < map->free_count;
}

/* Whether a removal has nothing to hide: there is no older run. */
static bool is_oldest(const struct lsm *map, const struct merge *m)
{
    for (uint32_t id = 0; id < m->from; id++)
        if (id != m->target && !lsm_empty(&map->view.runs[id])) return false;
    return true;
}

static int copy_record(struct lsm *map, struct lsm_least *least, struct lsm_writer *w,
                       uint32_t size)
{
    lsm_place_move(&least->place, least->record.start);
    int error = lsm_writer_record(map, w);
    return error ? error : lsm_writer_copy(map, w, &least->place, size);
}

/* Merges until the step is full. Returns 1 when nothing is left, 0, or an error. */
static int merge_records(struct lsm *map, struct merge *m, struct lsm_writer *w)
{
    struct lsm_least least;
    uint32_t size, most = 3 * lsm_step(&map->shape) * map->shape.payload;
    bool oldest = is_oldest(map, m);
    for (uint32_t taken = 0;; taken += size) {
        int error = lsm_cursor_least(map, &m->cursor, map->key, &least);
        if (error) return error;
        if (least.id == LSM_NONE) return 1;
        if (taken >= most) return 0;
        size = lsm_record_end(&map->shape, &least.record) - least.record.start;
        bool kept = !least.record.removed || !oldest;
        if (kept && !fits(map, w, size)) return taken == 0 ? (int)MAP_ERR_FULL : 0;
        if (kept) error = copy_record(map, &least, w, size);
        if (!error) error = lsm_cursor_pass(map, &m->cursor, map->key, &least);
        if (error) return error;
    }
}

/* The list after a step: the target is before what is left of the sources. */
static void list_after(const struct lsm *map, const struct merge *m, const struct lsm_writer *w,
                       bool done, struct lsm_view *next)
{
    struct list list;
    struct lsm_run target;
    list_begin(map, &list, next);
    lsm_run_clear(&target);
    if (m->target != NO_PLACE) target = map->view.runs[m->target];
    if (w->taken != 0) {
        target.sector = w->before;
        target.last = w->at;
    }
    bool goes_on = !done && !lsm_empty(&target);
    target.flags = goes_on ? LSM_FLAG_TARGET : 0;
    for (uint32_t id = 0;; id++) {
        if (id == m->from) list_add(map, &list, &target);
        if (id == map->shape.runs) break;
        struct lsm_run run = map->view.runs[id];
        if (is_source(map, m, id)) {
            run.first = m->cursor.at[id];
            run.flags = goes_on ? LSM_FLAG_SOURCE : 0;
        }
        if (id != m->target && run.first < run.last) list_add(map, &list, &run);
    }
}

/* A step; `log`: the one that takes the place of that which is merged. */
static int merge(struct lsm *map, struct merge *m, const struct lsm_run *log)
{
    struct lsm_writer w;
    struct lsm_view next;
    struct lsm_grown grown;
    grown.id = m->target;
    grown.copied = LSM_NONE;
    lsm_writer_begin(&w);
    int error = sources_begin(map, m);
    if (!error && m->target != NO_PLACE)
        error = lsm_writer_resume(map, &w, &map->view.runs[m->target]);
    if (w.copied) grown.copied = map->view.runs[m->target].sector;
    if (error) return error;
    int done = merge_records(map, m, &w);
    if (done < 0) return done;
    error = lsm_writer_end(map, &w);
    if (error) return error;
    list_after(map, m, &w, done != 0, &next);
    if (log != NULL) next.runs[map->shape.runs] = *log;
    return lsm_manifest_commit(map, &next, &grown);
}

int lsm_merge_step(struct lsm *map)
{
    struct merge m;
    if (!choose(map, &m)) return MAP_ERR_NOT_FOUND;
    if (map->free_count < lsm_step(&map->shape) + 1) return MAP_ERR_FULL;
    map->stale = true;
    return merge(map, &m, NULL);
}

#ifndef LSM_NO_STAGING
/* The new log is taken first: of what a commit took, the entry of a run comes last. */
int lsm_log_renew(struct lsm *map)
{
    struct merge m;
    struct lsm_run log;
    uint8_t ids[LSM_RUNS_MAX];
    uint32_t count = runs_of(map, ids), old = older(map, ids, count, lsm_log(map)->last);
    m.target = NO_PLACE;
    m.to = map->shape.runs;
    m.from = old < count ? ids[old] : m.to;
    map->stale = true;
    lsm_run_clear(&log);
    log.flags = LSM_FLAG_LOG;
    map->log_tail.sealed = map->log_tail.unproven = false;
    int sector = lsm_take(map);
    log.sector = (uint16_t)sector;
    return sector < 0 ? sector : merge(map, &m, &log);
}
#endif
