/* model_list.c - see model_list.h for the states of an item and the laws.
 *
 * Operations. model_list_begin() enters the outcome of an operation as something that may be: an
 * item that is put in is pending, one that is popped is leaving, a clear sets a flag. Then commit,
 * abort or a look decides. At each moment the list stands for a set of sequences: all those that
 * the laws allow.
 *
 * Looks. A look gives a sequence of values, with numbers where the engine has them. It is allowed
 * if the items of the list can be divided into kept and missed ones so that
 *   1. the kept ones, in their order, have the bytes and the numbers that were seen;
 *   2. each missed one may be missing by the laws;
 *   3. the numbers grow as they must (numbers_fit).
 *
 * Whether the laws let an item be kept or missed depends on the older items. Two bits, the memory,
 * hold all that must be known of them:
 *   ONE_KEPT        an older item was kept. No old item may be missed any more, as the oldest go
 *                   first.
 *   PENDING_MISSED  an older pending item was missed. No pending item may be kept any more: items
 *                   reach the flash in the order in which they were put in.
 *
 * An example: A is old, B and C are held, D is pending, its append was cut. Four looks are allowed:
 *
 *      A old    B held   C held   D pending
 *      kept     kept     kept     kept       the append was done, and did not have to drop A
 *      kept     kept     kept     missed     it was not done
 *      missed   kept     kept     kept       it was done, and dropped A
 *      missed   kept     kept     missed     it dropped A to make room, then power was cut
 *
 * A look that sees A, C, D is refused: B is held. So is one that sees B, C, D, A: another order.
 *
 * The search. Mostly no item is uncertain, and is_plain() compares one by one. Otherwise walk()
 * goes from the oldest item to the newest; an item is kept if it looks like the next one that was
 * seen and the laws let it be kept, else it is missed. That is right unless items have equal bytes.
 * Say A and B both hold "x", A is old, B is held, and the look sees one "x". The walk keeps A, and
 * nothing is left for B, which must not be missed. In truth A was dropped, and B is the one seen.
 *
 * So, if the first walk fails, fill_in() makes a table, from the newest item back: for each item,
 * number of items missed before it, and memory, whether the rest of the items fits the rest of the
 * look. With it a walk takes a choice only if the rest still fits. It is made only where it may
 * help: some items have equal bytes, and as many as are missed may be. It holds only the places
 * that a walk can come to (reach()), mostly a path or two; a whole one would be quadratic.
 * Several divisions may fit, and they differ in the numbers that the items get. Two are tried: of
 * equal items the older ones kept, then the newer ones. test_model_list.py compares all this with a
 * model that keeps every world.
 *
 * A look that is allowed settles the list. What was seen is held. What was not seen goes, unless it
 * waits in RAM or stays undecided by the engine's design (LIST_OPEN): then it is hidden.
 */
#include "fuzz/model/model_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/model/digests.h"
#include "fuzz/script/mix.h"
#include "sim/memory.h"

static uint64_t item_digest(const struct model_item *item)
{
    uint64_t place = item->time * MIX_STEP ^ item->number * 0xD6E8FEB86659FD93u;
    uint32_t state = item->state + item->hidden * 64u + item->pending_old * 128u;
    return mix_word(item->value->digest + place + state);
}

static void set_state(struct model_list *list, uint32_t index, enum item_state state)
{
    struct model_item *item = &list->items[index];
    if (item->state == state && !item->pending_old) return;
    if (item->state == ITEM_OLD) list->old = 0;
    list->digest -= item_digest(item);
    list->uncertain -= item->state != ITEM_HELD;
    item->state = (uint8_t)state;
    item->pending_old = false;
    list->uncertain += item->state != ITEM_HELD;
    list->digest += item_digest(item);
}

static void set_number(struct model_list *list, uint32_t index, uint64_t number)
{
    struct model_item *item = &list->items[index];
    if (item->number == number) return;
    list->digest -= item_digest(item);
    item->number = number;
    list->digest += item_digest(item);
}

static void hide(struct model_list *list, uint32_t index, bool hidden)
{
    struct model_item *item = &list->items[index];
    if (item->hidden == hidden) return;
    list->digest -= item_digest(item);
    list->hidden -= item->hidden;
    item->hidden = hidden;
    list->hidden += item->hidden;
    list->digest += item_digest(item);
}

static void set_flag(struct model_list *list, uint32_t flag, bool value)
{
    list->digest -= mix_word(list->flags);
    list->flags = value ? list->flags | flag : list->flags & ~flag;
    list->digest += mix_word(list->flags);
}

void model_list_init(struct model_list *list, const struct model_design *design)
{
    *list = (struct model_list){.design = design, .head = CHIP_SECTOR_NONE};
}

void model_list_reset(struct model_list *list)
{
    struct model_list made = *list;
    model_list_init(list, made.design);
    list->items = made.items;
    list->capacity = made.capacity;
    list->steps = made.steps;
}

void model_list_free(struct model_list *list)
{
    free(list->items);
    list->items = NULL;
}

/* Room for `capacity` items from index 0 on. */
static void reserve(struct model_list *list, uint32_t capacity)
{
    if (capacity <= list->capacity) return;
    capacity = capacity < 16 ? 16 : capacity + capacity / 2;
    list->items = memory_resize(list->items, capacity, sizeof *list->items);
    list->capacity = capacity;
}

