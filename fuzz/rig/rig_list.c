/* rig_list.c - queues and logs: items in the order in which they were put in.
 *
 * A look notes the digest and the number of each item that comes back, in order, and the model
 * says whether that is one of the sequences that it allows (model_list.h). Only where it is not,
 * differs() goes through the two lists to find out which clause is broken, gravest first: an item
 * that must be there is missing, one that nobody may show is shown, the rest is out of order.
 *
 * An engine that can't show its items (a queue without each) gives them up one by one in a
 * rehearsal, which is rolled back.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/adapters/globals.h"
#include "fuzz/model/digests.h"
#include "fuzz/rig/exercise.h"
#include "fuzz/rig/rig_internal.h"
#include "fuzz/script/ask.h"

/* What a look has seen so far. One for each level: an engine that erases while it is read back is
 * cut inside the look, and looked at again on the level above. */
struct rig_sight {
    struct model_seen *seen;
    uint32_t count, capacity;
    uint32_t cursor;    /* the item of the model that should come next */
    uint32_t strangers; /* items whose bytes were not those expected next */
    bool damaged;       /* something is there and damaged */
    char stranger[RIG_TEXT_MAX];
};

static const struct adapter_list *calls(const struct rig *rig)
{
    return rig->adapter->list;
}

static struct model_list *items(struct rig *rig)
{
    return &rig_here(rig)->model.list;
}

static struct rig_sight *sight_of(const struct rig *rig)
{
    assert(rig->level < CONTRACT_LEVELS);
    return &rig->sights[rig->level];
}

/* --- making and freeing --- */

static void make(struct rig *rig)
{
    const struct bo_flash_geometry *geometry = &chip_flash(rig->chip)->geometry;
    struct model_design *design = &rig->design;
    const struct adapter_list *list = calls(rig);
    design->ring = ask_ring(rig->adapter, geometry, &rig->settings, &design->ahead);
    design->numbered = rig->adapter->kind == ADAPTER_LOG && !list->numberless;
    design->spans = list->spans;
    design->buffers = ask_buffers(rig->adapter, &rig->settings);
    design->drops_in_part = rig->widened & ADAPTER_DROP_IN_PART;
    design->clears_in_part = rig->widened & ADAPTER_CLEAR_MAY_STOP;
    design->power_on_drops = rig->widened & ADAPTER_POWER_ON_DROPS;
    design->idle_drops = rig->widened & ADAPTER_IDLE_DROPS;
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++) {
        model_init_list(&rig->levels[i].model, design);
        model_init_list(&rig->levels[i].before, design);
    }
    rig->sights = memory_zeroed(CONTRACT_LEVELS, sizeof *rig->sights);
}

static void free_sights(struct rig *rig)
{
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++)
        free(rig->sights[i].seen);
    free(rig->sights);
}

/* --- looking --- */

static bool is_value(const struct value *value, const void *bytes, uint32_t size)
{
    return value->size == size && memcmp(value->bytes, bytes, size) == 0;
}

static struct model_seen *room_for_one(struct rig_sight *sight)
{
    if (sight->count == sight->capacity) {
        sight->capacity = sight->capacity ? 2 * sight->capacity : 64;
        sight->seen = memory_resize(sight->seen, sight->capacity, sizeof *sight->seen);
    }
    assert(sight->count < sight->capacity);
    return &sight->seen[sight->count++];
}

/* The model's item that this one is, as far as it comes in the order of the model. */
static const struct value *expected(struct rig *rig, const void *bytes, uint32_t size)
{
    struct model_list *list = items(rig);
    struct rig_sight *sight = sight_of(rig);
    assert(list->first <= sight->cursor && sight->cursor <= list->end);
    for (uint32_t i = sight->cursor; i < list->end; i++) {
        const struct value *value = list->items[i].value;
        if (is_value(value, bytes, size)) {
            sight->cursor = i + 1;
            return value;
        }
        if (!model_list_may_miss(list, &list->items[i])) break;
    }
    return NULL;
}

static void see(struct rig *rig, uint64_t number, const void *bytes, uint32_t size)
{
    struct rig_sight *sight = sight_of(rig);
    if (!bytes && size == ADAPTER_DAMAGED) {
        sight->damaged = true; /* as if it were not there */
        return;
    }
    struct model_seen *seen = room_for_one(sight);
    const struct value *value = expected(rig, bytes, size);
    *seen = (struct model_seen){value ? value->digest : script_digest(bytes, size), number};
    if (!value && sight->strangers++ == 0) rig_bytes_text(bytes, size, sight->stranger);
}

/* Called by the engine. */
static void visit(void *context, uint64_t number, const void *bytes, uint32_t size)
{
    enum pulse_place from = pulse_go(PULSE_CALLED_BACK);
    see(context, number, bytes, size);
    pulse_go(from);
}

/* Whether the script has put such an item in by now; the harness's own too. */
static bool was_put_in(struct rig *rig, uint64_t digest)
{
    const struct script *script = rig->script;
    for (uint32_t i = 0; i < rig_here(rig)->reached; i++) {
        const struct value *value = script->ops[i].value;
        if (value && value->digest == digest) return true;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (rig->exercise->values[i]->digest == digest) return true;
    }
    return false;
}

static bool is_item(struct rig *rig, uint64_t digest)
{
    const struct model_list *list = items(rig);
    for (uint32_t i = list->first; i < list->end; i++) {
        if (list->items[i].value->digest == digest) return true;
    }
    return false;
}

