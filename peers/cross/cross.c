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
 * Where both read a value they must agree. The calls are those of fuzz/adapters/beside; what is
 * here is which two engines, and whose turn it is.
 */
#include <assert.h>
#include <string.h>

#include "fuzz/adapters/beside.h"
#include "fuzz/rig/engines.h"
#include "peers/cross/cross.h"

#define OURS BESIDE_FIRST
#define THEIRS BESIDE_SECOND
enum { OPTION_PAIR, OPTION_WRITER, OPTION_READER, OPTION_FORMAT, OPTION_EARLY };
enum { TURNS = 2, BOTH = 2 };

/* What an engine is given besides its defaults, so that the two have one format. */
struct given {
    const char *option;
    uint64_t value;
};
enum { GIVEN_MAX = 5 };

/* An engine of ours and the library of its format, or the subject that is made like that library.
 * Those for maps come first; each has a name. */
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
    {"seqmap", "original", {{0}}, {{0}}},
    {"seqqueue", "crate-queue", {{0}}, {{0}}},
    {"original-queue", "crate-queue", {{0}}, {{0}}},
    {"seqqueue", "original-queue", {{0}}, {{0}}},
};
static const char *const names[] = {
    "seqmap",         "original",         "tickv",      "tickv-plain",     "lsm",
    "lsm-plain",      "lsm-bytes",        "lsm-chunks", "seqmap-original", "seqqueue",
    "original-queue", "seqqueue-original"};
enum { MAPS = 9, PAIRS = sizeof pairs / sizeof *pairs };
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

/* Whose turn ----------------------------------------------------------------------------------- */

static bool theirs_may(const struct beside_object *object)
{
    const uint64_t *given = object->given.values;
    return object->mended || given[OPTION_EARLY] || given[OPTION_WRITER] == THEIRS;
}

static enum beside_side writer(const struct beside_object *object)
{
    uint64_t side = object->given.values[OPTION_WRITER];
    if (side == TURNS) side = object->turn % 2;
    return theirs_may(object) ? (enum beside_side)side : OURS;
}

static enum beside_side reader(const struct beside_object *object)
{
    return object->given.values[OPTION_READER] != OURS && theirs_may(object) ? THEIRS : OURS;
}

static bool both_read(const struct beside_object *object)
{
    return object->given.values[OPTION_READER] == BOTH && reader(object) == THEIRS;
}

static const struct beside_rule rule = {writer, reader, both_read};

/* False where the plug-in of the library is not loaded. */
static bool find(struct beside_two *two, const struct adapter_settings *s)
{
    const struct pair *pair = &pairs[s->values[OPTION_PAIR]];
    two->rule = &rule;
    two->adapters[OURS] = engine_named(pair->ours);
    two->adapters[THEIRS] = engine_named(pair->library);
    if (two->adapters[OURS] == NULL || two->adapters[THEIRS] == NULL) return false;
    two->settings[OURS] = settings_of(two->adapters[OURS], pair->given, GIVEN_MAX);
    two->settings[THEIRS] = settings_of(two->adapters[THEIRS], pair->to_library, 1);
    return true;
}

/* The adapters --------------------------------------------------------------------------------- */

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two;
    if (!find(&two, s)) return "needs the library's plug-in too, before this one; give --plugin";
    return beside_refuses(&two, g);
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    struct beside_two two;
    if (find(&two, s)) beside_limits(&two, g, key_size_min, key_size_max, value_size_max);
}

static uint32_t widened(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two;
    bool ours_alone = s->values[OPTION_WRITER] == OURS;
    return find(&two, s) ? beside_widened(&two, g, ours_alone ? 1u << OURS : 3u) : 0;
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two;
    return find(&two, s) ? beside_object_size(&two, g) : sizeof(struct beside_object);
}

static enum answer mount(void *it, const struct bo_flash *flash, const struct adapter_settings *s)
{
    struct beside_object *object = it;
    struct beside_two two;
    bool early = s->values[OPTION_EARLY] != 0;
    if (!find(&two, s)) return ANSWER_UNSUPPORTED;
    beside_place(object, &two, flash, s);
    enum answer answer = beside_turn_to(object, early ? THEIRS : OURS);
    if (answer != ANSWER_DAMAGED || s->values[OPTION_WRITER] != THEIRS || early) return answer;
    if (beside_turn_to(object, THEIRS) != ANSWER_OK) return answer;
    return beside_disagree("the library opens what ours refuses");
}

static enum answer format(void *it, const struct bo_flash *flash, const struct adapter_settings *s)
{
    struct beside_two two;
    if (!find(&two, s)) return ANSWER_UNSUPPORTED;
    beside_place(it, &two, flash, s);
    return beside_format(it, (enum beside_side)s->values[OPTION_FORMAT]);
}

/* What both have. */
#define CROSS                                                                                      \
    .version = ADAPTER_VERSION, .claims = "edge,prefix", .widened_by = widened,                    \
    .widened_why = "as those of the two that write", .refuses = refuses,                           \
    .object_size = object_size, .limits = limits, .format = format, .mount = mount,                \
    .panic = beside_panic

static const struct adapter cross = {CROSS,
                                     .kind = ADAPTER_MAP,
                                     .name = "cross",
                                     .summary = "a map of ours and a library on one flash",
                                     .options = map_options,
                                     .map = &beside_map_plain};
static const struct adapter cross_queue = {CROSS,
                                           .kind = ADAPTER_QUEUE,
                                           .name = "cross-queue",
                                           .summary = "a queue of ours and a library on one flash",
                                           .options = queue_options,
                                           .list = &beside_list_plain};

extern adapter_table brownout_adapters;
__attribute__((visibility("default")))
adapter_table brownout_adapters = {&cross, &cross_queue, &adapter_tickv_plain, NULL};
