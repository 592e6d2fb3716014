/* lsm_test.c - what lsm must do, without simulator or harness.
 *
 *     lsm_test [IMAGES]
 *
 * IMAGES is the folder with the crate's images, engines/map/images when not given. Their contents
 * are computed again here, from the rule by which they were written.
 */
#define RAM_FLASH_SIZE_MAX 65536u
#define RAM_FLASH_SECTOR_MAX 4096u

#include <stdio.h>
#include <string.h>

#include "../bad_geometry.h"
#include "../check_test.h"
#include "../ram_flash.h"
#include "lsm.h"

static const char *images = "engines/map/images";

/* A map on a part in memory -------------------------------------------------------------------- */

struct bench {
    struct ram_flash ram;
    struct lsm map;
    struct lsm_config config;
    uint8_t work[512], transaction[2048], used[16];
};

static struct bench bench;

static void bench_init(struct bench *b, uint32_t sector_size, uint32_t count, uint16_t unit,
                       bool crc)
{
    ram_flash_init(&b->ram, sector_size, count, unit, 1);
    memset(&b->config, 0, sizeof b->config);
    b->config.flash = &b->ram.flash;
    b->config.format.crc = crc;
    b->config.format.key_max = 16;
    b->config.format.value_max = 64;
    b->config.work = b->work;
    b->config.work_size = lsm_work_size(&b->config.format);
    b->config.transaction = b->transaction;
    b->config.transaction_size = 240;
    b->config.used = b->used;
    b->config.used_size = sizeof b->used;
}

static bool image_load(struct bench *b, const char *name)
{
    char path[512];
    uint32_t size = (uint32_t)bo_flash_size(&b->ram.flash);
    snprintf(path, sizeof path, "%s/%s.bin", images, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL, "%s", path);
    if (file == NULL) return false;
    bool whole = fread(b->ram.bytes, 1, size, file) == size && fgetc(file) == EOF;
    CHECK(whole, "%s is not of %u bytes", path, (unsigned)size);
    fclose(file);
    return whole;
}

/* Whether the crate would go on from here: to it `branching` places are a level, and a place that
 * is empty before one of its level that is not is damage; so too when it has emptied what are
 * sources of a merge. (Run with the crate itself, this is what was found.) */
static bool is_for_crate(const struct lsm *map)
{
    for (uint32_t id = 1; id + 1 < map->shape.runs; id++) {
        const struct lsm_run *run = &map->view.runs[id], *next = run + 1;
        bool same_level = id % map->shape.branching != 0;
        bool empty = run->sector == LSM_NONE, source = (run->flags & 2) != 0;
        if (!same_level || next->sector == LSM_NONE) continue;
        if (empty || (source && (next->flags & 2) == 0)) return false;
    }
    return true;
}

/* Makes a change until it is made; counts the erases of each call. */
#define UNTIL_MADE(error, call)                                                                    \
    do {                                                                                           \
        uint64_t erases_before = bench.ram.counts.erases;                                          \
        (error) = (call);                                                                          \
        CHECK(bench.ram.counts.erases - erases_before <= LSM_ERASES_MAX, "erases of one call");    \
        CHECK(is_for_crate(&bench.map), "places of runs that are damage to the crate");            \
    } while ((error) == LSM_ERR_AGAIN)

/* The golden vectors --------------------------------------------------------------------------- */

static const char records[] = "\x03\x02\x00"
                              "bar4321\x83\x02\x00"
                              "foohello\x03\x00\x04"
                              "zap";

static void start_is(const char *what, uint32_t sector, const char *bytes, uint32_t size)
{
    bool same = memcmp(bench.ram.bytes + sector * 4096, bytes, size) == 0;
    CHECK(same, "%s: sector %u", what, (unsigned)sector);
}

static void sector_is(const char *what, uint32_t sector, const char *bytes, uint32_t size)
{
    start_is(what, sector, bytes, size);
    for (uint32_t i = size; i < 4096; i++)
        if (bench.ram.bytes[sector * 4096 + i] != 0xFF) {
            CHECK(false, "%s: byte %u of sector %u", what, (unsigned)i, (unsigned)sector);
            return;
        }
}

#define NO_LINKS "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"

/* Without the bytes after the last record: what they are is not stated. */
static void golden_write(bool crc)
{
    int error;
    bench_init(&bench, 4096, 16, 4, crc);
    bench.config.format.key_max = 64;
    bench.config.format.value_max = 1024;
    bench.config.format.sector_count_max = 256;
    bench.config.work_size = lsm_work_size(&bench.config.format);
    bench.config.transaction_size = 2048;
    error = lsm_format(&bench.map, &bench.config);
    CHECK(error == 0, "format: %d", error);
    CHECK(lsm_begin(&bench.map) == 0, "begin");
    /* zap is not there, so a removal of it is nothing: it goes in before, and comes out again. */
    CHECK(lsm_store(&bench.map, "foo", 3, "hello", 5) == 0, "store");
    CHECK(lsm_store(&bench.map, "bar", 3, "4321", 4) == 0, "store");
    UNTIL_MADE(error, lsm_commit(&bench.map));
    CHECK(error == 0, "commit: %d", error);
}

static void test_golden_vectors(void)
{
    golden_write(false);
    sector_is("plain", 0,
              "\xde\xbc\x81\x1d\0\0\0\0\x10\0\0\0\x01\0\0\0\xc5\x59\x08\0\x0f\0\x01\0\0\0\0\0", 28);
    start_is("plain", 1, "\x5d\xf3\xcb\x7f\x01\0\0\0\0\0\0\0" NO_LINKS "\0\0\xff\xff\xc5\x59\x15\0",
             32);
    CHECK(memcmp(bench.ram.bytes + 4096 + 32, records, 21) == 0, "records");
    golden_write(true);
    sector_is("crc", 0,
              "\xde\xbc\x81\x1d\0\0\0\0\x27\x89\x25\xa1\x10\0\0\0\x01\0\0\0\xc5\x59\x08\0"
              "\x60\x1e\x5e\x77\x0f\0\x01\0\0\0\0\0",
              36);
    start_is("crc", 1, "\x5d\xf3\xcb\x7f\x01\0\0\0\xde\x24\x40\xbc\0\0\0\0" NO_LINKS "\0\0\xff\xff",
             32);
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
}

/* The crate's images --------------------------------------------------------------------------- */

#define KEYS 40u

static uint64_t mix(uint64_t i)
{
    uint64_t state = (i - 1) * 0x9E3779B97F4A7C15u;
    return ram_flash_random(&state);
}

struct model {
    bool there[KEYS];
    uint32_t size[KEYS];
    uint8_t byte[KEYS];
};

