/* canary.c - a small log-structured map with one planted fault, chosen by the option `fault=N`.
 *
 * It is here to be caught. Every test run explores it with each of its faults; a fault that is not
 * found means that the harness went silent. Without a fault (`fault=0`) it is a correct engine and
 * must be clean, so that what is found is the fault and nothing else.
 *
 * The correct engine. Two sectors of the part are used. One is active: a header with a sequence
 * number, then a log of records, of which the last one with a key counts. When the log is full,
 * what counts is copied to the other sector, which becomes active when its header is written.
 *
 *   sector: header | record | record | ... | blank
 *   header: crc 4, sequence 2, end of copies 2         each padded to grains: 8 bytes, a unit or
 *   record: crc 4, value size 2, key size 1, kind 1    a read unit, whichever is largest
 *           then mark 1, key, value                    a crc covers what follows it
 *
 * Invariants
 *  1. The valid sector header with the higher sequence number is that of the active sector.
 *  2. A header is programmed after what it vouches for: that of a record after its key and value,
 *     that of a sector after its copied records. Its checksum covers them, so that an erase which
 *     is cut can't make a torn header good: what it left of the records does not fit.
 *  3. Records are appended only to a log that is followed by nothing but blank bytes. Otherwise
 *     something was torn there, and the log moves to the other sector.
 *  4. The mark is not blank, so that a record that was begun never looks blank, whatever its key.
 *  5. The other sector is erased right before it is written, whatever it looks like.
 *  6. A failed call leaves the active sector's records alone.
 *  7. A move that failed leaves no header, though its program may have done all it should.
 *
 * So nothing has to be repaired: mount only reads. Each fault below breaks one of these.
 */
#include "fuzz/subjects/subjects.h"

#include <string.h>

enum planted {
    PLANTED_NONE = 0,
    PLANTED_MARK_FIRST,
    PLANTED_LENGTH_UNCHECKED,
    PLANTED_BLANK_PREFIX,
    PLANTED_TRUST_TORN_ERASE,
    PLANTED_ERASE_BEFORE_COMMIT,
    PLANTED_REDO_FROM_TORN,
    PLANTED_TOMBSTONE_EARLY,
    PLANTED_TRUST_RAM,
    PLANTED_PROGRAM_TWICE,
    PLANTED_READ_FOR_EVER,
    PLANTED_FIT_OFF_BY_ONE,
    PLANTED_LEAK,
    PLANTED_ERROR_IGNORED,
    PLANTED_BLANK_VALUE,
    PLANTED_COUNTER_WRAPS,
    PLANTED_WIPE_ON_DAMAGE,
    PLANTED_REPLACE_IN_TWO,
    PLANTED_PLACE_AGAIN,
    PLANTED_FAILED_COMES_BACK,
};

/* clang-format off */
const struct canary_fault canary_faults[CANARY_FAULT_COUNT] = {
    [PLANTED_NONE] = {"no fault", "", "", "", false},
    [PLANTED_MARK_FIRST] = {
        "a record's header is programmed before its key and value", "K1", "honest", "edge", false},
    [PLANTED_LENGTH_UNCHECKED] = {
        "the checksum of a record leaves out its sizes", "K2", "atomic", "bits", false},
    [PLANTED_BLANK_PREFIX] = {
        "room counts as blank when its first bytes are", "K3", "lawful", "edge", false},
    [PLANTED_TRUST_TORN_ERASE] = {
        "a sector counts as erased when its header is blank", "K4", "lawful", "prefix", false},
    [PLANTED_ERASE_BEFORE_COMMIT] = {
        "the old sector is erased before the copy is valid", "K6", "alive", "edge", false},
    [PLANTED_REDO_FROM_TORN] = {
        "recovery copies again from a half-erased sector", "K10", "durable", "zeros", false},
    [PLANTED_TOMBSTONE_EARLY] = {
        "tombstones are dropped before the values that they hide", "K9", "settled", "", false},
    [PLANTED_TRUST_RAM] = {
        "mount takes the active sector's number from RAM", "K11", "settled", "edge", false},
    [PLANTED_PROGRAM_TWICE] = {
        "the header of a replaced record is programmed again", "K13", "lawful", "", true},
    [PLANTED_READ_FOR_EVER] = {
        "a damaged record is read until it is good", "K14", "bounded", "prefix", false},
    [PLANTED_FIT_OFF_BY_ONE] = {
        "the test whether a record fits forgets its header", "K15", "clean", "", false},
    [PLANTED_LEAK] = {
        "the space of a torn record is never collected", "K16", "alive", "edge", false},
    [PLANTED_ERROR_IGNORED] = {
        "a failed program of a value is not noticed", "K25", "clean", "ecc", false},
    [PLANTED_BLANK_VALUE] = {
        "a value of erased bytes, or of none, counts as absent", "K3", "durable", "", false},
    [PLANTED_COUNTER_WRAPS] = {
        "sequence numbers of 3 bits are compared without wrapping", "K8", "durable", "edge", false},
    [PLANTED_WIPE_ON_DAMAGE] = {
        "a damaged log is erased and begun anew", "K20", "durable", "edge", false},
    [PLANTED_REPLACE_IN_TWO] = {
        "the old value is removed before the new one is stored", "K19", "atomic", "edge", false},
    [PLANTED_PLACE_AGAIN] = {
        "where a program failed the next record is written", "K26", "lawful", "fail", false},
    [PLANTED_FAILED_COMES_BACK] = {
        "a record whose program failed is not seen before power-on", "K26", "settled", "fail",
        false},
};
/* clang-format on */

