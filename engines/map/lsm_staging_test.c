/* lsm_staging_test.c - the staging log of lsm: what goes to it, what a full one becomes, and what
 * a mount makes of one that was torn, without simulator or harness.
 */
#define RAM_FLASH_SIZE_MAX 65536u
#define RAM_FLASH_SECTOR_MAX 4096u

#include <stdio.h>
#include <string.h>

#include "../check_test.h"
#include "../ram_flash.h"
#include "lsm.h"

#define KEYS 60u
#define SNAPSHOTS 2u

struct bench {
    struct ram_flash ram;
    struct lsm map;
    struct lsm_config config;
    uint8_t work[512], transaction[512], used[16];
};

static struct bench bench;

/* What is there: sizes, 0 when nothing is, and bytes. */
struct model {
    uint8_t size[KEYS], byte[KEYS];
};

static struct model model;

static void bench_init(uint32_t sector_size, uint32_t count, uint16_t unit)
{
    struct bench *b = &bench;
    ram_flash_init(&b->ram, sector_size, count, unit, unit == 1 ? 0 : 1);
    memset(&b->config, 0, sizeof b->config);
    b->config.flash = &b->ram.flash;
    b->config.format.crc = b->config.format.staging = true;
    b->config.format.key_max = 8;
    b->config.format.value_max = 64;
    b->config.work = b->work;
    b->config.work_size = lsm_work_size(&b->config.format);
    b->config.transaction = b->transaction;
    b->config.transaction_size = 200;
    b->config.used = b->used;
    b->config.used_size = sizeof b->used;
    memset(&model, 0, sizeof model);
    CHECK(lsm_format(&b->map, &b->config) == 0, "format");
}

static int until_made(int (*call)(struct lsm *map))
{
    int error;
    do {
        uint64_t erases = bench.ram.counts.erases;
        error = call(&bench.map);
        CHECK(bench.ram.counts.erases - erases <= LSM_ERASES_MAX, "erases of one call");
    } while (error == LSM_ERR_AGAIN);
    lsm_check(&bench.map, true);
    return error;
}

/* One change in a transaction: a value, or with size 0 its removal. */
static void change(uint32_t k, uint32_t size, uint8_t byte)
{
    char key[8];
    uint8_t value[64];
    snprintf(key, sizeof key, "k%02u", (unsigned)k);
    memset(value, byte, sizeof value);
    int error =
        size == 0 ? lsm_remove(&bench.map, key, 3) : lsm_store(&bench.map, key, 3, value, size);
    CHECK(error == 0, "change of %s: %d", key, error);
    model.size[k] = (uint8_t)size;
    model.byte[k] = byte;
}

static int store(uint32_t k, uint32_t size, uint8_t byte)
{
    CHECK(lsm_begin(&bench.map) == 0, "begin");
    change(k, size, byte);
    return until_made(lsm_commit);
}

static bool is_value(const struct model *m, uint32_t k, const uint8_t *value, uint32_t size)
{
    bool same = size == m->size[k];
    for (uint32_t i = 0; same && i < size; i++)
        same = value[i] == m->byte[k];
    return same;
}

/* All keys one by one, and in order. */
static void holds(const struct lsm_snapshot *snapshot, const struct model *m, const char *what)
{
    struct lsm_cursor cursor;
    char key[8];
    uint8_t value[64];
    uint32_t size = 0, key_size = 0, k = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "k%02u", (unsigned)i);
        int error = lsm_fetch_at(&bench.map, snapshot, key, 3, value, sizeof value, &size);
        CHECK(error == (m->size[i] ? 0 : MAP_ERR_NOT_FOUND), "%s: %s: %d", what, key, error);
        CHECK(error || is_value(m, i, value, size), "%s: value of %s", what, key);
    }
    int error = lsm_seek(&bench.map, snapshot, "", 0, &cursor);
    for (; !error; k++) {
        error = lsm_next(&bench.map, &cursor, key, &key_size, value, sizeof value, &size);
        while (k < KEYS && m->size[k] == 0)
            k++;
        CHECK((k == KEYS) == (error == MAP_ERR_NOT_FOUND), "%s: the end of the order", what);
        if (error || k >= KEYS) break;
        CHECK(key_size == 3 && is_value(m, k, value, size), "%s: in order", what);
        CHECK((uint32_t)(key[1] - '0') * 10 + (uint32_t)(key[2] - '0') == k, "%s: order", what);
    }
}

