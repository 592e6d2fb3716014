/* The subcommands that run one scenario once: run, replay, shrink, print.
 *
 * All four but print go through replay(): run without a story, replay with one, and shrink as often
 * as it has something to try. What shows no divergence cannot be shrunk.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/command/command.h"
#include "fuzz/explore/apart.h"
#include "fuzz/explore/replay.h"
#include "fuzz/script/ask.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/scenario.h"
#include "fuzz/wear/wear.h"
#include "fuzz/script/json.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

/* --- run --- */

static const char *trust_mark(enum part_trust trust)
{
    return trust == PART_ASSUMED ? " (not confirmed)" : "";
}

static void print_lifetime(const struct rig *rig, const struct wear *wear)
{
    const struct part *part = &rig->script->part;
    double life = wear_lifetime_ns(rig, wear);
    assert(life >= 0);
    if (part->endurance.value)
        printf("  endurance          %" PRIu64 " erases of a sector%s\n", part->endurance.value,
               trust_mark(part->endurance.trust));
    else
        printf("  endurance          unknown\n");
    if (life == 0) return;
    printf("  workload covers    ");
    wear_print_duration(stdout, (double)rig->script->every_ns * rig->script->op_count);
    printf("\n  projected lifetime ");
    wear_print_duration(stdout, life);
    printf(", then sector %" PRIu32 " is worn out\n", wear->max_sector);
}

static void print_bound(const char *what, uint64_t worst, uint64_t bound)
{
    uint64_t most = bound == ADAPTER_NO_CALL ? 0 : bound;
    if (bound) printf(", %" PRIu64 " of %" PRIu64 " %s", worst, most, what);
}

/* What the engine states for a call that was made; false: nothing. */
static bool bound_of(const struct loaded *loaded, const struct rig *rig, enum adapter_call call,
                     struct adapter_bound *bound)
{
    const struct adapter_bound *worst = &rig->worst[call];
    assert(call < ADAPTER_CALLS && rig->level == 0 && "what was cut is not the scenario's");
    if (!loaded->adapter->bound || (!worst->reads && !worst->changes)) return false;
    *bound = ask_bound(loaded->adapter, &loaded->script->part.geometry, &loaded->settings, call,
                       rig_is_sound(rig));
    return bound->reads || bound->changes;
}

/* The worst call of each kind beside what the engine states for it; nothing where it states
 * nothing. */
static void print_bounds(const struct loaded *loaded, const struct rig *rig)
{
    struct adapter_bound bound;
    for (int i = 0; i < ADAPTER_CALLS; i++) {
        const struct adapter_bound *worst = &rig->worst[i];
        if (!bound_of(loaded, rig, (enum adapter_call)i, &bound)) continue;
        printf("  worst %s", adapter_call_name((enum adapter_call)i));
        print_bound("reads", worst->reads, bound.reads);
        print_bound("programs and erases", worst->changes, bound.changes);
        printf("\n");
    }
}

static void print_bound_json(const char *what, uint64_t worst, uint64_t bound)
{
    printf(", \"%s\": %" PRIu64 ", \"%s_max\": ", what, worst, what);
    if (bound)
        printf("%" PRIu64, bound == ADAPTER_NO_CALL ? 0 : bound);
    else
        printf("null");
}

static void print_bounds_json(const struct loaded *loaded, const struct rig *rig)
{
    struct adapter_bound bound;
    const char *before = "";
    printf(", \"worst\": [");
    for (int i = 0; i < ADAPTER_CALLS; i++) {
        const struct adapter_bound *worst = &rig->worst[i];
        if (!bound_of(loaded, rig, (enum adapter_call)i, &bound)) continue;
        printf("%s{\"call\": \"%s\"", before, adapter_call_name((enum adapter_call)i));
        print_bound_json("reads", worst->reads, bound.reads);
        print_bound_json("changes", worst->changes, bound.changes);
        printf("}");
        before = ", ";
    }
    printf("]");
}

