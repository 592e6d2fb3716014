/* SPDX-License-Identifier: MIT */
/* seqlog_bound.c - how many flash calls a call of seqlog makes at most. Firmware that does not ask
 * can leave this file out.
 *
 * What cuts leave. Of the headers one can be bad: that of the sector after the head. An index may
 * name a sector far before the head, or none: each power-on that is cut between a header and its
 * index leaves it one further back. Sectors without a record may follow each other: a record as
 * large as a sector is cut, and the next one opens the next sector.
 */
#include "seqlog_internal.h"

#define AROUND 8u       /* headers at the anchor, after the answer, and the bad one */
#define AROUND_UNCUT 6u /* the anchor, a blank one before it or a step, LOOK_AHEAD after */
#define PIECE 32u       /* bytes of an index of bits that are read at once */

static uint32_t log2_up(uint32_t n)
{
    uint32_t bits = 0;
    while (((uint32_t)1 << bits) < n && bits < 31)
        bits++;
    return bits;
}

static uint32_t shares(uint32_t things, uint32_t in_one)
{
    return things / in_one + (things % in_one != 0 ? 1 : 0);
}

/* Programs of something of `size` bytes that may begin anywhere in a sector, or at the start of a
 * page. */
static uint32_t programs(const struct bo_flash_geometry *g, uint32_t size)
{
    return seqlog_minimum((size - 1) / g->page_size + 2, g->sector_size / g->page_size);
}

static uint32_t programs_at_start(const struct bo_flash_geometry *g, uint32_t size)
{
    return shares(size, g->page_size);
}

/* Pieces of the bits of one sector of the lower level, or of the upper one. */
static uint32_t pieces_lower(const struct seqlog_plan *plan)
{
    return shares(seqlog_minimum(plan->index_span, plan->sectors), 8 * PIECE);
}

static uint32_t pieces_upper(const struct seqlog_plan *plan)
{
    return shares(shares(plan->sectors, plan->index_group), 8 * PIECE);
}

/* To see what the index says. */
static uint64_t hint_reads(const struct seqlog_config *config, const struct seqlog_plan *plan)
{
    switch (config->find) {
    case SEQLOG_COARSE:
        return 2 + log2_up(pieces_upper(plan));
    case SEQLOG_FINE:
        return 2 + log2_up(plan->index_sectors) + log2_up(pieces_lower(plan));
    case SEQLOG_TWOLEVEL:
        return 2 + log2_up(pieces_upper(plan)) +
               shares(plan->index_group, plan->index_span) * (2 + log2_up(pieces_lower(plan)));
    case SEQLOG_POINTER:
        return 4 + 2 * log2_up(plan->index_sectors) + log2_up(plan->index_span);
    default:
        return 0;
    }
}

/* To find the head. */
static uint64_t find_reads(const struct seqlog_config *config, const struct seqlog_plan *plan)
{
    uint32_t steps = log2_up(plan->sectors);
    if (config->find == SEQLOG_SCAN) return plan->sectors;
    if (config->find == SEQLOG_BISECT) return steps + AROUND;
    return hint_reads(config, plan) + 2 * steps + AROUND;
}

/* To go through a sector. Where the work buffer does not hold it, records may be read again from
 * their beginning, and bytes that look like one for each unit. */
static uint64_t walk_reads(const struct seqlog_config *config)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    if (config->work_size >= g->sector_size + BO_FLASH_UNIT_MAX) return 1;
    uint32_t window = (config->work_size - g->unit) / g->read_unit * g->read_unit;
    if (window < PIECE) window = PIECE;
    return (g->sector_size / g->unit + 2ull) * 2 * (g->sector_size / window + 2ull);
}

/* To keep the index. */
static struct bo_bound note_bound(const struct seqlog_config *config,
                                  const struct seqlog_plan *plan)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    uint32_t tag = programs_at_start(g, seqlog_index_tag_size(g)), pieces = 0, levels = 0;
    struct bo_bound most = {0, 0};
    if (config->find <= SEQLOG_BISECT) return most;
    if (config->find == SEQLOG_POINTER) {
        most.reads = hint_reads(config, plan) + 2;
        most.changes = 1 + programs(g, seqlog_index_entry_size(g));
        return most;
    }
    if (config->find != SEQLOG_COARSE) pieces += pieces_lower(plan), levels++;
    if (config->find != SEQLOG_FINE) pieces += pieces_upper(plan), levels++;
    most.reads = levels + pieces;
    most.changes = levels * (1 + tag) + (uint64_t)pieces * programs(g, PIECE);
    return most;
}

