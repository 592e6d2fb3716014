/* small_map.h - what the small faulty maps of this folder share.
 *
 * A map of up to eight short keys, all of them in RAM while power is on. On the flash it is a log
 * of records of 32 bytes in one of two banks, sectors 0 and 1. The first slot of a bank is its
 * header, a sequence number written twice; the valid header of the higher number names the bank in
 * use. When a bank is full, what is held moves to the other one, whose header is written last.
 *
 * A subject says what subject_load() does at power-on and subject_save() for each change, by the
 * functions here or by its own, and ends with SMALL_MAP(). FAULTY: small.h.
 */
#ifndef BROWNOUT_SMALL_MAP_H
#define BROWNOUT_SMALL_MAP_H

#include <string.h>

#include "fuzz/adapter.h"
#include "fuzz/subjects/small/small.h"

#define KEYS_MAX 8u
#define REMOVED 0xFFu /* value_size of a record that says that its key is gone */
#define SLOT 32u

struct record {
    uint8_t key_size, value_size, key[6], value[16];
    uint8_t crc[4];
    uint8_t live[4]; /* erased, or marked dead by zeros */
};
_Static_assert(sizeof(struct record) == SLOT, "a record fills a slot");

struct small_map {
    const struct bo_flash *flash;
    struct record held[KEYS_MAX];
    uint32_t count;
    uint32_t bank, sequence, next; /* the bank in use, its number, its first free slot */
    uint32_t torn;                 /* records in it that are neither valid nor blank */
    bool unread;                   /* for a subject that reads late */
    bool gave_up;                  /* and for one whose late reading failed */
    bool missed;                   /* a read that was done again failed: nothing was learnt */
};

/* What is read once is as good as torn where it can't be read. */
#ifdef READS_TWICE
#define MISSED true
#else
#define MISSED false
#endif

/* What a subject says. subject_save() answers 0, NO_ROOM or what the flash answered. */
#define NO_ROOM 1
int subject_load(struct small_map *map);
int subject_save(struct small_map *map, const struct record *change);

/* Whether a mount says of what it could not read that the flash failed, not that it is damaged. */
#ifndef TELLS_UNREAD
#define TELLS_UNREAD true
#endif

/* Called before anything is read, where READS_LATE is defined. */
#ifdef READS_LATE
void subject_before_read(struct small_map *map);
#else
#define subject_before_read(map) (void)(map)
#endif

/* Called before a fetch reads what is held (NULL: nothing), where FETCHES_ASIDE is defined; what it
 * answers counts unless it is ANSWER_OK. */
#ifdef FETCHES_ASIDE
enum answer subject_fetches(struct small_map *map, const struct record *held);
#else
#define subject_fetches(map, held) ANSWER_OK
#endif

/* Called for a removal of what is not there, where REMOVES_AGAIN is defined. */
#ifdef REMOVES_AGAIN
int subject_removed_again(struct small_map *map, const struct record *change);
#else
#define subject_removed_again(map, change) 0
#endif

/* --- RAM --- */

static inline struct record *find(struct small_map *map, const void *key, uint32_t key_size)
{
    for (uint32_t i = 0; i < map->count; i++) {
        struct record *held = &map->held[i];
        if (held->key_size == key_size && memcmp(held->key, key, key_size) == 0) return held;
    }
    return NULL;
}

/* The newest record of a key wins. */
static inline void take(struct small_map *map, const struct record *record)
{
    struct record *held = find(map, record->key, record->key_size);
    if (record->value_size == REMOVED) {
        if (held) *held = map->held[--map->count];
        return;
    }
    if (!held && map->count == KEYS_MAX) return;
    if (!held) held = &map->held[map->count++];
    *held = *record;
}

/* --- flash --- */

static inline uint32_t slots(const struct small_map *map)
{
    return map->flash->geometry.sector_size / SLOT;
}

static inline uint32_t slot_at(const struct small_map *map, uint32_t bank, uint32_t slot)
{
    return bank * map->flash->geometry.sector_size + slot * SLOT;
}

/* Whether a bank that reads blank is taken as erased. */
#ifndef TRUSTS_BLANK
#define TRUSTS_BLANK false
#endif

static inline bool bank_is_blank(const struct small_map *map, uint32_t bank)
{
    uint8_t slot[SLOT];
    for (uint32_t i = 0; i < slots(map); i++) {
        if (small_read(map->flash, slot_at(map, bank, i), slot, SLOT)) return false;
        if (!small_is_blank(slot, SLOT)) return false;
    }
    return true;
}

static inline int erase_bank(struct small_map *map, uint32_t bank)
{
    if (TRUSTS_BLANK && bank_is_blank(map, bank)) return 0;
    return small_erase(map->flash, slot_at(map, bank, 0));
}

/* The sequence number of a bank; 0: its header is not valid. */
static inline uint32_t bank_sequence(struct small_map *map, uint32_t bank)
{
    uint32_t header[4];
    if (small_read(map->flash, slot_at(map, bank, 0), header, sizeof header)) {
        map->missed = MISSED;
        return 0;
    }
    for (uint32_t i = 0; i < 4; i += 2) {
        if (header[i + 1] == small_crc(&header[i], 4)) return header[i];
    }
    return 0;
}

