/* adapter_rlog.c - drives engines/ringlog/rlog, as two engines: one for each profile. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engines/ringlog/rlog.h"
#include "fuzz/adapters/adapter_list.h"

enum { OPTION_BATCH, OPTION_AHEAD, OPTION_SEGMENT };

static const struct adapter_option options[] = {
    {.name = "batch",
     .summary = "records wait in RAM until a segment is full, or a sync: 0 or 1",
     .max = 1},
    {.name = "ahead",
     .summary = "the next sector is erased when half of this one is full: 0 or 1",
     .max = 1},
    {.name = "segment",
     .summary = "bytes of a segment of the format; 0: 256, or less in small sectors",
     .max = 2048},
    {.name = NULL},
};

_Static_assert(sizeof options / sizeof *options == OPTION_SEGMENT + 2, "one for each, and the end");

/* The engine object: the struct, then the memory that a user would give it. */
struct object {
    struct rlog log;
    uint8_t *record;
    uint32_t record_size;
};

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

static uint16_t segment_of(const struct adapter_settings *s)
{
    assert(s->values[OPTION_SEGMENT] <= options[OPTION_SEGMENT].max);
    return (uint16_t)s->values[OPTION_SEGMENT];
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    if (rlog_buffer_size(g, segment_of(s)) != 0) return NULL;
    return "needs a chip of at least 3 sectors, segments with room for two BASE frames, and a tear "
           "scope smaller than a sector";
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    *key_size_min = *key_size_max = 0;
    *value_size_max = rlog_record_max(g, segment_of(s));
}

/* A power-on costs a segment or two, or the rest of the sector: as many as there are sectors, with
 * an append each, come around the ring where a sector has few segments, or is given up whole. */
#define SEGMENTS_FEW 4u
#define ALWAYS_WIDENED (uint32_t)(ADAPTER_TAIL_OPEN | ADAPTER_FORMAT_MAY_STOP)

/* No erase from before the power-on is believed there (rlog_prepare). */
static uint32_t widened_strict(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    assert(s->values[OPTION_AHEAD] <= 1 && g->sector_size != 0);
    uint32_t again = s->values[OPTION_AHEAD] ? ADAPTER_ERASES_AGAIN : 0u;
    return ALWAYS_WIDENED | (uint32_t)ADAPTER_POWER_ON_DROPS | again;
}

static uint32_t widened_segment(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    uint32_t segment = segment_of(s) ? segment_of(s) : RLOG_SEGMENT_DEFAULT;
    if (g->programs_per_unit != 0) return widened_strict(g, s);
    bool drops = g->sector_size / segment < SEGMENTS_FEW;
    return ALWAYS_WIDENED | (drops ? ADAPTER_POWER_ON_DROPS : 0u);
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    return aligned(sizeof(struct object)) + aligned(rlog_buffer_size(g, segment_of(s))) +
           aligned(rlog_record_max(g, segment_of(s)));
}

static struct rlog_config place(struct object *object, const struct bo_flash *flash,
                                const struct adapter_settings *s, enum rlog_profile profile)
{
    uint8_t *base = (uint8_t *)object + aligned(sizeof *object);
    uint32_t buffer_size = rlog_buffer_size(&flash->geometry, segment_of(s));
    assert(buffer_size != 0 && "refuses() was asked first");
    object->record = base + aligned(buffer_size);
    object->record_size = rlog_record_max(&flash->geometry, segment_of(s));
    return (struct rlog_config){
        .flash = flash,
        .buffer = base,
        .buffer_size = buffer_size,
        .id = 1,
        .segment_size = segment_of(s),
        .profile = profile,
        .batch = s->values[OPTION_BATCH] != 0,
        .ahead = s->values[OPTION_AHEAD] != 0,
    };
}

/* By rlog_mount or rlog_format. */
static enum answer open_by(int (*open)(struct rlog *, const struct rlog_config *), void *memory,
                           const struct bo_flash *flash, const struct adapter_settings *s,
                           enum rlog_profile profile)
{
    struct object *object = memory;
    struct rlog_config config = place(object, flash, s, profile);
    return list_answer(open(&object->log, &config));
}

static enum answer mount_segment(void *memory, const struct bo_flash *flash,
                                 const struct adapter_settings *s)
{
    return open_by(rlog_mount, memory, flash, s, RLOG_SEGMENT);
}

static enum answer mount_strict(void *memory, const struct bo_flash *flash,
                                const struct adapter_settings *s)
{
    return open_by(rlog_mount, memory, flash, s, RLOG_STRICT);
}

static enum answer reset_segment(void *memory, const struct bo_flash *flash,
                                 const struct adapter_settings *s)
{
    return open_by(rlog_format, memory, flash, s, RLOG_SEGMENT);
}

static enum answer reset_strict(void *memory, const struct bo_flash *flash,
                                const struct adapter_settings *s)
{
    return open_by(rlog_format, memory, flash, s, RLOG_STRICT);
}

