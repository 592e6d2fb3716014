/* seqlog_test.c - what seqlog must do, without simulator or harness.
 *
 *     seqlog_test [v]
 *
 * Prints a line for each failure, with v the table of mount reads too; returns 1 if there was a
 * failure.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "../check_test.h"
#include "cobs.h"
#include "../crc32c.h"
#include "seqlog.h"

static bool verbose;

#define WORK_MAX (RAM_FLASH_SECTOR_MAX + BO_FLASH_UNIT_MAX)
#define ALL_FINDS 6

static const char *const find_names[ALL_FINDS] = {"scan", "bisect",   "coarse",
                                                  "fine", "twolevel", "pointer"};

/* A log on a part in memory ----------------------------------------------------------------- */

struct bench {
    struct ram_flash ram;
    struct seqlog log;
    struct seqlog_config config;
    uint8_t work[WORK_MAX];
};

static struct bench bench, other;

static void bench_config(struct bench *b, enum seqlog_framing framing, enum seqlog_find find)
{
    b->config = (struct seqlog_config){.flash = &b->ram.flash,
                                       .work = b->work,
                                       .work_size = sizeof b->work,
                                       .id = 1,
                                       .framing = framing,
                                       .find = find};
}

static int bench_mount(struct bench *b)
{
    memset(&b->log, 0xA5, sizeof b->log);
    memset(b->work, 0xA5, sizeof b->work);
    return seqlog_mount(&b->log, &b->config);
}

static void bench_open(struct bench *b, uint32_t sector_size, uint32_t count, uint16_t unit)
{
    ram_flash_init(&b->ram, sector_size, count, unit, 0);
    b->ram.flash.geometry.page_size = sector_size < 64 ? sector_size : 64;
    if (sector_size % 64 != 0) b->ram.flash.geometry.page_size = sector_size;
    bench_config(b, SEQLOG_LENGTH, SEQLOG_BISECT);
}

/* The same flash, as it is now, under another log. */
static void bench_copy(struct bench *to, const struct bench *from)
{
    ram_flash_copy(&to->ram, &from->ram);
    to->config = from->config;
    to->config.flash = &to->ram.flash;
    to->config.work = to->work;
}

/* The record `number`: its size and bytes follow from that. */
static uint32_t record_size(uint64_t number, uint32_t most)
{
    uint64_t random = number;
    return ram_flash_below(&random, most + 1);
}

static void record_bytes(uint64_t number, uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = i % 5 == 3 ? 0 : (uint8_t)(number * 37 + i * 11);
}

static int append(struct bench *b, uint32_t most)
{
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint64_t number = seqlog_end(&b->log), given;
    uint32_t size = record_size(number, most);
    record_bytes(number, bytes, size);
    int error = seqlog_append(&b->log, bytes, size, &given);
    CHECK(error != BO_FLASH_OK || given == number, "number %u", (unsigned)given);
    return error;
}

static bool right(uint64_t number, const uint8_t *bytes, uint32_t size, uint32_t most)
{
    uint8_t wanted[RAM_FLASH_SECTOR_MAX];
    if (size != record_size(number, most)) return false;
    record_bytes(number, wanted, size);
    return memcmp(bytes, wanted, size) == 0;
}

/* Records that iterating and reading by number both return, and return right. */
static uint32_t count_records(struct bench *b, uint32_t most)
{
    struct seqlog_iterator iterator;
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint64_t number;
    uint32_t size, count = 0;
    int error;
    seqlog_iterate(&iterator, 0);
    while ((error = seqlog_next(&b->log, &iterator, bytes, sizeof bytes, &size, &number)) == 0) {
        CHECK(right(number, bytes, size, most), "record %u", (unsigned)number);
        memset(bytes, 0, sizeof bytes);
        error = seqlog_read(&b->log, number, bytes, sizeof bytes, &size);
        CHECK(error == 0, "record %u: %d", (unsigned)number, error);
        CHECK(right(number, bytes, size, most), "record %u by number", (unsigned)number);
        count++;
    }
    CHECK(error == RINGLOG_ERR_NOT_FOUND, "iteration: %d", error);
    return count;
}

static uint64_t first_of(struct bench *b)
{
    uint64_t first = 0;
    int error = seqlog_first(&b->log, &first);
    CHECK(error == 0, "first: %d", error);
    return first;
}

/* COBS -------------------------------------------------------------------------------------- */

static uint32_t cobs_there(const uint8_t *data, uint32_t size, uint8_t *out)
{
    struct bo_cobs_encoder encoder;
    bo_cobs_encode_start(&encoder, out);
    bo_cobs_encode(&encoder, data, size / 3);
    bo_cobs_encode(&encoder, data + size / 3, size - size / 3);
    return bo_cobs_encode_end(&encoder);
}

static uint32_t cobs_back(const uint8_t *in, uint32_t size, uint8_t *out, bool *whole)
{
    struct bo_cobs_decoder decoder = {.left = 0};
    uint32_t used = 0;
    for (uint32_t i = 0; i < size; i++)
        used += bo_cobs_decode(&decoder, in[i], &out[used]);
    *whole = bo_cobs_decode_whole(&decoder);
    return used;
}

