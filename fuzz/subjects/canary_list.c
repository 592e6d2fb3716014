/* canary_list.c - a small queue and ring log with one planted fault, chosen by `fault=N`.
 *
 * It is here to be caught, like canary.c. One engine serves both kinds: a
 * queue gives items up by pop, a log has numbers and times. Without a fault it is correct and must
 * be clean.
 *
 * The correct engine. The sectors are a ring, used in the order of their numbers, around and
 * around. The one whose header has the highest sequence number is active: records are appended to
 * it. When a record has no room there the next sector is erased and becomes active. The chain is
 * the active sector and the older ones, back to the first whose header is not the one before.
 *
 *   sector: header | mark of a clear | record | record | .. | blank | guard
 *   header: crc 4, sequence 4, number of the first record 8, time of the first record 8
 *   record: head | mark of a pop, in a queue only | body
 *   head:   a byte that is not blank, kind 1, size 2, crc 4
 *   body:   for each grain a byte that is not blank, then the item's next bytes
 *
 * All of it is padded to grains: 8 bytes, a unit or a read unit, whichever is largest.
 *
 * Invariants
 *  1. Only the sector after the active one is ever erased, right before its header is written,
 *     whatever it looks like; so a cut leaves at most that one without a valid header.
 *  2. A record's head is programmed after its body, and its checksum covers the body, the sequence
 *     number and the offset: what is torn, or lies here from an earlier lap, never checks.
 *  3. What is torn is stepped over grain by grain, and nothing is appended before the last grain
 *     that is not blank. No grain of a record that was begun looks blank.
 *  4. A mark is one program of a grain of its own. Any bit of it counts as set: a pop and a clear
 *     are done or not, and an erase that sets a few bits takes none back: before it the marks are
 *     programmed once more, where the part allows it.
 *  5. The number of a record is that of its sector's header, plus the records before it there.
 *  6. A clear ends the chain at its sector, which takes no more records.
 *  7. The guard is never programmed: where it is not blank an erase was cut, and the sector counts
 *     for nothing, whatever else is left of it. (One cut from the other end leaves no header.)
 *     An erase that blanks the end, or sets a few bits, leaves fewer records than there were: where
 *     all sectors are in the chain, the oldest counts only if it holds as many as the number of the
 *     next one's first record says.
 *  8. The sector after the active one is free when it is not in the chain, or when every record in
 *     it was popped. Only append erases one that is not.
 *
 * So nothing has to be repaired: mount only reads. Each fault breaks one of these.
 */
#include "fuzz/subjects/canary_list.h"

#include <string.h>

#define CRC_START 0x4C495354u /* with it blank bytes, FF or 00, don't check as a header */
#define HEADER_BYTES 24u
#define HEAD_BYTES 8u
#define ATTEMPTS 3 /* at a record, each in another place */

enum kind { KIND_DEAD = 0, KIND_ITEM = 0x5A };

struct header {
    uint32_t sequence;
    uint64_t number;
    uint64_t time;
};

struct record {
    uint32_t sector, offset;
    uint32_t size; /* of the item */
    uint64_t number;
    bool live;
};

/* --- bytes --- */

/* CRC-32, half a byte at a time. */
static uint32_t crc_of(uint32_t crc, const uint8_t *bytes, uint32_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    for (uint32_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = table[crc & 15u] ^ crc >> 4;
        crc = table[crc & 15u] ^ crc >> 4;
    }
    return crc;
}

static uint64_t get(const uint8_t *bytes, uint32_t size)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static void put(uint8_t *bytes, uint32_t size, uint64_t value)
{
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t sector_size(const struct canary_list *list)
{
    return list->flash->geometry.sector_size;
}

static uint32_t sector_count(const struct canary_list *list)
{
    return list->flash->geometry.sector_count;
}

uint32_t canary_list_grain(const struct bo_flash_geometry *geometry)
{
    uint32_t grain = geometry->unit > geometry->read_unit ? geometry->unit : geometry->read_unit;
    return grain > HEAD_BYTES ? grain : HEAD_BYTES;
}

static uint32_t padded(const struct canary_list *list, uint32_t size)
{
    return (size + list->grain - 1) / list->grain * list->grain;
}

static bool is_blank(const struct canary_list *list, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (bytes[i] != list->flash->geometry.erased) return false;
    return true;
}

/* A unit that can't be read is damage like any other. */
static int read_at(const struct canary_list *list, uint32_t sector, uint32_t offset,
                   uint8_t *buffer, uint32_t size)
{
    int error = bo_flash_read(list->flash, sector * sector_size(list) + offset, buffer, size);
    return error == BO_FLASH_ERR_ECC ? QUEUE_ERR_DAMAGED : error;
}

static int program_at(const struct canary_list *list, uint32_t sector, uint32_t offset,
                      const uint8_t *data, uint32_t size)
{
    return bo_flash_program(list->flash, sector * sector_size(list) + offset, data, size);
}

/* Whether nothing was programmed into a grain: 1, 0 or an error. */
static int is_blank_at(const struct canary_list *list, uint32_t sector, uint32_t offset)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    int error = read_at(list, sector, offset, bytes, list->grain);
    if (error) return error == QUEUE_ERR_DAMAGED ? 0 : error;
    return is_blank(list, bytes, list->grain);
}

