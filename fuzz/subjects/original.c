/* original.c - sectors and items of sequential-storage 8.0.1: what map and queue share.
 *
 * Method. The functions are those of the crate, with their flash calls in its order (original.h
 * names the words). A marker counts as set when it has MARKER_ZEROS zeros; a header when the
 * checksum of its length is right; data when theirs is. A checksum of 0 means that the item is
 * erased.
 */
#include "fuzz/subjects/original.h"

#include <string.h>

#define HEADER_BYTES 8u
#define MARKER_ZEROS 4u /* zero bits that make a marker count as set, of those read */

uint32_t original_word_of(const struct bo_flash_geometry *geometry)
{
    return geometry->read_unit > geometry->unit ? geometry->read_unit : geometry->unit;
}

uint32_t original_header_size_of(const struct bo_flash_geometry *geometry)
{
    return original_word_of(geometry) > HEADER_BYTES ? original_word_of(geometry) : HEADER_BYTES;
}

/* Data bytes of the largest item: key and value, and the length of the key. */
uint32_t original_length_max_of(const struct bo_flash_geometry *geometry)
{
    uint32_t room =
        geometry->sector_size - 2 * original_word_of(geometry) - original_header_size_of(geometry);
    return room < UINT16_MAX ? room : UINT16_MAX;
}

uint32_t original_capacity_of(const struct bo_flash_geometry *geometry)
{
    return original_length_max_of(geometry) + BO_FLASH_UNIT_MAX; /* the last word is read whole */
}

void original_init(struct original *original, const struct bo_flash *flash, uint8_t *data)
{
    const struct bo_flash_geometry *geometry = &flash->geometry;
    *original = (struct original){
        .flash = flash,
        .sector_size = geometry->sector_size,
        .sector_count = geometry->sector_count,
        .word = original_word_of(geometry),
        .header_size = original_header_size_of(geometry),
        .length_max = original_length_max_of(geometry),
        .capacity = original_capacity_of(geometry),
        .data = data,
    };
}

enum answer original_answer(int error)
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

/* --- bytes --- */

uint16_t original_get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t get32(const uint8_t *bytes)
{
    return original_get16(bytes) | (uint32_t)original_get16(bytes + 2) << 16;
}

void original_put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *bytes, uint32_t value)
{
    original_put16(bytes, value);
    original_put16(bytes + 2, value >> 16);
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

uint32_t original_down(const struct original *original, uint32_t size)
{
    return size - size % original->word;
}

uint32_t original_up(const struct original *original, uint32_t size)
{
    return original_down(original, size + original->word - 1);
}

uint32_t original_next_of(const struct original *original, uint32_t sector)
{
    return (sector + 1) % original->sector_count;
}

uint32_t original_previous_of(const struct original *original, uint32_t sector)
{
    return (sector + original->sector_count - 1) % original->sector_count;
}

static uint64_t sector_start(const struct original *original, uint32_t sector)
{
    return (uint64_t)sector * original->sector_size;
}

uint64_t original_payload_start(const struct original *original, uint32_t sector)
{
    return sector_start(original, sector) + original->word;
}

uint64_t original_payload_end(const struct original *original, uint64_t address)
{
    return address - address % original->sector_size + original->sector_size - original->word;
}

uint64_t original_item_end(const struct original *original, const struct original_item *item)
{
    return item->address + original->header_size + original_up(original, item->length);
}

/* Damage may lead outside the region; the chip is not asked then. */
static bool inside(const struct original *original, uint64_t address, uint32_t size)
{
    return address + size <= bo_flash_size(original->flash);
}

static int read_bytes(const struct original *original, uint64_t address, void *buffer,
                      uint32_t size)
{
    if (!inside(original, address, size)) return BO_FLASH_ERR_RANGE;
    return bo_flash_read(original->flash, (uint32_t)address, buffer, size);
}

static int program_bytes(const struct original *original, uint64_t address, const void *data,
                         uint32_t size)
{
    if (!inside(original, address, size)) return BO_FLASH_ERR_RANGE;
    return bo_flash_program(original->flash, (uint32_t)address, data, size);
}

/* --- sectors --- */

/* Whether a marker is set: only the read unit at `address` is looked at. */
static int marker_set(const struct original *original, uint64_t address)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    uint32_t size = original->flash->geometry.read_unit;
    int error = read_bytes(original, address, bytes, size);
    if (error) return error;
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < 8 * size; i++)
        zeros += (bytes[i / 8] >> i % 8 & 1) == 0;
    return zeros >= MARKER_ZEROS;
}

int original_state_of(const struct original *original, uint32_t sector)
{
    uint64_t start = sector_start(original, sector);
    int begun = marker_set(original, start);
    if (begun < 0) return begun;
    int ended =
        marker_set(original, start + original->sector_size - original->flash->geometry.read_unit);
    if (ended < 0) return ended;
    if (ended) return begun ? ORIGINAL_CLOSED : ORIGINAL_CORRUPTED;
    return begun ? ORIGINAL_PARTIAL : ORIGINAL_OPEN;
}

int original_first_in_state(const struct original *original, uint32_t from, int wanted,
                            uint32_t *found)
{
    uint32_t sector = from;
    for (uint32_t n = 0; n < original->sector_count;
         n++, sector = original_next_of(original, sector)) {
        int state = original_state_of(original, sector);
        if (state < 0) return state;
        if (state != wanted) continue;
        *found = sector;
        return 0;
    }
    return ORIGINAL_NONE;
}

