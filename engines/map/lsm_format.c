/* SPDX-License-Identifier: MIT */
/* lsm_format.c - see lsm_internal.h. All numbers are little endian.
 *
 *     sector    header: magic, own number, checksum of what follows; header of its kind; chunks
 *     chunk     magic, size, checksum; payload; up to the next multiple of `align`
 *
 * Of a run the header of its kind is lsm_head; of the manifest it is the number of sectors of the
 * map and the seq of this sector, and the chunks are lists of entries (lsm_manifest.c).
 */
#include "lsm_internal.h"

#include <string.h>

#define MAGIC_MANIFEST 0x1D81BCDEu
#define MAGIC_STAGING 0x1D81BCEDu /* of the manifest of a map with a staging log */
#define MAGIC_RUN 0x7FCBF35Du
#define MAGIC_CHUNK 0x59C5u
#define MAGIC_SIZE 8u

/* Reading -------------------------------------------------------------------------------------- */

/* Has `address` lie in the window, with up to `size` bytes after it. What can't be corrected next
 * to what is wanted is no error. */
static int window_move(struct lsm *map, uint32_t address, uint32_t size)
{
    uint32_t unit = map->flash->geometry.read_unit, start = address & ~(unit - 1);
    uint32_t end = map->device_sectors * map->shape.sector_size;
    uint32_t most = lsm_minimum(map->half, end - start);
    uint32_t least = lsm_round_up(address - start + size, unit);
    map->window_held = 0;
    int error = bo_flash_read(map->flash, start, map->window, most);
    if (error == BO_FLASH_ERR_ECC && least < most)
        error = bo_flash_read(map->flash, start, map->window, most = least);
    if (error) return error;
    map->window_start = start;
    map->window_held = most;
    return BO_FLASH_OK;
}