static struct model model;

/* The keys of that transaction, ascending. */
static uint32_t keys_of(uint64_t t, uint32_t *keys)
{
    uint32_t count = 0;
    bool named[KEYS] = {false};
    for (uint64_t j = 0; j <= mix(t) % 4; j++)
        named[mix(16 * t + j) % KEYS] = true;
    for (uint32_t k = 0; k < KEYS; k++)
        if (named[k]) keys[count++] = k;
    return count;
}

static void model_change(struct model *m, uint64_t t)
{
    uint32_t keys[4], count = keys_of(t, keys);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = keys[i];
        m->there[k] = !(m->there[k] && mix(7 * t + k) % 7 == 0);
        m->size[k] = (uint32_t)(mix(1000 * t + k) % 48);
        m->byte[k] = (uint8_t)t;
    }
}

static void key_name(uint32_t k, char *name)
{
    snprintf(name, 8, "key%02u", (unsigned)k % 100);
}

static bool is_value(const struct model *m, uint32_t k, const uint8_t *value, uint32_t size)
{
    bool same = m->there[k] && size == m->size[k];
    for (uint32_t i = 0; same && i < size; i++)
        same = value[i] == m->byte[k];
    return same;
}

/* Every key one by one, then all in order. */
static void holds_model(struct bench *b, const struct model *m, const struct lsm_snapshot *snapshot,
                        const char *what)
{
    uint8_t value[64], key[16];
    char name[8];
    uint32_t size = 0, key_size = 0, there = 0, k = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        key_name(i, name);
        int error = snapshot != NULL
                        ? lsm_fetch_at(&b->map, snapshot, name, 5, value, sizeof value, &size)
                        : lsm_fetch(&b->map, name, 5, value, sizeof value, &size);
        CHECK(error == (m->there[i] ? 0 : MAP_ERR_NOT_FOUND), "%s: %s: %d", what, name, error);
        CHECK(error || is_value(m, i, value, size), "%s: value of %s", what, name);
        there += m->there[i];
    }
    struct lsm_cursor cursor;
    int error = lsm_seek(&b->map, snapshot, "", 0, &cursor);
    for (; !error; there--) {
        error = lsm_next(&b->map, &cursor, key, &key_size, value, sizeof value, &size);
        if (error) break;
        while (k < KEYS && !m->there[k])
            k++;
        key_name(k, name);
        CHECK(key_size == 5 && memcmp(key, name, 5) == 0, "%s: %.5s in place of %s", what, key,
              name);
        if (k < KEYS) CHECK(is_value(m, k, value, size), "%s: value in order of %s", what, name);
        k++;
    }
    CHECK(error == MAP_ERR_NOT_FOUND && there == 0, "%s: end of the order: %d", what, error);
}

/* Makes the changes of a transaction. */
static int change(struct bench *b, struct model *m, uint64_t t)
{
    struct model next = *m;
    uint32_t keys[4], count = keys_of(t, keys);
    int error = lsm_begin(&b->map);
    model_change(&next, t);
    for (uint32_t i = count; !error && i-- != 0;) {
        char name[8];
        uint8_t value[64];
        uint32_t k = keys[i];
        key_name(k, name);
        memset(value, next.byte[k], sizeof value);
        error = next.there[k] ? lsm_store(&b->map, name, 5, value, next.size[k])
                              : lsm_remove(&b->map, name, 5);
    }
    if (!error) UNTIL_MADE(error, lsm_commit(&b->map));
    if (error) lsm_abort(&b->map);
    if (!error) *m = next;
    return error;
}

static void test_image(const char *kind, uint32_t sector_size, bool crc, uint64_t transactions)
{
    char name[64];
    snprintf(name, sizeof name, "ekv_%s_t%u", kind, (unsigned)transactions);
    bench_init(&bench, sector_size, 32, 4, crc);
    bench.ram.flash.geometry.programs_per_unit = 0;
    if (!image_load(&bench, name)) return;
    memset(&model, 0, sizeof model);
    for (uint64_t t = 1; t <= transactions; t++)
        model_change(&model, t);
    int error = lsm_mount(&bench.map, &bench.config);
    CHECK(error == 0, "%s: mount: %d", name, error);
    if (error) return;
    CHECK(bench.ram.counts.programs + bench.ram.counts.erases == 0, "%s: a mount writes", name);
    holds_model(&bench, &model, NULL, name);
    for (uint64_t t = transactions + 1; t <= transactions + 60; t++) {
        error = change(&bench, &model, t);
        CHECK(error == 0, "%s: transaction %u: %d", name, (unsigned)t, error);
        if (t % 6 == 0) holds_model(&bench, &model, NULL, name);
        lsm_check(&bench.map, true);
    }
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "%s: mount again", name);
    holds_model(&bench, &model, NULL, name);
    CHECK(bench.ram.breach == NULL, "%s: %s", name, bench.ram.breach);
}

static void test_images(void)
{
    static const uint64_t transactions[] = {1, 2, 10, 50, 100, 300};
    for (unsigned i = 0; i < 6; i++) {
        test_image("p256_n32_a4", 256, false, transactions[i]);
        test_image("p1024_n32_a4_crc", 1024, true, transactions[i]);
    }
}

/* The same workload on parts of each unit, write-once. */
static void test_units(void)
{
    for (uint16_t unit = 1; unit <= 32; unit = (uint16_t)(unit * 2)) {
        bench_init(&bench, 512, 24, unit, true);
        memset(&model, 0, sizeof model);
        int error = lsm_format(&bench.map, &bench.config);
        for (uint64_t t = 1; !error && t <= 400; t++) {
            error = change(&bench, &model, t);
            lsm_check(&bench.map, true);
            if (t % 40 == 0) holds_model(&bench, &model, NULL, "unit");
        }
        CHECK(error == 0, "unit %u: %d", unit, error);
        CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount again");
        holds_model(&bench, &model, NULL, "unit");
        CHECK(bench.ram.breach == NULL, "unit %u: %s", unit, bench.ram.breach);
    }
}

/* Transactions and snapshots ------------------------------------------------------------------- */

static bool is(int error, const uint8_t *value, uint32_t size, const char *text)
{
    if (text == NULL) return error == MAP_ERR_NOT_FOUND;
    return error == 0 && size == strlen(text) && memcmp(value, text, size) == 0;
}

static bool committed_is(const char *key, const char *text)
{
    static uint8_t value[512];
    uint32_t size = 0, length = (uint32_t)strlen(key);
    int error = lsm_fetch(&bench.map, key, length, value, sizeof value, &size);
    return is(error, value, size, text);
}

