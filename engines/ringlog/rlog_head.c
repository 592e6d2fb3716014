/* SPDX-License-Identifier: MIT */
/* rlog_head.c - power-on: the newest sector, its last segment, its last frame. Only reads.
 *
 * The ring at any moment: sectors 0 to the head are opened in this lap, then come those that are
 * prepared, being erased or torn, then those of the lap before. So "opened in this lap" is true up
 * to the head and false after it, but for sectors that can't be read. Bisection takes those for
 * false, so it can only end too early; then a sector after the candidate says so. A readable sector
 * that is not of this lap proves that the head lies before it. Of segments in the head sector the
 * same is true, with a segment that can't be read for a sector. Without RLOG_NO_SEARCH, that is:
 * with it each is looked at. */
#include "rlog_internal.h"

#include <string.h>

static bool is_opened(struct rlog *log, uint32_t number, struct sector *sector)
{
    rlog_read_sector(log, number, sector);
    return sector->opened;
}

/* The first opened sector of [from, end), going up or down; RLOG_NONE: there is none. */
static uint32_t find_opened(struct rlog *log, uint32_t from, uint32_t count, bool down,
                            struct sector *sector)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = down ? from - i : from + i;
        if (is_opened(log, number, sector)) return number;
    }
    return RLOG_NONE;
}

/* Nothing can be read at either end: on the first lap the head may be anywhere. */
static uint32_t gallop(struct rlog *log, uint32_t around, struct sector *sector)
{
    uint32_t count = rlog_sector_count(log);
    for (uint32_t i = around; i < count; i *= 2) {
        if (is_opened(log, i, sector)) return i;
    }
    return RLOG_NONE;
}

/* Whether a sector that is not opened in a lap proves that no later one is. A sector that is
 * prepared in that lap does not: its BASE may be what can't be read. */
static bool ends_lap(const struct sector *sector, uint32_t lap)
{
    return sector->prepared && sector->lap != lap;
}

/* The last sector before `end` that is opened in the lap of `found`, which is sector `low`; `found`
 * becomes what that one says. */
static uint32_t last_of_lap(struct rlog *log, uint32_t low, uint32_t end, struct sector *found)
{
    struct sector sector;
    for (;;) {
        uint32_t high = end, before;
        bool proven = true; /* sector `high` is of another lap, or there is none */
        while (high - low > 1) {
            uint32_t middle = low + (high - low) / 2;
            bool opened = is_opened(log, middle, &sector) && sector.lap == found->lap;
            if (opened) *found = sector;
            if (!opened) proven = ends_lap(&sector, found->lap);
            *(opened ? &low : &high) = middle;
        }
        before = low;
        for (uint32_t i = high + 1; !proven && i < end && i < high + RLOG_SECTORS_AROUND; i++) {
            if (is_opened(log, i, &sector) && sector.lap == found->lap) {
                *found = sector;
                low = i;
                break;
            }
            proven = ends_lap(&sector, found->lap);
        }
        if (low == before) return low;
    }
}

/* Without bisection: of all sectors the last one of the highest lap. */
static uint32_t find_newest(struct rlog *log, struct sector *found)
{
    struct sector sector;
    uint32_t newest = RLOG_NONE, count = rlog_sector_count(log);
    found->lap = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_opened(log, i, &sector) || sector.lap < found->lap) continue;
        *found = sector;
        newest = i;
    }
    return newest;
}

static uint32_t find_head(struct rlog *log, struct sector *found)
{
    if (!WITH_SEARCH) return find_newest(log, found);
    uint32_t end = rlog_sector_count(log) - 1;
    uint32_t around = end < RLOG_SECTORS_AROUND ? end + 1 : RLOG_SECTORS_AROUND;
    struct sector last;
    uint32_t low = find_opened(log, 0, around, false, found);
    if (low == RLOG_NONE) {
        uint32_t high = find_opened(log, end, around, true, found);
        if (high != RLOG_NONE) return high;
        low = gallop(log, around, found);
        if (low == RLOG_NONE) return low;
    }
    if (!is_opened(log, end, &last)) return last_of_lap(log, low, end + 1, found);
    if (last.lap < found->lap) return last_of_lap(log, low, end, found);
    *found = last;
    return end;
}

/* --- the end of the head --- */

