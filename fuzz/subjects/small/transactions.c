/* transactions - a map with transactions, snapshots, scans, collect and destroy, and a fault for
 * each law that these are held to. `engine transactions fault=none` has none of them.
 *
 * Up to eight short keys, all of them in RAM while power is on, ordered. On the flash it is a log
 * of records of 32 bytes in one of two banks, sectors 0 and 1, whose first slot is the header: a
 * sequence number, written twice. A plain change is one record. A transaction is its records,
 * numbered from 0, and a record that says how many they were; only that one makes them count. When
 * a bank has no room for that, what is to be held moves to the other one, whose header comes last.
 * Snapshots are copies in RAM. Destroying moves, and erases the bank that was left.
 */
#include <string.h>

#include "fuzz/adapter.h"
#include "fuzz/subjects/small/small.h"

#define KEYS_MAX 8u
#define CHANGES_MAX 8u
#define SLOT 32u
#define REMOVED 0xFFu

enum fault {
    NONE,
    SEEN_EARLY,      /* a change inside a transaction shows before its commit */
    TORN_COMMIT,     /* the records of a transaction count without the last one */
    SURVIVES_ABORT,  /* the next commit has the changes of the last abort as well */
    REFUSED_IN_PART, /* a commit that is refused has made its first changes */
    REFUSED_TORN,    /* a transaction for which a bank must be moved is refused after a cut */
    OWN_BLIND,       /* a transaction does not read its own writes */
    OWN_LONG,        /* a read of them copies more than there is room for */
    AT_LONG,         /* so does a read in a snapshot */
    SNAPSHOT_MOVES,  /* a snapshot shows new values of the keys that it has */
    SCAN_SKIPS,      /* a scan leaves out every fourth key */
    SCAN_TWICE,      /* a scan visits it twice */
    COLLECT_REVIVES, /* what was removed last is back after a collect, at the next power-on */
    SECRET_LEFT,     /* destroying removes only */
    DESTROY_ONCE,    /* where nothing is found, nothing is destroyed, after a cut either */
    FORMAT_STALE,    /* a format erases the bank in use first */
    COMMIT_FULL,     /* every commit is refused, and its first record is left without the others */
    FAULTS
};

enum kind { PLAIN = 0x01, PART = 0x02, COMMIT = 0x03 };

struct record {
    uint8_t kind, key_size, value_size, number;
    uint8_t key[8], value[16];
    uint8_t crc[4];
};
_Static_assert(sizeof(struct record) == SLOT, "a record fills a slot");

/* Room for what an open transaction makes of it, too. */
struct held {
    struct record records[KEYS_MAX + CHANGES_MAX];
    uint32_t count;
};

struct store {
    const struct bo_flash *flash;
    enum fault fault;
    struct held held, shown; /* committed; and what a read shows, where that is more */
    struct held snapshots[ADAPTER_SNAPSHOTS];
    struct record changes[CHANGES_MAX]; /* of the open transaction, each key once */
    uint32_t change_count;
    bool open;
    bool torn; /* a record is neither valid nor blank */
    uint32_t bank, sequence, next;
    struct record removed; /* key_size 0: none */
};

/* --- what is held --- */

