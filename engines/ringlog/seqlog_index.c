/* SPDX-License-Identifier: MIT */
/* seqlog_index.c - what an index says, and keeping it.
 *
 * An index is written after the header of the sector that it names: data first. So it may
 * lag, and it is torn now and then; seqlog_find.c takes it for a hint.
 *
 * Bit indexes. A level of bits lies in one or more sectors. Each sector is for `span` sectors and
 * has a bit for each `group` of them, cleared when the last of the group is done, in order:
 *
 *     0  u32  tag: the sequence number of the first of its sectors in this lap
 *     4  u32  CRC-32C of that, begun with the log's seed and the sector
 *        from the next unit on: bits, the lowest of each byte first
 *
 * A sector is erased, and gets its tag, when the head enters the sectors that it is for: one erase
 * a lap. So the erases of a level are spread over the lap instead of coming all at once, and the
 * tags say which sectors are of this lap: the last of these has the head. While a sector is being
 * erased its tag is not of this lap, and the one before it, all cleared, names the same sector.
 * Whatever is found torn or missing when the next sector is noted is made good then.
 *
 *     coarse    one level, of one sector; groups of as many sectors as that takes, at least 4
 *     fine      one level, a bit a sector; a bisection over the tags
 *     twolevel  both, where a group of the upper level is all sectors of a sector of the lower, or
 *     a
 *               multiple
 *
 * Pointer index. Sectors in a ring, of entries, each in whole units, programmed once:
 *
 *     0  u40  ordinal, one more than the last
 *     5  u24  sector
 *     8  u32  CRC-32C of that, begun with the log's seed and the address
 *
 * The next entry goes to the first place that is blank; when there is none, the next sector is
 * erased. Meanwhile the newest entry is in the sector before it. An entry that was torn is left.
 */
#include <string.h>

#include "../crc32c.h"
#include "seqlog_internal.h"

#define TAG_SIZE 8u
#define ENTRY_SIZE 12u
#define PIECE 32u
#define PIECE_BITS (8 * PIECE)
/* An entry that is looked for may lie after up to TORN_MAX torn ones. */
#define TORN_MAX 4u

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint32_t seqlog_index_tag_size(const struct bo_flash_geometry *geometry)
{
    return seqlog_round(TAG_SIZE, larger(geometry->unit, geometry->read_unit));
}

uint32_t seqlog_index_entry_size(const struct bo_flash_geometry *geometry)
{
    return seqlog_round(ENTRY_SIZE, geometry->unit);
}

/* The sector `number` of the index, as a sector of the region. */
static uint32_t index_sector(const struct seqlog *log, uint32_t number)
{
    return log->plan.sectors + number;
}

static uint32_t index_address(const struct seqlog *log, uint32_t number, uint32_t offset)
{
    return index_sector(log, number) * log->flash->geometry.sector_size + offset;
}

/* A checksum of the first `size` bytes of something at `address`. */
static uint32_t checksum(const struct seqlog *log, uint32_t address, const uint8_t *bytes,
                         uint32_t size)
{
    uint8_t place[5];
    place[0] = 'i';
    seqlog_put(place + 1, address, 4);
    return ~bo_crc32c(bo_crc32c(log->seed, place, sizeof place), bytes, size);
}

/* A read of the index; NO when the part can't read it. */
static int index_fetch(struct seqlog *log, uint32_t address, uint8_t *bytes, uint32_t size)
{
    int error = seqlog_fetch(log, address, bytes, size);
    if (error == BO_FLASH_ERR_ECC) return SEQLOG_NO;
    return error ? error : SEQLOG_YES;
}

/* Bits -------------------------------------------------------------------------------------- */

struct level {
    uint32_t sector; /* the first, of the index */
    uint32_t group;  /* sectors for each bit */
    uint32_t span;   /* sectors for each sector */
};

static struct level level_upper(const struct seqlog *log)
{
    return (struct level){0, log->plan.index_group, log->plan.sectors};
}

