/* ringlog_glitch_test.c - a read that goes wrong once makes no engine return wrong bytes.
 *
 *     ringlog_glitch_test [v]
 *
 * Method. A history leaves an image: records, power-ons among them. Each record says what it must
 * be: its tag, and bytes that follow from the tag and its size. Then the same work is done on that
 * image again and again, and each time another read of it goes wrong: one bit of it, or all of it
 * looks erased, or it fails with the next one, as beyond correction or with an error of the bus.
 * The work is to read every record in every way, or to resume and append. Whatever is returned with
 * BO_FLASH_OK must be a record as it was put in, then, and, after a power-on with a part that reads
 * well again, for ever.
 *
 * What is not asked: that nothing is lost, unless all that went wrong were errors of the bus.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "../check_test.h"
#include "rlog.h"
#include "seqlog.h"

static bool verbose;

/* --- a part that reads wrong once --- */

enum glitch { GLITCH_BIT, GLITCH_ERASED, GLITCH_ECC, GLITCH_IO, GLITCHES };

struct part {
    struct ram_flash ram;
    enum glitch glitch;
    uint32_t reads, wrong_at; /* counted from 1; 0: none goes wrong */
};

static struct part part;

static int read_once_wrong(void *context, uint32_t address, void *bytes, uint32_t size)
{
    struct part *p = (struct part *)context;
    uint32_t at = ++p->reads;
    int error = ram_flash_read(&p->ram, address, bytes, size);
    if (error || p->wrong_at == 0 || at < p->wrong_at) return error;
    if (p->glitch >= GLITCH_ECC && at <= p->wrong_at + 1) {
        memset(bytes, 0xA5, size);
        return p->glitch == GLITCH_ECC ? BO_FLASH_ERR_ECC : BO_FLASH_ERR_IO;
    }
    if (at > p->wrong_at) return error;
    if (p->glitch == GLITCH_ERASED) memset(bytes, 0xFF, size);
    if (p->glitch == GLITCH_BIT) ((uint8_t *)bytes)[at * 29 % size] ^= (uint8_t)(1u << at % 8);
    return error;
}

static int program_part(void *context, uint32_t address, const void *data, uint32_t size)
{
    return ram_flash_program(&((struct part *)context)->ram, address, data, size);
}

static int erase_part(void *context, uint32_t address)
{
    return ram_flash_erase(&((struct part *)context)->ram, address);
}

/* The n-th read from now on goes wrong; 0: none. */
static void part_goes_wrong(enum glitch glitch, uint32_t n)
{
    part.glitch = glitch;
    part.reads = 0;
    part.wrong_at = n;
}

/* --- the engines, all by the same five functions --- */

#define RECORD_MAX 120u

struct engine {
    const char *name;
    int (*mount)(void);
    int (*append)(const void *data, uint32_t size);
    int (*sync)(void);
    int (*next)(bool start, uint8_t *bytes, uint32_t *size, uint64_t *number);
    int (*read)(uint64_t number, uint8_t *bytes, uint32_t *size);
};

static struct rlog rlog;
static struct rlog_config rlog_config;
static struct rlog_iterator rlog_at;
static uint8_t rlog_buffer[2 * 128];

static int rlog_again(void)
{
    return rlog_mount(&rlog, &rlog_config);
}

static int rlog_put(const void *data, uint32_t size)
{
    return rlog_append(&rlog, data, size, 0, NULL);
}

static int rlog_commit(void)
{
    return rlog_sync(&rlog);
}

static int rlog_get(bool start, uint8_t *bytes, uint32_t *size, uint64_t *number)
{
    if (start) rlog_iterate(&rlog_at, 0);
    return rlog_next(&rlog, &rlog_at, bytes, RECORD_MAX, size, number);
}

static int rlog_by_number(uint64_t number, uint8_t *bytes, uint32_t *size)
{
    return rlog_read(&rlog, number, bytes, RECORD_MAX, size);
}

static struct seqlog seqlog;
static struct seqlog_config seqlog_config;
static struct seqlog_iterator seqlog_at;
static uint8_t seqlog_work[2 * RECORD_MAX];

static int seqlog_again(void)
{
    return seqlog_mount(&seqlog, &seqlog_config);
}

static int seqlog_put_record(const void *data, uint32_t size)
{
    return seqlog_append(&seqlog, data, size, NULL);
}