static bool finds_number(struct rig *rig)
{
    const struct rig_sight *sight = sight_of(rig);
    const struct model_list *list = items(rig);
    assert(rig->design.numbered);
    for (uint32_t i = 1; i < sight->count; i++) {
        if (sight->seen[i].number == sight->seen[i - 1].number + 1) continue;
        return rig_finds(rig, CLAUSE_ORDERED, SEEN_ORDER,
                         "after number %" PRIu64 ": expected the next one, got %" PRIu64,
                         sight->seen[i - 1].number, sight->seen[i].number);
    }
    return rig_finds(rig, CLAUSE_SETTLED, SEEN_ORDER,
                     "oldest item: expected number %" PRIu64 " or a later one, got %" PRIu64,
                     list->number, sight->count ? sight->seen[0].number : 0);
}

/* The first item that must be there and was not seen; NULL: there is none. */
static const struct model_item *first_missing(struct rig *rig)
{
    struct model_list *list = items(rig);
    const struct rig_sight *sight = sight_of(rig);
    struct digests seen = digests_new(sight->count);
    const struct model_item *missing = NULL;
    for (uint32_t i = 0; i < sight->count; i++)
        digests_add(&seen, sight->seen[i].digest);
    for (uint32_t i = list->first; i < list->end && !missing; i++) {
        const struct model_item *item = &list->items[i];
        if (item->state == ITEM_HELD && !digests_has(&seen, item->value->digest)) missing = item;
    }
    list->steps += seen.steps;
    digests_free(&seen);
    return list->flags & LIST_CLEARING ? NULL : missing;
}

/* The first one that was seen and is no item; NULL: there is none. */
static const struct model_seen *first_stranger(struct rig *rig)
{
    struct model_list *list = items(rig);
    const struct rig_sight *sight = sight_of(rig);
    struct digests there = digests_new(list->end - list->first);
    const struct model_seen *stranger = NULL;
    for (uint32_t i = list->first; i < list->end; i++)
        digests_add(&there, list->items[i].value->digest);
    for (uint32_t i = 0; i < sight->count && !stranger; i++)
        if (!digests_has(&there, sight->seen[i].digest)) stranger = &sight->seen[i];
    list->steps += there.steps;
    digests_free(&there);
    return stranger;
}

static uint32_t count_held(const struct model_list *list)
{
    uint32_t held = 0;
    for (uint32_t i = list->first; i < list->end; i++)
        held += list->items[i].state == ITEM_HELD;
    return held;
}

static bool finds_stranger(struct rig *rig, const struct model_seen *stranger)
{
    enum clause clause = rig->rotten             ? CLAUSE_HONEST
                         : items(rig)->uncertain ? CLAUSE_ATOMIC
                                                 : CLAUSE_SETTLED;
    enum seen kind = was_put_in(rig, stranger->digest) ? SEEN_BACK : SEEN_OTHER;
    return rig_finds(rig, clause, kind, "item %s: expected %s", sight_of(rig)->stranger,
                     kind == SEEN_BACK ? "it to be gone, got it back"
                                       : "what was put in, got other bytes");
}

/* What was seen is not allowed: records which clause that breaks, and how. Linear in the items: a
 * log holds thousands, and a fault shows in thousands of states. */
static bool differs(struct rig *rig)
{
    char text[RIG_TEXT_MAX];
    const struct model_list *list = items(rig);
    const struct rig_sight *sight = sight_of(rig);
    const struct model_item *missing = first_missing(rig);
    if (missing)
        return rig_finds(
            rig, CLAUSE_DURABLE, SEEN_MISSING,
            "item %s is missing: expected it and up to %" PRIu32 " items in all, got %" PRIu32,
            rig_value_text(missing->value, text), model_list_count(list), sight->count);
    const struct model_seen *stranger = first_stranger(rig);
    if (stranger) return finds_stranger(rig, stranger);
    if (list->flags & LIST_CLEARING)
        return rig_finds(rig, CLAUSE_ATOMIC, SEEN_HALF,
                         "a clear was cut: expected all items or none, got a part of them");
    if (sight->count > model_list_count(list))
        return rig_finds(rig, CLAUSE_SETTLED, SEEN_EXTRA,
                         "expected at most %" PRIu32 " items, got %" PRIu32, model_list_count(list),
                         sight->count);
    if (sight->strangers == 0 && rig->design.numbered) return finds_number(rig);
    if (sight->count < count_held(list) || list->uncertain)
        return rig_finds(rig, CLAUSE_ATOMIC, SEEN_MISSING,
                         "an item between others is missing: expected up to %" PRIu32
                         " items, got %" PRIu32,
                         model_list_count(list), sight->count);
    return rig_finds(rig, CLAUSE_ORDERED, SEEN_ORDER,
                     "item %s: expected the order in which items were put in, got it elsewhere",
                     sight->stranger);
}

/* What a rehearsal of an object puts back. The chip is put back by its journal. */
struct aside {
    uint8_t *object, *globals;
    chip_hook *hook;
    void *hook_context;
    chip_mark mark;
};

static void put_aside(struct rig *rig, const void *object, struct aside *aside)
{
    aside->object = memory_new(rig->object_size);
    memcpy(aside->object, object, rig->object_size);
    aside->globals = memory_new(globals_size());
    globals_save(aside->globals);
    aside->hook = chip_hook_of(rig->chip, &aside->hook_context);
    chip_set_hook(rig->chip, NULL, NULL);
    aside->mark = chip_set_mark(rig->chip);
}

static void put_back(struct rig *rig, void *object, const struct aside *aside)
{
    chip_rollback(rig->chip, aside->mark);
    chip_set_hook(rig->chip, aside->hook, aside->hook_context);
    globals_load(aside->globals);
    memcpy(object, aside->object, rig->object_size);
    free(aside->globals);
    free(aside->object);
}

/* An engine that can't show its items gives them up, until there is none, or one more than there
 * can be. */