static struct level level_lower(const struct seqlog *log)
{
    uint32_t first = log->find == SEQLOG_TWOLEVEL ? 1 : 0;
    /* Bits that stand for no sector are not looked at. */
    return (struct level){first, 1, seqlog_minimum(log->plan.index_span, log->plan.sectors)};
}

/* Whether a sector of a level has a tag, and of which lap: the number that sector 0 had in it. */
static int tag_read(struct seqlog *log, const struct level *level, uint32_t k, uint32_t *lap)
{
    uint8_t bytes[TAG_SIZE];
    uint32_t address = index_address(log, level->sector + k, 0), first = k * level->span;
    int answer = index_fetch(log, address, bytes, TAG_SIZE);
    if (answer != SEQLOG_YES) return answer;
    uint32_t sequence = (uint32_t)seqlog_get(bytes, 4);
    if (seqlog_get(bytes + 4, 4) != checksum(log, address, bytes, 4)) return SEQLOG_NO;
    *lap = sequence - first;
    return *lap == 0 || *lap == log->plan.sectors ? SEQLOG_YES : SEQLOG_NO;
}

/* Erases a sector of a level and gives it its tag. */
static int tag_write(struct seqlog *log, const struct level *level, uint32_t k, uint32_t lap)
{
    uint8_t bytes[2 * BO_FLASH_UNIT_MAX];
    uint32_t address = index_address(log, level->sector + k, 0);
    int error = seqlog_erase(log, index_sector(log, level->sector + k));
    if (error) return error;
    memset(bytes, 0xFF, sizeof bytes);
    seqlog_put(bytes, lap + k * level->span, 4);
    seqlog_put(bytes + 4, checksum(log, address, bytes, 4), 4);
    return seqlog_program(log, address, bytes, seqlog_round(TAG_SIZE, log->flash->geometry.unit));
}

/* The bits of a piece, from bit PIECE_BITS * piece on; those that are not there are set. */
static int piece_read(struct seqlog *log, const struct level *level, uint32_t k, uint32_t piece,
                      uint8_t bits[PIECE], uint32_t *size)
{
    const struct bo_flash_geometry *g = &log->flash->geometry;
    uint32_t offset = seqlog_index_tag_size(g) + piece * PIECE;
    *size = seqlog_minimum(PIECE, g->sector_size - offset);
    memset(bits, 0xFF, PIECE);
    return index_fetch(log, index_address(log, level->sector + k, offset), bits, *size);
}

/* Bits that are cleared before the first that is not. */
static uint32_t piece_count(const uint8_t bits[PIECE])
{
    uint32_t count = 0;
    while (count < PIECE_BITS && !(bits[count / 8] >> count % 8 & 1))
        count++;
    return count;
}

/* Groups that the bits of a sector say are done. A bit that flickers or was torn may leave a piece
 * that is neither cleared nor set: only its cleared start counts. */
static int bits_count(struct seqlog *log, const struct level *level, uint32_t k, uint32_t *count)
{
    uint32_t groups = (level->span + level->group - 1) / level->group;
    uint32_t low = 0, high = (groups + PIECE_BITS - 1) / PIECE_BITS; /* pieces: cleared below low */
    *count = 0;
    while (low < high) {
        uint8_t bits[PIECE];
        uint32_t size, middle = low + (high - low) / 2;
        int answer = piece_read(log, level, k, middle, bits, &size);
        if (answer < 0) return answer;
        uint32_t cleared = answer == SEQLOG_YES ? piece_count(bits) : 0;
        if (cleared != 0) *count = middle * PIECE_BITS + cleared;
        if (cleared == PIECE_BITS)
            low = middle + 1;
        else
            high = cleared != 0 ? low : middle;
    }
    *count = seqlog_minimum(*count, groups);
    return BO_FLASH_OK;
}

