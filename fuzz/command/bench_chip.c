/* bench_chip.c - what a program of the simulated chip takes. */
#include <assert.h>

#include "fuzz/command/bench.h"

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
    struct chip *chip = chip_new(&part);
    if (!chip) return 0;
    const struct bo_flash *flash = chip_flash(chip);
    uint32_t sector = part.geometry.sector_size;
    assert(how->size > 0 && how->size <= sizeof data && sector % how->size == 0);
    for (uint32_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37u);
    double start = bench_cpu_seconds();
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
    double seconds = bench_cpu_seconds() - start;
    chip_free(chip);
    return seconds / ((double)LAPS * sector);
}

static double store_bytes(void *context)
{
    static volatile uint8_t memory[4096];
    (void)context;
    double start = bench_cpu_seconds();
    for (uint32_t lap = 0; lap < LAPS; lap++) {
        for (uint32_t i = 0; i < sizeof memory; i++)
            memory[i] = (uint8_t)(memory[i] & (uint8_t)(i * 37u));
    }
    return (bench_cpu_seconds() - start) / ((double)LAPS * sizeof memory);
}

void bench_chip(void)
{
    static const struct programming ways[] = {{16, false}, {16, true}, {256, false}, {256, true}};
    printf("the simulated chip, counters, hash and journal on\n");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct programming way = ways[i];
        printf("  %12.2f ns  for each byte, programs of %u bytes%s\n",
               bench_best(program_chip, &way, 20) * 1e9, (unsigned)way.size,
               way.marked ? ", under a mark and rolled back" : "");
    }
    printf("  %12.2f ns  yardstick: an AND to plain memory, byte by byte\n",
           bench_best(store_bytes, NULL, 20) * 1e9);
}
