/* use_buffered.c - the same messages, which wait in RAM until there is time to write them. */
#include "engines/queue/buffered.h"
#include "examples/firmware/use.h"

static struct seqqueue queue;
static struct buffered buffered;
static uint8_t work[64], ring[2 * (BUFFERED_OVERHEAD + USE_SIZE_MAX)], hold[USE_SIZE_MAX];

static int use_mount(const struct bo_flash *flash)
{
    struct seqqueue_config config = {.flash = flash, .work = work, .work_size = sizeof work};
    struct buffered_config front = {.queue = &queue,
                                    .ring = ring,
                                    .ring_size = sizeof ring,
                                    .hold = hold,
                                    .hold_size = sizeof hold};
    buffered_init(&buffered, &front);
    return seqqueue_mount(&queue, &config);
}

/* Firmware would drain when there is time; here a step ends when its item is on the flash. */
static int use_step(uint32_t n)
{
    uint8_t item[USE_SIZE_MAX];
    uint32_t size;
    if (use_pops(n)) return buffered_pop(&buffered, item, sizeof item, &size);
    int error = buffered_enqueue(&buffered, item, use_fill(use_pushed(n), item), BUFFERED_REJECT);
    return error ? error : buffered_drain_all(&buffered, false);
}

static uint32_t use_count(void)
{
    struct seqqueue_iterator iterator;
    uint8_t item[USE_SIZE_MAX];
    uint32_t size, oldest = 0, newest = 0, items = 0;
    seqqueue_iterate(&iterator);
    while (seqqueue_next(&queue, &iterator, item, sizeof item, &size) == BO_FLASH_OK) {
        newest = use_number(item);
        if (items++ == 0) oldest = newest;
    }
    return items == 0 ? 0 : newest + 1 + oldest;
}

static bool use_holds(uint32_t n)
{
    struct seqqueue_iterator iterator;
    uint8_t item[USE_SIZE_MAX];
    uint32_t size;
    seqqueue_iterate(&iterator);
    for (uint32_t i = use_popped(n); i < use_pushed(n); i++)
        if (seqqueue_next(&queue, &iterator, item, sizeof item, &size) || !use_is(i, item, size))
            return false;
    return seqqueue_next(&queue, &iterator, item, sizeof item, &size) == QUEUE_ERR_EMPTY;
}

const struct use use = {"buffered", 120, false, use_mount, use_step, use_count, use_holds};
