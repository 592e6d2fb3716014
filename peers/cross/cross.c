/* cross.c - a plug-in of two engines of one flash format: what one writes, the other reads.
 *
 *     brownout explore FILE --plugin libpeer_tickv.so --plugin cross.so \
 *         --engine 'cross pair=tickv'
 *
 * One engine is ours, the other a library, whose plug-in is loaded too. Both work on one chip, so
 * all that the harness does with an engine it does with the two of them: it cuts at every write of
 * one, and holds what the other reads against the model. `cross` is for maps, `cross-queue` for
 * queues.
 *
 * What one has changed the other sees from a power-on on: it is mounted again. Ours comes first at
 * a power-on of the chip, and mends what a cut left: some engines with the mount, others with the
 * next change. So the library reads and writes after ours has put something in, or at once where
 * the scenario says so (early=1). Where the library writes alone, and was cut, ours must open what
 * the library opens.
 *
 * Where both read a value they must agree; if not, the call answers ANSWER_PANIC and the story says
 * what each has read.
 */
#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/rig/engines.h"
#include "peers/cross/cross.h"

enum side { OURS, THEIRS };
enum { OPTION_PAIR, OPTION_WRITER, OPTION_READER, OPTION_FORMAT, OPTION_EARLY };
enum { TURNS = 2, BOTH = 2 };

/* What an engine is given besides its defaults, so that the two have one format. */
struct given {
    const char *option;
    uint64_t value;
};
enum { GIVEN_MAX = 5 };

/* An engine of ours and the library of its format. Those for maps come first; each has a name. */
static const struct pair {
    const char *ours, *library;
    struct given given[GIVEN_MAX], to_library[1];
} pairs[] = {
    {"seqmap", "crate-map", {{0}}, {{0}}},
    {"original", "crate-map", {{0}}, {{0}}},
    {"tickv", "crate-tickv", {{0}}, {{"hash", 1}}},
    {"tickv-plain", "crate-tickv", {{0}}, {{"hash", 1}}},
    {"lsm", "crate-ekv", {{"key", 16}, {"value", 64}}, {{0}}},
    {"lsm", "crate-ekv", {{"key", 16}, {"value", 64}, {"crc", 0}}, {{0}}},
    {"lsm", "crate-ekv", {{"key", 16}, {"value", 64}, {"align", 1}}, {{0}}},
    {"lsm",
     "crate-ekv",
     {{"key", 16}, {"value", 64}, {"crc", 0}, {"align", 2}, {"chunk", 128}},
     {{0}}},
    {"seqqueue", "crate-queue", {{0}}, {{0}}},
    {"original-queue", "crate-queue", {{0}}, {{0}}},
};
static const char *const names[] = {"seqmap",   "original",      "tickv",     "tickv-plain",
                                    "lsm",      "lsm-plain",     "lsm-bytes", "lsm-chunks",
                                    "seqqueue", "original-queue"};
enum { MAPS = 8, PAIRS = sizeof pairs / sizeof *pairs };
static_assert(sizeof names / sizeof *names == PAIRS, "a name for each");

static const char *const writers[] = {"ours", "theirs", "turns"};
static const char *const readers[] = {"ours", "theirs", "both"};

#define PAIRS_FROM(first, end)                                                                     \
    {                                                                                              \
        .name = "pair", .summary = "our engine, tried with the library of its format",             \
        .value = (first), .min = (first), .max = (end)-1, .words = names + (first)                 \
    }
#define OTHERS                                                                                     \
    {.name = "writer",                                                                             \
     .summary = "who makes changes; turns: ours begins after each power-on",                       \
     .max = TURNS,                                                                                 \
     .words = writers},                                                                            \
        {.name = "reader", .summary = "who answers reads", .max = BOTH, .words = readers},         \
        {.name = "format", .summary = "who formats", .max = THEIRS, .words = writers},             \
        {.name = "early",                                                                          \
         .summary = "1: the library comes before ours changed anything",                           \
         .max = 1},                                                                                \
    {                                                                                              \
        .name = NULL                                                                               \
    }
static const struct adapter_option map_options[] = {PAIRS_FROM(0, MAPS), OTHERS};
static const struct adapter_option queue_options[] = {PAIRS_FROM(MAPS, PAIRS), OTHERS};

/* The two, found by the names of a pair. */
struct two {
    const struct adapter *adapters[2];
    struct adapter_settings settings[2];
    uint32_t writer, reader, format;
    bool early;
};

struct object {
    struct two two;
    const struct bo_flash *flash;
    size_t places[2]; /* of the engines in `bytes` */
    size_t sizes[2];
    uint32_t value_max;          /* of both */
    bool mounted[2];             /* since the last change of the other one */
    bool mended;                 /* ours has changed something since the power-on */
    uint32_t turn;               /* changes since then */
    alignas(16) uint8_t bytes[]; /* what the second one reads, then the engines */
};

