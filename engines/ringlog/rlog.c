/* SPDX-License-Identifier: MIT */
/* rlog.c - changes. What survives a cut, and why. In brackets the test that fails without it, of
 * rlog_resume_test.c where no other file is named.
 *
 *  1. One operation of the flash at a time, and the next only when the one before is done. So a cut
 *     leaves at most one thing unproven: the last frame, or the sector after the head.
 *     [log_error_test.c]
 *  2. A sector is used only if its PREP is valid, and PREP is programmed only when its erase is
 *     done. What reads blank without it is erased again. A PREP that a power-on finds may itself
 *     have been cut: it is programmed once more, which completes weak bits (the only bytes that are
 *     ever programmed again), or, where the part limits programs or that is not enough, the sector
 *     is erased again.
 *     [a_sector_found_prepared_is_used_or_erased_where_it_refuses,
 *     prep_is_programmed_no_more_often_than_the_part_allows]
 *  3. After a power-on nothing is programmed into a segment that an interrupted program may have
 *     touched: if the segment of the last frame has room left, that is what it may have touched,
 *     else the segment after it, too, unless the log was sealed.
 *     [a_full_segment_has_the_next_one_left_as_well,
 *     a_sealed_log_goes_on_in_the_very_next_segment]
 *  4. The first thing that is programmed is BASE, in a segment that reads blank beyond those, or in
 *     a new sector; always there in the strict profile.
 *     [a_segment_that_does_not_read_blank_is_left,
 *     where_no_segment_is_left_the_next_sector_is_opened,
 *     the_strict_profile_opens_the_next_sector_and_erases_it]
 *  5. BASE is read back. Where that fails, or a copy can't be read, it is done anew in a sector
 *     that is erased for it; up to three times.
 *     [a_base_that_cannot_be_read_back_is_written_to_a_sector_erased_for_it]
 *  6. BASE decides which records there are; what turns up later under a number from there on is
 *     void. The second power-on may decide otherwise than the first if BASE itself was cut; the
 *     places for a BASE with copies and for one without are not the same.
 *     [a_record_that_was_cut_is_not_there_and_its_number_is_free]
 *  7. The records in the last frame may be what a cut left, and weak. BASE counts them in, and they
 *     are written again after it under the same numbers. Whoever reads takes the one that is valid.
 *     In the segment profile that is done as far as they fit the segment of the BASE. In a new
 *     sector all of them fit: a batch ends before there are more. Else the next one would be erased
 *     for them, and in a small ring they are copied from there. What can't be read takes no other
 *     record with it.
 *     [the_last_record_is_written_again_in_the_next_segment,
 *     a_record_too_large_for_the_segment_is_not_written_again,
 *     a_record_that_cannot_be_read_takes_no_other_with_it,
 *     scenarios/cases/rlog-rest-and-copy.case, scenarios/cases/rlog-copies-cross-sectors.case]
 *  8. Where the flash answers an error, nothing is decided from what was found until then.
 *     [ringlog_glitch_test.c]
 *  9. A power-on writes nothing. So one that appends nothing neither wears nor loses.
 *     [rlog_test.c: a_device_that_only_reboots_wears_nothing]
 * 10. The sector after the head is never seen, since it may be under erase. Opening it as the new
 *     head is one program, BASE, which is also what makes the next one disappear.
 *     [rlog_test.c: clear_costs_the_same_on_every_log]
 */
#include "rlog_internal.h"

#include <string.h>

/* A batch in which a record goes on begins only where there is that much room. */
#define ROOM_MIN 6u

/* --- entering and leaving --- */

static int enter(struct rlog *log)
{
    if (log->read_only) return RINGLOG_ERR_UNSUPPORTED;
    if (log->state == RLOG_LOST) rlog_resolve(log);
    return log->error;
}

/* After an error nothing that the log knows is certain. */
static int leave(struct rlog *log)
{
    if (log->error) log->state = RLOG_LOST;
    rlog_check(log);
    return log->error;
}

