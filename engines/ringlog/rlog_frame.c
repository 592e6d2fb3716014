/* SPDX-License-Identifier: MIT */
/* rlog_frame.c - see rlog_internal.h. */
#include "rlog_internal.h"

#include <string.h>

#include "../crc32c.h"

/* --- numbers in bytes --- */

static void put(uint8_t *to, uint32_t size, uint64_t n)
{
    for (; size--; n >>= 8)
        *to++ = (uint8_t)n;
}

static uint64_t get(const uint8_t *from, uint32_t size)
{
    uint64_t n = 0;
    while (size--)
        n = n << 8 | from[size];
    return n;
}

/* The check of a number after that of what comes before it. */
static uint32_t check_number(uint32_t crc, uint32_t size, uint32_t n)
{
    uint8_t bytes[4];
    put(bytes, size, n);
    return bo_crc32c(crc, bytes, size);
}

#ifndef RLOG_NO_BATCH

uint32_t rlog_put_varint(uint8_t *to, uint32_t n)
{
    uint32_t size = 0;
    for (; n > 0x7F; n >>= 7)
        to[size++] = (uint8_t)(n | 0x80);
    to[size++] = (uint8_t)n;
    return size;
}

uint32_t rlog_get_varint(const uint8_t *from, uint32_t size, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < size && i < 5; i++) {
        *n |= (uint32_t)(from[i] & 0x7F) << 7 * i;
        if (!(from[i] & 0x80)) return i + 1;
    }
    return 0;
}

#endif

/* --- geometry --- */

/* What objects are padded to: a read unit that can't be read must not take what was there before
 * with it. */
static uint32_t unit_of(const struct bo_flash_geometry *g)
{
    return g->read_unit > g->unit ? g->read_unit : g->unit;
}

static uint32_t rounded_up(uint32_t n, uint32_t unit)
{
    return (n + unit - 1) & ~(unit - 1);
}

static uint32_t segment_size_of(const struct bo_flash_geometry *g, uint16_t wanted)
{
    uint32_t largest = g->sector_size & (0 - g->sector_size); /* power of two that divides it */
    if (wanted) return wanted;
    return largest < RLOG_SEGMENT_DEFAULT ? largest : RLOG_SEGMENT_DEFAULT;
}

uint32_t rlog_buffer_size(const struct bo_flash_geometry *g, uint16_t segment_size)
{
    if (!bo_flash_geometry_valid(g)) return 0;
    uint32_t size = segment_size_of(g, segment_size), unit = unit_of(g);
    /* Room for two BASE, or for PREP, which is no larger, and BASE, and for a byte after them. */
    uint32_t least = 2 * rounded_up(BASE_SIZE, unit) + rounded_up(FIRST_HEADER + 1, unit);
    if (!bo_flash_power_of_two(size) || size > RLOG_SEGMENT_MAX || g->sector_size % size != 0 ||
        size < least || g->sector_size / size > 4096 || g->sector_count < RLOG_SECTORS_MIN ||
        g->tear_scope == BO_FLASH_TEAR_SECTOR)
        return 0;
    return 2 * size;
}

uint32_t rlog_record_max(const struct bo_flash_geometry *g, uint16_t segment_size)
{
    uint32_t size = rlog_buffer_size(g, segment_size) / 2, unit = unit_of(g);
    uint32_t start = rounded_up(PREP_SIZE, unit) + rounded_up(BASE_SIZE, unit);
    uint32_t lost = FIRST_HEADER + 3 + unit; /* of a segment: header, a length, padding */
    return size ? g->sector_size / size * (size - lost) - start : 0;
}

bool rlog_setup(struct rlog *log, const struct rlog_config *config)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    uint32_t size = rlog_buffer_size(g, config->segment_size);
    memset(log, 0, sizeof *log);
    /* What reads blank may have been programmed: where that counts, nothing is resumed. */
    bool strict = config->profile == RLOG_STRICT || g->programs_per_unit != 0;
    if (size == 0 || config->buffer_size < size || !config->buffer) return false;
    if ((config->batch && !WITH_BATCH) || (config->ahead && !WITH_AHEAD) ||
        !(strict ? WITH_STRICT : WITH_SEGMENT))
        return false;
    log->flash = config->flash;
    log->segment = (uint8_t *)config->buffer;
    log->segment_size = size / 2;
    log->out = log->segment + log->segment_size;
    log->segment_count = g->sector_size / log->segment_size;
    log->unit = (uint8_t)unit_of(g);
    log->prep_size = (uint8_t)rlog_up(log, PREP_SIZE);
    log->base_size = (uint8_t)rlog_up(log, BASE_SIZE);
    log->strict = strict;
    log->batch = config->batch;
    log->ahead = config->ahead;
    log->read_only = config->read_only;
    uint32_t crc = check_number(BO_CRC32C_START, 2, config->id);
    crc = check_number(crc, 4, g->sector_count);
    crc = check_number(crc, 4, g->sector_size);
    crc = check_number(crc, 4, log->segment_size);
    log->seed = check_number(crc, 2, log->unit);
    rlog_forget_segment(log);
    return true;
}

/* --- checks --- */

