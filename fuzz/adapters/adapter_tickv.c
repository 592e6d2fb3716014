/* adapter_tickv.c - drives engines/map/tickv_map, and the calls by hash of engines/map/tickv.
 *
 * A flash without a main key has no map: it is damaged to the harness, which formats a blank chip
 * before it mounts. Two keys of one hash are not supported.
 *
 * By hash, a key of up to 7 bytes is a part of the hash, so that the hash gives the key back.
 * `hashes` are the calls that replace an object, on the flash of a map; `append` are those of the
 * crate. These don't replace: a store of a key that is there is not supported. Nor do they move
 * what is live, so room comes back only where all of a region is dead, and how much there is
 * depends on the history: the contract is widened by that.
 *
 * With reader=crate a value that is there is shown as damaged where the crate would not find it.
 */
#include <assert.h>

#include "engines/map/tickv_map_bound.h"
#include "fuzz/adapters/adapter_map.h"
#include "fuzz/adapters/tickv_reader.h"

enum { OPTION_HASH, OPTION_WORK, OPTION_CALLS, OPTION_READER };
enum { CALLS_BY_KEY, CALLS_BY_HASH, CALLS_APPEND };

static const char *const hashes[] = {"std", "tock"};
static const char *const calls[] = {"keys", "hashes", "append"};
static const char *const readers[] = {"ours", "crate"};
static const struct adapter_option options[] = {
    {.name = "hash",
     .summary = "how keys are hashed: as Rust's standard library does, or the kernel of Tock",
     .max = 1,
     .words = hashes},
    {.name = "work",
     .summary = "bytes of the work buffer, from 16; 0: as large as the largest object",
     .max = 4096},
    {.name = "calls",
     .summary = "those of the map by key, of objects by hash, or of the crate",
     .max = 2,
     .words = calls},
    {.name = "reader",
     .summary = "what is there: what we find, or what the crate finds besides",
     .max = 1,
     .words = readers},
    {.name = NULL},
};

/* The engine object: the struct, then the work buffer and what each() copies to. */
struct object {
    struct tickv_map map;
    uint32_t work_size, value_size, calls;
    bool as_crate;
    uint8_t key[TICKV_MAP_KEY_MAX];
    uint8_t bytes[];
};

/* The hash that a key of up to HASHED_KEY_MAX bytes is a part of: its size and one, and the bytes.
 * So no hash is a reserved one, or that of the main key. */
#define HASHED_KEY_MAX 7u

static uint64_t hash_of(const void *key, uint32_t size)
{
    const uint8_t *bytes = key;
    uint64_t hash = (uint64_t)(size + 1) << 56;
    assert(size <= HASHED_KEY_MAX && "limits() says so");
    for (uint32_t i = 0; i < size; i++)
        hash |= (uint64_t)bytes[i] << 8 * i;
    return hash;
}

/* The key that a hash was made of; false: of none, as that of the main key. */
static bool key_of(uint64_t hash, uint8_t key[HASHED_KEY_MAX], uint32_t *size)
{
    uint32_t top = (uint32_t)(hash >> 56);
    assert(key && size);
    *size = top - 1;
    for (uint32_t i = 0; i < HASHED_KEY_MAX; i++)
        key[i] = (uint8_t)(hash >> 8 * i);
    return top != 0 && *size <= HASHED_KEY_MAX;
}

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
    assert(g->sector_size >= 128 && "refuses() was asked first");
    *key_size_min = 0;
    *key_size_max = s->values[OPTION_CALLS] == CALLS_BY_KEY ? TICKV_MAP_KEY_MAX : HASHED_KEY_MAX;
    *value_size_max = item_max(g) - TICKV_OVERHEAD;
}

