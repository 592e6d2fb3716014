/* fuzz_run_work.c - the rounds of a fuzz run, one after the other, in a process of their own.
 *
 * A round that explores does so twice. First without cuts: that shows divergences which need none,
 * and counts programs and erases. From the counts the number of crash states is estimated, and a
 * share of the cuts is drawn with which the round judges about STATES_PER_ROUND of them. So no
 * round takes long, and over many rounds all cuts have their turn.
 *
 * A round that damages images makes one good image and tries IMAGES_PER_ROUND damaged copies of it.
 * The image being tried is in memory that outlives the worker: if the engine crashes on it, the
 * fuzz run still has it.
 */
#include "fuzz/fuzzers/fuzz_run_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzzers/image.h"
#include "fuzz/fuzzers/image_case.h"
#include "fuzz/explore/result_pipe.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

#define STATES_PER_ROUND 2000u /* about; a round takes a fraction of a second */
#define IMAGES_PER_ROUND 48u

uint64_t fuzz_run_state(const struct fuzz_run *fuzzing, uint64_t round)
{
    uint64_t state = fuzzing->options->explore.seed * 0x9E3779B97F4A7C15u ^ (round + 1);
    return image_random(&state);
}

static bool is_image_round(uint64_t round)
{
    return round % 4 == 3;
}

struct script *fuzz_run_script(const struct fuzz_run *fuzzing, uint64_t *state,
                               struct adapter_settings *settings)
{
    uint8_t bytes[DECODE_HEADER + 120 * DECODE_RECORD];
    uint64_t most = image_random(state) % 8 == 0 ? 120 : 40;
    size_t size = DECODE_HEADER + (4 + image_random(state) % (most - 3)) * DECODE_RECORD;
    assert(size <= sizeof bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)image_random(state);
    struct script *decoded = decode(&fuzzing->options->target, bytes, size, settings);
    struct script *script = script_tidy(decoded); /* as a case has it */
    script_free(decoded);
    return script;
}

/* Depth, effort and the share of the cuts with which this script takes about STATES_PER_ROUND. */
static void plan(const struct fuzz_run *fuzzing, uint64_t *state, const struct result *uncut,
                 struct explore_options *options)
{
    const struct chip_counters *c = &uncut->counters;
    uint64_t cuts = c->programs + c->erases;
    uint32_t varied = image_random(state) % 8 ? 1 : 2;
    options->depth = fuzzing->options->depth_given ? fuzzing->options->explore.depth : varied;
    uint64_t tears = 4 + (options->faults & FAULT_PREFIX ? c->bytes_programmed / (cuts + 1) : 0) +
                     2 * (uint64_t)options->effort.bits_max + options->effort.masks;
    uint64_t states = cuts * tears;
    if (options->depth > 1) {
        options->reach = 1;
        options->effort = (struct fault_effort){.bits_max = 2, .masks = 1, .prefixes_max = 2};
        for (uint32_t level = 1; level < options->depth; level++)
            states *= 3 + 2 * cuts / (uncut->operations + 1) + tears / 2;
    }
    uint64_t shards = states / STATES_PER_ROUND + 1;
    options->shards = (uint32_t)(shards < cuts ? shards : cuts ? cuts : 1);
    options->shard = (uint32_t)(image_random(state) % options->shards);
    assert(options->shard < options->shards && options->depth <= CONTRACT_DEPTH_MAX);
}

static void add_counters(struct chip_counters *to, const struct chip_counters *from)
{
    to->reads += from->reads;
    to->programs += from->programs;
    to->erases += from->erases;
    to->bytes_read += from->bytes_read;
    to->bytes_programmed += from->bytes_programmed;
    to->refused += from->refused;
    to->power_ons += from->power_ons;
    to->time_ns += from->time_ns;
}

void fuzz_run_add(struct result *to, const struct result *from)
{
    result_add_counts(to, from);
    to->operations += from->operations;
    add_counters(&to->counters, &from->counters);
}

static void send_result(FILE *file, uint64_t round, struct result *result)
{
    const size_t no_image = 0;
    for (uint32_t i = 0; i < result->divergence_count; i++)
        result->divergences[i].order = round * FUZZ_RUN_ORDERS_PER_ROUND;
    result_pipe_write(file, result);
    result_pipe_put(file, &no_image, sizeof no_image);
}

