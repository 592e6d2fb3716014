/* tickv_map_test.c - what tickv must do, without simulator or harness.
 *
 *     tickv_map_test [IMAGES]
 *
 * IMAGES is the folder with the crate's images, engines/map/images when not given. They are what
 * the crate tickv 2.0.0 wrote: keys are the hashes mix(i), values the byte i repeated. Each is
 * written again here, byte for byte, and read. Prints a line for each failure; returns 1 if there
 * was one.
 */
#include <stdio.h>
#include <string.h>

#define RAM_FLASH_SIZE_MAX 65536u
#define RAM_FLASH_SECTOR_MAX 4096u
#include "../bad_geometry.h"
#include "../check_test.h"
#include "../ram_flash.h"
#include "tickv_internal.h"
#include "tickv_map.h"

static const char *images = "engines/map/images";
static struct ram_flash ram;
static struct tickv store;
static struct tickv_map map;
static uint8_t work[512];

static uint64_t mix(uint64_t i)
{
    uint64_t z = i * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static struct tickv_config config_of(uint32_t work_size)
{
    struct tickv_config config = {&ram.flash, TICKV_MAIN_HASH, work, work_size};
    return config;
}

static void open_new(uint32_t sector_size, uint32_t count, uint16_t unit, uint32_t work_size)
{
    struct tickv_config config = config_of(work_size);
    ram_flash_init(&ram, sector_size, count, unit, 0);
    int error = tickv_format(&store, &config);
    CHECK(error == 0, "format: %d", error);
}

static int mount(void)
{
    struct tickv_config config = config_of(sizeof work);
    memset(&store, 0xA5, sizeof store);
    return tickv_mount(&store, &config);
}

/* Hashes and checksums ----------------------------------------------------------------------- */

static void test_hashes_of_both_worlds(void)
{
    CHECK(tickv_hash_std("tickv-super-key", 15) == TICKV_MAIN_HASH, "main key");
    CHECK(tickv_hash_std("ONE", 3) == 0x81137E959E93AA3Du, "ONE");
    CHECK(tickv_hash_std("TWO", 3) == 0x9DD3714505C2F866u, "TWO");

    CHECK(tickv_hash_tock("", 0) == 0xD70077739D4B921Eu, "nothing");
    CHECK(tickv_hash_tock("ONE", 3) == 0xC8FA22693B6071ADu, "ONE of Tock");
    CHECK(tickv_hash_tock("0123456789abcdef", 16) == 0xB4A71FA90474C394u, "two words");
}

static void test_checksum(void)
{
    const uint8_t *digits = (const uint8_t *)"123456789";
    CHECK((tickv_crc(0, digits, 9) ^ UINT32_MAX) == 0x765E7680, "crc32");
    for (uint32_t split = 0; split <= 9; split++)
        CHECK(tickv_crc(tickv_crc(0, digits, split), digits + split, 9 - split) ==
                  tickv_crc(0, digits, 9),
              "crc32 split at %u", (unsigned)split);
}

/* The example of the crate's own tests. */
static void test_first_objects_are_those_of_the_crate(void)
{
    static const uint8_t main_key[] = {1,    0x80, 15,   0x7B, 0xC9, 0xF7, 0xFF, 0x4F,
                                       0x76, 0xF2, 0x44, 0xBB, 0x32, 0x74, 0x1D};
    static const uint8_t one[] = {1, 0x80, 47, 0x81, 0x13, 0x7E, 0x95, 0x9E, 0x93, 0xAA, 0x3D};
    uint64_t hash = tickv_hash_std("ONE", 3);
    uint8_t value[32];
    memset(value, 0x23, sizeof value);
    open_new(1024, 64, 1, sizeof work);
    CHECK(tickv_append(&store, hash, value, sizeof value) == 0, "ONE");
    CHECK(tickv_append(&store, hash, value, 1) == TICKV_ERR_EXISTS, "once more");
    CHECK(memcmp(ram.bytes + 4 * 1024, main_key, sizeof main_key) == 0, "main key");
    CHECK(memcmp(ram.bytes + 61 * 1024, one, sizeof one) == 0, "ONE");
    CHECK(memcmp(ram.bytes + 61 * 1024 + 43, "\xFD\x24\xF0\x07", 4) == 0, "its checksum");
    CHECK(tickv_invalidate(&store, hash) == 0 && ram.bytes[61 * 1024 + 1] == 0, "invalidated");
    CHECK(tickv_invalidate(&store, hash) == MAP_ERR_NOT_FOUND, "again");
    CHECK(tickv_destroy(&store, hash) == MAP_ERR_NOT_FOUND, "destroyed, though it was dead");
    for (unsigned i = 11; i < 47; i++)
        CHECK(ram.bytes[61 * 1024 + i] == 0, "byte %u", i);
    CHECK(ram.breach == NULL, "%s", ram.breach);
}

/* The images --------------------------------------------------------------------------------- */

struct workload {
    const char *name;
    uint32_t sector_size, count, objects, fixed; /* fixed: bytes of all values; 0: they differ */
};

static const struct workload workloads[] = {
    {"tickv_n8_s1024", 1024, 8, 111, 0},
    {"tickv_n16_s512", 512, 16, 60, 0},
    {"tickv_n8_s1024_spill", 1024, 8, 165, 29},
};

static uint32_t value_of(const struct workload *w, uint32_t i, uint8_t value[64])
{
    memset(value, (int)(i & 0xFF), 64);
    return w->fixed ? w->fixed : (uint32_t)(mix(i ^ 0x5555) % 40 + 1);
}

static void put_range(const struct workload *w, uint32_t from, uint32_t to)
{
    uint8_t value[64];
    for (uint32_t i = from; i <= to; i++) {
        uint32_t size = value_of(w, i, value);
        int error = tickv_append(&store, mix(i), value, size);
        CHECK(error == 0, "%s: append %u: %d", w->name, (unsigned)i, error);
    }
}

/* What is left of object i after a step. */
static bool is_left(const struct workload *w, uint32_t i, char step)
{
    if (step == 'a' || i > w->objects) return true;
    if (i % 3 == 0) return false;
    return step == 'b' || (i % 5 != 0 && (step == 'c' || i % 2 == 0));
}

static void do_step(const struct workload *w, char step)
{
    uint32_t n = w->objects, freed;
    if (step == 'a') put_range(w, 1, n);
    for (uint32_t i = 1; i <= n && step != 'a' && step != 'e'; i++) {
        char before = (char)(step - 1);
        if (!is_left(w, i, before) || is_left(w, i, step)) continue;
        int error = step == 'c' ? tickv_destroy(&store, mix(i)) : tickv_invalidate(&store, mix(i));
        CHECK(error == 0, "%s: step %c of %u: %d", w->name, step, (unsigned)i, error);
    }
    if (step == 'd') CHECK(tickv_collect(&store, &freed) == 0, "%s: collect", w->name);
    if (step == 'e') put_range(w, n + 1, n + n / 2);
}

static bool image_load(const char *name, char step, uint8_t *bytes, uint32_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s_%c.bin", images, name, step);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL, "%s is not there", path);
    if (file == NULL) return false;
    bool whole = fread(bytes, 1, size, file) == size && fgetc(file) == EOF;
    CHECK(whole, "%s is not of %u bytes", path, (unsigned)size);
    fclose(file);
    return whole;
}

/* All that is left can be read, by its hash and by iterating, and nothing else. */
static void check_contents(const struct workload *w, char step)
{
    uint8_t wanted[64], value[64];
    uint32_t size, left = 1;
    uint64_t hash;
    for (uint32_t i = 1; i <= w->objects + w->objects / 2; i++) {
        bool is = is_left(w, i, step) && (i <= w->objects || step == 'e');
        uint32_t length = value_of(w, i, wanted);
        int error = tickv_get(&store, mix(i), value, sizeof value, &size);
        bool same = error == 0 && size == length && memcmp(value, wanted, size) == 0;
        CHECK(is ? same : error == MAP_ERR_NOT_FOUND, "%s_%c: get %u: %d", w->name, step,
              (unsigned)i, error);
        left += is;
    }
    struct tickv_iterator at;
    tickv_iterate(&at);
    while (tickv_next(&store, &at, &hash, value, sizeof value, &size) == 0)
        left--;
    CHECK(left == 0, "%s_%c: iterating visits as many", w->name, step);
}

static void check_image(const struct workload *w, char step)
{
    static uint8_t bytes[8192];
    if (!image_load(w->name, step, bytes, sizeof bytes)) return;
    uint32_t i = 0;
    while (i < sizeof bytes && bytes[i] == ram.bytes[i])
        i++;
    CHECK(i == sizeof bytes, "%s_%c differs at %u", w->name, step, (unsigned)i);
    uint64_t changes = ram.counts.programs + ram.counts.erases;
    check_contents(w, step);
    memcpy(ram.bytes, bytes, sizeof bytes);
    CHECK(mount() == 0, "%s_%c: mount", w->name, step);
    check_contents(w, step);
    tickv_check(&store, true);
    CHECK(ram.counts.programs + ram.counts.erases == changes, "%s_%c: reading wrote", w->name,
          step);
}

static void test_images_are_those_of_the_crate(uint16_t unit, uint32_t work_size)
{
    for (unsigned i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        const struct workload *w = &workloads[i];
        open_new(w->sector_size, w->count, unit, work_size);
        for (char step = 'a'; step <= (w->fixed ? 'b' : 'e'); step++) {
            do_step(w, step);
            check_image(w, step);
        }
        CHECK(ram.breach == NULL, "%s", ram.breach);
    }
}

/* What the crate reads ----------------------------------------------------------------------- */

enum found { FOUND, GO_ON, STOP };

/* The crate's search in a region, written from the facts of its algorithm. */
static enum found crate_scan(const uint8_t *region, uint32_t size, uint64_t hash, uint32_t *offset)
{
    for (uint32_t at = 0; at + 11 < size;) {
        uint32_t length = (region[at + 1] & 15u) << 8 | region[at + 2];
        uint64_t there = 0;
        if (region[at] == 0xFF) return at == 0 ? STOP : GO_ON;
        if (region[at] != 1 || length == 0) return STOP;
        for (unsigned i = 0; i < 8; i++)
            there = there << 8 | region[at + 3 + i];
        *offset = at;
        if ((region[at + 1] & 0x80) && there == hash) return FOUND;
        at += length;
    }
    return STOP;
}

/* Whether the crate finds a live object of that hash, whose checksum fits as it stands. */
static bool crate_finds(uint64_t hash)
{
    uint32_t size = ram.flash.geometry.sector_size, step = 0, region, at;
    struct tickv order = {.regions = ram.flash.geometry.sector_count, .region_size = size};
    while (tickv_path(&order, hash, &step, &region)) {
        const uint8_t *bytes = ram.bytes + region;
        enum found found = crate_scan(bytes, size, hash, &at);
        if (found == STOP) return false;
        if (found == GO_ON) continue;
        uint32_t length = (bytes[at + 1] & 15u) << 8 | bytes[at + 2];
        uint32_t crc = tickv_crc(0, bytes + at, length - 4) ^ UINT32_MAX;
        for (unsigned i = 0; i < 4; i++)
            if (bytes[at + length - 4 + i] != (uint8_t)(crc >> 8 * i)) return false;
        return true;
    }
    return false;
}

static void open_map(uint32_t sector_size, uint32_t count, uint16_t unit,
                     uint64_t (*hash)(const void *, uint32_t))
{
    struct tickv_map_config config = {config_of(sizeof work), hash};
    ram_flash_init(&ram, sector_size, count, unit, 0);
    int error = tickv_map_format(&map, &config);
    CHECK(error == 0, "format of a map: %d", error);
}

static int mount_map(uint64_t (*hash)(const void *, uint32_t))
{
    struct tickv_map_config config = {config_of(sizeof work), hash};
    memset(&map, 0xA5, sizeof map);
    return tickv_map_mount(&map, &config);
}

/* Value n of a key that is a number. */
static uint32_t value_make(uint32_t n, uint8_t value[40])
{
    for (unsigned i = 0; i < 40; i++)
        value[i] = (uint8_t)(n * 31 + i);
    return (uint32_t)(mix(n) % 40);
}

static int put(uint8_t key, uint32_t n)
{
    uint8_t value[40];
    uint32_t size = value_make(n, value);
    return tickv_map_store(&map, &key, 1, value, size);
}

/* n 0: no value. */
static bool holds(uint8_t key, uint32_t n)
{
    uint8_t wanted[40], value[40];
    uint32_t size = 0, length = value_make(n, wanted);
    int error = tickv_map_fetch(&map, &key, 1, value, sizeof value, &size);
    if (n == 0) return error == MAP_ERR_NOT_FOUND;
    return error == 0 && size == length && memcmp(value, wanted, size) == 0;
}

enum { KEYS = 12 };

/* Random stores and removals; each key is then found here, and by the crate, the main key too. */
static void test_the_crate_finds_all_that_a_map_holds(uint16_t unit)
{
    uint32_t model[KEYS] = {0};
    uint64_t random = unit, refused = 0;
    open_map(256, 5, unit, tickv_hash_std);
    for (uint32_t n = 1; n < 3000; n++) {
        uint8_t key = (uint8_t)ram_flash_below(&random, KEYS);
        bool store_it = ram_flash_below(&random, 5) != 0;
        int error = store_it ? put(key, n) : tickv_map_remove(&map, &key, 1);
        CHECK(error == 0 || error == MAP_ERR_FULL, "operation %u: %d", (unsigned)n, error);
        if (error == 0) model[key] = store_it ? n : 0;
        refused += error != 0;
        if (n % 7 == 0) CHECK(mount_map(tickv_hash_std) == 0, "mount %u", (unsigned)n);
        tickv_check(&map.store, n % 16 == 0);
        for (key = 0; key < KEYS; key++) {
            CHECK(holds(key, model[key]), "key %u after %u", key, (unsigned)n);
            bool found = crate_finds(tickv_hash_std(&key, 1));
            CHECK(found == (model[key] != 0), "the crate on key %u after %u", key, (unsigned)n);
        }
        CHECK(crate_finds(TICKV_MAIN_HASH), "the crate on the main key after %u", (unsigned)n);
    }
    CHECK(refused < 100 && ram.counts.erases > 100, "as meant");
    CHECK(ram.breach == NULL, "%s", ram.breach);
}

/* The search of the crate stops at a blank region. Ours goes on, and a mount repairs that. */
static void test_a_blank_region_hides_nothing(void)
{
    uint8_t value[200] = {0};
    open_new(512, 4, 1, sizeof work);
    for (uint64_t i = 0; i < 4; i++)
        CHECK(tickv_append(&store, (i + 9) << 16 | 1, value, 200) == 0, "append");
    CHECK(tickv_invalidate(&store, 9 << 16 | 1) == 0 && tickv_invalidate(&store, 10 << 16 | 1) == 0,
          "invalidate");
    ram_flash_blank(&ram, 512, 512); /* as the crate collects */
    uint64_t spilled = 12 << 16 | 1;
    uint32_t size, freed;
    CHECK(!crate_finds(spilled), "the crate does not find it");
    CHECK(tickv_get(&store, spilled, value, sizeof value, &size) == 0, "it is found here");
    CHECK(mount() == 0 && crate_finds(spilled), "and by the crate, after a mount");
    CHECK(tickv_append(&store, 20 << 16 | 1, value, 200) == 0, "append");
    CHECK(tickv_invalidate(&store, 20 << 16 | 1) == 0, "invalidate");
    CHECK(tickv_collect(&store, &freed) == 0 && freed == 512, "collect");
    CHECK(crate_finds(spilled), "after a collection, too");
    CHECK(tickv_collect(&store, &freed) == 0 && freed == 0, "nothing is left to collect");
}

/* A dead region that an erase left when it was cut: the length of its object, 128 of the 143 that
 * its bits allow, would fill it, and the search of the crate ends in such a region. */
static void test_what_a_cut_erase_left_hides_nothing(void)
{
    uint8_t value[60] = {0};
    uint64_t first = 9 << 16 | 3, spilled = 9 << 17 | 3; /* home: region 0 of 3 */
    open_new(128, 3, 1, sizeof work);
    CHECK(tickv_append(&store, first, value, 60) == 0, "append");
    CHECK(tickv_append(&store, spilled, value, 60) == 0 && ram.bytes[128 + 15] == 1, "spilled");
    CHECK(tickv_invalidate(&store, first) == 0 && crate_finds(spilled), "it is found");
    ram.bytes[2] = 0x8F;
    CHECK(mount() == 0 && crate_finds(spilled), "it is found after a mount");
}

/* The same where zeros, with which an erase may begin, are all that stands after the last object:
 * in too few bytes for another one, and enough for the search of the crate to look at them. */
static void test_zeros_at_the_end_hide_nothing(void)
{
    uint8_t value[128] = {0};
    uint64_t first = 9 << 16 | 3, spilled = 9 << 17 | 3; /* home: region 0 of 3 */
    for (uint32_t left = TICKV_TAIL; left < TICKV_OVERHEAD; left++) {
        uint32_t size = 128 - left - TICKV_OVERHEAD;
        open_new(128, 3, 1, sizeof work);
        CHECK(tickv_append(&store, first, value, size) == 0, "append");
        CHECK(tickv_append(&store, spilled, value, 60) == 0 && ram.bytes[128 + 15] == 1, "spilled");
        CHECK(tickv_invalidate(&store, first) == 0 && crate_finds(spilled), "it is found");
        memset(ram.bytes + 128 - left, 0, left);
        CHECK(!crate_finds(spilled), "zeros in %u bytes end the search", (unsigned)left);
        CHECK(mount() == 0 && crate_finds(spilled), "not after a mount, %u bytes", (unsigned)left);
    }
}

/* Refusals ----------------------------------------------------------------------------------- */

static void test_refuses_parts(void)
{
    for (unsigned i = 0; i < BAD_GEOMETRIES; i++) {
        unsigned calls = 0;
        struct bo_flash flash = bad_geometry_flash(i, &calls);
        struct tickv_config config = {&flash, TICKV_MAIN_HASH, work, sizeof work};
        CHECK(tickv_mount(&store, &config) == MAP_ERR_GEOMETRY && calls == 0, "%s",
              bad_geometries[i].what);
        CHECK(tickv_format(&store, &config) == MAP_ERR_GEOMETRY && calls == 0, "%s",
              bad_geometries[i].what);
        struct tickv_map_config whole = {config, tickv_hash_std};
        CHECK(tickv_map_mount(&map, &whole) == MAP_ERR_GEOMETRY && calls == 0, "a map on %s",
              bad_geometries[i].what);
    }
    struct tickv_config config = config_of(sizeof work);
    ram_flash_init(&ram, 256, 4, 16, 0);
    CHECK(tickv_mount(&store, &config) == MAP_ERR_GEOMETRY, "units of 16 bytes");
    ram_flash_init(&ram, 256, 4, 4, 2);
    CHECK(tickv_mount(&store, &config) == MAP_ERR_GEOMETRY, "two programs of a unit");
    ram_flash_init(&ram, 256, 4, 4, 0);
    config.work_size = TICKV_WORK_MIN - 1;
    CHECK(tickv_mount(&store, &config) == MAP_ERR_GEOMETRY, "a work buffer of 15 bytes");
    config = (struct tickv_config){&ram.flash, 0, work, sizeof work};
    CHECK(tickv_mount(&store, &config) == MAP_ERR_GEOMETRY, "a main hash of 0");
    config.main_hash = UINT64_MAX;
    CHECK(tickv_mount(&store, &config) == MAP_ERR_GEOMETRY, "a main hash of ones");
    ram_flash_init(&ram, 256, 1, 4, 0);
    struct tickv_map_config one = {config_of(sizeof work), tickv_hash_std};
    CHECK(tickv_map_mount(&map, &one) == MAP_ERR_GEOMETRY, "a map of one region");
    CHECK(tickv_map_format(&map, &one) == MAP_ERR_GEOMETRY, "nor is it formatted");
    ram_flash_init(&ram, 64, 4, 4, 0);
    CHECK(tickv_map_mount(&map, &one) == MAP_ERR_GEOMETRY, "a map in regions of 64 bytes");
    ram.flash.geometry.sector_size = ram.flash.geometry.page_size = 32;
    CHECK(tickv_mount(&store, &one.store) == MAP_ERR_GEOMETRY, "regions of 32 bytes");
    ram_flash_init(&ram, 256, 4, 4, 0);
    ram.flash.geometry.tear_scope = BO_FLASH_TEAR_SECTOR;
    CHECK(tickv_mount(&store, &one.store) == MAP_ERR_GEOMETRY, "a cut may hurt the sector");
}

static uint64_t changes(void)
{
    return ram.counts.programs + ram.counts.erases;
}

static void test_never_formats_by_itself(void)
{
    uint64_t random = 5;
    ram_flash_init(&ram, 256, 4, 1, 0);
    CHECK(mount() == MAP_ERR_NOT_FOUND && changes() == 0, "a blank part");
    for (unsigned i = 0; i < 1024; i++)
        ram.bytes[i] = (uint8_t)ram_flash_random(&random);
    CHECK(mount() == MAP_ERR_NOT_FOUND && changes() == 0, "noise");
    open_new(256, 4, 1, sizeof work);
    CHECK(mount_map(tickv_hash_std) == MAP_ERR_NOT_FOUND, "a store that is no map");
    open_new(256, 4, 1, sizeof work);
    ram.bytes[2 * 256 + 3] ^= 1; /* 0x7BC9F7FF4F76F244 mod 4 is 0 */
    ram.bytes[3] ^= 1;
    uint64_t before = changes();
    CHECK(mount() == MAP_ERR_NOT_FOUND && changes() == before, "a main key with a wrong bit");
}

static void test_a_map_of_other_regions_is_refused(void)
{
    struct {
        uint32_t size, count;
    } others[] = {{256, 3}, {256, 5}, {128, 8}, {512, 2}, {128, 4}};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        open_map(256, 4, 1, tickv_hash_std);
        for (uint32_t n = 1; n < 20; n++)
            CHECK(put((uint8_t)(n % 3), n) == 0, "store");
        uint64_t before = changes();
        ram.flash.geometry.sector_size = ram.flash.geometry.page_size = others[i].size;
        ram.flash.geometry.sector_count = others[i].count;
        int error = mount_map(tickv_hash_std);
        CHECK(error == MAP_ERR_GEOMETRY || error == MAP_ERR_NOT_FOUND, "other %u: %d", i, error);
        CHECK(changes() == before, "it was changed");
    }
}

