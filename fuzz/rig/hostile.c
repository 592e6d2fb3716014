/* hostile.c - see hostile.h.
 *
 * Each image is used twice: read back, changed until every sector has been erased, read back again;
 * then power goes off and on, and the same with a clear. The answers are free, so no model is
 * asked. Judged is what must hold for any image:
 *   - a call ends within its stated number of flash calls (the chip's fuel);
 *   - it makes no flash call outside the chip, off its grid or across a page;
 *   - it writes no byte past the end of the buffer that it was given. Buffers are tried with room
 *     for everything and with room for 3 bytes.
 * What an engine reads outside its own memory is seen by sanitizers alone.
 */
#include "fuzz/rig/hostile.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/mix.h"
#include "sim/memory.h"

#define JUNK 0xA5
#define GUARD 0x5A

/* --- calls --- */

static void before(struct rig *rig, enum adapter_call call)
{
    assert(chip_powered(rig->chip) && rig->finding.clause == CLAUSE_NONE);
    rig_grant(rig, call);
    rig_note_call(rig, call);
}

/* What the engine answered, to be compared with what another build of it answers. */
static void tell(struct rig *rig, uint64_t word)
{
    rig->told = mix_word(rig->told + MIX_STEP) ^ word;
}

/* A program that would have to set bits is a fault of the image, which no engine could know. A call
 * outside the chip or its grid is a fault of the engine. */
static bool after(struct rig *rig, enum adapter_call call, enum answer answer)
{
    const struct chip_breach *breach = chip_breach(rig->chip);
    char text[RIG_BOUND_MAX];
    assert(call == rig->call);
    rig_note_return();
    tell(rig, (uint64_t)call << 8 | answer);
    if (!rig_stays_inside(rig, call)) return false;
    switch (breach->rule) {
    case CHIP_RULE_FUEL:
        rig_print_bound(rig, call, text);
        return rig_finds(rig, CLAUSE_SANE, SEEN_ENDLESS, "%s on a damaged image: %s",
                         adapter_call_name(call), text);
    case CHIP_RULE_BOUNDS:
    case CHIP_RULE_ALIGNMENT:
    case CHIP_RULE_PAGE:
        return rig_finds(rig, CLAUSE_SANE, SEEN_RULE,
                         "%s on a damaged image: %s, %" PRIu32 " bytes at 0x%" PRIx32,
                         adapter_call_name(call), chip_rule_name(breach->rule), breach->op.size,
                         breach->op.address);
    default:
        chip_clear_breach(rig->chip);
        return rig_is_sane(rig, call, answer);
    }
}

/* What a visit was shown. */
struct sum {
    uint64_t digest; /* of every byte */
    uint32_t items;
    uint64_t first, last; /* numbers of items */
};

static void see(struct sum *sum, const void *bytes, uint32_t size)
{
    uint64_t seen = size == ADAPTER_DAMAGED ? 1 : script_digest(bytes, size);
    sum->digest = mix_word(sum->digest + MIX_STEP) ^ seen;
}

/* What came back into a buffer of `capacity` bytes, where something did. */
static void tell_read(struct rig *rig, enum answer answer, uint32_t capacity, uint32_t size)
{
    if (answer != ANSWER_OK) return;
    tell(rig, size);
    tell(rig, script_digest(rig->buffer, size < capacity ? size : capacity));
}

/* A buffer of *capacity bytes with a guard byte after it; guard_holds(): nobody wrote that. */
static uint8_t *guarded(struct rig *rig, uint32_t *capacity)
{
    if (*capacity > rig->value_size_max) *capacity = rig->value_size_max;
    assert(rig->level == 0 && "the buffer of the first level is used");
    rig->buffer[*capacity] = GUARD;
    return rig->buffer;
}

static bool guard_holds(struct rig *rig, uint32_t capacity, enum adapter_call call)
{
    assert(capacity <= rig->value_size_max && "guarded() has cut it");
    return rig->buffer[capacity] == GUARD ||
           rig_finds(rig, CLAUSE_SANE, SEEN_EXTRA,
                     "%s on a damaged image: writes past the end of its buffer",
                     adapter_call_name(call));
}

/* --- a map --- */

static void visit(void *context, const void *key, uint32_t key_size, const void *value,
                  uint32_t value_size)
{
    see(context, key, key_size);
    see(context, value, value_size);
}

