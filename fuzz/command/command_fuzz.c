/* Random scenarios: fuzz, and decode, which makes a case of a fuzzer's input.
 *
 * fuzz without --image is a fuzz run (fuzz_run.h); its cases are written after the last batch. fuzz
 * --image tries a dump of the flash as a fuzz run tries its images.
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
#include "fuzz/fuzzers/image.h"
#include "fuzz/fuzzers/input.h"
#include "fuzz/fuzzers/sweep.h"
#include "fuzz/script/scenario.h"
#include "fuzz/fuzzers/fuzz_run.h"
#include "fuzz/script/json.h"
#include "fuzz/script/file.h"
#include "fuzz/script/settings.h"

#define SECONDS_DEFAULT 60.0

/* What the callbacks of a fuzz run need. */
struct fuzzing {
    const struct command_options *options;
    struct db *db;
    struct db_error error;
    struct command_progress progress;
};

static void show_progress(void *context, const struct fuzz_run_result *so_far)
{
    struct fuzzing *fuzzing = context;
    command_print_progress(
        &fuzzing->progress,
        "%" PRIu64 " scenarios, %" PRIu64 " crash states, %" PRIu64 " images, %" PRIu32 " cases",
        so_far->scenarios, so_far->total.states, so_far->images.images, so_far->case_count);
}

static bool store_batch(void *context, const struct result *batch, double seconds)
{
    struct fuzzing *fuzzing = context;
    assert(fuzzing->db && "it is called where results are kept");
    return db_store_result(fuzzing->db, batch, seconds, false, &fuzzing->error) == DB_OK;
}

/* --- output --- */

static void print_head(const struct command_options *options, const struct loaded *loaded)
{
    char faults[FAULT_CLASSES_TEXT_MAX];
    fault_print_classes(options->explore.faults, faults);
    printf("fuzz of ");
    settings_print(stdout, loaded->adapter, &loaded->settings);
    printf(", faults %s, seed %" PRIu64 "\n", faults, options->explore.seed);
    command_print_claims(loaded, options->explore.faults, 0);
}

/* What did not replay. */
static int print_unreproduced(const struct command_options *options,
                              const struct fuzz_run_result *result)
{
    int code = COMMAND_CLEAN;
    for (uint32_t i = 0; code == COMMAND_CLEAN && i < result->unreproduced_count; i++)
        code = command_print_unreproduced(options, &result->unreproduced[i]);
    return code;
}

/* Damaged images show that an engine is sane, and nothing of what a cut does to it. */
static struct command_work work_of(const struct command_options *options,
                                   const struct fuzz_run_result *result)
{
    struct command_work work = {.judged = result->total.judged,
                                .empty = result->total.empty,
                                .found = result->case_count,
                                .unreproduced = result->unreproduced_count,
                                .stopped = result->stopped};
    command_print_stop(options, result->total.stop, work.why);
    size_t used = strlen(work.why);
    snprintf(work.why + used, sizeof work.why - used, "%" PRIu64 " rounds were done",
             result->rounds);
    return work;
}

static int print_text(const struct command_options *options, const struct loaded *loaded,
                      const struct fuzz_run_result *result)
{
    const struct command_work work = work_of(options, result);
    print_head(options, loaded);
    command_print_verdict(&work);
    printf("  %" PRIu64 " scenarios, %" PRIu64 " operations, %" PRIu64 " cuts, %" PRIu64
           " crash states, %" PRIu64 " judged, %" PRIu64 " damaged images, %" PRIu64
           " of them opened\n",
           result->scenarios, result->total.operations, result->total.cuts, result->total.states,
           result->total.judged, result->images.images, result->images.opened);
    command_print_waived(&loaded->script->waivers, result->total.waived);
    for (uint32_t i = 0; i < result->case_count; i++) {
        int code = command_print_divergence(options, &result->cases[i]);
        if (code) return code;
    }
    return print_unreproduced(options, result);
}