#define CRC_START 0x43414E41u /* with it blank bytes, FF or 00, don't check as a header */
#define KEY_SIZE_MAX 255u

enum kind { KIND_DEAD = 0, KIND_VALUE = 0x56, KIND_TOMBSTONE = 0x2D };

enum canary_error {
    CANARY_NOT_FOUND = -16,
    CANARY_FULL = -17,
    CANARY_DAMAGED = -18,
};

struct canary {
    const struct bo_flash *flash;
    enum planted fault;
    uint32_t grain;
    uint32_t active;   /* sector of the log, 0 or 1 */
    uint32_t sequence; /* of the active sector */
    uint32_t end;      /* offset in the active sector: after the last record */
    bool torn;         /* what follows the log is not blank */
    uint8_t *body;     /* the record at hand; a sector long */
    uint8_t *other;    /* the one that it is compared with, or that is written; a sector long */
};

/* A record, read or to be written or looked for. Key and value lie elsewhere. */
struct record {
    uint32_t offset; /* in its sector; where to begin, of one that is looked for */
    enum kind kind;
    uint32_t key_size, value_size;
    const uint8_t *key, *value;
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

static uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static void put32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t sector_size(const struct canary *map)
{
    return map->flash->geometry.sector_size;
}

static uint32_t padded(const struct canary *map, uint32_t size)
{
    return (size + map->grain - 1) / map->grain * map->grain;
}

static bool is_blank(const struct canary *map, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (bytes[i] != map->flash->geometry.erased) return false;
    return true;
}

/* A unit that can't be read is damage like any other: it ends the log. */
static int read_at(const struct canary *map, uint32_t sector, uint32_t offset, uint8_t *buffer,
                   uint32_t size)
{
    int error = bo_flash_read(map->flash, sector * sector_size(map) + offset, buffer, size);
    return error == BO_FLASH_ERR_ECC ? CANARY_DAMAGED : error;
}

static int program_at(const struct canary *map, uint32_t sector, uint32_t offset,
                      const uint8_t *data, uint32_t size)
{
    return bo_flash_program(map->flash, sector * sector_size(map) + offset, data, size);
}

/* --- sectors --- */

/* The checksum of a sector's header: of its second half, and of the copies up to offset `end`. */
static int header_crc(const struct canary *map, uint32_t sector, const uint8_t *header,
                      uint32_t end, uint32_t *crc)
{
    int error = read_at(map, sector, map->grain, map->body, end - map->grain);
    *crc = crc_of(crc_of(CRC_START, header + 4, 4), map->body, end - map->grain);
    return error;
}

/* Makes a sector, whose records are written up to offset `end`, the active one. */
static int commit_sector(const struct canary *map, uint32_t sector, uint32_t sequence, uint32_t end)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    uint32_t crc;
    memset(bytes, map->flash->geometry.erased, map->grain);
    put32(bytes + 4, (sequence & UINT16_MAX) | end / map->grain << 16);
    int error = header_crc(map, sector, bytes, end, &crc);
    if (error) return error;
    put32(bytes, crc);
    return program_at(map, sector, 0, bytes, map->grain);
}

