/* seqlog_bound_test.c - no call of seqlog makes more flash calls than it says, nor far fewer.
 *
 *     seqlog_bound_test [v]
 *
 * Method. Histories by chance, on parts of several geometries, with every way to find the head,
 * both framings, erase-ahead or not: records of all sizes, power-ons, power cuts in any call. The
 * most reads and the most changes of each call are held against seqlog_bound: never more; and on
 * each geometry, with one of the sets of options at least, the worst comes within a factor of 4.
 * With the smallest work buffer, which does not hold a sector, only the first is asked. Histories
 * without cuts are held against seqlog_bound_uncut, and with each set of options the worst mount
 * and the worst append come within a factor of 2 of it.
 */
#define RAM_FLASH_SIZE_MAX 65536u
#define RAM_FLASH_SECTOR_MAX 4096u
#include "../bad_geometry.h"
#include "../ram_flash.h"
#include "../check_test.h"

#include "seqlog.h"

struct setup {
    uint32_t sector_size, count;
    uint16_t unit, page;
    uint8_t programs_per_unit;
};

static const struct setup setups[] = {
    {256, 5, 1, 32, 0}, {512, 12, 1, 512, 0}, {1024, 40, 8, 256, 64}, {2048, 6, 4, 256, 0}};
#define SETUPS (sizeof setups / sizeof setups[0])
#define FINDS (SEQLOG_POINTER + 1u)

static const char *const names[SEQLOG_CALLS] = {"mount", "append", "prepare", "clear",
                                                "first", "read",   "next"};

static struct ram_flash ram;
static struct seqlog ring;
static struct seqlog_config config;
static uint8_t work[2048 + BO_FLASH_UNIT_MAX];
static struct ram_flash_counts before;
static struct bo_bound worst[SEQLOG_CALLS];
static uint64_t random_state;
static uint32_t calls_left; /* programs and erases up to the one that is cut; 0: none is */
static bool verbose;
static bool uncut; /* neither power cuts nor calls that failed */

static uint32_t below(uint32_t n)
{
    return ram_flash_below(&random_state, n);
}

/* Now and then an earlier call has failed: this one looks at the flash anew, if it changes
 * something. */
static void note_starts(enum seqlog_call call)
{
    if (call != SEQLOG_CALL_MOUNT && call <= SEQLOG_CALL_CLEAR && !uncut && below(32) == 0)
        ring.stale = true;
    before = ram.counts;
}

static int noted(enum seqlog_call call, int answer)
{
    uint64_t reads = ram.counts.reads - before.reads;
    uint64_t changes = ram.counts.programs - before.programs + ram.counts.erases - before.erases;
    if (reads > worst[call].reads) worst[call].reads = reads;
    if (changes > worst[call].changes) worst[call].changes = changes;
    CHECK(ram.breach == NULL, "%s: %s", names[call], ram.breach);
    return answer;
}

#define NOTE(call, expression) (note_starts(call), noted((call), (expression)))

static bool cut_power(struct ram_flash *from, const struct ram_flash_call *call)
{
    if (calls_left == 0 || --calls_left != 0) return false;
    static const enum ram_flash_tear_kind kinds[] = {RAM_FLASH_TEAR_NONE, RAM_FLASH_TEAR_ALL,
                                                     RAM_FLASH_TEAR_SOME};
    enum ram_flash_tear_kind kind = kinds[below(3)];
    if (call->data == NULL && kind == RAM_FLASH_TEAR_SOME) kind = RAM_FLASH_TEAR_MIX;
    ram_flash_tear(from, call, kind, 0, &random_state);
    from->off = true;
    return true;
}

static int mount(void)
{
    ram.off = false;
    memset(&ring, 0xA5, sizeof ring);
    return NOTE(SEQLOG_CALL_MOUNT, seqlog_mount(&ring, &config));
}

static void read_some(void)
{
    uint8_t bytes[RAM_FLASH_SECTOR_MAX];
    uint64_t first = 0, number = 0, end = seqlog_end(&ring);
    uint32_t size = 0;
    struct seqlog_iterator it;
    (void)NOTE(SEQLOG_CALL_FIRST, seqlog_first(&ring, &first));
    for (unsigned i = 0; i < 4; i++) {
        number = first + below((uint32_t)(end - first) + 2);
        (void)NOTE(SEQLOG_CALL_READ, seqlog_read(&ring, number, bytes, sizeof bytes, &size));
    }
    seqlog_iterate(&it, below(2) ? number : 0);
    for (unsigned i = 0; i < 8; i++)
        (void)NOTE(SEQLOG_CALL_NEXT, seqlog_next(&ring, &it, bytes, sizeof bytes, &size, &number));
}

/* Style 0: small records. 1: as large as a sector. 2: the same, and for a while each is cut, so
 * that sectors without a record follow each other. Else: any. */
static void append_one(uint32_t style)
{
    uint8_t bytes[RAM_FLASH_SECTOR_MAX] = {0};
    uint32_t most = ring.plan.record_max;
    uint32_t size = style == 0 ? below(3) : style < 3 ? most - below(3) : below(most + 1);
    (void)NOTE(SEQLOG_CALL_APPEND, seqlog_append(&ring, bytes, size, NULL));
}