static int print_case_json(const struct command_options *options, const struct divergence *it)
{
    char path[COMMAND_PATH_MAX];
    int code = command_write_case(options, it->script, path);
    if (code) return code;
    printf("{\"clause\": \"%s\", \"states\": %" PRIu64 ", \"finding\": ", clause_name(it->clause),
           it->count);
    json_print(stdout, it->script->found.text);
    printf(", \"case\": ");
    json_print(stdout, path);
    printf("}");
    return COMMAND_CLEAN;
}

static int print_json(const struct command_options *options, const struct loaded *loaded,
                      const struct fuzz_run_result *result)
{
    char waivers[WAIVER_TEXT_MAX];
    waiver_print(&loaded->script->waivers, waivers);
    printf("{\"engine\": ");
    json_print(stdout, loaded->adapter->name);
    printf(", \"seed\": %" PRIu64 ", \"runs\": %" PRIu64 ", \"scenarios\": %" PRIu64
           ", \"images\": %" PRIu64 ", \"images_opened\": %" PRIu64
           ", \"image_answers\": \"%016" PRIx64 "\", \"operations\": %" PRIu64
           ", \"cuts\": %" PRIu64 ", \"states\": %" PRIu64 ", \"judged\": %" PRIu64
           ", \"skipped\": %" PRIu64 ", \"empty\": %" PRIu64
           ", \"waivers\": \"%s\", \"waived\": %" PRIu64
           ", \"stopped\": %s, \"unreproduced\": %" PRIu32 ", \"divergences\": [",
           options->explore.seed, result->rounds, result->scenarios, result->images.images,
           result->images.opened, result->images.digest, result->total.operations,
           result->total.cuts, result->total.states, result->total.judged, result->total.skipped,
           result->total.empty, waivers, result->total.waived, result->stopped ? "true" : "false",
           result->unreproduced_count);
    for (uint32_t i = 0; i < result->case_count; i++) {
        if (i) printf(", ");
        int code = print_case_json(options, &result->cases[i]);
        if (code) return code;
    }
    printf("]}\n");
    return print_unreproduced(options, result);
}

/* --- a fuzz run --- */

static struct fuzz_run_options fuzz_run_of(const struct command_options *options,
                                           const struct loaded *loaded, struct fuzzing *fuzzing)
{
    bool limited = options->time_given || options->seconds > 0 || options->runs > 0;
    return (struct fuzz_run_options){
        .target = {.adapter = loaded->adapter,
                   .frame = loaded->script,
                   .chip_fixed = options->chip != NULL,
                   .faults = options->explore.faults},
        .explore = options->explore,
        .depth_given = options->depth_given,
        .faults_given = options->faults_given || loaded->script->faults,
        .settle = command_settling(options),
        .jobs = options->jobs,
        .runs_max = options->runs,
        .seconds_max = limited ? options->seconds : SECONDS_DEFAULT,
        .limits = options->limits,
        .progress = options->quiet ? NULL : show_progress,
        .batch = fuzzing->db ? store_batch : NULL,
        .context = fuzzing,
    };
}

/* What was found is in the result, whatever the answer. */
static int run_fuzzing(const struct command_options *options, const struct loaded *loaded,
                       struct fuzzing *fuzzing, struct fuzz_run_result *result)
{
    struct fuzz_run_options run = fuzz_run_of(options, loaded, fuzzing);
    bool fine = fuzz_run_run(&run, result);
    double seconds = command_end_progress(&fuzzing->progress);
    int code = COMMAND_CLEAN;
    if (!fine) {
        code = command_fail("%s", fuzzing->error.text);
        result->stopped = true;
    }
    if (fuzzing->db && code == COMMAND_CLEAN) {
        const struct result nothing = {.stopped = result->stopped};
        if (db_store_result(fuzzing->db, &nothing, 0, true, &fuzzing->error))
            code = command_fail("%s", fuzzing->error.text);
    }
    if (!options->quiet && seconds > 0)
        fprintf(stderr, "  %.2f s, %.0f scenarios and %.0f crash states a second\n", seconds,
                (double)result->scenarios / seconds, (double)result->total.states / seconds);
    return code;
}

