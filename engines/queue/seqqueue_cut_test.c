/* seqqueue_cut_test.c - power cuts on seqqueue, by brute force, without simulator or harness.
 *
 *     seqqueue_cut_test [ROUNDS [SEED]]
 *
 * Method. A workload of random pushes, pops and overwriting pushes runs on a small part. Before
 * each program and each erase, a copy of the part is torn in every way of a list, and power comes
 * back:
 *   - a queue is mounted in memory full of junk; what it holds must be what was there, in order,
 *     but for the operation in flight: the item pushed or popped may be there or not, and those of
 *     the oldest sector, if the push may overwrite; reading must not write;
 *   - a second mount must show the same as the first;
 *   - the queue is used: more random operations, and at a random one of their programs and erases
 *     the next cut with a random tear, up to `depth_max` cuts; the repair is cut like all else;
 *   - max_fit must be true, a push that finds room must not drop anything, one that does not
 *     only the items of the oldest sector; each call must stay within the bounds, and the part's
 *     rules must be kept;
 *   - where units take any number of programs, the crate must read the same from what a changing
 *     call leaves: a second reader goes by its rules;
 *   - in the end all is popped, and there must be the room of a new queue.
 * Items are of the kinds that hurt: zeros, ones, zeros at the end, and items within the item.
 * Prints the first failure with what repeats it, and returns 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cut_test.h"
#include "../seq/seq_crc.h"
#include "seqqueue_bound.h"

#define ITEM_MAX 128u
#define ITEMS_MAX 160u
#define CACHE_SECTORS_MAX 8u

struct item {
    uint8_t length, kind, seed;
    bool sure;       /* false: it may be there or not */
    uint32_t sector; /* where it was seen last; UINT32_MAX: never */
};

struct world {
    uint32_t sector_size, sector_count;
    uint16_t unit, read_unit;
    uint8_t programs_per_unit;
    uint32_t page_size; /* 0: the sector */
    uint32_t work_size;
    bool cache;
    uint8_t length_max;
    bool exact; /* items fill a sector to the last byte: all of length_max */
};

static const struct world worlds[] = {
    {64, 1, 1, 1, 0, 0, 256, false, 12, false},    {64, 1, 1, 1, 2, 0, 16, true, 23, true},
    {64, 2, 1, 1, 0, 0, 256, false, 12, false},    {64, 2, 1, 1, 2, 0, 256, false, 23, true},
    {64, 3, 1, 1, 1, 0, 256, true, 20, false},     {64, 3, 1, 1, 2, 0, 256, true, 12, false},
    {64, 4, 1, 4, 0, 0, 64, true, 10, false},      {80, 2, 4, 4, 2, 0, 256, true, 28, true},
    {96, 1, 4, 4, 2, 0, 256, false, 16, false},    {96, 2, 4, 4, 0, 0, 256, true, 8, false},
    {96, 3, 4, 4, 2, 0, 12, false, 36, true},      {96, 3, 4, 4, 1, 0, 256, false, 28, false},
    {96, 4, 2, 8, 2, 8, 256, true, 20, false},     {64, 1, 1, 1, 1, 0, 256, false, 46, false},
    {128, 1, 8, 8, 0, 0, 256, false, 24, false},   {128, 2, 8, 8, 2, 0, 256, true, 30, false},
    {128, 3, 8, 8, 1, 16, 256, false, 40, false},  {120, 2, 8, 8, 2, 0, 256, false, 44, true},
    {128, 2, 16, 16, 0, 0, 256, false, 30, false}, {160, 3, 16, 16, 2, 0, 32, true, 48, true},
    {160, 1, 16, 16, 2, 0, 256, true, 48, false},  {256, 2, 32, 32, 0, 0, 256, true, 60, false},
    {256, 1, 32, 32, 2, 0, 256, false, 64, true},  {256, 3, 32, 32, 1, 32, 256, false, 40, false},
    {128, 4, 1, 16, 2, 0, 64, true, 32, false},    {128, 3, 4, 32, 0, 4, 256, false, 20, false},
    {40, 2, 1, 1, 0, 0, 256, false, 30, true},     {48, 3, 1, 1, 2, 0, 1, false, 15, true},
    {256, 2, 1, 1, 2, 0, 256, true, 100, false},   {256, 3, 2, 2, 0, 0, 256, false, 126, false},
    {72, 2, 4, 4, 1, 0, 256, false, 48, false},    {128, 2, 8, 8, 0, 0, 256, false, 104, true},
};

