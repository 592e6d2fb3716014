/* The subcommand wear: the same work on several engines, side by side.
 *
 * Each engine does the work of the scenario once without power cuts, and with --cuts once more with
 * them (cost.h). An engine that cannot take the chip or the work is left out where no engine was
 * named; where it was, its column says so, as it does of one that diverges, and the others are
 * compared all the same. Ctrl-C ends the work; what was done until then is compared and kept. Where
 * cuts were asked for and none was made, nothing was judged, whatever the table says.
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

/* Of a crash and a hang the call is named too, which the others name themselves. */
static void diverge(struct cost_table_entry *entry, const struct finding *finding)
{
    bool lost = finding->seen == SEEN_CRASH || finding->seen == SEEN_ENDLESS;
    assert(entry->outcome == COST_DONE && finding->clause != CLAUSE_NONE);
    entry->outcome = COST_DIVERGED;
    snprintf(entry->clause, sizeof entry->clause, "%s", clause_name(finding->clause));
    snprintf(entry->reason, sizeof entry->reason, "%s%s%s",
             lost ? adapter_call_name(finding->call) : "", lost ? ": " : "", finding->text);
}

/* --- doing the work --- */

/* What an engine has come to, for which its part of the contest is in memory that is shared. */
struct shift {
    struct contest *contest;
    uint32_t place;                  /* of the contender */
    const struct cut_rate *cut_rate; /* NULL: no power cuts */
    struct cost_trail *trail;        /* shared too */
};

static int work_apart(void *context)
{
    const struct shift *shift = context;
    const struct contender *it = &shift->contest->contenders[shift->place];
    const struct cut_rate *cut_rate = shift->cut_rate;
    struct cost_table_entry *entry = &shift->contest->entries[shift->place];
    struct cost *cost = cut_rate ? &entry->cut : &entry->plain;
    assert(entry->outcome == COST_DONE && (!cut_rate || entry->has_plain));
    struct rig *rig = rig_new(&it->script, it->adapter, &it->settings);
    if (cut_rate) rig_set_faults(rig, cut_rate->faults);
    bool fine = cost_work(cost, rig, cut_rate, shift->trail);
    if (fine && cut_rate)
        entry->has_cut = true;
    else if (fine)
        entry->has_plain = true;
    rig_free(rig);
    return COMMAND_CLEAN;
}

/* The case of what was done until something differed. This run judges a power-on apart from the
 * engine that works on; a replay has one engine only. So a power-on on the way is one that reads
 * everything back, or a `boot`, which leaves the flash to the engine as this run did. */
static struct script *case_of(const struct shift *shift, const struct finding *finding,
                              enum op_kind power_on)
{
    const struct contender *it = &shift->contest->contenders[shift->place];
    const struct cost_trail *trail = shift->trail;
    assert(finding->clause != CLAUSE_NONE && op_powers_on(power_on));
    struct script bare = it->script;
    bare.op_count = 0;
    struct script *done = script_copy(&bare);
    for (uint32_t i = 0; i < trail->count; i++) {
        struct op *op = script_append(done, &trail->ops[i]);
        if (op->kind == OP_MOUNT && i + 1 < trail->count) op->kind = power_on;
    }
    const struct path path = {.levels[0].op = trail->count ? trail->count - 1 : PATH_OP_NONE};
    const struct path_frame frame = {done, it->adapter, &it->settings,
                                     shift->contest->cut_rate.faults};
    struct script *found = path_case(&frame, &path);
    script_free(done);
    found->found = *finding;
    return found;
}

static bool settle_case(const struct shift *shift, const struct finding *finding,
                        enum op_kind power_on, struct divergence *divergence)
{
    const struct settle_options settling = command_settling(shift->contest->options);
    const struct adapter *adapter = shift->contest->contenders[shift->place].adapter;
    script_free(divergence->script);
    divergence->clause = finding->clause;
    divergence->lost = finding->seen == SEEN_CRASH || finding->seen == SEEN_ENDLESS;
    divergence->script = case_of(shift, finding, power_on);
    return settle_divergence(divergence, adapter, &settling);
}

/* Whether a case of it shows its kind. Where none does, as a replay asks more of an engine after a
 * cut than this run did, what that shows is the finding. */
