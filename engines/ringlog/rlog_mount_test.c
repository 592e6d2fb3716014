/* rlog_mount_test.c - what a mount of rlog finds and how many reads it takes.
 *
 * The flash is made up: a read callback computes the bytes of a sector from where the head is, so
 * rings of 2^23 sectors cost no memory. Sectors are encoded here, from the description of the
 * format in rlog.h, not by the engine.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "../check_test.h"
#include "../crc32c.h"
#include "rlog.h"

/* --- the ring --- */

#define SEGMENT_SIZE 256u
#define PREP_END 8u
#define BASE_END 34u    /* of the BASE in the first place of a sector */
#define BASE_BYTES 26u  /* of a BASE */
#define RECORD_SIZE 20u /* of the records in the head */
#define PER_SEGMENT 2u  /* records in each segment of the head */
#define PER_SECTOR 40u  /* numbers that a sector takes */
#define BAD_MAX 64u

enum { TYPE_FULL = 1, TYPE_BASE = 9 };
enum { FLAG_RESUMES = 2 };

/* The sector after the head. */
enum gap { GAP_NONE, GAP_PREPARED, GAP_TORN, GAP_UNREADABLE, GAP_ERASED, GAP_COUNT };
static const char *const gap_names[] = {"none", "prepared", "torn", "unreadable", "erased"};

/* In what way a header is bad. */
enum bad { BAD_ECC, BAD_BYTES, BAD_BASE, BAD_COUNT };

struct ring {
    struct bo_flash flash;
    uint32_t head, lap;
    enum gap gap;
    bool junk;                   /* first lap: what was never opened is junk, not blank */
    uint32_t last_segment, tail; /* of the head: the last segment and records in it */
    uint32_t hole,
        hole_segments; /* segments of the head without a frame, after which it was resumed */
    uint32_t bad[BAD_MAX], bad_count;
    uint32_t may_fail; /* headers that become bad when they are looked at */
    enum bad bad_kind;
    uint32_t looks, reads; /* reads; looks: but for those in pieces, where one failed */
    uint32_t failed, failed_end;
};

static void put(uint8_t *to, uint64_t n, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)(n >> 8 * i);
}

static uint32_t start_check(const struct ring *r, uint32_t sector, uint32_t lap, uint32_t offset)
{
    uint8_t seed[16], place[12];
    put(seed, 1, 2);
    put(seed + 2, r->flash.geometry.sector_count, 4);
    put(seed + 6, r->flash.geometry.sector_size, 4);
    put(seed + 10, SEGMENT_SIZE, 4);
    put(seed + 14, 1, 2);
    put(place, sector, 4);
    put(place + 4, lap, 4);
    put(place + 8, offset, 4);
    return bo_crc32c(bo_crc32c(BO_CRC32C_START, seed, sizeof seed), place, sizeof place);
}

/* A frame whose payload is there already; returns its end. */
static uint32_t put_frame(const struct ring *r, uint32_t sector, uint32_t lap, uint8_t *segment,
                          uint32_t segment_at, uint32_t at, unsigned type, bool first,
                          uint32_t index, uint32_t size)
{
    uint32_t header = first ? 8 : 6;
    uint8_t *to = segment + at;
    put(to, size | type << 12, 2);
    if (first) put(to + 2, index, 2);
    uint32_t crc = start_check(r, sector, lap, segment_at + at);
    crc = bo_crc32c(crc, to, header - 4);
    put(to + header - 4, ~bo_crc32c(crc, to + header, size), 4);
    return at + header + size;
}

static uint64_t base_of(const struct ring *r, uint32_t sector, uint32_t lap)
{
    return ((uint64_t)(lap - 1) * r->flash.geometry.sector_count + sector) * PER_SECTOR;
}

static uint32_t put_base(const struct ring *r, uint32_t sector, uint32_t lap, uint8_t *segment,
                         uint32_t segment_at, uint32_t at, uint64_t number, uint8_t flags)
{
    uint8_t *p = segment + at + 8;
    memset(p, 0, 18);
    put(p, number, 6);
    p[11] = flags;
    put(p + 14, UINT32_MAX, 4);
    uint32_t index = (uint32_t)(number - base_of(r, sector, lap));
    return put_frame(r, sector, lap, segment, segment_at, at, TYPE_BASE, true, index, 18);
}

static bool is_hole(const struct ring *r, uint32_t segment)
{
    return segment >= r->hole && segment < r->hole + r->hole_segments;
}

/* Records of the head before a segment. */
static uint32_t records_before(const struct ring *r, uint32_t segment)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < segment; i++)
        if (!is_hole(r, i)) count += PER_SEGMENT;
    return count;
}

static uint64_t end_of(const struct ring *r)
{
    return base_of(r, r->head, r->lap) + records_before(r, r->last_segment) + r->tail;
}