/* The last disagreement. Memory of the thread: that of a plug-in must not change. */
static _Thread_local char disagreement[120];

/* Which engines -------------------------------------------------------------------------------- */

static const struct adapter *engine_named(const char *name)
{
    if (strcmp(name, adapter_tickv_plain.name) == 0) return &adapter_tickv_plain;
    return engines_find(name);
}

static struct adapter_settings settings_of(const struct adapter *adapter, const struct given *given,
                                           size_t count)
{
    struct adapter_settings settings = {{0}};
    for (size_t i = 0; adapter->options && adapter->options[i].name; i++) {
        settings.values[i] = adapter->options[i].value;
        for (size_t k = 0; k < count && given[k].option != NULL; k++)
            if (strcmp(given[k].option, adapter->options[i].name) == 0)
                settings.values[i] = given[k].value;
    }
    return settings;
}

/* False where the plug-in of the library is not loaded. */
static bool find(struct two *two, const struct adapter_settings *s)
{
    const struct pair *pair = &pairs[s->values[OPTION_PAIR]];
    two->writer = (uint32_t)s->values[OPTION_WRITER];
    two->reader = (uint32_t)s->values[OPTION_READER];
    two->format = (uint32_t)s->values[OPTION_FORMAT];
    two->early = s->values[OPTION_EARLY] != 0;
    two->adapters[OURS] = engine_named(pair->ours);
    two->adapters[THEIRS] = engine_named(pair->library);
    if (two->adapters[OURS] == NULL || two->adapters[THEIRS] == NULL) return false;
    two->settings[OURS] = settings_of(two->adapters[OURS], pair->given, GIVEN_MAX);
    two->settings[THEIRS] = settings_of(two->adapters[THEIRS], pair->to_library, 1);
    return true;
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct two two;
    if (!find(&two, s)) return "needs the library's plug-in too, before this one; give --plugin";
    for (unsigned side = OURS; side <= THEIRS; side++) {
        const struct adapter *it = two.adapters[side];
        const char *reason = it->refuses ? it->refuses(g, &two.settings[side]) : NULL;
        if (reason) return reason;
    }
    return NULL;
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    struct two two;
    uint32_t least, most, value;
    if (!find(&two, s)) return;
    two.adapters[OURS]->limits(g, &two.settings[OURS], key_size_min, key_size_max, value_size_max);
    two.adapters[THEIRS]->limits(g, &two.settings[THEIRS], &least, &most, &value);
    if (least > *key_size_min) *key_size_min = least;
    if (most < *key_size_max) *key_size_max = most;
    if (value < *value_size_max) *value_size_max = value;
}

static uint32_t widened(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct two two;
    if (!find(&two, s)) return 0;
    uint32_t ours = adapter_widened(two.adapters[OURS], g, &two.settings[OURS]);
    if (two.writer == OURS) return ours;
    return ours | adapter_widened(two.adapters[THEIRS], g, &two.settings[THEIRS]);
}

/* Bytes for a value that the other one reads; engines may copy more than the limit. */
static size_t value_room(const struct bo_flash_geometry *g)
{
    return ((size_t)g->sector_size + 63) & ~(size_t)15;
}

static size_t engine_size(const struct two *two, enum side side, const struct bo_flash_geometry *g)
{
    return (two->adapters[side]->object_size(g, &two->settings[side]) + 15) & ~(size_t)15;
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct two two;
    if (!find(&two, s)) return sizeof(struct object);
    return sizeof(struct object) + value_room(g) + engine_size(&two, OURS, g) +
           engine_size(&two, THEIRS, g);
}

/* False as find(). */
static bool place(struct object *object, const struct bo_flash *flash,
                  const struct adapter_settings *s)
{
    uint32_t key_min, key_max;
    if (!find(&object->two, s)) return false;
    object->flash = flash;
    limits(&flash->geometry, s, &key_min, &key_max, &object->value_max);
    size_t at = value_room(&flash->geometry);
    for (unsigned side = OURS; side <= THEIRS; side++) {
        object->places[side] = at;
        object->sizes[side] = engine_size(&object->two, (enum side)side, &flash->geometry);
        object->mounted[side] = false;
        at += object->sizes[side];
    }
    object->mended = false;
    object->turn = 0;
    return true;
}

/* Whose turn ----------------------------------------------------------------------------------- */

static const struct adapter *engine(const struct object *object, enum side side)
{
    return object->two.adapters[side];
}