/* Reads the sequence number of a sector. DAMAGED when it has no valid header. */
static int read_sequence(const struct canary *map, uint32_t sector, uint32_t *sequence)
{
    uint8_t bytes[BO_FLASH_UNIT_MAX];
    uint32_t crc;
    int error = read_at(map, sector, 0, bytes, map->grain);
    if (error) return error;
    uint32_t end = get32(bytes + 4) >> 16;
    if (end == 0 || end > sector_size(map) / map->grain) return CANARY_DAMAGED;
    error = header_crc(map, sector, bytes, end * map->grain, &crc);
    if (error) return error;
    *sequence = get32(bytes + 4) & UINT16_MAX;
    return get32(bytes) == crc ? 0 : CANARY_DAMAGED;
}

static int erase_sector(const struct canary *map, uint32_t sector)
{
    if (map->fault == PLANTED_TRUST_TORN_ERASE) {
        uint8_t bytes[BO_FLASH_UNIT_MAX];
        int error = read_at(map, sector, 0, bytes, map->grain);
        if (error || is_blank(map, bytes, map->grain)) return error;
    }
    return bo_flash_erase(map->flash, sector * sector_size(map));
}

/* --- records --- */

static uint32_t body_size(const struct canary *map, const struct record *record)
{
    return padded(map, 1 + record->key_size + record->value_size);
}

static uint32_t offset_behind(const struct canary *map, const struct record *record)
{
    return record->offset + map->grain + body_size(map, record);
}

static bool fits(const struct canary *map, const struct record *record)
{
    uint32_t size = body_size(map, record);
    if (map->fault != PLANTED_FIT_OFF_BY_ONE) size += map->grain;
    return size <= sector_size(map) - record->offset;
}

/* The checksum of a record from its header's first 8 bytes and its padded body. */
static uint32_t record_crc(const struct canary *map, const uint8_t *header, const uint8_t *body,
                           uint32_t size)
{
    uint32_t crc = CRC_START;
    if (map->fault != PLANTED_LENGTH_UNCHECKED) crc = crc_of(crc, header + 4, 4);
    if (map->fault == PLANTED_MARK_FIRST) return crc; /* the body is not there yet */
    return crc_of(crc, body, size);
}

static void decode_header(struct record *record, const uint8_t *header)
{
    record->value_size = (uint32_t)header[4] | (uint32_t)header[5] << 8;
    record->key_size = header[6];
    record->kind = (enum kind)header[7];
}

/* Reads and checks the record at record->offset of the active sector, its key and value into
 * `body`. NOT_FOUND where the log ends. */
static int read_record(const struct canary *map, struct record *record, uint8_t *body)
{
    uint8_t header[BO_FLASH_UNIT_MAX];
    if (record->offset + map->grain > sector_size(map)) return CANARY_NOT_FOUND;
    int error = read_at(map, map->active, record->offset, header, map->grain);
    if (error) return error;
    if (is_blank(map, header, map->grain)) return CANARY_NOT_FOUND;
    decode_header(record, header);
    record->key = body + 1;
    record->value = record->key + record->key_size;
    if (!fits(map, record)) return CANARY_DAMAGED;
    uint32_t size = body_size(map, record);
    error = read_at(map, map->active, record->offset + map->grain, body, size);
    if (error) return error;
    if (map->fault == PLANTED_PROGRAM_TWICE && record->kind == KIND_DEAD) return 0;
    if (record->kind != KIND_VALUE && record->kind != KIND_TOMBSTONE) return CANARY_DAMAGED;
    return get32(header) == record_crc(map, header, body, size) ? 0 : CANARY_DAMAGED;
}

/* Puts mark, key and value into map->other and the header into `header`. */
static void encode(const struct canary *map, const struct record *record, uint8_t *header)
{
    uint8_t erased = map->flash->geometry.erased;
    uint8_t *body = map->other;
    memset(header, erased, map->grain);
    memset(body, erased, body_size(map, record));
    body[0] = (uint8_t)~erased;
    if (record->key_size) memcpy(body + 1, record->key, record->key_size);
    if (record->value_size) memcpy(body + 1 + record->key_size, record->value, record->value_size);
    header[4] = (uint8_t)record->value_size;
    header[5] = (uint8_t)(record->value_size >> 8);
    header[6] = (uint8_t)record->key_size;
    header[7] = (uint8_t)record->kind;
    put32(header, record_crc(map, header, body, body_size(map, record)));
}

