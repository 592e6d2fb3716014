/* seqqueue_test.c - what seqqueue must do, without simulator or harness.
 *
 *     seqqueue_test [IMAGES]
 *
 * IMAGES is the folder with the crate's images, engines/queue/images when not given. Prints a line
 * for each failure and each table; returns 1 if there was a failure.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "../check_test.h"
#include "seqqueue.h"

static const char *images = "engines/queue/images";

/* A queue on a part in memory --------------------------------------------------------------- */

struct bench {
    struct ram_flash ram;
    struct seqqueue queue;
    struct seqqueue_config config;
    struct seq_cache cache;
    uint8_t states[16];
    struct seq_cache_sector sectors[16];
    uint8_t work[256];
};

static struct bench bench;

enum cache_parts { CACHE_NONE = 0, CACHE_STATES = 1, CACHE_SECTORS = 2 };

static int bench_mount(struct bench *b, int parts)
{
    b->cache.states = parts & CACHE_STATES ? b->states : NULL;
    b->cache.sectors = parts & CACHE_SECTORS ? b->sectors : NULL;
    b->config.flash = &b->ram.flash;
    b->config.work = b->work;
    b->config.work_size = sizeof b->work;
    b->config.cache = parts != CACHE_NONE ? &b->cache : NULL;
    return seqqueue_mount(&b->queue, &b->config);
}

static void bench_open(struct bench *b, uint32_t sector_size, uint32_t count, uint16_t unit)
{
    ram_flash_init(&b->ram, sector_size, count, unit, 2);
    int error = bench_mount(b, CACHE_NONE);
    CHECK(error == 0, "mount of a blank part: %d", error);
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
    uint32_t size = (uint32_t)bo_flash_size(&b->ram.flash);
    if (!image_load(name, bytes, size)) return;
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] == b->ram.bytes[i]) continue;
        CHECK(false, "%s differs at %u: %02X, wrote %02X", name, (unsigned)i, bytes[i],
              b->ram.bytes[i]);
        return;
    }
}

/* Items of the workloads: one byte over and over. */
static int push(struct bench *b, uint8_t byte, uint32_t size, bool overwrite)
{
    uint8_t data[1024];
    memset(data, byte, sizeof data);
    return seqqueue_push(&b->queue, data, size, overwrite);
}

static bool is_item(const uint8_t *data, uint32_t size, uint8_t byte, uint32_t wanted)
{
    for (uint32_t i = 0; i < size; i++)
        if (data[i] != byte) return false;
    return size == wanted;
}

typedef int reading(struct seqqueue *queue, void *buffer, uint32_t capacity, uint32_t *size);

static bool gives(struct bench *b, reading *call, uint8_t byte, uint32_t wanted)
{
    uint8_t data[1024];
    uint32_t size = 0;
    int error = call(&b->queue, data, sizeof data, &size);
    return error == BO_FLASH_OK && is_item(data, size, byte, wanted);
}

static bool is_empty(struct bench *b)
{
    uint32_t size;
    return seqqueue_peek(&b->queue, NULL, 0, &size) == QUEUE_ERR_EMPTY;
}

/* Formats ----------------------------------------------------------------------------------- */

static void test_worked_image(void)
{
    static const uint8_t item1[] = "\x8E\x6F\x6F\x3B\x03\0\xB6\xE0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                                   "\x0A\x2F\x1D\0\0\0\0\0\0\0\0\0\0\0\0";
    static const uint8_t item2[] = "\xBD\x15\xF0\x2C\x02\0\xEE\xF2\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                                   "ab\0\0\0\0\0\0\0\0\0\0\0\0\0";
    static const uint8_t item3[] = "\x11\x11\x11\x11\0\0\x03\xE2\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                                   "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    static const uint8_t start[16];
    bench_open(&bench, 256, 4, 16);
    CHECK(seqqueue_push(&bench.queue, "\x0A\x2F\x1D", 3, false) == 0, "push three bytes");
    CHECK(seqqueue_push(&bench.queue, "ab", 2, false) == 0, "push two");
    CHECK(seqqueue_push(&bench.queue, NULL, 0, false) == 0, "push none");
    CHECK(memcmp(bench.ram.bytes, start, 16) == 0, "start word");
    CHECK(memcmp(bench.ram.bytes + 16, item1, sizeof item1) == 0, "first item");
    CHECK(memcmp(bench.ram.bytes + 48, item2, sizeof item2) == 0, "second item");
    CHECK(memcmp(bench.ram.bytes + 80, item3, sizeof item3 - 1) == 0, "third item");
    CHECK(seqqueue_item_overhead(&bench.queue) == 16, "overhead");
}

