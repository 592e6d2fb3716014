/* lsm_bound_test.c - the bounds of lsm hold, and where lsm.h does not say otherwise they
 * bind: the worst call that is found comes within a factor of 4.
 *
 * Method. Histories fill a map, change and remove what is there, in transactions of one change and
 * of many, with a snapshot open and without, until steps of merges were made; between them the
 * flash fails once, so that the next call mounts first. Then the map's image is damaged in many
 * places, and each call is made on what that leaves. The worst reads and changes of each call are
 * kept as a share of the bound.
 */
#include <stdio.h>
#include <string.h>

#define RAM_FLASH_SIZE_MAX 16384u
#define RAM_FLASH_SECTOR_MAX 1024u
#include "../check_test.h"
#include "../ram_flash.h"
#include "lsm.h"

#define CALLS (LSM_CALL_CLOSE + 1)

static const struct {
    const char *name;
    bool reads, changes; /* whether they bind */
} calls[CALLS] = {
    {"mount", true, false}, {"format", true, true},   {"fetch", false, false},
    {"seek", false, false}, {"next", false, false},   {"change", false, true},
    {"clear", false, true}, {"collect", false, true}, {"open", true, false},
    {"close", true, false},
};

/* In thousandths of the bound, or of the one for what nothing has damaged. */
static uint64_t worst_reads[CALLS], worst_changes[CALLS], worst_sound[CALLS];
static bool sound; /* nothing was damaged */

static struct ram_flash ram, saved;
static struct lsm map;
static struct lsm_config config;
static struct lsm_snapshot snapshot;
static struct lsm_cursor cursor;
static uint8_t work[256], transaction[512], used[16];
static bool shows; /* the snapshot is open */
static uint64_t random = 5;
static uint32_t worst_made; /* calls until a change was made */

static void keep_worst(uint64_t *worst, uint64_t count, uint64_t bound)
{
    uint64_t share = bound != 0 ? 1000 * count / bound : 0;
    if (share > *worst) *worst = share;
}

static uint8_t letter(uint32_t number)
{
    return (uint8_t)('a' + number % 26);
}

static int make_call(enum lsm_call call, uint32_t number)
{
    static const uint8_t bytes[64] = {1};
    uint8_t key[8] = {letter(number), letter(number / 26)}, value[64];
    uint32_t size, key_size;
    switch (call) {
    case LSM_CALL_MOUNT:
        return lsm_mount(&map, &config);
    case LSM_CALL_FORMAT:
        return lsm_format(&map, &config);
    case LSM_CALL_FETCH:
        return lsm_fetch(&map, key, 2, value, sizeof value, &size);
    case LSM_CALL_SEEK:
        return lsm_seek(&map, NULL, key, 2, &cursor);
    case LSM_CALL_NEXT:
        return lsm_next(&map, &cursor, key, &key_size, value, sizeof value, &size);
    case LSM_CALL_CHANGE:
        if (map.open) return lsm_commit(&map);
        if (number % 5 == 0) return lsm_remove(&map, key, 2);
        return lsm_store(&map, key, 2, bytes,
                         number % 3 == 0 ? 0 : number % config.format.value_max);
    case LSM_CALL_CLEAR:
        return lsm_remove_all(&map);
    case LSM_CALL_COLLECT:
        return lsm_collect(&map);
    case LSM_CALL_OPEN:
        return lsm_open(&map, &snapshot);
    case LSM_CALL_CLOSE:
        return lsm_close(&map, &snapshot);
    }
    return 0;
}

