/* doors_check.c - what the doors answer, on a part in RAM that counts its calls; a program. */
#include <assert.h>

#include "peers/c/esp_door.h"
#include "peers/c/littlefs_door.h"
#include "peers/c/zephyr_door.h"

#define SECTORS 4u
#define SECTOR 64u
#define PAGE 16u

struct part {
    uint8_t bytes[SECTORS * SECTOR];
    int reads, programs, erases;
    int error; /* of the next call */
};

static int part_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    struct part *part = context;
    part->reads++;
    memcpy(buffer, part->bytes + address, size);
    return part->error;
}

static int part_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    struct part *part = context;
    assert(address / PAGE == (address + size - 1) / PAGE);
    part->programs++;
    memcpy(part->bytes + address, data, size);
    return part->error;
}

static int part_erase(void *context, uint32_t address)
{
    struct part *part = context;
    assert(address % SECTOR == 0);
    part->erases++;
    memset(part->bytes + address, 0xFF, SECTOR);
    return part->error;
}

static struct part part;
static const struct bo_flash flash = {
    {SECTOR, SECTORS, PAGE, 4, 1, 0xFF, 0, 0}, &part, part_read, part_program, part_erase};

static uint8_t data[SECTORS * SECTOR];

/* How many calls the part got since it was asked last. */
static int calls(void)
{
    int all = part.reads + part.programs + part.erases;
    part.reads = part.programs = part.erases = 0;
    return all;
}

static void check_hal(void)
{
    assert(hal_door_program(&flash, 8, data, 40) == BO_FLASH_OK && part.programs == 3);
    assert(hal_door_erase(&flash, 0, 2 * SECTOR) == BO_FLASH_OK && part.erases == 2);
    assert(hal_door_read(&flash, 0, data, sizeof data) == BO_FLASH_OK && calls() == 6);
    assert(hal_door_read(&flash, sizeof data - 1, data, 2) == BO_FLASH_ERR_RANGE);
    assert(hal_door_read(&flash, UINT64_MAX, data, 2) == BO_FLASH_ERR_RANGE);
    assert(hal_door_program(&flash, 8, data, SIZE_MAX) == BO_FLASH_ERR_RANGE);
    assert(hal_door_erase(&flash, SECTOR, 1) == BO_FLASH_ERR_RANGE);
    assert(hal_door_erase(&flash, 1, SECTOR) == BO_FLASH_ERR_RANGE);
    assert(hal_door_read(&flash, sizeof data, data, 0) == BO_FLASH_OK && calls() == 0);
}

static void check_littlefs(void)
{
    struct lfs_config config;
    littlefs_door(&config, &flash);
    assert(config.block_size == SECTOR && config.block_count == SECTORS && config.prog_size == 4);
    assert(config.block_size % config.cache_size == 0);
    assert(config.erase(&config, 3) == LFS_ERR_OK && config.prog(&config, 3, 0, data, 8) == 0);
    assert(config.read(&config, 3, 0, data, 8) == 0 && config.sync(&config) == 0 && calls() == 3);
    assert(config.erase(&config, 4) == LFS_ERR_IO && calls() == 0);
    part.error = BO_FLASH_ERR_ECC;
    assert(config.read(&config, 0, 0, data, 8) == LFS_ERR_CORRUPT);
    part.error = BO_FLASH_ERR_IO;
    assert(config.read(&config, 0, 0, data, 8) == LFS_ERR_IO && calls() == 2);
    part.error = BO_FLASH_OK;
}

static void check_zephyr(void)
{
    struct zephyr_door door;
    struct flash_sector sectors[SECTORS];
    struct flash_pages_info page;
    uint32_t count = SECTORS;
    zephyr_door(&door, &flash);
    assert(flash_area_sectors(&door.area, &count, sectors) == 0 && count == SECTORS);
    assert(sectors[3].fs_off == 3 * SECTOR && sectors[3].fs_size == SECTOR);
    count = 2;
    assert(flash_area_sectors(&door.area, &count, sectors) == -ENOMEM && count == 2);
    assert(flash_get_page_info_by_offs(&door.device, SECTOR + 5, &page) == 0 && page.index == 1);
    assert(page.start_offset == SECTOR && flash_get_page_count(&door.device) == SECTORS);
    assert(flash_get_page_info_by_offs(&door.device, sizeof data, &page) == -EINVAL);
    assert(flash_area_align(&door.area) == 4 && flash_area_erased_val(&door.area) == 0xFF);
    assert(flash_area_erase(&door.area, 0, SECTOR) == 0 && calls() == 1);
    assert(flash_area_write(&door.area, -1, data, 4) == -EINVAL);
    assert(flash_area_read(&door.area, sizeof data - 2, data, 4) == -EINVAL);
    assert(flash_erase(&door.device, 0, 5) == -EINVAL && calls() == 0);
    part.error = BO_FLASH_ERR_OFF;
    assert(flash_area_write(&door.area, 0, data, 4) == -EIO && calls() == 1);
    part.error = BO_FLASH_OK;
}

static void check_esp(void)
{
    esp_partition_t partition;
    esp_door(&partition, &flash);
    assert(partition.size == sizeof data && partition.erase_size == SECTOR);
    assert(esp_partition_erase_range(&partition, SECTOR, SECTOR) == ESP_OK);
    assert(esp_partition_write(&partition, SECTOR, data, 4) == ESP_OK);
    assert(esp_partition_read(&partition, SECTOR, data, 4) == ESP_OK && calls() == 3);
    assert(esp_partition_read(&partition, sizeof data + 1, data, 1) == ESP_ERR_INVALID_ARG);
    assert(esp_partition_write(&partition, 4, data, sizeof data) == ESP_ERR_INVALID_SIZE);
    assert(esp_partition_erase_range(&partition, 1, SECTOR) == ESP_ERR_INVALID_ARG);
    assert(esp_partition_erase_range(&partition, 0, 1) == ESP_ERR_INVALID_SIZE && calls() == 0);
    part.error = BO_FLASH_ERR_IO;
    assert(esp_partition_read(&partition, 0, data, 4) == ESP_ERR_FLASH_OP_FAIL && calls() == 1);
    part.error = BO_FLASH_OK;
}

int main(void)
{
    check_hal();
    check_littlefs();
    check_zephyr();
    check_esp();
    return 0;
}