/* The crate's workloads, images and costs --------------------------------------------------- */

static void print_costs(const char *what, const struct ram_flash_counts *n,
                        const struct ram_flash_counts *crate)
{
    printf("%-28s %4u erases %5u programs %6u bytes; %6u reads %7u bytes (crate %6u, %7u)\n", what,
           (unsigned)n->erases, (unsigned)n->programs, (unsigned)n->bytes_programmed,
           (unsigned)n->reads, (unsigned)n->bytes_read, (unsigned)crate->reads,
           (unsigned)crate->bytes_read);
}

struct cost {
    uint16_t unit;
    uint32_t count, sector_size;
    int parts;
    struct ram_flash_counts crate; /* erases, programs, reads, bytes programmed, bytes read */
    const char *image;             /* of the crate, less the number of iterations; or NULL */
};

static const struct cost costs[] = {
    {1, 4, 256, CACHE_NONE, {149, 6299, 165009, 53299, 651212}, "queue_n4_w1_p256"},
    {1, 4, 256, CACHE_STATES, {149, 6299, 68037, 53299, 554240}, "queue_n4_w1_p256"},
    {1, 4, 256, CACHE_SECTORS, {149, 6299, 106931, 53299, 186588}, "queue_n4_w1_p256"},
    {1, 4, 256, 3, {149, 6299, 9959, 53299, 89616}, "queue_n4_w1_p256"},
    {4, 4, 256, CACHE_NONE, {166, 7533, 159869, 57332, 906272}, "queue_n4_w4_p256"},
    {4, 4, 256, 3, {166, 7533, 159869, 57332, 906272}, "queue_n4_w4_p256"},
    {8, 4, 256, CACHE_NONE, {199, 7499, 152891, 63992, 1248728}, NULL},
    {16, 4, 256, CACHE_NONE, {319, 7039, 137591, 112624, 2214256}, "queue_n4_w16_p256"},
    {16, 4, 256, 3, {319, 7039, 137591, 112624, 2214256}, "queue_n4_w16_p256"},
    {32, 4, 512, CACHE_NONE, {285, 6571, 139588, 210272, 4466816}, NULL},
    {1, 2, 32, CACHE_NONE, {1599, 9199, 86895, 56199, 229188}, NULL},
};

static void cycle(struct bench *b, uint8_t byte, uint32_t size)
{
    int error = push(b, byte, size, true);
    CHECK(error == 0, "push %u: %d", byte, error);
    CHECK(gives(b, seqqueue_peek, byte, size), "peek %u", byte);
    CHECK(gives(b, seqqueue_pop, byte, size), "pop %u", byte);
    CHECK(is_empty(b), "nothing after %u", byte);
}