static bool read_map(struct rig *rig, void *object)
{
    struct sum sum = {0};
    if (!rig->adapter->map->each) return true;
    before(rig, ADAPTER_CALL_EACH);
    enum answer answer = rig->adapter->map->each(object, visit, &sum);
    tell(rig, sum.digest);
    return after(rig, ADAPTER_CALL_EACH, answer);
}

/* Into room for all of the value, and into less. */
static bool fetch(struct rig *rig, void *object, const struct value *key, uint32_t capacity)
{
    uint32_t size = 0;
    uint8_t *buffer = guarded(rig, &capacity);
    before(rig, ADAPTER_CALL_FETCH);
    enum answer answer = rig->adapter->map->fetch(object, rig_hand(rig, RIG_KEY, key), key->size,
                                                  buffer, capacity, &size);
    tell_read(rig, answer, capacity, size);
    return after(rig, ADAPTER_CALL_FETCH, answer) && guard_holds(rig, capacity, ADAPTER_CALL_FETCH);
}

static bool change(struct rig *rig, void *object, const struct value *key, uint32_t size)
{
    const struct adapter_map *map = rig->adapter->map;
    if (size > rig->value_size_max) size = rig->value_size_max;
    if (size < rig->value_size_min) size = rig->value_size_min;
    assert(size <= rig->value_size_max);
    memset(rig->buffer, 'v', size);
    before(rig, ADAPTER_CALL_STORE);
    enum answer answer =
        map->store(object, rig_hand(rig, RIG_KEY, key), key->size, rig->buffer, size);
    if (!after(rig, ADAPTER_CALL_STORE, answer) || !fetch(rig, object, key, size)) return false;
    if (!map->remove || size % 2) return true;
    before(rig, ADAPTER_CALL_REMOVE);
    answer = map->remove(object, rig_hand(rig, RIG_KEY, key), key->size);
    return after(rig, ADAPTER_CALL_REMOVE, answer);
}

static bool clear_map(struct rig *rig, void *object)
{
    const struct adapter_map *map = rig->adapter->map;
    if (!map->clear) return true;
    before(rig, ADAPTER_CALL_CLEAR);
    enum answer answer = map->clear(object);
    return after(rig, ADAPTER_CALL_CLEAR, answer);
}

/* --- what only some maps have --- */

static bool ask_plain(struct rig *rig, void *object, enum adapter_call call,
                      enum answer (*asked)(void *object), enum answer *answer)
{
    before(rig, call);
    *answer = asked(object);
    return after(rig, call, *answer);
}

static bool scan_map(struct rig *rig, void *object, uint32_t snapshot)
{
    struct sum sum = {0};
    if (!rig->adapter->map->scan) return true;
    before(rig, ADAPTER_CALL_SCAN);
    enum answer answer = rig->adapter->map->scan(object, snapshot, NULL, 0, NULL, 0, visit, &sum);
    tell(rig, sum.digest);
    return after(rig, ADAPTER_CALL_SCAN, answer);
}

static bool read_at(struct rig *rig, void *object, const struct value *key)
{
    const struct adapter_map *map = rig->adapter->map;
    uint32_t size = 0, capacity = UINT32_MAX;
    uint8_t *buffer = guarded(rig, &capacity);
    before(rig, ADAPTER_CALL_AT);
    enum answer answer =
        map->fetch_at(object, 1, rig_hand(rig, RIG_KEY, key), key->size, buffer, capacity, &size);
    tell_read(rig, answer, capacity, size);
    return after(rig, ADAPTER_CALL_AT, answer) && guard_holds(rig, capacity, ADAPTER_CALL_AT);
}

/* Changes in a transaction, beside a snapshot of what was there before it. */
static bool transact(struct rig *rig, void *object)
{
    const struct adapter_map *map = rig->adapter->map;
    enum answer answer;
    if (!ask_plain(rig, object, ADAPTER_CALL_BEGIN, map->begin, &answer)) return false;
    if (answer != ANSWER_OK) return true;
    for (uint32_t i = 0; i < rig->script->key_count; i++) {
        if (!change(rig, object, rig->script->keys[i], 4 + i)) return false;
    }
    return ask_plain(rig, object, ADAPTER_CALL_COMMIT, map->commit, &answer);
}

static bool transact_beside(struct rig *rig, void *object)
{
    const struct adapter_map *map = rig->adapter->map;
    before(rig, ADAPTER_CALL_OPEN);
    enum answer answer = map->open(object, 1);
    if (!after(rig, ADAPTER_CALL_OPEN, answer)) return false;
    if (map->begin && !transact(rig, object)) return false;
    if (answer != ANSWER_OK) return true;
    for (uint32_t i = 0; i < rig->script->key_count; i++) {
        if (!read_at(rig, object, rig->script->keys[i])) return false;
    }
    if (!scan_map(rig, object, 1)) return false;
    before(rig, ADAPTER_CALL_CLOSE);
    return after(rig, ADAPTER_CALL_CLOSE, map->close(object, 1));
}