static void run_history(uint32_t seed)
{
    uint32_t style = seed % 4;
    random_state = seed;
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t dice = below(40);
        calls_left = dice < 8 && !uncut ? 1 + below(6) : 0;
        if (style == 2 && i % 100 > 50 && !uncut) {
            calls_left = 3 + (i & 1);
            dice = 3;
        }
        if (dice == 39)
            (void)NOTE(SEQLOG_CALL_CLEAR, seqlog_clear(&ring));
        else if (dice == 38)
            (void)NOTE(SEQLOG_CALL_PREPARE, seqlog_prepare(&ring));
        else
            append_one(style);
        if (dice == 30 || dice < 8) CHECK(mount() == BO_FLASH_OK, "mount");
        if (dice == 31 || dice == 3) read_some();
    }
}

static bool near_reads[SEQLOG_CALLS], near_changes[SEQLOG_CALLS];

static struct bo_bound stated(unsigned call)
{
    return uncut ? seqlog_bound_uncut(&config, (enum seqlog_call)call)
                 : seqlog_bound(&config, (enum seqlog_call)call);
}

static void check(unsigned setup, unsigned options)
{
    for (unsigned call = 0; call < SEQLOG_CALLS; call++) {
        struct bo_bound most = stated(call);
        const struct bo_bound *w = &worst[call];
        if (verbose)
            printf("setup %u, options %2u, %-7s reads %4u of %5u, changes %3u of %3u\n", setup,
                   options, names[call], (unsigned)w->reads, (unsigned)most.reads,
                   (unsigned)w->changes, (unsigned)most.changes);
        CHECK(w->reads <= most.reads && w->changes <= most.changes, "%s: setup %u, options %u",
              names[call], setup, options);
        near_reads[call] |= w->reads * 4 >= most.reads;
        near_changes[call] |= w->changes * 4 >= most.changes;
    }
}

static void check_near(unsigned setup)
{
    for (unsigned call = 0; call < SEQLOG_CALLS; call++) {
        CHECK(near_reads[call], "%s, setup %u: far from its bound", names[call], setup);
        CHECK(near_changes[call], "%s, setup %u: far from its bound", names[call], setup);
        near_reads[call] = near_changes[call] = false;
    }
}

/* Option numbers count the ways to find the head; in them framing, and erase-ahead. */
static bool open_part(const struct setup *s, unsigned options, uint32_t work_size)
{
    ram_flash_init(&ram, s->sector_size, s->count, s->unit, s->programs_per_unit);
    ram.flash.geometry.page_size = s->page;
    ram.before = cut_power;
    config = (struct seqlog_config){.flash = &ram.flash,
                                    .work = work,
                                    .work_size = work_size,
                                    .framing = options & 1 ? SEQLOG_COBS : SEQLOG_LENGTH,
                                    .ahead = options & 2,
                                    .find = (enum seqlog_find)(options / 4)};
    calls_left = 0;
    return mount() == BO_FLASH_OK;
}

static void test_work_size(unsigned setup, uint32_t work_size, uint32_t histories)
{
    for (unsigned options = 0; options < 4 * FINDS; options++) {
        memset(worst, 0, sizeof worst);
        for (uint32_t seed = 1; seed <= histories; seed++) {
            if (open_part(&setups[setup], options, work_size)) run_history(seed);
        }
        check(setup, options);
    }
}

static void check_near_uncut(unsigned setup, unsigned options)
{
    static const enum seqlog_call calls[] = {SEQLOG_CALL_MOUNT, SEQLOG_CALL_APPEND};
    for (unsigned i = 0; i < 2; i++) {
        struct bo_bound most = stated(calls[i]), w = worst[calls[i]];
        CHECK(w.reads * 2 >= most.reads && w.changes * 2 >= most.changes,
              "%s, setup %u, options %u: far from its bound without cuts", names[calls[i]], setup,
              options);
    }
}

static void test_uncut(unsigned setup)
{
    uncut = true;
    for (unsigned options = 0; options < 4 * FINDS; options++) {
        memset(worst, 0, sizeof worst);
        bool opened = open_part(&setups[setup], options, sizeof work);
        if (!opened) continue;
        run_history(1);
        if (open_part(&setups[setup], options, sizeof work)) run_history(4);
        check(setup, options);
        check_near_uncut(setup, options);
    }
    uncut = false;
    memset(near_reads, 0, sizeof near_reads);
    memset(near_changes, 0, sizeof near_changes);
}

static void test_none_is_stated(void)
{
    for (unsigned i = 0; i < BAD_GEOMETRIES; i++) {
        unsigned calls = 0;
        struct bo_flash flash = bad_geometry_flash(i, &calls);
        config = (struct seqlog_config){.flash = &flash, .work_size = sizeof work};
        struct bo_bound most = seqlog_bound(&config, SEQLOG_CALL_APPEND);
        CHECK(most.reads == 0 && most.changes == 0, "%s", bad_geometries[i].what);
    }
}

int main(int argc, char **argv)
{
    verbose = argc > 1 && argv[1][0] == 'v';
    for (unsigned setup = 0; setup < SETUPS; setup++) {
        test_work_size(setup, sizeof work, 8);
        check_near(setup);
        test_work_size(setup, SEQLOG_WORK_MIN, 1);
        memset(near_reads, 0, sizeof near_reads);
        memset(near_changes, 0, sizeof near_changes);
        test_uncut(setup);
    }
    test_none_is_stated();
    printf("%u failures\n", failures);
    return failures != 0;
}
