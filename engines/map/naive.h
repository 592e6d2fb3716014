/* SPDX-License-Identifier: MIT */
/* naive.h - the baseline: one value a sector, erased and programmed again at each update.
 *
 * What many first versions of a product do. It is here to be compared with, not to be used.
 *
 * Model. A sector is free (blank header) or holds one key and its value:
 *
 *     "NAIV" | key length u16 | value length u16 | key | value | crc32
 *
 * (lengths little endian, checksum big endian, the rest of the last unit 0xFF). The CRC-32C covers
 * everything before it. A new key goes to the first sector that holds nothing; an update erases
 * the sector of its key and programs it again; a removal erases the sector.
 *
 * What it does not hold, of the contract that every engine is measured against:
 *   durable, atomic  a cut between the erase and the end of the program of an update loses the key
 *                    with both values, the old one although it had been acknowledged long before;
 *   wear             nothing spreads: a sector is erased at each update of its key.
 * Widened clause: an update that a cut interrupts may lose the value. Other keys are not touched.
 * Under the same classes of faults as seqmap (edge, prefix, bits, zeros) a damaged value is never
 * returned, and the store works on: a sector that holds nothing valid counts as free and is erased
 * before use. Survives fail too. A value with a flipped bit is missing, never another; rot is not
 * claimed all the same, as the erase of its sector, cut early, may set that bit again: the value is
 * back. weak and ecc are not claimed, nor is glitch: a sector that reads wrong once counts as free.
 * A read that answers an error costs nothing, and with ../twice.h in between glitch is survived.
 * What was written is not read back: lie is survived with ../verified.h in between. stray is not
 * claimed, as rot is not.
 *
 * No state but what is in the struct; nothing is cached. Bounds: mount reads nothing; a call reads
 * each sector at most once, in two pieces; store does at most one erase and the programs of one
 * sector; remove does one erase. The same shape as seqmap.h, where each function is described.
 */
#ifndef BROWNOUT_NAIVE_H
#define BROWNOUT_NAIVE_H

#include "../flash.h"
#include "map.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of what is written, see flash.h; of the software: BO_VERSION. */
#define NAIVE_FORMAT_VERSION 0x00010000u

struct naive_config {
    const struct bo_flash *flash;
    /* Scratch memory: 12 bytes, key and value of the largest item, rounded up to units (and read
     * units). At least 64 bytes. */
    void *work;
    uint32_t work_size;
};

/* A mounted map. The caller owns it; the fields are the engine's.
 *
 * Invariants:
 *   1. the work buffer holds at least 64 bytes;
 *   2. a value that is returned lies in the work buffer;
 *   and on the flash, unless the image was made by someone else:
 *   3. no key lies in two sectors. */
struct naive {
    const struct bo_flash *flash;
    uint8_t *work;
    uint32_t work_size;
};

#ifdef BO_CHECKS
/* Checks the invariants; that of the flash, which takes reads, when `flash`. The others are checked
 * after each call anyway. */
void naive_check(struct naive *map, bool flash);
#else
#define naive_check(map, flash) ((void)0)
#endif

struct naive_iterator {
    uint32_t sector;
};

/* MAP_ERR_GEOMETRY, or BO_FLASH_OK. Reads nothing. */
int naive_mount(struct naive *map, const struct naive_config *config);

/* Erases every sector and mounts. A cut in it leaves some of the keys: format again. */
int naive_format(struct naive *map, const struct naive_config *config);

int naive_fetch(struct naive *map, const void *key, uint32_t key_size, void *value,
                uint32_t capacity, uint32_t *value_size);

/* MAP_ERR_FULL when every sector holds another key, MAP_ERR_TOO_BIG; nothing was changed then. */
int naive_store(struct naive *map, const void *key, uint32_t key_size, const void *value,
                uint32_t value_size);

int naive_remove(struct naive *map, const void *key, uint32_t key_size);

/* Erases one sector after the other: a cut leaves some of the keys. */
int naive_remove_all(struct naive *map);

/* Keys in the order of their sectors, each once. */
void naive_iterate(struct naive_iterator *iterator);
int naive_next(struct naive *map, struct naive_iterator *iterator, void *key, uint32_t key_capacity,
               uint32_t *key_size, void *value, uint32_t value_capacity, uint32_t *value_size);

/* The largest number of flash calls of any one call but remove_all and format, which erase each
 * sector and read nothing: two reads a sector, one erase, and the programs of a sector. */
static inline struct bo_bound naive_bound(const struct bo_flash_geometry *geometry)
{
    struct bo_bound bound = {2 * (uint64_t)geometry->sector_count,
                             1 + (uint64_t)(geometry->sector_size / geometry->page_size)};
    return bound;
}

#ifdef __cplusplus
}
#endif

#endif
