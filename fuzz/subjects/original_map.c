/* original_map.c - the map of the Rust crate sequential-storage 8.0.1 as it is, faults and all.
 *
 * A subject, not an engine: the explorer must find what this algorithm loses, so nothing here is to
 * be cured. Same flash format, same placement and the same flash calls in the same order as the
 * crate without its caches; only damaged images are handled with the care of C.
 *
 * Method. The sectors form a ring: closed ones, oldest first, then one partial sector that takes
 * new items, then at least one open (erased) one. The marker at the start of a sector makes it
 * partial, the one at its end closes it. Items are only ever appended, so the last one with a key
 * counts. When the partial sector is full it is closed, the open one becomes partial, and what
 * still counts in the oldest sector is copied into it (migration) before that sector is erased.
 *
 * Recovery. Power-on reads nothing. An operation that meets a state that should not be (CORRUPTED)
 * has the map repaired and is tried once more: half-erased sectors are erased, and a migration that
 * was cut is done again from the start.
 *
 * "Word" is the larger of read unit and program unit; the crate calls a sector a page.
 */
#include "fuzz/subjects/subjects.h"

#include <string.h>

#define HEADER_BYTES 8u
#define NO_END UINT64_MAX
#define MARKER_ZEROS 4u /* so many zero bits among those read make a marker count as set */

enum original_error {
    ORIGINAL_CORRUPTED = -16, /* repairs, then tries again */
    ORIGINAL_NONE = -17,      /* no such key, no such sector */
    ORIGINAL_FULL = -18,
    ORIGINAL_TOO_BIG = -19,
    ORIGINAL_BUFFER = -20, /* an item does not fit the data buffer */
    ORIGINAL_DECODE = -21, /* an item is too short for its key */
};

enum sector_state { SECTOR_OPEN, SECTOR_PARTIAL, SECTOR_CLOSED };
enum body_state { BODY_PRESENT, BODY_ERASED, BODY_BAD };

struct original {
    const struct flash *flash;
    uint32_t sector_size, sector_count;
    uint32_t word;
    uint32_t header_size; /* HEADER_BYTES rounded up to words */
    uint32_t key_size;    /* 0: a key is stored behind its length, u16 */
    uint32_t length_max;  /* data bytes of the largest item */
    uint32_t capacity;    /* bytes of data and of key */
    uint8_t *data;        /* the buffer that the crate's caller lends */
    uint8_t *key;         /* of the item that a migration looks at */
};

/* An item as its header tells it. Addresses are 64 bits wide so that none of them overflows. */
struct item {
    uint64_t address;
    uint32_t length;
    uint32_t crc;
};

struct bytes {
    const uint8_t *data;
    uint32_t size;
};

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t get32(const uint8_t *bytes)
{
    return get16(bytes) | (uint32_t)get16(bytes + 2) << 16;
}

static void put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *bytes, uint32_t value)
{
    put16(bytes, value);
    put16(bytes + 2, value >> 16);
}

/* The checksum of a length. Never FFFF, so that a header never ends in erased bytes. */
static uint16_t length_crc(uint32_t length)
{
    uint32_t crc = 0xFFFF;
    crc ^= length & 0xFFFFu;
    for (int bit = 0; bit < 16; bit++)
        crc = crc & 1u ? crc >> 1 ^ 0x1A2Eu : crc >> 1;
    crc ^= 0xFFFFu;
    return crc == 0xFFFFu ? 0xFFFE : (uint16_t)crc;
}

/* CRC-32C with a start value of its own. Its low byte is never 00 (that means erased) nor FF. */
static uint32_t data_crc(const uint8_t *data, uint32_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
    };
    uint32_t crc = 0xEEEEEEEE;
    for (uint32_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = table[crc & 15u] ^ crc >> 4;
        crc = table[crc & 15u] ^ crc >> 4;
    }
    crc = ~crc;
    uint32_t low = crc & 0xFFu;
    return low == 0x00 || low == 0xFF ? crc ^ 1u : crc;
}