static void test_cobs_comes_back(void)
{
    static uint8_t data[1200], coded[1300], back[1300];
    uint64_t random = 7;
    for (uint32_t size = 0; size < 1100; size++) {
        for (uint32_t zeros = 0; zeros < 4; zeros++) { /* none, some, many, all */
            for (uint32_t i = 0; i < size; i++)
                data[i] = ram_flash_below(&random, zeros == 3 ? 1 : 400) < zeros * zeros * 50
                              ? 0
                              : (uint8_t)(1 + ram_flash_below(&random, 255));
            if (zeros == 3) memset(data, 0, size);
            bool whole, cut;
            uint32_t used = cobs_there(data, size, coded);
            CHECK(used <= bo_cobs_size_max(size), "%u bytes became %u", size, used);
            CHECK(memchr(coded, 0, used) == NULL, "a zero in %u bytes", size);
            uint32_t came = cobs_back(coded, used, back, &whole);
            CHECK(whole && came == size && memcmp(back, data, size) == 0, "%u bytes", size);
            (void)cobs_back(coded, used - 1, back, &cut);
            CHECK(!cut || size == 0 || data[size - 1] == 0 || used > size + 1, "%u, cut", size);
        }
    }
}

static void test_cobs_costs_what_it_should(void)
{
    static const struct {
        uint32_t size, zeros, coded; /* of them at the start */
    } cases[] = {{0, 0, 1},     {1, 0, 2},     {1, 1, 2},     {253, 0, 254},   {254, 0, 255},
                 {255, 0, 257}, {508, 0, 510}, {509, 0, 512}, {300, 300, 301}, {255, 1, 256}};
    uint8_t data[600], coded[700];
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(data, 0x55, sizeof data);
        memset(data, 0, cases[i].zeros);
        uint32_t used = cobs_there(data, cases[i].size, coded);
        CHECK(used == cases[i].coded, "%u with %u zeros: %u", cases[i].size, cases[i].zeros, used);
    }
}

/* The format -------------------------------------------------------------------------------- */

static void put(uint8_t *bytes, uint64_t number, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
}

static uint32_t golden_seed(const struct bo_flash_geometry *g, uint32_t sectors, uint8_t framing)
{
    uint8_t bytes[13];
    put(bytes, 1, 4);
    put(bytes + 4, g->sector_size, 4);
    put(bytes + 8, sectors, 4);
    bytes[12] = framing;
    return bo_crc32c(BO_CRC32C_START, bytes, sizeof bytes);
}

/* A header as the format says, written down here a second time. */
static uint32_t golden_header(uint32_t seed, uint32_t sector, uint32_t sequence, uint32_t reach,
                              uint64_t first, uint8_t bytes[20])
{
    uint8_t place[4];
    put(place, sector, 4);
    put(bytes, sequence, 4);
    put(bytes + 4, reach, 4);
    put(bytes + 8, first, 6);
    put(bytes + 14, 1, 2);
    uint32_t crc = ~bo_crc32c(bo_crc32c(seed, place, 4), bytes, 16);
    put(bytes + 16, crc, 4);
    return crc;
}

static uint32_t golden_frame_seed(uint32_t identity, uint32_t offset, uint64_t number)
{
    uint8_t bytes[10];
    put(bytes, offset, 4);
    put(bytes + 4, number, 6);
    return bo_crc32c(identity, bytes, sizeof bytes);
}

static void test_the_format_is_what_the_comments_say(void)
{
    struct bench *b = &bench;
    uint8_t wanted[64], data[3] = {9, 0, 7};
    for (int framing = SEQLOG_LENGTH; framing <= SEQLOG_COBS; framing++) {
        bench_open(b, 256, 4, 8);
        bench_config(b, (enum seqlog_framing)framing, SEQLOG_BISECT);
        CHECK(bench_mount(b) == 0, "mount");
        CHECK(seqlog_append(&b->log, data, 3, NULL) == 0, "append");
        memset(wanted, 0xFF, sizeof wanted);
        uint32_t seed = golden_seed(&b->ram.flash.geometry, 4, (uint8_t)framing);
        uint32_t identity = golden_header(seed, 0, 0, 0, 0, wanted);
        uint32_t crc = golden_frame_seed(identity, 24, 0);
        wanted[24] = 0x40;
        if (framing == SEQLOG_LENGTH) {
            put(wanted + 26, 3, 2);
            crc = bo_crc32c(crc, wanted + 26, 2);
            wanted[25] = (uint8_t)(crc ^ crc >> 8 ^ crc >> 16 ^ crc >> 24);
            put(wanted + 28, ~bo_crc32c(crc, data, 3), 4);
            memcpy(wanted + 32, data, 3);
        } else {
            uint8_t plain[7];
            memcpy(plain, data, 3);
            put(plain + 3, ~bo_crc32c(crc, data, 3), 4);
            wanted[25 + cobs_there(plain, 7, wanted + 25)] = 0;
        }
        CHECK(memcmp(b->ram.bytes, wanted, sizeof wanted) == 0, "framing %d", framing);
    }
}

/* Use --------------------------------------------------------------------------------------- */

static void test_a_blank_part_is_an_empty_log(void)
{
    struct bench *b = &bench;
    uint8_t byte;
    uint32_t size;
    for (int find = 0; find < ALL_FINDS; find++) {
        bench_open(b, 128, 9, 1);
        bench_config(b, SEQLOG_LENGTH, (enum seqlog_find)find);
        CHECK(bench_mount(b) == 0, "%s", find_names[find]);
        CHECK(count_records(b, 9) == 0 && first_of(b) == 0 && seqlog_end(&b->log) == 0, "records");
        CHECK(seqlog_read(&b->log, 0, &byte, 1, &size) == RINGLOG_ERR_NOT_FOUND, "read");
        CHECK(seqlog_clear(&b->log) == 0 && seqlog_prepare(&b->log) == 0, "nothing to do");
        CHECK(b->ram.counts.erases + b->ram.counts.programs == 0, "it wrote");
    }
}

