/* The subcommand wear: the same work on several engines, side by side.
 *
 * Each engine does the work of the scenario once without power cuts, and with --cuts once more with
 * them (cost.h). An engine that cannot take the chip or the work is left out where no engine was
 * named; where it was, its column says so, as it does of one that diverges, and the others are
 * compared all the same. Exit code 1 where one diverged, else 2 where one refused. Ctrl-C ends the
 * work; what was done until then is compared and kept.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/engines.h"
#include "fuzz/script/settings.h"
#include "fuzz/command/command.h"
#include "fuzz/wear/cost_table.h"
#include "fuzz/explore/replay.h"
#include "fuzz/explore/worker.h"
#include "sim/memory.h"

#define ENGINES_MAX 32u

/* One engine at the work. */
struct contender {
    char name[COMMAND_ENGINE_MAX]; /* as the user spells it: "seqmap keys=8" */
    const struct adapter *adapter;
    struct adapter_settings settings;
    struct script script; /* the scenario's but for the options; shares its memory */
};

struct contest {
    const struct command_options *options;
    struct contender contenders[ENGINES_MAX];
    struct cost_table_entry entries[ENGINES_MAX];
    char paths[ENGINES_MAX][COMMAND_PATH_MAX]; /* of their cases */
    uint32_t count;
    struct cut_rate cut_rate;
    bool cut; /* with power cuts too */
};

static void refuse(struct cost_table_entry *entry, const char *what, const char *why)
{
    char text[sizeof entry->reason];
    assert(entry->outcome == COST_DONE && "one outcome for an engine");
    snprintf(text, sizeof text, "%s on %s: %s", what, entry->name, why);
    memcpy(entry->reason, text, sizeof text);
    entry->outcome = COST_REFUSED;
}

static void diverge(struct cost_table_entry *entry, enum clause clause, const char *why)
{
    assert(entry->outcome == COST_DONE && clause != CLAUSE_NONE && clause != CLAUSE_SCENARIO);
    entry->outcome = COST_DIVERGED;
    snprintf(entry->clause, sizeof entry->clause, "%s", clause_name(clause));
    snprintf(entry->reason, sizeof entry->reason, "%s", why);
}

/* --- doing the work --- */

/* The case of what was done until something differed, and whether its replay shows that too. */
static struct script *case_of(const struct contender *it, const struct rig *rig,
                              const struct script *done, uint32_t faults, bool *replays)
{
    assert(done->op_count > 0 && "something was done that differs");
    const struct path path = {.levels[0].op = done->op_count - 1};
    const struct path_frame frame = {done, it->adapter, &it->settings, faults};
    struct script *found = path_case(&frame, &path);
    found->found = rig->finding;
    *replays = replay_record(found, it->adapter, &it->settings) != CLAUSE_NONE;
    return found;
}

/* What an engine has come to, for which its part of the contest is in memory that is shared. */
struct shift {
    struct contest *contest;
    uint32_t place;                  /* of the contender */
    const struct cut_rate *cut_rate; /* NULL: no power cuts */
};

/* Keeps what differed, and the case of it. */
static int blame(const struct shift *shift, const struct rig *rig, const struct script *done)
{
    struct contest *contest = shift->contest;
    const struct contender *it = &contest->contenders[shift->place];
    struct cost_table_entry *entry = &contest->entries[shift->place];
    char *path = contest->paths[shift->place];
    int code = COMMAND_CLEAN;
    if (rig->finding.clause == CLAUSE_SCENARIO) {
        refuse(entry, it->script.name, rig->finding.text);
        return COMMAND_CLEAN;
    }
    diverge(entry, rig->finding.clause, rig->finding.text);
    struct script *found =
        done->op_count ? case_of(it, rig, done, contest->cut_rate.faults, &entry->replays) : NULL;
    if (found) code = command_write_case(contest->options, found, path);
    if (found && code == COMMAND_CLEAN) entry->path = path;
    script_free(found);
    return code;
}