static bool destroy_all(struct rig *rig, void *object)
{
    before(rig, ADAPTER_CALL_DESTROY);
    return after(rig, ADAPTER_CALL_DESTROY, rig->adapter->map->destroy(object, NULL, 0));
}

static bool use_rest(struct rig *rig, void *object, bool clear)
{
    const struct adapter_map *map = rig->adapter->map;
    enum answer answer;
    if (!scan_map(rig, object, ADAPTER_NOW)) return false;
    if (map->open ? !transact_beside(rig, object) : map->begin && !transact(rig, object))
        return false;
    if (map->collect && !ask_plain(rig, object, ADAPTER_CALL_COLLECT, map->collect, &answer))
        return false;
    return !map->destroy || !clear || destroy_all(rig, object);
}

static bool use_map(struct rig *rig, void *object, bool clear)
{
    uint32_t sector = rig->script->part.geometry.sector_size;
    if (!read_map(rig, object)) return false;
    for (uint32_t i = 0; i < rig->script->key_count; i++) {
        const struct value *key = rig->script->keys[i];
        if (!fetch(rig, object, key, UINT32_MAX) || !fetch(rig, object, key, 3)) return false;
        if (!change(rig, object, key, 5 + i) || !change(rig, object, key, sector / 4)) return false;
    }
    if (!use_rest(rig, object, clear)) return false;
    return (!clear || clear_map(rig, object)) && read_map(rig, object);
}

/* --- a queue or a log --- */

struct lister {
    struct rig *rig;
    const struct adapter_list *list;
    void *object;
    uint64_t time; /* of the last append; it never goes back */
    struct sum sum;
};

static void visit_item(void *context, uint64_t number, const void *data, uint32_t size)
{
    struct sum *sum = context;
    if (sum->items++ == 0) sum->first = number;
    sum->last = number;
    see(sum, data, size);
}

static bool read_list(struct lister *lister)
{
    lister->sum = (struct sum){0};
    if (!lister->list->each) return true;
    before(lister->rig, ADAPTER_CALL_EACH);
    enum answer answer = lister->list->each(lister->object, visit_item, &lister->sum);
    tell(lister->rig, lister->sum.digest + lister->sum.first + lister->sum.last);
    return after(lister->rig, ADAPTER_CALL_EACH, answer);
}

/* One call that returns an item, into room for `capacity` bytes. `which`: its place or number. */
static bool ask(struct lister *lister, enum adapter_call call, uint64_t which, uint32_t capacity)
{
    const struct adapter_list *list = lister->list;
    enum answer answer = ANSWER_OK;
    uint32_t size = 0;
    uint8_t *buffer = guarded(lister->rig, &capacity);
    assert(capacity <= lister->rig->value_size_max);
    before(lister->rig, call);
    if (call == ADAPTER_CALL_PEEK && list->peek)
        answer = list->peek(lister->object, buffer, capacity, &size);
    else if (call == ADAPTER_CALL_POP && list->pop)
        answer = list->pop(lister->object, (uint32_t)which, buffer, capacity, &size);
    else if (call == ADAPTER_CALL_READ && list->read)
        answer = list->read(lister->object, which, buffer, capacity, &size);
    tell_read(lister->rig, answer, capacity, size);
    return after(lister->rig, call, answer) && guard_holds(lister->rig, capacity, call);
}

static bool seek(struct lister *lister, uint64_t time)
{
    uint64_t number = 0;
    if (!lister->list->seek) return true;
    before(lister->rig, ADAPTER_CALL_SEEK);
    enum answer answer = lister->list->seek(lister->object, time, &number);
    if (answer == ANSWER_OK) tell(lister->rig, number);
    return after(lister->rig, ADAPTER_CALL_SEEK, answer);
}

/* By number: those that are there, their neighbours, and the ends of what a number can be. */
static bool ask_numbers(struct lister *lister)
{
    const uint64_t first = lister->sum.first, last = lister->sum.last;
    const uint64_t numbers[] = {first, first - 1, first + (last - first) / 2, last, last + 1,
                                0,     UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!ask(lister, ADAPTER_CALL_READ, numbers[i], i % 2 ? 3 : UINT32_MAX) ||
            !seek(lister, numbers[i]))
            return false;
    }
    return true;
}

