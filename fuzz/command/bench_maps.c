/* bench_maps.c - what the designs of a map cost: the same changes on each of them.
 *
 * Nothing here is timed. A thousand keys of four bytes are stored with values of four, then one of
 * them again and again, each time another one by chance; at last each is fetched. Above stands what
 * the crate of ekv costs, with keys of 8 and values of 16 bytes on 256 sectors, and what the two
 * modes of lsm are to reach. seqmap reads much for each change of a thousand keys; it is not here.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "fuzz/command/bench.h"
#include "fuzz/rig/engines.h"
#include "fuzz/rig/rig.h"
#include "fuzz/script/mix.h"

#define CHANGES 4000u
#define CHANGES_MAX 1000000u
#define KEYS 1000u
#define KEY_SIZE 4u
#define VALUE_SIZE 4u

static const char part[] = "generic sectors=16 sector=4096 page=256 unit=4";

/* As a scenario spells them. */
static const char *const designs[] = {
    "tickv",
    "lsm key=4 value=16 work=320",
    "lsm key=4 value=16 work=320 mode=staging",
};

struct map_cost {
    struct chip_counters changes, fetches;
    uint64_t erases_most; /* of one change */
};

static void make_key(uint32_t number, uint8_t key[KEY_SIZE])
{
    uint32_t mixed = (number + 1) * 0x9E3779B1u; /* odd: each number another key */
    memcpy(key, &mixed, KEY_SIZE);
}

static bool store(struct rig *rig, uint32_t number, uint32_t version)
{
    uint8_t key[KEY_SIZE], value[VALUE_SIZE];
    make_key(number, key);
    memcpy(value, &version, sizeof value);
    return rig->adapter->map->store(rig_object(rig), key, KEY_SIZE, value, VALUE_SIZE) == ANSWER_OK;
}

static bool holds(struct rig *rig, uint32_t number, uint32_t version)
{
    uint8_t key[KEY_SIZE], value[VALUE_SIZE];
    uint32_t size = 0, found = 0;
    make_key(number, key);
    enum answer answer =
        rig->adapter->map->fetch(rig_object(rig), key, KEY_SIZE, value, VALUE_SIZE, &size);
    memcpy(&found, value, sizeof value);
    return answer == ANSWER_OK && size == VALUE_SIZE && found == version;
}

/* False: a store was refused, or another value came back. */
static bool work(struct rig *rig, uint32_t changes, struct map_cost *cost)
{
    static uint32_t versions[KEYS];
    struct chip_counters before;
    memset(versions, 0, sizeof versions);
    assert(changes > 0 && rig->adapter->kind == ADAPTER_MAP);
    for (uint32_t i = 0; i < KEYS; i++)
        if (!store(rig, i, 0)) return false;
    before = *chip_counters(rig->chip);
    for (uint32_t i = 1; i <= changes; i++) {
        uint32_t number = (uint32_t)(mix_word(MIX_STEP * (0x10000 + (uint64_t)i)) % KEYS);
        uint64_t erases = chip_counters(rig->chip)->erases;
        if (!store(rig, number, i)) return false;
        versions[number] = i;
        erases = chip_counters(rig->chip)->erases - erases;
        if (erases > cost->erases_most) cost->erases_most = erases;
    }
    rig_add_spent(&cost->changes, &before, chip_counters(rig->chip));
    before = *chip_counters(rig->chip);
    for (uint32_t i = 0; i < KEYS; i++)
        if (!holds(rig, i, versions[i])) return false;
    rig_add_spent(&cost->fetches, &before, chip_counters(rig->chip));
    return true;
}

static int blame(const char *design, const struct rig *rig, bool started)
{
    if (started)
        printf("DIVERGENCE of %s: a store was refused, or another value came\n", design);
    else
        printf("DIVERGENCE of %s: %s\n", design, rig->finding.text);
    return COMMAND_DIVERGED;
}

static int count(const char *design, uint32_t changes, struct map_cost *cost)
{
    struct loaded loaded;
    const struct command_options options = {.engine = design, .chip = part};
    int code = command_load_bare(&options, 0, &loaded);
    if (code) return code;
    struct rig *rig = rig_new(loaded.script, loaded.adapter, &loaded.settings);
    assert(loaded.adapter->map && "a design of a map");
    bool started = rig_start(rig);
    chip_set_fuel(rig->chip, CHIP_FUEL_ENDLESS, CHIP_FUEL_ENDLESS);
    if (!started || !work(rig, changes, cost)) code = blame(design, rig, started);
    rig_free(rig);
    script_free(loaded.script);
    return code;
}

/* --- the table --- */

static void print_head(uint32_t changes)
{
    printf("what a map costs, counted: %" PRIu32 " changes of one of %u keys, 16 sectors of 4096 "
           "bytes\n",
           changes, KEYS);
    printf("  %-41s %9s %9s %9s %9s %9s %9s\n", "", "erases", "of one,", "bytes", "programs",
           "reads of", "bytes of");
    printf("  %-41s %9s %9s %9s %9s %9s %9s\n", "", "a change", "most", "", "", "a fetch",
           "a fetch");
    printf("  %-41s %9s %9s %9s %9s %9s %9s\n", "the crate ekv 1.0, 256 sectors", "2.12", "16",
           "780", "110", "52", "17000");
    printf("  %-41s %9s %9s %9s %9s %9s %9s\n", "to reach, compatible", "<= 1.1", "", "", "",
           "< 52", "< 17000");
    printf("  %-41s %9s %9s %9s %9s %9s %9s\n", "to reach, mode=staging", "<= 0.02", "", "<= 60",
           "<= 3", "", "");
}

static void print_cost(const char *design, uint32_t changes, const struct map_cost *cost)
{
    assert(changes > 0 && cost->fetches.reads > 0);
    const struct chip_counters *c = &cost->changes, *f = &cost->fetches;
    printf("  %-41s %9.4f %9" PRIu64 " %9.1f %9.2f %9.1f %9.0f\n", design,
           (double)c->erases / changes, cost->erases_most, (double)c->bytes_programmed / changes,
           (double)c->programs / changes, (double)f->reads / KEYS, (double)f->bytes_read / KEYS);
}

int bench_maps(const struct command_options *options)
{
    uint64_t asked = options->runs ? options->runs : CHANGES;
    uint32_t changes = asked < CHANGES_MAX ? (uint32_t)asked : CHANGES_MAX;
    int code = COMMAND_CLEAN;
    print_head(changes);
    for (size_t i = 0; code == COMMAND_CLEAN && i < sizeof designs / sizeof *designs; i++) {
        struct map_cost cost = {0};
        code = count(designs[i], changes, &cost);
        if (code == COMMAND_CLEAN) print_cost(designs[i], changes, &cost);
    }
    return code;
}
