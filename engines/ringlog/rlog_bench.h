/* rlog_bench.h - a log on a part in memory, for the tests of rlog. Not for firmware.
 *
 * Every call of the engine is made by DO, which notes how many reads and changes it took. No unit
 * but those of PREP is ever programmed twice. Units can be made unreadable.
 */
#ifndef BROWNOUT_RLOG_BENCH_H
#define BROWNOUT_RLOG_BENCH_H

#define RAM_FLASH_SIZE_MAX 65536u
#define RAM_FLASH_SECTOR_MAX 4096u
#include "../ram_flash.h"
#include "../check_test.h"

#include <stdio.h>
#include <string.h>

#include "rlog.h"

static bool verbose;

/* --- a log on a part in memory --- */

#define BAD_UNITS_MAX 8u

struct bench {
    struct ram_flash ram;
    struct rlog log;
    struct rlog_config config;
    struct ram_flash_counts before; /* the call that is made now */
    uint64_t reads_most, changes_most;
    uint32_t bad[BAD_UNITS_MAX], bad_count; /* units that read as errors */
    uint8_t buffer[2 * RLOG_SEGMENT_MAX];
};

static struct bench bench;

/* A call of the engine, held to its bounds. */
#define DO(b, call) (bench_starts(b), bench_ends(b, (call)))

static inline void bench_starts(struct bench *b)
{
    b->before = b->ram.counts;
}

static inline int bench_ends(struct bench *b, int answer)
{
    const struct ram_flash_counts *now = &b->ram.counts, *was = &b->before;
    uint64_t reads = now->reads - was->reads;
    uint64_t changes = now->programs - was->programs + now->erases - was->erases;
    if (reads > b->reads_most) b->reads_most = reads;
    if (changes > b->changes_most) b->changes_most = changes;
    CHECK(b->ram.breach == NULL, "%s", b->ram.breach);
    return answer;
}

/* The largest call of all, with a unit that can't be read in each segment (see rlog.h). */
static inline void check_bounds(const struct bench *b)
{
    const struct bo_flash_geometry *g = &b->ram.flash.geometry;
    uint64_t changes = rlog_changes_max(&b->config, RLOG_CALL_APPEND);
    uint64_t reads = rlog_reads_max(&b->config, RLOG_CALL_APPEND);
    if (b->bad_count) reads *= 1 + b->log.segment_size / g->unit;
    CHECK(b->changes_most <= changes, "%u changes of %u", (unsigned)b->changes_most,
          (unsigned)changes);
    CHECK(b->reads_most <= reads, "%u reads of %u", (unsigned)b->reads_most, (unsigned)reads);
}

/* Units are programmed once, those of PREP twice where the part allows it. */
static inline bool look_at_call(struct ram_flash *ram, const struct ram_flash_call *call)
{
    const struct bo_flash_geometry *g = &ram->flash.geometry;
    uint32_t prep = (8u + g->unit - 1) / g->unit * g->unit;
    for (uint32_t at = 0; call->data != NULL && at < call->size; at += g->unit) {
        uint32_t most = (call->address + at) % g->sector_size < prep ? 2 : 1;
        if (ram->programs[(call->address + at) / g->unit] >= most)
            ram_flash_breach(ram, "not programmed once");
    }
    return false;
}

static inline int read_or_fail(void *context, uint32_t address, void *bytes, uint32_t size)
{
    struct bench *b = context;
    uint32_t unit = b->ram.flash.geometry.unit;
    int error = ram_flash_read(&b->ram, address, bytes, size);
    for (uint32_t i = 0; i < b->bad_count && !error; i++)
        if (b->bad[i] * unit < address + size && (b->bad[i] + 1) * unit > address)
            error = BO_FLASH_ERR_ECC;
    if (error) memset(bytes, 0xA5, size);
    return error;
}

static inline int program_bench(void *context, uint32_t address, const void *data, uint32_t size)
{
    return ram_flash_program(&((struct bench *)context)->ram, address, data, size);
}

static inline int erase_bench(void *context, uint32_t address)
{
    return ram_flash_erase(&((struct bench *)context)->ram, address);
}

static inline void bench_flash(struct bench *b, uint32_t sector_size, uint32_t count, uint16_t unit,
                               uint8_t programs_per_unit)
{
    memset(b, 0, sizeof *b);
    ram_flash_init(&b->ram, sector_size, count, unit, programs_per_unit);
    b->ram.before = look_at_call;
    b->ram.flash.context = b;
    b->ram.flash.read = read_or_fail;
    b->ram.flash.program = program_bench;
    b->ram.flash.erase = erase_bench;
    b->config = (struct rlog_config){
        .flash = &b->ram.flash, .buffer = b->buffer, .buffer_size = sizeof b->buffer, .id = 7};
}