/* One history: the part, what the queue should hold, and the queue that is being used. */
struct history {
    struct cut_history cut; /* the first: a call of the part leads here */
    const struct world *world;
    struct item items[ITEMS_MAX];
    uint32_t count;
    struct seqqueue queue;
    struct seqqueue_config config;
    struct seq_cache cache;
    uint8_t states[CACHE_SECTORS_MAX];
    struct seq_cache_sector sectors[CACHE_SECTORS_MAX];
    uint8_t work[256];
};

static uint64_t states_judged, cuts_nested, full_answers, overwrites;
static unsigned failures, depth_max = 3;
static uint64_t seed_now;

static bool fail(struct history *h, const char *what, unsigned number)
{
    failures++;
    printf("FAILED %s (%u), world %u, seed %llu:%s\n", what, number, (unsigned)(h->world - worlds),
           (unsigned long long)seed_now, h->cut.story);
    return false;
}

/* Items ------------------------------------------------------------------------------------- */

/* An item within the item, placed so that it begins with a word of the flash. */
static void plant_item(const struct world *w, const struct item *item, uint8_t *bytes)
{
    uint32_t word = w->unit > w->read_unit ? w->unit : w->read_unit, header = word > 8 ? word : 8;
    uint8_t planted[2 * BO_FLASH_UNIT_MAX];
    memset(planted, 0xFF, header);
    memset(planted + header, item->seed, 2);
    uint32_t crc = seq_crc32_end(bo_crc32c(SEQ_CRC32_START, planted + header, 2));
    for (unsigned i = 0; i < 4; i++)
        planted[i] = (uint8_t)(crc >> 8 * i);
    memcpy(planted + 4, "\x02\0\xEE\xF2", 4);
    for (uint32_t i = 0; i < header + 2 && i < item->length; i++)
        bytes[i] = planted[i];
}

static void item_bytes(const struct world *w, const struct item *item, uint8_t bytes[ITEM_MAX])
{
    for (unsigned i = 0; i < item->length; i++) {
        if (item->kind == 0) bytes[i] = 0;
        if (item->kind == 1) bytes[i] = 0xFF;
        if (item->kind == 2) bytes[i] = (uint8_t)(item->seed * 29u + i * 83u);
        if (item->kind >= 3) bytes[i] = i < item->length / 2u ? item->seed : 0;
        if (item->kind == 4) bytes[i] = 0x55;
    }
    if (item->kind >= 4) plant_item(w, item, bytes);
}

static bool same_item(const struct world *w, const struct item *item, const uint8_t *bytes,
                      uint32_t size)
{
    uint8_t wanted[ITEM_MAX];
    if (item->length != size) return false;
    item_bytes(w, item, wanted);
    return memcmp(wanted, bytes, size) == 0;
}

static struct item random_item(struct history *h)
{
    const struct world *w = h->world;
    struct item item = {.sector = UINT32_MAX};
    item.length = (uint8_t)ram_flash_below(&h->cut.random, w->length_max + 1u);
    if (w->exact && ram_flash_below(&h->cut.random, 8) != 0) item.length = w->length_max;
    item.kind = (uint8_t)ram_flash_below(&h->cut.random, 6);
    item.seed = (uint8_t)ram_flash_below(&h->cut.random, 250);
    return item;
}

/* Mounting and judging ---------------------------------------------------------------------- */

