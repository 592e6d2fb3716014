/* hal.c - an engine on plain read, program and erase. */
#include "peers/c/examples/slots.h"
#include "peers/c/hal_door.h"

struct object {
    struct slots slots;
    const struct bo_flash *flash;
};

static bool load(struct slots *slots, uint32_t sector)
{
    const struct bo_flash *flash = ((struct object *)slots)->flash;
    uint32_t address = sector * flash->geometry.sector_size;
    return hal_door_read(flash, address, &slots->record, sizeof slots->record) == BO_FLASH_OK;
}

static bool save(struct slots *slots, uint32_t sector)
{
    const struct bo_flash *flash = ((struct object *)slots)->flash;
    uint32_t size = flash->geometry.sector_size, address = sector * size;
    int error = hal_door_erase(flash, address, size);
    if (!error) error = hal_door_program(flash, address, &slots->record, sizeof slots->record);
    return error == BO_FLASH_OK;
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    struct object *object = memory;
    (void)settings;
    *object = (struct object){.slots = {.load = load, .save = save}, .flash = flash};
    return slots_mount(&object->slots);
}

SLOTS_ADAPTER(slots_hal, "slots-hal", mount);