static void test_workload(const struct cost *c)
{
    struct bench *b = &bench;
    char name[64];
    ram_flash_init(&b->ram, c->sector_size, c->count, c->unit, 2);
    CHECK(bench_mount(b, c->parts) == 0, "mount");
    for (unsigned i = 0; i < 2000; i++) {
        cycle(b, (uint8_t)i, i % 20 + 1);
        if (c->image == NULL || (i != 0 && i != 9 && i != 99 && i != 1999)) continue;
        snprintf(name, sizeof name, "%s_i%u", c->image, i + 1);
        image_equals(b, name);
    }
    const struct ram_flash_counts *n = &b->ram.counts;
    snprintf(name, sizeof name, "unit %2u, %u x %3u, cache %d", c->unit, (unsigned)c->count,
             (unsigned)c->sector_size, c->parts);
    print_costs(name, n, &c->crate);
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
    } all[] = {{"queue_n4_w1_p256", 1}, {"queue_n4_w4_p256", 4}, {"queue_n4_w16_p256", 16}};
    static const unsigned iterations[] = {1, 10, 100, 2000};
    for (unsigned i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_i%u", all[i / 4].name, iterations[i % 4]);
        ram_flash_init(&bench.ram, 256, 4, all[i / 4].unit, 0);
        if (!image_load(name, bench.ram.bytes, 1024)) continue;
        CHECK(bench_mount(&bench, CACHE_NONE) == 0, "mount %s", name);
        CHECK(is_empty(&bench), "%s is empty", name);
        CHECK(bench.ram.counts.programs == 0 && bench.ram.counts.erases == 0, "reading only reads");
        cycle(&bench, 77, 20);
    }
}

/* Iterates, checks that the items are first, first + step .. up to 19, takes them if wanted. */
static void iterate(struct bench *b, unsigned first, unsigned step, bool take, unsigned odd)
{
    struct seqqueue_iterator at;
    uint8_t data[64];
    uint32_t size;
    unsigned wanted = first;
    seqqueue_iterate(&at);
    while (seqqueue_next(&b->queue, &at, data, sizeof data, &size) == BO_FLASH_OK) {
        CHECK(is_item(data, size, (uint8_t)wanted, wanted + 1), "item %u", wanted);
        if (take && wanted % 2 == odd) CHECK(seqqueue_take(&b->queue, &at) == 0, "take %u", wanted);
        wanted += step;
    }
    CHECK(wanted >= 20, "the items end before %u", wanted);
}

static void test_out_of_order(void)
{
    bench_open(&bench, 128, 4, 4);
    for (uint8_t i = 0; i < 20; i++)
        CHECK(push(&bench, i, i + 1u, false) == 0, "push %u", i);
    iterate(&bench, 0, 1, true, 1);
    image_equals(&bench, "ooo_n4_w4_p128_a");
    iterate(&bench, 0, 2, true, 0);
    CHECK(is_empty(&bench), "nothing left");
    image_equals(&bench, "ooo_n4_w4_p128_b");
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);

    ram_flash_init(&bench.ram, 128, 4, 4, 0);
    CHECK(image_load("ooo_n4_w4_p128_a", bench.ram.bytes, 512), "image a");
    CHECK(bench_mount(&bench, CACHE_NONE) == 0, "mount a");
    iterate(&bench, 0, 2, false, 0);
    CHECK(image_load("ooo_n4_w4_p128_b", bench.ram.bytes, 512), "image b");
    CHECK(bench_mount(&bench, CACHE_NONE) == 0, "mount b");
    CHECK(is_empty(&bench), "b is empty");
}

/* The crate's tests of many items: what push, peek and pop cost together. */
struct round_costs {
    struct ram_flash_counts push, peek, pop;
};

static void add_costs(struct ram_flash_counts *sum, const struct ram_flash_counts *now,
                      const struct ram_flash_counts *before)
{
    sum->erases += now->erases - before->erases;
    sum->programs += now->programs - before->programs;
    sum->reads += now->reads - before->reads;
    sum->bytes_programmed += now->bytes_programmed - before->bytes_programmed;
    sum->bytes_read += now->bytes_read - before->bytes_read;
}

static void push_many(struct bench *b, struct ram_flash_counts *sum, unsigned from, unsigned to)
{
    struct ram_flash_counts before = b->ram.counts;
    for (unsigned i = from; i < to; i++)
        CHECK(push(b, (uint8_t)i, 50, false) == 0, "push %u", i);
    add_costs(sum, &b->ram.counts, &before);
}

static void pop_many(struct bench *b, struct ram_flash_counts *sum, unsigned from, unsigned to)
{
    struct ram_flash_counts before = b->ram.counts;
    for (unsigned i = from; i < to; i++)
        CHECK(gives(b, seqqueue_pop, (uint8_t)i, 50), "pop %u", i);
    add_costs(sum, &b->ram.counts, &before);
}

