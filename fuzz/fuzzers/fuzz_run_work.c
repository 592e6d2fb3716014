/* fuzz_run_work.c - the rounds of a fuzz run, one after the other, in a process of their own.
 *
 * A round that explores does so twice. First without cuts: that shows divergences which need none,
 * and counts programs and erases. From the counts the number of crash states is estimated, and a
 * share of the cuts is drawn with which the round judges about STATES_PER_ROUND of them. So no
 * round takes long, and over many rounds all cuts have their turn.
 *
 * What it finds goes to the file at once, and again when the group of cuts is done, with the counts
 * that it then has. So nothing is lost with a worker but what it was at: the one that resumes the
 * round runs it without cuts once more, which makes the same plan, and goes on in the same group.
 *
 * A round that damages images makes one good image and tries IMAGES_PER_ROUND damaged copies of it.
 * The image being tried is in memory that outlives the worker: if the engine crashes on it, the
 * fuzz run still has it. A worker that resumes makes the images up to that one, and tries the next.
 */
#include "fuzz/fuzzers/fuzz_run_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzzers/image.h"
#include "fuzz/rig/aged.h"
#include "fuzz/fuzzers/sweep.h"
#include "fuzz/explore/result_pipe.h"
#include "fuzz/rig/hostile.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

#define STATES_PER_ROUND 2000u /* about; a round takes a fraction of a second */
#define AGED_SHORT_EVERY 8u
#define AGED_FROM 18u
#define AGED_TO 48u
#define AGED_EVERY 4u
#define AGED_SECTOR_MAX 256u
#define AGED_FIRST_SECTOR_MAX 1024u
#define IMAGES_PER_ROUND 48u

uint64_t fuzz_run_state(const struct fuzz_run *fuzzing, uint64_t round)
{
    uint64_t state = fuzzing->options->explore.seed * 0x9E3779B97F4A7C15u ^ (round + 1);
    return image_random(&state);
}

bool fuzz_run_damages(uint64_t round)
{
    return round % 4 == 3;
}

/* How many of the script's operations the engine does without a cut, as far as is known. */
static uint32_t doable(const struct fuzz_run_resume *resume, const struct script *script)
{
    assert(!resume->limited || resume->end <= script->op_count);
    return resume->limited ? resume->end : script->op_count;
}

struct script *fuzz_run_script(const struct fuzz_run *fuzzing, uint64_t round, uint64_t *state,
                               struct adapter_settings *settings)
{
    struct decode_target target = fuzzing->options->target;
    uint8_t bytes[DECODE_HEADER + 120 * DECODE_RECORD];
    uint64_t most = image_random(state) % 8 == 0 ? 120 : 40;
    size_t size = DECODE_HEADER + (4 + image_random(state) % (most - 3)) * DECODE_RECORD;
    assert(size <= sizeof bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)image_random(state);
    target.cut = target.cut && !fuzz_run_damages(round);
    struct script *decoded = decode(&target, bytes, size, settings);
    struct script *script = script_tidy(decoded); /* as a case has it */
    script_free(decoded);
    return script;
}

