/* canary_list_test.c - the explorer catches every fault of canary-queue and canary-log, and nothing
 * where there is none.
 *
 * When this fails, distrust every clean result on a queue or a log until it passes again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/settings.h"
#include "fuzz/explore/explore.h"
#include "fuzz/fuzzers/image.h"
#include "fuzz/rig/hostile.h"
#include "fuzz/script/scenario.h"
#include "fuzz/subjects/subjects.h"

static const char chip_text[] = "chip generic sectors=3 sector=%u page=%u unit=%u programs=%u\n"
                                "engine %s fault=%u%s\n";

/* Each goes around the ring of three sectors more than 8 times in all, has an item that fills a
 * sector of 256 bytes and unit 4, an empty and a blank one, and comes to where the oldest sector
 * holds several items when an append needs it. */
static const char queue_workload[] = "push \"kitchen\"\n"
                                     "push empty\n"
                                     "push fill 255 9\n"
                                     "push random 60..75\n"
                                     "pop\n"
                                     "pop 1\n"
                                     "repeat 6 as i {\n"
                                     "  push fill i 30\n"
                                     "  push random 1..20\n"
                                     "  append random 70..75\n"
                                     "  look\n"
                                     "  pop\n"
                                     "  pop 1\n"
                                     "  peek\n"
                                     "}\n"
                                     "mount\n"
                                     "append random 175\n"
                                     "append random 30\n"
                                     "mount\n";
static const char queue_clear[] = "clear\n"
                                  "repeat 3 {\n"
                                  "  push random 100\n"
                                  "  push random 9\n"
                                  "}\n"
                                  "append random 60\n"
                                  "push random 100\n"
                                  "clear\n"
                                  "push \"cellar\"\n"
                                  "mount\n"
                                  "append \"attic\"\n"
                                  "look\n";

static const char log_workload[] = "append \"kitchen\"\n"
                                   "append empty\n"
                                   "append fill 255 9\n"
                                   "repeat 7 as i {\n"
                                   "  append random 60..75\n"
                                   "  append fill i 5\n"
                                   "  append random 30..40\n"
                                   "  look\n"
                                   "  sync\n"
                                   "  read 0\n"
                                   "}\n"
                                   "mount\n"
                                   "append random 182\n"
                                   "append random 30\n"
                                   "look\n";
static const char log_clear[] = "clear\n"
                                "append \"cellar\"\n"
                                "mount\n"
                                "append \"attic\"\n"
                                "look\n";

/* For pairs of cuts: a sector is given up, a record is torn, everything goes. %u: most of half a
 * sector. */
static const char queue_pairs[] = "repeat 4 {\n"
                                  "  push random %u\n"
                                  "  push random 9\n"
                                  "}\n"
                                  "pop 1\n"
                                  "append random 30\n"
                                  "clear\n"
                                  "push \"cellar\"\n";
static const char log_pairs[] = "repeat 4 {\n"
                                "  append random %u\n"
                                "  append random 9\n"
                                "}\n"
                                "clear\n"
                                "append \"cellar\"\n";

struct subject {
    const struct adapter *adapter;
    const char *workload, *clear, *pairs;
};

static const struct subject queue = {&adapter_canary_queue, queue_workload, queue_clear,
                                     queue_pairs};
static const struct subject ring_log = {&adapter_canary_log, log_workload, log_clear, log_pairs};

/* What is explored: a fault on a part. A clear has one place for its mark, which a cut may spoil
 * under ecc; the engine claims no more. */
struct trial {
    const struct subject *subject;
    unsigned fault, sector_size, unit, programs, batch;
    uint32_t classes, depth;
    const char *clause; /* of these one must be found broken; NULL: none */
};

static int failures;

static struct script *make_script(const struct trial *trial)
{
    char text[2048], batch[32] = "";
    struct scenario_error error = {0};
    if (trial->batch) snprintf(batch, sizeof batch, " batch=%u", trial->batch);
    int length =
        snprintf(text, sizeof text, chip_text, trial->sector_size, trial->sector_size, trial->unit,
                 trial->programs, trial->subject->adapter->name, trial->fault, batch);
    const struct subject *subject = trial->subject;
    char *rest = text + length;
    size_t room = sizeof text - (size_t)length;
    bool clears = trial->classes != FAULT_ECC;
    if (trial->depth > 1)
        snprintf(rest, room, subject->pairs, trial->sector_size * 2 / 5);
    else
        snprintf(rest, room, "%s%s", subject->workload, clears ? subject->clear : "");
    struct scenario *scenario = scenario_parse("canary.scn", text, strlen(text), &error);
    struct script *script = scenario ? scenario_expand(scenario, &error) : NULL;
    scenario_free(scenario);
    if (!script) printf("line %u: %s\n", error.line, error.reason);
    return script;
}

static bool settle(const struct trial *trial, const struct script *script,
                   struct adapter_settings *settings)
{
    char reason[SETTINGS_REASON_MAX];
    if (settings_resolve(trial->subject->adapter, script, settings, reason)) return true;
    puts(reason);
    return false;
}

/* False when the harness itself failed. */
static bool explore_script(const struct trial *trial, const struct script *script,
                           struct result *result)
{
    struct explore_options options;
    struct path path = {0};
    struct adapter_settings settings;
    explore_defaults(&options);
    options.faults = trial->classes;
    options.depth = trial->depth;
    options.divergences_max = 0;
    options.effort = (struct fault_effort){.bits_max = 6, .masks = 2, .prefixes_max = 4};
    if (trial->depth > 1)
        options.effort = (struct fault_effort){.bits_max = 1, .masks = 1, .prefixes_max = 2};
    if (trial->depth > 1 && !trial->clause) options.reach = 1; /* all of it takes a minute */
    if (!settle(trial, script, &settings)) return false;
    explore(script, trial->subject->adapter, &settings, &options, &path, NULL, result);
    return true;
}

