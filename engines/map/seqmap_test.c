/* seqmap_test.c - what seqmap must do, without simulator or harness.
 *
 *     seqmap_test [IMAGES [ROUNDS]]
 *
 * IMAGES is the folder with the crate's images, engines/map/images when not given; ROUNDS
 * multiplies the work of the cut tests. Prints a line for each failure and each table; returns 1 if
 * there was a failure.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "../check_test.h"
#include "../seq/seq_crc.h"
#include "seqmap.h"

static const char *images = "engines/map/images";

/* A map on a part in memory ----------------------------------------------------------------- */

struct bench {
    struct ram_flash ram;
    struct seqmap map;
    struct seqmap_config config;
    struct seq_cache cache;
    uint8_t states[16];
    struct seq_cache_sector sectors[16];
    struct seq_cache_key keys[32];
    uint8_t work[1024];
};

static struct bench bench;

enum cache_parts { CACHE_NONE = 0, CACHE_STATES = 1, CACHE_SECTORS = 2, CACHE_KEYS = 4 };

static void bench_config(struct bench *b, uint16_t key_size, int parts, uint32_t key_count)
{
    b->cache.states = parts & CACHE_STATES ? b->states : NULL;
    b->cache.sectors = parts & CACHE_SECTORS ? b->sectors : NULL;
    b->cache.keys = parts & CACHE_KEYS ? b->keys : NULL;
    b->cache.key_count = key_count;
    b->config.flash = &b->ram.flash;
    b->config.work = b->work;
    b->config.work_size = sizeof b->work;
    b->config.key_size = key_size;
    b->config.cache = parts != CACHE_NONE ? &b->cache : NULL;
}

static void bench_open(struct bench *b, uint32_t sector_size, uint32_t count, uint16_t unit,
                       uint16_t key_size)
{
    ram_flash_init(&b->ram, sector_size, count, unit, 0);
    bench_config(b, key_size, CACHE_NONE, 0);
    int error = seqmap_mount(&b->map, &b->config);
    CHECK(error == 0, "mount of a blank part: %d", error);
}

static uint32_t image_size(const struct bench *b)
{
    return (uint32_t)bo_flash_size(&b->ram.flash);
}

/* The bytes of an image of the crate; false when there is none. */
static bool image_load(const char *name, uint8_t *bytes, uint32_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.bin", images, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL, "%s", path);
    if (file == NULL) return false;
    bool whole = fread(bytes, 1, size, file) == size && fgetc(file) == EOF;
    CHECK(whole, "%s is not of %u bytes", path, (unsigned)size);
    fclose(file);
    return whole;
}

static void image_equals(const struct bench *b, const char *name)
{
    static uint8_t bytes[RAM_FLASH_SIZE_MAX];
    if (!image_load(name, bytes, image_size(b))) return;
    for (uint32_t i = 0; i < image_size(b); i++) {
        if (bytes[i] == b->ram.bytes[i]) continue;
        CHECK(false, "%s differs at %u: %02X, wrote %02X", name, (unsigned)i, bytes[i],
              b->ram.bytes[i]);
        return;
    }
}

static bool holds(struct bench *b, const void *key, uint32_t key_size, const void *value,
                  uint32_t size)
{
    uint8_t read[1024];
    uint32_t read_size = 0;
    int error = seqmap_fetch(&b->map, key, key_size, read, sizeof read, &read_size);
    return error == BO_FLASH_OK && read_size == size && memcmp(read, value, size) == 0;
}

/* Checksums and encodings ------------------------------------------------------------------- */

static uint32_t crc_of(const void *data, size_t size)
{
    return seq_crc32_end(bo_crc32c(SEQ_CRC32_START, data, size));
}

