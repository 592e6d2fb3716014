/* tickv_plain.c - the map that the plug-in of the crate tickv makes of the crate's calls, made of
 * ours: a value is the object of its key's hash, after the key; to replace it is to invalidate and
 * to append; a full region is collected, once. After the same work the two images are equal.
 */
#include <string.h>

#include "engines/map/tickv_hash.h"
#include "engines/map/tickv_map.h"
#include "peers/cross/cross.h"

#define KEY_MAX 16u
#define OBJECT_MAX 4096u

struct object {
    struct tickv store;
    uint8_t work[256];
    uint8_t old[OBJECT_MAX], next[OBJECT_MAX];
};

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    (void)g, (void)s;
    return sizeof(struct object);
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    (void)s;
    return tickv_geometry_usable(g) && g->sector_size <= OBJECT_MAX
               ? NULL
               : "needs a chip that tickv can use, with sectors of up to 4096 bytes";
}

/* A tail and the main key may lie in the same region. */
static uint32_t value_max(uint32_t sector_size)
{
    uint32_t beside = 2 * TICKV_OVERHEAD + TICKV_TAIL + 1 + KEY_MAX;
    return sector_size > beside ? sector_size - beside : 0;
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)s;
    *key_size_min = 1;
    *key_size_max = KEY_MAX;
    *value_size_max = value_max(g->sector_size);
}

static enum answer answer(int error)
{
    switch (error) {
    case BO_FLASH_OK:
        return ANSWER_OK;
    case MAP_ERR_NOT_FOUND:
        return ANSWER_NOT_FOUND;
    case MAP_ERR_FULL:
        return ANSWER_FULL;
    case MAP_ERR_TOO_BIG:
        return ANSWER_TOO_BIG;
    case MAP_ERR_DAMAGED:
    case MAP_ERR_GEOMETRY:
        return ANSWER_DAMAGED;
    default:
        return ANSWER_FLASH;
    }
}

static struct tickv_config place(struct object *object, const struct bo_flash *flash)
{
    struct tickv_config config = {flash, TICKV_MAIN_HASH, object->work, sizeof object->work};
    return config;
}

static enum answer format(void *it, const struct bo_flash *flash, const struct adapter_settings *s)
{
    struct object *object = it;
    struct tickv_config config = place(object, flash);
    (void)s;
    return answer(tickv_format(&object->store, &config));
}

static enum answer mount(void *it, const struct bo_flash *flash, const struct adapter_settings *s)
{
    struct object *object = it;
    struct tickv_config config = place(object, flash);
    int error = tickv_mount(&object->store, &config);
    (void)s;
    return error == MAP_ERR_NOT_FOUND ? ANSWER_DAMAGED : answer(error);
}

/* What the hash of a key has, the key before the value. */
static int get(struct object *object, const void *key, uint32_t key_size, uint32_t *size)
{
    int error =
        tickv_get(&object->store, tickv_hash_std(key, key_size), object->old, OBJECT_MAX, size);
    bool other = !error && (*size < key_size + 1 || object->old[0] != key_size ||
                            memcmp(object->old + 1, key, key_size) != 0);
    return other ? (int)MAP_ERR_NOT_FOUND : error;
}

static int append(struct object *object, uint64_t hash, const uint8_t *bytes, uint32_t size)
{
    uint32_t freed;
    int error = tickv_append(&object->store, hash, bytes, size);
    if (error != MAP_ERR_FULL) return error;
    error = tickv_collect(&object->store, &freed);
    return error ? error : tickv_append(&object->store, hash, bytes, size);
}

static enum answer store(void *it, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    struct object *object = it;
    uint64_t hash = tickv_hash_std(key, key_size);
    uint32_t old_size = 0, size = 1 + key_size + value_size;
    if (key_size > KEY_MAX || value_size > value_max(object->store.region_size))
        return ANSWER_TOO_BIG;
    int old = get(object, key, key_size, &old_size), error = BO_FLASH_OK;
    object->next[0] = (uint8_t)key_size;
    memcpy(object->next + 1, key, key_size);
    if (value_size != 0) memcpy(object->next + 1 + key_size, value, value_size);
    if (old != MAP_ERR_NOT_FOUND) error = tickv_invalidate(&object->store, hash);
    if (error) return answer(error);
    error = append(object, hash, object->next, size);
    if (error == MAP_ERR_FULL && old == BO_FLASH_OK) {
        int back = append(object, hash, object->old, old_size);
        if (back) error = back;
    }
    return answer(error);
}

static enum answer fetch(void *it, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    struct object *object = it;
    uint32_t size, head = 1 + key_size;
    int error = get(object, key, key_size, &size);
    if (error) return answer(error);
    *value_size = size - head;
    memcpy(buffer, object->old + head, *value_size < capacity ? *value_size : capacity);
    return ANSWER_OK;
}

static enum answer remove_key(void *it, const void *key, uint32_t key_size)
{
    struct object *object = it;
    return answer(tickv_invalidate(&object->store, tickv_hash_std(key, key_size)));
}

/* Only the main key has an object without a value. */
static enum answer each(void *it, adapter_visit *visit, void *context)
{
    struct object *object = it;
    struct tickv_iterator at;
    tickv_iterate(&at);
    for (;;) {
        uint64_t hash;
        uint32_t size;
        int error = tickv_next(&object->store, &at, &hash, object->old, OBJECT_MAX, &size);
        if (error == MAP_ERR_NOT_FOUND) return ANSWER_OK;
        if (error) return answer(error);
        uint32_t head = 1u + object->old[0];
        if (size >= head)
            visit(context, object->old + 1, head - 1, object->old + head, size - head);
    }
}

static const struct adapter_map map = {
    .store = store, .fetch = fetch, .remove = remove_key, .each = each};

const struct adapter adapter_tickv_plain = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "tickv-plain",
    .summary = "the objects of tickv, used as the plug-in of the crate uses the crate",
    .claims = "edge,prefix",
    .widened = ADAPTER_UPDATE_MAY_LOSE,
    .widened_why = "a key is replaced by two calls, as with the crate",
    .refuses = refuses,
    .object_size = object_size,
    .limits = limits,
    .format = format,
    .mount = mount,
    .map = &map,
};