/* How many items there are, hidden ones too. */
static uint32_t extent(const struct model_list *list)
{
    return list->end - list->first;
}

void model_list_copy(struct model_list *to, const struct model_list *from)
{
    uint32_t count = extent(from);
    struct model_item *items = to->items;
    uint32_t capacity = to->capacity;
    *to = *from;
    to->items = items;
    to->capacity = capacity;
    reserve(to, count);
    to->first = 0;
    to->end = count;
    if (count) memcpy(to->items, from->items + from->first, count * sizeof *to->items);
}

const struct model_item *model_list_at(const struct model_list *list, uint32_t place)
{
    if (place >= model_list_count(list)) return NULL;
    const struct model_item *item = &list->items[list->first];
    if (list->hidden == 0) return item + place;
    for (;; item++) {
        if (!item->hidden && place-- == 0) return item;
    }
}

/* All its sectors are asked. */
#define STATE_RING_MAX 256u

bool model_list_state(const struct model_list *list, const struct chip *chip, uint64_t *state)
{
    const uint64_t known[] = {list->digest,      extent(list),       list->uncertain,
                              list->hidden,      list->old,          list->head,
                              list->taking,      list->idling,       list->clock,
                              list->waited,      list->resumes,      list->wasted,
                              list->number,      list->gaps,         list->flags,
                              list->leaving_was, list->number_known, chip_counters(chip)->erases};
    uint64_t sum = 0;
    assert(list->first <= list->end && list->old <= extent(list));
    if (list->design->ring > STATE_RING_MAX) return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        sum = mix_word(sum ^ known[i]) + MIX_STEP;
    for (uint32_t i = 0; i < list->design->ring; i++)
        sum = mix_word(sum ^ chip_erased_at(chip, i)) + MIX_STEP;
    for (uint32_t i = list->first; i < list->end; i++) {
        const struct model_item *item = &list->items[i];
        uint64_t place = (uint64_t)item->sector << 32 | item->erases;
        assert(item->sector == CHIP_SECTOR_NONE || item->sector < list->design->ring);
        sum = (sum ^ place) * MIX_STEP + item->span;
    }
    *state = mix_word(sum);
    return true;
}

static void append(struct model_list *list, const struct value *value)
{
    if (list->end == list->capacity && list->first > list->capacity / 2) {
        memmove(list->items, list->items + list->first, extent(list) * sizeof *list->items);
        list->end -= list->first;
        list->first = 0;
    }
    reserve(list, list->end + 1);
    list->items[list->end] = (struct model_item){.value = value,
                                                 .number = MODEL_NUMBER_NONE,
                                                 .sector = CHIP_SECTOR_NONE,
                                                 .time = ++list->clock,
                                                 .since = list->now,
                                                 .state = ITEM_PENDING};
    list->digest += item_digest(&list->items[list->end++]);
    list->uncertain++;
}

/* Takes out the item at an index. */
static void take_out(struct model_list *list, uint32_t index)
{
    list->old = 0;
    struct model_item *items = list->items;
    list->digest -= item_digest(&items[index]);
    list->uncertain -= items[index].state != ITEM_HELD;
    list->hidden -= items[index].hidden;
    if (index == list->first) {
        list->first++;
        return;
    }
    memmove(&items[index], &items[index + 1], (list->end - index - 1) * sizeof *items);
    list->end--;
}

static void take_out_all(struct model_list *list)
{
    while (extent(list))
        take_out(list, list->end - 1);
}

/* Items of one state become another; whether there were any. */
static bool turn(struct model_list *list, enum item_state from, enum item_state to)
{
    bool any = false;
    if (list->uncertain == 0) return false;
    for (uint32_t i = list->end; i-- > list->first + list->old;) {
        if (list->items[i].state != from) continue;
        set_state(list, i, to);
        any = true;
    }
    return any;
}

/* What is in flight may be there or not. */
static void doubt_flight(struct model_list *list)
{
    turn(list, ITEM_PENDING, ITEM_DOUBTFUL);
    turn(list, ITEM_LEAVING, ITEM_DOUBTFUL);
}

static void doubt_all(struct model_list *list)
{
    for (uint32_t i = list->first; i < list->end; i++)
        set_state(list, i, ITEM_DOUBTFUL);
}

/* --- operations --- */

/* A clear that was cut is still undecided, and the next operation begins. */
static void leave_clearing(struct model_list *list)
{
    if (!(list->flags & LIST_CLEARING)) return;
    doubt_all(list);
    for (uint32_t i = list->first; i < list->end; i++)
        set_number(list, i, MODEL_NUMBER_NONE);
    list->number_known = false;
    set_flag(list, LIST_CLEARING, false);
}

/* The index of the item that a pop takes; list->end when there is none. */
static uint32_t index_of(const struct model_list *list, const struct op *op)
{
    const struct model_item *item = model_list_at(list, op->count);
    return item ? (uint32_t)(item - list->items) : list->end;
}

static bool empties(enum op_kind kind)
{
    return kind == OP_CLEAR || kind == OP_FORMAT;
}

