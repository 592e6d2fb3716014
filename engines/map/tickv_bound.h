/* SPDX-License-Identifier: MIT */
/* tickv_bound.h - the largest number of flash calls that a call of tickv makes.
 *
 * The bounds hold on any image, hostile ones too.
 *
 * R are the regions, N the objects that fit one (of 15 bytes), S its bytes. A walk over a region
 * reads a header for each object; a search for a hash walks over all regions, and reads more of
 * those objects whose hash begins alike: R (2 N + 1) reads.
 *
 * What is dear comes with a call after a cut or an error of the flash alone, and each bound
 * includes it: where no walk leads on, a header is read at each byte, and the checksum of what
 * looks like an object, in all S (S + 384) / 192 reads, twice in a region; and a search is made for
 * each object that was not finished.
 */
#ifndef BROWNOUT_TICKV_BOUND_H
#define BROWNOUT_TICKV_BOUND_H

#include "tickv.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tickv_call {
    TICKV_CALL_MOUNT = 0,
    TICKV_CALL_FORMAT,
    TICKV_CALL_GET,
    TICKV_CALL_APPEND,
    TICKV_CALL_INVALIDATE,
    TICKV_CALL_DESTROY,
    TICKV_CALL_COLLECT,
    TICKV_CALL_REPLACE,
};

/* What the terms of the bounds are made of: reads where nothing else is said. */
struct tickv_terms {
    uint64_t regions, objects; /* objects: of a region */
    uint64_t walk;             /* over a region */
    uint64_t sums;             /* the checksums of all objects in it */
    uint64_t pieces;           /* all its bytes, in pieces */
    uint64_t hidden;           /* a look for objects at each of its bytes */
    uint64_t search;           /* for a hash */
    uint64_t program;          /* what a program reads around its bytes */
    uint64_t erase;            /* a region, and the checksums in it */
    uint64_t paths;            /* starts of the regions before all live objects */
};

static inline struct tickv_terms tickv_terms(const struct bo_flash_geometry *g)
{
    struct tickv_terms t;
    uint64_t size = g->sector_size;
    t.regions = g->sector_count;
    t.objects = size / TICKV_OVERHEAD;
    t.walk = t.objects + 1;
    t.pieces = size / 64 + 1;
    t.sums = 3 * (size / 16) + t.pieces;
    t.hidden = size + size / 3 * (2 + t.pieces);
    t.search = t.regions * (t.walk + t.objects);
    t.program = g->unit > 1 ? 2 : 0;
    t.erase = t.walk + t.objects * (4 + t.program);
    t.paths = t.regions * (t.walk + t.objects * (1 + t.regions) + 1 + t.program + t.erase);
    return t;
}

/* What finds out, and makes good, what a cut left. */
static inline struct bo_bound tickv_repair(const struct tickv_terms *t)
{
    uint64_t settle = 3 * t->walk + t->sums + 2 * t->hidden + 4 * t->pieces + 4 + t->erase +
                      (t->objects + 4) * t->program;
    uint64_t resolve = t->walk + t->objects * (t->search + 7 + 2 * t->program);
    struct bo_bound bound = {t->regions * (settle + resolve) + t->paths,
                             t->regions * (2 * t->objects + 6)};
    return bound;
}

/* Reads and changes of the last call, which replaces: the copies of a region, where it comes to
 * that. */
static inline struct bo_bound tickv_move(const struct tickv_terms *t, uint64_t program)
{
    uint64_t place = 3 + (t->regions + 2) * t->walk + t->erase + 2 * t->hidden + 2 * t->pieces;
    uint64_t each = 2 * t->search + t->regions * t->sums + 12 + 3 * t->program;
    struct bo_bound bound = {t->regions * (place + 2 * t->walk + t->objects) + 2 * t->erase +
                                 t->objects * each,
                             t->regions * (t->objects + 4) + 5 * t->objects + program};
    return bound;
}

/* Bounds for a store with a work buffer of this size. 0 and 0 when it can't lie on such a part. */
static inline struct bo_bound tickv_bound(const struct bo_flash_geometry *g, uint32_t work_size,
                                          enum tickv_call call)
{
    struct bo_bound bound = {0, 0}, move;
    if (!tickv_geometry_usable(g) || work_size < TICKV_WORK_MIN) return bound;
    struct tickv_terms t = tickv_terms(g);
    /* Programs of a region's bytes: pieces of the work buffer, and of pages. */
    uint64_t program =
        g->sector_size / (work_size & ~(g->unit - 1u)) + g->sector_size / g->page_size + 2;
    uint64_t found = t.search + t.regions * t.sums, pages = g->page_size < g->sector_size ? 2 : 1;
    bound = tickv_repair(&t);
    bound.reads += found;
    switch (call) {
    case TICKV_CALL_MOUNT:
    case TICKV_CALL_GET:
        break;
    case TICKV_CALL_FORMAT:
        bound.reads = t.regions * t.objects * (found / 2 + 4 + t.program) + found +
                      2 * t.regions * (t.walk + t.pieces) + t.paths;
        bound.changes = t.regions * (t.objects + 1) + program;
        break;
    case TICKV_CALL_APPEND:
        bound.reads += t.regions * (2 * t.walk + 2 * t.pieces + 2 * t.hidden + t.erase) + t.paths;
        bound.changes += t.regions * (2 * t.objects + 4) + program;
        break;
    case TICKV_CALL_INVALIDATE:
        bound.reads += t.search;
        bound.changes += t.regions * t.objects;
        break;
    case TICKV_CALL_DESTROY:
        bound.reads += t.search + t.regions * (t.walk + 3 * t.pieces + t.hidden + t.sums +
                                               g->sector_size + t.objects * (4 + t.program));
        bound.changes += t.regions * (2 * t.objects + 2 + program);
        break;
    case TICKV_CALL_COLLECT:
        bound.reads += t.regions * (2 * t.walk + t.pieces + 2 + t.erase) + t.paths;
        bound.changes += t.regions * (t.objects + 3);
        break;
    case TICKV_CALL_REPLACE:
        move = tickv_move(&t, program);
        bound.reads += move.reads + t.search + t.paths;
        bound.changes += move.changes;
        break;
    }
    bound.reads *= g->read_unit > 1 ? 2 : 1;
    bound.changes *= pages;
    return bound;
}

#ifdef __cplusplus
}
#endif

#endif
