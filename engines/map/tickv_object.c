/* SPDX-License-Identifier: MIT */
/* tickv_object.c - see tickv_internal.h: bytes, objects, and the order of regions. */
#include <string.h>

#include "../check.h"
#include "tickv_internal.h"

/* Bytes -------------------------------------------------------------------------------------- */

/* Reads what lies around the bytes as well where the part reads in larger units. */
void tickv_load(struct tickv *store, uint32_t address, void *bytes, uint32_t size)
{
    uint8_t piece[TICKV_PIECE], *to = (uint8_t *)bytes;
    uint32_t unit = store->flash->geometry.read_unit;
    while (size != 0) {
        uint32_t skip = address & (unit - 1), take = tickv_minimum(size, TICKV_PIECE - skip);
        uint32_t whole = (skip + take + unit - 1) & ~(unit - 1);
        if (!store->error) store->error = bo_flash_read(store->flash, address - skip, piece, whole);
        if (store->error) memset(piece, 0xFF, sizeof piece);
        memcpy(to, piece + skip, take);
        to += take;
        address += take;
        size -= take;
    }
}

void tickv_output_at(struct tickv *store, uint32_t address)
{
    store->fill = address & (store->flash->geometry.unit - 1u);
    store->address = address - store->fill;
    tickv_load(store, store->address, store->work, store->fill);
}

void tickv_output_end(struct tickv *store)
{
    uint32_t rest = (0 - store->fill) & (store->flash->geometry.unit - 1u);
    tickv_load(store, store->address + store->fill, store->work + store->fill, rest);
    rest += store->fill;
    if (!store->error)
        store->error = bo_flash_program(store->flash, store->address, store->work, rest);
    store->address += rest;
    store->fill = 0;
}

void tickv_output(struct tickv *store, const void *bytes, uint32_t size)
{
    const uint8_t *from = (const uint8_t *)bytes;
    while (size != 0) {
        uint32_t take = tickv_minimum(size, store->work_size - store->fill);
        memcpy(store->work + store->fill, from, take);
        from += take;
        size -= take;
        store->fill += take;
        if (store->fill == store->work_size) tickv_output_end(store);
    }
}

void tickv_program(struct tickv *store, uint32_t address, const void *bytes, uint32_t size)
{
    tickv_output_at(store, address);
    tickv_output(store, bytes, size);
    tickv_output_end(store);
}

void tickv_zero(struct tickv *store, const struct tickv_walk *walk, uint32_t from)
{
    uint32_t at = walk->at + from, end = walk->at + walk->length;
    uint8_t byte = 0;
    tickv_output_at(store, at);
    while (at != end && byte == 0)
        tickv_load(store, at++, &byte, 1);
    if (byte == 0) return;
    for (byte = 0; from < walk->length; from++)
        tickv_output(store, &byte, 1);
    tickv_output_end(store);
}

uint32_t tickv_used(struct tickv *store, uint32_t address, uint32_t size)
{
    uint8_t piece[TICKV_PIECE];
    while (size != 0) {
        uint32_t take = tickv_minimum(size, TICKV_PIECE);
        tickv_load(store, address + size - take, piece, take);
        for (; take != 0; take--, size--)
            if (piece[take - 1] != 0xFF) return size;
    }
    return 0;
}

/* Objects ------------------------------------------------------------------------------------ */

struct tickv_walk tickv_walk_region(const struct tickv *store, uint32_t region)
{
    struct tickv_walk walk = {region, store->region_size, 0, 0, 0, false};
    return walk;
}

bool tickv_walk_next(struct tickv *store, struct tickv_walk *walk)
{
    uint8_t head[4];
    walk->at += walk->length;
    walk->left -= walk->length;
    walk->length = 0;
    if (walk->left < TICKV_OVERHEAD) return false;
    tickv_load(store, walk->at, head, sizeof head);
    if (head[0] == 0xFF) return false;
    uint32_t length = (head[1] & 15u) << 8 | head[2];
    walk->flags = head[1] & 0xF0;
    walk->top = head[3];
    walk->junk = head[0] != 1 || length < TICKV_OVERHEAD || length > walk->left;
    if (!walk->junk) walk->length = length;
    return !walk->junk;
}

static uint32_t load_word(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

uint64_t tickv_walk_hash(struct tickv *store, const struct tickv_walk *walk)
{
    uint8_t bytes[8];
    tickv_load(store, walk->at + 3, bytes, sizeof bytes);
    return (uint64_t)load_word(bytes) << 32 | load_word(bytes + 4);
}

/* Puts the bytes of a word, the lowest first, to `to` and on from there by `step`. */
static void put_word(uint8_t *to, int step, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++) {
        *to = (uint8_t)word;
        to += step;
        word >>= 8;
    }
}