/* Clears the bits of a piece below `want`. NO when there was nothing to do. */
static int piece_clear(struct seqlog *log, const struct level *level, uint32_t k, uint32_t piece,
                       uint32_t want)
{
    uint8_t old[PIECE], bits[PIECE];
    uint32_t size, unit = log->flash->geometry.unit, first = PIECE, last = 0;
    int answer = piece_read(log, level, k, piece, old, &size);
    if (answer != SEQLOG_YES) return answer;
    memcpy(bits, old, PIECE);
    for (uint32_t bit = 0; bit < want && bit < PIECE_BITS; bit++)
        bits[bit / 8] &= (uint8_t) ~(1u << bit % 8);
    for (uint32_t i = 0; i < size; i++) {
        if (bits[i] == old[i]) continue;
        first = seqlog_minimum(first, i / unit * unit);
        last = seqlog_round(i + 1, unit);
    }
    if (first >= last) return SEQLOG_NO;
    uint32_t offset = seqlog_index_tag_size(&log->flash->geometry) + piece * PIECE + first;
    int error = seqlog_program(log, index_address(log, level->sector + k, offset), bits + first,
                               last - first);
    return error ? error : SEQLOG_YES;
}

/* Clears the first `want` bits of a sector; goes back as far as some are missing. */
static int bits_clear(struct seqlog *log, const struct level *level, uint32_t k, uint32_t want)
{
    uint32_t piece = (want + PIECE_BITS - 1) / PIECE_BITS;
    while (piece-- != 0) {
        int answer = piece_clear(log, level, k, piece, want - piece * PIECE_BITS);
        if (answer != SEQLOG_YES) return answer;
    }
    return BO_FLASH_OK;
}

/* Brings a level up to the head. */
static int level_note(struct seqlog *log, const struct level *level, uint32_t sector, uint32_t lap)
{
    uint32_t k = sector / level->span, found;
    int answer = tag_read(log, level, k, &found);
    if (answer < 0) return answer;
    if (answer == SEQLOG_NO || found != lap) {
        int error = tag_write(log, level, k, lap);
        if (error) return error;
    }
    return bits_clear(log, level, k, (sector - k * level->span) / level->group);
}

/* The sector up to which a sector of a level says that all is done. */
static int level_sector(struct seqlog *log, const struct level *level, uint32_t k, uint32_t *sector)
{
    uint32_t count;
    int error = bits_count(log, level, k, &count);
    if (error) return error;
    uint32_t on = seqlog_minimum(count * level->group, level->span);
    *sector = seqlog_minimum(k * level->span + on, log->plan.sectors - 1);
    return SEQLOG_YES;
}

static int hint_coarse(struct seqlog *log, uint32_t *sector)
{
    struct level level = level_upper(log);
    uint32_t lap;
    int answer = tag_read(log, &level, 0, &lap);
    return answer == SEQLOG_YES ? level_sector(log, &level, 0, sector) : answer;
}

/* The last sector whose tag is of the lap of the first one's. */
static int hint_fine(struct seqlog *log, uint32_t *sector)
{
    struct level level = level_lower(log);
    uint32_t low = 0, high = (log->plan.sectors + level.span - 1) / level.span, lap, found;
    int answer = tag_read(log, &level, 0, &lap);
    if (answer != SEQLOG_YES) return answer;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        answer = tag_read(log, &level, middle, &found);
        if (answer < 0) return answer;
        if (answer == SEQLOG_YES && found == lap)
            low = middle;
        else
            high = middle;
    }
    return level_sector(log, &level, low, sector);
}

