/* use_tickv_map.c - settings under keys of one byte, in the format of TicKV. */
#include "engines/map/tickv_map.h"
#include "examples/firmware/use.h"

static struct tickv_map map;
static uint8_t work[64];

/* What has no store yet is new here; a product is formatted where it is made. */
static int use_mount(const struct bo_flash *flash)
{
    struct tickv_map_config config = {.store = {.flash = flash,
                                                .main_hash = TICKV_MAIN_HASH,
                                                .work = work,
                                                .work_size = sizeof work},
                                      .hash = tickv_hash_tock};
    int error = tickv_map_mount(&map, &config);
    return error == MAP_ERR_NOT_FOUND ? tickv_map_format(&map, &config) : error;
}

static int use_step(uint32_t n)
{
    uint8_t key = (uint8_t)(n % USE_KEYS), value[USE_SIZE_MAX];
    return tickv_map_store(&map, &key, 1, value, use_fill(n, value));
}

static int fetch(uint8_t key, uint8_t *value, uint32_t *size)
{
    return tickv_map_fetch(&map, &key, 1, value, USE_SIZE_MAX, size);
}

static uint32_t use_count(void)
{
    return use_map_count(fetch);
}

static bool use_holds(uint32_t n)
{
    return use_map_holds(fetch, n);
}

const struct use use = {"tickv_map", 80, false, use_mount, use_step, use_count, use_holds};