static uint64_t two_hashes(const void *key, uint32_t size)
{
    return size != 0 && (*(const uint8_t *)key & 1) ? 0x1234500001u : 0x5432100002u;
}

static uint64_t no_hash(const void *key, uint32_t size)
{
    (void)key, (void)size;
    return 0;
}

static void test_collisions_are_reported(void)
{
    uint8_t value[8];
    uint32_t size;
    open_map(256, 4, 1, two_hashes);
    CHECK(put(1, 1) == 0 && put(2, 2) == 0, "store");
    CHECK(put(3, 3) == TICKV_ERR_COLLISION && put(4, 4) == TICKV_ERR_COLLISION, "collision");
    CHECK(holds(3, 0) && holds(1, 1) && holds(2, 2), "nothing has changed");
    CHECK(tickv_map_remove(&map, "\3", 1) == 0 && holds(1, 1), "another key is not removed");
    CHECK(tickv_map_destroy(&map, "\3", 1) == 0 && holds(1, 1), "nor destroyed");
    CHECK(tickv_map_remove(&map, "\1", 1) == 0 && put(3, 3) == 0 && holds(3, 3), "then it fits");
    open_map(256, 4, 1, no_hash);
    CHECK(put(1, 1) == TICKV_ERR_COLLISION && tickv_map_remove(&map, "\1", 1) == 0, "hash 0");
    open_new(256, 4, 1, sizeof work);
    CHECK(tickv_append(&store, 0, "", 0) == TICKV_ERR_COLLISION, "hash 0");
    CHECK(tickv_append(&store, UINT64_MAX, "", 0) == TICKV_ERR_COLLISION, "hash of ones");
    CHECK(tickv_invalidate(&store, TICKV_MAIN_HASH) == TICKV_ERR_COLLISION, "the main key");
    CHECK(tickv_get(&store, TICKV_MAIN_HASH, value, 8, &size) == 0 && size == 0, "is there");
}

