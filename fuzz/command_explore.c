#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/adapters.h"
#include "fuzz/command.h"
#include "fuzz/db.h"
#include "fuzz/pool.h"
#include "fuzz/replay.h"
#include "fuzz/shrink.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* --- progress --- */

struct progress {
    double start, told;
    bool terminal;
};

static void show_progress(void *context, uint64_t states, uint64_t operations, uint64_t all)
{
    struct progress *progress = context;
    double time = now();
    if (!progress->terminal && time - progress->told < 10) return;
    progress->told = time;
    fprintf(stderr, "%s  operation %" PRIu64 " of %" PRIu64 ", %" PRIu64 " crash states, %.0f s%s",
            progress->terminal ? "\r" : "", operations, all, states, time - progress->start,
            progress->terminal ? "   " : "\n");
    fflush(stderr);
}

static void end_progress(const struct progress *progress)
{
    if (progress->terminal) fprintf(stderr, "\r%60s\r", "");
}

/* --- artefacts --- */

static bool write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file) return false;
    bool fine = fwrite(text, 1, size, file) == size;
    fine = fclose(file) == 0 && fine;
    if (!fine) {
        int error = errno;
        remove(path);
        errno = error;
    }
    return fine;
}

/* Writes the case beside the others; its name is told in `path`. */
static int write_case(const struct command_options *options, const struct divergence *divergence,
                      char path[4096])
{
    struct db_case it;
    if (!db_case_print(&it, divergence->script)) return command_fail("out of memory");
    snprintf(path, 4096, "%s%s%s", strcmp(options->artefacts, ".") ? options->artefacts : "",
             strcmp(options->artefacts, ".") ? "/" : "", it.artefact);
    bool fine = write_file(path, it.text, it.size);
    db_case_free(&it);
    if (fine) return COMMAND_CLEAN;
    return command_refuse("%s: %s", path, strerror(errno));
}

/* --- output --- */

static void print_head(const struct loaded *loaded, const struct explore_options *explore)
{
    char faults[FAULT_CLASSES_TEXT_MAX];
    const struct flash_geometry *g = &loaded->script->part.geometry;
    fault_print_classes(explore->faults, faults);
    printf("%s on ", loaded->script->name);
    command_print_engine(stdout, loaded);
    printf(", %s: %" PRIu32 " sectors of %" PRIu32 " bytes, unit %u, faults %s, depth %" PRIu32
           "\n",
           loaded->script->part.name, g->sector_count, g->sector_size, g->unit, faults,
           explore->depth);
}

static int print_divergence(const struct command_options *options, struct divergence *divergence)
{
    char path[4096];
    int code = write_case(options, divergence, path);
    if (code) return code;
    printf("\n  DIVERGENCE, clause %s, in %" PRIu64 " crash states\n    %s\n",
           clause_name(divergence->clause), divergence->count, divergence->script->finding);
    printf("    replay with: brownout replay %s%s%s\n", path, options->plugin ? " --plugin " : "",
           options->plugin ? options->plugin : "");
    return COMMAND_CLEAN;
}

static int print_text(const struct command_options *options, const struct loaded *loaded,
                      const struct explore_result *result)
{
    print_head(loaded, &options->explore);
    uint64_t states = result->states ? result->states : 1;
    printf("  %" PRIu64 " operations, %" PRIu64 " cuts, %" PRIu64 " crash states, %" PRIu64
           " judged, %.1f %% seen before\n",
           result->operations, result->cuts, result->states, result->judged,
           100.0 * (double)result->skipped / (double)states);
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        int code = print_divergence(options, &result->divergences[i]);
        if (code) return code;
    }
    if (result->stopped)
        printf("  stopped before the end\n");
    else if (!result->divergence_count)
        printf("  no divergence\n");
    return COMMAND_CLEAN;
}

static int print_json(const struct command_options *options, const struct loaded *loaded,
                      const struct explore_result *result)
{
    printf("{\"scenario\": ");
    command_print_json(stdout, loaded->script->name);
    printf(", \"engine\": ");
    command_print_json(stdout, loaded->adapter->name);
    printf(", \"operations\": %" PRIu64 ", \"cuts\": %" PRIu64 ", \"states\": %" PRIu64
           ", \"judged\": %" PRIu64 ", \"skipped\": %" PRIu64
           ", \"stopped\": %s, \"divergences\": [",
           result->operations, result->cuts, result->states, result->judged, result->skipped,
           result->stopped ? "true" : "false");
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        char path[4096];
        int code = write_case(options, &result->divergences[i], path);
        if (code) return code;
        printf("%s{\"clause\": \"%s\", \"states\": %" PRIu64 ", \"finding\": ", i ? ", " : "",
               clause_name(result->divergences[i].clause), result->divergences[i].count);
        command_print_json(stdout, result->divergences[i].script->finding);
        printf(", \"case\": ");
        command_print_json(stdout, path);
        printf("}");
    }
    printf("]}\n");
    return COMMAND_CLEAN;
}