static bool pop_all(struct rig *rig, void *object, enum answer *answer)
{
    uint32_t most = items(rig)->end - items(rig)->first + 1;
    for (uint32_t i = 0; i < most; i++) {
        uint32_t size = RIG_SIZE_UNSET;
        rig_before(rig, ADAPTER_CALL_POP);
        *answer = calls(rig)->pop(object, 0, rig_buffer(rig), rig->value_size_max, &size);
        if (!rig_after(rig, ADAPTER_CALL_POP, *answer)) return false;
        if (*answer != ANSWER_OK) break;
        see(rig, 0, rig_buffer(rig), size < rig->value_size_max ? size : rig->value_size_max);
    }
    if (*answer == ANSWER_NOT_FOUND) *answer = ANSWER_OK;
    return true;
}

static bool see_all(struct rig *rig, void *object, enum answer *answer)
{
    struct aside aside;
    if (calls(rig)->each) {
        rig_before(rig, ADAPTER_CALL_EACH);
        *answer = calls(rig)->each(object, visit, rig);
        return rig_after(rig, ADAPTER_CALL_EACH, *answer);
    }
    put_aside(rig, object, &aside);
    bool fine = pop_all(rig, object, answer);
    put_back(rig, object, &aside);
    return fine;
}

static bool look(struct rig *rig, void *object, bool powered_on)
{
    enum answer answer = ANSWER_OK;
    struct rig_sight *sight = sight_of(rig);
    sight->count = sight->strangers = 0;
    sight->damaged = false;
    sight->cursor = items(rig)->first;
    if (!see_all(rig, object, &answer)) return false;
    if (rig_is_off(rig)) return true;
    if (rig_read_failed(rig, answer) || (sight->damaged && rig_read_wrong(rig)))
        return look(rig, object, powered_on);
    if (answer == ANSWER_UNSUPPORTED && !calls(rig)->each) return true; /* nothing can be seen */
    if (answer == ANSWER_DAMAGED && rig->rotten) return true; /* each() may end anywhere then */
    /* Recovery may have gone on with what the append that was cut had begun to drop. */
    if (powered_on) model_observe(rig_model(rig), rig->chip, true);
    if (answer != ANSWER_OK)
        return rig_finds(rig, CLAUSE_DURABLE, rig_seen_of(answer),
                         "reading back: expected ok, got %s", rig_answer_name(answer));
    return model_list_settle(items(rig), sight->seen, sight->count, powered_on) || differs(rig);
}

/* --- operations that change --- */

static enum answer either(enum answer (*call)(void *), enum answer (*otherwise)(void *),
                          void *object)
{
    if (call) return call(object);
    return otherwise ? otherwise(object) : ANSWER_OK;
}

static enum answer change(struct rig *rig, const struct op *op, uint32_t *size)
{
    const struct adapter_list *list = calls(rig);
    const struct value *value = op->value;
    void *object = rig_here(rig)->object;
    assert(!op_has_value(op->kind) || value);
    switch (op->kind) {
    case OP_PUSH:
        return list->push ? list->push(object, rig_hand(rig, RIG_VALUE, value), value->size)
                          : ANSWER_UNSUPPORTED;
    case OP_APPEND:
        return list->append ? list->append(object, rig_hand(rig, RIG_VALUE, value), value->size,
                                           items(rig)->clock)
                            : ANSWER_UNSUPPORTED;
    case OP_POP:
        return list->pop ? list->pop(object, op->count, rig_buffer(rig), rig->value_size_max, size)
                         : ANSWER_UNSUPPORTED;
    case OP_CLEAR:
        return list->clear ? list->clear(object) : ANSWER_UNSUPPORTED;
    case OP_SYNC:
        return either(list->sync, NULL, object);
    case OP_SEAL:
        return either(list->seal, list->sync, object);
    default:
        return either(list->idle, NULL, object);
    }
}

static enum seen item_seen(enum answer answer)
{
    return answer == ANSWER_NOT_FOUND ? SEEN_MISSING : rig_seen_of(answer);
}

/* What an item is that came in the place of another. */
static enum seen item_in_its_place(struct rig *rig, const void *bytes, uint32_t size)
{
    uint64_t digest = script_digest(bytes, size);
    if (is_item(rig, digest)) return SEEN_ORDER;
    return was_put_in(rig, digest) ? SEEN_BACK : SEEN_OTHER;
}

/* What came back must be the item at this place of the model. */
static bool check_item(struct rig *rig, const char *what, enum clause clause, uint32_t place,
                       enum answer answer, uint32_t size)
{
    char want[RIG_TEXT_MAX], got[RIG_TEXT_MAX];
    const struct model_item *item = model_list_at(items(rig), place);
    assert(rig_here(rig)->object && !rig_is_off(rig));
    bool may_miss = item && model_list_may_miss(items(rig), item);
    if (answer == ANSWER_DAMAGED && rig->rotten) return true;
    if (rig_read_failed(rig, answer)) return true;
    if (answer == ANSWER_NOT_FOUND && (!item || may_miss)) return true;
    if (answer != ANSWER_OK)
        return rig_finds(rig, clause, item_seen(answer),
                         "%s of place %" PRIu32 ": expected %s, got %s", what, place,
                         rig_value_text(item ? item->value : NULL, want), rig_answer_name(answer));
    if (size > rig->value_size_max) size = rig->value_size_max;
    if (item && is_value(item->value, rig_buffer(rig), size)) return true;
    if (may_miss && item->state != ITEM_LEAVING) return true; /* the next look decides */
    enum seen seen = item_in_its_place(rig, rig_buffer(rig), size);
    return rig_finds(rig, clause, seen, "%s of place %" PRIu32 ": expected %s, got %s", what, place,
                     rig_value_text(item ? item->value : NULL, want),
                     rig_bytes_text(rig_buffer(rig), size, got));
}

