/* SPDX-License-Identifier: MIT */
/* rlog_read.c - records: one after the other, by number, by time.
 *
 * A walk goes over frames, segment by segment; a segment without a valid first frame is passed
 * over, and so is what a frame after it makes void. Only the last record of a segment can be void,
 * by a BASE that begins a later one: a recovery never appends to the segment in which the last
 * frame lies. So a record that ends a segment is returned when the next frame is known. */
#include "rlog_internal.h"

#include <string.h>

/* --- which sectors --- */

static uint32_t sector_back(const struct rlog *log, uint32_t back)
{
    uint32_t count = rlog_sector_count(log);
    return log->head >= back ? log->head - back : log->head + count - back;
}

/* Reads a sector of those that lie before the head. Whether it is one of this log's. */
static bool read_back(struct rlog *log, uint32_t back, struct sector *sector)
{
    uint32_t number = sector_back(log, back);
    rlog_read_sector(log, number, sector);
    return sector->opened && sector->lap == rlog_lap_of(log, number);
}

uint32_t rlog_live_sectors(struct rlog *log)
{
    struct sector sector;
    /* One is the head, the one after it is not seen but by who copies from it. */
    uint32_t most = rlog_sector_count(log) - (log->state == RLOG_COPYING ? 1 : 2);
    if (log->state == RLOG_EMPTY) return 0;
    if (log->lap == 1 && log->head < most) most = log->head;
    /* Sectors that can't be read at the far end are no end. A log that was never wrapped has its
     * end where the lap says. */
    for (uint32_t passed = 0; most > 0 && passed < RLOG_SECTORS_AROUND; most--, passed++) {
        if (read_back(log, most, &sector)) break;
    }
    return most;
}

/* --- walking --- */

/* What a step came to: nothing that ends a record, a record, or the rest of one whose beginning was
 * not read. */
enum step { STEP_FRAME, STEP_RECORD, STEP_REST };

static void add(struct rlog_record *record, const uint8_t *data, uint32_t size)
{
    uint32_t from = record->skip > record->size ? record->skip - record->size : 0;
    uint32_t to = record->size > record->skip ? record->size - record->skip : 0;
    record->size += size;
    if (from >= size || to >= record->capacity) return;
    uint32_t part = size - from < record->capacity - to ? size - from : record->capacity - to;
    memcpy(record->buffer + to, data + from, part);
}

static void load(struct rlog *log, const struct rlog_walk *walk)
{
    uint32_t number = sector_back(log, walk->back);
    rlog_load(log, number, rlog_lap_of(log, number), walk->segment);
}

/* The next segment, or the next sector's first one. False after the head's last. */
static bool turn_segment(struct rlog *log, struct rlog_walk *walk)
{
    uint32_t last = walk->back == 0 ? log->at_segment : log->segment_count - 1;
    if (walk->segment >= last && walk->back == 0) return false;
    walk->offset = 0;
    if (walk->segment < last) {
        walk->segment++;
        return true;
    }
    walk->back--;
    walk->segment = 0;
    walk->knows_base = false;
    return true;
}

/* A record that goes on fills its segment to the end. Where that is not so a frame can't be read,
 * and what comes after is not returned as the rest of what came before. */
static void leave_segment(const struct rlog *log, struct rlog_walk *walk)
{
    if (walk->offset >= rlog_segment_end(log, walk->segment)) return;
    walk->inside = walk->in_batch = false;
}

/* The frame at which the walk is, without going on. A segment that ended is turned. False: the
 * end. */
static bool here(struct rlog *log, struct rlog_walk *walk, struct frame *frame)
{
    for (;;) {
        load(log, walk);
        if (log->error) return false;
        if (rlog_frame(log, walk->offset, frame)) return true;
        leave_segment(log, walk);
        if (!turn_segment(log, walk)) return false;
    }
}

/* Whether the segment has another frame after this one. */
static bool more_in_segment(struct rlog *log, const struct rlog_walk *walk, uint32_t offset)
{
    struct frame frame;
    load(log, walk);
    return rlog_frame(log, offset, &frame);
}

/* Begins or continues a record. Returns whether it is complete now. */
static bool take_batch(struct rlog_walk *walk, const struct frame *frame,
                       struct rlog_record *record)
{
    const uint8_t *p = frame->payload;
    uint32_t left = walk->batch_end - walk->batch_at, size = walk->need;
    if (!walk->inside) {
        uint32_t taken = rlog_get_varint(p + walk->batch_at, left, &size);
        record->size = 0;
        record->number = walk->number;
        walk->batch_at += taken;
        left -= taken;
        if (taken == 0) {
            walk->batch_at = walk->batch_end;
            return false;
        }
    }
    uint32_t part = size < left ? size : left;
    add(record, p + walk->batch_at, part);
    walk->batch_at += part;
    walk->need = size - part;
    walk->inside = walk->need != 0;
    return !walk->inside;
}

