/* decode.c - see decode.h.
 *
 * Every choice is one byte, or some bits of it, reduced to the range of what may be chosen: no byte
 * is invalid, so a fuzzer wastes no input. Choices are tables with the usual thing first and most
 * often, and byte 0, which also stands for what is missing, picks that. What finds bugs is made
 * likely: small chips, few keys, values that just fit or just do not, the previous value with its
 * last byte changed, and cuts at an early program or erase.
 *
 * Header byte 6 leaves kinds of operations out (swarm testing): a scenario without removals, or
 * without power-ons, reaches states that an even mix never does.
 *
 * The order is chip, options, keys, operations. An engine may refuse the chip with these options;
 * make_ordinary() then changes one thing, or one after the other, towards a chip that any engine
 * takes. The frame's own chip is the last step, so decoding fails only where the engine refuses
 * that as well.
 */
#include "fuzz/script/decode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/ask.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

#define KEYS_MAX 8u
#define KEY_SIZE_MAX 32u
#define INSISTS_MIN 8u /* a store has places to spare, and each cut takes one or none */
#define INSISTS_MAX 32u

/* Where the bytes are read, the missing ones included. */
struct input {
    const uint8_t *bytes;
    size_t size;
};

struct decoder {
    const struct decode_target *target;
    struct input input;
    struct script *script;
    const struct adapter_settings *settings;
    uint32_t keys[KEYS_MAX];
    const struct value
        *last[KEYS_MAX]; /* what was last stored under it; [0] of a list: the newest item */
    uint32_t key_count;  /* 0 for a queue or a log */
    uint32_t value_size_min, value_size_max;
    uint8_t *buffer; /* a value */
    uint32_t tears;  /* classes that cuts are of */
    /* What is open: */
    uint32_t left; /* changes that the transaction will still have; 0: none */
    struct op end; /* of the transaction */
    uint32_t
        held[ADAPTER_SNAPSHOTS]; /* changes over which each snapshot is still held; 0: closed */
};

static uint8_t at(const struct input *input, size_t index)
{
    return index < input->size ? input->bytes[index] : 0;
}

/* --- chip --- */

static uint32_t page_of(unsigned choice, uint32_t sector_size, uint32_t unit)
{
    static const uint32_t pages[] = {0, 64, 32, 128};
    uint32_t page = pages[choice % 4];
    assert(unit > 0 && sector_size % unit == 0);
    return page && sector_size % page == 0 && page % unit == 0 ? page : sector_size;
}

/* Two sectors are the least that most engines take; a queue may have all it has in one. */
static uint32_t choose_sectors(enum adapter_kind kind, uint8_t byte)
{
    if (kind == ADAPTER_MAP) return 2u + byte % 3u;
    return (kind == ADAPTER_QUEUE ? 1u : 2u) + byte % 4u;
}

static void choose_chip(struct bo_flash_geometry *g, enum adapter_kind kind,
                        const struct input *input)
{
    static const uint16_t sizes[] = {256, 128, 512, 1024, 160, 384, 192, 768};
    static const uint8_t programs[] = {0, 1, 0, 2, 0, 1, 0, 4};
    unsigned units = at(input, 2), pages = at(input, 3), rules = at(input, 4);
    g->sector_count = choose_sectors(kind, at(input, 0));
    g->sector_size = sizes[at(input, 1) % 8];
    g->unit = (uint16_t)(1u << units % 6);
    units /= 6;
    g->read_unit = units % 4 == 2 ? g->unit : 1;
    if (units % 4 == 3) g->read_unit = (uint16_t)(1u << units / 4 % 6);
    g->page_size = page_of(pages, g->sector_size, g->unit);
    g->tear_scope = (uint8_t)(pages / 4 % 3);
    g->programs_per_unit = programs[rules % 8];
    g->erased = rules / 8 % 16 == 15 ? 0x00 : 0xFF;
}

/* --- options --- */

