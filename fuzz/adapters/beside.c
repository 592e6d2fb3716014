/* beside.c - see beside.h.
 *
 * Each call is made in three steps: whose turn is it, is that engine mounted, call it. A change
 * makes the other engine's object stale: it is mounted anew before it is called again. Its memory
 * is filled with junk then, as power-on does; at the first mount the harness has done that.
 */
#include "fuzz/adapters/beside.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define JUNK 0xA5

/* The last disagreement, and the engine that was called last. Memory of the thread: that of a
 * plug-in that includes this must not change. */
static _Thread_local char disagreement[120];
static _Thread_local const struct adapter *called;

/* --- what the two are asked --- */

const char *beside_refuses(const struct beside_two *two, const struct bo_flash_geometry *g)
{
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        const struct adapter *it = two->adapters[side];
        const char *reason = it->refuses ? it->refuses(g, &two->settings[side]) : NULL;
        if (reason) return reason;
    }
    return NULL;
}

void beside_limits(const struct beside_two *two, const struct bo_flash_geometry *g,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    uint32_t least, most, value;
    const struct adapter *const *it = two->adapters;
    assert(it[BESIDE_FIRST]->kind == it[BESIDE_SECOND]->kind && "one set of calls");
    it[BESIDE_FIRST]->limits(g, &two->settings[BESIDE_FIRST], key_size_min, key_size_max,
                             value_size_max);
    it[BESIDE_SECOND]->limits(g, &two->settings[BESIDE_SECOND], &least, &most, &value);
    if (least > *key_size_min) *key_size_min = least;
    if (most < *key_size_max) *key_size_max = most;
    if (value < *value_size_max) *value_size_max = value;
}

uint32_t beside_widened(const struct beside_two *two, const struct bo_flash_geometry *g,
                        unsigned sides)
{
    uint32_t widened = 0;
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        if (sides >> side & 1)
            widened |= adapter_widened(two->adapters[side], g, &two->settings[side]);
    }
    return widened;
}

/* Bytes for a value that the first one reads too; engines may copy more than the limit. */
static size_t value_room(const struct bo_flash_geometry *g)
{
    return ((size_t)g->sector_size + 63) & ~(size_t)15;
}

static size_t engine_size(const struct beside_two *two, unsigned side,
                          const struct bo_flash_geometry *g)
{
    return (two->adapters[side]->object_size(g, &two->settings[side]) + 15) & ~(size_t)15;
}

size_t beside_object_size(const struct beside_two *two, const struct bo_flash_geometry *g)
{
    size_t values = two->rule->both_read ? value_room(g) : 0;
    return sizeof(struct beside_object) + values + engine_size(two, BESIDE_FIRST, g) +
           engine_size(two, BESIDE_SECOND, g);
}

const char *beside_panic(void)
{
    if (disagreement[0]) return disagreement;
    return called && called->panic ? called->panic() : NULL;
}

enum answer beside_disagree(const char *what)
{
    snprintf(disagreement, sizeof disagreement, "%s", what);
    return ANSWER_PANIC;
}

/* --- whose turn --- */

void beside_place(struct beside_object *object, const struct beside_two *two,
                  const struct bo_flash *flash, const struct adapter_settings *given)
{
    uint32_t key_min, key_max;
    const struct bo_flash_geometry *g = &flash->geometry;
    size_t at = two->rule->both_read ? value_room(g) : 0;
    assert(two->rule->writer && two->rule->reader);
    object->two = *two;
    object->given = *given;
    object->flash = flash;
    beside_limits(two, g, &key_min, &key_max, &object->value_max);
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        object->places[side] = at;
        object->sizes[side] = engine_size(two, side, g);
        object->used[side] = object->mounted[side] = false;
        at += object->sizes[side];
    }
    assert(sizeof *object + at == beside_object_size(two, g) &&
           "what the harness has made room for");
    object->mended = false;
    object->turn = 0;
}

static void *memory_of(struct beside_object *object, enum beside_side side)
{
    assert(object->places[side] % alignof(max_align_t) == 0 && object->sizes[side]);
    return object->bytes + object->places[side];
}

/* The engine is about to be called. */
static const struct adapter *engine(struct beside_object *object, enum beside_side side)
{
    disagreement[0] = 0;
    called = object->two.adapters[side];
    return called;
}