static int set_mark(const struct canary_list *list, uint32_t sector, uint32_t offset)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX], erased = list->flash->geometry.erased;
    memset(bytes, ~erased & 0xFF, list->grain);
    if (list->fault == PLANTED_MARK_OF_A_BIT) {
        memset(bytes, erased, list->grain);
        bytes[0] ^= 1;
    }
    return program_at(list, sector, offset, bytes, list->grain);
}

/* --- sectors --- */

/* Where a sector's records end and its guard begins. */
static uint32_t room_end(const struct canary_list *list)
{
    return sector_size(list) - list->grain;
}

static uint32_t clear_mark(const struct canary_list *list)
{
    return padded(list, HEADER_BYTES);
}

/* Only the faulty engine has this mark. */
static uint32_t seal_mark(const struct canary_list *list)
{
    return clear_mark(list) + list->grain;
}

static uint32_t first_offset(const struct canary_list *list)
{
    return seal_mark(list) + (list->fault == PLANTED_ALL_SEALED ? list->grain : 0);
}

static int write_header(const struct canary_list *list, uint32_t sector,
                        const struct header *header)
{
    uint8_t bytes[2 * BO_FLASH_UNIT_MAX];
    memset(bytes, list->flash->geometry.erased, sizeof bytes);
    put(bytes + 4, 4, header->sequence);
    put(bytes + 8, 8, header->number);
    put(bytes + 16, 8, header->time);
    put(bytes, 4, crc_of(CRC_START, bytes + 4, HEADER_BYTES - 4));
    return program_at(list, sector, 0, bytes, padded(list, HEADER_BYTES));
}

/* DAMAGED when there is no valid header; EMPTY when there is none at all. */
static int read_header(const struct canary_list *list, uint32_t sector, struct header *header)
{
    uint8_t bytes[2 * BO_FLASH_UNIT_MAX];
    int error = read_at(list, sector, 0, bytes, padded(list, HEADER_BYTES));
    if (error) return error;
    if (is_blank(list, bytes, HEADER_BYTES)) return QUEUE_ERR_EMPTY;
    header->sequence = (uint32_t)get(bytes + 4, 4);
    header->number = get(bytes + 8, 8);
    header->time = get(bytes + 16, 8);
    if (list->fault == PLANTED_HEADER_UNCHECKED) return 0;
    if (get(bytes, 4) != crc_of(CRC_START, bytes + 4, HEADER_BYTES - 4)) return QUEUE_ERR_DAMAGED;
    int guarded =
        list->fault == PLANTED_GUARD_UNCHECKED ? 1 : is_blank_at(list, sector, room_end(list));
    if (guarded < 0) return guarded;
    return guarded ? 0 : QUEUE_ERR_DAMAGED;
}

/* Whether the ring goes around this sector. */
static bool is_lost(const struct canary_list *list, uint32_t sector)
{
    struct header header;
    return list->fault == PLANTED_LEAK && sector != list->active &&
           read_header(list, sector, &header) == QUEUE_ERR_DAMAGED;
}

static uint32_t sector_behind(const struct canary_list *list, uint32_t sector)
{
    uint32_t count = sector_count(list);
    for (uint32_t i = 0; i < count; i++) {
        sector = (sector + 1) % count;
        if (!is_lost(list, sector)) break;
    }
    return sector;
}

static uint32_t sector_before(const struct canary_list *list, uint32_t sector)
{
    uint32_t count = sector_count(list);
    for (uint32_t i = 0; i < count; i++) {
        sector = (sector + count - 1) % count;
        if (!is_lost(list, sector)) break;
    }
    return sector;
}

/* Sectors in the ring. */
static uint32_t ring_size(const struct canary_list *list)
{
    uint32_t size = 0;
    for (uint32_t sector = 0; sector < sector_count(list); sector++)
        size += !is_lost(list, sector);
    return list->fault == PLANTED_AHEAD_ASSUMED ? size - 1 : size;
}