static void put_head_segment(const struct ring *r, uint32_t segment, uint8_t *bytes)
{
    uint32_t at = segment == 0 ? BASE_END : 0, index = records_before(r, segment);
    uint64_t number = base_of(r, r->head, r->lap) + index;
    uint32_t count = segment == r->last_segment ? r->tail : PER_SEGMENT;
    if (segment > r->last_segment || is_hole(r, segment)) return;
    if (segment == r->hole + r->hole_segments && r->hole_segments != 0) {
        put_base(r, r->head, r->lap, bytes, segment * SEGMENT_SIZE, 0, number, FLAG_RESUMES);
        at = 2 * BASE_BYTES;
    }
    for (uint32_t i = 0; i < count; i++, index++) {
        bool first = at == 0;
        memset(bytes + at + (first ? 8 : 6), (int)(index & 0x7F), RECORD_SIZE);
        at = put_frame(r, r->head, r->lap, bytes, segment * SEGMENT_SIZE, at, TYPE_FULL, first,
                       index, RECORD_SIZE);
    }
}

static void put_prep(const struct ring *r, uint32_t sector, uint32_t lap, uint8_t *bytes)
{
    put(bytes, lap, 4);
    put(bytes + 4, ~start_check(r, sector, lap, 0), 4);
}

static bool is_bad(const struct ring *r, uint32_t sector)
{
    for (uint32_t i = 0; i < r->bad_count; i++)
        if (r->bad[i] == sector) return true;
    return false;
}

static uint32_t after_head(const struct ring *r)
{
    return r->head + 1 == r->flash.geometry.sector_count ? 0 : r->head + 1;
}

static void put_gap(const struct ring *r, uint32_t sector, uint8_t *bytes)
{
    if (r->gap == GAP_PREPARED) put_prep(r, sector, sector == 0 ? r->lap + 1 : r->lap, bytes);
    if (r->gap == GAP_TORN) memset(bytes, 0x5A, SEGMENT_SIZE / 2);
}

/* A segment of a sector, over blank bytes. */
static void put_segment(const struct ring *r, uint32_t sector, uint32_t segment, uint8_t *bytes)
{
    uint32_t lap = sector <= r->head ? r->lap : r->lap - 1;
    if (sector == after_head(r) && r->gap != GAP_NONE) {
        if (segment == 0) put_gap(r, sector, bytes);
        return;
    }
    if (lap == 0) {
        if (r->junk) memset(bytes, 0x3C + (int)(sector % 7), SEGMENT_SIZE);
        return;
    }
    if (segment == 0) put_prep(r, sector, lap, bytes);
    if (segment == 0) put_base(r, sector, lap, bytes, 0, PREP_END, base_of(r, sector, lap), 0);
    if (sector == r->head) put_head_segment(r, segment, bytes);
}

/* No more than three bad ones in a row, else no search can do it. */
static bool may_become_bad(const struct ring *r, uint32_t sector)
{
    uint32_t run = 1;
    for (uint32_t i = sector; i-- != 0 && is_bad(r, i);)
        run++;
    for (uint32_t i = sector + 1; is_bad(r, i); i++)
        run++;
    return sector != r->head && !is_bad(r, sector) && run < 4 && r->bad_count < BAD_MAX;
}

static void make_bad(struct ring *r, uint32_t sector)
{
    if (may_become_bad(r, sector)) r->bad[r->bad_count++] = sector;
}

static void note_read(struct ring *r, uint32_t address, uint32_t size)
{
    r->reads++;
    if (address < r->failed || address + size > r->failed_end) {
        r->looks++;
        r->failed = r->failed_end = 0;
    }
}

static int ring_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    struct ring *r = context;
    uint8_t bytes[SEGMENT_SIZE];
    uint32_t sector = address / r->flash.geometry.sector_size;
    uint32_t segment = address % r->flash.geometry.sector_size / SEGMENT_SIZE,
             at = address % SEGMENT_SIZE;
    note_read(r, address, size);
    if (r->may_fail != 0 && segment == 0 && sector <= r->head && may_become_bad(r, sector)) {
        make_bad(r, sector);
        r->may_fail--;
    }
    bool bad = is_bad(r, sector) && segment == 0;
    bool refuses =
        (bad && r->bad_kind == BAD_ECC) || (sector == after_head(r) && r->gap == GAP_UNREADABLE);
    if (refuses) {
        if (r->failed_end == 0) r->failed = address;
        if (r->failed_end == 0) r->failed_end = address + size;
        return BO_FLASH_ERR_ECC;
    }
    memset(bytes, 0xFF, sizeof bytes);
    put_segment(r, sector, segment, bytes);
    if (bad) bytes[r->bad_kind == BAD_BYTES ? 1 : 20] ^= 0x10;
    memcpy(buffer, bytes + at, size);
    return BO_FLASH_OK;
}