static void explore_round(const struct fuzz_run *fuzzing, struct fuzz_run_slot *slot, FILE *file,
                          const struct script *script, const struct adapter_settings *settings,
                          uint64_t *state)
{
    const struct adapter *adapter = fuzzing->options->target.adapter;
    struct explore_options options = fuzzing->options->explore;
    struct result result;
    const volatile bool *stop = &fuzzing->shared->stop;
    options.depth = 0;
    options.limits = fuzzing->options->limits;
    if (!fuzzing->options->faults_given)
        options.faults &= ~settings_claims_elsewhere(adapter, &script->part, settings);
    explore(script, adapter, settings, &options, &slot->path, stop, &result);
    if (!result.stopped) {
        plan(fuzzing, state, &result, &options);
        result_free(&result);
        slot->path = (struct path){0};
        explore(script, adapter, settings, &options, &slot->path, stop, &result);
    }
    if (result.divergence_count) send_result(file, slot->round, &result);
    fuzz_run_add(&slot->total, &result);
    slot->scenarios++;
    result_free(&result);
}

void fuzz_run_image_case(const struct script *script, const struct finding *finding,
                         struct divergence *divergence)
{
    assert(finding->clause != CLAUSE_NONE && finding->clause != CLAUSE_SCENARIO);
    divergence->script = script_copy(script);
    image_case_strip(divergence->script);
    divergence->count = 1;
    divergence->clause = finding->clause;
    divergence->shape = kind_digest(finding);
    divergence->script->found = *finding;
}

static void send_image(const struct fuzz_run_slot *slot, FILE *file, const struct rig *rig)
{
    struct divergence divergence = {.order = slot->round * FUZZ_RUN_ORDERS_PER_ROUND + slot->image};
    struct result result = {.divergences = &divergence, .divergence_count = 1};
    fuzz_run_image_case(rig->script, &rig->finding, &divergence);
    result_pipe_write(file, &result);
    result_pipe_put(file, &slot->image_size, sizeof slot->image_size);
    result_pipe_put(file, slot->bytes, slot->image_size);
    script_free(divergence.script);
}

static void image_found(struct fuzz_run_slot *slot, FILE *file, const struct rig *rig)
{
    if (rig->finding.clause == CLAUSE_SCENARIO)
        memcpy(slot->total.mistake, rig->finding.text, sizeof slot->total.mistake);
    else
        send_image(slot, file, rig);
}

static void image_round(const struct fuzz_run *fuzzing, struct fuzz_run_slot *slot, FILE *file,
                        const struct script *script, const struct adapter_settings *settings,
                        uint64_t *state)
{
    struct rig *rig = rig_new(script, fuzzing->options->target.adapter, settings);
    uint8_t *base = memory_new(FUZZ_RUN_IMAGE_SIZE_MAX);
    slot->image_size = (size_t)bo_flash_size(chip_flash(rig->chip));
    if (slot->image_size <= FUZZ_RUN_IMAGE_SIZE_MAX) image_of_script(rig, base);
    for (uint32_t i = 1; i <= IMAGES_PER_ROUND; i++) {
        if (slot->image_size > FUZZ_RUN_IMAGE_SIZE_MAX || fuzzing->shared->stop) break;
        assert(i < FUZZ_RUN_ORDERS_PER_ROUND && "each image has its place in the order");
        memcpy(slot->bytes, base, slot->image_size);
        image_mutate(slot->bytes, &script->part.geometry, state);
        slot->image = i;
        if (!image_try(rig, slot->bytes)) image_found(slot, file, rig);
        slot->images++;
    }
    rig_free(rig);
    free(base);
}

static void do_round(const struct fuzz_run *fuzzing, struct fuzz_run_slot *slot, FILE *file,
                     uint64_t round)
{
    uint64_t state = fuzz_run_state(fuzzing, round);
    struct adapter_settings settings;
    assert(round >= fuzzing->first && round < fuzzing->end);
    slot->round = round;
    slot->image = 0;
    slot->path = (struct path){0};
    struct script *script = fuzz_run_script(fuzzing, &state, &settings);
    if (!script)
        worker_fail("%s takes none of the chips that a fuzz run makes",
                    fuzzing->options->target.adapter->name);
    if (is_image_round(round))
        image_round(fuzzing, slot, file, script, &settings, &state);
    else
        explore_round(fuzzing, slot, file, script, &settings, &state);
    if (fflush(file) != 0) worker_fail("a temporary file can't be written: %s", strerror(errno));
    script_free(script);
    slot->rounds++;
}

/* Its share of the batch, from `round` on. */
_Noreturn void fuzz_run_work(const struct fuzz_run *fuzzing, uint32_t index, uint64_t round)
{
    struct fuzz_run_slot *slot = &fuzzing->shared->slots[index];
    FILE *file = fuzzing->workers[index].file;
    worker_limit_memory(&fuzzing->options->limits);
    for (; round < fuzzing->end && !fuzzing->shared->stop; round += fuzzing->options->jobs) {
        do_round(fuzzing, slot, file, round);
        if (slot->total.mistake[0]) fuzzing->shared->stop = true;
    }
    worker_leave();
}
