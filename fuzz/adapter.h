/* adapter.h - how the harness drives a storage engine; the only header that a plugin needs.
 *
 * An adapter is a table of functions around one engine. The harness owns all memory: it asks how
 * many bytes an engine object takes, fills them with junk before each mount (power-on wipes RAM),
 * and never moves them while the object is mounted. An object is forgotten without a call when
 * power goes away.
 *
 * A plugin is a shared object that exports `const struct adapter *brownout_adapter(void)`, or
 * several adapters in a table (below). The harness refuses one whose `version` is not its own: what
 * was written for an older version is compiled again, without a change. What is new is NULL or 0
 * then, and nothing is asked of it. Names, claims and texts live as long as the shared object.
 *
 * Every function is a function of the flash, the options and its arguments alone. An engine that
 * keeps globals says so in `has_globals` and is run in a child process for every power-on. Where it
 * does not say so and its writable memory changes, the command ends with exit code 2. What the
 * compiler counts in it (--coverage, -fprofile-arcs, -fprofile-instr-generate, -fsanitize-coverage)
 * may change.
 *
 * An engine is entered again while it is inside one of its flash calls: power is cut there, and a
 * second object is mounted, read and used on the same chip before the call returns. So an engine
 * that finds its object through a static pointer ("the current object") loses it. Keep that pointer
 * in the flash context: wrap the harness's `struct bo_flash` in one of your own, inside the object,
 * whose `context` is the object, and take the object from there in every callback.
 */
#ifndef BROWNOUT_ADAPTER_H
#define BROWNOUT_ADAPTER_H

#include "engines/flash.h"

#define ADAPTER_VERSION 8u
#define ADAPTER_OPTIONS_MAX 8u

/* A map keeps values under keys. A queue and a log keep items in the order in which they were put
 * in; a queue gives them up one by one, a log only by overwriting the oldest. */
enum adapter_kind { ADAPTER_MAP = 1, ADAPTER_QUEUE, ADAPTER_LOG };

static inline const char *adapter_kind_name(enum adapter_kind kind)
{
    return kind == ADAPTER_MAP ? "map" : kind == ADAPTER_QUEUE ? "queue" : "log";
}

/* What an engine call answers. Anything but ANSWER_OK and ANSWER_NOT_FOUND means that the call
 * failed and changed nothing. Before the first cut no change answers ANSWER_DAMAGED or
 * ANSWER_FLASH, unless bits rotted or a flash call failed or read wrong. */
enum answer {
    ANSWER_OK = 0,
    ANSWER_NOT_FOUND,   /* there is no such key or item; never of one that is put in */
    ANSWER_FULL,        /* no room, even after collecting */
    ANSWER_TOO_BIG,     /* this key or value can never be stored here */
    ANSWER_UNSUPPORTED, /* the engine does not do this on this part */
    ANSWER_DAMAGED,     /* the engine found damage that it reports instead of a value */
    ANSWER_FLASH,       /* a flash call failed: power is off, or the part is worn or unreadable */
    ANSWER_PANIC,       /* the engine broke off; who called it caught that. Never right */
};

/* A number that a scenario may give to the engine: `engine seqmap key=2`. Where the numbers are
 * choices they have names too: `engine seqlog find=bisect`. */
struct adapter_option {
    const char *name; /* NULL ends the list */
    const char *summary;
    uint64_t value; /* when the scenario is silent */
    uint64_t min, max;
    const char *const *words; /* of min, min + 1, .. max; NULL: numbers only */
    bool fixed; /* never varied by the harness: at its ends the engine rightly works no more */
    bool binds; /* a store belongs to one value of it: a mount with another one refuses the store,
                   by any answer but ANSWER_OK, and writes nothing; but see ADAPTER_KNOWS_REGION.
                   Since version 8 */
};

/* The options as chosen, in the order of the adapter's list. An engine has up to eight; the harness
 * may add one. */
#define ADAPTER_VALUES_MAX (ADAPTER_OPTIONS_MAX + 1)
struct adapter_settings {
    uint64_t values[ADAPTER_VALUES_MAX];
};

