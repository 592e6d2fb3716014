/* use_lsm.c - the same settings as use_seqmap.c, in order of their keys. */
#include "engines/map/lsm.h"
#include "examples/firmware/use.h"

static struct lsm map;
static uint8_t work[4 + 192], transaction[32], used[2];

/* Whether nothing was ever written. */
static bool is_new(const struct bo_flash *flash)
{
    uint8_t bytes[32];
    for (uint32_t at = 0; at < bo_flash_size(flash); at += sizeof bytes) {
        if (bo_flash_read(flash, at, bytes, sizeof bytes) != BO_FLASH_OK) return false;
        for (uint32_t i = 0; i < sizeof bytes; i++)
            if (bytes[i] != flash->geometry.erased) return false;
    }
    return true;
}

/* A blank part is no map: it is formatted before it is used for the first time. */
static int use_mount(const struct bo_flash *flash)
{
    struct lsm_config config = {.flash = flash,
                                .format = {.crc = true, .key_max = 4, .value_max = USE_SIZE_MAX},
                                .work = work,
                                .work_size = sizeof work,
                                .transaction = transaction,
                                .transaction_size = sizeof transaction,
                                .used = used,
                                .used_size = sizeof used};
    return is_new(flash) ? lsm_format(&map, &config) : lsm_mount(&map, &config);
}

static int use_step(uint32_t n)
{
    uint8_t key = (uint8_t)(n % USE_KEYS), value[USE_SIZE_MAX];
    uint32_t size = use_fill(n, value);
    int error;
    do
        error = lsm_store(&map, &key, 1, value, size);
    while (error == LSM_ERR_AGAIN);
    return error;
}

static int fetch(uint8_t key, uint8_t *value, uint32_t *size)
{
    return lsm_fetch(&map, &key, 1, value, USE_SIZE_MAX, size);
}

static uint32_t use_count(void)
{
    return use_map_count(fetch);
}

static bool use_holds(uint32_t n)
{
    return use_map_holds(fetch, n);
}

const struct use use = {"lsm", 48, false, use_mount, use_step, use_count, use_holds};
