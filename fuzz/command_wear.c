/* wear: the same work on several engines, side by side.
 *
 * Only what the scenario asks of the engine is counted: stores, fetches, removes, clears, and one
 * mount for each `mount`. What the harness does to check the engine is not.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/adapters.h"
#include "fuzz/command.h"
#include "fuzz/globals.h"
#include "fuzz/wear.h"

#define ENGINES_MAX 12u
#define JUNK 0xA5

/* One engine, and what the work cost it. */
struct account {
    char name[96]; /* as the user spells it: "seqmap keys=8" */
    const struct adapter *adapter;
    struct adapter_settings settings;
    struct script *script;
    struct wear wear;
    struct chip_counters work;  /* of all operations together, mounts included */
    struct chip_counters mount; /* of one more mount, at the end */
    uint64_t operations;
    uint64_t payload; /* bytes of keys and values that were stored */
    uint64_t refused; /* operations that the engine did not do */
    double lifetime_ns;
};

/* --- doing the work --- */

static void add_since(struct chip_counters *sum, const struct chip_counters *then,
                      const struct chip_counters *now)
{
    sum->reads += now->reads - then->reads;
    sum->programs += now->programs - then->programs;
    sum->erases += now->erases - then->erases;
    sum->bytes_read += now->bytes_read - then->bytes_read;
    sum->bytes_programmed += now->bytes_programmed - then->bytes_programmed;
    sum->time_ns += now->time_ns - then->time_ns;
}

/* A power-on and nothing besides: rig_recover() would look around. */
static bool mount_once(struct rig *rig)
{
    void *object = rig->levels[0].object;
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    chip_set_fuel(rig->chip, rig->bounds[ADAPTER_CALL_MOUNT]);
    memset(object, JUNK, rig->object_size);
    if (rig->adapter->has_globals) globals_wipe();
    if (rig->adapter->mount(object, chip_flash(rig->chip), &rig->settings) == ANSWER_OK)
        return true;
    return rig_finds(rig, CLAUSE_ALIVE, "mount fails");
}

static bool is_work(enum op_kind kind)
{
    return kind == OP_STORE || kind == OP_FETCH || kind == OP_REMOVE || kind == OP_CLEAR ||
           kind == OP_MOUNT;
}

static bool do_op(struct account *account, struct rig *rig, const struct op *op)
{
    enum answer answer = ANSWER_OK;
    struct chip_counters then = *chip_counters(rig->chip);
    bool fine = op->kind == OP_MOUNT ? mount_once(rig) : rig_call(rig, op, &answer);
    if (!is_work(op->kind)) return fine;
    add_since(&account->work, &then, chip_counters(rig->chip));
    account->operations++;
    if (op->kind == OP_STORE && answer == ANSWER_OK)
        account->payload += account->script->keys[op->key]->size + op->value->size;
    return fine;
}

static bool do_all(struct account *account, struct rig *rig)
{
    const struct script *script = account->script;
    bool fine = rig_start(rig);
    for (uint32_t i = 0; fine && i < script->op_count; i++)
        fine = do_op(account, rig, &script->ops[i]);
    struct chip_counters then = *chip_counters(rig->chip);
    fine = fine && mount_once(rig);
    add_since(&account->mount, &then, chip_counters(rig->chip));
    account->refused = rig->refusals.count;
    account->wear = wear_of(rig);
    account->lifetime_ns = wear_lifetime_ns(rig, &account->wear);
    return fine;
}

static int work(struct account *account)
{
    struct rig *rig = rig_new(account->script, account->adapter, &account->settings);
    if (!rig) return command_fail("no memory for the chip");
    int code = COMMAND_CLEAN;
    bool fine = do_all(account, rig);
    if (rig->finding.clause == CLAUSE_SCENARIO) {
        code =
            command_refuse("%s on %s: %s", account->script->name, account->name, rig->finding.text);
    } else if (!fine) {
        printf("DIVERGENCE of %s, clause %s: %s\n", account->name, clause_name(rig->finding.clause),
               rig->finding.text);
        code = COMMAND_DIVERGED;
    }
    rig_free(rig);
    return code;
}

/* --- choosing the engines --- */

