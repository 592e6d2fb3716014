/* SPDX-License-Identifier: MIT */
/* tickv_internal.h - objects on the flash: what the sources of tickv share. Not for firmware.
 *
 * An object: version 01 | flags and the upper 4 bits of its length | the lower 8 bits | hash, 8
 * bytes, high byte first | value | checksum, 4 bytes, low byte first. The checksum covers what
 * is before it, as it stands when the object is live and has no reserved bit.
 *
 * Errors of the flash stay in store->error: from then on reads give blank bytes and nothing is
 * changed, so that every loop ends, and the call returns it.
 */
#ifndef BROWNOUT_TICKV_INTERNAL_H
#define BROWNOUT_TICKV_INTERNAL_H

#include "tickv.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TICKV_HEADER 11u
#define TICKV_CHECK 4u
/* The flags. The crate writes the reserved ones as 0 and does not look at them; what they mean
 * here stands in tickv.c. */
#define TICKV_VALID 0x80u
#define TICKV_UPDATE 0x40u
#define TICKV_COPY 0x20u
#define TICKV_OPEN 0x10u
#define TICKV_RESERVED (TICKV_UPDATE | TICKV_COPY | TICKV_OPEN)
/* The hash of the dead object at the start of a region, which is never looked for. */
#define TICKV_HASH_START UINT64_MAX
/* The hash of the object that says which regions a map has: "brownout". */
#define TICKV_HASH_GEOMETRY 0x62726F776E6F7574u
/* Bytes of pieces that are read at once. */
#define TICKV_PIECE 64u

/* A region is given by its address. */

/* A walk over the objects of a region: the one at which it stands, or where they end. */
struct tickv_walk {
    uint32_t at;        /* address of the object */
    uint32_t left;      /* bytes from there to the end of the region */
    uint32_t length;    /* of the object; 0: before the first, or at the end */
    uint8_t flags, top; /* top: of its hash */
    bool junk;          /* at the end: neither blank nor an object */
};

/* What is put in: a value of up to three parts, one after the other. */
struct tickv_value {
    const void *parts[3];
    uint32_t sizes[3];
};

/* A search for the objects of a hash, in the order in which the crate looks. */
struct tickv_search {
    uint64_t hash;
    uint32_t step; /* of the regions */
    uint8_t mask;  /* of the flags, of which only the valid bit may be set */
    struct tickv_walk walk;
};

/* Hashes 0 and 2^64 - 1 are those of no object. */
static inline bool tickv_hash_reserved(uint64_t hash)
{
    return hash + 1 < 2;
}

/* The next region; false, and the first one, after the last. */
static inline bool tickv_next_region(const struct tickv *store, uint32_t *region)
{
    *region += store->region_size;
    if (*region != store->end) return true;
    *region = 0;
    return false;
}

static inline uint32_t tickv_minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Of the flags of a live object these show that it is valid alone. */
#define TICKV_LIVE (TICKV_VALID | TICKV_COPY)

static inline bool tickv_live(const struct tickv_walk *walk)
{
    return (walk->flags & TICKV_LIVE) == TICKV_VALID;
}

/* Bytes -------------------------------------------------------------------------------------- */

void tickv_load(struct tickv *store, uint32_t address, void *bytes, uint32_t size);
void tickv_program(struct tickv *store, uint32_t address, const void *bytes, uint32_t size);
/* Zeros from a byte of an object to its end, unless they are there. */
void tickv_zero(struct tickv *store, const struct tickv_walk *walk, uint32_t from);

/* A program in pieces: whole units, the first of which may begin with bytes that are there. They
 * are collected in the work buffer. */
void tickv_output_at(struct tickv *store, uint32_t address);
void tickv_output(struct tickv *store, const void *bytes, uint32_t size);
void tickv_output_end(struct tickv *store);

/* The last of `size` bytes that is not blank, counted from 1; 0: none. */
uint32_t tickv_used(struct tickv *store, uint32_t address, uint32_t size);

/* CRC-32/CKSUM without its length, goes on from `crc`: 0 at first, and turned at the end. */
uint32_t tickv_crc(uint32_t crc, const uint8_t *bytes, uint32_t size);

/* Objects ------------------------------------------------------------------------------------ */

