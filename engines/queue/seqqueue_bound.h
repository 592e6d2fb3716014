/* SPDX-License-Identifier: MIT */
/* seqqueue_bound.h - the largest number of flash calls that a call of seqqueue makes.
 *
 * The bounds hold on any image, hostile ones too. P are the words of a payload, S the sectors.
 * Looking through a sector makes up to P reads, headers and data together, with a work buffer of a
 * word; a larger one makes fewer.
 *
 * A call after an error of the flash finds out anew what a mount does, and each bound includes
 * that. What is dear: a mount looks into every sector only when all read sealed; a push, a pop and
 * a peek look for the oldest item through sectors in which all was popped, and keep where it is.
 */
#ifndef BROWNOUT_SEQQUEUE_BOUND_H
#define BROWNOUT_SEQQUEUE_BOUND_H

#include "seqqueue.h"

#ifdef __cplusplus
extern "C" {
#endif

enum seqqueue_call {
    SEQQUEUE_CALL_MOUNT = 0,
    SEQQUEUE_CALL_FORMAT,
    SEQQUEUE_CALL_PUSH,
    SEQQUEUE_CALL_PEEK, /* next, max_fit and space_left too */
    SEQQUEUE_CALL_POP,  /* and take */
    SEQQUEUE_CALL_CLEAR,
};

/* Programs that write `size` bytes, not aligned to pages. */
static inline uint64_t seqqueue_pages(const struct bo_flash_geometry *g, uint32_t size)
{
    return (size + g->page_size - 1) / g->page_size + (g->page_size < g->sector_size);
}

static inline uint64_t seqqueue_words(const struct bo_flash_geometry *g)
{
    return g->sector_size / seq_word_size(g) - 2;
}

static inline uint64_t seqqueue_mount_reads(const struct bo_flash_geometry *g)
{
    uint64_t s = g->sector_count, p = seqqueue_words(g);
    return 4 * s + 2 + (s == 2 ? 7 : 0) + (s > 1 ? s * (p + 6) : 0) + 3 * (p + 10) + p + 1;
}

/* What an erase of a sector takes: marks the torn items in it. */
static inline struct bo_bound seqqueue_erase(const struct bo_flash_geometry *g)
{
    uint32_t word = seq_word_size(g), header = word > 8 ? word : 8;
    uint64_t p = seqqueue_words(g), items = g->programs_per_unit == 0 ? p * word / header : 0;
    struct bo_bound bound = {p, 1 + items * seqqueue_pages(g, header)};
    return bound;
}

/* What finds out, and makes good, what a cut left: erases the spare and the sector before the
 * oldest, closes off a torn header, programs four words again. */
static inline struct bo_bound seqqueue_repair(const struct bo_flash_geometry *g)
{
    uint32_t word = seq_word_size(g), header = word > 8 ? word : 8;
    struct bo_bound erase = seqqueue_erase(g);
    struct bo_bound bound = {seqqueue_mount_reads(g) + 5 * seqqueue_words(g) + 16,
                             2 * seqqueue_pages(g, header) + 4 * seqqueue_pages(g, word)};
    bound.reads += 2 * erase.reads;
    bound.changes += 2 * erase.changes;
    return bound;
}

/* 0 and 0 when a queue can't lie on such a part. */
static inline struct bo_bound seqqueue_bound(const struct bo_flash_geometry *g,
                                             enum seqqueue_call call)
{
    struct bo_bound bound = {0, 0};
    if (!seqqueue_geometry_usable(g)) return bound;
    uint32_t word = seq_word_size(g), header = word > 8 ? word : 8;
    uint64_t s = g->sector_count, p = seqqueue_words(g);
    struct bo_bound erase = seqqueue_erase(g);
    bound = seqqueue_repair(g);
    switch (call) {
    case SEQQUEUE_CALL_FORMAT:
        bound.reads = 2 * seqqueue_mount_reads(g);
        bound.changes = s;
        break;
    case SEQQUEUE_CALL_MOUNT:
        bound.reads = seqqueue_mount_reads(g);
        bound.changes = 0;
        break;
    case SEQQUEUE_CALL_PEEK:
        bound.reads = seqqueue_mount_reads(g) + s * p + p;
        bound.changes = 0;
        break;
    case SEQQUEUE_CALL_PUSH:
        bound.reads += s * p + 2 * p + 3 + erase.reads;
        bound.changes += 1 + erase.changes + 2 * seqqueue_pages(g, word) +
                         seqqueue_pages(g, header) + seqqueue_pages(g, g->sector_size) +
                         (s == 2 ? seqqueue_pages(g, word) : 0);
        break;
    case SEQQUEUE_CALL_POP:
        bound.reads += 2 * s * p + p + s * erase.reads;
        bound.changes += s * erase.changes + seqqueue_pages(g, header);
        break;
    case SEQQUEUE_CALL_CLEAR:
        bound.reads += 3 * s * p + p + s * erase.reads;
        bound.changes +=
            s * erase.changes +
            s * (p * word / header +
                 (g->page_size < g->sector_size ? seqqueue_pages(g, g->sector_size) : 0));
        break;
    }
    return bound;
}

#ifdef __cplusplus
}
#endif

#endif