static void iterate_many(struct bench *b, struct ram_flash_counts *sum, unsigned from, unsigned to,
                         bool take)
{
    struct ram_flash_counts before = b->ram.counts;
    struct seqqueue_iterator at;
    uint8_t data[64];
    uint32_t size;
    seqqueue_iterate(&at);
    for (unsigned i = from; i < to; i++) {
        int error = seqqueue_next(&b->queue, &at, data, sizeof data, &size);
        CHECK(error == 0 && is_item(data, size, (uint8_t)i, 50), "next %u: %d", i, error);
        if (take) CHECK(seqqueue_take(&b->queue, &at) == 0, "take %u", i);
    }
    add_costs(sum, &b->ram.counts, &before);
}

static void check_costs(const char *what, const struct ram_flash_counts *n,
                        struct ram_flash_counts crate)
{
    print_costs(what, n, &crate);
    CHECK(n->erases <= crate.erases && n->programs <= crate.programs &&
              n->bytes_programmed <= crate.bytes_programmed,
          "%s: no more erases, programs and bytes than the crate", what);
#ifdef SEQ_NO_CACHE
    return; /* data are read twice then, once to check and once to copy them */
#endif
    CHECK(n->reads < crate.reads && n->bytes_read < crate.bytes_read, "%s: fewer reads", what);
}

static void test_many_in_order(void)
{
    struct round_costs sum = {0};
    bench_open(&bench, 1024, 4, 4);
    for (unsigned round = 0; round < 100; round++) {
        push_many(&bench, &sum.push, 0, 20);
        pop_many(&bench, &sum.pop, 0, 5);
        push_many(&bench, &sum.push, 20, 25);
        pop_many(&bench, &sum.pop, 5, 25);
    }
    check_costs("many: push", &sum.push, (struct ram_flash_counts){0, 7813, 42160, 151252, 263528});
    check_costs("many: pop", &sum.pop, (struct ram_flash_counts){156, 2500, 58942, 20000, 451280});
    check_costs("many: all", &bench.ram.counts,
                (struct ram_flash_counts){156, 10313, 101102, 171252, 714808});
}

/* The crate erases 13 of the sectors when it peeks; here a peek only reads, so pops erase all. */
static void test_many_by_iterating(void)
{
    struct round_costs sum = {0};
    bench_open(&bench, 1024, 4, 4);
    for (unsigned round = 0; round < 100; round++) {
        push_many(&bench, &sum.push, 0, 20);
        iterate_many(&bench, &sum.peek, 0, 5, false);
        iterate_many(&bench, &sum.pop, 0, 5, true);
        push_many(&bench, &sum.push, 20, 25);
        iterate_many(&bench, &sum.peek, 5, 25, false);
        iterate_many(&bench, &sum.pop, 5, 25, true);
    }
    check_costs("iterating: push", &sum.push,
                (struct ram_flash_counts){0, 7813, 42160, 151252, 263528});
    check_costs("iterating: peek", &sum.peek, (struct ram_flash_counts){0, 0, 9664, 0, 176064});
    check_costs("iterating: pop", &sum.pop,
                (struct ram_flash_counts){156, 2500, 9443, 20000, 174296});
}

/* One operation on 4 sectors of 256 bytes, words of 4, and what it may cost. */
static void costs_at_most(const char *what, int error, struct ram_flash_counts *before,
                          struct ram_flash_counts crate)
{
    struct ram_flash_counts n = {0};
    add_costs(&n, &bench.ram.counts, before);
    *before = bench.ram.counts;
    printf("%-28s %2u reads %3u bytes (crate %2u, %3u)\n", what, (unsigned)n.reads,
           (unsigned)n.bytes_read, (unsigned)crate.reads, (unsigned)crate.bytes_read);
    CHECK(error == 0 || error == QUEUE_ERR_EMPTY, "%s: %d", what, error);
    CHECK(n.programs == crate.programs && n.bytes_programmed == crate.bytes_programmed,
          "%s: programs", what);
    CHECK(n.reads <= crate.reads, "%s: reads", what);
}