struct tickv_walk tickv_walk_region(const struct tickv *store, uint32_t region);
bool tickv_walk_next(struct tickv *store, struct tickv_walk *walk);
uint64_t tickv_walk_hash(struct tickv *store, const struct tickv_walk *walk);
/* Whether the checksum fits. */
bool tickv_sound(struct tickv *store, const struct tickv_walk *walk);
/* Reads an object; whether its checksum fits. Of its value what is after the first `skip` bytes is
 * copied when it fits `capacity`; its size is returned in *size. */
bool tickv_read(struct tickv *store, const struct tickv_walk *walk, uint32_t skip, void *bytes,
                uint32_t capacity, uint32_t *size);
/* Writes an object, its reserved bits being those of `flags`. */
void tickv_write(struct tickv *store, uint32_t address, uint64_t hash, uint8_t flags,
                 const struct tickv_value *value);
/* Clears bits of the flags, which are those of the walk. */
void tickv_clear(struct tickv *store, const struct tickv_walk *walk, uint8_t bits);

/* Regions ------------------------------------------------------------------------------------ */

/* The next region in the order of a hash; *step begins at 0. */
bool tickv_path(const struct tickv *store, uint64_t hash, uint32_t *step, uint32_t *region);

/* For the live ones. */
struct tickv_search tickv_search_for(uint64_t hash);
/* The next one, whose checksum was not looked at. */
bool tickv_search_next(struct tickv *store, struct tickv_search *search);

/* Goes on to the end of the objects; bytes of the live ones on the way. */
uint32_t tickv_survey(struct tickv *store, struct tickv_walk *walk);
/* Whether an object of that length fits where the objects end. */
bool tickv_fits(const struct tickv_walk *end, uint32_t length);
/* The same, and what it will be written to is blank, or has been made so. `live`: bytes of the live
 * objects. */
bool tickv_room(struct tickv *store, struct tickv_walk *end, uint32_t length, uint32_t live);
/* Erases a region in which nothing is live, and its bytes alone. */
void tickv_erase(struct tickv *store, uint32_t region);
void tickv_erase_whole(struct tickv *store, uint32_t region);
/* The start: a dead object of no value. The crate's search goes on after it; its reserved bit says
 * whether copies that follow count. */
bool tickv_is_start(struct tickv *store, const struct tickv_walk *walk);
void tickv_start(struct tickv *store, uint32_t region);
/* Whether a region is blank, after its start if it has one. */
bool tickv_is_fresh(struct tickv *store, uint32_t region);
/* Starts the blank regions that lie before `region` in the order of a hash; or before any live
 * object in the order of its hash. */
void tickv_open_path(struct tickv *store, uint64_t hash, uint32_t region);
void tickv_open_paths(struct tickv *store);
/* Makes what was touched from `end` on a dead object. Whether all is blank then. `guard`: not if it
 * may hide live objects. */
bool tickv_cure(struct tickv *store, const struct tickv_walk *end, bool guard);
/* Goes on with what was written to a region and not yet finished, or drops it. */
void tickv_resolve(struct tickv *store, uint32_t region);
/* Repairs what a cut left. */
void tickv_recover(struct tickv *store);
/* Kills all live objects of a hash but the one there; whether there were any. */
#define TICKV_NOWHERE UINT32_MAX
bool tickv_kill(struct tickv *store, uint64_t hash, uint32_t but);

/* Calls -------------------------------------------------------------------------------------- */

static inline uint32_t tickv_value_size(const struct tickv_value *value)
{
    return value->sizes[0] + value->sizes[1] + value->sizes[2];
}

/* Takes a config; false where it can't be used. */
bool tickv_begin(struct tickv *store, const struct tickv_config *config);
/* An object of that hash in any region, copies that are not finished too. */
bool tickv_find_any(struct tickv *store, uint64_t hash, struct tickv_walk *walk);
/* Erases all regions. */
void tickv_blank(struct tickv *store);
/* Around each call: begins without an error and repaired; ends with what it returns. */
void tickv_enter(struct tickv *store);
int tickv_leave(struct tickv *store, int error);
/* Puts an object where the crate does; its hash has none. */
int tickv_put_first(struct tickv *store, uint64_t hash, const void *value, uint32_t size);
/* Puts an object in the place of what its hash has. */
int tickv_put(struct tickv *store, uint64_t hash, const struct tickv_value *value);
/* Zeroises what is dead of a hash (0: of all), and what is torn. */
void tickv_wipe(struct tickv *store, uint64_t hash);
/* Whether a caller may use the hash. */
bool tickv_hash_usable(const struct tickv *store, uint64_t hash);

#ifdef __cplusplus
}
#endif

#endif
