/* model_list.h - the reference of a queue or a log: which sequences of items the contract allows.
 *
 * The model keeps the items in their order, and with each what the contract says of it: that it
 * must be there, or why it need not be. A sequence is allowed when it is what is left after items
 * that need not be there were taken out, within these laws:
 *
 *   old       an append that found no room may have dropped it; the oldest are dropped first, so
 *             whatever is older is gone too (unless ADAPTER_DROP_IN_PART)
 *   pending   it is in flight, or waits in RAM; what was put in later is missing too
 *   leaving   a pop of it is in flight
 *   doubtful  bits rotted, or what was in flight at a cut stays undecided (ADAPTER_TAIL_OPEN)
 *   clearing  (of the list) all are there, or none (unless ADAPTER_CLEAR_MAY_STOP)
 *
 * Numbers grow by one from item to item that is put in. An item keeps the number with which it was
 * first seen, or the one that it must have had. An item that was never there has used none up, one
 * that rotted away leaves a gap.
 *
 * An append drops the oldest only when it needs their place (unless ADAPTER_POWER_ON_DROPS), and
 * only what lies in the sectors that it has to clear. So does an idle (ADAPTER_IDLE_DROPS). What a
 * recovery erases excuses no more than that: an interrupted append may have dropped what it would
 * have dropped, and nothing else.
 *
 * What append may drop is seen from outside: each item remembers the sector in which its last
 * (adapter.h, spans: first) program fell, and when. When that sector, or one of those just before
 * it, has been erased since, the item is old (adapter.h, ring). An item that waits in RAM goes to
 * the flash in some later call, nobody knows in which: it remembers all sectors that were
 * programmed meanwhile.
 *
 * Invariants
 *  1. items[first, end) are the items, oldest first; `uncertain` of them are not held,
 *     `hidden` of them are not there as the engine sees it now.
 *  2. digest is a function of the items, their numbers and states and the flags, not of the way
 *     there.
 *  3. Items stand in the order in which they were put in, and so do their numbers where they are
 *     known. The first `old` of them are old.
 */
#ifndef BROWNOUT_MODEL_LIST_H
#define BROWNOUT_MODEL_LIST_H

#include "fuzz/script/script.h"
#include "sim/chip.h"

enum item_state { ITEM_HELD, ITEM_OLD, ITEM_PENDING, ITEM_LEAVING, ITEM_DOUBTFUL };

#define MODEL_NUMBER_NONE UINT64_MAX

struct model_item {
    const struct value *value;
    uint64_t number;  /* that the engine gives for it; MODEL_NUMBER_NONE: not known */
    uint32_t sector;  /* of its last program; CHIP_SECTOR_NONE: none yet */
    uint32_t erases;  /* of the chip, then */
    uint32_t time;    /* grows from item to item */
    uint64_t since;   /* model.now when it was put in */
    uint8_t state;    /* enum item_state */
    bool hidden;      /* undecided, and the last look did not see it */
    bool pending_old; /* pending, and old as well */
    uint8_t span;     /* sectors before `sector` in which it may lie too */
};

/* What the engine's design says; the same for all models of a rig. */
struct model_design {
    uint32_t ring, ahead; /* adapter_list.ring */
    bool numbered;        /* items have numbers */
    bool spans;           /* an item lies where its first program was, not its last */
    bool buffers;         /* items wait in RAM until a sync */
    bool drops_in_part, clears_in_part;
    bool power_on_drops; /* the first append after a power-on drops the oldest in any case */
    bool idle_drops;     /* an idle drops what the next append would */
    bool tail_open;      /* what was in flight stays undecided until the next change */
};

enum {
    LIST_APPENDING = 1, /* an append is in flight, or what it put in waits in RAM; or an idle that
                           may drop what an append would */
    LIST_CLEARING = 2,  /* a clear is in flight */
    LIST_OPEN = 4,      /* nothing was changed since a power-on that left things undecided */
};

