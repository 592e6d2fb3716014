/* rlog_test.c - what rlog must do, without simulator or harness.
 *
 *     rlog_test [v]
 *
 * Prints a line for each failure, with v also what was measured; returns 1 if there was a failure.
 * Every call is held to its bounds, and no unit but PREP is ever programmed twice (rlog_bench.h).
 * Power cuts are those of rlog_resume_test.c and of the explorer.
 */
#include "rlog_bench.h"

/* --- records --- */

struct setup {
    uint32_t sector_size, count;
    uint16_t unit, segment;
    uint8_t programs_per_unit;
};

static const struct setup setups[] = {
    {256, 3, 1, 64, 0},   {512, 8, 1, 128, 0}, {512, 4, 2, 256, 1},   {1024, 5, 4, 256, 2},
    {1024, 6, 8, 128, 1}, {512, 7, 16, 0, 1},  {1024, 4, 32, 128, 1}, {4096, 4, 1, 2048, 0},
    {192, 5, 1, 64, 0},   {2048, 3, 8, 512, 1}};
#define SETUPS (sizeof setups / sizeof setups[0])

static void open_setup(struct bench *b, const struct setup *s, unsigned options)
{
    bench_flash(b, s->sector_size, s->count, s->unit, s->programs_per_unit);
    b->config.segment_size = s->segment;
    b->config.profile = options & 1 ? RLOG_STRICT : RLOG_SEGMENT;
    b->config.batch = options & 2;
    b->config.ahead = options & 4;
    remount(b);
}

/* Some laps of records of all sizes; now and then power goes off in peace, or not. */
static void run_setup(struct bench *b, uint32_t appends, bool reboots)
{
    uint32_t most = rlog_record_max(&b->ram.flash.geometry, b->config.segment_size);
    uint64_t random = most;
    for (uint32_t i = 0; i < appends; i++) {
        append(b, most, i);
        uint32_t dice = ram_flash_below(&random, 32);
        if (dice < 6) CHECK(DO(b, rlog_sync(&b->log)) == BO_FLASH_OK, "%u", i);
        if (dice == 6) CHECK(DO(b, rlog_prepare(&b->log)) == BO_FLASH_OK, "%u", i);
        if (dice == 7) CHECK(DO(b, rlog_seal(&b->log)) == BO_FLASH_OK, "%u", i);
        if (dice < 2 && reboots) remount(b);
        if (dice == 8 && reboots) bench_mount(b); /* what waited is lost */
        if (dice != 5 && b->config.batch) continue;
        CHECK(b->log.next == 0 || reads_right(b, b->log.next - 1, most), "append %u", i);
        if (i % 16 == 0) check_all(b, b->log.next, most);
    }
    CHECK(DO(b, rlog_sync(&b->log)) == BO_FLASH_OK, "sync");
    check_all(b, b->log.next, most);
    remount(b);
    check_all(b, b->log.next, most);
}

static void test_records_of_all_sizes_come_back_in_every_setup(void)
{
    for (unsigned i = 0; i < SETUPS * 16; i++) {
        unsigned before = failures;
        open_setup(&bench, &setups[i / 16], i % 8);
        run_setup(&bench, 150, i % 16 >= 8);
        check_bounds(&bench);
        if (failures != before) printf("  in setup %u, options %u\n", i / 16, i % 16);
    }
}

/* As many as a segment of a batch holds are copied one by one, each then takes a unit or more. */
static void test_a_batch_of_many_small_records_outlives_a_power_on(void)
{
    uint64_t random = 11;
    for (unsigned i = 0; i < SETUPS * 2; i++) {
        unsigned before = failures;
        open_setup(&bench, &setups[i / 2], 2 + i % 2);
        for (uint32_t boots = 0; boots < 8; boots++) {
            uint32_t count = 1 + ram_flash_below(&random, 120);
            append_many(&bench, count, 1);
            CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
            remount(&bench);
            append(&bench, 1, 0);
            uint64_t first = range_first(&bench), end = bench.log.next;
            CHECK(first + (count < 40 ? count : 40) < end, "%u of %u, to %u",
                  (unsigned)(end - first), count, (unsigned)end);
            CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
            check_all(&bench, end, 1);
        }
        check_bounds(&bench);
        if (failures != before) printf("  in setup %u, options %u\n", i / 2, 2 + i % 2);
    }
}

