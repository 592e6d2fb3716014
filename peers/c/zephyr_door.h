/* zephyr_door.h - the harness's flash as Zephyr's flash areas and flash driver calls.
 *
 * What storage code of Zephyr (NVS, ZMS, FCB, settings) calls of <zephyr/storage/flash_map.h> and
 * <zephyr/drivers/flash.h>, with the same names, so that it compiles unchanged: put headers of
 * these two names on the include path that include this one.
 *
 *     struct object { struct zephyr_door door; struct nvs_fs fs; };
 *     zephyr_door(&object->door, flash);
 *     object->fs.flash_device = &object->door.device;  or  object->fcb.fap = &object->door.area;
 *
 * Device and area lie in the object, and lead to the flash: there is no other state. So there is
 * no flash_area_open(), which takes a number: give the area to who would open it.
 */
#ifndef BROWNOUT_ZEPHYR_DOOR_H
#define BROWNOUT_ZEPHYR_DOOR_H

#include <errno.h>
#include <sys/types.h>

#include "peers/c/hal_door.h"

struct device {
    const char *name;
    void *data; /* struct zephyr_door */
};

struct flash_parameters {
    size_t write_block_size;
    uint8_t erase_value;
};

struct flash_pages_info {
    off_t start_offset;
    size_t size;
    uint32_t index;
};

struct flash_sector {
    off_t fs_off;
    size_t fs_size;
};

struct flash_area {
    uint8_t fa_id;
    off_t fa_off;
    size_t fa_size;
    const struct device *fa_dev;
};

struct zephyr_door {
    const struct bo_flash *flash;
    struct flash_parameters parameters;
    struct device device;
    struct flash_area area; /* all of the region */
};

/* Fills in a door, which stays where it is from then on. */
static inline void zephyr_door(struct zephyr_door *door, const struct bo_flash *flash)
{
    door->flash = flash;
    door->parameters.write_block_size = flash->geometry.unit;
    door->parameters.erase_value = flash->geometry.erased;
    door->device.name = "flash";
    door->device.data = door;
    door->area.fa_id = 0;
    door->area.fa_off = 0;
    door->area.fa_size = (size_t)bo_flash_size(flash);
    door->area.fa_dev = &door->device;
}

static inline const struct bo_flash *zephyr_door_flash(const struct device *device)
{
    return ((const struct zephyr_door *)device->data)->flash;
}

static inline int zephyr_door_error(int error)
{
    return error == BO_FLASH_ERR_RANGE ? -EINVAL : error ? -EIO : 0;
}

/* --- the driver --- */

static inline bool device_is_ready(const struct device *device)
{
    return device->data != NULL;
}

static inline int flash_read(const struct device *device, off_t offset, void *data, size_t size)
{
    return zephyr_door_error(
        hal_door_read(zephyr_door_flash(device), (uint64_t)offset, data, size));
}

static inline int flash_write(const struct device *device, off_t offset, const void *data,
                              size_t size)
{
    return zephyr_door_error(
        hal_door_program(zephyr_door_flash(device), (uint64_t)offset, data, size));
}

static inline int flash_erase(const struct device *device, off_t offset, size_t size)
{
    return zephyr_door_error(hal_door_erase(zephyr_door_flash(device), (uint64_t)offset, size));
}

static inline const struct flash_parameters *flash_get_parameters(const struct device *device)
{
    return &((const struct zephyr_door *)device->data)->parameters;
}

static inline size_t flash_get_write_block_size(const struct device *device)
{
    return flash_get_parameters(device)->write_block_size;
}

static inline size_t flash_get_page_count(const struct device *device)
{
    return zephyr_door_flash(device)->geometry.sector_count;
}

static inline int flash_get_page_info_by_idx(const struct device *device, uint32_t index,
                                             struct flash_pages_info *info)
{
    const struct bo_flash_geometry *geometry = &zephyr_door_flash(device)->geometry;
    if (index >= geometry->sector_count) return -EINVAL;
    info->start_offset = (off_t)index * (off_t)geometry->sector_size;
    info->size = geometry->sector_size;
    info->index = index;
    return 0;
}

static inline int flash_get_page_info_by_offs(const struct device *device, off_t offset,
                                              struct flash_pages_info *info)
{
    off_t size = (off_t)zephyr_door_flash(device)->geometry.sector_size;
    if (offset < 0 || offset / size > UINT32_MAX) return -EINVAL;
    return flash_get_page_info_by_idx(device, (uint32_t)(offset / size), info);
}

/* --- an area --- */

static inline bool zephyr_door_within(const struct flash_area *area, off_t offset, size_t size)
{
    return offset >= 0 && (uint64_t)offset <= area->fa_size &&
           size <= area->fa_size - (size_t)offset;
}

static inline int flash_area_read(const struct flash_area *area, off_t offset, void *data,
                                  size_t size)
{
    if (!zephyr_door_within(area, offset, size)) return -EINVAL;
    return flash_read(area->fa_dev, area->fa_off + offset, data, size);
}

static inline int flash_area_write(const struct flash_area *area, off_t offset, const void *data,
                                   size_t size)
{
    if (!zephyr_door_within(area, offset, size)) return -EINVAL;
    return flash_write(area->fa_dev, area->fa_off + offset, data, size);
}

static inline int flash_area_erase(const struct flash_area *area, off_t offset, size_t size)
{
    if (!zephyr_door_within(area, offset, size)) return -EINVAL;
    return flash_erase(area->fa_dev, area->fa_off + offset, size);
}

/* As flash_area_erase: this is flash. */
static inline int flash_area_flatten(const struct flash_area *area, off_t offset, size_t size)
{
    return flash_area_erase(area, offset, size);
}

static inline uint32_t flash_area_align(const struct flash_area *area)
{
    return (uint32_t)flash_get_write_block_size(area->fa_dev);
}

static inline uint8_t flash_area_erased_val(const struct flash_area *area)
{
    return flash_get_parameters(area->fa_dev)->erase_value;
}

static inline const struct device *flash_area_get_device(const struct flash_area *area)
{
    return area->fa_dev;
}

/* The sectors of an area, of which *count fit: their number goes there. */
static inline int flash_area_sectors(const struct flash_area *area, uint32_t *count,
                                     struct flash_sector *sectors)
{
    size_t size = zephyr_door_flash(area->fa_dev)->geometry.sector_size;
    uint32_t most = *count;
    *count = 0;
    for (off_t at = 0; (size_t)at < area->fa_size; at += (off_t)size) {
        if (*count == most) return -ENOMEM;
        sectors[*count].fs_off = at;
        sectors[(*count)++].fs_size = size;
    }
    return 0;
}

static inline void flash_area_close(const struct flash_area *area)
{
    (void)area;
}

#endif