void model_list_begin(struct model_list *list, const struct op *op)
{
    uint32_t index = index_of(list, op);
    leave_clearing(list);
    bool takes = op->kind == OP_POP || empties(op->kind), buffers = list->design->buffers;
    list->taking = takes && !buffers;
    list->idling = (takes && buffers) || op->kind == OP_IDLE;
    switch (op->kind) {
    case OP_APPEND:
        set_flag(list, LIST_APPENDING, true);
        append(list, op->value);
        break;
    case OP_PUSH:
        append(list, op->value);
        break;
    case OP_IDLE:
        if (list->design->idle_drops) set_flag(list, LIST_APPENDING, true);
        break;
    case OP_POP:
        if (index == list->end) break;
        list->leaving_was = list->items[index].state;
        set_state(list, index, ITEM_LEAVING);
        break;
    case OP_CLEAR:
    case OP_FORMAT:
        set_flag(list, LIST_CLEARING, true);
        if (list->design->clears_in_part) list->gaps = true;
        break;
    default:
        break;
    }
}

/* An item has the number after that of the one before it, if that one is there. */
static void infer_number(struct model_list *list, uint32_t index)
{
    const struct model_item *item = &list->items[index];
    if (!list->design->numbered || list->gaps || item->number != MODEL_NUMBER_NONE) return;
    if (index == list->first) {
        if (list->number_known) set_number(list, index, list->number);
    } else if (item[-1].number != MODEL_NUMBER_NONE && item[-1].state != ITEM_DOUBTFUL) {
        set_number(list, index, item[-1].number + 1);
    }
}

/* An item was put in and is durable. What was in flight before it is decided now, but nothing has
 * shown yet how. */
static void commit_last(struct model_list *list)
{
    infer_number(list, list->end - 1);
    if (list->design->buffers) return;
    for (uint32_t i = list->end; i-- > list->first && list->items[i].state == ITEM_PENDING;)
        set_state(list, i, ITEM_DOUBTFUL);
    set_state(list, list->end - 1, ITEM_HELD);
}

/* What waited in RAM is on the flash; whether there was anything. */
static bool make_durable(struct model_list *list)
{
    bool any = false;
    for (uint32_t i = list->first; i < list->end; i++) {
        if (!list->items[i].pending_old) continue;
        set_state(list, i, ITEM_OLD);
        any = true;
    }
    return turn(list, ITEM_PENDING, ITEM_HELD) || any;
}

/* It drops no more. What waits in RAM may be dropped still. */
static void end_idle(struct model_list *list)
{
    if (list->design->idle_drops && !list->design->buffers) set_flag(list, LIST_APPENDING, false);
}

void model_list_commit(struct model_list *list, const struct op *op)
{
    switch (op->kind) {
    case OP_APPEND:
    case OP_PUSH:
        assert(list->end > list->first && "it has begun");
        if (!list->design->buffers) set_flag(list, LIST_APPENDING, false);
        list->resumes = false;
        commit_last(list);
        break;
    case OP_POP:
        take_out(list, index_of(list, op));
        break;
    case OP_CLEAR:
    case OP_FORMAT:
        set_flag(list, LIST_CLEARING | LIST_APPENDING, false);
        take_out_all(list);
        list->number_known = list->gaps = false;
        break;
    case OP_SYNC:
    case OP_SEAL:
        set_flag(list, LIST_APPENDING, false);
        if (!make_durable(list)) return;
        break;
    case OP_IDLE:
        end_idle(list);
        return;
    default:
        return;
    }
    /* What only waits in RAM has decided nothing. */
    if (!list->design->buffers || (op->kind != OP_APPEND && op->kind != OP_PUSH))
        set_flag(list, LIST_OPEN, false);
}

void model_list_abort(struct model_list *list, const struct op *op)
{
    switch (op->kind) {
    case OP_APPEND:
    case OP_PUSH:
        assert(list->end > list->first && "it has begun");
        if (!list->design->buffers) set_flag(list, LIST_APPENDING, false);
        take_out(list, list->end - 1);
        break;
    case OP_POP:
        if (op->count < model_list_count(list))
            set_state(list, index_of(list, op), (enum item_state)list->leaving_was);
        break;
    case OP_CLEAR:
    case OP_FORMAT:
        set_flag(list, LIST_CLEARING, false);
        break;
    case OP_IDLE:
        end_idle(list);
        break;
    default:
        break;
    }
}

/* What waits in RAM alone can't be hit. It must stay pending, or it gets no place when it goes to
 * the flash. */
static bool waits_in_ram(const struct model_list *list, const struct model_item *item)
{
    return list->design->buffers && item->state == ITEM_PENDING && item->sector == CHIP_SECTOR_NONE;
}

void model_list_doubt(struct model_list *list, uint64_t since)
{
    for (uint32_t i = list->first; i < list->end; i++) {
        const struct model_item *item = &list->items[i];
        if (item->since <= since && !waits_in_ram(list, item)) set_state(list, i, ITEM_DOUBTFUL);
    }
    list->gaps = true;
}

/* --- where items lie --- */

/* More sectors than one call fills. An item that waited in RAM may lie in any of `span` sectors. */
#define SPAN_MAX 32u

/* Whether its sector was erased since, or one of those before it in which it may lie too. */
static bool is_stale(const struct model_list *list, const struct chip *chip,
                     const struct model_item *item)
{
    assert(item->sector < list->design->ring && "it was programmed, in the ring");
    uint32_t ring = list->design->ring, more = list->design->ahead + item->span;
    for (uint32_t i = 0; i <= more && i < ring; i++) {
        if (chip_erased_at(chip, (item->sector + ring - i) % ring) > item->erases) return true;
    }
    return false;
}

