/* tickv_bound_test.c - the bounds of tickv, and of the map on it, hold, and bind: the worst call
 * that is found comes within a factor of 4 of its bound.
 *
 * Method. Images that are made to be dear are mounted and used by each call, also after an error of
 * the flash, when a call repairs first: full of objects whose checksums do not fit; of unfinished
 * updates, whose hashes begin alike; of main keys; of bytes that look like an object at every third
 * place, at once or after a blank header; all of these; and noise. So are histories that fill a
 * store. The worst reads and changes of each call are kept as a share of the bound.
 */
#include <stdio.h>
#include <string.h>

#define RAM_FLASH_SIZE_MAX 2048u
#define RAM_FLASH_SECTOR_MAX 512u
#include "../bad_geometry.h"
#include "../check_test.h"
#include "../ram_flash.h"
#include "tickv_internal.h"
#include "tickv_map_bound.h"

/* Calls of tickv, and from MAP_CALL on those of the map. */
#define MAP_CALL (TICKV_CALL_REPLACE + 1)
#define CALLS (MAP_CALL + TICKV_MAP_CALL_DESTROY_ALL + 1)

static const char *const call_names[CALLS] = {
    "mount",      "format",     "get",       "append",     "invalidate", "destroy",
    "collect",    "replace",    "map mount", "map format", "map fetch",  "map store",
    "map remove", "remove all", "map wipe",  "destroy all"};

/* In thousandths of the bound. */
static uint64_t worst_reads[CALLS], worst_changes[CALLS];

static struct ram_flash ram, saved;
static struct tickv_map map;
#define store map.store
static uint8_t work[64];
static uint32_t work_size;

static struct tickv_config config(void)
{
    struct tickv_config made = {&ram.flash, TICKV_MAIN_HASH, work, work_size};
    return made;
}

static void keep_worst(uint64_t *worst, uint64_t count, uint64_t bound)
{
    uint64_t share = bound != 0 ? 1000 * count / bound : 0;
    if (share > *worst) *worst = share;
}

/* All keys have one hash, that of the first object of an image. */
static uint64_t hash_of(uint32_t i);
static uint64_t one_hash(const void *key, uint32_t size)
{
    (void)key, (void)size;
    return hash_of(0);
}

static int make_map_call(enum tickv_map_call call, uint32_t size)
{
    static const uint8_t key[40] = {1}, value[512] = {1};
    struct tickv_map_config made = {config(), one_hash};
    uint8_t read[64];
    uint32_t got, key_size = size % 2 != 0 ? 1 : sizeof key;
    switch (call) {
    case TICKV_MAP_CALL_MOUNT:
        return tickv_map_mount(&map, &made);
    case TICKV_MAP_CALL_FORMAT:
        return tickv_map_format(&map, &made);
    case TICKV_MAP_CALL_FETCH:
        return tickv_map_fetch(&map, key, key_size, read, sizeof read, &got);
    case TICKV_MAP_CALL_STORE:
        return tickv_map_store(&map, key, key_size, value, size > 50 ? size - 50 : size);
    case TICKV_MAP_CALL_REMOVE:
        return tickv_map_remove(&map, key, key_size);
    case TICKV_MAP_CALL_REMOVE_ALL:
        return tickv_map_remove_all(&map);
    case TICKV_MAP_CALL_DESTROY:
        return tickv_map_destroy(&map, key, key_size);
    case TICKV_MAP_CALL_DESTROY_ALL:
        return tickv_map_destroy_all(&map);
    }
    return 0;
}

static int make_call(enum tickv_call call, uint64_t hash, uint32_t size)
{
    static const uint8_t value[512] = {1};
    struct tickv_config made = config();
    uint8_t read[64];
    uint32_t got;
    switch (call) {
    case TICKV_CALL_MOUNT:
        return tickv_mount(&store, &made);
    case TICKV_CALL_FORMAT:
        return tickv_format(&store, &made);
    case TICKV_CALL_GET:
        return tickv_get(&store, hash, read, sizeof read, &got);
    case TICKV_CALL_APPEND:
        return tickv_append(&store, hash, value, size);
    case TICKV_CALL_INVALIDATE:
        return tickv_invalidate(&store, hash);
    case TICKV_CALL_DESTROY:
        return tickv_destroy(&store, hash);
    case TICKV_CALL_COLLECT:
        return tickv_collect(&store, &got);
    case TICKV_CALL_REPLACE:
        return tickv_replace(&store, hash, value, size);
    }
    return 0;
}

static struct bo_bound bound_of(unsigned call)
{
    const struct bo_flash_geometry *g = &ram.flash.geometry;
    if (call < MAP_CALL) return tickv_bound(g, work_size, (enum tickv_call)call);
    return tickv_map_bound(g, work_size, (enum tickv_map_call)(call - MAP_CALL));
}

