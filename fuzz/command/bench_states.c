/* bench_states.c - crash states per second.
 *
 * The yardstick of an exploration is what cannot be avoided: the engine alone, mounting and reading
 * back once on the same chip. Both run in turns, as the machine may be faster at one moment than at
 * the next. A plain copy of the image is what a harness without a journal would begin with.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/command/bench.h"
#include "fuzz/rig/rig.h"
#include "sim/memory.h"

/* --- yardsticks --- */

#define COPIES 4000

/* A copy of the whole image, as a harness without a journal would make for each crash state. */
static double copy_image(void *context)
{
    const struct bo_flash_geometry *g = context;
    size_t size = (size_t)g->sector_size * g->sector_count;
    volatile unsigned char *from = memory_new(2 * size);
    memset((void *)from, 0xFF, 2 * size);
    double start = bench_cpu_seconds();
    for (int i = 0; i < COPIES; i++)
        memcpy((void *)(from + (i % 2 ? 0 : size)), (void *)(from + (i % 2 ? size : 0)), size);
    double seconds = bench_cpu_seconds() - start;
    free((void *)from);
    return seconds / COPIES;
}

static void count_visit(void *context, const void *key, uint32_t key_size, const void *value,
                        uint32_t value_size)
{
    (void)key, (void)key_size, (void)value, (void)value_size;
    ++*(uint64_t *)context;
}

static void count_item(void *context, uint64_t number, const void *data, uint32_t size)
{
    (void)number, (void)data, (void)size;
    ++*(uint64_t *)context;
}

static void mount_and_read(struct rig *rig)
{
    uint64_t visits = 0;
    chip_set_fuel(rig->chip, CHIP_FUEL_ENDLESS, CHIP_FUEL_ENDLESS);
    rig->adapter->mount(rig->levels[rig->level].second, chip_flash(rig->chip), &rig->settings);
    if (rig->adapter->kind == ADAPTER_MAP)
        rig->adapter->map->each(rig->levels[rig->level].second, count_visit, &visits);
    else
        rig->adapter->list->each(rig->levels[rig->level].second, count_item, &visits);
}

#define READINGS 20

/* Runs the workload and, after every operation, lets the engine mount and read back: what the
 * engine and the chip need for one crash state there. */
static double engine_alone(void *context)
{
    struct loaded *loaded = context;
    struct rig *rig = rig_new(loaded->script, loaded->adapter, &loaded->settings);
    double seconds = 0;
    memset(rig->levels[rig->level].second, 0, rig->object_size);
    bool fine = rig_start(rig);
    for (uint32_t i = 0; fine && i < loaded->script->op_count; i++) {
        fine = rig_call(rig, &loaded->script->ops[i], NULL);
        double start = bench_cpu_seconds();
        for (int n = 0; n < READINGS; n++)
            mount_and_read(rig);
        seconds += bench_cpu_seconds() - start;
    }
    rig_free(rig);
    return seconds / loaded->script->op_count / READINGS;
}

/* --- explorations --- */

struct exploration {
    struct loaded *loaded;
    struct explore_options options;
    uint64_t states, judged;
};

static double run_exploration(void *context)
{
    struct exploration *it = context;
    struct path path = {0};
    struct result result;
    double start = bench_cpu_seconds();
    explore(it->loaded->script, it->loaded->adapter, &it->loaded->settings, &it->options, &path,
            NULL, &result);
    double seconds = bench_cpu_seconds() - start;
    it->states = result.states;
    it->judged = result.judged;
    result_free(&result);
    return seconds;
}

static struct exploration make_exploration(struct loaded *loaded)
{
    struct exploration it = {.loaded = loaded};
    explore_defaults(&it.options);
    it.options.faults = FAULT_EDGE | FAULT_PREFIX;
    it.options.reach = 0;
    it.options.use = false;
    return it;
}

#define LAPS 5
#define LAPS_SECONDS 8.0 /* after which no other lap is begun */

/* The least of each, of laps in which they take turns. */
static void measure(struct exploration *it, double *seconds, double *alone)
{
    double start = bench_cpu_seconds();
    *seconds = *alone = 0;
    for (int lap = 0; lap < LAPS && bench_cpu_seconds() - start < LAPS_SECONDS; lap++) {
        double explored = run_exploration(it), read = engine_alone(it->loaded);
        if (lap == 0 || explored < *seconds) *seconds = explored;
        if (lap == 0 || read < *alone) *alone = read;
    }
}

static void print_state(const struct exploration *it, double seconds, double alone)
{
    assert(it->judged > 0 && it->judged <= it->states);
    assert(seconds > 0 && alone > 0);
    double state = seconds / (double)it->judged;
    printf("  %12.0f states a second and core (%.2f us each)\n", 1 / state, state * 1e6);
    printf("  %12.2f us  yardstick: engine and chip alone, one mount and one reading\n",
           alone * 1e6);
    printf("  %12.2f     times the yardstick\n", state / alone);
}

void bench_states(struct loaded *loaded)
{
    struct exploration it = make_exploration(loaded);
    assert(loaded->script->op_count > 0 && "there is something to cut");
    double seconds, alone, copy = bench_best(copy_image, &loaded->script->part.geometry, 5);
    measure(&it, &seconds, &alone);
    printf("crash states of %s, recovered, read back, judged: every byte-edge cut of a run of %u "
           "operations\n",
           loaded->adapter->name, (unsigned)loaded->script->op_count);
    print_state(&it, seconds, alone);
    printf("  %12.2f us  yardstick: one copy of the image\n", copy * 1e6);
    printf("  %12.3f s   for %llu crash states, %llu of them different\n", seconds,
           (unsigned long long)it.states, (unsigned long long)it.judged);
    it.options.use = true;
    measure(&it, &seconds, &alone);
    printf("the same, with use after recovery and the power-on after it\n");
    print_state(&it, seconds, alone);
}

void bench_pairs(struct loaded *loaded)
{
    struct exploration it = make_exploration(loaded);
    it.options.depth = 2;
    double seconds = run_exploration(&it);
    printf("every pair of cuts of a run of %u operations\n", (unsigned)loaded->script->op_count);
    printf("  %12.2f s   for %llu crash states, %llu of them different\n", seconds,
           (unsigned long long)it.states, (unsigned long long)it.judged);
}
