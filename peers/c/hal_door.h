/* hal_door.h - the harness's flash as the calls that most vendors have: read, program, erase.
 *
 * For an engine that runs on a HAL of its own: any range, any count of pages and sectors. The other
 * doors stand on it.
 *
 * What lies outside of the region, and an erase of a part of a sector, is answered with
 * BO_FLASH_ERR_RANGE and never asked of the chip: an engine may try. A read or a program that is
 * not whole units is asked of the chip, which refuses it; that is a finding of clause lawful.
 *
 * There is no state here, so nothing is lost where the harness enters a second object from inside a
 * flash call. An engine whose calls carry no pointer at all can't be served so: keep the flash in a
 * static of the adapter, set it in `mount`, and say `has_globals`.
 */
#ifndef BROWNOUT_HAL_DOOR_H
#define BROWNOUT_HAL_DOOR_H

#include "engines/flash.h"

static inline bool hal_door_inside(const struct bo_flash *flash, uint64_t address, uint64_t size)
{
    uint64_t end = bo_flash_size(flash);
    return address <= end && size <= end - address;
}

/* Reads any number of bytes. Each call returns BO_FLASH_OK or a negative enum bo_flash_error. */
static inline int hal_door_read(const struct bo_flash *flash, uint64_t address, void *buffer,
                                size_t size)
{
    if (!hal_door_inside(flash, address, size)) return BO_FLASH_ERR_RANGE;
    return bo_flash_read(flash, (uint32_t)address, buffer, (uint32_t)size);
}

/* Programs: one program of the chip for each page that the range touches. */
static inline int hal_door_program(const struct bo_flash *flash, uint64_t address, const void *data,
                                   size_t size)
{
    if (!hal_door_inside(flash, address, size)) return BO_FLASH_ERR_RANGE;
    return bo_flash_program(flash, (uint32_t)address, data, (uint32_t)size);
}

/* Erases whole sectors. */
static inline int hal_door_erase(const struct bo_flash *flash, uint64_t address, uint64_t size)
{
    uint32_t sector_size = flash->geometry.sector_size;
    if (!hal_door_inside(flash, address, size)) return BO_FLASH_ERR_RANGE;
    if (address % sector_size != 0 || size % sector_size != 0) return BO_FLASH_ERR_RANGE;
    for (uint64_t end = address + size; address < end; address += sector_size) {
        int error = bo_flash_erase(flash, (uint32_t)address);
        if (error) return error;
    }
    return BO_FLASH_OK;
}

#endif