static void test_a_record_larger_than_the_largest_is_refused(void)
{
    static const uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    for (unsigned i = 0; i < SETUPS; i++) {
        open_setup(&bench, &setups[i], 0);
        uint32_t most = rlog_record_max(&bench.ram.flash.geometry, bench.config.segment_size);
        uint64_t programs = bench.ram.counts.programs;
        int error = DO(&bench, rlog_append(&bench.log, bytes, most + 1, 0, NULL));
        CHECK(most > 0 && error == RINGLOG_ERR_TOO_BIG, "%d", error);
        CHECK(bench.ram.counts.programs == programs && range_end(&bench) == 0, "setup %u", i);
        if (verbose) printf("setup %u: records up to %u\n", i, most);
    }
}

/* What no part can be: as a caller leaves it who forgot a field, or mistook one. */
static void test_geometries_that_are_none_are_refused(void)
{
    for (unsigned i = 0; i < 8; i++) {
        bench_flash(&bench, 512, 4, 1, 0);
        struct bo_flash_geometry *g = &bench.ram.flash.geometry;
        if (i == 0) g->page_size = 0;
        if (i == 1) g->page_size = 1024;
        if (i == 2) g->unit = 0;
        if (i == 3) g->unit = 3;
        if (i == 4) g->read_unit = 0;
        if (i == 5) g->read_unit = 64;
        if (i == 6) g->sector_size = 0;
        if (i == 7) g->sector_count = 0;
        CHECK(bench_mount(&bench) == RINGLOG_ERR_GEOMETRY, "%u", i);
        CHECK(rlog_format(&bench.log, &bench.config) == RINGLOG_ERR_GEOMETRY, "%u", i);
        CHECK(bench.ram.counts.reads + bench.ram.counts.erases == 0, "%u", i);
    }
}

static void test_geometries_it_cannot_use_are_refused(void)
{
    bench_flash(&bench, 512, 2, 1, 0);
    CHECK(bench_mount(&bench) == RINGLOG_ERR_GEOMETRY, "two sectors");
    CHECK(rlog_reads_max(&bench.config, RLOG_CALL_MOUNT) == 0, "two sectors");
    bench_flash(&bench, 512, 4, 1, 0);
    bench.config.segment_size = 32;
    CHECK(bench_mount(&bench) == RINGLOG_ERR_GEOMETRY, "segments too small");
    bench.config.segment_size = 128;
    bench.config.buffer_size = 255;
    CHECK(bench_mount(&bench) == RINGLOG_ERR_GEOMETRY, "buffer too small");
    bench.config.buffer_size = 256;
    bench.ram.flash.geometry.tear_scope = BO_FLASH_TEAR_SECTOR;
    CHECK(bench_mount(&bench) == RINGLOG_ERR_GEOMETRY, "tears sectors");
}

static void test_where_a_segment_is_large_enough_a_record_fits_a_sector(void)
{
    bench_flash(&bench, 4096, 4, 1, 0);
    struct bo_flash_geometry *g = &bench.ram.flash.geometry;
    for (unsigned i = 0; i < 6 * 6 * 13; i++) {
        g->unit = (uint16_t)(1u << i % 6);
        g->read_unit = (uint16_t)(1u << i / 6 % 6);
        uint16_t segment = (uint16_t)(i / 36 ? 1u << (i / 36 - 1) : 0);
        uint32_t size = rlog_buffer_size(g, segment), most = rlog_record_max(g, segment);
        CHECK((size == 0) == (most == 0) && most < g->sector_size, "units of %u and %u, segment %u",
              g->unit, g->read_unit, segment);
    }
}

/* --- iterating and seeking --- */

static void test_an_iteration_starts_at_any_number(void)
{
    for (unsigned batch = 0; batch < 2; batch++) {
        bench_open(&bench);
        bench.config.batch = batch;
        remount(&bench);
        append_many(&bench, 600, 60);
        CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
        uint64_t first = range_first(&bench), end = range_end(&bench), came = 0;
        CHECK(first > 0 && end == 600, "from %u", (unsigned)first);
        for (uint64_t from = 0; from <= end + 1; from++) {
            uint32_t count = iterate(&bench, from, 60, &came);
            uint64_t start = from < first ? first : from;
            CHECK(count == (from > end ? 0 : end - start), "%u from %u", count, (unsigned)from);
            CHECK(count == 0 || came == start, "%u from %u", (unsigned)came, (unsigned)from);
        }
    }
}