static void test_checksums(void)
{
    static const char digits[] = "123456789";
    uint8_t ones[1024];
    memset(ones, 0xFF, sizeof ones);
    CHECK(seq_crc16(0) == 0xE203, "crc16 of length 0");
    CHECK(seq_crc16(0xFFFF) == 0xFFFE, "crc16 is never FFFF");
    CHECK(seq_crc16(1008) == 0xE75F, "crc16 of length 1008");
    CHECK(crc_of("123456789", 9) == 0x741D2ECE, "crc32");
    CHECK(crc_of("", 0) == 0x11111111, "crc32 of nothing");
    CHECK(crc_of("\x0D", 1) == 0x0F714AFE, "crc32 low byte FF");
    CHECK(crc_of("\x9B", 1) == 0xBB785101, "crc32 low byte 00");
    CHECK(crc_of("\xBA\x8A\xF1\x8A", 4) == 1, "crc32 zero");
    CHECK(crc_of("\xEE\xEE\xEE\xEE", 4) == 0xFFFFFFFE, "crc32 all ones");
    CHECK(crc_of("ab", 2) == 0x2CF015BD, "crc32 of the dump in issue 139");
    for (uint32_t size = 0; size < sizeof ones; size++)
        CHECK(crc_of(ones, size) != 0xFFFFFFFF, "crc32 of %u FF", (unsigned)size);
    for (uint32_t split = 0; split <= 9; split++)
        CHECK(seq_crc32_end(bo_crc32c(bo_crc32c(SEQ_CRC32_START, digits, split), digits + split,
                                      9 - split)) == 0x741D2ECE,
              "crc32 split at %u", (unsigned)split);
}

/* Stores one item on a blank part with words of 4 bytes and compares its bytes. */
static void encodes(uint16_t key_kind, const char *key, uint32_t key_size, const char *value,
                    uint32_t value_size, const char *bytes, uint32_t size)
{
    bench_open(&bench, 256, 4, 4, key_kind);
    int error = seqmap_store(&bench.map, key, key_size, value, value_size);
    CHECK(error == 0, "store: %d", error);
    CHECK(memcmp(bench.ram.bytes + 4, bytes, size) == 0, "item of %u bytes", (unsigned)size);
    CHECK(bench.ram.bytes[4 + size] == 0xFF, "nothing after");
    CHECK(holds(&bench, key, key_size, value, value_size), "read back");
}

static void test_encodings(void)
{
    encodes(1, "\x12", 1, "\xAB", 1, "\xAB\x94\x71\x1C\x02\0\xEE\xF2\x12\xAB\0\0", 12);
    encodes(2, "\x34\x12", 2, "\xAB", 1, "\x73\x9C\xAF\x57\x03\0\xB6\xE0\x34\x12\xAB\0", 12);
    encodes(4, "\x78\x56\x34\x12", 4, "\xAB", 1,
            "\xA8\x51\xA5\xF3\x05\0\xDC\xE5\x78\x56\x34\x12\xAB\0\0\0", 16);
    encodes(3, "\1\2\3", 3, "\xAB", 1, "\x9D\xDC\xF8\xFA\x04\0\x84\xF7\1\2\3\xAB", 12);
    encodes(0, "", 0, "\xAB", 1, "\xB1\x18\x9B\x8B\x01\0\x5B\xF0\xAB\0\0\0", 12);
    encodes(SEQMAP_KEY_PREFIXED, "\xAA\xBB", 2, "\xAB", 1,
            "\xCC\x47\x27\x7B\x05\0\xDC\xE5\x02\0\xAA\xBB\xAB\0\0\0", 16);
    encodes(SEQMAP_KEY_PREFIXED, "wifi", 4, "\xAB", 1,
            "\xDD\xE8\xFF\xD8\x07\0\x31\xF5\x04\0wifi\xAB\0", 16);
    encodes(1, "\1", 1, "\1\7\0", 3, "\xAF\x63\x9E\x65\x04\0\x84\xF7\1\1\7\0", 12);
    encodes(1, "\1", 1, "\0", 1, "\x2E\xD3\x91\x2C\x02\0\xEE\xF2\1\0\0\0", 12);
    encodes(1, "\1", 1, "\0\0\xC0\x3F", 4, "\x09\xC3\xD1\x6D\x05\0\xDC\xE5\1\0\0\xC0\x3F\0\0\0",
            16);
}

static void store_worked(struct bench *b)
{
    CHECK(seqmap_store(&b->map, "\x2A", 1, "\xD9\x98\x01\0", 4) == 0, "store 42");
    CHECK(seqmap_store(&b->map, "\1", 1, "hello", 5) == 0, "store 1");
    CHECK(seqmap_store(&b->map, "\2", 1, "", 0) == 0, "store 2");
}