struct model_list {
    const struct model_design *design;
    struct model_item *items;
    uint32_t first, end, capacity;
    uint32_t uncertain, hidden;
    uint32_t old;    /* this many items, from the first on, are known to be old */
    uint32_t head;   /* sector of the last program; CHIP_SECTOR_NONE: none yet */
    bool taking;     /* a pop or a clear is in flight: what it programs is no item */
    bool idling;     /* an idle is, or one of these that may bring items from RAM: it may be none */
    uint32_t clock;  /* time of the item put in last */
    uint64_t now;    /* the call of the engine that is made, counted by the rig */
    bool waited;     /* a power-on went by without a look: the next call may do its work */
    bool resumes;    /* power was off since the last append: the next one may leave the head */
    uint64_t wasted; /* bytes of items whose append was cut and that are not there: taken up */
    uint64_t number; /* of the first item, or of the next one when there is none */
    bool number_known;
    bool gaps;      /* items with numbers may be gone since a look last saw the newest one's */
    uint32_t flags; /* LIST_CLEARING and the like */
    uint32_t leaving_was; /* state of the item of a pop in flight */
    uint64_t digest;
    uint64_t steps; /* items and choices that looks have gone over; tests bound it */
};

void model_list_init(struct model_list *list, const struct model_design *design);
void model_list_free(struct model_list *list);

/* Back to an empty list on a blank chip: nothing is left of what was before. */
void model_list_reset(struct model_list *list);
void model_list_copy(struct model_list *to, const struct model_list *from);

/* Of the digest and all else that decides what the list will allow. Where an item lies is compared
 * with when sectors were erased, so both are part of it. False: the ring is too long. */
bool model_list_state(const struct model_list *list, const struct chip *chip, uint64_t *state);

/* Walks the invariants; stops the program at a breach. */
void model_list_check(const struct model_list *list);

/* How many items there are, those that may be missing too, but for the hidden ones: places are
 * counted as the engine counts them since it was mounted. */
static inline uint32_t model_list_count(const struct model_list *list)
{
    return list->end - list->first - list->hidden;
}

/* The item at a place, counted from the oldest, which is 0; NULL when there is none. */
const struct model_item *model_list_at(const struct model_list *list, uint32_t place);

/* The operation is about to be called; it answered OK; it answered an error. */
void model_list_begin(struct model_list *list, const struct op *op);
void model_list_commit(struct model_list *list, const struct op *op);
void model_list_abort(struct model_list *list, const struct op *op);

/* After a call, done or cut: remembers where its items lie and what it may have dropped. The chip
 * watches the ring since before the call. `recovered`: the call was a power-on. */
void model_list_observe(struct model_list *list, const struct chip *chip, bool recovered);

/* Power was cut: an item for which nothing was programmed so far is gone. */
void model_list_cut(struct model_list *list);

/* A call of the flash failed, and with it the operation: what was in flight may be there or not.
 * Where items wait in RAM the next thing is a power-on, after which they are gone. */
void model_list_fail(struct model_list *list);

/* Bits rotted: every item that was put in at this engine call or before it may be missing. */
void model_list_doubt(struct model_list *list, uint64_t since);

/* A power-on goes by without a look: what was in flight may be there or not. False, and nothing
 * changes, where items waited in RAM, or the look itself is what decides. */
bool model_list_wait(struct model_list *list);

/* What a look saw. */
struct model_seen {
    uint64_t digest; /* of the item's value */
    uint64_t number;
};

/* Whether this item of the list may be missing. */
static inline bool model_list_may_miss(const struct model_list *list, const struct model_item *item)
{
    return item->state != ITEM_HELD || list->flags & LIST_CLEARING;
}

/* Whether what was seen is allowed; then the model settles on it: `powered_on` by the first look
 * after a power-on, when nothing waits in RAM any more. False changes nothing. */
bool model_list_settle(struct model_list *list, const struct model_seen *seen, uint32_t count,
                       bool powered_on);

#endif