/* How many sectors were programmed while an item waited in RAM, up to the last one. Before the
 * first program of all there is no head. */
static uint8_t span_up_to(const struct model_list *list, const struct model_item *item,
                          const struct chip_watched *watched)
{
    uint32_t ring = list->design->ring, head = list->head;
    bool placed = item->sector != CHIP_SECTOR_NONE;
    if (!list->design->buffers) return 0;
    if (head == CHIP_SECTOR_NONE) head = watched->first;
    uint32_t first = placed ? (item->sector + ring - item->span) % ring : head;
    uint32_t span = (watched->last + ring - first) % ring;
    if (placed && span < item->span) span = ring - 1; /* it went all around */
    return (uint8_t)(span < SPAN_MAX ? span : SPAN_MAX);
}

/* What is programmed while the firmware has time may be items that waited, or work for later in a
 * sector after them: the next items are not before the head as it was. */
static void note_places(struct model_list *list, const struct chip_watched *watched)
{
    bool buffers = list->design->buffers, first = list->design->spans && !buffers;
    for (uint32_t i = list->end; i-- > list->first;) {
        struct model_item *item = &list->items[i];
        bool placed = item->sector != CHIP_SECTOR_NONE;
        if (item->state == ITEM_HELD) break;
        if (item->state != ITEM_PENDING || item->pending_old) continue;
        if (placed && !buffers) continue;
        item->span = span_up_to(list, item, watched);
        item->sector = first ? watched->first : watched->last;
        if (!placed) item->erases = first || buffers ? watched->first_erases : watched->last_erases;
    }
    if (!list->idling) list->head = watched->last;
}

static void set_pending_old(struct model_list *list, uint32_t index)
{
    struct model_item *item = &list->items[index];
    list->digest -= item_digest(item);
    item->pending_old = true;
    list->digest += item_digest(item);
}

/* Bytes that an item may take at most beside its own: headers, padding, its share of a sector's. */
#define ITEM_OVERHEAD 64u

/* A ring of which a quarter would do for all items, the new one included, and for what cuts left of
 * others, needs nobody's place. */
static bool has_room(const struct model_list *list, const struct chip *chip)
{
    const struct bo_flash_geometry *g = &chip_flash(chip)->geometry;
    uint32_t kept = 1 + list->design->ahead; /* that are being cleared, or are about to be */
    uint64_t bytes = list->wasted;
    if (list->design->ring <= kept) return false;
    for (uint32_t i = list->first; i < list->end; i++)
        bytes += list->items[i].value->size + ITEM_OVERHEAD;
    return bytes * 4 < (uint64_t)(list->design->ring - kept) * g->sector_size;
}

/* In how many sectors the items may lie that one call drops. The first append after a power-on may
 * clear one more: an engine whose power-on writes nothing leaves its work to it, and gives up what
 * is left of the head, which a cut may have touched. Where that is all sectors, it does not count
 * how often the items go from one to another: an engine may write all of them anew each time. */
static uint32_t sectors_dropped(const struct model_list *list, const struct chip *chip,
                                bool recovered)
{
    uint32_t once = 1 + list->design->ahead, size = chip_flash(chip)->geometry.sector_size;
    uint32_t newest = list->end > list->first ? list->items[list->end - 1].value->size : 0;
    uint32_t most = once + newest / size + list->resumes + (list->waited ? once : 0);
    if (recovered) most = once;
    return most < list->design->ring ? most : UINT32_MAX;
}

static bool is_held_so_far(const struct model_item *item)
{
    return item->state == ITEM_HELD || (item->state == ITEM_PENDING && !item->pending_old);
}

/* Items that may have been dropped, the oldest first. */
static void note_old(struct model_list *list, const struct chip *chip, bool recovered)
{
    uint32_t sectors = sectors_dropped(list, chip, recovered), last = CHIP_SECTOR_NONE;
    bool drops = list->design->power_on_drops && list->resumes;
    bool open = list->design->buffers || recovered || list->waited || drops;
    for (uint32_t i = list->first + list->old; i < list->end; i++) {
        const struct model_item *item = &list->items[i];
        bool placed = item->sector != CHIP_SECTOR_NONE;
        if (!placed && item->state == ITEM_DOUBTFUL) continue; /* it was never programmed at all */
        if (!placed || !is_stale(list, chip, item)) return;
        if (is_held_so_far(item) && item->sector != last) {
            if (last == CHIP_SECTOR_NONE && !open && has_room(list, chip)) return;
            if (sectors-- == 0 && !list->design->buffers) return;
            last = item->sector;
        }
        if (item->state == ITEM_HELD) set_state(list, i, ITEM_OLD);
        if (item->state == ITEM_OLD && i == list->first + list->old) list->old++;
        if (item->state == ITEM_PENDING) set_pending_old(list, i);
    }
}

void model_list_observe(struct model_list *list, const struct chip *chip, bool recovered)
{
    const struct chip_watched *watched = chip_watched(chip);
    if (list->flags & LIST_APPENDING) note_old(list, chip, recovered);
    if (recovered) {
        list->idling = false;
        list->resumes = true;
    }
    if (watched->last != CHIP_SECTOR_NONE && !list->taking) {
        note_places(list, watched);
        /* What waited may have gone to the flash and been dropped again, all in one call. */
        if (list->design->buffers && list->flags & LIST_APPENDING) note_old(list, chip, recovered);
    }
    if (!recovered) list->waited = false;
}

