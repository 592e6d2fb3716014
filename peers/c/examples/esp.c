/* esp.c - an engine on a partition of ESP-IDF. */
#include "peers/c/esp_door.h"
#include "peers/c/examples/slots.h"

struct object {
    struct slots slots;
    esp_partition_t partition;
};

static bool load(struct slots *slots, uint32_t sector)
{
    const esp_partition_t *partition = &((struct object *)slots)->partition;
    uint32_t offset = sector * partition->erase_size;
    return esp_partition_read(partition, offset, &slots->record, sizeof slots->record) == ESP_OK;
}

static bool save(struct slots *slots, uint32_t sector)
{
    const esp_partition_t *partition = &((struct object *)slots)->partition;
    uint32_t size = partition->erase_size, offset = sector * size;
    esp_err_t error = esp_partition_erase_range(partition, offset, size);
    if (error == ESP_OK) {
        error = esp_partition_write(partition, offset, &slots->record, sizeof slots->record);
    }
    return error == ESP_OK;
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    struct object *object = memory;
    (void)settings;
    *object = (struct object){.slots = {.load = load, .save = save}};
    esp_door(&object->partition, flash);
    return slots_mount(&object->slots);
}

SLOTS_ADAPTER(slots_esp, "slots-esp", mount);