static int measure(enum lsm_call call, uint32_t number)
{
    struct ram_flash_counts before = ram.counts;
    int error = make_call(call, number);
    struct bo_bound bound = lsm_bound(&config, 1, call);
    uint64_t reads = ram.counts.reads - before.reads;
    uint64_t changes = ram.counts.programs + ram.counts.erases - before.programs - before.erases;
    CHECK(reads <= bound.reads && changes <= bound.changes, "%s: %u reads of %u, %u changes of %u",
          calls[call].name, (unsigned)reads, (unsigned)bound.reads, (unsigned)changes,
          (unsigned)bound.changes);
    keep_worst(&worst_reads[call], reads, bound.reads);
    keep_worst(&worst_changes[call], changes, bound.changes);
    bound = lsm_bound_sound(&config, 1, call);
    CHECK(!sound || reads <= bound.reads, "%s: %u reads of %u, nothing is damaged",
          calls[call].name, (unsigned)reads, (unsigned)bound.reads);
    if (sound) keep_worst(&worst_sound[call], reads, bound.reads);
    return error;
}

/* An error of the flash: the next call mounts first. */
static void disturb(void)
{
    ram.off = true;
    (void)lsm_store(&map, "?", 1, "?", 1);
    ram.off = false;
}

/* A change, until it is made. */
static int change(uint32_t number)
{
    uint32_t made = 0;
    int error;
    do
        error = measure(LSM_CALL_CHANGE, number);
    while (error == LSM_ERR_AGAIN && ++made < 10000);
    CHECK(made <= lsm_bound_calls(&config), "%u calls", (unsigned)made);
    if (made > worst_made) worst_made = made;
    return error;
}

static void show(bool open)
{
    if (shows == open) return;
    CHECK(measure(open ? LSM_CALL_OPEN : LSM_CALL_CLOSE, 0) == 0, "the snapshot");
    shows = open;
}

/* A transaction as long as its buffer. */
static void fill_transaction(uint32_t number)
{
    static const uint8_t bytes[64] = {2};
    (void)lsm_begin(&map);
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t key[2] = {letter(number + i), letter((number + i) / 26)};
        if (lsm_store(&map, key, 2, bytes, number % 7 == 0 ? 1 : config.format.value_max) != 0)
            break;
    }
    (void)change(number);
    lsm_abort(&map);
}

static void read_all(void)
{
    if (measure(LSM_CALL_SEEK, 0) != 0) return;
    for (uint32_t i = 0; i < 2000 && measure(LSM_CALL_NEXT, 0) == 0; i++)
        continue;
}

static void one_step(uint32_t i)
{
    uint32_t dice = ram_flash_below(&random, 200);
    if (i % 16 == 3) disturb();
    if (i % 32 == 7) show(!shows);
    if (i % 24 == 11)
        fill_transaction(dice);
    else
        (void)change(dice);
    if (i % 40 == 39) (void)measure(LSM_CALL_COLLECT, 0);
    if (i % 48 == 47) read_all();
    (void)measure(LSM_CALL_FETCH, dice);
    if (i % 128 == 100) (void)measure(LSM_CALL_CLEAR, 0);
}

/* Each call on the image as it is, mounted and disturbed: after it the image is as it was. */
static void use(void)
{
    ram_flash_copy(&saved, &ram);
    for (unsigned way = 0; way < 2 * CALLS; way++) {
        enum lsm_call call = (enum lsm_call)(way / 2);
        ram_flash_copy(&ram, &saved);
        shows = false;
        if (measure(LSM_CALL_MOUNT, 0) != 0 && call != LSM_CALL_FORMAT) continue;
        if (call == LSM_CALL_CLOSE) show(true);
        if (call == LSM_CALL_NEXT && measure(LSM_CALL_SEEK, 0) != 0) continue;
        if (way % 2 != 0) disturb();
        (void)measure(call, 1 + ram_flash_below(&random, 100));
        shows = false;
    }
    ram_flash_copy(&ram, &saved);
    (void)measure(LSM_CALL_MOUNT, 0);
}

static void damage(void)
{
    static struct ram_flash whole;
    ram_flash_copy(&whole, &ram);
    for (unsigned round = 0; round < 12; round++) {
        ram_flash_copy(&ram, &whole);
        for (unsigned i = 0; i <= round; i++)
            ram.bytes[ram_flash_below(&random, (uint32_t)bo_flash_size(&ram.flash))] ^=
                (uint8_t)(1u << i % 8);
        use();
    }
    ram_flash_copy(&ram, &whole);
}

