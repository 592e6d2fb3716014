/* buffered_test.c - the RAM front of a queue: order, what gives way, what fails and is returned. */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "../check_test.h"
#include "buffered.h"

struct bench {
    struct ram_flash ram;
    struct seqqueue queue;
    struct buffered front;
    uint8_t work[128], ring[32], hold[20];
    unsigned locked, locks; /* now, and in all */
};

static struct bench bench;

static void lock(void *context)
{
    struct bench *b = (struct bench *)context;
    CHECK(b->locked == 0, "locked once");
    b->locked = 1;
    b->locks++;
}

static void unlock(void *context)
{
    struct bench *b = (struct bench *)context;
    CHECK(b->locked == 1, "locked before");
    b->locked = 0;
}

static void bench_open(struct bench *b, uint32_t sector_size, uint32_t ring_size,
                       uint32_t hold_size)
{
    ram_flash_init(&b->ram, sector_size, 2, 4, 2);
    struct seqqueue_config config = {&b->ram.flash, b->work, sizeof b->work, NULL};
    CHECK(seqqueue_mount(&b->queue, &config) == 0, "mount");
    struct buffered_config front = {.queue = &b->queue,
                                    .ring = b->ring,
                                    .ring_size = ring_size,
                                    .hold = b->hold,
                                    .hold_size = hold_size,
                                    .lock = lock,
                                    .unlock = unlock,
                                    .context = b};
    buffered_init(&b->front, &front);
}

static int put(struct bench *b, uint8_t byte, uint32_t size, enum buffered_policy policy)
{
    uint8_t data[64];
    memset(data, byte, sizeof data);
    return buffered_enqueue(&b->front, data, size, policy);
}

typedef int reading(struct buffered *front, void *buffer, uint32_t capacity, uint32_t *size);

static bool gives(struct bench *b, reading *call, uint8_t byte, uint32_t size)
{
    uint8_t data[64], wanted[64];
    uint32_t got = 0;
    memset(wanted, byte, sizeof wanted);
    return call(&b->front, data, sizeof data, &got) == BO_FLASH_OK && got == size &&
           memcmp(data, wanted, size) == 0;
}

static bool is_empty(struct bench *b)
{
    uint32_t size;
    return buffered_pop(&b->front, NULL, 0, &size) == QUEUE_ERR_EMPTY;
}

static void test_enqueueing_leaves_the_flash_alone(void)
{
    bench_open(&bench, 64, 32, 20);
    struct ram_flash_counts before = bench.ram.counts;
    CHECK(put(&bench, 1, 10, BUFFERED_REJECT) == 0, "first");
    CHECK(put(&bench, 2, 16, BUFFERED_REJECT) == 0, "second");
    CHECK(memcmp(&before, &bench.ram.counts, sizeof before) == 0, "no flash call");
    CHECK(buffered_pending(&bench.front) == 2, "two wait");
    CHECK(buffered_used(&bench.front) == 30 && buffered_free(&bench.front) == 2, "bytes");
    CHECK(put(&bench, 3, 1, BUFFERED_REJECT) == QUEUE_ERR_FULL, "no room for three bytes");
    CHECK(put(&bench, 3, 0, BUFFERED_REJECT) == 0, "but for two");
    CHECK(gives(&bench, buffered_peek, 1, 10) && gives(&bench, buffered_pop, 1, 10), "first");
    CHECK(gives(&bench, buffered_pop, 2, 16) && gives(&bench, buffered_pop, 3, 0), "others");
    CHECK(is_empty(&bench) && bench.ram.counts.programs == 0, "never through the flash");
}

/* The ring's end is crossed at every byte. */
static void test_order_around_the_end_of_the_ring(void)
{
    bench_open(&bench, 64, 23, 20);
    for (uint8_t i = 0; i < 100; i++) {
        CHECK(put(&bench, i, i % 9u, BUFFERED_REJECT) == 0, "item %u", i);
        CHECK(put(&bench, (uint8_t)~i, i % 7u, BUFFERED_REJECT) == 0, "its pair");
        CHECK(gives(&bench, buffered_pop, i, i % 9u), "item %u comes back", i);
        CHECK(gives(&bench, buffered_pop, (uint8_t)~i, i % 7u), "and its pair");
    }
}

