/* rlog_bound_test.c - no call of rlog makes more flash calls than it says, nor far fewer.
 *
 *     rlog_bound_test [v]
 *
 * Method. Histories by chance, on parts of several geometries, with every set of options: records
 * of all sizes, power-ons, power cuts in any call, calls of the flash that fail once or twice. The
 * most reads and the most changes of each call are held against rlog_reads_max and
 * rlog_changes_max: never more; and on each geometry, with one of the sets of options at least, the
 * worst comes within a factor of 4 of what is stated.
 */
#include "rlog_bench.h"

struct setup {
    uint32_t sector_size, count;
    uint16_t unit, segment, page;
    uint8_t programs_per_unit;
};

static const struct setup setups[] = {{256, 3, 1, 64, 32, 0},
                                      {512, 8, 1, 128, 512, 0},
                                      {1024, 16, 8, 128, 256, 1},
                                      {2048, 5, 4, 256, 256, 0}};
#define SETUPS (sizeof setups / sizeof setups[0])

static const char *const names[RLOG_CALLS] = {"mount", "append", "sync", "seal",  "prepare",
                                              "clear", "read",   "next", "range", "seek"};

struct worst {
    uint64_t reads, changes;
};

static struct worst worst[RLOG_CALLS];
static uint64_t random_state;

static int noted(enum rlog_call call, int answer)
{
    const struct ram_flash_counts *now = &bench.ram.counts, *was = &bench.before;
    uint64_t reads = now->reads - was->reads;
    uint64_t changes = now->programs - was->programs + now->erases - was->erases;
    if (reads > worst[call].reads) worst[call].reads = reads;
    if (changes > worst[call].changes) worst[call].changes = changes;
    return answer;
}

/* Now and then an earlier call has failed: this one looks at the flash anew. */
static void note_starts(void)
{
    if (ram_flash_below(&random_state, 32) == 0) bench.log.state = RLOG_LOST;
    bench_starts(&bench);
}

#define NOTE(call, expression) (note_starts(), noted((call), (expression)))

static uint32_t calls_left;

/* Calls that fail without a cut, and calls until the first of them. */
static uint32_t failures_left, calls_to_failure;

static bool fails(void)
{
    if (failures_left == 0 || --calls_to_failure != 0) return false;
    failures_left--;
    calls_to_failure = 1 + ram_flash_below(&random_state, 3 * bench.log.segment_count);
    return true;
}

/* While the append after a power-on writes the last record anew, which it tries three times. */
static void let_fail(void)
{
    failures_left = 1 + ram_flash_below(&random_state, 2);
    calls_to_failure = 1 + ram_flash_below(&random_state, 3 * bench.log.segment_count);
}

static bool cut_power(struct ram_flash *ram, const struct ram_flash_call *call)
{
    if (fails()) return true;
    if (calls_left == 0 || --calls_left != 0) return false;
    enum ram_flash_tear_kind kinds[] = {RAM_FLASH_TEAR_NONE, RAM_FLASH_TEAR_ALL,
                                        RAM_FLASH_TEAR_SOME};
    enum ram_flash_tear_kind kind = kinds[ram_flash_below(&random_state, 3)];
    if (call->data == NULL && kind == RAM_FLASH_TEAR_SOME) kind = RAM_FLASH_TEAR_MIX;
    ram_flash_tear(ram, call, kind, 0, &random_state);
    ram->off = true;
    return true;
}

static int mount(void)
{
    bench.ram.off = false;
    memset(&bench.log, 0xA5, sizeof bench.log);
    return NOTE(RLOG_CALL_MOUNT, rlog_mount(&bench.log, &bench.config));
}

static void read_some(void)
{
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint64_t first = 0, end = 0, number = 0;
    uint32_t size = 0;
    struct rlog_iterator it;
    (void)NOTE(RLOG_CALL_RANGE, rlog_range(&bench.log, &first, &end));
    for (unsigned i = 0; i < 4; i++) {
        uint32_t span = (uint32_t)(end - first) + 2;
        number = first + ram_flash_below(&random_state, span);
        (void)NOTE(RLOG_CALL_READ, rlog_read(&bench.log, number, bytes, sizeof bytes, &size));
        (void)NOTE(RLOG_CALL_SEEK, rlog_seek(&bench.log, number, &number));
    }
    rlog_iterate(&it, ram_flash_below(&random_state, 2) ? number : 0);
    for (unsigned i = 0; i < 8; i++)
        (void)NOTE(RLOG_CALL_NEXT, rlog_next(&bench.log, &it, bytes, sizeof bytes, &size, &number));
}

