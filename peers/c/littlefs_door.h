/* littlefs_door.h - the harness's flash as a block device of littlefs: `struct lfs_config`.
 *
 * For littlefs itself, and for whatever else takes its block device. Include lfs.h first, and the
 * struct is the library's; without it what a block device has is declared here.
 *
 *     struct object { lfs_t lfs; struct lfs_config config; uint8_t read[256], .. };
 *     littlefs_door(&object->config, flash);
 *     object->config.read_buffer = object->read; ..
 *     lfs_mount(&object->lfs, &object->config);
 *
 * The config lies in the object, and its `context` is the flash: there is no other state. littlefs
 * needs its buffers given too (read_buffer, prog_buffer, lookahead_buffer, and one for each open
 * file): what it allocates from the heap would outlive power-off.
 */
#ifndef BROWNOUT_LITTLEFS_DOOR_H
#define BROWNOUT_LITTLEFS_DOOR_H

#include <string.h>

#include "peers/c/hal_door.h"

#ifndef LFS_H
typedef uint32_t lfs_size_t;
typedef uint32_t lfs_off_t;
typedef uint32_t lfs_block_t;

enum lfs_error { LFS_ERR_OK = 0, LFS_ERR_IO = -5, LFS_ERR_CORRUPT = -84 };

struct lfs_config {
    void *context;
    int (*read)(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, void *buffer,
                lfs_size_t size);
    int (*prog)(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, const void *buffer,
                lfs_size_t size);
    int (*erase)(const struct lfs_config *c, lfs_block_t block);
    int (*sync)(const struct lfs_config *c);
    lfs_size_t read_size, prog_size, block_size, block_count;
    int32_t block_cycles;
    lfs_size_t cache_size, lookahead_size;
    void *read_buffer, *prog_buffer, *lookahead_buffer;
};
#endif

/* A unit that can't be read is damage, which littlefs works around; all else is an error. */
static inline int littlefs_door_error(int error)
{
    return error == BO_FLASH_ERR_ECC ? LFS_ERR_CORRUPT : error ? LFS_ERR_IO : LFS_ERR_OK;
}

static inline int littlefs_door_read(const struct lfs_config *c, lfs_block_t block, lfs_off_t off,
                                     void *buffer, lfs_size_t size)
{
    uint64_t address = (uint64_t)block * c->block_size + off;
    return littlefs_door_error(hal_door_read(c->context, address, buffer, size));
}

static inline int littlefs_door_prog(const struct lfs_config *c, lfs_block_t block, lfs_off_t off,
                                     const void *buffer, lfs_size_t size)
{
    uint64_t address = (uint64_t)block * c->block_size + off;
    return littlefs_door_error(hal_door_program(c->context, address, buffer, size));
}

static inline int littlefs_door_erase(const struct lfs_config *c, lfs_block_t block)
{
    uint64_t address = (uint64_t)block * c->block_size;
    return littlefs_door_error(hal_door_erase(c->context, address, c->block_size));
}

static inline int littlefs_door_sync(const struct lfs_config *c)
{
    (void)c;
    return LFS_ERR_OK;
}

/* Fills in calls, sizes and the least of caches; all else is zero. To be changed by whom it does
 * not suit: a sector is a block, the cache has 64 bytes or a page, blocks are never moved for
 * wear. */
static inline void littlefs_door(struct lfs_config *config, const struct bo_flash *flash)
{
    const struct bo_flash_geometry *g = &flash->geometry;
    memset(config, 0, sizeof *config);
    config->context = (void *)(uintptr_t)flash;
    config->read = littlefs_door_read;
    config->prog = littlefs_door_prog;
    config->erase = littlefs_door_erase;
    config->sync = littlefs_door_sync;
    config->read_size = g->read_unit;
    config->prog_size = g->unit;
    config->block_size = g->sector_size;
    config->block_count = g->sector_count;
    config->block_cycles = -1;
    config->cache_size = g->sector_size % 64 == 0 ? 64 : g->page_size;
    config->lookahead_size = 16;
}

#endif