static void mount(void)
{
    int error = lsm_mount(&bench.map, &bench.config);
    CHECK(error == 0, "mount: %d", error);
}

/* What it is for: a small transaction is one program, and few of them erase. */
static void test_cost(void)
{
    bench_init(4096, 16, 4);
    CHECK(store(0, 8, 1) == 0, "the first one opens a log");
    uint64_t erases = bench.ram.counts.erases, programs = bench.ram.counts.programs;
    for (uint8_t i = 0; i < 100; i++)
        CHECK(store(i % KEYS, 8, i) == 0, "store");
    CHECK(bench.ram.counts.erases == erases, "a log takes 100 of them");
    CHECK(bench.ram.counts.programs == programs + 100, "a program each");
    holds(NULL, &model, "one log");
    mount();
    holds(NULL, &model, "mounted");
}

/* Transactions of all sizes, in the log and not; snapshots over them; power-ons. */
static void test_order(uint32_t sector_size, uint32_t count, uint16_t unit)
{
    struct lsm_snapshot snapshots[SNAPSHOTS];
    struct model opened[SNAPSHOTS];
    uint64_t random = sector_size + unit;
    bench_init(sector_size, count, unit);
    for (unsigned round = 0; round < 60 && failures == 0; round++) {
        for (unsigned s = 0; s < SNAPSHOTS; s++)
            if (round % 6 == s * 2) {
                CHECK(lsm_open(&bench.map, &snapshots[s]) == 0, "open");
                opened[s] = model;
            }
        for (unsigned n = 0; n < 3; n++) {
            CHECK(lsm_begin(&bench.map) == 0, "begin");
            for (uint32_t c = ram_flash_below(&random, n == 0 ? 6 : 2) + 1; c != 0; c--)
                change(ram_flash_below(&random, 8), ram_flash_below(&random, 24), (uint8_t)round);
            CHECK(until_made(lsm_commit) == 0, "commit");
        }
        holds(NULL, &model, "now");
        for (unsigned s = 0; s < SNAPSHOTS; s++) {
            if (round % 6 >= s * 2 && round % 6 < 5) holds(&snapshots[s], &opened[s], "then");
            if (round % 6 == 5) CHECK(lsm_close(&bench.map, &snapshots[s]) == 0, "close");
        }
        if (round % 6 == 5) mount();
        lsm_check(&bench.map, true);
    }
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
}

/* The first sector that is a log; chunks begin with their magic. */
static uint8_t *find_log(uint32_t sector_size)
{
    return bench.ram.bytes + sector_size * bench.map.view.runs[bench.map.shape.runs].sector;
}

/* A chunk with one bit wrong: all of its keys are gone if it is the last one; if much follows, the
 * map is not opened, as no cut leaves that. */
static void test_torn(void)
{
    bench_init(1024, 12, 4);
    CHECK(store(1, 8, 1) == 0, "store");
    struct model before = model;
    uint32_t at = bench.map.view.runs[bench.map.shape.runs].last;
    CHECK(lsm_begin(&bench.map) == 0, "begin");
    change(2, 8, 2);
    change(3, 8, 3);
    CHECK(until_made(lsm_commit) == 0, "commit");
    find_log(1024)[at + 14] ^= 0x10;
    model = before;
    mount();
    holds(NULL, &model, "the last is torn");
    uint64_t erases = bench.ram.counts.erases;
    CHECK(store(4, 8, 4) == 0 && bench.ram.counts.erases > erases, "it gets a new log");
    holds(NULL, &model, "after it");
    while (bench.map.view.runs[bench.map.shape.runs].last < 800)
        CHECK(store(5, 8, 5) == 0, "store");
    mount();
    find_log(1024)[20] ^= 0x10;
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_DAMAGED, "rot at its start");
    find_log(1024)[20] ^= 0x10;
    mount();
    holds(NULL, &model, "as it was");
}

