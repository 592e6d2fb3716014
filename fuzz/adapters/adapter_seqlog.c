/* adapter_seqlog.c - drives engines/ringlog/seqlog, with each way to frame records and each to find
 * the head. The memory that a user would give the engine lies after the struct, in one object. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engines/ringlog/seqlog.h"
#include "fuzz/adapter.h"
#include "fuzz/adapters/adapter_list.h"

enum { OPTION_FRAMING, OPTION_FIND, OPTION_AHEAD, OPTION_SPAN, OPTION_WORK, OPTION_ID };

static const char *const framings[] = {"length", "cobs"};
static const char *const finds[] = {"scan", "bisect", "coarse", "fine", "twolevel", "pointer"};

static const struct adapter_option options[] = {
    {.name = "framing",
     .summary = "how records are framed: by their length or by COBS",
     .value = SEQLOG_LENGTH,
     .min = SEQLOG_LENGTH,
     .max = SEQLOG_COBS,
     .words = framings},
    {.name = "find",
     .summary = "how the newest sector is found",
     .value = SEQLOG_BISECT,
     .min = SEQLOG_SCAN,
     .max = SEQLOG_POINTER,
     .words = finds},
    {.name = "ahead",
     .summary = "erase the next sector when the current one is half full: 0 or 1",
     .max = 1},
    {.name = "span",
     .summary = "sectors that a sector of a fine or two-level index is for, or entries in one of a "
                "pointer index; 0: as many as fit",
     .max = 65535},
    {.name = "work",
     .summary = "bytes of the work buffer, 64 or more; 0: those of a sector and a unit",
     .max = 65535},
    {.name = "id",
     .summary = "of the log: one of another id is refused",
     .max = UINT32_MAX,
     .binds = true},
    {.name = NULL},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))
_Static_assert(COUNT(options) == OPTION_ID + 2, "one for each, and the end");
_Static_assert(COUNT(framings) == SEQLOG_COBS - SEQLOG_LENGTH + 1, "a word for each framing");
_Static_assert(COUNT(finds) == SEQLOG_POINTER - SEQLOG_SCAN + 1, "a word for each way to find");

/* The engine object: the struct, then the memory that a user would give it. */
struct object {
    struct seqlog log;
    uint32_t record_max, work_size;
    uint8_t *work, *record;
};

struct layout {
    size_t work, record, total;
};

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* A whole sector and the unit before a frame, or less. */
static size_t work_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    size_t most = aligned(g->sector_size + BO_FLASH_UNIT_MAX), wanted = s->values[OPTION_WORK];
    assert(wanted <= options[OPTION_WORK].max);
    return wanted != 0 && wanted < most ? wanted : most;
}

static struct layout lay_out(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct layout l;
    l.work = aligned(sizeof(struct object));
    l.record = l.work + aligned(work_size(g, s));
    l.total = l.record + aligned(g->sector_size);
    assert(l.total > l.record && "no sum went around");
    return l;
}

static struct seqlog_config configured(const struct adapter_settings *s)
{
    assert(s->values[OPTION_FRAMING] < SEQLOG_LENGTH + COUNT(framings));
    assert(s->values[OPTION_FIND] < SEQLOG_SCAN + COUNT(finds));
    return (struct seqlog_config){
        .framing = (enum seqlog_framing)s->values[OPTION_FRAMING],
        .find = (enum seqlog_find)s->values[OPTION_FIND],
        .ahead = s->values[OPTION_AHEAD] != 0,
        .index_span = (uint32_t)s->values[OPTION_SPAN],
        .id = (uint32_t)s->values[OPTION_ID],
    };
}

static int plan(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                struct seqlog_plan *result)
{
    struct seqlog_config config = configured(s);
    return seqlog_plan(g, &config, result);
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    return lay_out(g, s).total;
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct seqlog_plan result;
    int error = plan(g, s, &result);
    if (s->values[OPTION_WORK] != 0 && s->values[OPTION_WORK] < SEQLOG_WORK_MIN)
        return "needs a work buffer of at least 64 bytes";
    if (error == RINGLOG_ERR_UNSUPPORTED)
        return "needs a chip that allows as many programs of a unit as it has bits: an index of "
               "bits programs each by itself";
    if (error)
        return "needs a chip of at least 3 sectors besides the index, whose erased bytes are 0xff, "
               "and sectors of at least 64 bytes that hold a header and a frame";
    return NULL;
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    struct seqlog_plan result;
    *key_size_min = *key_size_max = *value_size_max = 0;
    if (plan(g, s, &result)) return;
    uint32_t size = result.record_max, room = (uint32_t)work_size(g, s) - g->unit;
    while (size != 0 && seqlog_frame_size_max(configured(s).framing, size, g->unit) > room)
        size--;
    assert(size <= result.record_max);
    *value_size_max = size;
}