/* Everything that may be asked of an engine, for bound(). */
enum adapter_call {
    ADAPTER_CALL_MOUNT,
    ADAPTER_CALL_STORE,
    ADAPTER_CALL_FETCH,
    ADAPTER_CALL_REMOVE,
    ADAPTER_CALL_CLEAR,
    ADAPTER_CALL_EACH,
    ADAPTER_CALL_PUSH, /* push and append */
    ADAPTER_CALL_POP,
    ADAPTER_CALL_PEEK,
    ADAPTER_CALL_READ,
    ADAPTER_CALL_SEEK,
    ADAPTER_CALL_SYNC, /* sync, seal and idle */
    ADAPTER_CALL_FITS,
    ADAPTER_CALL_BEGIN,
    ADAPTER_CALL_COMMIT,
    ADAPTER_CALL_ABORT,
    ADAPTER_CALL_OWN, /* fetch_own */
    ADAPTER_CALL_OPEN,
    ADAPTER_CALL_CLOSE,
    ADAPTER_CALL_AT, /* fetch_at */
    ADAPTER_CALL_SCAN,
    ADAPTER_CALL_COLLECT,
    ADAPTER_CALL_DESTROY,
    ADAPTER_CALL_FORMAT, /* reset, as the operation `format` */
    ADAPTER_CALL_SPACE,
    ADAPTER_CALL_RANGE,
    ADAPTER_CALLS
};

static inline const char *adapter_call_name(enum adapter_call call)
{
    static const char *const names[ADAPTER_CALLS] = {
        [ADAPTER_CALL_MOUNT] = "mount",     [ADAPTER_CALL_STORE] = "store",
        [ADAPTER_CALL_FETCH] = "fetch",     [ADAPTER_CALL_REMOVE] = "remove",
        [ADAPTER_CALL_CLEAR] = "clear",     [ADAPTER_CALL_EACH] = "reading back",
        [ADAPTER_CALL_PUSH] = "append",     [ADAPTER_CALL_POP] = "pop",
        [ADAPTER_CALL_PEEK] = "peek",       [ADAPTER_CALL_READ] = "read",
        [ADAPTER_CALL_SEEK] = "seek",       [ADAPTER_CALL_SYNC] = "sync",
        [ADAPTER_CALL_FITS] = "fits",       [ADAPTER_CALL_BEGIN] = "begin",
        [ADAPTER_CALL_COMMIT] = "commit",   [ADAPTER_CALL_ABORT] = "abort",
        [ADAPTER_CALL_OWN] = "own fetch",   [ADAPTER_CALL_OPEN] = "snapshot",
        [ADAPTER_CALL_CLOSE] = "close",     [ADAPTER_CALL_AT] = "fetch in a snapshot",
        [ADAPTER_CALL_SCAN] = "scan",       [ADAPTER_CALL_COLLECT] = "collect",
        [ADAPTER_CALL_DESTROY] = "destroy", [ADAPTER_CALL_FORMAT] = "format",
        [ADAPTER_CALL_SPACE] = "space",     [ADAPTER_CALL_RANGE] = "range"};
    return call < ADAPTER_CALLS ? names[call] : "?";
}

/* Flash calls that one engine call makes at most; 0: not stated, and the harness uses a generous
 * bound of its own; ADAPTER_NO_CALL: it makes none. A bound should bind: `brownout run` prints how
 * near the worst call came. */
#define ADAPTER_NO_CALL UINT64_MAX
struct adapter_bound {
    uint64_t reads;
    uint64_t changes; /* programs and erases together */
};

