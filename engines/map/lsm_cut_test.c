/* lsm_cut_test.c - lsm under power cuts within power cuts, without simulator or harness.
 *
 *     lsm_cut_test [ROUNDS]
 *
 * Method. Transactions of up to four changes are made, now and then with a snapshot open. Before
 * each program and erase a copy of the part is torn in every way of cut_test.h, and power comes
 * back: the map holds all of the transaction that was cut, or nothing of it, and the same at the
 * next mount; the order of the keys is right. The copy lives on, is cut again where chance has it,
 * up to DEPTH times, and at last must take as many transactions as a new map.
 */
#include <stdlib.h>

#include "../check_test.h"
#include "../cut_test.h"
#include "lsm.h"

#define KEYS 8u
#define DEPTH 3u
#define TRANSACTION_SIZE 160u
#ifdef LSM_NO_VIEWS
#define VIEWS false
#define open_view(l, snapshot) ((void)(snapshot), -1)
#define close_view(l, snapshot) (-1)
#else
#define VIEWS true
#define open_view(l, snapshot) lsm_open(&(l)->map, snapshot)
#define close_view(l, snapshot) lsm_close(&(l)->map, snapshot)
#endif
#ifdef LSM_NO_STAGING
#define STAGING false
#else
#define STAGING true
#endif

struct contents {
    uint8_t size[KEYS]; /* 0: not there, else one more than the size */
    uint8_t byte[KEYS];
};

/* A part, what may be on it, and who uses it. */
struct life {
    struct cut_history h;
    struct lsm map;
    struct lsm_config config;
    struct contents old, next; /* committed, and what the transaction under way makes of it */
    uint8_t work[512], transaction[TRANSACTION_SIZE], used[8];
    unsigned number; /* of transactions */
};

static unsigned cuts, deep;

static void configure(struct life *l, bool crc, bool staging)
{
    memset(&l->config, 0, sizeof l->config);
    l->config.flash = &l->h.ram.flash;
    l->config.format.crc = crc;
    l->config.format.staging = staging;
    l->config.format.key_max = 4;
    l->config.format.value_max = 40;
    l->config.work = l->work;
    l->config.work_size = lsm_work_size(&l->config.format);
    l->config.transaction = l->transaction;
    l->config.transaction_size = sizeof l->transaction;
    l->config.used = l->used;
    l->config.used_size = sizeof l->used;
}

#ifdef LSM_NO_VIEWS
static int fetch(struct life *l, const struct lsm_snapshot *snapshot, const uint8_t *key,
                 void *value, uint32_t capacity, uint32_t *size)
{
    (void)snapshot;
    return lsm_fetch(&l->map, key, 1, value, capacity, size);
}

static bool in_order(struct life *l, const struct lsm_snapshot *s, const struct contents *found)
{
    (void)l, (void)s, (void)found;
    return true;
}
#else
static int fetch(struct life *l, const struct lsm_snapshot *snapshot, const uint8_t *key,
                 void *value, uint32_t capacity, uint32_t *size)
{
    return lsm_fetch_at(&l->map, snapshot, key, 1, value, capacity, size);
}

/* Whether the keys that were found come in order, and no others. */
static bool in_order(struct life *l, const struct lsm_snapshot *s, const struct contents *found)
{
    struct lsm_cursor cursor;
    uint8_t value[40], key[4], next = 0;
    uint32_t size, key_size;
    int error = lsm_seek(&l->map, s, "", 0, &cursor);
    while (!error) {
        error = lsm_next(&l->map, &cursor, key, &key_size, value, sizeof value, &size);
        if (error) break;
        while (next < KEYS && found->size[next] == 0)
            next++;
        if (key_size != 1 || next == KEYS || key[0] != 'a' + next) return false;
        if (size + 1 != found->size[next++]) return false;
    }
    while (next < KEYS && found->size[next] == 0)
        next++;
    return error == MAP_ERR_NOT_FOUND && next == KEYS;
}
#endif

/* Reads everything, one by one and in order. False: an error. */
static bool read_all(struct life *l, const struct lsm_snapshot *snapshot, struct contents *found)
{
    uint8_t value[40], key[1];
    uint32_t size;
    memset(found, 0, sizeof *found);
    for (uint8_t k = 0; k < KEYS; k++) {
        key[0] = (uint8_t)('a' + k);
        int error = fetch(l, snapshot, key, value, sizeof value, &size);
        if (error == MAP_ERR_NOT_FOUND) continue;
        if (error) return false;
        found->size[k] = (uint8_t)(size + 1);
        found->byte[k] = size != 0 ? value[0] : 0;
        for (uint32_t i = 1; i < size; i++)
            if (value[i] != value[0]) return false;
    }
    return in_order(l, snapshot, found);
}

