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

/* Shape ---------------------------------------------------------------------------------------- */

static unsigned bits_of(uint32_t n)
{
    unsigned bits = 0;
    for (; n != 0; n >>= 1)
        bits++;
    return bits;
}

/* Bytes of chunks that fit `room`, headers left out. */
static uint32_t payload_of(const struct lsm_shape *shape, uint32_t room)
{
    uint32_t whole = lsm_round_up(shape->chunk_header + shape->chunk_max, shape->align);
    uint32_t rest = room % whole;
    rest = rest > shape->chunk_header ? rest - shape->chunk_header : 0;
    return room / whole * shape->chunk_max + rest;
}

static bool shape_records(struct lsm_shape *shape, const struct lsm_format *format)
{
    unsigned key_bits = bits_of(format->key_max), value_bits = bits_of(format->value_max);
    if (key_bits == 0 || key_bits + value_bits > 31) return false;
    shape->key_max = format->key_max;
    shape->value_max = format->value_max;
    shape->key_bits = (uint8_t)key_bits;
    shape->value_bits = (uint8_t)value_bits;
    shape->record_header = (uint8_t)((key_bits + value_bits + 8) / 8);
    shape->record_max = shape->record_header + format->key_max + format->value_max;
    return true;
}

/* Links, and runs: as many levels as the branching needs for that many sectors. */
static bool shape_levels(struct lsm_shape *shape, const struct lsm_format *format, uint32_t max)
{
    uint32_t branching = format->branching != 0 ? format->branching : 2, levels = 0;
    if (branching < 2 || branching > 4 || max < 8 || max > 65536) return false;
    for (uint32_t n = max; n >= branching; n /= branching)
        levels++;
    shape->branching = (uint8_t)branching;
    shape->runs = (uint8_t)(branching * levels + 1);
    shape->skips = (uint8_t)(bits_of(max) - 3);
    BO_CHECK(shape->skips <= LSM_SKIPS_MAX && shape->skips != 0);
    return shape->runs <= LSM_RUNS_MAX;
}

bool lsm_shape_make(struct lsm_shape *shape, const struct bo_flash_geometry *geometry,
                    const struct lsm_format *format)
{
    memset(shape, 0, sizeof *shape);
    if (!bo_flash_geometry_valid(geometry)) return false;
    uint32_t align = format->align != 0 ? format->align : geometry->unit > 4 ? geometry->unit : 4u;
    uint32_t max =
        format->sector_count_max != 0 ? format->sector_count_max : geometry->sector_count;
    uint32_t chunk_max = format->chunk_max != 0 ? format->chunk_max : 4096u;
    if ((align & (align - 1)) != 0 || align > LSM_ALIGN_MAX || align < geometry->unit) return false;
    if (!shape_levels(shape, format, max) || !shape_records(shape, format)) return false;
    shape->align = (uint16_t)align;
    shape->crc = format->crc;
    shape->staging = format->staging;
    if (shape->staging && !shape->crc) return false;
    if (shape->staging && geometry->tear_scope == BO_FLASH_TEAR_SECTOR) return false;
    shape->erased = geometry->erased;
    shape->sector_size = geometry->sector_size;
    shape->sector_count = lsm_minimum(geometry->sector_count, lsm_minimum(max, 65535));
    uint32_t links = lsm_round_up(6u + 2u * shape->skips, align);
    shape->sector_header = (uint8_t)lsm_round_up(format->crc ? 12 : 8, align);
    shape->run_header = (uint8_t)lsm_round_up(links, 4);
    shape->manifest_header = (uint8_t)lsm_round_up(8, align);
    shape->chunk_header = format->crc ? 8 : 4;
    BO_CHECK(lsm_run_chunks(shape) <= LSM_HEADERS_MAX);
    uint32_t list = 8u * (shape->runs + shape->staging), chunk = shape->chunk_header + list;
    if (shape->sector_size < lsm_manifest_chunks(shape) + chunk) return false;
    if (shape->sector_size > 65536) return false;
    uint32_t room = shape->sector_size - shape->sector_header - shape->chunk_header;
    shape->chunk_max = lsm_minimum(chunk_max, room);
    if (shape->sector_size % align != 0 || shape->chunk_max < list) return false;
    BO_CHECK(shape->sector_size >= lsm_run_chunks(shape) + 2 * lsm_round_up(8, align));
    shape->payload = payload_of(shape, shape->sector_size - lsm_run_chunks(shape));
    shape->shift = (uint8_t)bits_of(shape->payload);
    return true;
}

