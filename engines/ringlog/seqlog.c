/* SPDX-License-Identifier: MIT */
/* seqlog.c - see seqlog.h. What survives a cut, and why. In brackets the test that fails without
 * it, of seqlog_test.c where no other file is named.
 *
 *  1. The head is the newest sector with a good header (seqlog_find.c). Its header says how far the
 *     log reaches back from it, at most N - 2 sectors, so that the sector after the head is never
 *     part of the log. All the others were opened and are whole.
 *     [a_full_ring_holds_all_sectors_but_one, seqlog_cut_test.c: SPOILT_REACH]
 *  2. The next sector is not part of the log while it is erased. So its erase may be cut in any
 *     way, and may be done ahead. Only an erase that this very mount saw complete counts; what an
 *     earlier one erased is erased again.
 *     [records_come_back_over_many_laps, seqlog_cut_test.c: SPOILT_BLANK_TRUSTED]
 *  3. The program of its header makes it the head, and takes what lies after it out of the log:
 *     one checksum, whole or not at all. If it is cut, 2 holds as before.
 *     [another_log_is_not_given_up]
 *  4. The records of the head are those whose checksums are right, in order. If all after the last
 *     of them is blank, the next one goes there: an interrupted program that left no trace has
 *     touched nothing (seqlog_sector.c). Else it was torn, within one page, as a program lies in
 *     one: the next one goes to the page after the last byte that is not blank.
 *     [a_torn_record_costs_no_more_than_its_page, seqlog_cut_test.c: SPOILT_TORN_PLACE]
 *  5. A torn frame stays torn: nothing is programmed into it. It could have been cut at the end of
 *     a page and lack what begins with the next, which is where the next frame goes. So the reader
 *     is sent over the torn place with that frame in its eyes, before it is programmed; if it takes
 *     anything for a record but the new one, the sector is left and the next one opened.
 *     [the_next_record_does_not_complete_a_torn_one]
 *  6. The number of a record that was cut is used again. That can't confuse: it was in flight, no
 *     reader ever saw it, and by 5 none will.
 *     [a_part_that_fails_once_loses_nothing]
 *  7. An index is written after the header and may say anything.
 *     [an_index_that_lies_costs_reads_only]
 */
#include "seqlog.h"

#include <string.h>

#include "../crc32c.h"
#include "seqlog_internal.h"

#define HEADER_SIZE 20u
#define COARSE_GROUP_MIN 4u

/* Plan -------------------------------------------------------------------------------------- */

static uint32_t record_max(enum seqlog_framing framing, uint32_t room)
{
    uint32_t size = room < UINT16_MAX ? room : UINT16_MAX;
    while (size != 0 && seqlog_frame_size_max(framing, size, 1) > room)
        size--;
    return size;
}

static uint32_t span_of(uint32_t most, uint32_t wanted)
{
    return wanted != 0 && wanted < most ? wanted : most;
}

static bool bits_lawful(const struct bo_flash_geometry *g)
{
    return g->programs_per_unit == 0 || g->programs_per_unit >= 8u * g->unit;
}

/* `sectors` hold a number of things, `in_one` each: sectors that takes. */
static uint32_t shares(uint32_t things, uint32_t in_one)
{
    return things / in_one + (things % in_one != 0 ? 1 : 0);
}

/* Sectors that `sectors` shared with an index need for it, when one of it is for `span`. */
static uint32_t index_share(uint32_t sectors, uint32_t span)
{
    return shares(sectors, span + 1);
}

static void plan_bits(const struct bo_flash_geometry *g, const struct seqlog_config *config,
                      struct seqlog_plan *plan)
{
    uint32_t bits = 8 * (g->sector_size - seqlog_index_tag_size(g)), sectors = g->sector_count;
    plan->index_span = span_of(bits, config->index_span);
    if (config->find == SEQLOG_COARSE) {
        uint32_t group = shares(sectors, bits);
        plan->index_sectors = 1;
        plan->index_group = group > COARSE_GROUP_MIN ? group : COARSE_GROUP_MIN;
        return;
    }
    plan->index_sectors = index_share(sectors, plan->index_span);
    if (config->find == SEQLOG_FINE || sectors < 2) return;
    uint32_t lower = index_share(sectors - 1, plan->index_span);
    plan->index_group = plan->index_span * shares(lower, bits);
    plan->index_sectors = 1 + lower;
}

