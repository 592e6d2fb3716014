/* littlefs.c - an engine on littlefs' block device. */
#include "peers/c/examples/slots.h"
#include "peers/c/littlefs_door.h"

struct object {
    struct slots slots;
    struct lfs_config config;
};

static bool load(struct slots *slots, uint32_t sector)
{
    const struct lfs_config *config = &((struct object *)slots)->config;
    return config->read(config, sector, 0, &slots->record, sizeof slots->record) == LFS_ERR_OK;
}

static bool save(struct slots *slots, uint32_t sector)
{
    const struct lfs_config *config = &((struct object *)slots)->config;
    int error = config->erase(config, sector);
    if (!error) error = config->prog(config, sector, 0, &slots->record, sizeof slots->record);
    if (!error) error = config->sync(config);
    return error == LFS_ERR_OK;
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    struct object *object = memory;
    (void)settings;
    *object = (struct object){.slots = {.load = load, .save = save}};
    littlefs_door(&object->config, flash);
    return slots_mount(&object->slots);
}

SLOTS_ADAPTER(slots_littlefs, "slots-littlefs", mount);