/* Whether the next frame after this place is a BASE that begins a segment. The walk goes there. */
static bool go_to_base(struct rlog *log, struct rlog_walk *walk, struct base *base)
{
    struct frame frame;
    if (more_in_segment(log, walk, walk->offset)) return false;
    if (!turn_segment(log, walk) || !here(log, walk, &frame)) return false;
    return rlog_base_of(&frame, base);
}

/* Whether a BASE follows that makes the record of that number void. */
static bool voids(struct rlog *log, const struct rlog_walk *walk, uint64_t number)
{
    struct rlog_walk after = *walk;
    struct base base;
    return go_to_base(log, &after, &base) && !(base.flags & BASE_GOES_ON) &&
           base.base + base.copies <= number;
}

/* Has log->segment hold the frame of the walk again, after another segment was looked at. It is
 * checked anew: where it can't be read a second time, nothing of it is used. */
static bool reload(struct rlog *log, const struct rlog_walk *walk, const struct frame *frame)
{
    struct frame again;
    load(log, walk);
    if (log->error) return false;
    if (rlog_frame(log, walk->offset, &again) && again.type == frame->type &&
        again.size == frame->size)
        return true;
    log->error = BO_FLASH_ERR_ECC;
    return false;
}

/* Enters a batch. Returns whether the record that goes on in it from the frame before ends here,
 * and its beginning was not read. All of the batch is void if its first record is. */
static bool enter_batch(struct rlog *log, struct rlog_walk *walk, const struct frame *frame)
{
    bool continues = frame->type == FRAME_BATCH_C || frame->type == FRAME_BATCH_CE;
    struct rlog_walk after = *walk;
    uint32_t size = 0, taken = 0;
    after.offset = frame->after;
    walk->batch_at = walk->batch_end = frame->size;
    if (voids(log, &after, walk->number) || !reload(log, walk, frame)) return false;
    if (continues) taken = rlog_get_varint(frame->payload, frame->size, &size);
    walk->batch_at = taken;
    if (!continues) walk->inside = false;
    if (!continues || (walk->inside && size == walk->need)) return false;
    walk->inside = false;
    walk->batch_at += size < frame->size - taken ? size : frame->size - taken;
    return size <= frame->size - taken;
}

static enum step step_batch(struct rlog *log, struct rlog_walk *walk, const struct frame *frame,
                            struct rlog_record *record)
{
    enum step did = STEP_FRAME;
    if (!walk->in_batch && enter_batch(log, walk, frame))
        did = STEP_REST;
    else if (walk->batch_at < walk->batch_end && take_batch(walk, frame, record))
        did = STEP_RECORD;
    walk->in_batch = walk->batch_at < walk->batch_end;
    return did;
}

static bool in_batch(const struct rlog_walk *walk)
{
    return WITH_BATCH && walk->in_batch;
}

static void pass_base(struct rlog_walk *walk, const struct frame *frame)
{
    struct base base;
    rlog_base_of(frame, &base);
    if (!(base.flags & BASE_GOES_ON) || base.base != walk->number) walk->inside = false;
    if (walk->segment == 0) {
        walk->base = base.base;
        walk->knows_base = true;
    }
    walk->number = base.base;
}

/* One step: a frame, or a record of a batch. */
static enum step step(struct rlog *log, struct rlog_walk *walk, const struct frame *frame,
                      struct rlog_record *record)
{
    enum step did = STEP_FRAME;
    /* A part that reads now and then only: this is not the batch of which a part was returned. */
    if (in_batch(walk) && (!rlog_is_batch(frame->type) || frame->size != walk->batch_end))
        walk->in_batch = walk->inside = false;
    if (frame->first && frame->type != FRAME_BASE && !in_batch(walk)) {
        uint64_t number = walk->base + frame->index;
        if (walk->number != number) walk->inside = false;
        walk->number = number;
    }
    switch (frame->type) {
    case FRAME_FULL:
    case FRAME_FIRST:
        record->size = 0;
        record->number = walk->number;
        walk->inside = true;
        add(record, frame->payload, frame->size);
        if (frame->type == FRAME_FULL) did = STEP_RECORD;
        break;
    case FRAME_MID:
    case FRAME_LAST:
        if (walk->inside) add(record, frame->payload, frame->size);
        if (frame->type == FRAME_LAST) did = walk->inside ? STEP_RECORD : STEP_REST;
        break;
    case FRAME_BASE:
        pass_base(walk, frame);
        break;
    case FRAME_SEAL:
        walk->inside = false;
        break;
    default:
        if (WITH_BATCH) did = step_batch(log, walk, frame, record);
        if (!WITH_BATCH) log->error = RINGLOG_ERR_UNSUPPORTED;
        break;
    }
    if (did != STEP_FRAME) {
        walk->inside = false;
        walk->number++;
    }
    if (!in_batch(walk)) walk->offset = frame->after;
    return did;
}

