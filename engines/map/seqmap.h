/* SPDX-License-Identifier: MIT */
/* seqmap.h - a map in the flash format of sequential-storage (Rust crate, 0.7 to 8.0.2).
 *
 * Images of the crate open here, and images written here open in the crate; after the same
 * operations without cuts the two are equal byte for byte, with the same erases and programs (on
 * two sectors one program more before each erase) and far fewer reads.
 *
 * Model. The sectors form a ring:
 *
 *     oldest sealed ... newest sealed | head, in use | blank buffer
 *
 * A store appends a new copy of the key to the head; the newest copy counts. When the head is
 * full it is sealed, the blank buffer becomes the head, what is still live in the oldest sector
 * is copied to it, and the oldest sector is erased and becomes the buffer. So each sector is
 * erased once a lap, and one sector is always spare: sector_count - 1 sectors hold data.
 *
 * Cuts. Mounting only reads. Every read gives the right answer on what a cut left; the first call
 * that changes something (store, remove, remove_all) repairs it first. Survives the classes edge,
 * prefix, bits and zeros for programs and erases, nested to any depth, and fail. Not claimed:
 *   weak  a sector that reads blank is used without erasing it once more, because the format has
 *         nowhere to note that an erase is proven;
 *   ecc   units that the part can't correct (BO_FLASH_ERR_ECC) are passed over like torn ones, but
 *         one that reads blank and refuses its next program, or that reads as another value, is not
 *         distinguished from a sound one. A store that meets a blank one fails, as does each one
 *         after it until a format;
 *   rot   a read is not repeated, and the format can detect but not correct a flipped bit: such an
 *         item is passed over, and an older copy of its key may be returned;
 *   glitch  the same, of a read that is wrong once. One that answers an error costs nothing, and
 *         with ../twice.h in between the class is survived;
 *   lie   what was written is not read back. With ../verified.h in between the class is survived;
 *   stray as rot;
 *   bits  on a part with a limit of programs per unit, in two cases. On two sectors, an erase that
 *         leaves the head of the older one and blanks its end may leave two of which nothing shows
 *         which is newer, and mount returns MAP_ERR_DAMAGED. With a limit of two or more, a removal
 *         that was cut after a few bits is undone by an erase that is cut when it has set them.
 * But what is returned with BO_FLASH_OK was stored under that key: the very bytes that reach the
 * caller are checked. A copy that a migration makes is read back before its source is erased.
 * What the crate's algorithm does that this one must not, and what differs on flash after a cut,
 * stands in seqmap.c.
 *
 * What a cut costs. One inside the program of an item header leaves bytes that are no header: they
 * and a header after them, which shows where to go on (seqmap.c, 6). One inside the data costs the
 * item alone, one between two calls nothing. For a counter on 4 sectors of 4 KiB, cut in one of ten
 * stores, that is 0.005 erases and 2.4 programs a cut (`brownout wear --cuts 1/10`). A build with
 * SEQMAP_NO_CAP leaves that out, for less code: nothing is appended after a torn header, which
 * costs half a sector on average, 0.24 erases a cut on that counter.
 *
 * Memory. struct seqmap, a work buffer and, if wanted, a cache (../seq/seq_cache.h), all of the
 * caller. No heap, no recursion, no globals. Needs memcpy, memset and memcmp, with a cache memmove
 * too. Not reentrant.
 *
 * Errors: those of flash.h and map.h. After any error from the flash the map stays usable: the
 * next changing call repairs first.
 */
#ifndef BROWNOUT_SEQMAP_H
#define BROWNOUT_SEQMAP_H

#include "../seq/seq.h"
#include "../seq/seq_cache.h"
#include "map.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of what is written, see flash.h; of the software: BO_VERSION. */
#define SEQMAP_FORMAT_VERSION SEQ_FORMAT_VERSION

/* Keys with their length in front (u16, little endian), as the crate stores Vec and String. */
#define SEQMAP_KEY_PREFIXED 0xFFFFu

struct seqmap_config {
    /* The region. At least two sectors; erased value 0xFF; a sector of at least 3 words and an
     * item header, where a word is max(unit, read_unit). */
    const struct bo_flash *flash;
    /* Scratch memory, at least a word. Key and value of an item to be stored, rounded up to a
     * word, must fit. Larger items that are on the flash already are handled in pieces. A buffer
     * of 256 bytes or more makes iterating cheap. */
    void *work;
    uint32_t work_size;
    /* Bytes of every key, or SEQMAP_KEY_PREFIXED. Keys are opaque. Not stored on the flash: the
     * same number must be given each time. */
    uint16_t key_size;
    /* Memory that saves reads, or NULL. Its contents are cleared by mount and format. */
    struct seq_cache *cache;
};

