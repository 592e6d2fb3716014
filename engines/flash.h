/* SPDX-License-Identifier: MIT */
/* flash.h - the port: the one interface between a storage engine and a NOR flash part.
 *
 * Firmware fills in a `struct bo_flash` for its part (or for a partition of it) and hands it to an
 * engine. The simulator of Brownout fills in the same struct. Engines include nothing else.
 *
 * The model. Flash is an array of sectors. An erase sets every bit of one sector to the erased
 * value. A program clears bits (moves them away from the erased value) and never sets one; it
 * covers whole units and stays inside one page. Power can go away inside any program or erase;
 * what that leaves is the engine's to survive.
 *
 * Addresses are bytes from the start of the region that the engine owns, 32 bits wide. The region
 * may be 2^32 bytes long, so its end need not fit an address: ask bo_flash_size(), which is 64
 * bits.
 */
#ifndef BROWNOUT_FLASH_H
#define BROWNOUT_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of all engines and of this port: major number in the upper half, minor in the lower. The
 * version of what an engine writes stands in the engine's header. */
#define BO_VERSION 0x00010000u

/* What a flash call answers: BO_FLASH_OK, or one of these negative numbers. An engine passes them
 * on unchanged; its own errors start at -16 (store.h). */
enum bo_flash_error {
    BO_FLASH_OK = 0,
    BO_FLASH_ERR_IO = -1,    /* the part did not do it (bus error, failed program or erase) */
    BO_FLASH_ERR_ECC = -2,   /* read: a unit can't be corrected; the buffer is undefined */
    BO_FLASH_ERR_RANGE = -3, /* address, size or alignment breaks the rules of the geometry */
    BO_FLASH_ERR_OFF = -4,   /* power is gone; only a simulated chip says so */
};

/* How far the damage of one interrupted program reaches. */
enum bo_flash_tear_scope {
    BO_FLASH_TEAR_UNIT = 0, /* units before the cut are done, later ones untouched */
    BO_FLASH_TEAR_PAGE,     /* any bit of the interrupted program call */
    BO_FLASH_TEAR_SECTOR,   /* any bit of the sector, earlier data included */
};

/* Limits of every geometry. */
#define BO_FLASH_UNIT_MAX 32u
#define BO_FLASH_SECTOR_COUNT_MAX (1u << 23)

struct bo_flash_geometry {
    uint32_t sector_size;  /* bytes of one erase; a multiple of page_size, read_unit and unit */
    uint32_t sector_count; /* sectors in the region, from 1 to BO_FLASH_SECTOR_COUNT_MAX */
    uint32_t page_size;    /* bytes of the largest program, which may not cross a multiple of it */
    uint16_t unit;         /* bytes of the smallest program: 1, 2, 4, 8, 16 or 32 */
    uint16_t read_unit;    /* bytes of the smallest read: a power of two up to 32 */
    uint8_t erased;        /* value of an erased byte, 0xFF on most parts */
    uint8_t programs_per_unit; /* programs of one unit between erases; 0: no limit */
    uint8_t tear_scope;        /* enum bo_flash_tear_scope */
};

/* The three operations. Each returns BO_FLASH_OK or a negative enum bo_flash_error. `address` and
 * `size` are multiples of read_unit (read), of unit (program), of sector_size (erase, one sector a
 * call). A program lies inside one page. Buffers need no alignment. The engine never calls one
 * operation from inside another. */
struct bo_flash {
    struct bo_flash_geometry geometry;
    void *context; /* handed back to each operation; the engine does not look at it */
    int (*read)(void *context, uint32_t address, void *buffer, uint32_t size);
    int (*program)(void *context, uint32_t address, const void *data, uint32_t size);
    int (*erase)(void *context, uint32_t address);
};

/* Bytes in the region, up to 2^32. */
static inline uint64_t bo_flash_size(const struct bo_flash *flash)
{
    return (uint64_t)flash->geometry.sector_size * flash->geometry.sector_count;
}

static inline bool bo_flash_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Whether a geometry keeps the limits stated beside its fields. */
static inline bool bo_flash_geometry_valid(const struct bo_flash_geometry *g)
{
    uint32_t units = (uint32_t)g->unit * g->read_unit; /* a power of two if both are */
    uint32_t odd = (units & (units - 1)) | (g->page_size & (g->unit - 1u)) |
                   (g->sector_size & (g->read_unit - 1u));
    return odd == 0 && (g->unit | g->read_unit) < 2 * BO_FLASH_UNIT_MAX && g->page_size != 0 &&
           g->sector_size % g->page_size == 0 && g->sector_count <= BO_FLASH_SECTOR_COUNT_MAX &&
           ((uint64_t)g->sector_size * g->sector_count - 1) >> 32 == 0 &&
           g->tear_scope <= BO_FLASH_TEAR_SECTOR;
}

/* Whether [address, address + size) lies inside the region. */
static inline bool bo_flash_inside(const struct bo_flash *flash, uint32_t address, uint32_t size)
{
    return (uint64_t)address + size <= bo_flash_size(flash);
}

/* Reads `size` bytes; nothing happens when size is 0. */
static inline int bo_flash_read(const struct bo_flash *flash, uint32_t address, void *buffer,
                                uint32_t size)
{
    if (size == 0) return BO_FLASH_OK;
    return flash->read(flash->context, address, buffer, size);
}

/* Programs `size` bytes, one program call for each page that the range touches, in ascending
 * order. A failure leaves the pages before it programmed. */
static inline int bo_flash_program(const struct bo_flash *flash, uint32_t address, const void *data,
                                   uint32_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    while (size != 0) {
        uint32_t room = flash->geometry.page_size - address % flash->geometry.page_size;
        uint32_t part = size < room ? size : room;
        int error = flash->program(flash->context, address, bytes, part);
        if (error) return error;
        address += part;
        bytes += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

/* Erases the sector that starts at `address`. */
static inline int bo_flash_erase(const struct bo_flash *flash, uint32_t address)
{
    return flash->erase(flash->context, address);
}

#ifdef __cplusplus
}
#endif

#endif