/* Whether a record that ended in a frame of that type is void. A batch was looked at as a whole. */
static bool is_void(struct rlog *log, struct rlog_walk *walk, enum frame_type type, uint64_t number)
{
    return !(WITH_BATCH && rlog_is_batch(type)) && voids(log, walk, number);
}

/* The next step that ends a record; STEP_FRAME: there is none. */
static enum step next_end(struct rlog *log, struct rlog_walk *walk, struct frame *frame,
                          struct rlog_record *record)
{
    while (here(log, walk, frame)) {
        enum step did = STEP_FRAME;
        if (!walk->knows_base && frame->type != FRAME_BASE)
            walk->offset = frame->after; /* of a sector whose BASE can't be read */
        else
            did = step(log, walk, frame, record);
        if (did == STEP_RECORD && is_void(log, walk, frame->type, record->number)) continue;
        if (did != STEP_FRAME) return log->error ? STEP_FRAME : did;
    }
    return STEP_FRAME;
}

/* A record of which only the rest is seen, in a batch, may be seen whole among the copies of that
 * batch. It is returned from there, in its turn; the walk stays with the batch. */
static bool from_copies(struct rlog *log, const struct rlog_walk *walk, const struct frame *frame,
                        uint64_t number, struct rlog_record *record)
{
    struct rlog_walk copies = *walk;
    struct frame at;
    struct base base;
    enum step did;
    copies.offset = frame->after;
    copies.in_batch = false;
    if (!go_to_base(log, &copies, &base) || base.base > number) return false;
    while ((did = next_end(log, &copies, &at, record)) != STEP_FRAME) {
        if (did == STEP_RECORD && record->number == number) return true;
        if (copies.number >= base.base + base.copies) break;
    }
    return false;
}

bool rlog_walk_on(struct rlog *log, struct rlog_walk *walk, uint64_t want,
                  struct rlog_record *record)
{
    struct frame frame;
    enum step did;
    while ((did = next_end(log, walk, &frame, record)) != STEP_FRAME) {
        uint64_t number = walk->number - 1;
        if (number < want) continue;
        if (did == STEP_RECORD || (WITH_BATCH && from_copies(log, walk, &frame, number, record)))
            return true;
    }
    return false;
}

/* --- finding --- */

/* From which number on records begin after a BASE. The one that goes on there may be a copy. */
static uint64_t begins_after(const struct base *base)
{
    return base->base + (base->copies ? base->copies : (base->flags & BASE_GOES_ON));
}

/* From which number on records begin in a sector; RLOG_NONE of 64 bits: it can't be read. */
static uint64_t begins_at(struct rlog *log, uint32_t back)
{
    struct sector sector;
    return read_back(log, back, &sector) ? begins_after(&sector.base) : UINT64_MAX;
}

/* The youngest sector in which `number` may begin. */
static uint32_t find_sector(struct rlog *log, uint64_t number)
{
    uint32_t low = rlog_live_sectors(log), high = 0; /* low: too old or right, high: too young */
    if (!WITH_SEARCH) {
        while (high < low && begins_at(log, high) > number)
            high++;
        return high;
    }
    if (low == 0 || begins_at(log, 0) <= number) return 0;
    while (low - high > 1) {
        uint32_t middle = high + (low - high) / 2, back = middle;
        uint64_t begin = UINT64_MAX;
        while (back < low && begin == UINT64_MAX)
            begin = begins_at(log, back++);
        if (begin <= number)
            low = back - 1;
        else
            high = middle;
    }
    return low;
}

/* Where a record can begin in a segment, at the earliest; UINT64_MAX: it can't be read. */
static uint64_t segment_begins_at(struct rlog *log, const struct rlog_walk *walk, uint64_t base)
{
    struct frame frame;
    struct base says;
    load(log, walk);
    if (!rlog_frame(log, 0, &frame)) return UINT64_MAX;
    if (rlog_base_of(&frame, &says)) return begins_after(&says);
    bool inside = frame.type == FRAME_MID || frame.type == FRAME_LAST ||
                  frame.type == FRAME_BATCH_C || frame.type == FRAME_BATCH_CE;
    return base + frame.index + inside;
}