static uint32_t down(const struct original *map, uint32_t size)
{
    return size - size % map->word;
}

static uint32_t up(const struct original *map, uint32_t size)
{
    return down(map, size + map->word - 1);
}

static uint32_t next_of(const struct original *map, uint32_t sector)
{
    return (sector + 1) % map->sector_count;
}

static uint32_t previous_of(const struct original *map, uint32_t sector)
{
    return (sector + map->sector_count - 1) % map->sector_count;
}

static uint64_t sector_start(const struct original *map, uint32_t sector)
{
    return (uint64_t)sector * map->sector_size;
}

/* Where the first item of a sector goes. */
static uint64_t payload_start(const struct original *map, uint32_t sector)
{
    return sector_start(map, sector) + map->word;
}

/* The end of the items of the sector that holds `address`. */
static uint64_t payload_end(const struct original *map, uint64_t address)
{
    return address - address % map->sector_size + map->sector_size - map->word;
}

static uint64_t item_end(const struct original *map, const struct item *item)
{
    return item->address + map->header_size + up(map, item->length);
}

/* Damage may lead outside the region; the chip is not asked then. */
static bool inside(const struct original *map, uint64_t address, uint32_t size)
{
    return address + size <= flash_size(map->flash);
}

static int read_bytes(const struct original *map, uint64_t address, void *buffer, uint32_t size)
{
    if (!inside(map, address, size)) return FLASH_ERR_RANGE;
    return flash_read(map->flash, (uint32_t)address, buffer, size);
}

static int program_bytes(const struct original *map, uint64_t address, const void *data,
                         uint32_t size)
{
    if (!inside(map, address, size)) return FLASH_ERR_RANGE;
    return flash_program(map->flash, (uint32_t)address, data, size);
}

/* --- sectors --- */

/* Whether a marker is set: only the read unit at `address` is looked at. */
static int marker_set(const struct original *map, uint64_t address)
{
    uint8_t bytes[FLASH_UNIT_MAX];
    uint32_t size = map->flash->geometry.read_unit;
    int error = read_bytes(map, address, bytes, size);
    if (error) return error;
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < 8 * size; i++)
        zeros += (bytes[i / 8] >> i % 8 & 1) == 0;
    return zeros >= MARKER_ZEROS;
}

/* The state of a sector; CORRUPTED when only its end is marked (half erased). */
static int state_of(const struct original *map, uint32_t sector)
{
    uint64_t start = sector_start(map, sector);
    int begun = marker_set(map, start);
    if (begun < 0) return begun;
    int ended = marker_set(map, start + map->sector_size - map->flash->geometry.read_unit);
    if (ended < 0) return ended;
    if (ended) return begun ? SECTOR_CLOSED : ORIGINAL_CORRUPTED;
    return begun ? SECTOR_PARTIAL : SECTOR_OPEN;
}

/* Finds the first sector in a state, walking the ring from `from`. */
static int first_in_state(const struct original *map, uint32_t from, int wanted, uint32_t *found)
{
    uint32_t sector = from;
    for (uint32_t n = 0; n < map->sector_count; n++, sector = next_of(map, sector)) {
        int state = state_of(map, sector);
        if (state < 0) return state;
        if (state != wanted) continue;
        *found = sector;
        return 0;
    }
    return ORIGINAL_NONE;
}

/* Finds the last sector of the first run in a state, walking the ring from `from`. */
static int last_in_state(const struct original *map, uint32_t from, int wanted, uint32_t *found)
{
    bool hit = false;
    uint32_t sector = from;
    for (uint32_t n = 0; n < map->sector_count; n++, sector = next_of(map, sector)) {
        int state = state_of(map, sector);
        if (state < 0) return state;
        if (hit && state != wanted) break;
        if (state != wanted) continue;
        *found = sector;
        hit = true;
    }
    return hit ? 0 : ORIGINAL_NONE;
}

static int open_sector(const struct original *map, uint32_t sector)
{
    return flash_erase(map->flash, (uint32_t)sector_start(map, sector));
}

