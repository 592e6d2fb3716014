/* bench_maps.c - what the designs of a map cost: the same changes on each of them.
 *
 * Nothing here is timed. A thousand keys of four bytes are stored with values of four, then one of
 * them again and again, each time another one by chance; at last each is fetched. Above stands what
 * the crate of ekv costs, with keys of 8 and values of 16 bytes on 256 sectors, and what the two
 * modes of lsm are to reach. seqmap reads much for each change of a thousand keys; it is not here.
 *
 * A change of lsm may take several calls, so its calls are counted apart, on lsm itself. And what a
 * fetch of tickv reads is counted where each key is stored once, on small regions, of which its
 * crate reads a whole one for a fetch.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "engines/map/lsm.h"
#include "fuzz/command/bench.h"
#include "fuzz/rig/engines.h"
#include "fuzz/rig/rig.h"
#include "fuzz/script/mix.h"

#define CHANGES 4000u
#define CHANGES_MAX 1000000u
#define KEYS 1000u
#define KEY_SIZE 4u
#define VALUE_SIZE 4u

static const char few_sectors[] = "generic sectors=16 sector=4096 page=256 unit=4";
static const char regions[] = "generic sectors=64 sector=1024 page=256 unit=1";

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

/* The key whose turn it is to be changed. */
static uint32_t chosen(uint32_t change)
{
    return (uint32_t)(mix_word(MIX_STEP * (0x10000 + (uint64_t)change)) % KEYS);
}

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
        uint32_t number = chosen(i);
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

static int count(const char *design, const char *chip, uint32_t changes, struct map_cost *cost)
{
    struct loaded loaded;
    const struct command_options options = {.engine = design, .chip = chip};
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

/* --- calls of lsm --- */

/* The same changes, call by call: the most erases of one. UINT64_MAX: a store was refused. */
static uint64_t longest_call(const struct part *part, bool staging, uint32_t changes)
{
    static uint8_t work[512], transaction[4096], used[2];
    struct chip *chip = chip_new(part);
    const struct lsm_config config = {
        .flash = chip_flash(chip),
        .format = {.crc = true, .staging = staging, .key_max = KEY_SIZE, .value_max = 16},
        .work = work,
        .work_size = sizeof work,
        .transaction = transaction,
        .transaction_size = sizeof transaction - 64,
        .used = used,
        .used_size = sizeof used};
    assert(sizeof used * 8 >= part->geometry.sector_count && "a bit for each sector");
    struct lsm map;
    uint8_t key[KEY_SIZE];
    uint64_t most = 0;
    int error = lsm_format(&map, &config);
    for (uint32_t i = 0; !error && i < KEYS + changes; i++) {
        make_key(i < KEYS ? i : chosen(i - KEYS + 1), key);
        do {
            uint64_t erases = chip_counters(chip)->erases;
            error = lsm_store(&map, key, KEY_SIZE, &i, VALUE_SIZE);
            erases = chip_counters(chip)->erases - erases;
            if (erases > most) most = erases;
        } while (error == LSM_ERR_AGAIN);
    }
    chip_free(chip);
    return error ? UINT64_MAX : most;
}

static int print_longest_calls(uint32_t changes)
{
    struct loaded loaded;
    const struct command_options options = {.engine = "lsm", .chip = few_sectors};
    int code = command_load_bare(&options, 0, &loaded);
    if (code) return code;
    assert(changes > 0 && loaded.script->part.geometry.sector_count == 16);
    printf("erases of one call of lsm, most (to reach: <= 4)\n");
    for (int staging = 0; staging < 2; staging++) {
        uint64_t most = longest_call(&loaded.script->part, staging, changes);
        printf("  %-41s %9" PRIu64 "\n", staging ? "mode=staging" : "compatible", most);
    }
    script_free(loaded.script);
    return COMMAND_CLEAN;
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

static int print_fetches(void)
{
    struct map_cost cost = {0};
    int code = count("tickv", regions, 1, &cost);
    if (code) return code;
    assert(cost.fetches.reads >= KEYS && "a fetch reads");
    printf("what a fetch of tickv reads, counted: the same keys, 64 regions of 1024 bytes\n");
    printf("  %-41s %9s %9s\n", "", "reads", "bytes");
    printf("  %-41s %9s %9s\n", "the crate tickv 2.0", "1", "1024");
    printf("  %-41s %9s %9s\n", "to reach", "", "<= 102");
    printf("  %-41s %9.1f %9.0f\n", "tickv", (double)cost.fetches.reads / KEYS,
           (double)cost.fetches.bytes_read / KEYS);
    return COMMAND_CLEAN;
}

int bench_maps(const struct command_options *options)
{
    uint64_t asked = options->runs ? options->runs : CHANGES;
    uint32_t changes = asked < CHANGES_MAX ? (uint32_t)asked : CHANGES_MAX;
    int code = COMMAND_CLEAN;
    print_head(changes);
    for (size_t i = 0; code == COMMAND_CLEAN && i < sizeof designs / sizeof *designs; i++) {
        struct map_cost cost = {0};
        code = count(designs[i], few_sectors, changes, &cost);
        if (code == COMMAND_CLEAN) print_cost(designs[i], changes, &cost);
    }
    if (code == COMMAND_CLEAN) code = print_longest_calls(changes);
    return code == COMMAND_CLEAN ? print_fetches() : code;
}