static void test_a_record_that_does_not_fit_comes_again(void)
{
    struct rlog_iterator iterator;
    uint8_t bytes[256];
    uint32_t size = 0;
    uint64_t number = 0;
    bench_open(&bench);
    append_many(&bench, 20, 60);
    rlog_iterate(&iterator, 0);
    for (uint64_t i = 0; i < 20; i++) {
        uint32_t wanted = size_of(i, 60);
        if (wanted != 0) {
            int error =
                DO(&bench, rlog_next(&bench.log, &iterator, bytes, wanted - 1, &size, &number));
            CHECK(error == RINGLOG_ERR_BUFFER && size == wanted && number == i, "%d, %u", error,
                  size);
            error = DO(&bench, rlog_read(&bench.log, i, bytes, wanted - 1, &size));
            CHECK(error == RINGLOG_ERR_BUFFER && size == wanted, "%d, %u", error, size);
        }
        int error = DO(&bench, rlog_next(&bench.log, &iterator, bytes, wanted, &size, &number));
        CHECK(error == BO_FLASH_OK && number == i && is_right(i, bytes, size, 60), "%d", error);
    }
}

/* Appends as many for each that comes as `faster` says, and one more at the end. */
static void test_an_iteration_goes_on_while_records_are_appended(void)
{
    struct rlog_iterator iterator;
    uint8_t bytes[256];
    uint32_t size;
    uint64_t number, wanted = 0;
    for (uint32_t faster = 0; faster < 4; faster++) {
        bench_open(&bench);
        append_many(&bench, 30, 60);
        rlog_iterate(&iterator, 0);
        wanted = 0;
        for (uint32_t i = 0; i < 300; i++) {
            uint64_t first = range_first(&bench), end = range_end(&bench);
            int error = rlog_next(&bench.log, &iterator, bytes, sizeof bytes, &size, &number);
            if (wanted < first) wanted = first;
            CHECK(error == (wanted < end ? BO_FLASH_OK : RINGLOG_ERR_NOT_FOUND), "%d at %u", error,
                  (unsigned)wanted);
            CHECK(error || (number == wanted && is_right(number, bytes, size, 60)), "%u, not %u",
                  (unsigned)number, (unsigned)wanted);
            if (!error) wanted++;
            append_many(&bench, error ? 1 : faster, 60);
        }
    }
}

/* Records of each sector are as many as one sector holds, so "about a sector" is twice that. */
static void test_seek_finds_a_time_within_a_sector_or_so(void)
{
    static uint64_t times[400];
    bench_open(&bench);
    uint64_t time = 100, random = 3, number;
    for (uint32_t i = 0; i < 400; i++) {
        time += ram_flash_below(&random, 5);
        times[i] = time;
        append(&bench, 8, i % 9 == 4 ? time / 2 : time); /* a clock that goes back */
        if (i % 9 == 4) times[i] = i ? times[i - 1] : 0;
        if (i % 50 == 49) remount(&bench);
    }
    for (uint64_t asked = 0; asked < time + 50; asked += 3) {
        uint32_t reached = 0;
        while (reached < 400 && times[reached] < asked)
            reached++;
        CHECK(DO(&bench, rlog_seek(&bench.log, asked, &number)) == BO_FLASH_OK, "%u",
              (unsigned)asked);
        uint64_t first = range_first(&bench);
        CHECK(number <= reached || reached < first, "time %u is reached at %u, came %u",
              (unsigned)asked, reached, (unsigned)number);
        CHECK(number + 90 >= reached, "time %u is reached at %u, came %u", (unsigned)asked, reached,
              (unsigned)number);
    }
}

/* --- clear, seal, read-only --- */

static void test_clear_costs_the_same_on_every_log(void)
{
    for (uint32_t i = 0; i < 8; i++) {
        bench_flash(&bench, 512, i & 1 ? 32 : 4, 1, 0);
        bench.config.profile = i & 4 ? RLOG_STRICT : RLOG_SEGMENT;
        remount(&bench);
        append_many(&bench, i & 2 ? 1000 : 1, 30);
        struct ram_flash_counts was = bench.ram.counts;
        CHECK(DO(&bench, rlog_clear(&bench.log)) == BO_FLASH_OK, "%u", i);
        CHECK(bench.ram.counts.erases - was.erases == 1, "%u", i);
        CHECK(bench.ram.counts.programs - was.programs == 2, "%u", i);
        for (uint32_t boots = 0; boots < 2; boots++) {
            CHECK(check_all(&bench, bench.log.next, 30) == 0, "%u", i);
            CHECK(bench.log.next == (i & 2 ? 1000 : 1), "numbers go on");
            remount(&bench);
        }
        append_many(&bench, 3, 30);
        CHECK(check_all(&bench, bench.log.next, 30) == 3, "%u", i);
    }
}

