/* The subcommand explore: every cut of one scenario.
 *
 * Workers explore (pool.h), each a share of the cuts. Then each divergence is replayed from its own
 * text and shrunk; cases that shrink to the same one are merged. What is printed on standard output
 * does not depend on the number of workers.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/command/command.h"
#include "fuzz/db/db.h"
#include "fuzz/explore/apart.h"
#include "fuzz/explore/pool.h"
#include "fuzz/explore/settle.h"
#include "fuzz/script/json.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

/* --- progress --- */

static void show_progress(void *context, uint64_t states, uint64_t operations, uint64_t all)
{
    command_print_progress(context,
                           "operation %" PRIu64 " of %" PRIu64 ", %" PRIu64 " crash states",
                           operations, all, states);
}

/* --- output --- */

static void print_head(const struct loaded *loaded, const struct explore_options *explore)
{
    char faults[FAULT_CLASSES_TEXT_MAX];
    const struct bo_flash_geometry *g = &loaded->script->part.geometry;
    fault_print_classes(explore->faults, faults);
    printf("%s on ", loaded->script->name);
    settings_print(stdout, loaded->adapter, &loaded->settings);
    printf(", %s: %" PRIu32 " sectors of %" PRIu32 " bytes, unit %u, faults %s, depth %" PRIu32
           "\n",
           loaded->script->part.name, g->sector_count, g->sector_size, g->unit, faults,
           explore->depth);
}

/* Of the engine's claims on this part. Classes that nobody asked for are left out where the engine
 * claims them on other parts only. */
static void settle_claims(struct command_options *options, const struct loaded *loaded)
{
    const struct part *part = &loaded->script->part;
    uint32_t *faults = &options->explore.faults;
    if (options->faults_claimed)
        *faults = settings_claims(loaded->adapter, part, &loaded->settings);
    else if (!options->faults_given && !loaded->script->faults)
        options->left_out =
            *faults & settings_claims_elsewhere(loaded->adapter, part, &loaded->settings);
    *faults &= ~options->left_out;
    assert(!options->faults_given || options->left_out == 0);
}

static struct command_work work_of(const struct command_options *options,
                                   const struct result *result)
{
    assert((!result->empty || !result->judged) && "of one run all states are empty or none");
    struct command_work work = {.judged = result->judged,
                                .empty = result->empty,
                                .found = result->divergence_count,
                                .unreproduced = result->unreproduced_count,
                                .stopped = result->stopped};
    command_print_stop(options, result->stop, work.why);
    size_t used = strlen(work.why);
    snprintf(work.why + used, sizeof work.why - used,
             "%" PRIu32 " of %" PRIu32 " parts of the cuts were tried", result->parts,
             result->parts_all);
    return work;
}

static int print_text(const struct command_options *options, const struct loaded *loaded,
                      const struct result *result)
{
    const struct command_work work = work_of(options, result);
    print_head(loaded, &options->explore);
    command_print_verdict(&work);
    command_print_claims(loaded, options->explore.faults, options->left_out);
    assert(result->judged + result->skipped + result->empty == result->states);
    uint64_t states = result->states ? result->states : 1;
    printf("  %" PRIu64 " operations, %" PRIu64 " cuts, %" PRIu64 " crash states, %" PRIu64
           " judged, %.1f %% visited before\n",
           result->operations, result->cuts, result->states, result->judged,
           100.0 * (double)result->skipped / (double)states);
    if (result->refused)
        printf("  %" PRIu64 " operations were refused; %s\n", result->refused, result->refusal);
    command_print_missed(result->cuts_missed, "  ");
    command_print_waived(&loaded->script->waivers, result->waived);
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        int code = command_print_divergence(options, &result->divergences[i]);
        if (code) return code;
    }
    for (uint32_t i = 0; i < result->unreproduced_count; i++) {
        int code = command_print_unreproduced(options, &result->unreproduced[i]);
        if (code) return code;
    }
    return COMMAND_CLEAN;
}

static void print_json_head(FILE *out, const struct loaded *loaded, const struct result *result)
{
    char waivers[WAIVER_TEXT_MAX];
    waiver_print(&loaded->script->waivers, waivers);
    fprintf(out, "{\"scenario\": ");
    json_print(out, loaded->script->name);
    fprintf(out, ", \"engine\": ");
    json_print(out, loaded->adapter->name);
    fprintf(out,
            ", \"operations\": %" PRIu64 ", \"cuts\": %" PRIu64 ", \"states\": %" PRIu64
            ", \"judged\": %" PRIu64 ", \"skipped\": %" PRIu64 ", \"empty\": %" PRIu64
            ", \"refused\": %" PRIu64 ", \"cuts_missed\": %" PRIu32
            ", \"waivers\": \"%s\", \"waived\": %" PRIu64
            ", \"stopped\": %s, \"unreproduced\": %" PRIu32 ", \"divergences\": [",
            result->operations, result->cuts, result->states, result->judged, result->skipped,
            result->empty, result->refused, result->cuts_missed, waivers, result->waived,
            result->stopped ? "true" : "false", result->unreproduced_count);
}