/* Enough sectors to be erased no more often than the sectors, and two so that one always holds. */
static void plan_pointer(const struct bo_flash_geometry *g, const struct seqlog_config *config,
                         struct seqlog_plan *plan)
{
    uint32_t entries = g->sector_size / seqlog_index_entry_size(g);
    plan->index_span = span_of(entries, config->index_span);
    plan->index_sectors = index_share(g->sector_count, plan->index_span);
    if (plan->index_sectors < 2) plan->index_sectors = 2;
}

int seqlog_plan(const struct bo_flash_geometry *g, const struct seqlog_config *config,
                struct seqlog_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    if (!bo_flash_geometry_valid(g) || g->erased != 0xFF || g->sector_size < SEQLOG_WORK_MIN)
        return RINGLOG_ERR_GEOMETRY;
    switch (config->find) {
    case SEQLOG_COARSE:
    case SEQLOG_FINE:
    case SEQLOG_TWOLEVEL:
        if (!bits_lawful(g)) return RINGLOG_ERR_UNSUPPORTED;
        plan_bits(g, config, plan);
        break;
    case SEQLOG_POINTER:
        plan_pointer(g, config, plan);
        break;
    default:
        break;
    }
    if (g->sector_count < plan->index_sectors + SEQLOG_SECTORS_MIN) return RINGLOG_ERR_GEOMETRY;
    plan->sectors = g->sector_count - plan->index_sectors;
    plan->header_size = seqlog_round(HEADER_SIZE, g->unit);
    plan->record_max = record_max(config->framing, g->sector_size - plan->header_size);
    if (plan->record_max == 0) return RINGLOG_ERR_GEOMETRY;
    return BO_FLASH_OK;
}

/* Recovery ---------------------------------------------------------------------------------- */

/* After the last byte of the head that is not blank, from log->end on. */
static int torn_end(struct seqlog *log, const struct seqlog_cursor *cursor, uint32_t *end)
{
    uint32_t offset = log->end;
    *end = offset;
    while (offset < cursor->end) {
        struct seqlog_run run;
        int error = seqlog_look(log, cursor->base, offset, cursor->end, &run);
        if (error) return error;
        for (uint32_t i = run.size; i-- != 0;) {
            if (run.bytes != NULL && run.bytes[i] == 0xFF) continue;
            *end = offset + i + 1;
            break;
        }
        offset += run.size;
    }
    return BO_FLASH_OK;
}

/* What the head holds, and where it goes on. */
static int recover_head(struct seqlog *log)
{
    struct seqlog_cursor cursor = seqlog_sector_cursor(log, log->head, &log->header);
    struct seqlog_frame frame;
    uint32_t torn;
    int error;
    log->end = cursor.offset;
    while ((error = seqlog_frame_next(log, &cursor, NULL, 0, &frame)) == BO_FLASH_OK)
        log->end = cursor.offset;
    if (error != RINGLOG_ERR_NOT_FOUND) return error;
    log->next = cursor.number;
    error = torn_end(log, &cursor, &torn);
    if (error) return error;
    log->append = torn;
    if (torn != log->end) {
        log->append = seqlog_round(torn, log->flash->geometry.page_size);
    }
    return BO_FLASH_OK;
}

/* Looks at the flash as if for the first time. */
static int recover(struct seqlog *log)
{
    log->stale = true;
    log->open = log->prepared = log->index_known = false;
    log->window_size = log->overlay_size = 0;
    log->next = 0;
    log->changes++;
    int answer = seqlog_find(log, &log->head, &log->header);
    if (answer < 0) return answer;
    if (answer == SEQLOG_YES) {
        int error = recover_head(log);
        if (error) return error;
        log->open = true;
    }
    log->stale = false;
    return BO_FLASH_OK;
}

