/* SPDX-License-Identifier: MIT */
/* lsm_merge.c - see lsm_internal.h. A merge takes neighbours in the list of runs, and puts one in
 * their place.
 *
 * What to merge. A transaction takes a sector, and so an erase, however short it is. Where places
 * or sectors are short, the newest runs that fit this sector too are written again with it: so
 * small runs are merged for no other erase. It takes at least one of them, and more while the next
 * older one is at most twice as long as all of them; so what is old is seldom written again. Runs
 * that no longer fit take up to half of what there is room for; then two neighbours become one: the
 * newest two of which the older one is at most twice as long. So the larger a run is, the less
 * often it is merged; of these merges each sector costs an erase.
 *
 * A merge goes in steps, each of which writes up to lsm_step() sectors and commits: the target has
 * grown, the sources begin later. Flags in the manifest show a later step what to go on with. A
 * reader needs none of that, as all keys of the target are before those that the sources still
 * have. Two sources at least and `branching` at most are what the crate goes on with, too.
 *
 * A full log is a source as well, and so is a transaction, of a merge that ends in the same step.
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
    uint32_t target; /* NO_PLACE: none was begun */
    uint32_t limit;  /* sectors that it may take */
    struct lsm_cursor cursor;
};

/* The list of runs ----------------------------------------------------------------------------- */

/* The places of the runs, from old to new. */
struct order {
    uint32_t count;
    bool begun; /* a merge was */
    uint8_t ids[LSM_RUNS_MAX];
};

static void order_make(const struct lsm *map, struct order *order)
{
    order->count = 0;
    order->begun = false;
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        if (lsm_empty(&map->view.runs[id])) continue;
        order->ids[order->count++] = (uint8_t)id;
        order->begun |= map->view.runs[id].flags != 0;
    }
}

static const struct lsm_run *run_at(const struct lsm *map, const struct order *order, uint32_t i)
{
    return &map->view.runs[order->ids[i]];
}

static uint32_t run_size(const struct lsm *map, const struct order *order, uint32_t i)
{
    return run_at(map, order, i)->last - run_at(map, order, i)->first;
}

/* The first place from `id` on that begins a level; only the crate has levels. */
static uint32_t level_start(const struct lsm_shape *shape, uint32_t id)
{
    uint32_t inside = lsm_staging(shape) ? 0 : (id - 1) % shape->branching;
    return inside == 0 ? id : id + shape->branching - inside;
}

/* A list that is made anew. */
struct list {
    uint32_t place; /* of the next run */
    uint32_t flags; /* of the run before it */
};

/* The place of the next run. What comes after the target, or after the sources, begins a level, if
 * there is one; else the crate has put it into that of the sources. */
static uint32_t list_place(const struct lsm_shape *shape, struct list *list, uint32_t flags)
{
    uint32_t start = level_start(shape, list->place);
    if (list->flags != 0 && list->flags != flags && start < shape->runs) list->place = start;
    list->flags = flags;
    return flags == LSM_FLAG_TARGET && list->place == 1 ? 0 : list->place++;
}

/* Whether the oldest runs move, though nothing else wants it: else what is never changed would wear
 * out all other sectors. By chance, as no RAM outlives a power-on. */
