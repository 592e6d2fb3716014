/* original_queue.c - the queue of the Rust crate sequential-storage 8.0.1 as it is, faults and all.
 *
 * Method. The sectors form a ring: closed ones, oldest first, then at most one partial sector that
 * takes new items; open (erased) ones may lie anywhere after the oldest item. A pop erases its
 * item in place. A sector is erased when everything in it and in all older ones was popped and an
 * iteration walks past it, be it one that only peeks; or when a push needs it, popped empty or with
 * leave to overwrite.
 *
 * Recovery. Power-on reads nothing. An operation that meets a sector whose end alone is marked has
 * all such sectors erased and is tried once more. A pop itself is not.
 */
#include "fuzz/subjects/original.h"
#include "fuzz/subjects/subjects.h"

#include <string.h>

struct original_queue {
    struct original original; /* first: the functions below are about that */
    bool find_max_fit;        /* what fits is as the crate returns it */
};

/* The sector of the newest item. */
static int youngest(const struct original *queue, uint32_t *sector)
{
    uint32_t closed = 0;
    int error = original_first_in_state(queue, 0, ORIGINAL_PARTIAL, sector);
    if (error != ORIGINAL_NONE) return error;
    *sector = 0;
    error = original_first_in_state(queue, 0, ORIGINAL_CLOSED, &closed);
    if (error) return error == ORIGINAL_NONE ? 0 : error;
    error = original_first_in_state(queue, closed, ORIGINAL_OPEN, sector);
    return error == ORIGINAL_NONE ? ORIGINAL_CORRUPTED : error;
}

/* The sector of the oldest item. */
static int oldest(const struct original *queue, uint32_t *sector)
{
    uint32_t newest = 0;
    int error = youngest(queue, &newest);
    if (error) return error;
    *sector = newest;
    error = original_first_in_state(queue, newest, ORIGINAL_CLOSED, sector);
    return error == ORIGINAL_NONE ? 0 : error;
}

/* Whether everything in a sector of that state was popped: 1, 0 or an error. What is torn was
 * not. */
static int is_empty(const struct original *queue, uint32_t sector, int state)
{
    struct original_item item;
    if (state != ORIGINAL_CLOSED) return state == ORIGINAL_OPEN;
    uint64_t address = original_payload_start(queue, sector);
    uint64_t end = original_payload_end(queue, address);
    for (;;) {
        int more = original_next_header(queue, &address, end, &item);
        if (more < 0) return more;
        if (!more) return 1;
        if (item.crc) return 0;
    }
}

/* --- push --- */

/* The sector is full: goes on to the next, which is erased first when it is not open. */
static int advance(const struct original *queue, uint32_t sector, bool overwrite)
{
    uint32_t next = original_next_of(queue, sector);
    int state = original_state_of(queue, next);
    if (state < 0) return state;
    if (state == ORIGINAL_PARTIAL && next != sector) return ORIGINAL_CORRUPTED;
    if (state != ORIGINAL_OPEN) {
        int empty = overwrite ? 1 : is_empty(queue, next, state);
        if (empty < 1) return empty ? empty : ORIGINAL_FULL;
        int error = original_open_sector(queue, next);
        if (error) return error;
    }
    int error = next == sector ? 0 : original_close_sector(queue, sector);
    if (error) return error;
    state = original_partial_close(queue, next);
    return state < 0 ? state : 0;
}

/* Pushes what is in queue->data. */
static int push(const struct original *queue, uint32_t length, bool overwrite)
{
    uint32_t sector = 0;
    uint64_t address = 0;
    int error = youngest(queue, &sector);
    if (error) return error;
    int state = original_partial_close(queue, sector);
    if (state < 0) return state;
    error = original_free_spot(queue, sector, length, &address);
    if (error == ORIGINAL_NONE) {
        error = advance(queue, sector, overwrite);
        address = original_payload_start(queue, original_next_of(queue, sector));
    }
    return error ? error : original_write_item(queue, address, length);
}

/* What the crate calls find_max_fit. It forgets the header of the item where the next sector can be
 * used, and takes a single sector in use for damage; `right` does neither. */
static int largest_that_fits(const struct original *queue, bool right, uint32_t *size)
{
    uint32_t sector = 0;
    uint64_t address = 0;
    int error = youngest(queue, &sector);
    if (error) return error;
    uint32_t next = original_next_of(queue, sector);
    int state = original_state_of(queue, next);
    if (state < 0) return state;
    if (state == ORIGINAL_PARTIAL && !(right && next == sector)) return ORIGINAL_CORRUPTED;
    int empty = is_empty(queue, next, state);
    if (empty < 0) return empty;
    *size = queue->sector_size - 2 * queue->word - (right ? queue->header_size : 0);
    if (empty && !(right && next == sector)) return 0;
    error = original_free_spot(queue, sector, 0, &address);
    if (error) return error == ORIGINAL_NONE ? ORIGINAL_FULL : error;
    uint64_t room = original_payload_end(queue, address) - address;
    *size = original_down(queue, (uint32_t)room) - queue->header_size;
    return 0;
}