static int print_json_to(FILE *out, const struct command_options *options,
                         const struct loaded *loaded, const struct result *result)
{
    print_json_head(out, loaded, result);
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        const struct divergence *divergence = &result->divergences[i];
        char path[COMMAND_PATH_MAX];
        int code = command_write_case(options, divergence->script, path);
        if (code) return code;
        fprintf(out, "%s{\"clause\": \"%s\", \"states\": %" PRIu64 ", \"finding\": ", i ? ", " : "",
                clause_name(divergence->clause), divergence->count);
        json_print(out, divergence->script->found.text);
        fprintf(out, ", \"case\": ");
        json_print(out, path);
        fprintf(out, "}");
    }
    fprintf(out, "]}\n");
    for (uint32_t i = 0; i < result->unreproduced_count; i++) {
        int code = command_print_unreproduced(options, &result->unreproduced[i]);
        if (code) return code;
    }
    return COMMAND_CLEAN;
}

/* All or nothing: half a JSON text is worse than none. */
static int print_json(const struct command_options *options, const struct loaded *loaded,
                      const struct result *result)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = memory_open(&text, &size);
    int code = print_json_to(out, options, loaded, result);
    memory_close(out, &text);
    assert(text && size > 0 && "there is a head at least");
    if (code == COMMAND_CLEAN) fwrite(text, 1, size, stdout);
    free(text);
    return code;
}

/* --- the command --- */

/* In the case of an image there is nothing to cut: it is tried. */
static void try_image(const struct command_options *options, const struct loaded *loaded,
                      struct result *result)
{
    struct replay tried;
    const struct script *script = loaded->script;
    replay_apart(script, loaded->adapter, &loaded->settings, NULL, &options->limits, &tried);
    if (tried.finding.clause == CLAUSE_SCENARIO) {
        memcpy(result->mistake, tried.finding.text, sizeof result->mistake);
        return;
    }
    result->operations = script->op_count;
    result->states = result->judged = 1;
    result->parts = result->parts_all = 1;
    if (tried.finding.clause == CLAUSE_NONE) return;
    struct divergence found = {.clause = tried.finding.clause, .count = 1};
    found.script = script_copy(script);
    found.script->found = tried.finding;
    result_add(result, &found);
}

/* What was found is in the result, whatever the answer. */
static int explore_into(const struct command_options *options, const struct loaded *loaded,
                        struct db *db, struct result *result)
{
    struct command_progress progress;
    command_start_progress(&progress);
    struct pool_options pool = {.jobs = options->jobs,
                                .seconds_max = options->seconds,
                                .limits = options->limits,
                                .progress = options->quiet ? NULL : show_progress,
                                .context = &progress};
    if (loaded->script->image)
        try_image(options, loaded, result);
    else
        pool_explore(loaded->script, loaded->adapter, &loaded->settings, &options->explore, &pool,
                     result);
    double seconds = command_end_progress(&progress);
    int code = COMMAND_CLEAN;
    const struct settle_options settle = command_settling(options);
    settle_result(result, loaded->adapter, &settle);
    if (db) {
        struct db_error error;
        enum db_status status = db_store_result(db, result, seconds, true, &error);
        if (status) code = command_blame_db(status, &error);
    }
    if (!options->quiet && seconds > 0)
        fprintf(stderr, "  %.2f s, %.0f crash states a second\n", seconds,
                (double)result->states / seconds);
    return code;
}

static int explore_loaded(const struct command_options *options, const struct loaded *loaded)
{
    struct db *db;
    assert(options->file_count == 1);
    struct db_run run = {DB_EXPLORE,     options->campaign, options->files[0],
                         loaded->script, loaded->adapter,   &options->explore};
    int code = command_open_db(options, &run, &db);
    if (code) return code;
    struct result result = {0};
    code = explore_into(options, loaded, db, &result);
    db_close(db);
    if (result.mistake[0]) {
        code = command_refuse_at(options->files[0], result.mistake_line, result.mistake);
    } else if (code == COMMAND_CLEAN ||
               result.divergence_count) { /* what was found is printed anyway */
        int printed = options->json ? print_json(options, loaded, &result)
                                    : print_text(options, loaded, &result);
        if (code == COMMAND_CLEAN) code = printed;
    }
    const struct command_work work = work_of(options, &result);
    code = command_end(options, code, &work);
    result_free(&result);
    return code;
}

int command_explore(int argc, char **argv)
{
    struct command_options options;
    struct loaded loaded;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 1) return command_refuse("explore takes one scenario");
    int code = command_load(&options, options.files[0], &loaded);
    if (code) return code;
    script_power_on_after_cuts(loaded.script);
    command_settle_explore(&options, loaded.script);
    settle_claims(&options, &loaded);
    code = command_ready_artefacts(&options);
    if (code == COMMAND_CLEAN) code = explore_loaded(&options, &loaded);
    script_free(loaded.script);
    return code;
}