static int mount(struct history *h)
{
    bool small = ram_flash_below(&h->cut.random, 4) == 0;
    memset(&h->queue, 0xA5, sizeof h->queue);
    memset(h->work, 0xA5, sizeof h->work);
    memset(h->states, 0xA5, sizeof h->states);
    memset(h->sectors, 0xA5, sizeof h->sectors);
    h->cache = (struct seq_cache){h->states, h->sectors, NULL, 0};
    uint32_t word = seq_word_size(&h->cut.ram.flash.geometry), work_size = h->world->work_size;
    if (small || work_size < word) work_size = word;
    h->config = (struct seqqueue_config){&h->cut.ram.flash, h->work, work_size,
                                         h->world->cache ? &h->cache : NULL};
    return seqqueue_mount(&h->queue, &h->config);
}

/* What the queue shows. */
struct shown {
    uint32_t count;
    uint32_t sizes[ITEMS_MAX], sectors[ITEMS_MAX];
    uint8_t bytes[ITEMS_MAX][ITEM_MAX];
};

static bool read_all(struct history *h, struct shown *shown)
{
    struct seqqueue_iterator at;
    uint32_t n = 0;
    int error;
    seqqueue_iterate(&at);
    while (n < ITEMS_MAX && (error = seqqueue_next(&h->queue, &at, shown->bytes[n], ITEM_MAX,
                                                   &shown->sizes[n])) == BO_FLASH_OK)
        shown->sectors[n++] = at.item / h->world->sector_size;
    shown->count = n;
    if (n == ITEMS_MAX || error != QUEUE_ERR_EMPTY) return fail(h, "iteration", (unsigned)-error);
    uint32_t size = 0;
    uint8_t bytes[ITEM_MAX];
    error = seqqueue_peek(&h->queue, bytes, sizeof bytes, &size);
    if (n == 0 ? error != QUEUE_ERR_EMPTY
               : error || size != shown->sizes[0] || memcmp(bytes, shown->bytes[0], size) != 0)
        return fail(h, "peek", (unsigned)-error);
    return true;
}

/* Whether what is shown from t on may be what the model has from m on. possible[m][t] is what is
 * known already: 0 nothing, 1 no, 2 yes. */
static bool fits(struct history *h, const struct shown *shown)
{
    static uint8_t possible[ITEMS_MAX + 1][ITEMS_MAX + 1];
    for (uint32_t m = h->count + 1; m-- != 0;)
        for (uint32_t t = shown->count + 1; t-- != 0;) {
            const struct item *item = &h->items[m];
            bool here = m < h->count && t < shown->count && possible[m + 1][t + 1] &&
                        same_item(h->world, item, shown->bytes[t], shown->sizes[t]);
            bool gone = m < h->count && !item->sure && possible[m + 1][t];
            possible[m][t] = (m == h->count && t == shown->count) || here || gone;
        }
    if (!possible[0][0]) return false;
    uint32_t kept = 0;
    for (uint32_t m = 0, t = 0; m < h->count; m++) { /* one way to read it */
        struct item item = h->items[m];
        if (t == shown->count || !possible[m + 1][t + 1] ||
            !same_item(h->world, &item, shown->bytes[t], shown->sizes[t]))
            continue;
        item.sure = true;
        item.sector = shown->sectors[t++];
        h->items[kept++] = item;
    }
    h->count = kept;
    return true;
}

/* Compares the queue with the model, which is narrowed to what is seen. */
static bool look(struct history *h)
{
    static struct shown shown;
    if (!read_all(h, &shown)) return false;
    return fits(h, &shown) || fail(h, "contents", shown.count);
}

/* The crate's reader ------------------------------------------------------------------------ */

/* Whether a word of the crate is set: four zeros in a read unit. */
static bool crate_is_set(const struct history *h, uint32_t address)
{
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < h->world->read_unit; i++)
        for (unsigned left = (uint8_t)~h->cut.ram.bytes[address + i]; left != 0; left &= left - 1)
            zeros++;
    return zeros >= 4;
}

/* 0 open, 1 in use, 2 sealed. One that is half erased, which the crate erases, is open. */
static unsigned crate_state(const struct history *h, uint32_t sector)
{
    uint32_t start = sector * h->world->sector_size;
    bool used = crate_is_set(h, start);
    uint32_t end = start + h->world->sector_size - h->world->read_unit;
    return used ? 1u + crate_is_set(h, end) : 0;
}

