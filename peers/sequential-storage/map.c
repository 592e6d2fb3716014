/* map.c - the map of the crate sequential-storage as a plug-in: what it does is the crate's. */
#include "peers/sequential-storage/crate.h"

static enum answer map_store(void *object, const void *key, uint32_t key_size, const void *value,
                             uint32_t value_size)
{
    const struct crate_object *map = object;
    if (key_size > map->item_size_max - 2) return ANSWER_TOO_BIG;
    if (value_size > map->item_size_max) return ANSWER_TOO_BIG;
    return crate_ask(map, (struct crate_request){.call = CRATE_STORE,
                                                 .key = key,
                                                 .key_size = key_size,
                                                 .data = value,
                                                 .data_size = value_size});
}

static enum answer map_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                             uint32_t capacity, uint32_t *value_size)
{
    const struct crate_object *map = object;
    struct crate_copy copy = {buffer, capacity, 0};
    if (key_size > map->item_size_max - 2) return ANSWER_NOT_FOUND;
    enum answer answer = crate_ask(map, (struct crate_request){.call = CRATE_FETCH,
                                                               .key = key,
                                                               .key_size = key_size,
                                                               .visit = crate_copy_data,
                                                               .context = &copy});
    if (answer == ANSWER_OK) *value_size = copy.size;
    return answer;
}

static enum answer map_remove(void *object, const void *key, uint32_t key_size)
{
    const struct crate_object *map = object;
    if (!map->removes) return ANSWER_UNSUPPORTED;
    if (key_size > map->item_size_max - 2) return ANSWER_NOT_FOUND;
    return crate_ask(
        map, (struct crate_request){.call = CRATE_REMOVE, .key = key, .key_size = key_size});
}

static enum answer map_clear(void *object)
{
    const struct crate_object *map = object;
    if (!map->removes) return ANSWER_UNSUPPORTED;
    return crate_ask(map, (struct crate_request){.call = CRATE_REMOVE_ALL});
}

struct visitor {
    adapter_visit *visit;
    void *context;
};

static void visit_value(void *context, const uint8_t *key, uint32_t key_size, const uint8_t *data,
                        uint32_t size)
{
    const struct visitor *visitor = context;
    visitor->visit(visitor->context, key, key_size, data, size);
}

static enum answer map_each(void *object, adapter_visit *visit, void *context)
{
    struct visitor visitor = {visit, context};
    return crate_ask(object, (struct crate_request){.call = CRATE_EACH_VALUE,
                                                    .visit = visit_value,
                                                    .context = &visitor});
}

static const char *map_refuses(const struct bo_flash_geometry *geometry,
                               const struct adapter_settings *settings)
{
    (void)settings;
    return crate_refuses(geometry, 2);
}

static void map_limits(const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings, uint32_t *key_size_min,
                       uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)settings;
    *key_size_min = 0;
    *key_size_max = *value_size_max = crate_item_size_max(geometry) - 2;
}

static const struct adapter_map calls = {
    .store = map_store,
    .fetch = map_fetch,
    .remove = map_remove,
    .clear = map_clear,
    .each = map_each,
};

static const struct adapter adapter = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "crate-map",
    .summary = "the map of the Rust crate sequential-storage 8.0.1 itself, uncached",
    .claims = "edge,prefix",
    .widened = ADAPTER_CLEAR_MAY_STOP,
    .widened_why = "remove_all_items erases item by item",
    .refuses = map_refuses,
    .object_size = crate_object_size,
    .limits = map_limits,
    .mount = crate_mount,
    .map = &calls,
};

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    return &adapter;
}
