/* SPDX-License-Identifier: MIT */
/* seqlog_sector.c - the flash as seqlog sees it, and the headers of sectors.
 *
 * A header, little endian, filled with 0xFF up to the unit:
 *
 *     0   u32   sequence number; sector p of N has p or p + N
 *     4   u32   reach
 *     8   u48   number of the first record
 *     14  u16   format, 1
 *     16  u32   CRC-32C of these, begun with the log's seed and the sector's place
 *
 * The number of the first record is known when a sector is opened, not when it is erased: so the
 * header is programmed when the sector is opened, and one program opens it.
 *
 * Blank units at the start of a program are left out. On the flash they look the same, and it
 * keeps this true: an interrupted program of which nothing is to be seen has touched nothing.
 */
#include <string.h>

#include "../crc32c.h"
#include "seqlog_internal.h"

#define HEADER_SIZE 20u

static uint32_t sector_address(const struct seqlog *log, uint32_t sector)
{
    return sector * log->flash->geometry.sector_size;
}

/* Reading ----------------------------------------------------------------------------------- */

/* Fills the window; what the part can't read is looked at in the smallest pieces. */
static int window_read(struct seqlog *log, uint32_t address, uint32_t size)
{
    uint32_t least = log->flash->geometry.read_unit;
    uint32_t room = log->work_size - log->overlay_size;
    log->window = log->work + log->overlay_size;
    if (room < sizeof log->small) {
        log->window = log->small;
        room = sizeof log->small;
    }
    size = seqlog_minimum(size, room / least * least);
    int error = bo_flash_read(log->flash, address, log->window, size);
    if (error == BO_FLASH_ERR_ECC && size > least)
        error = bo_flash_read(log->flash, address, log->window, size = least);
    log->window_at = address;
    log->window_size = error && error != BO_FLASH_ERR_ECC ? 0 : size;
    log->window_bad = error == BO_FLASH_ERR_ECC;
    return error == BO_FLASH_ERR_ECC ? BO_FLASH_OK : error;
}

/* While a frame in the work buffer is looked at as if it had been programmed: the part of it that
 * is at `address`, or what comes after it, which is blank (torn_end). False when the flash is to be
 * read; *size is cut down to what lies before the frame. */
