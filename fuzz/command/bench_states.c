/* bench_states.c - crash states per second.
 *
 * The yardstick of an exploration is what cannot be avoided: the engine alone, mounting and reading
 * back twice on the same chip, and a plain copy of the image.
 */
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
    rig->adapter->mount(rig->second, chip_flash(rig->chip), &rig->settings);
    if (rig->adapter->kind == ADAPTER_MAP)
        rig->adapter->map->each(rig->second, count_visit, &visits);
    else
        rig->adapter->list->each(rig->second, count_item, &visits);
}

#define READINGS 20

/* Runs the workload and, after every operation, lets the engine mount and read back twice: what the
 * engine and the chip need for one crash state there. */
static double engine_alone(void *context)
{
    struct loaded *loaded = context;
    struct rig *rig = rig_new(loaded->script, loaded->adapter, &loaded->settings);
    double seconds = 0;
    memset(rig->second, 0, rig->object_size);
    bool fine = rig_start(rig);
    for (uint32_t i = 0; fine && i < loaded->script->op_count; i++) {
        fine = rig_call(rig, &loaded->script->ops[i], NULL);
        double start = bench_cpu_seconds();
        for (int n = 0; n < 2 * READINGS; n++)
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

void bench_states(struct loaded *loaded)
{
    struct exploration it = make_exploration(loaded);
    double seconds = bench_best(run_exploration, &it, 5);
    double alone = bench_best(engine_alone, loaded, 3);
    double copy = bench_best(copy_image, &loaded->script->part.geometry, 5);
    double state = seconds / (double)it.judged;
    printf("crash states of %s, recovered, read back, judged, recovered again\n",
           loaded->adapter->name);
    printf("  %12.0f states a second and core (%.2f us each)\n", 1 / state, state * 1e6);
    printf("  %12.2f us  yardstick: engine and chip alone, two mounts and two readings\n",
           alone * 1e6);
    printf("  %12.0f %%   overhead: what is neither engine nor chip\n", 100 * (1 - alone / state));
    printf("  %12.2f us  yardstick: one copy of the image\n", copy * 1e6);
    printf("every byte-edge cut of a run of %u operations\n", (unsigned)loaded->script->op_count);
    printf("  %12.3f s   for %llu crash states, %llu of them different\n", seconds,
           (unsigned long long)it.states, (unsigned long long)it.judged);
    it.options.use = true;
    seconds = bench_best(run_exploration, &it, 3);
    printf("the same, with use after recovery\n");
    printf("  %12.0f states a second and core\n", (double)it.judged / seconds);
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
