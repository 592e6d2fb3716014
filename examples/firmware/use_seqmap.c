/* use_seqmap.c - settings under keys of one byte. */
#include "engines/map/seqmap.h"
#include "examples/firmware/use.h"

static struct seqmap map;
static uint8_t work[64];

static int use_mount(const struct bo_flash *flash)
{
    struct seqmap_config config = {
        .flash = flash, .work = work, .work_size = sizeof work, .key_size = 1};
    return seqmap_mount(&map, &config);
}

static int use_step(uint32_t n)
{
    uint8_t key = (uint8_t)(n % USE_KEYS), value[USE_SIZE_MAX];
    return seqmap_store(&map, &key, 1, value, use_fill(n, value));
}

static uint32_t use_count(void)
{
    uint8_t value[USE_SIZE_MAX];
    uint32_t size, count = 0;
    for (uint8_t key = 0; key < USE_KEYS; key++)
        if (seqmap_fetch(&map, &key, 1, value, sizeof value, &size) == BO_FLASH_OK)
            if (use_number(value) >= count) count = use_number(value) + 1;
    return count;
}

static bool use_holds(uint32_t n)
{
    uint8_t value[USE_SIZE_MAX];
    for (uint8_t key = 0; key < USE_KEYS; key++) {
        uint32_t size, latest = n - 1 - (n - 1 + USE_KEYS - key) % USE_KEYS;
        int error = seqmap_fetch(&map, &key, 1, value, sizeof value, &size);
        if (key >= n ? error != MAP_ERR_NOT_FOUND : error || !use_is(latest, value, size))
            return false;
    }
    return true;
}

const struct use use = {"seqmap", false, use_mount, use_step, use_count, use_holds};
