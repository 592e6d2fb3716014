/* sweep.c - see sweep.h.
 *
 * How many states a cut makes is estimated from what the run without cuts has counted: a tear for
 * each kind that does not depend on the data, one for each byte where prefixes are tried, and the
 * effort. Deeper levels multiply. The estimate is good to a factor of two or so, which is enough.
 */
#include "fuzz/fuzzers/sweep.h"

#include <assert.h>

#include "fuzz/explore/apart.h"
#include "fuzz/explore/path.h"
#include "fuzz/explore/pool.h"
#include "fuzz/explore/replay.h"
#include "fuzz/script/settings.h"

/* Fewer tears for each cut than `explore` tries: the budget goes to more places. */
static const struct fault_effort effort = {.bits_max = 4, .masks = 2, .prefixes_max = 6};

void sweep_share(struct explore_options *options, const struct result *uncut, uint64_t states,
                 uint64_t choice)
{
    const struct chip_counters *c = &uncut->counters;
    uint64_t cuts = c->programs + c->erases;
    uint64_t tears = 4 + (options->faults & FAULT_PREFIX ? c->bytes_programmed / (cuts + 1) : 0) +
                     2 * (uint64_t)options->effort.bits_max + options->effort.masks;
    uint64_t all = cuts * tears;
    for (uint32_t level = 1; level < options->depth; level++)
        all *= 3 + 2 * cuts / (uncut->operations + 1) + tears / 2;
    uint64_t shards = all / states + 1;
    options->shards = (uint32_t)(shards < cuts ? shards : cuts ? cuts : 1);
    options->shard = (uint32_t)(choice % options->shards);
    assert(options->shard < options->shards);
}

struct script *sweep_script(const struct decode_target *target, const uint8_t *bytes, size_t size,
                            struct adapter_settings *settings)
{
    struct script *decoded = decode(target, bytes, size, settings);
    if (!decoded) return NULL;
    struct script *script = script_tidy(decoded);
    script_free(decoded);
    return script;
}

static void plan(void *context, const struct result *uncut, struct explore_options *options)
{
    (void)context;
    sweep_share(options, uncut, SWEEP_STATES, options->seed >> 32);
}

void sweep_options(const struct decode_target *target, const struct script *script,
                   const struct adapter_settings *settings, const uint8_t *bytes, size_t size,
                   struct explore_options *options)
{
    explore_defaults(options);
    options->faults = target->faults;
    if (!target->faults_given)
        options->faults &= ~settings_claims_elsewhere(target->adapter, &script->part, settings);
    options->effort = effort;
    options->seed = script_digest(bytes, (uint32_t)size);
    options->divergences_max = 1;
    options->laps = false; /* costs more than all the rest; a fuzzer's sanitizer sees them too */
    options->plan = plan;
}

/* Its operations must do after its cuts what they do without: whether the replay shows so, or what
 * is waived. */
static bool keeps(const struct script *script, const struct replay *replayed, struct result *result)
{
    const struct finding *finding = &replayed->finding;
    if (finding->clause == CLAUSE_NONE || waiver_covers(&script->waivers, finding->clause))
        return true;
    if (finding->clause == CLAUSE_SCENARIO) {
        snprintf(result->mistake, sizeof result->mistake, "%s", finding->text);
        return false;
    }
    struct divergence divergence = {.clause = finding->clause, .count = 1};
    divergence.script = script_copy(script);
    divergence.script->found = *finding;
    divergence.script->trace = replayed->trace;
    result_add(result, &divergence);
    return false;
}

void sweep(const struct script *script, const struct adapter *adapter,
           const struct adapter_settings *settings, const struct explore_options *options,
           struct result *result)
{
    struct replay replayed;
    struct path path = {0};
    *result = (struct result){0};
    replay_once(script, adapter, settings, &replayed);
    if (keeps(script, &replayed, result))
        explore(script, adapter, settings, options, &path, NULL, result);
}

void sweep_apart(const struct script *script, const struct adapter *adapter,
                 const struct adapter_settings *settings, const struct explore_options *options,
                 const struct worker_limits *limits, struct result *result)
{
    const struct pool_options pool = {.jobs = 1, .limits = *limits};
    struct replay replayed;
    *result = (struct result){0};
    replay_apart(script, adapter, settings, NULL, limits, &replayed);
    if (keeps(script, &replayed, result))
        pool_explore(script, adapter, settings, options, &pool, result);
}
