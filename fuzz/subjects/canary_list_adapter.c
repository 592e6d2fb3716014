/* canary_list_adapter.c - canary-queue and canary-log: their list of faults, and their adapters. */
#include <string.h>

#include "fuzz/adapters/adapter_list.h"
#include "fuzz/subjects/canary_list.h"
#include "fuzz/subjects/subjects.h"

#define ANY ADAPTER_MAP /* shown by the queue and the log */

/* clang-format off */
const struct canary_list_fault canary_list_faults[CANARY_LIST_FAULT_COUNT] = {
    [PLANTED_NONE] = {"no fault", "", "", "", false, 1, ANY, 0},
    [PLANTED_HEADER_UNCHECKED] = {
        "the checksum of a sector's header is not looked at", "K2", "durable", "bits", false, 1,
        ANY, 0},
    [PLANTED_LENGTH_TRUSTED] = {
        "a torn record is stepped over by the length that stands in it", "K14", "durable", "bits",
        false, 1, ANY, 0},
    [PLANTED_HEAD_FIRST] = {
        "a record's head is programmed before its body", "K1", "atomic", "edge", false, 1, ANY, 0},
    [PLANTED_POP_LATE] = {
        "a pop is marked by the next pop", "K11", "settled", "edge", false, 1, ADAPTER_QUEUE, 0},
    [PLANTED_POP_AGAIN] = {
        "a torn mark of a pop counts as none and is programmed again", "K13", "lawful", "prefix",
        true, 1, ADAPTER_QUEUE, 0},
    [PLANTED_HEAD_TWICE] = {
        "a pop programs the record's head again", "K13", "lawful", "", true, 1, ADAPTER_QUEUE, 0},
    [PLANTED_PLACE_IN_POPPED] = {
        "a pop of the n-th item counts those that were popped", "K11", "ordered", "", false, 1,
        ADAPTER_QUEUE, 0},
    [PLANTED_FREED_EARLY] = {
        "a sector counts as free when its first item was popped", "K6", "durable", "", false, 1,
        ADAPTER_QUEUE, 0},
    [PLANTED_DROP_TWO] = {
        "an append gives up two sectors for one", "K6", "durable", "", false, 1, ADAPTER_QUEUE, 0},
    [PLANTED_PUSH_DROPS] = {
        "a push drops the oldest items where there is no room", "K16", "durable", "", false, 1,
        ADAPTER_QUEUE, 0},
    [PLANTED_FIRST_FIT] = {
        "a small item goes into what is left of the sector before", "K15", "ordered", "", false, 1,
        ANY, 0},
    [PLANTED_COUNTER_WRAPS] = {
        "sequence numbers of 3 bits are compared without wrapping", "K8", "durable", "", false, 1,
        ANY, 0},
    [PLANTED_LAST_UNSEEN] = {
        "a record that ends with its sector is not seen", "K15", "durable", "", false, 1, ANY, 0},
    [PLANTED_AHEAD_ASSUMED] = {
        "a sector is erased ahead, and taken as erased ever after", "K10", "lawful", "edge", false,
        1, ADAPTER_LOG, 0},
    [PLANTED_TRUST_BLANK] = {
        "a sector is not erased when its header reads blank", "K4", "lawful", "prefix", false, 1,
        ANY, 0},
    [PLANTED_GUARD_UNCHECKED] = {
        "a sector counts by its header when its erase was cut at the end", "K4",
        "ordered or atomic", "zeros", false, 1, ANY, 0},
    [PLANTED_LEAK] = {
        "a sector whose header was torn is never used again", "K16", "alive", "prefix", false, 1,
        ANY, 0},
    [PLANTED_TORN_REFUSED] = {
        "mount refuses a chip with a torn header", "K7", "alive", "prefix", false, 1, ANY, 0},
    [PLANTED_ALL_SEALED] = {
        "a sector is sealed before the next is begun, and sealed is full", "K7", "alive", "edge",
        false, 1, ANY, 0},
    [PLANTED_NUMBER_SKIPPED] = {
        "a torn record counts as one", "K11", "ordered", "edge", false, 1,
        ADAPTER_LOG, 0},
    [PLANTED_NUMBER_REUSED] = {
        "a torn record takes one off the count", "K11", "ordered", "edge", false, 1,
        ADAPTER_LOG, 0},
    [PLANTED_READ_FOR_EVER] = {
        "a damaged record is read until it is good", "K14", "bounded", "bits", false, 1, ANY, 0},
    [PLANTED_SYNC_EARLY] = {
        "a sync leaves the newest item in RAM", "K11", "durable", "edge", false, 1, ADAPTER_LOG, 3},
    [PLANTED_CLEAR_IN_STEPS] = {
        "a clear erases sector by sector", "K19", "atomic", "edge", false, 1, ANY, 0},
    [PLANTED_CLEAR_FORGOTTEN] = {
        "the mark of a clear is looked for in the newest sector alone", "K9", "settled", "", false,
        1, ANY, 0},
    [PLANTED_STEP_OF_NOTHING] = {
        "the length of a damaged record is added in 8 bits, 0 as well", "K14", "sane", "", false,
        1, ANY, 0},
    [PLANTED_FITS_TOO_MUCH] = {
        "the largest item that fits is returned one byte too large", "K15", "honest", "", false, 1,
        ADAPTER_QUEUE, 0},
    [PLANTED_MOUNT_WRITES] = {
        "every mount writes a note that a record was torn", "K18", "settled", "edge", false, 1,
        ANY, 0},
    [PLANTED_COPY_STAYS] = {
        "recovery copies the last item, and a cut leaves both", "K10", "atomic", "edge", false, 2,
        ADAPTER_QUEUE, 0},
    [PLANTED_SEEK_SKIPS] = {
        "a seek answers the first sector begun at that time or later", "K15", "ordered", "",
        false, 1, ADAPTER_LOG, 0},
    [PLANTED_WIPE_ON_DAMAGE] = {
        "a damaged store is erased and begun anew", "K20", "durable or settled", "edge", false, 1,
        ANY, 0},
    [PLANTED_ERROR_IGNORED] = {
        "a failed program of a body is not noticed", "K25", "durable", "ecc", false, 1,
        ADAPTER_LOG, 0},
    [PLANTED_TRUST_RAM] = {
        "mount takes the active sector from RAM", "K11", "durable", "", false, 1, ANY, 0},
    [PLANTED_BLANK_ITEM] = {
        "an item of erased bytes, or of none, counts as absent", "K3", "durable", "", false, 1,
        ANY, 0},
    [PLANTED_MARK_OF_A_BIT] = {
        "a pop clears one bit", "K4", "settled or atomic", "bits", false, 1, ADAPTER_QUEUE, 0},
    [PLANTED_SPACE_TOO_MUCH] = {
        "a sector that is still in use counts as room", "K15", "honest", "", false, 1,
        ADAPTER_QUEUE, 0},
    [PLANTED_RANGE_STALE] = {
        "the oldest number is that of the last power-on", "K11", "ordered", "", false, 1,
        ADAPTER_LOG, 0},
    [PLANTED_SEEK_EARLY] = {
        "a seek answers the oldest number", "K15", "ordered", "", false, 1, ADAPTER_LOG, 0},
};
/* clang-format on */

