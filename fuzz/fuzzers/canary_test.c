/* canary_test.c - the explorer catches every fault of the canary, and nothing where there is none.
 *
 * When this fails, distrust every clean result of the harness until it passes again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/script/settings.h"
#include "fuzz/explore/explore.h"
#include "fuzz/script/scenario.h"
#include "fuzz/subjects/subjects.h"

static const char chip_text[] = "chip generic sectors=2 sector=%u page=%u unit=%u programs=%u\n"
                                "engine canary fault=%u\n";

/* Replaces, removes, an empty value, and so much that the log moves more than 8 times. */
static const char workload[] = "store nothing empty\n"
                               "store name \"kitchen\"\n"
                               "repeat 7 as i {\n"
                               "  store counter fill i 5\n"
                               "  store name random 1..9\n"
                               "  remove counter\n"
                               "  store last[i % 2] random 1..7\n"
                               "  store big random 60..75\n"
                               "}\n"
                               "remove name\n"
                               "look\n";

static int failures;

static struct script *make_script(unsigned fault, unsigned sector_size, unsigned unit,
                                  unsigned programs)
{
    char text[1024];
    struct scenario_error error = {0};
    int length =
        snprintf(text, sizeof text, chip_text, sector_size, sector_size, unit, programs, fault);
    snprintf(text + length, sizeof text - (size_t)length, "%s", workload);
    struct scenario *scenario = scenario_parse("canary.scn", text, strlen(text), &error);
    struct script *script = scenario ? scenario_expand(scenario, &error) : NULL;
    scenario_free(scenario);
    if (!script) printf("line %u: %s\n", error.line, error.reason);
    return script;
}

/* False when the harness itself failed. */
static bool explore_script(const struct script *script, uint32_t faults, struct result *result)
{
    struct explore_options options;
    struct path path = {0};
    struct adapter_settings settings;
    char reason[SETTINGS_REASON_MAX];
    explore_defaults(&options);
    options.faults = faults;
    options.divergences_max = 0;
    options.effort = (struct fault_effort){.bits_max = 6, .masks = 2, .prefixes_max = 4};
    if (!settings_resolve(&adapter_canary, script, &settings, reason)) {
        puts(reason);
        return false;
    }
    explore(script, &adapter_canary, &settings, &options, &path, NULL, result);
    return true;
}

static bool has_clause(const struct result *result, const char *clause)
{
    for (uint32_t i = 0; i < result->divergence_count; i++)
        if (strcmp(clause_name(result->divergences[i].clause), clause) == 0) return true;
    return false;
}

static void print_result(const struct result *result)
{
    printf("%" PRIu64 " crash states judged, divergences: %u\n", result->judged,
           (unsigned)result->divergence_count);
    for (uint32_t i = 0; i < result->divergence_count; i++)
        printf("  %s: %s\n", clause_name(result->divergences[i].clause),
               result->divergences[i].script->found.text);
}

/* Explores one fault with these classes; the clause (NULL: none) must be found broken. */
static void check(unsigned fault, unsigned sector_size, unsigned unit, unsigned programs,
                  uint32_t faults, const char *clause)
{
    struct result result = {0};
    struct script *script = make_script(fault, sector_size, unit, programs);
    bool done = script && explore_script(script, faults, &result);
    bool right = clause ? has_clause(&result, clause) : !result.divergence_count && result.judged;
    if (!done || !right) {
        printf("fault %u (%s), unit %u: expected %s\n", fault, canary_faults[fault].summary, unit,
               clause ? clause : "no divergence");
        print_result(&result);
        failures++;
    }
    result_free(&result);
    script_free(script);
}

static void every_fault_is_caught(void)
{
    for (unsigned fault = 1; fault < CANARY_FAULT_COUNT; fault++) {
        const struct canary_fault *planted = &canary_faults[fault];
        uint32_t faults = *planted->needs ? fault_parse_classes(planted->needs) : FAULT_EDGE;
        check(fault, 256, 4, planted->once ? 1 : 0, faults, planted->clause);
    }
}

/* Without a fault nothing is found under the same classes, nor on parts of other kinds. */
static void without_a_fault_nothing_is_found(void)
{
    check(0, 256, 4, 0, FAULT_STABLE, NULL);
    check(0, 256, 4, 1, FAULT_STABLE, NULL);
    check(0, 256, 4, 0, FAULT_ECC, NULL);
    check(0, 256, 4, 0, FAULT_FAIL, NULL);
    check(0, 256, 1, 1, FAULT_EDGE | FAULT_PREFIX, NULL);
    check(0, 512, 16, 1, FAULT_EDGE | FAULT_BITS, NULL);
    check(0, 512, 32, 1, FAULT_EDGE | FAULT_BITS, NULL);
}

int main(void)
{
    every_fault_is_caught();
    without_a_fault_nothing_is_found();
    return failures != 0;
}