int lsm_read(struct lsm *map, uint32_t address, void *buffer, uint32_t size)
{
    uint8_t *to = (uint8_t *)buffer;
    uint32_t unit = map->flash->geometry.read_unit;
    while (size != 0) {
        uint32_t inside = address - map->window_start, part;
        int error = BO_FLASH_OK;
        if (inside < map->window_held) {
            part = lsm_minimum(size, map->window_held - inside);
            memcpy(to, map->window + inside, part);
        } else if (size >= map->half && (address & (unit - 1)) == 0) {
            part = size & ~(unit - 1);
            error = bo_flash_read(map->flash, address, to, part);
        } else {
            part = 0;
            error = window_move(map, address, lsm_minimum(size, map->half - unit));
        }
        if (error) return error;
        to += part;
        address += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

/* Headers of sectors --------------------------------------------------------------------------- */

uint32_t lsm_bits(uint32_t n)
{
    uint32_t bits = 0;
    for (; n != 0; n >>= 1)
        bits++;
    return bits;
}

uint32_t lsm_skip_index(const struct lsm_shape *shape, uint32_t a, uint32_t b)
{
    BO_CHECK(a < b);
    uint32_t zeros = a == 0 ? 32 : lsm_bits((a - 1) ^ (b - 1)) - 1;
    uint32_t index = zeros > shape->shift ? zeros - shape->shift : 0;
    return lsm_minimum(index, shape->skips - 1u);
}

/* Of a kind of sectors: bytes of its header, and numbers of two bytes after the first one, of four.
 * The header of a manifest is read and written as one of a run: its seq is the second number. */
static uint32_t header_size(const struct lsm_shape *shape, uint32_t magic, uint32_t *numbers)
{
    *numbers = magic == MAGIC_RUN ? shape->skips + 1u : 2;
    return magic == MAGIC_RUN ? shape->run_header : shape->manifest_header;
}

/* Reads both headers of a sector and returns its magic, or an error. What cannot be read is no
 * header either. */
static int header_read(struct lsm *map, uint32_t sector, struct lsm_head *head)
{
    const struct lsm_shape *shape = &map->shape;
    uint8_t bytes[LSM_HEADERS_MAX], *from = bytes + shape->sector_header;
    uint32_t address = lsm_address(map, sector, 0), numbers;
    int error = lsm_read(map, address, bytes, shape->sector_header);
    uint32_t magic = lsm_get(bytes, 4), size = header_size(shape, magic, &numbers);
    if (!error) error = lsm_read(map, address + shape->sector_header, from, size);
    if (error) return error == BO_FLASH_ERR_ECC ? (int)MAP_ERR_DAMAGED : error;
    if (magic != MAGIC_RUN && magic != MAGIC_MANIFEST && magic != MAGIC_STAGING)
        return MAP_ERR_DAMAGED;
    if (lsm_get(bytes + 4, 4) != sector) return MAP_ERR_DAMAGED;
    if (shape->crc && lsm_get(bytes + MAGIC_SIZE, 4) != lsm_crc(0, from, size))
        return MAP_ERR_DAMAGED;
    head->sector = (uint16_t)sector;
    head->seq = lsm_get(from, 4);
    for (uint32_t i = 0; i < numbers; i++)
        head->skips[i] = (uint16_t)lsm_get(from + 4 + 2 * i, 2);
    return (int)magic;
}

int lsm_head_read(struct lsm *map, uint32_t sector, struct lsm_head *head)
{
    if (sector >= map->shape.sector_count) return MAP_ERR_DAMAGED;
    int magic = header_read(map, sector, head);
    return magic < 0 ? magic : lsm_damaged_unless(magic == MAGIC_RUN);
}

int lsm_manifest_read(struct lsm *map, uint32_t sector, struct lsm_manifest_head *head)
{
    struct lsm_head read;
    int magic = header_read(map, sector, &read);
    if (magic < 0) return magic;
    head->staging = magic == MAGIC_STAGING;
    head->sectors = read.seq;
    head->seq = read.skips[0] | (uint32_t)read.skips[1] << 16;
    return lsm_damaged_unless(magic != MAGIC_RUN);
}

static uint32_t header_bytes(const struct lsm *map, uint32_t magic, const struct lsm_head *head,
                             uint8_t *bytes)
{
    const struct lsm_shape *shape = &map->shape;
    uint32_t start = shape->sector_header, numbers, size = header_size(shape, magic, &numbers);
    uint8_t *to = bytes + start;
    memset(bytes, shape->erased, start + size);
    lsm_put(bytes, magic, 4);
    lsm_put(bytes + 4, head->sector, 4);
    lsm_put(to, head->seq, 4);
    for (uint32_t i = 0; i < numbers; i++)
        lsm_put(to + 4 + 2 * i, head->skips[i], 2);
    if (shape->crc) lsm_put(bytes + MAGIC_SIZE, lsm_crc(0, to, size), 4);
    return start + size;
}

uint32_t lsm_head_bytes(const struct lsm *map, const struct lsm_head *head, uint8_t *bytes)
{
    return header_bytes(map, MAGIC_RUN, head, bytes);
}

uint32_t lsm_manifest_bytes(const struct lsm *map, uint32_t sector, uint32_t seq, uint8_t *bytes)
{
    struct lsm_head head;
    head.sector = (uint16_t)sector;
    head.seq = map->shape.sector_count;
    head.skips[0] = (uint16_t)seq;
    head.skips[1] = (uint16_t)(seq >> 16);
    return header_bytes(map, lsm_staging(&map->shape) ? MAGIC_STAGING : MAGIC_MANIFEST, &head,
                        bytes);
}

/* Chunks --------------------------------------------------------------------------------------- */

int lsm_chunk_read(struct lsm *map, uint32_t sector, uint32_t at, struct lsm_chunk *chunk)
{
    const struct lsm_shape *shape = &map->shape;
    uint8_t bytes[8];
    chunk->at = at;
    chunk->size = 0xFFFF;
    chunk->crc = 0;
    if (at > shape->sector_size - shape->chunk_header) return MAP_ERR_NOT_FOUND;
    int error = lsm_read(map, lsm_address(map, sector, at), bytes, shape->chunk_header);
    if (error) return error;
    chunk->size = lsm_get(bytes + 2, 2);
    if (lsm_get(bytes, 2) != MAGIC_CHUNK) return MAP_ERR_NOT_FOUND;
    if (shape->crc) chunk->crc = lsm_get(bytes + 4, 4);
    uint32_t room = shape->sector_size - at - shape->chunk_header;
    return lsm_damaged_unless(chunk->size <= lsm_minimum(shape->chunk_max, room));
}

void lsm_chunk_bytes(const struct lsm_shape *shape, uint32_t size, uint32_t crc, uint8_t *bytes)
{
    lsm_put(bytes, MAGIC_CHUNK, 2);
    lsm_put(bytes + 2, size, 2);
    if (shape->crc) lsm_put(bytes + 4, crc, 4);
}

uint32_t lsm_chunk_next(const struct lsm_shape *shape, const struct lsm_chunk *chunk)
{
    return chunk->at + lsm_round_up(shape->chunk_header + chunk->size, shape->align);
}
