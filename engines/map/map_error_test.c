/* map_error_test.c - flash calls that fail, on lsm and tickv, each call of a workload once.
 *
 * Method. A workload of every kind of call runs on a small part; its n-th flash call does nothing
 * and answers an error, for every n. Power and RAM stay. The call that met it returns that error,
 * or did what it should all the same. Then
 *   - the map holds what it held before that call, or what the call was to make of it;
 *   - the calls after it work as ever, and so does the next mount.
 */
#include <stdio.h>
#include <string.h>

#include "../check_test.h"
#include "../ram_flash.h"
#include "lsm.h"
#include "tickv_map.h"

#define KEYS 6u
#define SIZE_MAX_TEST 30u
#define STEPS 45u

struct state {
    uint8_t size[KEYS]; /* 0: not there, else one more than the size */
    uint8_t byte[KEYS];
};

static struct ram_flash ram;
static struct state now, next; /* what is there, and what the call under way makes of it */
static uint64_t failing;       /* the number of the call that fails; 0: none does */
static bool met;               /* a call has returned the error */

/* The engines ---------------------------------------------------------------------------------- */

/* A map under test. `other` is a call of a kind that not every map has. */
struct engine {
    const char *name;
    uint32_t sector_count;
    bool clears_whole; /* a clear that failed left all keys, or none */
    int (*mount)(bool format);
    int (*store)(const uint8_t *key, const uint8_t *value, uint32_t size);
    int (*remove)(const uint8_t *key);
    int (*clear)(void);
    int (*fetch)(const uint8_t *key, uint8_t *value, uint32_t *size);
    int (*count)(uint32_t *count);
    int (*other)(uint32_t step);
};

static const struct engine *engine;
static struct lsm sorted;
static struct lsm_snapshot snapshot;
static struct tickv_map map;
static uint8_t work[256], transaction[256], used[8];

static int lsm_open_as(bool format, bool staging)
{
    struct lsm_config config = {
        .flash = &ram.flash,
        .format = {.key_max = 4, .value_max = SIZE_MAX_TEST, .crc = true, .staging = staging},
        .work = work,
        .work_size = 2 * 4 + 192,
        .transaction = transaction,
        .transaction_size = 80,
        .used = used,
        .used_size = sizeof used};
    return format ? lsm_format(&sorted, &config) : lsm_mount(&sorted, &config);
}

static int lsm_open_it(bool format)
{
    return lsm_open_as(format, false);
}

static int lsm_open_with_log(bool format)
{
    return lsm_open_as(format, true);
}

static int lsm_store_it(const uint8_t *key, const uint8_t *value, uint32_t size)
{
    int error;
    do
        error = lsm_store(&sorted, key, 1, value, size);
    while (error == LSM_ERR_AGAIN);
    return error;
}

static int lsm_remove_it(const uint8_t *key)
{
    int error;
    do
        error = lsm_remove(&sorted, key, 1);
    while (error == LSM_ERR_AGAIN);
    return error;
}

static int lsm_clear_it(void)
{
    return lsm_remove_all(&sorted);
}

static int lsm_fetch_it(const uint8_t *key, uint8_t *value, uint32_t *size)
{
    return lsm_fetch(&sorted, key, 1, value, SIZE_MAX_TEST, size);
}

static int lsm_count_it(uint32_t *count)
{
    struct lsm_cursor cursor;
    uint8_t key[4], value[SIZE_MAX_TEST];
    uint32_t key_size, size;
    int error = lsm_seek(&sorted, NULL, "", 0, &cursor);
    for (*count = 0; !error; ++*count)
        if ((error = lsm_next(&sorted, &cursor, key, &key_size, value, sizeof value, &size)) != 0)
            break;
    return error == MAP_ERR_NOT_FOUND ? (int)BO_FLASH_OK : error;
}

