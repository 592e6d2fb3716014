/* bench_logs.c - what the designs of a log cost: the same records on each of them.
 *
 * Nothing here is timed. Records held are the fewest after the oldest were overwritten for the
 * first time. Reads of a mount are the most of many mounts, one after every few records from the
 * first one on, so that the head is met in all places of the ring. What is known to be the best
 * elsewhere, and what the designs here are to reach, stands above.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/wear/cost.h"
#include "fuzz/rig/engines.h"
#include "fuzz/command/bench.h"

#define RECORDS 100000u
#define RECORDS_MAX 1000000u
#define RECORD_SIZE 32u
#define MOUNT_EVERY 13u /* records; coprime to what fits a sector */

static const char few_sectors[] = "generic sectors=16 sector=4096 page=256 unit=1";
static const char many_sectors[] = "generic sectors=256 sector=4096 page=256 unit=1";

/* As a scenario spells them. */
static const char *const designs[] = {
    "rlog",
    "rlog batch=1",
    "rlog-strict",
    "seqlog find=scan",
    "seqlog find=bisect",
    "seqlog find=coarse",
    "seqlog find=fine",
    "seqlog find=twolevel",
    "seqlog find=pointer",
    "seqlog framing=cobs find=bisect",
    "seqqueue",
};

static bool takes(const struct adapter_option *option, const char *value, size_t size)
{
    if (!option->words) return true;
    for (uint64_t i = 0; i <= option->max - option->min; i++) {
        const char *word = option->words[i];
        if (strlen(word) == size && strncmp(word, value, size) == 0) return true;
    }
    return false;
}

/* Whether the engine has this option, "name=value". */
static bool has_option(const struct adapter *adapter, const char *text, size_t size)
{
    size_t name = strcspn(text, "=");
    assert(name < size && "name=value");
    for (const struct adapter_option *it = adapter->options; it && it->name; it++) {
        if (strlen(it->name) == name && strncmp(it->name, text, name) == 0)
            return takes(it, text + name + 1, size - name - 1);
    }
    return false;
}

/* Whether the house has it; not all of them need be there. */
static bool is_here(const char *design)
{
    char name[SCRIPT_NAME_MAX];
    size_t size = strcspn(design, " ");
    assert(size > 0 && size < sizeof name);
    snprintf(name, sizeof name, "%.*s", (int)size, design);
    const struct adapter *adapter = engines_find(name);
    bool here = adapter != NULL;
    for (design += size; here && *design; design += size) {
        design += strspn(design, " ");
        size = strcspn(design, " ");
        here = has_option(adapter, design, size);
    }
    return here;
}

/* --- the work --- */

static void make_record(uint32_t number, uint8_t bytes[RECORD_SIZE])
{
    for (uint32_t k = 0; k < RECORD_SIZE; k++)
        bytes[k] = (uint8_t)((number >> 8 * (k % 4)) ^ k * 37u);
}

static void add_records(struct script *script, uint32_t records)
{
    uint8_t bytes[RECORD_SIZE];
    struct op op = {.kind = OP_APPEND};
    for (uint32_t i = 0; i < records; i++) {
        make_record(i, bytes);
        op.value = script_value(script, bytes, RECORD_SIZE);
        script_append(script, &op);
    }
}

static int blame(const char *design, const struct finding *finding)
{
    if (finding->clause == CLAUSE_SCENARIO) return command_refuse("%s: %s", design, finding->text);
    printf("DIVERGENCE of %s, clause %s: %s\n", design, clause_name(finding->clause),
           finding->text);
    return COMMAND_DIVERGED;
}

static int load(const char *design, const char *chip, struct loaded *loaded)
{
    const struct command_options options = {.engine = design, .chip = chip};
    return command_load_bare(&options, 0, loaded);
}

/* What the records cost, all of it compared with the model. */
static int count(const char *design, uint32_t records, struct cost *cost)
{
    struct loaded loaded;
    int code = load(design, few_sectors, &loaded);
    if (code) return code;
    add_records(loaded.script, records);
    struct rig *rig = rig_new(loaded.script, loaded.adapter, &loaded.settings);
    if (!cost_work(cost, rig, NULL, NULL)) code = blame(design, &rig->finding);
    rig_free(rig);
    script_free(loaded.script);
    return code;
}

/* Reads of a mount here, on an object of its own; nothing of it stays. */
static uint64_t try_mount(struct rig *rig)
{
    uint64_t before = chip_counters(rig->chip)->reads;
    chip_mark mark = chip_set_mark(rig->chip);
    memset(rig->levels[rig->level].second, 0, rig->object_size);
    rig->adapter->mount(rig->levels[rig->level].second, chip_flash(rig->chip), &rig->settings);
    uint64_t reads = chip_counters(rig->chip)->reads - before;
    chip_rollback(rig->chip, mark);
    return reads;
}

