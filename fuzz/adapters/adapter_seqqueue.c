/* adapter_seqqueue.c - drives engines/queue/seqqueue, with buffered in front of it if asked for. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engines/queue/buffered.h"
#include "engines/queue/seqqueue_bound.h"
#include "engines/seq/seq_item.h"
#include "fuzz/adapter.h"
#include "fuzz/adapters/adapter_list.h"
#include "fuzz/adapters/seq_sectors.h"

enum { OPTION_STATES, OPTION_POINTERS, OPTION_BUFFER, OPTION_WORK };

static const struct adapter_option options[] = {
    {.name = "states", .summary = "cache of sector states, 1 byte a sector: 0 or 1", .max = 1},
    {.name = "pointers", .summary = "cache of sector pointers, 8 bytes a sector: 0 or 1", .max = 1},
    {.name = "buffer",
     .summary = "bytes of RAM where items wait before they are programmed, append is refused then; "
                "0: none",
     .max = 65536},
    {.name = "work",
     .summary = "words of the work buffer; 0: as many as the largest item has",
     .max = 64},
    {.name = NULL},
};

_Static_assert(sizeof options / sizeof *options == OPTION_WORK + 2, "one for each, and the end");

/* The engine object: the structs, then the memory that a user would give them. */
struct object {
    struct seqqueue queue;
    struct seq_cache cache;
    struct buffered front;
    bool buffers, locked;
    bool breaks_lock;     /* the front took the lock twice, or gave it back without having it */
    uint32_t buffer_size; /* of item and hold */
    uint8_t *work, *item, *hold;
};

struct layout {
    size_t states, sectors, ring, work, buffers, total;
    uint32_t work_size, buffer_size;
};

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

_Static_assert(16 % _Alignof(struct seq_cache_sector) == 0, "aligned() does for an entry of it");

static struct layout lay_out(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct layout l;
    l.buffer_size = (uint32_t)aligned(seqqueue_length_max(g) + SEQ_WORD_MAX);
    l.states = aligned(sizeof(struct object));
    l.sectors = l.states + aligned(s->values[OPTION_STATES] ? g->sector_count : 0);
    l.ring =
        l.sectors +
        aligned(s->values[OPTION_POINTERS] ? g->sector_count * sizeof(struct seq_cache_sector) : 0);
    l.work = l.ring + aligned(s->values[OPTION_BUFFER]);
    uint32_t words = (uint32_t)s->values[OPTION_WORK];
    l.work_size = words ? words * seq_word_size(g) : l.buffer_size;
    assert(words <= options[OPTION_WORK].max && l.work_size >= seq_word_size(g));
    l.buffers = l.work + aligned(l.work_size);
    l.total = l.buffers + 2 * (size_t)l.buffer_size;
    assert(l.total > l.work && l.buffer_size >= seqqueue_length_max(g));
    return l;
}

/* On a device an interrupt waits for it, or has it. */
static void lock(void *context)
{
    struct object *object = context;
    object->breaks_lock = object->breaks_lock || object->locked;
    object->locked = true;
}

static void unlock(void *context)
{
    struct object *object = context;
    object->breaks_lock = object->breaks_lock || !object->locked;
    object->locked = false;
}

/* The answer of a call of the front. */
static enum answer front_answer(const struct object *object, int error)
{
    return object->breaks_lock || object->locked ? ANSWER_PANIC : list_answer(error);
}

static const char *panic(void)
{
    return "the front did not give its lock back, or never took it";
}

static struct seqqueue_config place(struct object *object, const struct bo_flash *flash,
                                    const struct adapter_settings *s)
{
    assert(s->values[OPTION_BUFFER] <= options[OPTION_BUFFER].max);
    struct layout l = lay_out(&flash->geometry, s);
    uint8_t *base = (uint8_t *)object;
    object->cache = (struct seq_cache){
        .states = s->values[OPTION_STATES] ? base + l.states : NULL,
        .sectors = s->values[OPTION_POINTERS]
                       ? (struct seq_cache_sector *)(void *)(base + l.sectors)
                       : NULL,
    };
    object->buffer_size = l.buffer_size;
    object->work = base + l.work;
    object->item = base + l.buffers;
    object->hold = object->item + l.buffer_size;
    object->buffers = s->values[OPTION_BUFFER] != 0;
    object->locked = object->breaks_lock = false;
    buffered_init(&object->front,
                  &(struct buffered_config){.queue = &object->queue,
                                            .ring = base + l.ring,
                                            .ring_size = (uint32_t)s->values[OPTION_BUFFER],
                                            .hold = object->hold,
                                            .hold_size = l.buffer_size,
                                            .lock = lock,
                                            .unlock = unlock,
                                            .context = object});
    return (struct seqqueue_config){
        .flash = flash,
        .work = object->work,
        .work_size = l.work_size,
        .cache = &object->cache,
    };
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    return lay_out(g, s).total;
}

