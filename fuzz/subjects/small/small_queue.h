/* small_queue.h - what the small faulty queues of this folder share.
 *
 * A queue in a ring of sectors, each a header and slots of 32 bytes: a mark for an item that was
 * taken out, and the item. A sector is used again when all its items were taken out. After a
 * power-on a sector with a torn item takes no more.
 *
 * A subject says in subject_reuses() whether a sector whose items are all out is used again, and
 * ends with SMALL_QUEUE(), or with SMALL_QUEUE_SPACE() and subject_space(). FAULTY: small.h. Before
 * it includes this file it may define PROMISED, OPTIONS, of which the first is the id of the queue
 * then, CHECKS_ID, whether a mount looks at that, and ERASES_IDLE: idle() begins the next sector,
 * and no push does.
 */
#ifndef BROWNOUT_SMALL_QUEUE_H
#define BROWNOUT_SMALL_QUEUE_H

#include "fuzz/subjects/small/small_ring.h"

#ifndef PROMISED
#define PROMISED 0
#endif
#ifndef OPTIONS
#define OPTIONS NULL
#endif
#ifndef CHECKS_ID
#define CHECKS_ID true
#endif

/* The upper byte of a sector's number is the id. */
#define ID_SHIFT 24u

struct slot {
    uint32_t taken; /* erased, or zeros */
    uint32_t size;
    uint8_t data[RING_ITEM_MAX];
    uint32_t crc;
};
_Static_assert(sizeof(struct slot) == SLOT, "an item and its mark fill a slot");

struct queue {
    const struct bo_flash *flash;
    uint32_t head, sequence, next; /* the sector that is filled, its number, its first free slot */
    uint32_t torn;                 /* items in it that power-on found neither whole nor blank */
};

bool subject_reuses(struct queue *queue);

/* How many items are taken still. */
uint64_t subject_space(struct queue *queue);

/* Whether an item is there that was not taken out. Its mark is read first: where that read goes
 * wrong what was taken out seems to be there. */
static inline bool read_slot(const struct queue *queue, uint32_t sector, uint32_t slot,
                             struct slot *there)
{
    uint32_t at = ring_at(queue->flash, sector, slot);
    if (bo_flash_read(queue->flash, at, there, 4)) return false;
    if (bo_flash_read(queue->flash, at + 4, &there->size, SLOT - 4)) return false;
    return small_is_blank(&there->taken, 4) && there->size <= sizeof there->data &&
           there->crc == small_crc(&there->size, 24);
}

/* The place of an item, counted from the oldest; 0: there is none. */
static inline uint32_t find(const struct queue *queue, uint32_t place, struct slot *there)
{
    uint32_t sequence;
    for (uint32_t i = 1; i <= ring_sectors(queue->flash); i++) {
        uint32_t sector = (queue->head + i) % ring_sectors(queue->flash);
        if (ring_read_header(queue->flash, sector, &sequence) != HEADER_VALID) continue;
        for (uint32_t slot = 1; slot < ring_slots(queue->flash); slot++) {
            if (read_slot(queue, sector, slot, there) && place-- == 0)
                return ring_at(queue->flash, sector, slot);
        }
    }
    return 0;
}

static inline bool may_reuse(struct queue *queue, uint32_t sector)
{
    uint32_t sequence;
    struct slot there;
    if (ring_read_header(queue->flash, sector, &sequence) != HEADER_VALID) return true;
    for (uint32_t slot = 1; slot < ring_slots(queue->flash); slot++) {
        if (read_slot(queue, sector, slot, &there)) return false;
    }
    return subject_reuses(queue);
}

static inline enum answer open_next(struct queue *queue)
{
    uint32_t sector = (queue->head + 1) % ring_sectors(queue->flash);
    if (!may_reuse(queue, sector)) return ANSWER_FULL;
    if (bo_flash_erase(queue->flash, ring_at(queue->flash, sector, 0))) return ANSWER_FLASH;
    if (ring_write_header(queue->flash, sector, queue->sequence + 1)) return ANSWER_FLASH;
    queue->head = sector;
    queue->sequence++;
    queue->next = 1;
    return ANSWER_OK;
}

/* What a push answers that finds no slot in its sector. */
static inline enum answer find_room(struct queue *queue)
{
#ifdef ERASES_IDLE
    (void)queue;
    return ANSWER_FULL;
#else
    return open_next(queue);
#endif
}

#ifdef ERASES_IDLE
static inline enum answer idle(void *object)
{
    struct queue *queue = object;
    if (queue->next < ring_slots(queue->flash)) return ANSWER_OK;
    enum answer answer = open_next(queue);
    return answer == ANSWER_FULL ? ANSWER_OK : answer;
}
#endif