/* Whether what has come back is the item at this place. */
static bool came_back(struct rig *rig, uint32_t place, enum answer answer, uint32_t size)
{
    const struct model_item *item = model_list_at(items(rig), place);
    return !rig_is_off(rig) && answer == ANSWER_OK && item && size <= rig->value_size_max &&
           is_value(item->value, rig_buffer(rig), size);
}

static bool peek(struct rig *rig, enum clause clause, bool *came)
{
    uint32_t size = RIG_SIZE_UNSET;
    *came = false;
    if (!calls(rig)->peek) return true;
    rig_before(rig, ADAPTER_CALL_PEEK);
    enum answer answer =
        calls(rig)->peek(rig_here(rig)->object, rig_buffer(rig), rig->value_size_max, &size);
    if (!rig_after(rig, ADAPTER_CALL_PEEK, answer)) return false;
    *came = came_back(rig, 0, answer, size);
    return rig_is_off(rig) || check_item(rig, "peek", clause, 0, answer, size);
}

static bool check_peek(struct rig *rig, enum clause clause)
{
    bool came;
    return peek(rig, clause, &came);
}

static bool check_failed(struct rig *rig, const struct op *op, enum answer answer)
{
    assert(answer != ANSWER_OK);
    model_abort(&rig_here(rig)->model, op, NULL);
    if (!rig_may_refuse(rig, op, answer)) return false;
    if (op->kind == OP_POP && answer != ANSWER_UNSUPPORTED)
        return check_item(rig, "pop", CLAUSE_DURABLE, op->count, answer, 0);
    rig_refused(rig, op, answer);
    return check_peek(rig, CLAUSE_CLEAN);
}

static bool check_done(struct rig *rig, const struct op *op, uint32_t size)
{
    if (op->kind == OP_POP && !check_item(rig, "pop", CLAUSE_ORDERED, op->count, ANSWER_OK, size))
        return false;
    if (op->kind != OP_POP || op->count < model_list_count(items(rig)))
        model_commit(&rig_here(rig)->model, op);
    if (!op_has_value(op->kind) || op->value->size <= rig->value_size_max) return true;
    return rig_finds(rig, CLAUSE_SANE, SEEN_EXTRA,
                     "item of %" PRIu32 " bytes: expected too big, as limits() says %" PRIu32
                     ", got ok",
                     op->value->size, rig->value_size_max);
}

/* A call of the flash failed, and so did the change: it is done or not, and the next look says
 * which; at once after a clear. Where items wait in RAM, an engine can't be asked which of them
 * reached the flash: the device starts again. */
static bool leave_undecided(struct rig *rig)
{
    model_fail(rig_model(rig), rig->chip);
    if (rig->design.buffers) return rig_call(rig, &(struct op){.kind = OP_MOUNT}, NULL);
    return !(items(rig)->flags & LIST_CLEARING) || look(rig, rig_object(rig), false);
}

static bool call_change(struct rig *rig, const struct op *op, enum answer *answer)
{
    struct model *model = &rig_here(rig)->model;
    uint32_t size = RIG_SIZE_UNSET;
    assert(!rig_is_off(rig));
    model_begin(model, op, NULL);
    rig_before(rig, rig_call_of(op->kind));
    *answer = change(rig, op, &size);
    if (!rig_after(rig, rig_call_of(op->kind), *answer)) return false;
    if (rig_is_off(rig)) {
        model_cut(model, rig->chip);
        return true;
    }
    if (rig_change_failed(rig, *answer)) return leave_undecided(rig);
    if (*answer == ANSWER_OK || rig->design.buffers) model_observe(model, rig->chip, false);
    return *answer == ANSWER_OK ? check_done(rig, op, size) : check_failed(rig, op, *answer);
}

/* --- operations that read --- */

static bool read(struct rig *rig, uint32_t place, enum clause clause, bool *came)
{
    const struct model_item *item = model_list_at(items(rig), place);
    uint32_t size = RIG_SIZE_UNSET;
    *came = false;
    if (!calls(rig)->read || !item || item->number == MODEL_NUMBER_NONE) return true;
    rig_before(rig, ADAPTER_CALL_READ);
    enum answer answer = calls(rig)->read(rig_here(rig)->object, item->number, rig_buffer(rig),
                                          rig->value_size_max, &size);
    if (!rig_after(rig, ADAPTER_CALL_READ, answer)) return false;
    *came = came_back(rig, place, answer, size);
    return rig_is_off(rig) || check_item(rig, "read", clause, place, answer, size);
}

static bool check_read(struct rig *rig, uint32_t place, enum clause clause)
{
    bool came;
    return read(rig, place, clause, &came);
}

static enum answer peek_short(struct rig *rig, const void *context, void *buffer, uint32_t capacity,
                              uint32_t *size)
{
    (void)context;
    return calls(rig)->peek(rig_here(rig)->object, buffer, capacity, size);
}

static enum answer read_short(struct rig *rig, const void *context, void *buffer, uint32_t capacity,
                              uint32_t *size)
{
    const uint64_t *number = context;
    return calls(rig)->read(rig_here(rig)->object, *number, buffer, capacity, size);
}

/* A peek of the script and, when the item came back, another one with a buffer that is too short.
 * It may be an item that waits in RAM. */
static bool peek_twice(struct rig *rig)
{
    bool came;
    if (!peek(rig, CLAUSE_ORDERED, &came)) return false;
    if (!came || rig->rotten) return true;
    const struct value *value = model_list_at(items(rig), 0)->value;
    return rig_short(rig, ADAPTER_CALL_PEEK, value, rig_buffer(rig), peek_short, NULL);
}