static bool own_is(const char *key, const char *text)
{
    uint8_t value[64];
    uint32_t size = 0, length = (uint32_t)strlen(key);
    int error = lsm_fetch_own(&bench.map, key, length, value, sizeof value, &size);
    return is(error, value, size, text);
}

static int store(const char *key, const char *text)
{
    uint32_t key_size = (uint32_t)strlen(key), size = (uint32_t)strlen(text);
    int error;
    UNTIL_MADE(error, lsm_store(&bench.map, key, key_size, text, size));
    return error;
}

static int remove_key(const char *key)
{
    int error;
    UNTIL_MADE(error, lsm_remove(&bench.map, key, (uint32_t)strlen(key)));
    return error;
}

static int commit(void)
{
    int error;
    UNTIL_MADE(error, lsm_commit(&bench.map));
    return error;
}

static void bench_format(uint32_t sector_size, uint32_t count, bool crc)
{
    bench_init(&bench, sector_size, count, 4, crc);
    int error = lsm_format(&bench.map, &bench.config);
    CHECK(error == 0, "format: %d", error);
}

static void test_transaction(void)
{
    bench_format(256, 12, true);
    CHECK(store("a", "1") == 0 && store("b", "2") == 0, "store");
    uint64_t programs = bench.ram.counts.programs;
    CHECK(lsm_begin(&bench.map) == 0, "begin");
    CHECK(lsm_begin(&bench.map) == MAP_ERR_UNSUPPORTED, "one at a time");
    CHECK(store("c", "3") == 0 && store("a", "longer") == 0 && remove_key("b") == 0, "changes");
    CHECK(store("d", "4") == 0 && remove_key("d") == 0, "what was not there, again not there");
    CHECK(own_is("a", "longer") && own_is("b", NULL) && own_is("c", "3") && own_is("d", NULL),
          "a transaction reads its own");
    CHECK(committed_is("a", "1") && committed_is("b", "2") && committed_is("c", NULL), "hidden");
    CHECK(bench.ram.counts.programs == programs, "nothing is written before the commit");
    CHECK(commit() == 0, "commit");
    CHECK(committed_is("a", "longer") && committed_is("b", NULL) && committed_is("c", "3"),
          "shown");
    CHECK(lsm_commit(&bench.map) == MAP_ERR_UNSUPPORTED, "none is open");
    CHECK(lsm_begin(&bench.map) == 0 && store("a", "no") == 0, "begin");
    lsm_abort(&bench.map);
    CHECK(committed_is("a", "longer") && own_is("a", "longer"), "aborted");
    char text[48];
    memset(text, 'x', 47);
    text[47] = 0;
    CHECK(lsm_begin(&bench.map) == 0, "begin");
    CHECK(store("e", text) == 0 && store("f", text) == 0 && store("g", text) == 0 &&
              store("h", text) == 0,
          "as many as fit the buffer");
    CHECK(store("i", text) == MAP_ERR_FULL && store("h", "short") == 0, "its buffer is full");
    CHECK(commit() == 0 && committed_is("h", "short") && committed_is("i", NULL), "commit");
    CHECK(lsm_mount(&bench.map, &bench.config) == 0 && committed_is("g", text), "mount");
}

/* A snapshot stays while the map is written over many times. */
static void test_snapshots(void)
{
    struct lsm_snapshot first, second;
    struct model at_first, at_second;
    bench_init(&bench, 512, 32, 4, true);
    memset(&model, 0, sizeof model);
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    uint64_t t = 0;
    while (++t <= 30)
        CHECK(change(&bench, &model, t) == 0, "transaction %u", (unsigned)t);
    at_first = model;
    CHECK(lsm_open(&bench.map, &first) == 0, "open");
    while (++t <= 36)
        CHECK(change(&bench, &model, t) == 0, "transaction %u", (unsigned)t);
    at_second = model;
    CHECK(lsm_open(&bench.map, &second) == 0, "open");
    int error = 0;
    for (; !error && t < 500; t++)
        error = change(&bench, &model, t);
    CHECK(error == MAP_ERR_FULL && t > 37, "snapshots take room: %d at %u", error, (unsigned)t);
    holds_model(&bench, &at_first, &first, "first snapshot");
    holds_model(&bench, &at_second, &second, "second snapshot");
    holds_model(&bench, &model, NULL, "now");
    CHECK(lsm_close(&bench.map, &first) == 0, "close");
    CHECK(lsm_close(&bench.map, &first) == MAP_ERR_NOT_FOUND, "it is closed");
    holds_model(&bench, &at_second, &second, "second snapshot");
    CHECK(lsm_close(&bench.map, &second) == 0, "close");
    for (uint64_t end = t + 100; t < end; t++)
        CHECK(change(&bench, &model, t) == 0, "transaction %u", (unsigned)t);
    lsm_check(&bench.map, true);
    holds_model(&bench, &model, NULL, "now");
}

/* Ranges begin where they should, also between keys. */
static void test_ranges(void)
{
    struct lsm_cursor cursor;
    char key[16], value[16];
    uint32_t key_size = 0, size = 0;
    bench_format(256, 12, true);
    CHECK(store("b", "1") == 0 && store("ba", "2") == 0 && store("c", "3") == 0, "store");
    CHECK(store("d", "4") == 0 && remove_key("c") == 0, "store");
    static const char *const from[] = {"", "b", "b\0", "ba", "bb", "d", "e"};
    static const char *const found[] = {"b", "b", "ba", "ba", "d", "d", NULL};
    for (unsigned i = 0; i < 7; i++) {
        uint32_t length = i == 2 ? 2 : (uint32_t)strlen(from[i]);
        int error = lsm_seek(&bench.map, NULL, from[i], length, &cursor);
        if (!error)
            error = lsm_next(&bench.map, &cursor, key, &key_size, value, sizeof value, &size);
        CHECK(is(error, (const uint8_t *)key, key_size, found[i]), "from %u: %d", i, error);
    }
    CHECK(lsm_seek(&bench.map, NULL, "b", 1, &cursor) == 0, "seek");
    CHECK(lsm_next(&bench.map, &cursor, key, &key_size, value, 0, &size) == MAP_ERR_BUFFER, "next");
    CHECK(size == 1, "size of what does not fit");
    CHECK(lsm_next(&bench.map, &cursor, key, &key_size, value, 1, &size) == 0, "next");
    CHECK(key_size == 2, "the cursor went on");
}

/* Full ----------------------------------------------------------------------------------------- */

/* A map that is full still removes, and replaces values by some that are no longer; each erases
 * few sectors a call, as UNTIL_MADE checks. */