void model_list_cut(struct model_list *list)
{
    while (extent(list)) {
        const struct model_item *item = &list->items[list->end - 1];
        if (item->state != ITEM_PENDING || item->sector != CHIP_SECTOR_NONE) return;
        take_out(list, list->end - 1);
    }
}

void model_list_fail(struct model_list *list)
{
    if (list->design->buffers) {
        model_list_cut(list);
        return;
    }
    doubt_flight(list);
    list->resumes = true;
}

bool model_list_wait(struct model_list *list)
{
    const struct model_design *design = list->design;
    if (design->buffers || design->tail_open || list->flags & LIST_CLEARING) return false;
    doubt_flight(list);
    list->waited = list->resumes = true;
    return true;
}

/* --- looking --- */

/* The memory: what the laws must know of the older items. MEMORIES values in all. */
enum { ONE_KEPT = 1, PENDING_MISSED = 2, MEMORIES = 4 };

/* The places of the table at one item: with `low` to `low + count - 1` items missed before it. */
struct row {
    uint32_t low, count;
    size_t at; /* of the first of them in the table */
};

/* One search: which of the items a look has seen. */
struct match {
    struct model_list *list;
    const struct model_seen *seen;
    uint32_t items, missed; /* number of items, and of those that were not seen */
    bool all_may_miss;
    struct row *rows; /* of each item, and one more for the end; NULL: there is no table */
    uint8_t *fits; /* of each place: a bit for each memory with which the rest fits, and, MEMORIES
                      further up, one for each with which a walk can come there */
    size_t places, room;
};

/* The laws: the memory after this item was kept, or was not; -1 where that is not allowed. */
static int memory_after(const struct match *match, const struct model_item *item, bool kept,
                        int memory)
{
    if (match->all_may_miss) return memory;
    bool pending = item->state == ITEM_PENDING ||
                   (item->state == ITEM_LEAVING && match->list->leaving_was == ITEM_PENDING);
    if (kept) return pending && memory & PENDING_MISSED ? -1 : memory | ONE_KEPT;
    if (item->state == ITEM_HELD) return -1;
    bool drops = !(memory & ONE_KEPT) || match->list->design->drops_in_part;
    if (item->state == ITEM_OLD && !drops) return -1;
    if (item->pending_old && drops) return memory;
    return item->state == ITEM_PENDING ? memory | PENDING_MISSED : memory;
}

/* Whether this may be what was seen, by its bytes and by its number if that is known. */
static bool is_it(const struct model_item *item, const struct model_seen *seen)
{
    return item->value->digest == seen->digest &&
           (item->number == MODEL_NUMBER_NONE || item->number == seen->number);
}

/* A place that a walk can come to, or may. */
static uint8_t *fits_at(const struct match *match, uint32_t item, uint32_t missed)
{
    const struct row *row = &match->rows[item];
    assert(missed >= row->low && missed - row->low < row->count);
    return &match->fits[row->at + missed - row->low];
}

/* The memory after this item is kept, or is not; -1 where it can't be. */
static int next_memory(const struct match *match, uint32_t i, uint32_t missed, bool kept,
                       int memory)
{
    const struct model_item *item = &match->list->items[match->list->first + i];
    if (kept && i - missed >= match->items - match->missed) return -1;
    if (!kept && missed == match->missed) return -1;
    if (kept && !is_it(item, &match->seen[i - missed])) return -1;
    match->list->steps++;
    return memory_after(match, item, kept, memory);
}

/* Whether the rest fits then. Without a table only this item is judged. */
static bool may_be(const struct match *match, uint32_t i, uint32_t missed, bool kept, int memory)
{
    int next = next_memory(match, i, missed, kept, memory);
    if (next < 0 || !match->rows) return next >= 0;
    return *fits_at(match, i + 1, missed + !kept) >> next & 1;
}

static bool is_reached(const struct match *match, uint32_t i, uint32_t missed, int memory)
{
    return *fits_at(match, i, missed) >> (MEMORIES + memory) & 1;
}

/* Where a walk can go from here in one step. */
static void reach_from(const struct match *match, uint32_t i, uint32_t missed, int memory)
{
    for (int kept = 0; kept < 2; kept++) {
        int next = next_memory(match, i, missed, kept, memory);
        if (next < 0) continue;
        uint8_t *there = fits_at(match, i + 1, missed + !kept);
        *there |= (uint8_t)(1u << (MEMORIES + next));
    }
}

/* Begins the row of an item, none of whose places has been reached. */
static void begin_row(struct match *match, uint32_t i, uint32_t low, uint32_t count)
{
    struct row *row = &match->rows[i];
    assert(i <= match->items && count > 0);
    *row = (struct row){low, count, match->places};
    match->places += count;
    if (match->places > match->room) {
        match->room = 2 * match->places;
        match->fits = memory_resize(match->fits, match->room, sizeof *match->fits);
    }
    memset(match->fits + row->at, 0, count);
}

