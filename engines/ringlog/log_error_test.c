/* log_error_test.c - flash calls that fail, on rlog and seqlog, each call of a workload once.
 *
 * Method. A workload of mounts, appends, readings, a preparation and a sync runs on a small part;
 * its n-th flash call answers an error and does nothing, for every n. Power and RAM stay. Then the
 * log is mounted again on the part, which is well, and
 *   - every record that is read is one that was appended, whole, and in order;
 *   - after an error BO_FLASH_ERR_IO the last record whose append returned BO_FLASH_OK is there;
 *   - a new record is taken, and read back.
 * A read that answers BO_FLASH_ERR_ECC once may hide a record from the log for good, so nothing is
 * asked about the last record then.
 * Prints the first failure with the log and the call, and returns 1.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "rlog.h"
#include "seqlog.h"

#define SECTOR_SIZE 256u
#define SECTOR_COUNT 8u
#define RECORD_SIZE 24u
#define APPENDS 90u
#define MOUNT_EVERY 20u

struct part {
    struct ram_flash ram;
    struct bo_flash flash;
    uint64_t calls, fail_at; /* fail_at is counted from 1; 0: no call fails */
    int error;
};

/* One of the logs, with one set of options. */
struct world {
    const char *name;
    bool is_rlog, strict, batch, ahead;
    enum seqlog_framing framing;
    enum seqlog_find find;
};

struct device {
    struct part part;
    const struct world *world;
    struct rlog rlog;
    struct seqlog seqlog;
    uint8_t memory[1024];
    uint32_t newest; /* whose append returned BO_FLASH_OK, and that was synced; 0: none */
};

static struct device device;

static const struct world worlds[] = {
    {.name = "rlog", .is_rlog = true},
    {.name = "rlog, ahead", .is_rlog = true, .ahead = true},
    {.name = "rlog, batch", .is_rlog = true, .batch = true},
    {.name = "rlog, strict", .is_rlog = true, .strict = true},
    {.name = "seqlog, scan", .framing = SEQLOG_LENGTH, .find = SEQLOG_SCAN},
    {.name = "seqlog, bisect, ahead", .find = SEQLOG_BISECT, .ahead = true},
    {.name = "seqlog, COBS, bisect", .framing = SEQLOG_COBS, .find = SEQLOG_BISECT},
    {.name = "seqlog, coarse", .framing = SEQLOG_LENGTH, .find = SEQLOG_COARSE},
    {.name = "seqlog, COBS, fine", .framing = SEQLOG_COBS, .find = SEQLOG_FINE},
    {.name = "seqlog, twolevel", .framing = SEQLOG_LENGTH, .find = SEQLOG_TWOLEVEL},
    {.name = "seqlog, pointer", .framing = SEQLOG_LENGTH, .find = SEQLOG_POINTER},
};

static bool fails(struct part *part, bool reads)
{
    bool now = ++part->calls == part->fail_at;
    return now && (reads || part->error == BO_FLASH_ERR_IO);
}

static int part_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    struct part *part = (struct part *)context;
    if (fails(part, true)) return part->error;
    return ram_flash_read(&part->ram, address, buffer, size);
}

static int part_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    struct part *part = (struct part *)context;
    if (fails(part, false)) return part->error;
    return ram_flash_program(&part->ram, address, data, size);
}

static int part_erase(void *context, uint32_t address)
{
    struct part *part = (struct part *)context;
    if (fails(part, false)) return part->error;
    return ram_flash_erase(&part->ram, address);
}

static void power_off(uint64_t fail_at, int error)
{
    struct part *part = &device.part;
    ram_flash_init(&part->ram, SECTOR_SIZE, SECTOR_COUNT, 1, 0);
    part->flash = part->ram.flash;
    part->flash.context = part;
    part->flash.read = part_read;
    part->flash.program = part_program;
    part->flash.erase = part_erase;
    part->calls = 0;
    part->fail_at = fail_at;
    part->error = error;
    device.newest = 0;
}

static int log_mount(void)
{
    const struct world *world = device.world;
    struct rlog_config ring = {.flash = &device.part.flash,
                               .buffer = device.memory,
                               .buffer_size = sizeof device.memory,
                               .segment_size = 128,
                               .profile = world->strict ? RLOG_STRICT : RLOG_SEGMENT,
                               .batch = world->batch,
                               .ahead = world->ahead};
    struct seqlog_config sequence = {.flash = &device.part.flash,
                                     .work = device.memory,
                                     .work_size = sizeof device.memory,
                                     .framing = world->framing,
                                     .find = world->find,
                                     .ahead = world->ahead};
    memset(&device.rlog, 0xA5, sizeof device.rlog);
    memset(&device.seqlog, 0xA5, sizeof device.seqlog);
    return world->is_rlog ? rlog_mount(&device.rlog, &ring)
                          : seqlog_mount(&device.seqlog, &sequence);
}