static int fuzz_into(const struct command_options *options, const struct loaded *loaded,
                     struct fuzzing *fuzzing)
{
    struct fuzz_run_result result = {0};
    int code = run_fuzzing(options, loaded, fuzzing, &result);
    if (result.total.mistake[0]) {
        code = command_refuse("%s: %s", loaded->adapter->name, result.total.mistake);
    } else if (code == COMMAND_CLEAN || result.case_count) { /* what was found is printed anyway */
        int printed = options->json ? print_json(options, loaded, &result)
                                    : print_text(options, loaded, &result);
        if (code == COMMAND_CLEAN) code = printed;
    }
    const struct command_work work = work_of(options, &result);
    code = command_end(options, code, &work);
    fuzz_run_result_free(&result);
    return code;
}

static int fuzz_loaded(const struct command_options *options, const struct loaded *loaded)
{
    struct fuzzing fuzzing = {.options = options};
    struct db_run run = {DB_FUZZ,        options->campaign, NULL,
                         loaded->script, loaded->adapter,   &options->explore};
    int code = command_open_db(options, &run, &fuzzing.db);
    if (code) return code;
    command_start_progress(&fuzzing.progress);
    code = fuzz_into(options, loaded, &fuzzing);
    db_close(fuzzing.db);
    return code;
}

/* --- one image --- */

static int try_bytes(const struct command_options *options, const struct loaded *loaded,
                     const uint8_t *image, uint64_t size)
{
    struct replay tried;
    image_make_case(loaded->script, image, (size_t)size);
    replay_apart(loaded->script, loaded->adapter, &loaded->settings, NULL, &options->limits,
                 &tried);
    const struct finding *finding = &tried.finding;
    if (finding->clause == CLAUSE_SCENARIO)
        return command_refuse("%s: %s", options->image, finding->text);
    if (finding->clause == CLAUSE_NONE)
        printf("no divergence\n");
    else
        printf("DIVERGENCE, clause %s: %s\n", clause_name(finding->clause), finding->text);
    return finding->clause == CLAUSE_NONE ? COMMAND_CLEAN : COMMAND_DIVERGED;
}

static uint64_t size_of(const struct bo_flash_geometry *geometry)
{
    return (uint64_t)geometry->sector_size * geometry->sector_count;
}

static int try_image(const struct command_options *options, const struct loaded *loaded)
{
    uint64_t size, wanted = size_of(&loaded->script->part.geometry);
    uint8_t *image = file_read(options->image, wanted, &size);
    assert(options->image);
    if (!image) return command_refuse("%s: %s", options->image, strerror(errno));
    int code = size == wanted
                   ? try_bytes(options, loaded, image, size)
                   : command_refuse("%s: expected %" PRIu64 " bytes, as many as the chip has",
                                    options->image, wanted);
    free(image);
    return code;
}

int command_fuzz(int argc, char **argv)
{
    struct command_options options;
    struct loaded loaded;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count > (options.image ? 1 : 0))
        return command_refuse("fuzz takes --engine and --chip; with --image also a case");
    int code = options.file_count ? command_load(&options, options.files[0], &loaded)
                                  : command_load_bare(&options, 0, &loaded);
    if (code) return code;
    command_settle_faults(&options, loaded.script);
    if (!options.image) snprintf(loaded.script->name, sizeof loaded.script->name, "fuzz");
    code = command_ready_artefacts(&options);
    if (code == COMMAND_CLEAN)
        code = options.image ? try_image(&options, &loaded) : fuzz_loaded(&options, &loaded);
    script_free(loaded.script);
    return code;
}

/* --- decode --- */

#define INPUT_SIZE_MAX (1u << 20)