static enum answer append(void *memory, const void *data, uint32_t size, uint64_t time)
{
    struct object *object = memory;
    return list_answer(rlog_append(&object->log, data, size, time, NULL));
}

static enum answer read_number(void *memory, uint64_t number, void *buffer, uint32_t capacity,
                               uint32_t *size)
{
    struct object *object = memory;
    return list_answer(rlog_read(&object->log, number, buffer, capacity, size));
}

static enum answer seek(void *memory, uint64_t time, uint64_t *number)
{
    struct object *object = memory;
    return list_answer(rlog_seek(&object->log, time, number));
}

static enum answer range(void *memory, uint64_t *first, uint64_t *end)
{
    struct object *object = memory;
    return list_answer(rlog_range(&object->log, first, end));
}

static enum answer clear(void *memory)
{
    struct object *object = memory;
    return list_answer(rlog_clear(&object->log));
}

static enum answer sync(void *memory)
{
    struct object *object = memory;
    return list_answer(rlog_sync(&object->log));
}

static enum answer seal(void *memory)
{
    struct object *object = memory;
    return list_answer(rlog_seal(&object->log));
}

static enum answer idle(void *memory)
{
    struct object *object = memory;
    return list_answer(rlog_prepare(&object->log));
}

/* The first record as by a user who asks for its length before. */
static enum answer each(void *memory, adapter_item *item, void *context)
{
    struct object *object = memory;
    struct rlog_iterator at;
    uint64_t number;
    uint32_t size = 0, most = object->record_size;
    rlog_iterate(&at, 0);
    int error = rlog_next(&object->log, &at, object->record, 0, &size, &number);
    if (error == RINGLOG_ERR_BUFFER && size < most) most = size;
    if (error == RINGLOG_ERR_BUFFER)
        error = rlog_next(&object->log, &at, object->record, most, &size, &number);
    while (error == BO_FLASH_OK) {
        item(context, number, object->record, size);
        error = rlog_next(&object->log, &at, object->record, object->record_size, &size, &number);
    }
    return error == RINGLOG_ERR_NOT_FOUND ? ANSWER_OK : list_answer(error);
}

static bool buffers(const struct adapter_settings *s)
{
    return s->values[OPTION_BATCH] != 0;
}

static uint32_t ring(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                     uint32_t *ahead)
{
    /* The sector after the head is not seen; where it is erased ahead, its PREP may be what an
     * append programs last, and says nothing of where the record lies. */
    *ahead = s->values[OPTION_AHEAD] ? 2 : 1;
    return g->sector_count;
}

/* The calls of the engine that a call of the adapter may be. */
static const enum rlog_call calls[ADAPTER_CALLS] = {
    [ADAPTER_CALL_MOUNT] = RLOG_CALL_MOUNT, [ADAPTER_CALL_CLEAR] = RLOG_CALL_CLEAR,
    [ADAPTER_CALL_PUSH] = RLOG_CALL_APPEND, [ADAPTER_CALL_READ] = RLOG_CALL_READ,
    [ADAPTER_CALL_SEEK] = RLOG_CALL_SEEK,   [ADAPTER_CALL_SYNC] = RLOG_CALL_SEAL,
    [ADAPTER_CALL_RANGE] = RLOG_CALL_RANGE,
};

/* idle is a prepare, the others seal. */
static enum rlog_call worst_sync(const struct rlog_config *config)
{
    uint64_t seal = rlog_changes_max(config, RLOG_CALL_SEAL);
    bool more = rlog_changes_max(config, RLOG_CALL_PREPARE) > seal;
    return more ? RLOG_CALL_PREPARE : RLOG_CALL_SEAL;
}

/* The oldest record is looked for; then each segment is loaded as the walk comes to it, as what may
 * void the last record before it, and once more after that look. What comes up to the end of the
 * first record, which may lie in two sectors, is done twice: its length is asked for before. */
static struct adapter_bound each_bound(const struct rlog_config *config)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    uint64_t segments = g->sector_size / (config->buffer_size / 2);
    assert(segments != 0 && "a segment is no larger than a sector");
    uint64_t reads =
        rlog_reads_max(config, RLOG_CALL_SEEK) + 3 * segments * (g->sector_count + 2ull);
    return (struct adapter_bound){.reads = reads, .changes = ADAPTER_NO_CALL};
}