static void test_worked_images(void)
{
    static const uint8_t w4[] = "\0\0\0\0\x93\xC6\x1C\x7A\x05\0\xDC\xE5\x2A\xD9\x98\x01\0\0\0\0"
                                "\xC3\x7B\xD4\x1E\x06\0\x69\xE7\x01hello\0\0"
                                "\xDB\x76\x62\x51\x01\0\x5B\xF0\x02\0\0\0\xFF\xFF";
    static const uint8_t w1[] = "\0\x93\xC6\x1C\x7A\x05\0\xDC\xE5\x2A\xD9\x98\x01\0\xC3\x7B\xD4"
                                "\x1E\x06\0\x69\xE7\x01hello\xDB\x76\x62\x51\x01\0\x5B\xF0\x02\xFF";
    bench_open(&bench, 64, 4, 1, 1);
    store_worked(&bench);
    CHECK(memcmp(bench.ram.bytes, w1, sizeof w1 - 1) == 0, "image with words of 1 byte");
    bench_open(&bench, 256, 4, 4, 1);
    store_worked(&bench);
    CHECK(memcmp(bench.ram.bytes, w4, sizeof w4 - 1) == 0, "image with words of 4 bytes");
    CHECK(seqmap_remove(&bench.map, "\1", 1) == 0, "remove");
    CHECK(memcmp(bench.ram.bytes + 0x14, "\0\0\0\0\x06\0\x69\xE7", 8) == 0, "only the checksum");
    CHECK(memcmp(bench.ram.bytes + 0x1C, w4 + 0x1C, sizeof w4 - 1 - 0x1C) == 0, "the rest stays");
}

/* The crate's workloads, images and costs --------------------------------------------------- */

static const uint8_t lengths[24] = {11, 13, 6, 13, 13, 10, 2, 3,  5, 36, 1, 65,
                                    4,  6,  1, 15, 10, 7,  3, 15, 9, 3,  4, 5};
static const uint8_t write_order[24] = {15, 0,  4, 22, 18, 11, 19, 8, 14, 23, 5,  1,
                                        16, 10, 6, 12, 20, 17, 3,  9, 7,  13, 21, 2};
static const uint8_t read_order[24] = {8,  22, 21, 11, 16, 23, 13, 15, 19, 7, 6,  2,
                                       12, 1,  17, 4,  20, 14, 10, 5,  9,  3, 18, 0};

static void workload_key(uint8_t number, uint8_t key[2], uint8_t value[65])
{
    key[0] = number;
    key[1] = 0;
    memset(value, number, 65);
}

static void workload_round(struct bench *b)
{
    uint8_t key[2], value[65];
    for (int i = 0; i < 24; i++) {
        workload_key(write_order[i], key, value);
        int error = seqmap_store(&b->map, key, 2, value, lengths[key[0]]);
        CHECK(error == 0, "store %u: %d", key[0], error);
    }
    for (int i = 0; i < 24; i++) {
        workload_key(read_order[i], key, value);
        CHECK(holds(b, key, 2, value, lengths[key[0]]), "key %u", key[0]);
    }
}

struct cost {
    uint16_t unit;
    uint32_t count, sector_size;
    int parts;
    uint32_t key_count;
    struct ram_flash_counts crate;
    const char *image; /* of the crate, less the round number; or NULL */
};