/* What the contract (README) may be widened by, for this design; never silently. */
enum adapter_widening {
    ADAPTER_UPDATE_MAY_LOSE = 1u << 0, /* a store that is cut may lose the old value of its key */
    ADAPTER_CLEAR_MAY_STOP = 1u << 1,  /* a clear that is cut may stop half way, one by one */
    ADAPTER_DROP_IN_PART = 1u << 2,    /* an append that is cut may lose any of the items that it
                                          may drop, not the oldest of them first */
    ADAPTER_TAIL_OPEN = 1u << 3, /* class weak: what was in flight at a cut may come and go from one
                                    power-on to the next, until the next change settles it */
    ADAPTER_MOUNT_WRITES = 1u << 4, /* each power-on writes by design, a boot marker for instance:
                                       recovery is at rest when what is there no longer changes */
    ADAPTER_CUT_PROGRAM_FREE = 1u << 5, /* a program that was cut is not counted as one of those
                                           that the part allows between erases */
    ADAPTER_POWER_ON_DROPS = 1u << 6,  /* the first append after a power-on begins a new sector, and
                                         drops what lies there though there is room elsewhere; an
                                         idle before it may erase that sector each time */
    ADAPTER_FORMAT_MAY_STOP = 1u << 7, /* a reset that is cut leaves any part of what was there,
                                          older values too: until another one is through nothing is
                                          asked of it */
    ADAPTER_ERASES_AGAIN = 1u << 8,    /* with the first change after a power-on the engine erases
                                          the next sector ahead, though it did before: nothing
                                          proves that erase. So power-ons with a change each wear a
                                          sector */
    ADAPTER_ROOM_VARIES = 1u << 9,     /* a map: what room a store finds depends on all that came
                                           before it, cuts too: one that is refused after a cut is
                                           not held against a fresh store with the same values */
    ADAPTER_IDLE_DROPS = 1u << 10,     /* a ring: an idle clears the sector that the next append
                                          needs, and drops what lies there, as that append would.
                                          Else only an append drops. Since version 8 */
};

/* What an engine promises beyond the contract, and is held to. */
enum adapter_promise {
    ADAPTER_FULL_CHANGES = 1u << 0, /* a map: a full store still removes, and still replaces a value
                                       by one that is no longer */
    ADAPTER_RESET_MOUNTS = 1u << 1, /* after reset the object is mounted: no mount has to follow */
    ADAPTER_KNOWS_REGION =
        1u << 2,                   /* a mount with sectors of another size, or with more or fewer of
                                       them, than the store was made with: it shows all that is
                                       there, or refuses by any answer but ANSWER_OK and writes
                                       nothing. Not tried where what it holds lies in one of these
                                       sectors, of a map where all but one are blank: that may be a
                                       store that was about to begin. Since version 8 */
    ADAPTER_TELLS_FLASH = 1u << 3, /* a call in which reads failed, and none returned wrong bytes,
                                       never answers ANSWER_DAMAGED, which leads a device to make
                                       the store anew. Since version 8 */
    ADAPTER_REFUSES_JUNK = 1u << 4, /* a part full of random bytes is no store: a mount answers no
                                       ANSWER_OK and writes nothing. For an engine of which no check
                                       has fewer than 32 bits. Since version 8 */
};

/* The size with which `each` visits a value or an item that is there but damaged, its bytes being
 * NULL: it counts as missing, the others do not. */
#define ADAPTER_DAMAGED UINT32_MAX

typedef void adapter_visit(void *context, const void *key, uint32_t key_size, const void *value,
                           uint32_t value_size);
typedef void adapter_line(void *context, const char *text);

/* Snapshots are numbered from 1 on; 0 is no snapshot: what is committed now. They live in the
 * object, so power-on ends them all. */
#define ADAPTER_NOW 0u
#define ADAPTER_SNAPSHOTS 4u

/* Map calls. `object` is mounted. Keys and values are byte strings of the caller, who may use the
 * memory for other things after the call. No call writes into them.
 *
 * What follows `each` is for engines that have it; NULL: they do not.
 *
 * Transactions. One is open at a time. Between begin and commit, store and remove are part of it:
 * they answer whether it takes them (one that is refused is not in it, and it stays open), and
 * remove answers ANSWER_NOT_FOUND by what the transaction itself leaves of the key. Nothing of it
 * is visible to fetch, each, scan and open, and nothing durable, before commit answers ANSWER_OK;
 * then all of it is. A commit that is refused, an abort and a power-on end the transaction and
 * leave nothing of it. Cut inside commit, it is there as a whole or not at all. Only reads, open
 * and close are called while one is open, besides store and remove. Outside of one, store and
 * remove are durable when they answer ANSWER_OK, as in any map.
 *
 * Destroying. When destroy answers ANSWER_OK or ANSWER_NOT_FOUND, the key is not there, and the
 * bytes of the value that it held are nowhere in the flash, in no older copy and no torn record
 * either, now and at every later power-on. Cut inside it, the key is there as it was, or gone; done
 * again, which may find nothing, it finishes the work. Not looked for are values with less than 8
 * bytes other than 0x00 and 0xFF, or of one byte over and over, and those that another key was
 * given, or any key since. */
