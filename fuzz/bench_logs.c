/* bench_logs.c - what the designs of a log cost: the same records on each of them.
 *
 * Nothing here is timed. Reads of a mount are the most that any mount makes that is tried at
 * moments spread over the run, in the first lap too; records held are the fewest after the oldest
 * were overwritten for the first time.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/account.h"
#include "fuzz/adapters.h"
#include "fuzz/bench.h"

#define RECORDS 100000u
#define RECORD_SIZE 32u

static const char few_sectors[] = "generic sectors=16 sector=4096 page=256 unit=1";
static const char many_sectors[] = "generic sectors=256 sector=4096 page=256 unit=1";

/* As a scenario spells them. */
static const char *const designs[] = {
    "rlog", "rlog batch=1", "rlog profile=strict", "seqlog", "seqqueue",
};

static bool is_here(const char *design)
{
    char name[SCRIPT_NAME_MAX];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(design, " "), design);
    return adapters_find(name) != NULL;
}

static bool add_records(struct script *script)
{
    uint8_t bytes[RECORD_SIZE];
    struct op op = {.kind = OP_APPEND};
    for (uint32_t i = 0; i < RECORDS; i++) {
        for (uint32_t k = 0; k < RECORD_SIZE; k++)
            bytes[k] = (uint8_t)(i >> 8 * (k % 4)) ^ (uint8_t)(k * 37u);
        op.value = script_value(script, bytes, RECORD_SIZE);
        if (!op.value || !script_append(script, &op)) return false;
    }
    return true;
}

/* The records on one design. */
static int count(const char *design, const char *chip, struct account *account)
{
    const struct command_options options = {.engine = design, .chip = chip};
    struct loaded loaded;
    int code = command_load_bare(&options, 0, &loaded);
    if (code) return code;
    struct rig *rig = add_records(loaded.script)
                          ? rig_new(loaded.script, loaded.adapter, &loaded.settings)
                          : NULL;
    if (!rig)
        code = command_fail("out of memory");
    else if (!account_work(account, rig, NULL, NULL))
        code = command_fail("%s: %s", design, rig->finding.text);
    rig_free(rig);
    script_free(loaded.script);
    return code;
}

static void print_head(void)
{
    printf(
        "what a log costs, counted: %u records of %u bytes; sectors of 4096 bytes, pages of 256\n",
        RECORDS, RECORD_SIZE);
    printf("  %-28s %9s %8s %8s %15s %17s\n", "", "bytes for", "erases", "records",
           "programs of one", "reads of a mount");
    printf("  %-28s %9s %8s %8s %8s %6s %8s %8s\n", "", "a record", "", "held", "mean", "most",
           "of 16", "of 256");
    printf("  %-28s %9s %8s %8s %8s %6s %8s %8s\n", "best known, 8-bit check", "34.1", "818",
           "1840", "2 to 4", "", "126", "hundreds");
    printf("  %-28s %9s %8s %8s %8s %6s %8s %8s\n", "target, one by one", "<= 40.5", "<= 980",
           ">= 1400", "1", "2", "<= 20", "<= 25");
    printf("  %-28s %9s %8s %8s %8s %6s %8s %8s\n", "target, batched", "<= 35", "<= 850", ">= 1650",
           "", "", "<= 20", "<= 25");
}

static void print_costs(const char *design, const struct account *few, const struct account *many)
{
    const struct chip_counters *work = &few->work;
    printf("  %-28s %9.1f %8llu %8llu %8.2f %6llu %8llu %8llu\n", design,
           (double)work->bytes_programmed / RECORDS, (unsigned long long)work->erases,
           (unsigned long long)(few->overwrote ? few->held_least : few->held),
           (double)work->programs / RECORDS, (unsigned long long)few->programs_most,
           (unsigned long long)few->mount_most.reads, (unsigned long long)many->mount_most.reads);
}

int bench_logs(void)
{
    int code = COMMAND_CLEAN;
    print_head();
    for (size_t i = 0; code == COMMAND_CLEAN && i < sizeof designs / sizeof *designs; i++) {
        struct account few, many;
        if (!is_here(designs[i])) continue;
        code = count(designs[i], few_sectors, &few);
        if (code == COMMAND_CLEAN) code = count(designs[i], many_sectors, &many);
        if (code == COMMAND_CLEAN) print_costs(designs[i], &few, &many);
    }
    return code;
}