static bool oldest_moves(const struct lsm *map, const struct order *order)
{
    uint32_t mixed = (map->manifest_seq * 0x9E3779B1u ^ map->manifest_end) * 0x85EBCA6Bu;
    uint32_t often =
        map->shape.sector_count * (lsm_staging(&map->shape) ? 1 : 4); /* for four turns */
    return order->count > 1 && (mixed >> 12) % often == 0;
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

/* How many runs may be added while that many sectors stay free. Two places stay empty, for a target
 * and where a level begins. */
static uint32_t room_for(const struct lsm *map, const struct order *order, uint32_t sectors)
{
    uint32_t kept = lsm_reserve(&map->shape) + sectors, places = map->shape.runs - 2u;
    if (map->free_count < kept || order->count >= places) return 0;
    uint32_t place = order->begun ? order->ids[order->count - 1] + 1u : 1;
    if (level_start(&map->shape, place) >= map->shape.runs) return 0;
    return lsm_minimum(places - order->count, map->free_count - kept);
}

/* What to merge -------------------------------------------------------------------------------- */

static bool is_source(const struct lsm *map, const struct merge *m, uint32_t id)
{
    const struct lsm_run *run = &map->view.runs[id];
    if (id < m->from || id > m->to || lsm_empty(run)) return false;
    return m->target == NO_PLACE || (run->flags & LSM_FLAG_SOURCE) != 0;
}

/* How many of the oldest are left out, when the newest that fit a sector beside that many bytes
 * are taken. */
static uint32_t older(const struct lsm *map, const struct order *order, uint32_t bytes)
{
    uint32_t count = order->count;
    while (count != 0 && run_at(map, order, count - 1)->flags == 0) {
        bytes += run_size(map, order, count - 1);
        if (bytes > map->shape.payload) break;
        count--;
    }
    return count;
}

/* Whether those that are left out leave few places for small runs. */
static bool is_long(const struct lsm *map, const struct order *order, uint32_t old)
{
    return old > (order->count + room_for(map, order, 0)) / 2;
}

/* Whether the run at `i` is not much longer than newer ones of that many bytes. */
static bool is_near(const struct lsm *map, const struct order *order, uint32_t i, uint32_t bytes)
{
    return run_size(map, order, i) / 2 <= bytes;
}

/* Whether the places are enough while the runs from `first` to `last` are merged. In one step no
 * more are needed. */
static bool list_fits(const struct lsm *map, const struct order *order, uint32_t first,
                      uint32_t last)
{
    const struct lsm_shape *shape = &map->shape;
    uint32_t bytes = 0, sources = last + 1 - first;
    for (uint32_t i = first; i <= last; i++)
        bytes += run_size(map, order, i);
    if (bytes <= lsm_step(shape) * shape->payload) return true;
    uint32_t place = first == 0 ? 1 : level_start(shape, first + 2);
    return level_start(shape, place + sources) + order->count - first - sources <= shape->runs;
}

/* Of the two neighbours up to the one at `end` that are merged first the newer one: the newest that
 * are near, or else the newest. */
static uint32_t choose_pair(const struct lsm *map, const struct order *order, uint32_t end)
{
    uint32_t best = 1;
    for (uint32_t i = end; i != 0; i--) {
        if (!list_fits(map, order, i - 1, i)) continue;
        if (is_near(map, order, i - 1, run_size(map, order, i))) return i;
        if (best < i) best = i;
    }
    return best;
}

/* The merge that was begun, or another one. False: there is nothing to merge. */
static bool choose(const struct lsm *map, struct merge *m)
{
    struct order order;
    if (find_begun(map, m)) return true;
    order_make(map, &order);
    uint32_t count = order.count, old = older(map, &order, 0);
    if (count < SOURCES) return false;
    bool moves = oldest_moves(map, &order);
    if (!moves && count - old >= SOURCES && !is_long(map, &order, old)) {
        m->from = order.ids[old];
        m->to = order.ids[count - 1];
        return true;
    }
    uint32_t newer = moves || old < 2 ? 1 : choose_pair(map, &order, old - 1);
    uint32_t last = newer;
    while (!list_fits(map, &order, newer - 1, last))
        last++;
    m->from = order.ids[newer - 1];
    m->to = order.ids[last];
    return true;
}

bool lsm_merge_due(const struct lsm *map)
{
    struct order order;
    order_make(map, &order);
    return order.begun || order.count > map->shape.runs / 2u;
}

/* Merging -------------------------------------------------------------------------------------- */

/* Sets the cursor at the start of the sources; all else is at its end. */
static int sources_begin(struct lsm *map, struct merge *m)
{
    struct lsm_place place;
    struct lsm_record r;
    int error = BO_FLASH_OK;
    m->cursor.view = &map->view;
    for (uint32_t id = 0; id <= lsm_places(&map->shape); id++) {
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
static bool fits(const struct lsm *map, const struct merge *m, const struct lsm_writer *w,
                 uint32_t size)
{
    uint32_t room = w->head.sector == LSM_NONE ? 0 : lsm_writer_room(map, w);
    if (size <= room) return true;
    uint32_t more = (size - room + map->shape.payload - 1) / map->shape.payload;
    return w->taken + more <= m->limit && more < map->free_count;
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
    uint32_t size;
    bool oldest = is_oldest(map, m);
    for (uint32_t taken = 0;; taken += size) {
        int error = lsm_cursor_least(map, &m->cursor, map->key, &least);
        if (error) return error;
        if (least.id == LSM_NONE) return 1;
        if (taken / map->shape.payload >= 3 * m->limit) return 0;
        size = lsm_record_end(&map->shape, &least.record) - least.record.start;
        bool kept = !least.record.removed || !oldest;
        if (kept && !fits(map, m, w, size)) return taken == 0 ? (int)MAP_ERR_FULL : 0;
        if (kept) error = copy_record(map, &least, w, size);
        if (!error) error = lsm_cursor_pass(map, &m->cursor, map->key, &least);
        if (error) return error;
    }
}

/* The list after a step: the target is before what is left of the sources. The first run has the
 * place where the crate begins. */
static void list_after(const struct lsm *map, const struct merge *m, const struct lsm_writer *w,
                       bool done, struct lsm_view *next)
{
    struct lsm_run target;
    struct order order;
    struct list list = {1, 0};
    order_make(map, &order);
    if (order.count == 0) list.place = map->shape.runs - map->shape.branching;
    lsm_view_clear(map, next);
    next->runs[map->shape.runs] = *lsm_log(map);
    lsm_run_clear(&target);
    if (m->target != NO_PLACE) target = map->view.runs[m->target];
    if (w->taken != 0) {
        target.sector = w->before;
        target.last = w->at;
    }
    bool goes_on = !done && !lsm_empty(&target);
    target.flags = goes_on ? LSM_FLAG_TARGET : 0;
    for (uint32_t id = 0; id <= lsm_places(&map->shape); id++) {
        struct lsm_run run = map->view.runs[id];
        if (id == m->from && !lsm_empty(&target))
            next->runs[list_place(&map->shape, &list, target.flags)] = target;
        if (is_source(map, m, id)) {
            run.first = m->cursor.at[id];
            run.flags = goes_on ? LSM_FLAG_SOURCE : 0;
        }
        if (id < map->shape.runs && id != m->target && run.first < run.last)
            next->runs[list_place(&map->shape, &list, run.flags)] = run;
    }
    BO_CHECK(list.place <= map->shape.runs);
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

/* Whether this call may still erase that many sectors, and one for the manifest. */
static bool has_erases(const struct lsm *map, uint32_t sectors)
{
    return map->erases_left == LSM_ERASES_MAX || map->erases_left > sectors;
}

static int merge_step(struct lsm *map, struct merge *m)
{
    if (!choose(map, m)) return MAP_ERR_NOT_FOUND;
    if (!has_erases(map, lsm_step(&map->shape))) return LSM_ERR_AGAIN;
    if (map->free_count < lsm_step(&map->shape) + 1) return MAP_ERR_FULL;
    m->limit = lsm_step(&map->shape);
    map->stale = true;
    return merge(map, m, NULL);
}

int lsm_merge_step(struct lsm *map)
{
    struct merge m;
    return merge_step(map, &m);
}

/* The newest ----------------------------------------------------------------------------------- */

/* How many of the oldest runs stay as they are when one that takes that many sectors is the next;
 * NO_PLACE: there is no room for it. */
static uint32_t staying(const struct lsm *map, const struct order *order, uint32_t bytes,
                        uint32_t sectors)
{
    uint32_t count = order->count, old = older(map, order, bytes);
    if (oldest_moves(map, order) || map->free_count < sectors + lsm_reserve(&map->shape))
        return NO_PLACE;
    if (room_for(map, order, sectors) != 0) return count;
    if (old == count || is_long(map, order, old))
        return room_for(map, order, sectors - 1) != 0 ? count : NO_PLACE;
    do
        bytes += run_size(map, order, --count);
    while (count > old && is_near(map, order, count - 1, bytes));
    return count;
}

/* Makes a run of the newest records; `old` runs stay. The new log is taken first: of what a commit
 * took, the entry of a run comes last. */
static int write_newest(struct lsm *map, struct merge *m, const struct order *order, uint32_t id,
                        uint32_t old)
{
    struct lsm_run log;
    m->target = NO_PLACE;
    m->limit = map->shape.sector_count;
    m->to = id;
    m->from = old < order->count ? order->ids[old] : id;
    map->stale = true;
    if (!LSM_WITH_STAGING || id != map->shape.runs) return merge(map, m, NULL);
    lsm_run_clear(&log);
    log.flags = LSM_FLAG_LOG;
    map->log_tail.sealed = map->log_tail.unproven = false;
    int sector = lsm_take(map);
    log.sector = (uint16_t)sector;
    return sector < 0 ? sector : merge(map, m, &log);
}

int lsm_newest_write(struct lsm *map, uint32_t id)
{
    struct merge m;
    for (;;) {
        struct order order;
        uint32_t bytes = map->view.runs[id].last, log = LSM_WITH_STAGING && id == map->shape.runs;
        uint32_t sectors = log ? LSM_RENEW : (bytes + map->shape.payload - 1) / map->shape.payload;
        order_make(map, &order);
        uint32_t old = staying(map, &order, bytes, sectors);
        if (old != NO_PLACE && !has_erases(map, sectors)) return LSM_ERR_AGAIN;
        if (old != NO_PLACE) return write_newest(map, &m, &order, id, old);
        int error = merge_step(map, &m);
        if (error) return error == MAP_ERR_NOT_FOUND ? (int)MAP_ERR_FULL : error;
    }
}