static void configure(bool crc, bool staging)
{
    memset(&config, 0, sizeof config);
    config.flash = &ram.flash;
    config.format.crc = crc;
    config.format.staging = staging;
    config.format.key_max = 8;
    config.format.value_max = 40;
    config.work = work;
    config.work_size = lsm_work_size(&config.format);
    config.transaction = transaction;
    config.transaction_size = ram.flash.geometry.sector_size - 64;
    config.used = used;
    config.used_size = sizeof used;
}

static void test_part(uint32_t size, uint32_t count, uint16_t unit, uint32_t page, bool crc,
                      bool staging)
{
    ram_flash_init(&ram, size, count, unit, 0);
    ram.flash.geometry.page_size = page;
    configure(crc, staging);
    shows = false;
    sound = true;
    CHECK(measure(LSM_CALL_FORMAT, 0) == 0, "format");
    for (uint32_t i = 0; i < 300; i++) {
        one_step(i);
        if (i % 100 == 60) {
            show(false);
            use();
        }
    }
    show(false);
    sound = false;
    damage();
    CHECK(measure(LSM_CALL_FORMAT, 0) == 0, "format again");
}

/* Each sector begins as a manifest of a map of fewer sectors, with entries of a chunk whose header
 * was cut. */
static void test_manifests(void)
{
    static const uint8_t magic[4] = {0xDE, 0xBC, 0x81, 0x1D};
    ram_flash_init(&ram, 256, 12, 4, 0);
    configure(false, false);
    for (uint32_t sector = 0; sector < 12; sector++) {
        uint8_t *bytes = ram.bytes + 256 * sector;
        memset(bytes, 0, 16);
        memcpy(bytes, magic, sizeof magic);
        bytes[4] = (uint8_t)sector;
        bytes[8] = 11;
        bytes[12] = (uint8_t)(sector + 1);
        for (uint32_t id = 1; id < 5; id++) {
            const uint8_t entry[8] = {(uint8_t)id, 0, (uint8_t)id};
            memcpy(bytes + 12 + 8 * id, entry, sizeof entry);
        }
    }
    use();
}

static void test_none_is_stated(void)
{
    ram_flash_init(&ram, 256, 4, 4, 0);
    configure(true, false);
    for (unsigned call = 0; call < CALLS; call++) {
        struct bo_bound none = lsm_bound(&config, 0, (enum lsm_call)call);
        CHECK(none.reads == 0 && none.changes == 0, "%s", calls[call].name);
    }
    CHECK(lsm_bound_calls(&config) == 0, "calls");
}

int main(void)
{
    test_none_is_stated();
    test_part(256, 12, 4, 256, true, false);
    test_part(256, 16, 1, 64, true, false);
    test_part(512, 12, 32, 512, true, false);
    test_part(128, 12, 4, 128, false, false);
    test_manifests();
    test_part(256, 16, 8, 256, true, true);
    test_part(512, 12, 4, 64, true, true);
    for (unsigned call = 0; call < CALLS; call++) {
        printf("%-8s worst %3u.%u %% of the bound of reads, %3u.%u %% of sound ones, %3u.%u %% of "
               "changes\n",
               calls[call].name, (unsigned)(worst_reads[call] / 10),
               (unsigned)(worst_reads[call] % 10), (unsigned)(worst_sound[call] / 10),
               (unsigned)(worst_sound[call] % 10), (unsigned)(worst_changes[call] / 10),
               (unsigned)(worst_changes[call] % 10));
        CHECK(!calls[call].reads || worst_reads[call] >= 250, "%s: reads", calls[call].name);
        bool searches = call == LSM_CALL_FETCH || call == LSM_CALL_SEEK;
        CHECK(!searches || worst_sound[call] >= 50, "%s: reads of a sound image", calls[call].name);
        CHECK(!calls[call].changes || worst_changes[call] >= 250, "%s: changes", calls[call].name);
    }
    printf("a change is made after up to %u calls of %u\n", (unsigned)worst_made,
           (unsigned)lsm_bound_calls(&config));
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