/* --- the command --- */

/* What tells one shrunk case from another: the clause, what is done and what is torn, not the bytes. */
static uint64_t case_shape(const struct divergence *divergence)
{
    const struct script *script = divergence->script;
    uint64_t shape = (uint64_t)divergence->clause;
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        uint8_t bytes[12] = {(uint8_t)op->kind, op->cut.nth != 0, (uint8_t)op->cut.tear.kind};
        memcpy(bytes + 4, &shape, sizeof shape);
        if (op->cut.nth || op->kind == OP_USE) shape = script_digest(bytes, sizeof bytes);
    }
    return shape;
}

/* What a case says is what its replay shows. One that lost its engine can't be replayed here. */
static void record_all(const struct loaded *loaded, struct explore_result *result)
{
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        struct divergence *divergence = &result->divergences[i];
        if (divergence->lost) continue;
        enum clause shown = replay_record(divergence->script, loaded->adapter, &loaded->settings);
        if (shown != CLAUSE_NONE) divergence->clause = shown;
    }
}

/* Shrinks each divergence; those that turn out to be the same become one. */
static void shrink_all(const struct loaded *loaded, struct explore_result *result)
{
    struct explore_result shrunk = {0};
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        struct divergence *divergence = &result->divergences[i];
        if (!divergence->lost) shrink(&divergence->script, loaded->adapter, &loaded->settings);
        divergence->shape = case_shape(divergence);
        explore_add(&shrunk, divergence);
    }
    free(result->divergences);
    result->divergences = shrunk.divergences;
    result->divergence_count = shrunk.divergence_count;
}

static int explore_into(const struct command_options *options, const struct loaded *loaded,
                        struct db *db, struct explore_result *result)
{
    struct db_error error;
    struct db_run run = {DB_EXPLORE,     options->campaign, options->files[0],
                         loaded->script, loaded->adapter,   &options->explore};
    if (db && db_begin_run(db, &run, &error)) return command_fail("%s", error.text);
    struct progress progress = {.start = now(), .told = now(), .terminal = isatty(2) == 1};
    struct pool_options pool = {.jobs = options->jobs,
                                .seconds_max = options->seconds,
                                .silence_max = options->silence,
                                .progress = options->quiet ? NULL : show_progress,
                                .context = &progress};
    signal(SIGINT, pool_stop);
    signal(SIGTERM, pool_stop);
    bool fine = pool_explore(loaded->script, loaded->adapter, &loaded->settings, &options->explore,
                             &pool, result);
    double seconds = now() - progress.start;
    if (!options->quiet) end_progress(&progress);
    if (!fine) return command_fail("a worker failed: %s", errno ? strerror(errno) : "no memory");
    record_all(loaded, result);
    if (options->shrink) shrink_all(loaded, result);
    if (db) {
        enum db_status status = db_store_result(db, result, seconds, true, &error);
        if (status) return command_fail("%s", error.text);
    }
    if (!options->quiet && seconds > 0)
        fprintf(stderr, "  %.2f s, %.0f crash states a second\n", seconds,
                (double)result->states / seconds);
    return COMMAND_CLEAN;
}

static int explore_loaded(const struct command_options *options, const struct loaded *loaded)
{
    struct db *db = NULL;
    if (options->db) {
        enum db_status status;
        struct db_error error;
        db = db_open(options->db, &status, &error);
        if (!db) {
            command_refuse("%s", error.text);
            return (int)status;
        }
    }
    struct explore_result result = {0};
    int code = explore_into(options, loaded, db, &result);
    db_close(db);
    if (code == COMMAND_CLEAN)
        code = options->json ? print_json(options, loaded, &result)
                             : print_text(options, loaded, &result);
    if (code == COMMAND_CLEAN && result.divergence_count) code = COMMAND_DIVERGED;
    explore_result_free(&result);
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
    command_settle_explore(&options, loaded.script);
    code = explore_loaded(&options, &loaded);
    script_free(loaded.script);
    return code;
}