static void test_records_come_back_over_many_laps(void)
{
    struct bench *b = &bench;
    static const uint16_t units[] = {1, 2, 4, 8, 16, 32};
    for (int n = 0; n < 6 * 2 * ALL_FINDS; n++) {
        uint32_t most = 60;
        bench_open(b, 192, 8, units[n % 6]);
        bench_config(b, (enum seqlog_framing)(n / 6 % 2), (enum seqlog_find)(n / 12));
        b->config.ahead = n % 5 < 2;
        b->config.index_span = (uint32_t)n % 3;
        CHECK(bench_mount(b) == 0, "mount");
        for (unsigned i = 0; i < 120; i++) {
            CHECK(append(b, most) == 0, "append %u", i);
            if (i % 7 == 6) CHECK(bench_mount(b) == 0, "mount");
            if (i % 11 != 10) continue;
            uint64_t first = first_of(b);
            CHECK(count_records(b, most) == seqlog_end(&b->log) - first, "a gap");
            CHECK(seqlog_end(&b->log) == i + 1u, "numbers");
        }
        CHECK(first_of(b) > 50, "it went round");
        CHECK(b->ram.breach == NULL, "%s", b->ram.breach);
    }
}

/* All sectors but the one after the head, and each erased once a lap. */
static void test_a_full_ring_holds_all_sectors_but_one(void)
{
    struct bench *b = &bench;
    bench_open(b, 256, 6, 1);
    CHECK(bench_mount(b) == 0, "mount");
    uint8_t data[110] = {1};
    for (unsigned sector = 0; sector < 60; sector++) { /* two records fill one */
        for (unsigned i = 0; i < 2; i++)
            CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
        uint64_t held = seqlog_end(&b->log) - first_of(b);
        CHECK(held == (sector < 5 ? 2 * sector + 2 : 10), "%u held", (unsigned)held);
        CHECK(b->ram.counts.erases == sector + 1, "%u erases", (unsigned)b->ram.counts.erases);
    }
}

static void test_the_largest_record_fits_and_no_larger(void)
{
    struct bench *b = &bench;
    static uint8_t data[RAM_FLASH_SECTOR_MAX], back[RAM_FLASH_SECTOR_MAX];
    memset(data, 3, sizeof data);
    for (int n = 0; n < 12; n++) {
        uint32_t size;
        uint64_t number;
        bench_open(b, n < 6 ? 512 : 2048, 4, (uint16_t)(1u << n % 6));
        bench_config(b, (enum seqlog_framing)(n / 3 % 2), SEQLOG_BISECT);
        CHECK(bench_mount(b) == 0, "mount");
        uint32_t most = b->log.plan.record_max;
        CHECK(seqlog_append(&b->log, data, most + 1, NULL) == RINGLOG_ERR_TOO_BIG, "too big");
        CHECK(b->ram.counts.programs + b->ram.counts.erases == 0, "it wrote");
        for (unsigned i = 0; i < 9; i++)
            CHECK(seqlog_append(&b->log, data, most, &number) == 0, "append %u", most);
        CHECK(number == 8 && first_of(b) == 6, "one a sector");
        CHECK(seqlog_read(&b->log, 8, back, sizeof back, &size) == 0 && size == most, "read");
        CHECK(memcmp(data, back, most) == 0, "bytes");
        CHECK(seqlog_read(&b->log, 8, back, most - 1, &size) == RINGLOG_ERR_BUFFER, "buffer");
        CHECK(size == most, "size returned");
    }
}

/* Reads go in small pieces; only a record that does not fit the buffer can't be appended. */
static void test_a_small_work_buffer_reads_all(void)
{
    struct bench *b = &bench;
    for (int framing = SEQLOG_LENGTH; framing <= SEQLOG_COBS; framing++) {
        bench_open(b, 512, 4, 4);
        bench_config(b, (enum seqlog_framing)framing, SEQLOG_BISECT);
        CHECK(bench_mount(b) == 0, "mount");
        for (unsigned i = 0; i < 30; i++)
            CHECK(append(b, 400) == 0, "append");
        uint32_t held = count_records(b, 400);
        b->config.work_size = SEQLOG_WORK_MIN;
        CHECK(bench_mount(b) == 0, "mount");
        CHECK(count_records(b, 400) == held, "records");
        uint8_t data[100] = {0};
        CHECK(seqlog_append(&b->log, data, 100, NULL) == RINGLOG_ERR_TOO_BIG, "100 bytes");
        CHECK(seqlog_append(&b->log, data, 40, NULL) == 0, "40 bytes");
        b->config.work_size = SEQLOG_WORK_MIN - 1;
        CHECK(bench_mount(b) == RINGLOG_ERR_GEOMETRY, "too small");
    }
}

static void test_clear_is_one_erase_and_one_program(void)
{
    struct bench *b = &bench;
    bench_open(b, 256, 5, 1);
    CHECK(bench_mount(b) == 0, "mount");
    for (unsigned i = 0; i < 50; i++)
        CHECK(append(b, 30) == 0, "append");
    uint64_t erases = b->ram.counts.erases, programs = b->ram.counts.programs;
    CHECK(seqlog_clear(&b->log) == 0, "clear");
    CHECK(b->ram.counts.erases == erases + 1 && b->ram.counts.programs == programs + 1, "cost");
    CHECK(count_records(b, 30) == 0 && first_of(b) == 50, "empty");
    CHECK(bench_mount(b) == 0 && count_records(b, 30) == 0 && first_of(b) == 50, "still empty");
    CHECK(seqlog_clear(&b->log) == 0, "clear of an empty log");
    CHECK(b->ram.counts.erases == erases + 1, "costs nothing");
    for (unsigned i = 0; i < 9; i++)
        CHECK(append(b, 30) == 0, "append");
    CHECK(bench_mount(b) == 0 && count_records(b, 30) == 9, "numbers go on");
    CHECK(first_of(b) == 50 && seqlog_end(&b->log) == 59, "from 50 to 59");
}