static void *memory(struct object *object, enum side side)
{
    return object->bytes + object->places[side];
}

static enum answer turn_to(struct object *object, enum side side)
{
    if (object->mounted[side]) return ANSWER_OK;
    memset(memory(object, side), 0xA5, object->sizes[side]);
    enum answer answer =
        engine(object, side)
            ->mount(memory(object, side), object->flash, &object->two.settings[side]);
    object->mounted[side] = answer == ANSWER_OK;
    return answer;
}

static bool theirs_may(const struct object *object)
{
    return object->mended || object->two.early || object->two.writer == THEIRS;
}

static enum side writer(const struct object *object)
{
    uint32_t side = object->two.writer == TURNS ? object->turn % 2 : object->two.writer;
    return theirs_may(object) ? (enum side)side : OURS;
}

static enum answer after_change(struct object *object, enum side side, enum answer answer)
{
    object->turn++;
    object->mounted[side == OURS ? THEIRS : OURS] = false;
    return answer;
}

/* What puts something in surely writes; what takes something out may have found nothing. */
static enum answer after_put(struct object *object, enum side side, enum answer answer)
{
    if (answer == ANSWER_OK && side == OURS) object->mended = true;
    return after_change(object, side, answer);
}

static enum side reader(const struct object *object)
{
    return object->two.reader != OURS && theirs_may(object) ? THEIRS : OURS;
}

static bool ours_reads_too(const struct object *object)
{
    return object->two.reader == BOTH && reader(object) == THEIRS;
}

static enum answer mount(void *it, const struct bo_flash *flash, const struct adapter_settings *s)
{
    struct object *object = it;
    if (!place(object, flash, s)) return ANSWER_UNSUPPORTED;
    enum answer answer = turn_to(object, object->two.early ? THEIRS : OURS);
    if (answer != ANSWER_DAMAGED || object->two.writer != THEIRS || object->two.early)
        return answer;
    if (turn_to(object, THEIRS) != ANSWER_OK) return answer;
    snprintf(disagreement, sizeof disagreement, "the library opens what ours refuses");
    return ANSWER_PANIC;
}

static enum answer format(void *it, const struct bo_flash *flash, const struct adapter_settings *s)
{
    struct object *object = it;
    if (!place(object, flash, s)) return ANSWER_UNSUPPORTED;
    enum side side = (enum side)object->two.format;
    if (engine(object, side)->format == NULL) return ANSWER_OK;
    return engine(object, side)->format(memory(object, side), flash, &object->two.settings[side]);
}

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

/* The answer of the first, if both have read the same. */
static enum answer agree(const struct reading *here, const struct reading *there)
{
    static const char *const words[] = {"a value", "nothing", "full",  "too big",
                                        "refused", "damage",  "flash", "a panic"};
    uint32_t bytes = here->size < there->capacity ? here->size : there->capacity;
    bool same = is_value(here) && is_value(there)
                    ? here->size == there->size && memcmp(here->value, there->value, bytes) == 0
                    : here->answer == there->answer;
    if (same) return here->answer;
    snprintf(disagreement, sizeof disagreement,
             "the library reads %s, %u bytes, ours %s, %u bytes, from the same flash",
             words[here->answer], (unsigned)here->size, words[there->answer],
             (unsigned)there->size);
    return ANSWER_PANIC;
}

static uint32_t room_for(const struct object *object, uint32_t capacity)
{
    uint32_t room = (uint32_t)value_room(&object->flash->geometry);
    return capacity < room ? capacity : room;
}

static const char *panic(void)
{
    return disagreement;
}

/* A map ---------------------------------------------------------------------------------------- */

static enum answer map_store(void *it, const void *key, uint32_t key_size, const void *value,
                             uint32_t value_size)
{
    struct object *object = it;
    enum side side = writer(object);
    if (value_size > object->value_max) return ANSWER_TOO_BIG;
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    answer =
        engine(object, side)->map->store(memory(object, side), key, key_size, value, value_size);
    return after_put(object, side, answer);
}

static struct reading map_read(struct object *object, enum side side, const void *key,
                               uint32_t key_size, void *buffer, uint32_t capacity)
{
    struct reading it = {turn_to(object, side), 0, capacity, buffer};
    if (it.answer == ANSWER_OK)
        it.answer =
            engine(object, side)
                ->map->fetch(memory(object, side), key, key_size, buffer, capacity, &it.size);
    return it;
}

static enum answer map_fetch(void *it, const void *key, uint32_t key_size, void *buffer,
                             uint32_t capacity, uint32_t *value_size)
{
    struct object *object = it;
    struct reading here = map_read(object, reader(object), key, key_size, buffer, capacity);
    *value_size = here.size;
    if (!ours_reads_too(object)) return here.answer;
    struct reading there =
        map_read(object, OURS, key, key_size, object->bytes, room_for(object, capacity));
    return agree(&here, &there);
}