static const struct cost costs[] = {
    {1, 4, 256, CACHE_NONE, 0, {198, 5201, 233786, 50401, 1837101}, "map_n4_w1_p256"},
    {1, 4, 256, CACHE_STATES, 0, {198, 5201, 181162, 50401, 1784477}, "map_n4_w1_p256"},
    {1, 4, 256, CACHE_SECTORS, 0, {198, 5201, 215897, 50401, 1693989}, "map_n4_w1_p256"},
    {1, 4, 256, CACHE_KEYS, 12, {198, 5201, 191876, 50401, 1484871}, "map_n4_w1_p256"},
    {1, 4, 256, CACHE_KEYS, 24, {198, 5201, 52403, 50401, 313708}, "map_n4_w1_p256"},
    {1, 4, 256, 7, 24, {198, 5201, 14510, 50401, 150592}, "map_n4_w1_p256"},
    {4, 4, 256, CACHE_NONE, 0, {488, 15075, 520861, 120124, 5048968}, "map_n4_w4_p256"},
    {4, 4, 256, 7, 24, {488, 15075, 520861, 120124, 5048968}, "map_n4_w4_p256"},
    {8, 4, 512, CACHE_NONE, 0, {114, 6233, 318113, 59464, 3431640}, NULL},
    {16, 4, 1024, CACHE_NONE, 0, {88, 5381, 346709, 92496, 6193504}, "map_n4_w16_p1024"},
    {16, 4, 1024, 7, 24, {88, 5381, 346709, 92496, 6193504}, "map_n4_w16_p1024"},
    {32, 4, 2048, CACHE_NONE, 0, {81, 5167, 368215, 168544, 12330176}, NULL},
    {4, 2, 1024, CACHE_NONE, 0, {113, 14072, 856941, 115076, 8888468}, NULL},
};

static void image_of_round(const struct bench *b, const char *image, unsigned round)
{
    char name[64];
    if (image == NULL || (round != 1 && round != 2 && round != 10 && round != 100)) return;
    snprintf(name, sizeof name, "%s_r%u", image, round);
    image_equals(b, name);
}

static void test_workload(const struct cost *c)
{
    struct bench *b = &bench;
    ram_flash_init(&b->ram, c->sector_size, c->count, c->unit, 1);
    bench_config(b, 2, c->parts, c->key_count);
    CHECK(seqmap_mount(&b->map, &b->config) == 0, "mount");
    for (unsigned round = 1; round <= 100; round++) {
        workload_round(b);
        image_of_round(b, c->image, round);
    }
    const struct ram_flash_counts *n = &b->ram.counts;
    printf("unit %2u, %u x %4u, cache %d/%2u: %3u erases %5u programs %6u bytes; "
           "%6u reads %7u bytes (crate %6u, %8u)\n",
           c->unit, (unsigned)c->count, (unsigned)c->sector_size, c->parts, (unsigned)c->key_count,
           (unsigned)n->erases, (unsigned)n->programs, (unsigned)n->bytes_programmed,
           (unsigned)n->reads, (unsigned)n->bytes_read, (unsigned)c->crate.reads,
           (unsigned)c->crate.bytes_read);
    CHECK(n->erases == c->crate.erases && n->programs == c->crate.programs &&
              n->bytes_programmed == c->crate.bytes_programmed,
          "as many erases, programs and bytes as the crate");
#ifdef SEQ_NO_CACHE
    if (c->parts != CACHE_NONE) return;
#endif
    CHECK(n->reads < c->crate.reads && n->bytes_read < c->crate.bytes_read, "fewer reads");
    CHECK(b->ram.breach == NULL, "%s", b->ram.breach);
}

static void test_opens_workload_images(void)
{
    static const struct {
        const char *name;
        uint16_t unit;
        uint32_t sector_size;
    } all[] = {
        {"map_n4_w1_p256", 1, 256}, {"map_n4_w4_p256", 4, 256}, {"map_n4_w16_p1024", 16, 1024}};
    static const unsigned rounds[] = {1, 2, 10, 100};
    for (unsigned i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_r%u", all[i / 4].name, rounds[i % 4]);
        ram_flash_init(&bench.ram, all[i / 4].sector_size, 4, all[i / 4].unit, 1);
        bench_config(&bench, 2, CACHE_NONE, 0);
        if (!image_load(name, bench.ram.bytes, image_size(&bench))) continue;
        CHECK(seqmap_mount(&bench.map, &bench.config) == 0, "mount %s", name);
        for (uint8_t number = 0; number < 24; number++) {
            uint8_t key[2], value[65];
            workload_key(number, key, value);
            CHECK(holds(&bench, key, 2, value, lengths[number]), "%s key %u", name, number);
        }
        CHECK(bench.ram.counts.programs == 0 && bench.ram.counts.erases == 0, "reading only reads");
    }
}