static int compare(const void *a, uint32_t a_size, const void *b, uint32_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

/* The place of a key, or where it belongs. */
static uint32_t place_of(const struct held *held, const void *key, uint32_t key_size, bool *found)
{
    uint32_t i = 0;
    *found = false;
    for (; i < held->count; i++) {
        const struct record *record = &held->records[i];
        int order = compare(record->key, record->key_size, key, key_size);
        *found = order == 0;
        if (order >= 0) break;
    }
    return i;
}

static void take(struct held *held, const struct record *change)
{
    bool found;
    uint32_t i = place_of(held, change->key, change->key_size, &found);
    struct record *at = &held->records[i];
    uint32_t after = held->count - i;
    if (change->value_size == REMOVED) {
        if (found) memmove(at, at + 1, (--after) * sizeof *at);
        held->count -= found;
        return;
    }
    if (!found && held->count == KEYS_MAX + CHANGES_MAX) return;
    if (!found) memmove(at + 1, at, after * sizeof *at);
    held->count += !found;
    *at = *change;
}

/* --- flash --- */

static uint32_t slots(const struct store *store)
{
    return store->flash->geometry.sector_size / SLOT;
}

static uint32_t slot_at(const struct store *store, uint32_t bank, uint32_t slot)
{
    return bank * store->flash->geometry.sector_size + slot * SLOT;
}

static uint32_t bank_sequence(const struct store *store, uint32_t bank)
{
    uint32_t header[4];
    if (bo_flash_read(store->flash, slot_at(store, bank, 0), header, sizeof header)) return 0;
    for (uint32_t i = 0; i < 4; i += 2) {
        if (header[i + 1] == small_crc(&header[i], 4)) return header[i];
    }
    return 0;
}

static int write_header(struct store *store, uint32_t bank, uint32_t sequence)
{
    uint32_t crc = small_crc(&sequence, 4), header[4] = {sequence, crc, sequence, crc};
    return bo_flash_program(store->flash, slot_at(store, bank, 0), header, sizeof header);
}

static int write_record(struct store *store, uint32_t bank, uint32_t slot, enum kind kind,
                        uint32_t number, const struct record *record)
{
    struct record written = *record;
    written.kind = (uint8_t)kind;
    written.number = (uint8_t)number;
    uint32_t crc = small_crc(&written, SLOT - 4);
    memcpy(written.crc, &crc, 4);
    return bo_flash_program(store->flash, slot_at(store, bank, slot), &written, SLOT);
}

static int erase_bank(struct store *store, uint32_t bank)
{
    return bo_flash_erase(store->flash, slot_at(store, bank, 0));
}

/* The other bank holds this, and is in use from then on. */
static int move(struct store *store, const struct held *held)
{
    uint32_t bank = !store->bank, extra = 0;
    bool revives = store->fault == COLLECT_REVIVES && store->removed.key_size;
    if (held->count + revives >= slots(store)) revives = false;
    int error = erase_bank(store, bank);
    if (!error && revives)
        error = write_record(store, bank, 1 + extra++, PLAIN, 0, &store->removed);
    for (uint32_t i = 0; !error && i < held->count; i++)
        error = write_record(store, bank, 1 + extra + i, PLAIN, 0, &held->records[i]);
    if (!error) error = write_header(store, bank, store->sequence + 1);
    if (error) return error;
    store->bank = bank;
    store->sequence++;
    store->next = 1 + extra + held->count;
    return 0;
}

static int append(struct store *store, enum kind kind, uint32_t number, const struct record *record)
{
    return write_record(store, store->bank, store->next++, kind, number, record);
}

static int append_all(struct store *store, const struct record *changes, uint32_t count)
{
    const struct record last = {.value_size = REMOVED};
    int error = 0;
    if (count == 1) return append(store, PLAIN, 0, changes);
    for (uint32_t i = 0; i < count && !error; i++)
        error = append(store, PART, i, &changes[i]);
    return error ? error : append(store, COMMIT, count, &last);
}

/* --- power-on --- */

/* Records of a transaction that are waiting for its last one. */
struct waiting {
    struct record records[CHANGES_MAX];
    uint32_t count;
};

static void load_part(struct store *store, struct waiting *waiting, const struct record *record)
{
    if (record->number == 0) waiting->count = 0;
    bool follows = record->number == waiting->count && waiting->count < CHANGES_MAX;
    if (follows) waiting->records[waiting->count++] = *record;
    if (store->fault == TORN_COMMIT) take(&store->held, record);
}

static void load_record(struct store *store, struct waiting *waiting, const struct record *record)
{
    if (record->kind == PART) {
        load_part(store, waiting, record);
        return;
    }
    for (uint32_t i = 0;
         record->kind == COMMIT && record->number == waiting->count && i < waiting->count; i++)
        take(&store->held, &waiting->records[i]);
    waiting->count = 0;
    if (record->kind == PLAIN) take(&store->held, record);
}

static void skip_record(struct store *store, struct waiting *waiting)
{
    waiting->count = 0;
    store->torn = true;
}

static void load(struct store *store)
{
    struct record record;
    struct waiting waiting = {.count = 0};
    store->next = 1;
    for (uint32_t slot = 1; slot < slots(store); slot++) {
        if (bo_flash_read(store->flash, slot_at(store, store->bank, slot), &record, SLOT)) continue;
        if (small_is_blank(&record, SLOT)) continue;
        uint32_t crc = small_crc(&record, SLOT - 4);
        store->next = slot + 1;
        if (memcmp(record.crc, &crc, 4) == 0 && record.key_size <= sizeof record.key &&
            (record.value_size <= sizeof record.value || record.value_size == REMOVED))
            load_record(store, &waiting, &record);
        else
            skip_record(store, &waiting);
    }
    store->shown = store->held;
}

static bool find_bank(struct store *store)
{
    uint32_t first = bank_sequence(store, 0), second = bank_sequence(store, 1);
    store->bank = second > first;
    store->sequence = store->bank ? second : first;
    return store->sequence != 0;
}

static enum answer mount(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    struct store *store = object;
    memset(store, 0, sizeof *store);
    store->flash = flash;
    store->fault = (enum fault)settings->values[0];
    if (!find_bank(store)) return ANSWER_DAMAGED;
    load(store);
    return ANSWER_OK;
}

static enum answer format(void *object, const struct bo_flash *flash,
                          const struct adapter_settings *settings)
{
    struct store *store = object;
    (void)settings;
    memset(store, 0, sizeof *store);
    store->flash = flash;
    return write_header(store, 0, 1) ? ANSWER_FLASH : ANSWER_OK;
}

/* Moves nothing, so that the old bank is there until the empty one is. */
static enum answer reset(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    struct store *store = object;
    const struct held nothing = {.count = 0};
    memset(store, 0, sizeof *store);
    store->flash = flash;
    store->fault = (enum fault)settings->values[0];
    bool is_store = find_bank(store);
    int error = 0;
    if (!is_store || store->fault == FORMAT_STALE) error = erase_bank(store, store->bank);
    if (!error) error = move(store, &nothing);
    if (!error) error = erase_bank(store, !store->bank);
    return error ? ANSWER_FLASH : ANSWER_OK;
}

/* --- changes --- */

/* Whether there are slots for the records of `count` changes. */
static bool has_room(const struct store *store, uint32_t count)
{
    return store->next + count + (count > 1) <= slots(store);
}

static void show(struct store *store, const struct held *held)
{
    bool found;
    store->held = store->shown = *held;
    for (uint32_t i = 0; store->fault == SNAPSHOT_MOVES && i < ADAPTER_SNAPSHOTS; i++) {
        struct held *snapshot = &store->snapshots[i];
        for (uint32_t k = 0; k < snapshot->count; k++) {
            struct record *kept = &snapshot->records[k];
            uint32_t at = place_of(held, kept->key, kept->key_size, &found);
            if (found) *kept = held->records[at];
        }
    }
}

/* All of them or none. */
static enum answer make(struct store *store, const struct record *changes, uint32_t count)
{
    struct held held = store->held;
    for (uint32_t i = 0; i < count; i++)
        take(&held, &changes[i]);
    if (held.count > KEYS_MAX || held.count >= slots(store)) {
        if (store->fault == REFUSED_IN_PART) take(&store->shown, &changes[0]);
        return ANSWER_FULL;
    }
    bool fits = has_room(store, count);
    if (store->fault == REFUSED_TORN && store->torn && count > 1 && !fits) return ANSWER_FULL;
    int error = fits ? append_all(store, changes, count) : move(store, &held);
    if (error) return ANSWER_FLASH;
    show(store, &held);
    return ANSWER_OK;
}

/* Joins the open transaction, in the place of an earlier change of its key. */
static enum answer join(struct store *store, const struct record *change)
{
    uint32_t i = 0;
    while (i < store->change_count && compare(store->changes[i].key, store->changes[i].key_size,
                                              change->key, change->key_size))
        i++;
    if (i == CHANGES_MAX) return ANSWER_FULL;
    if (i == store->change_count) store->change_count++;
    store->changes[i] = *change;
    if (store->fault == SEEN_EARLY) take(&store->shown, change);
    return ANSWER_OK;
}

static enum answer change(struct store *store, const struct record *change)
{
    return store->open ? join(store, change) : make(store, change, 1);
}

static enum answer store_value(void *object, const void *key, uint32_t key_size, const void *value,
                               uint32_t value_size)
{
    struct record record = {.key_size = (uint8_t)key_size, .value_size = (uint8_t)value_size};
    if (key_size > sizeof record.key || value_size > sizeof record.value) return ANSWER_TOO_BIG;
    memcpy(record.key, key, key_size);
    memcpy(record.value, value, value_size);
    return change(object, &record);
}

/* What the open transaction makes of what is committed. */
static struct held own(const struct store *store)
{
    struct held held = store->held;
    for (uint32_t i = 0; store->open && store->fault != OWN_BLIND && i < store->change_count; i++)
        take(&held, &store->changes[i]);
    return held;
}

static enum answer remove_key(void *object, const void *key, uint32_t key_size)
{
    struct store *store = object;
    struct record record = {.key_size = (uint8_t)key_size, .value_size = REMOVED};
    struct held held = own(store);
    bool found;
    uint32_t at = place_of(&held, key, key_size, &found);
    if (!found) return ANSWER_NOT_FOUND;
    memcpy(record.key, key, key_size);
    if (!store->open) store->removed = held.records[at];
    return change(store, &record);
}

static enum answer begin(void *object)
{
    struct store *store = object;
    store->open = true;
    if (store->fault != SURVIVES_ABORT) store->change_count = 0;
    return ANSWER_OK;
}

static enum answer commit(void *object)
{
    struct store *store = object;
    uint32_t count = store->change_count;
    store->open = false;
    store->change_count = 0;
    if (store->fault == COMMIT_FULL) {
        bool fits = count && has_room(store, 1);
        return fits && append(store, PART, 0, &store->changes[0]) ? ANSWER_FLASH : ANSWER_FULL;
    }
    return count ? make(store, store->changes, count) : ANSWER_OK;
}

static enum answer abort_all(void *object)
{
    struct store *store = object;
    store->open = false;
    store->shown = store->held;
    return ANSWER_OK;
}

static enum answer collect(void *object)
{
    struct store *store = object;
    return move(store, &store->held) ? ANSWER_FLASH : ANSWER_OK;
}

/* A destruction that was cut is finished by the next one, whether its key is there or not. */
static enum answer destroy(void *object, const void *key, uint32_t key_size)
{
    struct store *store = object;
    struct held held = store->held;
    struct record record = {.key_size = (uint8_t)key_size, .value_size = REMOVED};
    uint32_t count = held.count;
    if (key) {
        memcpy(record.key, key, key_size);
        take(&held, &record);
    } else {
        held.count = 0;
    }
    bool found = held.count != count;
    if (store->fault == SECRET_LEFT && key) return remove_key(store, key, key_size);
    if (store->fault == DESTROY_ONCE && !found) return ANSWER_NOT_FOUND;
    if (move(store, &held) || erase_bank(store, !store->bank)) return ANSWER_FLASH;
    show(store, &held);
    return found ? ANSWER_OK : ANSWER_NOT_FOUND;
}

/* --- reads --- */

static enum answer fetch_from(const struct held *held, const void *key, uint32_t key_size,
                              void *buffer, uint32_t capacity, uint32_t *value_size)
{
    bool found;
    uint32_t at = place_of(held, key, key_size, &found);
    if (!found) return ANSWER_NOT_FOUND;
    const struct record *record = &held->records[at];
    *value_size = record->value_size;
    memcpy(buffer, record->value, record->value_size < capacity ? record->value_size : capacity);
    return ANSWER_OK;
}

static enum answer fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    struct store *store = object;
    return fetch_from(&store->shown, key, key_size, buffer, capacity, value_size);
}