static int work_apart(void *context)
{
    const struct shift *shift = context;
    const struct contender *it = &shift->contest->contenders[shift->place];
    const struct cut_rate *cut_rate = shift->cut_rate;
    struct cost_table_entry *entry = &shift->contest->entries[shift->place];
    struct cost *cost = cut_rate ? &entry->cut : &entry->plain;
    assert(entry->outcome == COST_DONE && (!cut_rate || entry->has_plain));
    struct script bare = it->script;
    bare.op_count = 0;
    struct script *done = script_copy(&bare);
    struct rig *rig = rig_new(&it->script, it->adapter, &it->settings);
    int code = COMMAND_CLEAN;
    if (cut_rate) rig_set_faults(rig, cut_rate->faults);
    if (!cost_work(cost, rig, cut_rate, done))
        code = blame(shift, rig, done);
    else if (cut_rate)
        entry->has_cut = true;
    else
        entry->has_plain = true;
    rig_free(rig);
    script_free(done);
    return code;
}

/* The case of an engine that ended its process. The work itself is that where its replay comes to
 * the same end, up to there; what it takes cuts to come to has none. */
static int keep_case(struct contest *contest, uint32_t place, const struct finding *finding)
{
    const struct contender *it = &contest->contenders[place];
    const struct path path = {.levels[0].op = it->script.op_count - 1};
    const struct path_frame frame = {&it->script, it->adapter, &it->settings,
                                     contest->cut_rate.faults};
    const struct settle_options settling = command_settling(contest->options);
    int code = COMMAND_CLEAN;
    struct replay shown;
    assert(place < contest->count && finding->clause != CLAUSE_NONE);
    if (it->script.op_count == 0) return code;
    struct script *found = path_case(&frame, &path);
    replay_apart(found, it->adapter, NULL, NULL, &settling.limits, &shown);
    if (settle_is_same(finding, &shown.finding)) {
        if (shown.op < found->op_count) found->op_count = shown.op + 1;
        found->found = shown.finding;
        code = command_ready_artefacts(contest->options);
        if (code == COMMAND_CLEAN)
            code = command_write_case(contest->options, found, contest->paths[place]);
        contest->entries[place].path = contest->paths[place];
        contest->entries[place].replays = true;
    }
    script_free(found);
    return code;
}

/* An engine may end its process; that is a divergence like any other. */
static int work(struct contest *contest, uint32_t place, const struct cut_rate *cut_rate)
{
    struct shift shift = {contest, place, cut_rate};
    assert(place < contest->count && contest->count <= ENGINES_MAX);
    struct cost_table_entry *entry = &contest->entries[place];
    struct worker_limits limits = contest->options->limits;
    limits.stops = true;
    struct apart_end end = apart_do(work_apart, &shift, &limits, stderr);
    if (end.stopped && entry->outcome == COST_DONE) entry->outcome = COST_STOPPED;
    if (end.finding.clause == CLAUSE_NONE) return end.code;
    if (entry->outcome == COST_DONE) {
        char text[sizeof entry->reason];
        snprintf(text, sizeof text, "%s: %s", adapter_call_name(end.finding.call),
                 end.finding.text);
        diverge(entry, end.finding.clause, text);
        return keep_case(contest, place, &end.finding);
    }
    return COMMAND_CLEAN;
}

static int work_all(struct contest *contest)
{
    int code = COMMAND_CLEAN;
    for (uint32_t i = 0; code == COMMAND_CLEAN && i < contest->count; i++) {
        struct cost_table_entry *entry = &contest->entries[i];
        if (entry->outcome != COST_DONE) continue;
        if (worker_stopped()) {
            entry->outcome = COST_STOPPED;
            continue;
        }
        code = work(contest, i, NULL);
        if (code == COMMAND_CLEAN && contest->cut && entry->has_plain)
            code = work(contest, i, &contest->cut_rate);
    }
    return code;
}

/* --- what became of each --- */