static void test_single_operations(void)
{
    uint32_t size;
    uint8_t data[8];
    struct seqqueue *queue = &bench.queue;
    ram_flash_init(&bench.ram, 256, 4, 4, 0);
    struct ram_flash_counts before = bench.ram.counts;
    CHECK(bench_mount(&bench, CACHE_NONE) == 0, "mount");
    int error = seqqueue_peek(queue, data, 8, &size);
    costs_at_most("mount, peek", error, &before, (struct ram_flash_counts){0, 0, 27, 0, 112});
    error = seqqueue_push(queue, "abcd", 4, false);
    costs_at_most("first push", error, &before, (struct ram_flash_counts){0, 3, 19, 16, 80});
    error = seqqueue_push(queue, "efgh", 4, false);
    costs_at_most("second push", error, &before, (struct ram_flash_counts){0, 2, 6, 12, 32});
    error = seqqueue_peek(queue, data, 8, &size);
    costs_at_most("peek", error, &before, (struct ram_flash_counts){0, 0, 12, 0, 52});
    error = seqqueue_pop(queue, data, 8, &size);
    costs_at_most("pop", error, &before, (struct ram_flash_counts){0, 1, 12, 8, 52});
}

/* Limits ------------------------------------------------------------------------------------ */

static uint64_t space_left(struct bench *b)
{
    uint64_t bytes = UINT64_MAX;
    CHECK(seqqueue_space_left(&b->queue, &bytes) == 0, "space left");
    return bytes;
}

static void test_space_left(void)
{
    bench_open(&bench, 32, 2, 1);
    CHECK(space_left(&bench) == 60, "blank");
    CHECK(push(&bench, 1, 22, false) == 0, "one item");
    CHECK(space_left(&bench) == 30, "one sector left");
    CHECK(push(&bench, 2, 22, false) == 0, "two items");
    CHECK(space_left(&bench) == 0, "none left");
    CHECK(push(&bench, 3, 22, false) == QUEUE_ERR_FULL, "full");
    CHECK(gives(&bench, seqqueue_peek, 1, 22), "nothing was lost");
    CHECK(push(&bench, 3, 22, true) == 0, "overwrites");
    CHECK(gives(&bench, seqqueue_pop, 2, 22) && gives(&bench, seqqueue_pop, 3, 22), "the oldest");
    CHECK(space_left(&bench) == 60, "all popped");
}

static void test_largest_item(void)
{
    uint32_t size = 0;
    bench_open(&bench, 1024, 4, 4);
    CHECK(push(&bench, 1, 1009, true) == QUEUE_ERR_TOO_BIG, "1009 are too many");
    CHECK(bench.ram.counts.programs == 0, "and nothing was written");
    for (uint8_t i = 0; i < 4; i++) {
        CHECK(seqqueue_max_fit(&bench.queue, &size) == 0 && size == 1008, "room for 1008");
        CHECK(push(&bench, i, 1008, false) == 0, "1008 fit");
    }
    CHECK(seqqueue_max_fit(&bench.queue, &size) == QUEUE_ERR_FULL, "full to the last byte");
    CHECK(push(&bench, 4, 0, false) == QUEUE_ERR_FULL, "not even an empty one");
    CHECK(seqqueue_peek(&bench.queue, NULL, 0, &size) == QUEUE_ERR_BUFFER && size == 1008,
          "the length is returned");
    for (uint8_t i = 0; i < 4; i++)
        CHECK(gives(&bench, seqqueue_pop, i, 1008), "item %u", i);
    CHECK(is_empty(&bench), "that was all");
}

