/* original_map.c - the map of the Rust crate sequential-storage 8.0.1 as it is, faults and all.
 *
 * Method. The sectors form a ring: closed ones, oldest first, then one partial sector that takes
 * new items, then at least one open (erased) one. Items are only ever appended, so the last one
 * with a key counts. When the partial sector is full it is closed, the open one becomes partial,
 * and what still counts in the oldest sector is copied into it (migration) before that sector is
 * erased.
 *
 * Recovery. Power-on reads nothing. An operation that meets a state that should not be (CORRUPTED)
 * has the map repaired and is tried once more: half-erased sectors are erased, and a migration that
 * was cut is done again from the start. Iterating is not: it returns the error.
 */
#include "fuzz/subjects/original.h"
#include "fuzz/subjects/subjects.h"

#include <string.h>

struct original_map {
    struct original original;
    uint32_t key_size;      /* 0: a key is stored after its length, u16 */
    bool iterating_repairs; /* not so in the crate */
    uint8_t *key;           /* of the item that a migration looks at */
};

struct bytes {
    const uint8_t *data;
    uint32_t size;
};

/* Splits the data of an item into key and value. */
static int decode(const struct original_map *map, const struct original_item *item,
                  struct bytes *key, struct bytes *value)
{
    uint32_t before = map->key_size ? 0 : 2;
    if (item->length < before) return ORIGINAL_DECODE;
    key->size = map->key_size ? map->key_size : original_get16(map->original.data);
    if (item->length - before < key->size) return ORIGINAL_DECODE;
    key->data = map->original.data + before;
    value->data = key->data + key->size;
    value->size = item->length - before - key->size;
    return 0;
}

/* Whether the item just read has this key: 1, 0 or an error. A NULL key is every key. */
static int item_matches(const struct original_map *map, const struct original_item *item,
                        const struct bytes *wanted)
{
    struct bytes key, value;
    if (!wanted) return 1;
    int error = decode(map, item, &key, &value);
    if (error) return error;
    if (key.size != wanted->size) return 0;
    return key.size == 0 || memcmp(key.data, wanted->data, key.size) == 0;
}

/* Puts key and value into the data buffer. Returns false when the item would be too big. */
static bool encode(const struct original_map *map, const struct bytes *key,
                   const struct bytes *value, uint32_t *length)
{
    uint32_t before = map->key_size ? 0 : 2;
    if (key->size > map->original.length_max || value->size > map->original.length_max)
        return false;
    *length = before + key->size + value->size;
    if (*length > map->original.length_max) return false;
    if (before) original_put16(map->original.data, key->size);
    if (key->size) memcpy(map->original.data + before, key->data, key->size);
    if (value->size) memcpy(map->original.data + before + key->size, value->data, value->size);
    return true;
}

/* --- fetch --- */

/* Finds the last item of a sector with the key. */
static int find_in_sector(const struct original_map *map, uint32_t sector, const struct bytes *key,
                          struct original_item *found)
{
    struct original_item item;
    uint64_t address = original_payload_start(&map->original, sector);
    uint64_t end = original_payload_end(&map->original, address);
    int result = ORIGINAL_NONE;
    for (;;) {
        int more = original_next_present(&map->original, &address, end, &item);
        if (more < 0) return more;
        if (!more) return result;
        int match = item_matches(map, &item, key);
        if (match < 0) return match;
        if (!match) continue;
        *found = item;
        result = 0;
    }
}

/* The sector that holds the newest items. NONE when nothing was stored yet. */
static int newest_sector(const struct original_map *map, uint32_t *newest)
{
    uint32_t open = 0;
    int error = original_first_in_state(&map->original, 0, ORIGINAL_PARTIAL, newest);
    if (error != ORIGINAL_NONE) return error;
    error = original_first_in_state(&map->original, 0, ORIGINAL_OPEN, &open);
    if (error == ORIGINAL_NONE) return ORIGINAL_CORRUPTED;
    if (error) return error;
    *newest = original_previous_of(&map->original, open);
    int state = original_state_of(&map->original, *newest);
    if (state < 0) return state;
    return state == ORIGINAL_CLOSED ? 0 : ORIGINAL_NONE;
}