static struct seqlog_config place(struct object *object, const struct bo_flash *flash,
                                  const struct adapter_settings *s)
{
    uint8_t *memory = (uint8_t *)object;
    struct layout l = lay_out(&flash->geometry, s);
    struct seqlog_config config = configured(s);
    object->work = memory + l.work;
    object->record = memory + l.record;
    object->record_max = (uint32_t)(l.total - l.record);
    config.flash = flash;
    config.work = object->work;
    config.work_size = (uint32_t)work_size(&flash->geometry, s);
    return config;
}

static enum answer mount(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct seqlog_config config = place(object, flash, s);
    return list_answer(seqlog_mount(&object->log, &config));
}

static enum answer reset(void *memory, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct object *object = memory;
    struct seqlog_config config = place(object, flash, s);
    return list_answer(seqlog_format(&object->log, &config));
}

static enum answer append(void *memory, const void *data, uint32_t size, uint64_t time)
{
    struct object *object = memory;
    (void)time;
    return list_answer(seqlog_append(&object->log, data, size, NULL));
}

static enum answer read_record(void *memory, uint64_t number, void *buffer, uint32_t capacity,
                               uint32_t *size)
{
    struct object *object = memory;
    int error = seqlog_read(&object->log, number, object->record, object->record_max, size);
    if (error) return list_answer(error);
    if (capacity != 0) memcpy(buffer, object->record, *size < capacity ? *size : capacity);
    return ANSWER_OK;
}

static enum answer range(void *memory, uint64_t *first, uint64_t *end)
{
    struct object *object = memory;
    int error = seqlog_first(&object->log, first);
    if (error) return list_answer(error);
    *end = seqlog_end(&object->log);
    return ANSWER_OK;
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    return list_answer(seqlog_clear(&object->log));
}

static enum answer idle(void *memory)
{
    struct object *object = memory;
    return list_answer(seqlog_prepare(&object->log));
}

/* The first record as by a user who asks for its length before. */
static enum answer each(void *memory, adapter_item *item, void *context)
{
    struct object *object = memory;
    struct seqlog_iterator it;
    uint64_t number;
    uint32_t size = 0, most = object->record_max;
    seqlog_iterate(&it, 0);
    int error = seqlog_next(&object->log, &it, object->record, 0, &size, &number);
    if (error == RINGLOG_ERR_BUFFER && size < most) most = size;
    if (error == RINGLOG_ERR_BUFFER)
        error = seqlog_next(&object->log, &it, object->record, most, &size, &number);
    while (error == BO_FLASH_OK) {
        item(context, number, object->record, size);
        error = seqlog_next(&object->log, &it, object->record, object->record_max, &size, &number);
    }
    return error == RINGLOG_ERR_NOT_FOUND ? ANSWER_OK : list_answer(error);
}

/* The sector after the one that was erased is not shown: it is the next to be given up. */
static uint32_t ring(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                     uint32_t *ahead)
{
    struct seqlog_plan result;
    *ahead = 1;
    return plan(g, s, &result) ? 0 : result.sectors;
}

static const enum seqlog_call calls[ADAPTER_CALLS] = {
    [ADAPTER_CALL_MOUNT] = SEQLOG_CALL_MOUNT, [ADAPTER_CALL_FORMAT] = SEQLOG_CALL_MOUNT,
    [ADAPTER_CALL_PUSH] = SEQLOG_CALL_APPEND, [ADAPTER_CALL_READ] = SEQLOG_CALL_READ,
    [ADAPTER_CALL_CLEAR] = SEQLOG_CALL_CLEAR, [ADAPTER_CALL_SYNC] = SEQLOG_CALL_PREPARE,
    [ADAPTER_CALL_RANGE] = SEQLOG_CALL_FIRST};

static struct adapter_bound bound_of(const struct bo_bound *most)
{
    return (struct adapter_bound){.reads = most->reads ? most->reads : ADAPTER_NO_CALL,
                                  .changes = most->changes ? most->changes : ADAPTER_NO_CALL};
}

/* The oldest sector is looked for; then each is gone through once, up to where the next begins. In
 * a smaller work buffer that takes as many reads as to find one record in it. */
