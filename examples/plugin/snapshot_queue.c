/* snapshot_queue.c - a queue as a plugin: the slots of two_slots.c, which hold items instead of
 * settings.
 *
 * An item is a setting without a key; the snapshot holds them oldest first. So each push and each
 * pop writes all that is held: simple, sound, and dear.
 */
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter

static uint8_t *first_item(struct store *store)
{
    return store->now + HEADER;
}

/* An item that lies some places after the oldest; NULL when there is none. */
static uint8_t *item_at(struct store *store, uint32_t place)
{
    uint8_t *item = first_item(store), *end = item + store->size;
    while (item < end && place-- > 0)
        item += setting_size(item);
    return item < end ? item : NULL;
}

/* The snapshot from this item on, and one more. */
static enum answer add(struct store *store, const uint8_t *from, const void *data, uint32_t size)
{
    uint32_t kept = store->size - (uint32_t)(from - first_item(store));
    uint8_t *item = store->next + HEADER + kept;
    memcpy(store->next + HEADER, from, kept);
    put(item, 1, 0);
    put(item + 1, 2, size);
    memcpy(item + 3, data, size);
    return commit(store, kept + 3 + size) ? ANSWER_FLASH : ANSWER_OK;
}

static uint32_t room_after(struct store *store, const uint8_t *from)
{
    uint32_t kept = store->size - (uint32_t)(from - first_item(store));
    return sector_size(store) - HEADER - kept;
}

static enum answer queue_push(void *object, const void *data, uint32_t size)
{
    struct store *store = object;
    if (size > sector_size(store)) return ANSWER_TOO_BIG;
    if (room_after(store, first_item(store)) < 3 + size) return ANSWER_FULL;
    return add(store, first_item(store), data, size);
}

static enum answer queue_append(void *object, const void *data, uint32_t size, uint64_t time)
{
    struct store *store = object;
    const uint8_t *from = first_item(store);
    (void)time;
    if (3 + size > sector_size(store) - HEADER) return ANSWER_TOO_BIG;
    while (room_after(store, from) < 3 + size)
        from += setting_size(from);
    return add(store, from, data, size);
}

static enum answer take(const uint8_t *item, void *buffer, uint32_t capacity, uint32_t *size)
{
    if (!item) return ANSWER_NOT_FOUND;
    *size = get(item + 1, 2);
    memcpy(buffer, item + 3, *size < capacity ? *size : capacity);
    return ANSWER_OK;
}

static enum answer queue_peek(void *object, void *buffer, uint32_t capacity, uint32_t *size)
{
    return take(item_at(object, 0), buffer, capacity, size);
}

static enum answer queue_pop(void *object, uint32_t place, void *buffer, uint32_t capacity,
                             uint32_t *size)
{
    const uint8_t *item = item_at(object, place);
    enum answer answer = take(item, buffer, capacity, size);
    if (answer != ANSWER_OK) return answer;
    return commit(object, copy_without(object, item)) ? ANSWER_FLASH : ANSWER_OK;
}

static enum answer queue_each(void *object, adapter_item *item, void *context)
{
    const uint8_t *one;
    for (uint32_t place = 0; (one = item_at(object, place)); place++)
        item(context, 0, one + 3, get(one + 1, 2));
    return ANSWER_OK;
}

static void queue_limits(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings, uint32_t *key_size_min,
                         uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)settings;
    *key_size_min = *key_size_max = 0;
    *value_size_max = geometry->sector_size - HEADER - 3;
}

/* Each append writes all that it keeps into the other sector. So an item may have been dropped as
 * soon as any of the two was erased since it was put in. */
static uint32_t queue_ring(const struct bo_flash_geometry *geometry,
                           const struct adapter_settings *settings, uint32_t *ahead)
{
    (void)geometry, (void)settings;
    *ahead = 1;
    return 2;
}

static const struct adapter_list queue_calls = {
    .push = queue_push,
    .append = queue_append,
    .peek = queue_peek,
    .pop = queue_pop,
    .clear = slots_clear,
    .each = queue_each,
    .ring = queue_ring,
};

static const struct adapter snapshot_queue = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_QUEUE,
    .name = "snapshot-queue",
    .summary = "example plugin: all items as one snapshot, in two sectors by turns",
    .claims = "edge,prefix,bits,zeros",
    .refuses = slots_refuses,
    .object_size = slots_object_size,
    .limits = queue_limits,
    .format = slots_format,
    .mount = slots_mount,
    .list = &queue_calls,
};

adapter_entry brownout_adapter;

const struct adapter *brownout_adapter(void)
{
    return &snapshot_queue;
}