/* Leaves out the places at both ends that were not reached. */
static void end_row(struct match *match, uint32_t i)
{
    struct row *row = &match->rows[i];
    while (row->count && !match->fits[row->at + row->count - 1])
        row->count--;
    match->places = row->at + row->count;
    for (; row->count && !match->fits[row->at]; row->count--) {
        row->at++;
        row->low++;
    }
    assert(!row->count || row->low + row->count <= match->missed + 1);
}

/* From the oldest item on: where a walk can come to. Few places, unless many items are equal. From
 * one place a step leads to the same number of missed items, or to one more. */
static void reach(struct match *match)
{
    begin_row(match, 0, 0, 1);
    *fits_at(match, 0, 0) = 1u << MEMORIES;
    for (uint32_t i = 0; i < match->items; i++) {
        const struct row *row = &match->rows[i];
        begin_row(match, i + 1, row->low, row->count + 1);
        for (uint32_t missed = row->low; missed < row->low + row->count; missed++) {
            for (int memory = 0; *fits_at(match, i, missed) && memory < MEMORIES; memory++) {
                if (is_reached(match, i, missed, memory)) reach_from(match, i, missed, memory);
            }
        }
        end_row(match, i + 1);
    }
}

/* The memories with which the rest fits, of those with which a walk comes here. */
static unsigned fits_here(const struct match *match, uint32_t i, uint32_t missed)
{
    unsigned fits = 0;
    for (int memory = 0; *fits_at(match, i, missed) && memory < MEMORIES; memory++) {
        if (!is_reached(match, i, missed, memory)) continue;
        bool fit =
            may_be(match, i, missed, true, memory) || may_be(match, i, missed, false, memory);
        fits |= (unsigned)fit << memory;
    }
    return fits;
}

/* Where a walk comes to the end at all, as many are missed as must be. */
static void fill_in(struct match *match)
{
    reach(match);
    const struct row *last = &match->rows[match->items];
    assert(!last->count || (last->count == 1 && last->low == match->missed));
    if (last->count) *fits_at(match, match->items, match->missed) |= (1u << MEMORIES) - 1;
    for (uint32_t i = match->items; i-- > 0;) {
        const struct row *row = &match->rows[i];
        for (uint32_t missed = row->low; missed < row->low + row->count; missed++)
            *fits_at(match, i, missed) |= (uint8_t)fits_here(match, i, missed);
    }
}

/* Divides the items from the oldest to the newest. Of items of equal bytes the older ones are kept
 * where both may be, or the newer ones. False when an item can be neither kept nor missed. */
static bool walk(const struct match *match, bool older, bool *kept)
{
    uint32_t missed = 0;
    int memory = 0;
    for (uint32_t i = 0; i < match->items; i++) {
        bool wished = may_be(match, i, missed, older, memory);
        if (!wished && !may_be(match, i, missed, !older, memory)) return false;
        kept[i] = wished == older;
        memory = memory_after(match, &match->list->items[match->list->first + i], kept[i], memory);
        missed += !kept[i];
    }
    assert(missed == match->missed && "each that was seen is an item");
    return true;
}

/* Whether this item, though missing, has used up a number. */
static bool used_number(const struct model_item *item)
{
    bool is_old = item->state == ITEM_OLD || item->pending_old;
    return is_old || (item->number != MODEL_NUMBER_NONE && item->state != ITEM_PENDING);
}

/* Numbers grow by one and each item keeps its own. Of items that have none yet, and may never have
 * been there, it is not known whether they used one up; nor, with gaps, of those that are gone. */
static bool numbers_fit(const struct model_list *list, const struct model_seen *seen,
                        const bool *kept)
{
    uint64_t least = list->number, most = list->number;
    bool known = list->number_known, gaps = list->gaps || list->design->drops_in_part;
    if (!list->design->numbered) return true;
    for (uint32_t i = list->first; i < list->end; i++) {
        const struct model_item *item = &list->items[i];
        if (item->number != MODEL_NUMBER_NONE) {
            least = most = item->number;
            known = true;
        }
        bool is_seen = !kept || kept[i - list->first];
        if (gaps && item->number == MODEL_NUMBER_NONE) most = MODEL_NUMBER_NONE - 1;
        if (is_seen) {
            if (known && (seen->number < least || seen->number > most)) return false;
            least = most = seen++->number;
            known = true;
        }
        least += is_seen || used_number(item);
        most++;
    }
    return true;
}

/* Whether an item that was not seen stays in the model all the same: it waits in RAM, or may do so,
 * or nothing is decided yet. */
static bool stays(const struct model_list *list, const struct model_item *item, bool powered_on)
{
    if (list->flags & LIST_OPEN) return true;
    bool may_wait = list->design->buffers && item->state == ITEM_DOUBTFUL;
    return !powered_on && (item->state == ITEM_PENDING || may_wait);
}

static void keep_seen(struct model_list *list, const bool *kept, bool powered_on)
{
    list->old = 0;
    uint32_t to = list->first, from = list->first, end = list->end;
    for (uint32_t i = 0; from + i < end; i++) {
        struct model_item *item = &list->items[from + i];
        bool stay = stays(list, item, powered_on);
        if (kept[i] && !stay) set_state(list, from + i, ITEM_HELD);
        hide(list, from + i, !kept[i] && stay && item->state != ITEM_PENDING);
        if (kept[i] || stay) {
            if (to != from + i) list->items[to] = *item;
            to++;
        } else {
            bool cut = item->state == ITEM_PENDING || item->state == ITEM_DOUBTFUL;
            list->wasted += cut ? item->value->size + ITEM_OVERHEAD : 0;
            list->digest -= item_digest(item);
            list->uncertain -= item->state != ITEM_HELD;
        }
    }
    list->end = to;
}