static void test_full(uint32_t sector_size, uint32_t count, uint32_t value_max)
{
    char key[12];
    static char text[512], other[512];
    uint32_t kept = 0;
    int error = 0;
    bench_init(&bench, sector_size, count, 4, true);
    bench.config.format.value_max = value_max;
    bench.config.transaction_size = 24 + value_max;
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    memset(text, 't', value_max);
    memset(other, 'o', value_max);
    text[value_max] = other[value_max] = 0;
    for (; kept < 1000; kept++) {
        snprintf(key, sizeof key, "%u", (unsigned)kept);
        if ((error = store(key, text)) != 0) break;
    }
    CHECK(error == MAP_ERR_FULL && kept >= 3, "full after %u: %d", (unsigned)kept, error);
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t i = 0; i < kept; i++) {
            snprintf(key, sizeof key, "%u", (unsigned)i);
            error = store(key, round & 1 ? text : other);
            CHECK(error == 0 && committed_is(key, round & 1 ? text : other), "replace: %d", error);
            lsm_check(&bench.map, true);
        }
    for (uint32_t i = 0; i < kept; i++) {
        snprintf(key, sizeof key, "%u", (unsigned)i);
        CHECK((error = remove_key(key)) == 0 && committed_is(key, NULL), "remove: %d", error);
    }
    for (uint32_t i = 0; i < kept; i++) {
        snprintf(key, sizeof key, "%u", (unsigned)i);
        CHECK((error = store(key, text)) == 0, "as many as before: %d", error);
    }
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
}

/* Wear ----------------------------------------------------------------------------------------- */

static uint32_t worn[64];

static bool count_erase(struct ram_flash *ram, const struct ram_flash_call *call)
{
    if (call->data == NULL) worn[call->address / ram->flash.geometry.sector_size]++;
    return false;
}

/* Whether power goes off after each transaction or never: all sectors wear alike. */
static void test_wear(bool reboots)
{
    uint32_t least = UINT32_MAX, most = 0;
    int error = 0;
    bench_init(&bench, 512, 16, 4, true);
    memset(worn, 0, sizeof worn);
    memset(&model, 0, sizeof model);
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    bench.ram.before = count_erase;
    for (uint64_t t = 1; !error && t < 3000; t++) {
        error = change(&bench, &model, t);
        if (!error && reboots) error = lsm_mount(&bench.map, &bench.config);
    }
    CHECK(error == 0, "transactions: %d", error);
    for (uint32_t i = 0; i < 16; i++) {
        if (worn[i] < least) least = worn[i];
        if (worn[i] > most) most = worn[i];
    }
    CHECK(least * 10 >= most * 8, "%u to %u erases", (unsigned)least, (unsigned)most);
}

/* Cost ----------------------------------------------------------------------------------------- */

static int store_number(uint32_t key, uint32_t value)
{
    int error;
    uint8_t name[4] = {(uint8_t)(key * 7), (uint8_t)key, (uint8_t)(key >> 8), 'k'};
    UNTIL_MADE(error, lsm_store(&bench.map, name, sizeof name, &value, sizeof value));
    return error;
}

/* A transaction takes a sector, and merges of small runs take none besides; nor does it cost to
 * have them that they are written again and again. */
static void test_cost(uint32_t keys, uint64_t erases_per_100, uint64_t bytes_each)
{
    uint32_t changes = 2000;
    uint64_t random = 1;
    bench_init(&bench, 4096, 16, 4, true);
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    for (uint32_t i = 0; i < keys; i++)
        CHECK(store_number(i, i) == 0, "store");
    struct ram_flash_counts before = bench.ram.counts;
    for (uint32_t i = 0; i < changes; i++)
        CHECK(store_number(ram_flash_below(&random, keys), i) == 0, "change");
    uint64_t erases = bench.ram.counts.erases - before.erases;
    uint64_t bytes = bench.ram.counts.bytes_programmed - before.bytes_programmed;
    CHECK(erases * 100 <= changes * erases_per_100, "%u erases", (unsigned)erases);
    CHECK(bytes <= changes * bytes_each, "%u bytes", (unsigned)bytes);
}

/* Limits --------------------------------------------------------------------------------------- */

#define FORMAT .key_max = 16, .value_max = 64, .crc = true

/* Each is a map that fits 16 sectors of 256 bytes but for what it names. */
static const struct {
    const char *what;
    struct lsm_format format;
    uint32_t sector_size, work_size, transaction_size, used_size;
} refusals[] = {
    {"a small work buffer", {FORMAT}, 256, 16 + 191, 240, 2},
    {"no room for a record", {FORMAT}, 256, 512, 16 + 64, 2},
    {"no bit for the last sectors", {FORMAT}, 256, 512, 240, 1},
    {"keys of no byte", {.value_max = 64, .crc = true}, 256, 512, 240, 2},
    {"sizes of 32 bits", {.key_max = 0xFFFF, .value_max = 0xFFFF, .crc = true}, 256, 512, 240, 2},
    {"branching 1", {FORMAT, .branching = 1}, 256, 512, 240, 2},
    {"branching 5", {FORMAT, .branching = 5}, 256, 512, 240, 2},
    {"a format for 7 sectors", {FORMAT, .sector_count_max = 7}, 256, 512, 240, 2},
    {"a format for 65537 sectors", {FORMAT, .sector_count_max = 65537}, 256, 512, 240, 2},
    {"align 24", {FORMAT, .align = 24}, 256, 512, 240, 2},
    {"align 64", {FORMAT, .align = 64}, 256, 512, 240, 2},
    {"align 2, less than the unit", {FORMAT, .align = 2}, 256, 512, 240, 2},
    {"chunks that hold no list of runs", {FORMAT, .chunk_max = 8}, 256, 512, 240, 2},
    {"sectors of 128 KiB", {FORMAT}, 131072, 512, 240, 2},
    {"sectors of 272 bytes with align 32", {FORMAT, .align = 32}, 272, 512, 240, 2},
    {"no list of runs in a sector", {FORMAT, .sector_count_max = 65536}, 128, 512, 240, 2},
    {"no record in a sector", {FORMAT, .align = 32}, 128, 512, 240, 2},
};