static bool segment_is_valid(struct rlog *log, uint32_t segment)
{
    struct frame frame;
    rlog_load(log, log->head, log->lap, segment);
    return rlog_frame(log, 0, &frame);
}

static uint32_t last_segment(struct rlog *log)
{
    uint32_t low = 0, end = log->segment_count;
    if (!WITH_SEARCH) {
        low = end - 1;
        while (low > 0 && !segment_is_valid(log, low))
            low--;
        return low;
    }
    for (;;) {
        uint32_t high = end, before;
        while (high - low > 1) {
            uint32_t middle = low + (high - low) / 2;
            *(segment_is_valid(log, middle) ? &low : &high) = middle;
        }
        before = low;
        for (uint32_t i = high + 1; i < end && i <= before + RLOG_SEGMENTS_AFTER; i++) {
            if (segment_is_valid(log, i)) {
                low = i;
                break;
            }
        }
        if (low == before) return low;
    }
}

/* How many records a batch completes. */
static uint32_t completed(const struct frame *frame)
{
    uint32_t at = 0, size, count = 0;
    const uint8_t *p = frame->payload;
    if (frame->type == FRAME_BATCH_C || frame->type == FRAME_BATCH_CE) {
        uint32_t taken = rlog_get_varint(p, frame->size, &size);
        if (taken == 0 || size > frame->size - taken) return 0;
        at = taken + size;
        count++;
    }
    while (at < frame->size) {
        uint32_t taken = rlog_get_varint(p + at, frame->size - at, &size);
        if (taken == 0 || size > frame->size - at - taken) break;
        at += taken + size;
        count++;
    }
    return count;
}

void rlog_note_time(struct rlog *log, uint64_t time)
{
    if (time > RLOG_TIME_MAX) time = RLOG_TIME_MAX;
    if (time > log->time) log->time = time;
}

static void take_base(struct rlog *log, const struct base *base)
{
    log->next = log->unproven = base->base;
    log->accepted = base->base + base->copies;
    rlog_note_time(log, base->time); /* an append that failed may have said a later one */
}

/* Takes a frame of the last segment into account. */
static void follow(struct rlog *log, const struct frame *frame)
{
    struct base base;
    if (frame->first && frame->type != FRAME_BASE) log->next = log->base + frame->index;
    log->unproven = log->next;
    log->state = frame->type == FRAME_SEAL ? RLOG_FOUND_SEALED : RLOG_FOUND;
    if (frame->type == FRAME_FULL || frame->type == FRAME_LAST) log->next++;
    if (rlog_is_batch(frame->type) && !WITH_BATCH) log->error = RINGLOG_ERR_UNSUPPORTED;
    if (rlog_is_batch(frame->type) && WITH_BATCH) log->next += completed(frame);
    if (rlog_base_of(frame, &base)) take_base(log, &base);
}

static void find_end(struct rlog *log)
{
    struct frame frame;
    log->at_segment = last_segment(log);
    log->at = rlog_segment_start(log, log->at_segment);
    rlog_load(log, log->head, log->lap, log->at_segment);
    while (rlog_frame(log, log->at, &frame)) {
        follow(log, &frame);
        log->at = frame.after;
    }
    /* Copies that were not all written: the records before them are there. */
    if (log->next < log->accepted) log->next = log->accepted;
}

void rlog_resolve(struct rlog *log)
{
    struct sector sector;
    rlog_forget_segment(log);
    log->error = BO_FLASH_OK;
    log->next_is = NEXT_UNKNOWN;
    rlog_drop_batch(log);
    log->head = find_head(log, &sector);
    log->state = RLOG_FOUND;
    if (log->head == RLOG_NONE) {
        memset(&sector, 0, sizeof sector);
        log->state = RLOG_EMPTY;
        log->head = rlog_sector_count(log) - 1; /* sector 0 is after it, in lap 1 */
    }
    log->lap = sector.lap;
    log->base = sector.base.base;
    log->floor = sector.base.seen > log->base ? 0 : log->base - sector.base.seen;
    take_base(log, &sector.base);
    log->at_segment = log->segment_count - 1;
    log->at = rlog_segment_end(log, log->at_segment);
    if (log->state == RLOG_FOUND) find_end(log);
    if (log->error) log->state = RLOG_LOST;
}