static bool same(const struct contents *a, const struct contents *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Power on: the one or the other, twice. */
static bool power_on(struct life *l)
{
    struct contents found, again;
    for (unsigned i = 0; i < 2; i++) {
        int error = lsm_mount(&l->map, &l->config);
        CHECK(error == 0, "mount: %d:%s", error, l->h.story);
        if (error) return false;
        bool whole = read_all(l, NULL, i == 0 ? &found : &again);
        CHECK(whole, "reading:%s", l->h.story);
        if (!whole) return false;
    }
    bool allowed = (same(&found, &l->old) || same(&found, &l->next)) && same(&found, &again);
    CHECK(allowed, "neither what was nor what is:%s", l->h.story);
    l->old = l->next = found;
    return allowed;
}

/* One change of the transaction. */
static int change(struct life *l, uint8_t k, uint32_t dice)
{
    uint8_t key = (uint8_t)('a' + k), value[40];
    uint8_t byte = (uint8_t)(dice % 5 == 1 ? 0 : dice % 5 == 2 ? 0xFF : l->number);
    uint32_t size = dice / 5 % 30;
    memset(value, byte, sizeof value);
    l->next.size[k] = (uint8_t)(dice % 5 == 0 ? 0 : size + 1);
    l->next.byte[k] = l->next.size[k] > 1 ? byte : 0;
    return dice % 5 == 0 ? lsm_remove(&l->map, &key, 1) : lsm_store(&l->map, &key, 1, value, size);
}

static int commit(struct life *l)
{
    int error;
    do {
        uint64_t erases = l->h.ram.counts.erases;
        error = lsm_commit(&l->map);
        CHECK(l->h.ram.counts.erases - erases <= LSM_ERASES_MAX, "erases of one call");
    } while (error == LSM_ERR_AGAIN);
    return error;
}

/* A transaction; false when power went off in it. */
static bool transact(struct life *l)
{
    uint32_t changes = 1 + ram_flash_below(&l->h.random, 4);
    struct lsm_snapshot snapshot;
    struct contents found, opened = l->old;
    bool shows = VIEWS && ram_flash_below(&l->h.random, 4) == 0;
    l->number++;
    cut_note(&l->h, " t%u", l->number, 0, 0);
    if (shows) CHECK(open_view(l, &snapshot) == 0, "open");
    int error = lsm_begin(&l->map);
    CHECK(error == 0, "begin: %d", error);
    while (!error && changes-- != 0) {
        uint8_t k = (uint8_t)ram_flash_below(&l->h.random, KEYS);
        error = change(l, k, ram_flash_below(&l->h.random, 1000));
    }
    if (!error) error = commit(l);
    if (l->h.ram.off) return false;
    CHECK(error == 0 || (shows && error == MAP_ERR_FULL), "commit: %d:%s", error, l->h.story);
    if (error) lsm_abort(&l->map);
    if (error) l->next = l->old;
    l->old = l->next;
    if (shows) {
        CHECK(read_all(l, &snapshot, &found) && same(&found, &opened), "snapshot:%s", l->h.story);
        CHECK(close_view(l, &snapshot) == 0, "close");
    }
    lsm_check(&l->map, true);
    return true;
}

/* A copy lives on from a cut, is cut again, and at last works as a new map does. */
static void live_on(struct life *l, unsigned cuts_more)
{
    for (unsigned depth = 1; power_on(l) && depth <= cuts_more; depth++) {
        unsigned count = cut_plan(&l->h, depth < cuts_more, depth, 8, 30);
        while (count-- != 0 && transact(l))
            continue;
        deep += l->h.ram.off;
        l->h.ram.off = false;
        l->h.ram.before = NULL;
    }
    for (unsigned i = 0; i < 12 && failures == 0; i++)
        transact(l);
    CHECK(l->h.ram.breach == NULL, "%s:%s", l->h.ram.breach, l->h.story);
}

static unsigned kinds_max; /* tears of a call that are tried */

/* Each tear of this call, on a copy. */
static bool cut_here(struct ram_flash *ram, const struct ram_flash_call *call)
{
    static struct life copy;
    struct life *l = (struct life *)ram->context;
    for (unsigned number = 0; number < kinds_max && failures == 0; number++) {
        if (!cut_copy(&copy.h, &l->h, call, number)) continue;
        configure(&copy, l->config.format.crc, l->config.format.staging);
        copy.old = l->old;
        copy.next = l->next;
        copy.number = l->number;
        cuts++;
        live_on(&copy, kinds_max > 3 && number % 4 == 0 ? DEPTH : 1);
    }
    return false;
}

static void history(uint32_t sector_size, uint32_t count, uint16_t unit, bool crc, bool staging,
                    unsigned length)
{
    static struct life l;
    memset(&l, 0, sizeof l);
    ram_flash_init(&l.h.ram, sector_size, count, unit, unit % 2);
    if (unit > 1) l.h.ram.flash.geometry.programs_per_unit = 1;
    l.h.random = sector_size + count + unit;
    l.h.erase_kinds = crc ? CUT_ERASE_KINDS : 3;
    kinds_max = crc ? 8 : 3;
    configure(&l, crc, staging);
    int error = lsm_format(&l.map, &l.config);
    CHECK(error == 0, "format: %d", error);
    l.h.ram.before = cut_here;
    l.h.ram.context = &l;
    while (length-- != 0 && failures == 0) {
        l.h.story[0] = 0;
        cut_note(&l.h, "unit %u, %u sectors of %u:", unit, count, sector_size);
        transact(&l);
    }
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    history(256, 9, 1, true, false, 12 * rounds);
    history(256, 9, 4, true, false, 12 * rounds);
    history(256, 12, 8, true, false, 16 * rounds);
    history(512, 9, 32, true, false, 12 * rounds);
    history(256, 10, 4, false, false, 16 * rounds);
    history(256, 12, 1, true, STAGING, 16 * rounds);
    history(256, 12, 8, true, STAGING, 16 * rounds);
    history(512, 12, 32, true, STAGING, 16 * rounds);
    CHECK(cuts > 1000 && deep > 100, "%u cuts, %u in later calls", cuts, deep);
    printf("%u cuts, %u more of what came after\n", cuts, deep);
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