struct bo_bound seqlog_bound(const struct seqlog_config *config, enum seqlog_call call)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    struct bo_bound most = {0, 0};
    struct seqlog_plan plan;
    if (seqlog_plan(g, config, &plan)) return most;
    struct bo_bound note = note_bound(config, &plan);
    uint64_t walk = walk_reads(config), mount = find_reads(config, &plan) + walk;
    uint64_t open = 1 + programs_at_start(g, plan.header_size) + note.changes;
    switch (call) {
    case SEQLOG_CALL_MOUNT:
    case SEQLOG_CALL_PREPARE:
        most.reads = mount;
        most.changes = call == SEQLOG_CALL_PREPARE;
        break;
    case SEQLOG_CALL_APPEND: /* perhaps after a torn place, and the next sector ahead */
        most.reads = mount + walk + note.reads;
        most.changes = open + g->sector_size / g->page_size + (config->ahead ? 1 : 0);
        break;
    case SEQLOG_CALL_CLEAR:
        most.reads = mount + note.reads;
        most.changes = open;
        break;
    case SEQLOG_CALL_FIRST:
        most.reads = 1;
        break;
    case SEQLOG_CALL_READ:
        most.reads = log2_up(plan.sectors) + walk;
        break;
    default:
        most.reads = 2ull * plan.sectors + log2_up(plan.sectors) + walk;
        break;
    }
    return most;
}

/* Without cuts ------------------------------------------------------------------------------ */

/* An index names the head, a coarse one a sector of its group, and no header is bad. */
static uint64_t hint_reads_uncut(const struct seqlog_config *config, const struct seqlog_plan *plan)
{
    if (config->find != SEQLOG_POINTER) return hint_reads(config, plan);
    return 2 + log2_up(plan->index_sectors) + log2_up(plan->index_span + 1);
}

static uint64_t find_reads_uncut(const struct seqlog_config *config, const struct seqlog_plan *plan)
{
    uint32_t group = config->find == SEQLOG_COARSE ? plan->index_group : 1;
    if (config->find == SEQLOG_SCAN) return plan->sectors;
    if (config->find == SEQLOG_BISECT) return AROUND_UNCUT + log2_up(plan->sectors);
    return hint_reads_uncut(config, plan) + AROUND_UNCUT + 2ull * log2_up(group);
}

/* Either an index sector is begun or the next bit, which may lie after a piece that is cleared, or
 * the next entry is written. */
static struct bo_bound note_bound_uncut(const struct seqlog_config *config,
                                        const struct seqlog_plan *plan)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    struct bo_bound most = {0, 0};
    if (config->find == SEQLOG_POINTER)
        return (struct bo_bound){1, 1 + programs(g, seqlog_index_entry_size(g))};
    if (config->find <= SEQLOG_BISECT) return most;
    uint32_t levels = config->find == SEQLOG_TWOLEVEL ? 2 : 1;
    uint32_t tag = programs_at_start(g, seqlog_index_tag_size(g));
    if (config->find != SEQLOG_COARSE) most.reads += 1 + seqlog_minimum(pieces_lower(plan), 2);
    if (config->find != SEQLOG_FINE) most.reads += 1 + seqlog_minimum(pieces_upper(plan), 2);
    most.changes = levels * (1ull + tag);
    return most;
}

struct bo_bound seqlog_bound_uncut(const struct seqlog_config *config, enum seqlog_call call)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    struct bo_bound most = seqlog_bound(config, call);
    struct seqlog_plan plan;
    if (seqlog_plan(g, config, &plan)) return most;
    struct bo_bound note = note_bound_uncut(config, &plan);
    uint64_t open = 1 + programs_at_start(g, plan.header_size) + note.changes;
    switch (call) {
    case SEQLOG_CALL_MOUNT:
        most.reads = find_reads_uncut(config, &plan) + walk_reads(config);
        break;
    case SEQLOG_CALL_PREPARE:
        most.reads = 0;
        break;
    case SEQLOG_CALL_APPEND:
        most.reads = note.reads;
        most.changes = open + g->sector_size / g->page_size + (config->ahead ? 1 : 0);
        break;
    case SEQLOG_CALL_CLEAR:
        most.reads = note.reads;
        most.changes = open;
        break;
    default:
        break;
    }
    return most;
}