static enum answer map_remove(void *it, const void *key, uint32_t key_size)
{
    struct object *object = it;
    enum side side = writer(object);
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    answer = engine(object, side)->map->remove(memory(object, side), key, key_size);
    return after_change(object, side, answer);
}

/* What a library lacks is done by ours. */
static enum answer map_clear(void *it)
{
    struct object *object = it;
    enum side side = engine(object, writer(object))->map->clear ? writer(object) : OURS;
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    return after_change(object, side, engine(object, side)->map->clear(memory(object, side)));
}

static enum answer map_each(void *it, adapter_visit *visit, void *context)
{
    struct object *object = it;
    enum side side = engine(object, reader(object))->map->each ? reader(object) : OURS;
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    return engine(object, side)->map->each(memory(object, side), visit, context);
}

/* A queue -------------------------------------------------------------------------------------- */

static enum answer list_push(void *it, const void *data, uint32_t size)
{
    struct object *object = it;
    enum side side = writer(object);
    if (size > object->value_max) return ANSWER_TOO_BIG;
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    answer = engine(object, side)->list->push(memory(object, side), data, size);
    return after_put(object, side, answer);
}

static enum answer list_append(void *it, const void *data, uint32_t size, uint64_t time)
{
    struct object *object = it;
    enum side side = writer(object);
    if (size > object->value_max) return ANSWER_TOO_BIG;
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    answer = engine(object, side)->list->append(memory(object, side), data, size, time);
    return after_put(object, side, answer);
}

static enum answer list_pop(void *it, uint32_t place, void *buffer, uint32_t capacity,
                            uint32_t *size)
{
    struct object *object = it;
    enum side side = writer(object);
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    answer = engine(object, side)->list->pop(memory(object, side), place, buffer, capacity, size);
    return after_change(object, side, answer);
}

static enum answer list_clear(void *it)
{
    struct object *object = it;
    enum side side = writer(object);
    enum answer answer = turn_to(object, side);
    if (answer != ANSWER_OK) return answer;
    return after_change(object, side, engine(object, side)->list->clear(memory(object, side)));
}

static struct reading list_read(struct object *object, enum side side, void *buffer,
                                uint32_t capacity)
{
    struct reading it = {turn_to(object, side), 0, capacity, buffer};
    if (it.answer == ANSWER_OK)
        it.answer =
            engine(object, side)->list->peek(memory(object, side), buffer, capacity, &it.size);
    return it;
}

static enum answer list_peek(void *it, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct object *object = it;
    struct reading here = list_read(object, reader(object), buffer, capacity);
    *size = here.size;
    if (!ours_reads_too(object)) return here.answer;
    struct reading there = list_read(object, OURS, object->bytes, room_for(object, capacity));
    return agree(&here, &there);
}

static enum answer list_each(void *it, adapter_item *item, void *context)
{
    struct object *object = it;
    enum answer answer = turn_to(object, reader(object));
    if (answer != ANSWER_OK) return answer;
    return engine(object, reader(object))
        ->list->each(memory(object, reader(object)), item, context);
}

/* The adapters --------------------------------------------------------------------------------- */

static const struct adapter_map map = {.store = map_store,
                                       .fetch = map_fetch,
                                       .remove = map_remove,
                                       .clear = map_clear,
                                       .each = map_each};
static const struct adapter_list list = {.push = list_push,
                                         .append = list_append,
                                         .peek = list_peek,
                                         .pop = list_pop,
                                         .clear = list_clear,
                                         .each = list_each};

/* What both have. */
#define CROSS                                                                                      \
    .version = ADAPTER_VERSION, .claims = "edge,prefix", .widened_by = widened,                    \
    .widened_why = "as those of the two that write", .refuses = refuses,                           \
    .object_size = object_size, .limits = limits, .format = format, .mount = mount, .panic = panic

static const struct adapter cross = {CROSS,
                                     .kind = ADAPTER_MAP,
                                     .name = "cross",
                                     .summary = "a map of ours and a library on one flash",
                                     .options = map_options,
                                     .map = &map};
static const struct adapter cross_queue = {CROSS,
                                           .kind = ADAPTER_QUEUE,
                                           .name = "cross-queue",
                                           .summary = "a queue of ours and a library on one flash",
                                           .options = queue_options,
                                           .list = &list};

extern adapter_table brownout_adapters;
__attribute__((visibility("default")))
adapter_table brownout_adapters = {&cross, &cross_queue, &adapter_tickv_plain, NULL};
