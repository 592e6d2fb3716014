/* map_format_test.c - what seqmap and naive refuse to mount, and what a format does, cuts included.
 *
 * Method. A map is filled, and formatted. Before each erase of the format a copy of the part is
 * torn in every way, and power comes back: a key has a value that it once had or none, a second
 * look shows the same, and after one more format the map is empty and takes what a new one takes.
 * seqmap may also answer MAP_ERR_DAMAGED: nothing is given up then, but by the format that follows.
 */
#include <stdio.h>
#include <string.h>

#include "../bad_geometry.h"
#include "../ram_flash.h"
#include "../check_test.h"
#include "naive.h"
#include "seqmap.h"

static unsigned cuts, damaged;

#define KEYS 3u
#define SECTORS 4u

/* One of the two engines, on a part in memory. */
struct bench {
    struct ram_flash ram;
    bool is_naive;
    unsigned stores; /* of values before the newest */
    struct seqmap seqmap;
    struct naive naive;
    uint8_t work[256];
};

static struct bench bench, copy;

static int mount(struct bench *b)
{
    struct seqmap_config config = {&b->ram.flash, b->work, sizeof b->work, 1, NULL};
    struct naive_config plain = {&b->ram.flash, b->work, sizeof b->work};
    return b->is_naive ? naive_mount(&b->naive, &plain) : seqmap_mount(&b->seqmap, &config);
}

static int format(struct bench *b)
{
    struct seqmap_config config = {&b->ram.flash, b->work, sizeof b->work, 1, NULL};
    struct naive_config plain = {&b->ram.flash, b->work, sizeof b->work};
    return b->is_naive ? naive_format(&b->naive, &plain) : seqmap_format(&b->seqmap, &config);
}

static int store(struct bench *b, uint8_t key, uint32_t value)
{
    return b->is_naive ? naive_store(&b->naive, &key, 1, &value, sizeof value)
                       : seqmap_store(&b->seqmap, &key, 1, &value, sizeof value);
}

/* The value of a key; 0: none. */
static uint32_t fetch(struct bench *b, uint8_t key)
{
    uint32_t value = 0, size = 0;
    int error = b->is_naive ? naive_fetch(&b->naive, &key, 1, &value, sizeof value, &size)
                            : seqmap_fetch(&b->seqmap, &key, 1, &value, sizeof value, &size);
    CHECK(error == MAP_ERR_NOT_FOUND || (error == 0 && size == sizeof value), "fetch: %d", error);
    return error ? 0 : value;
}

static uint32_t newest(uint8_t key)
{
    return 0x10203040u + key;
}

/* Whether the key ever had this value; 0: none. */
static bool had(uint8_t key, uint32_t value, unsigned stores)
{
    return value == 0 || value == newest(key) || (value <= stores && (value - 1) % KEYS == key);
}

static void open_full(struct bench *b, bool is_naive, uint16_t unit, unsigned stores)
{
    b->is_naive = is_naive;
    b->stores = stores;
    ram_flash_init(&b->ram, 256, SECTORS, unit, 0);
    CHECK(mount(b) == 0, "mount");
    for (unsigned i = 0; i < stores; i++)
        CHECK(store(b, (uint8_t)(i % KEYS), i + 1) == 0, "store %u", i);
    for (uint8_t key = 0; key < KEYS; key++)
        CHECK(store(b, key, newest(key)) == 0, "store");
}

static void check_new(struct bench *b, const char *what)
{
    for (uint32_t i = 0; i < bo_flash_size(&b->ram.flash); i++)
        if (b->ram.bytes[i] != 0xFF) {
            CHECK(false, "%s: byte %u is not blank", what, (unsigned)i);
            break;
        }
    for (uint8_t key = 0; key < KEYS; key++)
        CHECK(fetch(b, key) == 0, "%s: key %u is there", what, key);
    CHECK(store(b, 1, 77) == 0 && fetch(b, 1) == 77 && fetch(b, 0) == 0, "%s: works on", what);
    CHECK(mount(b) == 0 && fetch(b, 1) == 77, "%s: mounts", what);
    CHECK(b->ram.breach == NULL, "%s: %s", what, b->ram.breach);
}

/* Power on after a cut format. */
static void judge(struct bench *b)
{
    uint32_t seen[KEYS];
    int error = mount(b);
    cuts++;
    damaged += error == MAP_ERR_DAMAGED;
    CHECK(error == 0 || (error == MAP_ERR_DAMAGED && !b->is_naive), "mount: %d", error);
    for (uint8_t key = 0; key < KEYS && !error; key++) {
        seen[key] = fetch(b, key);
        CHECK(had(key, seen[key], b->stores), "key %u: %u", key, (unsigned)seen[key]);
    }
    CHECK(mount(b) == error, "a second mount differs");
    for (uint8_t key = 0; key < KEYS && !error; key++)
        CHECK(fetch(b, key) == seen[key], "a second look differs");
    CHECK(format(b) == 0, "format after a cut");
    check_new(b, "after a cut");
}