enum answer beside_turn_to(struct beside_object *object, enum beside_side side)
{
    if (object->mounted[side]) return ANSWER_OK;
    void *memory = memory_of(object, side);
    if (object->used[side]) memset(memory, JUNK, object->sizes[side]);
    object->used[side] = true;
    enum answer answer =
        engine(object, side)->mount(memory, object->flash, &object->two.settings[side]);
    object->mounted[side] = answer == ANSWER_OK;
    return answer;
}

enum answer beside_format(struct beside_object *object, enum beside_side side)
{
    assert(!object->mounted[BESIDE_FIRST] && !object->mounted[BESIDE_SECOND]);
    object->used[side] = true;
    if (object->two.adapters[side]->format == NULL) return ANSWER_OK;
    return engine(object, side)
        ->format(memory_of(object, side), object->flash, &object->two.settings[side]);
}

enum answer beside_reset(struct beside_object *object, enum beside_side side)
{
    const struct adapter *it = engine(object, side);
    assert(it->reset && !object->mounted[BESIDE_FIRST] && !object->mounted[BESIDE_SECOND]);
    object->used[side] = true;
    enum answer answer =
        it->reset(memory_of(object, side), object->flash, &object->two.settings[side]);
    object->mounted[side] = answer == ANSWER_OK && it->promised & ADAPTER_RESET_MOUNTS;
    return answer;
}

/* An engine that is called now: `memory` is NULL where it could not be mounted. */
struct turn {
    struct beside_object *object;
    enum beside_side side;
    enum answer answer;
    void *memory;
    const struct adapter_map *map;
    const struct adapter_list *list;
};

static struct turn turn_of(struct beside_object *object, enum beside_side side)
{
    struct turn on = {.object = object, .side = side, .answer = beside_turn_to(object, side)};
    const struct adapter *it = engine(object, side);
    if (on.answer != ANSWER_OK) return on;
    assert(object->mounted[side]);
    on.memory = memory_of(object, side);
    on.map = it->map;
    on.list = it->list;
    return on;
}

static enum beside_side writer(const struct beside_object *object)
{
    return object->two.rule->writer(object);
}

static enum beside_side reader(const struct beside_object *object)
{
    return object->two.rule->reader(object);
}

static struct turn writes(void *it)
{
    return turn_of(it, writer(it));
}

static struct turn reads(void *it)
{
    return turn_of(it, reader(it));
}

/* As writes(), for a value of this size. */
static struct turn put_turn(void *it, uint32_t size)
{
    const struct beside_object *object = it;
    if (size > object->value_max) return (struct turn){.answer = ANSWER_TOO_BIG};
    return writes(it);
}

static enum answer changed(const struct turn *on, enum answer answer)
{
    assert(on->memory && on->object->mounted[on->side]);
    on->object->turn++;
    on->object->mounted[on->side == BESIDE_FIRST ? BESIDE_SECOND : BESIDE_FIRST] = false;
    return answer;
}

/* What puts something in surely writes; what takes something out may have found nothing. */
static enum answer put(const struct turn *on, enum answer answer)
{
    assert(on->side == BESIDE_FIRST || on->side == BESIDE_SECOND);
    if (answer == ANSWER_OK && on->side == BESIDE_FIRST) on->object->mended = true;
    return changed(on, answer);
}

/* --- both read --- */

/* What one has read, into a buffer of `capacity` bytes. */
struct reading {
    enum answer answer;
    uint32_t size, capacity;
    const void *value;
};

/* For a value that is longer than the buffer an engine may answer either way. */
static bool is_value(const struct reading *it)
{
    return it->answer == ANSWER_OK || (it->answer == ANSWER_TOO_BIG && it->size > it->capacity);
}

/* The answer of the second one, if both have read the same. */
static enum answer agree(const struct reading *second, const struct reading *first)
{
    static const char *const words[] = {"a value", "nothing", "full",  "too big",
                                        "refused", "damage",  "flash", "a panic"};
    char text[sizeof disagreement];
    uint32_t bytes = second->size < first->capacity ? second->size : first->capacity;
    bool same = is_value(second) && is_value(first)
                    ? second->size == first->size && memcmp(second->value, first->value, bytes) == 0
                    : second->answer == first->answer;
    if (same) return second->answer;
    assert(second->answer <= ANSWER_PANIC && first->answer <= ANSWER_PANIC);
    snprintf(text, sizeof text,
             "the second reads %s, %u bytes, the first %s, %u bytes, from the same flash",
             words[second->answer], (unsigned)second->size, words[first->answer],
             (unsigned)first->size);
    return beside_disagree(text);
}

static bool both_read(const struct beside_object *object)
{
    const struct beside_rule *rule = object->two.rule;
    return rule->both_read && rule->both_read(object);
}