/* Sizes of keys and values, and buffers that are too short. */
static void test_sizes_of_a_map(void)
{
    static uint8_t key[256], value[256];
    struct tickv_iterator at;
    uint32_t key_size, size;
    open_map(256, 4, 1, tickv_hash_std);
    CHECK(tickv_map_store(&map, key, 256, "", 0) == MAP_ERR_TOO_BIG, "a key of 256 bytes");
    CHECK(tickv_map_fetch(&map, key, 256, value, 256, &size) == MAP_ERR_NOT_FOUND, "fetched");
    CHECK(tickv_map_remove(&map, key, 256) == 0 && tickv_map_destroy(&map, key, 256) == 0, "gone");
    CHECK(tickv_map_store(&map, "a", 1, value, 4095) == MAP_ERR_TOO_BIG, "a value of 4095 bytes");
    CHECK(tickv_map_store(&map, "a", 1, value, 213) == MAP_ERR_TOO_BIG, "one of a region");
    CHECK(tickv_map_store(&map, "", 0, "", 0) == 0, "no byte in either");
    CHECK(tickv_map_fetch(&map, "", 0, NULL, 0, &size) == 0 && size == 0, "fetch");
    CHECK(tickv_map_remove(&map, "", 0) == 0, "remove");
    CHECK(tickv_map_store(&map, "ab", 2, "value", 5) == 0, "store");
    CHECK(tickv_map_fetch(&map, "ab", 2, value, 4, &size) == MAP_ERR_BUFFER && size == 5,
          "4 bytes");
    tickv_iterate(&at);
    CHECK(tickv_map_next(&map, &at, key, 1, &key_size, value, 5, &size) == MAP_ERR_BUFFER &&
              key_size == 2 && size == 5,
          "a key of 2 bytes");
    CHECK(tickv_map_next(&map, &at, key, 2, &key_size, value, 4, &size) == MAP_ERR_BUFFER, "4");
    CHECK(tickv_map_next(&map, &at, key, 2, &key_size, value, 5, &size) == 0 && size == 5, "next");
    CHECK(tickv_map_next(&map, &at, key, 2, &key_size, value, 5, &size) == MAP_ERR_NOT_FOUND,
          "the end");
}