struct adapter_map {
    enum answer (*store)(void *object, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size);
    /* Copies at most `capacity` bytes; the full length goes to *value_size. */
    enum answer (*fetch)(void *object, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size);
    enum answer (*remove)(void *object, const void *key, uint32_t key_size); /* NULL: can't */
    enum answer (*clear)(void *object);                                      /* NULL: can't */
    /* Visits every value; a later visit of the same key replaces an earlier one. NULL: what is
     * there is found out by fetch, so a key that nobody stored is not found. */
    enum answer (*each)(void *object, adapter_visit *visit, void *context);

    /* All three or none. */
    enum answer (*begin)(void *object);
    enum answer (*commit)(void *object);
    enum answer (*abort)(void *object);
    /* As fetch, but in the open transaction: its own changes over what is committed. */
    enum answer (*fetch_own)(void *object, const void *key, uint32_t key_size, void *buffer,
                             uint32_t capacity, uint32_t *value_size);
    /* Most changes that one transaction takes; 0, or NULL: not stated. */
    uint32_t (*transaction_max)(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings);

    /* All three or none. Snapshots, from 1 to ADAPTER_SNAPSHOTS: each shows what was committed when
     * it was opened, until it is closed, whatever is written meanwhile. A store may be refused
     * (ANSWER_FULL) for the room that one holds. One that is open is not opened again. */
    enum answer (*open)(void *object, uint32_t snapshot);
    enum answer (*close)(void *object, uint32_t snapshot);
    enum answer (*fetch_at)(void *object, uint32_t snapshot, const void *key, uint32_t key_size,
                            void *buffer, uint32_t capacity, uint32_t *value_size);

    /* Visits what is stored under the keys from `from` to `to`, both included, in ascending order,
     * each once; now, or in a snapshot where the engine has them. Keys are ordered by their bytes
     * as unsigned numbers, a key before all that begin with it. `from` NULL: from the first one;
     * `to` NULL: to the last one. */
    enum answer (*scan)(void *object, uint32_t snapshot, const void *from, uint32_t from_size,
                        const void *to, uint32_t to_size, adapter_visit *visit, void *context);

    /* Work that the engine would do later is done now: what is dead gives its room back.
     * ANSWER_OK too where there is nothing to do. */
    enum answer (*collect)(void *object);
    /* Removes a key and its bytes; key NULL: every key. */
    enum answer (*destroy)(void *object, const void *key, uint32_t key_size);
};

/* Visits an item. `number` grows by one from item to item and stays with its item for as long as
 * the item lives; a queue, or a log that is `numberless`, says 0 each time. */
typedef void adapter_item(void *context, uint64_t number, const void *data, uint32_t size);

/* Queue and log calls. `object` is mounted. Items are byte strings of the caller, and no call
 * writes into one that is put in. Where an item comes back, at most `capacity` bytes are copied and
 * the full length goes to *size. A function that is NULL is one that the engine does not have. */