static uint32_t check_start(const struct rlog *log, uint32_t sector, uint32_t lap, uint32_t offset)
{
    uint8_t bytes[12];
    put(bytes, 4, sector);
    put(bytes + 4, 4, lap);
    put(bytes + 8, 4, offset);
    return bo_crc32c(log->seed, bytes, sizeof bytes);
}

/* Of a frame of which the header, without the check, and after it the payload are given. */
static uint32_t frame_check(const struct rlog *log, uint32_t sector, uint32_t lap, uint32_t offset,
                            const uint8_t *frame, uint32_t header, uint32_t size)
{
    uint32_t crc = check_start(log, sector, lap, offset);
    crc = bo_crc32c(crc, frame, header - 4);
    return ~bo_crc32c(crc, frame + header, size);
}

/* Offset 0 is of PREP alone. */
static uint32_t prep_check(const struct rlog *log, uint32_t sector, uint32_t lap)
{
    return ~check_start(log, sector, lap, 0);
}

/* --- reading --- */

/* A read of whole units that goes on around those that can't be read: they give zeros, which no
 * check accepts. */
static void read_around(struct rlog *log, uint32_t address, uint8_t *to, uint32_t size)
{
    if (log->error) return;
    log->error = bo_flash_read(log->flash, address, to, size);
    if (log->error != BO_FLASH_ERR_ECC) return;
    do {
        log->error = bo_flash_read(log->flash, address, to, log->unit);
        if (log->error == BO_FLASH_ERR_ECC) {
            memset(to, 0, log->unit);
            log->error = BO_FLASH_OK;
        }
        address += log->unit;
        to += log->unit;
        size -= log->unit;
    } while (size && !log->error);
}

void rlog_forget_segment(struct rlog *log)
{
    log->cached_sector = log->cached_segment = RLOG_NONE;
}

void rlog_load(struct rlog *log, uint32_t sector, uint32_t lap, uint32_t segment)
{
    if (log->cached_sector == sector && log->cached_segment == segment) {
        log->cached_lap = lap;
        return;
    }
    uint32_t address = sector * log->flash->geometry.sector_size + segment * log->segment_size;
    rlog_forget_segment(log);
    read_around(log, address, log->segment, log->segment_size);
    if (log->error) return;
    log->cached_sector = sector;
    log->cached_segment = segment;
    log->cached_lap = lap;
}

#ifndef RLOG_NO_SEGMENT

bool rlog_segment_blank(struct rlog *log, uint32_t sector, uint32_t segment)
{
    uint8_t bytes[64];
    const struct bo_flash_geometry *g = &log->flash->geometry;
    uint32_t address = sector * g->sector_size + segment * log->segment_size;
    uint32_t skip = segment ? 0 : rlog_segment_start(log, 0);
    for (uint32_t at = 0; at < log->segment_size; at += sizeof bytes) {
        uint32_t size =
            log->segment_size - at < sizeof bytes ? log->segment_size - at : (uint32_t)sizeof bytes;
        if (log->error) return false;
        int error = bo_flash_read(log->flash, address + at, bytes, size);
        if (error && error != BO_FLASH_ERR_ECC) log->error = error;
        if (error) return false;
        for (uint32_t i = 0; i < size; i++) {
            if (at + i >= skip && bytes[i] != g->erased) return false;
        }
    }
    return true;
}

#endif

/* What was read of a sector: from `from` to `end`. */
struct part {
    const uint8_t *bytes;
    uint32_t from, end, sector, lap;
};

/* The frame at an offset, if its check is right. `first`: of its segment. */
static bool parse(const struct rlog *log, const struct part *in, uint32_t offset, bool first,
                  struct frame *frame)
{
    uint32_t header = first ? FIRST_HEADER : SHORT_HEADER;
    if (offset + header > in->end) return false;
    const uint8_t *at = in->bytes + (offset - in->from);
    uint32_t word = (uint32_t)get(at, 2), size = word & 0xFFF, type = word >> 12;
    if (type < FRAME_FULL || type > FRAME_SEAL || size > in->end - offset - header) return false;
    if ((uint32_t)get(at + header - 4, 4) !=
        frame_check(log, in->sector, in->lap, offset, at, header, size))
        return false;
    *frame = (struct frame){.type = (enum frame_type)type,
                            .after = offset + rlog_up(log, header + size),
                            .size = size,
                            .index = first ? (uint32_t)get(at + 2, 2) : 0,
                            .first = first,
                            .payload = at + header};
    return true;
}

bool rlog_frame(const struct rlog *log, uint32_t offset, struct frame *frame)
{
    uint32_t from = log->cached_segment * log->segment_size;
    uint32_t start = rlog_segment_start(log, log->cached_segment);
    struct part in = {log->segment, from, from + log->segment_size, log->cached_sector,
                      log->cached_lap};
    struct base base;
    if (log->error || log->cached_segment == RLOG_NONE) return false;
    if (offset > start) return parse(log, &in, offset, false, frame);
    bool found = parse(log, &in, start, true, frame);
    if (!found && log->cached_segment != 0) {
        found = parse(log, &in, start + log->base_size, true, frame) && frame->type == FRAME_BASE;
    }
    if (found && rlog_base_of(frame, &base) && base.flags & BASE_RESUMES)
        frame->after = start + 2 * log->base_size;
    return found;
}