static void test_erasing_ahead_takes_the_erase_out_of_append(void)
{
    struct bench *b = &bench;
    bench_open(b, 256, 5, 1);
    CHECK(bench_mount(b) == 0, "mount");
    CHECK(append(b, 30) == 0, "append");
    for (unsigned i = 0; i < 100; i++) {
        CHECK(seqlog_prepare(&b->log) == 0 && seqlog_prepare(&b->log) == 0, "prepare");
        uint64_t erases = b->ram.counts.erases;
        uint32_t held = count_records(b, 30);
        CHECK(append(b, 30) == 0, "append");
        CHECK(b->ram.counts.erases == erases, "append erased");
        CHECK(count_records(b, 30) >= held / 2, "records");
    }
    CHECK(b->ram.counts.erases <= 100 / 6 + 2, "%u erases", (unsigned)b->ram.counts.erases);
}

static void test_a_device_that_only_reboots_wears_nothing(void)
{
    struct bench *b = &bench;
    bench_open(b, 256, 5, 1);
    CHECK(bench_mount(b) == 0, "mount");
    for (unsigned i = 0; i < 20; i++)
        CHECK(append(b, 30) == 0, "append");
    uint64_t wear = b->ram.counts.erases + b->ram.counts.programs;
    for (unsigned i = 0; i < 20; i++)
        CHECK(bench_mount(b) == 0 && seqlog_prepare(&b->log) == 0, "mount");
    CHECK(b->ram.counts.erases + b->ram.counts.programs == wear, "it wrote");
}

static void test_an_iteration_goes_on_while_the_log_changes(void)
{
    struct bench *b = &bench;
    struct seqlog_iterator iterator;
    uint8_t bytes[64];
    uint32_t size;
    uint64_t number, last = 0;
    bench_open(b, 256, 5, 1);
    CHECK(bench_mount(b) == 0, "mount");
    for (unsigned i = 0; i < 10; i++)
        CHECK(append(b, 40) == 0, "append");
    seqlog_iterate(&iterator, 4);
    for (unsigned i = 0; i < 60; i++) {
        CHECK(seqlog_next(&b->log, &iterator, bytes, sizeof bytes, &size, &number) == 0, "next");
        CHECK(i != 0 || number == 4, "starts at %u", (unsigned)number);
        CHECK(i == 0 || number > last, "goes on");
        CHECK(right(number, bytes, size, 40), "record %u", (unsigned)number);
        last = number;
        for (unsigned j = 0; j < 2; j++) /* faster than it reads: it is overtaken */
            CHECK(append(b, 40) == 0, "append");
    }
    CHECK(seqlog_next(&b->log, &iterator, bytes, 0, &size, &number) != 0, "no room");
}

static void test_geometries_that_are_none_are_refused(void)
{
    struct bench *b = &bench;
    for (unsigned i = 0; i < 9; i++) {
        bench_open(b, 512, 4, 1);
        struct bo_flash_geometry *g = &b->ram.flash.geometry;
        if (i == 0) g->page_size = 0;
        if (i == 1) g->page_size = 1024;
        if (i == 2) g->unit = 0;
        if (i == 3) g->unit = 3;
        if (i == 4) g->read_unit = 0;
        if (i == 5) g->read_unit = 64;
        if (i == 6) g->sector_size = 0;
        if (i == 7) g->sector_count = 2;
        if (i == 8) b->config.work = NULL;
        CHECK(seqlog_mount(&b->log, &b->config) == RINGLOG_ERR_GEOMETRY, "%u", i);
        CHECK(seqlog_format(&b->log, &b->config) == RINGLOG_ERR_GEOMETRY, "%u", i);
        CHECK(b->ram.counts.reads + b->ram.counts.erases == 0, "%u", i);
    }
}

/* Damage ------------------------------------------------------------------------------------ */

static void test_another_log_is_not_given_up(void)
{
    struct bench *b = &bench;
    bench_open(b, 256, 6, 1);
    CHECK(bench_mount(b) == 0, "mount");
    for (unsigned i = 0; i < 30; i++)
        CHECK(append(b, 30) == 0, "append");
    b->config.id = 2;
    uint64_t wear = b->ram.counts.erases + b->ram.counts.programs;
    CHECK(bench_mount(b) == RINGLOG_ERR_DAMAGED, "of another id");
    CHECK(append(b, 30) == RINGLOG_ERR_DAMAGED, "append");
    b->config.id = 1;
    b->config.framing = SEQLOG_COBS;
    CHECK(bench_mount(b) == RINGLOG_ERR_DAMAGED, "in another framing");
    CHECK(b->ram.counts.erases + b->ram.counts.programs == wear, "it wrote");
    CHECK(seqlog_format(&b->log, &b->config) == 0 && count_records(b, 9) == 0, "format");
    CHECK(append(b, 30) == 0 && count_records(b, 30) == 1, "use");
}

/* Damage to one record, anywhere in it, loses that one; with COBS the next too if it was the zero
 * between them. The others keep their numbers. */