static int erase_sector(const struct canary_list *list, uint32_t sector)
{
    if (list->fault == PLANTED_TRUST_BLANK) {
        struct header header;
        if (read_header(list, sector, &header) == QUEUE_ERR_EMPTY) return 0;
    }
    return bo_flash_erase(list->flash, sector * sector_size(list));
}

/* --- records --- */

/* Bytes of a record before its body. */
static uint32_t lead(const struct canary_list *list)
{
    return list->is_log ? list->grain : 2 * list->grain;
}

static uint32_t body_size(const struct canary_list *list, uint32_t size)
{
    uint32_t each = list->grain - 1;
    return (size + each - 1) / each * list->grain;
}

static uint32_t record_size(const struct canary_list *list, uint32_t size)
{
    return lead(list) + body_size(list, size);
}

/* The largest item that has a place in a number of bytes, its lead included. */
static uint32_t size_within(const struct canary_list *list, uint32_t room)
{
    uint32_t size = (room - lead(list)) / list->grain * (list->grain - 1);
    return size < UINT16_MAX ? size : UINT16_MAX;
}

uint32_t canary_list_size_max(const struct canary_list *list)
{
    return size_within(list, room_end(list) - first_offset(list));
}

static uint32_t record_crc(const struct canary_list *list, uint32_t sequence, uint32_t offset,
                           const uint8_t *head, uint32_t size)
{
    uint8_t place[8];
    put(place, 4, sequence);
    put(place + 4, 4, offset);
    uint32_t crc = crc_of(crc_of(CRC_START, place, sizeof place), head + 1, 3);
    if (list->fault == PLANTED_HEAD_FIRST) return crc; /* the body is not there yet */
    return crc_of(crc, list->body, body_size(list, size));
}

/* From list->body to list->item and back. */
static void decode_body(const struct canary_list *list, uint32_t size)
{
    uint32_t each = list->grain - 1;
    for (uint32_t i = 0; i < size; i++)
        list->item[i] = list->body[i / each * list->grain + 1 + i % each];
}

static void encode_body(const struct canary_list *list, const uint8_t *data, uint32_t size)
{
    uint32_t each = list->grain - 1;
    memset(list->body, list->flash->geometry.erased, body_size(list, size));
    for (uint32_t i = 0; i < body_size(list, size); i += list->grain)
        list->body[i] = (uint8_t)~list->flash->geometry.erased;
    for (uint32_t i = 0; i < size; i++)
        list->body[i / each * list->grain + 1 + i % each] = data[i];
}

/* Whether the item of a record was not popped: 1, 0 or an error. */
static int read_live(const struct canary_list *list, const struct record *record,
                     const uint8_t *head)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    uint32_t offset = record->offset + list->grain;
    if (list->is_log) return 1;
    if (list->fault == PLANTED_HEAD_TWICE) return head[1] != KIND_DEAD;
    if (list->late && list->late == (uint64_t)record->sector * sector_size(list) + offset) return 0;
    if (list->fault != PLANTED_POP_AGAIN) return is_blank_at(list, record->sector, offset);
    int error = read_at(list, record->sector, offset, bytes, list->grain);
    if (error) return error == QUEUE_ERR_DAMAGED ? 0 : error;
    for (uint32_t i = 0; i < list->grain; i++)
        if ((bytes[i] ^ list->flash->geometry.erased) != 0xFF) return 1;
    return 0;
}

/* Reads the body of a record and checks it: 1, 0 or an error. */
static int check_body(const struct canary_list *list, uint32_t sequence,
                      const struct record *record, const uint8_t *head)
{
    uint32_t offset = record->offset + lead(list);
    for (;;) {
        int error =
            read_at(list, record->sector, offset, list->body, body_size(list, record->size));
        if (error) return error == QUEUE_ERR_DAMAGED ? 0 : error;
        if (list->fault == PLANTED_HEAD_TWICE && head[1] == KIND_DEAD) return 1;
        uint32_t crc = record_crc(list, sequence, record->offset, head, record->size);
        if (get(head + 4, 4) == crc) return 1;
        if (list->fault != PLANTED_READ_FOR_EVER || record->size == 0) return 0;
    }
}

/* Reads the record at record->offset, its item into list->item. Returns 1, or 0 where there is
 * none, with record->size as a damaged head has it, or UINT32_MAX when there is no head. */
