/* adapter_seqmap.c - drives engines/map/seqmap, with each of its caches. The memory that a user
 * would give the engine lies after the struct, in one object. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engines/map/seqmap_bound.h"
#include "fuzz/adapter.h"
#include "fuzz/adapters/adapter_map.h"
#include "fuzz/adapters/seq_sectors.h"

enum { OPTION_KEY, OPTION_STATES, OPTION_SECTORS, OPTION_KEYS, OPTION_WORK };

static const struct adapter_option options[] = {
    {.name = "key",
     .summary = "bytes of every key; 0: keys of any length, stored after it",
     .max = 255},
    {.name = "states", .summary = "cache of sector states, 1 byte a sector: 0 or 1", .max = 1},
    {.name = "pointers", .summary = "cache of sector pointers, 8 bytes a sector: 0 or 1", .max = 1},
    {.name = "keys",
     .summary = "keys that the cache of key pointers has room for; 0: none",
     .max = 1024},
    {.name = "work",
     .summary = "words of the work buffer, which the largest item fits; 0: as many as of a sector",
     .max = 64,
     .fixed = true},
    {.name = NULL},
};

_Static_assert(sizeof options / sizeof *options == OPTION_WORK + 2, "one for each, and the end");

/* The engine object: the struct, then the memory that a user would give it. */
struct object {
    struct seqmap map;
    struct seq_cache cache;
    uint32_t buffer_size; /* of key and value */
    uint8_t *work, *key, *value;
};

struct layout {
    size_t states, sectors, keys, work, buffers, total;
    uint32_t work_size, buffer_size;
};

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* Each part of the layout may hold either kind of entry. */
_Static_assert(16 % _Alignof(struct seq_cache_sector) == 0, "aligned() does for an entry of it");
_Static_assert(16 % _Alignof(struct seq_cache_key) == 0, "aligned() does for an entry of it");

static struct layout lay_out(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct layout l;
    uint32_t item_max = g->sector_size < SEQ_LENGTH_MAX ? g->sector_size : SEQ_LENGTH_MAX;
    l.buffer_size = (uint32_t)aligned(item_max + SEQ_WORD_MAX);
    l.states = aligned(sizeof(struct object));
    l.sectors = l.states + aligned(s->values[OPTION_STATES] ? g->sector_count : 0);
    l.keys =
        l.sectors +
        aligned(s->values[OPTION_SECTORS] ? g->sector_count * sizeof(struct seq_cache_sector) : 0);
    l.work = l.keys + aligned(s->values[OPTION_KEYS] * sizeof(struct seq_cache_key));
    uint32_t words = (uint32_t)s->values[OPTION_WORK];
    l.work_size = words ? words * seq_word_size(g) : l.buffer_size;
    assert(words <= options[OPTION_WORK].max && l.work_size >= seq_word_size(g));
    l.buffers = l.work + aligned(l.work_size);
    l.total = l.buffers + 2 * (size_t)l.buffer_size;
    assert(l.total > l.work && l.buffer_size >= item_max);
    return l;
}