/* Finds the newest item of a key and reads it. */
static int fetch(const struct original_map *map, const struct bytes *key,
                 struct original_item *found)
{
    uint32_t sector = 0;
    int error = newest_sector(map, &sector);
    if (error) return error;
    for (uint32_t n = 0;; n++) {
        error = find_in_sector(map, sector, key, found);
        if (error != ORIGINAL_NONE) break;
        sector = original_previous_of(&map->original, sector);
        int state = original_state_of(&map->original, sector);
        if (state < 0) return state;
        /* The count only matters to a chip that answers the same read in different ways. */
        if (state != ORIGINAL_CLOSED || n == map->original.sector_count) return ORIGINAL_NONE;
    }
    if (error) return error;
    int again = original_read_header(&map->original, found->address, ORIGINAL_NO_END, found);
    if (again < 0) return again;
    int body = again ? original_read_body(&map->original, found, ORIGINAL_NO_END) : ORIGINAL_BAD;
    if (body < 0) return body;
    return body == ORIGINAL_PRESENT ? 0 : ORIGINAL_CORRUPTED;
}

/* --- store --- */

/* Copies an item of a migration when it is the newest of its key. *to moves to after the copy. */
static int migrate_item(const struct original_map *map, const struct original_item *item,
                        uint64_t *to)
{
    struct bytes key, value;
    struct original_item newest;
    int error = decode(map, item, &key, &value);
    if (error) return error;
    if (key.size) memcpy(map->key, key.data, key.size);
    key.data = map->key;
    error = fetch(map, &key, &newest);
    if (error == ORIGINAL_NONE) return ORIGINAL_CORRUPTED;
    if (error || newest.address != item->address) return error;
    error = original_write_item(&map->original, *to, newest.length);
    *to += map->original.header_size + original_up(&map->original, newest.length);
    return error;
}

/* Copies what still counts to the front of the sector `to`, and erases the sector `from`. */
static int migrate(const struct original_map *map, uint32_t from, uint32_t to)
{
    struct original_item item;
    uint64_t write = original_payload_start(&map->original, to);
    uint64_t address = original_payload_start(&map->original, from);
    uint64_t end = original_payload_end(&map->original, address);
    for (;;) {
        int more = original_next_present(&map->original, &address, end, &item);
        if (more < 0) return more;
        if (!more) break;
        int error = migrate_item(map, &item, &write);
        if (error) return error;
    }
    return original_open_sector(&map->original, from);
}

/* Makes `use` the partial sector and sees to it that an open one follows. */
static int advance(const struct original_map *map, uint32_t use)
{
    int state = original_state_of(&map->original, use);
    if (state < 0) return state;
    if (state != ORIGINAL_OPEN) return ORIGINAL_CORRUPTED;
    state = original_partial_close(&map->original, use);
    if (state < 0) return state;
    uint32_t buffer = original_next_of(&map->original, use);
    state = original_state_of(&map->original, buffer);
    if (state < 0) return state;
    return state == ORIGINAL_OPEN ? 0 : migrate(map, buffer, use);
}

/* Without a partial sector the first open one becomes it. */
static int begin_sector(const struct original_map *map)
{
    uint32_t open = 0;
    int error = original_first_in_state(&map->original, 0, ORIGINAL_OPEN, &open);
    if (error) return error == ORIGINAL_NONE ? ORIGINAL_CORRUPTED : error;
    int state = original_partial_close(&map->original, open);
    return state < 0 ? state : 0;
}

static int store_in(const struct original_map *map, uint32_t sector, const struct bytes *key,
                    const struct bytes *value)
{
    uint32_t length = 0;
    uint64_t address = 0;
    int state = original_state_of(&map->original, original_next_of(&map->original, sector));
    if (state < 0) return state;
    if (state != ORIGINAL_OPEN) return ORIGINAL_CORRUPTED; /* a migration was cut */
    if (!encode(map, key, value, &length)) return ORIGINAL_TOO_BIG;
    int error = original_free_spot(&map->original, sector, length, &address);
    return error ? error : original_write_item(&map->original, address, length);
}