static int read_record(const struct canary_list *list, uint32_t sequence, struct record *record)
{
    uint8_t head[BO_FLASH_UNIT_MAX];
    record->size = UINT32_MAX;
    if (room_end(list) - record->offset < lead(list)) return 0;
    int error = read_at(list, record->sector, record->offset, head, list->grain);
    if (error) return error == QUEUE_ERR_DAMAGED ? 0 : error;
    if (is_blank(list, head, list->grain)) return 0;
    record->size = (uint32_t)get(head + 2, 2);
    uint32_t end = record->offset + record_size(list, record->size);
    if (end > room_end(list)) return 0;
    if (end == room_end(list) && list->fault == PLANTED_LAST_UNSEEN) return 0;
    int good = check_body(list, sequence, record, head);
    if (good != 1) return good;
    decode_body(list, record->size);
    int live = read_live(list, record, head);
    record->live = live == 1;
    return live < 0 ? live : 1;
}

/* How far to the next place where a record may begin, from one where there is none. */
static uint32_t step_of(const struct canary_list *list, const struct record *record)
{
    if (record->size == UINT32_MAX) return list->grain;
    if (list->fault == PLANTED_LENGTH_TRUSTED) return record_size(list, record->size);
    if (list->fault == PLANTED_STEP_OF_NOTHING) return (uint8_t)record_size(list, record->size);
    return list->grain;
}

/* The next record of the cursor's sector: 1, 0 or an error. */
static int next_in_sector(const struct canary_list *list, struct canary_list_cursor *cursor,
                          struct record *record)
{
    while (cursor->offset < room_end(list)) {
        *record = (struct record){.sector = cursor->sector, .offset = cursor->offset};
        int found = read_record(list, cursor->sequence, record);
        if (found < 0) return found;
        cursor->offset += found ? record_size(list, record->size) : step_of(list, record);
        if (!found) continue;
        record->number = cursor->number++;
        return 1;
    }
    return 0;
}

/* --- the chain --- */

/* Begins a sector of the chain; its place is counted from the oldest, which is 0. */
static int enter_sector(const struct canary_list *list, struct canary_list_cursor *cursor,
                        uint32_t index)
{
    struct header header = {0, 0, 0};
    uint32_t back = list->chain - 1 - index;
    cursor->begun = index + 1;
    cursor->sector = list->active;
    for (uint32_t i = 0; i < back; i++)
        cursor->sector = sector_before(list, cursor->sector);
    cursor->sequence = list->sequence - back;
    cursor->offset = first_offset(list);
    int error = list->is_log ? read_header(list, cursor->sector, &header) : 0;
    cursor->number = header.number;
    return error == QUEUE_ERR_EMPTY ? QUEUE_ERR_DAMAGED : error;
}

/* The next record of the chain, popped or not: 1, 0 or an error. A cursor of zeros begins. */
static int next_record(const struct canary_list *list, struct canary_list_cursor *cursor,
                       struct record *record)
{
    if (!cursor->begun) cursor->offset = room_end(list);
    for (;;) {
        int found = next_in_sector(list, cursor, record);
        if (found) return found;
        if (cursor->begun == list->chain) return 0;
        int error = enter_sector(list, cursor, cursor->begun);
        if (error) return error;
    }
}

/* The next item that was not popped. */
static int next_item(const struct canary_list *list, struct canary_list_cursor *cursor,
                     struct record *record)
{
    for (;;) {
        int found = next_record(list, cursor, record);
        if (found != 1) return found;
        bool hidden = list->fault == PLANTED_BLANK_ITEM && is_blank(list, list->item, record->size);
        if (record->live && !hidden) return 1;
    }
}

static int find_place(const struct canary_list *list, uint32_t place, struct record *record)
{
    struct canary_list_cursor cursor = {0};
    bool all = list->fault == PLANTED_PLACE_IN_POPPED && place > 0;
    for (;;) {
        int found = all ? next_record(list, &cursor, record) : next_item(list, &cursor, record);
        if (found != 1) return found ? found : QUEUE_ERR_EMPTY;
        if (place == 0 && record->live) return 0;
        place -= place != 0;
    }
}

/* Whether a sector of the chain holds no item any more: 1, 0 or an error. */
static int is_done(const struct canary_list *list, uint32_t index)
{
    struct canary_list_cursor cursor;
    struct record record;
    int found = enter_sector(list, &cursor, index);
    if (found) return found;
    while ((found = next_in_sector(list, &cursor, &record)) == 1) {
        if (record.live) return 0;
        if (list->fault == PLANTED_FREED_EARLY) return 1;
    }
    return found < 0 ? found : 1;
}

/* Whether the next sector may be erased without losing an item: 1, 0 or an error. */
static int is_next_free(const struct canary_list *list)
{
    return list->chain < ring_size(list) ? 1 : is_done(list, 0);
}