static bool read_twice(struct rig *rig, uint32_t place)
{
    bool came;
    if (!read(rig, place, CLAUSE_DURABLE, &came)) return false;
    if (!came || rig->rotten) return true;
    const struct model_item *item = model_list_at(items(rig), place);
    uint64_t number = item->number;
    return rig_short(rig, ADAPTER_CALL_READ, item->value, rig_buffer(rig), read_short, &number);
}

/* Sectors in which items lie from the first one with this number or a larger one up to `place`, but
 * for the last of them; those of which is known where they lie. */
static uint32_t sectors_up_to(const struct model_list *list, uint64_t number, uint32_t place)
{
    uint32_t count = 0, sector = CHIP_SECTOR_NONE;
    for (uint32_t i = list->first; i <= list->first + place; i++) {
        const struct model_item *item = &list->items[i];
        assert(i < list->end && "nothing is uncertain, so no item is hidden");
        bool known = item->sector != CHIP_SECTOR_NONE && item->span == 0;
        if (item->number < number || !known) continue;
        count += sector != CHIP_SECTOR_NONE && item->sector != sector;
        sector = item->sector;
    }
    return count;
}

/* A seek comes as near to the item at this place as the adapter states. */
static bool check_near(struct rig *rig, uint32_t place, uint64_t number)
{
    const struct model_list *list = items(rig);
    uint32_t most = calls(rig)->seek_sectors;
    if (most == 0 || rig->rotten) return true;
    uint32_t sectors = sectors_up_to(list, number, place);
    assert(number <= model_list_at(list, place)->number && "a later one was found before");
    if (sectors <= most) return true;
    return rig_finds(rig, CLAUSE_ORDERED, SEEN_EXTRA,
                     "seek of the time of number %" PRIu64 ": expected a number at most %" PRIu32
                     " sectors before it, got %" PRIu64 ", %" PRIu32 " sectors before",
                     model_list_at(list, place)->number, most, number, sectors);
}

/* All items put in at that time or later have the number that seek returns, or a larger one. */
static bool check_seek(struct rig *rig, uint32_t place)
{
    struct model_list *list = items(rig);
    const struct model_item *item = model_list_at(list, place);
    uint64_t number = 0;
    if (!calls(rig)->seek || !item || item->number == MODEL_NUMBER_NONE || list->uncertain)
        return true;
    rig_before(rig, ADAPTER_CALL_SEEK);
    enum answer answer = calls(rig)->seek(rig_here(rig)->object, item->time, &number);
    if (!rig_after(rig, ADAPTER_CALL_SEEK, answer)) return false;
    if (rig_is_off(rig)) return true;
    if (rig_read_failed(rig, answer)) return true;
    if (answer == ANSWER_OK && number <= item->number) return check_near(rig, place, number);
    return rig_finds(rig, CLAUSE_ORDERED, answer == ANSWER_OK ? SEEN_ORDER : rig_seen_of(answer),
                     "seek of time %" PRIu32 ": expected ok and number %" PRIu64
                     " or an earlier one, got %s and %" PRIu64,
                     item->time, item->number, rig_answer_name(answer), number);
}

/* Whether a range is that of what the look before it saw. What waits in RAM may count or not. */
static bool is_range(const struct rig *rig, uint64_t first, uint64_t end)
{
    const struct rig_sight *sight = sight_of(rig);
    bool waits = rig->design.buffers;
    assert(rig->design.numbered && "items have numbers");
    if (sight->count == 0) return waits ? first <= end : first == end;
    uint64_t after = sight->seen[sight->count - 1].number + 1;
    return first == sight->seen[0].number && (waits ? end >= after : end == after);
}

/* Right after a look: the range is that of the items which it saw. Where bits rotted, or read
 * differently each time, an item may be there for one of the two alone. */
static bool check_range(struct rig *rig)
{
    const struct rig_sight *sight = sight_of(rig);
    uint64_t first = 0, end = 0;
    if (!rig->design.numbered || !calls(rig)->range || rig->rotten || rig->design.tail_open ||
        sight->damaged)
        return true;
    rig_before(rig, ADAPTER_CALL_RANGE);
    enum answer answer = calls(rig)->range(rig_here(rig)->object, &first, &end);
    if (!rig_after(rig, ADAPTER_CALL_RANGE, answer)) return false;
    if (rig_is_off(rig) || rig_read_failed(rig, answer)) return true;
    if (answer == ANSWER_OK && is_range(rig, first, end)) return true;
    uint64_t oldest = sight->count ? sight->seen[0].number : 0;
    rig_finds(rig, CLAUSE_ORDERED, answer == ANSWER_OK ? SEEN_ORDER : rig_seen_of(answer),
              "range: expected %" PRIu32 " items from number %" PRIu64 " on, got %s, %" PRIu64
              " and %" PRIu64,
              sight->count, oldest, rig_answer_name(answer), first, end);
    return rig_goes_on(rig);
}

/* Looks, where an item up to this place may be gone: what an append dropped, what rotted and what a
 * change has settled is not known before a look, and places are counted as the engine counts. */
static bool look_if_unsure(struct rig *rig, uint32_t place)
{
    const struct model_list *list = items(rig);
    bool unsure = false;
    for (uint32_t i = list->first; i < list->end && i - list->first <= place && !unsure; i++)
        unsure = list->items[i].state != ITEM_HELD && list->items[i].state != ITEM_PENDING;
    return !list->uncertain || !unsure || look(rig, rig_here(rig)->object, false);
}

/* What the scenario expects of an item. Where that contradicts its own operations and power was
 * never cut, the scenario is wrong, or the engine refused what it was asked. */