static void print_run(const struct loaded *loaded, const struct rig *rig)
{
    const struct chip_counters *c = chip_counters(rig->chip);
    const struct bo_flash_geometry *g = &chip_flash(rig->chip)->geometry;
    struct wear wear = wear_of(rig, NULL);
    assert(wear.max_sector < g->sector_count && wear.used <= g->sector_count);
    printf("%s on ", loaded->script->name);
    settings_print(stdout, loaded->adapter, &loaded->settings);
    printf(", %s: %" PRIu32 " sectors of %" PRIu32 " bytes, unit %u\n", loaded->script->part.name,
           g->sector_count, g->sector_size, g->unit);
    printf("  operations         %" PRIu32 "\n", loaded->script->op_count);
    if (rig->refusals.count) {
        char refusal[RIG_REFUSAL_MAX];
        rig_print_refusal(rig, refusal);
        printf("  refused            %" PRIu64 "; %s\n", rig->refusals.count, refusal);
    }
    printf("  erases             %" PRIu64 "\n", c->erases);
    printf("  programs           %" PRIu64 ", %" PRIu64 " bytes\n", c->programs,
           c->bytes_programmed);
    printf("  reads              %" PRIu64 ", %" PRIu64 " bytes, the harness's own included\n",
           c->reads, c->bytes_read);
    printf("  flash time         ");
    wear_print_duration(stdout, (double)c->time_ns);
    printf(", typical times\n");
    printf("  most worn          sector %" PRIu32 ": %" PRIu32 " erases; mean %.1f, %" PRIu32
           " of %" PRIu32 " sectors erased\n",
           wear.max_sector, wear.max, wear.mean, wear.used, g->sector_count);
    print_lifetime(rig, &wear);
    print_bounds(loaded, rig);
}

static void print_run_json(const struct loaded *loaded, const struct rig *rig)
{
    const struct chip_counters *c = chip_counters(rig->chip);
    struct wear wear = wear_of(rig, NULL);
    printf("{\"scenario\": ");
    json_print(stdout, loaded->script->name);
    printf(", \"engine\": ");
    json_print(stdout, loaded->adapter->name);
    printf(", \"chip\": ");
    json_print(stdout, loaded->script->part.name);
    printf(", \"operations\": %" PRIu32 ", \"erases\": %" PRIu64 ", \"programs\": %" PRIu64
           ", \"bytes_programmed\": %" PRIu64 ", \"reads\": %" PRIu64 ", \"bytes_read\": %" PRIu64
           ", \"flash_time_ns\": %" PRIu64 ", \"erases_max\": %" PRIu32
           ", \"erases_max_sector\": %" PRIu32 ", \"erases_mean\": %.3f, \"refused\": %" PRIu64
           ", \"lifetime_ns\": ",
           loaded->script->op_count, c->erases, c->programs, c->bytes_programmed, c->reads,
           c->bytes_read, c->time_ns, wear.max, wear.max_sector, wear.mean, rig->refusals.count);
    double life = wear_lifetime_ns(rig, &wear);
    if (life > 0)
        printf("%.0f", life);
    else
        printf("null");
    print_bounds_json(loaded, rig);
    printf("}\n");
}

static bool write_sectors(const struct rig *rig, uint8_t *sector, FILE *file)
{
    const struct bo_flash_geometry *g = &chip_flash(rig->chip)->geometry;
    bool fine = true;
    assert(sector && file && bo_flash_size(chip_flash(rig->chip)) <= (uint64_t)1 << 32);
    for (uint32_t i = 0; fine && i < g->sector_count; i++) {
        chip_peek(rig->chip, i * g->sector_size, sector, g->sector_size);
        fine = fwrite(sector, g->sector_size, 1, file) == 1;
    }
    return fine;
}

static int write_image(const struct rig *rig, const char *path)
{
    struct output output;
    uint8_t *sector = memory_new(chip_flash(rig->chip)->geometry.sector_size);
    bool fine = output_open(&output, path) &&
                output_close(&output, write_sectors(rig, sector, output.file));
    int error = errno;
    free(sector);
    return fine ? COMMAND_CLEAN : command_refuse("%s: %s", path, strerror(error));
}

