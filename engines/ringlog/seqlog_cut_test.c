/* seqlog_cut_test.c - power cuts on seqlog, by brute force, without simulator or harness.
 *
 *     seqlog_cut_test [ROUNDS [SEED]]
 *
 * Method. A workload of random appends, with a clear now and then, runs on a small part, under
 * every way to frame records and to find the head. Before each program and each erase, a copy of
 * the part is torn in every way of a list, and power comes back:
 *   - a log is mounted in memory full of junk. It must hold what it held before the operation in
 *     flight, or after it, or in between: the oldest sector given up and the new record not there.
 *     It learns what "after" is by doing the operation, uncut, on a copy. Every record is read one
 *     after the other and by number; mounting and reading must not write;
 *   - a second mount must return the same as the first;
 *   - the log is used: more random operations, and at a random one of their programs and erases
 *     the next cut with a random tear, up to `depth_max` cuts;
 *   - each call must stay within the bounds of the plan, and the part's rules must be kept.
 * Records are of the kinds that hurt: zeros, ones, ones at the start, bytes of a frame.
 *
 * At last the log is spoilt on purpose after each mount, in ways that stand for the mistakes that
 * such logs make, and the same test must notice every one of them.
 * Prints the first failure with what repeats it, and returns 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cut_test.h"
#include "seqlog.h"

#define RECORD_MAX 400u
#define HISTORY_MAX 512u
#define WORK_MAX 640u

struct record {
    uint16_t size;
    uint8_t kind, seed;
};

struct world {
    uint16_t sector_size, sector_count, page_size, unit;
    uint8_t programs_per_unit, tear_scope;
    uint8_t framing, find, ahead, span;
    uint16_t length_max;
};

/* Mistakes: what is wrong with the log after a mount. */
enum spoilt { SPOILT_NOT = 0, SPOILT_TORN_PLACE, SPOILT_BLANK_TRUSTED, SPOILT_REACH, SPOILT_COUNT };

/* What the log shows: records first .. end - 1. */
struct view {
    uint64_t first, end;
};

/* One history: the part, what it should hold, and the log that is being used. */
struct history {
    struct cut_history cut; /* the first: a call of the part leads here */
    const struct world *world;
    struct record records[HISTORY_MAX]; /* by number */
    struct record flying;               /* the one that is being appended: number now.end */
    struct view now, next;              /* before and after the operation in flight */
    struct seqlog log;
    struct seqlog_config config;
    uint8_t work[WORK_MAX];
};

static uint64_t states_judged, cuts_nested, sectors_given_up;
static unsigned failures, depth_max = 3;
static uint64_t seed_now;
static enum spoilt spoilt;

static void fail(struct history *h, const char *what, uint64_t number)
{
    const struct world *w = h->world;
    failures++;
    if (spoilt != SPOILT_NOT) return;
    printf(
        "FAILED %s (%llu), sectors %u of %u, page %u, unit %u, programs %u, framing %u, find %u, "
        "ahead %u, span %u, length %u, seed %llu:%s\n",
        what, (unsigned long long)number, w->sector_count, w->sector_size, w->page_size, w->unit,
        w->programs_per_unit, w->framing, w->find, w->ahead, w->span, w->length_max,
        (unsigned long long)seed_now, h->cut.story);
}

/* Records ----------------------------------------------------------------------------------- */

static void record_bytes(struct record r, uint8_t bytes[RECORD_MAX])
{
    for (uint32_t i = 0; i < r.size; i++) {
        uint8_t noise = (uint8_t)(r.seed * 29u + i * 83u + (i >> 8) * 7u);
        if (r.kind == 0) bytes[i] = 0;
        if (r.kind == 1) bytes[i] = 0xFF;
        if (r.kind == 2) bytes[i] = noise;
        if (r.kind == 3) bytes[i] = i < r.size / 2u ? 0xFF : noise;
        if (r.kind == 4) bytes[i] = (uint8_t)(0x40u | (noise & 0x3Fu));
    }
}

static struct record random_record(struct history *h)
{
    struct record r;
    r.size = (uint16_t)ram_flash_below(&h->cut.random, h->world->length_max + 1u);
    r.kind = (uint8_t)ram_flash_below(&h->cut.random, 5);
    r.seed = (uint8_t)ram_flash_random(&h->cut.random);
    return r;
}