static void test_a_torn_length_hides_nothing(void)
{
    struct bench *b = &bench;
    for (int framing = SEQLOG_LENGTH; framing <= SEQLOG_COBS; framing++) {
        bench_open(b, 512, 3, 1);
        bench_config(b, (enum seqlog_framing)framing, SEQLOG_BISECT);
        CHECK(bench_mount(b) == 0, "mount");
        for (unsigned i = 0; i < 5; i++)
            CHECK(append(b, 60) == 0, "append");
        uint32_t from = b->log.plan.header_size;
        uint32_t last = seqlog_frame_size_max(b->config.framing, record_size(4, 60), 1);
        uint32_t to = b->log.end - last - 1;
        for (uint32_t i = from; i < to; i++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                bench_copy(&other, b);
                other.ram.bytes[i] ^= (uint8_t)(1u << bit);
                CHECK(bench_mount(&other) == 0, "mount");
                CHECK(seqlog_end(&other.log) == 5, "byte %u bit %u: end", i, bit);
                uint32_t count = count_records(&other, 60);
                CHECK(count >= (framing == SEQLOG_COBS ? 3u : 4u), "byte %u: %u", i, count);
            }
        }
    }
}

static void test_what_rots_is_reported(void)
{
    struct bench *b = &bench;
    uint8_t bytes[64];
    uint32_t size;
    bench_open(b, 256, 5, 1);
    CHECK(bench_mount(b) == 0, "mount");
    for (unsigned i = 0; i < 30; i++)
        CHECK(append(b, 30) == 0, "append");
    uint64_t first = first_of(b);
    uint32_t held = count_records(b, 30), lost = 0;
    uint32_t middle = (b->log.head + b->log.plan.sectors - 1) % b->log.plan.sectors;
    b->ram.bytes[middle * 256 + 3] ^= 0x10;
    CHECK(bench_mount(b) == 0, "mount");
    for (uint64_t n = first; n < seqlog_end(&b->log); n++) {
        int error = seqlog_read(&b->log, n, bytes, sizeof bytes, &size);
        CHECK(error == 0 || error == RINGLOG_ERR_DAMAGED, "record %u: %d", (unsigned)n, error);
        CHECK(error != 0 || right(n, bytes, size, 30), "record %u", (unsigned)n);
        lost += error != 0;
    }
    CHECK(lost > 1 && lost < held, "%u lost", lost);
    CHECK(count_records(b, 30) == held - lost, "iteration");
}

/* A header that its maker signed, but that says nonsense. */
static void test_a_header_that_lies_does_no_harm(void)
{
    struct bench *b = &bench;
    static const uint64_t firsts[] = {0, 5, 0xFFFFFFFFFFFE, 0xFFFFFFFFFFFF};
    for (uint32_t n = 0; n < 4 * 4 * 4 * 8; n++) {
        bench_open(b, 256, 4, 1);
        uint32_t seed = golden_seed(&b->ram.flash.geometry, 4, SEQLOG_LENGTH);
        for (uint32_t p = 0; p < 4; p++)
            golden_header(seed, p, p + 4 * (n >> (p + 6) & 1), (n + p) % 4, firsts[(n >> p) % 4],
                          b->ram.bytes + p * 256);
        if (bench_mount(b) != 0) continue;
        (void)count_records(b, 30);
        for (unsigned i = 0; i < 3; i++)
            (void)append(b, 30);
        CHECK(b->ram.counts.reads < 1000, "%u: %u reads", n, (unsigned)b->ram.counts.reads);
    }
}

static bool fail_now(struct ram_flash *ram, const struct ram_flash_call *call)
{
    unsigned *countdown = (unsigned *)ram->context;
    (void)call;
    return (*countdown)-- == 0;
}

/* A call that fails: the record is not there, the log goes on. */
static void test_a_part_that_fails_once_loses_nothing(void)
{
    struct bench *b = &bench;
    for (unsigned n = 0; n < 60; n++) {
        unsigned countdown = n;
        bench_open(b, 256, 6, 4);
        bench_config(b, SEQLOG_COBS, n % 2 != 0 ? SEQLOG_POINTER : SEQLOG_FINE);
        CHECK(bench_mount(b) == 0, "mount");
        b->ram.before = fail_now;
        b->ram.context = &countdown;
        for (unsigned i = 0; i < 60; i++) {
            uint64_t end = seqlog_end(&b->log);
            int error = append(b, 40);
            CHECK(seqlog_end(&b->log) == end + (error == 0), "call %u, append %u", n, i);
        }
        b->ram.before = NULL;
        CHECK(seqlog_end(&b->log) >= 59 && b->ram.breach == NULL, "call %u", n);
        CHECK(count_records(b, 40) == seqlog_end(&b->log) - first_of(b), "a gap");
        CHECK(bench_mount(b) == 0, "mount");
        CHECK(count_records(b, 40) == seqlog_end(&b->log) - first_of(b), "a gap");
    }
}

/* A frame that was cut at the end of a page and lacks what the next one begins with. */
static void test_the_next_record_does_not_complete_a_torn_one(void)
{
    struct bench *b = &bench;
    unsigned met = 0;
    for (int framing = SEQLOG_LENGTH; framing <= SEQLOG_COBS; framing++) {
        for (uint32_t n = 0; n < 3000; n++) {
            uint8_t data[40], back[64];
            uint32_t size;
            bench_open(b, 256, 3, 1);
            bench_config(b, (enum seqlog_framing)framing, SEQLOG_BISECT);
            CHECK(bench_mount(b) == 0, "mount");
            put(data, n, 4);
            uint32_t head = b->log.plan.header_size, over = framing == SEQLOG_LENGTH ? 8 : 7;
            /* The frame ends with one or two bytes on the next page. */
            uint32_t length = 64 + 1 + n % 2 - head - over;
            memset(data + 4, (int)n, length - 4);
            data[length - 1] = (uint8_t)(0x40 | (n % 64)); /* as the next frame begins */
            CHECK(seqlog_append(&b->log, data, length, NULL) == 0, "append");
            if (b->log.end <= 64) continue;
            memset(b->ram.bytes + 64, 0xFF, 64);
            memset(b->ram.programs + 64, 0, 64);
            CHECK(bench_mount(b) == 0, "mount");
            if (seqlog_end(&b->log) != 0) continue; /* what it lacked reads like blank flash */
            met++;
            CHECK(seqlog_append(&b->log, "new", 3, NULL) == 0, "append");
            CHECK(bench_mount(b) == 0, "mount");
            CHECK(seqlog_end(&b->log) == 1, "%u: %u records", n, (unsigned)seqlog_end(&b->log));
            CHECK(seqlog_read(&b->log, 0, back, sizeof back, &size) == 0, "read");
            CHECK(size == 3 && memcmp(back, "new", 3) == 0, "%u: another record", n);
        }
    }
    CHECK(met > 5000, "%u met", met);
}

