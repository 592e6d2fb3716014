/* embed.c - see embed.h.
 *
 * Method. The text is loaded as the command loads a file, explored in worker processes, and what
 * was found is settled: replayed from its own text, made smaller, replayed again. Each case is then
 * printed and replayed once more, for its story. That one runs in a child process, so it is written
 * to a file that both see and copied from there.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/embed/embed.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/explore/apart.h"
#include "fuzz/explore/pool.h"
#include "fuzz/explore/settle.h"
#include "fuzz/fuzzers/fuzz_run.h"
#include "fuzz/rig/engines.h"
#include "fuzz/rig/load.h"
#include "fuzz/script/ask.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/scenario.h"
#include "fuzz/script/settings.h"
#include "sim/fault.h"
#include "sim/memory.h"

/* Seconds of CPU time: in one call, without any, and to make a case smaller. */
#define CALL_SECONDS 5.0
#define SILENCE_SECONDS 2.0
#define SHRINK_SECONDS 10.0
#define WORKER_MEMORY ((uint64_t)1 << 30)

static const struct worker_limits limits = {
    .call = CALL_SECONDS, .silence = SILENCE_SECONDS, .memory = WORKER_MEMORY};
static const struct settle_options settling = {
    .shrink = true,
    .shrink_seconds = SHRINK_SECONDS,
    .limits = {.call = CALL_SECONDS, .silence = SILENCE_SECONDS, .memory = WORKER_MEMORY}};

/* An answer in the making. */
struct account {
    struct embed_answer answer;
    size_t size;
    FILE *out;
};

static void begin(struct account *account)
{
    *account = (struct account){0};
    account->out = memory_open(&account->answer.text, &account->size);
}

static struct embed_answer end(struct account *account, enum embed_verdict verdict)
{
    memory_close(account->out, &account->answer.text);
    account->answer.verdict = verdict;
    return account->answer;
}

/* What a message sends the reader of the command to its lists for. */
static void print_engines(FILE *out)
{
    const struct adapter *adapter;
    fprintf(out, "  engines:");
    for (size_t i = 0; (adapter = engines_plugin(i)); i++)
        fprintf(out, " %s", adapter->name);
    fprintf(out, "; of the harness:");
    for (size_t i = 0; (adapter = engines_at(i)); i++) {
        if (!engines_file(adapter) && !engines_is_subject(adapter))
            fprintf(out, " %s", adapter->name);
    }
    fprintf(out, "\n");
}

static void print_chips(FILE *out)
{
    const struct part *part;
    fprintf(out, "  chips:");
    for (size_t i = 0; (part = part_at(i)); i++)
        fprintf(out, " %s", part->name);
    fprintf(out, "\n");
}

static struct embed_answer refuse(struct account *account, const char *reason)
{
    fprintf(account->out, "%s\n", reason);
    if (strstr(reason, "`brownout list engines`")) print_engines(account->out);
    if (strstr(reason, "`brownout list chips`")) print_chips(account->out);
    return end(account, EMBED_REFUSED);
}

void embed_add(const struct adapter *const adapters[])
{
    for (; *adapters; adapters++) {
        bool added = engines_add(*adapters, "this program");
        assert(added && "two engines have one name");
        (void)added;
    }
}

/* --- what was found --- */

static void print_story(const struct script *script, const struct adapter *adapter, FILE *out)
{
    char line[512];
    struct replay shown;
    FILE *story = memory_opened(tmpfile());
    if (!story) return;
    setvbuf(story, NULL, _IONBF, 0);
    replay_apart(script, adapter, NULL, story, &settling.limits, &shown);
    rewind(story);
    while (fgets(line, sizeof line, story))
        fprintf(out, "    %s", line);
    fclose(story);
}

static void print_divergence(const struct divergence *it, const struct adapter *adapter, FILE *out)
{
    char kind[KIND_TEXT_MAX];
    const struct finding *found = &it->script->found;
    fprintf(out, "  DIVERGENCE, clause %s: %s\n    %s\n  its case:\n", clause_name(found->clause),
            kind_print(found, kind), found->text);
    scenario_print_script(it->script, out);
    fprintf(out, "  its story:\n");
    print_story(it->script, adapter, out);
}

static void print_unreproduced(const struct divergence *it, FILE *out)
{
    fprintf(out, "  does not replay, a fault of the harness; recorded: %s; shows: %s\n",
            it->script->found.text,
            it->shown.clause == CLAUSE_NONE ? "no divergence" : it->shown.text);
    scenario_print_script(it->script, out);
}