static struct tickv_map_config place(struct object *object, const struct bo_flash *flash,
                                     const struct adapter_settings *s)
{
    object->work_size = work_size_of(&flash->geometry, s);
    object->value_size = item_max(&flash->geometry);
    object->calls = (uint32_t)s->values[OPTION_CALLS];
    object->as_crate = s->values[OPTION_READER] != 0;
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

static enum answer answer_by_hash(int error)
{
    if (error == TICKV_ERR_COLLISION) return ANSWER_DAMAGED;
    return error == TICKV_ERR_EXISTS ? ANSWER_UNSUPPORTED : map_answer(error);
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct tickv_map_config config = place(object, flash, s);
    int error = object->calls == CALLS_APPEND ? tickv_mount(&object->map.store, &config.store)
                                              : tickv_map_mount(&object->map, &config);
    return error == MAP_ERR_NOT_FOUND ? ANSWER_DAMAGED : answer(error);
}

static enum answer format(void *memory, const struct bo_flash *flash,
                          const struct adapter_settings *s)
{
    struct object *object = memory;
    struct tickv_map_config config = place(object, flash, s);
    if (object->calls == CALLS_APPEND)
        return answer(tickv_format(&object->map.store, &config.store));
    return answer(tickv_map_format(&object->map, &config));
}

static int append(struct tickv *store, uint64_t hash, const void *value, uint32_t size)
{
    uint32_t freed;
    int error = tickv_append(store, hash, value, size);
    if (error != MAP_ERR_FULL) return error;
    error = tickv_collect(store, &freed);
    return error ? error : tickv_append(store, hash, value, size);
}

static enum answer store(void *memory, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    struct object *object = memory;
    struct tickv *by_hash = &object->map.store;
    if (object->calls == CALLS_BY_KEY)
        return answer(tickv_map_store(&object->map, key, key_size, value, value_size));
    if (key_size > HASHED_KEY_MAX) return ANSWER_TOO_BIG;
    uint64_t hash = hash_of(key, key_size);
    return answer_by_hash(object->calls == CALLS_APPEND
                              ? append(by_hash, hash, value, value_size)
                              : tickv_replace(by_hash, hash, value, value_size));
}

static enum answer fetch(void *memory, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    struct object *object = memory;
    if (object->calls == CALLS_BY_KEY)
        return answer(tickv_map_fetch(&object->map, key, key_size, buffer, capacity, value_size));
    if (key_size > HASHED_KEY_MAX) return ANSWER_NOT_FOUND;
    return answer_by_hash(
        tickv_get(&object->map.store, hash_of(key, key_size), buffer, capacity, value_size));
}

static enum answer remove_key(void *memory, const void *key, uint32_t key_size)
{
    struct object *object = memory;
    if (object->calls == CALLS_BY_KEY) return answer(tickv_map_remove(&object->map, key, key_size));
    if (key_size > HASHED_KEY_MAX) return ANSWER_NOT_FOUND;
    return answer_by_hash(tickv_invalidate(&object->map.store, hash_of(key, key_size)));
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    if (object->calls == CALLS_APPEND) return ANSWER_UNSUPPORTED;
    return answer(tickv_map_remove_all(&object->map));
}

static bool crate_finds(const struct object *object, uint32_t key_size)
{
    assert(object->as_crate && key_size <= TICKV_MAP_KEY_MAX);
    uint64_t hash = object->calls == CALLS_BY_KEY ? object->map.hash(object->key, key_size)
                                                  : hash_of(object->key, key_size);
    return tickv_reader_finds(object->map.store.flash, hash);
}

/* The next value and its key; where its checksum does not fit, MAP_ERR_DAMAGED. */
static int next_value(struct object *object, struct tickv_iterator *iterator, uint32_t *key_size,
                      uint8_t *value, uint32_t *value_size)
{
    uint64_t hash;
    if (object->calls == CALLS_BY_KEY)
        return tickv_map_next(&object->map, iterator, object->key, sizeof object->key, key_size,
                              value, object->value_size, value_size);
    for (;;) {
        int error =
            tickv_next(&object->map.store, iterator, &hash, value, object->value_size, value_size);
        if ((error && error != MAP_ERR_DAMAGED) || key_of(hash, object->key, key_size))
            return error;
    }
}

static enum answer each(void *memory, adapter_visit *visit, void *context)
{
    struct object *object = memory;
    uint8_t *value = object->bytes + object->work_size;
    struct tickv_iterator iterator;
    tickv_iterate(&iterator);
    for (;;) {
        uint32_t key_size, value_size;
        int error = next_value(object, &iterator, &key_size, value, &value_size);
        if (error == MAP_ERR_NOT_FOUND) return ANSWER_OK;
        if (!error && object->as_crate && !crate_finds(object, key_size)) error = MAP_ERR_DAMAGED;
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
    if (object->calls == CALLS_BY_KEY)
        return answer(key != NULL ? tickv_map_destroy(&object->map, key, key_size)
                                  : tickv_map_destroy_all(&object->map));
    if (key == NULL && object->calls == CALLS_APPEND) return ANSWER_UNSUPPORTED;
    if (key == NULL) return answer(tickv_map_destroy_all(&object->map));
    if (key_size > HASHED_KEY_MAX) return ANSWER_NOT_FOUND;
    return answer_by_hash(tickv_destroy(&object->map.store, hash_of(key, key_size)));
}

/* The larger of each. */
static struct bo_bound larger(struct bo_bound a, struct bo_bound b)
{
    return (struct bo_bound){a.reads > b.reads ? a.reads : b.reads,
                             a.changes > b.changes ? a.changes : b.changes};
}

/* Of a store by `append`: it is tried again after a collection. */
static struct bo_bound append_bound(const struct bo_flash_geometry *g, uint32_t work_size)
{
    struct bo_bound once = tickv_bound(g, work_size, TICKV_CALL_APPEND);
    struct bo_bound between = tickv_bound(g, work_size, TICKV_CALL_COLLECT);
    assert(once.changes && between.changes && "refuses() was asked first");
    return (struct bo_bound){2 * once.reads + between.reads, 2 * once.changes + between.changes};
}

/* What differs from the bound of the call by key, which is of all the rest. */
static bool bound_by_hash(const struct bo_flash_geometry *g, uint32_t work_size, uint64_t made,
                          enum adapter_call call, struct bo_bound *most)
{
    static const enum tickv_call table[ADAPTER_CALLS] = {
        [ADAPTER_CALL_MOUNT] = TICKV_CALL_MOUNT,       [ADAPTER_CALL_FORMAT] = TICKV_CALL_FORMAT,
        [ADAPTER_CALL_FETCH] = TICKV_CALL_GET,         [ADAPTER_CALL_STORE] = TICKV_CALL_REPLACE,
        [ADAPTER_CALL_REMOVE] = TICKV_CALL_INVALIDATE,
    };
    bool opens = call == ADAPTER_CALL_MOUNT || call == ADAPTER_CALL_FORMAT;
    assert(made <= CALLS_APPEND && call < ADAPTER_CALLS);
    if (made == CALLS_BY_KEY || (opens && made == CALLS_BY_HASH)) return false;
    if (!opens && table[call] == TICKV_CALL_MOUNT) return false;
    *most = call == ADAPTER_CALL_STORE && made == CALLS_APPEND
                ? append_bound(g, work_size)
                : tickv_bound(g, work_size, table[call]);
    return true;
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
    uint32_t work_size = work_size_of(g, s);
    if (bound_by_hash(g, work_size, s->values[OPTION_CALLS], call, &most))
        return (struct adapter_bound){.reads = most.reads, .changes = most.changes};
    if (call == ADAPTER_CALL_COLLECT) most = tickv_bound(g, work_size, TICKV_CALL_COLLECT);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].call == call)
            most = larger(most, tickv_map_bound(g, work_size, table[i].made));
    }
    return (struct adapter_bound){.reads = most.reads, .changes = most.changes};
}

static uint32_t widened(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    (void)g;
    bool varies = s->values[OPTION_CALLS] == CALLS_APPEND;
    return (uint32_t)ADAPTER_CLEAR_MAY_STOP | (varies ? ADAPTER_ROOM_VARIES : 0u);
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
    .promised = ADAPTER_FULL_CHANGES | ADAPTER_TELLS_FLASH | ADAPTER_REFUSES_JUNK,
    .widened_by = widened,
    .widened_why = "a clear goes key by key, so a cut leaves some of the keys; calls=append moves "
                   "nothing, so what room it finds depends on the history",
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