enum { OPTION_FAULT, OPTION_BATCH };

static enum answer copy_item(const struct canary_list *list, int error,
                             const struct canary_list_found *found, void *buffer, uint32_t capacity,
                             uint32_t *size)
{
    if (error) return list_answer(error);
    uint32_t part = found->size < capacity ? found->size : capacity;
    if (part) memcpy(buffer, list->item, part);
    *size = found->size;
    return ANSWER_OK;
}

static enum answer list_push(void *object, const void *data, uint32_t size)
{
    return list_answer(canary_list_push(object, data, size, 0, false));
}

static enum answer list_append(void *object, const void *data, uint32_t size, uint64_t time)
{
    return list_answer(canary_list_append(object, data, size, time));
}

static enum answer list_peek(void *object, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct canary_list_found found;
    int error = canary_list_peek(object, 0, &found);
    return copy_item(object, error, &found, buffer, capacity, size);
}

static enum answer list_pop(void *object, uint32_t place, void *buffer, uint32_t capacity,
                            uint32_t *size)
{
    struct canary_list_found found;
    int error = canary_list_pop(object, place, &found);
    return copy_item(object, error, &found, buffer, capacity, size);
}

static enum answer list_read(void *object, uint64_t number, void *buffer, uint32_t capacity,
                             uint32_t *size)
{
    struct canary_list_found found;
    int error = canary_list_read(object, number, &found);
    return copy_item(object, error, &found, buffer, capacity, size);
}

