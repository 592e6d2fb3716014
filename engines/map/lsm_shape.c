/* SPDX-License-Identifier: MIT */
/* lsm_shape.c - see lsm_internal.h. The constants of the format, which the crate has from its
 * compilation, follow from part and format; and whether a map can lie there.
 */
#include "lsm_internal.h"

#include <string.h>

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
    uint32_t key_bits = lsm_bits(format->key_max), value_bits = lsm_bits(format->value_max);
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
    shape->skips = (uint8_t)(lsm_bits(max) - 3);
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
    bool log_usable =
        LSM_WITH_STAGING && shape->crc && geometry->tear_scope != BO_FLASH_TEAR_SECTOR;
    if (shape->staging && !log_usable) return false;
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
    shape->shift = (uint8_t)lsm_bits(shape->payload);
    return true;
}
