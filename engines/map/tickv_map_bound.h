/* SPDX-License-Identifier: MIT */
/* tickv_map_bound.h - the largest number of flash calls that a call of the map on tickv makes: that
 * of the call of tickv below it, and what the map reads besides, the keys of all objects that have
 * one hash. As tickv_bound.h's, the bounds hold on any image.
 */
#ifndef BROWNOUT_TICKV_MAP_BOUND_H
#define BROWNOUT_TICKV_MAP_BOUND_H

#include "tickv_bound.h"
#include "tickv_map.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tickv_map_call {
    TICKV_MAP_CALL_MOUNT = 0,
    TICKV_MAP_CALL_FORMAT,
    TICKV_MAP_CALL_FETCH,
    TICKV_MAP_CALL_STORE,
    TICKV_MAP_CALL_REMOVE,
    TICKV_MAP_CALL_REMOVE_ALL,
    TICKV_MAP_CALL_DESTROY,
    TICKV_MAP_CALL_DESTROY_ALL,
};

/* Reads and changes beyond those of the call below. */
static inline struct bo_bound tickv_map_more(const struct bo_flash_geometry *g,
                                             enum tickv_map_call call)
{
    struct tickv_terms t = tickv_terms(g);
    uint64_t keys = t.regions * (t.pieces + t.objects);
    uint64_t found = t.search + t.regions * t.sums, pages = g->page_size < g->sector_size ? 2 : 1;
    struct bo_bound more = {0, 0};
    switch (call) {
    case TICKV_MAP_CALL_MOUNT: /* the main key, and what says which regions there are */
        more.reads = found;
        break;
    case TICKV_MAP_CALL_FORMAT: /* that again */
        more.reads = 2 * t.regions * (t.walk + t.pieces) + t.paths;
        more.changes = t.regions + 2 * pages;
        break;
    case TICKV_MAP_CALL_FETCH:
        more.reads = keys;
        break;
    case TICKV_MAP_CALL_STORE:
    case TICKV_MAP_CALL_REMOVE:
    case TICKV_MAP_CALL_DESTROY: /* whether another key has the hash */
        more.reads = found + keys;
        break;
    case TICKV_MAP_CALL_REMOVE_ALL:
    case TICKV_MAP_CALL_DESTROY_ALL: /* one after the other */
        more.reads = t.regions * (t.walk + t.objects * (1 + t.program));
        more.changes = t.regions * t.objects * pages;
        break;
    }
    if (g->read_unit > 1) more.reads *= 2;
    return more;
}

/* Bounds for a map with a work buffer of this size. 0 and 0 when it can't lie on such a part. */
static inline struct bo_bound tickv_map_bound(const struct bo_flash_geometry *g, uint32_t work_size,
                                              enum tickv_map_call call)
{
    static const enum tickv_call below[] = {
        TICKV_CALL_MOUNT,      TICKV_CALL_FORMAT,     TICKV_CALL_GET,     TICKV_CALL_REPLACE,
        TICKV_CALL_INVALIDATE, TICKV_CALL_INVALIDATE, TICKV_CALL_DESTROY, TICKV_CALL_DESTROY,
    };
    struct bo_bound none = {0, 0};
    if (!tickv_map_geometry_usable(g)) return none;
    struct bo_bound bound = tickv_bound(g, work_size, below[call]), more = tickv_map_more(g, call);
    if (bound.reads == 0) return none;
    bound.reads += more.reads;
    bound.changes += more.changes;
    return bound;
}

#ifdef __cplusplus
}
#endif

#endif