static int write_marker(const struct original *map, uint64_t address)
{
    static const uint8_t zeros[FLASH_UNIT_MAX];
    return program_bytes(map, address, zeros, map->word);
}

/* Makes an open sector partial. Returns the state that it has then. */
static int partial_close(const struct original *map, uint32_t sector)
{
    int state = state_of(map, sector);
    if (state != SECTOR_OPEN) return state;
    int error = write_marker(map, sector_start(map, sector));
    return error ? error : SECTOR_PARTIAL;
}

static int close_sector(const struct original *map, uint32_t sector)
{
    int state = partial_close(map, sector);
    if (state < 0) return state;
    if (state != SECTOR_PARTIAL) return 0;
    return write_marker(map, sector_start(map, sector) + map->sector_size - map->word);
}

/* --- items --- */

static bool all_erased(const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (bytes[i] != 0xFF) return false;
    return true;
}

/* Reads the header at `address`. Returns 1 when there is one, 0 when nothing was written there. */
static int read_header(const struct original *map, uint64_t address, uint64_t end,
                       struct item *item)
{
    uint8_t bytes[FLASH_UNIT_MAX];
    bool good = false;
    if (address + map->header_size > end) return 0;
    for (int attempt = 0; attempt < 2 && !good; attempt++) {
        int error = read_bytes(map, address, bytes, map->header_size);
        if (error) return error;
        if (all_erased(bytes, map->header_size)) return 0;
        good = length_crc(get16(bytes + 4)) == get16(bytes + 6);
    }
    if (!good) return ORIGINAL_CORRUPTED;
    *item = (struct item){.address = address, .length = get16(bytes + 4), .crc = get32(bytes)};
    return item_end(map, item) > end ? ORIGINAL_CORRUPTED : 1;
}

/* Reads the data of an item into map->data. Returns an enum body_state, or an error. */
static int read_body(const struct original *map, const struct item *item, uint64_t end)
{
    uint32_t size = up(map, item->length);
    if (item->crc == 0) return BODY_ERASED;
    if (item_end(map, item) > end) return BODY_BAD;
    if (size > map->capacity) return ORIGINAL_BUFFER;
    for (int attempt = 0; attempt < 2; attempt++) {
        int error = read_bytes(map, item->address + map->header_size, map->data, size);
        if (error) return error;
        if (data_crc(map->data, item->length) == item->crc) return BODY_PRESENT;
    }
    return BODY_BAD;
}

/* Finds the next header from *address on, past damage word by word. Returns 1 with *address behind
 * the item, or 0 at the end of what was written, with *address there. */
static int next_header(const struct original *map, uint64_t *address, uint64_t end,
                       struct item *item)
{
    for (;;) {
        int found = read_header(map, *address, end, item);
        if (found == 1) *address = item_end(map, item);
        if (found != ORIGINAL_CORRUPTED) return found;
        *address += map->word;
    }
}

/* The same for items whose data are good, which are then in map->data; others are passed over. */
static int next_present(const struct original *map, uint64_t *address, uint64_t end,
                        struct item *item)
{
    for (;;) {
        int found = next_header(map, address, end, item);
        if (found != 1) return found;
        int body = read_body(map, item, end);
        if (body < 0) return body;
        if (body == BODY_PRESENT) return 1;
    }
}

/* Splits the data of an item into key and value. */
static int decode(const struct original *map, const struct item *item, struct bytes *key,
                  struct bytes *value)
{
    uint32_t before = map->key_size ? 0 : 2;
    if (item->length < before) return ORIGINAL_DECODE;
    key->size = map->key_size ? map->key_size : get16(map->data);
    if (item->length - before < key->size) return ORIGINAL_DECODE;
    key->data = map->data + before;
    value->data = key->data + key->size;
    value->size = item->length - before - key->size;
    return 0;
}

/* Whether the item in map->data has this key: 1, 0 or an error. A NULL key is every key. */
static int item_matches(const struct original *map, const struct item *item,
                        const struct bytes *wanted)
{
    struct bytes key, value;
    if (!wanted) return 1;
    int error = decode(map, item, &key, &value);
    if (error) return error;
    if (key.size != wanted->size) return 0;
    return key.size == 0 || memcmp(key.data, wanted->data, key.size) == 0;
}