/* A mounted map. The caller owns it; the fields are the engine's.
 *
 * Invariants, at the end of each call that met no error of the flash:
 *   1. the head is a sector, and up to all sectors are in use;
 *   2. when none is in use the head counts as sealed;
 *   3. once repaired, a sector is not in use: the buffer;
 *   4. once repaired, unless the head is sealed, the next item goes to a word of its payload, or
 *      to the end of that;
 *   and on the flash, once repaired:
 *   5. the head is in use or sealed as head_sealed says, the sectors before it in use are sealed;
 *   6. from where the next item goes to the end of the payload the head is blank, as in 4;
 *   7. the buffer is blank when spare_blank says so. */
struct seqmap {
    struct seq seq;
    uint16_t key_size; /* without the length in front */
    uint8_t prefix;    /* bytes of the length in front of a key: 0 or 2 */
    bool head_sealed;  /* the head has its end word; or nothing is in use */
    bool ready;        /* repaired since mount or the last error; `append` holds */
    bool spare_blank;  /* the sector after the head is known to be blank */
    bool marked;       /* a marker was written by this call */
    uint32_t head;     /* sector that is written, the newest; the last one if none is in use */
    uint32_t used;     /* sectors in use: the head and those before it that hold older items */
    uint32_t append;   /* where the next item goes, unless the head is sealed; the end of the
                        * payload if it is full */
};

#ifdef BO_CHECKS
/* Checks the invariants; those of the flash, which take reads, when `flash`. After each call the
 * others are checked anyway. */
void seqmap_check(struct seqmap *map, bool flash);
#else
#define seqmap_check(map, flash) ((void)0)
#endif

/* A place in the iteration, see seqmap_iterate. */
struct seqmap_iterator {
    uint32_t sector;   /* sectors between the oldest and the one being read */
    uint32_t position; /* address of the next item; 0: start of the sector */
};

/* Finds the head. Only reads. MAP_ERR_GEOMETRY, MAP_ERR_DAMAGED (no cut leaves this image; format
 * is the way out, and nothing was changed), or an error of the flash. The config is not kept. */
int seqmap_mount(struct seqmap *map, const struct seqmap_config *config);

/* Erases every sector, oldest data first, and leaves an empty mounted map. A cut in it leaves any
 * part of the old contents, older values included, and a mount may return MAP_ERR_DAMAGED: format
 * again. */
int seqmap_format(struct seqmap *map, const struct seqmap_config *config);

/* Copies the value of `key` to `value` and its length to *value_size. MAP_ERR_NOT_FOUND, or
 * MAP_ERR_BUFFER when it is longer than `capacity`: *value_size holds the length then. Never writes
 * to the flash. `value` may be NULL when capacity is 0. */
int seqmap_fetch(struct seqmap *map, const void *key, uint32_t key_size, void *value,
                 uint32_t capacity, uint32_t *value_size);

/* Stores a value, replacing the one the key had. Durable when it returns BO_FLASH_OK; after a cut
 * the key has the old or the new value. MAP_ERR_TOO_BIG (format, sector or work buffer; nothing was
 * written), MAP_ERR_FULL (what can be read is unchanged; costs a lap of erases). */
int seqmap_store(struct seqmap *map, const void *key, uint32_t key_size, const void *value,
                 uint32_t value_size);

/* Removes the key; BO_FLASH_OK also when it was not there. After a cut it is there or not. Programs
 * item headers a second time: MAP_ERR_UNSUPPORTED on a part with programs_per_unit 1. */
int seqmap_remove(struct seqmap *map, const void *key, uint32_t key_size);

/* Removes all keys, oldest copies first, without erasing sectors. After a cut any of the keys may
 * be gone. */
int seqmap_remove_all(struct seqmap *map);

/* Starts at the oldest item. */
void seqmap_iterate(struct seqmap_iterator *iterator);

/* The next item, from old to new, overwritten copies included: the last copy of a key counts.
 * MAP_ERR_NOT_FOUND at the end. MAP_ERR_BUFFER when key or value do not fit: both lengths are
 * returned and the iterator has not moved. A change of the map ends the iteration. */
int seqmap_next(struct seqmap *map, struct seqmap_iterator *iterator, void *key,
                uint32_t key_capacity, uint32_t *key_size, void *value, uint32_t value_capacity,
                uint32_t *value_size);

/* Bytes that an item takes on the flash besides its key and value (which are rounded up to a
 * word). */
static inline uint32_t seqmap_item_overhead(const struct seqmap *map)
{
    return map->seq.header;
}

/* Whether a map can lie on such a part. */
static inline bool seqmap_geometry_usable(const struct bo_flash_geometry *geometry)
{
    return seq_geometry_usable(geometry) && geometry->sector_count >= 2;
}

#ifdef __cplusplus
}
#endif

#endif