/* A change failed: it is done or not, as the flash shows from now on to readers, as it will to the
 * next power-on. Where that can't be seen now, the next change looks. */
static int failed(struct seqlog *log, int error)
{
    (void)recover(log);
    return error;
}

/* Before a change. */
static int ready(struct seqlog *log)
{
    return log->stale ? recover(log) : BO_FLASH_OK;
}

static void seed_make(struct seqlog *log, const struct seqlog_config *config)
{
    uint8_t bytes[13];
    seqlog_put(bytes, config->id, 4);
    seqlog_put(bytes + 4, log->flash->geometry.sector_size, 4);
    seqlog_put(bytes + 8, log->plan.sectors, 4);
    bytes[12] = (uint8_t)config->framing;
    log->seed = bo_crc32c(BO_CRC32C_START, bytes, sizeof bytes);
}

static int configure(struct seqlog *log, const struct seqlog_config *config)
{
    memset(log, 0, sizeof *log);
    log->flash = config->flash;
    log->work = (uint8_t *)config->work;
    log->work_size = config->work_size;
    log->framing = config->framing;
    log->find = config->find;
    log->ahead = config->ahead;
    if (config->work == NULL || config->work_size < SEQLOG_WORK_MIN) return RINGLOG_ERR_GEOMETRY;
    int error = seqlog_plan(&config->flash->geometry, config, &log->plan);
    if (error == BO_FLASH_OK) seed_make(log, config);
    return error;
}

int seqlog_mount(struct seqlog *log, const struct seqlog_config *config)
{
    int error = configure(log, config);
    return seqlog_checked(log, error ? error : recover(log));
}

int seqlog_format(struct seqlog *log, const struct seqlog_config *config)
{
    int error = configure(log, config);
    for (uint32_t i = 0; error == BO_FLASH_OK && i < config->flash->geometry.sector_count; i++)
        error = seqlog_erase(log, i);
    return seqlog_checked(log, error ? error : recover(log));
}

/* Sectors ------------------------------------------------------------------------------------ */

static uint32_t sector_next(const struct seqlog *log)
{
    return log->open ? seqlog_on(log, log->head, 1) : 0;
}

/* Erases the sector that is next, unless that is done. */
static int prepare(struct seqlog *log)
{
    if (log->prepared) return BO_FLASH_OK;
    int error = seqlog_erase(log, sector_next(log));
    log->prepared = error == BO_FLASH_OK;
    return error;
}

/* Makes the next sector the head of a log that reaches `reach` sectors back. */
static int open_sector(struct seqlog *log, uint32_t reach)
{
    uint32_t sector = sector_next(log);
    struct seqlog_header header = {
        .sequence = log->open ? seqlog_sequence_on(log, log->header.sequence, 1) : 0,
        .reach = reach,
        .first = log->next,
        .crc = 0};
    int error = prepare(log);
    if (error) return error;
    log->prepared = false;
    error = seqlog_sector_program(log, sector, &header);
    if (error) return error;
    log->open = log->changed = true;
    log->changes++;
    log->head = sector;
    log->header = header;
    log->end = log->append = log->plan.header_size;
    /* The index is a hint: what it costs to do without is not the caller's error. */
    if (seqlog_index_note(log, sector, header.sequence)) log->index_known = false;
    return BO_FLASH_OK;
}

/* One sector more than now, the oldest ones given up. */
static int open_next(struct seqlog *log)
{
    uint32_t reach = log->open ? log->header.reach + 1 : 0;
    return open_sector(log, seqlog_minimum(reach, log->plan.sectors - 2));
}

/* Records ----------------------------------------------------------------------------------- */

/* Whether a reader, once the frame in the work buffer is programmed after a torn place, finds it
 * there and nothing before it. */