static struct adapter_bound each_bound_uncut(const struct seqlog_config *config,
                                             const struct seqlog_plan *plan)
{
    struct bo_bound find = seqlog_bound_uncut(config, SEQLOG_CALL_READ);
    struct bo_bound most = {.reads = find.reads + 3ull * plan->sectors, .changes = 0};
    if (config->work_size < config->flash->geometry.sector_size) most.reads *= find.reads;
    return bound_of(&most);
}

static struct adapter_bound bound_uncut(const struct bo_flash_geometry *g,
                                        const struct adapter_settings *s, enum adapter_call call)
{
    assert(call < ADAPTER_CALLS);
    struct seqlog_plan result;
    struct bo_flash flash = {.geometry = *g};
    struct seqlog_config config = configured(s);
    if (plan(g, s, &result)) return (struct adapter_bound){0};
    config.flash = &flash;
    config.work_size = (uint32_t)work_size(g, s);
    if (call == ADAPTER_CALL_EACH) return each_bound_uncut(&config, &result);
    struct bo_bound most = seqlog_bound_uncut(&config, calls[call]);
    if (call == ADAPTER_CALL_FORMAT) most.changes = g->sector_count;
    return bound_of(&most);
}

/* The engine states its bounds for what cuts leave on parts whose units can all be read. Here some
 * may not, and a header may be anything: a sector is then read in the smallest pieces, more than
 * once where records were in them, and the head is looked for in the whole ring. */
static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    assert(call < ADAPTER_CALLS && g->read_unit != 0);
    struct seqlog_plan result;
    struct bo_flash flash = {.geometry = *g};
    struct seqlog_config config = configured(s);
    /* each() is as many calls as there are records. */
    if (call == ADAPTER_CALL_EACH || plan(g, s, &result)) return (struct adapter_bound){0};
    config.flash = &flash;
    config.work_size = (uint32_t)work_size(g, s);
    struct bo_bound most = seqlog_bound(&config, calls[call]);
    if (call == ADAPTER_CALL_FORMAT) most.changes = g->sector_count;
    uint64_t ring = 12ull * result.sectors + 8ull * result.index_sectors + 512;
    most.reads = most.reads * (1 + 8ull * (g->sector_size / g->read_unit)) + ring;
    return bound_of(&most);
}

/* An erase before a power-on proves nothing (seqlog.h, 2). */
static uint32_t widened(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    assert(s->values[OPTION_AHEAD] <= 1 && g->sector_size != 0);
    uint32_t again = s->values[OPTION_AHEAD] ? ADAPTER_ERASES_AGAIN : 0u;
    return (uint32_t)ADAPTER_FORMAT_MAY_STOP | again;
}

static void inspect(void *memory, const struct bo_flash *flash, const struct adapter_settings *s,
                    adapter_line *line, void *context)
{
    struct object *object = memory;
    struct seqlog_plan result;
    char text[120];
    uint64_t first;
    if (plan(&flash->geometry, s, &result)) return;
    snprintf(text, sizeof text, "%" PRIu32 " sectors of records, %" PRIu32 " of index",
             result.sectors, result.index_sectors);
    line(context, text);
    const struct seqlog *log = &object->log;
    if (log->stale || log->flash != flash) return;
    snprintf(text, sizeof text,
             "%s, head: sector %" PRIu32 ", number %" PRIu32 ", used to %" PRIu32,
             log->open ? "in use" : "empty", log->head, log->header.sequence, log->append);
    line(context, text);
    if (seqlog_first(&object->log, &first)) return;
    snprintf(text, sizeof text, "records %" PRIu64 " to %" PRIu64 ", in %" PRIu32 " sectors", first,
             seqlog_end(log), log->open ? log->header.reach + 1 : 0);
    line(context, text);
}

static const struct adapter_list list = {
    .append = append,
    .read = read_record,
    .range = range,
    .clear = clear,
    .idle = idle,
    .each = each,
    .ring = ring,
};

const struct adapter adapter_seqlog = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_LOG,
    .name = "seqlog",
    .summary =
        "ring log with a sequence number in each sector; framing and head search are options",
    .claims = "edge,prefix,bits,zeros,fail",
    .options = options,
    .relies_on_and = false,
    .promised =
        ADAPTER_RESET_MOUNTS | ADAPTER_TELLS_FLASH | ADAPTER_REFUSES_JUNK | ADAPTER_KNOWS_REGION,
    .refuses = refuses,
    .object_size = object_size,
    .limits = limits,
    .widened_by = widened,
    .widened_why = "a format that is cut leaves any part of what was there; with ahead=1 the first "
                   "append after a power-on erases the next sector again",
    .reset = reset,
    .mount = mount,
    .bound = bound,
    .bound_uncut = bound_uncut,
    .inspect = inspect,
    .list = &list,
};