/* Takes bytes of the flash into a checksum, and to `copy` unless that is NULL. */
static uint32_t take(struct tickv *store, uint32_t address, uint32_t size, uint8_t *copy,
                     uint32_t crc)
{
    uint8_t piece[TICKV_PIECE];
    while (size != 0) {
        uint32_t part = tickv_minimum(size, TICKV_PIECE);
        uint8_t *to = copy != NULL ? copy : piece;
        tickv_load(store, address, to, part);
        crc = tickv_crc(crc, to, part);
        if (copy != NULL) copy += part;
        address += part;
        size -= part;
    }
    return crc;
}

/* The checksum of a header, live and without reserved bits. */
static uint32_t checksum_of_header(uint8_t header[TICKV_HEADER])
{
    header[1] = (uint8_t)((header[1] & 15u) | TICKV_VALID);
    return tickv_crc(0, header, TICKV_HEADER);
}

bool tickv_read(struct tickv *store, const struct tickv_walk *walk, uint32_t skip, void *bytes,
                uint32_t capacity, uint32_t *size)
{
    uint8_t header[TICKV_HEADER], wanted[TICKV_CHECK];
    uint32_t at = walk->at + TICKV_HEADER, end = walk->at + walk->length - TICKV_CHECK;
    tickv_load(store, walk->at, header, sizeof header);
    uint32_t crc = take(store, at, skip, NULL, checksum_of_header(header));
    at += skip;
    *size = end - at;
    crc = take(store, at, *size, *size <= capacity ? (uint8_t *)bytes : NULL, crc);
    put_word(wanted, 1, ~crc);
    tickv_load(store, end, header, TICKV_CHECK);
    return memcmp(header, wanted, TICKV_CHECK) == 0;
}

bool tickv_sound(struct tickv *store, const struct tickv_walk *walk)
{
    uint32_t size;
    return tickv_read(store, walk, 0, NULL, UINT32_MAX, &size);
}

void tickv_write(struct tickv *store, uint32_t address, uint64_t hash, uint8_t flags,
                 const struct tickv_value *value)
{
    uint8_t header[TICKV_HEADER];
    uint32_t length = TICKV_OVERHEAD + tickv_value_size(value);
    header[0] = 1;
    header[1] = (uint8_t)(flags | length >> 8);
    header[2] = (uint8_t)length;
    put_word(header + 6, -1, (uint32_t)(hash >> 32));
    put_word(header + 10, -1, (uint32_t)hash);
    tickv_output_at(store, address);
    tickv_output(store, header, TICKV_HEADER);
    uint32_t crc = checksum_of_header(header);
    for (unsigned i = 0; i < 3; i++) {
        tickv_output(store, value->parts[i], value->sizes[i]);
        crc = tickv_crc(crc, (const uint8_t *)value->parts[i], value->sizes[i]);
    }
    put_word(header, 1, ~crc);
    tickv_output(store, header, TICKV_CHECK);
    tickv_output_end(store);
}

void tickv_clear(struct tickv *store, const struct tickv_walk *walk, uint8_t bits)
{
    uint8_t flags = (uint8_t)((walk->flags & ~bits) | walk->length >> 8);
    if (walk->flags & bits) tickv_program(store, walk->at + 1, &flags, 1);
}

/* Regions ------------------------------------------------------------------------------------ */

bool tickv_path(const struct tickv *store, uint64_t hash, uint32_t *step, uint32_t *region)
{
    uint32_t count = store->regions, home = (uint32_t)(hash & 0xFFFF) % count;
    while (*step < 2 * count) {
        uint32_t distance = (*step + 1) / 2;
        uint32_t number =
            *step % 2 != 0 ? home + distance : home - distance; /* may wrap: outside */
        *region = number * store->region_size;
        ++*step;
        if (number < count) return true;
    }
    return false;
}

struct tickv_search tickv_search_for(uint64_t hash)
{
    struct tickv_search search = {hash, 0, TICKV_LIVE, {0, 0, 0, 0, 0, true}};
    return search;
}

bool tickv_search_next(struct tickv *store, struct tickv_search *search)
{
    struct tickv_walk *walk = &search->walk;
    uint8_t top = (uint8_t)(search->hash >> 56);
    for (;;) {
        while (search->step != 0 && tickv_walk_next(store, walk))
            if ((walk->flags & search->mask) == TICKV_VALID && walk->top == top &&
                tickv_walk_hash(store, walk) == search->hash)
                return true;
        uint32_t region;
        if (!tickv_path(store, search->hash, &search->step, &region)) return false;
        *walk = tickv_walk_region(store, region);
    }
}