/* Where it is read back, one good copy of the number will do: a power-on goes by it. */
static inline int write_header(struct small_map *map, uint32_t bank, uint32_t sequence)
{
    uint32_t crc = small_crc(&sequence, 4), header[4] = {sequence, crc, sequence, crc};
    int error = bo_flash_program(map->flash, slot_at(map, bank, 0), header, sizeof header);
    if (error || !READ_BACK(1)) return error;
    return bank_sequence(map, bank) == sequence ? BO_FLASH_OK : BO_FLASH_ERR_IO;
}

enum { RECORD_VALID, RECORD_BLANK, RECORD_TORN };

static inline int read_record(struct small_map *map, uint32_t bank, uint32_t slot,
                              struct record *record)
{
    if (small_read(map->flash, slot_at(map, bank, slot), record, SLOT)) {
        map->missed = MISSED;
        return RECORD_TORN;
    }
    if (small_is_blank(record, SLOT)) return RECORD_BLANK;
    uint32_t crc = small_crc(record, 24);
    bool fits = record->key_size <= sizeof record->key &&
                (record->value_size == REMOVED || record->value_size <= sizeof record->value);
    return fits && memcmp(record->crc, &crc, 4) == 0 ? RECORD_VALID : RECORD_TORN;
}

static inline bool is_live(const struct record *record)
{
    return small_is_blank(record->live, sizeof record->live);
}

/* All but the mark, which stays erased. */
static inline int write_record(struct small_map *map, uint32_t bank, uint32_t slot,
                               const struct record *record)
{
    struct record written = *record;
    uint32_t crc = small_crc(record, 24);
    memcpy(written.crc, &crc, 4);
    return small_program(map->flash, slot_at(map, bank, slot), &written, 28);
}

static inline int mark_dead(struct small_map *map, uint32_t slot)
{
    static const uint8_t dead[4];
    return small_program(map->flash, slot_at(map, map->bank, slot) + 28, dead, sizeof dead);
}

static inline bool is_of(const struct record *record, const struct record *other)
{
    return record->key_size == other->key_size &&
           memcmp(record->key, other->key, record->key_size) == 0;
}

/* Marks the live records of a key in slots from 1 on, the oldest first: a cut shows the newest. */
static inline int mark_before(struct small_map *map, const struct record *change, uint32_t end)
{
    struct record record;
    int error = 0;
    for (uint32_t slot = 1; slot < end && !error; slot++) {
        bool valid = read_record(map, map->bank, slot, &record) == RECORD_VALID;
        if (valid && is_live(&record) && is_of(&record, change)) error = mark_dead(map, slot);
    }
    return error;
}

/* What the bank in use holds goes to RAM. */
static inline void read_bank(struct small_map *map)
{
    struct record record;
    map->count = map->torn = 0;
    map->next = 1;
    for (uint32_t slot = 1; slot < slots(map); slot++) {
        int found = read_record(map, map->bank, slot, &record);
        if (found == RECORD_BLANK) continue;
        map->next = slot + 1;
        map->torn += found == RECORD_TORN;
        if (found == RECORD_VALID && is_live(&record)) take(map, &record);
    }
}

/* Which of two numbers is the newer one. */
#ifndef IS_NEWER
#define IS_NEWER(number, than) ((number) > (than))
#endif

/* Names the bank in use. False when there is none. */
static inline bool find_bank(struct small_map *map)
{
    uint32_t first = bank_sequence(map, 0), second = bank_sequence(map, 1);
    map->bank = second != 0 && (first == 0 || IS_NEWER(second, first));
    map->sequence = map->bank ? second : first;
    return map->sequence != 0;
}

static inline int append(struct small_map *map, const struct record *record)
{
    return write_record(map, map->bank, map->next++, record);
}

/* Writes what is held into a bank, its header last. */
static inline int write_bank(struct small_map *map, uint32_t bank)
{
    if (map->count >= slots(map)) return NO_ROOM;
    int error = erase_bank(map, bank);
    for (uint32_t i = 0; !error && i < map->count; i++)
        error = write_record(map, bank, i + 1, &map->held[i]);
    if (!error) error = write_header(map, bank, map->sequence + 1);
    if (error) return error;
    map->bank = bank;
    map->sequence++;
    map->next = map->count + 1;
    map->torn = 0;
    return 0;
}

static inline int move(struct small_map *map)
{
    return write_bank(map, !map->bank);
}

/* The change is in RAM by then. */
static inline int append_or_move(struct small_map *map, const struct record *change)
{
    return map->next < slots(map) ? append(map, change) : move(map);
}

static inline int load_newest(struct small_map *map)
{
    if (!find_bank(map) || map->missed) return -1;
    read_bank(map);
    return map->missed ? -1 : 0;
}

/* --- what the harness wants to know --- */