int original_last_in_state(const struct original *original, uint32_t from, int wanted,
                           uint32_t *found)
{
    bool hit = false;
    uint32_t sector = from;
    for (uint32_t n = 0; n < original->sector_count;
         n++, sector = original_next_of(original, sector)) {
        int state = original_state_of(original, sector);
        if (state < 0) return state;
        if (hit && state != wanted) break;
        if (state != wanted) continue;
        *found = sector;
        hit = true;
    }
    return hit ? 0 : ORIGINAL_NONE;
}

int original_open_sector(const struct original *original, uint32_t sector)
{
    return bo_flash_erase(original->flash, (uint32_t)sector_start(original, sector));
}

static int write_marker(const struct original *original, uint64_t address)
{
    static const uint8_t zeros[BO_FLASH_UNIT_MAX];
    return program_bytes(original, address, zeros, original->word);
}

int original_partial_close(const struct original *original, uint32_t sector)
{
    int state = original_state_of(original, sector);
    if (state != ORIGINAL_OPEN) return state;
    int error = write_marker(original, sector_start(original, sector));
    return error ? error : ORIGINAL_PARTIAL;
}

int original_close_sector(const struct original *original, uint32_t sector)
{
    int state = original_partial_close(original, sector);
    if (state < 0) return state;
    if (state != ORIGINAL_PARTIAL) return 0;
    return write_marker(original,
                        sector_start(original, sector) + original->sector_size - original->word);
}

int original_repair(const struct original *original)
{
    for (uint32_t sector = 0; sector < original->sector_count; sector++) {
        int state = original_state_of(original, sector);
        if (state == ORIGINAL_CORRUPTED) state = original_open_sector(original, sector);
        if (state < 0) return state;
    }
    return 0;
}

/* --- items --- */

static bool all_erased(const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (bytes[i] != 0xFF) return false;
    return true;
}

int original_read_header(const struct original *original, uint64_t address, uint64_t end,
                         struct original_item *item)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    bool good = false;
    if (address + original->header_size > end) return 0;
    for (int attempt = 0; attempt < 2 && !good; attempt++) {
        int error = read_bytes(original, address, bytes, original->header_size);
        if (error) return error;
        if (all_erased(bytes, original->header_size)) return 0;
        good = length_crc(original_get16(bytes + 4)) == original_get16(bytes + 6);
    }
    if (!good) return ORIGINAL_CORRUPTED;
    *item = (struct original_item){
        .address = address, .length = original_get16(bytes + 4), .crc = get32(bytes)};
    return original_item_end(original, item) > end ? ORIGINAL_CORRUPTED : 1;
}

int original_read_body(const struct original *original, const struct original_item *item,
                       uint64_t end)
{
    uint32_t size = original_up(original, item->length);
    if (item->crc == 0) return ORIGINAL_ERASED;
    if (original_item_end(original, item) > end) return ORIGINAL_BAD;
    if (size > original->capacity) return ORIGINAL_BUFFER;
    for (int attempt = 0; attempt < 2; attempt++) {
        int error =
            read_bytes(original, item->address + original->header_size, original->data, size);
        if (error) return error;
        if (data_crc(original->data, item->length) == item->crc) return ORIGINAL_PRESENT;
    }
    return ORIGINAL_BAD;
}

int original_next_header(const struct original *original, uint64_t *address, uint64_t end,
                         struct original_item *item)
{
    for (;;) {
        int found = original_read_header(original, *address, end, item);
        if (found == 1) *address = original_item_end(original, item);
        if (found != ORIGINAL_CORRUPTED) return found;
        *address += original->word;
    }
}

int original_next_present(const struct original *original, uint64_t *address, uint64_t end,
                          struct original_item *item)
{
    for (;;) {
        int found = original_next_header(original, address, end, item);
        if (found != 1) return found;
        int body = original_read_body(original, item, end);
        if (body < 0) return body;
        if (body == ORIGINAL_PRESENT) return 1;
    }
}

static void encode_header(const struct original *original, const struct original_item *item,
                          uint8_t *bytes)
{
    memset(bytes, 0xFF, original->header_size);
    put32(bytes, item->crc);
    original_put16(bytes + 4, item->length);
    original_put16(bytes + 6, length_crc(item->length));
}

int original_write_item(const struct original *original, uint64_t address, uint32_t length)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    struct original_item item = {address, length, data_crc(original->data, length)};
    uint32_t whole = original_down(original, length);
    if (original_item_end(original, &item) > original_payload_end(original, address))
        return ORIGINAL_CORRUPTED;
    encode_header(original, &item, bytes);
    int error = program_bytes(original, address, bytes, original->header_size);
    if (error) return error;
    address += original->header_size;
    error = whole ? program_bytes(original, address, original->data, whole) : 0;
    if (error || whole == length) return error;
    memset(bytes, 0, original->word);
    memcpy(bytes, original->data + whole, length - whole);
    return program_bytes(original, address + whole, bytes, original->word);
}

int original_erase_item(const struct original *original, const struct original_item *item)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    struct original_item erased = {item->address, item->length, 0};
    encode_header(original, &erased, bytes);
    return program_bytes(original, item->address, bytes, original->header_size);
}

int original_free_spot(const struct original *original, uint32_t sector, uint32_t length,
                       uint64_t *address)
{
    struct original_item item;
    int more = 1;
    *address = original_payload_start(original, sector);
    uint64_t end = original_payload_end(original, *address);
    while (more == 1)
        more = original_next_header(original, address, end, &item);
    if (more < 0) return more;
    uint32_t room = *address < end ? original_down(original, (uint32_t)(end - *address)) : 0;
    return room >= original->header_size && room - original->header_size >= length ? 0
                                                                                   : ORIGINAL_NONE;
}
