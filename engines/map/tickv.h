/* SPDX-License-Identifier: MIT */
/* tickv.h - objects under hashes of 64 bits, in the flash format of TicKV (Rust crate tickv 2.0.0).
 *
 * Images of the crate open here, and the crate opens images written here; after the same calls of
 * append, invalidate, destroy and collect, without cuts, the two are equal byte for byte. A map by
 * key bytes, on the same objects, is tickv_map.h.
 *
 * Model. A region is a sector of the flash: objects, one after the other from its start, then
 * blank bytes. Where an object lies follows from its hash: in its home region, or, if that has no
 * room, in the nearest one that has, in turn on either side. An object is live or dead; a region
 * in which nothing is live can be erased.
 *
 * Cuts. Mounting repairs what a cut left, and so writes after one. Every call is then there as a
 * whole or not at all, tickv_replace too, for which the format has no means: tickv.c says in which
 * order, and what the crate makes of an image between a cut and the next mount. Survives the
 * classes edge, prefix, bits and zeros for programs and erases, nested to any depth. Not claimed:
 *   weak    a region that reads blank is used without erasing it once more;
 *   ecc     an error of a read ends the call, and a mount too;
 *   rot     a damaged object is never returned as good, but the format names neither what lies
 *           after a header with a flipped bit nor whether an object that is damaged was cut;
 *   glitch  a read is not repeated. One that answers an error costs nothing, and with ../twice.h in
 *           between the class is survived;
 *   lie     what was written is not read back. With ../verified.h in between it is survived;
 *   stray   as rot.
 *
 * Where it differs from the crate, which on the same flash
 *   - erases everything when it does not find its main key, for whatever reason. Here a mount
 *     returns MAP_ERR_NOT_FOUND and has changed nothing; formatting is a call;
 *   - ends a search at a region that is blank or filled to its last bytes, so that objects further
 *     on are lost to it. Here all regions are searched; a blank region on the way to a live object
 *     gets a dead object of 15 bytes at its start, and no region is filled so far, that it can find
 *     what is written here as well;
 *   - believes a header: an object that was cut hides the next one of its hash, a length of 0 hangs
 *     an append, a length below 15 panics. Here an object counts if its checksum fits, and lengths
 *     are checked;
 *   - leaves a torn object at the end of a region, after which nothing can be found or appended.
 *     Here it becomes a dead one that covers the bytes that were touched, and no more;
 *   - looks for a hash that exists only up to the first region with room, so that an old object may
 *     come back. Here all regions are searched;
 *   - overwrites 11 bytes after an object that it zeroises in its buffer, and fails at the end of a
 *     region. Here dead objects of the hash, and torn ones, are zeroised as well;
 *   - ends a collection at the first region that it does not understand, and never moves an object,
 *     so that a few old ones make the rest of their regions unusable for ever. tickv_collect
 *     erases as the crate does; tickv_replace moves what is live together when there is no room.
 *
 * Memory. struct tickv and a work buffer, of the caller. No heap, no recursion, no globals. Needs
 * memcpy, memset and memcmp. Not reentrant.
 *
 * Errors: those of flash.h and map.h, and two more. After any error of the flash the store stays
 * usable: the next call repairs first.
 */
#ifndef BROWNOUT_TICKV_H
#define BROWNOUT_TICKV_H

#include "../flash.h"
#include "map.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of what is written, see flash.h; of the software: BO_VERSION. */
#define TICKV_FORMAT_VERSION 0x00010000u

enum tickv_error {
    TICKV_ERR_EXISTS = -32,    /* there is an object of this hash */
    TICKV_ERR_COLLISION = -33, /* another key has this hash, or the hash is not for use */
};

/* The main key of Tock and of the crate's documentation, the hash of "tickv-super-key". */
#define TICKV_MAIN_HASH 0x7BC9F7FF4F76F244u

/* Bytes of an object beside its value, and the largest object. */
#define TICKV_OVERHEAD 15u
#define TICKV_LENGTH_MAX 4094u
/* Bytes that stay blank at the end of a region: the crate stops its search where they are not. */
#define TICKV_TAIL 12u
#define TICKV_UNIT_MAX 8u
#define TICKV_WORK_MIN 16u