/* The first sector from `sector` on, around the ring, that is in a state; the sector count if none
 * is. */
static uint32_t crate_first(const struct history *h, uint32_t sector, unsigned state)
{
    uint32_t count = h->world->sector_count;
    for (uint32_t i = 0; i < count; i++, sector = (sector + 1) % count)
        if (crate_state(h, sector) == state) return sector;
    return count;
}

/* The sector where the crate begins to read. */
static uint32_t crate_oldest(const struct history *h)
{
    uint32_t count = h->world->sector_count, newest = crate_first(h, 0, 1);
    if (newest == count) newest = crate_first(h, 0, 2);
    if (newest == count) return 0;
    if (crate_state(h, newest) == 2) newest = crate_first(h, newest, 0) % count;
    uint32_t oldest = crate_first(h, newest, 2);
    return oldest == count ? newest : oldest;
}

/* Scans a sector word by word, as the crate does. */
static void crate_scan(const struct history *h, uint32_t sector, struct shown *shown)
{
    uint32_t word = seq_word_size(&h->cut.ram.flash.geometry), header = word > 8 ? word : 8;
    uint32_t at = sector * h->world->sector_size + word;
    uint32_t end = (sector + 1) * h->world->sector_size - word;
    while (at + header <= end && !ram_flash_reads_blank(&h->cut.ram, at, header)) {
        const uint8_t *b = h->cut.ram.bytes + at;
        uint32_t length = b[4] | (uint32_t)b[5] << 8;
        uint32_t size = header + (length + word - 1) / word * word;
        if (seq_crc16(length) != (b[6] | b[7] << 8) || at + size > end) {
            at += word;
            continue;
        }
        uint32_t crc = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        if (crc != 0 && shown->count < ITEMS_MAX && length <= ITEM_MAX &&
            seq_crc32_end(bo_crc32c(SEQ_CRC32_START, b + header, length)) == crc) {
            memcpy(shown->bytes[shown->count], b + header, length);
            shown->sectors[shown->count] = sector;
            shown->sizes[shown->count++] = length;
        }
        at += size;
    }
}

/* After a change, the crate reads from the flash what is there. */
static bool crate_agrees(struct history *h)
{
    static struct shown shown;
    uint32_t sector = crate_oldest(h), oldest = sector;
    if (h->world->programs_per_unit != 0) return true;
    shown.count = 0;
    do {
        if (crate_state(h, sector) != 0) crate_scan(h, sector, &shown);
        sector = (sector + 1) % h->world->sector_count;
    } while (sector != oldest && crate_state(h, sector) != 0);
    return fits(h, &shown) || fail(h, "what the crate reads", shown.count);
}

/* Power on. */
static bool judge(struct history *h)
{
    states_judged++;
    uint64_t changes = cut_changes(&h->cut);
    uint32_t size[2] = {0, 0};
    int fit[2];
    for (unsigned time = 0; time < 2; time++) {
        uint64_t reads = h->cut.ram.counts.reads;
        int error = mount(h);
        if (error) return fail(h, "mount", (unsigned)-error);
        if (h->cut.ram.counts.reads - reads >
            seqqueue_bound(&h->cut.ram.flash.geometry, SEQQUEUE_CALL_MOUNT).reads)
            return fail(h, "reads of mount", 0);
        if (!look(h)) return false;
        fit[time] = seqqueue_max_fit(&h->queue, &size[time]);
    }
    if (fit[0] != fit[1] || size[0] != size[1]) return fail(h, "max_fit changes", size[1]);
    if (cut_changes(&h->cut) != changes) return fail(h, "reading wrote", 0);
    if (h->cut.ram.breach != NULL) return fail(h, h->cut.ram.breach, 0);
    return true;
}

/* Operations -------------------------------------------------------------------------------- */

/* The items of the oldest item's sector may go. */
static void doubt_oldest(struct history *h)
{
    for (uint32_t i = 0; i < h->count && h->items[i].sector == h->items[0].sector; i++)
        h->items[i].sure = false;
}