static bool check_claim(struct rig *rig, const struct op *op)
{
    char want[RIG_TEXT_MAX], have[RIG_TEXT_MAX], why[RIG_REFUSAL_MAX];
    assert(op->kind == OP_OLDEST || op->kind == OP_NEWEST);
    if (!look(rig, rig_here(rig)->object, false)) return false;
    const struct model_list *list = items(rig);
    uint32_t count = model_list_count(list);
    const struct model_item *item =
        model_list_at(list, op->kind == OP_OLDEST || !count ? 0 : count - 1);
    const struct value *value = item ? item->value : NULL;
    bool fits = value && op->value ? is_value(value, op->value->bytes, op->value->size)
                                   : value == op->value;
    if (fits || !rig_is_uncut(rig)) return true;
    rig_print_refusal(rig, why);
    return rig_finds(rig, CLAUSE_SCENARIO, SEEN_UNKNOWN,
                     "the scenario expects %s as the %s, its own operations leave %s%s%s",
                     rig_value_text(op->value, want), op_name(op->kind),
                     rig_value_text(value, have), *why ? "; " : "", why);
}

static bool call(struct rig *rig, const struct op *op, enum answer *answer)
{
    switch (op->kind) {
    case OP_PUSH:
    case OP_APPEND:
    case OP_CLEAR:
    case OP_SYNC:
    case OP_SEAL:
    case OP_IDLE:
        return call_change(rig, op, answer);
    case OP_POP:
        return look_if_unsure(rig, op->count) && call_change(rig, op, answer);
    case OP_PEEK:
        if (!calls(rig)->peek) rig_refused(rig, op, ANSWER_UNSUPPORTED);
        return look_if_unsure(rig, 0) && peek_twice(rig);
    case OP_READ:
        if (!calls(rig)->read) rig_refused(rig, op, ANSWER_UNSUPPORTED);
        return look_if_unsure(rig, op->count) && read_twice(rig, op->count);
    case OP_OLDEST:
    case OP_NEWEST:
        return check_claim(rig, op);
    default:
        return rig_misfits(rig, op);
    }
}

/* One item, another each time. */
static bool agree(struct rig *rig)
{
    const struct model_list *list = items(rig);
    uint32_t count = model_list_count(list);
    if (!check_range(rig)) return false;
    if (rig_is_off(rig)) return true;
    if (!check_peek(rig, CLAUSE_SETTLED)) return false;
    if (count == 0 || list->uncertain) return true;
    uint32_t place = (uint32_t)(list->digest % count);
    if (!check_read(rig, place, CLAUSE_SETTLED)) return false;
    return rig_is_off(rig) || check_seek(rig, place);
}

/* --- use --- */

static bool appends(const struct rig *rig)
{
    return rig->exercise->way == EXERCISE_APPEND;
}

static bool put(struct rig *rig, const struct value *value, enum answer *answer)
{
    struct op op = {.kind = appends(rig) ? OP_APPEND : OP_PUSH, .value = value};
    if (!call_change(rig, &op, answer)) return false;
    if (*answer == ANSWER_OK || rig_is_off(rig) || op.kind == OP_PUSH) return true;
    return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(*answer),
                     "append of %" PRIu32 " bytes: expected ok, got %s", value->size,
                     rig_answer_name(*answer));
}

static bool sync_all(struct rig *rig)
{
    enum answer answer;
    return rig_is_off(rig) || call_change(rig, &(struct op){.kind = OP_SYNC}, &answer);
}

/* Calls that the flash has refused so far, of sectors that are worn out. */
static uint64_t worn(const struct rig *rig)
{
    return rig->faults & FAULT_ROT ? chip_counters(rig->chip)->refused : 0;
}

/* Reads that went wrong so far. */
static uint64_t glitched(const struct rig *rig)
{
    return chip_counters(rig->chip)->glitched;
}

/* What a queue says that it takes, of items of the exercise. */
struct space {
    bool said;
    uint64_t least, most;
    uint64_t worn, glitched; /* as it was said */
};

static bool ask_space(struct rig *rig, struct space *space)
{
    uint32_t size = rig->exercise->values[0]->size, sectors = calls(rig)->space_sectors;
    assert(size > 0 && rig->exercise->values[1]->size == size && "both are of one size");
    *space = (struct space){.most = UINT64_MAX, .worn = worn(rig)};
    if (!calls(rig)->space || rig->design.buffers || appends(rig)) return true;
    rig_before(rig, ADAPTER_CALL_SPACE);
    enum answer answer = calls(rig)->space(rig_here(rig)->object, size, &space->least);
    if (!rig_after(rig, ADAPTER_CALL_SPACE, answer)) return false;
    if (rig_is_off(rig) || answer == ANSWER_UNSUPPORTED || rig_read_failed(rig, answer))
        return true;
    if (answer != ANSWER_OK)
        return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(answer), "space: expected ok, got %s",
                         rig_answer_name(answer));
    uint64_t more = (uint64_t)sectors * (chip_flash(rig->chip)->geometry.sector_size / size);
    space->said = true;
    space->glitched = glitched(rig);
    if (sectors && space->least < UINT64_MAX - more) space->most = space->least + more;
    assert(space->least <= space->most);
    return true;
}

/* The push after `count` others was refused, for the queue is full. Where a read of a push went
 * wrong, what it answers is no proof of what space() said. */
static bool check_space(struct rig *rig, const struct space *space, uint64_t count)
{
    if (!space->said || rig->rotten || worn(rig) != space->worn) return true;
    if (glitched(rig) != space->glitched) return true;
    if (space->least <= count && count <= space->most) return true;
    rig_finds(rig, CLAUSE_HONEST, count < space->least ? SEEN_REFUSED : SEEN_LESS,
              "items of %" PRIu32 " bytes until it is full: expected at %s %" PRIu64
              ", as space() said, got %" PRIu64,
              rig->exercise->values[0]->size, count < space->least ? "least" : "most",
              count < space->least ? space->least : space->most, count);
    return rig_goes_on(rig);
}