/* Why a store or push may have been refused. */
static void print_limits(const struct loaded *loaded, FILE *out)
{
    uint32_t key_min, key_max, most;
    const struct bo_flash_geometry *geometry = &loaded->script->part.geometry;
    uint32_t least = ask_value_size_min(loaded->adapter, &loaded->settings);
    ask_limits(loaded->adapter, geometry, &loaded->settings, &key_min, &key_max, &most);
    fprintf(out, "  %s takes", loaded->adapter->name);
    if (loaded->adapter->kind == ADAPTER_MAP)
        fprintf(out, " keys of %" PRIu32 " to %" PRIu32 " bytes and", key_min, key_max);
    fprintf(out, " values of %" PRIu32 " to %" PRIu32 "\n", least, most);
}

/* What was tried, and what of that the engine does not promise. */
static void print_classes(const struct loaded *loaded, uint32_t tried, FILE *out)
{
    char text[FAULT_CLASSES_TEXT_MAX];
    const struct adapter *adapter = loaded->adapter;
    const struct part *part = &loaded->script->part;
    uint32_t beyond = tried & ~settings_claims(adapter, part, &loaded->settings);
    fault_print_classes(tried, text);
    fprintf(out, "  fault classes %s", text);
    fault_print_classes(beyond, text);
    if (beyond) fprintf(out, "; %s does not claim to survive %s", adapter->name, text);
    fprintf(out, "\n");
    if (ask_widened(adapter, &part->geometry, &loaded->settings))
        fprintf(out, "  the contract is widened: %s\n", adapter->widened_why);
}

static void print_counts(const struct result *result, uint32_t kinds, FILE *out)
{
    fprintf(out,
            "  %" PRIu32 " kinds of divergence; %" PRIu64 " operations, %" PRIu64 " cuts, %" PRIu64
            " crash states, %" PRIu64 " judged\n",
            kinds, result->operations, result->cuts, result->states, result->judged);
    if (result->refused)
        fprintf(out, "  %" PRIu64 " operations were refused; %s\n", result->refused,
                result->refusal);
    if (result->cuts_missed)
        fprintf(out, "  %" PRIu32 " of the cuts of the text did not take place\n",
                result->cuts_missed);
}

/* What was found, and what of it did not replay. */
struct found {
    const struct divergence *cases, *unreproduced;
    uint32_t case_count, unreproduced_count;
};

static struct embed_answer report(struct account *account, const struct result *counts,
                                  const struct found *found, const struct loaded *loaded,
                                  uint32_t tried)
{
    print_counts(counts, found->case_count, account->out);
    if (counts->refused) print_limits(loaded, account->out);
    print_classes(loaded, tried, account->out);
    for (uint32_t i = 0; i < found->case_count; i++)
        print_divergence(&found->cases[i], loaded->adapter, account->out);
    for (uint32_t i = 0; i < found->unreproduced_count; i++)
        print_unreproduced(&found->unreproduced[i], account->out);
    if (found->unreproduced_count) return end(account, EMBED_FAILED);
    if (found->case_count) return end(account, EMBED_DIVERGED);
    return end(account, counts->judged ? EMBED_CLEAN : EMBED_NOT_JUDGED);
}

/* --- the work --- */

/* The text is the user's, or the engine's own. False with a reason where it names no classes. */
static bool parse_classes(const char *whose, const char *text, uint32_t *classes,
                          char reason[LOAD_REASON_MAX])
{
    char all[FAULT_CLASSES_TEXT_MAX];
    *classes = fault_parse_classes(text);
    fault_print_classes((1u << FAULT_CLASSES) - 1, all);
    snprintf(reason, LOAD_REASON_MAX, "%s: expected classes of %s, not '%.80s'", whose, all, text);
    return *classes != 0;
}

static bool settle_faults(const struct embed_work *work, const struct loaded *loaded,
                          uint32_t *faults, char reason[LOAD_REASON_MAX])
{
    const struct script *script = loaded->script;
    const struct part *part = &script->part;
    const char *claims = ask_claims(loaded->adapter, &part->geometry, &loaded->settings);
    *faults = script->faults ? script->faults : part_fault_defaults(part);
    uint32_t claimed = 0;
    if (claims && *claims && !parse_classes("the engine's claims", claims, &claimed, reason))
        return false;
    if (!work->faults) return true;
    if (!claimed || strcmp(work->faults, "claimed") != 0)
        return parse_classes("faults", work->faults, faults, reason);
    *faults = claimed;
    return true;
}