static void forget(struct history *h, uint32_t at, uint32_t count)
{
    h->count -= count;
    memmove(h->items + at, h->items + at + count, (h->count - at) * sizeof *h->items);
}

static int operate_push(struct history *h, struct item item, bool overwrite)
{
    uint8_t bytes[ITEM_MAX];
    uint32_t most = 0, oldest = 0;
    if (h->count == ITEMS_MAX - 1) return BO_FLASH_OK;
    int fit = seqqueue_max_fit(&h->queue, &most);
    bool room = fit == BO_FLASH_OK && item.length <= most;
    item_bytes(h->world, &item, bytes);
    cut_note(&h->cut, overwrite ? " over %u/%u/%u" : " push %u/%u/%u", item.length, item.kind,
             item.seed);
    if (overwrite && !room) doubt_oldest(h);
    while (oldest < h->count && !h->items[oldest].sure)
        oldest++;
    h->items[h->count++] = item;
    int error = seqqueue_push(&h->queue, bytes, item.length, overwrite);
    if (error == BO_FLASH_ERR_OFF) return error;
    if (error != BO_FLASH_OK) h->count--;
    if (error == BO_FLASH_OK) {
        h->items[h->count - 1].sure = true;
        forget(h, 0, oldest);
        overwrites += oldest != 0;
    }
    if (error == QUEUE_ERR_FULL || error == QUEUE_ERR_TOO_BIG) {
        full_answers++;
        for (uint32_t i = 0; i < oldest; i++)
            h->items[i].sure = true;
        if (room || (error == QUEUE_ERR_FULL && overwrite)) return fail(h, "full", most), error;
        return BO_FLASH_OK;
    }
    if (!overwrite && !room) return fail(h, "took more than max_fit", most), error;
    return error;
}

static int operate_pop(struct history *h, uint32_t place)
{
    uint8_t bytes[ITEM_MAX];
    uint32_t size = 0;
    struct seqqueue_iterator at;
    int error = BO_FLASH_OK;
    cut_note(&h->cut, " pop %u", place, 0, 0);
    seqqueue_iterate(&at);
    if (h->count != 0) h->items[place].sure = false;
    if (place == 0 && ram_flash_below(&h->cut.random, 2) == 0) {
        error = seqqueue_pop(&h->queue, bytes, sizeof bytes, &size);
    } else {
        for (uint32_t i = 0; i <= place && !error; i++)
            error = seqqueue_next(&h->queue, &at, bytes, sizeof bytes, &size);
        if (!error) error = seqqueue_take(&h->queue, &at);
    }
    if (h->count == 0) return error == QUEUE_ERR_EMPTY ? BO_FLASH_OK : error;
    if (error) return error;
    if (!same_item(h->world, &h->items[place], bytes, size)) fail(h, "popped", place);
    forget(h, place, 1);
    return BO_FLASH_OK;
}

static int operate_clear(struct history *h)
{
    cut_note(&h->cut, " clear", 0, 0, 0);
    for (uint32_t i = 0; i < h->count; i++)
        h->items[i].sure = false;
    int error = seqqueue_clear(&h->queue);
    if (!error) h->count = 0;
    return error;
}

/* Items of up to three within one iteration, taken or not. */
static int operate_iterate(struct history *h)
{
    struct seqqueue_iterator at;
    uint8_t bytes[ITEM_MAX];
    uint32_t size, place = 0;
    int error = BO_FLASH_OK;
    seqqueue_iterate(&at);
    cut_note(&h->cut, " iterate", 0, 0, 0);
    while (place < h->count) {
        error = seqqueue_next(&h->queue, &at, bytes, sizeof bytes, &size);
        if (error) return error;
        if (!same_item(h->world, &h->items[place], bytes, size)) fail(h, "iterating", place);
        if (ram_flash_below(&h->cut.random, 2) == 0) {
            place++;
            continue;
        }
        h->items[place].sure = false;
        error = seqqueue_take(&h->queue, &at);
        if (error) return error;
        forget(h, place, 1);
    }
    error = seqqueue_next(&h->queue, &at, bytes, sizeof bytes, &size);
    return error == QUEUE_ERR_EMPTY ? BO_FLASH_OK : error;
}