static int store(const struct original_map *map, const struct bytes *key, const struct bytes *value)
{
    for (uint32_t round = 0; round < map->original.sector_count; round++) {
        uint32_t partial = 0;
        int error = original_first_in_state(&map->original, 0, ORIGINAL_PARTIAL, &partial);
        if (error == ORIGINAL_NONE) {
            error = begin_sector(map);
        } else if (!error) {
            error = store_in(map, partial, key, value);
            if (error != ORIGINAL_NONE) return error;
            error = original_close_sector(&map->original, partial);
            if (!error) error = advance(map, original_next_of(&map->original, partial));
        }
        if (error) return error;
    }
    return ORIGINAL_FULL;
}

/* --- remove --- */

/* Where removal starts, so that the newest copy of a key is erased last. */
static int oldest_sector(const struct original_map *map, uint32_t *oldest)
{
    uint32_t newest = 0;
    int error = original_first_in_state(&map->original, 0, ORIGINAL_PARTIAL, &newest);
    if (error == ORIGINAL_NONE)
        error = original_last_in_state(&map->original, 0, ORIGINAL_CLOSED, &newest);
    if (error == ORIGINAL_NONE) error = 0;
    *oldest = original_next_of(&map->original, newest);
    return error;
}

static int remove_in(const struct original_map *map, uint32_t sector, const struct bytes *key)
{
    struct original_item item;
    uint64_t address = original_payload_start(&map->original, sector);
    uint64_t end = original_payload_end(&map->original, address);
    for (;;) {
        int more = original_next_present(&map->original, &address, end, &item);
        if (more <= 0) return more;
        int match = item_matches(map, &item, key);
        if (match < 0) return match;
        if (!match) continue;
        int error = original_erase_item(&map->original, &item);
        if (error) return error;
    }
}

/* Erases every copy of a key, or of every key when it is NULL. There need not be any. */
static int remove_key(const struct original_map *map, const struct bytes *key)
{
    uint32_t sector = 0;
    int error = oldest_sector(map, &sector);
    if (error) return error;
    for (uint32_t n = 0; n < map->original.sector_count;
         n++, sector = original_next_of(&map->original, sector)) {
        int state = original_state_of(&map->original, sector);
        if (state < 0) return state;
        if (state == ORIGINAL_OPEN) continue;
        error = remove_in(map, sector, key);
        if (error) return error;
    }
    return 0;
}

/* --- iterate --- */

/* Where iteration starts: at the oldest sector. NONE when every sector is closed. */
static int oldest_in_ring(const struct original_map *map, uint32_t *first)
{
    uint32_t sector = 0;
    int error = original_first_in_state(&map->original, 0, ORIGINAL_PARTIAL, &sector);
    if (!error) *first = original_next_of(&map->original, sector);
    if (error != ORIGINAL_NONE) return error;
    *first = 0;
    error = original_first_in_state(&map->original, 0, ORIGINAL_OPEN, &sector);
    if (error) return error;
    int state = original_state_of(&map->original, original_previous_of(&map->original, sector));
    if (state < 0) return state;
    if (state == ORIGINAL_CLOSED) *first = sector;
    return 0;
}

static int visit_sector(const struct original_map *map, uint32_t sector, adapter_visit *visit,
                        void *context)
{
    struct original_item item;
    uint64_t address = original_payload_start(&map->original, sector);
    uint64_t end = original_payload_end(&map->original, address);
    for (;;) {
        struct bytes key, value;
        int more = original_next_present(&map->original, &address, end, &item);
        if (more <= 0) return more;
        int error = decode(map, &item, &key, &value);
        if (error) return error;
        visit(context, key.data, key.size, value.data, value.size);
    }
}

/* Visits old items before new ones. The first sector is visited whatever its state is; of the
 * others, open ones and those whose state makes no sense or can't be read are passed over. */
static int visit_ring(const struct original_map *map, uint32_t first, adapter_visit *visit,
                      void *context)
{
    uint32_t sector = first;
    for (uint32_t n = 0; n < map->original.sector_count;
         n++, sector = original_next_of(&map->original, sector)) {
        if (n > 0 && original_state_of(&map->original, sector) <= ORIGINAL_OPEN) continue;
        int error = visit_sector(map, sector, visit, context);
        if (error) return error;
    }
    return 0;
}

/* --- repair --- */

