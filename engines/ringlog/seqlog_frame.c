/* SPDX-License-Identifier: MIT */
/* seqlog_frame.c - records in their frames.
 *
 * A frame begins at a unit, with a mark: 0x40 plus the low 6 bits of the record's number. So it is
 * never mistaken for blank flash, and its first unit, once programmed, is seen. Then, by framing,
 *
 *     length  0   u8   mark                        cobs  0    u8   mark
 *             1   u8   check of the length               1    COBS of the record and, little
 *             2   u16  length                                 endian, its CRC
 *             4   u32  CRC                               end  u8   0
 *             8   the record
 *
 * and 0xFF up to the unit. The CRC-32C begins with the identity of the sector, the place in it and
 * the record's number, all 48 bits: what an earlier lap left, or another place, is not valid. The
 * number follows from the mark, as long as fewer than 64 records in a row are lost.
 *
 * The reader takes a place for a frame when all its checks are right. Where they are not, it looks
 * further: at each unit that has a mark, or, with COBS, after the next zero. Nothing that is torn
 * hides what follows.
 *
 * One thing must not happen: that what is programmed after a torn frame completes it. A frame that
 * was cut between two pages may lack few bytes, and the next one may begin with just these. So
 * before a frame is programmed after a torn place, the reader itself is sent over it (seqlog.c,
 * proven); and with COBS a zero is put in front, to end what was begun.
 */
#include <string.h>

#include "cobs.h"
#include "../crc32c.h"
#include "seqlog_internal.h"

#define MARK 0x40u
#define MARK_BITS 0x3Fu
#define LENGTH_HEAD 8u
#define CRC_SIZE 4u

uint32_t seqlog_frame_size_max(enum seqlog_framing framing, uint32_t size, uint32_t unit)
{
    if (framing == SEQLOG_LENGTH) return seqlog_round(LENGTH_HEAD + size, unit);
    return seqlog_round(1 + bo_cobs_size_max(size + CRC_SIZE) + 1, unit);
}

static uint32_t frame_seed(uint32_t identity, uint32_t offset, uint64_t number)
{
    uint8_t bytes[10];
    seqlog_put(bytes, offset, 4);
    seqlog_put(bytes + 4, number, 6);
    return bo_crc32c(identity, bytes, sizeof bytes);
}

static uint8_t frame_mark(uint64_t number)
{
    return (uint8_t)(MARK | (number & MARK_BITS));
}

static bool is_mark(uint8_t byte)
{
    return (byte & ~MARK_BITS) == MARK;
}

/* The number that a mark stands for, when `next` is the least that it can be. */
static uint64_t mark_number(uint8_t mark, uint64_t next)
{
    return next + ((mark - next) & MARK_BITS);
}

static uint8_t length_check(uint32_t crc)
{
    return (uint8_t)(crc ^ crc >> 8 ^ crc >> 16 ^ crc >> 24);
}

/* Writing ----------------------------------------------------------------------------------- */

static uint32_t compose_length(uint8_t *out, uint32_t seed, uint64_t number, const void *data,
                               uint32_t size)
{
    seqlog_put(out + 2, size, 2);
    uint32_t crc = bo_crc32c(seed, out + 2, 2);
    out[0] = frame_mark(number);
    out[1] = length_check(crc);
    seqlog_put(out + 4, ~bo_crc32c(crc, data, size), 4);
    if (size != 0) memcpy(out + LENGTH_HEAD, data, size);
    return LENGTH_HEAD + size;
}

static uint32_t compose_cobs(uint8_t *out, uint32_t seed, uint64_t number, const void *data,
                             uint32_t size)
{
    uint8_t crc[CRC_SIZE];
    struct bo_cobs_encoder encoder;
    seqlog_put(crc, ~bo_crc32c(seed, data, size), CRC_SIZE);
    out[0] = frame_mark(number);
    bo_cobs_encode_start(&encoder, out + 1);
    bo_cobs_encode(&encoder, data, size);
    bo_cobs_encode(&encoder, crc, CRC_SIZE);
    uint32_t used = 1 + bo_cobs_encode_end(&encoder);
    out[used] = 0;
    return used + 1;
}

uint32_t seqlog_frame_compose(struct seqlog *log, uint32_t identity, uint32_t offset,
                              uint64_t number, const void *data, uint32_t size, bool torn,
                              uint32_t *lead)
{
    uint32_t unit = log->flash->geometry.unit, used;
    bool cobs = log->framing == SEQLOG_COBS;
    uint8_t *out = log->work;
    log->window_size = 0;
    *lead = torn && cobs ? unit : 0;
    memset(out, 0xFF, *lead);
    if (*lead != 0) out[0] = 0;
    uint32_t seed = frame_seed(identity, offset + *lead, number);
    if (cobs)
        used = *lead + compose_cobs(out + *lead, seed, number, data, size);
    else
        used = compose_length(out, seed, number, data, size);
    uint32_t whole = seqlog_round(used, unit);
    memset(out + used, 0xFF, whole - used);
    return whole;
}