static inline int bench_mount(struct bench *b)
{
    memset(&b->log, 0xA5, sizeof b->log);
    memset(b->buffer, 0xA5, sizeof b->buffer);
    return DO(b, rlog_mount(&b->log, &b->config));
}

static inline void remount(struct bench *b)
{
    int error = bench_mount(b);
    CHECK(error == BO_FLASH_OK, "%d", error);
}

/* A blank part of 8 x 512 bytes, segment 128. */
static inline void bench_open(struct bench *b)
{
    bench_flash(b, 512, 8, 1, 0);
    b->config.segment_size = 128;
    remount(b);
}

/* --- records whose size and bytes follow from their number --- */

static inline uint32_t size_of(uint64_t number, uint32_t most)
{
    uint64_t random = number;
    uint32_t kind = ram_flash_below(&random, 8);
    if (kind == 0) return most - ram_flash_below(&random, most < 3 ? most + 1 : 3);
    return ram_flash_below(&random, (kind == 1 ? most : most / 8) + 1);
}

static inline void bytes_of(uint64_t number, uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number * 37 + i * 11 + i / 256);
}

static inline uint64_t range_end(struct bench *b)
{
    uint64_t first, end;
    int error = DO(b, rlog_range(&b->log, &first, &end));
    CHECK(error == BO_FLASH_OK && first <= end, "%d", error);
    return end;
}

static inline uint64_t range_first(struct bench *b)
{
    uint64_t first = 0, end;
    int error = DO(b, rlog_range(&b->log, &first, &end));
    CHECK(error == BO_FLASH_OK && first <= end, "%d", error);
    return first;
}

/* Appends the record that comes next. */
static inline int append(struct bench *b, uint32_t most, uint64_t time)
{
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint64_t number = b->log.next, given = UINT64_MAX;
    uint32_t size = size_of(number, most);
    bytes_of(number, bytes, size);
    int error = DO(b, rlog_append(&b->log, bytes, size, time, &given));
    CHECK(error == BO_FLASH_OK && given == number, "%d, number %u, not %u", error, (unsigned)given,
          (unsigned)number);
    return error;
}

static inline void append_many(struct bench *b, uint32_t count, uint32_t most)
{
    while (count-- != 0)
        append(b, most, 0);
}

static inline bool is_right(uint64_t number, const uint8_t *bytes, uint32_t size, uint32_t most)
{
    uint8_t wanted[RAM_FLASH_SECTOR_MAX];
    if (size != size_of(number, most)) return false;
    bytes_of(number, wanted, size);
    return memcmp(bytes, wanted, size) == 0;
}

static inline bool reads_right(struct bench *b, uint64_t number, uint32_t most)
{
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint32_t size = UINT32_MAX;
    int error = DO(b, rlog_read(&b->log, number, bytes, sizeof bytes, &size));
    return error == BO_FLASH_OK && is_right(number, bytes, size, most);
}

/* Iterates from a number; `first` and `count` of what comes, which must be right and without a
 * gap. */
static inline uint32_t iterate(struct bench *b, uint64_t from, uint32_t most, uint64_t *first)
{
    struct rlog_iterator iterator;
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint32_t size, count = 0;
    uint64_t number;
    int error;
    rlog_iterate(&iterator, from);
    while (!(error = rlog_next(&b->log, &iterator, bytes, sizeof bytes, &size, &number))) {
        if (count == 0) *first = number;
        CHECK(number == *first + count, "%u after %u of them", (unsigned)number, count);
        CHECK(is_right(number, bytes, size, most), "record %u", (unsigned)number);
        count++;
    }
    CHECK(error == RINGLOG_ERR_NOT_FOUND, "%d", error);
    return count;
}

/* Everything returned, in every way, is right, up to `end`; how much that is. */
static inline uint32_t check_all(struct bench *b, uint64_t end, uint32_t most)
{
    uint64_t first = range_first(b), came = first;
    uint32_t count = iterate(b, 0, most, &came);
    CHECK(count == 0 || came == first, "first %u, came %u", (unsigned)first, (unsigned)came);
    CHECK(first + count == end, "from %u, %u of them, not to %u", (unsigned)first, count,
          (unsigned)end);
    for (uint64_t number = first; number < end; number++)
        CHECK(reads_right(b, number, most), "record %u", (unsigned)number);
    CHECK(first == 0 || !reads_right(b, first - 1, most), "record %u", (unsigned)first - 1);
    CHECK(!reads_right(b, end, most), "record %u", (unsigned)end);
    return count;
}

#endif
