/* SPDX-License-Identifier: MIT */
/* buffered.c - see buffered.h. An item in the ring: its length, little endian, then its bytes; both
 * go around the end of the memory.
 */
#include "buffered.h"

#include <string.h>

static void lock(const struct buffered *b)
{
    if (b->config.lock != NULL) b->config.lock(b->config.context);
}

static void unlock(const struct buffered *b)
{
    if (b->config.unlock != NULL) b->config.unlock(b->config.context);
}

/* The ring, under the lock ----------------------------------------------------------------- */

/* Where the byte `offset` places after the start is. */
static uint32_t place(const struct buffered *b, uint32_t offset)
{
    uint32_t left = b->config.ring_size - b->start;
    return offset < left ? b->start + offset : offset - left;
}

static void ring_put(struct buffered *b, const void *data, uint32_t size)
{
    uint8_t *ring = (uint8_t *)b->config.ring;
    uint32_t at = place(b, b->used), left = seq_minimum(size, b->config.ring_size - at);
    b->used += size;
    if (size == 0) return;
    memcpy(ring + at, data, left);
    memcpy(ring, (const uint8_t *)data + left, size - left);
}

static void ring_get(const struct buffered *b, uint32_t offset, void *data, uint32_t size)
{
    const uint8_t *ring = (const uint8_t *)b->config.ring;
    uint32_t at = place(b, offset), left = seq_minimum(size, b->config.ring_size - at);
    if (size == 0) return;
    memcpy(data, ring + at, left);
    memcpy((uint8_t *)data + left, ring, size - left);
}

/* The length of the oldest item. */
static uint32_t ring_first(const struct buffered *b)
{
    uint8_t length[BUFFERED_OVERHEAD];
    ring_get(b, 0, length, sizeof length);
    return (uint32_t)length[0] | (uint32_t)length[1] << 8;
}

static void ring_drop(struct buffered *b)
{
    uint32_t size = BUFFERED_OVERHEAD + ring_first(b);
    b->start = place(b, size);
    b->used -= size;
    b->count--;
}

/* Calls ------------------------------------------------------------------------------------ */

void buffered_init(struct buffered *b, const struct buffered_config *config)
{
    memset(b, 0, sizeof *b);
    b->config = *config;
}

static bool takes(const struct buffered *b, uint32_t size)
{
    return size <= b->config.hold_size && b->config.ring_size >= BUFFERED_OVERHEAD &&
           size <= b->config.ring_size - BUFFERED_OVERHEAD &&
           size <= seqqueue_length_max(&b->config.queue->seq.flash->geometry);
}

int buffered_enqueue(struct buffered *b, const void *data, uint32_t size,
                     enum buffered_policy policy)
{
    uint8_t length[BUFFERED_OVERHEAD] = {(uint8_t)size, (uint8_t)(size >> 8)};
    if (!takes(b, size)) return QUEUE_ERR_TOO_BIG;
    lock(b);
    bool fits = BUFFERED_OVERHEAD + size <= buffered_free(b);
    while (!fits && policy == BUFFERED_DROP_OLDEST) {
        ring_drop(b);
        b->dropped++;
        fits = BUFFERED_OVERHEAD + size <= buffered_free(b);
    }
    if (fits) {
        ring_put(b, length, sizeof length);
        ring_put(b, data, size);
        b->count++;
    }
    unlock(b);
    if (!fits) return QUEUE_ERR_FULL;
    return BO_FLASH_OK;
}

/* Has the hold hold the oldest item that waits. False when none does. */
static bool hold(struct buffered *b)
{
    lock(b);
    if (!b->held && b->count != 0) {
        b->held_size = ring_first(b);
        ring_get(b, BUFFERED_OVERHEAD, b->config.hold, b->held_size);
        ring_drop(b);
        b->held = true;
    }
    unlock(b);
    return b->held;
}

int buffered_drain_one(struct buffered *b, bool overwrite)
{
    if (!hold(b)) return QUEUE_ERR_EMPTY;
    int error = seqqueue_push(b->config.queue, b->config.hold, b->held_size, overwrite);
    if (!error) b->held = false;
    return error;
}

int buffered_drain_all(struct buffered *b, bool overwrite)
{
    int error;
    while ((error = buffered_drain_one(b, overwrite)) == BO_FLASH_OK)
        continue;
    return error == QUEUE_ERR_EMPTY ? BO_FLASH_OK : error;
}

/* The oldest item in memory. */
static int peek_held(struct buffered *b, void *buffer, uint32_t capacity, uint32_t *size)
{
    if (!hold(b)) return QUEUE_ERR_EMPTY;
    *size = b->held_size;
    if (b->held_size > capacity) return QUEUE_ERR_BUFFER;
    if (b->held_size != 0) memcpy(buffer, b->config.hold, b->held_size);
    return BO_FLASH_OK;
}

int buffered_peek(struct buffered *b, void *buffer, uint32_t capacity, uint32_t *size)
{
    int error = seqqueue_peek(b->config.queue, buffer, capacity, size);
    return error == QUEUE_ERR_EMPTY ? peek_held(b, buffer, capacity, size) : error;
}

int buffered_pop(struct buffered *b, void *buffer, uint32_t capacity, uint32_t *size)
{
    int error = seqqueue_pop(b->config.queue, buffer, capacity, size);
    if (error != QUEUE_ERR_EMPTY) return error;
    error = peek_held(b, buffer, capacity, size);
    if (!error) b->held = false;
    return error;
}

uint32_t buffered_pending(const struct buffered *b)
{
    lock(b);
    uint32_t pending = b->count + b->held;
    unlock(b);
    return pending;
}