static enum answer list_seek(void *object, uint64_t time, uint64_t *number)
{
    return list_answer(canary_list_seek(object, time, number));
}

static enum answer list_clear(void *object)
{
    return list_answer(canary_list_clear(object));
}

static enum answer list_sync(void *object)
{
    return list_answer(canary_list_sync(object));
}

static enum answer list_fits(void *object, uint32_t *size)
{
    return list_answer(canary_list_fits(object, size));
}

static enum answer list_space(void *object, uint32_t size, uint64_t *count)
{
    return list_answer(canary_list_space(object, size, count));
}

static enum answer list_range(void *object, uint64_t *first, uint64_t *end)
{
    return list_answer(canary_list_range(object, first, end));
}

static enum answer list_each(void *object, adapter_item *item, void *context)
{
    struct canary_list *list = object;
    struct canary_list_cursor cursor = {0};
    struct canary_list_found found;
    int more;
    while ((more = canary_list_next(list, &cursor, &found)) == 1)
        item(context, list->is_log ? found.number : 0, list->item, found.size);
    return list_answer(more);
}

static bool list_buffers(const struct adapter_settings *settings)
{
    return settings->values[OPTION_BATCH] > 0;
}

/* A sector holds at least its header and one record. */
static const char *list_refuses(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings)
{
    uint32_t grain = canary_list_grain(geometry);
    (void)settings;
    if (geometry->sector_count < 3) return "it needs three sectors";
    if (geometry->sector_size % grain) return "a sector is not whole grains of 8 bytes";
    if (geometry->sector_size < 10 * grain) return "a sector does not hold a record";
    return NULL;
}

static size_t list_object_size(const struct bo_flash_geometry *geometry,
                               const struct adapter_settings *settings)
{
    size_t buffers = 3 + settings->values[OPTION_BATCH];
    return sizeof(struct canary_list) + buffers * geometry->sector_size;
}

static void prepare(struct canary_list *list, const struct bo_flash *flash,
                    const struct adapter_settings *settings, bool is_log)
{
    uint8_t *buffers = (uint8_t *)list + sizeof *list;
    list->flash = flash;
    list->fault = (enum canary_list_planted)settings->values[OPTION_FAULT];
    list->is_log = is_log;
    list->batch = is_log ? (uint32_t)settings->values[OPTION_BATCH] : 0;
    list->grain = canary_list_grain(&flash->geometry);
    list->body = buffers;
    list->item = list->body + flash->geometry.sector_size;
    list->waiting = list->item + flash->geometry.sector_size;
}

static enum answer mount_queue(void *object, const struct bo_flash *flash,
                               const struct adapter_settings *settings)
{
    prepare(object, flash, settings, false);
    return list_answer(canary_list_mount(object));
}