/* The harness sees what an append drops by the sectors that are erased. If what waits in RAM went
 * once around the ring in a single call, it would be dropped as soon as it is put in, unseen. */
static bool goes_around(const struct bo_flash_geometry *g, uint64_t waiting)
{
    uint64_t word = seq_word_size(g), header = word > 8 ? word : 8;
    uint64_t items = waiting / BUFFERED_OVERHEAD + 1, most = seqqueue_length_max(g);
    uint64_t bytes = items * (header + word) + waiting + most;
    return bytes / (most + header) + 1 >= g->sector_count;
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    if (!seqqueue_geometry_usable(g))
        return "needs a chip whose erased bytes are 0xff, and sectors with room for 3 words and an "
               "item header (of two items where a unit may be programmed once)";
    if (s->values[OPTION_BUFFER] != 0 && goes_around(g, s->values[OPTION_BUFFER]))
        return "needs a buffer that does not fill all sectors; give it fewer bytes, or the chip "
               "more sectors";
    return NULL;
}

/* With the buffer a call may put items into several sectors, and which is not seen from outside. */
static uint32_t ring(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                     uint32_t *ahead)
{
    assert(g->sector_count > 0);
    *ahead = s->values[OPTION_BUFFER] != 0 ? g->sector_count - 1 : 0;
    return g->sector_count;
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)s;
    *key_size_min = *key_size_max = 0;
    *value_size_max = seqqueue_length_max(g);
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct seqqueue_config config = place(object, flash, s);
    return list_answer(seqqueue_mount(&object->queue, &config));
}

static enum answer reset(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct seqqueue_config config = place(object, flash, s);
    return list_answer(seqqueue_format(&object->queue, &config));
}

/* Puts an item in. What waits in RAM goes first when there is no room for one more; one that can
 * never wait there goes to the flash, after all others. */
static enum answer put(struct object *object, const void *data, uint32_t size, bool overwrite)
{
    const struct bo_flash_geometry *g = &object->queue.seq.flash->geometry;
    if (object->buffers && size > seqqueue_length_max(g)) return ANSWER_TOO_BIG;
    int error = QUEUE_ERR_TOO_BIG, drained = BO_FLASH_OK;
    while (object->buffers && !drained) {
        error = buffered_enqueue(&object->front, data, size, BUFFERED_REJECT);
        if (error != QUEUE_ERR_FULL) break;
        drained = buffered_drain_one(&object->front, overwrite);
    }
    if (drained) return front_answer(object, drained);
    if (error != QUEUE_ERR_TOO_BIG) return front_answer(object, error);
    error = object->buffers ? buffered_drain_all(&object->front, overwrite) : BO_FLASH_OK;
    if (!error) error = seqqueue_push(&object->queue, data, size, overwrite);
    return front_answer(object, error);
}

static enum answer push(void *memory, const void *data, uint32_t size)
{
    return put(memory, data, size, false);
}

static enum answer append(void *memory, const void *data, uint32_t size, uint64_t time)
{
    const struct object *object = memory;
    (void)time;
    /* What is dropped may be in RAM or on the flash: more than the harness can know. */
    return object->buffers ? ANSWER_UNSUPPORTED : put(memory, data, size, true);
}

static enum answer peek(void *memory, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct object *object = memory;
    return front_answer(object, object->buffers
                                    ? buffered_peek(&object->front, buffer, capacity, size)
                                    : seqqueue_peek(&object->queue, buffer, capacity, size));
}

/* Takes out an item of the flash; the oldest one by the call that is made for that. */
static int take(struct object *object, uint32_t place, void *buffer, uint32_t capacity,
                uint32_t *size, uint32_t *passed)
{
    struct seqqueue_iterator at;
    int error;
    *passed = 0;
    if (place == 0) return seqqueue_pop(&object->queue, buffer, capacity, size);
    seqqueue_iterate(&at);
    for (;; ++*passed) {
        error = seqqueue_next(&object->queue, &at, buffer, capacity, size);
        if (error || *passed == place) break;
    }
    return error ? error : seqqueue_take(&object->queue, &at);
}

/* In RAM the front gives up its oldest item only: for another one those before it are drained. */
static enum answer pop(void *memory, uint32_t place, void *buffer, uint32_t capacity,
                       uint32_t *size)
{
    struct object *object = memory;
    if (object->queue.seq.flash->geometry.programs_per_unit == 1) return ANSWER_UNSUPPORTED;
    for (;;) {
        uint32_t passed;
        int error = take(object, place, buffer, capacity, size, &passed);
        if (!object->buffers || error != QUEUE_ERR_EMPTY) return list_answer(error);
        assert(passed <= place && "no item after it was passed");
        if (place - passed >= buffered_pending(&object->front)) return ANSWER_NOT_FOUND;
        if (place == 0)
            return front_answer(object, buffered_pop(&object->front, buffer, capacity, size));
        error = buffered_drain_one(&object->front, false);
        if (error)
            return error == QUEUE_ERR_FULL ? ANSWER_UNSUPPORTED : front_answer(object, error);
    }
}