static void test_flash_comes_before_memory(void)
{
    bench_open(&bench, 64, 32, 20);
    for (uint8_t i = 0; i < 3; i++)
        CHECK(put(&bench, i, 6, BUFFERED_REJECT) == 0, "item %u", i);
    CHECK(buffered_drain_one(&bench.front, false) == 0, "one to the flash");
    CHECK(buffered_pending(&bench.front) == 2, "two wait");
    CHECK(gives(&bench, buffered_pop, 0, 6) && gives(&bench, buffered_peek, 1, 6), "in order");
    CHECK(buffered_drain_all(&bench.front, false) == 0, "the others");
    CHECK(buffered_pending(&bench.front) == 0, "none waits");
    CHECK(buffered_drain_one(&bench.front, false) == QUEUE_ERR_EMPTY, "nothing to drain");
    CHECK(gives(&bench, buffered_pop, 1, 6) && gives(&bench, buffered_pop, 2, 6), "from the flash");
    CHECK(is_empty(&bench), "that was all");
}

static void test_oldest_gives_way(void)
{
    bench_open(&bench, 64, 32, 20);
    for (uint8_t i = 0; i < 10; i++)
        CHECK(put(&bench, i, 8, BUFFERED_DROP_OLDEST) == 0, "item %u", i);
    CHECK(buffered_pending(&bench.front) == 3 && buffered_dropped(&bench.front) == 7, "three stay");
    CHECK(gives(&bench, buffered_pop, 7, 8), "the newest three");
    CHECK(put(&bench, 10, 20, BUFFERED_DROP_OLDEST) == 0, "a large one");
    CHECK(gives(&bench, buffered_pop, 9, 8), "has driven out item 8");
    CHECK(gives(&bench, buffered_pop, 10, 20), "and comes last");
}

static void test_too_big_is_refused_when_enqueued(void)
{
    bench_open(&bench, 64, 32, 12);
    CHECK(put(&bench, 1, 13, BUFFERED_DROP_OLDEST) == QUEUE_ERR_TOO_BIG, "for the hold");
    CHECK(put(&bench, 1, 12, BUFFERED_REJECT) == 0, "the hold is full");
    bench_open(&bench, 64, 10, 20);
    CHECK(put(&bench, 1, 9, BUFFERED_DROP_OLDEST) == QUEUE_ERR_TOO_BIG, "for the ring");
    CHECK(put(&bench, 1, 8, BUFFERED_REJECT) == 0, "the ring is full");
    bench_open(&bench, 64, 0, 0);
    CHECK(put(&bench, 1, 0, BUFFERED_DROP_OLDEST) == QUEUE_ERR_TOO_BIG, "no ring at all");
    ram_flash_init(&bench.ram, 24, 1, 4, 2);
    struct seqqueue_config config = {&bench.ram.flash, bench.work, sizeof bench.work, NULL};
    CHECK(seqqueue_mount(&bench.queue, &config) == 0, "mount a tiny part");
    bench.front.config.ring_size = 32;
    bench.front.config.hold_size = 20;
    CHECK(put(&bench, 1, 9, BUFFERED_REJECT) == QUEUE_ERR_TOO_BIG, "for the flash");
    CHECK(put(&bench, 1, 8, BUFFERED_REJECT) == 0, "the flash takes eight");
}