static bool is_given(const struct script *frame, const char *name)
{
    for (uint32_t i = 0; i < frame->option_count; i++) {
        if (strcmp(frame->options[i].name, name) == 0) return true;
    }
    return false;
}

/* A short range evenly; of a long one the small numbers, where things happen. */
static uint64_t option_value(const struct adapter_option *option, uint8_t byte)
{
    uint64_t range = option->max - option->min;
    assert(option->min <= option->max);
    return option->min + byte % (range < 32 ? range + 1 : 17);
}

/* Every second byte leaves its option alone. */
static void choose_options(struct script *script, const struct decode_target *target,
                           const struct input *input)
{
    const struct adapter_option *options = target->adapter->options;
    for (uint32_t i = 0; options && i < ADAPTER_VALUES_MAX && options[i].name; i++) {
        uint8_t byte = at(input, 8 + i);
        if (byte % 2 == 0 || options[i].fixed || is_given(target->frame, options[i].name)) continue;
        if (script->option_count == SCRIPT_OPTIONS_MAX) return;
        uint64_t value = option_value(&options[i], byte / 2);
        if (value == options[i].value) continue;
        struct script_option *option = &script->options[script->option_count++];
        *option = (struct script_option){.value = value};
        strncpy(option->name, options[i].name, sizeof option->name - 1);
        if (options[i].words)
            strncpy(option->word, options[i].words[value - options[i].min],
                    sizeof option->word - 1);
    }
}

/* --- a set-up that the engine takes --- */

/* A step towards a chip that any engine takes. False: there is no such step. */
static bool make_ordinary(struct script *script, const struct script *frame, unsigned step)
{
    struct bo_flash_geometry *g = &script->part.geometry;
    switch (step) {
    case 0:
        g->erased = 0xFF;
        return true;
    case 1:
        g->programs_per_unit = 0;
        return true;
    case 2:
        g->page_size = g->sector_size;
        return true;
    case 3:
    case 7:
        g->sector_count = step == 3 ? 4 : 8;
        return true;
    case 4:
    case 9:
        g->sector_size = g->page_size = step == 4 ? 1024 : 4096;
        return true;
    case 5:
        script->option_count = frame->option_count;
        return true;
    case 6:
    case 8:
        g->unit = step == 6 ? 4 : 1;
        g->read_unit = 1;
        return true;
    default:
        return false;
    }
}

static bool takes(const struct adapter *adapter, const struct script *script,
                  struct adapter_settings *settings)
{
    char reason[SETTINGS_REASON_MAX];
    return settings_resolve(adapter, script, settings, reason);
}

/* The chip that was chosen with one thing changed, else with two, else with more and more: what the
 * engine does not mind stays. */
static bool settle_ordinary(struct script *script, const struct script *frame,
                            const struct adapter *adapter, struct adapter_settings *settings)
{
    const struct bo_flash_geometry chosen = script->part.geometry;
    uint32_t option_count = script->option_count;
    for (unsigned other = 0; make_ordinary(script, frame, other); other++) {
        for (unsigned step = 0; step <= other; step++) {
            script->part.geometry = chosen;
            script->option_count = option_count;
            make_ordinary(script, frame, step);
            make_ordinary(script, frame, other);
            if (takes(adapter, script, settings)) return true;
        }
    }
    script->part.geometry = chosen;
    for (unsigned step = 0; make_ordinary(script, frame, step); step++) {
        if (takes(adapter, script, settings)) return true;
    }
    return false;
}

static bool settle(struct script *script, const struct decode_target *target,
                   struct adapter_settings *settings)
{
    const struct adapter *adapter = target->adapter;
    assert(script->option_count <= SCRIPT_OPTIONS_MAX);
    if (takes(adapter, script, settings)) return true;
    if (!target->chip_fixed && settle_ordinary(script, target->frame, adapter, settings))
        return true;
    script->part = target->frame->part;
    if (takes(adapter, script, settings)) return true;
    script->option_count = target->frame->option_count;
    return takes(adapter, script, settings);
}