static enum answer sync_all(void *memory)
{
    struct object *object = memory;
    return object->buffers ? front_answer(object, buffered_drain_all(&object->front, false))
                           : ANSWER_OK;
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    enum answer answer = list_answer(seqqueue_clear(&object->queue));
    uint32_t size;
    if (answer != ANSWER_OK || !object->buffers) return answer;
    while (buffered_pending(&object->front) != 0 && answer == ANSWER_OK)
        answer =
            list_answer(buffered_pop(&object->front, object->item, object->buffer_size, &size));
    return answer;
}

static enum answer fits(void *memory, uint32_t *size)
{
    struct object *object = memory;
    return object->buffers ? ANSWER_UNSUPPORTED
                           : list_answer(seqqueue_max_fit(&object->queue, size));
}

/* An item takes a part of one sector; the rest of the head is less than a whole one. */
static enum answer space(void *memory, uint32_t size, uint64_t *count)
{
    struct object *object = memory;
    const struct seq *seq = &object->queue.seq;
    uint64_t bytes, item = seq_item_size(seq, size);
    uint64_t sector = seq_item_size(seq, seqqueue_length_max(&seq->flash->geometry));
    if (object->buffers) return ANSWER_UNSUPPORTED;
    enum answer answer = list_answer(seqqueue_space_left(&object->queue, &bytes));
    if (answer != ANSWER_OK) return answer;
    assert(item != 0 && item <= sector);
    *count = bytes / sector * (sector / item) + bytes % sector / item;
    return ANSWER_OK;
}

/* What is on the flash. */
static enum answer each(void *memory, adapter_item *item, void *context)
{
    struct object *object = memory;
    struct seqqueue_iterator at;
    seqqueue_iterate(&at);
    for (;;) {
        uint32_t size;
        int error = seqqueue_next(&object->queue, &at, object->item, object->buffer_size, &size);
        if (error == QUEUE_ERR_EMPTY) return ANSWER_OK;
        if (error) return list_answer(error);
        item(context, 0, object->item, size);
    }
}

static bool buffers(const struct adapter_settings *s)
{
    return s->values[OPTION_BUFFER] != 0;
}

static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    struct bo_bound bound = {0, 0};
    if (call == ADAPTER_CALL_MOUNT)
        bound = seqqueue_bound(g, SEQQUEUE_CALL_MOUNT);
    else if (buffers(s)) /* a call may be several */
        bound.reads = 0;
    else if (call == ADAPTER_CALL_FITS || call == ADAPTER_CALL_PEEK || call == ADAPTER_CALL_SPACE)
        bound = seqqueue_bound(g, SEQQUEUE_CALL_PEEK);
    else if (call == ADAPTER_CALL_PUSH)
        bound = seqqueue_bound(g, SEQQUEUE_CALL_PUSH);
    else if (call == ADAPTER_CALL_CLEAR)
        bound = seqqueue_bound(g, SEQQUEUE_CALL_CLEAR);
    /* Reading all, and popping a later item, are as many calls as there are items. */
    if (bound.reads != 0 && bound.changes == 0) bound.changes = ADAPTER_NO_CALL;
    return (struct adapter_bound){.reads = bound.reads, .changes = bound.changes};
}

static const struct adapter_list list = {
    .push = push,
    .append = append,
    .peek = peek,
    .pop = pop,
    .clear = clear,
    .sync = sync_all,
    .fits = fits,
    .space = space,
    .space_sectors = 1, /* the head, where all in it was popped */
    .each = each,
    .buffers = buffers,
    .ring = ring,
};

const struct adapter adapter_seqqueue = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_QUEUE,
    .name = "seqqueue",
    .summary = "queue in the flash format of sequential-storage, cured of its power-loss bugs",
    .claims_by = seq_claims,
    .widened = ADAPTER_CLEAR_MAY_STOP | ADAPTER_FORMAT_MAY_STOP | ADAPTER_DROP_IN_PART,
    .widened_why = "clear pops item by item, so a cut leaves some of them; an overwriting push "
                   "that is cut leaves any of the items of the sector that it erases, and a format "
                   "any part of what was there",
    .options = options,
    .relies_on_and = false,
    .promised = ADAPTER_RESET_MOUNTS | ADAPTER_TELLS_FLASH,
    .refuses = refuses,
    .object_size = object_size,
    .limits = limits,
    .panic = panic,
    .reset = reset,
    .mount = mount,
    .bound = bound,
    .inspect = seq_sectors_print,
    .list = &list,
};