static inline enum answer push(void *object, const void *data, uint32_t size)
{
    struct queue *queue = object;
    struct slot item = {.size = size};
    if (size > sizeof item.data) return ANSWER_TOO_BIG;
    enum answer answer = queue->next < ring_slots(queue->flash) ? ANSWER_OK : find_room(queue);
    if (answer != ANSWER_OK) return answer;
    memcpy(item.data, data, size);
    item.crc = small_crc(&item.size, 24);
    uint32_t at = ring_at(queue->flash, queue->head, queue->next++);
    return bo_flash_program(queue->flash, at + 4, &item.size, 28) ? ANSWER_FLASH : ANSWER_OK;
}

static inline enum answer pop(void *object, uint32_t place, void *buffer, uint32_t capacity,
                              uint32_t *size)
{
    struct queue *queue = object;
    struct slot there;
    uint32_t zeros = 0, at = find(queue, place, &there);
    if (!at) return ANSWER_NOT_FOUND;
    *size = there.size;
    memcpy(buffer, there.data, there.size < capacity ? there.size : capacity);
    return bo_flash_program(queue->flash, at, &zeros, 4) ? ANSWER_FLASH : ANSWER_OK;
}

static inline enum answer each(void *object, adapter_item *item, void *context)
{
    struct queue *queue = object;
    struct slot there;
    for (uint32_t i = 0; find(queue, i, &there); i++)
        item(context, 0, there.data, there.size);
    return ANSWER_OK;
}

static inline enum answer format(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    struct queue *queue = object;
    uint32_t first = 1u + ((uint32_t)settings->values[0] << ID_SHIFT);
    *queue = (struct queue){.flash = flash};
    return ring_write_header(queue->flash, 0, first) ? ANSWER_FLASH : ANSWER_OK;
}

static inline enum answer mount(void *object, const struct bo_flash *flash,
                                const struct adapter_settings *settings)
{
    struct queue *queue = object;
    struct slot there;
    uint32_t sequence;
    *queue = (struct queue){.flash = flash};
    for (uint32_t sector = 0; sector < ring_sectors(queue->flash); sector++) {
        (void)ring_read_header(queue->flash, sector, &sequence);
        if (sequence <= queue->sequence) continue;
        queue->head = sector;
        queue->sequence = sequence;
    }
    bool other = queue->sequence >> ID_SHIFT != settings->values[0];
    if (!queue->sequence || (CHECKS_ID && other)) return ANSWER_DAMAGED;
    for (queue->next = 1; queue->next < ring_slots(queue->flash); queue->next++) {
        if (bo_flash_read(flash, ring_at(queue->flash, queue->head, queue->next), &there, SLOT))
            return ANSWER_FLASH;
        if (small_is_blank(&there, SLOT)) break;
        if (there.crc == small_crc(&there.size, 24)) continue;
        queue->torn++;
        queue->next = ring_slots(queue->flash) - 1;
    }
    return ANSWER_OK;
}

static inline uint32_t slots_left(const struct queue *queue)
{
    return ring_slots(queue->flash) - queue->next;
}

/* Sectors that pushes come to before the first one that holds an item. */
static inline uint32_t sectors_left(struct queue *queue)
{
    uint32_t count = 0, sectors = ring_sectors(queue->flash);
    while (count + 1 < sectors && may_reuse(queue, (queue->head + 1 + count) % sectors))
        count++;
    return count;
}

static inline enum answer space(void *object, uint32_t size, uint64_t *count)
{
    *count = size > RING_ITEM_MAX ? 0 : subject_space(object);
    return ANSWER_OK;
}

static inline size_t object_size(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings)
{
    (void)geometry, (void)settings;
    return sizeof(struct queue);
}

#define SMALL_QUEUE(NAME, SUMMARY) SMALL_QUEUE_OF(NAME, SUMMARY, .space = NULL)
#define SMALL_QUEUE_SPACE(NAME, SUMMARY)                                                           \
    SMALL_QUEUE_OF(NAME, SUMMARY, .space = space, .space_sectors = 1)
#define SMALL_QUEUE_OF(NAME, SUMMARY, ...)                                                         \
    static const struct adapter_list small_calls = {                                               \
        .push = push, .pop = pop, .each = each, __VA_ARGS__};                                      \
    static const struct adapter small_adapter = {.version = ADAPTER_VERSION,                       \
                                                 .kind = ADAPTER_QUEUE,                            \
                                                 .name = NAME,                                     \
                                                 .summary = SUMMARY,                               \
                                                 .claims = "edge,prefix",                          \
                                                 .promised = PROMISED,                             \
                                                 .options = OPTIONS,                               \
                                                 .refuses = small_refuses,                         \
                                                 .object_size = object_size,                       \
                                                 .limits = ring_limits,                            \
                                                 .format = format,                                 \
                                                 .mount = mount,                                   \
                                                 .list = &small_calls};                            \
    SMALL_ENTRY(small_adapter)

#endif