static struct adapter_bound bound_of(const struct bo_flash_geometry *g,
                                     const struct adapter_settings *s, enum adapter_call call,
                                     enum rlog_profile profile)
{
    assert(call < ADAPTER_CALLS && g->unit != 0);
    struct object object;
    struct bo_flash flash = {.geometry = *g};
    struct rlog_config config = place(&object, &flash, s, profile);
    if (call == ADAPTER_CALL_EACH) return each_bound(&config);
    if (call == ADAPTER_CALL_FORMAT)
        return (struct adapter_bound){.reads = rlog_reads_max(&config, RLOG_CALL_MOUNT),
                                      .changes = g->sector_count};
    enum rlog_call made = call == ADAPTER_CALL_SYNC ? worst_sync(&config) : calls[call];
    uint64_t reads = rlog_reads_max(&config, made), changes = rlog_changes_max(&config, made);
    return (struct adapter_bound){.reads = reads, .changes = changes ? changes : ADAPTER_NO_CALL};
}

static struct adapter_bound bound_uncut(const struct bo_flash_geometry *g,
                                        const struct adapter_settings *s, enum adapter_call call)
{
    return bound_of(g, s, call, RLOG_SEGMENT);
}

/* This profile leaves no segment of the head without a frame. */
static struct adapter_bound bound_uncut_strict(const struct bo_flash_geometry *g,
                                               const struct adapter_settings *s,
                                               enum adapter_call call)
{
    struct adapter_bound most = bound_of(g, s, call, RLOG_STRICT);
    if (call == ADAPTER_CALL_MOUNT) most.reads = rlog_mount_reads(g, segment_of(s));
    return most;
}

/* The engine states its bounds for parts whose units can all be read. Here some may not: each read
 * of a segment is one of each unit, too, and a mount searches the ring again (rlog.h). */
static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    if (call == ADAPTER_CALL_EACH) return (struct adapter_bound){0}; /* as many as records */
    struct adapter_bound most = bound_of(g, s, call, RLOG_SEGMENT);
    struct object object;
    struct bo_flash flash = {.geometry = *g};
    struct rlog_config config = place(&object, &flash, s, RLOG_SEGMENT);
    uint64_t units = config.buffer_size / 2 / g->unit;
    uint64_t mount = rlog_reads_max(&config, RLOG_CALL_MOUNT);
    most.reads = (most.reads + 2 * mount) * (1 + units);
    return most;
}

static void print_range(struct object *object, adapter_line *line, void *context)
{
    char text[120];
    uint64_t first, end;
    const struct rlog *log = &object->log;
    if (rlog_range(&object->log, &first, &end)) return;
    snprintf(text, sizeof text, "records %llu to %llu; head is sector %lu, lap %lu, segment %lu",
             (unsigned long long)first, (unsigned long long)end, (unsigned long)log->head,
             (unsigned long)log->lap, (unsigned long)log->at_segment);
    line(context, log->state == RLOG_EMPTY ? "empty" : text);
}

static void inspect(void *memory, const struct bo_flash *flash, const struct adapter_settings *s,
                    adapter_line *line, void *context)
{
    (void)flash, (void)s;
    print_range(memory, line, context);
}

static const struct adapter_list list = {.append = append,
                                         .read = read_number,
                                         .seek = seek,
                                         .seek_sectors = 2, /* one is that of a BASE alone */
                                         .range = range,
                                         .clear = clear,
                                         .sync = sync,
                                         .seal = seal,
                                         .idle = idle,
                                         .each = each,
                                         .buffers = buffers,
                                         .ring = ring,
                                         .spans = true};

#define WIDENED_WHY                                                                                \
    "a format that is cut leaves any part of what was there; a mount writes nothing; under weak "  \
    "the next append decides whether a cut one is kept"

/* What both profiles are to the harness. */
#define RLOG_ADAPTER                                                                               \
    .version = ADAPTER_VERSION, .kind = ADAPTER_LOG, .options = options, .refuses = refuses,       \
    .object_size = object_size, .limits = limits, .bound = bound, .inspect = inspect,              \
    .promised = ADAPTER_RESET_MOUNTS | ADAPTER_TELLS_FLASH, .list = &list

const struct adapter adapter_rlog = {
    RLOG_ADAPTER,
    .name = "rlog",
    .summary = "position-numbered ring log, mounted by bisection, segment profile",
    .claims = "edge,prefix,bits,zeros,ecc,fail",
    .widened_by = widened_segment,
    .widened_why = WIDENED_WHY "; in sectors of less than four segments, and where programs are "
                               "limited, the first append after a power-on takes a new sector, "
                               "and what was erased ahead is erased again where they are",
    .reset = reset_segment,
    .mount = mount_segment,
    .bound_uncut = bound_uncut,
};

const struct adapter adapter_rlog_strict = {
    RLOG_ADAPTER,
    .name = "rlog-strict",
    .summary = "the same, strict profile: believes nothing that a cut may have touched",
    .claims = "edge,prefix,bits,zeros,weak,ecc,fail",
    .widened_by = widened_strict,
    .widened_why = WIDENED_WHY "; the first append after a power-on takes a new sector, and what "
                               "was erased ahead is erased again",
    .reset = reset_strict,
    .mount = mount_strict,
    .bound_uncut = bound_uncut_strict,
};
