/* SPDX-License-Identifier: MIT */
/* rlog_bound.c - how many flash calls a call of rlog makes at most. Firmware that does not ask can
 * leave this file out. */
#include "rlog_internal.h"

static uint32_t log2_up(uint32_t n)
{
    uint32_t bits = 0;
    while (((uint32_t)1 << bits) < n && bits < 31)
        bits++;
    return bits;
}

/* Looks at `n` of which one is wanted. */
static uint32_t looks(uint32_t n)
{
    return WITH_SEARCH ? log2_up(n) : n;
}

uint32_t rlog_mount_reads(const struct bo_flash_geometry *g, uint16_t segment_size)
{
    uint32_t size = rlog_buffer_size(g, segment_size) / 2;
    if (size == 0) return 0;
    uint32_t segments = g->sector_size / size;
    /* On the first lap: nothing after the head proves that it is the head. */
    return looks(g->sector_count) + 5 + looks(segments) + (segments > 2 ? RLOG_SEGMENTS_AFTER : 1);
}

/* What the bounds are made of. */
struct terms {
    uint64_t mount;  /* to look at the flash anew */
    uint64_t search; /* to the sector and the segment of a number */
    uint64_t walk;   /* over all that a record may lie in */
    uint64_t ring;   /* over all sectors, those that power-ons left empty segment by segment */
    uint64_t look;   /* at the sector after the head, and at its BASE when it was opened */
    uint32_t segment_count, segment_size;
    bool strict;
};

static bool terms_of(const struct rlog_config *config, struct terms *t)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    t->segment_size = rlog_buffer_size(g, config->segment_size) / 2;
    if (t->segment_size == 0) return false;
    t->segment_count = g->sector_size / t->segment_size;
    t->strict = config->profile == RLOG_STRICT || g->programs_per_unit != 0;
    uint32_t sectors = looks(g->sector_count), segments = looks(t->segment_count);
    t->mount = sectors + 2 * segments + 5 + RLOG_SECTORS_AROUND + 2 * RLOG_SEGMENTS_AFTER;
    t->search = sectors + segments + 6;
    t->walk = 3 * t->segment_count;
    t->ring = (uint64_t)g->sector_count * (t->segment_count * (config->batch ? 2 : 1) + 4);
    t->look = 2 + (t->strict ? 0 : 1 + t->segment_size / 64);
    return true;
}

/* A record as large as a sector is written again segment by segment, and is searched and read from
 * its beginning for each; in a batch that goes for every record that shares the last frame. */
static uint64_t resume_reads(const struct rlog_config *config, const struct terms *t)
{
    uint64_t reads = (t->segment_count + 3) * (t->search + t->walk) + t->ring + 2 * t->look;
    if (config->batch) reads += (t->segment_size - FIRST_HEADER) * (t->search + 2);
    return reads;
}

uint64_t rlog_reads_max(const struct rlog_config *config, enum rlog_call call)
{
    struct terms t;
    if (!terms_of(config, &t)) return 0;
    switch (call) {
    case RLOG_CALL_MOUNT:
    case RLOG_CALL_SYNC:
        return t.mount;
    case RLOG_CALL_APPEND:
        return RLOG_TRIES * (t.mount + resume_reads(config, &t));
    case RLOG_CALL_SEAL:
    case RLOG_CALL_PREPARE:
    case RLOG_CALL_CLEAR:
        return t.mount + t.look;
    case RLOG_CALL_SEEK:
        return t.mount + t.search;
    default:
        return t.mount + t.search + t.walk + t.ring;
    }
}

/* Programs of one frame: a page of the part each, where a segment lies in more than one. */
static uint64_t programs_of_frame(const struct bo_flash_geometry *g, const struct terms *t)
{
    if (g->page_size % t->segment_size == 0) return 1;
    return t->segment_size / g->page_size + (t->segment_size % g->page_size != 0 ? 2 : 0);
}

/* Opening a sector is an erase, PREP and BASE, and all that once more where the place refuses. */
uint64_t rlog_changes_max(const struct rlog_config *config, enum rlog_call call)
{
    struct terms t;
    if (!terms_of(config, &t)) return 0;
    uint64_t frame = programs_of_frame(&config->flash->geometry, &t), open = 1 + 2 * frame;
    bool may_open = config->flash->geometry.sector_size > 0xF000; /* amid a sector: turn_segment */
    switch (call) {
    case RLOG_CALL_APPEND: /* BASE, the last record again, the record, perhaps the next sector */
        return 3 * open + (2 * t.segment_count + 4 + (config->batch ? 2 : 0)) * frame +
               (RLOG_TRIES - 1) * (open + (t.segment_count + 1) * frame) +
               (config->ahead ? 1 + frame : 0);
    case RLOG_CALL_SYNC:
        return config->batch ? frame : 0;
    case RLOG_CALL_SEAL:
        return (config->batch ? 2 : 1) * frame + (may_open ? 2 * open : 0);
    case RLOG_CALL_PREPARE:
        return 1 + frame;
    case RLOG_CALL_CLEAR:
        return 2 * open;
    default:
        return 0;
    }
}