/* Of the scenario or the adapter: no divergence. */
static int refuse_mistake(const struct command_options *options, const struct loaded *loaded,
                          const struct replay *replayed)
{
    const struct script *script = loaded->script;
    assert(replayed->finding.clause == CLAUSE_SCENARIO);
    uint32_t line = replayed->op < script->op_count ? script->ops[replayed->op].line : 0;
    return command_refuse_at(options->files[0], line, replayed->finding.text);
}

/* Nothing differed. Why that says nothing, or NULL: where nothing was done, nothing could differ,
 * nor where all that was looked at is an empty store. A case that puts nothing in shows something
 * all the same, and so may a cut. */
static const char *why_unjudged(const struct script *script, const struct replay *replayed)
{
    bool shows = replayed->used || replayed->cuts || script->found.clause != CLAUSE_NONE;
    assert(replayed->finding.clause == CLAUSE_NONE);
    if (replayed->done == 0) return "the engine did no operation";
    if (replayed->taken) return NULL;
    if (replayed->puts) return "the engine took no value";
    return shows ? NULL : "nothing was put in";
}

static int print_clean(const struct script *script, const struct replay *replayed,
                       const char *indent)
{
    const char *why = why_unjudged(script, replayed);
    printf("%s%s%s\n", indent, why ? "NOTHING WAS JUDGED: " : "no divergence", why ? why : "");
    return why ? COMMAND_NOT_JUDGED : COMMAND_CLEAN;
}

struct run {
    const struct command_options *options;
    const struct loaded *loaded;
};

static int print_counts(const struct command_options *options, const struct loaded *loaded,
                        const struct rig *rig, const struct replay *replayed)
{
    if (!options->json) {
        print_run(loaded, rig);
        command_print_missed(replayed->cuts_missed, "  ");
        return print_clean(loaded->script, replayed, "  ");
    }
    print_run_json(loaded, rig);
    return why_unjudged(loaded->script, replayed) ? COMMAND_NOT_JUDGED : COMMAND_CLEAN;
}

static int run_apart(void *context)
{
    const struct run *it = context;
    const struct command_options *options = it->options;
    const struct loaded *loaded = it->loaded;
    struct replay replayed;
    struct rig *rig = rig_new(loaded->script, loaded->adapter, &loaded->settings);
    int code = COMMAND_CLEAN;
    bool fine = replay(rig, NULL, &replayed);
    if (replayed.finding.clause == CLAUSE_SCENARIO) {
        code = refuse_mistake(options, loaded, &replayed);
    } else if (!fine) {
        printf("DIVERGENCE at operation %" PRIu32 ", clause %s: %s\n", replayed.op + 1,
               clause_name(replayed.finding.clause), replayed.finding.text);
        code = COMMAND_DIVERGED;
    } else {
        if (options->image) code = write_image(rig, options->image);
        if (code == COMMAND_CLEAN) code = print_counts(options, loaded, rig, &replayed);
    }
    rig_free(rig);
    return code;
}

static int run_loaded(const struct command_options *options, const struct loaded *loaded)
{
    struct run it = {options, loaded};
    return command_apart(options, loaded->adapter->name, run_apart, &it);
}

/* Parses, loads, and calls `work`. */
static int with_loaded(int argc, char **argv, const char *takes,
                       int (*work)(const struct command_options *, const struct loaded *))
{
    struct command_options options;
    struct loaded loaded;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 1) return command_refuse("%s takes %s", argv[0], takes);
    int code = command_load(&options, options.files[0], &loaded);
    if (code) return code;
    code = work(&options, &loaded);
    script_free(loaded.script);
    return code;
}

int command_run(int argc, char **argv)
{
    return with_loaded(argc, argv, "one scenario", run_loaded);
}

/* --- replay --- */