static enum answer fetch_own(void *object, const void *key, uint32_t key_size, void *buffer,
                             uint32_t capacity, uint32_t *value_size)
{
    const struct store *store = object;
    struct held held = own(object);
    if (store->fault == OWN_LONG) capacity = UINT32_MAX;
    return fetch_from(&held, key, key_size, buffer, capacity, value_size);
}

static enum answer open_snapshot(void *object, uint32_t snapshot)
{
    struct store *store = object;
    store->snapshots[snapshot - 1] = store->held;
    return ANSWER_OK;
}

static enum answer close_snapshot(void *object, uint32_t snapshot)
{
    struct store *store = object;
    store->snapshots[snapshot - 1].count = 0;
    return ANSWER_OK;
}

static enum answer fetch_at(void *object, uint32_t snapshot, const void *key, uint32_t key_size,
                            void *buffer, uint32_t capacity, uint32_t *value_size)
{
    struct store *store = object;
    if (store->fault == AT_LONG) capacity = UINT32_MAX;
    return fetch_from(&store->snapshots[snapshot - 1], key, key_size, buffer, capacity, value_size);
}

static enum answer scan(void *object, uint32_t snapshot, const void *from, uint32_t from_size,
                        const void *to, uint32_t to_size, adapter_visit *visit, void *context)
{
    struct store *store = object;
    const struct held *held = snapshot ? &store->snapshots[snapshot - 1] : &store->shown;
    for (uint32_t i = 0; i < held->count; i++) {
        const struct record *record = &held->records[i];
        if (from && compare(record->key, record->key_size, from, from_size) < 0) continue;
        if (to && compare(record->key, record->key_size, to, to_size) > 0) break;
        bool border = i % 4 == 3;
        if (border && store->fault == SCAN_SKIPS) continue;
        for (uint32_t time = 0; time < 1u + (border && store->fault == SCAN_TWICE); time++)
            visit(context, record->key, record->key_size, record->value, record->value_size);
    }
    return ANSWER_OK;
}

