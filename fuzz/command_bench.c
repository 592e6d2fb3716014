/* bench: speeds, each beside a yardstick that runs at the same moment on the same machine.
 *
 * All times are CPU time of this one process, so they are per core; each is the best of several
 * runs, since noise only ever adds. The yardstick of an exploration is what cannot be avoided: the
 * engine alone, mounting and reading back twice on the same chip, and a plain copy of the image.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz/adapters.h"
#include "fuzz/command.h"
#include "fuzz/replay.h"

static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double best(double (*measure)(void *context), void *context, int runs)
{
    double least = measure(context);
    for (int i = 1; i < runs; i++) {
        double seconds = measure(context);
        if (seconds < least) least = seconds;
    }
    return least;
}

/* --- yardsticks --- */

#define COPIES 4000

/* A copy of the whole image, as a harness without a journal would make for each crash state. */
static double copy_image(void *context)
{
    const struct flash_geometry *g = context;
    size_t size = (size_t)g->sector_size * g->sector_count;
    volatile unsigned char *from = malloc(2 * size);
    if (!from) return 0;
    memset((void *)from, 0xFF, 2 * size);
    double start = cpu_seconds();
    for (int i = 0; i < COPIES; i++)
        memcpy((void *)(from + (i % 2 ? 0 : size)), (void *)(from + (i % 2 ? size : 0)), size);
    double seconds = cpu_seconds() - start;
    free((void *)from);
    return seconds / COPIES;
}

struct read_back {
    struct rig *rig;
    double seconds; /* summed over the operations of a run */
    uint64_t count;
};

static void count_visit(void *context, const void *key, uint32_t key_size, const void *value,
                        uint32_t value_size)
{
    (void)key, (void)key_size, (void)value, (void)value_size;
    ++*(uint64_t *)context;
}

static void mount_and_read(struct rig *rig)
{
    uint64_t visits = 0;
    chip_set_fuel(rig->chip, 0);
    rig->adapter->mount(rig->second, chip_flash(rig->chip), &rig->settings);
    rig->adapter->map->each(rig->second, count_visit, &visits);
}

#define READINGS 20

/* Runs the workload and, after every operation, lets the engine mount and read back twice: what the
 * engine and the chip need for one crash state there. */
static double engine_alone(void *context)
{
    struct loaded *loaded = context;
    struct rig *rig = rig_new(loaded->script, loaded->adapter, &loaded->settings);
    double seconds = 0;
    if (!rig) return 0;
    memset(rig->second, 0, rig->object_size);
    bool fine = rig_start(rig);
    for (uint32_t i = 0; fine && i < loaded->script->op_count; i++) {
        fine = rig_call(rig, &loaded->script->ops[i], NULL);
        double start = cpu_seconds();
        for (int n = 0; n < 2 * READINGS; n++)
            mount_and_read(rig);
        seconds += cpu_seconds() - start;
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
    struct explore_path path = {0};
    struct explore_result result;
    double start = cpu_seconds();
    explore(it->loaded->script, it->loaded->adapter, &it->loaded->settings, &it->options, &path,
            NULL, &result);
    double seconds = cpu_seconds() - start;
    it->states = result.states;
    it->judged = result.judged;
    explore_result_free(&result);
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

static void bench_states(struct loaded *loaded)
{
    struct exploration it = make_exploration(loaded);
    double seconds = best(run_exploration, &it, 5);
    double alone = best(engine_alone, loaded, 3);
    double copy = best(copy_image, &loaded->script->part.geometry, 5);
    double state = seconds / (double)it.judged;
    printf("crash states, recovered, read back, judged, recovered again\n");
    printf("  %12.0f states a second and core (%.2f us each)\n", 1 / state, state * 1e6);
    printf("  %12.2f us  yardstick: engine and chip alone, two mounts and two readings\n",
           alone * 1e6);
    printf("  %12.0f %%   overhead: what is neither engine nor chip\n", 100 * (1 - alone / state));
    printf("  %12.2f us  yardstick: one copy of the image\n", copy * 1e6);
    printf("every byte-edge cut of a run of %u operations\n", (unsigned)loaded->script->op_count);
    printf("  %12.3f s   for %llu crash states, %llu of them different\n", seconds,
           (unsigned long long)it.states, (unsigned long long)it.judged);
    it.options.use = true;
    seconds = best(run_exploration, &it, 3);
    printf("the same, with use after recovery\n");
    printf("  %12.0f states a second and core\n", (double)it.judged / seconds);
}

static void bench_pairs(struct loaded *loaded)
{
    struct exploration it = make_exploration(loaded);
    it.options.depth = 2;
    double seconds = run_exploration(&it);
    printf("every pair of cuts of a run of %u operations\n", (unsigned)loaded->script->op_count);
    printf("  %12.2f s   for %llu crash states, %llu of them different\n", seconds,
           (unsigned long long)it.states, (unsigned long long)it.judged);
}

/* --- the chip --- */

struct programming {
    uint32_t size; /* bytes of one program call */
    bool marked;   /* under a mark, rolled back at the end */
};

#define LAPS 200

static double program_chip(void *context)
{
    const struct programming *how = context;
    struct part part = *part_find("generic");
    uint8_t data[256];
    struct chip *chip = chip_new(&part, 1);
    if (!chip) return 0;
    const struct flash *flash = chip_flash(chip);
    uint32_t sector = part.geometry.sector_size;
    for (uint32_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37u);
    double start = cpu_seconds();
    for (uint32_t lap = 0; lap < LAPS; lap++) {
        uint32_t base = lap % part.geometry.sector_count * sector;
        chip_mark mark = how->marked ? chip_set_mark(chip) : 0;
        for (uint32_t at = 0; at < sector; at += how->size)
            flash->program(flash->context, base + at, data, how->size);
        if (how->marked)
            chip_rollback(chip, mark);
        else
            flash->erase(flash->context, base);
    }
    double seconds = cpu_seconds() - start;
    chip_free(chip);
    return seconds / ((double)LAPS * sector);
}

static double store_bytes(void *context)
{
    static volatile uint8_t memory[4096];
    (void)context;
    double start = cpu_seconds();
    for (uint32_t lap = 0; lap < LAPS; lap++) {
        for (uint32_t i = 0; i < sizeof memory; i++)
            memory[i] = (uint8_t)(memory[i] & (uint8_t)(i * 37u));
    }
    return (cpu_seconds() - start) / ((double)LAPS * sizeof memory);
}

static void bench_chip(void)
{
    static const struct programming ways[] = {{16, false}, {16, true}, {256, false}, {256, true}};
    printf("the simulated chip, counters, hash and journal on\n");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct programming way = ways[i];
        printf("  %12.2f ns  for each byte, programs of %u bytes%s\n",
               best(program_chip, &way, 20) * 1e9, (unsigned)way.size,
               way.marked ? ", under a mark and rolled back" : "");
    }
    printf("  %12.2f ns  yardstick: an AND to plain memory, byte by byte\n",
           best(store_bytes, NULL, 20) * 1e9);
}

int command_bench(int argc, char **argv)
{
    struct command_options options;
    struct loaded runs, pairs;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count != 2)
        return command_refuse("bench takes two scenarios: a long run, and a run for pairs of cuts");
    int code = command_load(&options, options.files[0], &runs);
    if (code) return code;
    code = command_load(&options, options.files[1], &pairs);
    if (code == COMMAND_CLEAN) {
        bench_chip();
        bench_states(&runs);
        bench_pairs(&pairs);
        script_free(pairs.script);
    }
    script_free(runs.script);
    return code;
}
