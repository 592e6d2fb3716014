/* chip_test.c - the chip under every call there is, at random, with marks left open and closed.
 *
 * Under the sanitizers it shows that nothing is lost or touched out of bounds. The sum of all
 * hashes and bytes met on the way is the same number on every machine; when it changes, cases
 * recorded before replay differently.
 */
#include "sim/chip.h"
#include "sim/hash.h"

#include <inttypes.h>
#include <stdio.h>

#define RUNS 400
#define CALLS 60
#define MARKS_MAX 10
#define TEARS_MAX 512
#define SECTOR_SIZE 64
#define PAGE_SIZE 32
#define SECTORS 3
#define EXPECTED UINT64_C(0xae34409529fdbd5c)

struct bench {
    struct chip *chip;
    const struct bo_flash *flash;
    uint64_t random;
    chip_mark marks[MARKS_MAX];
    unsigned mark_count;
    struct tear tears[TEARS_MAX];
    unsigned tear_count;
    uint64_t sum;
};

static uint32_t draw(struct bench *bench, uint32_t below)
{
    bench->random = hash_mix(bench->random, below);
    return (uint32_t)(bench->random >> 32) % below;
}

/* A lawful place and size for a program. */
static uint32_t draw_program(struct bench *bench, uint8_t *data, uint32_t *size)
{
    uint32_t unit = bench->flash->geometry.unit;
    uint32_t address = draw(bench, SECTORS * SECTOR_SIZE / unit) * unit;
    uint32_t room = PAGE_SIZE - address % PAGE_SIZE;
    *size = (1 + draw(bench, room / unit)) * unit;
    for (uint32_t i = 0; i < *size; i++)
        data[i] = (uint8_t)draw(bench, 256);
    return address;
}

static bool keep_tear(void *context, const struct tear *tear)
{
    struct bench *bench = context;
    bench->tears[bench->tear_count++] = *tear;
    return bench->tear_count < TEARS_MAX;
}

/* Cuts a program into a fresh sector, or an erase, by one of the tears of all classes. */
static void tear_something(struct bench *bench)
{
    uint8_t data[PAGE_SIZE];
    uint32_t size, address = draw_program(bench, data, &size);
    uint32_t sector = address / SECTOR_SIZE * SECTOR_SIZE;
    struct chip_op op = {CHIP_ERASE, sector, SECTOR_SIZE, NULL};
    const struct fault_effort effort = {3, 3, 3};
    if (draw(bench, 2)) {
        if (bo_flash_erase(bench->flash, sector)) return;
        op = (struct chip_op){CHIP_PROGRAM, address, size, data};
    }
    bench->tear_count = 0;
    fault_tears(bench->chip, &op, (1u << FAULT_CLASSES) - 1, &effort, bench->random, keep_tear,
                bench);
    chip_tear(bench->chip, &op, &bench->tears[draw(bench, bench->tear_count)]);
    chip_power_on(bench->chip);
}

static void mark_something(struct bench *bench)
{
    uint32_t choice = draw(bench, 4);
    if (choice < 2 && bench->mark_count < MARKS_MAX) {
        bench->marks[bench->mark_count++] = chip_set_mark(bench->chip);
    } else if (choice == 2 && bench->mark_count != 0) {
        chip_rollback(bench->chip, bench->marks[--bench->mark_count]);
    } else if (choice == 3 && bench->mark_count != 0) {
        chip_release(bench->chip, bench->marks[--bench->mark_count]);
    }
}

static void call_something(struct bench *bench)
{
    uint8_t data[PAGE_SIZE];
    uint32_t size, address = draw_program(bench, data, &size);
    switch (draw(bench, 8)) {
    case 0:
        bench->flash->program(bench->flash->context, address, data, size);
        break;
    case 1:
        bo_flash_erase(bench->flash, address / SECTOR_SIZE * SECTOR_SIZE);
        break;
    case 2:
        bo_flash_read(bench->flash, address, data, size);
        break;
    case 3:
        chip_flip(bench->chip, address, draw(bench, 8));
        break;
    case 4:
        chip_fail_reads(bench->chip, address, 1 + draw(bench, 2));
        break;
    case 5:
        mark_something(bench);
        break;
    case 6:
        chip_power_off(bench->chip);
        chip_power_on(bench->chip);
        break;
    default:
        tear_something(bench);
        break;
    }
    for (uint32_t i = 0; i < size; i++)
        bench->sum = hash_mix(bench->sum, data[i]);
}

static void note(struct bench *bench)
{
    uint8_t image[SECTORS * SECTOR_SIZE];
    chip_peek(bench->chip, 0, image, sizeof image);
    for (size_t i = 0; i < sizeof image; i++)
        bench->sum = hash_mix(bench->sum, image[i]);
    struct chip_hash hash = chip_hash(bench->chip);
    bench->sum = hash_mix(bench->sum, hash.low ^ hash_mix(hash.high, 1));
}

static void run(struct bench *bench, unsigned number)
{
    struct part part = *part_find("generic");
    part.geometry = (struct bo_flash_geometry){
        .sector_size = SECTOR_SIZE,
        .sector_count = SECTORS,
        .page_size = PAGE_SIZE,
        .unit = (uint16_t)(1u << number % 6),
        .read_unit = 1,
        .erased = number % 7 ? 0xFF : 0x00,
        .programs_per_unit = (uint8_t)(number % 3),
        .tear_scope = (uint8_t)(number / 3 % 3),
    };
    part.endurance.value = 5;
    bench->chip = chip_new(&part);
    bench->flash = chip_flash(bench->chip);
    bench->mark_count = 0;
    chip_allow_and(bench->chip, number % 2);
    chip_require_proof(bench->chip, number % 5 == 0 && part.geometry.unit == 1);
    chip_wear_out(bench->chip, number % 4 == 3);
    for (unsigned i = 0; i < CALLS; i++)
        call_something(bench);
    note(bench);
    if (number % 5 == 0) chip_reset(bench->chip);
    chip_free(bench->chip);
}

int main(void)
{
    struct bench bench = {.random = 1};
    for (unsigned number = 0; number < RUNS; number++)
        run(&bench, number);
    if (bench.sum == EXPECTED) return 0;
    printf("expected 0x%016" PRIx64 ", got 0x%016" PRIx64 "\n", EXPECTED, bench.sum);
    return 1;
}