static void warn_of_changes(const struct script *script, const struct replay *replayed)
{
    command_print_missed(replayed->cuts_missed, "");
    if (!replayed->cuts_missed && script->trace && replayed->trace != script->trace)
        printf("warning: up to the last cut the engine's programs and erases are no longer those "
               "that were recorded with this case\n");
}

static void print_recorded(const struct finding *found)
{
    if (found->clause != CLAUSE_NONE)
        printf("recorded: clause %s, %s\n", clause_name(found->clause), found->text);
}

/* The last line is the verdict. */
static int print_verdict(const struct script *script, const struct replay *replayed)
{
    const struct finding *recorded = &script->found;
    const struct finding *shown = &replayed->finding;
    char was[KIND_TEXT_MAX], is[KIND_TEXT_MAX] = "no divergence";
    assert(shown->clause != CLAUSE_SCENARIO && "refuse_mistake() prints those");
    if (shown->clause != CLAUSE_NONE) kind_print(shown, is);
    if (recorded->clause && shown->clause && !kind_same(recorded, shown))
        printf("warning: another kind; recorded: %s, shows: %s\n", kind_print(recorded, was), is);
    if (shown->clause == CLAUSE_NONE) return print_clean(script, replayed, "");
    printf("DIVERGENCE, clause %s: %s\n", clause_name(shown->clause), shown->text);
    return COMMAND_DIVERGED;
}

static int replay_loaded(const struct command_options *options, const struct loaded *loaded)
{
    struct replay shown;
    const struct script *script = loaded->script;
    setvbuf(stdout, NULL, _IOLBF, 0); /* an engine that crashes must not take the story with it */
    printf("%s on ", script->name);
    settings_print(stdout, loaded->adapter, &loaded->settings);
    printf(", %s\n", script->part.name);
    print_recorded(&script->found);
    replay_apart(script, loaded->adapter, &loaded->settings, options->quiet ? NULL : stdout,
                 &options->limits, &shown);
    if (shown.finding.clause == CLAUSE_SCENARIO) return refuse_mistake(options, loaded, &shown);
    warn_of_changes(script, &shown);
    return print_verdict(script, &shown);
}

int command_replay(int argc, char **argv)
{
    return with_loaded(argc, argv, "one case", replay_loaded);
}

/* --- shrink --- */

/* A case whose replay shows another kind now is one of that kind. */
static int shrink_loaded(const struct command_options *options, const struct loaded *loaded)
{
    struct replay shown;
    struct settle_options settle = command_settling(options);
    struct divergence divergence = {.count = 1, .script = script_copy(loaded->script)};
    replay_apart(divergence.script, loaded->adapter, &loaded->settings, NULL, &settle.limits,
                 &shown);
    divergence.script->found = shown.finding;
    divergence.lost = shown.finding.seen == SEEN_CRASH || shown.finding.seen == SEEN_ENDLESS;
    int code = COMMAND_DIVERGED;
    if (shown.finding.clause == CLAUSE_SCENARIO)
        code = command_refuse("%s: %s", options->files[0], shown.finding.text);
    else if (shown.finding.clause == CLAUSE_NONE)
        code = command_refuse("%s: expected a case that diverges; its replay shows no divergence",
                              options->files[0]);
    else if (!settle_divergence(&divergence, loaded->adapter, &settle))
        code = command_fail("%s: two replays of it differ", options->files[0]);
    else
        scenario_print_script(divergence.script, stdout);
    script_free(divergence.script);
    return code;
}

int command_shrink(int argc, char **argv)
{
    return with_loaded(argc, argv, "one case", shrink_loaded);
}

/* --- print --- */

int command_print(int argc, char **argv)
{
    struct command_options options;
    struct scenario_error error = {0};
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 1) return command_refuse("print takes one scenario");
    struct scenario *scenario = scenario_read(options.files[0], &error);
    if (scenario) {
        scenario_print(scenario, stdout);
        scenario_free(scenario);
        return COMMAND_CLEAN;
    }
    if (error.line) return command_refuse("%s:%u: %s", options.files[0], error.line, error.reason);
    return command_refuse("%s: %s", options.files[0], error.reason);
}