/* Checksum: CRC-32, polynomial 0x04C11DB7 reflected -------------------------------------------- */

static const uint32_t halves[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
    0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
    0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

/* The checksum of what `crc` is one of, and more; 0: of nothing. */
uint32_t lsm_crc(uint32_t crc, const void *data, uint32_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    crc = ~crc;
    while (size-- != 0) {
        crc ^= *bytes++;
        crc = halves[crc & 15] ^ crc >> 4;
        crc = halves[crc & 15] ^ crc >> 4;
    }
    return ~crc;
}

/* Reading -------------------------------------------------------------------------------------- */

/* Has `address` lie in the window, with up to `size` bytes after it. What can't be corrected next
 * to what is wanted is no error. */
static int window_move(struct lsm *map, uint32_t address, uint32_t size)
{
    const struct bo_flash_geometry *g = &map->flash->geometry;
    uint32_t start = address & ~(g->read_unit - 1u);
    uint64_t left = bo_flash_size(map->flash) - start;
    uint32_t most = left < map->window_size ? (uint32_t)left : map->window_size;
    uint32_t least = lsm_round_up(address - start + size, g->read_unit);
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
        } else if (size >= map->window_size && (address & (unit - 1)) == 0) {
            part = size & ~(unit - 1);
            error = bo_flash_read(map->flash, address, to, part);
        } else {
            part = 0;
            error = window_move(map, address, lsm_minimum(size, map->window_size - unit));
        }
        if (error) return error;
        to += part;
        address += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

/* Headers of sectors --------------------------------------------------------------------------- */

uint32_t lsm_skip_index(const struct lsm_shape *shape, uint32_t a, uint32_t b)
{
    BO_CHECK(a < b);
    uint32_t zeros = a == 0 ? 32 : bits_of((a - 1) ^ (b - 1)) - 1;
    uint32_t index = zeros > shape->shift ? zeros - shape->shift : 0;
    return lsm_minimum(index, shape->skips - 1u);
}

/* What cannot be read is no header either. */
static int header_read(struct lsm *map, uint32_t sector, uint32_t magic, uint8_t *bytes,
                       uint32_t size)
{
    const struct lsm_shape *shape = &map->shape;
    int error = lsm_read(map, lsm_address(map, sector, 0), bytes, shape->sector_header + size);
    if (error == BO_FLASH_ERR_ECC) return MAP_ERR_DAMAGED;
    if (error) return error;
    if (lsm_get(bytes, 4) != magic || lsm_get(bytes + 4, 4) != sector) return MAP_ERR_DAMAGED;
    if (!shape->crc) return BO_FLASH_OK;
    uint32_t crc = lsm_crc(0, bytes + shape->sector_header, size);
    return lsm_damaged_unless(lsm_get(bytes + MAGIC_SIZE, 4) == crc);
}

int lsm_head_read(struct lsm *map, uint16_t sector, struct lsm_head *head)
{
    const struct lsm_shape *shape = &map->shape;
    uint8_t bytes[LSM_HEADERS_MAX];
    if (sector >= shape->sector_count) return MAP_ERR_DAMAGED;
    int error = header_read(map, sector, MAGIC_RUN, bytes, shape->run_header);
    if (error) return error;
    const uint8_t *from = bytes + shape->sector_header;
    head->seq = lsm_get(from, 4);
    for (uint32_t i = 0; i < shape->skips; i++)
        head->skips[i] = (uint16_t)lsm_get(from + 4 + 2 * i, 2);
    head->boundary = (uint16_t)lsm_get(from + 4 + 2 * shape->skips, 2);
    return BO_FLASH_OK;
}

int lsm_manifest_read(struct lsm *map, uint32_t sector, struct lsm_manifest_head *head)
{
    uint8_t bytes[LSM_HEADERS_MAX];
    uint32_t size = map->shape.manifest_header;
    int error = header_read(map, sector, MAGIC_MANIFEST, bytes, size);
    head->staging = error == MAP_ERR_DAMAGED;
    if (head->staging) error = header_read(map, sector, MAGIC_STAGING, bytes, size);
    if (error) return error;
    head->sectors = lsm_get(bytes + map->shape.sector_header, 4);
    head->seq = lsm_get(bytes + map->shape.sector_header + 4, 4);
    return BO_FLASH_OK;
}

static void header_bytes(const struct lsm *map, uint32_t magic, uint16_t sector, uint8_t *bytes,
                         uint32_t size)
{
    uint32_t start = map->shape.sector_header;
    lsm_put(bytes, magic, 4);
    lsm_put(bytes + 4, sector, 4);
    if (map->shape.crc) lsm_put(bytes + MAGIC_SIZE, lsm_crc(0, bytes + start, size), 4);
}

uint32_t lsm_head_bytes(const struct lsm *map, uint16_t sector, const struct lsm_head *head,
                        uint8_t *bytes)
{
    const struct lsm_shape *shape = &map->shape;
    uint32_t size = lsm_run_chunks(shape);
    memset(bytes, shape->erased, size);
    uint8_t *to = bytes + shape->sector_header;
    lsm_put(to, head->seq, 4);
    for (uint32_t i = 0; i < shape->skips; i++)
        lsm_put(to + 4 + 2 * i, head->skips[i], 2);
    lsm_put(to + 4 + 2 * shape->skips, head->boundary, 2);
    header_bytes(map, MAGIC_RUN, sector, bytes, shape->run_header);
    return size;
}

uint32_t lsm_manifest_bytes(const struct lsm *map, uint16_t sector, uint32_t seq, uint8_t *bytes)
{
    const struct lsm_shape *shape = &map->shape;
    uint32_t size = lsm_manifest_chunks(shape);
    memset(bytes, shape->erased, size);
    lsm_put(bytes + shape->sector_header, shape->sector_count, 4);
    lsm_put(bytes + shape->sector_header + 4, seq, 4);
    header_bytes(map, shape->staging ? MAGIC_STAGING : MAGIC_MANIFEST, sector, bytes,
                 shape->manifest_header);
    return size;
}

/* Chunks --------------------------------------------------------------------------------------- */

int lsm_chunk_read(struct lsm *map, uint16_t sector, uint32_t at, struct lsm_chunk *chunk)
{
    const struct lsm_shape *shape = &map->shape;
    uint8_t bytes[8];
    chunk->at = at;
    chunk->size = 0;
    chunk->crc = 0;
    if (at > shape->sector_size - shape->chunk_header) return MAP_ERR_NOT_FOUND;
    int error = lsm_read(map, lsm_address(map, sector, at), bytes, shape->chunk_header);
    if (error) return error;
    if (lsm_get(bytes, 2) != MAGIC_CHUNK) return MAP_ERR_NOT_FOUND;
    chunk->size = lsm_get(bytes + 2, 2);
    if (shape->crc) chunk->crc = lsm_get(bytes + 4, 4);
    uint32_t room = shape->sector_size - at - shape->chunk_header;
    return lsm_damaged_unless(chunk->size <= lsm_minimum(shape->chunk_max, room));
}

uint32_t lsm_chunk_next(const struct lsm_shape *shape, const struct lsm_chunk *chunk)
{
    return chunk->at + lsm_round_up(shape->chunk_header + chunk->size, shape->align);
}