static uint32_t room_for(const struct beside_object *object, uint32_t capacity)
{
    uint32_t room = (uint32_t)value_room(&object->flash->geometry);
    assert(object->two.rule->both_read && room <= object->places[BESIDE_FIRST]);
    return capacity < room ? capacity : room;
}

/* --- a map --- */

static enum answer map_store(void *it, const void *key, uint32_t key_size, const void *value,
                             uint32_t value_size)
{
    struct turn on = put_turn(it, value_size);
    if (!on.memory) return on.answer;
    return put(&on, on.map->store(on.memory, key, key_size, value, value_size));
}

static struct reading map_read(struct beside_object *object, enum beside_side side, const void *key,
                               uint32_t key_size, void *buffer, uint32_t capacity)
{
    struct turn on = turn_of(object, side);
    struct reading it = {on.answer, 0, capacity, buffer};
    if (on.memory) it.answer = on.map->fetch(on.memory, key, key_size, buffer, capacity, &it.size);
    return it;
}

static enum answer map_fetch(void *it, const void *key, uint32_t key_size, void *buffer,
                             uint32_t capacity, uint32_t *value_size)
{
    struct beside_object *object = it;
    struct reading here = map_read(object, reader(object), key, key_size, buffer, capacity);
    *value_size = here.size;
    if (!both_read(object)) return here.answer;
    struct reading there =
        map_read(object, BESIDE_FIRST, key, key_size, object->bytes, room_for(object, capacity));
    return agree(&here, &there);
}

static enum answer map_remove(void *it, const void *key, uint32_t key_size)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.map->remove(on.memory, key, key_size)) : on.answer;
}

static enum answer map_clear(void *it)
{
    struct beside_object *object = it;
    enum beside_side side = writer(object);
    if (object->two.adapters[side]->map->clear == NULL) side = BESIDE_FIRST;
    struct turn on = turn_of(object, side);
    return on.memory ? changed(&on, on.map->clear(on.memory)) : on.answer;
}

static enum answer map_each(void *it, adapter_visit *visit, void *context)
{
    struct beside_object *object = it;
    enum beside_side side = reader(object);
    if (object->two.adapters[side]->map->each == NULL) side = BESIDE_FIRST;
    struct turn on = turn_of(object, side);
    return on.memory ? on.map->each(on.memory, visit, context) : on.answer;
}

static enum answer map_begin(void *it)
{
    struct turn on = writes(it);
    return on.memory ? on.map->begin(on.memory) : on.answer;
}

static enum answer map_commit(void *it)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.map->commit(on.memory)) : on.answer;
}

static enum answer map_abort(void *it)
{
    struct turn on = writes(it);
    return on.memory ? on.map->abort(on.memory) : on.answer;
}

static enum answer map_fetch_own(void *it, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *size)
{
    struct turn on = writes(it);
    if (!on.memory) return on.answer;
    return on.map->fetch_own(on.memory, key, key_size, buffer, capacity, size);
}

static enum answer map_open(void *it, uint32_t snapshot)
{
    struct turn on = reads(it);
    return on.memory ? on.map->open(on.memory, snapshot) : on.answer;
}

static enum answer map_close(void *it, uint32_t snapshot)
{
    struct turn on = reads(it);
    return on.memory ? on.map->close(on.memory, snapshot) : on.answer;
}

static enum answer map_fetch_at(void *it, uint32_t snapshot, const void *key, uint32_t key_size,
                                void *buffer, uint32_t capacity, uint32_t *size)
{
    struct turn on = reads(it);
    if (!on.memory) return on.answer;
    return on.map->fetch_at(on.memory, snapshot, key, key_size, buffer, capacity, size);
}

static enum answer map_scan(void *it, uint32_t snapshot, const void *from, uint32_t from_size,
                            const void *to, uint32_t to_size, adapter_visit *visit, void *context)
{
    struct turn on = reads(it);
    if (!on.memory) return on.answer;
    return on.map->scan(on.memory, snapshot, from, from_size, to, to_size, visit, context);
}

static enum answer map_collect(void *it)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.map->collect(on.memory)) : on.answer;
}

static enum answer map_destroy(void *it, const void *key, uint32_t key_size)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.map->destroy(on.memory, key, key_size)) : on.answer;
}

/* --- a queue or a log --- */

static enum answer list_push(void *it, const void *data, uint32_t size)
{
    struct turn on = put_turn(it, size);
    return on.memory ? put(&on, on.list->push(on.memory, data, size)) : on.answer;
}