/* --- sectors --- */

static uint32_t next_sector(const struct rlog *log)
{
    return log->head + 1 == rlog_sector_count(log) ? 0 : log->head + 1;
}

static uint32_t next_lap(const struct rlog *log)
{
    return next_sector(log) == 0 ? log->lap + 1 : log->lap;
}

/* Looks whether the sector after the head was prepared before this power-on. */
static void look_at_next(struct rlog *log)
{
    struct sector sector;
    if (!WITH_SEGMENT || log->next_is != NEXT_UNKNOWN || rlog_is_strict(log)) return;
    rlog_read_sector(log, next_sector(log), &sector);
    if (sector.prepared && sector.lap == next_lap(log) && !sector.opened &&
        rlog_segment_blank(log, next_sector(log), 0))
        log->next_is = NEXT_FOUND;
}

static void erase_next(struct rlog *log)
{
    uint32_t sector = next_sector(log);
    if (log->cached_sector == sector) rlog_forget_segment(log);
    if (!log->error)
        log->error = bo_flash_erase(log->flash, sector * log->flash->geometry.sector_size);
    rlog_write_prep(log, sector, next_lap(log));
}

static void prepare_next(struct rlog *log)
{
    look_at_next(log);
    if ((WITH_AHEAD || WITH_SEGMENT) && log->next_is != NEXT_UNKNOWN) return;
    erase_next(log);
    if (!log->error) log->next_is = NEXT_READY;
}

/* See 2 above. How often earlier power-ons have programmed PREP is not known: on a part that counts
 * programs no sector is FOUND (rlog_setup). */
static void prove_next(struct rlog *log)
{
    prepare_next(log);
    if (WITH_SEGMENT && log->next_is == NEXT_FOUND)
        rlog_write_prep(log, next_sector(log), next_lap(log));
}

static uint32_t seen_before(const struct rlog *log, uint64_t base)
{
    uint64_t seen = base - log->floor;
    return log->floor == 0 || seen >= RLOG_NONE ? RLOG_NONE : (uint32_t)seen;
}

/* A BASE that can't be read would hide its sector. */
static void read_sector_back(struct rlog *log)
{
    struct sector sector;
    if (log->error) return;
    rlog_read_sector(log, log->head, &sector);
    if (!log->error && !sector.opened) log->error = BO_FLASH_ERR_IO;
}

static void open_prepared(struct rlog *log, const struct base *base)
{
    log->lap = next_lap(log);
    log->head = next_sector(log);
    log->at_segment = 0;
    log->at = rlog_segment_start(log, 0);
    log->base = base->base;
    rlog_write_base(log, base);
    read_sector_back(log);
}

static void open_next(struct rlog *log, uint32_t copies, uint64_t number, uint8_t flags)
{
    struct base base = {.base = number,
                        .time = log->time,
                        .copies = copies,
                        .seen = seen_before(log, number),
                        .flags = flags};
    if (log->error) return; /* what is to be opened and why is not certain then */
    prove_next(log);
    uint32_t head = log->head, lap = log->lap;
    open_prepared(log, &base);
    if (WITH_SEGMENT && log->error == BO_FLASH_ERR_IO) {
        /* It read blank and was not: a BASE was cut there. Or the place is bad. (Without
         * RLOG_SEGMENT it was erased just now.) */
        log->error = BO_FLASH_OK;
        log->head = head;
        log->lap = lap;
        erase_next(log);
        open_prepared(log, &base);
    }
    log->next_is = NEXT_UNKNOWN;
    log->accepted = number + copies;
}

/* --- records --- */

/* To the next place for a frame; `inside`: the record `number` goes on there. A sector that is
 * opened amid copies says how many are to come, so that who looks for one goes to where it came
 * from. */