static void find_segment(struct rlog *log, struct rlog_walk *walk, uint64_t number)
{
    struct sector sector;
    uint32_t low = 0, high = walk->back == 0 ? log->at_segment + 1 : log->segment_count;
    if (!read_back(log, walk->back, &sector)) return;
    while (WITH_SEARCH && high - low > 1) {
        walk->segment = low + (high - low) / 2;
        if (segment_begins_at(log, walk, sector.base.base) <= number)
            low = walk->segment;
        else
            high = walk->segment;
    }
    walk->segment = low;
    walk->base = walk->number = sector.base.base;
    walk->knows_base = true;
}

void rlog_walk_to(struct rlog *log, struct rlog_walk *walk, uint64_t number)
{
    memset(walk, 0, sizeof *walk);
    walk->back = number == 0 ? rlog_live_sectors(log) : find_sector(log, number);
    if (number != 0) find_segment(log, walk, number);
}

bool rlog_find(struct rlog *log, struct rlog_record *record, uint64_t want)
{
    struct rlog_walk walk;
    rlog_walk_to(log, &walk, want);
    return rlog_walk_on(log, &walk, want, record);
}

/* --- what the user asks --- */

static bool enter(struct rlog *log)
{
    if (log->state == RLOG_LOST) rlog_resolve(log);
    return log->state != RLOG_LOST && log->state != RLOG_EMPTY;
}

/* A read that failed has changed nothing: what is known of the flash, and waits in RAM, stays. */
static int leave(struct rlog *log, int answer)
{
    if (log->error) answer = log->error;
    log->error = BO_FLASH_OK;
    rlog_check(log);
    return answer;
}

void rlog_iterate(struct rlog_iterator *iterator, uint64_t number)
{
    iterator->want = number;
    iterator->lap = 0;
}

int rlog_next(struct rlog *log, struct rlog_iterator *iterator, void *buffer, uint32_t capacity,
              uint32_t *size, uint64_t *number)
{
    struct rlog_record record = rlog_record_to(buffer, capacity, 0);
    if (!enter(log)) return leave(log, RINGLOG_ERR_NOT_FOUND);
    if (iterator->want < log->floor) iterator->want = log->floor;
    if (iterator->lap != log->lap || iterator->head != log->head)
        rlog_walk_to(log, &iterator->walk, iterator->want);
    iterator->head = log->head;
    iterator->lap = log->lap;
    struct rlog_walk walk = iterator->walk; /* stays where it is unless a record is returned */
    if (!rlog_walk_on(log, &walk, iterator->want, &record)) {
        iterator->lap = 0; /* what could not be read now may be found by another search */
        return leave(log, RINGLOG_ERR_NOT_FOUND);
    }
    *size = record.size;
    *number = record.number;
    if (record.size > capacity) return leave(log, RINGLOG_ERR_BUFFER);
    iterator->walk = walk;
    iterator->want = record.number + 1;
    return leave(log, BO_FLASH_OK);
}

int rlog_read(struct rlog *log, uint64_t number, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct rlog_iterator iterator;
    uint64_t found = number;
    rlog_iterate(&iterator, number);
    int answer = rlog_next(log, &iterator, buffer, capacity, size, &found);
    return found == number ? answer : RINGLOG_ERR_NOT_FOUND;
}

int rlog_range(struct rlog *log, uint64_t *first, uint64_t *end)
{
    struct rlog_iterator iterator;
    uint32_t size;
    rlog_iterate(&iterator, 0);
    int answer = rlog_next(log, &iterator, NULL, 0, &size, first);
    *end = log->next;
    if (answer == RINGLOG_ERR_NOT_FOUND) *first = *end;
    return answer == RINGLOG_ERR_NOT_FOUND || answer == RINGLOG_ERR_BUFFER ? BO_FLASH_OK : answer;
}

#ifndef RLOG_NO_SEEK

/* The time of a sector's BASE; 0 if it can't be read. */
static uint64_t opened_at(struct rlog *log, uint32_t back)
{
    struct sector sector;
    rlog_read_sector(log, sector_back(log, back), &sector);
    return sector.opened ? sector.base.time : 0;
}

int rlog_seek(struct rlog *log, uint64_t time, uint64_t *number)
{
    struct sector sector;
    *number = log->floor;
    if (!enter(log)) return leave(log, BO_FLASH_OK);
    uint32_t low = rlog_live_sectors(log), high = 0; /* low is too old or right */
    if (opened_at(log, 0) < time) low = 0;
    while (low > high + 1) {
        uint32_t middle = high + (low - high) / 2;
        if (opened_at(log, middle) < time)
            low = middle;
        else
            high = middle;
    }
    rlog_read_sector(log, sector_back(log, low), &sector);
    *number = sector.opened && sector.base.base > log->floor ? sector.base.base : log->floor;
    return leave(log, BO_FLASH_OK);
}

#endif