/* What is known of the number of an item, and by it of those after it. `seen` is NULL when the look
 * did not see it. */
static void settle_number(struct model_list *list, uint32_t index, const struct model_seen *seen,
                          bool powered_on)
{
    const struct model_item *item = &list->items[index];
    bool pending = item->state == ITEM_PENDING, is_new = item->number == MODEL_NUMBER_NONE;
    if (seen) {
        set_number(list, index, seen->number);
        list->gaps = list->gaps && (!is_new || list->flags & LIST_OPEN);
    } else if (pending && !powered_on) {
        infer_number(list, index);
    } else if (!pending && !is_new) {
        list->number = item->number + 1;
        list->number_known = true;
    }
    if (!seen && (item->state == ITEM_DOUBTFUL || (item->pending_old && powered_on)))
        list->gaps = true;
}

/* Whether the first item that is left waits in RAM and was not seen. Then its number is not that of
 * the first one that was; nor is it known where an item before it goes whose number is not. */
static bool begins_unseen(struct model_list *list, const bool *kept, bool powered_on)
{
    for (uint32_t i = list->first; i < list->end && !kept[i - list->first]; i++) {
        const struct model_item *item = &list->items[i];
        if (stays(list, item, powered_on)) return true;
        if (item->number == MODEL_NUMBER_NONE) list->number_known = false;
    }
    return false;
}

/* Each item that is held has the number that was seen. Where items of equal bytes may be divided in
 * another way as well, which one was seen, and so its number, stays open. */
static void settle_numbers(struct model_list *list, const struct model_seen *seen, uint32_t count,
                           const bool *kept, const bool *also, bool powered_on)
{
    const struct model_seen *next = seen, *next_also = seen;
    bool first_known = true, open = false;
    if (!list->design->numbered) return;
    for (uint32_t i = list->first; i < list->end; i++) {
        const struct model_seen *shown = !kept || kept[i - list->first] ? next++ : NULL;
        const struct model_seen *shown_also = shown;
        bool held = shown && list->items[i].state == ITEM_HELD;
        if (also) shown_also = also[i - list->first] ? next_also++ : NULL;
        if (shown != shown_also) {
            list->gaps = open = true;
            first_known = first_known && shown != seen && shown_also != seen;
        } else if (held || !(list->flags & LIST_OPEN)) {
            settle_number(list, i, shown, powered_on);
        }
    }
    if (open) list->gaps = true; /* also where an item with a number came after it */
    if (count == 0 || list->flags & LIST_OPEN) return;
    if (kept && begins_unseen(list, kept, powered_on)) return;
    list->number = seen[0].number;
    list->number_known = first_known;
}

/* An item lies where it was put or where an equal one was: in all sectors from the older one's to
 * the newer one's, for as long as the older one does. */
static void widen(const struct model_list *list, struct model_item *item,
                  const struct model_item *other)
{
    const struct model_item *older = item < other ? item : other;
    const struct model_item *newer = item < other ? other : item;
    uint32_t ring = list->design->ring;
    assert(older->time < newer->time && older->value->digest == newer->value->digest);
    if (!ring || older->sector == CHIP_SECTOR_NONE || newer->sector == CHIP_SECTOR_NONE) return;
    uint32_t span = older->span + (newer->sector + ring - older->sector) % ring;
    uint32_t sector = newer->sector, erases = older->erases;
    item->span = (uint8_t)(span < SPAN_MAX ? span : SPAN_MAX);
    item->sector = sector;
    item->erases = erases;
}

/* Of items of equal bytes it stays open which one was seen, and so where it lies. */
static void settle_places(struct model_list *list, const bool *kept, const bool *also)
{
    uint32_t other = list->first;
    for (uint32_t i = list->first; i < list->end; i++) {
        if (!kept[i - list->first]) continue;
        while (!also[other - list->first]) {
            other++;
            assert(other < list->end && "both divisions keep as many");
        }
        if (other != i) widen(list, &list->items[i], &list->items[other]);
        other++;
    }
}

/* The usual case, which needs no search. */
static bool is_plain(const struct model_list *list, const struct model_seen *seen, uint32_t count)
{
    if (list->uncertain || list->flags & LIST_CLEARING || count != extent(list)) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (list->items[list->first + i].value->digest != seen[i].digest) return false;
    }
    return numbers_fit(list, seen, NULL);
}

/* It stays undecided whether an item is there, so its number is not known either. */
static void leave_open(struct model_list *list)
{
    set_flag(list, LIST_OPEN, true);
    list->gaps = true;
    for (uint32_t i = list->first; i < list->end; i++) {
        if (list->items[i].state == ITEM_PENDING) set_number(list, i, MODEL_NUMBER_NONE);
    }
    doubt_flight(list);
}

/* Nothing is in flight any more. */
static void end_flight(struct model_list *list, bool powered_on)
{
    bool waits = list->design->buffers && !powered_on;
    set_flag(list, LIST_CLEARING | (waits ? 0u : LIST_APPENDING), false);
}