/* Puts key and value into map->data. Returns false when the item would be too big. */
static bool encode(const struct original *map, const struct bytes *key, const struct bytes *value,
                   uint32_t *length)
{
    uint32_t before = map->key_size ? 0 : 2;
    if (key->size > map->length_max || value->size > map->length_max) return false;
    *length = before + key->size + value->size;
    if (*length > map->length_max) return false;
    if (before) put16(map->data, key->size);
    if (key->size) memcpy(map->data + before, key->data, key->size);
    if (value->size) memcpy(map->data + before + key->size, value->data, value->size);
    return true;
}

static void encode_header(const struct original *map, const struct item *item, uint8_t *bytes)
{
    memset(bytes, 0xFF, map->header_size);
    put32(bytes, item->crc);
    put16(bytes + 4, item->length);
    put16(bytes + 6, length_crc(item->length));
}

/* Writes map->data as a new item: header, whole words, then what is left in a word of its own. */
static int write_item(const struct original *map, uint64_t address, uint32_t length)
{
    uint8_t bytes[FLASH_UNIT_MAX];
    struct item item = {address, length, data_crc(map->data, length)};
    uint32_t whole = down(map, length);
    if (item_end(map, &item) > payload_end(map, address)) return ORIGINAL_CORRUPTED;
    encode_header(map, &item, bytes);
    int error = program_bytes(map, address, bytes, map->header_size);
    if (error) return error;
    address += map->header_size;
    error = whole ? program_bytes(map, address, map->data, whole) : 0;
    if (error || whole == length) return error;
    memset(bytes, 0, map->word);
    memcpy(bytes, map->data + whole, length - whole);
    return program_bytes(map, address + whole, bytes, map->word);
}

/* Marks an item as erased: its header once more, with a checksum of 0. */
static int erase_item(const struct original *map, const struct item *item)
{
    uint8_t bytes[FLASH_UNIT_MAX];
    struct item erased = {item->address, item->length, 0};
    encode_header(map, &erased, bytes);
    return program_bytes(map, item->address, bytes, map->header_size);
}

/* --- fetch --- */