/* --- iterate --- */

struct iterator {
    const struct original *queue;
    uint32_t oldest, sector;
    uint64_t address;                                      /* of the next header */
    bool at_end;                                           /* of the sector */
    enum { ALL_POPPED, ALL_BUT_CURRENT, UNPOPPED } popped; /* since the iteration began */
    struct original_item item;
};

static int begin(struct iterator *iterator)
{
    const struct original *queue = iterator->queue;
    int error = oldest(queue, &iterator->oldest);
    if (error) return error;
    iterator->sector = iterator->oldest;
    iterator->address = original_payload_start(queue, iterator->oldest);
    iterator->at_end = false;
    iterator->popped = ALL_POPPED;
    return 0;
}

/* NONE at the end of the queue. A sector is erased on the way when it and all before it were popped
 * empty; what stays in one sector keeps those after it. */
static int next_sector(struct iterator *iterator)
{
    const struct original *queue = iterator->queue;
    uint32_t next = original_next_of(queue, iterator->sector);
    int state = original_state_of(queue, next);
    if (state < 0) return state;
    if (state == ORIGINAL_OPEN || next == iterator->oldest) return ORIGINAL_NONE;
    int error = iterator->popped == ALL_POPPED ? original_open_sector(queue, iterator->sector) : 0;
    if (error) return error;
    iterator->sector = next;
    iterator->address = original_payload_start(queue, next);
    iterator->at_end = false;
    return 0;
}

/* Finds the next item, whose bytes are then in queue->data: 0, NONE at the end, or an error. */
static int next_item(struct iterator *iterator)
{
    const struct original *queue = iterator->queue;
    struct original_item *item = &iterator->item;
    if (iterator->popped == ALL_BUT_CURRENT) iterator->popped = UNPOPPED;
    for (;;) {
        int error = iterator->at_end ? next_sector(iterator) : 0;
        if (error) return error;
        uint64_t end = original_payload_end(queue, original_payload_start(queue, iterator->sector));
        int more = original_next_header(queue, &iterator->address, end, item);
        if (more < 0) return more;
        iterator->at_end = !more;
        if (!more || item->crc == 0) continue;
        int body = original_read_body(queue, item, end);
        if (body < 0) return body;
        if (body != ORIGINAL_PRESENT) continue;
        if (iterator->popped == ALL_POPPED) iterator->popped = ALL_BUT_CURRENT;
        return 0;
    }
}

static int pop_current(struct iterator *iterator)
{
    if (iterator->popped == ALL_BUT_CURRENT) iterator->popped = ALL_POPPED;
    return original_erase_item(iterator->queue, &iterator->item);
}

/* --- requests --- */

struct request {
    enum { REQUEST_PUSH, REQUEST_FITS, REQUEST_BEGIN, REQUEST_NEXT } kind;
    uint32_t size;
    bool overwrite;
    bool right; /* what fits, and not what the crate says */
    struct iterator *iterator;
};

static int run_once(const struct original *queue, struct request *request)
{
    switch (request->kind) {
    case REQUEST_PUSH:
        return push(queue, request->size, request->overwrite);
    case REQUEST_FITS:
        return largest_that_fits(queue, request->right, &request->size);
    case REQUEST_BEGIN:
        return begin(request->iterator);
    case REQUEST_NEXT:
        return next_item(request->iterator);
    }
    return ORIGINAL_CORRUPTED;
}

/* Every operation: when the queue turns out to be corrupted it is repaired and asked once more. */
static int run(const struct original *queue, struct request *request)
{
    int error = run_once(queue, request);
    if (error != ORIGINAL_CORRUPTED) return error;
    error = original_repair(queue);
    return error ? error : run_once(queue, request);
}

static int iterate(struct iterator *iterator, const struct original *queue)
{
    iterator->queue = queue;
    return run(queue, &(struct request){.kind = REQUEST_BEGIN, .iterator = iterator});
}

static int iterate_on(struct iterator *iterator)
{
    return run(iterator->queue, &(struct request){.kind = REQUEST_NEXT, .iterator = iterator});
}

/* --- the adapter --- */

static enum answer push_item(const struct original *queue, const void *data, uint32_t size,
                             bool overwrite)
{
    struct request request = {.kind = REQUEST_PUSH, .size = size, .overwrite = overwrite};
    if (size > queue->length_max) return ANSWER_TOO_BIG;
    if (size) memcpy(queue->data, data, size);
    return original_answer(run(queue, &request));
}

static enum answer queue_push(void *object, const void *data, uint32_t size)
{
    return push_item(object, data, size, false);
}

static enum answer queue_append(void *object, const void *data, uint32_t size, uint64_t time)
{
    (void)time;
    return push_item(object, data, size, true);
}