static void test_what_was_cleared_never_comes_back(void)
{
    bench_open(&bench);
    append_many(&bench, 100, 30);
    for (uint32_t i = 0; i < 40; i++) {
        CHECK(DO(&bench, rlog_clear(&bench.log)) == BO_FLASH_OK, "%u", i);
        uint64_t floor = bench.log.next;
        append_many(&bench, i, 30);
        remount(&bench);
        CHECK(range_first(&bench) >= floor, "%u before %u", (unsigned)range_first(&bench),
              (unsigned)floor);
        check_all(&bench, floor + i, 30);
        append_many(&bench, 1, 30);
        CHECK(range_first(&bench) >= floor, "clear %u", i);
    }
}

/* Bytes and programs that the first append after a power-on takes. */
static struct ram_flash_counts resumed(struct bench *b, uint32_t most)
{
    remount(b);
    struct ram_flash_counts was = b->ram.counts;
    append(b, most, 0);
    was.programs = b->ram.counts.programs - was.programs;
    was.erases = b->ram.counts.erases - was.erases;
    return was;
}

static void test_a_sealed_log_is_resumed_without_a_copy(void)
{
    for (uint32_t sealed = 0; sealed < 2; sealed++) {
        bench_open(&bench);
        append_many(&bench, 5, 8);
        if (sealed) CHECK(DO(&bench, rlog_seal(&bench.log)) == BO_FLASH_OK, "seal");
        uint64_t programs = bench.ram.counts.programs;
        if (sealed) CHECK(DO(&bench, rlog_seal(&bench.log)) == BO_FLASH_OK, "seal");
        CHECK(bench.ram.counts.programs == programs, "sealed twice");
        struct ram_flash_counts counts = resumed(&bench, 8);
        CHECK(counts.erases == 0 && counts.programs == (sealed ? 2 : 3), "%u programs",
              (unsigned)counts.programs);
        check_all(&bench, 6, 8);
    }
}

static void test_a_read_only_log_changes_nothing(void)
{
    bench_open(&bench);
    append_many(&bench, 50, 30);
    struct ram_flash_counts was = bench.ram.counts;
    bench.config.read_only = true;
    remount(&bench);
    CHECK(check_all(&bench, 50, 30) > 0, "reads");
    CHECK(rlog_append(&bench.log, "a", 1, 0, NULL) == RINGLOG_ERR_UNSUPPORTED, "append");
    CHECK(rlog_sync(&bench.log) == RINGLOG_ERR_UNSUPPORTED, "sync");
    CHECK(rlog_seal(&bench.log) == RINGLOG_ERR_UNSUPPORTED, "seal");
    CHECK(rlog_prepare(&bench.log) == RINGLOG_ERR_UNSUPPORTED, "prepare");
    CHECK(rlog_clear(&bench.log) == RINGLOG_ERR_UNSUPPORTED, "clear");
    CHECK(rlog_format(&bench.log, &bench.config) == RINGLOG_ERR_UNSUPPORTED, "format");
    remount(&bench);
    CHECK(check_all(&bench, 50, 30) > 0, "reads");
    CHECK(bench.ram.counts.programs == was.programs && bench.ram.counts.erases == was.erases,
          "it writes");
}

/* --- wear --- */

/* Erases that happen in an append of a full log. */
static uint32_t erases_in_appends(struct bench *b, bool prepare)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < 300; i++) {
        if (prepare) CHECK(DO(b, rlog_prepare(&b->log)) == BO_FLASH_OK, "prepare");
        uint64_t erases = b->ram.counts.erases, segment = b->log.at_segment;
        append(b, 20, 0);
        /* Half a sector ahead is in time; when the sector is full it is late. */
        count += b->ram.counts.erases != erases && b->log.at_segment < segment;
    }
    return count;
}

static void test_a_sector_is_erased_ahead_of_its_need(void)
{
    bench_open(&bench);
    CHECK(erases_in_appends(&bench, false) > 5, "erases when it must");
    bench_open(&bench);
    bench.config.ahead = true;
    remount(&bench);
    append(&bench, 20, 0); /* the first sector must be erased then */
    CHECK(erases_in_appends(&bench, false) == 0, "ahead");
    bench_open(&bench);
    CHECK(erases_in_appends(&bench, true) == 0, "prepared");
}

