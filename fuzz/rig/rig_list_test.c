/* rig_list_test.c - what it costs to judge a log that lost items: up to STEPS_MAX steps for each
 * item, however many there are. A step is an item, a choice or a slot of a table. And that an item
 * which waits in RAM is read into a short buffer. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/rig/rig.h"

#define ITEMS 2000u
#define STEPS_MAX 20u /* for each item */

/* A log of numbers that lies in RAM; a look does not show those in [lost_from, lost_to). */
struct log {
    uint32_t count;
};

static uint32_t lost_from, lost_to;
static bool all_equal;

static uint32_t item_of(uint32_t n)
{
    return all_equal ? 0 : n;
}

static enum answer mount(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    (void)flash, (void)settings;
    ((struct log *)object)->count = 0;
    return ANSWER_OK;
}

static enum answer append(void *object, const void *data, uint32_t size, uint64_t time)
{
    (void)data, (void)size, (void)time;
    ((struct log *)object)->count++;
    return ANSWER_OK;
}

static enum answer each(void *object, adapter_item *item, void *context)
{
    for (uint32_t n = 0; n < ((struct log *)object)->count; n++) {
        uint32_t value = item_of(n);
        if (n < lost_from || n >= lost_to) item(context, n, &value, sizeof value);
    }
    return ANSWER_OK;
}

static size_t object_size(const struct bo_flash_geometry *geometry,
                          const struct adapter_settings *settings)
{
    (void)geometry, (void)settings;
    return sizeof(struct log);
}

static void limits(const struct bo_flash_geometry *geometry,
                   const struct adapter_settings *settings, uint32_t *key_size_min,
                   uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)geometry, (void)settings;
    *key_size_min = *key_size_max = 0;
    *value_size_max = 64;
}

static const struct adapter_list list = {.append = append, .each = each};

static const struct adapter adapter = {.version = ADAPTER_VERSION,
                                       .kind = ADAPTER_LOG,
                                       .name = "ram",
                                       .summary = "a log in RAM",
                                       .claims = "edge",
                                       .object_size = object_size,
                                       .limits = limits,
                                       .mount = mount,
                                       .list = &list};

static void look_finds(uint32_t from, uint32_t to, bool equal, enum clause clause)
{
    const struct adapter_settings settings = {{0}};
    struct script *script = script_new(part_find("generic"));
    lost_from = from;
    lost_to = to;
    all_equal = equal;
    for (uint32_t n = 0; n < ITEMS; n++) {
        uint32_t value = item_of(n);
        struct op op = {.kind = OP_APPEND, .value = script_value(script, &value, sizeof value)};
        script_append(script, &op);
    }
    struct rig *rig = rig_new(script, &adapter, &settings);
    bool fine = rig_start(rig);
    for (uint32_t i = 0; i < script->op_count && fine; i++)
        fine = rig_call(rig, &script->ops[i], NULL);
    assert(fine);
    fine = rig_call(rig, &(struct op){.kind = OP_LOOK}, NULL);
    uint64_t steps = rig_model(rig)->list.steps;
    printf("%s, %" PRIu64 " steps for %u items\n", clause_name(rig->finding.clause), steps, ITEMS);
    assert(!fine && rig->finding.clause == clause);
    assert(steps <= STEPS_MAX * ITEMS);
    rig_free(rig);
    script_free(script);
}

/* --- a queue of one item, which waits in RAM --- */

#define ITEM "waits"

static bool obeys; /* no more is copied than there is room for */

static bool buffers(const struct adapter_settings *settings)
{
    (void)settings;
    return true;
}

static enum answer push(void *object, const void *data, uint32_t size)
{
    (void)data, (void)size;
    ((struct log *)object)->count = 1;
    return ANSWER_OK;
}

static enum answer peek(void *object, void *buffer, uint32_t capacity, uint32_t *size)
{
    if (((struct log *)object)->count == 0) return ANSWER_NOT_FOUND;
    *size = sizeof ITEM;
    memcpy(buffer, ITEM, obeys && capacity < sizeof ITEM ? capacity : sizeof ITEM);
    return ANSWER_OK;
}

static void peek_of_a_waiting_item_finds(enum clause clause)
{
    static const struct adapter_list queue_list = {.push = push, .peek = peek, .buffers = buffers};
    struct adapter queue = adapter;
    const struct adapter_settings settings = {{0}};
    struct script *script = script_new(part_find("generic"));
    const struct value *value = script_value(script, ITEM, sizeof ITEM);
    queue.kind = ADAPTER_QUEUE;
    queue.list = &queue_list;
    script_append(script, &(struct op){.kind = OP_PUSH, .value = value});
    struct rig *rig = rig_new(script, &queue, &settings);
    bool fine = rig_start(rig) && rig_call(rig, &script->ops[0], NULL) &&
                rig_call(rig, &(struct op){.kind = OP_PEEK}, NULL);
    printf("%s, a peek into a short buffer\n", clause_name(rig->finding.clause));
    assert(fine == obeys && rig->finding.clause == clause);
    rig_free(rig);
    script_free(script);
}

int main(void)
{
    obeys = true;
    peek_of_a_waiting_item_finds(CLAUSE_NONE);
    obeys = false;
    peek_of_a_waiting_item_finds(CLAUSE_SANE);
    look_finds(ITEMS / 2, ITEMS / 2 + 1, false, CLAUSE_DURABLE);
    look_finds(0, ITEMS, false, CLAUSE_DURABLE);
    look_finds(ITEMS / 2, ITEMS / 2 + 1, true, CLAUSE_ORDERED);
    return 0;
}