/* Writes a record at record->offset of a sector: key and value, then the header. */
static int write_record(const struct canary *map, uint32_t sector, const struct record *record)
{
    uint8_t header[BO_FLASH_UNIT_MAX];
    uint32_t body_offset = record->offset + map->grain;
    encode(map, record, header);
    if (map->fault == PLANTED_MARK_FIRST) {
        int error = program_at(map, sector, record->offset, header, map->grain);
        return error ? error
                     : program_at(map, sector, body_offset, map->other, body_size(map, record));
    }
    int error = program_at(map, sector, body_offset, map->other, body_size(map, record));
    if (error && map->fault != PLANTED_ERROR_IGNORED) return error;
    return program_at(map, sector, record->offset, header, map->grain);
}

static bool same_key(const struct record *a, const struct record *b)
{
    if (a->key_size != b->key_size) return false;
    return a->key_size == 0 || memcmp(a->key, b->key, a->key_size) == 0;
}

/* Finds the last record with the key of `wanted`, from wanted->offset on. Its key and value are not
 * kept. */
static int find_newest(const struct canary *map, const struct record *wanted, bool only_values,
                       struct record *newest)
{
    struct record record = {.offset = wanted->offset};
    int result = CANARY_NOT_FOUND;
    for (; record.offset < map->end; record.offset = offset_behind(map, &record)) {
        int error = read_record(map, &record, map->other);
        if (error) return error == CANARY_NOT_FOUND ? CANARY_DAMAGED : error;
        if (record.kind == KIND_DEAD || !same_key(&record, wanted)) continue;
        if (only_values && record.kind != KIND_VALUE) continue;
        *newest = record;
        result = 0;
    }
    return result;
}

/* Finds the value of a key; it is in map->body then. */
static int find_value(const struct canary *map, const struct record *wanted, struct record *found)
{
    int error = find_newest(map, wanted, false, found);
    if (error) return error;
    if (found->kind != KIND_VALUE) return CANARY_NOT_FOUND;
    error = read_record(map, found, map->body);
    if (error) return error == CANARY_NOT_FOUND ? CANARY_DAMAGED : error;
    if (map->fault == PLANTED_BLANK_VALUE && is_blank(map, found->value, found->value_size))
        return CANARY_NOT_FOUND;
    return 0;
}

/* Whether a record counts: 1, 0 or an error. */
static int is_live(const struct canary *map, const struct record *record)
{
    struct record newest;
    if (record->kind != KIND_VALUE) return 0;
    int error = find_newest(map, record, map->fault == PLANTED_TOMBSTONE_EARLY, &newest);
    return error ? error : newest.offset == record->offset;
}

/* --- moving the log --- */

/* Copies the records that count, but for the key of `change`, to *offset of the other sector, or
 * only adds up their sizes. */
static int copy_live(const struct canary *map, const struct record *change, bool write,
                     uint32_t *offset)
{
    struct record record = {.offset = map->grain};
    for (; record.offset < map->end; record.offset = offset_behind(map, &record)) {
        int error = read_record(map, &record, map->body);
        if (error) return error == CANARY_NOT_FOUND ? CANARY_DAMAGED : error;
        int live = is_live(map, &record);
        if (live < 0) return live;
        if (!live || (change && same_key(&record, change))) continue;
        struct record copy = record;
        copy.offset = *offset;
        *offset = offset_behind(map, &copy);
        error = write ? write_record(map, 1 - map->active, &copy) : 0;
        if (error) return error;
    }
    return 0;
}

/* Writes what the other sector is to hold. `change` (may be NULL) replaces what its key has. */
static int fill_other(const struct canary *map, const struct record *change, uint32_t *end)
{
    *end = map->grain;
    int error = copy_live(map, change, true, end);
    if (error || !change || change->kind != KIND_VALUE) return error;
    struct record record = *change;
    record.offset = *end;
    *end = offset_behind(map, &record);
    return write_record(map, 1 - map->active, &record);
}

static int check_room(const struct canary *map, const struct record *change)
{
    struct record record = *change;
    record.offset = map->grain;
    int error = copy_live(map, change, false, &record.offset);
    if (error || change->kind != KIND_VALUE) return error;
    return record.offset <= sector_size(map) && fits(map, &record) ? 0 : CANARY_FULL;
}