static int proven(struct seqlog *log, uint32_t size, uint32_t lead)
{
    struct seqlog_cursor cursor = seqlog_sector_cursor(log, log->head, &log->header);
    struct seqlog_frame frame;
    cursor.offset = log->end;
    cursor.number = log->next;
    log->overlay_at = cursor.base + log->append;
    log->overlay_size = size;
    log->window_size = 0;
    int error = seqlog_frame_next(log, &cursor, NULL, 0, &frame);
    log->overlay_size = 0;
    log->window_size = 0;
    if (error) return error == RINGLOG_ERR_NOT_FOUND ? SEQLOG_NO : error;
    bool same = frame.offset == log->append + lead && frame.number == log->next;
    return same ? SEQLOG_YES : SEQLOG_NO;
}

/* Programs a record into the head. NO: there is no place for it. */
static int put(struct seqlog *log, const void *data, uint32_t size)
{
    uint32_t lead, offset = log->append;
    bool torn = offset != log->end;
    uint32_t end = log->flash->geometry.sector_size;
    if (offset >= end) return SEQLOG_NO;
    uint32_t whole =
        seqlog_frame_compose(log, log->header.crc, offset, log->next, data, size, torn, &lead);
    if (whole > end - offset) return SEQLOG_NO;
    int answer = torn ? proven(log, whole, lead) : SEQLOG_YES;
    if (answer != SEQLOG_YES) return answer;
    uint32_t base = seqlog_sector_cursor(log, log->head, &log->header).base;
    int error = seqlog_program(log, base + offset, log->work, whole);
    if (error) return error;
    log->end = log->append = offset + whole;
    log->next++;
    log->changed = true;
    log->changes++;
    return SEQLOG_YES;
}

static int append(struct seqlog *log, const void *data, uint32_t size)
{
    int answer = log->open ? put(log, data, size) : SEQLOG_NO;
    if (answer == SEQLOG_NO) {
        int error = open_next(log);
        if (error) return error;
        answer = put(log, data, size);
    }
    if (answer < 0) return answer;
    if (answer != SEQLOG_YES) return RINGLOG_ERR_TOO_BIG;
    return BO_FLASH_OK;
}

int seqlog_append(struct seqlog *log, const void *data, uint32_t size, uint64_t *number)
{
    uint32_t unit = log->flash->geometry.unit;
    int error = ready(log);
    if (error) return error;
    /* One unit more: the zero that ends a torn frame. */
    if (size > log->plan.record_max || log->next >= SEQLOG_NUMBER_END ||
        seqlog_frame_size_max(log->framing, size, unit) + unit > log->work_size)
        return RINGLOG_ERR_TOO_BIG;
    error = append(log, data, size);
    if (error) return failed(log, error);
    if (number != NULL) *number = log->next - 1;
    /* The record is there whatever becomes of this; what fails here is done again when needed. */
    if (log->ahead && log->append > log->flash->geometry.sector_size / 2) (void)prepare(log);
    return seqlog_checked(log, BO_FLASH_OK);
}

int seqlog_prepare(struct seqlog *log)
{
    int error = ready(log);
    if (error || !log->open || !log->changed) return error;
    return seqlog_checked(log, prepare(log));
}

int seqlog_clear(struct seqlog *log)
{
    int error = ready(log);
    if (error || !log->open) return error;
    if (log->header.reach == 0 && log->header.first == log->next) return BO_FLASH_OK;
    error = open_sector(log, 0);
    return seqlog_checked(log, error ? failed(log, error) : BO_FLASH_OK);
}

/* Checks of the engine itself --------------------------------------------------------------- */

#ifdef BO_CHECKS

int seqlog_checked(const struct seqlog *log, int answer)
{
    if (log->stale || !log->open) return answer;
    BO_CHECK(log->overlay_size == 0);        /* 1 */
    BO_CHECK(log->head < log->plan.sectors); /* 2 */
    BO_CHECK(log->header.sequence % log->plan.sectors == log->head);
    BO_CHECK(log->header.reach <= log->plan.sectors - 2); /* 3 */
    BO_CHECK(log->header.first <= log->next);
    BO_CHECK(log->end >= log->plan.header_size && log->end <= log->append); /* 4 */
    BO_CHECK(log->append <= log->flash->geometry.sector_size);
    BO_CHECK(log->append % log->flash->geometry.unit == 0);
    return answer;
}

#endif