static void test_sizes_of_a_store(void)
{
    static uint8_t value[256];
    struct tickv_iterator at;
    uint64_t hash;
    uint32_t size;
    open_new(256, 1, 1, sizeof work);
    CHECK(tickv_append(&store, 7, value, 4095) == MAP_ERR_TOO_BIG, "4095 bytes");
    CHECK(tickv_append(&store, 7, value, 230) == MAP_ERR_TOO_BIG, "more than a region");
    CHECK(tickv_append(&store, 7, value, 215) == MAP_ERR_FULL, "more than is left");
    CHECK(tickv_append(&store, 7, "12345", 5) == 0, "append");
    CHECK(tickv_get(&store, 7, value, 4, &size) == MAP_ERR_BUFFER && size == 5, "get 4 bytes");
    tickv_iterate(&at);
    CHECK(tickv_next(&store, &at, &hash, NULL, 0, &size) == 0 && hash == TICKV_MAIN_HASH, "main");
    CHECK(tickv_next(&store, &at, &hash, value, 4, &size) == MAP_ERR_BUFFER && size == 5, "short");
    CHECK(tickv_next(&store, &at, &hash, value, 5, &size) == 0 && hash == 7, "it has not moved");
    CHECK(tickv_replace(&store, 7, "1", 1) == MAP_ERR_UNSUPPORTED, "replace in one region");
    CHECK(tickv_destroy(&store, 0) == TICKV_ERR_COLLISION, "hash 0");
    open_new(256, 2, 1, sizeof work);
    CHECK(tickv_replace(&store, TICKV_MAIN_HASH, "", 0) == TICKV_ERR_COLLISION, "the main key");
    CHECK(tickv_replace(&store, 7, value, 4095) == MAP_ERR_TOO_BIG, "4095 bytes");
}