struct adapter_list {
    /* Puts in an item as the newest; ANSWER_FULL when there is no room. NULL for a log. */
    enum answer (*push)(void *object, const void *data, uint32_t size);
    /* The same, but the oldest items make room where there is none. `time` never goes back. */
    enum answer (*append)(void *object, const void *data, uint32_t size, uint64_t time);
    /* The oldest item. */
    enum answer (*peek)(void *object, void *buffer, uint32_t capacity, uint32_t *size);
    /* Takes out the item at a place, counted from the oldest, which is 0. When the last one is out
     * there is room for others again, at the latest after idle(). */
    enum answer (*pop)(void *object, uint32_t place, void *buffer, uint32_t capacity,
                       uint32_t *size);
    /* The item of that number. */
    enum answer (*read)(void *object, uint64_t number, void *buffer, uint32_t capacity,
                        uint32_t *size);
    /* A number such that all items appended at `time` or later have it or a larger one; and where
     * seek_sectors is stated, not much less than the first of them has. */
    enum answer (*seek)(void *object, uint64_t time, uint64_t *number);
    enum answer (*clear)(void *object);
    /* What waits in RAM goes to the flash. */
    enum answer (*sync)(void *object);
    /* The same, and the next mount need not suspect anything: an orderly shutdown. */
    enum answer (*seal)(void *object);
    /* The firmware has time: work that may be done ahead. It drops nothing, unless
     * ADAPTER_IDLE_DROPS is stated. */
    enum answer (*idle)(void *object);
    /* The largest item that push would take now, for which *size is 0 or more; ANSWER_FULL when not
     * even an empty one. */
    enum answer (*fits)(void *object, uint32_t *size);
    /* Visits every item, oldest first. What waits in RAM may be visited or not. NULL: what is there
     * is found out by pop, after which chip and object are put back. */
    enum answer (*each)(void *object, adapter_item *item, void *context);

    /* Whether items wait in RAM, so that an item is durable only after the next sync. NULL: no. */
    bool (*buffers)(const struct adapter_settings *settings);
    /* What append may drop: items in a sector that was erased since they were put in, or within
     * *ahead sectors after such a one. Items lie in the sectors from 0 up to the number that is
     * returned, used in this order, around and around. NULL: all sectors, and *ahead is 0. */
    uint32_t (*ring)(const struct bo_flash_geometry *geometry,
                     const struct adapter_settings *settings, uint32_t *ahead);
    /* An item counts as lying in the sector of the last program of the call that put it in; where
     * it may begin in one sector and end in the next one, of the first program. Where items wait in
     * RAM the harness finds the range itself. */
    bool spans;
    bool numberless; /* a log whose items have no numbers; it has no read and no seek either */

    /* Since version 8. */

    /* How many items of `size` bytes push takes now, one after the other, if nothing else is called
     * meanwhile: no fewer than that. ANSWER_OK and 0 when it is full. Not asked where items wait in
     * RAM. */
    enum answer (*space)(void *object, uint32_t size, uint64_t *count);
    /* How much more than `space` says push may take: what fits this many sectors. 0: not stated. */
    uint32_t space_sectors;
    /* Of a log with numbers: the number of the oldest item, and that of the newest one plus 1;
     * where there is none both are the number that the next one will have. Items that wait in RAM
     * may be counted or not. */
    enum answer (*range)(void *object, uint64_t *first, uint64_t *end);
    /* How near a seek comes: the item of the number that it returns lies in the sector of the first
     * item of that time or later, or in one of this many sectors with items before it. 0: not
     * stated. */
    uint32_t seek_sectors;
};

struct adapter {
    uint32_t version; /* ADAPTER_VERSION */
    enum adapter_kind kind;
    const char *name;        /* as a scenario spells it */
    const char *summary;     /* one line */
    const char *claims;      /* fault classes it survives: "edge,prefix,bits,zeros" */
    uint32_t widened;        /* bits of enum adapter_widening */
    const char *widened_why; /* one line; NULL when nothing is widened */
    /* The same where they depend on the part or the options; NULL: they do not. */
    const char *(*claims_by)(const struct bo_flash_geometry *geometry,
                             const struct adapter_settings *settings);
    uint32_t (*widened_by)(const struct bo_flash_geometry *geometry,
                           const struct adapter_settings *settings);
    uint32_t promised;                    /* bits of enum adapter_promise */
    const struct adapter_option *options; /* NULL or a list that ends with a NULL name */
    bool relies_on_and;                   /* programs a 1 over a 0 on purpose, expecting 0 */
    bool has_globals; /* keeps state outside its object: run in a child process */