static void turn_segment(struct rlog *log, uint64_t number, bool inside)
{
    if (log->at_segment + 1 < log->segment_count && number - log->base < 0xF000) {
        log->at_segment++;
        log->at = rlog_segment_start(log, log->at_segment);
        return;
    }
    uint32_t copies = log->accepted > number ? (uint32_t)(log->accepted - number) : 0;
    open_next(log, copies, number, inside ? BASE_GOES_ON : 0);
}

static enum frame_type record_type(bool inside, bool ends)
{
    if (inside) return ends ? FRAME_LAST : FRAME_MID;
    return ends ? FRAME_FULL : FRAME_FIRST;
}

/* A part of a record, from `data`, or, when that is NULL, from where the record is. */
static bool get_part(struct rlog *log, uint64_t number, const uint8_t *data, uint32_t done,
                     uint8_t *to, uint32_t part)
{
    struct rlog_record record = rlog_record_to(to, part, done);
    if (part == 0) return true;
    if (data) memcpy(to, data + done, part);
    return data || (rlog_find(log, &record, number) && record.number == number);
}

/* Writes a record, a frame for each segment. False after an error, or when a part could not be
 * had. */
static bool write_record(struct rlog *log, const uint8_t *data, uint64_t number, uint32_t size)
{
    bool inside = false;
    uint32_t done = 0, part;
    do {
        while ((part = rlog_room(log)) == 0 && !log->error)
            turn_segment(log, number, inside);
        if (part > size - done) part = size - done;
        if (log->error || !get_part(log, number, data, done, log->out + rlog_header(log), part))
            return false;
        rlog_write_frame(log, record_type(inside, part == size - done), number, part);
        inside = true;
        done += part;
    } while (done < size);
    return true;
}

/* --- the batch --- */

static void flush(struct rlog *log, bool goes_on)
{
    static const enum frame_type types[2][2] = {{FRAME_BATCH, FRAME_BATCH_E},
                                                {FRAME_BATCH_C, FRAME_BATCH_CE}};
    if (!WITH_BATCH || log->fill == 0) return;
    rlog_write_frame(log, types[log->goes_on][goes_on], log->first_in, log->fill);
    rlog_drop_batch(log);
    log->goes_on = false;
}

/* Whether the records that end in the batch, this one among them, fit the rest of a new sector when
 * they are copied, see 7 above; the one that goes on is copied whole. */
static bool copies_fit(const struct rlog *log, uint32_t bytes)
{
    uint32_t most = rlog_record_max(&log->flash->geometry, (uint16_t)log->segment_size);
    return !log->goes_on || log->whole + bytes <= most;
}

/* Room for `size` bytes in the batch, in this segment or the next one. `left`: bytes that the
 * record `number` has to go on with; 0: it begins. */
static uint8_t *make_room(struct rlog *log, uint64_t number, uint32_t size, uint32_t left)
{
    if (log->fill && log->fill + size > rlog_room(log)) flush(log, left != 0);
    if (log->fill == 0) {
        while (rlog_room(log) < (left ? ROOM_MIN : size) && !log->error)
            turn_segment(log, number, left != 0);
        log->first_in = number;
        log->goes_on = left != 0;
        if (left) log->fill = rlog_put_varint(log->out + rlog_header(log), left);
    }
    return log->out + rlog_header(log) + log->fill;
}

/* False after an error, or when a part could not be had. */
static bool batch_record(struct rlog *log, const uint8_t *data, uint64_t number, uint32_t size)
{
    uint8_t length[5];
    uint32_t taken = rlog_put_varint(length, size), done = 0;
    if (!copies_fit(log, taken + size)) flush(log, false);
    uint8_t *to = make_room(log, number, taken, 0);
    if (log->error) return false;
    memcpy(to, length, taken);
    log->fill += taken;
    while (done < size && !log->error) {
        to = make_room(log, number, 1, size - done);
        uint32_t room = rlog_room(log) - log->fill;
        uint32_t part = size - done < room ? size - done : room;
        if (log->error || !get_part(log, number, data, done, to, part)) return false;
        log->fill += part;
        done += part;
    }
    log->whole += taken + size;
    return !log->error;
}

