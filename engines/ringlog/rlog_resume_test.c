/* rlog_resume_test.c - the first append after a power-on, case by case.
 *
 *     rlog_resume_test [v]
 *
 * Each test makes up what a power-on may find, has one record appended, and looks at where it went
 * and at what is there: all that was durable, in order, also after the next power-on. The numbers
 * of rlog.c, on top, name the tests that show them.
 */
#include "rlog_bench.h"

/* Segments of 128 bytes, 4 in a sector; a BASE takes 26 bytes, PREP 8. */
#define SEGMENT 128u
#define SECTOR 512u
#define BASE 26u
#define PREP 8u

static uint32_t sizes[512]; /* by number */

static void open_log(unsigned profile, bool batch, uint8_t programs_per_unit)
{
    bench_flash(&bench, SECTOR, 4, 1, programs_per_unit);
    bench.config.segment_size = SEGMENT;
    bench.config.profile = profile ? RLOG_STRICT : RLOG_SEGMENT;
    bench.config.batch = batch;
    remount(&bench);
}

static int try_to_put(uint32_t size)
{
    uint8_t bytes[SECTOR];
    uint64_t number = bench.log.next;
    if (bench.log.state != RLOG_READY) { /* a resume may find fewer than the power-on did */
        uint64_t first, end;
        (void)rlog_range(&bench.log, &first, &end);
        number = end;
    }
    bytes_of(number, bytes, size);
    sizes[number] = size;
    return DO(&bench, rlog_append(&bench.log, bytes, size, 0, NULL));
}

static void put(uint32_t size)
{
    int error = try_to_put(size);
    CHECK(error == BO_FLASH_OK, "%d", error);
}

/* The number of the next record. */
static uint64_t fill_to_the_last_segment(void)
{
    do
        put(40);
    while (bench.log.at_segment < 3);
    return bench.log.next;
}

/* All records of [first, end) but `missing` are there, now and after a power-on. */
static void check_log(uint64_t first, uint64_t end, uint64_t missing)
{
    uint8_t bytes[SECTOR], wanted[SECTOR];
    for (unsigned boots = 0; boots < 2; boots++) {
        struct rlog_iterator it;
        uint32_t size = 0;
        uint64_t number = 0;
        rlog_iterate(&it, 0);
        for (uint64_t n = first; n < end; n++) {
            if (n == missing) continue;
            int error = rlog_next(&bench.log, &it, bytes, sizeof bytes, &size, &number);
            bytes_of(n, wanted, sizes[n]);
            CHECK(error == BO_FLASH_OK && number == n && size == sizes[n] &&
                      memcmp(bytes, wanted, size) == 0,
                  "%d, record %u of %u bytes, not %u", error, (unsigned)number, size, (unsigned)n);
            if (error) return;
        }
        CHECK(rlog_next(&bench.log, &it, bytes, sizeof bytes, &size, &number) ==
                  RINGLOG_ERR_NOT_FOUND,
              "%u, and %u is the end", (unsigned)number, (unsigned)end);
        CHECK(rlog_sync(&bench.log) == BO_FLASH_OK, "sync");
        remount(&bench);
    }
    CHECK(bench.ram.breach == NULL, "%s", bench.ram.breach);
}

#define ALL UINT64_MAX /* nothing is missing */

/* Where the log goes on. */
#define CHECK_PLACE(sector, segment)                                                               \
    CHECK(bench.log.head == (sector) && bench.log.at_segment == (segment),                         \
          "sector %u, segment %u", bench.log.head, bench.log.at_segment)

static void spoil(uint32_t address)
{
    bench.ram.bytes[address] = 0;
}

/* --- where it goes on --- */

static void test_an_empty_log_begins_in_the_first_sector(void)
{
    for (unsigned profile = 0; profile < 2; profile++) {
        open_log(profile, false, 0);
        CHECK(bench.log.state == RLOG_EMPTY, "state %d", bench.log.state);
        put(10);
        CHECK_PLACE(0, 0);
        check_log(0, 1, ALL);
    }
}

static void test_the_last_record_is_written_again_in_the_next_segment(void)
{
    open_log(0, false, 0);
    put(10);
    put(20);
    remount(&bench);
    put(30);
    CHECK_PLACE(0, 1);
    spoil(PREP + BASE + 16 + 10); /* the frame of record 1, its first copy */
    check_log(0, 3, ALL);
}

static void test_a_full_segment_has_the_next_one_left_as_well(void)
{
    open_log(0, false, 0);
    put(SEGMENT - PREP - BASE - 6);
    remount(&bench);
    put(5);
    CHECK_PLACE(0, 2);
    check_log(0, 2, ALL);
}

/* Not where the log was sealed: nothing was cut there. */
static void test_a_sealed_log_goes_on_in_the_very_next_segment(void)
{
    open_log(0, false, 0);
    put(SEGMENT - PREP - BASE - 6 - 6 - 1);
    CHECK(rlog_seal(&bench.log) == BO_FLASH_OK, "seal");
    remount(&bench);
    CHECK(bench.log.state == RLOG_FOUND_SEALED, "state %d", bench.log.state);
    put(5);
    CHECK_PLACE(0, 1);
    check_log(0, 2, ALL);
}

