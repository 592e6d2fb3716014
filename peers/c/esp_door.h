/* esp_door.h - the harness's flash as a partition of ESP-IDF.
 *
 * What storage code calls of <esp_partition.h>, with the same names, so that it compiles unchanged:
 * put a header of this name on the include path that includes this one.
 *
 *     struct object { esp_partition_t partition; .. };
 *     esp_door(&object->partition, flash);
 *
 * The partition lies in the object, and its `flash_chip` is the flash: there is no other state. So
 * there is no esp_partition_find_first(), which looks in a table of the firmware: give the
 * partition to who would look for it.
 */
#ifndef BROWNOUT_ESP_DOOR_H
#define BROWNOUT_ESP_DOOR_H

#include <string.h>

#include "peers/c/hal_door.h"

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_FAIL -1
#define ESP_ERR_INVALID_ARG 0x102
#define ESP_ERR_INVALID_SIZE 0x104
#define ESP_ERR_FLASH_OP_FAIL 0x6001

typedef enum { ESP_PARTITION_TYPE_APP = 0, ESP_PARTITION_TYPE_DATA = 1 } esp_partition_type_t;
typedef enum {
    ESP_PARTITION_SUBTYPE_DATA_NVS = 0x02,
    ESP_PARTITION_SUBTYPE_DATA_UNDEFINED = 0x06,
} esp_partition_subtype_t;

typedef struct esp_flash_t esp_flash_t;

typedef struct {
    esp_flash_t *flash_chip; /* struct bo_flash */
    esp_partition_type_t type;
    esp_partition_subtype_t subtype;
    uint32_t address;
    uint32_t size;
    uint32_t erase_size;
    char label[17];
    bool encrypted;
    bool readonly;
} esp_partition_t;

/* Makes the whole region one partition. */
static inline void esp_door(esp_partition_t *partition, const struct bo_flash *flash)
{
    memset(partition, 0, sizeof *partition);
    partition->flash_chip = (esp_flash_t *)(uintptr_t)flash;
    partition->type = ESP_PARTITION_TYPE_DATA;
    partition->subtype = ESP_PARTITION_SUBTYPE_DATA_UNDEFINED;
    partition->size = (uint32_t)bo_flash_size(flash);
    partition->erase_size = flash->geometry.sector_size;
    memcpy(partition->label, "storage", sizeof "storage");
}

static inline const struct bo_flash *esp_door_flash(const esp_partition_t *partition)
{
    return (const struct bo_flash *)(const void *)partition->flash_chip;
}

static inline esp_err_t esp_door_error(int error)
{
    return error ? ESP_ERR_FLASH_OP_FAIL : ESP_OK;
}

/* What a range of a partition is answered before the chip is asked. */
static inline esp_err_t esp_door_range(const esp_partition_t *partition, size_t offset, size_t size)
{
    if (offset > partition->size) return ESP_ERR_INVALID_ARG;
    return size > partition->size - offset ? ESP_ERR_INVALID_SIZE : ESP_OK;
}

static inline esp_err_t esp_partition_read(const esp_partition_t *partition, size_t offset,
                                           void *data, size_t size)
{
    esp_err_t refused = esp_door_range(partition, offset, size);
    if (refused) return refused;
    return esp_door_error(hal_door_read(esp_door_flash(partition),
                                        (uint64_t)partition->address + offset, data, size));
}

static inline esp_err_t esp_partition_write(const esp_partition_t *partition, size_t offset,
                                            const void *data, size_t size)
{
    esp_err_t refused = esp_door_range(partition, offset, size);
    if (refused) return refused;
    return esp_door_error(hal_door_program(esp_door_flash(partition),
                                           (uint64_t)partition->address + offset, data, size));
}

static inline esp_err_t esp_partition_erase_range(const esp_partition_t *partition, size_t offset,
                                                  size_t size)
{
    esp_err_t refused = esp_door_range(partition, offset, size);
    if (refused) return refused;
    if (offset % partition->erase_size != 0) return ESP_ERR_INVALID_ARG;
    if (size % partition->erase_size != 0) return ESP_ERR_INVALID_SIZE;
    return esp_door_error(
        hal_door_erase(esp_door_flash(partition), (uint64_t)partition->address + offset, size));
}

/* Nothing is encrypted here. */
static inline esp_err_t esp_partition_read_raw(const esp_partition_t *partition, size_t offset,
                                               void *data, size_t size)
{
    return esp_partition_read(partition, offset, data, size);
}

static inline esp_err_t esp_partition_write_raw(const esp_partition_t *partition, size_t offset,
                                                const void *data, size_t size)
{
    return esp_partition_write(partition, offset, data, size);
}

#endif