static void test_a_device_that_only_reboots_wears_nothing(void)
{
    for (unsigned options = 0; options < 8; options++) {
        open_setup(&bench, &setups[1], options);
        append_many(&bench, 40, 30);
        CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
        struct ram_flash_counts was = bench.ram.counts;
        for (uint32_t i = 0; i < 20; i++) {
            remount(&bench);
            CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
            CHECK(DO(&bench, rlog_seal(&bench.log)) == BO_FLASH_OK, "seal");
            check_all(&bench, 40, 30);
        }
        CHECK(bench.ram.counts.programs == was.programs && bench.ram.counts.erases == was.erases,
              "options %u", options);
    }
}

static uint32_t erases_of[64];

static bool count_erase(struct ram_flash *ram, const struct ram_flash_call *call)
{
    if (call->data == NULL) erases_of[call->address / ram->flash.geometry.sector_size]++;
    return look_at_call(ram, call);
}

static void test_one_append_for_each_boot_wears_evenly(void)
{
    for (unsigned options = 0; options < 8; options++) {
        open_setup(&bench, &setups[1], options);
        memset(erases_of, 0, sizeof erases_of);
        bench.ram.before = count_erase;
        for (uint32_t i = 0; i < 600; i++) {
            append(&bench, 20, 0);
            CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
            remount(&bench);
        }
        uint32_t least = UINT32_MAX, most = 0;
        for (uint32_t i = 0; i < 8; i++) {
            if (erases_of[i] < least) least = erases_of[i];
            if (erases_of[i] > most) most = erases_of[i];
        }
        CHECK(most - least <= 2, "options %u: from %u to %u erases", options, least, most);
        CHECK(most <= (options & 1 ? 600 * 2 / 8 + 2 : 600 / 8), "options %u: %u erases", options,
              most);
        check_all(&bench, 600, 20);
    }
}

/* --- what is not its own, and what can't be read --- */

static void test_another_log_is_an_empty_one(void)
{
    uint64_t first, end;
    bench_open(&bench);
    append_many(&bench, 300, 30);
    bench.config.id = 8;
    remount(&bench);
    CHECK(!rlog_range(&bench.log, &first, &end) && first == 0 && end == 0, "another id");
    bench.config.id = 7;
    bench.config.segment_size = 256;
    remount(&bench);
    CHECK(!rlog_range(&bench.log, &first, &end) && first == 0 && end == 0, "another segment");
    append_many(&bench, 300, 30);
    CHECK(check_all(&bench, 300, 30) > 50, "a log over another");
}

static void fill_with_junk(struct bench *b, uint64_t random)
{
    for (uint32_t i = 0; i < bo_flash_size(&b->ram.flash); i++)
        b->ram.bytes[i] = (uint8_t)ram_flash_random(&random);
    memset(b->ram.programs, 2, sizeof b->ram.programs);
}

static void test_a_log_starts_on_a_part_full_of_junk(void)
{
    for (uint32_t i = 0; i < 16; i++) {
        bench_open(&bench);
        bench.config.batch = i & 1;
        bench.config.profile = i & 2 ? RLOG_STRICT : RLOG_SEGMENT;
        bench.config.ahead = i & 4;
        fill_with_junk(&bench, i);
        remount(&bench);
        CHECK(range_end(&bench) == 0, "junk");
        for (uint32_t k = 1; k < 12; k++) {
            append_many(&bench, k, 40);
            CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
            if (i & 8) remount(&bench);
            check_all(&bench, (uint64_t)k * (k + 1) / 2, 40);
        }
    }
}

static void test_format_empties_a_log(void)
{
    bench_open(&bench);
    append_many(&bench, 100, 30);
    CHECK(rlog_format(&bench.log, &bench.config) == BO_FLASH_OK, "format");
    CHECK(range_end(&bench) == 0 && check_all(&bench, 0, 30) == 0, "empty");
    append_many(&bench, 100, 30);
    CHECK(check_all(&bench, 100, 30) > 0, "used");
}

/* Which of the records of a log can be read. */
static uint32_t readable(struct bench *b, uint64_t first, uint64_t end, uint32_t most, bool *is)
{
    uint32_t count = 0;
    for (uint64_t number = first; number < end; number++) {
        is[number - first] = reads_right(b, number, most);
        count += is[number - first];
    }
    return count;
}