/* The upper level names the sector, or the first of some; else it is hint enough. */
static int hint_twolevel(struct seqlog *log, uint32_t *sector)
{
    struct level upper = level_upper(log), lower = level_lower(log);
    uint32_t lap, found;
    int answer = tag_read(log, &upper, 0, &lap);
    if (answer != SEQLOG_YES) return answer;
    answer = level_sector(log, &upper, 0, sector);
    if (answer != SEQLOG_YES) return answer;
    uint32_t k = *sector / lower.span, end = k + upper.group / lower.span;
    for (; k < end && k * lower.span < log->plan.sectors; k++) {
        answer = tag_read(log, &lower, k, &found);
        if (answer < 0) return answer;
        if (answer == SEQLOG_NO || found != lap) break;
        answer = level_sector(log, &lower, k, sector);
        if (answer < 0) return answer;
    }
    return SEQLOG_YES;
}

static int bits_note(struct seqlog *log, uint32_t sector, uint32_t lap)
{
    struct level upper = level_upper(log), lower = level_lower(log);
    int error = BO_FLASH_OK;
    if (log->find != SEQLOG_COARSE) error = level_note(log, &lower, sector, lap);
    if (error == BO_FLASH_OK && log->find != SEQLOG_FINE)
        error = level_note(log, &upper, sector, lap);
    return error;
}

/* Pointers ---------------------------------------------------------------------------------- */

struct entry {
    uint64_t ordinal;
    uint32_t sector;
};

static uint32_t entry_address(const struct seqlog *log, uint32_t sector, uint32_t slot)
{
    return index_address(log, sector, slot * seqlog_index_entry_size(&log->flash->geometry));
}

/* The state of an entry, read to *entry if valid; or a negative error. */
static int entry_read(struct seqlog *log, uint32_t sector, uint32_t slot, struct entry *entry)
{
    uint8_t bytes[ENTRY_SIZE];
    uint32_t address = entry_address(log, sector, slot), set = 0;
    int answer = index_fetch(log, address, bytes, ENTRY_SIZE);
    if (answer != SEQLOG_YES) return answer < 0 ? answer : SEQLOG_BAD;
    while (set < ENTRY_SIZE && bytes[set] == 0xFF)
        set++;
    if (set == ENTRY_SIZE) return SEQLOG_BLANK;
    if (seqlog_get(bytes + 8, 4) != checksum(log, address, bytes, 8)) return SEQLOG_BAD;
    *entry = (struct entry){seqlog_get(bytes, 5), (uint32_t)seqlog_get(bytes + 5, 3)};
    return entry->sector < log->plan.sectors ? SEQLOG_VALID : SEQLOG_BAD;
}

/* The first entry of a sector; NO when the first few are torn or blank. */
static int entry_first(struct seqlog *log, uint32_t sector, struct entry *entry)
{
    for (uint32_t slot = 0; slot < TORN_MAX && slot < log->plan.index_span; slot++) {
        int state = entry_read(log, sector, slot, entry);
        if (state < 0) return state;
        if (state == SEQLOG_VALID) return SEQLOG_YES;
        if (state == SEQLOG_BLANK) break;
    }
    return SEQLOG_NO;
}

/* The sector with the newest entries; NO when the index is empty. From the first sector on, the
 * first entries grow up to there. */
static int pointer_sector(struct seqlog *log, uint32_t *sector)
{
    uint32_t low = 0, high = log->plan.index_sectors;
    struct entry start, entry;
    int answer = entry_first(log, low, &start);
    while (answer == SEQLOG_NO && low < TORN_MAX && low + 1 < high)
        answer = entry_first(log, ++low, &start);
    if (answer != SEQLOG_YES) return answer;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        answer = entry_first(log, middle, &entry);
        if (answer < 0) return answer;
        if (answer == SEQLOG_YES && entry.ordinal > start.ordinal)
            low = middle;
        else
            high = middle;
    }
    *sector = low;
    return SEQLOG_YES;
}

/* The first blank place of a sector. */
static int pointer_slot(struct seqlog *log, uint32_t sector, uint32_t *slot)
{
    uint32_t low = 0, high = log->plan.index_span;
    while (low < high) {
        struct entry entry;
        uint32_t middle = low + (high - low) / 2;
        int state = entry_read(log, sector, middle, &entry);
        if (state < 0) return state;
        if (state == SEQLOG_BLANK)
            high = middle;
        else
            low = middle + 1;
    }
    *slot = low;
    return BO_FLASH_OK;
}