/* What follows a torn record goes to the next page of the same sector. */
static void test_a_torn_record_costs_no_more_than_its_page(void)
{
    struct bench *b = &bench;
    uint8_t data[40];
    memset(data, 5, sizeof data);
    for (int framing = SEQLOG_LENGTH; framing <= SEQLOG_COBS; framing++) {
        for (uint32_t cut = 1; cut < 40; cut++) {
            bench_open(b, 512, 3, 1);
            bench_config(b, (enum seqlog_framing)framing, SEQLOG_BISECT);
            CHECK(bench_mount(b) == 0, "mount");
            CHECK(seqlog_append(&b->log, data, 3, NULL) == 0, "append");
            uint32_t start = b->log.end;
            CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
            memset(b->ram.bytes + start + cut, 0xFF, b->log.end - start - cut);
            CHECK(bench_mount(b) == 0 && seqlog_end(&b->log) == 1, "mount");
            uint32_t page = (start + cut + 63) / 64 * 64;
            CHECK(b->log.append == page, "cut %u: goes on at %u", cut, b->log.append);
            for (unsigned i = 0; i < 3; i++)
                CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
            CHECK(b->log.head == 0 && bench_mount(b) == 0, "another sector");
            CHECK(seqlog_end(&b->log) == 4 && b->log.append == b->log.end, "records");
        }
    }
}

/* Finding the head -------------------------------------------------------------------------- */

enum damage { DAMAGE_NONE = 0, DAMAGE_ZERO, DAMAGE_BIT, DAMAGE_BLANK, DAMAGE_KINDS };

static void damage_header(struct bench *b, uint32_t sector, enum damage damage)
{
    uint8_t *header = b->ram.bytes + sector * b->ram.flash.geometry.sector_size;
    if (damage == DAMAGE_ZERO) memset(header, 0, 20);
    if (damage == DAMAGE_BIT) header[1] ^= 1;
    if (damage == DAMAGE_BLANK) memset(header, 0xFF, 20);
}

/* Whatever is done to the header of any one sector, the head is the newest that can be read. */
static void check_head(const struct bench *b, uint32_t opened)
{
    uint32_t sectors = b->log.plan.sectors, head = b->log.head, find = (uint32_t)b->config.find;
    for (uint32_t bad = 0; bad < sectors; bad++) {
        for (enum damage damage = bad == 0 ? DAMAGE_NONE : DAMAGE_ZERO; damage < DAMAGE_KINDS;
             damage++) {
            uint32_t wanted = bad == head ? (head + sectors - 1) % sectors : head;
            if (damage == DAMAGE_NONE) wanted = head;
            if (damage != DAMAGE_NONE && bad == head && opened < 2) continue;
            bench_copy(&other, b);
            damage_header(&other, bad, damage);
            int error = bench_mount(&other);
            CHECK(error == 0 && other.log.open && other.log.head == wanted,
                  "%s, %u sectors, %u opened, sector %u damaged (%d): %d, head %u",
                  find_names[find], sectors, opened, bad, (int)damage, error, other.log.head);
        }
    }
}

static void test_every_way_finds_the_same_head_everywhere(void)
{
    static const uint8_t counts[] = {3, 4, 5, 6, 7, 8, 11, 16, 21, 33};
    struct bench *b = &bench;
    uint8_t data[30] = {0};
    for (unsigned n = 0; n < sizeof counts * ALL_FINDS * 2; n++) {
        enum seqlog_find find = (enum seqlog_find)(n / 2 % ALL_FINDS);
        struct seqlog_plan plan;
        bench_open(b, 128, counts[n / 2 / ALL_FINDS], 4);
        bench_config(b, SEQLOG_LENGTH, find);
        b->config.index_span = n % 2 != 0 ? 3 : 0;
        uint32_t sectors = counts[n / 2 / ALL_FINDS];
        do {
            b->ram.flash.geometry.sector_count = sectors++;
        } while (seqlog_plan(&b->ram.flash.geometry, &b->config, &plan) != 0);
        ram_flash_blank(&b->ram, 0, 128 * (sectors - 1));
        CHECK(bench_mount(b) == 0, "mount");
        for (uint32_t opened = 1; opened <= 3 * plan.sectors; opened++) {
            for (unsigned i = 0; i < 2; i++) /* two fill a sector */
                CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
            CHECK(b->log.head == (opened - 1) % plan.sectors, "head");
            if (seqlog_prepare(&b->log) != 0) CHECK(false, "prepare");
            check_head(b, opened);
        }
    }
}

/* Nothing, noise or an older state of the index: the head is found all the same, and the index is
 * whole again as soon as the log has gone on for a lap. */