static void test_refuses_what_it_cannot_hold(void)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        bench_init(&bench, 256, 16, 4, true);
        bench.ram.flash.geometry.sector_size = refusals[i].sector_size;
        bench.ram.flash.geometry.page_size = refusals[i].sector_size;
        bench.config.format = refusals[i].format;
        bench.config.work_size = refusals[i].work_size;
        bench.config.transaction_size = refusals[i].transaction_size;
        bench.config.used_size = refusals[i].used_size;
        CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_GEOMETRY, "%s", refusals[i].what);
        CHECK(lsm_format(&bench.map, &bench.config) == MAP_ERR_GEOMETRY, "%s", refusals[i].what);
        CHECK(bench.ram.counts.reads == 0 && bench.ram.counts.erases == 0, "%s", refusals[i].what);
    }
    for (unsigned i = 0; i < BAD_GEOMETRIES; i++) {
        unsigned calls = 0;
        struct bo_flash flash = bad_geometry_flash(i, &calls);
        bench_init(&bench, 256, 16, 4, true);
        bench.config.flash = &flash;
        if (flash.geometry.erased == 0) continue; /* which it takes */
        CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_GEOMETRY && calls == 0, "%s",
              bad_geometries[i].what);
    }
    bench_init(&bench, 256, 16, 4, true);
    const struct bo_flash_geometry *g = &bench.ram.flash.geometry;
    CHECK(lsm_usable(g, &bench.config.format, 240), "240 bytes in 16 sectors");
    CHECK(!lsm_usable(g, &bench.config.format, 80), "a transaction shorter than a record");
    CHECK(!lsm_usable(g, &bench.config.format, 2048), "a transaction that leaves no room");
    bench.config.transaction_size = 2048;
    CHECK(lsm_format(&bench.map, &bench.config) == MAP_ERR_GEOMETRY, "nor is it formatted");
}

/* Sizes of keys and values, and buffers that are too short. */
static void test_sizes(void)
{
    char text[66], value[66];
    uint32_t size = 0;
    bench_format(256, 12, true);
    memset(text, 'x', sizeof text);
    CHECK(lsm_store(&bench.map, text, 17, "1", 1) == MAP_ERR_TOO_BIG, "a key of 17 bytes");
    CHECK(lsm_store(&bench.map, "a", 1, text, 65) == MAP_ERR_TOO_BIG, "a value of 65 bytes");
    CHECK(lsm_remove(&bench.map, text, 17) == 0, "no such key can be there");
    CHECK(lsm_fetch(&bench.map, text, 17, value, 66, &size) == MAP_ERR_NOT_FOUND, "nor be fetched");
    CHECK(lsm_store(&bench.map, "", 0, "", 0) == 0, "no byte in either");
    CHECK(lsm_store(&bench.map, text, 16, text, 64) == 0, "the largest");
    CHECK(lsm_fetch(&bench.map, "", 0, value, 0, &size) == 0 && size == 0, "no byte");
    CHECK(lsm_fetch(&bench.map, text, 16, value, 63, &size) == MAP_ERR_BUFFER && size == 64,
          "a buffer of 63 bytes");
    CHECK(lsm_begin(&bench.map) == 0 && lsm_store(&bench.map, "e", 1, "", 0) == 0, "begin");
    CHECK(lsm_fetch_own(&bench.map, "e", 1, value, 0, &size) == 0 && size == 0, "its own");
    CHECK(store("e", "12345") == 0, "store");
    CHECK(lsm_fetch_own(&bench.map, "e", 1, value, 4, &size) == MAP_ERR_BUFFER && size == 5,
          "a buffer of 4 bytes");
    CHECK(lsm_remove(&bench.map, "", 0) == 0 && commit() == 0, "commit");
    CHECK(lsm_commit(&bench.map) == MAP_ERR_UNSUPPORTED && lsm_begin(&bench.map) == 0, "begin");
    CHECK(commit() == 0, "a transaction without changes");
    CHECK(lsm_remove_all(&bench.map) == 0 && committed_is("e", NULL), "remove all");
    uint64_t programs = bench.ram.counts.programs;
    CHECK(lsm_remove_all(&bench.map) == 0 && bench.ram.counts.programs == programs, "nothing left");
    CHECK(lsm_collect(&bench.map) == MAP_ERR_NOT_FOUND, "nothing to collect");
}

/* The number of the manifest grows by one with each sector that it takes; after the last one it
 * stays where it is, and a change that has no place there is refused. */
static void test_the_last_number_of_a_manifest(void)
{
    int error = 0;
    bench_format(256, 12, false);
    CHECK(store("a", "1") == 0 && store("b", "2") == 0, "store");
    memcpy(bench.ram.bytes + 256 * bench.map.manifest + 12, "\xFE\xFF\xFF\xFF", 4);
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount");
    for (unsigned i = 0; i < 40 && !error; i++)
        error = store("a", "3");
    CHECK(error == MAP_ERR_UNSUPPORTED, "no place: %d", error);
    CHECK(committed_is("a", "3") && committed_is("b", "2"), "what is held stays");
    CHECK(lsm_mount(&bench.map, &bench.config) == 0 && committed_is("b", "2"), "mount again");
}

/* On a part whose cuts may hurt all of a sector each commit has a manifest of its own. */
static void test_a_sector_that_a_cut_may_hurt(void)
{
    bench_init(&bench, 512, 24, 4, true);
    bench.ram.flash.geometry.tear_scope = BO_FLASH_TEAR_SECTOR;
    memset(&model, 0, sizeof model);
    int error = lsm_format(&bench.map, &bench.config);
    for (uint64_t t = 1; !error && t <= 60; t++) {
        uint32_t seq = bench.map.manifest_seq;
        error = change(&bench, &model, t);
        CHECK(error || bench.map.manifest_seq != seq, "transaction %u", (unsigned)t);
    }
    CHECK(error == 0 && lsm_mount(&bench.map, &bench.config) == 0, "mount: %d", error);
    holds_model(&bench, &model, NULL, "tear scope sector");
}

/* Chunks that are shorter than a sector, more runs than a buffer lists, other branching: the format
 * is what the crate is compiled with. */
static void test_formats(void)
{
    static const struct lsm_format formats[] = {
        {FORMAT, .chunk_max = 112},
        {FORMAT, .chunk_max = 144, .branching = 4, .sector_count_max = 256},
        {FORMAT, .branching = 3, .align = 16},
        {.key_max = 16, .value_max = 64, .chunk_max = 112, .branching = 4},
        {FORMAT, .sector_count_max = 32768},
    };
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++) {
        bench_init(&bench, 512, 64, 4, true);
        bench.config.format = formats[i];
        memset(&model, 0, sizeof model);
        int error = lsm_format(&bench.map, &bench.config);
        for (uint64_t t = 1; !error && t <= 300; t++) {
            error = change(&bench, &model, t);
            lsm_check(&bench.map, true);
            if (t % 60 == 0) holds_model(&bench, &model, NULL, "format");
        }
        CHECK(error == 0, "format %u: %d", i, error);
        if (error) continue;
        CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount again");
        holds_model(&bench, &model, NULL, "format");
        CHECK(bench.ram.breach == NULL, "format %u: %s", i, bench.ram.breach);
    }
}