/* The last line, unless that is a divergence. */
static void print_verdict(bool diverged, bool judged, bool stopped)
{
    if (diverged)
        printf(stopped ? "\ninterrupted: a part of the work was done\n" : "");
    else if (!judged)
        printf("\nNOTHING WAS JUDGED: %s\n",
               stopped ? "interrupted" : "the engines did no operation");
    else
        printf("\nno divergence%s\n",
               stopped ? " in the part that was done; interrupted before the end" : "");
}

/* What refused is printed on standard error, also with --json. */
static int report(const struct contest *contest)
{
    bool json = contest->options->json;
    bool diverged = false, refused = false, judged = false, stopped = false;
    for (uint32_t i = 0; i < contest->count; i++) {
        const struct cost_table_entry *entry = &contest->entries[i];
        diverged = diverged || entry->outcome == COST_DIVERGED;
        refused = refused || entry->outcome == COST_REFUSED;
        stopped = stopped || entry->outcome == COST_STOPPED;
        judged = judged || entry->plain.operations > entry->plain.refused;
        if (entry->outcome == COST_REFUSED) command_refuse("%s", entry->reason);
        if (entry->outcome != COST_DIVERGED || json) continue;
        assert(entry->clause[0] && entry->reason[0]);
        printf("\nDIVERGENCE of %s, clause %s: %s\n", entry->name, entry->clause, entry->reason);
        if (!entry->path) continue;
        command_print_replay("replay", NULL, entry->path, contest->contenders[i].adapter->name);
        if (!entry->replays)
            printf(
                "    (the replay shows no divergence: it mounts more often than this run did)\n");
    }
    if (!json && (stopped || !refused)) print_verdict(diverged, judged, stopped);
    if (diverged) return COMMAND_DIVERGED;
    if (stopped) return COMMAND_INTERRUPTED;
    if (refused) return COMMAND_USAGE;
    return judged ? COMMAND_CLEAN : COMMAND_NOT_JUDGED;
}

/* --- keeping the results --- */