/* Iterates to the item `place` places after the oldest. */
static int find_place(struct iterator *iterator, const struct original *queue, uint32_t place)
{
    int error = iterate(iterator, queue);
    for (uint32_t i = 0; i <= place && !error; i++)
        error = iterate_on(iterator);
    return error;
}

static void copy_item(const struct iterator *iterator, void *buffer, uint32_t capacity,
                      uint32_t *size)
{
    *size = iterator->item.length;
    uint32_t part = *size < capacity ? *size : capacity;
    if (part) memcpy(buffer, iterator->queue->data, part);
}

static enum answer queue_peek(void *object, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct iterator iterator;
    int error = find_place(&iterator, object, 0);
    if (!error) copy_item(&iterator, buffer, capacity, size);
    return original_answer(error);
}

/* The crate wants a part on which a word can be programmed twice here. */
static enum answer queue_pop(void *object, uint32_t place, void *buffer, uint32_t capacity,
                             uint32_t *size)
{
    struct iterator iterator;
    const struct original *queue = object;
    if (queue->flash->geometry.programs_per_unit == 1) return ANSWER_UNSUPPORTED;
    int error = find_place(&iterator, queue, place);
    if (error) return original_answer(error);
    copy_item(&iterator, buffer, capacity, size);
    return original_answer(pop_current(&iterator));
}

/* What the crate calls erase_all. */
static enum answer queue_clear(void *object)
{
    const struct original *queue = object;
    for (uint32_t sector = 0; sector < queue->sector_count; sector++) {
        int error = original_open_sector(queue, sector);
        if (error) return original_answer(error);
    }
    return ANSWER_OK;
}

static enum answer queue_fits(void *object, uint32_t *size)
{
    const struct original_queue *queue = object;
    struct request request = {.kind = REQUEST_FITS, .right = !queue->find_max_fit};
    int error = run(object, &request);
    *size = request.size;
    return original_answer(error);
}

static enum answer queue_each(void *object, adapter_item *item, void *context)
{
    struct iterator iterator;
    const struct original *queue = object;
    int error = iterate(&iterator, queue);
    while (!error) {
        error = iterate_on(&iterator);
        if (!error) item(context, 0, queue->data, iterator.item.length);
    }
    return original_answer(error == ORIGINAL_NONE ? 0 : error);
}

static const char *queue_refuses(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings)
{
    (void)settings;
    if (geometry->erased != 0xFF) return "needs a chip whose erased bytes are 0xff";
    if (geometry->sector_size < 3 * original_word_of(geometry) + original_header_size_of(geometry))
        return "needs sectors with room for 3 words and an item header";
    return NULL;
}

static size_t queue_object_size(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings)
{
    (void)settings;
    return sizeof(struct original_queue) + original_capacity_of(geometry);
}

static void queue_limits(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings, uint32_t *key_size_min,
                         uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)settings;
    *key_size_min = *key_size_max = 0;
    *value_size_max = original_length_max_of(geometry);
}

static enum answer queue_mount(void *object, const struct bo_flash *flash,
                               const struct adapter_settings *settings)
{
    struct original_queue *queue = object;
    original_init(&queue->original, flash, (uint8_t *)object + sizeof *queue);
    queue->find_max_fit = settings->values[0] != 0;
    return ANSWER_OK;
}

/* Far above what happens: it supposes damage at every word. */
static struct adapter_bound queue_bound(const struct bo_flash_geometry *geometry,
                                        const struct adapter_settings *settings,
                                        enum adapter_call call)
{
    (void)settings;
    (void)call;
    uint64_t sectors = geometry->sector_count;
    uint64_t words = geometry->sector_size / original_word_of(geometry);
    uint64_t programs = geometry->sector_size / geometry->unit;
    uint64_t calls = 2 * sectors * (4 * words + 16) + 2 * (programs + 16);
    return (struct adapter_bound){calls, calls};
}

static const struct adapter_option options[] = {
    {.name = "fits",
     .summary = "1: fits() returns what the crate does, which is often wrong",
     .max = 1},
    {.name = NULL},
};

static const struct adapter_list calls = {
    .push = queue_push,
    .append = queue_append,
    .peek = queue_peek,
    .pop = queue_pop,
    .clear = queue_clear,
    .fits = queue_fits,
    .each = queue_each,
};

const struct adapter adapter_original_queue = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_QUEUE,
    .name = "original-queue",
    .summary = "subject: the queue of sequential-storage 8.0.1 as it is, uncached, faults and all",
    .claims = "edge,prefix",
    .widened = ADAPTER_CLEAR_MAY_STOP,
    .widened_why = "erase_all erases sector by sector, so a cut leaves some of the items",
    .options = options,
    .refuses = queue_refuses,
    .object_size = queue_object_size,
    .limits = queue_limits,
    .mount = queue_mount,
    .bound = queue_bound,
    .list = &calls,
};
