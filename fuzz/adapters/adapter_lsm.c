/* adapter_lsm.c - drives engines/map/lsm.
 *
 * The memory that a user would give the engine lies after the struct, in one object. A change that
 * is answered with LSM_ERR_AGAIN is made again until it is made: to the harness that is one call. A
 * transaction that the map has no room for is undone.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engines/map/lsm.h"
#include "fuzz/adapter.h"
#include "fuzz/adapters/adapter_map.h"

enum {
    OPTION_CRC,
    OPTION_KEY,
    OPTION_VALUE,
    OPTION_TRANSACTION,
    OPTION_WORK,
    OPTION_MODE,
    OPTION_ALIGN,
    OPTION_CHUNK
};

static const char *const modes[] = {"compatible", "staging"};
/* The powers of 2 from 1 on after the first one. */
static const char *const aligns[] = {"unit", "byte", "two", "four", "eight", "sixteen"};

static const struct adapter_option options[] = {
    {.name = "crc", .summary = "checksums: 0 or 1", .value = 1, .max = 1},
    {.name = "key",
     .summary = "bytes of the longest key",
     .value = 64,
     .min = 1,
     .max = 255,
     .fixed = true},
    {.name = "value",
     .summary = "bytes of the longest value; 0: half a sector, up to 1024",
     .max = 65535,
     .fixed = true},
    {.name = "transaction",
     .summary = "sectors that the records of a transaction fill",
     .value = 1,
     .min = 1,
     .max = 3},
    {.name = "work",
     .summary = "bytes of the work buffer beyond the least",
     .max = 4096,
     .fixed = true},
    {.name = "mode",
     .summary = "the crate's format, or small transactions to a log",
     .max = 1,
     .words = modes},
    {.name = "align",
     .summary = "headers and chunks begin at a multiple; unit: of the unit, and of 4",
     .max = sizeof aligns / sizeof *aligns - 1,
     .words = aligns},
    {.name = "chunk",
     .summary = "bytes of a chunk; 0: up to 4096, as many as a sector takes",
     .max = 4096,
     .fixed = true},
    {.name = NULL},
};

_Static_assert(sizeof options / sizeof *options == OPTION_CHUNK + 2, "one for each, and the end");

#define VALUE_MAX 1024u

/* The engine object: the struct, then the memory that a user would give it. */
struct object {
    struct lsm map;
    struct lsm_snapshot snapshots[ADAPTER_SNAPSHOTS];
    struct lsm_cursor cursor;
    uint32_t value_max;
    uint8_t *work, *transaction, *used, *key, *value;
};

struct layout {
    struct lsm_format format;
    size_t work, transaction, used, key, value, total;
    uint32_t work_size, transaction_size, used_size;
};

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

static struct lsm_format format_of(const struct adapter_settings *s)
{
    uint64_t align = s->values[OPTION_ALIGN];
    assert(align < sizeof aligns / sizeof *aligns && s->values[OPTION_CHUNK] <= UINT16_MAX);
    return (struct lsm_format){.crc = s->values[OPTION_CRC] != 0,
                               .staging = s->values[OPTION_MODE] != 0,
                               .align = (uint16_t)(align == 0 ? 0 : 1u << (align - 1)),
                               .chunk_max = (uint16_t)s->values[OPTION_CHUNK],
                               .key_max = (uint16_t)s->values[OPTION_KEY],
                               .value_max = (uint32_t)s->values[OPTION_VALUE]};
}

static struct layout lay_out(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct layout l = {.format = format_of(s)};
    uint32_t half = g->sector_size / 2;
    if (l.format.value_max == 0) l.format.value_max = half < VALUE_MAX ? half : VALUE_MAX;
    uint32_t record_max = 4u + l.format.key_max + l.format.value_max;
    l.transaction_size = (uint32_t)s->values[OPTION_TRANSACTION] * (g->sector_size - 64);
    if (l.transaction_size < record_max || g->sector_size < 128) l.transaction_size = record_max;
    l.work_size = lsm_work_size(&l.format) + (uint32_t)s->values[OPTION_WORK];
    l.used_size = (g->sector_count + 7) / 8;
    l.work = aligned(sizeof(struct object));
    l.transaction = l.work + aligned(l.work_size);
    l.used = l.transaction + aligned(l.transaction_size);
    l.key = l.used + aligned(l.used_size);
    l.value = l.key + aligned(l.format.key_max);
    l.total = l.value + aligned(l.format.value_max);
    assert(l.format.value_max && l.transaction_size >= record_max && "one change always fits");
    assert(l.total > l.value && l.key > l.transaction);
    return l;
}