/* Finds the last item of a sector with the key. */
static int find_in_sector(const struct original *map, uint32_t sector, const struct bytes *key,
                          struct item *found)
{
    struct item item;
    uint64_t address = payload_start(map, sector);
    uint64_t end = payload_end(map, address);
    int result = ORIGINAL_NONE;
    for (;;) {
        int more = next_present(map, &address, end, &item);
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
static int newest_sector(const struct original *map, uint32_t *newest)
{
    uint32_t open = 0;
    int error = first_in_state(map, 0, SECTOR_PARTIAL, newest);
    if (error != ORIGINAL_NONE) return error;
    error = first_in_state(map, 0, SECTOR_OPEN, &open);
    if (error == ORIGINAL_NONE) return ORIGINAL_CORRUPTED;
    if (error) return error;
    *newest = previous_of(map, open);
    int state = state_of(map, *newest);
    if (state < 0) return state;
    return state == SECTOR_CLOSED ? 0 : ORIGINAL_NONE;
}

/* Finds the newest item of a key, and reads it into map->data. */
static int fetch(const struct original *map, const struct bytes *key, struct item *found)
{
    uint32_t sector = 0;
    int error = newest_sector(map, &sector);
    if (error) return error;
    for (uint32_t n = 0;; n++) {
        error = find_in_sector(map, sector, key, found);
        if (error != ORIGINAL_NONE) break;
        sector = previous_of(map, sector);
        int state = state_of(map, sector);
        if (state < 0) return state;
        /* The count only matters to a chip that answers the same read in different ways. */
        if (state != SECTOR_CLOSED || n == map->sector_count) return ORIGINAL_NONE;
    }
    if (error) return error;
    int again = read_header(map, found->address, NO_END, found);
    if (again < 0) return again;
    int body = again ? read_body(map, found, NO_END) : BODY_BAD;
    if (body < 0) return body;
    return body == BODY_PRESENT ? 0 : ORIGINAL_CORRUPTED;
}

/* --- store --- */

/* Copies an item of a migration when it is the newest of its key. *to moves behind the copy. */
static int migrate_item(const struct original *map, const struct item *item, uint64_t *to)
{
    struct bytes key, value;
    struct item newest;
    int error = decode(map, item, &key, &value);
    if (error) return error;
    if (key.size) memcpy(map->key, key.data, key.size);
    key.data = map->key;
    error = fetch(map, &key, &newest);
    if (error == ORIGINAL_NONE) return ORIGINAL_CORRUPTED;
    if (error || newest.address != item->address) return error;
    error = write_item(map, *to, newest.length);
    *to += map->header_size + up(map, newest.length);
    return error;
}

/* Copies what still counts to the front of the sector `to`, and erases the sector `from`. */
static int migrate(const struct original *map, uint32_t from, uint32_t to)
{
    struct item item;
    uint64_t write = payload_start(map, to);
    uint64_t address = payload_start(map, from);
    uint64_t end = payload_end(map, address);
    for (;;) {
        int more = next_present(map, &address, end, &item);
        if (more < 0) return more;
        if (!more) break;
        int error = migrate_item(map, &item, &write);
        if (error) return error;
    }
    return open_sector(map, from);
}

/* Makes `use` the partial sector and sees to it that an open one follows. */
static int advance(const struct original *map, uint32_t use)
{
    int state = state_of(map, use);
    if (state < 0) return state;
    if (state != SECTOR_OPEN) return ORIGINAL_CORRUPTED;
    state = partial_close(map, use);
    if (state < 0) return state;
    uint32_t buffer = next_of(map, use);
    state = state_of(map, buffer);
    if (state < 0) return state;
    return state == SECTOR_OPEN ? 0 : migrate(map, buffer, use);
}

/* Without a partial sector the first open one becomes it. */
static int begin_sector(const struct original *map)
{
    uint32_t open = 0;
    int error = first_in_state(map, 0, SECTOR_OPEN, &open);
    if (error) return error == ORIGINAL_NONE ? ORIGINAL_CORRUPTED : error;
    int state = partial_close(map, open);
    return state < 0 ? state : 0;
}

/* Finds room for an item at the end of a sector. */
static int free_spot(const struct original *map, uint32_t sector, uint32_t length,
                     uint64_t *address)
{
    struct item item;
    int more = 1;
    *address = payload_start(map, sector);
    uint64_t end = payload_end(map, *address);
    while (more == 1)
        more = next_header(map, address, end, &item);
    if (more < 0) return more;
    uint32_t room = *address < end ? down(map, (uint32_t)(end - *address)) : 0;
    return room >= map->header_size && room - map->header_size >= length ? 0 : ORIGINAL_NONE;
}

static int store_in(const struct original *map, uint32_t sector, const struct bytes *key,
                    const struct bytes *value)
{
    uint32_t length = 0;
    uint64_t address = 0;
    int state = state_of(map, next_of(map, sector));
    if (state < 0) return state;
    if (state != SECTOR_OPEN) return ORIGINAL_CORRUPTED; /* a migration was cut */
    if (!encode(map, key, value, &length)) return ORIGINAL_TOO_BIG;
    int error = free_spot(map, sector, length, &address);
    return error ? error : write_item(map, address, length);
}

static int store(const struct original *map, const struct bytes *key, const struct bytes *value)
{
    for (uint32_t round = 0; round < map->sector_count; round++) {
        uint32_t partial = 0;
        int error = first_in_state(map, 0, SECTOR_PARTIAL, &partial);
        if (error == ORIGINAL_NONE) {
            error = begin_sector(map);
        } else if (!error) {
            error = store_in(map, partial, key, value);
            if (error != ORIGINAL_NONE) return error;
            error = close_sector(map, partial);
            if (!error) error = advance(map, next_of(map, partial));
        }
        if (error) return error;
    }
    return ORIGINAL_FULL;
}

/* --- remove --- */

/* Where removal starts, so that the newest copy of a key is erased last. */
static int oldest_sector(const struct original *map, uint32_t *oldest)
{
    uint32_t newest = 0;
    int error = first_in_state(map, 0, SECTOR_PARTIAL, &newest);
    if (error == ORIGINAL_NONE) error = last_in_state(map, 0, SECTOR_CLOSED, &newest);
    if (error == ORIGINAL_NONE) error = 0;
    *oldest = next_of(map, newest);
    return error;
}

static int remove_in(const struct original *map, uint32_t sector, const struct bytes *key,
                     bool *removed)
{
    struct item item;
    uint64_t address = payload_start(map, sector);
    uint64_t end = payload_end(map, address);
    for (;;) {
        int more = next_present(map, &address, end, &item);
        if (more <= 0) return more;
        int match = item_matches(map, &item, key);
        if (match < 0) return match;
        if (!match) continue;
        int error = erase_item(map, &item);
        if (error) return error;
        *removed = true;
    }
}

/* Erases every copy of a key, or of every key when it is NULL. */
static int remove_key(const struct original *map, const struct bytes *key)
{
    bool removed = false;
    uint32_t sector = 0;
    int error = oldest_sector(map, &sector);
    if (error) return error;
    for (uint32_t n = 0; n < map->sector_count; n++, sector = next_of(map, sector)) {
        int state = state_of(map, sector);
        if (state < 0) return state;
        if (state == SECTOR_OPEN) continue;
        error = remove_in(map, sector, key, &removed);
        if (error) return error;
    }
    return removed || !key ? 0 : ORIGINAL_NONE;
}

/* --- iterate --- */

static int iterate_from(const struct original *map, uint32_t *first)
{
    uint32_t sector = 0;
    int error = first_in_state(map, 0, SECTOR_PARTIAL, &sector);
    if (!error) *first = next_of(map, sector);
    if (error != ORIGINAL_NONE) return error;
    *first = 0;
    error = first_in_state(map, 0, SECTOR_OPEN, &sector);
    if (error) return error == ORIGINAL_NONE ? 0 : error;
    int state = state_of(map, previous_of(map, sector));
    if (state < 0) return state;
    if (state == SECTOR_CLOSED) *first = sector;
    return 0;
}

static int visit_sector(const struct original *map, uint32_t sector, adapter_visit *visit,
                        void *context)
{
    struct item item;
    uint64_t address = payload_start(map, sector);
    uint64_t end = payload_end(map, address);
    for (;;) {
        struct bytes key, value;
        int more = next_present(map, &address, end, &item);
        if (more <= 0) return more;
        int error = decode(map, &item, &key, &value);
        if (error) return error;
        visit(context, key.data, key.size, value.data, value.size);
    }
}

/* Visits old items before new ones. Sectors whose state makes no sense are passed over. */
static int visit_ring(const struct original *map, uint32_t first, adapter_visit *visit,
                      void *context)
{
    uint32_t sector = first;
    for (uint32_t n = 0; n < map->sector_count; n++, sector = next_of(map, sector)) {
        int state = state_of(map, sector);
        if (state == ORIGINAL_CORRUPTED || state == SECTOR_OPEN) continue;
        int error = state < 0 ? state : visit_sector(map, sector, visit, context);
        if (error) return error;
    }
    return 0;
}

/* --- repair --- */

static int repair(const struct original *map)
{
    uint32_t partial = 0;
    for (uint32_t sector = 0; sector < map->sector_count; sector++) {
        int state = state_of(map, sector);
        if (state == ORIGINAL_CORRUPTED) state = open_sector(map, sector);
        if (state < 0) return state;
    }
    int error = first_in_state(map, 0, SECTOR_PARTIAL, &partial);
    if (error) return error == ORIGINAL_NONE ? 0 : error;
    int state = state_of(map, next_of(map, partial));
    if (state <= 0) return state; /* an error, or open: nothing was cut */
    error = open_sector(map, partial);
    if (error) return error;
    state = partial_close(map, partial);
    return state < 0 ? state : migrate(map, next_of(map, partial), partial);
}

/* --- the adapter --- */

enum request_kind { REQUEST_FETCH, REQUEST_STORE, REQUEST_REMOVE, REQUEST_FIRST };

struct request {
    enum request_kind kind;
    const struct bytes *key;
    const struct bytes *value;
    struct item found;
    uint32_t first;
};

static int run_once(const struct original *map, struct request *request)
{
    switch (request->kind) {
    case REQUEST_FETCH:
        return fetch(map, request->key, &request->found);
    case REQUEST_STORE:
        return store(map, request->key, request->value);
    case REQUEST_REMOVE:
        return remove_key(map, request->key);
    case REQUEST_FIRST:
        return iterate_from(map, &request->first);
    }
    return ORIGINAL_CORRUPTED;
}

static enum answer answer_of(int error)
{
    switch (error) {
    case 0:
        return ANSWER_OK;
    case ORIGINAL_NONE:
        return ANSWER_NOT_FOUND;
    case ORIGINAL_FULL:
        return ANSWER_FULL;
    case ORIGINAL_TOO_BIG:
        return ANSWER_TOO_BIG;
    case ORIGINAL_CORRUPTED:
    case ORIGINAL_BUFFER:
    case ORIGINAL_DECODE:
        return ANSWER_DAMAGED;
    default:
        return ANSWER_FLASH;
    }
}

/* Every operation: when the map turns out to be corrupted it is repaired and asked once more. */
static enum answer run(const struct original *map, struct request *request)
{
    int error = run_once(map, request);
    if (error == ORIGINAL_CORRUPTED) {
        error = repair(map);
        if (!error) error = run_once(map, request);
    }
    return answer_of(error);
}

static bool key_fits(const struct original *map, const struct bytes *key)
{
    return map->key_size ? key->size == map->key_size : key->size <= map->length_max - 2;
}

static enum answer original_store(void *object, const void *key, uint32_t key_size,
                                  const void *value, uint32_t value_size)
{
    struct bytes key_bytes = {key, key_size}, value_bytes = {value, value_size};
    struct request request = {REQUEST_STORE, &key_bytes, &value_bytes, {0, 0, 0}, 0};
    if (!key_fits(object, &key_bytes)) return ANSWER_TOO_BIG;
    return run(object, &request);
}

static enum answer original_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                  uint32_t capacity, uint32_t *value_size)
{
    struct bytes key_bytes = {key, key_size}, stored, value;
    struct request request = {REQUEST_FETCH, &key_bytes, NULL, {0, 0, 0}, 0};
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
static bool can_remove(const struct original *map)
{
    return map->flash->geometry.programs_per_unit != 1;
}

static enum answer original_remove(void *object, const void *key, uint32_t key_size)
{
    struct bytes key_bytes = {key, key_size};
    struct request request = {REQUEST_REMOVE, &key_bytes, NULL, {0, 0, 0}, 0};
    if (!can_remove(object)) return ANSWER_UNSUPPORTED;
    if (!key_fits(object, &key_bytes)) return ANSWER_NOT_FOUND;
    return run(object, &request);
}

static enum answer original_clear(void *object)
{
    struct request request = {REQUEST_REMOVE, NULL, NULL, {0, 0, 0}, 0};
    return can_remove(object) ? run(object, &request) : ANSWER_UNSUPPORTED;
}

static enum answer original_each(void *object, adapter_visit *visit, void *context)
{
    struct request request = {REQUEST_FIRST, NULL, NULL, {0, 0, 0}, 0};
    enum answer answer = run(object, &request);
    if (answer != ANSWER_OK) return answer;
    return answer_of(visit_ring(object, request.first, visit, context));
}

static uint32_t word_of(const struct flash_geometry *geometry)
{
    return geometry->read_unit > geometry->unit ? geometry->read_unit : geometry->unit;
}

static uint32_t header_size_of(const struct flash_geometry *geometry)
{
    return word_of(geometry) > HEADER_BYTES ? word_of(geometry) : HEADER_BYTES;
}

/* Data bytes of the largest item: key and value, and the length of the key. */
static uint32_t length_max_of(const struct flash_geometry *geometry)
{
    uint32_t room = geometry->sector_size - 2 * word_of(geometry) - header_size_of(geometry);
    return room < UINT16_MAX ? room : UINT16_MAX;
}

static uint32_t capacity_of(const struct flash_geometry *geometry)
{
    return length_max_of(geometry) + FLASH_UNIT_MAX; /* the last word is read whole */
}

static const char *original_refuses(const struct flash_geometry *geometry,
                                    const struct adapter_settings *settings)
{
    uint32_t word = word_of(geometry);
    if (geometry->erased != 0xFF) return "the format wants erased bytes to be FF";
    if (geometry->sector_count < 2) return "the map needs two sectors";
    if (geometry->sector_size < 3 * word + header_size_of(geometry))
        return "a sector does not hold an item";
    if (length_max_of(geometry) < (settings->values[0] ? settings->values[0] : 2))
        return "a sector does not hold a key";
    return NULL;
}

static size_t original_object_size(const struct flash_geometry *geometry,
                                   const struct adapter_settings *settings)
{
    (void)settings;
    return sizeof(struct original) + 2 * (size_t)capacity_of(geometry);
}

static void original_limits(const struct flash_geometry *geometry,
                            const struct adapter_settings *settings, uint32_t *key_size_min,
                            uint32_t *key_size_max, uint32_t *value_size_max)
{
    uint32_t key_size = (uint32_t)settings->values[0];
    uint32_t room = length_max_of(geometry) - (key_size ? key_size : 2);
    *key_size_min = key_size;
    *key_size_max = key_size ? key_size : room;
    *value_size_max = room;
}

/* Nothing is read: the crate has no mount. */
static enum answer original_mount(void *object, const struct flash *flash,
                                  const struct adapter_settings *settings)
{
    struct original *map = object;
    const struct flash_geometry *geometry = &flash->geometry;
    uint8_t *buffers = (uint8_t *)object + sizeof *map;
    *map = (struct original){
        .flash = flash,
        .sector_size = geometry->sector_size,
        .sector_count = geometry->sector_count,
        .word = word_of(geometry),
        .header_size = header_size_of(geometry),
        .key_size = (uint32_t)settings->values[0],
        .length_max = length_max_of(geometry),
        .capacity = capacity_of(geometry),
        .data = buffers,
        .key = buffers + capacity_of(geometry),
    };
    return ANSWER_OK;
}

/* Far above what happens: it supposes damage at every word, and a whole search for every item. */
static uint64_t original_bound(const struct flash_geometry *geometry,
                               const struct adapter_settings *settings, enum adapter_call call)
{
    (void)settings;
    uint64_t sectors = geometry->sector_count;
    uint64_t words = geometry->sector_size / word_of(geometry);
    uint64_t items = geometry->sector_size / header_size_of(geometry);
    if (sectors * geometry->sector_size > 1u << 24) return 0; /* it would not fit 64 bits */
    uint64_t states = 2 * sectors;
    uint64_t search = 4 * states + sectors * (2 * words + 3 * items) + 8;
    uint64_t move = 2 * words + items * (search + geometry->sector_size) + 2;
    if (call == ADAPTER_CALL_MOUNT) return 1;
    if (call == ADAPTER_CALL_STORE) return (2 * sectors + 1) * (search + move + 4 * states);
    return 2 * search + move + 4 * states;
}

static const struct adapter_option options[] = {
    {"key", "bytes of a key; 0: any, stored behind a 16-bit length", 0, 0, 64, NULL},
    {NULL, NULL, 0, 0, 0, NULL},
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
    .widened_why = "remove_all erases item by item",
    .options = options,
    .refuses = original_refuses,
    .object_size = original_object_size,
    .limits = original_limits,
    .mount = original_mount,
    .bound = original_bound,
    .map = &calls,
};
