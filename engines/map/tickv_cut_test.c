/* tickv_cut_test.c - each write of tickv is cut at each byte, without simulator or harness.
 *
 *     tickv_cut_test [CALLS]
 *
 * Method. A history of all calls runs on a small part. Before each program and each erase it is
 * done in part on a copy: its first n bytes, for each n; the same with a single bit of byte n, and
 * with all bits but that one; of an erase, zeros up to byte n, zeros from it on, and twice any
 * bits. Power comes back, and a model that is as simple as can be says what must be there: all
 * objects, and the one of the call under way as it was or as it is to be. A second mount writes
 * nothing. Then each object is put in once more.
 */
#include <stdlib.h>

#define RAM_FLASH_SIZE_MAX 1024u
#define RAM_FLASH_SECTOR_MAX 256u
#include "../check_test.h"
#include "../ram_flash.h"
#include "tickv_map.h"

enum { HASHES = 5, VALUE_MAX = 24 };

/* Of each hash: 0, no object; else one more than its size, and the byte of which it consists. */
struct model {
    uint8_t size[HASHES], byte[HASHES];
};

struct life {
    struct ram_flash ram;
    struct tickv store;
    struct model old, next; /* before the call under way, and after it */
    uint8_t work[64];
    uint64_t random;
};

static unsigned cuts, full;

/* Three of them have the same home. */
static uint64_t hash_of(uint32_t i)
{
    return (uint64_t)(i + 1) << 32 | (i % 5 < 3 ? 7 : i);
}

static int mount(struct life *l)
{
    struct tickv_config config = {&l->ram.flash, TICKV_MAIN_HASH, l->work, sizeof l->work};
    memset(&l->store, 0xA5, sizeof l->store);
    return tickv_mount(&l->store, &config);
}

/* What is there; false: an error, or an object that nobody has put in. */
static bool read_all(struct life *l, struct model *found)
{
    uint8_t value[VALUE_MAX];
    memset(found, 0, sizeof *found);
    for (uint32_t i = 0; i < HASHES; i++) {
        uint32_t size = 0;
        int error = tickv_get(&l->store, hash_of(i), value, sizeof value, &size);
        if (error == MAP_ERR_NOT_FOUND) continue;
        if (error) return false;
        found->size[i] = (uint8_t)(size + 1);
        found->byte[i] = size != 0 ? value[0] : 0;
        for (uint32_t k = 1; k < size; k++)
            if (value[k] != value[0]) return false;
    }
    return true;
}