static bool same_record(struct record r, const uint8_t *bytes, uint32_t size)
{
    uint8_t wanted[RECORD_MAX];
    if (r.size != size) return false;
    record_bytes(r, wanted);
    return memcmp(wanted, bytes, size) == 0;
}

/* Mounting and judging ---------------------------------------------------------------------- */

static void spoil(struct history *h)
{
    struct seqlog *log = &h->log;
    if (spoilt == SPOILT_TORN_PLACE) log->append = log->end;
    if (spoilt == SPOILT_BLANK_TRUSTED && log->open) {
        uint32_t next = (log->head + 1) % log->plan.sectors, size = h->world->sector_size;
        log->prepared = h->cut.ram.bytes[next * size] == 0xFF;
    }
    if (spoilt == SPOILT_REACH && log->open && log->header.reach == log->plan.sectors - 2)
        log->header.reach++;
}

static int mount(struct history *h)
{
    const struct world *w = h->world;
    memset(&h->log, 0xA5, sizeof h->log);
    memset(h->work, 0xA5, sizeof h->work);
    h->config = (struct seqlog_config){.flash = &h->cut.ram.flash,
                                       .work = h->work,
                                       .work_size = sizeof h->work,
                                       .id = 77,
                                       .framing = (enum seqlog_framing)w->framing,
                                       .find = (enum seqlog_find)w->find,
                                       .ahead = w->ahead != 0,
                                       .index_span = w->span};
    int error = seqlog_mount(&h->log, &h->config);
    if (error == BO_FLASH_OK) spoil(h);
    return error;
}

/* What a copy of the log must show while the operation in flight is under way. */
static bool allowed(const struct history *h, struct view v)
{
    bool before = v.first == h->now.first && v.end == h->now.end;
    bool after = v.first == h->next.first && v.end == h->next.end;
    bool between = v.first == h->next.first && v.end == h->now.end;
    return before || after || between;
}

/* Reads all records, in order; each must be right. */
static bool look(struct history *h, struct view *v)
{
    struct seqlog_iterator iterator;
    uint8_t bytes[RECORD_MAX];
    uint64_t number, expected;
    uint32_t size;
    int error = seqlog_first(&h->log, &v->first);
    v->end = seqlog_end(&h->log);
    if (error) return fail(h, "first", (unsigned)-error), false;
    expected = v->first;
    seqlog_iterate(&iterator, 0);
    while ((error = seqlog_next(&h->log, &iterator, bytes, sizeof bytes, &size, &number)) == 0) {
        if (number != expected++) return fail(h, "number in an iteration", number), false;
        if (number > h->now.end) return fail(h, "a record too many", number), false;
        struct record r = number == h->now.end ? h->flying : h->records[number];
        if (!same_record(r, bytes, size)) return fail(h, "record", number), false;
    }
    if (error != RINGLOG_ERR_NOT_FOUND) return fail(h, "iteration", (unsigned)-error), false;
    if (expected != v->end) return fail(h, "iteration ends", expected), false;
    return true;
}

/* Reads by number, also one before and one after. */
static bool look_up(struct history *h, struct view v)
{
    uint8_t bytes[RECORD_MAX];
    uint32_t size;
    for (uint64_t number = v.first - (v.first != 0); number <= v.end; number++) {
        int error = seqlog_read(&h->log, number, bytes, sizeof bytes, &size);
        bool there = number >= v.first && number < v.end;
        if (error != (there ? BO_FLASH_OK : RINGLOG_ERR_NOT_FOUND))
            return fail(h, "reading by number", number), false;
        struct record r = number == h->now.end ? h->flying : h->records[number];
        if (there && !same_record(r, bytes, size))
            return fail(h, "record by number", number), false;
    }
    return true;
}