static bool look_overlay(const struct seqlog *log, uint32_t address, uint32_t *size,
                         struct seqlog_run *run)
{
    static const uint8_t blank[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    uint32_t in = address - log->overlay_at;
    if (log->overlay_size == 0) return false;
    if (address < log->overlay_at) {
        *size = seqlog_minimum(*size, log->overlay_at - address);
        return false;
    }
    if (in < log->overlay_size)
        *run = (struct seqlog_run){log->work + in, seqlog_minimum(*size, log->overlay_size - in)};
    else
        *run = (struct seqlog_run){blank, seqlog_minimum(*size, sizeof blank)};
    return true;
}

int seqlog_look(struct seqlog *log, uint32_t base, uint32_t offset, uint32_t end,
                struct seqlog_run *run)
{
    uint32_t address = base + offset, size = end - offset;
    uint32_t least = log->flash->geometry.read_unit;
    if (look_overlay(log, address, &size, run)) return BO_FLASH_OK;
    if (log->window_size == 0 || address - log->window_at >= log->window_size) {
        uint32_t before = address % least;
        int error = window_read(log, address - before, seqlog_round(before + size, least));
        if (error) return error;
    }
    uint32_t in = address - log->window_at;
    run->bytes = log->window_bad ? NULL : log->window + in;
    run->size = seqlog_minimum(size, log->window_size - in);
    return BO_FLASH_OK;
}

int seqlog_fetch(struct seqlog *log, uint32_t address, uint8_t *bytes, uint32_t size)
{
    uint8_t piece[3 * BO_FLASH_UNIT_MAX];
    uint32_t least = log->flash->geometry.read_unit, before = address % least;
    uint32_t whole = seqlog_round(before + size, least);
    int error = bo_flash_read(log->flash, address - before, piece, whole);
    if (error) return error;
    memcpy(bytes, piece + before, size);
    return BO_FLASH_OK;
}

/* Writing ----------------------------------------------------------------------------------- */

static bool unit_blank(const uint8_t *bytes, uint32_t size)
{
    while (size-- != 0)
        if (*bytes++ != 0xFF) return false;
    return true;
}

int seqlog_program(struct seqlog *log, uint32_t address, const uint8_t *bytes, uint32_t size)
{
    const struct bo_flash_geometry *g = &log->flash->geometry;
    log->window_size = 0;
    while (size != 0) {
        uint32_t part = seqlog_minimum(size, g->page_size - address % g->page_size), skip = 0;
        while (skip < part && unit_blank(bytes + skip, g->unit))
            skip += g->unit;
        if (skip < part) {
            int error = bo_flash_program(log->flash, address + skip, bytes + skip, part - skip);
            if (error) return error;
        }
        address += part;
        bytes += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

int seqlog_erase(struct seqlog *log, uint32_t sector)
{
    log->window_size = 0;
    return bo_flash_erase(log->flash, sector_address(log, sector));
}

/* Headers ----------------------------------------------------------------------------------- */

static uint32_t header_crc(const struct seqlog *log, uint32_t sector, const uint8_t *bytes)
{
    uint8_t place[4];
    seqlog_put(place, sector, 4);
    return ~bo_crc32c(bo_crc32c(log->seed, place, 4), bytes, HEADER_SIZE - 4);
}

static bool header_decode(const struct seqlog *log, uint32_t sector, const uint8_t *bytes,
                          struct seqlog_header *header)
{
    *header = (struct seqlog_header){.sequence = (uint32_t)seqlog_get(bytes, 4),
                                     .reach = (uint32_t)seqlog_get(bytes + 4, 4),
                                     .first = seqlog_get(bytes + 8, 6),
                                     .crc = (uint32_t)seqlog_get(bytes + 16, 4)};
    uint32_t sectors = log->plan.sectors;
    return header->crc == header_crc(log, sector, bytes) &&
           seqlog_get(bytes + 14, 2) == SEQLOG_FORMAT_VERSION && header->sequence < 2 * sectors &&
           header->sequence % sectors == sector && header->reach <= sectors - 2;
}

int seqlog_sector_read(struct seqlog *log, uint32_t sector, struct seqlog_header *header)
{
    uint8_t bytes[HEADER_SIZE];
    int error = seqlog_fetch(log, sector_address(log, sector), bytes, HEADER_SIZE);
    if (error == BO_FLASH_ERR_ECC) return SEQLOG_BAD;
    if (error) return error;
    if (unit_blank(bytes, HEADER_SIZE)) return SEQLOG_BLANK;
    return header_decode(log, sector, bytes, header) ? SEQLOG_VALID : SEQLOG_BAD;
}

int seqlog_sector_program(struct seqlog *log, uint32_t sector, struct seqlog_header *header)
{
    uint8_t bytes[2 * BO_FLASH_UNIT_MAX];
    memset(bytes, 0xFF, sizeof bytes);
    seqlog_put(bytes, header->sequence, 4);
    seqlog_put(bytes + 4, header->reach, 4);
    seqlog_put(bytes + 8, header->first, 6);
    seqlog_put(bytes + 14, SEQLOG_FORMAT_VERSION, 2);
    header->crc = header_crc(log, sector, bytes);
    seqlog_put(bytes + 16, header->crc, 4);
    return seqlog_program(log, sector_address(log, sector), bytes, log->plan.header_size);
}

struct seqlog_cursor seqlog_sector_cursor(const struct seqlog *log, uint32_t sector,
                                          const struct seqlog_header *header)
{
    return (struct seqlog_cursor){.base = sector_address(log, sector),
                                  .offset = log->plan.header_size,
                                  .end = log->flash->geometry.sector_size,
                                  .identity = header->crc,
                                  .number = header->first};
}
