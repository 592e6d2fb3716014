/* SPDX-License-Identifier: MIT */
/* seqmap_bound.h - the largest number of flash calls that a call of seqmap makes.
 *
 * The bounds hold on any image, hostile ones too, for keys of at least a byte.
 *
 * P are the words of a payload, I the items that fit it, S the sectors. A walk over a sector makes
 * up to P reads: one for each header, one for each 32 bytes of a key. A search walks over up to S
 * sectors, twice and with a look at the data where the last copy of the key is torn: 3 P S reads.
 *
 * What is dear. A migration searches for each item that it may have to copy. A store that returns
 * MAP_ERR_FULL has migrated all sectors, once, or twice when a torn item needed a marker: up to
 * 3 I P S S reads. On 16 sectors of 4 KiB with words of 4 bytes that is 250 million, and a full map
 * of the smallest items does make tens of millions. So keep a map less than full, or its items
 * large: I is what counts. The key cache saves most of these reads. A mount makes up to as many
 * when every sector reads sealed.
 *
 * A call after an error of the flash finds out anew what a mount does, and each bound includes
 * that. A work buffer smaller than an item means more programs, see seqmap_fill.
 */
#ifndef BROWNOUT_SEQMAP_BOUND_H
#define BROWNOUT_SEQMAP_BOUND_H

#include "seqmap.h"

#ifdef __cplusplus
extern "C" {
#endif

enum seqmap_call {
    SEQMAP_CALL_MOUNT = 0,
    SEQMAP_CALL_FORMAT,
    SEQMAP_CALL_FETCH,
    SEQMAP_CALL_STORE,
    SEQMAP_CALL_REMOVE, /* and remove_all */
    SEQMAP_CALL_NEXT,
};

/* The words of a payload. */
static inline uint64_t seqmap_words(const struct bo_flash_geometry *g)
{
    return g->sector_size / seq_word_size(g) - 2;
}

/* Bytes of an item header. */
static inline uint32_t seqmap_header(const struct bo_flash_geometry *g)
{
    return seq_word_size(g) > 8 ? seq_word_size(g) : 8;
}

/* Items of a word of data in a payload; one, if none fits. */
static inline uint64_t seqmap_items(const struct bo_flash_geometry *g)
{
    uint64_t items = seqmap_words(g) * seq_word_size(g) / (seq_word_size(g) + seqmap_header(g));
    return items != 0 ? items : 1;
}

/* Programs that write `size` bytes: one for each page. */
static inline uint64_t seqmap_pages(const struct bo_flash_geometry *g, uint32_t size)
{
    return (size + g->page_size - 1) / g->page_size + (g->page_size < g->sector_size);
}

/* Programs that fill a payload: headers, and data in pieces of the work buffer, the last word of an
 * item for itself. */
static inline uint64_t seqmap_fill(const struct bo_flash_geometry *g, uint32_t work_size)
{
    uint64_t pieces = g->sector_size / work_size, pages = seqmap_pages(g, g->sector_size);
    uint64_t items = seqmap_items(g) * 2, page_ends = g->page_size < g->sector_size ? pages : 0;
    return items + pieces + page_ends + 2;
}

/* Every sector reads sealed: each is looked at, and whether it holds copies of the next one. */
static inline uint64_t seqmap_mount_reads(const struct bo_flash_geometry *g)
{
    uint64_t s = g->sector_count, p = seqmap_words(g), i = seqmap_items(g);
    return 4 * s + 2 + s * (2 * p + 4 + i * (1 + 3 * p * (s - 1)));
}

/* What finds out, and makes good, what a cut left: a mount; or one that finds a migration that was
 * cut, which is done again, twice if copies were cut too. */
static inline struct bo_bound seqmap_repair(const struct bo_flash_geometry *g, uint32_t work_size)
{
    uint64_t s = g->sector_count, p = seqmap_words(g), i = seqmap_items(g);
    uint64_t word = seqmap_pages(g, seq_word_size(g)), mount = seqmap_mount_reads(g);
    uint64_t migration = 4 * s + 2 + 10 * p + 8 + 3 * i * (2 + 3 * p * (s - 1));
    struct bo_bound bound = {(mount > migration ? mount : migration) + 3 * p + 4,
                             2 * seqmap_fill(g, work_size) + 3 * word + 3};
    return bound;
}

/* Bounds for a map with a work buffer of this size. 0 and 0 when it can't lie on such a part. */
static inline struct bo_bound seqmap_bound(const struct bo_flash_geometry *g, uint32_t work_size,
                                           enum seqmap_call call)
{
    struct bo_bound bound = {0, 0};
    if (!seqmap_geometry_usable(g) || work_size < seq_word_size(g)) return bound;
    uint64_t s = g->sector_count, p = seqmap_words(g), i = seqmap_items(g);
    uint64_t word = seqmap_pages(g, seq_word_size(g)), header = seqmap_header(g);
    bound.reads = seqmap_mount_reads(g);
    switch (call) {
    case SEQMAP_CALL_MOUNT:
        break;
    case SEQMAP_CALL_FORMAT: /* two mounts, of which the second finds blank sectors */
        bound.reads += 4 * s + 2;
        bound.changes = s;
        break;
    case SEQMAP_CALL_FETCH:
        bound.reads += 3 * p * s + p;
        break;
    case SEQMAP_CALL_NEXT:
        bound.reads += 3 * p * s / 2 + 2 * p;
        break;
    case SEQMAP_CALL_REMOVE:
        bound = seqmap_repair(g, work_size);
        bound.reads += 2 * p * s;
        bound.changes += s * (p * seq_word_size(g) / header + seqmap_pages(g, g->sector_size));
        break;
    case SEQMAP_CALL_STORE:
        bound = seqmap_repair(g, work_size);
        bound.reads += 3 * i * p * s * (s - 1) + 2 * s * (4 * p + i + 2);
        bound.changes += 2 * s * (seqmap_fill(g, work_size) + 2 * word + 2);
        break;
    }
    return bound;
}

#ifdef __cplusplus
}
#endif

#endif