/* What is being pushed when a push fails still waits, is the oldest, and does not give way. */
static void test_a_failed_push_loses_nothing(void)
{
    uint32_t size;
    bench_open(&bench, 36, 32, 20);
    for (uint8_t i = 0; i < 4; i++)
        CHECK(put(&bench, i, 20, BUFFERED_REJECT) == 0 &&
                  buffered_drain_one(&bench.front, false) == (i < 2 ? 0 : QUEUE_ERR_FULL),
              "item %u", i);
    CHECK(buffered_pending(&bench.front) == 2, "two wait");
    CHECK(buffered_drain_all(&bench.front, false) == QUEUE_ERR_FULL, "draining all returns it");
    CHECK(put(&bench, 4, 20, BUFFERED_DROP_OLDEST) == 0, "another");
    CHECK(buffered_dropped(&bench.front) == 1, "one gave way, not the one that was being pushed");
    CHECK(buffered_pop(&bench.front, NULL, 0, &size) == QUEUE_ERR_BUFFER && size == 20,
          "size returned");
    CHECK(gives(&bench, buffered_pop, 0, 20) && gives(&bench, buffered_pop, 1, 20), "the flash");
    CHECK(buffered_pop(&bench.front, NULL, 0, &size) == QUEUE_ERR_BUFFER && size == 20,
          "size returned");
    CHECK(gives(&bench, buffered_pop, 2, 20) && gives(&bench, buffered_pop, 4, 20), "the rest");
    CHECK(is_empty(&bench), "that was all");
}

/* An interrupt enqueues in the middle of a push, with a full ring. */
static bool interrupt(struct ram_flash *ram, const struct ram_flash_call *call)
{
    struct bench *b = (struct bench *)ram->context;
    (void)call;
    ram->before = NULL;
    CHECK(b->locked == 0, "not locked while the flash works");
    for (uint8_t i = 10; i < 14; i++)
        CHECK(put(b, i, 8, BUFFERED_DROP_OLDEST) == 0, "interrupt %u", i);
    return false;
}

static void test_an_interrupt_in_a_push(void)
{
    bench_open(&bench, 64, 30, 20);
    for (uint8_t i = 0; i < 3; i++)
        CHECK(put(&bench, i, 8, BUFFERED_REJECT) == 0, "item %u", i);
    bench.ram.before = interrupt;
    bench.ram.context = &bench;
    CHECK(buffered_drain_one(&bench.front, false) == 0, "drain");
    CHECK(gives(&bench, buffered_pop, 0, 8), "the item that was being pushed");
    for (uint8_t i = 11; i < 14; i++)
        CHECK(gives(&bench, buffered_pop, i, 8), "the newest, %u", i);
    CHECK(is_empty(&bench), "each of them once");
    CHECK(bench.locks > 0 && bench.locked == 0, "locked and unlocked");
}

static void test_without_a_lock(void)
{
    bench_open(&bench, 64, 30, 20);
    bench.front.config.lock = bench.front.config.unlock = NULL;
    unsigned locks = bench.locks;
    CHECK(put(&bench, 1, 8, BUFFERED_REJECT) == 0 && put(&bench, 2, 8, BUFFERED_REJECT) == 0,
          "two");
    CHECK(buffered_drain_one(&bench.front, false) == 0 && bench.locks == locks, "drain");
    CHECK(gives(&bench, buffered_pop, 1, 8) && gives(&bench, buffered_pop, 2, 8), "in order");
}

static void test_overwriting_drain(void)
{
    bench_open(&bench, 36, 32, 20);
    for (uint8_t i = 0; i < 9; i++)
        CHECK(put(&bench, i, 20, BUFFERED_REJECT) == 0 &&
                  buffered_drain_all(&bench.front, true) == 0,
              "item %u", i);
    CHECK(gives(&bench, buffered_pop, 7, 20) && gives(&bench, buffered_pop, 8, 20), "the newest");
    CHECK(is_empty(&bench), "two sectors of one item");
}

int main(void)
{
    test_enqueueing_leaves_the_flash_alone();
    test_order_around_the_end_of_the_ring();
    test_flash_comes_before_memory();
    test_oldest_gives_way();
    test_too_big_is_refused_when_enqueued();
    test_a_failed_push_loses_nothing();
    test_an_interrupt_in_a_push();
    test_without_a_lock();
    test_overwriting_drain();
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