/* Iteration returns the same records as reading by number. */
static void check_same(struct bench *b, uint64_t first, uint64_t end, const bool *is)
{
    struct rlog_iterator iterator;
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint32_t size;
    uint64_t number = 0;
    rlog_iterate(&iterator, 0);
    for (uint64_t wanted = first; wanted < end; wanted++) {
        if (!is[wanted - first]) continue;
        int error = rlog_next(&b->log, &iterator, bytes, sizeof bytes, &size, &number);
        CHECK(error == BO_FLASH_OK && number == wanted, "%d, %u, not %u", error, (unsigned)number,
              (unsigned)wanted);
        if (error) return;
    }
    CHECK(rlog_next(&b->log, &iterator, bytes, sizeof bytes, &size, &number) ==
              RINGLOG_ERR_NOT_FOUND,
          "%u", (unsigned)number);
}

/* A bad unit may take with it the rest of its segment, a record that goes on in the next one, and
 * as much of the sector as a bad BASE does. */
static void test_a_unit_that_cannot_be_read_hides_little_else(void)
{
    static bool is[400];
    for (uint32_t batch = 0; batch < 2; batch++) {
        bench_open(&bench);
        bench.config.batch = batch;
        remount(&bench);
        append_many(&bench, 390, 60);
        CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "sync");
        uint64_t first = range_first(&bench), end = range_end(&bench);
        for (uint32_t unit = 0; unit < bo_flash_size(&bench.ram.flash); unit += 13) {
            bench.bad[0] = unit;
            bench.bad_count = 1;
            remount(&bench);
            uint32_t most = unit % 512 < 34 ? 45 : 16;
            uint64_t from = range_first(&bench);
            uint32_t count = readable(&bench, from, end, 60, is);
            CHECK(count + most >= end - first, "batch %u, unit %u: %u of %u", batch, unit, count,
                  (unsigned)(end - first));
            check_same(&bench, from, end, is);
        }
        check_bounds(&bench);
        bench.bad_count = 0;
        remount(&bench);
        check_all(&bench, end, 60);
    }
}

/* Not one of a header: what can't be read there hides the sector. */
static uint32_t some_unit(const struct bench *b, uint64_t *random)
{
    const struct bo_flash_geometry *g = &b->ram.flash.geometry;
    uint32_t header = 64 / g->unit, units = g->sector_size / g->unit;
    return ram_flash_below(random, g->sector_count) * units + header +
           ram_flash_below(random, units - header);
}

static void test_a_log_is_used_in_spite_of_units_that_cannot_be_read(void)
{
    uint64_t random = 9;
    for (uint32_t i = 0; i < 60; i++) {
        open_setup(&bench, &setups[i % 2 ? 1 : 4], i / 2 % 8);
        append_many(&bench, 100, 100);
        bench.bad_count = 1 + i % 3;
        for (uint32_t k = 0; k < bench.bad_count; k++)
            bench.bad[k] = some_unit(&bench, &random);
        remount(&bench);
        append_many(&bench, 30, 100);
        CHECK(DO(&bench, rlog_sync(&bench.log)) == BO_FLASH_OK, "run %u", i);
        uint32_t count = 0;
        for (uint64_t number = bench.log.next - 30; number < bench.log.next; number++)
            count += reads_right(&bench, number, 100);
        CHECK(count >= 10, "run %u: %u of 30", i, count);
        check_bounds(&bench);
    }
}

/* --- what it must reach --- */

struct result {
    uint64_t bytes, erases, held, mount_reads, programs;
};

static void note_mount(struct bench *b, struct result *result)
{
    static struct rlog again;
    static uint8_t buffer[512];
    struct rlog_config config = b->config;
    struct ram_flash_counts was = b->ram.counts;
    config.buffer = buffer;
    config.buffer_size = sizeof buffer;
    CHECK(rlog_mount(&again, &config) == BO_FLASH_OK, "mount");
    if (b->ram.counts.reads - was.reads > result->mount_reads)
        result->mount_reads = b->ram.counts.reads - was.reads;
    CHECK(again.head == b->log.head && again.next <= b->log.next, "mount");
    if (b->ram.counts.reads - was.reads > 0) b->ram.counts = was;
}