/* Moves the log to the other sector, with `change` made on the way. */
static int move_log(struct canary *map, const struct record *change)
{
    uint32_t other = 1 - map->active, end = 0;
    bool mark_first = map->fault == PLANTED_REDO_FROM_TORN;
    int error = erase_sector(map, other);
    if (!error && mark_first) error = commit_sector(map, other, map->sequence + 1, map->grain);
    if (!error) error = fill_other(map, change, &end);
    if (!error && map->fault == PLANTED_ERASE_BEFORE_COMMIT) error = erase_sector(map, map->active);
    if (!error && mark_first) error = erase_sector(map, map->active);
    if (!error && !mark_first) error = commit_sector(map, other, map->sequence + 1, end);
    if (error == BO_FLASH_ERR_IO && !mark_first) (void)erase_sector(map, other); /* 7 */
    if (error) return error;
    map->active = other;
    map->sequence = (map->sequence + 1) & UINT16_MAX;
    map->end = end;
    map->torn = false;
    return 0;
}

/* --- changing --- */

static int append(struct canary *map, const struct record *change)
{
    struct record record = *change;
    record.offset = map->end;
    int error = write_record(map, map->active, &record);
    if (error) {
        map->torn = map->fault != PLANTED_PLACE_AGAIN;
    } else {
        map->end = offset_behind(map, &record);
    }
    return error;
}

/* Only the faulty engine stays in a sector in which a program failed. */
static bool stays(const struct canary *map)
{
    return map->fault == PLANTED_PLACE_AGAIN || map->fault == PLANTED_FAILED_COMES_BACK;
}

/* Only the faulty engine does this: clears the kind of the record that was replaced. */
static int mark_dead(const struct canary *map, const struct record *old)
{
    uint8_t header[BO_FLASH_UNIT_MAX];
    int error = read_at(map, map->active, old->offset, header, map->grain);
    if (error) return error;
    header[7] = KIND_DEAD;
    return program_at(map, map->active, old->offset, header, map->grain);
}

/* Appends a record where that is safe; otherwise the log moves. */
static int change_key(struct canary *map, const struct record *change)
{
    struct record record = *change, old;
    record.offset = map->end;
    bool has_old =
        map->fault == PLANTED_PROGRAM_TWICE && find_newest(map, change, false, &old) == 0;
    if (!map->torn && record.offset <= sector_size(map) && fits(map, &record)) {
        int error = append(map, change);
        if (!error && has_old) error = mark_dead(map, &old);
        if (error != BO_FLASH_ERR_IO || stays(map)) return error; /* else the other may still do */
    }
    if (map->torn && map->fault == PLANTED_LEAK) return CANARY_FULL;
    int error = check_room(map, change);
    return error ? error : move_log(map, change);
}

static int remove_key(struct canary *map, const struct record *key)
{
    struct record found;
    struct record tombstone = *key;
    tombstone.kind = KIND_TOMBSTONE;
    int error = find_value(map, key, &found);
    return error ? error : change_key(map, &tombstone);
}

static int store(struct canary *map, const struct record *record)
{
    if (map->fault == PLANTED_REPLACE_IN_TWO) {
        int error = remove_key(map, record);
        if (error && error != CANARY_NOT_FOUND) return error;
    }
    return change_key(map, record);
}

/* --- mount --- */

static int format(struct canary *map)
{
    int error = erase_sector(map, 0);
    if (!error) error = erase_sector(map, 1);
    return error ? error : commit_sector(map, 0, 1, map->grain);
}

static bool is_newer(const struct canary *map, uint32_t a, uint32_t b)
{
    if (map->fault == PLANTED_COUNTER_WRAPS) return a % 8 > b % 8;
    return (int16_t)(uint16_t)(a - b) > 0;
}

/* Finds the active sector. */
static int choose_sector(struct canary *map, bool *both)
{
    uint32_t sequences[2] = {0, 0};
    int errors[2];
    for (uint32_t sector = 0; sector < 2; sector++) {
        errors[sector] = read_sequence(map, sector, &sequences[sector]);
        if (errors[sector] && errors[sector] != CANARY_DAMAGED) return errors[sector];
    }
    *both = !errors[0] && !errors[1];
    if (*both && map->fault == PLANTED_TRUST_RAM) {
        map->active &= 1u; /* what RAM holds after power-on */
    } else if (*both) {
        map->active = is_newer(map, sequences[1], sequences[0]);
    } else {
        map->active = errors[0] != 0;
    }
    map->sequence = sequences[map->active];
    return errors[map->active];
}