/* Puts items in until no more is taken, or the rounds are over. A queue is filled up more than once
 * in an exercise, which remembers how much it took: its rest depends on more than the state. */
static bool fill_up(struct rig *rig, uint32_t *count)
{
    const struct exercise *exercise = rig->exercise;
    uint64_t erases = chip_counters(rig->chip)->erases;
    enum answer answer = ANSWER_OK;
    struct space space;
    *count = 0;
    if (!ask_space(rig, &space)) return false;
    for (; *count < exercise->rounds && !rig_is_off(rig); ++*count) {
        if (appends(rig) && rig_rest_is_known(rig, *count, &erases)) return false;
        if (!put(rig, exercise->values[*count % 2], &answer)) return false;
        if (answer != ANSWER_OK || rig_is_off(rig)) break;
    }
    if (answer == ANSWER_FULL && !rig_is_off(rig) && !check_space(rig, &space, *count))
        return false;
    return sync_all(rig);
}

static bool drain(struct rig *rig)
{
    static const struct op pop = {.kind = OP_POP};
    enum answer answer = ANSWER_OK;
    if (!look_if_unsure(rig, UINT32_MAX)) return false;
    uint32_t count = model_list_count(items(rig));
    for (uint32_t i = 0; i <= count && answer == ANSWER_OK && !rig_is_off(rig); i++) {
        if (!call_change(rig, &pop, &answer)) return false;
    }
    if (rig_is_off(rig) || model_list_count(items(rig)) == 0) return true;
    return rig_finds(rig, CLAUSE_ALIVE, item_seen(answer),
                     "popping a queue empty: expected up to %" PRIu32 " items, then none, got %s",
                     count, rig_answer_name(answer));
}

/* A queue that was popped empty took not one of the items that it took before: it may have work to
 * do first, for which the firmware has time now. If no item goes in after that, it is of no use,
 * whatever a fresh one does: one that never gives room back refuses the same. */
static bool fill_again(struct rig *rig, uint32_t *held)
{
    enum answer answer;
    uint64_t before = worn(rig);
    assert(*held == 0 && !rig_is_off(rig));
    if (!call_change(rig, &(struct op){.kind = OP_IDLE}, &answer) || rig_is_off(rig))
        return rig_is_off(rig);
    if (!fill_up(rig, held)) return false;
    if (*held || rig_is_off(rig) || rig->rotten || worn(rig) != before) return true;
    rig->call = ADAPTER_CALL_PUSH;
    return rig_finds(rig, CLAUSE_ALIVE, SEEN_REFUSED,
                     "push into a queue that was filled, popped empty and idle: expected ok, got a "
                     "refusal");
}

/* What a full queue held at its first and at its second filling. */
struct filled {
    uint32_t first, held;
    bool rested; /* the second one took an idle() before it */
};

/* Counts what a full queue holds, twice: the second time nothing is left of what was in it. */
static bool fill_and_drain(struct rig *rig, bool may_rest, struct filled *it)
{
    *it = (struct filled){0};
    if (!fill_up(rig, &it->first) || rig_is_off(rig)) return rig_is_off(rig);
    if (!drain(rig) || rig_is_off(rig)) return rig_is_off(rig);
    if (!fill_up(rig, &it->held)) return false;
    bool took = it->first || rig->exercise->rests; /* it could be at a place where it rests */
    it->rested = may_rest && took && !it->held && !rig_is_off(rig);
    if (it->rested && !fill_again(rig, &it->held)) return false;
    return rig_is_off(rig) || drain(rig);
}

static bool go_around(struct rig *rig, uint32_t *held)
{
    if (!fill_up(rig, held)) return false;
    if (!rig_is_off(rig) && !look(rig, rig_here(rig)->object, false)) return false;
    *held = model_list_count(items(rig));
    return true;
}

/* What a fresh queue takes at once, this one does. */
static bool push_and_pop(struct rig *rig, uint32_t need, uint32_t *held)
{
    struct filled it;
    bool fine = fill_and_drain(rig, rig->exercise->rests || !need, &it);
    *held = it.held;
    return fine;
}

static bool go_the_way(struct rig *rig, uint32_t need, uint32_t *held)
{
    switch (rig->exercise->way) {
    case EXERCISE_APPEND:
        return go_around(rig, held);
    case EXERCISE_PUSH:
        return fill_up(rig, held);
    default:
        return push_and_pop(rig, need, held);
    }
}

static bool exercise_list(struct rig *rig, bool must)
{
    uint32_t held = 0, need = must ? rig->exercise->need : 0;
    uint64_t before = worn(rig);
    if (!go_the_way(rig, need, &held)) return false;
    if (rig_is_off(rig) || held >= need || worn(rig) != before) return true;
    rig->call = ADAPTER_CALL_PUSH; /* no other call has too little room */
    return rig_finds(rig, CLAUSE_ALIVE, SEEN_LESS,
                     "a full store: expected at least %" PRIu32
                     " items, as a fresh one holds, got %" PRIu32,
                     need, held);
}

/* Pushes an item of `size` bytes and, where it is taken, pops it again. */
static bool try_size(struct rig *rig, uint32_t size, enum answer *answer)
{
    const struct value *value = exercise_sized(rig->exercise, size);
    if (!put(rig, value, answer)) return false;
    if (*answer != ANSWER_OK || rig_is_off(rig)) return true;
    enum answer popped;
    assert(model_list_count(items(rig)) > 0 && "the item that was just taken");
    struct op pop = {.kind = OP_POP, .count = model_list_count(items(rig)) - 1};
    return call_change(rig, &pop, &popped);
}