static int seqlog_commit(void)
{
    return BO_FLASH_OK;
}

static int seqlog_get_record(bool start, uint8_t *bytes, uint32_t *size, uint64_t *number)
{
    if (start) seqlog_iterate(&seqlog_at, 0);
    return seqlog_next(&seqlog, &seqlog_at, bytes, RECORD_MAX, size, number);
}

static int seqlog_by_number(uint64_t number, uint8_t *bytes, uint32_t *size)
{
    return seqlog_read(&seqlog, number, bytes, RECORD_MAX, size);
}

static const struct engine engine_rlog = {"rlog",      rlog_again, rlog_put,
                                          rlog_commit, rlog_get,   rlog_by_number};
static const struct engine engine_seqlog = {"seqlog",      seqlog_again,      seqlog_put_record,
                                            seqlog_commit, seqlog_get_record, seqlog_by_number};

/* Sets a variant up on a blank part; NULL: there are no more. */
static const struct engine *engine_of(uint32_t variant)
{
    uint32_t options = variant % 8;
    ram_flash_init(&part.ram, 384, 4, 1, 0);
    part.ram.flash.geometry.read_unit = variant & 1 ? 16 : 1;
    part.ram.flash.context = &part;
    part.ram.flash.read = read_once_wrong;
    part.ram.flash.program = program_part;
    part.ram.flash.erase = erase_part;
    rlog_config = (struct rlog_config){.flash = &part.ram.flash,
                                       .buffer = rlog_buffer,
                                       .buffer_size = sizeof rlog_buffer,
                                       .segment_size = 128,
                                       .batch = options & 2,
                                       .profile = options & 4 ? RLOG_STRICT : RLOG_SEGMENT};
    seqlog_config = (struct seqlog_config){.flash = &part.ram.flash,
                                           .work = seqlog_work,
                                           .work_size = sizeof seqlog_work,
                                           .framing = options & 2 ? SEQLOG_COBS : SEQLOG_LENGTH,
                                           .find = options & 4 ? SEQLOG_BISECT : SEQLOG_SCAN};
    if (variant >= 16) return NULL;
    return variant < 8 ? &engine_rlog : &engine_seqlog;
}

/* --- records that say what they must be --- */

static uint32_t record(uint32_t tag, uint8_t *bytes)
{
    uint64_t random = tag;
    uint32_t size = 5 + ram_flash_below(&random, ram_flash_below(&random, 2) ? 20 : 110);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(tag * 31 + i * 7);
    memcpy(bytes, &tag, sizeof tag);
    return size;
}

/* Whether that is a record; of that tag, if it is not 0. */
static bool is_a_record(const uint8_t *bytes, uint32_t size, uint64_t wanted_tag)
{
    uint8_t wanted[RECORD_MAX];
    uint32_t tag;
    memcpy(&tag, bytes, sizeof tag);
    return size >= sizeof tag && record(tag, wanted) == size && memcmp(bytes, wanted, size) == 0 &&
           (wanted_tag == 0 || tag == wanted_tag);
}

static int append(const struct engine *engine, uint32_t tag)
{
    uint8_t bytes[RECORD_MAX];
    uint32_t size = record(tag, bytes);
    return engine->append(bytes, size);
}

/* Reads all that there is in both ways; all that is returned must be records. How many there are.
 * `prepared`: the record of a number has the tag one more than that. */
static uint32_t read_all(const struct engine *engine, bool prepared)
{
    uint8_t bytes[RECORD_MAX];
    uint32_t size, count = 0;
    uint64_t number = 0;
    int error = engine->next(true, bytes, &size, &number);
    for (; error == BO_FLASH_OK; error = engine->next(false, bytes, &size, &number)) {
        uint64_t tag = prepared ? number + 1 : 0;
        CHECK(is_a_record(bytes, size, tag), "%s: record %u", engine->name, (unsigned)number);
        count++;
        if (engine->read(number, bytes, &size) != BO_FLASH_OK) continue;
        CHECK(is_a_record(bytes, size, tag), "%s: record %u by number", engine->name,
              (unsigned)number);
    }
    return count;
}

