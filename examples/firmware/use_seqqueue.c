/* use_seqqueue.c - messages that wait to be sent. */
#include "engines/queue/seqqueue.h"
#include "examples/firmware/use.h"

static struct seqqueue queue;
static uint8_t work[64];

static int use_mount(const struct bo_flash *flash)
{
    struct seqqueue_config config = {.flash = flash, .work = work, .work_size = sizeof work};
    return seqqueue_mount(&queue, &config);
}

static int use_step(uint32_t n)
{
    uint8_t item[USE_SIZE_MAX];
    uint32_t size;
    if (use_pops(n)) return seqqueue_pop(&queue, item, sizeof item, &size);
    return seqqueue_push(&queue, item, use_fill(use_pushed(n), item), false);
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

const struct use use = {"seqqueue", 120, false, use_mount, use_step, use_count, use_holds};