/* The case of what was found, or the script where there is nothing. */
static int print_found(const struct command_options *options, const struct script *script,
                       const struct result *found)
{
    if (found->mistake[0]) return command_refuse("%s: %s", script->engine, found->mistake);
    if (found->unreproduced_count) {
        command_print_unreproduced(options, &found->unreproduced[0]);
        return COMMAND_FAILED;
    }
    scenario_print_script(found->divergence_count ? found->divergences[0].script : script, stdout);
    return found->divergence_count ? COMMAND_DIVERGED : COMMAND_CLEAN;
}

/* What explore_fuzzer does with the input, but the engine may crash. */
static int print_decoded(const struct command_options *options, const struct decode_target *target,
                         const struct loaded *loaded, const uint8_t *bytes, size_t size)
{
    struct explore_options sweeping;
    struct result result;
    struct settle_options settling = command_settling(options);
    settling.shrink = false;
    sweep_options(target, loaded->script, &loaded->settings, bytes, size, &sweeping);
    sweep_apart(loaded->script, loaded->adapter, &loaded->settings, &sweeping, &settling.limits,
                &result);
    settle_result(&result, loaded->adapter, &settling);
    int code = print_found(options, loaded->script, &result);
    result_free(&result);
    return code;
}

/* The case of an image; with the finding where there is one. */
static int print_tried(const struct command_options *options, const struct decode_target *target,
                       struct image_input *input)
{
    struct replay tried;
    image_make_case(input->script, input->image, bo_flash_size(chip_flash(input->rig->chip)));
    replay_apart(input->script, target->adapter, NULL, NULL, &options->limits, &tried);
    if (waiver_covers(&input->script->waivers, tried.finding.clause))
        tried.finding.clause = CLAUSE_NONE;
    input_record(input->script, &tried.finding);
    scenario_print_script(input->script, stdout);
    return tried.finding.clause == CLAUSE_NONE ? COMMAND_CLEAN : COMMAND_DIVERGED;
}

/* Writes the image that an input of image_fuzzer stands for, and prints the case of it. */
static int write_decoded(const struct command_options *options, const struct decode_target *target,
                         const uint8_t *bytes, size_t size)
{
    struct image_input input;
    struct command_options here = *options;
    char path[COMMAND_PATH_MAX];
    int code = COMMAND_FAILED;
    assert(options->image && target->adapter);
    here.artefacts = ".";
    if (!image_decode(target, bytes, size, &input)) {
        command_fail("no chip of at most 64 KiB for this engine");
    } else {
        size_t chip = (size_t)bo_flash_size(chip_flash(input.rig->chip));
        code = command_write_artefact(&here, options->image, input.image, chip, path);
    }
    if (code == COMMAND_CLEAN) code = print_tried(options, target, &input);
    image_input_free(&input);
    return code;
}

static int decode_bytes(const struct command_options *options, struct loaded *frame,
                        const uint8_t *bytes, size_t size)
{
    struct loaded loaded = {.adapter = frame->adapter};
    struct decode_target target = {.adapter = frame->adapter,
                                   .frame = frame->script,
                                   .chip_fixed = options->chip != NULL,
                                   .faults = options->explore.faults,
                                   .faults_given = options->faults_given,
                                   .cut = true};
    if (options->image) return write_decoded(options, &target, bytes, size);
    loaded.script = sweep_script(&target, bytes, size, &loaded.settings);
    if (!loaded.script) return command_fail("no chip for this engine");
    int code = print_decoded(options, &target, &loaded, bytes, size);
    script_free(loaded.script);
    return code;
}

int command_decode(int argc, char **argv)
{
    struct command_options options;
    struct loaded frame;
    uint64_t size;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 1) return command_refuse("decode takes one input of a fuzzer");
    uint8_t *bytes = file_read(options.files[0], INPUT_SIZE_MAX, &size);
    if (!bytes) return command_refuse("%s: %s", options.files[0], strerror(errno));
    int code = command_load_bare(&options, 0, &frame);
    if (code == COMMAND_CLEAN) {
        command_settle_faults(&options, frame.script);
        code = decode_bytes(&options, &frame, bytes, (size_t)size);
        script_free(frame.script);
    }
    free(bytes);
    return code;
}