/* An image with records over several power-ons. */
static void prepare(const struct engine *engine, uint32_t history, uint32_t *tag)
{
    uint64_t random = history;
    CHECK(engine->mount() == BO_FLASH_OK, "%s: mount", engine->name);
    for (uint32_t count = 6 + history % 16; count != 0; count--) {
        CHECK(append(engine, ++*tag) == BO_FLASH_OK, "%s: append", engine->name);
        uint32_t dice = ram_flash_below(&random, 6);
        if (dice < 2) CHECK(engine->sync() == BO_FLASH_OK, "%s: sync", engine->name);
        if (dice == 0) CHECK(engine->mount() == BO_FLASH_OK, "%s: mount", engine->name);
    }
    CHECK(engine->sync() == BO_FLASH_OK, "%s: sync", engine->name);
}

/* --- the tests --- */

static struct ram_flash image;

static void power_on(const struct engine *engine)
{
    part_goes_wrong(GLITCH_BIT, 0);
    ram_flash_copy(&part.ram, &image);
    part.ram.flash = image.flash;
    CHECK(engine->mount() == BO_FLASH_OK, "%s: mount", engine->name);
}

static uint32_t read_with_glitches(const struct engine *engine)
{
    uint32_t runs = 0;
    seqlog_config.work_size = SEQLOG_WORK_MIN; /* most records are larger */
    power_on(engine);
    CHECK(read_all(engine, true) > 0, "%s: it holds nothing", engine->name);
    for (unsigned glitch = 0; glitch < GLITCHES; glitch++) {
        uint32_t n = 0;
        do {
            power_on(engine);
            part_goes_wrong((enum glitch)glitch, ++n);
            read_all(engine, true);
            runs++;
        } while (part.reads >= n);
    }
    return runs;
}

/* Nothing is given up because of an error: the newest record before the work is still there. */
static void check_kept(const struct engine *engine, uint32_t tag)
{
    uint8_t bytes[RECORD_MAX];
    uint32_t size = 0;
    int error = engine->read(tag - 1, bytes, &size);
    CHECK(error == BO_FLASH_OK && is_a_record(bytes, size, tag), "%s: record %u: %d", engine->name,
          (unsigned)tag - 1, error);
}

static uint32_t resume_with_glitches(const struct engine *engine, uint32_t tag)
{
    uint32_t runs = 0;
    for (unsigned glitch = 0; glitch < GLITCHES; glitch++) {
        uint32_t n = 0;
        do {
            power_on(engine);
            part_goes_wrong((enum glitch)glitch, ++n);
            for (uint32_t i = 0; i < 2; i++)
                (void)append(engine, tag + 1 + i);
            (void)engine->sync();
            uint32_t reads = part.reads;
            part_goes_wrong(GLITCH_BIT, 0);
            CHECK(engine->mount() == BO_FLASH_OK, "%s: mount", engine->name);
            read_all(engine, false);
            if (glitch == GLITCH_IO) check_kept(engine, tag);
            part.reads = reads;
            runs++;
        } while (part.reads >= n);
    }
    return runs;
}

#define HISTORIES 12u

static void test_a_read_that_goes_wrong_once_returns_no_wrong_bytes(bool resumes)
{
    const struct engine *engine;
    for (uint32_t variant = 0; (engine = engine_of(variant)) != NULL; variant++) {
        uint32_t runs = 0;
        for (uint32_t history = 0; history < HISTORIES; history++) {
            unsigned before = failures;
            uint32_t tag = 0;
            (void)engine_of(variant);
            part_goes_wrong(GLITCH_BIT, 0);
            prepare(engine, history, &tag);
            image = part.ram;
            runs += resumes ? resume_with_glitches(engine, tag) : read_with_glitches(engine);
            CHECK(part.ram.breach == NULL, "%s: %s", engine->name, part.ram.breach);
            if (failures != before)
                printf("  in variant %u, history %u, %s\n", (unsigned)variant, (unsigned)history,
                       resumes ? "resumed" : "read");
        }
        if (verbose)
            printf("%s, variant %u: %u runs\n", engine->name, (unsigned)variant, (unsigned)runs);
    }
}

int main(int argc, char **argv)
{
    verbose = argc > 1 && argv[1][0] == 'v';
    test_a_read_that_goes_wrong_once_returns_no_wrong_bytes(false);
    test_a_read_that_goes_wrong_once_returns_no_wrong_bytes(true);
    printf("%u failures\n", failures);
    return failures != 0;
}