/* One random operation; its error. */
static int operate(struct history *h, bool *single)
{
    unsigned dice = ram_flash_below(&h->cut.random, 64);
    bool pops = h->world->programs_per_unit != 1;
    *single = false;
    if (pops && dice == 0) return operate_clear(h);
    if (pops && dice == 1) return operate_iterate(h);
    *single = true;
    if (pops && dice < 16) return operate_pop(h, 0);
    if (pops && dice < 22) {
        uint32_t place = h->count != 0 ? ram_flash_below(&h->cut.random, h->count) : 0;
        return operate_pop(h, place);
    }
    return operate_push(h, random_item(h), dice < 44);
}

/* An operation without a cut, judged by what it answers and takes. */
static bool operate_well(struct history *h)
{
    const struct bo_flash_geometry *g = &h->cut.ram.flash.geometry;
    uint64_t before = cut_changes(&h->cut);
    uint64_t reads = h->cut.ram.counts.reads;
    unsigned failed = failures;
    bool single;
    int error = operate(h, &single);
    if (failures != failed) return false;
    if (error != BO_FLASH_OK && error != BO_FLASH_ERR_OFF)
        return fail(h, "operation", (unsigned)-error);
    struct bo_bound push = seqqueue_bound(g, SEQQUEUE_CALL_PUSH);
    struct bo_bound pop = seqqueue_bound(g, SEQQUEUE_CALL_POP);
    struct bo_bound bound = single ? push : seqqueue_bound(g, SEQQUEUE_CALL_CLEAR);
    if (single && pop.changes > bound.changes) bound.changes = pop.changes;
    bound.reads = pop.reads * (single ? 2 : ITEMS_MAX); /* with max_fit before, or next */
    if (cut_changes(&h->cut) - before > bound.changes) return fail(h, "bound", 0);
    if (h->cut.ram.counts.reads - reads > bound.reads)
        return fail(h, "read bound", (unsigned)(h->cut.ram.counts.reads - reads));
    return true;
}

/* When all is popped, as many items fit as in a new queue, less one sector: the head may be used
 * in part. */
static bool has_its_room(struct history *h)
{
    const struct world *w = h->world;
    const struct bo_flash_geometry *g = &h->cut.ram.flash.geometry;
    uint32_t word = seq_word_size(g), header = word > 8 ? word : 8, most = 0, taken = 0;
    uint8_t bytes[ITEM_MAX] = {1, 2, 3};
    uint32_t size = (w->length_max + word - 1) / word * word + header;
    uint32_t slots = (w->sector_size - 2 * word - seqqueue_reserve(g)) / size;
    uint32_t wanted = (w->sector_count - (w->sector_count > 1)) * slots;
    if (w->programs_per_unit == 1) return true;
    cut_note(&h->cut, " drain", 0, 0, 0);
    while (h->count != 0)
        if (operate_pop(h, 0)) return fail(h, "draining", 0);
    int error = seqqueue_max_fit(&h->queue, &most);
    if (error || most + header + 2 * word != w->sector_size) return fail(h, "room", most);
    if (w->sector_count == 1) return true;
    while (seqqueue_push(&h->queue, bytes, w->length_max, false) == BO_FLASH_OK)
        taken++;
    return taken >= wanted || fail(h, "capacity", taken);
}

/* Cuts -------------------------------------------------------------------------------------- */

/* Power on, use, next cut, and so on. */
static bool live_on(struct history *h, unsigned depth)
{
    for (; judge(h); depth++, cuts_nested++) {
        unsigned operations = cut_plan(&h->cut, depth < depth_max, depth, 8, 40);
        for (; operations != 0 && !h->cut.ram.off; operations--) {
            if (!operate_well(h)) return false;
            if (!h->cut.ram.off) seqqueue_check(&h->queue, true);
            if (!h->cut.ram.off && !(look(h) && (!h->queue.ready || crate_agrees(h)))) return false;
        }
        h->cut.ram.before = NULL;
        if (!h->cut.ram.off) return judge(h) && has_its_room(h);
        h->cut.ram.off = false;
    }
    return false;
}