/* Sectors that pushes come to before the first one that holds an item; or an error. */
static int count_free(const struct canary_list *list)
{
    int done = 1, count = (int)(ring_size(list) - list->chain);
    for (uint32_t i = 0; i + 1 < list->chain && done == 1; i++) {
        done = is_done(list, i);
        if (done < 0) return done;
        count += done;
    }
    return list->fault == PLANTED_SPACE_TOO_MUCH ? count + 1 : count;
}

/* --- appending --- */

/* Programs the marks of the oldest sector again. One that was cut may have a single bit, and an
 * erase that is cut may set it again. */
static int complete_marks(const struct canary_list *list)
{
    struct canary_list_cursor cursor;
    struct record record;
    if (list->is_log || list->flash->geometry.programs_per_unit != 0) return 0;
    int found = enter_sector(list, &cursor, 0);
    if (found) return found;
    while ((found = next_in_sector(list, &cursor, &record)) == 1) {
        int error = record.live ? 0 : set_mark(list, record.sector, record.offset + list->grain);
        if (error) return error;
    }
    return found;
}

/* Erases the next sector and makes it the active one. */
static int begin_sector(struct canary_list *list, uint64_t time)
{
    uint32_t next = sector_behind(list, list->active);
    bool ahead = list->fault == PLANTED_AHEAD_ASSUMED;
    struct header header = {list->sequence + 1, list->number, time};
    int error = 0;
    if (list->fault == PLANTED_ALL_SEALED && list->sequence)
        error = set_mark(list, list->active, seal_mark(list));
    if (!error && list->chain == ring_size(list)) error = complete_marks(list);
    if (error) return error;
    if (list->chain == ring_size(list)) list->chain--;
    if (!ahead) error = erase_sector(list, next);
    if (!error) error = write_header(list, next, &header);
    if (error) return error;
    list->active = next;
    list->sequence++;
    list->chain++;
    list->end = first_offset(list);
    uint32_t other = sector_behind(list, next);
    if (ahead) return erase_sector(list, other);
    if (list->fault != PLANTED_DROP_TWO || list->chain < ring_size(list)) return 0;
    list->chain--;
    return erase_sector(list, other);
}

/* Writes a record: its body, then its head. */
static int write_record(const struct canary_list *list, const struct record *record,
                        uint32_t sequence, const uint8_t *data)
{
    uint8_t head[BO_FLASH_UNIT_MAX];
    uint32_t size = body_size(list, record->size), body = record->offset + lead(list);
    bool head_first = list->fault == PLANTED_HEAD_FIRST;
    encode_body(list, data, record->size);
    memset(head, list->flash->geometry.erased, list->grain);
    head[0] = (uint8_t)~list->flash->geometry.erased;
    head[1] = KIND_ITEM;
    put(head + 2, 2, record->size);
    put(head + 4, 4, record_crc(list, sequence, record->offset, head, record->size));
    int error = 0;
    if (head_first) error = program_at(list, record->sector, record->offset, head, list->grain);
    if (!error) error = program_at(list, record->sector, body, list->body, size);
    if (error == BO_FLASH_ERR_IO && list->fault == PLANTED_ERROR_IGNORED) error = 0;
    if (error || head_first) return error;
    return program_at(list, record->sector, record->offset, head, list->grain);
}

/* After everything that was written into a sector, and whether that is the end of a record. */
static int find_end(const struct canary_list *list, struct canary_list_cursor *cursor,
                    uint32_t *end, bool *torn)
{
    struct record record;
    uint32_t written = room_end(list);
    int found;
    *end = first_offset(list);
    cursor->offset = *end;
    while ((found = next_in_sector(list, cursor, &record)) == 1)
        *end = record.offset + record_size(list, record.size);
    if (found < 0) return found;
    for (; written > *end; written -= list->grain) {
        int blank = is_blank_at(list, cursor->sector, written - list->grain);
        if (blank < 0) return blank;
        if (!blank) break;
    }
    *torn = written > *end;
    *end = *torn ? written : *end;
    return 0;
}

/* Only the faulty engine does this: 1 when the item went into the sector before the active one. */
static int write_before(const struct canary_list *list, const uint8_t *data, uint32_t size)
{
    struct canary_list_cursor cursor = {0};
    struct record record = {.size = size};
    bool torn = false;
    if (list->chain < 2) return 0;
    int error = enter_sector(list, &cursor, list->chain - 2);
    if (!error) error = find_end(list, &cursor, &record.offset, &torn);
    if (error || torn || record_size(list, size) > room_end(list) - record.offset) return error;
    record.sector = cursor.sector;
    error = write_record(list, &record, cursor.sequence, data);
    return error ? error : 1;
}