struct tickv_config {
    /* The flash. Units up to 8 bytes that may be programmed without a limit; erased value 0xFF;
     * sectors of at least 64 bytes. */
    const struct bo_flash *flash;
    /* The hash of the main key, which says that this is a store. Its object has no value. */
    uint64_t main_hash;
    /* Scratch memory, at least TICKV_WORK_MIN bytes. What fits it is programmed at once. */
    void *work;
    uint32_t work_size;
};

/* A mounted store. The caller owns it; the fields are the engine's.
 *
 * Invariants, at the end of each call that met no error of the flash:
 *   1. the work buffer holds whole units;
 *   and on the flash, unless the image was made by someone else:
 *   2. each live object has a checksum that fits and no reserved bit;
 *   3. no hash has two live objects;
 *   4. after the last object of a region the bytes of a header are blank. */
struct tickv {
    const struct bo_flash *flash;
    uint64_t main_hash;
    uint8_t *work;
    uint32_t work_size;
    uint32_t address, fill;             /* where the work buffer is programmed to; bytes in it */
    uint32_t region_size, regions, end; /* end: their bytes, 0 for 2^32 */
    int error;                          /* the first one of the flash in this call */
    bool ready;                         /* nothing is to be repaired */
    bool blank;                         /* a region is, so that the crate may end a search there */
};

#ifdef BO_CHECKS
/* Checks the invariants; those of the flash, which take reads, when `flash`. */
void tickv_check(struct tickv *store, bool flash);
#else
#define tickv_check(store, flash) ((void)0)
#endif

/* Looks for the main key, and repairs what a cut left. MAP_ERR_GEOMETRY; MAP_ERR_NOT_FOUND (no main
 * key in any region: nothing was changed, tickv_format makes a store of it); or an error of the
 * flash. Where the flash holds a store of tickv_map.h of other regions: MAP_ERR_GEOMETRY, too.
 * The config is not kept. */
int tickv_mount(struct tickv *store, const struct tickv_config *config);

/* Erases every region, writes the main key, and leaves a mounted store. After a cut in it mount
 * returns MAP_ERR_NOT_FOUND: format again. */
int tickv_format(struct tickv *store, const struct tickv_config *config);

/* Puts an object where the crate puts it. TICKV_ERR_EXISTS, TICKV_ERR_COLLISION (hashes 0 and
 * 2^64 - 1 are not for use), MAP_ERR_TOO_BIG, MAP_ERR_FULL (nothing is moved: collect, or use
 * tickv_replace). Durable when it returns BO_FLASH_OK. */
int tickv_append(struct tickv *store, uint64_t hash, const void *value, uint32_t size);

/* Copies the value to `value` and its length to *value_size. MAP_ERR_NOT_FOUND; MAP_ERR_DAMAGED
 * (there is an object, and its checksum does not fit); MAP_ERR_BUFFER when it is longer than
 * `capacity`: *value_size holds the length then. Reads headers, and the object. */
int tickv_get(struct tickv *store, uint64_t hash, void *value, uint32_t capacity,
              uint32_t *value_size);

/* Makes the object dead; its bytes stay readable in a dump. MAP_ERR_NOT_FOUND. */
int tickv_invalidate(struct tickv *store, uint64_t hash);

/* The same, and value and checksum become zeros: of the object, and of dead ones of that hash, and
 * of torn ones. So it may be called again after a cut, and after tickv_invalidate.
 * MAP_ERR_NOT_FOUND when the hash had no live object; all the same it has zeroised then. */
int tickv_destroy(struct tickv *store, uint64_t hash);

/* Erases the regions that hold only dead objects; *freed is the bytes of these. */
int tickv_collect(struct tickv *store, uint32_t *freed);

/* Whether a store can lie on such a part. */
static inline bool tickv_geometry_usable(const struct bo_flash_geometry *geometry)
{
    return bo_flash_geometry_valid(geometry) && geometry->unit <= TICKV_UNIT_MAX &&
           geometry->programs_per_unit == 0 && geometry->erased == 0xFF &&
           geometry->sector_size >= 64 && geometry->sector_count != 0 &&
           geometry->tear_scope != BO_FLASH_TEAR_SECTOR;
}

#ifdef __cplusplus
}
#endif

#endif