static enum answer mount_log(void *object, const struct bo_flash *flash,
                             const struct adapter_settings *settings)
{
    prepare(object, flash, settings, true);
    return list_answer(canary_list_mount(object));
}

static void limits_of(const struct bo_flash_geometry *geometry,
                      const struct adapter_settings *settings, bool is_log, uint32_t *key_size_min,
                      uint32_t *key_size_max, uint32_t *value_size_max)
{
    struct bo_flash flash = {.geometry = *geometry};
    struct canary_list list = {.flash = &flash,
                               .fault = (enum canary_list_planted)settings->values[OPTION_FAULT],
                               .is_log = is_log,
                               .grain = canary_list_grain(geometry)};
    *key_size_min = *key_size_max = 0;
    *value_size_max = canary_list_size_max(&list);
}

static void queue_limits(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings, uint32_t *key_size_min,
                         uint32_t *key_size_max, uint32_t *value_size_max)
{
    limits_of(geometry, settings, false, key_size_min, key_size_max, value_size_max);
}

static void log_limits(const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings, uint32_t *key_size_min,
                       uint32_t *key_size_max, uint32_t *value_size_max)
{
    limits_of(geometry, settings, true, key_size_min, key_size_max, value_size_max);
}

/* A call reads each grain a few times, and as often again for each item that waits. */
static struct adapter_bound list_bound(const struct bo_flash_geometry *geometry,
                                       const struct adapter_settings *settings,
                                       enum adapter_call call)
{
    uint64_t grains = geometry->sector_size / canary_list_grain(geometry);
    uint64_t sectors = geometry->sector_count;
    uint64_t programs = geometry->sector_size / geometry->unit + 8;
    (void)call;
    uint64_t calls = (1 + settings->values[OPTION_BATCH]) *
                     (sectors * (sectors + 4 * grains + 8) * 2 + programs);
    return (struct adapter_bound){calls, calls};
}

static const struct adapter_option queue_options[] = {
    {.name = "fault",
     .summary = "the planted fault; 0: none",
     .value = 1,
     .max = CANARY_LIST_FAULT_COUNT - 1},
    {.name = NULL},
};

static const struct adapter_option log_options[] = {
    {.name = "fault",
     .summary = "the planted fault; 0: none",
     .value = 1,
     .max = CANARY_LIST_FAULT_COUNT - 1},
    {.name = "batch",
     .summary = "items that wait in RAM until there are more, or a sync",
     .max = CANARY_LIST_BATCH_MAX},
    {.name = NULL},
};

static const struct adapter_list queue_calls = {
    .push = list_push,
    .append = list_append,
    .peek = list_peek,
    .pop = list_pop,
    .clear = list_clear,
    .fits = list_fits,
    .space = list_space,
    .space_sectors = 1,
    .each = list_each,
};

static const struct adapter_list log_calls = {
    .append = list_append,
    .read = list_read,
    .seek = list_seek,
    .seek_sectors = 1,
    .range = list_range,
    .clear = list_clear,
    .sync = list_sync,
    .seal = list_sync,
    .each = list_each,
    .buffers = list_buffers,
};

const struct adapter adapter_canary_queue = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_QUEUE,
    .name = "canary-queue",
    .summary = "subject: a small queue with a planted fault (fault=0: none), to be caught always",
    .claims = "edge,prefix,bits,zeros",
    .options = queue_options,
    .refuses = list_refuses,
    .object_size = list_object_size,
    .limits = queue_limits,
    .mount = mount_queue,
    .bound = list_bound,
    .list = &queue_calls,
};

const struct adapter adapter_canary_log = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_LOG,
    .name = "canary-log",
    .summary = "subject: a small ring log with a planted fault (fault=0: none)",
    .claims = "edge,prefix,bits,zeros",
    .options = log_options,
    .refuses = list_refuses,
    .object_size = list_object_size,
    .limits = log_limits,
    .mount = mount_log,
    .bound = list_bound,
    .list = &log_calls,
};
