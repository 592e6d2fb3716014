/* SPDX-License-Identifier: MIT */
/* seqlog_read.c - records by number, and one after the other.
 *
 * The sectors of the log are counted back from the head: 0 is the head, header.reach the oldest.
 * The numbers of their first records fall with that, so the sector of a record is found by
 * bisection; a sector that can't be read proves nothing and is stepped over. In the sector the
 * records are counted through. A record that is missing between others was lost to rot: the numbers
 * of the others, which their frames and headers hold, show it.
 */
#include <string.h>

#include "seqlog_internal.h"

/* Sectors ----------------------------------------------------------------------------------- */

/* The header of the sector `back` places before the head. NO: it can't be read, or makes no sense
 * there. */
static int back_header(struct seqlog *log, uint32_t back, struct seqlog_header *header)
{
    *header = log->header;
    if (back == 0) return SEQLOG_YES;
    int state = seqlog_sector_read(log, seqlog_back(log, log->head, back), header);
    if (state != SEQLOG_VALID) return state < 0 ? state : SEQLOG_NO;
    bool right = header->sequence == seqlog_sequence_back(log, log->header.sequence, back) &&
                 header->first <= log->header.first;
    return right ? SEQLOG_YES : SEQLOG_NO;
}

/* The oldest readable sector, of those from *back down to the head. */
static int oldest_readable(struct seqlog *log, uint32_t *back, struct seqlog_header *header)
{
    for (;; --*back) {
        int answer = back_header(log, *back, header);
        if (answer != SEQLOG_NO) return answer < 0 ? answer : BO_FLASH_OK;
    }
}

int seqlog_first(struct seqlog *log, uint64_t *number)
{
    struct seqlog_header header;
    uint32_t back = log->header.reach;
    *number = log->next;
    if (!log->open) return BO_FLASH_OK;
    int error = oldest_readable(log, &back, &header);
    if (error == BO_FLASH_OK) *number = header.first;
    return seqlog_checked(log, error);
}

/* A bisection. Counted from 1, the oldest, up: the sector `low` (0: none) begins early enough, the
 * sector `high` too late, or can't be read and nothing after it helps. */
struct location {
    uint64_t number;
    uint32_t low, high;
    struct seqlog_header header; /* of `low` */
};

static int location_narrow(struct seqlog *log, struct location *l, uint32_t middle)
{
    for (uint32_t at = middle; at < l->high; at++) {
        struct seqlog_header header;
        int answer = back_header(log, log->header.reach + 1 - at, &header);
        if (answer < 0) return answer;
        if (answer == SEQLOG_NO) continue;
        if (header.first > l->number) break;
        l->low = at;
        l->header = header;
        return BO_FLASH_OK;
    }
    l->high = middle;
    return BO_FLASH_OK;
}

/* The newest readable sector that begins with record `number` or an earlier one. NO: none does. */
static int locate(struct seqlog *log, uint64_t number, uint32_t *back, struct seqlog_header *header)
{
    struct location l = {number, 0, log->header.reach + 1, log->header};
    *back = 0;
    *header = log->header;
    if (number >= log->header.first) return SEQLOG_YES;
    while (l.high - l.low > 1) {
        int error = location_narrow(log, &l, l.low + (l.high - l.low) / 2);
        if (error) return error;
    }
    *back = log->header.reach + 1 - l.low;
    *header = l.header;
    return l.low != 0 ? SEQLOG_YES : SEQLOG_NO;
}

/* The records of a sector. */
static struct seqlog_cursor records(const struct seqlog *log, uint32_t back,
                                    const struct seqlog_header *header)
{
    struct seqlog_cursor cursor =
        seqlog_sector_cursor(log, seqlog_back(log, log->head, back), header);
    if (back == 0) cursor.end = log->end;
    return cursor;
}

/* By number ---------------------------------------------------------------------------------- */

/* The record of that number in its sector, in one pass: its frame is not looked for first and then
 * read once more, since a part may read it otherwise the second time. */
static int read_in_sector(struct seqlog *log, uint64_t number, struct seqlog_cursor *cursor,
                          uint8_t *buffer, uint32_t capacity, struct seqlog_frame *frame)
{
    int error;
    do
        error = seqlog_frame_next(log, cursor, buffer, capacity, frame);
    while (error == BO_FLASH_OK && frame->number < number);
    bool lost = error == BO_FLASH_OK && frame->number > number;
    return lost || error == RINGLOG_ERR_NOT_FOUND ? RINGLOG_ERR_DAMAGED : error;
}

