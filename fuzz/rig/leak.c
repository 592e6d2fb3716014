/* leak.c - see leak.h.
 *
 * A store that is asked the same thing again holds the same after it, and so should the heap. Both
 * need some calls to get there: buffers grow, caches fill. A reading call is made REPEATS times; a
 * change is made until each sector was erased about twice, since an engine may keep something for
 * each record on the flash. That is a lap. A leak is a call that in each lap but the first one kept
 * LEAK_MIN bytes each time it was made: the least that the C library gives.
 *
 * The heap is weighed before and after a lap, which takes long. The engine is called without a
 * model, and of what the harness keeps in a lap, the bytes of sectors, there is one sector more or
 * less after the next one, not one more after each. A call that fails is none that is repeated, and
 * nothing is known.
 */
#include <malloc.h>

#include "fuzz/rig/leak.h"

#include <assert.h>

#define REPEATS 64u
#define CALLS_MAX 1024u /* a lap that takes more is not made */
#define LAPS 4u
#define LEAK_MIN 16

struct scales {
    struct rig *store;
    const struct op *change; /* what is put in each time */
    uint64_t time;           /* of the last append */
};

/* Bytes of the heap in use; 0 where nobody counts them. */
static int64_t heap_size(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
#else
    return 0;
#endif
}

static void visit(void *context, const void *key, uint32_t key_size, const void *value,
                  uint32_t value_size)
{
    (void)context, (void)key, (void)key_size, (void)value, (void)value_size;
}

static void visit_item(void *context, uint64_t number, const void *data, uint32_t size)
{
    (void)context, (void)number, (void)data, (void)size;
}

static enum answer ask_map(struct scales *scales, enum adapter_call call)
{
    struct rig *store = scales->store;
    const struct adapter_map *map = store->adapter->map;
    const struct value *key = store->script->keys[scales->change->key];
    const struct value *value = scales->change->value;
    void *object = rig_object(store);
    uint32_t size;
    if (call == ADAPTER_CALL_STORE)
        return map->store(object, rig_hand(store, RIG_KEY, key), key->size,
                          rig_hand(store, RIG_VALUE, value), value->size);
    if (call == ADAPTER_CALL_FETCH)
        return map->fetch(object, rig_hand(store, RIG_KEY, key), key->size, store->buffer,
                          store->value_size_max, &size);
    assert(call == ADAPTER_CALL_EACH && "nothing else is asked of a map");
    return map->each ? map->each(object, visit, NULL) : ANSWER_UNSUPPORTED;
}

/* Puts the item in as the script does. */
static enum answer put(struct scales *scales, const struct adapter_list *list, void *object)
{
    struct rig *store = scales->store;
    const struct value *value = scales->change->value;
    if (scales->change->kind == OP_PUSH)
        return list->push ? list->push(object, rig_hand(store, RIG_VALUE, value), value->size)
                          : ANSWER_UNSUPPORTED;
    return list->append ? list->append(object, rig_hand(store, RIG_VALUE, value), value->size,
                                       ++scales->time)
                        : ANSWER_UNSUPPORTED;
}

static enum answer ask_list(struct scales *scales, enum adapter_call call)
{
    struct rig *store = scales->store;
    const struct adapter_list *list = store->adapter->list;
    void *object = rig_object(store);
    uint32_t size, room = store->value_size_max;
    if (call == ADAPTER_CALL_PUSH) return put(scales, list, object);
    if (call == ADAPTER_CALL_PEEK)
        return list->peek ? list->peek(object, store->buffer, room, &size) : ANSWER_UNSUPPORTED;
    if (call == ADAPTER_CALL_POP)
        return list->pop ? list->pop(object, 0, store->buffer, room, &size) : ANSWER_UNSUPPORTED;
    assert(call == ADAPTER_CALL_EACH);
    return list->each ? list->each(object, visit_item, NULL) : ANSWER_UNSUPPORTED;
}

static bool make(struct scales *scales, enum adapter_call call)
{
    struct rig *store = scales->store;
    assert(chip_powered(store->chip) && store->level == 0 && call < ADAPTER_CALLS);
    rig_grant(store, call);
    rig_note_call(store, call);
    enum answer answer =
        store->adapter->kind == ADAPTER_MAP ? ask_map(scales, call) : ask_list(scales, call);
    rig_note_return();
    return answer == ANSWER_OK && chip_breach(store->chip)->rule == CHIP_RULE_KEPT;
}

static bool changes(enum adapter_call call)
{
    return call == ADAPTER_CALL_STORE || call == ADAPTER_CALL_PUSH;
}

/* Makes the call, and takes out again what it put into a queue, until the lap is over. How many
 * times; 0: it fails, or that would be too many. */
static uint32_t lap(struct scales *scales, enum adapter_call call)
{
    const struct chip_counters *counters = chip_counters(scales->store->chip);
    uint64_t sectors = chip_flash(scales->store->chip)->geometry.sector_count;
    uint64_t end = counters->erases + 2 * sectors;
    uint32_t calls = 0;
    assert(scales->change->value && sectors > 0);
    while (changes(call) ? counters->erases < end : calls < REPEATS) {
        if (calls == CALLS_MAX || !make(scales, call)) return 0;
        if (scales->change->kind == OP_PUSH && changes(call) && !make(scales, ADAPTER_CALL_POP))
            return 0;
        calls++;
    }
    return calls;
}

static bool leaks(struct scales *scales, enum adapter_call call)
{
    static_assert(LAPS >= 4, "the first one warms up, and one or two may be a coincidence");
    for (uint32_t i = 0; i < LAPS; i++) {
        int64_t before = heap_size();
        uint32_t calls = lap(scales, call);
        int64_t kept = heap_size() - before;
        if (!calls || (i > 0 && kept < (int64_t)calls * LEAK_MIN)) return false;
    }
    return true;
}

/* The call that keeps memory; ADAPTER_CALLS: none. The change comes first, so that there is
 * something to read, and is weighed last, so that a leak in what it reads is no other one's. */
static enum adapter_call find(struct rig *store)
{
    struct scales scales = {.store = store, .change = script_first_change(store->script)};
    if (!scales.change || !rig_start(store)) return ADAPTER_CALLS;
    enum adapter_call change = rig_call_of(scales.change->kind);
    bool is_map = store->adapter->kind == ADAPTER_MAP;
    const enum adapter_call calls[] = {is_map ? ADAPTER_CALL_FETCH : ADAPTER_CALL_PEEK,
                                       ADAPTER_CALL_EACH, change};
    if (!make(&scales, change)) return ADAPTER_CALLS;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (leaks(&scales, calls[i])) return calls[i];
    }
    return ADAPTER_CALLS;
}

bool leak_finds(struct rig *asks)
{
    if (!heap_size()) return false;
    rig_lend_ram(asks);
    struct rig *store = rig_new(asks->script, asks->adapter, &asks->settings);
    enum adapter_call call = find(store);
    rig_free(store);
    rig_take_ram(asks);
    if (call == ADAPTER_CALLS) return false;
    assert(asks->finding.clause == CLAUSE_NONE && "it comes last");
    asks->call = call;
    rig_finds(asks, CLAUSE_ALIVE, SEEN_MEMORY,
              "%s: expected as much memory in use after each call, got more each time",
              adapter_call_name(call));
    return true;
}