static int ring_refuse(void)
{
    CHECK(false, "a mount writes");
    return BO_FLASH_ERR_IO;
}

static int ring_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    (void)context, (void)address, (void)data, (void)size;
    return ring_refuse();
}

static int ring_erase(void *context, uint32_t address)
{
    (void)context, (void)address;
    return ring_refuse();
}

static void ring_init(struct ring *r, uint32_t sector_size, uint32_t count)
{
    memset(r, 0, sizeof *r);
    r->flash = (struct bo_flash){.geometry = {.sector_size = sector_size,
                                              .sector_count = count,
                                              .page_size = 256,
                                              .unit = 1,
                                              .read_unit = 1,
                                              .erased = 0xFF,
                                              .tear_scope = BO_FLASH_TEAR_PAGE},
                                 .context = r,
                                 .read = ring_read,
                                 .program = ring_program,
                                 .erase = ring_erase};
    r->lap = 5;
}

static uint32_t log2_up(uint32_t n)
{
    uint32_t bits = 0;
    while (1u << bits < n)
        bits++;
    return bits;
}

/* What a mount of any ring must be like, reads apart. */
static void mount(struct ring *r)
{
    uint8_t buffer[2 * SEGMENT_SIZE];
    struct rlog log;
    struct rlog_config config = {
        .flash = &r->flash, .buffer = buffer, .buffer_size = sizeof buffer, .id = 1};
    r->looks = r->reads = r->failed = r->failed_end = 0;
    int error = rlog_mount(&log, &config);
    uint32_t n = r->flash.geometry.sector_count;
    CHECK(error == BO_FLASH_OK && log.head == r->head && log.lap == r->lap,
          "%u sectors, head %u, lap %u, gap %s, %u bad: %d, head %u, lap %u", n, r->head, r->lap,
          gap_names[r->gap], r->bad_count, error, log.head, log.lap);
    CHECK(log.next == end_of(r), "%u sectors, head %u, segment %u, hole %u: ends at %u, not %u", n,
          r->head, r->last_segment, r->hole, (unsigned)log.next, (unsigned)end_of(r));
}

/* Somewhere in the head. */
static void end_anywhere(struct ring *r, uint64_t *random)
{
    uint32_t segments = r->flash.geometry.sector_size / SEGMENT_SIZE;
    r->last_segment = ram_flash_below(random, segments);
    r->tail = ram_flash_below(random, PER_SEGMENT) + 1;
    if (r->last_segment == 0) r->tail--;
}

static uint32_t stated(const struct ring *r)
{
    return rlog_mount_reads(&r->flash.geometry, SEGMENT_SIZE);
}

/* --- what is true --- */

static uint32_t most_reads(struct ring *r, uint64_t *random)
{
    uint32_t most = 0;
    for (r->head = 0; r->head < r->flash.geometry.sector_count; r->head++) {
        for (r->gap = GAP_NONE; r->gap < GAP_COUNT; r->gap++) {
            end_anywhere(r, random);
            mount(r);
            if (r->looks > most) most = r->looks;
        }
    }
    return most;
}

static void test_every_head_of_a_small_ring_is_found(bool verbose)
{
    static const uint32_t more[] = {100, 255, 256, 1000, 1024};
    uint64_t random = 1;
    struct ring r;
    for (uint32_t i = 0; i < 14 + 5; i++) {
        uint32_t n = i < 14 ? i + 3 : more[i - 14];
        ring_init(&r, 4096, n);
        uint32_t wrapped = most_reads(&r, &random);
        CHECK(wrapped < stated(&r), "%u sectors: %u reads", n, wrapped);
        r.lap = 1;
        uint32_t first = most_reads(&r, &random);
        r.junk = true;
        uint32_t junk = most_reads(&r, &random);
        CHECK(first <= stated(&r) && junk <= stated(&r), "%u sectors: %u, %u reads", n, first,
              junk);
        if (verbose)
            printf("%7u sectors: %u reads wrapped, %u, %u on the first lap, %u stated\n", n,
                   wrapped, first, junk, stated(&r));
    }
}

static uint32_t some_head(uint32_t n, uint32_t i, uint64_t *random)
{
    if (i < 16) return i;
    if (i < 32) return n - 1 - (i - 16);
    return ram_flash_below(random, n);
}