static int measure(unsigned call, uint64_t hash, uint32_t size)
{
    struct ram_flash_counts before = ram.counts;
    int error = call < MAP_CALL ? make_call((enum tickv_call)call, hash, size)
                                : make_map_call((enum tickv_map_call)(call - MAP_CALL), size);
    struct bo_bound bound = bound_of(call);
    uint64_t reads = ram.counts.reads - before.reads;
    uint64_t changes = ram.counts.programs + ram.counts.erases - before.programs - before.erases;
    CHECK(reads <= bound.reads && changes <= bound.changes, "%s: %u reads of %u, %u changes of %u",
          call_names[call], (unsigned)reads, (unsigned)bound.reads, (unsigned)changes,
          (unsigned)bound.changes);
    keep_worst(&worst_reads[call], reads, bound.reads);
    keep_worst(&worst_changes[call], changes, bound.changes);
    return error;
}

/* Images ------------------------------------------------------------------------------------- */

/* The hashes of an image begin alike, and have one home. */
static uint64_t hash_of(uint32_t i)
{
    return 0x7B00000000000000u | (uint64_t)(i + 1) << 16;
}

static void plant_whole(uint32_t address, uint64_t hash, const void *value, uint32_t size)
{
    uint8_t *bytes = ram.bytes + address;
    bytes[0] = 1;
    bytes[1] = TICKV_VALID;
    bytes[2] = (uint8_t)(TICKV_OVERHEAD + size);
    for (unsigned i = 0; i < 8; i++)
        bytes[3 + i] = (uint8_t)(hash >> (56 - 8 * i));
    memcpy(bytes + TICKV_HEADER, value, size);
    uint32_t crc = ~tickv_crc(0, bytes, TICKV_HEADER + size);
    for (unsigned i = 0; i < 4; i++)
        bytes[TICKV_HEADER + size + i] = (uint8_t)(crc >> 8 * i);
}

static void plant(uint32_t address, uint64_t hash, uint8_t flags, bool sound)
{
    plant_whole(address, hash, "", 0);
    ram.bytes[address + 1] |= flags;
    if (!sound) ram.bytes[address + TICKV_HEADER] ^= 1;
}

/* What makes a store, and a map, of an image; it takes the place of three objects. */
static void plant_map(uint32_t address)
{
    uint32_t size = ram.flash.geometry.sector_size, count = ram.flash.geometry.sector_count;
    uint8_t regions[8] = {(uint8_t)size, (uint8_t)(size >> 8), 0, 0, (uint8_t)count, 0, 0, 0};
    plant_whole(address, TICKV_MAIN_HASH, "1234567", 7);
    plant_whole(address + TICKV_OVERHEAD + 7, TICKV_HASH_GEOMETRY, regions, sizeof regions);
}

enum image {
    IMAGE_TORN,
    IMAGE_UPDATES,
    IMAGE_ALL_UPDATES,
    IMAGE_MAIN,
    IMAGE_HIDDEN,
    IMAGE_LATE,
    IMAGE_MIXED,
    IMAGE_NOISE,
    IMAGES
};

static uint64_t random = 7;

static void plant_in(enum image image, uint32_t region, uint32_t i, uint32_t at)
{
    uint32_t dice = ram_flash_below(&random, 64);
    uint32_t number = region / 16 + i;
    if (image == IMAGE_TORN) plant(at, hash_of(0), 0, false);
    if (image == IMAGE_UPDATES) plant(at, hash_of(number), TICKV_UPDATE, i != 1);
    if (image == IMAGE_ALL_UPDATES) plant(at, hash_of(number), TICKV_UPDATE, true);
    if (image == IMAGE_MIXED)
        plant(at, hash_of(dice % 8), (uint8_t)(dice << 2 & TICKV_RESERVED), dice % 5 != 0);
    if (image == IMAGE_MAIN) plant(at, TICKV_MAIN_HASH, 0, true);
}

/* Bytes that look like live objects of `length` to whoever looks at each. */
static void plant_hidden(uint32_t from, uint32_t end, uint32_t length)
{
    for (uint32_t at = from; at + 3 <= end; at += 3) {
        ram.bytes[at] = 1;
        ram.bytes[at + 1] = (uint8_t)(TICKV_VALID | length >> 8);
        ram.bytes[at + 2] = (uint8_t)length;
    }
}