/* The scenario's options are those of every engine that has them; the given ones go first. */
static bool merge_options(struct script *script, const struct script *given)
{
    struct script merged = *given;
    for (uint32_t i = 0; i < script->option_count; i++) {
        bool is_given = false;
        for (uint32_t k = 0; k < given->option_count; k++)
            is_given = is_given || strcmp(given->options[k].name, script->options[i].name) == 0;
        if (is_given) continue;
        if (merged.option_count == SCRIPT_OPTIONS_MAX) return false;
        merged.options[merged.option_count++] = script->options[i];
    }
    memcpy(script->options, merged.options, sizeof script->options);
    script->option_count = merged.option_count;
    return true;
}

static int choose(const struct command_options *options, const struct script *script,
                  struct account *account)
{
    char reason[ADAPTERS_REASON_MAX];
    struct command_options bare = *options;
    struct loaded given;
    bare.engine = account->name;
    bare.chip = NULL;
    int code = command_load_bare(&bare, 0, &given);
    if (code) return code;
    account->adapter = given.adapter;
    account->script = script_copy(script);
    bool merged = account->script && merge_options(account->script, given.script);
    script_free(given.script);
    if (!merged) return command_fail("out of memory");
    if (adapters_settle(account->adapter, account->script, &account->settings, reason))
        return COMMAND_CLEAN;
    return command_refuse("%s: %s", options->files[0], reason);
}

/* "a x=1, b" -> names, blanks around them gone. */
static int split(const char *list, struct account *accounts, uint32_t *count)
{
    for (;;) {
        list += strspn(list, " ");
        size_t length = strcspn(list, ",");
        size_t size = length;
        while (size && list[size - 1] == ' ')
            size--;
        if (!size || size >= sizeof accounts->name)
            return command_refuse("--engines takes engines with commas between");
        if (*count == ENGINES_MAX) return command_refuse("too many engines");
        memcpy(accounts[(*count)++].name, list, size);
        if (!list[length]) return COMMAND_CLEAN;
        list += length + 1;
    }
}

/* Without a choice: the engines of the house that the chip suits. */
static void take_house(const struct script *script, struct account *accounts, uint32_t *count)
{
    char reason[ADAPTERS_REASON_MAX];
    const struct adapter *adapter;
    struct adapter_settings settings;
    for (size_t i = 0; (adapter = adapters_at(i)) && *count < ENGINES_MAX; i++) {
        if (adapters_is_subject(adapter)) continue;
        if (!adapters_settle(adapter, script, &settings, reason)) continue;
        snprintf(accounts[*count].name, sizeof accounts->name, "%s", adapter->name);
        (*count)++;
    }
}

/* --- the table --- */

static double per(uint64_t amount, uint64_t of)
{
    return of ? (double)amount / (double)of : 0;
}

enum row {
    ROW_REFUSED,
    ROW_PAYLOAD,
    ROW_ERASES,
    ROW_MOST_WORN,
    ROW_MEAN,
    ROW_PROGRAMS,
    ROW_AMPLIFICATION,
    ROW_READ,
    ROW_MOUNT_CALLS,
    ROW_MOUNT_BYTES,
    ROW_TIME,
    ROW_LIFETIME,
    ROWS
};

static const struct {
    const char *text, *json;
} rows[ROWS] = {
    [ROW_REFUSED] = {"operations refused", "refused"},
    [ROW_PAYLOAD] = {"bytes of keys and values stored", "payload"},
    [ROW_ERASES] = {"erases", "erases"},
    [ROW_MOST_WORN] = {"erases of the most worn sector", "erases_max"},
    [ROW_MEAN] = {"erases of a sector, mean", "erases_mean"},
    [ROW_PROGRAMS] = {"programs per operation", "programs_per_operation"},
    [ROW_AMPLIFICATION] = {"bytes programmed per payload byte", "bytes_per_payload_byte"},
    [ROW_READ] = {"bytes read per operation", "bytes_read_per_operation"},
    [ROW_MOUNT_CALLS] = {"reads of a mount at the end", "mount_reads"},
    [ROW_MOUNT_BYTES] = {"bytes read by it", "mount_bytes_read"},
    [ROW_TIME] = {"flash time, typical times", "flash_time_ns"},
    [ROW_LIFETIME] = {"projected lifetime", "lifetime_ns"},
};