/* Depth, effort and the share of the cuts with which this script takes about STATES_PER_ROUND. */
static void plan(const struct fuzz_run *fuzzing, uint64_t *state, const struct result *uncut,
                 struct explore_options *options)
{
    uint32_t varied = image_random(state) % 8 ? 1 : 2;
    options->depth = fuzzing->options->depth_given ? fuzzing->options->explore.depth : varied;
    sweep_share(options, uncut, STATES_PER_ROUND, image_random(state));
    if (options->depth > 1) {
        options->reach = 1;
        options->effort = (struct fault_effort){.bits_max = 2, .masks = 1, .prefixes_max = 2};
    }
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

/* Takes the place of the record that is not done. */
static void put_record(struct fuzz_run_slot *slot, FILE *file, const struct result *found)
{
    uint64_t order = slot->round * FUZZ_RUN_ORDERS_PER_ROUND + slot->image;
    assert(found->divergence_count && slot->written <= slot->begun);
    fseek(file, (long)slot->written, SEEK_SET);
    result_pipe_put(file, &order, sizeof order);
    result_pipe_write(file, found);
    if (fflush(file) != 0) worker_fail("a temporary file can't be written: %s", strerror(errno));
    slot->begun = (size_t)ftell(file);
}

/* --- a round that explores --- */

struct hand {
    struct fuzz_run_slot *slot;
    FILE *file;
    uint32_t kinds_max; /* 0: no limit */
    bool empty;         /* the engine took nothing of what is put in */
    struct result all;  /* what the groups that are done have found */
};

static bool take(void *context, uint32_t group)
{
    const struct hand *hand = context;
    bool enough = hand->kinds_max && hand->all.divergence_count >= hand->kinds_max;
    return group >= hand->slot->resume.group && !enough;
}

static void keep(void *context, const struct result *so_far)
{
    const struct hand *hand = context;
    put_record(hand->slot, hand->file, so_far);
}

static void add_part(struct hand *hand, struct result *part)
{
    if (hand->empty) result_empty(part);
    if (part->divergence_count) put_record(hand->slot, hand->file, part);
    hand->slot->written = hand->slot->begun;
    fuzz_run_add(&hand->slot->total, part);
    for (uint32_t i = 0; i < part->divergence_count; i++)
        result_add(&hand->all, &part->divergences[i]);
    part->divergence_count = 0;
    result_free(part);
}

static void done(void *context, uint32_t group, struct result *part)
{
    struct hand *hand = context;
    assert(group >= hand->slot->resume.group);
    add_part(hand, part);
}

/* Some of the first rounds, others before and between them, and then ever fewer: the first ones may
 * all have had large sectors. */
static bool has_long_life(uint64_t round)
{
    if (round >= AGED_TO) return (round & (round - 1)) == 0;
    return round >= AGED_FROM && (round - AGED_FROM) % AGED_EVERY == 0;
}

/* Numbers come round in the same way whatever the scenario is, and those of 16 bits take long: a
 * few rounds are enough, in which sectors are soon full. In the first one they may be larger, for
 * an engine that takes no small ones. */
static uint32_t age_in(uint64_t round, const struct script *script)
{
    uint32_t most = round == AGED_FROM ? AGED_FIRST_SECTOR_MAX : AGED_SECTOR_MAX;
    if (has_long_life(round) && script->part.geometry.sector_size <= most) return AGED_LONG;
    return round % AGED_SHORT_EVERY == 0 ? AGED_SHORT : 0;
}

/* The run without cuts, for what it counts. Whether there is something to cut. */
static bool explore_uncut(struct hand *hand, const struct script *script,
                          const struct fuzz_run *fuzzing, const struct adapter_settings *settings,
                          struct explore_options options, struct result *counted)
{
    struct fuzz_run_resume *resume = &hand->slot->resume;
    struct result result;
    options.depth = 0;
    options.age = age_in(hand->slot->round, script);
    if (!resume->limited) options.share = NULL;
    if (resume->counted) options.found = NULL;
    explore(script, fuzzing->options->target.adapter, settings, &options, &hand->slot->path,
            &fuzzing->shared->stop, &result);
    resume->leaks = resume->leaks || result_has_leak(&result);
    *counted = (struct result){.counters = result.counters, .operations = result.operations};
    hand->empty = result.taken == 0;
    bool stops = result.stopped;
    if (resume->counted)
        result_free(&result);
    else
        add_part(hand, &result);
    resume->counted = true;
    return !stops;
}

static void explore_round(const struct fuzz_run *fuzzing, struct fuzz_run_slot *slot, FILE *file,
                          const struct script *script, const struct adapter_settings *settings,
                          uint64_t *state)
{
    const struct adapter *adapter = fuzzing->options->target.adapter;
    const struct fuzz_run_resume *resume = &slot->resume;
    struct explore_options options = fuzzing->options->explore;
    struct hand hand = {.slot = slot, .file = file, .kinds_max = options.divergences_max};
    const struct explore_share share = {
        take, done, &hand, &slot->part, resume->group, resume->step, doable(resume, script)};
    struct result counted, rest;
    options.limits = fuzzing->options->limits;
    options.share = &share;
    options.found = keep;
    options.found_context = &hand;
    if (!fuzzing->options->faults_given)
        options.faults &= ~settings_claims_elsewhere(adapter, &script->part, settings);
    if (explore_uncut(&hand, script, fuzzing, settings, options, &counted)) {
        plan(fuzzing, state, &counted, &options);
        options.isolate = options.isolate || resume->leaks; /* children take the memory with them */
        slot->path = (struct path){0};
        explore(script, adapter, settings, &options, &slot->path, &fuzzing->shared->stop, &rest);
        fuzz_run_add(&slot->total, &rest);
        result_free(&rest);
    }
    slot->scenarios++;
    result_free(&hand.all);
}

/* --- a round that damages images --- */

void fuzz_run_image_case(const struct script *script, const struct finding *finding,
                         const struct fuzz_run_slot *slot, struct divergence *divergence)
{
    assert(finding->clause != CLAUSE_NONE && finding->clause != CLAUSE_SCENARIO);
    divergence->script = script_copy(script);
    image_make_case(divergence->script, slot->bytes, slot->image_size);
    divergence->count = 1;
    divergence->clause = finding->clause;
    divergence->shape = kind_digest(finding);
    divergence->script->found = *finding;
}

static void send_image(struct fuzz_run_slot *slot, FILE *file, const struct rig *rig)
{
    struct divergence divergence = {0};
    struct result result = {.divergences = &divergence, .divergence_count = 1};
    fuzz_run_image_case(rig->script, &rig->finding, slot, &divergence);
    put_record(slot, file, &result);
    slot->written = slot->begun;
    script_free(divergence.script);
}

static void image_found(struct fuzz_run_slot *slot, FILE *file, const struct rig *rig)
{
    if (rig->finding.clause == CLAUSE_SCENARIO)
        memcpy(slot->total.mistake, rig->finding.text, sizeof slot->total.mistake);
    else if (waiver_covers(&rig->script->waivers, rig->finding.clause))
        slot->total.waived++;
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
    if (slot->image_size <= FUZZ_RUN_IMAGE_SIZE_MAX)
        image_of_script(rig, doable(&slot->resume, script), &slot->path, base);
    for (uint32_t i = 1; i <= IMAGES_PER_ROUND; i++) {
        if (slot->image_size > FUZZ_RUN_IMAGE_SIZE_MAX || fuzzing->shared->stop) break;
        assert(i < FUZZ_RUN_ORDERS_PER_ROUND && "each image has its place in the order");
        memcpy(slot->bytes, base, slot->image_size);
        image_mutate(slot->bytes, &script->part.geometry, state);
        if (i <= slot->resume.image) continue;
        slot->image = i;
        if (!hostile_try(rig, slot->bytes, &slot->images)) image_found(slot, file, rig);
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
    slot->made = false;
    slot->image = 0;
    slot->path = (struct path){.group = PATH_GROUP_NONE};
    struct script *script = fuzz_run_script(fuzzing, round, &state, &settings);
    if (!script)
        worker_fail("%s takes none of the chips that a fuzz run makes",
                    fuzzing->options->target.adapter->name);
    slot->made = true;
    if (fuzz_run_damages(round))
        image_round(fuzzing, slot, file, script, &settings, &state);
    else
        explore_round(fuzzing, slot, file, script, &settings, &state);
    script_free(script);
    slot->rounds++;
    slot->resume = (struct fuzz_run_resume){0};
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