static struct script *set_up(const struct decode_target *target, const struct input *input,
                             struct adapter_settings *settings)
{
    const struct script *frame = target->frame;
    struct script *script = script_new(&frame->part);
    strcpy(script->name, "fuzz");
    strncpy(script->engine, target->adapter->name, sizeof script->engine - 1);
    memcpy(script->options, frame->options, sizeof script->options);
    script->option_count = frame->option_count;
    script->seed = 1;
    if (!target->chip_fixed) choose_chip(&script->part.geometry, target->adapter->kind, input);
    choose_options(script, target, input);
    if (settle(script, target, settings)) return script;
    script_free(script);
    return NULL;
}

/* --- keys --- */

enum key_style { KEYS_TEXT, KEYS_BLANK, KEYS_ZERO, KEYS_LONG };

static uint32_t key_size(enum key_style style, uint32_t index, uint32_t min, uint32_t max)
{
    static const uint8_t sizes[KEYS_MAX] = {1, 1, 2, 4, 0, 8, 3, 16};
    assert(index < KEYS_MAX);
    uint32_t size = style == KEYS_LONG ? KEY_SIZE_MAX - index : sizes[index];
    return size < min ? min : size > max ? max : size;
}

static void fill_key(uint8_t *bytes, uint32_t size, enum key_style style, uint32_t index)
{
    uint8_t last = (uint8_t)(style == KEYS_BLANK ? 0xFF - index : index);
    if (size == 0) return;
    if (style == KEYS_TEXT || style == KEYS_LONG) {
        memset(bytes, (int)('a' + index), size);
    } else {
        memset(bytes, style == KEYS_BLANK ? 0xFF : 0x00, size);
        bytes[size - 1] = last;
    }
}

/* The keys of an engine that makes its own, the first ones. */
static void make_keys(struct decoder *decoder, const struct adapter_settings *settings,
                      uint32_t max)
{
    uint8_t *bytes = memory_new(max);
    uint32_t count = 1 + (at(&decoder->input, 5) + 2u) % KEYS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = ask_key(decoder->target->adapter, settings, i, bytes);
        if (size == 0) break;
        decoder->keys[decoder->key_count++] = script_key(decoder->script, bytes, size);
    }
    free(bytes);
    assert(decoder->key_count && "a map has a key");
}

static void choose_keys(struct decoder *decoder, uint32_t min, uint32_t max)
{
    unsigned byte = at(&decoder->input, 5);
    enum key_style style = (enum key_style)(byte / KEYS_MAX % 4);
    if (max > KEY_SIZE_MAX) max = KEY_SIZE_MAX;
    uint8_t *bytes = memory_zeroed((min > max ? min : max) + 1u, 1);
    decoder->key_count = 1 + (byte + 2) % KEYS_MAX;
    assert(decoder->key_count <= KEYS_MAX);
    for (uint32_t i = 0; i < decoder->key_count; i++) {
        uint32_t size = key_size(style, i, min, max);
        fill_key(bytes, size, style, i);
        decoder->keys[i] = script_key(decoder->script, bytes, size);
    }
    free(bytes);
}

/* --- values --- */

/* Of all sizes one is too large, and what was refused is tried again. Else a size that is folds. */
static uint32_t value_size(const struct decoder *decoder, uint32_t key, uint8_t byte)
{
    static const uint32_t ceilings[] = {UINT32_MAX, 8, 32, 100};
    uint32_t sector = decoder->script->part.geometry.sector_size;
    uint32_t n = byte % 32, size;
    assert(key < KEYS_MAX);
    switch (byte / 32) {
    case 3:
        size = sector / 8 + n;
        break;
    case 4:
        size = sector / 4 + n;
        break;
    case 5:
        size = sector / 2 - n;
        break;
    case 6:
        size = decoder->value_size_max + 1 - n;
        break;
    case 7:
        size = decoder->last[key] ? decoder->last[key]->size : n;
        break;
    default:
        size = byte / 32 == 2 ? 4 * n : n;
    }
    uint32_t ceiling = ceilings[at(&decoder->input, 7) % 4];
    uint32_t max = decoder->value_size_max;
    if (size > max + (byte / 32 >= 6)) size %= max + 1;
    if (size > ceiling) size = ceiling;
    return size < decoder->value_size_min ? decoder->value_size_min : size;
}