int seqlog_read(struct seqlog *log, uint64_t number, void *buffer, uint32_t capacity,
                uint32_t *size)
{
    struct seqlog_header header;
    struct seqlog_frame frame;
    uint32_t back;
    if (!log->open || number >= log->next) return RINGLOG_ERR_NOT_FOUND;
    int answer = locate(log, number, &back, &header);
    if (answer != SEQLOG_YES) return answer < 0 ? answer : RINGLOG_ERR_NOT_FOUND;
    struct seqlog_cursor cursor = records(log, back, &header);
    int error = read_in_sector(log, number, &cursor, (uint8_t *)buffer, capacity, &frame);
    if (error) return error;
    *size = frame.size;
    return seqlog_checked(log, frame.size > capacity ? (int)RINGLOG_ERR_BUFFER : BO_FLASH_OK);
}

/* One after the other ------------------------------------------------------------------------ */

void seqlog_iterate(struct seqlog_iterator *iterator, uint64_t number)
{
    memset(iterator, 0, sizeof *iterator);
    iterator->number = number;
}

/* Puts the iterator into a sector: up to where the next readable one begins. */
static int enter(struct seqlog *log, struct seqlog_iterator *it, uint32_t back,
                 const struct seqlog_header *header)
{
    struct seqlog_header next;
    uint32_t after = back;
    it->cursor = records(log, back, header);
    it->back = back;
    it->limit = log->next;
    it->changes = log->changes;
    if (it->number < header->first) it->number = header->first;
    if (back != 0) {
        after--;
        int error = oldest_readable(log, &after, &next);
        if (error) return error;
        it->limit = next.first;
    }
    it->placed = true;
    return BO_FLASH_OK;
}

/* Puts the iterator into the sector of its number, or into the oldest. */
static int place(struct seqlog *log, struct seqlog_iterator *it)
{
    struct seqlog_header header;
    uint32_t back;
    int answer = locate(log, it->number, &back, &header);
    if (answer < 0) return answer;
    if (answer == SEQLOG_NO) {
        back = log->header.reach;
        int error = oldest_readable(log, &back, &header);
        if (error) return error;
    }
    return enter(log, it, back, &header);
}

/* Puts the iterator into the sector after its own, or into the one of its number if the log was
 * changed. */
static int move_on(struct seqlog *log, struct seqlog_iterator *it)
{
    struct seqlog_header header;
    uint32_t back = it->back - 1;
    if (!it->placed || it->changes != log->changes || it->back == 0) return place(log, it);
    int error = oldest_readable(log, &back, &header);
    return error ? error : enter(log, it, back, &header);
}

/* Whether the iterator is in the sector of its number. */
static bool in_place(const struct seqlog *log, const struct seqlog_iterator *it)
{
    return it->placed && it->changes == log->changes && it->number < it->limit;
}

/* The next record of the sector. */
static int next_in_sector(struct seqlog *log, struct seqlog_iterator *it, uint8_t *buffer,
                          uint32_t capacity, struct seqlog_frame *frame)
{
    while (it->number < it->limit) {
        struct seqlog_cursor before = it->cursor;
        int error = seqlog_frame_next(log, &it->cursor, buffer, capacity, frame);
        if (error) return error;
        if (frame->number < it->number) continue;
        if (frame->number >= it->limit) break;
        if (frame->size <= capacity) return BO_FLASH_OK;
        it->cursor = before;
        return RINGLOG_ERR_BUFFER;
    }
    return RINGLOG_ERR_NOT_FOUND;
}

int seqlog_next(struct seqlog *log, struct seqlog_iterator *it, void *buffer, uint32_t capacity,
                uint32_t *size, uint64_t *number)
{
    while (log->open && it->number < log->next) {
        struct seqlog_frame frame = {0, 0, 0};
        int error = in_place(log, it) ? BO_FLASH_OK : move_on(log, it);
        if (error) return error;
        error = next_in_sector(log, it, (uint8_t *)buffer, capacity, &frame);
        if (error == BO_FLASH_OK || error == RINGLOG_ERR_BUFFER) {
            *size = frame.size;
            *number = frame.number;
        }
        if (error == BO_FLASH_OK) it->number = frame.number + 1;
        if (error != RINGLOG_ERR_NOT_FOUND) return seqlog_checked(log, error);
        if (it->number < it->limit) it->number = it->limit; /* lost to rot */
    }
    return RINGLOG_ERR_NOT_FOUND;
}