/* Whether one of these clauses was found broken. */
static bool has_clause(const struct result *result, const char *clauses)
{
    for (uint32_t i = 0; i < result->divergence_count; i++)
        if (strstr(clauses, clause_name(result->divergences[i].clause))) return true;
    return false;
}

static void complain(const struct trial *trial)
{
    printf("%s, fault %u (%s), unit %u: expected %s\n", trial->subject->adapter->name, trial->fault,
           canary_list_faults[trial->fault].summary, trial->unit,
           trial->clause ? trial->clause : "no divergence");
    failures++;
}

static void print_result(const struct result *result)
{
    printf("%s%" PRIu64 " crash states judged, divergences: %u\n", result->mistake, result->judged,
           (unsigned)result->divergence_count);
    for (uint32_t i = 0; i < result->divergence_count; i++)
        printf("  %s: %s\n", clause_name(result->divergences[i].clause),
               result->divergences[i].script->found.text);
}

static void check(const struct trial *trial)
{
    struct result result = {0};
    struct script *script = make_script(trial);
    bool done = script && explore_script(trial, script, &result);
    bool right = trial->clause ? has_clause(&result, trial->clause)
                               : !result.divergence_count && result.judged;
    if (!done || !right || *result.mistake) {
        complain(trial);
        print_result(&result);
    }
    result_free(&result);
    script_free(script);
}

#define IMAGES 4000

/* Images that the workload leaves, changed at random: does the rig find one insane? */
static bool an_image_is_insane(struct rig *rig)
{
    uint32_t size = (uint32_t)bo_flash_size(chip_flash(rig->chip));
    const struct bo_flash_geometry *geometry = &chip_flash(rig->chip)->geometry;
    uint8_t *left = malloc(size), *image = malloc(size);
    uint64_t state = 1;
    bool fine = left && image;
    if (fine) image_of_script(rig, rig->script->op_count, &(struct path){0}, left);
    for (int i = 0; fine && i < IMAGES; i++) {
        memcpy(image, left, size);
        image_mutate(image, geometry, &state);
        fine = hostile_try(rig, image, NULL);
    }
    free(left);
    free(image);
    return !fine;
}

static void check_images(const struct trial *trial)
{
    struct adapter_settings settings;
    struct script *script = make_script(trial);
    bool settled = script && settle(trial, script, &settings);
    struct rig *rig = settled ? rig_new(script, trial->subject->adapter, &settings) : NULL;
    bool insane = rig && an_image_is_insane(rig);
    bool convicted = insane && rig->finding.clause == CLAUSE_SANE;
    if (!rig || insane != (trial->clause != NULL) || convicted != insane) {
        complain(trial);
        if (insane) puts(rig->finding.text);
    }
    rig_free(rig);
    script_free(script);
}

static void check_fault(const struct subject *subject, unsigned fault)
{
    const struct canary_list_fault *planted = &canary_list_faults[fault];
    bool by_image = strcmp(planted->clause, "sane") == 0;
    if (planted->kind != ADAPTER_MAP && planted->kind != subject->adapter->kind) return;
    struct trial trial = {
        .subject = subject,
        .fault = fault,
        .sector_size = 256,
        .unit = 4,
        .programs = planted->once ? 1 : 0,
        .batch = planted->batch,
        .classes = *planted->needs ? fault_parse_classes(planted->needs) : FAULT_EDGE,
        .depth = planted->depth,
        .clause = planted->clause,
    };
    if (by_image)
        check_images(&trial);
    else
        check(&trial);
}

static void every_fault_is_caught(void)
{
    for (unsigned fault = 1; fault < CANARY_LIST_FAULT_COUNT; fault++) {
        check_fault(&queue, fault);
        check_fault(&ring_log, fault);
    }
}

static void without_a_fault_nothing_is_found_on(const struct subject *subject)
{
    const struct trial trials[] = {
        {subject, 0, 256, 4, 0, 0, FAULT_STABLE, 1, NULL},
        {subject, 0, 256, 4, 1, 0, FAULT_STABLE, 1, NULL},
        {subject, 0, 256, 1, 1, 0, FAULT_EDGE | FAULT_PREFIX, 1, NULL},
        {subject, 0, 512, 16, 1, 0, FAULT_EDGE | FAULT_BITS, 1, NULL},
        {subject, 0, 1024, 32, 1, 0, FAULT_EDGE | FAULT_BITS, 1, NULL},
        /* Two cuts on one path, without class bits: a second erase that lifts single bits can
         * undo the canary's own marks. */
        {subject, 0, 128, 4, 0, 0, FAULT_EDGE | FAULT_PREFIX | FAULT_ZEROS, 2, NULL},
    };
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        check(&trials[i]);
    check_images(&trials[0]);
}

static void without_a_fault_nothing_is_found(void)
{
    without_a_fault_nothing_is_found_on(&queue);
    without_a_fault_nothing_is_found_on(&ring_log);
    check(&(struct trial){&ring_log, 0, 256, 4, 0, 0, FAULT_ECC, 1, NULL});
}

int main(void)
{
    every_fault_is_caught();
    without_a_fault_nothing_is_found();
    return failures != 0;
}