/* What some scripts do all the time, by header byte 7: values are counters, or power is cut in an
 * operation again and again. */
enum habit { HABIT_NONE, HABIT_COUNTS, HABIT_INSISTS };

static bool has_habit(const struct decoder *decoder, enum habit habit)
{
    static const uint8_t habits[8] = {[1] = HABIT_COUNTS, [2] = HABIT_INSISTS, [3] = HABIT_INSISTS};
    return habits[at(&decoder->input, 7) / 16 % 8] == habit;
}

/* Four bytes, where the engine takes them. */
static uint32_t counter_size(const struct decoder *decoder)
{
    uint32_t size = decoder->value_size_min > 4 ? decoder->value_size_min : 4;
    return size < decoder->value_size_max ? size : decoder->value_size_max;
}

/* A counter that goes on: the value before it as a number, the lowest byte first, plus 1, seldom
 * plus 2 to 4. False: another value. */
static bool count_on(struct decoder *decoder, uint32_t key, uint32_t *size, uint8_t byte)
{
    const struct value *last = decoder->last[key];
    if (!has_habit(decoder, HABIT_COUNTS) || !last || last->size == 0 || byte < 4) return false;
    uint32_t carry = byte < 8 ? byte - 2u : 1;
    assert(last->size <= decoder->value_size_max + 1);
    *size = last->size;
    for (uint32_t i = 0; i < last->size; i++) {
        carry += last->bytes[i];
        decoder->buffer[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return true;
}

/* Bytes of `size` by a class and a seed; class 7 is the previous value with its last byte changed.
 * An item is known by its bytes alone: in most classes each item's bytes differ from all others. */
static void fill_value(struct decoder *decoder, uint32_t key, uint32_t size, uint8_t byte)
{
    const struct value *last = decoder->last[key];
    uint8_t *bytes = decoder->buffer;
    assert(size <= decoder->value_size_max + 1);
    uint32_t number = decoder->key_count == 0 ? decoder->script->op_count : 0;
    uint32_t state = (byte + number) * 0x9E3779B9u + size;
    switch (byte / 32) {
    case 4:
        memset(bytes, 0xFF, size);
        return;
    case 5:
        memset(bytes, 0x00, size);
        return;
    case 6:
        memset(bytes, (int)('a' + (byte + number) % 26), size);
        return;
    default:
        for (uint32_t i = 0; i < size; i++) {
            state = state * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(state >> 24);
        }
    }
    if (byte / 32 != 7 || !last || size == 0) return;
    memcpy(bytes, last->bytes, last->size < size ? last->size : size);
    bytes[size - 1] = (uint8_t)(bytes[size - 1] ^ (1 + byte % 32));
}

/* --- operations --- */

struct weighted {
    enum op_kind kind;
    unsigned weight;
};

static enum op_kind pick(const struct weighted *kinds, size_t count, uint8_t byte)
{
    unsigned total = 0;
    for (size_t i = 0; i < count; i++)
        total += kinds[i].weight;
    assert(total > 0 && "an engine has an operation that is never off");
    unsigned place = byte % total;
    for (size_t i = 0;; i++) {
        if (place < kinds[i].weight) return kinds[i].kind;
        place -= kinds[i].weight;
    }
}

/* In a transaction: what may be called there, or power goes away. */
static enum op_kind choose_inner_kind(const struct decoder *decoder, uint8_t byte)
{
    const struct adapter_map *map = decoder->target->adapter->map;
    unsigned swarm = at(&decoder->input, 6);
    const struct weighted kinds[] = {
        {OP_STORE, 12u},
        {OP_REMOVE, map->remove && !(swarm & 4) ? 5 : 0},
        {OP_MOUNT, swarm & 8 ? 0 : 1},
        {OP_FETCH, swarm & 16 ? 4 : 1},
        {OP_SCAN_ALL, map->scan && swarm & 16 ? 1 : 0},
        {OP_SNAPSHOT, map->open ? 1 : 0},
        {OP_LOOK, swarm & 64 ? 1 : 0},
    };
    return pick(kinds, sizeof kinds / sizeof *kinds, byte);
}

/* Swarm: some kinds are off altogether, the others weighted, by one byte of the header, and what
 * only some engines have by the rest of another one. */
static enum op_kind choose_map_kind(const struct decoder *decoder, uint8_t byte)
{
    const struct adapter *adapter = decoder->target->adapter;
    const struct adapter_map *map = adapter->map;
    unsigned swarm = at(&decoder->input, 6), habits = at(&decoder->input, 5) / 32;
    bool empties = swarm & 32;
    const struct weighted kinds[] = {
        {OP_STORE, 8u << swarm % 4},
        {OP_REMOVE, map->remove && !(swarm & 4) ? 6 : 0},
        {OP_MOUNT, swarm & 8 ? 0 : 2},
        {OP_BOOT, swarm & 8 ? 0 : 2},
        {OP_FETCH, swarm & 16 ? 4 : 0},
        {OP_CLEAR, map->clear && empties ? 1 : 0},
        {OP_LOOK, swarm & 64 ? 1 : 0},
        {OP_ROT, decoder->target->faults & FAULT_ROT ? 2 : 0},
        {OP_BEGIN, map->begin && !(habits & 1) ? 6 : 0},
        {OP_SNAPSHOT, map->open && !(habits & 2) ? 4 : 0},
        {OP_COLLECT, map->collect && !(habits & 4) ? 2 : 0},
        {OP_SCAN_ALL, map->scan && swarm & 16 ? 1 : 0},
        {OP_SCAN, map->scan && swarm & 16 ? 2 : 0},
        {OP_DESTROY, map->destroy && empties ? 3 : 0},
        {OP_DESTROY_ALL, map->destroy && empties ? 1 : 0},
        {OP_FORMAT, adapter->reset && empties ? 1 : 0},
    };
    return pick(kinds, sizeof kinds / sizeof *kinds, byte);
}

/* The same by two bytes: a queue is only pushed, only overwritten, or both; a log without a sync
 * keeps what it can in RAM. */
static enum op_kind choose_list_kind(const struct decoder *decoder, uint8_t byte)
{
    const struct adapter_list *list = decoder->target->adapter->list;
    unsigned swarm = at(&decoder->input, 6), habits = at(&decoder->input, 5);
    bool push = list->push && (habits % 4 != 1 || !list->append);
    bool append = list->append && (habits % 4 != 2 || !push);
    const struct weighted kinds[] = {
        {OP_PUSH, push ? 8u << swarm % 4 : 0},
        {OP_APPEND, append ? 8u << swarm % 4 : 0},
        {OP_POP, list->pop && !(swarm & 4) ? 12u << habits / 4 % 2 : 0},
        {OP_MOUNT, swarm & 8 ? 0 : 2},
        {OP_BOOT, swarm & 8 ? 0 : 2},
        {OP_PEEK, list->peek && swarm & 16 ? 2 : 0},
        {OP_READ, list->read && swarm & 16 ? 2 : 0},
        {OP_CLEAR, list->clear && swarm & 32 ? 1 : 0},
        {OP_LOOK, swarm & 64 ? 1 : 0},
        {OP_SYNC, list->sync && !(habits & 8) ? 2u << habits / 16 % 4 : 0},
        {OP_SEAL, list->seal && habits & 64 ? 2 : 0},
        {OP_IDLE, list->idle && habits & 128 ? 3 : 0},
        {OP_FORMAT, decoder->target->adapter->reset && swarm & 32 ? 1 : 0},
        {OP_ROT, decoder->target->faults & FAULT_ROT ? 2 : 0},
    };
    return pick(kinds, sizeof kinds / sizeof *kinds, byte);
}

/* The oldest item mostly, one of the next, or one that is far away or not there. */
static uint32_t choose_place(uint8_t byte)
{
    if (byte < 128) return 0;
    return byte < 0xF0 ? byte % 8u : byte;
}

/* The n-th kind of tear of the classes, from 0, or how many there are. Of those that may fail or
 * lie these are the classes that they are a kind of. */
static uint32_t tears_of(uint32_t classes, uint32_t n, enum tear_kind *kind)
{
    bool lies = classes & FAULT_LIE;
    uint32_t count = 0;
    for (int i = 0; i < TEAR_KINDS; i++) {
        enum tear_kind this = (enum tear_kind)i;
        if (!fault_may_be(this, classes & ~(uint32_t)(FAULT_FAIL | FAULT_LIE))) continue;
        if (lies && !fault_may_be(this, FAULT_LIE)) continue;
        if (count++ == n) *kind = this;
    }
    return count;
}

/* Classes of what may go wrong here: those that cut power, or one in which it stays on. Each of
 * those in force gets its turn. */
static uint32_t choose_classes(const struct decoder *decoder, const struct input *record)
{
    uint32_t plain = FAULT_EDGE | FAULT_PREFIX | (decoder->tears & FAULT_STABLE);
    uint32_t choices[5], count = 0;
    if (decoder->tears) choices[count++] = decoder->tears;
    if (decoder->target->faults & FAULT_FAIL) choices[count++] = FAULT_FAIL | plain;
    if (decoder->target->faults & FAULT_GLITCH) choices[count++] = FAULT_GLITCH;
    if (decoder->target->faults & FAULT_LIE) choices[count++] = FAULT_LIE | plain;
    if (decoder->target->faults & FAULT_STRAY) choices[count++] = FAULT_STRAY;
    return count ? choices[at(record, 6) % count] : 0;
}

/* Early programs, erases and reads mostly: few calls make more than a handful. */
static struct cut choose_cut(const struct decoder *decoder, const struct input *record)
{
    static const uint8_t thresholds[] = {160, 192, 224, 240};
    struct cut cut = {0};
    uint8_t threshold = thresholds[at(&decoder->input, 7) / 4 % 4], where = at(record, 4);
    uint32_t classes = choose_classes(decoder, record);
    uint32_t count = tears_of(classes, UINT32_MAX, NULL);
    if (!decoder->target->cut || !count || where < threshold) return cut;
    where = (uint8_t)(where - threshold);
    cut.nth = where % 4 == 3 ? 1u + where : 1u + where / 4 % 4;
    tears_of(classes, at(record, 5) % count, &cut.tear.kind);
    cut.tear.lies = (classes & FAULT_LIE) != 0;
    cut.tear.powered = cut.tear.lies || classes & (FAULT_FAIL | FAULT_GLITCH | FAULT_STRAY);
    assert(cut.nth > 0);
    cut.tear.n = at(record, 6) + (at(record, 5) >= 0xF0 ? 256u : 0);
    cut.tear.density = at(record, 7);
    cut.tear.seed = at(record, 6);
    if (cut.tear.kind == TEAR_STRAY) cut.tear.seed = cut.tear.seed << 8 | at(record, 5);
    if (cut.tear.kind == TEAR_READ_ERRORS) cut.tear.n = 2 + cut.tear.n % 8;
    if (cut.tear.kind == TEAR_STRAY) cut.tear.n = cut.tear.density % 255 + 1;
    if (has_habit(decoder, HABIT_INSISTS)) { /* in what most changes have */
        static const uint8_t nths[] = {1, 1, 2, 3};
        cut.nth = nths[where / 4 % 4];
        if (cut.tear.kind == TEAR_PREFIX) cut.tear.n = 1 + cut.tear.n % 24;
    }
    return cut;
}

/* A new value under a key, or the next item. */
static void choose_value(struct decoder *decoder, const struct input *record, uint32_t key,
                         struct op *op)
{
    uint32_t size = value_size(decoder, key, at(record, 2));
    if (has_habit(decoder, HABIT_COUNTS) && at(record, 3) >= 8) size = counter_size(decoder);
    if (!count_on(decoder, key, &size, at(record, 3)))
        fill_value(decoder, key, size, at(record, 3));
    op->value = script_value(decoder->script, decoder->buffer, size);
    decoder->last[key] = op->value;
}

/* --- what is open --- */

#define CHANGES_MAX 8u /* of a transaction, and of a snapshot that is held */

static uint32_t choose_changes(const struct decoder *decoder, uint8_t byte)
{
    const struct adapter *adapter = decoder->target->adapter;
    uint32_t most =
        ask_transaction_max(adapter, &decoder->script->part.geometry, decoder->settings);
    uint32_t count = 1u + byte % CHANGES_MAX;
    return most && count > most ? most : count;
}

/* The cut is in the begin, or more often in what ends it. */
static void begin(struct decoder *decoder, const struct input *record, struct op *op)
{
    assert(op->kind == OP_BEGIN && decoder->left == 0);
    decoder->left = choose_changes(decoder, at(record, 1));
    decoder->end = (struct op){.kind = at(record, 2) % 4 == 3 ? OP_ABORT : OP_COMMIT};
    if (at(record, 3) % 4 == 3) return;
    decoder->end.cut = op->cut;
    op->cut = (struct cut){0};
}

/* A snapshot that is read and closed. */
static void close_snapshot(struct decoder *decoder, uint32_t snapshot)
{
    assert(snapshot >= 1 && snapshot <= ADAPTER_SNAPSHOTS);
    script_append(decoder->script, &(struct op){.kind = OP_LOOK, .snapshot = snapshot});
    script_append(decoder->script, &(struct op){.kind = OP_CLOSE, .snapshot = snapshot});
    decoder->held[snapshot - 1] = 0;
}

/* A change has been appended. */
static void count_change(struct decoder *decoder)
{
    if (decoder->left && --decoder->left == 0) script_append(decoder->script, &decoder->end);
    for (uint32_t i = 0; i < ADAPTER_SNAPSHOTS; i++) {
        if (decoder->held[i] && --decoder->held[i] == 0) close_snapshot(decoder, i + 1);
    }
}

static void lose_power(struct decoder *decoder)
{
    decoder->left = 0;
    memset(decoder->held, 0, sizeof decoder->held);
}

/* Which snapshot a read is in: one that is held, or none. */
static uint32_t choose_snapshot(const struct decoder *decoder, uint8_t byte)
{
    uint32_t i = byte % ADAPTER_SNAPSHOTS;
    return decoder->held[i] && byte & 0x80 ? i + 1 : 0;
}

/* What a kind of a few engines carries besides. False: the operation is another one already. */
static bool choose_rest(struct decoder *decoder, const struct input *record, struct op *op)
{
    uint32_t snapshot = 1u + at(record, 1) % ADAPTER_SNAPSHOTS;
    if (op->kind == OP_BEGIN) begin(decoder, record, op);
    if (op->kind == OP_SCAN) op->to = decoder->keys[at(record, 3) % decoder->key_count];
    if (op_may_read_at(op->kind)) op->snapshot = choose_snapshot(decoder, at(record, 2));
    if (op->kind != OP_SNAPSHOT) return true;
    if (decoder->held[snapshot - 1]) {
        close_snapshot(decoder, snapshot);
        return false;
    }
    op->snapshot = snapshot;
    decoder->held[snapshot - 1] = 1u + at(record, 2) % CHANGES_MAX;
    return true;
}

static enum op_kind choose_kind(const struct decoder *decoder, uint8_t byte)
{
    if (decoder->key_count == 0) return choose_list_kind(decoder, byte);
    return decoder->left ? choose_inner_kind(decoder, byte) : choose_map_kind(decoder, byte);
}

/* A device that is too weak for what it does loses power there each time that it tries. */
static void insist(struct decoder *decoder, const struct input *record, struct op *op, uint32_t key)
{
    if (!has_habit(decoder, HABIT_INSISTS) || !op->cut.nth || decoder->left) return;
    if (!op_puts(op->kind)) return;
    uint32_t times = INSISTS_MIN + at(record, 7) % (INSISTS_MAX - INSISTS_MIN + 1);
    for (; times > 0; times--) {
        if (decoder->key_count == 0) choose_value(decoder, record, key, op);
        script_append(decoder->script, op);
    }
}

static void append(struct decoder *decoder, const struct input *record)
{
    bool keyed = decoder->key_count != 0;
    uint32_t key = keyed ? at(record, 1) % decoder->key_count : 0;
    assert(keyed == (decoder->target->adapter->kind == ADAPTER_MAP));
    struct op op = {.kind = choose_kind(decoder, at(record, 0))};
    if (op_has_key(op.kind)) op.key = decoder->keys[key];
    if (op_has_place(op.kind)) op.count = choose_place(at(record, 1));
    if (op_has_value(op.kind)) choose_value(decoder, record, key, &op);
    if (op.kind == OP_ROT) {
        op.count = 1 + at(record, 2) % 4;
        op.seed = at(record, 3);
    }
    op.cut = choose_cut(decoder, record);
    if (!choose_rest(decoder, record, &op)) return;
    script_append(decoder->script, &op);
    insist(decoder, record, &op, key);
    if (op_ends_transaction(op.kind)) lose_power(decoder);
    if (op.kind == OP_STORE || op.kind == OP_REMOVE) count_change(decoder);
}

/* The last operation is a power-on, after which everything is read back. The exercise may follow
 * it, never come before: a cut in it leaves values that no operation stored. */
static void append_all(struct decoder *decoder)
{
    const struct input *input = &decoder->input;
    size_t count = input->size > DECODE_HEADER ? input->size - DECODE_HEADER : 0;
    count = (count + DECODE_RECORD - 1) / DECODE_RECORD;
    if (count > DECODE_OPS_MAX) count = DECODE_OPS_MAX;
    assert(decoder->script->op_count == 0);
    for (size_t i = 0; i < count; i++) {
        size_t first = DECODE_HEADER + i * DECODE_RECORD;
        struct input record = {input->bytes + first, input->size - first};
        append(decoder, &record);
    }
    bool use = decoder->target->cut && (at(input, 6) & 0x80 || has_habit(decoder, HABIT_INSISTS));
    script_append(decoder->script, &(struct op){.kind = OP_MOUNT});
    if (use) script_append(decoder->script, &(struct op){.kind = OP_USE});
}

struct script *decode(const struct decode_target *target, const uint8_t *bytes, size_t size,
                      struct adapter_settings *settings)
{
    struct decoder decoder = {.target = target, .input = {bytes, size}};
    uint32_t min, max;
    decoder.script = set_up(target, &decoder.input, settings);
    if (!decoder.script) return NULL;
    decoder.settings = settings;
    decoder.script->waivers = target->frame->waivers;
    decoder.tears = target->faults & FAULT_CUTS;
    if (!target->faults_given)
        decoder.tears &=
            ~settings_claims_elsewhere(target->adapter, &decoder.script->part, settings);
    const struct bo_flash_geometry *geometry = &decoder.script->part.geometry;
    ask_limits(target->adapter, geometry, settings, &min, &max, &decoder.value_size_max);
    decoder.value_size_min = ask_value_size_min(target->adapter, settings);
    if (decoder.value_size_max > geometry->sector_size)
        decoder.value_size_max = geometry->sector_size;
    if (decoder.value_size_max < decoder.value_size_min)
        decoder.value_size_max = decoder.value_size_min;
    decoder.buffer = memory_new((size_t)decoder.value_size_max + 2);
    if (target->adapter->kind == ADAPTER_MAP && target->adapter->make_key)
        make_keys(&decoder, settings, max);
    else if (target->adapter->kind == ADAPTER_MAP)
        choose_keys(&decoder, min, max);
    append_all(&decoder);
    free(decoder.buffer);
    return decoder.script;
}