static bool settle(const struct shift *shift, struct finding *finding,
                   struct divergence *divergence)
{
    static const enum op_kind power_ons[] = {OP_MOUNT, OP_BOOT};
    const size_t count = sizeof power_ons / sizeof *power_ons;
    struct finding shown[sizeof power_ons / sizeof *power_ons];
    for (size_t i = 0; i < count; i++) {
        if (settle_case(shift, finding, power_ons[i], divergence)) return true;
        shown[i] = divergence->shown;
    }
    for (size_t i = 0; i < count; i++) {
        if (shown[i].clause == CLAUSE_NONE || shown[i].clause == CLAUSE_SCENARIO) continue;
        *finding = shown[i];
        if (settle_case(shift, finding, power_ons[i], divergence)) return true;
    }
    return false;
}

/* Keeps what differed, once its case shows it too. */
static int blame(const struct shift *shift, struct finding finding)
{
    struct contest *contest = shift->contest;
    struct cost_table_entry *entry = &contest->entries[shift->place];
    char *path = contest->paths[shift->place];
    struct divergence divergence = {.count = 1};
    int code = command_ready_artefacts(contest->options);
    if (code) return code;
    assert(entry->outcome == COST_DONE && finding.clause != CLAUSE_SCENARIO);
    finding.cut = shift->trail->cut;
    if (settle(shift, &finding, &divergence)) {
        diverge(entry, &finding);
        code = command_write_case(contest->options, divergence.script, path);
        if (code == COMMAND_CLEAN) entry->path = path;
    } else {
        entry->outcome = COST_UNREPRODUCED;
        code = command_print_unreproduced(contest->options, &divergence);
    }
    script_free(divergence.script);
    return code;
}

/* An engine may end its process; that is a divergence like any other. */
static int work(struct contest *contest, uint32_t place, const struct cut_rate *cut_rate)
{
    const struct contender *it = &contest->contenders[place];
    size_t size = cost_trail_size(&it->script);
    struct shift shift = {contest, place, cut_rate, worker_share(size)};
    assert(place < contest->count && contest->count <= ENGINES_MAX);
    struct cost_table_entry *entry = &contest->entries[place];
    struct worker_limits limits = contest->options->limits;
    limits.stops = true;
    struct apart_end end = apart_do(work_apart, &shift, &limits, stderr);
    const struct finding *finding =
        end.finding.clause != CLAUSE_NONE ? &end.finding : &shift.trail->finding;
    int code = end.code;
    if (end.stopped)
        entry->outcome = COST_STOPPED;
    else if (finding->clause == CLAUSE_SCENARIO)
        refuse(entry, it->script.name, finding->text);
    else if (finding->clause != CLAUSE_NONE)
        code = blame(&shift, *finding);
    worker_unshare(shift.trail, size);
    return code;
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

/* What the engines have come to, taken together. */
struct tally {
    bool diverged, unreproduced, refused, stopped;
    bool judged; /* something was done, and with --cuts power was cut in it */
};

/* An empty store alone can't be wrong. */
static bool has_worked(const struct cost *cost)
{
    return cost->operations > cost->refused && cost->took;
}

static bool is_judged(const struct contest *contest, const struct cost_table_entry *entry)
{
    if (contest->cut && (!entry->has_cut || cost_cuts(&entry->cut) == 0)) return false;
    return has_worked(&entry->plain);
}

static struct tally tally_of(const struct contest *contest)
{
    struct tally tally = {0};
    for (uint32_t i = 0; i < contest->count; i++) {
        const struct cost_table_entry *entry = &contest->entries[i];
        tally.diverged = tally.diverged || entry->outcome == COST_DIVERGED;
        tally.unreproduced = tally.unreproduced || entry->outcome == COST_UNREPRODUCED;
        tally.refused = tally.refused || entry->outcome == COST_REFUSED;
        tally.stopped = tally.stopped || entry->outcome == COST_STOPPED;
        tally.judged = tally.judged || is_judged(contest, entry);
    }
    return tally;
}

static void print_divergence(const struct contest *contest, uint32_t place)
{
    const struct cost_table_entry *entry = &contest->entries[place];
    const char *engine = contest->contenders[place].adapter->name;
    assert(entry->outcome == COST_DIVERGED && entry->clause[0] && entry->reason[0]);
    printf("\nDIVERGENCE of %s, clause %s: %s\n", entry->name, entry->clause, entry->reason);
    if (entry->path) command_print_replay(entry->path, engine);
}

static void print_unjudged(const struct contest *contest, bool stopped)
{
    bool worked = false;
    assert(contest->count <= ENGINES_MAX);
    for (uint32_t i = 0; i < contest->count; i++)
        worked = worked || has_worked(&contest->entries[i].plain);
    printf("\nNOTHING WAS JUDGED: ");
    if (stopped)
        printf("interrupted\n");
    else if (contest->cut && worked)
        printf("--cuts %" PRIu64 "/%" PRIu64 " met none of the operations; more cuts, another "
               "--seed or more operations are needed\n",
               contest->cut_rate.cuts, contest->cut_rate.of);
    else
        printf("the engines did no operation, or took no value\n");
}

/* The last line, unless that is a divergence. */
static void print_verdict(const struct contest *contest, const struct tally *tally)
{
    if (tally->diverged)
        printf(tally->stopped ? "\ninterrupted: a part of the work was done\n" : "");
    else if (tally->unreproduced)
        printf("\nNO VERDICT: what was found did not replay\n");
    else if (!tally->judged)
        print_unjudged(contest, tally->stopped);
    else
        printf("\nno divergence%s\n",
               tally->stopped ? " in the part that was done; interrupted before the end" : "");
}

/* What refused is printed on standard error, also with --json. */
static int report(const struct contest *contest)
{
    const struct tally tally = tally_of(contest);
    bool json = contest->options->json;
    for (uint32_t i = 0; i < contest->count; i++) {
        const struct cost_table_entry *entry = &contest->entries[i];
        if (entry->outcome == COST_REFUSED) command_refuse("%s", entry->reason);
        if (entry->outcome == COST_DIVERGED && !json) print_divergence(contest, i);
    }
    if (!json && (tally.stopped || !tally.refused)) print_verdict(contest, &tally);
    if (tally.diverged) return COMMAND_DIVERGED;
    if (tally.unreproduced) return COMMAND_FAILED;
    if (tally.stopped) return COMMAND_INTERRUPTED;
    if (tally.refused) return COMMAND_USAGE;
    return tally.judged ? COMMAND_CLEAN : COMMAND_NOT_JUDGED;
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
        bool of_map = kind == OP_STORE || kind == OP_FETCH || kind == OP_REMOVE ||
                      (kind >= OP_BEGIN && kind <= OP_DESTROY_ALL);
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
                                     .count = contest->count,
                                     .is_long = contest->options->is_long};
    if (code == COMMAND_CLEAN && contest->options->json)
        cost_table_print_json(&table, stdout);
    else if (code == COMMAND_CLEAN)
        cost_table_print(&table, stdout);
    return code == COMMAND_CLEAN ? report(contest) : code;
}