/* Power on. What it shows becomes what is expected. */
static bool judge(struct history *h)
{
    struct view v[2];
    states_judged++;
    uint64_t programs = cut_changes(&h->cut);
    for (unsigned time = 0; time < 2; time++) {
        int error = mount(h);
        if (error) return fail(h, "mount", (unsigned)-error), false;
        if (!look(h, &v[time]) || !look_up(h, v[time])) return false;
        if (!allowed(h, v[time])) return fail(h, "what it shows", v[time].first), false;
    }
    if (v[0].first != v[1].first || v[0].end != v[1].end)
        return fail(h, "the second mount", v[1].end), false;
    if (cut_changes(&h->cut) != programs) return fail(h, "reading wrote", 0), false;
    if (h->cut.ram.breach != NULL) return fail(h, h->cut.ram.breach, 0), false;
    if (v[0].end > h->now.end) h->records[h->now.end] = h->flying;
    if (v[0].first > h->now.first) sectors_given_up++;
    h->now = h->next = v[0];
    return true;
}

/* Operations -------------------------------------------------------------------------------- */

struct operation {
    unsigned kind; /* 0: clear, 1: prepare, else append */
    struct record record;
};

static int perform(struct history *h, const struct operation *o)
{
    uint8_t bytes[RECORD_MAX];
    uint64_t number;
    if (o->kind == 0) return seqlog_clear(&h->log);
    if (o->kind == 1) return seqlog_prepare(&h->log);
    record_bytes(o->record, bytes);
    return seqlog_append(&h->log, bytes, o->record.size, &number);
}

/* What the log shows when the operation is done: found out on a copy. */
static bool foresee(struct history *h, const struct operation *o)
{
    static struct history copy;
    ram_flash_copy(&copy.cut.ram, &h->cut.ram);
    copy.log = h->log;
    copy.log.flash = &copy.cut.ram.flash;
    copy.log.work = copy.work;
    copy.log.window_size = 0;
    int error = perform(&copy, o);
    if (error) return fail(h, "operation", (unsigned)-error), false;
    h->next.end = seqlog_end(&copy.log);
    error = seqlog_first(&copy.log, &h->next.first);
    if (error) return fail(h, "first", (unsigned)-error), false;
    return true;
}

/* Only whole sectors are given up, and only for room. */
static bool sensible(struct history *h, const struct operation *o)
{
    uint64_t end = h->now.end + (o->kind >= 2 ? 1 : 0);
    if (h->next.end != end) return fail(h, "end", h->next.end), false;
    if (o->kind == 0 && h->next.first != end) return fail(h, "clear", h->next.first), false;
    if (o->kind == 1 && h->next.first != h->now.first)
        return fail(h, "prepare", h->next.first), false;
    if (h->next.first < h->now.first) return fail(h, "back again", h->next.first), false;
    return true;
}

static bool within_bounds(struct history *h, enum seqlog_call call, uint64_t writes, uint64_t reads)
{
    struct bo_bound most = seqlog_bound(&h->config, call);
    writes = cut_changes(&h->cut) - writes;
    reads = h->cut.ram.counts.reads - reads;
    if (writes > most.changes) return fail(h, "bound of writes", writes), false;
    if (reads > most.reads) return fail(h, "bound of reads", reads), false;
    return true;
}

/* A random operation; it may be cut. */
static bool operate(struct history *h)
{
    struct operation o = {.kind = ram_flash_below(&h->cut.random, 24)};
    uint64_t writes = cut_changes(&h->cut), reads = h->cut.ram.counts.reads;
    struct view v;
    if (h->now.end + 1 >= HISTORY_MAX) return true;
    o.record = random_record(h);
    cut_note(&h->cut, o.kind >= 2 ? " append %u/%u/%u" : " kind %u",
             o.kind >= 2 ? o.record.size : o.kind, o.record.kind, o.record.seed);
    if (!foresee(h, &o) || !sensible(h, &o)) return false;
    h->flying = o.record;
    int error = perform(h, &o);
    if (h->cut.ram.off) return true;
    if (error) return fail(h, "operation", (unsigned)-error), false;
    if (o.kind >= 2) h->records[h->now.end] = o.record;
    if (h->next.first > h->now.first) sectors_given_up++;
    h->now = h->next;
    enum seqlog_call call = o.kind == 0   ? SEQLOG_CALL_CLEAR
                            : o.kind == 1 ? SEQLOG_CALL_PREPARE
                                          : SEQLOG_CALL_APPEND;
    if (!within_bounds(h, call, writes, reads) || !look(h, &v)) return false;
    if (v.first != h->now.first || v.end != h->now.end) return fail(h, "shows", v.end), false;
    return true;
}

/* Cuts -------------------------------------------------------------------------------------- */