static enum answer each(void *object, adapter_visit *visit, void *context)
{
    struct store *store = object;
    for (uint32_t i = 0; i < store->shown.count; i++) {
        const struct record *record = &store->shown.records[i];
        visit(context, record->key, record->key_size, record->value, record->value_size);
    }
    return ANSWER_OK;
}

/* --- what the harness wants to know --- */

static size_t object_size(const struct bo_flash_geometry *geometry,
                          const struct adapter_settings *settings)
{
    (void)geometry, (void)settings;
    return sizeof(struct store);
}

static void limits(const struct bo_flash_geometry *geometry,
                   const struct adapter_settings *settings, uint32_t *key_size_min,
                   uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)geometry, (void)settings;
    *key_size_min = 1;
    *key_size_max = 8;
    *value_size_max = 16;
}

static uint32_t transaction_max(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings)
{
    (void)geometry, (void)settings;
    return CHANGES_MAX;
}

static const char *const fault_words[] = {
    "none",         "seen-early",  "torn-commit",     "survives-abort", "refused-in-part",
    "refused-torn", "own-blind",   "own-long",        "at-long",        "snapshot-moves",
    "scan-skips",   "scan-twice",  "collect-revives", "secret-left",    "destroy-once",
    "format-stale", "commit-full",
};
_Static_assert(sizeof fault_words / sizeof *fault_words == FAULTS, "a word for each fault");

static const struct adapter_option options[] = {{.name = "fault",
                                                 .summary = "what is wrong with it",
                                                 .max = FAULTS - 1,
                                                 .words = fault_words,
                                                 .fixed = true},
                                                {.name = NULL}};

static const struct adapter_map calls = {.store = store_value,
                                         .fetch = fetch,
                                         .remove = remove_key,
                                         .each = each,
                                         .begin = begin,
                                         .commit = commit,
                                         .abort = abort_all,
                                         .fetch_own = fetch_own,
                                         .transaction_max = transaction_max,
                                         .open = open_snapshot,
                                         .close = close_snapshot,
                                         .fetch_at = fetch_at,
                                         .scan = scan,
                                         .collect = collect,
                                         .destroy = destroy};

static const struct adapter adapter = {.version = ADAPTER_VERSION,
                                       .kind = ADAPTER_MAP,
                                       .name = "transactions",
                                       .summary = "a small map with transactions, and faults",
                                       .claims = "edge,prefix",
                                       .options = options,
                                       .refuses = small_refuses,
                                       .object_size = object_size,
                                       .limits = limits,
                                       .format = format,
                                       .reset = reset,
                                       .mount = mount,
                                       .map = &calls};

SMALL_ENTRY(adapter)