/* Whether nothing was written after the end of the log: 1, 0 or an error. */
static int is_blank_behind(const struct canary *map)
{
    uint32_t until = sector_size(map);
    if (map->fault == PLANTED_BLANK_PREFIX && until - map->end > map->grain)
        until = map->end + map->grain;
    for (uint32_t offset = map->end; offset < until; offset += map->grain) {
        uint8_t bytes[BO_FLASH_UNIT_MAX];
        int error = read_at(map, map->active, offset, bytes, map->grain);
        if (error) return error == CANARY_DAMAGED ? 0 : error;
        if (!is_blank(map, bytes, map->grain)) return 0;
    }
    return 1;
}

/* Finds the end of the log. */
static int scan_log(struct canary *map)
{
    struct record record = {.offset = map->grain};
    int error = 0;
    for (;;) {
        error = read_record(map, &record, map->body);
        if (error == CANARY_DAMAGED && map->fault == PLANTED_READ_FOR_EVER) continue;
        if (error) break;
        record.offset = offset_behind(map, &record);
    }
    map->end = record.offset;
    map->torn = error == CANARY_DAMAGED;
    if (error != CANARY_NOT_FOUND) return map->torn ? 0 : error;
    int blank = is_blank_behind(map);
    map->torn = blank != 1;
    return blank < 0 ? blank : 0;
}

static int mount(struct canary *map)
{
    bool both = false;
    int error = choose_sector(map, &both);
    if (error) return error;
    if (map->fault == PLANTED_REDO_FROM_TORN && both) {
        map->active = 1 - map->active;
        map->sequence--;
        error = scan_log(map);
        if (!error) error = move_log(map, NULL);
        if (error) return error;
    }
    error = scan_log(map);
    if (error || !map->torn || map->fault != PLANTED_WIPE_ON_DAMAGE) return error;
    error = format(map);
    if (error) return error;
    error = choose_sector(map, &both);
    return error ? error : scan_log(map);
}

/* --- the adapter --- */

static enum answer answer_of(int error)
{
    switch (error) {
    case 0:
        return ANSWER_OK;
    case CANARY_NOT_FOUND:
        return ANSWER_NOT_FOUND;
    case CANARY_FULL:
        return ANSWER_FULL;
    case CANARY_DAMAGED:
        return ANSWER_DAMAGED;
    default:
        return ANSWER_FLASH;
    }
}

static uint32_t grain_of(const struct bo_flash_geometry *geometry)
{
    uint32_t grain = geometry->unit > geometry->read_unit ? geometry->unit : geometry->read_unit;
    return grain > 8 ? grain : 8;
}

/* A sector holds at least its header and one record of the largest key and value. */
static void canary_limits(const struct bo_flash_geometry *geometry,
                          const struct adapter_settings *settings, uint32_t *key_size_min,
                          uint32_t *key_size_max, uint32_t *value_size_max)
{
    uint32_t room = geometry->sector_size - 2 * grain_of(geometry) - 1;
    (void)settings;
    *key_size_min = 0;
    *key_size_max = room / 2 < KEY_SIZE_MAX ? room / 2 : KEY_SIZE_MAX;
    room -= *key_size_max;
    *value_size_max = room < UINT16_MAX ? room : UINT16_MAX;
}

static bool within_limits(const struct canary *map, uint32_t key_size, uint32_t value_size)
{
    uint32_t key_size_min, key_size_max, value_size_max;
    canary_limits(&map->flash->geometry, NULL, &key_size_min, &key_size_max, &value_size_max);
    return key_size <= key_size_max && value_size <= value_size_max;
}

static enum answer canary_store(void *object, const void *key, uint32_t key_size, const void *value,
                                uint32_t value_size)
{
    struct canary *map = object;
    struct record record = {map->grain, KIND_VALUE, key_size, value_size, key, value};
    if (!within_limits(map, key_size, value_size)) return ANSWER_TOO_BIG;
    return answer_of(store(map, &record));
}