/* Tears a call of the first history in many ways, each on a copy. */
static bool cut_now(struct ram_flash *ram, const struct ram_flash_call *call)
{
    static struct history copy;
    struct history *h = (struct history *)ram->context;
    for (unsigned i = 0; i < (call->data != NULL ? 18 : 42) && failures == 0; i++) {
        if (!cut_copy(&copy.cut, &h->cut, call, i)) continue;
        copy.world = h->world;
        memcpy(copy.items, h->items, sizeof copy.items);
        copy.count = h->count;
        (void)live_on(&copy, 0);
    }
    return failures != 0;
}

static void history_init(struct history *h, const struct world *world, uint64_t seed)
{
    memset(h, 0, sizeof *h);
    h->world = world;
    h->cut.random = seed_now = seed;
    ram_flash_init(&h->cut.ram, world->sector_size, world->sector_count, world->unit,
                   world->programs_per_unit);
    /* An erase that sets single bits may leave units that read blank and were programmed: no engine
     * can know, so not where that is counted. */
    h->cut.erase_kinds = CUT_ERASE_KINDS - (world->programs_per_unit != 0);
    h->cut.ram.flash.geometry.read_unit = world->read_unit;
    if (world->page_size != 0) h->cut.ram.flash.geometry.page_size = world->page_size;
}

static void explore(const struct world *world, uint64_t seed, unsigned operations)
{
    static struct history h;
    history_init(&h, world, seed);
    if (!judge(&h)) return;
    h.cut.ram.context = &h;
    for (; operations != 0 && failures == 0; operations--) {
        h.cut.story[0] = 0;
        h.cut.ram.before = cut_now;
        bool well = operate_well(&h);
        h.cut.ram.before = NULL;
        if (well && failures == 0) (void)look(&h);
    }
}

/* Hostile images ---------------------------------------------------------------------------- */

/* Random bytes, zeros and ones: any answer, but an end. */
static void survive_garbage(const struct world *world, uint64_t seed)
{
    static struct history h;
    history_init(&h, world, seed);
    h.cut.ram.flash.geometry.programs_per_unit = 0;
    for (uint32_t i = 0; i < bo_flash_size(&h.cut.ram.flash); i++) {
        uint32_t dice = ram_flash_below(&h.cut.random, 4);
        h.cut.ram.bytes[i] =
            dice < 2 ? (uint8_t)(0 - dice) : (uint8_t)ram_flash_random(&h.cut.random);
    }
    if (mount(&h) != BO_FLASH_OK) return;
    uint8_t bytes[ITEM_MAX] = {0};
    uint32_t size;
    for (unsigned i = 0; i < 8; i++) {
        (void)seqqueue_push(&h.queue, bytes, i, i % 2 != 0);
        (void)seqqueue_pop(&h.queue, bytes, sizeof bytes, &size);
    }
    (void)seqqueue_clear(&h.queue);
    struct bo_bound bound = seqqueue_bound(&h.cut.ram.flash.geometry, SEQQUEUE_CALL_CLEAR);
    if (h.cut.ram.counts.reads > 40 * bound.reads) fail(&h, "reads on garbage", 0);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    unsigned count = sizeof worlds / sizeof *worlds;
    for (unsigned i = 0; i < rounds * count && failures == 0; i++) {
        explore(&worlds[i % count], seed + i, 40);
        for (unsigned j = 0; j < 20; j++)
            survive_garbage(&worlds[i % count], seed + i * 20 + j);
    }
    printf("%llu states judged, %llu nested cuts, %llu times full, %llu overwrites, %u failures\n",
           (unsigned long long)states_judged, (unsigned long long)cuts_nested,
           (unsigned long long)full_answers, (unsigned long long)overwrites, failures);
    return failures != 0;
}