static struct lsm_config place(struct object *object, const struct bo_flash *flash,
                               const struct adapter_settings *s)
{
    struct layout l = lay_out(&flash->geometry, s);
    uint8_t *base = (uint8_t *)object;
    assert(l.used_size * 8 >= flash->geometry.sector_count && "a bit for each sector");
    object->value_max = l.format.value_max;
    object->key = base + l.key;
    object->value = base + l.value;
    return (struct lsm_config){.flash = flash,
                               .format = l.format,
                               .work = base + l.work,
                               .work_size = l.work_size,
                               .transaction = base + l.transaction,
                               .transaction_size = l.transaction_size,
                               .used = base + l.used,
                               .used_size = l.used_size};
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    return lay_out(g, s).total;
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct layout l = lay_out(g, s);
    if (lsm_usable(g, &l.format, l.transaction_size)) return NULL;
#ifdef LSM_NO_STAGING
    if (l.format.staging) return "the staging log was left out when lsm was compiled";
#endif
    if (l.format.staging && !l.format.crc) return "a staging log has checksums: crc=1";
    if (l.format.staging && g->tear_scope == BO_FLASH_TEAR_SECTOR)
        return "a staging log wants a chip on which a cut leaves the rest of the sector alone";
    if (l.format.align != 0 && l.format.align < g->unit) return "align is less than the unit";
    return "needs a chip of at least 8 sectors of 128 bytes to 64 KiB, more of them where records "
           "are longer than a sector or a transaction has more than one";
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    struct layout l = lay_out(g, s);
    *key_size_min = 0;
    *key_size_max = l.format.key_max;
    *value_size_max = l.format.value_max;
}

static const char *claims(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    (void)g;
    return s->values[OPTION_CRC] ? "edge,prefix,bits,zeros" : "edge,prefix";
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct lsm_config config = place(object, flash, s);
    return map_answer(lsm_mount(&object->map, &config));
}

static enum answer format(void *memory, const struct bo_flash *flash,
                          const struct adapter_settings *s)
{
    struct object *object = memory;
    struct lsm_config config = place(object, flash, s);
    return map_answer(lsm_format(&object->map, &config));
}

static enum answer store(void *memory, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    struct object *object = memory;
    int error;
    do
        error = lsm_store(&object->map, key, key_size, value, value_size);
    while (error == LSM_ERR_AGAIN);
    return map_answer(error);
}

static enum answer fetch(void *memory, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    struct object *object = memory;
    return map_answer(lsm_fetch(&object->map, key, key_size, buffer, capacity, value_size));
}

static enum answer remove_key(void *memory, const void *key, uint32_t key_size)
{
    struct object *object = memory;
    int error;
    do
        error = lsm_remove(&object->map, key, key_size);
    while (error == LSM_ERR_AGAIN);
    return map_answer(error);
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    return map_answer(lsm_remove_all(&object->map));
}

#ifndef LSM_NO_VIEWS
static const struct lsm_snapshot *snapshot_at(struct object *object, uint32_t snapshot)
{
    assert(snapshot <= ADAPTER_SNAPSHOTS);
    return snapshot == ADAPTER_NOW ? NULL : &object->snapshots[snapshot - 1];
}

/* Whether a key is after the last one that is wanted. */
static bool is_beyond(const uint8_t *key, uint32_t key_size, const void *to, uint32_t to_size)
{
    if (to == NULL) return false;
    int order = memcmp(key, to, key_size < to_size ? key_size : to_size);
    return order > 0 || (order == 0 && key_size > to_size);
}