    /* Why the engine can't work on this geometry with these settings, or NULL when it can. */
    const char *(*refuses)(const struct bo_flash_geometry *geometry,
                           const struct adapter_settings *settings);
    /* Bytes of an object, work buffers and caches included. Aligned like malloc by the harness. */
    size_t (*object_size)(const struct bo_flash_geometry *geometry,
                          const struct adapter_settings *settings);
    /* Sizes that the engine takes: none beyond them is ever stored or returned; together
     * they need not fit. key_size_min == key_size_max for fixed keys. The items of a queue or a log
     * are values; it has no keys and says 0. */
    void (*limits)(const struct bo_flash_geometry *geometry,
                   const struct adapter_settings *settings, uint32_t *key_size_min,
                   uint32_t *key_size_max, uint32_t *value_size_max);
    /* The least size of a value; NULL: 0. */
    uint32_t (*value_size_min)(const struct adapter_settings *settings);
    /* Writes the n-th key that may be asked for, n from 0, into key_size_max bytes, and returns its
     * size; 0: there is no such key. For keys that are numbers from 1 to N and the like. NULL: any
     * bytes of those sizes are a key. */
    uint32_t (*make_key)(const struct adapter_settings *settings, uint32_t n, uint8_t *key);
    /* Makes the flash an empty store. NULL: a blank chip is one. Called on a blank chip, uncut. */
    enum answer (*format)(void *object, const struct bo_flash *flash,
                          const struct adapter_settings *settings);
    /* A factory reset: makes an empty store of whatever the chip holds, half a store or an image
     * that is none too. Called after a power-on in the place of mount; a mount follows it. What was
     * there is gone from then on. As the operation `format` it is cut: there is what was there, or
     * an empty store, or a mount that answers ANSWER_DAMAGED and is followed by another reset,
     * unless ADAPTER_FORMAT_MAY_STOP is stated; and where ADAPTER_RESET_MOUNTS is, no mount follows
     * one that was not cut. NULL: not tried. */
    enum answer (*reset)(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings);
    /* Power-on. `object` holds junk. May write. The first one, of a blank chip, is cut only where
     * the scenario begins with `mount`. */
    enum answer (*mount)(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings);
    /* Most flash calls that one call makes on this geometry with these settings. NULL: not
     * stated. */
    struct adapter_bound (*bound)(const struct bo_flash_geometry *geometry,
                                  const struct adapter_settings *settings, enum adapter_call call);
    /* The same while power was never cut and no bit rotted, on a store that began blank: where an
     * engine may take long to find its way after a cut, this says what a search costs that nothing
     * is in the way of. NULL: no less than bound. */
    struct adapter_bound (*bound_uncut)(const struct bo_flash_geometry *geometry,
                                        const struct adapter_settings *settings,
                                        enum adapter_call call);
    /* Prints what is on the flash, a line a call, for `brownout inspect`. The object is mounted if
     * mount answered ANSWER_OK; any image is read without harm. NULL: what is stored only, by
     * each(). */
    void (*inspect)(void *object, const struct bo_flash *flash,
                    const struct adapter_settings *settings, adapter_line *line, void *context);

    /* What the last panic said and where, one line, asked for after ANSWER_PANIC. NULL: unknown. */
    const char *(*panic)(void);

    const struct adapter_map *map;   /* kind ADAPTER_MAP */
    const struct adapter_list *list; /* kinds ADAPTER_QUEUE and ADAPTER_LOG */
};

static inline const char *adapter_claims(const struct adapter *adapter,
                                         const struct bo_flash_geometry *geometry,
                                         const struct adapter_settings *settings)
{
    return adapter->claims_by ? adapter->claims_by(geometry, settings) : adapter->claims;
}

static inline uint32_t adapter_widened(const struct adapter *adapter,
                                       const struct bo_flash_geometry *geometry,
                                       const struct adapter_settings *settings)
{
    return adapter->widened_by ? adapter->widened_by(geometry, settings) : adapter->widened;
}

static inline uint32_t adapter_value_size_min(const struct adapter *adapter,
                                              const struct adapter_settings *settings)
{
    return adapter->value_size_min ? adapter->value_size_min(settings) : 0;
}

/* What a plugin exports: a function that returns its one adapter, or a table of several that ends
 * with NULL, `const struct adapter *const brownout_adapters[]`. Where both are there, the table
 * counts. The objects of several engines of a plugin may be mounted at the same time. */
#define ADAPTER_SYMBOL "brownout_adapter"
typedef const struct adapter *adapter_entry(void);
#define ADAPTER_TABLE_SYMBOL "brownout_adapters"
typedef const struct adapter *const adapter_table[];

#endif