/* Power on, use, next cut, and so on. */
static bool live_on(struct history *h, unsigned depth)
{
    for (; judge(h); depth++, cuts_nested++) {
        unsigned operations = cut_plan(&h->cut, depth < depth_max, depth, 6, 30);
        for (; operations != 0 && !h->cut.ram.off; operations--)
            if (!operate(h)) return false;
        h->cut.ram.before = NULL;
        if (!h->cut.ram.off) return judge(h);
        h->cut.ram.off = false;
    }
    return false;
}

/* Tears a call of the first history in many ways, each on a copy. */
static bool cut_now(struct ram_flash *ram, const struct ram_flash_call *call)
{
    static struct history copy;
    struct history *h = (struct history *)ram->context;
    for (unsigned i = 0; i < 12 && failures == 0; i++) {
        if (!cut_copy(&copy.cut, &h->cut, call, i)) continue;
        copy.world = h->world;
        memcpy(copy.records, h->records, sizeof copy.records);
        copy.flying = h->flying;
        copy.now = h->now;
        copy.next = h->next;
        (void)live_on(&copy, 0);
    }
    return failures != 0;
}

static void explore(const struct world *world, uint64_t seed, unsigned operations)
{
    static struct history h;
    memset(&h, 0, sizeof h);
    h.world = world;
    h.cut.random = seed_now = seed;
    ram_flash_init(&h.cut.ram, world->sector_size, world->sector_count, world->unit,
                   world->programs_per_unit);
    h.cut.ram.flash.geometry.page_size = world->page_size;
    h.cut.ram.flash.geometry.tear_scope = world->tear_scope;
    h.cut.erase_kinds = CUT_ERASE_KINDS;
    if (!judge(&h)) return;
    h.cut.ram.context = &h;
    for (; operations != 0 && failures == 0; operations--) {
        h.cut.story[0] = 0;
        h.cut.ram.before = cut_now;
        (void)operate(&h);
        h.cut.ram.before = NULL;
    }
}

/* Hostile images ---------------------------------------------------------------------------- */

/* Random bytes, zeros and ones, where there was a log: any answer, but an end. */
static void survive_garbage(const struct world *world, uint64_t seed)
{
    static struct history h;
    memset(&h, 0, sizeof h);
    h.world = world;
    h.cut.random = seed_now = seed;
    ram_flash_init(&h.cut.ram, world->sector_size, world->sector_count, world->unit, 0);
    h.cut.ram.flash.geometry.page_size = world->page_size;
    if (mount(&h) != BO_FLASH_OK) return;
    for (unsigned i = 0; i < 30; i++) {
        struct operation o = {.kind = 2, .record = random_record(&h)};
        (void)perform(&h, &o);
    }
    uint32_t size = (uint32_t)bo_flash_size(&h.cut.ram.flash),
             density = ram_flash_below(&h.cut.random, 64);
    for (uint32_t i = 0; i < size; i++)
        if (ram_flash_below(&h.cut.random, 64) < density)
            h.cut.ram.bytes[i] = (uint8_t)ram_flash_random(&h.cut.random);
    uint64_t reads = h.cut.ram.counts.reads, number;
    if (mount(&h) != BO_FLASH_OK) return;
    struct seqlog_iterator iterator;
    uint8_t bytes[RECORD_MAX];
    uint32_t length;
    seqlog_iterate(&iterator, 0);
    while (seqlog_next(&h.log, &iterator, bytes, sizeof bytes, &length, &number) == BO_FLASH_OK)
        (void)seqlog_read(&h.log, number, bytes, sizeof bytes, &length);
    for (unsigned i = 0; i < 8; i++) {
        struct operation o = {.kind = i, .record = random_record(&h)};
        (void)perform(&h, &o);
    }
    uint64_t most = seqlog_bound(&h.config, SEQLOG_CALL_APPEND).reads + h.world->sector_count;
    if (h.cut.ram.counts.reads - reads > 4000 * most) fail(&h, "reads on garbage", 0);
}

/* All worlds -------------------------------------------------------------------------------- */