static enum answer scan(void *memory, uint32_t snapshot, const void *from, uint32_t from_size,
                        const void *to, uint32_t to_size, adapter_visit *visit, void *context)
{
    struct object *object = memory;
    const void *first = from == NULL ? "" : from;
    int error = lsm_seek(&object->map, snapshot_at(object, snapshot), first,
                         from == NULL ? 0 : from_size, &object->cursor);
    for (;;) {
        uint32_t key_size, value_size;
        if (!error)
            error = lsm_next(&object->map, &object->cursor, object->key, &key_size, object->value,
                             object->value_max, &value_size);
        if (error == MAP_ERR_NOT_FOUND) return ANSWER_OK;
        if (error) return map_answer(error);
        if (is_beyond(object->key, key_size, to, to_size)) return ANSWER_OK;
        visit(context, object->key, key_size, object->value, value_size);
    }
}

static enum answer each(void *memory, adapter_visit *visit, void *context)
{
    return scan(memory, ADAPTER_NOW, NULL, 0, NULL, 0, visit, context);
}

static enum answer open_snapshot(void *memory, uint32_t snapshot)
{
    struct object *object = memory;
    assert(snapshot != ADAPTER_NOW && snapshot <= ADAPTER_SNAPSHOTS);
    return map_answer(lsm_open(&object->map, &object->snapshots[snapshot - 1]));
}

static enum answer close_snapshot(void *memory, uint32_t snapshot)
{
    struct object *object = memory;
    assert(snapshot != ADAPTER_NOW && snapshot <= ADAPTER_SNAPSHOTS);
    return map_answer(lsm_close(&object->map, &object->snapshots[snapshot - 1]));
}

static enum answer fetch_at(void *memory, uint32_t snapshot, const void *key, uint32_t key_size,
                            void *buffer, uint32_t capacity, uint32_t *value_size)
{
    struct object *object = memory;
    return map_answer(lsm_fetch_at(&object->map, snapshot_at(object, snapshot), key, key_size,
                                   buffer, capacity, value_size));
}
#endif

static enum answer begin(void *memory)
{
    struct object *object = memory;
    return map_answer(lsm_begin(&object->map));
}

static enum answer commit(void *memory)
{
    struct object *object = memory;
    int error;
    do
        error = lsm_commit(&object->map);
    while (error == LSM_ERR_AGAIN);
    lsm_abort(&object->map); /* it is open still when the map is full */
    return map_answer(error);
}

static enum answer abort_transaction(void *memory)
{
    struct object *object = memory;
    lsm_abort(&object->map);
    return ANSWER_OK;
}

static enum answer fetch_own(void *memory, const void *key, uint32_t key_size, void *buffer,
                             uint32_t capacity, uint32_t *value_size)
{
    struct object *object = memory;
    return map_answer(lsm_fetch_own(&object->map, key, key_size, buffer, capacity, value_size));
}

/* A step of a merge, as often as there is one to do. */
static enum answer collect(void *memory)
{
    struct object *object = memory;
    int error;
    do
        error = lsm_collect(&object->map);
    while (error == BO_FLASH_OK);
    return error == MAP_ERR_NOT_FOUND ? ANSWER_OK : map_answer(error);
}

/* The call of the engine that one of the harness makes; `again`: as often as it is answered with
 * LSM_ERR_AGAIN, or does a step. False: none is stated, or there is none. */
