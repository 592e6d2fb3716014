/* tickv_reader.h - what the crate tickv finds in a flash: its search, written from the facts of its
 * algorithm and not from ours, so that what we write is read by another reader.
 *
 * From the region of the hash on it looks into one after the other, to both sides in turn. In a
 * region it goes from object to object. A blank place after an object leads to the next region; a
 * region that is blank, or in which it meets what is no object, ends the search.
 */
#ifndef BROWNOUT_TICKV_READER_H
#define BROWNOUT_TICKV_READER_H

#include <assert.h>

#include "engines/map/tickv_internal.h"

/* Bytes that are read at once; units to be read have no more, and divide it. */
#define TICKV_READER_PIECE 32u

struct tickv_reader {
    const struct bo_flash *flash;
    uint8_t piece[TICKV_READER_PIECE];
    uint32_t start; /* of the piece */
    bool held, failed;
};

/* 0xFF where the flash does not answer. */
static inline uint8_t tickv_reader_byte(struct tickv_reader *reader, uint32_t address)
{
    uint32_t start = address & ~(TICKV_READER_PIECE - 1);
    assert(reader->flash->geometry.read_unit <= TICKV_READER_PIECE);
    assert(address < reader->flash->geometry.sector_size * reader->flash->geometry.sector_count);
    if (!reader->held || reader->start != start) {
        reader->held = bo_flash_read(reader->flash, start, reader->piece, TICKV_READER_PIECE) == 0;
        reader->failed = reader->failed || !reader->held;
        reader->start = start;
    }
    return reader->held ? reader->piece[address - start] : 0xFF;
}

static inline uint64_t tickv_reader_hash(struct tickv_reader *reader, uint32_t at)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < 8; i++)
        hash = hash << 8 | tickv_reader_byte(reader, at + 3 + i);
    return hash;
}

static inline uint32_t tickv_reader_length(struct tickv_reader *reader, uint32_t at)
{
    return (tickv_reader_byte(reader, at + 1) & 15u) << 8 | tickv_reader_byte(reader, at + 2);
}

/* Whether the checksum is that of the bytes as they are. */
static inline bool tickv_reader_fits(struct tickv_reader *reader, uint32_t at, uint32_t length)
{
    uint32_t size = reader->flash->geometry.sector_size;
    if (length < TICKV_OVERHEAD || length > size - at % size) return false;
    uint32_t crc = 0, end = at + length - TICKV_CHECK;
    assert(end > at && end / size == at / size);
    for (; at != end; at++) {
        uint8_t byte = tickv_reader_byte(reader, at);
        crc = tickv_crc(crc, &byte, 1);
    }
    for (uint32_t i = 0; i < TICKV_CHECK; i++)
        if (tickv_reader_byte(reader, end + i) != (uint8_t)(~crc >> 8 * i)) return false;
    return true;
}

enum tickv_reader_met { TICKV_READER_FOUND, TICKV_READER_GOES_ON, TICKV_READER_STOPS };

/* *at: the address of the region, then of the object. */
static inline enum tickv_reader_met tickv_reader_look(struct tickv_reader *reader, uint64_t hash,
                                                      uint32_t *at)
{
    uint32_t size = reader->flash->geometry.sector_size, start = *at, inside = 0;
    while (inside + TICKV_HEADER < size) {
        *at = start + inside;
        uint8_t version = tickv_reader_byte(reader, *at);
        uint32_t length = tickv_reader_length(reader, *at);
        if (version == 0xFF) return inside == 0 ? TICKV_READER_STOPS : TICKV_READER_GOES_ON;
        if (version != 1 || length == 0) return TICKV_READER_STOPS;
        bool valid = tickv_reader_byte(reader, *at + 1) & TICKV_VALID;
        if (valid && tickv_reader_hash(reader, *at) == hash) return TICKV_READER_FOUND;
        inside += length;
    }
    return TICKV_READER_STOPS;
}

/* Whether the crate finds an object of that hash, and its checksum fits. Where the flash does not
 * answer nobody knows. */
static inline bool tickv_reader_finds(const struct bo_flash *flash, uint64_t hash)
{
    struct tickv_reader reader = {.flash = flash};
    int64_t count = flash->geometry.sector_count, home = (int64_t)(hash & 0xFFFF) % count;
    assert(!tickv_hash_reserved(hash) && "no object has such a hash");
    for (int64_t step = 0; step < 2 * count; step++) {
        int64_t distance = (step + 1) / 2, region = step % 2 ? home + distance : home - distance;
        if (region < 0 || region >= count) continue;
        uint32_t at = (uint32_t)region * flash->geometry.sector_size;
        enum tickv_reader_met met = tickv_reader_look(&reader, hash, &at);
        if (met == TICKV_READER_GOES_ON) continue;
        bool fits = met == TICKV_READER_FOUND &&
                    tickv_reader_fits(&reader, at, tickv_reader_length(&reader, at));
        return fits || reader.failed;
    }
    return reader.failed;
}

#endif
