/* SPDX-License-Identifier: MIT */
/* buffered.h - a RAM front of a seqqueue: items wait in memory until there is time for the flash.
 *
 * Model. Three places, oldest first: the flash, the hold, the ring.
 *
 *     enqueue > ring of pending items > hold (one item) > push > flash
 *
 * Enqueueing touches memory only. Draining takes the oldest item of the ring into the hold and
 * pushes it from there. An item in the hold is out of the ring's way: what is enqueued meanwhile,
 * by an interrupt say, can't make it give way, and a push that fails leaves it there for the next
 * time. Reading and popping go on from the flash to the hold and to the ring, so the order is that
 * of enqueueing.
 *
 * What waits in memory is lost when power goes away. An item is never stored twice, unless the
 * flash reports an error for a push that it did carry out.
 *
 * An item that could never be pushed is refused when it is enqueued, so no item blocks the others:
 * the hold is as large as the largest item, and the flash takes it.
 *
 * Interrupts. With lock and unlock, buffered_enqueue may interrupt any other call, and another
 * enqueue; the lock is held for copying one item, never while the flash works. The other calls do
 * not interrupt each other. Without them nothing may.
 *
 * Memory. All of the caller; no heap, no recursion, no globals. Errors: those of flash.h and
 * queue.h.
 */
#ifndef BROWNOUT_BUFFERED_H
#define BROWNOUT_BUFFERED_H

#include "seqqueue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that an item takes in the ring besides its data. */
#define BUFFERED_OVERHEAD 2u

struct buffered_config {
    struct seqqueue *queue; /* mounted */
    /* Items that wait, each with two bytes for its length. */
    void *ring;
    uint32_t ring_size;
    /* The item that is being pushed: as large as the largest item. */
    void *hold;
    uint32_t hold_size;
    /* Keep interrupts away while the ring is changed; NULL, both, when none enqueues. */
    void (*lock)(void *context);
    void (*unlock)(void *context);
    void *context;
};

/* The caller owns it; the fields are the module's. */
struct buffered {
    struct buffered_config config;
    uint32_t start, used; /* of the ring, in bytes */
    uint32_t count;       /* items in the ring */
    uint32_t held_size;   /* of the item in the hold */
    bool held;
    uint32_t dropped; /* items that gave way */
};

/* When there is no room in the ring. */
enum buffered_policy {
    BUFFERED_REJECT = 0,  /* QUEUE_ERR_FULL, nothing changes */
    BUFFERED_DROP_OLDEST, /* the oldest items of the ring give way; the one in the hold does not */
};

/* Starts with nothing in memory. The config is copied. */
void buffered_init(struct buffered *buffered, const struct buffered_config *config);

/* Adds an item. No flash access. QUEUE_ERR_TOO_BIG: ring, hold or flash can never take it;
 * QUEUE_ERR_FULL: the ring has no room now (BUFFERED_REJECT). */
int buffered_enqueue(struct buffered *buffered, const void *data, uint32_t size,
                     enum buffered_policy policy);

/* Pushes the oldest item that waits; `overwrite` as for seqqueue_push. QUEUE_ERR_EMPTY: none waits.
 * After any other error the item still waits. */
int buffered_drain_one(struct buffered *buffered, bool overwrite);

/* Pushes all that waits. After an error what is not pushed still waits. */
int buffered_drain_all(struct buffered *buffered, bool overwrite);

/* The oldest item, on the flash or in memory; answers like seqqueue_peek and seqqueue_pop. An item
 * in memory is popped without going through the flash. */
int buffered_peek(struct buffered *buffered, void *buffer, uint32_t capacity, uint32_t *size);
int buffered_pop(struct buffered *buffered, void *buffer, uint32_t capacity, uint32_t *size);

/* Items that wait, the one in the hold included. */
uint32_t buffered_pending(const struct buffered *buffered);

/* Bytes of the ring in use, and free; each item takes BUFFERED_OVERHEAD besides its data. */
static inline uint32_t buffered_used(const struct buffered *buffered)
{
    return buffered->used;
}

static inline uint32_t buffered_free(const struct buffered *buffered)
{
    return buffered->config.ring_size - buffered->used;
}

/* Items that gave way since buffered_init; goes around at 2^32. */
static inline uint32_t buffered_dropped(const struct buffered *buffered)
{
    return buffered->dropped;
}

#ifdef __cplusplus
}
#endif

#endif