static bool bound_call(enum adapter_call call, enum lsm_call *made, bool *again)
{
    static const struct {
        enum adapter_call call;
        enum lsm_call made;
        bool again;
    } table[] = {
        {ADAPTER_CALL_MOUNT, LSM_CALL_MOUNT, false},
        {ADAPTER_CALL_FORMAT, LSM_CALL_FORMAT, false},
        {ADAPTER_CALL_FETCH, LSM_CALL_FETCH, false},
        {ADAPTER_CALL_OWN, LSM_CALL_FETCH, false},
        {ADAPTER_CALL_AT, LSM_CALL_FETCH, false},
        {ADAPTER_CALL_STORE, LSM_CALL_CHANGE, true},
        {ADAPTER_CALL_REMOVE, LSM_CALL_CHANGE, true},
        {ADAPTER_CALL_COMMIT, LSM_CALL_CHANGE, true},
        {ADAPTER_CALL_CLEAR, LSM_CALL_CLEAR, false},
        {ADAPTER_CALL_COLLECT, LSM_CALL_COLLECT, true},
        {ADAPTER_CALL_OPEN, LSM_CALL_OPEN, false},
        {ADAPTER_CALL_CLOSE, LSM_CALL_CLOSE, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        *made = table[i].made;
        *again = table[i].again;
        if (table[i].call == call) return true;
    }
    return false;
}

/* As the engine is asked for its bounds. */
static struct lsm_config bound_config(const struct bo_flash *flash,
                                      const struct adapter_settings *s)
{
    struct layout l = lay_out(&flash->geometry, s);
    return (struct lsm_config){.flash = flash,
                               .format = l.format,
                               .work_size = l.work_size,
                               .transaction_size = l.transaction_size};
}

/* The engine states its bounds for parts whose units can all be read. Here some may not: each read
 * may be made again, of fewer units. Of a call that is made again and again the reads are left to
 * the harness, whose bound is nearer to what is read: on 16 sectors of 256 bytes 500,000, where the
 * engine states 3,300,000 for each of 161 calls. So are those of a scan of all keys. */
static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    struct adapter_bound none = {ADAPTER_NO_CALL, ADAPTER_NO_CALL};
    const struct bo_flash flash = {.geometry = *g};
    struct lsm_config config = bound_config(&flash, s);
    enum lsm_call made;
    bool again;
    if (call == ADAPTER_CALL_BEGIN || call == ADAPTER_CALL_ABORT) return none;
    if (call == ADAPTER_CALL_EACH || call == ADAPTER_CALL_SCAN)
        return (struct adapter_bound){0, ADAPTER_NO_CALL};
    if (!bound_call(call, &made, &again)) return (struct adapter_bound){0};
    struct bo_bound one = lsm_bound(&config, ADAPTER_SNAPSHOTS, made);
    if (again) return (struct adapter_bound){0, (lsm_bound_calls(&config) + 1ull) * one.changes};
    return (struct adapter_bound){2 * one.reads, one.changes ? one.changes : ADAPTER_NO_CALL};
}

/* Links lead where they should. A program that failed may have left units that can't be read. */
static struct adapter_bound bound_uncut(const struct bo_flash_geometry *g,
                                        const struct adapter_settings *s, enum adapter_call call)
{
    struct adapter_bound stated = bound(g, s, call);
    const struct bo_flash flash = {.geometry = *g};
    struct lsm_config config = bound_config(&flash, s);
    enum lsm_call made;
    bool again;
    if (bound_call(call, &made, &again) && !again)
        stated.reads = 2 * lsm_bound_sound(&config, ADAPTER_SNAPSHOTS, made).reads;
    return stated;
}

static const struct adapter_map map = {.store = store,
                                       .fetch = fetch,
                                       .remove = remove_key,
                                       .clear = clear,
                                       .begin = begin,
                                       .commit = commit,
                                       .abort = abort_transaction,
                                       .fetch_own = fetch_own,
#ifndef LSM_NO_VIEWS
                                       .each = each,
                                       .open = open_snapshot,
                                       .close = close_snapshot,
                                       .fetch_at = fetch_at,
                                       .scan = scan,
#endif
                                       .collect = collect};

const struct adapter adapter_lsm = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "lsm",
    .summary = "sorted map with transactions and snapshots in the flash format of ekv",
    .claims_by = claims,
    .promised = ADAPTER_FULL_CHANGES | ADAPTER_TELLS_FLASH,
    .options = options,
    .relies_on_and = false,
    .refuses = refuses,
    .object_size = object_size,
    .limits = limits,
    .format = format,
    .reset = format,
    .mount = mount,
    .bound = bound,
    .bound_uncut = bound_uncut,
    .map = &map,
};