/* Items in an iteration, and whether the last copies are those of the remove workload. */
static uint32_t iterate_removed(struct bench *b, uint8_t keys, bool *right)
{
    struct seqmap_iterator iterator;
    uint8_t key, value[16], last[24] = {0};
    uint32_t key_size, value_size, items = 0;
    seqmap_iterate(&iterator);
    *right = true;
    int error;
    while ((error = seqmap_next(&b->map, &iterator, &key, 1, &key_size, value, sizeof value,
                                &value_size)) == BO_FLASH_OK) {
        items++;
        if (key >= 24 || key_size != 1 || value_size < last[key]) *right = false;
        if (key < 24) last[key] = (uint8_t)value_size;
        for (uint32_t i = 0; i < value_size; i++)
            *right = *right && value[i] == key;
    }
    for (uint8_t i = 0; i < 24; i++)
        *right = *right && last[i] == (i < keys ? 11 : 0);
    *right = *right && error == MAP_ERR_NOT_FOUND;
    return items;
}

static void open_removed(const char *name, uint8_t keys)
{
    bool right;
    bench_open(&bench, 1024, 4, 4, 1);
    if (!image_load(name, bench.ram.bytes, 4096)) return;
    CHECK(seqmap_mount(&bench.map, &bench.config) == 0, "mount %s", name);
    (void)iterate_removed(&bench, keys, &right);
    CHECK(right, "iterating %s", name);
    for (uint8_t key = 0; key < 24; key++) {
        uint8_t value[11];
        memset(value, key, sizeof value);
        CHECK(holds(&bench, &key, 1, value, 11) == (key < keys), "%s key %u", name, key);
    }
}

static void test_remove_workload(void)
{
    bool right;
    bench_open(&bench, 1024, 4, 4, 1);
    for (unsigned j = 0; j < 10; j++)
        for (uint8_t key = 0; key < 24; key++) {
            uint8_t value[16];
            memset(value, key, sizeof value);
            CHECK(seqmap_store(&bench.map, &key, 1, value, j + 2) == 0, "store %u", key);
        }
    image_equals(&bench, "rm_n4_w4_p1024_a");
    (void)iterate_removed(&bench, 24, &right);
    CHECK(right, "iterating before removing");
    for (uint8_t key = 23; key >= 12; key--)
        CHECK(seqmap_remove(&bench.map, &key, 1) == 0, "remove %u", key);
    image_equals(&bench, "rm_n4_w4_p1024_b");
    CHECK(seqmap_remove_all(&bench.map) == 0, "remove all");
    image_equals(&bench, "rm_n4_w4_p1024_c");
    CHECK(iterate_removed(&bench, 0, &right) == 0, "nothing left");
    open_removed("rm_n4_w4_p1024_a", 24);
    open_removed("rm_n4_w4_p1024_b", 12);
    open_removed("rm_n4_w4_p1024_c", 0);
}

/* Limits ------------------------------------------------------------------------------------ */

/* Stores keys 0, 1, ... with as many bytes as their number until one does not fit. */
static void fills(uint32_t sector_size, uint32_t count, uint16_t unit, uint8_t keys)
{
    uint8_t value[256], key;
    bench_open(&bench, sector_size, count, unit, 1);
    for (key = 0; key < keys; key++) {
        memset(value, key, sizeof value);
        CHECK(seqmap_store(&bench.map, &key, 1, value, key) == 0, "key %u fits", key);
    }
    int error = seqmap_store(&bench.map, &key, 1, value, key);
    CHECK(error == MAP_ERR_FULL, "key %u does not: %d", key, error);
    for (key = 0; key < keys; key++) {
        memset(value, key, sizeof value);
        CHECK(holds(&bench, &key, 1, value, key), "key %u is still there", key);
    }
}

