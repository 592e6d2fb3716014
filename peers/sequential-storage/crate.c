#include "peers/sequential-storage/crate.h"

#include <string.h>

#define HEADER_BYTES 8u

/* Damage may lead the crate outside of the region; the chip is not asked then. */
static bool inside(const struct bo_flash *flash, uint32_t address, uint32_t size)
{
    return bo_flash_inside(flash, address, size);
}

int32_t crate_read(const struct bo_flash *flash, uint32_t address, uint8_t *data, uint32_t size)
{
    return inside(flash, address, size) ? bo_flash_read(flash, address, data, size)
                                        : BO_FLASH_ERR_RANGE;
}

int32_t crate_program(const struct bo_flash *flash, uint32_t address, const uint8_t *data,
                      uint32_t size)
{
    return inside(flash, address, size) ? bo_flash_program(flash, address, data, size)
                                        : BO_FLASH_ERR_RANGE;
}

int32_t crate_erase(const struct bo_flash *flash, uint32_t address)
{
    return bo_flash_erase(flash, address);
}

static uint32_t word_of(const struct bo_flash_geometry *geometry)
{
    return geometry->read_unit > geometry->unit ? geometry->read_unit : geometry->unit;
}

static uint32_t header_size_of(const struct bo_flash_geometry *geometry)
{
    return word_of(geometry) > HEADER_BYTES ? word_of(geometry) : HEADER_BYTES;
}

uint32_t crate_item_size_max(const struct bo_flash_geometry *geometry)
{
    uint32_t room = geometry->sector_size - 2 * word_of(geometry) - header_size_of(geometry);
    return room < UINT16_MAX ? room : UINT16_MAX;
}

/* The last word of an item is read whole. */
static uint32_t buffer_size_of(const struct bo_flash_geometry *geometry)
{
    return crate_item_size_max(geometry) + BO_FLASH_UNIT_MAX;
}

static struct crate_part part_of(const struct bo_flash_geometry *geometry)
{
    return (struct crate_part){
        .read_unit = geometry->read_unit,
        .unit = geometry->unit,
        .sector_size = geometry->sector_size,
        .size = geometry->sector_size * geometry->sector_count,
    };
}

const char *crate_refuses(const struct bo_flash_geometry *geometry, uint32_t sectors_min)
{
    const struct crate_part part = part_of(geometry);
    const struct crate_request request = {.call = CRATE_FITS_PART};
    if (geometry->erased != 0xFF) return "the format wants erased bytes to be FF";
    if (geometry->sector_count < sectors_min) return "the map needs two sectors";
    if (geometry->sector_size < 3 * word_of(geometry) + header_size_of(geometry))
        return "a sector does not hold an item";
    if (crate_do(&part, &request) == CRATE_NO_SUCH_PART)
        return "read unit, unit and sector size are not in the table of lib.rs";
    return NULL;
}

size_t crate_object_size(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings)
{
    (void)settings;
    return sizeof(struct crate_object) + buffer_size_of(geometry);
}

enum answer crate_mount(void *object, const struct bo_flash *flash,
                        const struct adapter_settings *settings)
{
    struct crate_object *it = object;
    (void)settings;
    *it = (struct crate_object){
        .part = part_of(&flash->geometry),
        .item_size_max = crate_item_size_max(&flash->geometry),
        .buffer = (uint8_t *)object + sizeof *it,
        .removes = flash->geometry.programs_per_unit != 1,
    };
    it->part.flash = flash;
    return ANSWER_OK;
}

enum answer crate_ask(const struct crate_object *object, struct crate_request request)
{
    request.buffer = object->buffer;
    request.buffer_size = buffer_size_of(&object->part.flash->geometry);
    switch (crate_do(&object->part, &request)) {
    case CRATE_OK:
        return ANSWER_OK;
    case CRATE_NONE:
        return ANSWER_NOT_FOUND;
    case CRATE_FULL:
        return ANSWER_FULL;
    case CRATE_TOO_BIG:
        return ANSWER_TOO_BIG;
    case CRATE_STORAGE:
        return ANSWER_FLASH;
    default:
        return ANSWER_DAMAGED;
    }
}

void crate_copy_data(void *context, const uint8_t *key, uint32_t key_size, const uint8_t *data,
                     uint32_t size)
{
    struct crate_copy *copy = context;
    (void)key, (void)key_size;
    copy->size = size;
    uint32_t part = size < copy->capacity ? size : copy->capacity;
    if (part && copy->buffer) memcpy(copy->buffer, data, part);
}