/* Programs of an append, but for the PREP and BASE of a sector that it opened. */
static void note_append(struct bench *b, struct result *result, uint32_t head)
{
    uint64_t programs = b->ram.counts.programs - b->before.programs;
    if (b->log.head != head) programs -= 2;
    if (programs > result->programs) result->programs = programs;
}

static struct result work(struct bench *b, uint32_t records)
{
    static const uint8_t bytes[32] = "a record of thirty-two bytes";
    struct result result = {.held = UINT64_MAX};
    remount(b);
    for (uint32_t i = 0; i < records; i++) {
        uint32_t head = b->log.head;
        int error = DO(b, rlog_append(&b->log, bytes, sizeof bytes, i, NULL));
        CHECK(error == BO_FLASH_OK, "%d", error);
        note_append(b, &result, head);
        if (i % 37 == 36) note_mount(b, &result);
        if (i % 97 != 0 || b->ram.counts.erases <= b->ram.flash.geometry.sector_count) continue;
        uint64_t held = range_end(b) - range_first(b);
        if (held < result.held) result.held = held;
    }
    result.bytes = b->ram.counts.bytes_programmed;
    result.erases = b->ram.counts.erases;
    check_bounds(b);
    return result;
}

static void print_result(const char *what, const struct result *r, uint32_t records)
{
    if (!verbose) return;
    printf("%s: %u.%02u bytes a record, %u erases, %u held, %u reads at mount, %u programs\n", what,
           (unsigned)(r->bytes / records), (unsigned)(r->bytes * 100 / records % 100),
           (unsigned)r->erases, (unsigned)r->held, (unsigned)r->mount_reads, (unsigned)r->programs);
}

static void test_a_hundred_thousand_records_cost_what_they_should(void)
{
    const uint32_t records = 100000;
    bench_flash(&bench, 4096, 16, 1, 1);
    bench.ram.flash.geometry.page_size = 256;
    struct result r = work(&bench, records);
    print_result("single", &r, records);
    CHECK(r.bytes <= 4050000 && r.erases <= 980 && r.held >= 1400, "single");
    CHECK(r.mount_reads <= 20 && r.programs <= 2, "single");
    bench_flash(&bench, 4096, 16, 1, 1);
    bench.ram.flash.geometry.page_size = 256;
    bench.config.batch = true;
    r = work(&bench, records);
    print_result("batch", &r, records);
    CHECK(r.bytes <= 3500000 && r.erases <= 850 && r.held >= 1650, "batch");
    CHECK(r.mount_reads <= 20 && r.programs <= 2, "batch");
}

static void test_a_mount_on_256_sectors_takes_25_reads(void)
{
    bench_flash(&bench, 256, 256, 1, 1);
    bench.config.segment_size = 64;
    struct result r = work(&bench, 4000);
    print_result("256 sectors", &r, 4000);
    CHECK(r.mount_reads <= 25, "%u reads", (unsigned)r.mount_reads);
}

int main(int argc, char **argv)
{
    verbose = argc > 1 && strcmp(argv[1], "v") == 0;
    test_records_of_all_sizes_come_back_in_every_setup();
    test_a_batch_of_many_small_records_outlives_a_power_on();
    test_a_record_larger_than_the_largest_is_refused();
    test_geometries_that_are_none_are_refused();
    test_geometries_it_cannot_use_are_refused();
    test_where_a_segment_is_large_enough_a_record_fits_a_sector();
    test_an_iteration_starts_at_any_number();
    test_a_record_that_does_not_fit_comes_again();
    test_an_iteration_goes_on_while_records_are_appended();
    test_seek_finds_a_time_within_a_sector_or_so();
    test_clear_costs_the_same_on_every_log();
    test_what_was_cleared_never_comes_back();
    test_a_sealed_log_is_resumed_without_a_copy();
    test_a_read_only_log_changes_nothing();
    test_a_sector_is_erased_ahead_of_its_need();
    test_a_device_that_only_reboots_wears_nothing();
    test_one_append_for_each_boot_wears_evenly();
    test_another_log_is_an_empty_one();
    test_a_log_starts_on_a_part_full_of_junk();
    test_format_empties_a_log();
    test_a_unit_that_cannot_be_read_hides_little_else();
    test_a_log_is_used_in_spite_of_units_that_cannot_be_read();
    test_a_hundred_thousand_records_cost_what_they_should();
    test_a_mount_on_256_sectors_takes_25_reads();
    printf("%u failures\n", failures);
    return failures != 0;
}
