/* SPDX-License-Identifier: MIT */
/* lsm_writer.c - see lsm_internal.h. What is written to a run goes through `gather`: a chunk from
 * its first byte on, until the buffer is full. The first bytes of a chunk, with its magic, stay
 * there and are programmed last; in a sector of a run whose first chunk it is, together with the
 * headers. So each unit is programmed once.
 */
#include "lsm_internal.h"

#include <string.h>

/* Sectors -------------------------------------------------------------------------------------- */

bool lsm_is_used(const struct lsm *map, uint32_t sector)
{
    return (map->used[sector / 8] >> sector % 8 & 1) != 0;
}

void lsm_use(struct lsm *map, uint32_t sector)
{
    BO_CHECK(sector < map->shape.sector_count && !lsm_is_used(map, sector));
    map->used[sector / 8] = (uint8_t)(map->used[sector / 8] | 1u << sector % 8);
    map->free_count--;
}

void lsm_free(struct lsm *map, uint32_t sector)
{
    BO_CHECK(sector < map->shape.sector_count && lsm_is_used(map, sector));
    map->used[sector / 8] = (uint8_t)(map->used[sector / 8] & ~(1u << sector % 8));
    map->free_count++;
}

int lsm_erase(struct lsm *map, uint32_t sector)
{
    map->window_held = 0;
    return bo_flash_erase(map->flash, lsm_address(map, sector, 0));
}

int lsm_program(struct lsm *map, uint32_t sector, uint32_t offset, const uint8_t *data,
                uint32_t size)
{
    map->window_held = 0;
    return bo_flash_program(map->flash, lsm_address(map, sector, offset), data, size);
}

int lsm_take(struct lsm *map)
{
    if (map->free_count == 0) return MAP_ERR_FULL;
    while (lsm_is_used(map, map->cursor))
        map->cursor = lsm_sector_after(map, map->cursor);
    lsm_use(map, map->cursor);
    if (map->erases_left != 0) map->erases_left--;
    int error = lsm_erase(map, map->cursor);
    return error ? error : (int)map->cursor;
}

/* Chunks --------------------------------------------------------------------------------------- */

/* What is written of a chunk before the rest: header, and what shares a unit with it. */
static uint32_t start_size(const struct lsm_shape *shape)
{
    return lsm_round_up(shape->chunk_header, shape->align);
}

static void chunk_begin(struct lsm *map, struct lsm_writer *w, uint32_t at)
{
    w->chunk = at;
    w->size = w->crc = w->flushed = 0;
    w->held = map->shape.chunk_header;
}

/* Programs whole units of what is held after the start of the chunk. */
static int chunk_flush(struct lsm *map, struct lsm_writer *w)
{
    uint32_t start = start_size(&map->shape);
    if (w->held <= start) return BO_FLASH_OK;
    uint32_t whole = (w->held - start) & ~(map->shape.align - 1u), rest = w->held - start - whole;
    BO_CHECK(whole != 0); /* the buffer was full, or what it holds was padded */
    int error =
        lsm_program(map, w->head.sector, w->chunk + start + w->flushed, map->gather + start, whole);
    memmove(map->gather + start, map->gather + start + whole, rest);
    w->flushed += whole;
    w->held = start + rest;
    return error;
}

/* Adds to the chunk, which has room for it. */
static int chunk_add(struct lsm *map, struct lsm_writer *w, const uint8_t *data, uint32_t size)
{
    if (map->shape.crc) w->crc = lsm_crc(w->crc, data, size);
    w->size += size;
    while (size != 0) {
        uint32_t part = lsm_minimum(size, map->half - w->held);
        memcpy(map->gather + w->held, data, part);
        w->held += part;
        data += part;
        size -= part;
        if (w->held < map->half) continue;
        int error = chunk_flush(map, w);
        if (error) return error;
    }
    return BO_FLASH_OK;
}