static void settle(struct model_list *list, const struct model_seen *seen, uint32_t count,
                   const bool *kept, const bool *also, bool powered_on)
{
    bool cleared = list->flags & LIST_CLEARING && count == 0;
    if (powered_on && list->design->tail_open && extent(list)) leave_open(list);
    settle_numbers(list, seen, count, kept, also, powered_on);
    if (cleared && !(list->flags & LIST_OPEN)) list->number_known = list->gaps = false;
    if (also) settle_places(list, kept, also);
    keep_seen(list, kept, powered_on);
    if (!(list->flags & LIST_OPEN)) end_flight(list, powered_on);
}

/* Whether as many as are missed may be, and some items look the same. */
static bool may_divide_otherwise(const struct match *match)
{
    struct model_list *list = match->list;
    struct digests set = digests_new(match->items);
    uint32_t may_miss = 0, equal = 0;
    for (uint32_t i = list->first; i < list->end; i++) {
        may_miss += match->all_may_miss || list->items[i].state != ITEM_HELD;
        equal += !digests_add(&set, list->items[i].value->digest);
    }
    list->steps += set.steps;
    digests_free(&set);
    return equal != 0 && match->missed <= may_miss;
}

/* With the table a walk finds a division if there is one, without it it may go astray. */
static void tabulate(struct match *match)
{
    if (match->rows) return;
    match->rows = memory_zeroed(match->items + 1u, sizeof *match->rows);
    fill_in(match);
}

static bool divides(const struct match *match, bool older, bool *kept)
{
    return walk(match, older, kept) && numbers_fit(match->list, match->seen, kept);
}

/* One walk is enough unless some items have equal bytes. */
static bool find(struct match *match, bool *kept)
{
    if (divides(match, true, kept)) return true;
    if (!may_divide_otherwise(match)) return false;
    tabulate(match);
    return divides(match, true, kept) || divides(match, false, kept);
}

/* Whether an item that is missed has bytes that were seen. In another division one of them is kept,
 * in the place of one that is equal. */
static bool missed_looks_seen(const struct match *match, const bool *kept)
{
    uint32_t count = match->items - match->missed;
    for (uint32_t i = 0; i < match->items; i++) {
        uint64_t digest = match->list->items[match->list->first + i].value->digest;
        for (uint32_t at = 0; !kept[i] && at < count; at++)
            if (match->seen[at].digest == digest) return true;
    }
    return false;
}

/* More of them are looked for as may_divide_otherwise() does, which takes longer, but not more so
 * with each of them. */
#define MISSED_FEW 4u

/* Another division that fits, the newer ones of equal items kept. False where all items were seen,
 * or none fits. */
static bool find_also(struct match *match, const bool *kept, bool *also)
{
    if (!match->missed) return false;
    if (match->missed <= MISSED_FEW && !missed_looks_seen(match, kept)) return false;
    if (!may_divide_otherwise(match)) return false;
    tabulate(match);
    return divides(match, false, also);
}

bool model_list_settle(struct model_list *list, const struct model_seen *seen, uint32_t count,
                       bool powered_on)
{
    if (is_plain(list, seen, count)) {
        settle_numbers(list, seen, count, NULL, NULL, powered_on);
        end_flight(list, powered_on);
        return true;
    }
    uint32_t items = extent(list);
    bool none = list->flags & LIST_CLEARING && count == 0;
    if (count > items) return false;
    struct match match = {.list = list, .seen = seen, .items = items, .missed = items - count};
    match.all_may_miss = none || (list->flags & LIST_CLEARING && list->design->clears_in_part);
    bool *kept = memory_new(items), *also = memory_new(items);
    bool fine = find(&match, kept);
    bool otherwise = fine && find_also(&match, kept, also);
    if (fine) settle(list, seen, count, kept, otherwise ? also : NULL, powered_on);
    free(kept);
    free(also);
    free(match.rows);
    free(match.fits);
    return fine;
}

/* --- checking --- */

/* Invariant 3, of one item and those before it. */
static void check_order(const struct model_list *list, uint32_t index)
{
    const struct model_item *item = &list->items[index];
    assert(item->value && item->state <= ITEM_DOUBTFUL);
    assert(item->time <= list->clock && "no item comes from the future");
    assert(!item->pending_old || item->state == ITEM_PENDING);
    if (index == list->first) return;
    assert(item[-1].time < item->time && "items stand in their order");
    if (item->number != MODEL_NUMBER_NONE && item[-1].number != MODEL_NUMBER_NONE)
        assert(item[-1].number < item->number && "numbers grow");
}

void model_list_check(const struct model_list *list)
{
    uint64_t digest = mix_word(list->flags);
    uint32_t uncertain = 0, hidden = 0;
    assert(list->first <= list->end && list->end <= list->capacity);
    assert(list->old <= extent(list));
    for (uint32_t i = list->first; i < list->end; i++) {
        const struct model_item *item = &list->items[i];
        check_order(list, i);
        if (i < list->first + list->old) assert(item->state == ITEM_OLD);
        uncertain += item->state != ITEM_HELD;
        hidden += item->hidden;
        digest += item_digest(item);
    }
    assert(uncertain == list->uncertain && hidden == list->hidden);
    assert(digest == list->digest && "the digest is that of what is there");
}