/* Records of several sectors: no longer a few erases a call, but each is made. */
static void test_long_records(void)
{
    static char text[701], value[701];
    uint32_t size = 0;
    bench_init(&bench, 256, 40, 4, true);
    bench.config.format.value_max = 700;
    bench.config.transaction_size = 1500;
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    for (unsigned i = 0; i < 60; i++) {
        char key = (char)('a' + i % 4);
        int error;
        memset(text, (int)i, sizeof text);
        do
            error = lsm_store(&bench.map, &key, 1, text, 640 + i);
        while (error == LSM_ERR_AGAIN);
        CHECK(error == 0, "store %u: %d", i, error);
        CHECK(lsm_fetch(&bench.map, &key, 1, value, 700, &size) == 0 && size == 640 + i &&
                  memcmp(value, text, size) == 0,
              "fetch %u", i);
        lsm_check(&bench.map, true);
    }
}

/* Erases and programs of a format are cut, in each way of the classes edge and prefix. */
static struct bench cut_bench;
static unsigned formats_cut, maps_kept;
static uint32_t seq_before;

static bool cut_format(struct ram_flash *ram, const struct ram_flash_call *call)
{
    uint64_t random = 1;
    for (uint32_t n = 0; n <= call->size; n += 4) {
        struct bench *b = &cut_bench;
        bench_init(b, 256, 48, 4, true);
        ram_flash_copy(&b->ram, ram);
        ram_flash_tear(&b->ram, call, RAM_FLASH_TEAR_PREFIX, n, &random);
        int error = lsm_mount(&b->map, &b->config);
        CHECK(error == 0, "mount: %d", error);
        bool kept = b->map.manifest_seq == seq_before;
        struct model none = {{false}, {0}, {0}};
        holds_model(b, kept ? &model : &none, NULL, "a cut format");
        formats_cut++;
        maps_kept += kept;
        struct lsm old = b->map;
        CHECK(lsm_mount(&b->map, &b->config) == error, "a second mount differs");
        CHECK(error || b->map.manifest_seq == old.manifest_seq, "a second look differs");
        CHECK(lsm_format(&b->map, &b->config) == 0, "format again");
        holds_model(b, &none, NULL, "after a format");
    }
    return false;
}

static void test_a_format_that_is_cut(void)
{
    for (uint64_t length = 100; length < 130; length += 3) {
        bench_init(&bench, 256, 48, 4, true);
        bench.ram.flash.geometry.programs_per_unit = 0;
        memset(&model, 0, sizeof model);
        CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
        for (uint64_t t = 1; t < length; t++)
            CHECK(change(&bench, &model, t) == 0, "transaction %u", (unsigned)t);
        bench.ram.before = cut_format;
        seq_before = bench.map.manifest_seq;
        CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    }
    CHECK(formats_cut > 700 && formats_cut > maps_kept && maps_kept > 10, "%u cuts, %u kept",
          formats_cut, maps_kept);
}

/* What cuts and rot leave ---------------------------------------------------------------------- */

/* The crate programs the header of a new manifest first. A cut after it leaves no chunk. */
static void test_crate_cut(void)
{
    bench_format(256, 16, false);
    CHECK(store("a", "1") == 0 && store("b", "2") == 0, "store");
    uint8_t *from = bench.ram.bytes + 256 * bench.map.manifest, *to = bench.ram.bytes + 256 * 9;
    CHECK(bench.ram.bytes[256 * 9] == 0xFF, "a sector that was never used");
    memcpy(to, from, 16);
    to[4] = 9;
    to[12]++;
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount");
    CHECK(committed_is("a", "1") && committed_is("b", "2"), "the older manifest counts");
    to[12] |= 0x40;
#ifdef LSM_NO_CRATE
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_DAMAGED, "it is not the next one");
    memset(to + 13, 0xFF, 3);
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_DAMAGED, "a torn number");
    memset(to + 13, 0, 3);
    to[12] &= 0xBF;
#else
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount");
    CHECK(committed_is("a", NULL) && committed_is("b", NULL), "not where it is not the next one");
    to[12] &= 0xBF;
    memset(to + 13, 0xFF, 3);
#endif
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount");
    CHECK(committed_is("a", "1") && committed_is("b", "2"), "a torn number does not hide it");
    CHECK(store("a", "3") == 0 && lsm_mount(&bench.map, &bench.config) == 0, "mount again");
    CHECK(committed_is("a", "3") && committed_is("b", "2"), "the newest one counts");
}