static void test_heads_of_a_vast_ring_are_found_in_28_reads(bool verbose)
{
    static const uint32_t counts[] = {1u << 16, 1u << 20, 1u << 23, (1u << 23) - 1};
    uint64_t random = 2;
    struct ring r;
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t most = 0;
        ring_init(&r, 512, counts[k]);
        for (uint32_t i = 0; i < 4000; i++) {
            r.head = some_head(counts[k], i % 1000, &random);
            r.gap = (enum gap)(i / 1000 % 4 + (i & 1));
            end_anywhere(&r, &random);
            mount(&r);
            if (r.looks > most) most = r.looks;
        }
        CHECK(most <= log2_up(counts[k]) + 5, "%u sectors: %u reads", counts[k], most);
        if (verbose) printf("%7u sectors: %u reads, %u stated\n", counts[k], most, stated(&r));
    }
}

static void test_heads_on_the_first_lap_of_a_vast_ring_are_found(void)
{
    uint64_t random = 3;
    struct ring r;
    ring_init(&r, 512, 1u << 23);
    r.lap = 1;
    for (uint32_t i = 0; i < 2000; i++) {
        r.junk = i & 1;
        r.head = some_head(1u << 23, i, &random);
        r.gap = (enum gap)(i % GAP_COUNT);
        end_anywhere(&r, &random);
        mount(&r);
        CHECK(r.looks <= stated(&r), "head %u: %u reads", r.head, r.looks);
    }
}

static uint32_t segment_looks(const struct ring *r)
{
    uint32_t segments = r->flash.geometry.sector_size / SEGMENT_SIZE;
    return log2_up(segments) + 4;
}

static void check_bad(struct ring *r, uint32_t j)
{
    uint32_t n = r->flash.geometry.sector_count;
    mount(r);
    CHECK(r->looks <= (j + 1) * (log2_up(n) + 4) + segment_looks(r) + 4,
          "%u sectors, head %u, gap %s, kind %u, %u of %u bad: %u reads", n, r->head,
          gap_names[r->gap], (unsigned)r->bad_kind, r->bad_count, j, r->looks);
}

static void test_headers_that_become_unreadable_when_looked_at_mislead_nobody(void)
{
    static const uint32_t counts[] = {5, 8, 16, 100, 1024, 1u << 16, 1u << 23};
    uint64_t random = 4;
    struct ring r;
    for (uint32_t i = 0; i < 7 * 600; i++) {
        uint32_t n = counts[i % 7], j = 1 + i / 7 % 8;
        ring_init(&r, 512, n);
        r.head = some_head(n, i / 7 % 100 % n, &random);
        r.gap = (enum gap)(i % GAP_COUNT);
        r.bad_kind = (enum bad)(i % BAD_COUNT);
        r.lap = i % 11 == 0 ? 1 : 5;
        r.may_fail = j;
        check_bad(&r, j);
    }
}

static void test_unreadable_headers_anywhere_mislead_nobody(void)
{
    static const uint32_t counts[] = {4, 7, 64, 1000};
    uint64_t random = 5;
    struct ring r;
    for (uint32_t i = 0; i < 4 * 1500; i++) {
        uint32_t n = counts[i % 4], j = 1 + i % 5;
        ring_init(&r, 4096, n);
        r.head = ram_flash_below(&random, n);
        r.gap = (enum gap)(i % GAP_COUNT);
        r.bad_kind = (enum bad)(i % BAD_COUNT);
        for (uint32_t k = 0; k < j; k++)
            make_bad(&r, ram_flash_below(&random, n));
        end_anywhere(&r, &random);
        check_bad(&r, r.bad_count);
    }
}

/* A log that was resumed after a segment or two without a frame. */
static void test_the_end_after_a_hole_is_found(bool verbose)
{
    uint32_t most = 0;
    struct ring r;
    ring_init(&r, 4096, 16);
    r.head = 7;
    for (r.hole_segments = 1; r.hole_segments <= 2; r.hole_segments++) {
        for (r.hole = 1; r.hole + r.hole_segments < 16; r.hole++) {
            for (r.last_segment = r.hole + r.hole_segments; r.last_segment < 16; r.last_segment++) {
                r.tail = r.last_segment % 3;
                if (r.last_segment != r.hole + r.hole_segments && r.tail == 0) r.tail = 2;
                mount(&r);
                if (r.looks > most) most = r.looks;
            }
        }
    }
    if (verbose) printf("a hole in the head: %u reads\n", most);
    CHECK(most <= 20, "%u reads", most);
}

int main(int argc, char **argv)
{
    bool verbose = argc > 1 && strcmp(argv[1], "v") == 0;
    test_every_head_of_a_small_ring_is_found(verbose);
    test_heads_of_a_vast_ring_are_found_in_28_reads(verbose);
    test_heads_on_the_first_lap_of_a_vast_ring_are_found();
    test_headers_that_become_unreadable_when_looked_at_mislead_nobody();
    test_unreadable_headers_anywhere_mislead_nobody();
    test_the_end_after_a_hole_is_found(verbose);
    printf("%u failures\n", failures);
    return failures != 0;
}
