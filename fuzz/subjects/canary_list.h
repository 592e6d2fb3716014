/* canary_list.h - a small queue and ring log with one planted fault: the engine.
 *
 * canary_list.c says how it works; its adapters, canary-queue and canary-log, are in
 * canary_list_adapter.c. Errors are those of flash.h and queue.h.
 */
#ifndef BROWNOUT_CANARY_LIST_H
#define BROWNOUT_CANARY_LIST_H

#include "engines/flash.h"
#include "engines/queue/queue.h"

/* What is wrong with the engine; canary_list_faults[] has it in words. */
enum canary_list_planted {
    PLANTED_NONE = 0,
    PLANTED_HEADER_UNCHECKED,
    PLANTED_LENGTH_TRUSTED,
    PLANTED_HEAD_FIRST,
    PLANTED_POP_LATE,
    PLANTED_POP_AGAIN,
    PLANTED_HEAD_TWICE,
    PLANTED_PLACE_IN_POPPED,
    PLANTED_FREED_EARLY,
    PLANTED_DROP_TWO,
    PLANTED_PUSH_DROPS,
    PLANTED_FIRST_FIT,
    PLANTED_COUNTER_WRAPS,
    PLANTED_LAST_UNSEEN,
    PLANTED_AHEAD_ASSUMED,
    PLANTED_TRUST_BLANK,
    PLANTED_GUARD_UNCHECKED,
    PLANTED_LEAK,
    PLANTED_TORN_REFUSED,
    PLANTED_ALL_SEALED,
    PLANTED_NUMBER_SKIPPED,
    PLANTED_NUMBER_REUSED,
    PLANTED_READ_FOR_EVER,
    PLANTED_SYNC_EARLY,
    PLANTED_CLEAR_IN_STEPS,
    PLANTED_CLEAR_FORGOTTEN,
    PLANTED_STEP_OF_NOTHING,
    PLANTED_FITS_TOO_MUCH,
    PLANTED_MOUNT_WRITES,
    PLANTED_COPY_STAYS,
    PLANTED_SEEK_SKIPS,
    PLANTED_WIPE_ON_DAMAGE,
    PLANTED_ERROR_IGNORED,
    PLANTED_TRUST_RAM,
    PLANTED_BLANK_ITEM,
    PLANTED_MARK_OF_A_BIT,
    PLANTED_SPACE_TOO_MUCH,
    PLANTED_RANGE_STALE,
    PLANTED_SEEK_EARLY,
};

#define CANARY_LIST_BATCH_MAX 8u

/* An item that waits in RAM. Its bytes are the next `size` of list->waiting. */
struct canary_list_waiting {
    uint32_t size;
    uint64_t time;
};

struct canary_list {
    const struct bo_flash *flash;
    enum canary_list_planted fault;
    bool is_log;
    uint32_t batch; /* items that may wait in RAM */
    uint32_t grain;

    uint32_t active;   /* sector; any when there is none */
    uint32_t sequence; /* of the active sector; 0: there is none */
    uint32_t chain;    /* sectors whose records count, the active one the last of them */
    uint32_t end;      /* offset in the active sector: the next record */
    uint64_t number;   /* of the next record */
    uint64_t begins;   /* only the faulty engine: of the oldest item at mount */
    bool torn;         /* at mount: something lies after the last record */
    bool sealed;       /* only the faulty engine */
    uint64_t late;     /* only the faulty engine: address of a mark to be written; 0: none */

    struct canary_list_waiting waits[CANARY_LIST_BATCH_MAX];
    uint32_t wait_count;
    uint8_t *body;    /* of the record at hand as it is on flash; a sector long */
    uint8_t *item;    /* the item in it */
    uint8_t *waiting; /* a sector long for each item that may wait */
};

/* An item found. Its bytes are in list->item. */
struct canary_list_found {
    uint64_t number;
    uint32_t size;
};

/* Where an iteration over the items is; zeros begin. */
struct canary_list_cursor {
    uint32_t begun; /* sectors of the chain */
    uint32_t sector, sequence, offset;
    uint64_t number; /* of the next record */
};

/* Bytes of a grain, and the largest item, on a part. */
uint32_t canary_list_grain(const struct bo_flash_geometry *geometry);
uint32_t canary_list_size_max(const struct canary_list *list);

/* Power-on: finds what is on the flash. The fields up to `grain` and the buffers are set. */
int canary_list_mount(struct canary_list *list);

/* Puts an item in. `drop`: the oldest make room. An append may leave it in RAM. */
int canary_list_push(struct canary_list *list, const uint8_t *data, uint32_t size, uint64_t time,
                     bool drop);
int canary_list_append(struct canary_list *list, const uint8_t *data, uint32_t size, uint64_t time);

/* Writes what waits in RAM. */
int canary_list_sync(struct canary_list *list);

/* The item at a place, counted from the oldest, which is 0; pop takes it out. */
int canary_list_peek(struct canary_list *list, uint32_t place, struct canary_list_found *found);
int canary_list_pop(struct canary_list *list, uint32_t place, struct canary_list_found *found);

/* The item of a number; a number that no item of that time or later is below. */
int canary_list_read(struct canary_list *list, uint64_t number, struct canary_list_found *found);
int canary_list_seek(struct canary_list *list, uint64_t time, uint64_t *number);

/* The next item on the flash: 1, 0 at the end, or an error. */
int canary_list_next(const struct canary_list *list, struct canary_list_cursor *cursor,
                     struct canary_list_found *found);

int canary_list_clear(struct canary_list *list);

/* The largest item that a push would take now. */
int canary_list_fits(const struct canary_list *list, uint32_t *size);

/* How many items of `size` bytes pushes would take now, one after the other. */
int canary_list_space(const struct canary_list *list, uint32_t size, uint64_t *count);

/* The numbers of the oldest item on the flash and of the next record. */
int canary_list_range(const struct canary_list *list, uint64_t *first, uint64_t *end);

#endif