/* Makes room for a record after the end. */
static int make_room(struct canary_list *list, uint32_t size, uint64_t time, bool drop)
{
    if (record_size(list, size) <= room_end(list) - list->end) return 0;
    int free = drop || list->fault == PLANTED_PUSH_DROPS ? 1 : is_next_free(list);
    if (free < 1) return free ? free : QUEUE_ERR_FULL;
    return begin_sector(list, time);
}

int canary_list_push(struct canary_list *list, const uint8_t *data, uint32_t size, uint64_t time,
                     bool drop)
{
    if (size > canary_list_size_max(list)) return QUEUE_ERR_TOO_BIG;
    if (list->sealed) return QUEUE_ERR_FULL;
    if (list->fault == PLANTED_FIRST_FIT) {
        int done = write_before(list, data, size);
        if (done) return done < 0 ? done : 0;
    }
    int error = BO_FLASH_ERR_IO;
    for (int attempt = 0; attempt < ATTEMPTS && error == BO_FLASH_ERR_IO; attempt++) {
        error = make_room(list, size, time, drop);
        if (error) return error;
        struct record record = {.sector = list->active, .offset = list->end, .size = size};
        list->end += record_size(list, size); /* a record that failed stays there */
        error = write_record(list, &record, list->sequence, data);
    }
    if (!error) list->number++;
    return error;
}

/* --- what waits in RAM --- */

static void forget_first(struct canary_list *list)
{
    uint32_t size = list->waits[0].size, all = 0;
    for (uint32_t i = 0; i < list->wait_count; i++)
        all += list->waits[i].size;
    memmove(list->waiting, list->waiting + size, all - size);
    list->wait_count--;
    memmove(list->waits, list->waits + 1, list->wait_count * sizeof *list->waits);
}

/* Writes what waits, but for the last `keep` items. */
static int drain(struct canary_list *list, uint32_t keep)
{
    while (list->wait_count > keep) {
        const struct canary_list_waiting *first = &list->waits[0];
        int error = canary_list_push(list, list->waiting, first->size, first->time, true);
        if (error) return error;
        forget_first(list);
    }
    return 0;
}

int canary_list_sync(struct canary_list *list)
{
    return drain(list, list->fault == PLANTED_SYNC_EARLY ? 1 : 0);
}

int canary_list_append(struct canary_list *list, const uint8_t *data, uint32_t size, uint64_t time)
{
    uint32_t used = 0;
    if (!list->batch) return canary_list_push(list, data, size, time, true);
    if (size > canary_list_size_max(list)) return QUEUE_ERR_TOO_BIG;
    int error = list->wait_count == list->batch ? drain(list, 0) : 0;
    if (error) return error;
    for (uint32_t i = 0; i < list->wait_count; i++)
        used += list->waits[i].size;
    if (size) memcpy(list->waiting + used, data, size);
    list->waits[list->wait_count++] = (struct canary_list_waiting){size, time};
    return 0;
}

/* --- taking out --- */

static int write_late_mark(struct canary_list *list)
{
    uint32_t address = (uint32_t)list->late, size = sector_size(list);
    list->late = 0;
    return address ? set_mark(list, address / size, address % size) : 0;
}

static int mark_popped(struct canary_list *list, const struct record *record)
{
    uint8_t head[BO_FLASH_UNIT_MAX];
    uint32_t mark = record->offset + list->grain;
    if (list->fault == PLANTED_POP_LATE) {
        int error = write_late_mark(list);
        list->late = (uint64_t)record->sector * sector_size(list) + mark;
        return error;
    }
    if (list->fault != PLANTED_HEAD_TWICE) return set_mark(list, record->sector, mark);
    int error = read_at(list, record->sector, record->offset, head, list->grain);
    if (error) return error;
    head[1] = KIND_DEAD;
    return program_at(list, record->sector, record->offset, head, list->grain);
}

/* Only the faulty engine does this. */
static int erase_chain(struct canary_list *list)
{
    for (uint32_t i = 0; i < list->chain; i++) {
        struct canary_list_cursor cursor;
        int error = enter_sector(list, &cursor, i);
        if (!error) error = bo_flash_erase(list->flash, cursor.sector * sector_size(list));
        if (error) return error;
    }
    list->sequence = list->chain = 0;
    list->end = room_end(list);
    return 0;
}

int canary_list_clear(struct canary_list *list)
{
    int error = drain(list, 0);
    if (error || !list->chain) return error;
    if (list->fault == PLANTED_CLEAR_IN_STEPS) return erase_chain(list);
    error = set_mark(list, list->active, clear_mark(list));
    if (error) return error;
    list->chain = 0;
    list->end = room_end(list);
    return 0;
}

/* --- asking --- */