static void record_make(uint32_t which, uint8_t bytes[RECORD_SIZE])
{
    for (uint32_t i = 0; i < RECORD_SIZE; i++)
        bytes[i] = (uint8_t)(which + 37 * i);
}

/* Appends record `which` and commits it. */
static int append(uint32_t which)
{
    uint8_t bytes[RECORD_SIZE];
    record_make(which, bytes);
    int error = device.world->is_rlog ? rlog_append(&device.rlog, bytes, RECORD_SIZE, which, NULL)
                                      : seqlog_append(&device.seqlog, bytes, RECORD_SIZE, NULL);
    if (!error && device.world->batch) error = rlog_sync(&device.rlog);
    if (!error) device.newest = which;
    return error;
}

static int prepare(void)
{
    return device.world->is_rlog ? rlog_prepare(&device.rlog) : seqlog_prepare(&device.seqlog);
}

/* Reads all that there is: *newest is the last record, 0 when there is none. Returns an error of
 * the log, or 1 when a record is none that was appended, or not in order. */
static int read_all(uint32_t *newest)
{
    bool ring = device.world->is_rlog;
    struct rlog_iterator of_ring;
    struct seqlog_iterator of_sequence;
    uint8_t bytes[RECORD_SIZE], expected[RECORD_SIZE];
    uint32_t size, before = 0;
    uint64_t number;
    rlog_iterate(&of_ring, 0);
    seqlog_iterate(&of_sequence, 0);
    for (;;) {
        int error =
            ring ? rlog_next(&device.rlog, &of_ring, bytes, RECORD_SIZE, &size, &number)
                 : seqlog_next(&device.seqlog, &of_sequence, bytes, RECORD_SIZE, &size, &number);
        *newest = before;
        if (error) return error == RINGLOG_ERR_NOT_FOUND ? 0 : error;
        record_make(bytes[0], expected);
        bool good = size == RECORD_SIZE && memcmp(bytes, expected, RECORD_SIZE) == 0;
        if (!good || bytes[0] <= before) return 1;
        before = bytes[0];
    }
}

/* What a device does; it goes on after an error. */
static void workload(void)
{
    uint32_t ignored;
    bool mounted = false;
    for (uint32_t which = 1; which <= APPENDS; which++) {
        if (!mounted || which % MOUNT_EVERY == 0) mounted = log_mount() == BO_FLASH_OK;
        if (!mounted) continue;
        append(which);
        if (which % MOUNT_EVERY == 7) read_all(&ignored);
        if (which % MOUNT_EVERY == 11) prepare();
    }
}

/* NULL when all is well after the workload, else what is not. */
static const char *judge(void)
{
    uint32_t newest, expected = device.newest;
    device.part.fail_at = 0;
    if (device.part.ram.breach) return device.part.ram.breach;
    if (log_mount() != BO_FLASH_OK) return "expected the next mount to work, came an error";
    int error = read_all(&newest);
    if (error == 1) return "expected records as appended, in order, came another";
    if (error) return "expected to read all records, came an error";
    if (device.part.error == BO_FLASH_ERR_IO && newest < expected)
        return "expected the record whose append returned OK, came an older one";
    if (append(APPENDS + 1)) return "expected a new record to be taken, came an error";
    if (read_all(&newest) || newest != APPENDS + 1) return "expected the new record, came another";
    return device.part.ram.breach;
}

/* Each call of the workload fails once; false, and a line, at the first failure. */
static bool all_fail(const struct world *world, int error)
{
    device.world = world;
    power_off(0, error);
    workload();
    uint64_t calls = device.part.calls;
    for (uint64_t n = 0; n <= calls; n++) {
        power_off(n, error);
        workload();
        const char *wrong = judge();
        if (!wrong) continue;
        printf("%s: flash call %llu of %llu answers %d: %s\n", world->name, (unsigned long long)n,
               (unsigned long long)calls, error, wrong);
        return false;
    }
    return calls != 0;
}

int main(void)
{
    bool fine = true;
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++)
        fine =
            all_fail(&worlds[i], BO_FLASH_ERR_IO) && all_fail(&worlds[i], BO_FLASH_ERR_ECC) && fine;
    return fine ? 0 : 1;
}
