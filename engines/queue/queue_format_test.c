/* queue_format_test.c - what seqqueue refuses to mount, and what a format does, cuts included.
 *
 * Method. A queue is filled, and formatted. Before each erase of the format a copy of the part is
 * torn in every way, and power comes back: items that were there are there or not, in their order,
 * a second look shows the same, and after one more format the queue is empty and takes what a new
 * one takes. The mount may also return QUEUE_ERR_DAMAGED: nothing is given up then, but by the
 * format that follows.
 */
#include <stdio.h>
#include <string.h>

#include "../bad_geometry.h"
#include "../ram_flash.h"
#include "../check_test.h"
#include "seqqueue.h"

static unsigned cuts, damaged;

#define ITEMS_MAX 128u

struct bench {
    struct ram_flash ram;
    struct seqqueue queue;
    uint32_t pushed; /* items 1 to this one */
    uint8_t work[64];
};

static struct bench bench, copy;

static struct seqqueue_config config_of(struct bench *b)
{
    struct seqqueue_config config = {&b->ram.flash, b->work, sizeof b->work, NULL};
    return config;
}

static int mount(struct bench *b)
{
    struct seqqueue_config config = config_of(b);
    return seqqueue_mount(&b->queue, &config);
}

static int format(struct bench *b)
{
    struct seqqueue_config config = config_of(b);
    return seqqueue_format(&b->queue, &config);
}

static void open_full(struct bench *b, uint32_t sectors, uint16_t unit, uint32_t pushes)
{
    ram_flash_init(&b->ram, 256, sectors, unit, 0);
    CHECK(mount(b) == 0, "mount");
    for (b->pushed = 0; b->pushed < pushes;) {
        b->pushed++;
        CHECK(seqqueue_push(&b->queue, &b->pushed, sizeof b->pushed, true) == 0, "push");
    }
}

/* Reads all items; their count. */
static uint32_t look(struct bench *b, uint32_t items[ITEMS_MAX])
{
    struct seqqueue_iterator at;
    uint32_t count = 0, size = 0;
    int error;
    seqqueue_iterate(&at);
    while ((error = seqqueue_next(&b->queue, &at, &items[count], 4, &size)) == 0 &&
           count + 1 < ITEMS_MAX) {
        CHECK(size == 4 && items[count] >= 1 && items[count] <= b->pushed, "item %u",
              (unsigned)items[count]);
        CHECK(count == 0 || items[count] > items[count - 1], "order at %u", (unsigned)count);
        count++;
    }
    CHECK(error == QUEUE_ERR_EMPTY, "iteration: %d", error);
    return count;
}

static void check_new(struct bench *b, const char *what)
{
    uint32_t item = 5, size = 0;
    CHECK(ram_flash_reads_blank(&b->ram, 0, (uint32_t)bo_flash_size(&b->ram.flash)), "%s", what);
    CHECK(seqqueue_peek(&b->queue, &item, 4, &size) == QUEUE_ERR_EMPTY, "%s", what);
    CHECK(seqqueue_push(&b->queue, &item, 4, false) == 0, "%s", what);
    item = 0;
    CHECK(mount(b) == 0 && seqqueue_pop(&b->queue, &item, 4, &size) == 0 && item == 5, "%s", what);
    CHECK(seqqueue_peek(&b->queue, &item, 4, &size) == QUEUE_ERR_EMPTY, "%s", what);
    CHECK(b->ram.breach == NULL, "%s: %s", what, b->ram.breach);
}

/* Power on after a cut format. */
static void judge(struct bench *b)
{
    uint32_t first[ITEMS_MAX], second[ITEMS_MAX], count = 0;
    int error = mount(b);
    cuts++;
    damaged += error == QUEUE_ERR_DAMAGED;
    CHECK(error == 0 || error == QUEUE_ERR_DAMAGED, "mount: %d", error);
    if (!error) count = look(b, first);
    CHECK(mount(b) == error, "a second mount differs");
    CHECK(error || (look(b, second) == count && memcmp(first, second, 4 * count) == 0),
          "a second look differs");
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
        copy.pushed = bench.pushed;
        ram_flash_tear(&copy.ram, call, tears[i % 7], ram_flash_below(&random, call->size + 1),
                       &random);
        judge(&copy);
    }
    return false;
}

static void test_format(uint32_t sectors, uint16_t unit)
{
    for (uint32_t pushes = 0; pushes < 100; pushes += 9) {
        open_full(&bench, sectors, unit, pushes);
        bench.ram.before = cut;
        CHECK(format(&bench) == 0, "format");
        bench.ram.before = NULL;
        check_new(&bench, "after a format");
    }
    open_full(&bench, sectors, unit, 10);
    for (uint32_t i = 0; i < bo_flash_size(&bench.ram.flash); i++)
        bench.ram.bytes[i] = (uint8_t)(i * i * 7 + i);
    CHECK(format(&bench) == 0, "format of junk");
    check_new(&bench, "junk");
}

static void test_format_that_fails(void)
{
    uint32_t items[ITEMS_MAX];
    open_full(&bench, 4, 4, 10);
    bench.ram.off = true;
    CHECK(format(&bench) == BO_FLASH_ERR_OFF, "format without power");
    bench.ram.off = false;
    CHECK(mount(&bench) == 0 && look(&bench, items) == 10, "nothing was erased");
}

/* One call of the flash fails: the format says so, or has done all the same. */
static void test_format_that_fails_once(void)
{
    unsigned returned = 0;
    for (uint64_t n = 1;; n++) {
        open_full(&bench, 4, 4, 10);
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
    CHECK(returned >= 4, "errors returned: %u", returned);
}

static void test_geometry(void)
{
    for (unsigned i = 0; i < BAD_GEOMETRIES; i++) {
        unsigned calls = 0;
        bench.ram.flash = bad_geometry_flash(i, &calls);
        CHECK(mount(&bench) == QUEUE_ERR_GEOMETRY && format(&bench) == QUEUE_ERR_GEOMETRY &&
                  calls == 0,
              "%s, %u calls", bad_geometries[i].what, calls);
    }
    ram_flash_init(&bench.ram, 256, 4, 4, 0);
    CHECK(mount(&bench) == 0, "the good one");
    struct seqqueue_config config = {&bench.ram.flash, bench.work, 3, NULL};
    CHECK(seqqueue_mount(&bench.queue, &config) == QUEUE_ERR_GEOMETRY, "work buffer below a word");
    config = (struct seqqueue_config){&bench.ram.flash, NULL, 64, NULL};
    CHECK(seqqueue_mount(&bench.queue, &config) == QUEUE_ERR_GEOMETRY, "no work buffer");
    /* Write-once needs the room of a header more. */
    ram_flash_init(&bench.ram, 24, 2, 4, 1);
    CHECK(mount(&bench) == QUEUE_ERR_GEOMETRY, "write-once, too small");
    ram_flash_init(&bench.ram, 28, 2, 4, 1);
    CHECK(mount(&bench) == 0, "write-once");
}

int main(void)
{
    test_geometry();
    test_format_that_fails();
    test_format_that_fails_once();
    for (uint32_t sectors = 1; sectors <= 4; sectors++) {
        test_format(sectors, 1);
        test_format(sectors, 4);
        test_format(sectors, 32);
    }
    printf("%u cuts, %u of them damaged, %u failures\n", cuts, damaged, failures);
    return failures != 0;
}