/* Reading: what comes out of a frame -------------------------------------------------------- */

/* Takes the bytes of a record: sums them up, and keeps those that the caller has room for. */
struct sink {
    uint32_t crc;
    uint8_t *bytes;
    uint32_t capacity, size;
};

static void sink_take(struct sink *sink, const uint8_t *bytes, uint32_t size)
{
    uint32_t room = sink->size < sink->capacity ? sink->capacity - sink->size : 0;
    sink->crc = bo_crc32c(sink->crc, bytes, size);
    if (room != 0) memcpy(sink->bytes + sink->size, bytes, seqlog_minimum(size, room));
    sink->size += size;
}

/* The first bytes at a place; NO when the part can't read them. */
static int gather(struct seqlog *log, const struct seqlog_cursor *cursor, uint8_t *bytes,
                  uint32_t size)
{
    uint32_t offset = cursor->offset, end = offset + size;
    while (offset < end) {
        struct seqlog_run run;
        int error = seqlog_look(log, cursor->base, offset, end, &run);
        if (error) return error;
        if (run.bytes == NULL) return SEQLOG_NO;
        memcpy(bytes, run.bytes, run.size);
        bytes += run.size;
        offset += run.size;
    }
    return SEQLOG_YES;
}

/* Length framing ---------------------------------------------------------------------------- */

static int length_body(struct seqlog *log, const struct seqlog_cursor *cursor, uint32_t size,
                       struct sink *sink)
{
    uint32_t offset = cursor->offset + LENGTH_HEAD, end = offset + size;
    while (offset < end) {
        struct seqlog_run run;
        int error = seqlog_look(log, cursor->base, offset, cursor->end, &run);
        if (error) return error;
        if (run.bytes == NULL) return SEQLOG_NO;
        run.size = seqlog_minimum(run.size, end - offset);
        sink_take(sink, run.bytes, run.size);
        offset += run.size;
    }
    return SEQLOG_YES;
}

/* Whether a good frame begins at the cursor. */
static int length_try(struct seqlog *log, struct seqlog_cursor *cursor, struct sink *sink,
                      struct seqlog_frame *frame)
{
    uint8_t head[LENGTH_HEAD];
    uint32_t room = cursor->end - cursor->offset;
    if (room < LENGTH_HEAD) return SEQLOG_NO;
    int answer = gather(log, cursor, head, LENGTH_HEAD);
    if (answer != SEQLOG_YES) return answer;
    uint32_t size = (uint32_t)seqlog_get(head + 2, 2);
    if (!is_mark(head[0]) || size > room - LENGTH_HEAD) return SEQLOG_NO;
    frame->number = mark_number(head[0], cursor->number);
    sink->crc = bo_crc32c(frame_seed(cursor->identity, cursor->offset, frame->number), head + 2, 2);
    sink->size = 0;
    if (head[1] != length_check(sink->crc)) return SEQLOG_NO;
    answer = length_body(log, cursor, size, sink);
    if (answer != SEQLOG_YES || ~sink->crc != (uint32_t)seqlog_get(head + 4, 4))
        return answer < 0 ? answer : SEQLOG_NO;
    frame->offset = cursor->offset;
    frame->size = size;
    cursor->offset = seqlog_round(cursor->offset + LENGTH_HEAD + size, log->flash->geometry.unit);
    return SEQLOG_YES;
}

static uint32_t find_mark(const struct seqlog_run *run)
{
    uint32_t in = 0;
    while (in < run->size && !is_mark(run->bytes[in]))
        in++;
    return in;
}

/* Moves the cursor to the next unit that begins with a mark, or to the end. */
static int length_skip(struct seqlog *log, struct seqlog_cursor *cursor)
{
    uint32_t unit = log->flash->geometry.unit;
    while (cursor->offset < cursor->end) {
        struct seqlog_run run;
        int error = seqlog_look(log, cursor->base, cursor->offset, cursor->end, &run);
        if (error) return error;
        uint32_t in = run.bytes != NULL ? find_mark(&run) : run.size;
        if (in == 0) return BO_FLASH_OK;
        cursor->offset = seqlog_round(cursor->offset + in, unit);
    }
    return BO_FLASH_OK;
}

static int length_next(struct seqlog *log, struct seqlog_cursor *cursor, struct sink *sink,
                       struct seqlog_frame *frame)
{
    for (;;) {
        int answer = length_skip(log, cursor);
        if (answer) return answer;
        if (cursor->offset >= cursor->end) return SEQLOG_NO;
        answer = length_try(log, cursor, sink, frame);
        if (answer != SEQLOG_NO) return answer;
        cursor->offset += log->flash->geometry.unit;
    }
}

/* COBS -------------------------------------------------------------------------------------- */

