/* queue.c - the queue of the crate sequential-storage as a plug-in: what it does is the crate's. */
#include "peers/sequential-storage/crate.h"

static enum answer put(const struct crate_object *queue, uint32_t call, const void *data,
                       uint32_t size)
{
    return crate_ask(queue, (struct crate_request){.call = call, .data = data, .data_size = size});
}

static enum answer queue_push(void *object, const void *data, uint32_t size)
{
    return put(object, CRATE_PUSH, data, size);
}

static enum answer queue_append(void *object, const void *data, uint32_t size, uint64_t time)
{
    (void)time;
    return put(object, CRATE_OVERWRITE, data, size);
}

/* Asks for one item. */
static enum answer take(const struct crate_object *queue, uint32_t call, uint32_t place,
                        struct crate_copy copy, uint32_t *size)
{
    enum answer answer = crate_ask(
        queue, (struct crate_request){
                   .call = call, .place = place, .visit = crate_copy_data, .context = &copy});
    if (answer == ANSWER_OK) *size = copy.size;
    return answer;
}

static enum answer queue_peek(void *object, void *buffer, uint32_t capacity, uint32_t *size)
{
    return take(object, CRATE_PEEK, 0, (struct crate_copy){buffer, capacity, 0}, size);
}

static enum answer queue_pop(void *object, uint32_t place, void *buffer, uint32_t capacity,
                             uint32_t *size)
{
    const struct crate_object *queue = object;
    if (!queue->removes) return ANSWER_UNSUPPORTED;
    return take(queue, CRATE_POP, place, (struct crate_copy){buffer, capacity, 0}, size);
}

static enum answer queue_clear(void *object)
{
    return crate_ask(object, (struct crate_request){.call = CRATE_ERASE_ALL});
}

static enum answer queue_fits(void *object, uint32_t *size)
{
    enum answer answer = take(object, CRATE_MAX_FIT, 0, (struct crate_copy){NULL, 0, 0}, size);
    return answer == ANSWER_NOT_FOUND ? ANSWER_FULL : answer;
}

struct visitor {
    adapter_item *item;
    void *context;
};

static void visit_item(void *context, const uint8_t *key, uint32_t key_size, const uint8_t *data,
                       uint32_t size)
{
    const struct visitor *visitor = context;
    (void)key, (void)key_size;
    visitor->item(visitor->context, 0, data, size);
}

static enum answer queue_each(void *object, adapter_item *item, void *context)
{
    struct visitor visitor = {item, context};
    return crate_ask(
        object,
        (struct crate_request){.call = CRATE_EACH_ITEM, .visit = visit_item, .context = &visitor});
}

static const char *queue_refuses(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings)
{
    (void)settings;
    return crate_refuses(geometry, 1);
}

static void queue_limits(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings, uint32_t *key_size_min,
                         uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)settings;
    *key_size_min = *key_size_max = 0;
    *value_size_max = crate_item_size_max(geometry);
}

static const struct adapter_list calls = {
    .push = queue_push,
    .append = queue_append,
    .peek = queue_peek,
    .pop = queue_pop,
    .clear = queue_clear,
    .fits = queue_fits,
    .each = queue_each,
};

static const struct adapter adapter = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_QUEUE,
    .name = "crate-queue",
    .summary = "the queue of the Rust crate sequential-storage 8.0.1 itself, uncached",
    .claims = "edge,prefix",
    .widened = ADAPTER_CLEAR_MAY_STOP,
    .widened_why = "erase_all erases sector by sector",
    .refuses = queue_refuses,
    .object_size = crate_object_size,
    .limits = queue_limits,
    .mount = crate_mount,
    .list = &calls,
};

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    return &adapter;
}