int canary_list_next(const struct canary_list *list, struct canary_list_cursor *cursor,
                     struct canary_list_found *found)
{
    struct record record;
    int more = next_item(list, cursor, &record);
    if (more == 1) *found = (struct canary_list_found){record.number, record.size};
    return more;
}

int canary_list_peek(struct canary_list *list, uint32_t place, struct canary_list_found *found)
{
    struct record record;
    int error = find_place(list, place, &record);
    if (!error) *found = (struct canary_list_found){record.number, record.size};
    return error;
}

int canary_list_pop(struct canary_list *list, uint32_t place, struct canary_list_found *found)
{
    struct record record;
    int error = find_place(list, place, &record);
    if (!error) *found = (struct canary_list_found){record.number, record.size};
    return error ? error : mark_popped(list, &record);
}

/* Copies an item that waits in RAM to list->item; its place is counted from the oldest there. */
static uint32_t copy_waiting(const struct canary_list *list, uint64_t index)
{
    uint32_t from = 0, size = list->waits[index].size;
    for (uint64_t i = 0; i < index; i++)
        from += list->waits[i].size;
    if (size) memcpy(list->item, list->waiting + from, size);
    return size;
}

int canary_list_read(struct canary_list *list, uint64_t number, struct canary_list_found *found)
{
    struct canary_list_cursor cursor = {0};
    int more;
    if (number >= list->number && number - list->number < list->wait_count) {
        *found = (struct canary_list_found){number, copy_waiting(list, number - list->number)};
        return 0;
    }
    while ((more = canary_list_next(list, &cursor, found)) == 1)
        if (found->number == number) return 0;
    return more ? more : QUEUE_ERR_EMPTY;
}

/* The first record of the newest sector that was begun before that time. */
int canary_list_seek(struct canary_list *list, uint64_t time, uint64_t *number)
{
    bool skips = list->fault == PLANTED_SEEK_SKIPS;
    *number = list->number;
    if (list->fault == PLANTED_SEEK_EARLY) time = 0;
    for (uint32_t i = 0; i < list->chain; i++) {
        struct canary_list_cursor cursor;
        struct header header;
        int error = enter_sector(list, &cursor, i);
        if (!error) error = read_header(list, cursor.sector, &header);
        if (error) return error;
        bool before = header.time < time;
        if (skips ? !before : before || i == 0) *number = header.number;
        if (skips && !before) break;
    }
    return 0;
}

int canary_list_fits(const struct canary_list *list, uint32_t *size)
{
    uint32_t room = room_end(list) - list->end;
    int free = list->sealed ? 0 : is_next_free(list);
    if (free < 0) return free;
    if (!free && (list->sealed || room < lead(list))) return QUEUE_ERR_FULL;
    *size = free ? canary_list_size_max(list) : size_within(list, room);
    if (list->fault == PLANTED_FITS_TOO_MUCH && !free) ++*size;
    return 0;
}

int canary_list_space(const struct canary_list *list, uint32_t size, uint64_t *count)
{
    uint32_t each = record_size(list, size);
    int free = list->sealed ? 0 : count_free(list);
    if (free < 0) return free;
    *count = (uint64_t)free * ((room_end(list) - first_offset(list)) / each);
    if (!list->sealed) *count += (room_end(list) - list->end) / each;
    return 0;
}

int canary_list_range(const struct canary_list *list, uint64_t *first, uint64_t *end)
{
    struct canary_list_cursor cursor = {0};
    struct canary_list_found found = {.number = list->number};
    int more = canary_list_next(list, &cursor, &found);
    if (more < 0) return more;
    *first = found.number;
    *end = list->number + list->wait_count;
    if (list->fault == PLANTED_RANGE_STALE) *first = list->begins;
    return 0;
}

/* --- mount --- */

static bool is_newer(const struct canary_list *list, uint32_t a, uint32_t b)
{
    if (list->fault == PLANTED_COUNTER_WRAPS) return a % 8 > b % 8;
    return (int32_t)(a - b) > 0;
}

/* Finds the active sector. list->sequence stays 0 when there is none. */
static int choose_active(struct canary_list *list, struct header *newest)
{
    uint32_t ram = list->active % sector_count(list);
    list->active = sector_count(list) - 1;
    for (uint32_t sector = 0; sector < sector_count(list); sector++) {
        struct header header;
        int error = read_header(list, sector, &header);
        if (error == QUEUE_ERR_DAMAGED && list->fault == PLANTED_TORN_REFUSED) return error;
        if (error == QUEUE_ERR_EMPTY || error == QUEUE_ERR_DAMAGED) continue;
        if (error) return error;
        bool chosen = list->fault == PLANTED_TRUST_RAM && sector == ram;
        if (list->sequence && !chosen && !is_newer(list, header.sequence, list->sequence)) continue;
        list->active = sector;
        list->sequence = header.sequence;
        *newest = header;
        if (chosen) break;
    }
    return 0;
}