/* Cuts of the scenario's own would be in the work of every engine, and are in none. */
static int refuse_own_cuts(const struct command_options *options, const struct script *script)
{
    uint32_t cut = script_next_cut(script, 0, script->op_count);
    if (cut == script->op_count) return COMMAND_CLEAN;
    return command_refuse_at(options->files[0], script->ops[cut].line,
                             "wear takes a scenario without cuts; --cuts N/M makes them");
}

/* Classes that have no cut, on the command line or in the scenario. */
static int refuse_uncut_classes(const struct command_options *options)
{
    if (!options->cuts || !(options->explore.faults & ~(uint32_t)FAULT_CUTS)) return COMMAND_CLEAN;
    return command_refuse("wear cuts power and lets nothing else fail; leave out rot, fail, "
                          "glitch, lie and stray%s",
                          options->faults_given ? "" : ", which the scenario has, by --faults");
}

/* Options that say how power is cut, where it is not. */
static int refuse_idle_options(const struct command_options *options)
{
    struct explore_options without;
    explore_defaults(&without);
    const struct fault_effort *a = &options->explore.effort, *b = &without.effort;
    bool effort =
        a->bits_max != b->bits_max || a->masks != b->masks || a->prefixes_max != b->prefixes_max;
    if (options->cuts || !(effort || options->faults_given || options->seed_given))
        return COMMAND_CLEAN;
    return command_refuse("wear uses --faults, --bits, --masks, --prefixes and --seed only with "
                          "--cuts");
}

int command_wear(int argc, char **argv)
{
    struct command_options options;
    struct script *script;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 1) return command_refuse("wear takes one scenario");
    int code = refuse_idle_options(&options);
    if (code == COMMAND_CLEAN) code = command_load_plugins(&options);
    if (code == COMMAND_CLEAN) code = command_load_script(&options, options.files[0], &script);
    if (code) return code;
    code = refuse_own_cuts(&options, script);
    command_settle_explore(&options, script);
    if (code == COMMAND_CLEAN) code = refuse_uncut_classes(&options);
    if (code) {
        script_free(script);
        return code;
    }
    if (!options.engines) options.engines = options.engine;
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
