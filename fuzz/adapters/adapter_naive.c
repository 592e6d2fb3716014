/* adapter_naive.c - drives engines/map/naive. The work buffer is as large as a sector, unless
 * less is asked for. */
#include <assert.h>

#include "engines/map/naive.h"
#include "fuzz/adapters/adapter_map.h"

enum { OPTION_WORK };

/* Fixed: it is large as a rule, and a small one makes the engine refuse most values. */
static const struct adapter_option options[] = {
    {.name = "work",
     .summary = "bytes of the work buffer, at least 64; 0: as large as a sector",
     .max = 65536,
     .fixed = true},
    {.name = NULL},
};

/* The engine object: the struct, then what each() copies to and its scratch memory. */
struct object {
    struct naive map;
    uint32_t buffer_size; /* of each of the two */
    uint8_t buffers[];
};

#define HEADER_SIZE 12u
#define KEY_SIZE_MAX 255u
#define SECTOR_SIZE_MIN 64u
#define WORK_SIZE_MIN 64u

_Static_assert(SECTOR_SIZE_MIN > HEADER_SIZE, "a sector that is not refused has room for a key");

static uint32_t buffer_size_of(const struct bo_flash_geometry *g)
{
    uint32_t size = g->sector_size < 65536u + 512u ? g->sector_size : 65536u + 512u;
    return size < 64u ? 64u : size + 64u;
}

static uint32_t work_size_of(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    uint32_t asked = (uint32_t)s->values[OPTION_WORK];
    assert(asked <= options[OPTION_WORK].max && buffer_size_of(g) >= WORK_SIZE_MIN);
    return asked ? asked : buffer_size_of(g);
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    return sizeof(struct object) + 2 * (size_t)buffer_size_of(g) + work_size_of(g, s);
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    if (g->sector_size < SECTOR_SIZE_MIN) return "needs sectors of at least 64 bytes";
    if (work_size_of(g, s) < WORK_SIZE_MIN) return "needs a work buffer of at least 64 bytes";
    return g->erased == 0xFF ? NULL : "needs a chip whose erased bytes are 0xff";
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    assert(g->sector_size >= SECTOR_SIZE_MIN && "refuses() was asked first");
    *key_size_min = 0;
    *key_size_max =
        g->sector_size - HEADER_SIZE < KEY_SIZE_MAX ? g->sector_size - HEADER_SIZE : KEY_SIZE_MAX;
    *value_size_max = g->sector_size < 65535u ? g->sector_size : 65535u;
    if (*value_size_max > work_size_of(g, s)) *value_size_max = work_size_of(g, s);
}

static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    struct bo_bound bound = naive_bound(g);
    (void)s;
    if (call == ADAPTER_CALL_CLEAR || call == ADAPTER_CALL_FORMAT)
        return (struct adapter_bound){.changes = g->sector_count};
    if (call == ADAPTER_CALL_EACH) bound.reads *= 2; /* each entry is asked for twice */
    return (struct adapter_bound){.reads = bound.reads, .changes = bound.changes};
}

static struct naive_config place(struct object *object, const struct bo_flash *flash,
                                 const struct adapter_settings *s)
{
    object->buffer_size = buffer_size_of(&flash->geometry);
    assert(refuses(&flash->geometry, s) == NULL && "that was asked first");
    return (struct naive_config){.flash = flash,
                                 .work = object->buffers + 2 * (size_t)object->buffer_size,
                                 .work_size = work_size_of(&flash->geometry, s)};
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct naive_config config = place(object, flash, s);
    return map_answer(naive_mount(&object->map, &config));
}

static enum answer reset(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct naive_config config = place(object, flash, s);
    return map_answer(naive_format(&object->map, &config));
}

static enum answer store(void *memory, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    struct object *object = memory;
    return map_answer(naive_store(&object->map, key, key_size, value, value_size));
}

static enum answer fetch(void *memory, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    struct object *object = memory;
    return map_answer(naive_fetch(&object->map, key, key_size, buffer, capacity, value_size));
}

static enum answer remove_key(void *memory, const void *key, uint32_t key_size)
{
    struct object *object = memory;
    return map_answer(naive_remove(&object->map, key, key_size));
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    return map_answer(naive_remove_all(&object->map));
}

/* As by a user who asks for the lengths before: the buffers are just large enough. */
static enum answer each(void *memory, adapter_visit *visit, void *context)
{
    struct object *object = memory;
    uint8_t *key = object->buffers, *value = key + object->buffer_size;
    struct naive_iterator iterator;
    naive_iterate(&iterator);
    for (;;) {
        uint32_t key_size, value_size;
        int error = naive_next(&object->map, &iterator, key, 0, &key_size, value, 0, &value_size);
        if (error == MAP_ERR_BUFFER && key_size <= object->buffer_size &&
            value_size <= object->buffer_size)
            error = naive_next(&object->map, &iterator, key, key_size, &key_size, value, value_size,
                               &value_size);
        if (error == MAP_ERR_NOT_FOUND) return ANSWER_OK;
        if (error) return map_answer(error);
        assert(key_size <= object->buffer_size && value_size <= object->buffer_size);
        visit(context, key, key_size, value, value_size);
    }
}

static const struct adapter_map map = {
    .store = store, .fetch = fetch, .remove = remove_key, .clear = clear, .each = each};

const struct adapter adapter_naive = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "naive",
    .summary = "one value in a sector, erased to update: the baseline that wears out",
    .claims = "edge,prefix,bits,zeros,fail",
    .promised = ADAPTER_FULL_CHANGES | ADAPTER_RESET_MOUNTS | ADAPTER_TELLS_FLASH,
    .options = options,
    .widened = ADAPTER_UPDATE_MAY_LOSE | ADAPTER_CLEAR_MAY_STOP | ADAPTER_FORMAT_MAY_STOP,
    .widened_why = "an update erases first, so a cut may lose the value; a clear or a format goes "
                   "key by key, so a cut leaves some of the keys",
    .refuses = refuses,
    .object_size = object_size,
    .limits = limits,
    .reset = reset,
    .mount = mount,
    .bound = bound,
    .map = &map,
};