/* Whether RAM keeps a change that failed. */
#ifndef KEEPS_FAILED
#define KEEPS_FAILED false
#endif

static inline enum answer small_change(struct small_map *map, const struct record *change)
{
    struct record before[KEYS_MAX];
    uint32_t count = map->count;
    bool known = find(map, change->key, change->key_size) != NULL;
    if (change->value_size == REMOVED && !known)
        return subject_removed_again(map, change) ? ANSWER_FLASH : ANSWER_NOT_FOUND;
    if (!known && count == KEYS_MAX) return ANSWER_FULL;
    memcpy(before, map->held, sizeof before);
    take(map, change);
    int error = subject_save(map, change);
    if (!error) return ANSWER_OK;
    if (!KEEPS_FAILED) {
        memcpy(map->held, before, sizeof before);
        map->count = count;
    }
    return error == NO_ROOM ? ANSWER_FULL : ANSWER_FLASH;
}

static inline enum answer small_store(void *object, const void *key, uint32_t key_size,
                                      const void *value, uint32_t value_size)
{
    struct record change = {.key_size = (uint8_t)key_size, .value_size = (uint8_t)value_size};
    if (key_size > sizeof change.key || value_size > sizeof change.value) return ANSWER_TOO_BIG;
    memset(change.live, 0xFF, sizeof change.live);
    memcpy(change.key, key, key_size);
    memcpy(change.value, value, value_size);
    return small_change(object, &change);
}

static inline enum answer small_remove(void *object, const void *key, uint32_t key_size)
{
    struct record change = {.key_size = (uint8_t)key_size, .value_size = REMOVED};
    if (key_size > sizeof change.key) return ANSWER_NOT_FOUND;
    memset(change.live, 0xFF, sizeof change.live);
    memcpy(change.key, key, key_size);
    return small_change(object, &change);
}

static inline enum answer small_fetch(void *object, const void *key, uint32_t key_size,
                                      void *buffer, uint32_t capacity, uint32_t *value_size)
{
    struct small_map *map = object;
    const struct record *held = find(map, key, key_size);
    enum answer aside = subject_fetches(map, held);
    if (aside != ANSWER_OK) return aside;
    subject_before_read(map);
    held = find(map, key, key_size);
    if (!held) return ANSWER_NOT_FOUND;
    *value_size = held->value_size;
    memcpy(buffer, held->value, held->value_size < capacity ? held->value_size : capacity);
    return ANSWER_OK;
}

static inline enum answer small_each(void *object, adapter_visit *visit, void *context)
{
    struct small_map *map = object;
    subject_before_read(map);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct record *held = &map->held[i];
        visit(context, held->key, held->key_size, held->value, held->value_size);
    }
    return ANSWER_OK;
}

static inline size_t small_size(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings)
{
    (void)geometry, (void)settings;
    return sizeof(struct small_map);
}

static inline void small_limits(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings, uint32_t *key_size_min,
                                uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)geometry, (void)settings;
    *key_size_min = 1;
    *key_size_max = 6;
    *value_size_max = 16;
}

static inline enum answer small_format(void *object, const struct bo_flash *flash,
                                       const struct adapter_settings *settings)
{
    struct small_map *map = object;
    (void)settings;
    *map = (struct small_map){.flash = flash};
    return write_header(map, 0, 1) ? ANSWER_FLASH : ANSWER_OK;
}

static inline enum answer small_mount(void *object, const struct bo_flash *flash,
                                      const struct adapter_settings *settings)
{
    struct small_map *map = object;
    (void)settings;
    *map = (struct small_map){.flash = flash};
    if (!subject_load(map)) return ANSWER_OK;
    return map->missed && TELLS_UNREAD ? ANSWER_FLASH : ANSWER_DAMAGED;
}

#ifndef PROMISED
#define PROMISED 0
#endif

/* A factory reset, by a function of the subject's own. */
#ifndef RESET
#define RESET NULL
#endif
#ifndef WIDENED
#define WIDENED 0
#endif

/* A store, by a function of the subject's own. */
#ifndef STORE
#define STORE small_store
#endif

#define SMALL_MAP(NAME, SUMMARY)                                                                   \
    static const struct adapter_map small_calls = {                                                \
        .store = STORE, .fetch = small_fetch, .remove = small_remove, .each = small_each};         \
    static const struct adapter small_adapter = {.version = ADAPTER_VERSION,                       \
                                                 .kind = ADAPTER_MAP,                              \
                                                 .name = NAME,                                     \
                                                 .summary = SUMMARY,                               \
                                                 .claims = "edge,prefix",                          \
                                                 .promised = PROMISED,                             \
                                                 .widened = WIDENED,                               \
                                                 .widened_why = "of a test",                       \
                                                 .refuses = small_refuses,                         \
                                                 .object_size = small_size,                        \
                                                 .limits = small_limits,                           \
                                                 .format = small_format,                           \
                                                 .reset = RESET,                                   \
                                                 .mount = small_mount,                             \
                                                 .map = &small_calls};                             \
    SMALL_ENTRY(small_adapter)

#endif
