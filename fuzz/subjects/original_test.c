/* original_test.c - the faulty originals do what the crate does, call for call.
 *
 * Without arguments: the two workloads that were measured on the crate (map and queue, uncached)
 * must make as many erases, reads and programs, and move as many bytes. Silence is a pass.
 * With arguments: `original_test WORKLOAD UNIT SECTORS SECTOR_SIZE ROUNDS` runs a workload ("map",
 * "remove-a", "remove-b", "remove-c", "queue", "ooo-a", "ooo-b") and writes the flash to stdout;
 * test_original.py compares its SHA-256 with the crate's.
 */
#include "fuzz/subjects/subjects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_MAX 8192u

static const struct adapter *subject; /* the map or the queue */

static void must(bool holds)
{
    if (holds) return;
    puts("the engine answered wrongly, or memory is short");
    exit(1);
}

/* A chip of RAM that counts. */
static struct {
    uint8_t bytes[IMAGE_MAX];
    struct bo_flash flash;
    uint64_t erases, reads, programs, bytes_read, bytes_programmed;
} chip;

static int chip_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    (void)context;
    memcpy(buffer, chip.bytes + address, size);
    chip.reads++;
    chip.bytes_read += size;
    return BO_FLASH_OK;
}

static int chip_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    const uint8_t *bytes = data;
    (void)context;
    for (uint32_t i = 0; i < size; i++)
        chip.bytes[address + i] &= bytes[i];
    chip.programs++;
    chip.bytes_programmed += size;
    return BO_FLASH_OK;
}

static int chip_erase(void *context, uint32_t address)
{
    (void)context;
    memset(chip.bytes + address, 0xFF, chip.flash.geometry.sector_size);
    chip.erases++;
    return BO_FLASH_OK;
}

static void *mount_blank(uint32_t unit, uint32_t sector_count, uint32_t sector_size,
                         uint32_t key_size)
{
    struct adapter_settings settings = {{key_size}};
    memset(&chip, 0, sizeof chip);
    memset(chip.bytes, 0xFF, sizeof chip.bytes);
    chip.flash = (struct bo_flash){
        .geometry = {.sector_size = sector_size,
                     .sector_count = sector_count,
                     .page_size = sector_size,
                     .unit = (uint16_t)unit,
                     .read_unit = (uint16_t)unit,
                     .erased = 0xFF},
        .read = chip_read,
        .program = chip_program,
        .erase = chip_erase,
    };
    must(!subject->refuses(&chip.flash.geometry, &settings));
    void *object = malloc(subject->object_size(&chip.flash.geometry, &settings));
    must(object);
    must(subject->mount(object, &chip.flash, &settings) == ANSWER_OK);
    return object;
}

/* 24 keys of 16 bits; each value is the key's low byte, repeated. */
static void run_map(void *map, unsigned rounds)
{
    static const uint8_t sizes[] = {11, 13, 6, 13, 13, 10, 2, 3,  5, 36, 1, 65,
                                    4,  6,  1, 15, 10, 7,  3, 15, 9, 3,  4, 5};
    static const uint8_t stores[] = {15, 0,  4, 22, 18, 11, 19, 8, 14, 23, 5,  1,
                                     16, 10, 6, 12, 20, 17, 3,  9, 7,  13, 21, 2};
    static const uint8_t fetches[] = {8,  22, 21, 11, 16, 23, 13, 15, 19, 7, 6,  2,
                                      12, 1,  17, 4,  20, 14, 10, 5,  9,  3, 18, 0};
    uint8_t value[65], back[65];
    uint32_t size = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < sizeof stores; i++) {
            uint8_t key[2] = {stores[i], 0};
            memset(value, key[0], sizes[key[0]]);
            must(!subject->map->store(map, key, 2, value, sizes[key[0]]));
        }
        for (size_t i = 0; i < sizeof fetches; i++) {
            uint8_t key[2] = {fetches[i], 0};
            memset(value, key[0], sizes[key[0]]);
            must(!subject->map->fetch(map, key, 2, back, sizeof back, &size));
            must(size == sizes[key[0]] && memcmp(value, back, size) == 0);
        }
    }
}

/* Values of growing size under 24 keys; then half of the keys goes (b), then all (c). */
static void run_remove(void *map, char until)
{
    uint8_t value[16];
    for (uint8_t more = 2; more < 12; more++)
        for (uint8_t key = 0; key < 24; key++) {
            memset(value, key, sizeof value);
            must(!subject->map->store(map, &key, 1, value, more));
        }
    for (uint8_t key = 23; until >= 'b' && key >= 12; key--)
        must(!subject->map->remove(map, &key, 1));
    if (until >= 'c') must(!subject->map->clear(map));
}