/* An object with a wrong bit is reported, and a new one of its hash takes its place. */
static void test_a_damaged_object_is_reported(void)
{
    struct tickv_iterator at;
    uint8_t value[40];
    uint64_t hash;
    uint32_t size, key_size;
    open_new(256, 2, 1, sizeof work);
    CHECK(tickv_append(&store, 7, "12345", 5) == 0 && tickv_append(&store, 9, "x", 1) == 0,
          "append");
    ram.bytes[256 + 11] ^= 1;
    CHECK(tickv_get(&store, 7, value, sizeof value, &size) == MAP_ERR_DAMAGED, "get");
    tickv_iterate(&at);
    (void)tickv_next(&store, &at, &hash, value, sizeof value, &size); /* the main key */
    CHECK(tickv_next(&store, &at, &hash, value, sizeof value, &size) == MAP_ERR_DAMAGED, "next");
    CHECK(tickv_append(&store, 7, "new", 3) == 0, "append");
    CHECK(tickv_get(&store, 7, value, sizeof value, &size) == 0 && size == 3, "the new one");
    open_map(256, 2, 1, two_hashes);
    CHECK(tickv_map_store(&map, "\1", 1, "12345", 5) == 0, "store");
    for (uint32_t i = 0; i < 512; i++)
        if (memcmp(ram.bytes + i, "12345", 5) == 0) ram.bytes[i] ^= 1;
    CHECK(tickv_map_fetch(&map, "\1", 1, value, sizeof value, &size) == MAP_ERR_DAMAGED, "fetch");
    tickv_iterate(&at);
    CHECK(tickv_map_next(&map, &at, value, 8, &key_size, value + 8, 8, &size) == MAP_ERR_DAMAGED,
          "next");
    CHECK(tickv_map_store(&map, "\1", 1, "new", 3) == 0, "store");
    CHECK(tickv_map_fetch(&map, "\1", 1, value, sizeof value, &size) == 0 && size == 3, "fetch");
}

