/* flash.h - the port: the one interface between a storage engine and a NOR flash part.
 *
 * Firmware fills in a `struct flash` for its part (or for a partition of it) and hands it to an
 * engine. The simulator of Brownout fills in the same struct. Engines include nothing else.
 *
 * The model. Flash is an array of sectors. An erase sets every bit of one sector to the erased
 * value. A program clears bits (moves them away from the erased value) and never sets one; it
 * covers whole units and stays inside one page. Power can go away inside any program or erase;
 * what that leaves behind is the engine's to survive.
 *
 * Addresses are bytes from the start of the region that the engine owns, 32 bits wide. The region
 * may be 2^32 bytes long, so its end need not fit an address: ask flash_size(), which is 64 bits.
 */
#ifndef BROWNOUT_FLASH_H
#define BROWNOUT_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a flash call answers: FLASH_OK, or one of these negative numbers. An engine passes them on
 * unchanged; its own errors start at -16 (map/map.h). */
enum flash_error {
    FLASH_OK = 0,
    FLASH_ERR_IO = -1,    /* the part did not do it (bus error, failed program or erase) */
    FLASH_ERR_ECC = -2,   /* read: a unit can't be corrected; the buffer is undefined */
    FLASH_ERR_RANGE = -3, /* address, size or alignment breaks the rules of the geometry */
    FLASH_ERR_OFF = -4,   /* power is gone; only a simulated chip says so */
};

/* How far the damage of one interrupted program reaches. */
enum flash_tear_scope {
    FLASH_TEAR_UNIT = 0, /* units before the cut are done, later ones untouched */
    FLASH_TEAR_PAGE,     /* any bit of the interrupted program call */
    FLASH_TEAR_SECTOR,   /* any bit of the sector, earlier data included */
};

/* Limits of every geometry. */
#define FLASH_UNIT_MAX 32u
#define FLASH_SECTOR_COUNT_MAX (1u << 23)

struct flash_geometry {
    uint32_t sector_size;  /* bytes of one erase; a multiple of page_size, read_unit and unit */
    uint32_t sector_count; /* sectors in the region, from 1 to FLASH_SECTOR_COUNT_MAX */
    uint32_t page_size;    /* bytes of the largest program, which may not cross a multiple of it */
    uint16_t unit;         /* bytes of the smallest program: 1, 2, 4, 8, 16 or 32 */
    uint16_t read_unit;    /* bytes of the smallest read: a power of two up to 32 */
    uint8_t erased;        /* value of an erased byte, 0xFF on most parts */
    uint8_t programs_per_unit; /* programs of one unit between erases; 0: no limit */
    uint8_t tear_scope;        /* enum flash_tear_scope */
};

/* The three operations. Each returns FLASH_OK or a negative enum flash_error. `address` and `size`
 * are multiples of read_unit (read), of unit (program), of sector_size (erase, one sector a call).
 * A program lies inside one page. Buffers need no alignment. The engine never calls one operation
 * from inside another. */
struct flash {
    struct flash_geometry geometry;
    void *context; /* handed back to each operation; the engine does not look at it */
    int (*read)(void *context, uint32_t address, void *buffer, uint32_t size);
    int (*program)(void *context, uint32_t address, const void *data, uint32_t size);
    int (*erase)(void *context, uint32_t address);
};

/* Bytes in the region, up to 2^32. */
static inline uint64_t flash_size(const struct flash *flash)
{
    return (uint64_t)flash->geometry.sector_size * flash->geometry.sector_count;
}

static inline bool flash_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Whether a geometry keeps the limits stated beside its fields. */
static inline bool flash_geometry_valid(const struct flash_geometry *g)
{
    return flash_power_of_two(g->unit) && g->unit <= FLASH_UNIT_MAX &&
           flash_power_of_two(g->read_unit) && g->read_unit <= FLASH_UNIT_MAX &&
           g->page_size != 0 && g->page_size % g->unit == 0 && g->sector_size != 0 &&
           g->sector_size % g->page_size == 0 && g->sector_size % g->read_unit == 0 &&
           g->sector_count != 0 && g->sector_count <= FLASH_SECTOR_COUNT_MAX &&
           (uint64_t)g->sector_size * g->sector_count <= (uint64_t)1 << 32 &&
           g->tear_scope <= FLASH_TEAR_SECTOR;
}

/* Whether [address, address + size) lies inside the region. */
static inline bool flash_inside(const struct flash *flash, uint32_t address, uint32_t size)
{
    return (uint64_t)address + size <= flash_size(flash);
}

/* Reads `size` bytes; nothing happens when size is 0. */
static inline int flash_read(const struct flash *flash, uint32_t address, void *buffer,
                             uint32_t size)
{
    if (size == 0) return FLASH_OK;
    return flash->read(flash->context, address, buffer, size);
}

/* Programs `size` bytes, one program call for each page that the range touches, in ascending
 * order. A failure leaves the pages before it programmed. */
static inline int flash_program(const struct flash *flash, uint32_t address, const void *data,
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
    return FLASH_OK;
}

/* Erases the sector that starts at `address`. */
static inline int flash_erase(const struct flash *flash, uint32_t address)
{
    return flash->erase(flash->context, address);
}

#endif