/* The most reads of a mount on a ring of that many sectors. */
static int count_reads(const char *design, const char *chip, uint32_t records, uint64_t *most)
{
    struct loaded loaded;
    uint8_t bytes[RECORD_SIZE];
    int code = load(design, chip, &loaded);
    if (code) return code;
    struct rig *rig = rig_new(loaded.script, loaded.adapter, &loaded.settings);
    if (rig_start(rig)) {
        chip_set_fuel(rig->chip, CHIP_FUEL_ENDLESS, CHIP_FUEL_ENDLESS);
        for (uint32_t i = 0; i < records; i++) {
            make_record(i, bytes);
            loaded.adapter->list->append(rig_object(rig), bytes, RECORD_SIZE, i);
            uint64_t reads = i % MOUNT_EVERY ? 0 : try_mount(rig);
            if (reads > *most) *most = reads;
        }
    } else {
        code = blame(design, &rig->finding);
    }
    rig_free(rig);
    script_free(loaded.script);
    return code;
}

/* --- the table --- */

#define COLUMNS 7

static void print_row(const char *name, const char *const cells[COLUMNS])
{
    printf("  %-33s", name);
    for (int i = 0; i < COLUMNS; i++)
        printf(" %9s", cells[i]);
    printf("\n");
}

static void print_head(uint32_t records)
{
    static const char *const head[][COLUMNS] = {
        {"bytes for", "erases", "records", "programs", "of one,", "reads of", "a mount,"},
        {"a record", "", "held", "of one", "most", "16", "256 secs"},
        {"34.1", "818", "1840", "2 to 4", "", "126", "hundreds"},
        {"<= 40.5", "<= 980", ">= 1400", "1", "2", "<= 20", "<= 25"},
        {"<= 35", "<= 850", ">= 1650", "", "", "<= 20", "<= 25"},
    };
    printf("what a log costs, counted: %" PRIu32 " records of %u bytes, 16 sectors of 4096 bytes\n",
           records, RECORD_SIZE);
    print_row("", head[0]);
    print_row("", head[1]);
    print_row("best known, 8-bit check", head[2]);
    print_row("to reach, one by one", head[3]);
    print_row("to reach, batched", head[4]);
}

static void print_costs(const char *design, const struct cost *cost, const uint64_t reads[2])
{
    char text[COLUMNS][24];
    const char *cells[COLUMNS];
    double records = (double)cost->operations;
    assert(cost->operations > 0);
    const uint64_t numbers[COLUMNS] = {
        [1] = cost->work.erases,
        [2] = cost->overwrote ? cost->held_least : cost->held,
        [4] = cost->programs_most,
        [5] = reads[0],
        [6] = reads[1],
    };
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(text[i], sizeof text[i], "%" PRIu64, numbers[i]);
        cells[i] = text[i];
    }
    snprintf(text[0], sizeof text[0], "%.1f", (double)cost->work.bytes_programmed / records);
    snprintf(text[3], sizeof text[3], "%.2f", (double)cost->work.programs / records);
    print_row(design, cells);
}

static int bench_log(const char *design, uint32_t records)
{
    struct cost cost;
    uint64_t reads[2] = {0};
    int code = count(design, records, &cost);
    if (code == COMMAND_CLEAN) code = count_reads(design, few_sectors, records, &reads[0]);
    if (code == COMMAND_CLEAN) code = count_reads(design, many_sectors, records, &reads[1]);
    if (code == COMMAND_CLEAN) print_costs(design, &cost, reads);
    return code;
}

int bench_logs(const struct command_options *options)
{
    uint64_t asked = options->runs ? options->runs : RECORDS;
    uint32_t records = asked < RECORDS_MAX ? (uint32_t)asked : RECORDS_MAX;
    int code = COMMAND_CLEAN;
    char name[COMMAND_ENGINE_MAX];
    assert(records > 0 && "--runs is at least 1");
    print_head(records);
    for (const char *list = options->engines; list && code == COMMAND_CLEAN;) {
        code = command_next_engine(&list, name);
        if (code == COMMAND_CLEAN) code = bench_log(name, records);
    }
    if (options->engines) return code;
    for (size_t i = 0; code == COMMAND_CLEAN && i < sizeof designs / sizeof *designs; i++) {
        if (is_here(designs[i])) code = bench_log(designs[i], records);
    }
    return code;
}
