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

uint32_t rlog_mount_reads(const struct bo_flash_geometry *g, uint16_t segment_size)
{
    uint32_t size = rlog_buffer_size(g, segment_size) / 2;
    if (size == 0) return 0;
    uint32_t segments = g->sector_size / size;
    /* On the first lap: nothing after the head proves that it is the head. */
    return log2_up(g->sector_count) + 5 + log2_up(segments) +
           (segments > 2 ? RLOG_SEGMENTS_AFTER : 1);
}

uint64_t rlog_bound(const struct bo_flash_geometry *g, uint16_t segment_size)
{
    uint32_t size = rlog_buffer_size(g, segment_size);
    if (size == 0) return 0;
    /* Every unit of two sectors programmed on its own, and their erases. */
    return 2 * ((uint64_t)g->sector_size / g->unit + 8);
}

uint64_t rlog_read_bound(const struct bo_flash_geometry *g, uint16_t segment_size)
{
    uint32_t size = rlog_buffer_size(g, segment_size) / 2;
    if (size == 0) return 0;
    uint64_t segment = 1 + size / (g->read_unit > g->unit ? g->read_unit : g->unit);
    uint64_t segments = g->sector_size / size, sectors = log2_up(g->sector_count) + 16;
    /* A mount with as many unreadable sectors and segments as can be, each read unit by unit, and
     * as many walks over a sector or two as there are records in a frame. */
    return segment *
           (sectors * sectors + 4 * segments * segments + size * (sectors + 8 * segments));
}