static bool same(const struct model *a, const struct model *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static int put(struct life *l, uint32_t i, uint32_t size, uint8_t byte, bool replace)
{
    uint8_t value[VALUE_MAX];
    memset(value, byte, sizeof value);
    l->next.size[i] = (uint8_t)(size + 1);
    l->next.byte[i] = size != 0 ? byte : 0;
    return replace ? tickv_replace(&l->store, hash_of(i), value, size)
                   : tickv_append(&l->store, hash_of(i), value, size);
}

/* One call, and what it does to the model. */
static void call(struct life *l)
{
    static const uint8_t bytes[] = {0x00, 0xFF, 0x5A, 0x01};
    uint32_t i = ram_flash_below(&l->random, HASHES), dice = ram_flash_below(&l->random, 10);
    uint32_t size = ram_flash_below(&l->random, VALUE_MAX + 1), freed;
    int error, absent = l->old.size[i] == 0 ? MAP_ERR_NOT_FOUND : BO_FLASH_OK, wanted = BO_FLASH_OK;
    if (dice < 6) {
        bool replace = dice < 4;
        wanted = replace || absent ? BO_FLASH_OK : TICKV_ERR_EXISTS;
        if (wanted) l->next = l->old;
        error = put(l, i, size, bytes[size % 4], replace);
    } else if (dice < 9) {
        wanted = absent;
        l->next.size[i] = l->next.byte[i] = 0;
        error = dice == 6 ? tickv_destroy(&l->store, hash_of(i))
                          : tickv_invalidate(&l->store, hash_of(i));
    } else {
        error = tickv_collect(&l->store, &freed);
    }
    CHECK(error == wanted || error == MAP_ERR_FULL, "call %u of %u: %d", dice, (unsigned)i, error);
    full += error == MAP_ERR_FULL;
    if (error) l->next = l->old;
    l->old = l->next;
    tickv_check(&l->store, true);
}

/* Power comes back. */
static void live_on(struct life *l, uint32_t address, unsigned kind, uint32_t n)
{
    struct model found, again;
    int error = mount(l);
    bool whole = error == 0 && read_all(l, &found);
    CHECK(whole && (same(&found, &l->old) || same(&found, &l->next)),
          "tear %u.%u at %u: mount %d, neither what was nor what is to be", kind, (unsigned)n,
          (unsigned)address, error);
    if (!whole) return;
    tickv_check(&l->store, true);
    uint64_t changes = l->ram.counts.programs + l->ram.counts.erases;
    CHECK(mount(l) == 0 && read_all(l, &again) && same(&found, &again), "another mount");
    CHECK(l->ram.counts.programs + l->ram.counts.erases == changes, "it writes");
    l->old = l->next = found;
    for (uint32_t i = 0; i < HASHES; i++) {
        error = put(l, i, 4, (uint8_t)(i + 1), true);
        CHECK(error == 0 || error == MAP_ERR_FULL, "replace %u: %d", (unsigned)i, error);
        if (error) l->next = l->old;
        l->old = l->next;
    }
    CHECK(read_all(l, &found) && same(&found, &l->old), "in use");
    CHECK(l->ram.breach == NULL, "%s", l->ram.breach);
}

static void tear(struct life *l, const struct ram_flash_call *call, enum ram_flash_tear_kind kind,
                 uint32_t n)
{
    static struct life copy;
    if (failures != 0) return;
    ram_flash_copy(&copy.ram, &l->ram);
    copy.old = l->old;
    copy.next = l->next;
    copy.random = n;
    ram_flash_tear(&copy.ram, call, kind, n, &copy.random);
    copy.ram.off = false;
    cuts++;
    live_on(&copy, call->address, kind, n);
}

static bool cut_here(struct ram_flash *ram, const struct ram_flash_call *call)
{
    struct life *l = (struct life *)ram->context;
    for (uint32_t n = 0; n < call->size; n++) {
        uint32_t bit = 8 * n + n % 8;
        tear(l, call, RAM_FLASH_TEAR_PREFIX, n);
        if (call->data != NULL) {
            tear(l, call, RAM_FLASH_TEAR_BIT, bit);
            tear(l, call, RAM_FLASH_TEAR_BUT_BIT, bit);
        } else {
            tear(l, call, RAM_FLASH_TEAR_ZERO_HEAD, n);
            tear(l, call, RAM_FLASH_TEAR_ZERO_TAIL, n);
            tear(l, call, RAM_FLASH_TEAR_MIX, n);
            tear(l, call, RAM_FLASH_TEAR_SET, n);
        }
    }
    tear(l, call, RAM_FLASH_TEAR_ALL, 0);
    return false;
}

static void history(uint32_t sector_size, uint32_t count, uint16_t unit, unsigned calls)
{
    static struct life l;
    memset(&l, 0, sizeof l);
    ram_flash_init(&l.ram, sector_size, count, unit, 0);
    l.random = unit;
    struct tickv_config config = {&l.ram.flash, TICKV_MAIN_HASH, l.work, sizeof l.work};
    int error = tickv_format(&l.store, &config);
    CHECK(error == 0, "format: %d", error);
    l.ram.before = cut_here;
    l.ram.context = &l;
    while (calls-- != 0 && failures == 0)
        call(&l);
    CHECK(l.ram.counts.erases >= count, "as meant: %u erases", (unsigned)l.ram.counts.erases);
}

int main(int argc, char **argv)
{
    unsigned calls = argc > 1 ? (unsigned)atoi(argv[1]) : 50;
    history(128, 3, 1, calls);
    history(128, 2, 4, calls);
    history(128, 4, 8, calls);
    CHECK(cuts > 1000 && full > 0, "%u cuts, %u answers of a full store", cuts, full);
    printf("%u cuts\n", cuts);
    return failures != 0;
}
