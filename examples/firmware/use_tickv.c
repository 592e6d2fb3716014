/* use_tickv.c - settings as objects under hashes that are numbers, as the crate would be used: an
 * update is two calls, between which a cut loses the value.
 */
#include "engines/map/tickv.h"
#include "examples/firmware/use.h"

static struct tickv store;
static uint8_t work[64];

/* What has no store yet is new here; a product is formatted where it is made. */
static int use_mount(const struct bo_flash *flash)
{
    struct tickv_config config = {
        .flash = flash, .main_hash = TICKV_MAIN_HASH, .work = work, .work_size = sizeof work};
    int error = tickv_mount(&store, &config);
    return error == MAP_ERR_NOT_FOUND ? tickv_format(&store, &config) : error;
}

static uint64_t hash_of(uint32_t key)
{
    return 0x0101010101010101u * (key + 1);
}

static int use_step(uint32_t n)
{
    uint8_t value[USE_SIZE_MAX];
    uint64_t hash = hash_of(n % USE_KEYS);
    uint32_t freed, size = use_fill(n, value);
    int error = tickv_invalidate(&store, hash);
    if (error && error != MAP_ERR_NOT_FOUND) return error;
    error = tickv_append(&store, hash, value, size);
    if (error != MAP_ERR_FULL) return error;
    error = tickv_collect(&store, &freed);
    return error ? error : tickv_append(&store, hash, value, size);
}

static int fetch(uint8_t key, uint8_t *value, uint32_t *size)
{
    return tickv_get(&store, hash_of(key), value, USE_SIZE_MAX, size);
}

static uint32_t use_count(void)
{
    return use_map_count(fetch);
}

static bool use_holds(uint32_t n)
{
    return use_map_holds(fetch, n);
}

const struct use use = {"tickv", 120, true, use_mount, use_step, use_count, use_holds};