/* Puts in an item of `size` bytes, by a push where there is one and it may be refused. */
static bool put(struct lister *lister, uint32_t size, bool push)
{
    struct rig *rig = lister->rig;
    if (size > rig->value_size_max) size = rig->value_size_max;
    if (size < rig->value_size_min) size = rig->value_size_min;
    assert(size <= rig->value_size_max);
    memset(rig->buffer, 'v', size);
    enum answer answer = ANSWER_OK;
    before(rig, ADAPTER_CALL_PUSH);
    if (lister->list->push && (push || !lister->list->append))
        answer = lister->list->push(lister->object, rig->buffer, size);
    else if (lister->list->append)
        answer = lister->list->append(lister->object, rig->buffer, size, ++lister->time);
    return after(rig, ADAPTER_CALL_PUSH, answer);
}

/* Once around the ring and a little more, so that each sector is met by what erases it. */
static bool put_around(struct lister *lister)
{
    const struct bo_flash_geometry *g = &lister->rig->script->part.geometry;
    for (uint32_t i = 0; i < 3 * g->sector_count + 3; i++) {
        uint32_t size = i % 4 == 3 ? i : g->sector_size / 3;
        if (!put(lister, size, i % 2)) return false;
        if (i % 4 == 0 && !ask(lister, ADAPTER_CALL_POP, i % 3, i % 8 ? 3 : UINT32_MAX))
            return false;
    }
    return true;
}

/* A call without arguments, where the engine has it. */
static bool call(struct lister *lister, enum adapter_call kind,
                 enum answer (*function)(void *object))
{
    if (!function) return true;
    before(lister->rig, kind);
    enum answer answer = function(lister->object);
    return after(lister->rig, kind, answer);
}

/* Puts in the largest item of which the engine says that it fits. */
static bool put_what_fits(struct lister *lister)
{
    uint32_t size = 0;
    if (!lister->list->fits) return true;
    before(lister->rig, ADAPTER_CALL_FITS);
    enum answer answer = lister->list->fits(lister->object, &size);
    return after(lister->rig, ADAPTER_CALL_FITS, answer) &&
           (answer != ANSWER_OK || put(lister, size, true));
}

/* What the engine says of itself. */
static bool ask_itself(struct lister *lister)
{
    const struct adapter_list *list = lister->list;
    uint64_t first = 0, second = 0;
    if (list->range) {
        before(lister->rig, ADAPTER_CALL_RANGE);
        enum answer answer = list->range(lister->object, &first, &second);
        if (!after(lister->rig, ADAPTER_CALL_RANGE, answer)) return false;
    }
    if (!list->space) return true;
    uint32_t least = lister->rig->value_size_min;
    before(lister->rig, ADAPTER_CALL_SPACE);
    enum answer answer = list->space(lister->object, least ? least : 1, &first);
    return after(lister->rig, ADAPTER_CALL_SPACE, answer);
}

static bool use_list(struct rig *rig, void *object, bool clear)
{
    const struct adapter_list *list = rig->adapter->list;
    assert(list && rig->adapter->kind != ADAPTER_MAP);
    struct lister it = {.rig = rig, .list = list, .object = object, .time = clear ? 1000 : 0};
    return read_list(&it) && ask_numbers(&it) && ask(&it, ADAPTER_CALL_PEEK, 0, UINT32_MAX) &&
           ask(&it, ADAPTER_CALL_PEEK, 0, 3) && ask(&it, ADAPTER_CALL_POP, 1, UINT32_MAX) &&
           ask_itself(&it) && put_what_fits(&it) && call(&it, ADAPTER_CALL_SYNC, list->idle) &&
           put_around(&it) && call(&it, ADAPTER_CALL_SYNC, list->sync) && read_list(&it) &&
           ask_numbers(&it) && (!clear || call(&it, ADAPTER_CALL_CLEAR, list->clear)) &&
           call(&it, ADAPTER_CALL_SYNC, list->seal) && put(&it, 5, false) && read_list(&it);
}

/* --- an image --- */

#define NUMBER 8u           /* bytes of it at the start of a sector */
#define JUNK_SECTOR_MIN 32u /* a smaller one has too few that could be wrong */

/* The bytes of a sector that follow from a number, which is not 0. */
static void fill_junk(uint8_t *bytes, uint32_t size, uint64_t number)
{
    assert(number != 0);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(number >> 8 * (i % NUMBER));
        if (i % NUMBER == NUMBER - 1) number = mix_word(number);
    }
}