/* The crate never gets the space of a single sector back but by overwriting. */
static void test_single_sector(void)
{
    uint32_t size = 0;
    bench_open(&bench, 1024, 1, 4);
    for (uint8_t i = 0; i < 100; i++)
        CHECK(push(&bench, i, 5, true) == 0, "overwriting push %u", i);
    CHECK(bench.ram.counts.erases == 1, "63 items fit, so one erase");
    CHECK(gives(&bench, seqqueue_peek, 63, 5), "what was before is gone");
    for (uint8_t i = 63; i < 100; i++)
        CHECK(gives(&bench, seqqueue_pop, i, 5), "pop %u", i);
    for (unsigned lap = 0; lap < 3; lap++) {
        CHECK(seqqueue_max_fit(&bench.queue, &size) == 0 && size == 1008, "popped empty");
        CHECK(push(&bench, 1, 1000, false) == 0, "so there is room");
        CHECK(push(&bench, 2, 1, false) == QUEUE_ERR_FULL, "and then no more");
        CHECK(gives(&bench, seqqueue_pop, 1, 1000), "pop the large one");
    }
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
}

static void test_large_and_small_cycles(void)
{
    bench_open(&bench, 1024, 4, 4);
    for (unsigned i = 0; i < 2000; i++)
        cycle(&bench, (uint8_t)i, i % 512 + 1);
    bench_open(&bench, 32, 2, 1);
    for (unsigned i = 0; i < 2000; i++)
        cycle(&bench, (uint8_t)i, i % 20 + 1);
}

static void test_write_once(void)
{
    uint32_t size = 0;
    ram_flash_init(&bench.ram, 256, 3, 8, 1);
    CHECK(bench_mount(&bench, CACHE_NONE) == 0, "mount");
    CHECK(seqqueue_max_fit(&bench.queue, &size) == 0 && size == 224,
          "a header less than elsewhere");
    for (uint8_t i = 0; i < 100; i++)
        CHECK(push(&bench, i, 40, true) == 0, "push %u", i);
    CHECK(gives(&bench, seqqueue_peek, 88, 40), "three sectors of four items");
    CHECK(seqqueue_pop(&bench.queue, NULL, 0, &size) == QUEUE_ERR_UNSUPPORTED, "no pop");
    CHECK(seqqueue_clear(&bench.queue) == QUEUE_ERR_UNSUPPORTED, "no clear");
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
}

/* What an iteration takes: the item that was returned last, once. */
static void test_what_can_be_taken(void)
{
    struct seqqueue_iterator at, older;
    uint8_t value[16];
    uint32_t size = 0;
    bench_open(&bench, 64, 4, 4);
    for (uint8_t i = 0; i < 6; i++)
        CHECK(push(&bench, i, 10, false) == 0, "push %u", i);
    seqqueue_iterate(&at);
    CHECK(seqqueue_take(&bench.queue, &at) == QUEUE_ERR_EMPTY, "none was returned");
    CHECK(seqqueue_next(&bench.queue, &at, value, 9, &size) == QUEUE_ERR_BUFFER && size == 10, "9");
    CHECK(seqqueue_next(&bench.queue, &at, value, 10, &size) == 0 && value[0] == 0, "next");
    older = at;
    CHECK(seqqueue_take(&bench.queue, &at) == 0, "take");
    CHECK(seqqueue_take(&bench.queue, &at) == QUEUE_ERR_EMPTY, "it is taken");
    CHECK(seqqueue_take(&bench.queue, &older) == QUEUE_ERR_EMPTY, "whoever asks");
    CHECK(seqqueue_clear(&bench.queue) == 0, "clear");
    CHECK(seqqueue_take(&bench.queue, &older) == QUEUE_ERR_EMPTY, "its sector was given up");
    ram_flash_init(&bench.ram, 256, 3, 8, 1);
    CHECK(bench_mount(&bench, CACHE_NONE) == 0 && push(&bench, 1, 10, false) == 0, "write once");
    seqqueue_iterate(&at);
    CHECK(seqqueue_next(&bench.queue, &at, value, 10, &size) == 0, "next");
    CHECK(seqqueue_take(&bench.queue, &at) == QUEUE_ERR_UNSUPPORTED, "no take");
}