/* Completes what is held of the chunk. */
static void chunk_close(struct lsm *map, struct lsm_writer *w)
{
    uint32_t start = start_size(&map->shape);
    uint32_t padded = lsm_round_up(w->held < start ? start : w->held, map->shape.align);
    memset(map->gather + w->held, map->shape.erased, padded - w->held);
    lsm_chunk_bytes(&map->shape, w->size, w->crc, map->gather);
    w->held = padded;
}

int lsm_chunk_write(struct lsm *map, uint32_t sector, uint32_t at, uint8_t *chunk, uint32_t size)
{
    uint32_t header = map->shape.chunk_header, magic = lsm_chunk_start(map);
    uint32_t padded = lsm_round_up(header + size, map->shape.align);
    lsm_chunk_bytes(&map->shape, size, lsm_crc(0, chunk + header, size), chunk);
    memset(chunk + header + size, map->shape.erased, padded - header - size);
    int error = lsm_program(map, sector, at + magic, chunk + magic, padded - magic);
    return error ? error : lsm_program(map, sector, at, chunk, magic);
}

#ifndef LSM_NO_STAGING
int lsm_log_write(struct lsm *map, const struct lsm_run *log, const uint8_t *data, uint32_t size)
{
    uint32_t at = log->last, held = map->shape.chunk_header;
    lsm_chunk_bytes(&map->shape, size, lsm_crc(0, data, size), map->gather);
    for (;;) {
        uint32_t part = lsm_minimum(size, map->half - held);
        memcpy(map->gather + held, data, part);
        data += part;
        size -= part;
        held += part;
        uint32_t padded = lsm_round_up(held, map->shape.align);
        memset(map->gather + held, map->shape.erased, padded - held);
        int error = lsm_program(map, log->sector, at, map->gather, padded);
        if (error || size == 0) return error;
        at += padded;
        held = 0;
    }
}
#endif

/* Runs ----------------------------------------------------------------------------------------- */

void lsm_writer_begin(struct lsm_writer *writer)
{
    memset(writer, 0, sizeof *writer);
    writer->head.sector = writer->before = LSM_NONE;
}

static uint32_t chunk_room(const struct lsm_shape *shape, uint32_t at, uint32_t size)
{
    uint32_t used = at + shape->chunk_header + size;
    if (used >= shape->sector_size) return 0;
    return lsm_minimum(shape->chunk_max - size, shape->sector_size - used);
}

/* Programs what is left of the chunk, after `size` bytes that stand in front of it. */
static int chunk_end(struct lsm *map, struct lsm_writer *w, uint8_t *before, uint32_t size)
{
    uint32_t start = start_size(&map->shape);
    chunk_close(map, w);
    int error = chunk_flush(map, w);
    if (error) return error;
    memcpy(before + size, map->gather, start);
    return lsm_program(map, w->head.sector, w->chunk - size, before, size + start);
}

static int sector_end(struct lsm *map, struct lsm_writer *w)
{
    uint8_t bytes[LSM_HEADERS_MAX + LSM_START_MAX];
    uint32_t size = lsm_head_bytes(map, &w->head, bytes);
    bool alone = w->chunk == size;
    int error = chunk_end(map, w, alone ? bytes : bytes + size, alone ? size : 0);
    if (!error && !alone) error = lsm_program(map, w->head.sector, 0, bytes, size);
    w->before = w->head.sector;
    w->head.sector = LSM_NONE;
    return error;
}

/* Opens a sector, whose header is known but for its number. */
static int sector_open(struct lsm *map, struct lsm_writer *w)
{
    w->taken++;
    chunk_begin(map, w, lsm_run_chunks(&map->shape));
    int sector = lsm_take(map);
    if (sector < 0) return sector;
    w->head.sector = (uint16_t)sector;
    return BO_FLASH_OK;
}