static void append_one(uint32_t most, uint32_t style)
{
    uint8_t bytes[RAM_FLASH_SECTOR_MAX] = {0};
    uint32_t size = style == 5   ? 0
                    : style == 0 ? ram_flash_below(&random_state, 3)
                    : style == 1 ? most - ram_flash_below(&random_state, 3)
                                 : ram_flash_below(&random_state, most + 1);
    (void)NOTE(RLOG_CALL_APPEND, rlog_append(&bench.log, bytes, size, bench.log.next, NULL));
}

static void run_history(uint32_t seed)
{
    uint32_t most = rlog_record_max(&bench.ram.flash.geometry, bench.config.segment_size);
    uint32_t style = seed % 6;
    random_state = seed;
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t dice = ram_flash_below(&random_state, 40);
        calls_left = dice < 8 ? 1 + ram_flash_below(&random_state, 6) : 0;
        if (style == 4 && i % 50 > 20) { /* power-ons that leave a BASE and no more */
            calls_left = 4 + (i & 1);
            dice = 3;
        }
        if (dice == 39) (void)NOTE(RLOG_CALL_CLEAR, rlog_clear(&bench.log));
        if (dice == 38) (void)NOTE(RLOG_CALL_PREPARE, rlog_prepare(&bench.log));
        if (dice == 37) (void)NOTE(RLOG_CALL_SEAL, rlog_seal(&bench.log));
        if (dice >= 33 && dice < 37) (void)NOTE(RLOG_CALL_SYNC, rlog_sync(&bench.log));
        uint32_t many = 1 + ram_flash_below(&random_state, bench.log.segment_size);
        for (uint32_t n = style == 5 && dice > 28 ? many : 1; n != 0 && dice < 33; n--)
            append_one(most, style);
        if (style == 5) (void)NOTE(RLOG_CALL_SYNC, rlog_sync(&bench.log));
        failures_left = 0;
        if (dice == 30 || dice < 8) CHECK(mount() == BO_FLASH_OK, "mount");
        if (style < 3 && dice < 8) let_fail();
        if (dice == 31 || dice == 3) read_some();
    }
}

static bool near_reads[RLOG_CALLS], near_changes[RLOG_CALLS];

static void check(unsigned setup, unsigned options)
{
    for (unsigned call = 0; call < RLOG_CALLS; call++) {
        uint64_t reads = rlog_reads_max(&bench.config, (enum rlog_call)call);
        uint64_t changes = rlog_changes_max(&bench.config, (enum rlog_call)call);
        const struct worst *w = &worst[call];
        if (verbose)
            printf("setup %u, options %u, %-7s reads %4u of %5u, changes %3u of %3u\n", setup,
                   options, names[call], (unsigned)w->reads, (unsigned)reads, (unsigned)w->changes,
                   (unsigned)changes);
        CHECK(w->reads <= reads && w->changes <= changes, "%s: setup %u, options %u", names[call],
              setup, options);
        near_reads[call] |= w->reads * 4 >= reads;
        near_changes[call] |= w->changes * 4 >= changes;
    }
}

static void check_near(unsigned setup)
{
    for (unsigned call = 0; call < RLOG_CALLS; call++) {
        CHECK(near_reads[call], "%s, setup %u: far from its bound", names[call], setup);
        CHECK(near_changes[call], "%s, setup %u: far from its bound", names[call], setup);
        near_reads[call] = near_changes[call] = false;
    }
}

int main(int argc, char **argv)
{
    verbose = argc > 1 && argv[1][0] == 'v';
    for (unsigned i = 0; i < SETUPS * 8; i++) {
        const struct setup *s = &setups[i / 8];
        memset(worst, 0, sizeof worst);
        for (uint32_t seed = 1; seed <= 30; seed++) {
            bench_flash(&bench, s->sector_size, s->count, s->unit, s->programs_per_unit);
            bench.ram.before = cut_power;
            bench.ram.flash.geometry.page_size = s->page;
            bench.config.segment_size = s->segment;
            bench.config.profile = i & 1 ? RLOG_STRICT : RLOG_SEGMENT;
            bench.config.batch = i & 2;
            bench.config.ahead = i & 4;
            calls_left = 0;
            CHECK(mount() == BO_FLASH_OK, "mount");
            run_history(seed);
        }
        check(i / 8, i % 8);
        if (i % 8 == 7) check_near(i / 8);
    }
    printf("%u failures\n", failures);
    return failures != 0;
}