static enum answer canary_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                uint32_t capacity, uint32_t *value_size)
{
    struct canary *map = object;
    struct record wanted = {.offset = map->grain, .key_size = key_size, .key = key}, found;
    int error = find_value(map, &wanted, &found);
    if (error) return answer_of(error);
    uint32_t size = found.value_size < capacity ? found.value_size : capacity;
    if (size) memcpy(buffer, found.value, size);
    *value_size = found.value_size;
    return ANSWER_OK;
}

static enum answer canary_remove(void *object, const void *key, uint32_t key_size)
{
    struct canary *map = object;
    struct record wanted = {.offset = map->grain, .key_size = key_size, .key = key};
    return answer_of(remove_key(map, &wanted));
}

/* An empty log in the other sector. */
static enum answer canary_clear(void *object)
{
    struct canary *map = object;
    uint32_t end = map->end;
    map->end = map->grain; /* nothing counts */
    int error = move_log(map, NULL);
    if (error) map->end = end;
    return answer_of(error);
}

static enum answer canary_each(void *object, adapter_visit *visit, void *context)
{
    struct canary *map = object;
    struct record record = {.offset = map->grain};
    for (; record.offset < map->end; record.offset = offset_behind(map, &record)) {
        int error = read_record(map, &record, map->body);
        int live = error ? error : is_live(map, &record);
        if (live < 0) return live == CANARY_NOT_FOUND ? ANSWER_DAMAGED : answer_of(live);
        if (!live) continue;
        if (map->fault == PLANTED_BLANK_VALUE && is_blank(map, record.value, record.value_size))
            continue;
        visit(context, record.key, record.key_size, record.value, record.value_size);
    }
    return ANSWER_OK;
}

static const char *canary_refuses(const struct bo_flash_geometry *geometry,
                                  const struct adapter_settings *settings)
{
    (void)settings;
    if (geometry->sector_count < 2) return "it needs two sectors";
    if (geometry->sector_size % grain_of(geometry))
        return "a sector is not whole grains of 8 bytes";
    if (geometry->sector_size < 4 * grain_of(geometry)) return "a sector does not hold a record";
    return NULL;
}

static size_t canary_object_size(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings)
{
    (void)settings;
    return sizeof(struct canary) + 2 * (size_t)geometry->sector_size;
}

static void prepare(struct canary *map, const struct bo_flash *flash,
                    const struct adapter_settings *settings)
{
    uint8_t *buffers = (uint8_t *)map + sizeof *map;
    map->flash = flash;
    map->fault = (enum planted)settings->values[0];
    map->grain = grain_of(&flash->geometry);
    map->body = buffers;
    map->other = buffers + flash->geometry.sector_size;
}

static enum answer canary_format(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    prepare(object, flash, settings);
    return answer_of(format(object));
}

static enum answer canary_mount(void *object, const struct bo_flash *flash,
                                const struct adapter_settings *settings)
{
    prepare(object, flash, settings);
    return answer_of(mount(object));
}

/* A search reads each record; a move searches once for each, twice over. */
static struct adapter_bound canary_bound(const struct bo_flash_geometry *geometry,
                                         const struct adapter_settings *settings,
                                         enum adapter_call call)
{
    uint64_t records = geometry->sector_size / grain_of(geometry);
    uint64_t programs = geometry->sector_size / geometry->unit;
    uint64_t move = 2 * records * (2 * records + 2) + programs + 8;
    (void)settings;
    (void)call;
    uint64_t calls = 2 * (move + programs + 8 * records);
    return (struct adapter_bound){calls, calls};
}

static const struct adapter_option options[] = {
    {.name = "fault",
     .summary = "the planted fault; 0: none",
     .value = 1,
     .max = CANARY_FAULT_COUNT - 1},
    {.name = NULL},
};

static const struct adapter_map calls = {
    .store = canary_store,
    .fetch = canary_fetch,
    .remove = canary_remove,
    .clear = canary_clear,
    .each = canary_each,
};

const struct adapter adapter_canary = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "canary",
    .summary = "subject: a small map with a planted fault (fault=0: none), to be caught always",
    .claims = "edge,prefix,bits,zeros",
    .options = options,
    .refuses = canary_refuses,
    .object_size = canary_object_size,
    .limits = canary_limits,
    .format = canary_format,
    .mount = canary_mount,
    .bound = canary_bound,
    .map = &calls,
};
