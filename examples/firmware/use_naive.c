/* use_naive.c - the same settings, a sector for each. */
#include "engines/map/naive.h"
#include "examples/firmware/use.h"

static struct naive map;
static uint8_t work[64];

static int use_mount(const struct bo_flash *flash)
{
    struct naive_config config = {.flash = flash, .work = work, .work_size = sizeof work};
    return naive_mount(&map, &config);
}

static int use_step(uint32_t n)
{
    uint8_t key = (uint8_t)(n % USE_KEYS), value[USE_SIZE_MAX];
    return naive_store(&map, &key, 1, value, use_fill(n, value));
}

static uint32_t use_count(void)
{
    uint8_t value[USE_SIZE_MAX];
    uint32_t size, count = 0;
    for (uint8_t key = 0; key < USE_KEYS; key++)
        if (naive_fetch(&map, &key, 1, value, sizeof value, &size) == BO_FLASH_OK)
            if (use_number(value) >= count) count = use_number(value) + 1;
    return count;
}

static bool use_holds(uint32_t n)
{
    uint8_t value[USE_SIZE_MAX];
    for (uint8_t key = 0; key < USE_KEYS; key++) {
        uint32_t size, latest = n - 1 - (n - 1 + USE_KEYS - key) % USE_KEYS;
        int error = naive_fetch(&map, &key, 1, value, sizeof value, &size);
        if (key >= n ? error != MAP_ERR_NOT_FOUND : error || !use_is(latest, value, size))
            return false;
    }
    return true;
}

const struct use use = {"naive", true, use_mount, use_step, use_count, use_holds};