static void test_an_index_that_lies_costs_reads_only(void)
{
    struct bench *b = &bench;
    uint64_t random = 3;
    uint8_t data[30] = {0}, old[8 * 128];
    for (unsigned n = 0; n < 4 * 5 * 20; n++) {
        enum seqlog_find find = (enum seqlog_find)(SEQLOG_COARSE + n % 4);
        unsigned lie = n / 4 % 5;
        bench_open(b, 128, 24, 4);
        bench_config(b, SEQLOG_LENGTH, find);
        b->config.index_span = 4;
        CHECK(bench_mount(b) == 0, "mount");
        uint32_t at = b->log.plan.sectors * 128, size = b->log.plan.index_sectors * 128;
        unsigned opened = 1 + ram_flash_below(&random, 60);
        for (unsigned i = 0; i < 2 * opened; i++) {
            CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
            if (i == opened) memcpy(old, b->ram.bytes + at, size);
        }
        uint32_t head = b->log.head;
        for (uint32_t i = 0; i < size; i++) {
            uint8_t *byte = &b->ram.bytes[at + i];
            if (lie == 0) *byte = 0;
            if (lie == 1) *byte = 0xFF;
            if (lie == 2) *byte = (uint8_t)ram_flash_random(&random);
            if (lie == 3) *byte = old[i];
            if (lie == 4 && ram_flash_below(&random, 20) == 0) *byte = 0;
        }
        CHECK(bench_mount(b) == 0 && b->log.head == head, "%s, lie %u", find_names[find], lie);
        b->ram.flash.geometry.programs_per_unit = 0;
        b->ram.breach = NULL;
        for (unsigned i = 0; i < 2 * 2 * b->log.plan.sectors; i++)
            CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
        head = b->log.head;
        CHECK(b->ram.breach == NULL, "%s", b->ram.breach);
        uint64_t reads = b->ram.counts.reads;
        CHECK(bench_mount(b) == 0 && b->log.head == head, "%s, lie %u", find_names[find], lie);
        CHECK(b->ram.counts.reads - reads <= 16, "%u reads",
              (unsigned)(b->ram.counts.reads - reads));
    }
}

static void test_bit_indexes_are_refused_where_they_are_unlawful(void)
{
    struct bo_flash_geometry g = {.sector_size = 256,
                                  .sector_count = 16,
                                  .page_size = 256,
                                  .unit = 4,
                                  .read_unit = 4,
                                  .erased = 0xFF};
    static const struct {
        uint8_t programs;
        bool lawful;
    } parts[] = {{0, true}, {1, false}, {2, false}, {31, false}, {32, true}};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (int find = 0; find < ALL_FINDS; find++) {
            struct seqlog_config config = {.find = (enum seqlog_find)find};
            struct seqlog_plan plan;
            bool bits = find >= SEQLOG_COARSE && find <= SEQLOG_TWOLEVEL;
            g.programs_per_unit = parts[i].programs;
            int error = seqlog_plan(&g, &config, &plan);
            int wanted = bits && !parts[i].lawful ? RINGLOG_ERR_UNSUPPORTED : BO_FLASH_OK;
            CHECK(error == wanted, "%s, %u programs: %d", find_names[find], parts[i].programs,
                  error);
        }
    }
}

/* Each sector of an index is erased at most as often as the sectors are. */
static void test_no_index_wears_faster_than_the_sectors(void)
{
    struct bench *b = &bench;
    uint8_t data[30] = {0};
    for (int find = SEQLOG_COARSE; find < ALL_FINDS; find++) {
        for (uint32_t span = 0; span < 9; span += 4) {
            bench_open(b, 128, 100, 1);
            bench_config(b, SEQLOG_LENGTH, (enum seqlog_find)find);
            b->config.index_span = span;
            CHECK(bench_mount(b) == 0, "mount");
            uint64_t laps = 5, before = b->ram.counts.erases;
            for (unsigned i = 0; i < 2 * laps * b->log.plan.sectors; i++)
                CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
            uint64_t all = b->ram.counts.erases - before;
            CHECK(all <= laps * (b->log.plan.sectors + b->log.plan.index_sectors), "%s: %u erases",
                  find_names[find], (unsigned)all);
        }
    }
}

/* Reads of a mount -------------------------------------------------------------------------- */

static uint32_t log2_up(uint32_t n)
{
    uint32_t bits = 0;
    while (bits < 32 && (uint64_t)1 << bits < n)
        bits++;
    return bits;
}

/* What the engine says of a mount's reads, the head's contents aside: one read here. */
static uint32_t mount_reads_max(const struct bench *b)
{
    uint32_t n = b->log.plan.sectors, m = b->log.plan.index_sectors;
    switch (b->config.find) {
    case SEQLOG_SCAN:
        return n + 1;
    case SEQLOG_BISECT:
        return log2_up(n) + 9;
    case SEQLOG_COARSE: /* a tag, the bits by halves, a gallop within the group */
        return 1 + 3 + 2 * log2_up(b->log.plan.index_group) + 7;
    case SEQLOG_FINE:
        return 1 + log2_up(m) + 3 + 7;
    case SEQLOG_TWOLEVEL:
        return 1 + 3 + 1 + 3 + 7;
    case SEQLOG_POINTER:
        return 1 + log2_up(m) + log2_up(b->log.plan.index_span) + 2 + 7;
    }
    return 0;
}