/* Bits of the first of a few chunks rot: what follows it shows that no cut did that, though it is
 * less than a cut may leave of one chunk. */
static void test_rot_in_a_short_log(void)
{
    static const struct {
        uint32_t at;
        uint8_t bit;
        const char *where;
    } rot[] = {{0, 1, "magic"}, {2, 4, "size"}, {5, 0x10, "checksum"}, {12, 0x40, "record"}};
    bench_init(1024, 12, 4);
    for (uint32_t k = 1; k < 4; k++)
        CHECK(store(k, 7, 1) == 0, "store");
    uint32_t last = bench.map.view.runs[bench.map.shape.runs].last;
    CHECK(last < 200 && (find_log(1024)[2] & 4) != 0, "%u bytes", (unsigned)last);
    for (unsigned i = 0; i < sizeof rot / sizeof *rot; i++) {
        find_log(1024)[rot[i].at] ^= rot[i].bit;
        int error = lsm_mount(&bench.map, &bench.config);
        CHECK(error == MAP_ERR_DAMAGED, "%s: %d", rot[i].where, error);
        find_log(1024)[rot[i].at] ^= rot[i].bit;
    }
    mount();
    holds(NULL, &model, "as it was");
}

/* The two modes refuse each other's maps, and a format of one ends the other. */
static void test_modes(void)
{
    bench_init(256, 16, 4);
    CHECK(store(1, 8, 1) == 0, "store");
    bench.config.format.staging = false;
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_UNSUPPORTED, "not the crate's");
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    bench.config.format.staging = true;
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_UNSUPPORTED, "nothing old is found");
    bench.config.format.crc = false;
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_GEOMETRY, "without checksums");
    bench.config.format.crc = true;
    bench.ram.flash.geometry.tear_scope = BO_FLASH_TEAR_SECTOR;
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_GEOMETRY, "a sector that tears");
}

/* A full map removes and replaces, log or not, and takes as much again. */
static void test_full(void)
{
    bench_init(256, 16, 4);
    uint32_t kept = 0;
    int error = 0;
    struct model before = model;
    while (kept < KEYS && (error = store(kept, 60, 7)) == 0)
        before = model, kept++;
    CHECK(error == MAP_ERR_FULL && kept > 8, "full after %u: %d", (unsigned)kept, error);
    lsm_abort(&bench.map);
    model = before;
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t k = 0; k < kept; k++)
            CHECK((error = store(k, 60, (uint8_t)round)) == 0, "replace: %d", error);
    holds(NULL, &model, "full");
    mount();
    for (uint32_t k = 0; k < kept; k++)
        CHECK((error = store(k, 0, 0)) == 0, "remove: %d", error);
    holds(NULL, &model, "empty");
    for (uint32_t k = 0; k < kept; k++)
        CHECK((error = store(k, 60, 8)) == 0, "as many as before: %d", error);
    holds(NULL, &model, "full again");
}

static uint32_t worn[64];

static bool count_erase(struct ram_flash *ram, const struct ram_flash_call *call)
{
    if (call->data == NULL) worn[call->address / ram->flash.geometry.sector_size]++;
    return false;
}

/* The log moves on with the runs: all sectors wear alike, power-ons or not. */
static void test_wear(bool reboots)
{
    uint32_t least = UINT32_MAX, most = 0;
    bench_init(256, 12, 4);
    memset(worn, 0, sizeof worn);
    bench.ram.before = count_erase;
    for (uint32_t i = 0; i < 8000; i++) {
        CHECK(store(i % 7, 8, (uint8_t)i) == 0, "store");
        if (reboots) mount();
    }
    for (uint32_t i = 0; i < 12; i++) {
        if (worn[i] < least) least = worn[i];
        if (worn[i] > most) most = worn[i];
    }
    CHECK(least > 10 && least * 10 >= most * 8, "%u to %u", (unsigned)least, (unsigned)most);
}

int main(void)
{
    test_cost();
    test_order(256, 40, 1);
    test_order(256, 40, 8);
    test_order(512, 40, 32);
    test_torn();
    test_rot_in_a_short_log();
    test_modes();
    test_full();
    test_wear(false);
    test_wear(true);
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
