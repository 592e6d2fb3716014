/* bench_logs.c - what the designs of a log cost: the same records on each of them.
 *
 * Nothing here is timed. Reads of a mount are the most that any mount makes that is tried at
 * moments spread over the run, in the first lap too; records held are the fewest after the oldest
 * were overwritten for the first time. What is known to be the best elsewhere, and what the designs
 * here are to reach, stands above.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/account.h"
#include "fuzz/adapters.h"
#include "fuzz/bench.h"

#define RECORDS 100000u
#define RECORDS_MAX 1000000u
#define RECORD_SIZE 32u

static const char few_sectors[] = "generic sectors=16 sector=4096 page=256 unit=1";
static const char many_sectors[] = "generic sectors=256 sector=4096 page=256 unit=1";

/* As a scenario spells them. */
static const char *const designs[] = {"rlog", "rlog batch=1", "rlog profile=strict", "seqlog",
                                      "seqqueue"};

static bool is_here(const char *design)
{
    char name[SCRIPT_NAME_MAX];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(design, " "), design);
    return adapters_find(name) != NULL;
}

/* --- the work --- */

static bool add_records(struct script *script, uint32_t records)
{
    uint8_t bytes[RECORD_SIZE];
    struct op op = {.kind = OP_APPEND};
    for (uint32_t i = 0; i < records; i++) {
        for (uint32_t k = 0; k < RECORD_SIZE; k++)
            bytes[k] = (uint8_t)((i >> 8 * (k % 4)) ^ k * 37u);
        op.value = script_value(script, bytes, RECORD_SIZE);
        if (!op.value || !script_append(script, &op)) return false;
    }
    return true;
}

static int blame(const char *design, const struct finding *finding)
{
    if (finding->clause == CLAUSE_NONE) return command_fail("out of memory");
    if (finding->clause == CLAUSE_SCENARIO) return command_refuse("%s: %s", design, finding->text);
    printf("DIVERGENCE of %s, clause %s: %s\n", design, clause_name(finding->clause),
           finding->text);
    return COMMAND_DIVERGED;
}

static int count(const char *design, const char *chip, uint32_t records, struct account *account)
{
    const struct command_options options = {.engine = design, .chip = chip};
    struct loaded loaded;
    int code = command_load_bare(&options, 0, &loaded);
    if (code) return code;
    struct rig *rig = add_records(loaded.script, records)
                          ? rig_new(loaded.script, loaded.adapter, &loaded.settings)
                          : NULL;
    if (!rig)
        code = command_fail("out of memory");
    else if (!account_work(account, rig, NULL, NULL))
        code = blame(design, &rig->finding);
    rig_free(rig);
    script_free(loaded.script);
    return code;
}

/* --- the table --- */

#define COLUMNS 7

static void print_row(const char *name, const char *const cells[COLUMNS])
{
    printf("  %-26s", name);
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

static void print_costs(const char *design, const struct account *few, const struct account *many)
{
    char text[COLUMNS][24];
    const char *cells[COLUMNS];
    double records = (double)few->operations;
    const uint64_t numbers[COLUMNS] = {
        [1] = few->work.erases,       [2] = few->overwrote ? few->held_least : few->held,
        [4] = few->programs_most,     [5] = few->mount_most.reads,
        [6] = many->mount_most.reads,
    };
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(text[i], sizeof text[i], "%" PRIu64, numbers[i]);
        cells[i] = text[i];
    }
    snprintf(text[0], sizeof text[0], "%.1f", (double)few->work.bytes_programmed / records);
    snprintf(text[3], sizeof text[3], "%.2f", (double)few->work.programs / records);
    print_row(design, cells);
}

static int bench_log(const char *design, uint32_t records)
{
    struct account few, many;
    int code = count(design, few_sectors, records, &few);
    if (code == COMMAND_CLEAN) code = count(design, many_sectors, records, &many);
    if (code == COMMAND_CLEAN) print_costs(design, &few, &many);
    return code;
}

int bench_logs(const struct command_options *options)
{
    uint64_t asked = options->runs ? options->runs : RECORDS;
    uint32_t records = asked < RECORDS_MAX ? (uint32_t)asked : RECORDS_MAX;
    int code = COMMAND_CLEAN;
    char name[COMMAND_ENGINE_MAX];
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