/* Two keys in a transaction, with a snapshot open. */
static int lsm_transact(uint32_t step)
{
    uint8_t value[SIZE_MAX_TEST];
    memset(value, (int)step, sizeof value);
    int error = lsm_open(&sorted, &snapshot);
    if (error) return error;
    error = lsm_begin(&sorted);
    if (!error) error = lsm_store(&sorted, "b", 1, value, 9);
    if (!error) error = lsm_remove(&sorted, "a", 1);
    while (!error && (error = lsm_commit(&sorted)) == LSM_ERR_AGAIN)
        error = BO_FLASH_OK;
    next.size[0] = 0;
    next.size[1] = 10;
    next.byte[1] = (uint8_t)step;
    lsm_abort(&sorted);
    int closed = lsm_close(&sorted, &snapshot);
    return error ? error : closed;
}

static int lsm_other(uint32_t step)
{
    if (step % 2 != 0) return lsm_transact(step);
    int error;
    do
        error = lsm_collect(&sorted);
    while (error == BO_FLASH_OK);
    return error == MAP_ERR_NOT_FOUND ? (int)BO_FLASH_OK : error;
}

static int tickv_open_it(bool format)
{
    struct tickv_map_config config = {{&ram.flash, TICKV_MAIN_HASH, work, 32}, tickv_hash_tock};
    return format ? tickv_map_format(&map, &config) : tickv_map_mount(&map, &config);
}

static int tickv_store_it(const uint8_t *key, const uint8_t *value, uint32_t size)
{
    return tickv_map_store(&map, key, 1, value, size);
}

static int tickv_remove_it(const uint8_t *key)
{
    return *key % 2 != 0 ? tickv_map_remove(&map, key, 1) : tickv_map_destroy(&map, key, 1);
}

static int tickv_clear_it(void)
{
    return ram.counts.programs % 2 != 0 ? tickv_map_remove_all(&map) : tickv_map_destroy_all(&map);
}

static int tickv_fetch_it(const uint8_t *key, uint8_t *value, uint32_t *size)
{
    return tickv_map_fetch(&map, key, 1, value, SIZE_MAX_TEST, size);
}

static int tickv_count_it(uint32_t *count)
{
    struct tickv_iterator at;
    uint8_t key[4], value[SIZE_MAX_TEST];
    uint32_t key_size, size;
    int error = BO_FLASH_OK;
    tickv_iterate(&at);
    for (*count = 0; !error; ++*count) {
        error = tickv_map_next(&map, &at, key, 4, &key_size, value, sizeof value, &size);
        if (error) break;
    }
    return error == MAP_ERR_NOT_FOUND ? (int)BO_FLASH_OK : error;
}