static void test_clear_and_format(void)
{
    bench_open(&bench, 128, 3, 4);
    for (uint8_t i = 0; i < 20; i++)
        CHECK(push(&bench, i, 10, true) == 0, "push %u", i);
    CHECK(seqqueue_clear(&bench.queue) == 0 && is_empty(&bench), "cleared");
    CHECK(push(&bench, 7, 10, false) == 0 && gives(&bench, seqqueue_peek, 7, 10), "goes on");
    CHECK(seqqueue_format(&bench.queue, &bench.config) == 0 && is_empty(&bench), "formatted");
    CHECK(ram_flash_reads_blank(&bench.ram, 0, 384), "blank");
}

/* What an erase of the next sector leaves that was cut while it zeroed the start word: that sector
 * looks like a new head, but the one before is not sealed. */
static void test_start_word_of_an_erase(void)
{
    for (uint32_t count = 2; count < 5; count++) {
        bench_open(&bench, 64, count, 4);
        CHECK(push(&bench, 1, 10, false) == 0, "push");
        memset(bench.ram.bytes + 64, 0, 4);
        CHECK(bench_mount(&bench, CACHE_NONE) == 0, "mount of %u sectors", (unsigned)count);
        CHECK(gives(&bench, seqqueue_peek, 1, 10), "the item is there");
        CHECK(push(&bench, 2, 40, false) == 0, "push to the next sector");
        CHECK(gives(&bench, seqqueue_pop, 1, 10) && gives(&bench, seqqueue_pop, 2, 40), "both");
        CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
    }
}

/* The first header of a new head was torn: it is erased and used again, not sealed as it is. */
static void test_a_head_without_a_header_is_used_again(void)
{
    for (uint32_t count = 2; count < 5; count++) {
        bench_open(&bench, 64, count, 4);
        CHECK(push(&bench, 1, 40, false) == 0 && push(&bench, 2, 10, false) == 0, "push");
        uint8_t *head = bench.ram.bytes + 64;
        CHECK(head[0] == 0 && head[4] != 0xFF, "the second item is in a sector of its own");
        memset(head + 8, 0xFF, 52);
        head[4] = 0x5A;
        CHECK(bench_mount(&bench, CACHE_NONE) == 0, "mount of %u sectors", (unsigned)count);
        CHECK(push(&bench, 3, 10, false) == 0, "push");
        CHECK(bench.ram.counts.erases == 1 && memcmp(head + 60, "\xFF\xFF\xFF\xFF", 4) == 0,
              "the head of %u sectors was erased and is not sealed", (unsigned)count);
        CHECK(gives(&bench, seqqueue_pop, 1, 40) && gives(&bench, seqqueue_pop, 3, 10), "both");
        CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
    }
}

/* Two runs of sectors in use: nothing is given up, and a format is the way out. */
static void test_what_no_cut_leaves(void)
{
    bench_open(&bench, 64, 4, 4);
    CHECK(push(&bench, 1, 10, false) == 0, "push");
    memcpy(bench.ram.bytes + 128, bench.ram.bytes, 64);
    CHECK(bench_mount(&bench, CACHE_NONE) == QUEUE_ERR_DAMAGED, "mount returns it");
    CHECK(push(&bench, 2, 10, true) == QUEUE_ERR_DAMAGED, "so does a push");
    CHECK(memcmp(bench.ram.bytes + 128, bench.ram.bytes, 64) == 0, "nothing was changed");
    CHECK(seqqueue_format(&bench.queue, &bench.config) == 0 && push(&bench, 2, 10, false) == 0,
          "formatted");
}

int main(int argc, char **argv)
{
    images = argc > 1 ? argv[1] : "engines/queue/images";
    test_worked_image();
    for (unsigned i = 0; i < sizeof costs / sizeof *costs; i++)
        test_workload(&costs[i]);
    test_opens_workload_images();
    test_out_of_order();
    test_many_in_order();
    test_many_by_iterating();
    test_single_operations();
    test_space_left();
    test_largest_item();
    test_single_sector();
    test_large_and_small_cycles();
    test_write_once();
    test_what_can_be_taken();
    test_clear_and_format();
    test_start_word_of_an_erase();
    test_a_head_without_a_header_is_used_again();
    test_what_no_cut_leaves();
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