static const struct world parts[] = {
    {.sector_size = 128, .page_size = 32, .unit = 1, .programs_per_unit = 0, .length_max = 50},
    {.sector_size = 128, .page_size = 128, .unit = 1, .programs_per_unit = 1, .length_max = 60},
    {.sector_size = 128, .page_size = 16, .unit = 1, .programs_per_unit = 1, .length_max = 90},
    {.sector_size = 96, .page_size = 24, .unit = 2, .programs_per_unit = 16, .length_max = 30},
    {.sector_size = 128, .page_size = 32, .unit = 4, .programs_per_unit = 2, .length_max = 40},
    {.sector_size = 128, .page_size = 8, .unit = 8, .programs_per_unit = 1, .length_max = 70},
    {.sector_size = 192, .page_size = 64, .unit = 16, .programs_per_unit = 0, .length_max = 60},
    {.sector_size = 256, .page_size = 32, .unit = 32, .programs_per_unit = 1, .length_max = 80},
    {.sector_size = 512, .page_size = 64, .unit = 32, .programs_per_unit = 0, .length_max = 350},
    {.sector_size = 512, .page_size = 256, .unit = 1, .programs_per_unit = 1, .length_max = 300},
};

#define PART_COUNT (sizeof parts / sizeof *parts)

/* The part `n`, under one choice of options; false when that is not lawful. */
static bool make_world(unsigned n, uint64_t *random, struct world *world)
{
    *world = parts[n % PART_COUNT];
    world->framing = (uint8_t)(n / PART_COUNT % 2);
    world->find = (uint8_t)(n / PART_COUNT / 2 % 6);
    world->ahead = (uint8_t)ram_flash_below(random, 2);
    world->span = (uint8_t)ram_flash_below(random, 4);
    world->tear_scope = (uint8_t)ram_flash_below(random, 2);
    world->sector_count = (uint16_t)(2 + ram_flash_below(random, 5));
    struct bo_flash_geometry g = {.sector_size = world->sector_size,
                                  .page_size = world->page_size,
                                  .unit = world->unit,
                                  .read_unit = world->unit,
                                  .erased = 0xFF,
                                  .programs_per_unit = world->programs_per_unit};
    struct seqlog_config config = {.framing = (enum seqlog_framing)world->framing,
                                   .find = (enum seqlog_find)world->find,
                                   .index_span = world->span};
    struct seqlog_plan plan;
    int error;
    do {
        g.sector_count = ++world->sector_count;
        error = seqlog_plan(&g, &config, &plan);
    } while (error == RINGLOG_ERR_GEOMETRY && world->sector_count < 20);
    if (error == BO_FLASH_OK && plan.record_max < world->length_max)
        world->length_max = (uint16_t)plan.record_max;
    return error == BO_FLASH_OK;
}

#define WORLD_COUNT (PART_COUNT * 2 * 6)

static void explore_all(uint64_t rounds, uint64_t seed, unsigned operations)
{
    for (uint64_t i = 0; i < rounds * WORLD_COUNT && failures == 0; i++) {
        uint64_t random = seed + i;
        struct world world;
        if (!make_world((unsigned)(i % WORLD_COUNT), &random, &world)) continue;
        explore(&world, seed + i, operations);
        for (unsigned j = 0; j < 10 && spoilt == SPOILT_NOT; j++)
            survive_garbage(&world, seed + i * 10 + j);
    }
}

/* With BO_CHECKS a reach of the whole ring ends the program: the engine checks that itself. */
#ifdef BO_CHECKS
enum { SPOILT_END = SPOILT_REACH };
#else
enum { SPOILT_END = SPOILT_COUNT };
#endif

/* Each mistake must be noticed. */
static unsigned notice_mistakes(uint64_t seed)
{
    unsigned missed = 0;
    for (spoilt = SPOILT_NOT + 1; spoilt < (enum spoilt)SPOILT_END; spoilt++) {
        failures = 0;
        explore_all(4, seed, 40);
        if (failures != 0) continue;
        printf("FAILED mistake %d went by unnoticed\n", (int)spoilt);
        missed++;
    }
    spoilt = SPOILT_NOT;
    return missed;
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    explore_all(rounds, seed, 12);
    printf("%llu states judged, %llu nested cuts, %llu times a sector given up, %u failures\n",
           (unsigned long long)states_judged, (unsigned long long)cuts_nested,
           (unsigned long long)sectors_given_up, failures);
    if (failures != 0) return 1;
    return notice_mistakes(seed) != 0;
}
