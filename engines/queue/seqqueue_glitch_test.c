/* seqqueue_glitch_test.c - reads that go wrong once: what is returned with OK was pushed.
 *
 * Method. A queue holds items, some larger than the work buffer. Then, for the n-th read of a
 * mount, a peek, a pop and an iteration: each of its bits reads wrong once, or the read fails once,
 * for every n until no read is left to go wrong. Whatever is returned with OK must be an item of
 * the queue.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "seqqueue.h"

#define ITEMS 6u
#define ITEM_MAX 80u
#define WORK_MAX 256u

static unsigned failures, calls;

static void fail(const char *what, uint32_t work_size, const struct ram_flash_glitch *glitch)
{
    failures++;
    printf("FAILED %s: work buffer of %u, read %u, bit %u, error %d\n", what, (unsigned)work_size,
           (unsigned)glitch->at, (unsigned)glitch->bit, glitch->error);
}

struct bench {
    struct ram_flash ram;
    uint32_t work_size;
    uint8_t work[WORK_MAX];
    struct seqqueue queue;
};

static struct bench full, bench;

static uint32_t item_bytes(unsigned number, uint8_t *item)
{
    uint32_t size = number * 14;
    for (uint32_t i = 0; i < size; i++)
        item[i] = (uint8_t)(number * 37 + i);
    return size;
}

static int mount(struct bench *b)
{
    struct seqqueue_config config = {&b->ram.flash, b->work, b->work_size, NULL};
    return seqqueue_mount(&b->queue, &config);
}

static void fill(struct bench *b)
{
    uint8_t item[ITEM_MAX];
    ram_flash_init(&b->ram, 128, 4, 4, 0);
    b->work_size = WORK_MAX;
    (void)mount(b);
    for (unsigned i = 0; i < ITEMS; i++)
        if (seqqueue_push(&b->queue, item, item_bytes(i, item), false))
            fail("push", WORK_MAX, &b->ram.glitch);
    uint32_t size;
    if (seqqueue_pop(&b->queue, item, sizeof item, &size) ||
        seqqueue_pop(&b->queue, item, sizeof item, &size))
        fail("pop", WORK_MAX, &b->ram.glitch);
}

static bool known(const uint8_t *item, uint32_t size)
{
    uint8_t wanted[ITEM_MAX];
    for (unsigned i = 2; i < ITEMS; i++)
        if (item_bytes(i, wanted) == size && memcmp(item, wanted, size) == 0) return true;
    return false;
}

typedef bool call_is_right(struct bench *b);

static bool peek_is_right(struct bench *b)
{
    uint8_t item[ITEM_MAX];
    uint32_t size = 0;
    return seqqueue_peek(&b->queue, item, sizeof item, &size) || known(item, size);
}

static bool pop_is_right(struct bench *b)
{
    uint8_t item[ITEM_MAX];
    uint32_t size = 0;
    return seqqueue_pop(&b->queue, item, sizeof item, &size) || known(item, size);
}

static bool iteration_is_right(struct bench *b)
{
    uint8_t item[ITEM_MAX];
    uint32_t size = 0;
    struct seqqueue_iterator at;
    seqqueue_iterate(&at);
    while (seqqueue_next(&b->queue, &at, item, sizeof item, &size) == BO_FLASH_OK)
        if (!known(item, size)) return false;
    return true;
}

static bool mount_is_right(struct bench *b)
{
    return mount(b) || peek_is_right(b);
}

/* Has each read of a call go wrong in one way. False when the call has no such read. */
static bool glitch(call_is_right *call, uint32_t work_size, struct ram_flash_glitch with)
{
    struct bench *b = &bench;
    ram_flash_copy(&b->ram, &full.ram);
    b->work_size = work_size;
    if (mount(b)) fail("mount", b->work_size, &with);
    b->ram.glitch = with;
    if (!call(b)) fail("wrong with OK", b->work_size, &with);
    calls++;
    return b->ram.glitch.at == 0;
}

static void glitch_all(call_is_right *call, uint32_t work_size)
{
    static const int errors[] = {BO_FLASH_ERR_IO, BO_FLASH_ERR_ECC};
    bool met = true;
    for (uint64_t at = 1; met; at++) {
        for (uint32_t bit = 0; bit < 8 * work_size && met; bit += work_size > 64 ? 5 : 1)
            met = glitch(call, work_size, (struct ram_flash_glitch){at, BO_FLASH_OK, bit});
        for (unsigned i = 0; i < 2 && met; i++)
            met = glitch(call, work_size, (struct ram_flash_glitch){at, errors[i], 7 * i});
    }
}

int main(void)
{
    static const uint32_t work_sizes[] = {4, 16, 32, WORK_MAX};
    fill(&full);
    for (unsigned i = 0; i < sizeof work_sizes / sizeof *work_sizes; i++) {
        glitch_all(peek_is_right, work_sizes[i]);
        glitch_all(pop_is_right, work_sizes[i]);
        glitch_all(iteration_is_right, work_sizes[i]);
        glitch_all(mount_is_right, work_sizes[i]);
    }
    printf("%u calls, %u failures\n", calls, failures);
    return failures != 0;
}