static void test_capacity(void)
{
    static uint8_t large[1024];
    fills(32, 2, 1, 3);
    fills(1024, 4, 4, 68);
    bench_open(&bench, 1024, 4, 4, 1);
    CHECK(seqmap_store(&bench.map, "x", 1, large, 1008) == MAP_ERR_TOO_BIG, "1008 are too many");
    CHECK(bench.ram.counts.programs == 0, "and nothing was written");
    CHECK(seqmap_store(&bench.map, "x", 1, large, 1007) == 0, "1007 fit");
    CHECK(holds(&bench, "x", 1, large, 1007), "and are there");
    uint32_t size;
    CHECK(seqmap_fetch(&bench.map, "x", 1, NULL, 0, &size) == MAP_ERR_BUFFER && size == 1007,
          "the length is returned");
    CHECK(seqmap_item_overhead(&bench.map) == 8, "overhead");
}

/* One operation and what it may read; erases and programs are those of the crate. */
static void costs_at_most(const char *what, int error, const struct ram_flash_counts *before,
                          uint64_t reads, uint64_t bytes, uint64_t programs, uint64_t programmed)
{
    struct ram_flash_counts *n = &bench.ram.counts;
    printf("%-14s %2u reads %3u bytes (crate %2u, %2u)\n", what,
           (unsigned)(n->reads - before->reads), (unsigned)(n->bytes_read - before->bytes_read),
           (unsigned)reads, (unsigned)bytes);
    CHECK(error == 0 || error == MAP_ERR_NOT_FOUND, "%s: %d", what, error);
    CHECK(n->programs - before->programs == programs, "%s: programs", what);
    CHECK(n->bytes_programmed - before->bytes_programmed == programmed, "%s: bytes", what);
    CHECK(n->reads - before->reads <= reads, "%s: reads", what);
}

static void test_single_operations(void)
{
    uint32_t size;
    uint8_t value[8];
    struct ram_flash_counts n;
    struct seqmap *map = &bench.map;
    ram_flash_init(&bench.ram, 256, 4, 4, 0);
    n = bench.ram.counts;
    bench_config(&bench, 1, CACHE_NONE, 0);
    CHECK(seqmap_mount(map, &bench.config) == 0, "mount");
    int error = seqmap_fetch(map, "\1", 1, value, 8, &size);
    costs_at_most("mount, fetch", error, &n, 12, 48, 0, 0);
    n = bench.ram.counts;
    costs_at_most("first store", seqmap_store(map, "\1", 1, "abcd", 4), &n, 17, 72, 4, 20);
    n = bench.ram.counts;
    costs_at_most("second store", seqmap_store(map, "\2", 1, "abcd", 4), &n, 6, 32, 3, 16);
    n = bench.ram.counts;
    costs_at_most("fetch hit", seqmap_fetch(map, "\1", 1, value, 8, &size), &n, 9, 64, 0, 0);
    n = bench.ram.counts;
    costs_at_most("fetch miss", seqmap_fetch(map, "\3", 1, value, 8, &size), &n, 9, 56, 0, 0);
    n = bench.ram.counts;
    costs_at_most("remove", seqmap_remove(map, "\1", 1), &n, 15, 80, 1, 8);
}

/* A header with zeros up to its word is what an erase left: nothing is programmed there. */
static void test_header_half_erased(void)
{
    bench_open(&bench, 256, 2, 32, 1);
    CHECK(seqmap_store(&bench.map, "\1", 1, "\0\0", 2) == 0, "store");
    CHECK(holds(&bench, "\1", 1, "\0\0", 2), "there while the header is whole");
    bench.ram.bytes[63] = 0;
    CHECK(seqmap_mount(&bench.map, &bench.config) == 0, "mount");
    CHECK(!holds(&bench, "\1", 1, "\0\0", 2), "no item any more");
    CHECK(seqmap_remove(&bench.map, "\1", 1) == 0, "remove");
    CHECK(seqmap_store(&bench.map, "\1", 1, "new", 3) == 0, "store again");
    CHECK(holds(&bench, "\1", 1, "new", 3), "stored again");
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
}

int main(int argc, char **argv)
{
    images = argc > 1 ? argv[1] : "engines/map/images";
    test_checksums();
    test_encodings();
    test_worked_images();
    for (unsigned i = 0; i < sizeof costs / sizeof *costs; i++)
        test_workload(&costs[i]);
    test_opens_workload_images();
    test_remove_workload();
    test_capacity();
    test_single_operations();
    test_header_half_erased();
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