bool rlog_base_of(const struct frame *frame, struct base *base)
{
    const uint8_t *p = frame->payload;
    if (frame->type != FRAME_BASE || frame->size != BASE_PAYLOAD) return false;
    base->base = get(p, 6);
    base->time = get(p + 6, 5);
    base->flags = p[11];
    base->copies = (uint32_t)get(p + 12, 2);
    base->seen = (uint32_t)get(p + 14, 4);
    return true;
}

void rlog_read_sector(struct rlog *log, uint32_t number, struct sector *sector)
{
    uint8_t bytes[2 * RLOG_UNIT_MAX]; /* either is no larger than the largest unit */
    const struct bo_flash_geometry *g = &log->flash->geometry;
    uint32_t start = log->prep_size, size = start + log->base_size;
    struct frame frame;
    memset(sector, 0, sizeof *sector);
    read_around(log, number * g->sector_size, bytes, size);
    if (log->error) return;
    sector->lap = (uint32_t)get(bytes, 4);
    struct part in = {bytes, 0, size, number, sector->lap};
    sector->prepared =
        sector->lap != 0 && (uint32_t)get(bytes + 4, 4) == prep_check(log, number, sector->lap);
    sector->opened = sector->prepared && parse(log, &in, start, true, &frame) &&
                     rlog_base_of(&frame, &sector->base);
}

/* --- writing --- */

static void program(struct rlog *log, uint32_t sector, uint32_t offset, const uint8_t *data,
                    uint32_t size)
{
    if (log->error) return;
    if (log->cached_sector == sector) rlog_forget_segment(log);
    log->error = bo_flash_program(log->flash, sector * log->flash->geometry.sector_size + offset,
                                  data, size);
}

void rlog_write_prep(struct rlog *log, uint32_t sector, uint32_t lap)
{
    uint8_t bytes[RLOG_UNIT_MAX];
    memset(bytes, log->flash->geometry.erased, sizeof bytes);
    put(bytes, 4, lap);
    put(bytes + 4, 4, prep_check(log, sector, lap));
    program(log, sector, 0, bytes, log->prep_size);
}

static bool at_segment_start(const struct rlog *log)
{
    return log->at == rlog_segment_start(log, log->at_segment);
}

uint32_t rlog_header(const struct rlog *log)
{
    return at_segment_start(log) ? FIRST_HEADER : SHORT_HEADER;
}

uint32_t rlog_room(const struct rlog *log)
{
    uint32_t left = rlog_segment_end(log, log->at_segment) - log->at, header = rlog_header(log);
    return left > header ? left - header : 0;
}

void rlog_write_frame(struct rlog *log, enum frame_type type, uint64_t number, uint32_t size)
{
    uint8_t *out = log->out;
    uint32_t header = type == FRAME_BASE ? FIRST_HEADER : rlog_header(log);
    uint32_t whole = rlog_up(log, header + size);
    put(out, 2, size | (uint32_t)type << 12);
    if (header == FIRST_HEADER) put(out + 2, 2, (number - log->base) & 0xFFFF);
    put(out + header - 4, 4, frame_check(log, log->head, log->lap, log->at, out, header, size));
    memset(out + header + size, log->flash->geometry.erased, whole - header - size);
    program(log, log->head, log->at, out, whole);
    log->at += whole;
}

void rlog_write_base(struct rlog *log, const struct base *base)
{
    uint8_t *p = log->out + FIRST_HEADER;
    put(p, 6, base->base);
    put(p + 6, 5, base->time);
    p[11] = base->flags;
    put(p + 12, 2, base->copies);
    put(p + 14, 4, base->seen);
    rlog_write_frame(log, FRAME_BASE, base->base, BASE_PAYLOAD);
}

/* --- checks of the engine itself --- */

#ifdef BO_CHECKS

void rlog_check(const struct rlog *log)
{
    BO_CHECK(log->state <= RLOG_SEALED && log->state != RLOG_COPYING);
    if (log->state == RLOG_LOST) return;
    BO_CHECK(log->error == BO_FLASH_OK); /* 5 */
    BO_CHECK(log->head < rlog_sector_count(log));
    BO_CHECK(log->at_segment < log->segment_count); /* 2 */
    BO_CHECK(log->at >= rlog_segment_start(log, log->at_segment));
    BO_CHECK(log->at <= rlog_segment_end(log, log->at_segment));
    BO_CHECK(log->at % log->unit == 0);
    BO_CHECK(log->floor <= log->next && log->unproven <= log->next); /* 3 */
    BO_CHECK(log->base <= log->next && log->accepted <= log->next);
    BO_CHECK(log->fill == 0 || (log->batch && log->state == RLOG_READY)); /* 4 */
    BO_CHECK(log->fill <= rlog_room(log));
    BO_CHECK(log->fill == 0 || log->first_in <= log->next);
    BO_CHECK((log->lap == 0) == (log->state == RLOG_EMPTY));
}

#endif