static void test_a_segment_that_does_not_read_blank_is_left(void)
{
    for (uint32_t spoilt = 1; spoilt < 4; spoilt++) {
        open_log(0, false, 0);
        put(10);
        remount(&bench);
        for (uint32_t segment = 1; segment <= spoilt; segment++)
            spoil(segment * SEGMENT + 100);
        remount(&bench);
        put(20);
        CHECK_PLACE(spoilt < 3 ? 0 : 1, spoilt < 3 ? spoilt + 1 : 0);
        check_log(0, 2, ALL);
    }
}

static void test_where_no_segment_is_left_the_next_sector_is_opened(void)
{
    open_log(0, false, 0);
    uint64_t end = fill_to_the_last_segment();
    remount(&bench);
    put(20);
    CHECK_PLACE(1, 0);
    check_log(0, end + 1, ALL);
}

static void test_the_strict_profile_opens_the_next_sector_and_erases_it(void)
{
    open_log(1, false, 0);
    put(10);
    CHECK(rlog_prepare(&bench.log) == BO_FLASH_OK, "prepare");
    remount(&bench);
    uint64_t erases = bench.ram.counts.erases;
    put(20);
    CHECK_PLACE(1, 0);
    CHECK(bench.ram.counts.erases == erases + 1, "believed");
    check_log(0, 2, ALL);
}

/* --- places that refuse --- */

static uint32_t refuses_at; /* address: what is programmed there first does not become what it is */

static int program_or_refuse(void *context, uint32_t address, const void *data, uint32_t size)
{
    int error = ram_flash_program(&((struct bench *)context)->ram, address, data, size);
    if (address <= refuses_at && refuses_at - address < size) {
        spoil(refuses_at);
        refuses_at = UINT32_MAX;
    }
    return error;
}

static void test_a_base_that_cannot_be_read_back_is_written_to_a_sector_erased_for_it(void)
{
    open_log(0, false, 0);
    put(10);
    remount(&bench);
    bench.ram.flash.program = program_or_refuse;
    refuses_at = SEGMENT + BASE + 5; /* the second place: there are copies */
    put(20);
    CHECK_PLACE(1, 0);
    check_log(0, 2, ALL);
}

static void test_a_sector_found_prepared_is_used_or_erased_where_it_refuses(void)
{
    for (unsigned refuses = 0; refuses < 2; refuses++) {
        open_log(0, false, 0);
        uint64_t end = fill_to_the_last_segment();
        CHECK(rlog_prepare(&bench.log) == BO_FLASH_OK, "prepare");
        remount(&bench);
        uint64_t erases = bench.ram.counts.erases;
        bench.ram.flash.program = program_or_refuse;
        refuses_at = refuses ? SECTOR + PREP + 5 : UINT32_MAX;
        put(20);
        CHECK_PLACE(1, 0);
        CHECK(bench.ram.counts.erases == erases + refuses, "%u erases",
              (unsigned)(bench.ram.counts.erases - erases));
        check_log(0, end + 1, ALL);
    }
}

/* --- a part that limits the programs of a unit --- */

static uint32_t calls_left;
static enum ram_flash_tear_kind how;

static bool cut_power(struct ram_flash *ram, const struct ram_flash_call *call)
{
    uint64_t random = 1;
    if (calls_left == 0 || --calls_left != 0) return look_at_call(ram, call);
    ram_flash_tear(ram, call, how, 0, &random);
    ram->off = true;
    return true;
}

/* The call number `call` of the next operation is cut. */
static void cut(uint32_t call, enum ram_flash_tear_kind kind)
{
    bench.ram.before = cut_power;
    calls_left = call;
    how = kind;
}

static void power_on(void)
{
    bench.ram.off = false;
    bench.ram.before = look_at_call;
    remount(&bench);
}

/* A PREP that is found may have been programmed by any number of power-ons before. */
static void test_prep_is_programmed_no_more_often_than_the_part_allows(void)
{
    for (uint8_t limit = 1; limit < 4; limit++) {
        open_log(0, false, limit);
        bench.ram.before = NULL;
        uint64_t end = fill_to_the_last_segment();
        CHECK(rlog_prepare(&bench.log) == BO_FLASH_OK, "prepare");
        for (uint32_t boots = 0; boots < 5; boots++) { /* each is cut before its BASE */
            power_on();
            cut(2, RAM_FLASH_TEAR_ALL);
            (void)try_to_put(20);
        }
        power_on();
        put(20);
        CHECK(bench.ram.breach == NULL, "%u programs allowed: %s", limit, bench.ram.breach);
        check_log(0, end + 1, ALL);
    }
}

/* --- what is written again --- */