static double number_of(const struct account *account, enum row row)
{
    switch (row) {
    case ROW_REFUSED:
        return (double)account->refused;
    case ROW_PAYLOAD:
        return (double)account->payload;
    case ROW_ERASES:
        return (double)account->work.erases;
    case ROW_MOST_WORN:
        return account->wear.max;
    case ROW_MEAN:
        return account->wear.mean;
    case ROW_PROGRAMS:
        return per(account->work.programs, account->operations);
    case ROW_AMPLIFICATION:
        return per(account->work.bytes_programmed, account->payload);
    case ROW_READ:
        return per(account->work.bytes_read, account->operations);
    case ROW_MOUNT_CALLS:
        return (double)account->mount.reads;
    case ROW_MOUNT_BYTES:
        return (double)account->mount.bytes_read;
    case ROW_TIME:
        return (double)account->work.time_ns;
    default:
        return account->lifetime_ns;
    }
}

static bool is_whole(enum row row)
{
    return row <= ROW_MOST_WORN || row == ROW_MOUNT_CALLS || row == ROW_MOUNT_BYTES;
}

static void print_cell(const struct account *account, enum row row, int width)
{
    char *text = NULL;
    size_t size;
    double number = number_of(account, row);
    FILE *out = open_memstream(&text, &size);
    if (!out) return;
    if (row == ROW_TIME || (row == ROW_LIFETIME && number > 0))
        wear_print_duration(out, number);
    else if (row == ROW_LIFETIME)
        fprintf(out, "-");
    else
        fprintf(out, is_whole(row) ? "%.0f" : "%.2f", number);
    if (fclose(out) == 0) printf("  %*s", width, text);
    free(text);
}

static void print_head(const struct script *script, const struct account *account)
{
    const struct flash_geometry *g = &script->part.geometry;
    printf("%s, %s: %" PRIu32 " sectors of %" PRIu32 " bytes, unit %u\n", script->name,
           script->part.name, g->sector_count, g->sector_size, g->unit);
    printf("  %" PRIu64 " operations\n\n", account->operations);
}

static void print_table(const struct script *script, const struct account *accounts, uint32_t count)
{
    print_head(script, accounts);
    printf("  %-34s", "");
    for (uint32_t i = 0; i < count; i++) {
        int width = (int)strlen(accounts[i].name);
        printf("  %*s", width < 10 ? 10 : width, accounts[i].name);
    }
    printf("\n");
    for (enum row row = 0; row < ROWS; row++) {
        printf("  %-34s", rows[row].text);
        for (uint32_t i = 0; i < count; i++) {
            int width = (int)strlen(accounts[i].name);
            print_cell(&accounts[i], row, width < 10 ? 10 : width);
        }
        printf("\n");
    }
}

static void print_json(const struct script *script, const struct account *accounts, uint32_t count)
{
    printf("{\"scenario\": ");
    command_print_json(stdout, script->name);
    printf(", \"chip\": ");
    command_print_json(stdout, script->part.name);
    printf(", \"engines\": [");
    for (uint32_t i = 0; i < count; i++) {
        printf("%s{\"engine\": ", i ? ", " : "");
        command_print_json(stdout, accounts[i].name);
        printf(", \"operations\": %" PRIu64, accounts[i].operations);
        for (enum row row = 0; row < ROWS; row++) {
            double number = number_of(&accounts[i], row);
            if (row == ROW_LIFETIME && number <= 0)
                printf(", \"%s\": null", rows[row].json);
            else
                printf(is_whole(row) || row >= ROW_TIME ? ", \"%s\": %.0f" : ", \"%s\": %.4f",
                       rows[row].json, number);
        }
        printf("}");
    }
    printf("]}\n");
}

/* --- the command --- */

static int compare(const struct command_options *options, const struct script *script)
{
    struct account accounts[ENGINES_MAX] = {0};
    uint32_t count = 0;
    int code = COMMAND_CLEAN;
    if (options->engines)
        code = split(options->engines, accounts, &count);
    else
        take_house(script, accounts, &count);
    for (uint32_t i = 0; code == COMMAND_CLEAN && i < count; i++)
        code = choose(options, script, &accounts[i]);
    for (uint32_t i = 0; code == COMMAND_CLEAN && i < count; i++)
        code = work(&accounts[i]);
    if (code == COMMAND_CLEAN && options->json)
        print_json(script, accounts, count);
    else if (code == COMMAND_CLEAN)
        print_table(script, accounts, count);
    for (uint32_t i = 0; i < ENGINES_MAX; i++)
        script_free(accounts[i].script);
    return code;
}

int command_wear(int argc, char **argv)
{
    struct command_options options;
    struct loaded loaded;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 1) return command_refuse("wear takes one scenario");
    int code = command_load(&options, options.files[0], &loaded);
    if (code) return code;
    code = compare(&options, loaded.script);
    script_free(loaded.script);
    return code;
}