static int repair(const struct original_map *map)
{
    uint32_t partial = 0;
    int error = original_repair(&map->original);
    if (!error) error = original_first_in_state(&map->original, 0, ORIGINAL_PARTIAL, &partial);
    if (error) return error == ORIGINAL_NONE ? 0 : error;
    int state = original_state_of(&map->original, original_next_of(&map->original, partial));
    if (state <= 0) return state; /* an error, or open: nothing was cut */
    error = original_open_sector(&map->original, partial);
    if (error) return error;
    state = original_partial_close(&map->original, partial);
    return state < 0 ? state : migrate(map, original_next_of(&map->original, partial), partial);
}

/* --- the adapter --- */

enum request_kind { REQUEST_FETCH, REQUEST_STORE, REQUEST_REMOVE };

struct request {
    enum request_kind kind;
    const struct bytes *key;
    const struct bytes *value;
    struct original_item found;
};

static int run_once(const struct original_map *map, struct request *request)
{
    switch (request->kind) {
    case REQUEST_FETCH:
        return fetch(map, request->key, &request->found);
    case REQUEST_STORE:
        return store(map, request->key, request->value);
    case REQUEST_REMOVE:
        return remove_key(map, request->key);
    }
    return ORIGINAL_CORRUPTED;
}

/* Every operation but iterating: when the map turns out to be corrupted it is repaired and asked
 * once more. */
static enum answer run(const struct original_map *map, struct request *request)
{
    int error = run_once(map, request);
    if (error == ORIGINAL_CORRUPTED) {
        error = repair(map);
        if (!error) error = run_once(map, request);
    }
    return original_answer(error);
}

static bool key_fits(const struct original_map *map, const struct bytes *key)
{
    return map->key_size ? key->size == map->key_size : key->size <= map->original.length_max - 2;
}

static enum answer original_store(void *object, const void *key, uint32_t key_size,
                                  const void *value, uint32_t value_size)
{
    struct bytes key_bytes = {key, key_size}, value_bytes = {value, value_size};
    struct request request = {REQUEST_STORE, &key_bytes, &value_bytes, {0, 0, 0}};
    if (!key_fits(object, &key_bytes)) return ANSWER_TOO_BIG;
    return run(object, &request);
}

static enum answer original_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                  uint32_t capacity, uint32_t *value_size)
{
    struct bytes key_bytes = {key, key_size}, stored, value;
    struct request request = {REQUEST_FETCH, &key_bytes, NULL, {0, 0, 0}};
    if (!key_fits(object, &key_bytes)) return ANSWER_NOT_FOUND;
    enum answer answer = run(object, &request);
    if (answer != ANSWER_OK) return answer;
    if (decode(object, &request.found, &stored, &value)) return ANSWER_DAMAGED;
    uint32_t size = value.size < capacity ? value.size : capacity;
    if (size) memcpy(buffer, value.data, size);
    *value_size = value.size;
    return ANSWER_OK;
}

/* The crate wants a part on which a word can be programmed twice here. */
static bool can_remove(const struct original_map *map)
{
    return map->original.flash->geometry.programs_per_unit != 1;
}

static enum answer original_remove(void *object, const void *key, uint32_t key_size)
{
    struct bytes key_bytes = {key, key_size};
    struct request request = {REQUEST_REMOVE, &key_bytes, NULL, {0, 0, 0}};
    if (!can_remove(object)) return ANSWER_UNSUPPORTED;
    if (!key_fits(object, &key_bytes)) return ANSWER_NOT_FOUND;
    return run(object, &request);
}

static enum answer original_clear(void *object)
{
    struct request request = {REQUEST_REMOVE, NULL, NULL, {0, 0, 0}};
    return can_remove(object) ? run(object, &request) : ANSWER_UNSUPPORTED;
}

/* Iterating repairs a map without an open sector, and nothing else: the crate returns the error of
 * a half-erased sector before it comes to its repair. */
static int begin_iteration(const struct original_map *map, uint32_t *first)
{
    int error = oldest_in_ring(map, first);
    bool repairs =
        error == ORIGINAL_NONE || (error == ORIGINAL_CORRUPTED && map->iterating_repairs);
    if (!repairs) return error;
    error = repair(map);
    if (!error) error = oldest_in_ring(map, first);
    return error == ORIGINAL_NONE ? ORIGINAL_CORRUPTED : error;
}