/* --- after a power-on --- */

/* Whether a record before that number is seen. */
static bool any_before(struct rlog *log, uint64_t number)
{
    struct rlog_record record = rlog_record_to(NULL, 0, 0);
    return rlog_find(log, &record, log->floor) && record.number < number;
}

/* How many records of the last frame, from log->unproven, are to be written again: all that can be
 * read; or none, if together they take more than `room` bytes as frames of their own. What can't be
 * read is not there, and its number is free; unless all before it went as well, which was the ring
 * and not the cut. */
static uint32_t count_copies(struct rlog *log, uint32_t room)
{
    struct rlog_walk walk;
    struct rlog_record record = rlog_record_to(NULL, 0, 0);
    uint64_t number = log->unproven;
    uint32_t sum = 0;
    if (number == log->next) return 0;
    rlog_walk_to(log, &walk, number);
    while (number < log->next && rlog_walk_on(log, &walk, number, &record)) {
        if (number == log->unproven && record.number < log->next)
            number = log->unproven = record.number; /* the first began where nothing can be read */
        if (record.number != number) break;
        sum += rlog_up(log, SHORT_HEADER + record.size);
        if (sum > room) return 0;
        number++;
    }
    if (number < log->next && !any_before(log, number)) return 0;
    if (!log->error) log->next = number;
    return (uint32_t)(number - log->unproven);
}

/* Writes a record again. False when it could not be read any more. */
static bool copy_record(struct rlog *log, uint64_t number, bool batch)
{
    struct rlog_record record = rlog_record_to(NULL, 0, 0);
    if (!rlog_find(log, &record, number) || record.number != number) return false;
    return batch ? batch_record(log, NULL, number, record.size)
                 : write_record(log, NULL, number, record.size);
}

/* What was a batch is one again: a frame for each record might take more than there is. */
static bool copy_records(struct rlog *log, uint64_t number, uint32_t count)
{
    bool copied = true, batch = WITH_BATCH && count > 1;
    if (!log->error) log->state = RLOG_COPYING;
    for (; count != 0 && copied; count--, number++)
        copied = copy_record(log, number, batch);
    if (copied) flush(log, false);
    rlog_drop_batch(log);
    return copied;
}

/* The segment in which to resume; false: there is none in this sector. */
static bool find_resume_segment(struct rlog *log)
{
    uint32_t segment = log->at_segment + 1;
    if (rlog_room(log) < ROOM_MIN && log->state == RLOG_FOUND) segment++;
    for (uint32_t i = 0; i <= RLOG_HOLES_MAX && segment < log->segment_count; i++, segment++) {
        if (segment > log->at_segment + 1 + RLOG_HOLES_MAX) return false;
        if (rlog_segment_blank(log, log->head, segment)) {
            log->at_segment = segment;
            return true;
        }
    }
    return false;
}

static bool resume_in_segment(struct rlog *log)
{
    uint32_t start = rlog_segment_start(log, log->at_segment), base_size = log->base_size;
    uint32_t copies = count_copies(log, log->segment_size - 2 * base_size);
    uint64_t number = log->next - copies;
    struct base base = {.base = number,
                        .time = log->time,
                        .copies = copies,
                        .seen = seen_before(log, number),
                        .flags = BASE_RESUMES};
    log->at = copies ? start + base_size : start;
    struct frame frame;
    rlog_write_base(log, &base);
    rlog_load(log, log->head, log->lap, log->at_segment);
    if (!rlog_frame(log, 0, &frame) || frame.type != FRAME_BASE) return false;
    log->at = start + 2 * base_size;
    log->accepted = number + copies;
    return copy_records(log, number, copies);
}

static bool resume_in_sector(struct rlog *log)
{
    uint32_t copies = count_copies(log, UINT32_MAX);
    uint64_t number = log->next - copies;
    open_next(log, copies, number, 0);
    return copy_records(log, number, copies);
}