/* The newest entry, and where the next one goes. */
static int pointer_find(struct seqlog *log, struct entry *newest)
{
    uint32_t slot;
    log->index_known = true;
    log->index_ordinal = 0;
    log->index_sector = log->plan.index_sectors - 1; /* full: the next is the first */
    log->index_slot = log->plan.index_span;
    int answer = pointer_sector(log, &log->index_sector);
    if (answer != SEQLOG_YES) return answer;
    int error = pointer_slot(log, log->index_sector, &slot);
    if (error) return error;
    log->index_slot = slot;
    while (slot-- != 0) {
        int state = entry_read(log, log->index_sector, slot, newest);
        if (state < 0) return state;
        if (state != SEQLOG_VALID) continue;
        log->index_ordinal = newest->ordinal;
        return SEQLOG_YES;
    }
    return SEQLOG_NO;
}

static int hint_pointer(struct seqlog *log, uint32_t *sector)
{
    struct entry newest;
    int answer = pointer_find(log, &newest);
    if (answer < 0) log->index_known = false;
    if (answer == SEQLOG_YES) *sector = newest.sector;
    return answer;
}

/* Makes room for an entry: a place that is blank, also in an index that no cut could leave. */
static int pointer_room(struct seqlog *log)
{
    for (; log->index_slot < log->plan.index_span; log->index_slot++) {
        struct entry entry;
        int state = entry_read(log, log->index_sector, log->index_slot, &entry);
        if (state < 0) return state;
        if (state == SEQLOG_BLANK) return BO_FLASH_OK;
    }
    uint32_t next = log->index_sector + 1;
    if (next == log->plan.index_sectors) next = 0;
    int error = seqlog_erase(log, index_sector(log, next));
    if (error) return error;
    log->index_sector = next;
    log->index_slot = 0;
    return BO_FLASH_OK;
}

static int pointer_note(struct seqlog *log, uint32_t sector)
{
    uint8_t bytes[2 * BO_FLASH_UNIT_MAX];
    uint32_t ignored;
    int answer = log->index_known ? SEQLOG_YES : hint_pointer(log, &ignored);
    if (answer < 0) return answer;
    log->index_known = false;
    int error = pointer_room(log);
    if (error) return error;
    uint32_t address = entry_address(log, log->index_sector, log->index_slot);
    memset(bytes, 0xFF, sizeof bytes);
    seqlog_put(bytes, log->index_ordinal + 1, 5);
    seqlog_put(bytes + 5, sector, 3);
    seqlog_put(bytes + 8, checksum(log, address, bytes, 8), 4);
    error = seqlog_program(log, address, bytes, seqlog_index_entry_size(&log->flash->geometry));
    if (error) return error;
    log->index_known = true;
    log->index_slot++;
    log->index_ordinal++;
    return BO_FLASH_OK;
}

/* All --------------------------------------------------------------------------------------- */

int seqlog_index_hint(struct seqlog *log, uint32_t *sector)
{
    switch (log->find) {
    case SEQLOG_COARSE:
        return hint_coarse(log, sector);
    case SEQLOG_FINE:
        return hint_fine(log, sector);
    case SEQLOG_TWOLEVEL:
        return hint_twolevel(log, sector);
    case SEQLOG_POINTER:
        return hint_pointer(log, sector);
    default:
        return SEQLOG_NO;
    }
}

int seqlog_index_note(struct seqlog *log, uint32_t sector, uint32_t sequence)
{
    if (log->find <= SEQLOG_BISECT) return BO_FLASH_OK;
    if (log->find == SEQLOG_POINTER) return pointer_note(log, sector);
    return bits_note(log, sector, sequence - sector);
}