static enum answer list_append(void *it, const void *data, uint32_t size, uint64_t time)
{
    struct turn on = put_turn(it, size);
    return on.memory ? put(&on, on.list->append(on.memory, data, size, time)) : on.answer;
}

static struct reading list_read_oldest(struct beside_object *object, enum beside_side side,
                                       void *buffer, uint32_t capacity)
{
    struct turn on = turn_of(object, side);
    struct reading it = {on.answer, 0, capacity, buffer};
    if (on.memory) it.answer = on.list->peek(on.memory, buffer, capacity, &it.size);
    return it;
}

static enum answer list_peek(void *it, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct beside_object *object = it;
    struct reading here = list_read_oldest(object, reader(object), buffer, capacity);
    *size = here.size;
    if (!both_read(object)) return here.answer;
    struct reading there =
        list_read_oldest(object, BESIDE_FIRST, object->bytes, room_for(object, capacity));
    return agree(&here, &there);
}

static enum answer list_pop(void *it, uint32_t place, void *buffer, uint32_t capacity,
                            uint32_t *size)
{
    struct turn on = writes(it);
    if (!on.memory) return on.answer;
    return changed(&on, on.list->pop(on.memory, place, buffer, capacity, size));
}

static enum answer list_read(void *it, uint64_t number, void *buffer, uint32_t capacity,
                             uint32_t *size)
{
    struct turn on = reads(it);
    return on.memory ? on.list->read(on.memory, number, buffer, capacity, size) : on.answer;
}

static enum answer list_seek(void *it, uint64_t time, uint64_t *number)
{
    struct turn on = reads(it);
    return on.memory ? on.list->seek(on.memory, time, number) : on.answer;
}

static enum answer list_clear(void *it)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.list->clear(on.memory)) : on.answer;
}

static enum answer list_sync(void *it)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.list->sync(on.memory)) : on.answer;
}

static enum answer list_seal(void *it)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.list->seal(on.memory)) : on.answer;
}

static enum answer list_idle(void *it)
{
    struct turn on = writes(it);
    return on.memory ? changed(&on, on.list->idle(on.memory)) : on.answer;
}

/* A value that only one of them takes is too big for the two. */
static enum answer list_fits(void *it, uint32_t *size)
{
    struct turn on = reads(it);
    if (!on.memory) return on.answer;
    enum answer answer = on.list->fits(on.memory, size);
    if (answer == ANSWER_OK && *size > on.object->value_max) *size = on.object->value_max;
    return answer;
}

static enum answer list_space(void *it, uint32_t size, uint64_t *count)
{
    struct turn on = reads(it);
    if (!on.memory) return on.answer;
    if (size <= on.object->value_max) return on.list->space(on.memory, size, count);
    *count = 0;
    return ANSWER_OK;
}

static enum answer list_range(void *it, uint64_t *first, uint64_t *end)
{
    struct turn on = reads(it);
    return on.memory ? on.list->range(on.memory, first, end) : on.answer;
}

static enum answer list_each(void *it, adapter_item *item, void *context)
{
    struct turn on = reads(it);
    return on.memory ? on.list->each(on.memory, item, context) : on.answer;
}

const struct adapter_map beside_map = {
    .store = map_store,
    .fetch = map_fetch,
    .remove = map_remove,
    .clear = map_clear,
    .each = map_each,
    .begin = map_begin,
    .commit = map_commit,
    .abort = map_abort,
    .fetch_own = map_fetch_own,
    .open = map_open,
    .close = map_close,
    .fetch_at = map_fetch_at,
    .scan = map_scan,
    .collect = map_collect,
    .destroy = map_destroy,
};
const struct adapter_list beside_list = {
    .push = list_push,
    .append = list_append,
    .peek = list_peek,
    .pop = list_pop,
    .read = list_read,
    .seek = list_seek,
    .clear = list_clear,
    .sync = list_sync,
    .seal = list_seal,
    .idle = list_idle,
    .fits = list_fits,
    .space = list_space,
    .range = list_range,
    .each = list_each,
};

const struct adapter_map beside_map_plain = {.store = map_store,
                                             .fetch = map_fetch,
                                             .remove = map_remove,
                                             .clear = map_clear,
                                             .each = map_each};
const struct adapter_list beside_list_plain = {.push = list_push,
                                               .append = list_append,
                                               .peek = list_peek,
                                               .pop = list_pop,
                                               .clear = list_clear,
                                               .each = list_each};