static void test_a_record_too_large_for_the_segment_is_not_written_again(void)
{
    open_log(0, false, 0);
    put(2 * SEGMENT);
    remount(&bench);
    uint64_t bytes = bench.ram.counts.bytes_programmed;
    put(5);
    CHECK(bench.ram.counts.bytes_programmed - bytes < 2 * SEGMENT, "written again");
    check_log(0, 2, ALL);
}

static void test_a_record_that_was_cut_is_not_there_and_its_number_is_free(void)
{
    for (unsigned profile = 0; profile < 2; profile++) {
        open_log(profile, false, 0);
        put(10);
        cut(2, RAM_FLASH_TEAR_NONE);
        (void)try_to_put(200); /* its first frame is whole */
        power_on();
        CHECK(bench.log.next == 1, "%u", (unsigned)bench.log.next);
        put(30);
        check_log(0, 2, ALL);
    }
}

/* Its last frame is there and its first is not: it is none, and its number is free. */
static void test_a_record_without_its_beginning_is_not_there_either(void)
{
    for (unsigned profile = 0; profile < 2; profile++) {
        open_log(profile, false, 0);
        put(10);
        put(100); /* begins in the first segment, ends in the second */
        spoil(PREP + BASE + 16 + 6);
        remount(&bench);
        CHECK(bench.log.next == 2, "%u", (unsigned)bench.log.next);
        CHECK(rlog_append(&bench.log, "x", 0, 0, NULL) == BO_FLASH_OK, "append");
        sizes[1] = 0;
        check_log(0, 2, ALL);
    }
}

/* The last frame of a batch goes on with a record whose beginning can't be read any more. That one
 * is gone; the others of the frame are not. */
static void test_a_record_that_cannot_be_read_takes_no_other_with_it(void)
{
    for (unsigned profile = 0; profile < 2; profile++) {
        open_log(profile, true, 0);
        put(20);
        CHECK(rlog_sync(&bench.log) == BO_FLASH_OK, "sync");
        put(100); /* begins in the first segment, ends in the second */
        put(10);
        put(12);
        CHECK(rlog_sync(&bench.log) == BO_FLASH_OK, "sync");
        spoil(PREP + BASE + 27 + 10);
        remount(&bench);
        put(5);
        CHECK(rlog_sync(&bench.log) == BO_FLASH_OK, "sync");
        check_log(0, 5, 1);
    }
}

static void test_copies_of_a_batch_may_take_more_than_the_rest_of_a_sector(void)
{
    for (unsigned profile = 0; profile < 2; profile++) {
        open_log(profile, true, 0);
        put(SECTOR - 200); /* ends in the third segment */
        for (uint32_t i = 0; i < 30; i++)
            put(1);
        CHECK(rlog_sync(&bench.log) == BO_FLASH_OK, "sync");
        uint64_t end = bench.log.next;
        remount(&bench);
        put(3);
        CHECK(rlog_sync(&bench.log) == BO_FLASH_OK, "sync");
        check_log(0, end + 1, ALL);
    }
}

/* --- what is read --- */

/* Bytes of a record in three frames. The middle one is spoilt, wherever in it: what is left is not
 * joined to a shorter record. */
static void test_a_record_with_a_hole_is_not_returned(void)
{
    for (uint32_t at = SEGMENT; at < 2 * SEGMENT; at += 5) {
        for (unsigned batch = 0; batch < 2; batch++) {
            open_log(0, batch, 0);
            put(10);
            put(3 * SEGMENT - 60);
            put(20);
            CHECK(rlog_sync(&bench.log) == BO_FLASH_OK, "sync");
            bench.ram.bytes[at] ^= 4;
            remount(&bench);
            check_log(0, 3, 1);
        }
    }
}

int main(int argc, char **argv)
{
    verbose = argc > 1 && argv[1][0] == 'v';
    test_an_empty_log_begins_in_the_first_sector();
    test_the_last_record_is_written_again_in_the_next_segment();
    test_a_full_segment_has_the_next_one_left_as_well();
    test_a_sealed_log_goes_on_in_the_very_next_segment();
    test_a_segment_that_does_not_read_blank_is_left();
    test_where_no_segment_is_left_the_next_sector_is_opened();
    test_the_strict_profile_opens_the_next_sector_and_erases_it();
    test_a_base_that_cannot_be_read_back_is_written_to_a_sector_erased_for_it();
    test_a_sector_found_prepared_is_used_or_erased_where_it_refuses();
    test_prep_is_programmed_no_more_often_than_the_part_allows();
    test_a_record_too_large_for_the_segment_is_not_written_again();
    test_a_record_that_was_cut_is_not_there_and_its_number_is_free();
    test_a_record_without_its_beginning_is_not_there_either();
    test_a_record_that_cannot_be_read_takes_no_other_with_it();
    test_copies_of_a_batch_may_take_more_than_the_rest_of_a_sector();
    test_a_record_with_a_hole_is_not_returned();
    printf("%u failures\n", failures);
    return failures != 0;
}