static bool cut(struct ram_flash *ram, const struct ram_flash_call *call)
{
    static const enum ram_flash_tear_kind tears[] = {
        RAM_FLASH_TEAR_NONE,      RAM_FLASH_TEAR_ALL,       RAM_FLASH_TEAR_PREFIX,
        RAM_FLASH_TEAR_ZERO_HEAD, RAM_FLASH_TEAR_ZERO_TAIL, RAM_FLASH_TEAR_MIX,
        RAM_FLASH_TEAR_SET};
    static uint64_t random = 1;
    for (unsigned i = 0; i < 70; i++) {
        ram_flash_copy(&copy.ram, ram);
        copy.is_naive = bench.is_naive;
        copy.stores = bench.stores;
        ram_flash_tear(&copy.ram, call, tears[i % 7], ram_flash_below(&random, call->size + 1),
                       &random);
        judge(&copy);
    }
    return false;
}

static void test_format(bool is_naive, uint16_t unit)
{
    for (unsigned stores = 0; stores < (is_naive ? 1 : 100); stores += 9) {
        open_full(&bench, is_naive, unit, stores);
        bench.ram.before = cut;
        CHECK(format(&bench) == 0, "format");
        bench.ram.before = NULL;
        check_new(&bench, "after a format");
    }
    open_full(&bench, is_naive, unit, 10);
    for (uint32_t i = 0; i < bo_flash_size(&bench.ram.flash); i++)
        bench.ram.bytes[i] = (uint8_t)(i * i * 7 + i);
    CHECK(format(&bench) == 0, "format of junk");
    check_new(&bench, "junk");
}

/* A flash that does not erase: the format says so, and one that works is still possible. */
static void test_format_that_fails(bool is_naive)
{
    open_full(&bench, is_naive, 4, 10);
    bench.ram.off = true;
    CHECK(format(&bench) == BO_FLASH_ERR_OFF, "format without power");
    bench.ram.off = false;
    CHECK(mount(&bench) == 0 && fetch(&bench, 0) == newest(0), "nothing was erased");
}

/* One call of the flash fails: the format says so, or has done all the same. */
static void test_format_that_fails_once(bool is_naive)
{
    unsigned returned = 0;
    for (uint64_t n = 1;; n++) {
        open_full(&bench, is_naive, 4, 10);
        bench.ram.fail_at = n;
        int error = format(&bench);
        bool over = bench.ram.fail_at != 0;
        bench.ram.fail_at = 0;
        returned += error == BO_FLASH_ERR_IO;
        CHECK(error == 0 || error == BO_FLASH_ERR_IO, "call %u fails: %d", (unsigned)n, error);
        CHECK(error == 0 || format(&bench) == 0, "call %u fails: format again", (unsigned)n);
        check_new(&bench, "a call fails");
        if (over) break;
    }
    CHECK(returned >= SECTORS, "errors returned: %u", returned);
}

static void test_geometry(bool is_naive)
{
    bench.is_naive = is_naive;
    for (unsigned i = 0; i < BAD_GEOMETRIES; i++) {
        unsigned calls = 0;
        bench.ram.flash = bad_geometry_flash(i, &calls);
        CHECK(mount(&bench) == MAP_ERR_GEOMETRY && format(&bench) == MAP_ERR_GEOMETRY && calls == 0,
              "%s, %u calls", bad_geometries[i].what, calls);
    }
    ram_flash_init(&bench.ram, 256, 4, 4, 0);
    CHECK(mount(&bench) == 0, "the good one");
    if (is_naive) return;
    ram_flash_init(&bench.ram, 256, 1, 4, 0);
    CHECK(mount(&bench) == MAP_ERR_GEOMETRY, "one sector");
    struct seqmap_config config = {&bench.ram.flash, bench.work, 3, 1, NULL};
    ram_flash_init(&bench.ram, 256, 4, 4, 0);
    CHECK(seqmap_mount(&bench.seqmap, &config) == MAP_ERR_GEOMETRY, "work buffer below a word");
    config = (struct seqmap_config){&bench.ram.flash, NULL, 64, 1, NULL};
    CHECK(seqmap_mount(&bench.seqmap, &config) == MAP_ERR_GEOMETRY, "no work buffer");
}

int main(void)
{
    for (unsigned is_naive = 0; is_naive < 2; is_naive++) {
        test_geometry(is_naive != 0);
        test_format_that_fails(is_naive != 0);
        test_format_that_fails_once(is_naive != 0);
        test_format(is_naive != 0, 1);
        test_format(is_naive != 0, 4);
        test_format(is_naive != 0, 32);
    }
    printf("%u cuts, %u of them damaged, %u failures\n", cuts, damaged, failures);
    return failures != 0;
}