/* A frame in the middle. The last bytes that came out may be the CRC and are held back. */
struct unstuffing {
    struct bo_cobs_decoder decoder;
    uint8_t held[CRC_SIZE];
    uint32_t count; /* bytes that came out */
};

static void unstuff(struct unstuffing *u, struct sink *sink, uint8_t byte)
{
    uint8_t out;
    if (bo_cobs_decode(&u->decoder, byte, &out) == 0) return;
    uint8_t *place = &u->held[u->count % CRC_SIZE];
    if (u->count >= CRC_SIZE) sink_take(sink, place, 1);
    *place = out;
    u->count++;
}

/* Whether it came out whole, and its CRC, which is the last that did, is right. */
static bool unstuffed_well(const struct unstuffing *u, const struct sink *sink)
{
    uint8_t crc[CRC_SIZE];
    if (!bo_cobs_decode_whole(&u->decoder) || u->count < CRC_SIZE) return false;
    for (uint32_t i = 0; i < CRC_SIZE; i++)
        crc[i] = u->held[(u->count + i) % CRC_SIZE];
    return (uint32_t)seqlog_get(crc, CRC_SIZE) == ~sink->crc;
}

/* The next zero, or the end. */
static int cobs_zero(struct seqlog *log, const struct seqlog_cursor *cursor, uint32_t *zero)
{
    *zero = cursor->offset;
    while (*zero < cursor->end) {
        struct seqlog_run run;
        int error = seqlog_look(log, cursor->base, *zero, cursor->end, &run);
        if (error) return error;
        const uint8_t *found =
            run.bytes != NULL ? (const uint8_t *)memchr(run.bytes, 0, run.size) : NULL;
        *zero += found != NULL ? (uint32_t)(found - run.bytes) : run.size;
        if (found != NULL) return BO_FLASH_OK;
    }
    return BO_FLASH_OK;
}

/* The bytes from after the mark up to the zero. */
static int cobs_body(struct seqlog *log, const struct seqlog_cursor *cursor, uint32_t zero,
                     struct sink *sink)
{
    struct unstuffing u;
    memset(&u, 0, sizeof u);
    uint32_t offset = cursor->offset + 1;
    while (offset < zero) {
        struct seqlog_run run;
        int error = seqlog_look(log, cursor->base, offset, cursor->end, &run);
        if (error) return error;
        if (run.bytes == NULL) return SEQLOG_NO;
        run.size = seqlog_minimum(run.size, zero - offset);
        for (uint32_t i = 0; i < run.size; i++)
            unstuff(&u, sink, run.bytes[i]);
        offset += run.size;
    }
    return unstuffed_well(&u, sink) ? SEQLOG_YES : SEQLOG_NO;
}

/* Whether a good frame lies between the cursor and `zero`. */
static int cobs_try(struct seqlog *log, const struct seqlog_cursor *cursor, uint32_t zero,
                    struct sink *sink, struct seqlog_frame *frame)
{
    uint8_t mark;
    if (zero < cursor->offset + 1 + CRC_SIZE) return SEQLOG_NO;
    int answer = gather(log, cursor, &mark, 1);
    if (answer != SEQLOG_YES || !is_mark(mark)) return answer < 0 ? answer : SEQLOG_NO;
    frame->number = mark_number(mark, cursor->number);
    sink->crc = frame_seed(cursor->identity, cursor->offset, frame->number);
    sink->size = 0;
    answer = cobs_body(log, cursor, zero, sink);
    frame->offset = cursor->offset;
    frame->size = sink->size;
    return answer;
}

static int cobs_next(struct seqlog *log, struct seqlog_cursor *cursor, struct sink *sink,
                     struct seqlog_frame *frame)
{
    while (cursor->offset < cursor->end) {
        uint32_t zero;
        int answer = cobs_zero(log, cursor, &zero);
        if (answer) return answer;
        if (zero >= cursor->end) break;
        answer = cobs_try(log, cursor, zero, sink, frame);
        if (answer < 0) return answer;
        cursor->offset = seqlog_round(zero + 1, log->flash->geometry.unit);
        if (answer == SEQLOG_YES) return SEQLOG_YES;
    }
    cursor->offset = cursor->end;
    return SEQLOG_NO;
}

/* Both -------------------------------------------------------------------------------------- */

int seqlog_frame_next(struct seqlog *log, struct seqlog_cursor *cursor, uint8_t *buffer,
                      uint32_t capacity, struct seqlog_frame *frame)
{
    struct sink sink = {0, buffer, capacity, 0};
    int answer = log->framing == SEQLOG_COBS ? cobs_next(log, cursor, &sink, frame)
                                             : length_next(log, cursor, &sink, frame);
    if (answer < 0) return answer;
    if (answer == SEQLOG_NO) return RINGLOG_ERR_NOT_FOUND;
    cursor->number = frame->number + 1;
    return BO_FLASH_OK;
}
