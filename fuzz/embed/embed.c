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

#include "fuzz/explore/apart.h"
#include "fuzz/explore/pool.h"
#include "fuzz/explore/settle.h"
#include "fuzz/fuzzers/fuzz_run.h"
#include "fuzz/rig/engines.h"
#include "fuzz/rig/load.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/scenario.h"
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

static struct embed_answer refuse(struct account *account, const char *reason)
{
    fprintf(account->out, "%s\n", reason);
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
                                  const struct found *found, const struct adapter *adapter)
{
    print_counts(counts, found->case_count, account->out);
    for (uint32_t i = 0; i < found->case_count; i++)
        print_divergence(&found->cases[i], adapter, account->out);
    for (uint32_t i = 0; i < found->unreproduced_count; i++)
        print_unreproduced(&found->unreproduced[i], account->out);
    if (found->unreproduced_count) return end(account, EMBED_FAILED);
    if (found->case_count) return end(account, EMBED_DIVERGED);
    return end(account, counts->judged ? EMBED_CLEAN : EMBED_NOT_JUDGED);
}

/* --- the work --- */

/* False with a reason where the classes are none. */
static bool settle_options_of(const struct embed_work *work, const struct script *script,
                              struct explore_options *options)
{
    explore_defaults(options);
    options->seed = script->seed;
    options->faults = script->faults ? script->faults : part_fault_defaults(&script->part);
    if (work->faults) options->faults = fault_parse_classes(work->faults);
    if (work->depth || script->depth) options->depth = work->depth ? work->depth : script->depth;
    if (options->depth > CONTRACT_DEPTH_MAX) options->depth = CONTRACT_DEPTH_MAX;
    return options->faults != 0;
}

static struct embed_answer explore_loaded(const struct embed_work *work,
                                          const struct loaded *loaded, struct account *account)
{
    struct explore_options options;
    struct result result = {0};
    const struct pool_options pool = {
        .jobs = work->jobs, .seconds_max = work->seconds, .limits = limits};
    script_power_on_after_cuts(loaded->script);
    if (!settle_options_of(work, loaded->script, &options))
        return refuse(account, "faults: expected classes as in \"edge,prefix\"");
    pool_explore(loaded->script, loaded->adapter, &loaded->settings, &options, &pool, &result);
    if (result.mistake[0]) {
        fprintf(account->out, "%s:%" PRIu32 ": ", work->name, result.mistake_line);
        struct embed_answer answer = refuse(account, result.mistake);
        result_free(&result);
        return answer;
    }
    settle_result(&result, loaded->adapter, &settling);
    const struct found found = {result.divergences, result.unreproduced, result.divergence_count,
                                result.unreproduced_count};
    struct embed_answer answer = report(account, &result, &found, loaded->adapter);
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
    if (!settle_options_of(work, loaded->script, &options.explore))
        return refuse(account, "faults: expected classes as in \"edge,prefix\"");
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
    struct embed_answer answer = report(account, &result.total, &found, loaded->adapter);
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
        if (load_settings(LOAD_BARE, loaded, reason)) return true;
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