static struct seqmap_config place(struct object *object, const struct bo_flash *flash,
                                  const struct adapter_settings *s)
{
    struct layout l = lay_out(&flash->geometry, s);
    uint8_t *base = (uint8_t *)object;
    object->cache = (struct seq_cache){
        .states = s->values[OPTION_STATES] ? base + l.states : NULL,
        .sectors = s->values[OPTION_SECTORS] ? (struct seq_cache_sector *)(void *)(base + l.sectors)
                                             : NULL,
        .keys = s->values[OPTION_KEYS] ? (struct seq_cache_key *)(void *)(base + l.keys) : NULL,
        .key_count = (uint32_t)s->values[OPTION_KEYS],
    };
    object->buffer_size = l.buffer_size;
    object->work = base + l.work;
    object->key = base + l.buffers;
    object->value = object->key + l.buffer_size;
    uint64_t key = s->values[OPTION_KEY];
    assert(key < SEQMAP_KEY_PREFIXED && "a size of a key is no mark");
    return (struct seqmap_config){
        .flash = flash,
        .work = object->work,
        .work_size = l.work_size,
        .key_size = key ? (uint16_t)key : (uint16_t)SEQMAP_KEY_PREFIXED,
        .cache = &object->cache,
    };
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    return lay_out(g, s).total;
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    (void)s;
    if (seqmap_geometry_usable(g)) return NULL;
    return "needs a chip of at least 2 sectors, whose erased bytes are 0xff, and sectors with room "
           "for 3 words and an item header";
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    assert(s->values[OPTION_KEY] <= options[OPTION_KEY].max);
    uint32_t key = (uint32_t)s->values[OPTION_KEY];
    *key_size_min = key;
    *key_size_max = key ? key : 64;
    uint32_t item_max = g->sector_size < SEQ_LENGTH_MAX ? g->sector_size : SEQ_LENGTH_MAX;
    *value_size_max = seq_minimum(item_max, lay_out(g, s).work_size);
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct seqmap_config config = place(object, flash, s);
    return map_answer(seqmap_mount(&object->map, &config));
}

static enum answer reset(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct seqmap_config config = place(object, flash, s);
    return map_answer(seqmap_format(&object->map, &config));
}

static enum answer store(void *memory, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    struct object *object = memory;
    return map_answer(seqmap_store(&object->map, key, key_size, value, value_size));
}

static enum answer fetch(void *memory, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    struct object *object = memory;
    return map_answer(seqmap_fetch(&object->map, key, key_size, buffer, capacity, value_size));
}

static enum answer remove_key(void *memory, const void *key, uint32_t key_size)
{
    struct object *object = memory;
    return map_answer(seqmap_remove(&object->map, key, key_size));
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    return map_answer(seqmap_remove_all(&object->map));
}

static enum answer each(void *memory, adapter_visit *visit, void *context)
{
    struct object *object = memory;
    struct seqmap_iterator iterator;
    seqmap_iterate(&iterator);
    for (;;) {
        uint32_t key_size, value_size;
        int error = seqmap_next(&object->map, &iterator, object->key, object->buffer_size,
                                &key_size, object->value, object->buffer_size, &value_size);
        if (error == MAP_ERR_NOT_FOUND) return ANSWER_OK;
        if (error) return map_answer(error);
        visit(context, object->key, key_size, object->value, value_size);
    }
}

static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    enum seqmap_call made = call == ADAPTER_CALL_MOUNT   ? SEQMAP_CALL_MOUNT
                            : call == ADAPTER_CALL_FETCH ? SEQMAP_CALL_FETCH
                            : call == ADAPTER_CALL_STORE ? SEQMAP_CALL_STORE
                                                         : SEQMAP_CALL_REMOVE;
    /* each() is as many calls as there are items. */
    if (call == ADAPTER_CALL_EACH) return (struct adapter_bound){0};
    struct bo_bound bound = seqmap_bound(g, lay_out(g, s).work_size, made);
    if (bound.changes == 0) bound.changes = ADAPTER_NO_CALL;
    return (struct adapter_bound){.reads = bound.reads, .changes = bound.changes};
}

static const struct adapter_map map = {
    .store = store, .fetch = fetch, .remove = remove_key, .clear = clear, .each = each};

const struct adapter adapter_seqmap = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "seqmap",
    .summary = "map in the flash format of sequential-storage, cured of its power-loss bugs",
    .claims_by = seq_claims,
    .widened = ADAPTER_CLEAR_MAY_STOP | ADAPTER_FORMAT_MAY_STOP,
    .widened_why =
        "remove_all removes item by item, so a cut leaves some of the keys; a format that "
        "is cut leaves any part of what was there",
    .options = options,
    .relies_on_and = false,
    .promised = ADAPTER_RESET_MOUNTS | ADAPTER_TELLS_FLASH,
    .refuses = refuses,
    .object_size = object_size,
    .limits = limits,
    .reset = reset,
    .mount = mount,
    .bound = bound,
    .inspect = seq_sectors_print,
    .map = &map,
};