static enum answer original_each(void *object, adapter_visit *visit, void *context)
{
    uint32_t first = 0;
    int error = begin_iteration(object, &first);
    return original_answer(error ? error : visit_ring(object, first, visit, context));
}

static const char *original_refuses(const struct bo_flash_geometry *geometry,
                                    const struct adapter_settings *settings)
{
    uint32_t word = original_word_of(geometry);
    if (geometry->erased != 0xFF) return "needs a chip whose erased bytes are 0xff";
    if (geometry->sector_count < 2) return "needs a chip of at least 2 sectors";
    if (geometry->sector_size < 3 * word + original_header_size_of(geometry))
        return "needs sectors with room for 3 words and an item header";
    if (original_length_max_of(geometry) < (settings->values[0] ? settings->values[0] : 2))
        return "needs sectors with room for a key";
    return NULL;
}

static size_t original_object_size(const struct bo_flash_geometry *geometry,
                                   const struct adapter_settings *settings)
{
    (void)settings;
    return sizeof(struct original_map) + 2 * (size_t)original_capacity_of(geometry);
}

static void original_limits(const struct bo_flash_geometry *geometry,
                            const struct adapter_settings *settings, uint32_t *key_size_min,
                            uint32_t *key_size_max, uint32_t *value_size_max)
{
    uint32_t key_size = (uint32_t)settings->values[0];
    uint32_t room = original_length_max_of(geometry) - (key_size ? key_size : 2);
    *key_size_min = key_size;
    *key_size_max = key_size ? key_size : room;
    *value_size_max = room;
}

static enum answer original_mount(void *object, const struct bo_flash *flash,
                                  const struct adapter_settings *settings)
{
    struct original_map *map = object;
    uint8_t *buffers = (uint8_t *)object + sizeof *map;
    original_init(&map->original, flash, buffers);
    map->key_size = (uint32_t)settings->values[0];
    map->iterating_repairs = settings->values[1] != 0;
    map->key = buffers + original_capacity_of(&flash->geometry);
    return ANSWER_OK;
}

/* Far above what happens: it supposes damage at every word, and a whole search for every item. */
static struct adapter_bound original_bound(const struct bo_flash_geometry *geometry,
                                           const struct adapter_settings *settings,
                                           enum adapter_call call)
{
    (void)settings;
    uint64_t sectors = geometry->sector_count;
    uint64_t words = geometry->sector_size / original_word_of(geometry);
    uint64_t items = geometry->sector_size / original_header_size_of(geometry);
    if (sectors * geometry->sector_size > 1u << 24)
        return (struct adapter_bound){0}; /* it would not fit 64 bits */
    uint64_t states = 2 * sectors;
    uint64_t search = 4 * states + sectors * (2 * words + 3 * items) + 8;
    uint64_t move = 2 * words + items * (search + geometry->sector_size) + 2;
    if (call == ADAPTER_CALL_MOUNT) return (struct adapter_bound){1, 1};
    uint64_t calls = 2 * search + move + 4 * states;
    if (call == ADAPTER_CALL_STORE) calls = (2 * sectors + 1) * (search + move + 4 * states);
    return (struct adapter_bound){calls, calls};
}

static const struct adapter_option options[] = {
    {.name = "key", .summary = "bytes of a key; 0: any, stored after a 16-bit length", .max = 64},
    {.name = "each",
     .summary = "1: iterating repairs, as all other calls do; in the crate it does not",
     .max = 1},
    {.name = NULL},
};

static const struct adapter_map calls = {
    .store = original_store,
    .fetch = original_fetch,
    .remove = original_remove,
    .clear = original_clear,
    .each = original_each,
};

const struct adapter adapter_original = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "original",
    .summary = "subject: the map of sequential-storage 8.0.1 as it is, uncached, faults and all",
    .claims = "edge,prefix",
    .widened = ADAPTER_CLEAR_MAY_STOP,
    .widened_why = "remove_all erases item by item, so a cut leaves some of the keys",
    .options = options,
    .refuses = original_refuses,
    .object_size = original_object_size,
    .limits = original_limits,
    .mount = original_mount,
    .bound = original_bound,
    .map = &calls,
};