/* An item of the size that fits() returns fits, one that is larger does not. */
static bool check_fits(struct rig *rig)
{
    uint32_t size = 0;
    enum answer answer = ANSWER_OK;
    if (!calls(rig)->fits || rig->design.buffers || appends(rig)) return true;
    rig_before(rig, ADAPTER_CALL_FITS);
    enum answer fits = calls(rig)->fits(rig_here(rig)->object, &size);
    if (!rig_after(rig, ADAPTER_CALL_FITS, fits)) return false;
    if (rig_is_off(rig) || fits == ANSWER_UNSUPPORTED || rig_read_failed(rig, fits)) return true;
    if (fits != ANSWER_FULL && (fits != ANSWER_OK || size > rig->value_size_max))
        return rig_finds(rig, CLAUSE_HONEST, fits == ANSWER_OK ? SEEN_EXTRA : rig_seen_of(fits),
                         "fits: expected full, or ok and at most %" PRIu32
                         " bytes, got %s and %" PRIu32,
                         rig->value_size_max, rig_answer_name(fits), size);
    if (!try_size(rig, fits == ANSWER_OK ? size + 1 : rig->value_size_min, &answer)) return false;
    if (rig_is_off(rig)) return true;
    if (answer == ANSWER_OK)
        return rig_finds(
            rig, CLAUSE_HONEST, SEEN_EXTRA,
            "push of more than fits() returned, %" PRIu32 " bytes: expected full, got ok", size);
    if (fits == ANSWER_FULL) return true;
    if (size < rig->value_size_min) return true;
    if (!try_size(rig, size, &answer)) return false;
    return answer == ANSWER_OK || rig_is_off(rig) ||
           rig_finds(rig, CLAUSE_HONEST, rig_seen_of(answer),
                     "push of what fits() returned, %" PRIu32 " bytes: expected ok, got %s", size,
                     rig_answer_name(answer));
}

static bool use_all(struct rig *rig, bool must)
{
    if (!look_if_unsure(rig, UINT32_MAX)) return false;
    if (!rig_is_off(rig) && !check_fits(rig)) return false;
    if (!rig_is_off(rig) && !exercise_list(rig, must)) return false;
    bool looked = appends(rig); /* at the end of the way around */
    if (!rig_is_off(rig) && !looked && !look(rig, rig_here(rig)->object, false)) return false;
    return rig_is_off(rig) || check_range(rig);
}

/* The exercise fills up until a push is refused: that refuses nothing of the scenario's work. */
static bool use(struct rig *rig, bool must)
{
    struct refusals refusals = rig->refusals;
    bool fine = use_all(rig, must);
    rig->refusals = refusals;
    return fine;
}

static bool put_all(struct rig *rig, const struct model *content)
{
    const struct model_list *list = &content->list;
    enum answer answer = ANSWER_OK;
    for (uint32_t i = list->first; i < list->end && answer == ANSWER_OK; i++) {
        if (!put(rig, list->items[i].value, &answer)) return false;
    }
    return answer == ANSWER_OK && sync_all(rig);
}

/* --- what a fresh store does --- */

/* The least that a log holds while it is overwritten. One less where items lie across two sectors:
 * which of them do depends on what was put in before. 0 where the ring is too large to be gone
 * around: then how much is held depends on what was there before. */
static bool least_held(struct rig *rig, uint32_t *least)
{
    enum answer answer;
    uint32_t before = model_list_count(items(rig));
    if (!go_around(rig, least)) return false;
    if (*least == before + rig->exercise->rounds) {
        *least = 0;
        return true;
    }
    for (uint32_t i = 0; i < rig->exercise->rounds; i++) {
        if (!put(rig, rig->exercise->values[i % 2], &answer) || !sync_all(rig)) return false;
        if (!look(rig, rig_here(rig)->object, false)) return false;
        if (model_list_count(items(rig)) < *least) *least = model_list_count(items(rig));
    }
    *least -= rig->design.spans && *least != 0;
    return true;
}

/* What a queue holds that is filled anew. Where the rounds are over before it is full, the second
 * filling begins anywhere in a sector, and what is left of that one may be nothing. */
static bool refilled(struct rig *rig, struct exercise *exercise)
{
    struct filled it;
    uint32_t size = rig->exercise->values[0]->size;
    uint32_t sector = chip_flash(rig->chip)->geometry.sector_size / size;
    if (!fill_and_drain(rig, true, &it)) return false;
    exercise->need = it.held;
    exercise->rests = it.rested;
    assert(it.held <= rig->exercise->rounds && (!it.rested || it.first));
    if (it.first == rig->exercise->rounds) exercise->need -= it.held < sector ? it.held : sector;
    return true;
}

/* Whether a fresh store does this on this chip. */
static bool does(struct rig *rig, enum op_kind kind)
{
    enum answer answer = ANSWER_OK;
    struct op op = {.kind = kind, .value = kind == OP_POP ? NULL : rig->exercise->values[0]};
    return call_change(rig, &op, &answer) && answer != ANSWER_UNSUPPORTED;
}

bool rig_measure(struct rig *rig, struct exercise *exercise)
{
    if (rig->adapter->kind == ADAPTER_MAP) return true;
    bool pops = calls(rig)->pop && does(rig, OP_PUSH) && does(rig, OP_POP);
    rig->exercise->way = pops                   ? EXERCISE_PUSH_AND_POP
                         : does(rig, OP_APPEND) ? EXERCISE_APPEND
                                                : EXERCISE_PUSH;
    exercise->way = rig->exercise->way;
    if (exercise->way == EXERCISE_PUSH) return false; /* what it held before stays */
    return appends(rig) ? least_held(rig, &exercise->need) : refilled(rig, exercise);
}

const struct rig_kind rig_list = {.make = make,
                                  .free = free_sights,
                                  .call = call,
                                  .look = look,
                                  .exercise = exercise_list,
                                  .use = use,
                                  .fill = put_all,
                                  .agree = agree};