/* Whether a sector holds every record from that of its header up to number `next`: 1, 0 or an
 * error. */
static int is_whole(const struct canary_list *list, uint32_t sector, const struct header *header,
                    uint64_t next)
{
    struct canary_list_cursor cursor = {.sector = sector,
                                        .sequence = header->sequence,
                                        .offset = first_offset(list),
                                        .number = header->number};
    struct record record;
    int found;
    if (list->fault == PLANTED_GUARD_UNCHECKED) return 1;
    while ((found = next_in_sector(list, &cursor, &record)) == 1)
        continue;
    return found < 0 ? found : cursor.number == next;
}

/* Counts the sectors of the chain. */
static int follow_chain(struct canary_list *list)
{
    uint32_t sector = list->active, count = sector_count(list);
    struct header header = {0, 0, 0};
    for (list->chain = 0; list->chain < count; list->chain++) {
        uint64_t next = header.number;
        int error = read_header(list, sector, &header);
        if (error == QUEUE_ERR_EMPTY || error == QUEUE_ERR_DAMAGED) return 0;
        if (error) return error;
        if (header.sequence != list->sequence - list->chain) return 0;
        int blank = is_blank_at(list, sector, clear_mark(list));
        if (blank < 0) return blank;
        bool looked = list->fault != PLANTED_CLEAR_FORGOTTEN || list->chain == 0;
        if (!blank && looked) return 0;
        bool oldest = list->chain + 1 == count && list->chain != 0;
        int whole = oldest ? is_whole(list, sector, &header, next) : 1;
        if (whole != 1) return whole;
        sector = sector_before(list, sector);
    }
    return 0;
}

/* Finds the end of the active sector, and the number of the next record. */
static int scan_active(struct canary_list *list, uint64_t number)
{
    struct canary_list_cursor cursor = {
        .sector = list->active, .sequence = list->sequence, .number = number};
    int error = find_end(list, &cursor, &list->end, &list->torn);
    if (error) return error;
    list->number = cursor.number;
    if (!list->chain) list->end = room_end(list); /* it was cleared */
    if (list->fault == PLANTED_NUMBER_SKIPPED && list->torn) list->number++;
    if (list->fault == PLANTED_NUMBER_REUSED && list->torn) list->number--;
    if (list->fault != PLANTED_ALL_SEALED) return 0;
    int blank = is_blank_at(list, list->active, seal_mark(list));
    list->sealed = blank == 0;
    return blank < 0 ? blank : 0;
}

static int find_all(struct canary_list *list)
{
    struct header newest = {0, 0, 0};
    list->sequence = list->chain = 0;
    list->end = room_end(list);
    list->number = 0;
    list->torn = list->sealed = false;
    int error = choose_active(list, &newest);
    if (error || !list->sequence) return error;
    error = follow_chain(list);
    return error ? error : scan_active(list, newest.number);
}

static int erase_all(struct canary_list *list)
{
    for (uint32_t sector = 0; sector < sector_count(list); sector++) {
        int error = bo_flash_erase(list->flash, sector * sector_size(list));
        if (error) return error;
    }
    return find_all(list);
}

/* Only the faulty engine does this: writes the last item once more, after what is torn. */
static int copy_last(struct canary_list *list)
{
    struct canary_list_cursor cursor = {0};
    struct record record, last = {.size = UINT32_MAX};
    int found;
    while ((found = next_item(list, &cursor, &record)) == 1)
        last = record;
    if (found < 0 || last.size == UINT32_MAX) return found;
    found = read_record(list, list->sequence, &last);
    if (found != 1) return found;
    memcpy(list->waiting, list->item, last.size);
    int error = canary_list_push(list, list->waiting, last.size, 0, false);
    if (error == QUEUE_ERR_FULL) return 0;
    return error ? error : mark_popped(list, &last);
}

int canary_list_mount(struct canary_list *list)
{
    uint64_t end;
    list->late = list->wait_count = 0;
    int error = find_all(list);
    if (!error && list->fault == PLANTED_RANGE_STALE)
        error = canary_list_range(list, &list->begins, &end);
    if (error || !list->torn) return error;
    if (list->fault == PLANTED_WIPE_ON_DAMAGE) return erase_all(list);
    if (list->fault == PLANTED_COPY_STAYS) return copy_last(list);
    if (list->fault != PLANTED_MOUNT_WRITES || list->end == room_end(list)) return 0;
    list->end += list->grain;
    return set_mark(list, list->active, list->end - list->grain);
}