/* Opens the next sector; its links are those of the one before, and some to that. */
static int sector_begin(struct lsm *map, struct lsm_writer *w)
{
    uint32_t links = 0;
    if (w->before != LSM_NONE)
        links = lsm_skip_index(&map->shape, w->head.seq, w->at) + 1;
    else
        memset(w->head.skips, 0xFF, sizeof w->head.skips);
    for (uint32_t i = 0; i < links; i++)
        w->head.skips[i] = w->before;
    w->head.seq = w->at;
    *lsm_boundary(&map->shape, &w->head) = LSM_NONE;
    return sector_open(map, w);
}

/* Has room for a byte: in the open chunk, the next one, or the next sector. */
static int writer_make_room(struct lsm *map, struct lsm_writer *w)
{
    const struct lsm_shape *shape = &map->shape;
    int error = BO_FLASH_OK;
    if (w->head.sector != LSM_NONE) {
        if (chunk_room(shape, w->chunk, w->size) != 0) return BO_FLASH_OK;
        uint32_t next = w->chunk + lsm_round_up(shape->chunk_header + w->size, shape->align);
        if (chunk_room(shape, next, 0) != 0) {
            uint8_t start[LSM_START_MAX];
            error = chunk_end(map, w, start, 0);
            chunk_begin(map, w, next);
            return error;
        }
        error = sector_end(map, w);
    }
    return error ? error : sector_begin(map, w);
}

int lsm_writer_record(struct lsm *map, struct lsm_writer *writer)
{
    int error = writer_make_room(map, writer);
    uint16_t *boundary = lsm_boundary(&map->shape, &writer->head);
    if (*boundary == LSM_NONE) *boundary = (uint16_t)(writer->at - writer->head.seq);
    return error;
}

int lsm_writer_write(struct lsm *map, struct lsm_writer *writer, const void *data, uint32_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    while (size != 0) {
        int error = writer_make_room(map, writer);
        if (error) return error;
        uint32_t room = chunk_room(&map->shape, writer->chunk, writer->size);
        uint32_t part = lsm_minimum(size, room);
        error = chunk_add(map, writer, bytes, part);
        if (error) return error;
        writer->at += part;
        bytes += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

uint32_t lsm_writer_room(const struct lsm *map, const struct lsm_writer *writer)
{
    if (writer->head.sector == LSM_NONE) return map->shape.payload;
    return map->shape.payload - lsm_minimum(writer->at - writer->head.seq, map->shape.payload);
}

int lsm_writer_end(struct lsm *map, struct lsm_writer *writer)
{
    return writer->head.sector == LSM_NONE ? BO_FLASH_OK : sector_end(map, writer);
}

int lsm_writer_copy(struct lsm *map, struct lsm_writer *writer, struct lsm_place *place,
                    uint32_t size)
{
    uint8_t piece[LSM_PIECE];
    int error = BO_FLASH_OK;
    for (uint32_t part; !error && size != 0; size -= part) {
        part = lsm_minimum(size, sizeof piece);
        error = lsm_place_read(map, place, piece, part);
        if (!error) error = lsm_writer_write(map, writer, piece, part);
    }
    return error;
}

int lsm_writer_resume(struct lsm *map, struct lsm_writer *writer, const struct lsm_run *run)
{
    struct lsm_place place;
    lsm_writer_begin(writer);
    if (lsm_empty(run)) return BO_FLASH_OK;
    int error = lsm_head_read(map, run->sector, &writer->head);
    if (error) return error;
    uint32_t seq = writer->head.seq, held = run->last - seq;
    if (seq >= run->last) return MAP_ERR_DAMAGED;
    writer->head.sector = LSM_NONE;
    writer->before = run->sector;
    writer->at = run->last;
    writer->copied = held + map->shape.payload / 16 < map->shape.payload;
    if (!writer->copied) return BO_FLASH_OK;
    writer->at = seq;
    lsm_place_set(&place, run, seq);
    error = sector_open(map, writer);
    return error ? error : lsm_writer_copy(map, writer, &place, held);
}
