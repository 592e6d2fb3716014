/* zephyr.c - an engine on a flash area of Zephyr. */
#include "peers/c/examples/slots.h"
#include "peers/c/zephyr_door.h"

struct object {
    struct slots slots;
    struct zephyr_door door;
};

static const struct flash_area *area_of(struct slots *slots)
{
    return &((struct object *)slots)->door.area;
}

static bool load(struct slots *slots, uint32_t sector)
{
    struct flash_sector sectors[2];
    uint32_t count = 2;
    (void)flash_area_sectors(area_of(slots), &count, sectors); /* two of them will do */
    return flash_area_read(area_of(slots), sectors[sector].fs_off, &slots->record,
                           sizeof slots->record) == 0;
}

static bool save(struct slots *slots, uint32_t sector)
{
    const struct flash_area *area = area_of(slots);
    struct flash_pages_info page;
    int error = flash_get_page_info_by_idx(flash_area_get_device(area), sector, &page);
    if (!error) error = flash_area_erase(area, page.start_offset, page.size);
    if (!error) {
        error = flash_area_write(area, page.start_offset, &slots->record, sizeof slots->record);
    }
    return error == 0;
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    struct object *object = memory;
    (void)settings;
    *object = (struct object){.slots = {.load = load, .save = save}};
    zephyr_door(&object->door, flash);
    return slots_mount(&object->slots);
}

SLOTS_ADAPTER(slots_zephyr, "slots-zephyr", mount);