static void test_a_mount_reads_no_more_than_it_says(void)
{
    struct bench *b = &bench;
    uint8_t data[70] = {0};
    if (verbose) printf("reads of a mount, wrapped ring, 127 sectors of 128 bytes\n");
    for (int find = 0; find < ALL_FINDS; find++) {
        uint64_t worst[2] = {0, 0}, sum = 0, times = 0;
        bench_open(b, 128, 127, 1);
        bench_config(b, SEQLOG_LENGTH, (enum seqlog_find)find);
        b->config.index_span = find == SEQLOG_FINE || find == SEQLOG_TWOLEVEL ? 8 : 0;
        CHECK(bench_mount(b) == 0, "mount");
        for (uint32_t opened = 1; opened <= 3 * b->log.plan.sectors; opened++) {
            bool wrapped = opened > b->log.plan.sectors;
            CHECK(seqlog_append(&b->log, data, sizeof data, NULL) == 0, "append");
            uint64_t reads = b->ram.counts.reads;
            CHECK(bench_mount(b) == 0, "mount");
            reads = b->ram.counts.reads - reads;
            if (reads > worst[wrapped]) worst[wrapped] = reads;
            if (wrapped) sum += reads, times++;
        }
        if (verbose)
            printf("  %-9s %3u + %2u sectors: mean %5.1f, worst %3u, first lap %3u, stated %3u\n",
                   find_names[find], b->log.plan.sectors, b->log.plan.index_sectors,
                   (double)sum / (double)times, (unsigned)worst[1], (unsigned)worst[0],
                   mount_reads_max(b));
        CHECK(worst[0] <= mount_reads_max(b) && worst[1] <= mount_reads_max(b),
              "%s: %u, %u, stated %u", find_names[find], (unsigned)worst[0], (unsigned)worst[1],
              mount_reads_max(b));
    }
}

/* A ring too large for memory: headers are made up as they are read. */
struct vast {
    struct bo_flash flash;
    uint32_t head, laps, bad_one_in;
    uint64_t reads;
    bool first_lap;
};

static bool vast_bad(const struct vast *v, uint32_t sector)
{
    uint64_t random = sector * 977u + v->head;
    return v->bad_one_in != 0 && sector != v->head && ram_flash_below(&random, v->bad_one_in) == 0;
}

static int vast_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    struct vast *v = (struct vast *)context;
    const struct bo_flash_geometry *g = &v->flash.geometry;
    uint32_t sector = address / g->sector_size, n = g->sector_count;
    uint8_t header[20];
    v->reads++;
    memset(buffer, 0xFF, size);
    bool older = sector > v->head;
    if (address % g->sector_size != 0 || (older && v->first_lap)) return BO_FLASH_OK;
    if (sector == (v->head + 1) % n) return BO_FLASH_OK;
    memset(header, 0, sizeof header);
    golden_header(golden_seed(g, n, SEQLOG_LENGTH), sector, older ? sector + n : sector, n - 2,
                  older ? 0 : 1, header);
    if (vast_bad(v, sector)) header[17] ^= 4;
    memcpy(buffer, header, size < 20 ? size : 20);
    return BO_FLASH_OK;
}

static void check_vast(struct vast *v, uint32_t reads_max)
{
    struct bench *b = &bench;
    b->config = (struct seqlog_config){.flash = &v->flash,
                                       .work = b->work,
                                       .work_size = sizeof b->work,
                                       .id = 1,
                                       .framing = SEQLOG_LENGTH,
                                       .find = SEQLOG_BISECT};
    v->reads = 0;
    int error = bench_mount(b);
    CHECK(error == 0 && b->log.head == v->head, "head %u of %u: %d, %u", v->head,
          v->flash.geometry.sector_count, error, b->log.head);
    CHECK(v->reads <= reads_max, "head %u of %u: %u reads", v->head, v->flash.geometry.sector_count,
          (unsigned)v->reads);
}

static void test_bisection_on_vast_rings(void)
{
    static const uint32_t counts[] = {1u << 23, (1u << 23) - 1, 1000000, 65536, 4095};
    uint64_t random = 5;
    for (unsigned i = 0; i < 5 * 300; i++) {
        struct vast v = {.flash = {.read = vast_read,
                                   .geometry = {.sector_size = 512,
                                                .sector_count = counts[i % 5],
                                                .page_size = 256,
                                                .unit = 1,
                                                .read_unit = 1,
                                                .erased = 0xFF}}};
        uint32_t n = counts[i % 5];
        v.flash.context = &v;
        v.head = ram_flash_below(&random, n);
        if (i % 7 == 0) v.head = ram_flash_below(&random, 4);
        if (i % 7 == 1) v.head = n - 1 - ram_flash_below(&random, 4);
        v.first_lap = i % 4 == 3;
        check_vast(&v, log2_up(n) + 9);
        v.bad_one_in = 100;
        check_vast(&v, 4 * log2_up(n) + 40);
    }
}

int main(int argc, char **argv)
{
    verbose = argc > 1 && strcmp(argv[1], "v") == 0;
    test_cobs_comes_back();
    test_cobs_costs_what_it_should();
    test_the_format_is_what_the_comments_say();
    test_a_blank_part_is_an_empty_log();
    test_records_come_back_over_many_laps();
    test_a_full_ring_holds_all_sectors_but_one();
    test_the_largest_record_fits_and_no_larger();
    test_a_small_work_buffer_reads_all();
    test_clear_is_one_erase_and_one_program();
    test_erasing_ahead_takes_the_erase_out_of_append();
    test_a_device_that_only_reboots_wears_nothing();
    test_an_iteration_goes_on_while_the_log_changes();
    test_geometries_that_are_none_are_refused();
    test_another_log_is_not_given_up();
    test_a_torn_length_hides_nothing();
    test_what_rots_is_reported();
    test_a_header_that_lies_does_no_harm();
    test_a_part_that_fails_once_loses_nothing();
    test_the_next_record_does_not_complete_a_torn_one();
    test_a_torn_record_costs_no_more_than_its_page();
    test_every_way_finds_the_same_head_everywhere();
    test_an_index_that_lies_costs_reads_only();
    test_bit_indexes_are_refused_where_they_are_unlawful();
    test_no_index_wears_faster_than_the_sectors();
    test_a_mount_reads_no_more_than_it_says();
    test_bisection_on_vast_rings();
    printf("%u failures\n", failures);
    return failures != 0;
}