/* An item goes through the queue at a time: pushed, seen, popped, gone. */
static void run_queue(void *queue, unsigned iterations)
{
    uint8_t data[20], back[20];
    uint32_t size = 0;
    for (unsigned i = 0; i < iterations; i++) {
        uint32_t length = i % 20 + 1;
        memset(data, (int)(i % 256), length);
        must(!subject->list->append(queue, data, length, 0));
        must(!subject->list->peek(queue, back, sizeof back, &size));
        must(size == length && memcmp(data, back, size) == 0);
        must(!subject->list->pop(queue, 0, back, sizeof back, &size));
        must(size == length && memcmp(data, back, size) == 0);
        must(subject->list->peek(queue, back, sizeof back, &size) == ANSWER_NOT_FOUND);
    }
}

/* Items of growing size; every other is popped, then (b) the rest. */
static void run_out_of_order(void *queue, char until)
{
    uint8_t data[20], back[20];
    uint32_t size = 0;
    for (uint32_t i = 0; i < 20; i++) {
        memset(data, (int)i, i + 1);
        must(!subject->list->push(queue, data, i + 1));
    }
    for (uint32_t i = 0; i < 10; i++) {
        must(!subject->list->pop(queue, i + 1, back, sizeof back, &size));
        must(size == 2 * i + 2 && back[0] == 2 * i + 1);
    }
    for (uint32_t i = 0; until >= 'b' && i < 10; i++) {
        must(!subject->list->pop(queue, 0, back, sizeof back, &size));
        must(size == 2 * i + 1 && back[0] == 2 * i);
    }
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Runs a workload on a blank chip. */
static void run(const char *workload, uint32_t unit, uint32_t sector_count, uint32_t sector_size,
                unsigned rounds)
{
    char until = workload[strlen(workload) - 1];
    bool map = strcmp(workload, "map") == 0, remove = starts(workload, "remove-");
    subject = map || remove ? &adapter_original : &adapter_original_queue;
    void *object = mount_blank(unit, sector_count, sector_size, map ? 2 : 1);
    if (map)
        run_map(object, rounds);
    else if (remove)
        run_remove(object, until);
    else if (starts(workload, "ooo-"))
        run_out_of_order(object, until);
    else
        run_queue(object, rounds);
    free(object);
}

/* What the crate was counted to do. */
struct measured {
    const char *workload;
    unsigned rounds;
    uint32_t unit, sector_count, sector_size;
    uint64_t erases, reads, programs, bytes_read, bytes_programmed;
};

static int differs(const struct measured *want)
{
    run(want->workload, want->unit, want->sector_count, want->sector_size, want->rounds);
    if (chip.erases == want->erases && chip.reads == want->reads &&
        chip.programs == want->programs && chip.bytes_read == want->bytes_read &&
        chip.bytes_programmed == want->bytes_programmed)
        return 0;
    printf("%s, unit %u: %llu erases, %llu reads, %llu programs, %llu and %llu bytes\n",
           want->workload, (unsigned)want->unit, (unsigned long long)chip.erases,
           (unsigned long long)chip.reads, (unsigned long long)chip.programs,
           (unsigned long long)chip.bytes_read, (unsigned long long)chip.bytes_programmed);
    return 1;
}

static int compare_counts(void)
{
    static const struct measured all[] = {
        {"map", 100, 1, 4, 256, 198, 233786, 5201, 1837101, 50401},
        {"map", 100, 4, 4, 256, 488, 520861, 15075, 5048968, 120124},
        {"map", 100, 8, 4, 512, 114, 318113, 6233, 3431640, 59464},
        {"map", 100, 16, 4, 1024, 88, 346709, 5381, 6193504, 92496},
        {"map", 100, 32, 4, 2048, 81, 368215, 5167, 12330176, 168544},
        {"map", 100, 4, 2, 1024, 113, 856941, 14072, 8888468, 115076},
        {"queue", 2000, 4, 4, 256, 166, 159869, 7533, 906272, 57332},
        {"queue", 2000, 8, 4, 256, 199, 152891, 7499, 1248728, 63992},
        {"queue", 2000, 16, 4, 256, 319, 137591, 7039, 2214256, 112624},
        {"queue", 2000, 32, 4, 512, 285, 139588, 6571, 4466816, 210272},
        {"queue", 2000, 1, 2, 32, 1599, 86895, 9199, 229188, 56199},
    };
    int different = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        different |= differs(&all[i]);
    return different;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc == 1) return compare_counts();
    if (argc != 6) return 2;
    uint32_t unit = number(argv[2]), sectors = number(argv[3]), sector_size = number(argv[4]);
    if (!unit || !sectors || sector_size > IMAGE_MAX / sectors) return 2;
    run(argv[1], unit, sectors, sector_size, number(argv[5]));
    fwrite(chip.bytes, 1, (size_t)sectors * sector_size, stdout);
    return 0;
}
