/* adapter_tickv.c - drives engines/map/tickv_map.
 *
 * A flash without a main key has no map: it is damaged to the harness, which formats a blank chip
 * before it mounts. Two keys of one hash are not supported.
 */
#include <assert.h>

#include "engines/map/tickv_map_bound.h"
#include "fuzz/adapters/adapter_map.h"

enum { OPTION_HASH, OPTION_WORK };

static const char *const hashes[] = {"std", "tock"};
static const struct adapter_option options[] = {
    {.name = "hash",
     .summary = "how keys are hashed: as Rust's standard library does, or the kernel of Tock",
     .max = 1,
     .words = hashes},
    {.name = "work",
     .summary = "bytes of the work buffer, from 16; 0: as large as the largest object",
     .max = 4096},
    {.name = NULL},
};

/* The engine object: the struct, then the work buffer and what each() copies to. */
struct object {
    struct tickv_map map;
    uint32_t work_size, value_size;
    uint8_t key[TICKV_MAP_KEY_MAX];
    uint8_t bytes[];
};

static uint32_t item_max(const struct bo_flash_geometry *g)
{
    return g->sector_size < TICKV_LENGTH_MAX ? g->sector_size : TICKV_LENGTH_MAX;
}

static uint32_t work_size_of(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    uint32_t work = (uint32_t)s->values[OPTION_WORK];
    assert(work <= options[OPTION_WORK].max && "a choice is within its limits");
    if (work == 0) return item_max(g) + 2 * TICKV_UNIT_MAX;
    return work < TICKV_WORK_MIN ? TICKV_WORK_MIN : work;
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    return sizeof(struct object) + work_size_of(g, s) + item_max(g);
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    (void)s;
    if (tickv_map_geometry_usable(g)) return NULL;
    return "needs a chip of at least 2 sectors of at least 128 bytes, whose erased bytes are 0xff, "
           "and which takes any number of programs in units of up to 8 bytes";
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)s;
    assert(g->sector_size >= 128 && "refuses() was asked first");
    *key_size_min = 0;
    *key_size_max = TICKV_MAP_KEY_MAX;
    *value_size_max = item_max(g) - TICKV_OVERHEAD;
}

static struct tickv_map_config place(struct object *object, const struct bo_flash *flash,
                                     const struct adapter_settings *s)
{
    object->work_size = work_size_of(&flash->geometry, s);
    object->value_size = item_max(&flash->geometry);
    assert(object->work_size >= TICKV_WORK_MIN && object->value_size > TICKV_OVERHEAD);
    assert(s->values[OPTION_HASH] <= options[OPTION_HASH].max);
    return (struct tickv_map_config){
        .store = {.flash = flash,
                  .main_hash = TICKV_MAIN_HASH,
                  .work = object->bytes,
                  .work_size = object->work_size},
        .hash = s->values[OPTION_HASH] ? tickv_hash_tock : tickv_hash_std,
    };
}

static enum answer answer(int error)
{
    return error == TICKV_ERR_COLLISION ? ANSWER_UNSUPPORTED : map_answer(error);
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct tickv_map_config config = place(object, flash, s);
    int error = tickv_map_mount(&object->map, &config);
    return error == MAP_ERR_NOT_FOUND ? ANSWER_DAMAGED : answer(error);
}

static enum answer format(void *memory, const struct bo_flash *flash,
                          const struct adapter_settings *s)
{
    struct object *object = memory;
    struct tickv_map_config config = place(object, flash, s);
    return answer(tickv_map_format(&object->map, &config));
}

static enum answer store(void *memory, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    struct object *object = memory;
    return answer(tickv_map_store(&object->map, key, key_size, value, value_size));
}

static enum answer fetch(void *memory, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    struct object *object = memory;
    return answer(tickv_map_fetch(&object->map, key, key_size, buffer, capacity, value_size));
}

static enum answer remove_key(void *memory, const void *key, uint32_t key_size)
{
    struct object *object = memory;
    return answer(tickv_map_remove(&object->map, key, key_size));
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    return answer(tickv_map_remove_all(&object->map));
}

static enum answer each(void *memory, adapter_visit *visit, void *context)
{
    struct object *object = memory;
    uint8_t *value = object->bytes + object->work_size;
    struct tickv_iterator iterator;
    tickv_iterate(&iterator);
    for (;;) {
        uint32_t key_size, value_size;
        int error = tickv_map_next(&object->map, &iterator, object->key, sizeof object->key,
                                   &key_size, value, object->value_size, &value_size);
        if (error == MAP_ERR_NOT_FOUND) return ANSWER_OK;
        if (error == MAP_ERR_DAMAGED)
            visit(context, object->key, key_size, NULL, ADAPTER_DAMAGED);
        else if (error)
            return answer(error);
        else
            visit(context, object->key, key_size, value, value_size);
    }
}

static enum answer collect(void *memory)
{
    struct object *object = memory;
    uint32_t freed;
    return answer(tickv_collect(&object->map.store, &freed));
}

static enum answer destroy(void *memory, const void *key, uint32_t key_size)
{
    struct object *object = memory;
    return answer(key != NULL ? tickv_map_destroy(&object->map, key, key_size)
                              : tickv_map_destroy_all(&object->map));
}

static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    static const struct {
        enum adapter_call call;
        enum tickv_map_call made;
    } table[] = {
        {ADAPTER_CALL_MOUNT, TICKV_MAP_CALL_MOUNT},
        {ADAPTER_CALL_FORMAT, TICKV_MAP_CALL_FORMAT},
        {ADAPTER_CALL_FETCH, TICKV_MAP_CALL_FETCH},
        {ADAPTER_CALL_STORE, TICKV_MAP_CALL_STORE},
        {ADAPTER_CALL_REMOVE, TICKV_MAP_CALL_REMOVE},
        {ADAPTER_CALL_CLEAR, TICKV_MAP_CALL_REMOVE_ALL},
        {ADAPTER_CALL_DESTROY, TICKV_MAP_CALL_DESTROY},
        {ADAPTER_CALL_DESTROY, TICKV_MAP_CALL_DESTROY_ALL},
    };
    struct bo_bound most = {0, 0}; /* each() is as many calls as there are objects */
    if (call == ADAPTER_CALL_COLLECT) most = tickv_bound(g, work_size_of(g, s), TICKV_CALL_COLLECT);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct bo_bound one = tickv_map_bound(g, work_size_of(g, s), table[i].made);
        if (table[i].call != call) continue;
        if (one.reads > most.reads) most.reads = one.reads;
        if (one.changes > most.changes) most.changes = one.changes;
    }
    return (struct adapter_bound){.reads = most.reads, .changes = most.changes};
}

static const struct adapter_map map = {.store = store,
                                       .fetch = fetch,
                                       .remove = remove_key,
                                       .clear = clear,
                                       .each = each,
                                       .collect = collect,
                                       .destroy = destroy};

const struct adapter adapter_tickv = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "tickv",
    .summary = "map in the flash format of TicKV, cured of what it loses",
    .claims = "edge,prefix,bits,zeros",
    .promised = ADAPTER_FULL_CHANGES,
    .widened = ADAPTER_CLEAR_MAY_STOP,
    .widened_why = "a clear goes key by key, so a cut leaves some of the keys",
    .options = options,
    .refuses = refuses,
    .object_size = object_size,
    .limits = limits,
    .format = format,
    .reset = format,
    .mount = mount,
    .bound = bound,
    .map = &map,
};
