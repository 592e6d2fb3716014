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

static int fetch(uint8_t key, uint8_t *value, uint32_t *size)
{
    return naive_fetch(&map, &key, 1, value, USE_SIZE_MAX, size);
}

static uint32_t use_count(void)
{
    return use_map_count(fetch);
}

static bool use_holds(uint32_t n)
{
    return use_map_holds(fetch, n);
}

const struct use use = {"naive", 120, true, use_mount, use_step, use_count, use_holds};
