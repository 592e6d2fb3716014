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

static int fetch(uint8_t key, uint8_t *value, uint32_t *size)
{
    return seqmap_fetch(&map, &key, 1, value, USE_SIZE_MAX, size);
}

static uint32_t use_count(void)
{
    return use_map_count(fetch);
}

static bool use_holds(uint32_t n)
{
    return use_map_holds(fetch, n);
}

const struct use use = {"seqmap", 120, false, use_mount, use_step, use_count, use_holds};