/* The crate may leave two live objects of a hash. The first one in its order counts, is visited
 * alone, and is the only one that a compaction copies. */
static void test_of_two_live_objects_the_first_counts(uint32_t region)
{
    struct tickv_iterator at;
    struct tickv_value second = {{"second", NULL, NULL}, {6, 0, 0}};
    uint8_t value[100] = {0};
    uint64_t hash;
    uint32_t size, visited = 0, end = 256 * region;
    open_new(256, 4, 1, sizeof work);
    CHECK(tickv_append(&store, 3, "first", 5) == 0, "append"); /* in region 3 */
    while (ram.bytes[end] != 0xFF)
        end++;
    tickv_write(&store, end, 3, TICKV_VALID, &second);
    CHECK(tickv_get(&store, 3, value, sizeof value, &size) == 0 && size == 5, "the first");
    tickv_iterate(&at);
    while (tickv_next(&store, &at, &hash, value, sizeof value, &size) == 0)
        visited += hash == 3;
    CHECK(visited == 1, "visited %u times", (unsigned)visited);
    for (uint64_t n = 0; n < 60; n++)
        CHECK(tickv_replace(&store, 4 + n % 3, value, 100) == 0, "replace %u", (unsigned)n);
    CHECK(tickv_get(&store, 3, value, sizeof value, &size) == 0 && size == 5, "the first still");
    CHECK(tickv_invalidate(&store, 3) == 0, "invalidate");
    CHECK(tickv_get(&store, 3, value, sizeof value, &size) == MAP_ERR_NOT_FOUND, "both are gone");
}

/* Room --------------------------------------------------------------------------------------- */

static void test_a_full_map_replaces_and_removes(uint32_t count)
{
    uint8_t keys = 0;
    uint8_t value[20] = {0};
    open_map(128, count, 1, tickv_hash_std);
    while (tickv_map_store(&map, &keys, 1, value, sizeof value) == 0)
        keys++;
    CHECK(keys >= 2 * (count - 1) - 1, "%u regions hold %u values", (unsigned)count, keys);
    for (unsigned n = 0; n < 50u * keys; n++) {
        uint8_t key = (uint8_t)(n % keys);
        value[0] = (uint8_t)n;
        CHECK(tickv_map_store(&map, &key, 1, value, sizeof value) == 0, "replace %u", n);
    }
    CHECK(tickv_map_remove(&map, "\0", 1) == 0, "remove");
    CHECK(tickv_map_store(&map, &keys, 1, value, sizeof value) == 0, "its place is taken");
    CHECK(tickv_map_remove_all(&map) == 0 && mount_map(tickv_hash_std) == 0, "remove all");
    for (uint8_t key = 0; key < keys; key++)
        CHECK(tickv_map_store(&map, &key, 1, value, sizeof value) == 0, "all fit again");
    tickv_check(&map.store, true);
}

/* One object a region pins the crate's regions for ever. */
static void test_static_objects_pin_no_region(void)
{
    open_map(1024, 8, 1, tickv_hash_std);
    for (uint8_t key = 0; key < 7; key++)
        CHECK(put(key, key + 1u) == 0, "store");
    for (uint32_t n = 1; n < 2000; n++)
        CHECK(put(200, n) == 0, "update %u", (unsigned)n);
    for (uint8_t key = 0; key < 7; key++)
        CHECK(holds(key, key + 1u), "key %u", key);
    CHECK(ram.counts.erases < 2000 / 10, "%u erases", (unsigned)ram.counts.erases);
}