static uint32_t crc_of(const uint8_t *bytes, uint32_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < 8 * size; i++) {
        uint32_t bit = (crc ^ (uint32_t)bytes[i / 8] >> i % 8) & 1;
        crc = crc >> 1 ^ (bit != 0 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* Puts into sector 9 a newer manifest whose header is whole, with that many entries of what is
 * committed, of the oldest runs, and `start` where the header of their chunk is to be. */
static void crate_leaves(uint32_t entries, const char *start, uint32_t size)
{
    const struct lsm *map = &bench.map;
    uint32_t header = map->shape.sector_header, at = header + 8;
    uint8_t *to = bench.ram.bytes + 256 * 9;
    memset(to, 0xFF, 256);
    memcpy(to, bench.ram.bytes + 256 * map->manifest, at);
    to[4] = 9;
    to[header + 4]++;
    uint32_t crc = crc_of(to + header, 8);
    for (uint32_t i = 0; i < 4 && map->shape.crc; i++)
        to[8 + i] = (uint8_t)(crc >> 8 * i);
    memcpy(to + at, start, size);
    at += map->shape.chunk_header;
    for (uint32_t id = 0; id < map->shape.runs; id++) {
        const struct lsm_run *run = &map->view.runs[id];
        if (run->sector == LSM_NONE || entries-- == 0) continue;
        const uint8_t bytes[8] = {(uint8_t)id, run->flags, (uint8_t)run->sector, 0,
                                  (uint8_t)run->first};
        memcpy(to + at, bytes, 8);
        at += 8;
    }
}

static const struct lsm_run *newest(const struct lsm *map)
{
    uint32_t id = map->shape.runs - 1u;
    while (map->view.runs[id].sector == LSM_NONE)
        id--;
    return &map->view.runs[id];
}

static bool shows(const char *a, const char *b)
{
    return lsm_mount(&bench.map, &bench.config) == 0 && committed_is("a", a) &&
           committed_is("b", b);
}

#ifdef LSM_NO_CRATE
/* The older manifest counts all the same, and is damage where it names what is gone. */
static void test_crate_cut_after_entries(bool crc)
{
    bench_format(256, 16, crc);
    CHECK(store("a", "1") == 0 && store("b", "2") == 0, "store");
    struct lsm before = bench.map;
    crate_leaves(1, "", 0);
    CHECK(shows("1", "2"), "the map before");
    bench.map = before;
    crate_leaves(1, "", 0);
    memset(bench.ram.bytes + 256 * newest(&before)->sector, 0xFF, 256);
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_DAMAGED, "a sector that is gone");
}
#else
/* It has programmed the entries before, so they count, if what is there of the header of their
 * chunk is what a cut may leave of it. */
static void test_crate_cut_after_entries(bool crc)
{
    struct lsm before;
    bench_format(256, 16, crc);
    CHECK(store("a", "1") == 0 && store("b", "2") == 0, "store");
    before = bench.map;
    for (uint32_t size = 0; size <= 3; size++) {
        bench.map = before;
        crate_leaves(1, "\xC5\x59\x08", size);
        CHECK(shows("1", NULL), "%u bytes of its header", (unsigned)size);
    }
    bench.map = before;
    crate_leaves(1, "", 0);
    memset(bench.ram.bytes + 256 * 9 + before.shape.sector_header + 5, 0xFF, 3);
    CHECK(shows("1", crc ? "2" : NULL), "the last bytes of its seq are blank");
    bench.map = before;
    crate_leaves(1, "\xC5\x59\x10", 3);
    CHECK(shows("1", "2"), "the size is another one");
    bench.map = before;
    crate_leaves(1, "", 0);
    bench.ram.bytes[256 * 9 + 255] = 0;
    CHECK(shows("1", "2"), "something is after them");
    bench.map = before;
    crate_leaves(2, "", 0);
    CHECK(shows("1", "2"), "both");
    uint8_t *first =
        bench.ram.bytes + 256 * 9 + before.shape.sector_header + 8u + before.shape.chunk_header;
    first[0] = (uint8_t)(newest(&before) - before.view.runs);
    CHECK(shows("1", "2"), "not in order");
    bench.map = before;
    crate_leaves(1, "", 0);
    memset(bench.ram.bytes + 256 * newest(&before)->sector, 0xFF, 256);
    CHECK(shows("1", NULL), "the older one names a sector that is gone");
    CHECK(store("b", "3") == 0 && shows("1", "3"), "it goes on");
}
#endif

/* A run as the crate's manifest names it: at another place than lsm has given it. */
static uint8_t *crate_entry(uint8_t *to, uint8_t id, uint8_t flags, const struct lsm_run *run)
{
    memset(to, 0, 8);
    to[0] = id;
    to[1] = flags;
    to[2] = (uint8_t)run->sector;
    to[3] = (uint8_t)(run->sector >> 8);
    return to + 8;
}

/* The crate takes the last place for a new run when a merge has emptied it, in the level of a
 * source that is left. No level begins after that: all runs stay in the list. */
static void test_crate_fills_a_level(void)
{
    char key[2] = "a";
    uint8_t value[64] = {0};
    bench_init(&bench, 512, 16, 4, false);
    bench.config.transaction_size = 1500;
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    for (; key[0] < 'f'; key[0]++)
        CHECK(store(key, "1") == 0, "store");
    CHECK(lsm_begin(&bench.map) == 0, "begin");
    for (char i = 'a'; i < 't'; i++) {
        const char name[2] = {'f', i};
        CHECK(lsm_store(&bench.map, name, 2, value, sizeof value) == 0, "store");
    }
    CHECK(lsm_commit(&bench.map) == 0 && store("g", "1") == 0, "7 runs");
    struct lsm_run *runs = bench.map.view.runs, none = {0, 0, LSM_NONE, 0};
    CHECK(bench.map.shape.runs == 9 && runs[7].sector != LSM_NONE, "at places 1 to 7");
    uint8_t *to = bench.ram.bytes + 512 * bench.map.manifest + bench.map.manifest_end;
    memcpy(to, "\xC5\x59\x20\x00", 4);
    to = crate_entry(crate_entry(to + 4, 5, 1, &runs[5]), 6, 0, &none);
    crate_entry(crate_entry(to, 7, 2, &runs[6]), 8, 0, &runs[7]);
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount");
    CHECK(lsm_collect(&bench.map) == 0 && runs[8].sector != LSM_NONE, "a step");
    CHECK(runs[7].flags == 2, "of several");
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount again");
    for (key[0] = 'a'; key[0] < 'h'; key[0]++)
        CHECK(key[0] == 'f' || committed_is(key, "1"), "%s", key);
    CHECK(store("g", "2") == 0 && committed_is("g", "2"), "it goes on");
    lsm_check(&bench.map, true);
}

static uint32_t last_program;

static bool note_program(struct ram_flash *ram, const struct ram_flash_call *call)
{
    (void)ram;
    if (call->data != NULL) last_program = call->size;
    return false;
}

/* So that a cut leaves no magic with a part of its size, where units are so small. */
static void test_magic_alone(uint16_t unit, bool crc)
{
    bench_init(&bench, 256, 16, unit, crc);
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    bench.ram.before = note_program;
    CHECK(store("a", "1") == 0 && last_program == (unit > 2 ? unit : 2u), "unit %u: %u bytes",
          (unsigned)unit, (unsigned)last_program);
    CHECK(bench.ram.breach == NULL && lsm_mount(&bench.map, &bench.config) == 0, "mount");
    CHECK(committed_is("a", "1"), "fetch");
}

#ifdef LSM_NO_CRATE
#define test_collect_leaves_what_is_torn() ((void)0)
#else
/* What a cut left of a commit is no longer in the manifest: the crate would take it for damage. */
static void test_collect_leaves_what_is_torn(void)
{
    bench_format(256, 16, true);
    CHECK(store("a", "1") == 0 && store("b", "2") == 0, "store");
    while (lsm_collect(&bench.map) == 0)
        continue;
    uint16_t before = bench.map.manifest;
    memcpy(bench.ram.bytes + 256 * before + bench.map.manifest_end, "\xC5\x59", 2);
    CHECK(shows("1", "2") && bench.map.manifest == before, "mount");
    CHECK(lsm_collect(&bench.map) == 0 && bench.map.manifest != before, "it goes elsewhere");
    CHECK(lsm_collect(&bench.map) == MAP_ERR_NOT_FOUND, "once");
    CHECK(shows("1", "2") && !bench.map.manifest_tail.sealed, "nothing is torn");
}
#endif

/* A bit of a chunk of the manifest that is not the last: no older state is shown. */
static void test_rot_in_manifest(void)
{
    bench_format(256, 16, true);
    CHECK(store("a", "1") == 0 && store("a", "2") == 0 && store("a", "3") == 0, "store");
    uint8_t *manifest = bench.ram.bytes + 256 * bench.map.manifest;
    uint32_t first = 20 + 10, last = bench.map.manifest_end - 16 + 10; /* in their entries */
    manifest[first] ^= 1;
    CHECK(lsm_mount(&bench.map, &bench.config) == MAP_ERR_DAMAGED, "a chunk in the middle");
    manifest[first] ^= 1;
    manifest[last] ^= 1;
    CHECK(lsm_mount(&bench.map, &bench.config) == 0 && committed_is("a", "2"), "the last one");
}

/* Reads that the part can't correct, each of a mount and of what is read after it in turn: an error
 * or what is held, and nothing is changed. */
static void test_reads_that_cannot_be_corrected(void)
{
    uint8_t value[64];
    char name[8];
    uint32_t size = 0;
    bench_init(&bench, 256, 16, 4, true);
    memset(&model, 0, sizeof model);
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    for (uint64_t t = 1; t < 50; t++)
        CHECK(change(&bench, &model, t) == 0, "transaction");
    uint64_t programs = bench.ram.counts.programs;
    for (uint64_t n = 1; n < 400; n++) {
        bench.ram.glitch = (struct ram_flash_glitch){n, BO_FLASH_ERR_ECC, 0};
        int error = lsm_mount(&bench.map, &bench.config);
        CHECK(error == 0 || error == MAP_ERR_DAMAGED, "read %u: mount: %d", (unsigned)n, error);
        for (uint32_t k = 0; !error && k < KEYS; k++) {
            key_name(k, name);
            error = lsm_fetch(&bench.map, name, 5, value, sizeof value, &size);
            CHECK(error || is_value(&model, k, value, size), "read %u: %s", (unsigned)n, name);
            if (error == MAP_ERR_NOT_FOUND) error = 0;
        }
        bench.ram.glitch.at = 0;
    }
    CHECK(bench.ram.counts.programs == programs, "nothing was changed");
    CHECK(lsm_mount(&bench.map, &bench.config) == 0, "mount");
    holds_model(&bench, &model, NULL, "after errors of reads");
}

/* Hostile images ------------------------------------------------------------------------------- */

/* Changes up to 6 bytes, most of them in headers and to numbers that may mean something. */
static void spoil(struct ram_flash *ram, uint64_t *random)
{
    static const uint8_t likely[] = {0, 1, 2, 3, 5, 8, 13, 0xFE, 0xFF};
    for (uint32_t n = 1 + ram_flash_below(random, 6); n != 0; n--) {
        uint32_t sector = ram_flash_below(random, 16), near = n % 3 != 0 ? 36 : 256;
        uint32_t at = sector * 256 + ram_flash_below(random, near);
        uint8_t byte = likely[ram_flash_below(random, sizeof likely)];
        ram->bytes[at] = n % 2 != 0 ? byte : (uint8_t)ram_flash_random(random);
    }
}

/* Every call, on what may be no map at all: an answer or an error. */
static void use_all(unsigned trial)
{
    struct lsm_cursor cursor;
    struct lsm_snapshot snapshot;
    char key[16], value[64];
    uint32_t key_size, size, steps = 0;
    int opened = lsm_open(&bench.map, &snapshot);
    int error = lsm_seek(&bench.map, NULL, "", 0, &cursor);
    while (!error && steps++ < 10000)
        error = lsm_next(&bench.map, &cursor, key, &key_size, value, sizeof value, &size);
    CHECK(error, "trial %u: a scan without an end", trial);
    for (unsigned i = 0; i < 8; i++) {
        steps = 0;
        do
            error = lsm_store(&bench.map, "key07", 5, "new", 3);
        while (error == LSM_ERR_AGAIN && steps++ < 1000);
        CHECK(error != LSM_ERR_AGAIN, "trial %u: a merge without an end", trial);
        (void)lsm_remove(&bench.map, "key08", 5);
        if (i == 3 && opened == 0) (void)lsm_close(&bench.map, &snapshot);
    }
    for (steps = 0; steps < 1000 && lsm_collect(&bench.map) == 0;)
        steps++;
    CHECK(steps < 1000, "trial %u: a collection without an end", trial);
    (void)lsm_remove_all(&bench.map);
}

/* Bytes of an image are changed, checksums or not: an answer or an error, and no format. */
static void test_damage(void)
{
    static struct ram_flash sound;
    uint64_t random = 7;
    bench_init(&bench, 256, 16, 4, false);
    memset(&model, 0, sizeof model);
    CHECK(lsm_format(&bench.map, &bench.config) == 0, "format");
    for (uint64_t t = 1; t < 40; t++)
        CHECK(change(&bench, &model, t) == 0, "transaction");
    bench.ram.flash.geometry.programs_per_unit = 0;
    ram_flash_copy(&sound, &bench.ram);
    for (unsigned trial = 0; trial < 4000; trial++) {
        ram_flash_copy(&bench.ram, &sound);
        spoil(&bench.ram, &random);
        int error = lsm_mount(&bench.map, &bench.config);
        CHECK(bench.ram.counts.erases == sound.counts.erases, "a mount writes");
        if (!error) use_all(trial);
    }
}

int main(int argc, char **argv)
{
    images = argc > 1 ? argv[1] : "engines/map/images";
    test_golden_vectors();
    test_images();
    test_units();
    test_transaction();
    test_snapshots();
    test_ranges();
    test_full(256, 8, 48);
    test_full(256, 12, 200);
    test_full(256, 16, 64);
    test_full(256, 24, 300);
    test_refuses_what_it_cannot_hold();
    test_sizes();
    test_the_last_number_of_a_manifest();
    test_a_sector_that_a_cut_may_hurt();
    test_formats();
    test_long_records();
    test_a_format_that_is_cut();
    test_wear(false);
    test_wear(true);
    test_cost(1000, 105, 250); /* 129 and 430 when each merge takes a sector of its own */
    test_cost(100, 104, 200);
    test_crate_cut();
    test_crate_cut_after_entries(false);
    test_crate_cut_after_entries(true);
    test_collect_leaves_what_is_torn();
    test_crate_fills_a_level();
    for (uint16_t unit = 1; unit <= 8; unit = (uint16_t)(2 * unit)) {
        test_magic_alone(unit, false);
        test_magic_alone(unit, true);
    }
    test_rot_in_manifest();
    test_reads_that_cannot_be_corrected();
    test_damage();
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