/* False with a reason where fault classes are none. */
static bool settle_options_of(const struct embed_work *work, const struct loaded *loaded,
                              struct explore_options *options, char reason[LOAD_REASON_MAX])
{
    uint32_t depth = loaded->script->depth;
    explore_defaults(options);
    options->seed = loaded->script->seed;
    if (work->depth || depth) options->depth = work->depth ? work->depth : depth;
    if (options->depth > CONTRACT_DEPTH_MAX) options->depth = CONTRACT_DEPTH_MAX;
    return settle_faults(work, loaded, &options->faults, reason);
}

static struct embed_answer explore_loaded(const struct embed_work *work,
                                          const struct loaded *loaded, struct account *account)
{
    char reason[LOAD_REASON_MAX];
    struct explore_options options;
    struct result result = {0};
    const struct pool_options pool = {
        .jobs = work->jobs, .seconds_max = work->seconds, .limits = limits};
    script_power_on_after_cuts(loaded->script);
    if (!settle_options_of(work, loaded, &options, reason)) return refuse(account, reason);
    pool_explore(loaded->script, loaded->adapter, &loaded->settings, &options, &pool, &result);
    if (result.mistake[0]) {
        fprintf(account->out, "%s:%" PRIu32 ": %s\n", work->name, result.mistake_line,
                result.mistake);
        print_limits(loaded, account->out);
        struct embed_answer answer = end(account, EMBED_REFUSED);
        result_free(&result);
        return answer;
    }
    settle_result(&result, loaded->adapter, &settling);
    const struct found found = {result.divergences, result.unreproduced, result.divergence_count,
                                result.unreproduced_count};
    struct embed_answer answer = report(account, &result, &found, loaded, options.faults);
    result_free(&result);
    return answer;
}

struct embed_answer embed_explore(const struct embed_work *work)
{
    char reason[LOAD_REASON_MAX];
    struct account account;
    struct loaded loaded;
    assert(work->text && work->jobs > 0);
    begin(&account);
    if (!load_text(work->name, work->text, work->engine, &loaded, reason) ||
        !load_settings(work->name, &loaded, reason))
        return refuse(&account, reason);
    struct embed_answer answer = explore_loaded(work, &loaded, &account);
    script_free(loaded.script);
    return answer;
}

static struct embed_answer fuzz_loaded(const struct embed_work *work, const struct loaded *loaded,
                                       struct account *account)
{
    char reason[LOAD_REASON_MAX];
    struct fuzz_run_result result = {0};
    struct fuzz_run_options options = {
        .target = {.adapter = loaded->adapter,
                   .frame = loaded->script,
                   .chip_fixed = work->text != NULL},
        .depth_given = work->depth != 0,
        .faults_given = work->faults != NULL,
        .settle = settling,
        .jobs = work->jobs,
        .runs_max = work->rounds,
        .seconds_max = work->seconds,
        .limits = limits,
    };
    if (!settle_options_of(work, loaded, &options.explore, reason)) return refuse(account, reason);
    options.explore.seed = work->seed;
    options.target.faults = options.explore.faults;
    fuzz_run_run(&options, &result);
    if (result.total.mistake[0]) {
        struct embed_answer answer = refuse(account, result.total.mistake);
        fuzz_run_result_free(&result);
        return answer;
    }
    const struct found found = {result.cases, result.unreproduced, result.case_count,
                                result.unreproduced_count};
    struct embed_answer answer =
        report(account, &result.total, &found, loaded, options.explore.faults);
    fuzz_run_result_free(&result);
    return answer;
}

/* The first chip of these that the engine takes is where random ones begin. */
static bool load_frame(const struct embed_work *work, struct loaded *loaded,
                       char reason[LOAD_REASON_MAX])
{
    static const char *const frames[] = {"generic", "generic unit=4",
                                         "generic sectors=4 sector=256 page=256",
                                         "generic sectors=4 sector=256 page=256 unit=4"};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        const char *chip = work->text ? work->text : frames[i];
        if (!load_bare(chip, work->engine, 0, loaded, reason)) return false;
        if (load_settings(work->name, loaded, reason)) return true;
    }
    return false;
}

struct embed_answer embed_fuzz(const struct embed_work *work)
{
    char reason[LOAD_REASON_MAX];
    struct account account;
    struct loaded loaded;
    assert(work->rounds > 0 && work->jobs > 0);
    begin(&account);
    if (!load_frame(work, &loaded, reason)) return refuse(&account, reason);
    struct embed_answer answer = fuzz_loaded(work, &loaded, &account);
    script_free(loaded.script);
    return answer;
}

void embed_free(struct embed_answer *answer)
{
    free(answer->text);
    *answer = (struct embed_answer){0};
}