/* Whole regions are what the crate reads: the one in which an object lies, all if there is none. */
static void test_a_get_reads_headers_only(void)
{
    uint8_t value[32] = {0};
    uint32_t size;
    enum { OBJECTS = 64 * 10 };
    open_new(1024, 64, 1, sizeof work);
    for (uint64_t i = 1; i <= OBJECTS; i++)
        CHECK(tickv_append(&store, mix(i), value, sizeof value) == 0, "append");
    uint64_t before = ram.counts.bytes_read;
    for (uint64_t i = 1; i <= OBJECTS; i++)
        CHECK(tickv_get(&store, mix(i), value, sizeof value, &size) == 0, "get");
    uint64_t bytes = ram.counts.bytes_read - before;
    CHECK(10 * bytes <= 1024 * (uint64_t)OBJECTS, "%u bytes a get", (unsigned)(bytes / OBJECTS));
    before = ram.counts.bytes_read;
    CHECK(tickv_get(&store, mix(OBJECTS + 1), value, 32, &size) == MAP_ERR_NOT_FOUND, "none");
    bytes = ram.counts.bytes_read - before;
    CHECK(20 * bytes <= 64 * 1024, "%u bytes where there is none", (unsigned)bytes);
}

/* Cuts of a format --------------------------------------------------------------------------- */

static struct {
    unsigned left, way; /* calls before the one that is cut; how that is torn */
    uint64_t random;
} cut;

static bool cut_now(struct ram_flash *from, const struct ram_flash_call *call)
{
    static const enum ram_flash_tear_kind programs[] = {RAM_FLASH_TEAR_NONE, RAM_FLASH_TEAR_ALL,
                                                        RAM_FLASH_TEAR_PREFIX, RAM_FLASH_TEAR_SOME};
    static const enum ram_flash_tear_kind erases[] = {
        RAM_FLASH_TEAR_PREFIX, RAM_FLASH_TEAR_ZERO_HEAD, RAM_FLASH_TEAR_MIX, RAM_FLASH_TEAR_SET};
    if (cut.left-- != 0) return false;
    uint32_t bytes = ram_flash_below(&cut.random, call->size + 1);
    ram_flash_tear(from, call, call->data != NULL ? programs[cut.way] : erases[cut.way], bytes,
                   &cut.random);
    from->off = true;
    return true;
}

static int format_map(void)
{
    struct tickv_map_config config = {config_of(sizeof work), tickv_hash_std};
    return tickv_map_format(&map, &config);
}

/* After the cut: the map is there as it was, or the new one, or none, and one more format makes it
 * new. Whether it is the old one. */
static bool judge_format(void)
{
    ram.off = false;
    ram.before = NULL;
    int error = mount_map(tickv_hash_std);
    CHECK(error == 0 || error == MAP_ERR_NOT_FOUND, "mount: %d", error);
    bool old = error == 0 && holds(0, 30);
    for (uint8_t key = 0; error == 0 && key < 4; key++)
        CHECK(holds(key, old ? 30u + key : 0), "a cut format: key %u", key);
    CHECK(mount_map(tickv_hash_std) == error, "a second mount differs");
    CHECK(format_map() == 0 && holds(0, 0) && holds(3, 0), "format again");
    CHECK(put(0, 5) == 0 && holds(0, 5), "after a format");
    return old;
}

/* Each program and erase of a format is cut in each way. */
static void test_a_format_that_is_cut(void)
{
    static struct ram_flash full;
    unsigned kept = 0, cuts = 0;
    open_map(256, 3, 1, tickv_hash_std);
    for (uint8_t key = 0; key < 4; key++)
        CHECK(put(key, 20) == 0 && put(key, 30u + key) == 0, "store");
    ram_flash_copy(&full, &ram);
    for (;; cuts++) {
        ram_flash_copy(&ram, &full);
        cut.left = cuts / 4;
        cut.way = cuts % 4;
        ram.before = cut_now;
        int error = format_map();
        if (!ram.off) break;
        CHECK(error == BO_FLASH_ERR_OFF, "format without power: %d", error);
        kept += judge_format();
    }
    CHECK(cuts >= 4 * 5 && kept != 0, "%u cuts, %u maps are kept", cuts, kept);
}

/* Damage ------------------------------------------------------------------------------------- */

static bool lies_in(const void *bytes, uint32_t size)
{
    for (uint32_t i = 0; i + size <= bo_flash_size(&ram.flash); i++)
        if (memcmp(ram.bytes + i, bytes, size) == 0) return true;
    return false;
}

static void test_what_is_destroyed_is_nowhere(void)
{
    open_map(256, 3, 1, tickv_hash_tock);
    for (uint32_t n = 0; n < 30; n++) {
        CHECK(tickv_map_store(&map, "pin", 3, n % 2 ? "secret-1" : "secret-2", 8) == 0, "store");
        CHECK(put((uint8_t)n % 4, n) == 0, "store");
    }
    CHECK(lies_in("secret-1", 8) && lies_in("secret-2", 8), "they are there");
    CHECK(tickv_map_remove(&map, "pin", 3) == 0 && lies_in("secret-1", 8), "and still");
    CHECK(tickv_map_destroy(&map, "pin", 3) == 0, "destroy");
    CHECK(!lies_in("secret-1", 8) && !lies_in("secret-2", 8), "they are nowhere");
    CHECK(tickv_map_store(&map, "pin", 3, "secret-3", 8) == 0, "store");
    CHECK(tickv_map_remove(&map, "pin", 3) == 0 && lies_in("secret-3", 8), "removed only");
    CHECK(holds(1, 29) && holds(0, 28) && mount_map(tickv_hash_tock) == 0 && holds(1, 29),
          "others");
    CHECK(tickv_map_destroy_all(&map) == 0 && !lies_in("secret-3", 8) && holds(1, 0), "all");
}