/* The calls of the store below the map, on objects that are none of the map's. */
static int tickv_other(uint32_t step)
{
    uint32_t size;
    uint8_t value[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    int error = tickv_append(&map.store, 78, value, sizeof value);
    if (error == TICKV_ERR_EXISTS) error = BO_FLASH_OK; /* an earlier call failed after this */
    if (!error) error = tickv_replace(&map.store, 77, value, step % 8);
    if (!error) error = tickv_get(&map.store, 77, value, sizeof value, &size);
    if (!error) error = tickv_invalidate(&map.store, 77);
    if (!error) error = tickv_collect(&map.store, &size);
    int destroyed = tickv_destroy(&map.store, 78);
    return error ? error : destroyed;
}

static const struct engine engines[] = {
    {"lsm", 20, true, lsm_open_it, lsm_store_it, lsm_remove_it, lsm_clear_it, lsm_fetch_it,
     lsm_count_it, lsm_other},
    {"lsm with a log", 20, true, lsm_open_with_log, lsm_store_it, lsm_remove_it, lsm_clear_it,
     lsm_fetch_it, lsm_count_it, lsm_other},
    {"tickv", 4, false, tickv_open_it, tickv_store_it, tickv_remove_it, tickv_clear_it,
     tickv_fetch_it, tickv_count_it, tickv_other},
};

/* The workload --------------------------------------------------------------------------------- */

static bool holds(const struct state *state, uint8_t k)
{
    uint8_t key = (uint8_t)('a' + k), value[SIZE_MAX_TEST];
    uint32_t size = 0;
    int error = engine->fetch(&key, value, &size);
    if (state->size[k] == 0) return error == MAP_ERR_NOT_FOUND;
    bool same = error == 0 && size + 1 == state->size[k];
    for (uint32_t i = 0; same && i < size; i++)
        same = value[i] == state->byte[k];
    return same;
}

static bool holds_all(const struct state *state)
{
    uint8_t k = 0;
    while (k < KEYS && holds(state, k))
        k++;
    return k == KEYS;
}

/* After a call that returned `error`. */
static void settle(int error, const char *call, bool whole)
{
    bool allowed = error == BO_FLASH_OK || (error == BO_FLASH_ERR_IO && failing != 0 && !met);
    CHECK(allowed, "%s, flash call %u fails: %s: %d", engine->name, (unsigned)failing, call, error);
    met = met || error;
    if (error && whole && holds_all(&now)) next = now;
    for (uint8_t k = 0; error && !whole && k < KEYS; k++)
        if (holds(&now, k)) next.size[k] = now.size[k], next.byte[k] = now.byte[k];
    now = next;
    CHECK(!error || holds_all(&now), "%s, flash call %u fails: %s: neither before nor after",
          engine->name, (unsigned)failing, call);
}

static void change(uint32_t step, uint8_t k)
{
    uint8_t key = (uint8_t)('a' + k), value[SIZE_MAX_TEST];
    uint32_t size = step * 7 % SIZE_MAX_TEST;
    bool removes = step % 4 == 3;
    memset(value, (int)step, sizeof value);
    next.size[k] = (uint8_t)(removes ? 0 : size + 1);
    next.byte[k] = (uint8_t)step;
    settle(removes ? engine->remove(&key) : engine->store(&key, value, size), "change", true);
}

static void look(void)
{
    uint32_t count = 0, there = 0;
    int error = engine->count(&count);
    for (uint8_t k = 0; k < KEYS; k++)
        there += now.size[k] != 0;
    CHECK(error || count == there, "%s: a scan visits %u of %u", engine->name, (unsigned)count,
          (unsigned)there);
    settle(error, "scan", true);
}

static void do_step(uint32_t step)
{
    if (step % 15 == 14) {
        memset(&next, 0, sizeof next);
        settle(engine->clear(), "clear", engine->clears_whole);
    } else if (step % 5 == 4) {
        settle(engine->other(step), "other", true);
    } else if (step % 9 == 8) {
        int error = engine->mount(false);
        settle(error, "mount", true);
    } else if (step % 11 == 10) {
        look();
    } else {
        change(step, (uint8_t)(step * 5 % KEYS));
    }
}

/* Whether there is an n-th call. */
static bool workload(uint64_t n)
{
    memset(&now, 0, sizeof now);
    next = now;
    ram_flash_init(&ram, 256, engine->sector_count, 1, 0);
    failing = ram.fail_at = n;
    met = false;
    int error = engine->mount(true);
    if (error) met = true, error = engine->mount(true);
    CHECK(error == 0, "%s, flash call %u fails: format again: %d", engine->name, (unsigned)n,
          error);
    for (uint32_t step = 0; step < STEPS; step++)
        do_step(step);
    bool reached = ram.fail_at == 0;
    ram.fail_at = 0;
    CHECK(holds_all(&now), "%s, flash call %u fails: at the end", engine->name, (unsigned)n);
    CHECK(engine->mount(false) == 0 && holds_all(&now), "%s, flash call %u fails: next mount",
          engine->name, (unsigned)n);
    CHECK(ram.breach == NULL, "%s: %s", engine->name, ram.breach);
    return reached;
}

int main(void)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        uint64_t n = 0;
        engine = &engines[i];
        (void)workload(0);
        while (failures == 0 && workload(n + 1))
            n++;
        CHECK(n > 300, "%s: %u calls", engine->name, (unsigned)n);
    }
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