/* See 3 to 8 above. Where that fails, since a place that reads blank refuses to be programmed or a
 * record can be read now and then only, it is done anew in a sector that is erased for it. */
static void resume(struct rlog *log)
{
    for (unsigned tries = 0; tries < RLOG_TRIES; tries++) {
        if (tries) rlog_resolve(log);
        bool in_segment = !rlog_is_strict(log) && tries == 0 && find_resume_segment(log);
        bool done = in_segment ? resume_in_segment(log) : resume_in_sector(log);
        if (!done && !log->error) log->error = BO_FLASH_ERR_ECC;
        if (!log->error) log->state = RLOG_READY;
        if (log->error != BO_FLASH_ERR_IO && log->error != BO_FLASH_ERR_ECC) break;
    }
}

/* --- what the user asks --- */

int rlog_mount(struct rlog *log, const struct rlog_config *config)
{
    if (!rlog_setup(log, config)) return RINGLOG_ERR_GEOMETRY;
    rlog_resolve(log);
    return leave(log);
}

int rlog_format(struct rlog *log, const struct rlog_config *config)
{
    if (!rlog_setup(log, config)) return RINGLOG_ERR_GEOMETRY;
    if (log->read_only) return RINGLOG_ERR_UNSUPPORTED;
    uint32_t count = rlog_sector_count(log);
    for (uint32_t sector = 0; sector < count; sector++) {
        int error = bo_flash_erase(log->flash, sector * log->flash->geometry.sector_size);
        if (error) return error;
    }
    return rlog_mount(log, config);
}

int rlog_append(struct rlog *log, const void *data, uint32_t size, uint64_t time, uint64_t *number)
{
    int error = enter(log);
    if (error) return error;
    if (size > rlog_record_max(&log->flash->geometry, (uint16_t)log->segment_size))
        return RINGLOG_ERR_TOO_BIG;
    rlog_note_time(log, time);
    if (log->state == RLOG_SEALED) log->state = RLOG_READY;
    if (log->state != RLOG_READY) resume(log);
    if (log->error) return leave(log);
    if (WITH_BATCH && log->batch)
        batch_record(log, (const uint8_t *)data, log->next, size);
    else
        write_record(log, (const uint8_t *)data, log->next, size);
    if (log->error) return leave(log);
    if (number) *number = log->next;
    log->next++;
    if (WITH_AHEAD && log->ahead && log->at_segment >= log->segment_count / 2) {
        prepare_next(log);
        log->error = BO_FLASH_OK; /* the record is there; who needs the sector will try again */
    }
    return leave(log);
}

int rlog_sync(struct rlog *log)
{
    int error = enter(log);
    if (error) return error;
    flush(log, false);
    return leave(log);
}

int rlog_seal(struct rlog *log)
{
    int error = rlog_sync(log);
    if (error || log->state != RLOG_READY) return error;
    /* Not worth a sector: the next power-on suspects what it finds. */
    bool full = rlog_room(log) == 0;
    if (full && log->at_segment + 1 == log->segment_count) return BO_FLASH_OK;
    if (full) turn_segment(log, log->next, false);
    rlog_write_frame(log, FRAME_SEAL, log->next, 0);
    log->state = RLOG_SEALED;
    return leave(log);
}

#ifndef RLOG_NO_AHEAD
int rlog_prepare(struct rlog *log)
{
    int error = enter(log);
    if (error) return error;
    prepare_next(log);
    return leave(log);
}

#endif

int rlog_clear(struct rlog *log)
{
    int error = enter(log);
    if (error) return error;
    rlog_drop_batch(log);
    log->floor = log->next;
    if (log->state == RLOG_EMPTY) return BO_FLASH_OK;
    open_next(log, 0, log->next, 0);
    log->state = RLOG_READY;
    return leave(log);
}