static int store(const struct contest *contest)
{
    struct db *db;
    struct db_error error;
    enum db_status status = DB_OK;
    int code = command_open_db(contest->options, NULL, &db);
    for (uint32_t i = 0; db && status == DB_OK && i < contest->count; i++) {
        const struct contender *it = &contest->contenders[i];
        if (!contest->entries[i].has_plain) continue;
        struct db_comparison row = {
            .campaign = contest->options->campaign,
            .path = contest->options->files[0],
            .script = &it->script,
            .adapter = it->adapter,
            .cost = &contest->entries[i].plain,
        };
        status = db_store_comparison(db, &row, &error);
        row.cost = &contest->entries[i].cut;
        row.cut_rate = &contest->cut_rate;
        if (status == DB_OK && contest->entries[i].has_cut)
            status = db_store_comparison(db, &row, &error);
    }
    db_close(db);
    return status == DB_OK ? code : command_blame_db(status, &error);
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

/* Finds the engine; whether it takes the scenario's chip and options is its outcome. */
static int choose(const struct command_options *options, const struct script *script,
                  struct contender *contender, struct cost_table_entry *entry)
{
    char reason[LOAD_REASON_MAX], why[SETTINGS_REASON_MAX], what[COMMAND_ASK_MAX];
    struct script *given;
    entry->name = contender->name;
    if (!load_engine(contender->name, &contender->adapter, &given, reason))
        return command_refuse("%s", reason);
    contender->script = *script;
    bool merged = merge_options(&contender->script, given);
    script_free(given);
    if (!merged) return command_refuse("%s: an engine takes at most 8 options", contender->name);
    if (!command_ask(options, contender->adapter, &contender->script, what))
        refuse(entry, options->files[0], what);
    else if (!settings_resolve(contender->adapter, &contender->script, &contender->settings, why))
        refuse(entry, options->files[0], why);
    return COMMAND_CLEAN;
}

static int name_given(const char *list, struct contender *contenders, uint32_t *count)
{
    int code = COMMAND_CLEAN;
    while (list && code == COMMAND_CLEAN) {
        if (*count == ENGINES_MAX)
            return command_refuse("--engines takes at most %d engines", (int)ENGINES_MAX);
        code = command_next_engine(&list, contenders[(*count)++].name);
    }
    return code;
}

/* Whether an engine has what the script asks of it. */
static bool has_calls(const struct adapter *adapter, const struct script *script)
{
    const struct adapter_list *list = adapter->list;
    for (uint32_t i = 0; i < script->op_count; i++) {
        enum op_kind kind = script->ops[i].kind;
        bool of_map = kind == OP_STORE || kind == OP_FETCH || kind == OP_REMOVE;
        bool of_list = kind == OP_PUSH || kind == OP_APPEND || kind == OP_POP;
        if (adapter->kind == ADAPTER_MAP ? of_list : of_map) return false;
        if (!of_list) continue;
        if ((kind == OP_PUSH && !list->push) || (kind == OP_APPEND && !list->append) ||
            (kind == OP_POP && !list->pop))
            return false;
    }
    return true;
}

/* Without a choice: the engines of the house and of plugins that suit the work and the chip. */
static void take_all(const struct command_options *options, const struct script *script,
                     struct contender *contenders, uint32_t *count)
{
    char reason[SETTINGS_REASON_MAX], why[COMMAND_ASK_MAX];
    const struct adapter *adapter;
    struct adapter_settings settings;
    for (size_t i = 0; (adapter = engines_at(i)) && *count < ENGINES_MAX; i++) {
        if (engines_is_subject(adapter) || !has_calls(adapter, script)) continue;
        bool asked = command_ask(options, adapter, script, why);
        if (asked && !settings_resolve(adapter, script, &settings, reason)) continue;
        snprintf(contenders[*count].name, sizeof contenders->name, "%s", adapter->name);
        (*count)++;
    }
}

/* --- the command --- */

static int line_up(struct contest *contest, const struct script *script)
{
    const struct command_options *options = contest->options;
    int code = COMMAND_CLEAN;
    if (options->engines)
        code = name_given(options->engines, contest->contenders, &contest->count);
    else
        take_all(options, script, contest->contenders, &contest->count);
    for (uint32_t i = 0; code == COMMAND_CLEAN && i < contest->count; i++)
        code = choose(options, script, &contest->contenders[i], &contest->entries[i]);
    return code;
}

static int compare(struct contest *contest, const struct script *script)
{
    int code = line_up(contest, script);
    if (code == COMMAND_CLEAN && contest->cut) code = command_ready_artefacts(contest->options);
    command_catch_signals();
    if (code == COMMAND_CLEAN) code = work_all(contest);
    if (code == COMMAND_CLEAN) code = store(contest);
    const struct cost_table table = {.script = script,
                                     .cut_rate = contest->cut ? &contest->cut_rate : NULL,
                                     .entries = contest->entries,
                                     .count = contest->count};
    if (code == COMMAND_CLEAN && contest->options->json)
        cost_table_print_json(&table, stdout);
    else if (code == COMMAND_CLEAN)
        cost_table_print(&table, stdout);
    return code == COMMAND_CLEAN ? report(contest) : code;
}

int command_wear(int argc, char **argv)
{
    struct command_options options;
    struct script *script;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 1) return command_refuse("wear takes one scenario");
    int code = command_load_plugins(&options);
    if (code == COMMAND_CLEAN) code = command_load_script(&options, options.files[0], &script);
    if (code) return code;
    if (!options.engines) options.engines = options.engine;
    command_settle_explore(&options, script);
    struct contest *contest = worker_share(sizeof *contest);
    contest->options = &options;
    contest->cut = options.cuts != 0;
    contest->cut_rate = (struct cut_rate){.cuts = options.cuts,
                                          .of = options.cuts_of,
                                          .faults = options.explore.faults,
                                          .effort = options.explore.effort,
                                          .seed = options.explore.seed};
    code = compare(contest, script);
    worker_unshare(contest, sizeof *contest);
    script_free(script);
    return code;
}