static unsigned objects_in(uint32_t region)
{
    struct tickv_walk walk = tickv_walk_region(&map.store, region);
    unsigned count = 0;
    while (tickv_walk_next(&map.store, &walk))
        count++;
    return count;
}

/* One bit of each byte of a map in turn: nothing wrong is read, what is lost lies in that region,
 * and no mount gives up a region that holds more than the object that was hit. */
static void test_a_wrong_bit_costs_what_it_hits(void)
{
    static uint8_t image[1024];
    open_map(256, 4, 1, tickv_hash_std);
    for (uint8_t key = 0; key < 6; key++)
        CHECK(put(key, 10u + key) == 0, "store");
    memcpy(image, ram.bytes, sizeof image);
    for (uint32_t i = 0; i < sizeof image; i++) {
        memcpy(ram.bytes, image, sizeof image);
        unsigned lost = 0, objects = objects_in(i / 256 * 256);
        uint64_t erases = ram.counts.erases;
        ram.bytes[i] ^= (uint8_t)(1u << i % 8);
        int error = mount_map(tickv_hash_std);
        CHECK(error == 0 || error == MAP_ERR_NOT_FOUND, "byte %u: %d", (unsigned)i, error);
        CHECK(ram.counts.erases == erases || objects < 2, "byte %u: erased", (unsigned)i);
        for (uint8_t key = 0; !error && key < 6; key++) {
            uint8_t value[40];
            uint32_t size;
            int read = tickv_map_fetch(&map, &key, 1, value, sizeof value, &size);
            CHECK(read != 0 || holds(key, 10u + key), "byte %u: another value", (unsigned)i);
            lost += read != 0;
        }
        CHECK(lost <= objects, "byte %u: %u keys are lost", (unsigned)i, lost);
    }
}

/* Any image gives an answer; sanitizers watch. */
static void test_hostile_images(void)
{
    static uint8_t image[512];
    uint64_t random = 99;
    uint8_t value[64], key[8];
    uint32_t size, key_size;
    for (unsigned round = 0; round < 3000; round++) {
        open_map(128, 4, 1, tickv_hash_std);
        for (uint32_t n = 1; n < 12; n++)
            (void)put((uint8_t)(n % 3), n);
        memcpy(image, ram.bytes, sizeof image);
        for (unsigned i = ram_flash_below(&random, 30); i-- != 0;)
            ram.bytes[ram_flash_below(&random, 512)] = (uint8_t)ram_flash_random(&random);
        if (round % 4 == 0) memset(ram.bytes + 128, round % 8 ? 0 : 1, 100);
        if (mount_map(tickv_hash_std) != 0) continue;
        struct tickv_iterator at;
        tickv_iterate(&at);
        for (unsigned i = 0;
             tickv_map_next(&map, &at, key, 8, &key_size, value, 64, &size) != MAP_ERR_NOT_FOUND;
             i++)
            if (i > 100) break;
        for (uint32_t n = 20; n < 30; n++)
            (void)put((uint8_t)(n % 4), n);
        (void)tickv_map_destroy(&map, "\1", 1);
    }
}

/* A read or a program that fails is answered, and the next call repairs. */
static void test_errors_of_the_flash_are_answered(void)
{
    for (unsigned at = 1; at < 40; at++) {
        open_map(256, 3, 1, tickv_hash_std);
        CHECK(put(1, 1) == 0 && put(2, 2) == 0, "store");
        ram.glitch = (struct ram_flash_glitch){at, BO_FLASH_ERR_IO, 0};
        int error = put(1, 3);
        if (ram.glitch.at != 0) break;
        ram.glitch.at = 0;
        CHECK(error == BO_FLASH_ERR_IO, "read %u: %d", at, error);
        CHECK((holds(1, 1) || holds(1, 3)) && holds(2, 2), "read %u: held", at);
        CHECK(put(1, 4) == 0 && holds(1, 4), "read %u: the next store", at);
        tickv_check(&map.store, true);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) images = argv[1];
    test_hashes_of_both_worlds();
    test_checksum();
    test_first_objects_are_those_of_the_crate();
    for (uint16_t unit = 1; unit <= 8; unit *= 2) {
        test_images_are_those_of_the_crate(unit, sizeof work);
        test_images_are_those_of_the_crate(unit, TICKV_WORK_MIN);
        test_the_crate_finds_all_that_a_map_holds(unit);
    }
    test_a_blank_region_hides_nothing();
    test_what_a_cut_erase_left_hides_nothing();
    test_zeros_at_the_end_hide_nothing();
    test_refuses_parts();
    test_never_formats_by_itself();
    test_a_map_of_other_regions_is_refused();
    test_collisions_are_reported();
    test_sizes_of_a_map();
    test_sizes_of_a_store();
    test_a_damaged_object_is_reported();
    test_of_two_live_objects_the_first_counts(2);
    test_of_two_live_objects_the_first_counts(3);
    test_a_full_map_replaces_and_removes(2);
    test_a_full_map_replaces_and_removes(5);
    test_static_objects_pin_no_region();
    test_a_format_that_is_cut();
    test_a_get_reads_headers_only();
    test_what_is_destroyed_is_nowhere();
    test_a_wrong_bit_costs_what_it_hits();
    test_hostile_images();
    test_errors_of_the_flash_are_answered();
    return failures != 0;
}