void hostile_junk(uint8_t *image, const struct bo_flash_geometry *geometry, uint64_t seed)
{
    for (uint32_t i = 0; i < geometry->sector_count; i++) {
        uint64_t number = mix_next(&seed);
        fill_junk(image + (size_t)i * geometry->sector_size, geometry->sector_size,
                  number ? number : 1);
    }
}

/* Whether each sector is what follows from its first bytes. */
static bool is_junk(const uint8_t *image, const struct bo_flash_geometry *geometry)
{
    uint32_t size = geometry->sector_size;
    uint8_t *made = memory_new(size);
    bool junk = size >= JUNK_SECTOR_MIN;
    for (uint32_t i = 0; i < geometry->sector_count && junk; i++) {
        const uint8_t *sector = image + (size_t)i * size;
        uint64_t number = 0;
        for (uint32_t j = 0; j < NUMBER; j++)
            number |= (uint64_t)sector[j] << 8 * j;
        if (number) fill_junk(made, size, number);
        junk = number && memcmp(sector, made, size) == 0;
    }
    free(made);
    return junk;
}

/* The answer of a power-on to junk. */
static bool refuses_junk(struct rig *rig, enum answer answer, const struct chip_counters *then)
{
    const struct chip_counters *now = chip_counters(rig->chip);
    assert(now->programs >= then->programs && now->erases >= then->erases);
    bool wrote = now->programs != then->programs || now->erases != then->erases;
    if (answer != ANSWER_OK && !wrote) return true;
    return rig_finds(rig, CLAUSE_HONEST, answer == ANSWER_OK ? SEEN_OTHER : SEEN_EXTRA,
                     "mount of random bytes: expected a refusal, and nothing written, got %s%s",
                     rig_answer_name(answer), wrote ? ", and programs or erases" : "");
}

/* `junk`: what is there is, and the engine knows. *opened: whether the power-on answered OK. */
static bool use(struct rig *rig, bool clear, bool junk, bool *opened)
{
    void *object = rig_object(rig);
    if (!rig_wipe_ram(rig, object, JUNK)) return false;
    struct chip_counters then = *chip_counters(rig->chip);
    before(rig, ADAPTER_CALL_MOUNT);
    enum answer answer = rig->adapter->mount(object, chip_flash(rig->chip), &rig->settings);
    if (!after(rig, ADAPTER_CALL_MOUNT, answer)) return false;
    if (junk && !refuses_junk(rig, answer, &then)) return false;
    *opened = answer == ANSWER_OK;
    if (!*opened) return true;
    return rig->adapter->kind == ADAPTER_MAP ? use_map(rig, object, clear)
                                             : use_list(rig, object, clear);
}

void hostile_add(struct hostile_answers *answers, const struct hostile_answers *more)
{
    assert(more->opened <= more->images);
    answers->images += more->images;
    answers->opened += more->opened;
    answers->digest += more->digest;
}

/* Twice, with a power-on between. */
static bool use_twice(struct rig *rig, bool junk, bool *opened)
{
    bool again = false;
    if (!use(rig, false, junk, opened)) return false;
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    return use(rig, true, junk, &again);
}

bool hostile_try(struct rig *rig, const uint8_t *image, struct hostile_answers *answers)
{
    assert(rig->level == 0 && "an image is a chip of its own");
    chip_set_hook(rig->chip, NULL, NULL);
    chip_set_fuel(rig->chip, CHIP_FUEL_ENDLESS, CHIP_FUEL_ENDLESS);
    chip_reset(rig->chip);
    chip_clear_breach(rig->chip);
    rig->finding.clause = CLAUSE_NONE;
    rig->interrupted = true; /* no image is what calls alone leave */
    uint64_t size = bo_flash_size(chip_flash(rig->chip));
    bool loaded = chip_load(rig->chip, image, size), opened = false;
    assert(loaded && "it is as large as the chip");
    bool junk = rig->adapter->promised & ADAPTER_REFUSES_JUNK &&
                is_junk(image, &chip_flash(rig->chip)->geometry);
    rig->told = script_digest(image, (uint32_t)size);
    bool sane = loaded && use_twice(rig, junk, &opened);
    assert(sane == (rig->finding.clause == CLAUSE_NONE) && "what is wrong has its words");
    if (answers) hostile_add(answers, &(struct hostile_answers){1, opened, mix_word(rig->told)});
    return sane;
}