static void make(enum image image)
{
    uint32_t size = ram.flash.geometry.sector_size;
    for (uint32_t region = 0; region < bo_flash_size(&ram.flash); region += size) {
        for (uint32_t at = region, i = 0; at + TICKV_OVERHEAD <= region + size; i++) {
            plant_in(image, region, i, at);
            at += TICKV_OVERHEAD;
        }
        if (image == IMAGE_HIDDEN) {
            plant_hidden(region, region + size, size / 2 + 1);
            ram.bytes[region] = 3;
        }
        if (image == IMAGE_LATE) plant_hidden(region + 12, region + size, size / 2);
        for (uint32_t i = 0; image == IMAGE_NOISE && i < size; i++)
            ram.bytes[region + i] = (uint8_t)ram_flash_random(&random);
    }
    /* In the last region, it is found last. */
    plant_map((uint32_t)bo_flash_size(&ram.flash) - size);
}

/* An error of the flash: the next call repairs first. */
static void disturb(void)
{
    uint8_t value[8];
    uint32_t size;
    ram.off = true;
    (void)tickv_get(&store, 5, value, sizeof value, &size);
    ram.off = false;
}

/* Each call on the image as it is, mounted and, besides, disturbed: the image comes back under the
 * mounted store, so that all of it is to be repaired. */
static void use(void)
{
    ram_flash_copy(&saved, &ram);
    for (unsigned way = 0; way < 4 * CALLS; way++) {
        unsigned call = way / 4;
        uint32_t room = ram.flash.geometry.sector_size - 2 * TICKV_OVERHEAD - TICKV_TAIL;
        ram_flash_copy(&ram, &saved);
        if (measure(TICKV_CALL_MOUNT, 0, 0) != 0 && call != TICKV_CALL_FORMAT) continue;
        map.hash = one_hash;
        if (way % 2 != 0) disturb();
        if (way % 2 != 0 || call == TICKV_CALL_FORMAT) ram_flash_copy(&ram, &saved);
        (void)measure(call, hash_of(0), way % 4 < 2 ? room : 1);
    }
}

static void open_new(uint32_t size, uint32_t count, uint16_t unit, uint32_t page)
{
    ram_flash_init(&ram, size, count, unit, 0);
    ram.flash.geometry.page_size = page;
    work_size = unit == 4 ? sizeof work : TICKV_WORK_MIN;
}

/* A store is filled to its last byte, and then each object is replaced. */
static void test_history(void)
{
    (void)measure(TICKV_CALL_FORMAT, 0, 0);
    for (uint32_t i = 0; measure(TICKV_CALL_APPEND, hash_of(i), i % 3) == 0; i++)
        continue;
    for (uint32_t i = 0; i < 20; i++) {
        (void)measure(TICKV_CALL_REPLACE, hash_of(i % 7), i % 4);
        if (i % 3 == 0) (void)measure(TICKV_CALL_DESTROY, hash_of(i), 0);
        if (i % 5 == 0) (void)measure(TICKV_CALL_COLLECT, 0, 0);
    }
    use();
}

static void test_none_is_stated(void)
{
    unsigned calls = 0;
    for (unsigned i = 0; i < CALLS * BAD_GEOMETRIES; i++) {
        struct bo_flash flash = bad_geometry_flash(i / CALLS, &calls);
        struct bo_bound none;
        if (i % CALLS < MAP_CALL)
            none = tickv_bound(&flash.geometry, 64, (enum tickv_call)(i % CALLS));
        else
            none =
                tickv_map_bound(&flash.geometry, 64, (enum tickv_map_call)(i % CALLS - MAP_CALL));
        CHECK(none.reads == 0 && none.changes == 0, "%s", bad_geometries[i / CALLS].what);
    }
    open_new(128, 2, 1, 128);
    struct bo_bound none = tickv_bound(&ram.flash.geometry, TICKV_WORK_MIN - 1, TICKV_CALL_GET);
    CHECK(none.reads == 0 && none.changes == 0, "a work buffer that is too small");
}

static void test_part(uint32_t size, uint32_t count, uint16_t unit, uint32_t page)
{
    open_new(size, count, unit, page);
    test_history();
    for (unsigned image = 0; image < IMAGES; image++) {
        open_new(size, count, unit, page);
        make((enum image)image);
        use();
    }
}

int main(void)
{
    test_none_is_stated();
    for (uint16_t unit = 1; unit <= 4; unit = (uint16_t)(unit * 4))
        for (uint32_t size = 128; size <= 512; size *= 2)
            for (uint32_t count = 2; count <= 4; count++) {
                test_part(size, count, unit, size);
                if (size == 128) test_part(size, count, unit, 32);
            }
    for (unsigned call = 0; call < CALLS; call++) {
        printf("%-11s worst %3u.%u %% of the bound of reads, %3u.%u %% of changes\n",
               call_names[call], (unsigned)(worst_reads[call] / 10),
               (unsigned)(worst_reads[call] % 10), (unsigned)(worst_changes[call] / 10),
               (unsigned)(worst_changes[call] % 10));
        CHECK(worst_reads[call] >= 250 && worst_changes[call] >= 250, "%s: below a quarter",
              call_names[call]);
    }
    return failures != 0;
}
