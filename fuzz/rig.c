#include "fuzz/rig.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/exercise.h"
#include "fuzz/globals.h"
#include "fuzz/keys.h"

/* Two patterns, so that a mount that reads its junk answers differently the second time. */
#define JUNK_FIRST 0xA5
#define JUNK_SECOND 0x5A

/* --- making and freeing --- */

static bool make_levels(struct rig *rig, uint32_t key_count)
{
    for (uint32_t i = 0; i < RIG_LEVELS; i++) {
        struct rig_level *level = &rig->levels[i];
        level->object = malloc(rig->object_size);
        if (rig->adapter->has_globals) {
            level->ram = malloc(globals_size() + 1);
            level->ram_at_cut = malloc(globals_size() + 1);
            if (!level->ram || !level->ram_at_cut) return false;
        }
        if (!level->object || !model_init(&level->model, key_count, rig->adapter->widened) ||
            !model_init(&level->before, key_count, rig->adapter->widened))
            return false;
    }
    return true;
}

/* The script's keys, then the harness's own. */
static bool make_keys(struct rig *rig)
{
    uint32_t count = rig->script->key_count + (rig->exercise->key ? 1 : 0);
    rig->keys = keys_new(count);
    rig->seen = malloc(count ? count : 1);
    if (!rig->keys || !rig->seen || !make_levels(rig, count)) return false;
    for (uint32_t i = 0; i < rig->script->key_count; i++)
        keys_add(rig->keys, rig->script->keys[i]);
    if (rig->exercise->key) keys_add(rig->keys, rig->exercise->key);
    return true;
}

static void set_bounds(struct rig *rig)
{
    const struct flash_geometry *geometry = &chip_flash(rig->chip)->geometry;
    for (int call = ADAPTER_CALL_MOUNT; call < ADAPTER_CALLS; call++) {
        uint64_t bound = rig->adapter->bound ? rig->adapter->bound(geometry, &rig->settings,
                                                                   (enum adapter_call)call)
                                             : 0;
        /* Where the engine states nothing: enough for any honest design, and yet an end. */
        if (!bound) bound = 64 * (flash_size(chip_flash(rig->chip)) + 4096);
        rig->bounds[call] = bound;
    }
}

static bool make_parts(struct rig *rig)
{
    const struct script *script = rig->script;
    rig->chip = chip_new(&script->part, script->seed);
    if (!rig->chip) return false;
    chip_allow_and(rig->chip, rig->adapter->relies_on_and);
    const struct flash_geometry *geometry = &chip_flash(rig->chip)->geometry;
    rig->adapter->limits(geometry, &rig->settings, &rig->key_size_min, &rig->key_size_max,
                         &rig->value_size_max);
    rig->object_size = rig->adapter->object_size(geometry, &rig->settings);
    rig->second = malloc(rig->object_size);
    rig->buffer = malloc((size_t)rig->value_size_max + 1);
    rig->exercise =
        exercise_new(script, geometry, rig->key_size_min, rig->key_size_max, rig->value_size_max);
    if (!rig->second || !rig->buffer || !rig->exercise || !make_keys(rig)) return false;
    set_bounds(rig);
    return true;
}

struct rig *rig_new(const struct script *script, const struct adapter *adapter,
                    const struct adapter_settings *settings)
{
    struct rig *rig = calloc(1, sizeof *rig);
    if (!rig) return NULL;
    rig->script = script;
    rig->adapter = adapter;
    rig->settings = *settings;
    if (make_parts(rig)) {
        rig_set_faults(rig, script->faults);
        return rig;
    }
    rig_free(rig);
    return NULL;
}

void rig_set_faults(struct rig *rig, uint32_t faults)
{
    chip_require_proof(rig->chip, (faults & FAULT_WEAK) != 0);
    chip_set_wear(rig->chip, faults & FAULT_ROT ? CHIP_WEAR_FAILS : CHIP_WEAR_IGNORED);
}

void rig_free(struct rig *rig)
{
    if (!rig) return;
    for (uint32_t i = 0; i < RIG_LEVELS; i++) {
        free(rig->levels[i].object);
        free(rig->levels[i].ram);
        free(rig->levels[i].ram_at_cut);
        model_free(&rig->levels[i].model);
        model_free(&rig->levels[i].before);
    }
    exercise_free(rig->exercise);
    keys_free(rig->keys);
    chip_free(rig->chip);
    free(rig->seen);
    free(rig->second);
    free(rig->buffer);
    free(rig);
}

void rig_keep_ram(uint8_t *ram)
{
    if (ram) globals_save(ram);
}

void rig_restore_ram(const uint8_t *ram)
{
    if (ram) globals_load(ram);
}

/* --- findings --- */

bool rig_finds(struct rig *rig, enum clause clause, const char *format, ...)
{
    if (rig->finding.clause != CLAUSE_NONE) return false; /* the first one counts */
    rig->finding.clause = clause;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(rig->finding.text, sizeof rig->finding.text, format, arguments);
    va_end(arguments);
    return false;
}

#define TEXT_MAX 64

static const char *bytes_text(const uint8_t *bytes, uint32_t size, char text[TEXT_MAX])
{
    bool plain = size > 0 && size < TEXT_MAX - 8;
    if (size == 0) {
        snprintf(text, TEXT_MAX, "empty");
        return text;
    }
    for (uint32_t i = 0; i < size && plain; i++)
        plain = bytes[i] > ' ' && bytes[i] < 0x7F;
    if (plain) {
        snprintf(text, TEXT_MAX, "%.*s", (int)size, (const char *)bytes);
        return text;
    }
    int length = snprintf(text, TEXT_MAX, "0x");
    for (uint32_t i = 0; i < size && i < 8; i++)
        length += snprintf(text + length, (size_t)(TEXT_MAX - length), "%02x", bytes[i]);
    if (size > 8)
        snprintf(text + length, (size_t)(TEXT_MAX - length), ".. (%" PRIu32 " bytes)", size);
    return text;
}

static const char *key_text(const struct rig *rig, uint32_t key, char text[TEXT_MAX])
{
    const struct value *bytes = keys_at(rig->keys, key);
    return bytes_text(bytes->bytes, bytes->size, text);
}

static const char *value_text(const struct value *value, char text[TEXT_MAX])
{
    return value ? bytes_text(value->bytes, value->size, text) : "absent";
}

static const char *slot_text(const struct model_slot *slot, char text[3 * TEXT_MAX])
{
    char one[TEXT_MAX];
    int length = 0;
    for (uint32_t i = 0; i < slot->count; i++)
        length += snprintf(text + length, (size_t)(3 * TEXT_MAX - length), "%s%s", i ? " or " : "",
                           value_text(slot->allowed[i], one));
    return text;
}

const char *rig_answer_name(enum answer answer)
{
    static const char *const names[] = {"ok",          "not found", "full",       "too big",
                                        "unsupported", "damaged",   "flash error"};
    return (unsigned)answer < sizeof names / sizeof *names ? names[answer] : "no answer at all";
}

/* --- every engine call --- */

bool rig_is_off(const struct rig *rig)
{
    return !chip_powered(rig->chip);
}

static void before_call(struct rig *rig, enum adapter_call call)
{
    chip_set_fuel(rig->chip, rig->bounds[call]);
}

/* What holds after each call of any kind: the rules were kept, the bound was not passed. */
static bool after_call(struct rig *rig, enum adapter_call call)
{
    const struct chip_breach *breach = chip_breach(rig->chip);
    if (breach->rule == CHIP_RULE_KEPT) return true;
    if (breach->rule == CHIP_RULE_FUEL)
        return rig_finds(rig, CLAUSE_BOUNDED, "over %" PRIu64 " flash calls in one call",
                         rig->bounds[call]);
    static const char *const kinds[] = {
        [CHIP_PROGRAM] = "program", [CHIP_ERASE] = "erase", [CHIP_READ] = "read"};
    return rig_finds(rig, CLAUSE_LAWFUL, "%s: %s of %" PRIu32 " bytes at 0x%" PRIx32,
                     chip_rule_name(breach->rule), kinds[breach->op.kind], breach->op.size,
                     breach->op.address);
}

static struct rig_level *here(struct rig *rig)
{
    return &rig->levels[rig->level];
}

static bool mount_into(struct rig *rig, void *object, int junk)
{
    memset(object, junk, rig->object_size);
    if (rig->adapter->has_globals) globals_wipe();
    rig->mounts++;
    before_call(rig, ADAPTER_CALL_MOUNT);
    enum answer answer = rig->adapter->mount(object, chip_flash(rig->chip), &rig->settings);
    if (!after_call(rig, ADAPTER_CALL_MOUNT)) return false;
    if (answer == ANSWER_OK || rig_is_off(rig)) return true;
    return rig_finds(rig, CLAUSE_ALIVE, "mount answers: %s", rig_answer_name(answer));
}

/* --- operations --- */

static enum answer fetch_into_buffer(struct rig *rig, const struct value *key, uint32_t *size)
{
    *size = 0;
    return rig->adapter->map->fetch(here(rig)->object, key->bytes, key->size, rig->buffer,
                                    rig->value_size_max, size);
}

/* One key, fetched and compared with the model, whose sets all have one member now. */
static bool check_fetch(struct rig *rig, uint32_t key, enum clause clause)
{
    uint32_t size;
    char k[TEXT_MAX], want[3 * TEXT_MAX];
    const struct model_slot *slot = &here(rig)->model.slots[key];
    before_call(rig, ADAPTER_CALL_FETCH);
    enum answer answer = fetch_into_buffer(rig, keys_at(rig->keys, key), &size);
    if (!after_call(rig, ADAPTER_CALL_FETCH)) return false;
    if (rig_is_off(rig)) return true;
    if (answer == ANSWER_DAMAGED && rig->rotten) return true;
    if (answer != ANSWER_OK && answer != ANSWER_NOT_FOUND)
        return rig_finds(rig, clause, "fetch %s answers: %s", key_text(rig, key, k),
                         rig_answer_name(answer));
    bool absent = answer == ANSWER_NOT_FOUND;
    if (size > rig->value_size_max) size = rig->value_size_max;
    if (model_match(&here(rig)->model, key, absent, rig->buffer, size) >= 0) return true;
    char got[TEXT_MAX] = "absent";
    if (!absent) bytes_text(rig->buffer, size, got);
    return rig_finds(rig, clause, "%s: expected %s, fetched %s", key_text(rig, key, k),
                     slot_text(slot, want), got);
}

static enum adapter_call call_of(enum op_kind kind)
{
    switch (kind) {
    case OP_STORE:
        return ADAPTER_CALL_STORE;
    case OP_REMOVE:
        return ADAPTER_CALL_REMOVE;
    case OP_CLEAR:
        return ADAPTER_CALL_CLEAR;
    default:
        return ADAPTER_CALL_FETCH;
    }
}

static enum answer change(struct rig *rig, const struct op *op)
{
    const struct adapter_map *map = rig->adapter->map;
    void *object = here(rig)->object;
    const struct value *key = op->kind == OP_CLEAR ? NULL : keys_at(rig->keys, op->key);
    switch (op->kind) {
    case OP_STORE:
        return map->store(object, key->bytes, key->size, op->value->bytes, op->value->size);
    case OP_REMOVE:
        return map->remove ? map->remove(object, key->bytes, key->size) : ANSWER_UNSUPPORTED;
    default:
        return map->clear ? map->clear(object) : ANSWER_UNSUPPORTED;
    }
}

static bool is_absent(const struct rig *rig, uint32_t key)
{
    return rig->levels[rig->level].model.slots[key].allowed[0] == NULL;
}

/* A call that fails changes nothing (clean): looked at in the key that was to change. */
static bool check_failed(struct rig *rig, const struct op *op, enum answer answer)
{
    char k[TEXT_MAX];
    model_abort(&here(rig)->model, op, &here(rig)->before);
    if (answer != ANSWER_NOT_FOUND && rig->refusals.count++ == 0)
        rig->refusals = (struct refusals){1, op->line, op->kind, answer};
    if (op->kind == OP_REMOVE && answer == ANSWER_NOT_FOUND) {
        if (is_absent(rig, op->key)) return true;
        return rig_finds(rig, CLAUSE_DURABLE, "remove does not find %s", key_text(rig, op->key, k));
    }
    return op->kind == OP_CLEAR || check_fetch(rig, op->key, CLAUSE_CLEAN);
}

static bool call_change(struct rig *rig, const struct op *op, enum answer *answer)
{
    struct rig_level *level = here(rig);
    model_begin(&level->model, op, &level->before);
    before_call(rig, call_of(op->kind));
    *answer = change(rig, op);
    if (!after_call(rig, call_of(op->kind))) return false;
    if (rig_is_off(rig)) return true;
    if (*answer != ANSWER_OK) return check_failed(rig, op, *answer);
    model_commit(&level->model, op);
    if (op->kind != OP_STORE || op->value->size <= rig->value_size_max) return true;
    return rig_finds(rig, CLAUSE_SANE, "took a value of %" PRIu32 " bytes, limits() says %" PRIu32,
                     op->value->size, rig->value_size_max);
}

void rig_print_refusal(const struct rig *rig, char text[RIG_REFUSAL_MAX])
{
    const struct refusals *refused = &rig->refusals;
    text[0] = 0;
    if (refused->count)
        snprintf(text, RIG_REFUSAL_MAX, "line %" PRIu32 ": %s answers %s", refused->line,
                 op_name(refused->kind), rig_answer_name(refused->answer));
}

/* The scenario's own word. Where it contradicts the scenario's own operations and power was never
 * cut, the scenario is wrong, or the engine refused what it was asked. */
static bool check_expectation(struct rig *rig, const struct op *op)
{
    char k[TEXT_MAX], want[TEXT_MAX], have[3 * TEXT_MAX], why[RIG_REFUSAL_MAX];
    const struct value *value = op->value;
    int member = model_match(&here(rig)->model, op->key, !value, value ? value->bytes : NULL,
                             value ? value->size : 0);
    if (member >= 0 || rig->level > 0 || rig->interrupted)
        return check_fetch(rig, op->key, CLAUSE_DURABLE);
    rig_print_refusal(rig, why);
    return rig_finds(rig, CLAUSE_SCENARIO, "%s is expected of %s, which is %s here%s%s",
                     value_text(value, want), key_text(rig, op->key, k),
                     slot_text(&here(rig)->model.slots[op->key], have), *why ? "; " : "", why);
}

/* Bits flip while the power is on or off; what they hit may be reported missing from now on. */
static void rot(struct rig *rig, const struct op *op)
{
    uint64_t bits = flash_size(chip_flash(rig->chip)) * 8;
    uint64_t state = op->seed;
    for (uint32_t i = 0; i < op->count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t bit = (state >> 16) % bits;
        chip_flip(rig->chip, (uint32_t)(bit / 8), (unsigned)(bit % 8));
    }
    rig->rotten = true;
    model_doubt(&here(rig)->model);
}

bool rig_call(struct rig *rig, const struct op *op, enum answer *answer)
{
    enum answer ignored;
    if (!answer) answer = &ignored;
    *answer = ANSWER_OK;
    switch (op->kind) {
    case OP_STORE:
    case OP_REMOVE:
    case OP_CLEAR:
        return call_change(rig, op, answer);
    case OP_FETCH:
        return check_fetch(rig, op->key, CLAUSE_DURABLE);
    case OP_EXPECT:
        return check_expectation(rig, op);
    case OP_LOOK:
        return rig_look(rig, here(rig)->object);
    case OP_MOUNT:
        chip_power_off(rig->chip);
        chip_power_on(rig->chip);
        return rig_recover(rig);
    case OP_ROT:
        rot(rig, op);
        return true;
    default:
        return rig_finds(rig, CLAUSE_SCENARIO, "%s is no operation of a map", op_name(op->kind));
    }
}

/* --- looking --- */

#define SEEN_ABSENT (-1)
#define SEEN_OTHER (-2) /* a value that the model does not allow */

static void visit(void *context, const void *key, uint32_t key_size, const void *value,
                  uint32_t value_size)
{
    struct rig *rig = context;
    uint32_t index = keys_find(rig->keys, key, key_size);
    if (index == KEYS_NONE) {
        rig->aliens++;
        return;
    }
    int member = model_match(&here(rig)->model, index, false, value, value_size);
    rig->seen[index] = (int8_t)(member < 0 ? SEEN_OTHER : member);
}

/* Which clause a wrong value breaks: of a key in flight it is half an operation; of another one
 * that should be absent it came back; else what was acknowledged is lost. */
static enum clause clause_of(const struct rig *rig, const struct model_slot *slot)
{
    if (rig->rotten) return CLAUSE_HONEST;
    if (slot->count > 1) return CLAUSE_ATOMIC;
    return slot->allowed[0] ? CLAUSE_DURABLE : CLAUSE_SETTLED;
}

static bool differs(struct rig *rig, uint32_t key, int seen)
{
    const struct model_slot *slot = &here(rig)->model.slots[key];
    char k[TEXT_MAX], want[3 * TEXT_MAX], got[TEXT_MAX] = "absent";
    uint32_t size;
    if (seen != SEEN_ABSENT) {
        snprintf(got, sizeof got, "another value");
        if (fetch_into_buffer(rig, keys_at(rig->keys, key), &size) == ANSWER_OK &&
            size <= rig->value_size_max)
            bytes_text(rig->buffer, size, got);
    }
    return rig_finds(rig, clause_of(rig, slot), "%s: expected %s, read %s", key_text(rig, key, k),
                     slot_text(slot, want), got);
}

/* Picks a member of each set; false at the first key that has none. */
static bool settle(struct rig *rig)
{
    struct model *model = &here(rig)->model;
    bool old = false, cleared = false;
    for (uint32_t key = 0; key < model->key_count; key++) {
        int seen = rig->seen[key];
        int member = seen == SEEN_ABSENT ? model_match(model, key, true, NULL, 0) : seen;
        if (member < 0) return differs(rig, key, seen);
        if (model->slots[key].count == 1) continue;
        if (seen == SEEN_ABSENT)
            cleared = true;
        else
            old = true;
        model_settle(model, key, member);
    }
    bool half = model->together && old && cleared;
    model->together = false;
    return !half || rig_finds(rig, CLAUSE_ATOMIC, "a clear was cut and stopped half way");
}

bool rig_look(struct rig *rig, void *object)
{
    memset(rig->seen, SEEN_ABSENT & 0xFF, here(rig)->model.key_count);
    rig->aliens = 0;
    before_call(rig, ADAPTER_CALL_EACH);
    enum answer answer = rig->adapter->map->each(object, visit, rig);
    if (!after_call(rig, ADAPTER_CALL_EACH)) return false;
    if (rig_is_off(rig)) return true;
    if (answer == ANSWER_DAMAGED && rig->rotten) return true;
    if (answer != ANSWER_OK)
        return rig_finds(rig, CLAUSE_DURABLE, "reading back answers: %s", rig_answer_name(answer));
    if (rig->aliens)
        return rig_finds(rig, CLAUSE_HONEST, "a key came back that nobody ever stored");
    return settle(rig);
}

/* --- power-on --- */

/* A blank chip as the engine wants it, and a model that holds nothing. */
static bool prepare(struct rig *rig)
{
    struct rig_level *level = here(rig);
    struct model *empty = &level->model;
    for (uint32_t key = 0; key < empty->key_count; key++)
        model_commit(empty, &(struct op){.kind = OP_REMOVE, .key = key});
    if (rig->adapter->format) {
        memset(level->object, JUNK_FIRST, rig->object_size);
        enum answer answer =
            rig->adapter->format(level->object, chip_flash(rig->chip), &rig->settings);
        if (answer != ANSWER_OK)
            return rig_finds(rig, CLAUSE_ALIVE, "format answers: %s", rig_answer_name(answer));
    }
    return true;
}

bool rig_start(struct rig *rig)
{
    return prepare(rig) && mount_into(rig, here(rig)->object, JUNK_FIRST);
}

bool rig_begin(struct rig *rig)
{
    const struct script *script = rig->script;
    if (script->op_count && script->ops[0].kind == OP_MOUNT) return prepare(rig);
    return rig_start(rig);
}

/* Fetches beside the look: both ways to a value must agree. One key, another each time, or all. */
static bool check_agreement(struct rig *rig)
{
    const struct model *model = &here(rig)->model;
    if (model->key_count == 0) return true;
    uint32_t first = rig->thorough ? 0 : (uint32_t)(model->digest % model->key_count);
    uint32_t end = rig->thorough ? model->key_count : first + 1;
    for (uint32_t key = first; key < end && !rig_is_off(rig); key++) {
        if (!check_fetch(rig, key, CLAUSE_SETTLED)) return false;
    }
    return true;
}

static uint64_t changes(const struct rig *rig)
{
    const struct chip_counters *counters = chip_counters(rig->chip);
    return counters->programs + counters->erases;
}

/* What the first power-on showed, the next one shows; then there is nothing left to write. */
static bool mount_again(struct rig *rig)
{
    uint64_t writes = changes(rig);
    if (!mount_into(rig, rig->second, JUNK_SECOND)) return false;
    if (rig_is_off(rig)) return true;
    enum clause before = rig->finding.clause;
    if (!rig_look(rig, rig->second)) {
        /* Not lost or half done but changed from one power-on to the next. */
        if (before == CLAUSE_NONE && rig->finding.clause <= CLAUSE_ATOMIC)
            rig->finding.clause = CLAUSE_SETTLED;
        return false;
    }
    if (rig_is_off(rig) || changes(rig) == writes) return true;
    writes = changes(rig);
    if (!mount_into(rig, rig->second, JUNK_FIRST)) return false;
    if (rig_is_off(rig) || changes(rig) == writes) return true;
    return rig_finds(rig, CLAUSE_SETTLED, "the third mount still writes: recovery does not rest");
}

bool rig_recover(struct rig *rig)
{
    struct rig_level *level = here(rig);
    if (!mount_into(rig, level->object, JUNK_FIRST)) return false;
    if (rig_is_off(rig)) return true;
    if (!rig_look(rig, level->object)) return false;
    if (rig_is_off(rig)) return true;
    if (!check_agreement(rig)) return false;
    if (rig_is_off(rig)) return true;
    uint64_t writes = changes(rig);
    rig_keep_ram(level->ram);
    if (!mount_again(rig)) return false;
    rig_restore_ram(level->ram);
    /* A later mount that wrote has left the first object behind the flash. */
    if (rig_is_off(rig) || changes(rig) == writes) return true;
    return mount_into(rig, level->object, JUNK_FIRST);
}

/* --- use --- */

static bool use_store(struct rig *rig, const struct value *value, bool must, bool *full)
{
    enum answer answer;
    struct op op = {.kind = OP_STORE, .key = rig->script->key_count, .value = value};
    if (!rig_call(rig, &op, &answer)) return false;
    *full = answer != ANSWER_OK;
    if (!*full || !must || rig_is_off(rig)) return true;
    return rig_finds(rig, CLAUSE_ALIVE, "a store that a fresh engine would do answers: %s",
                     rig_answer_name(answer));
}

bool rig_exercise(struct rig *rig, bool must)
{
    const struct exercise *exercise = rig->exercise;
    bool full = false;
    for (uint32_t i = 0; exercise->key && i < exercise->rounds && !full; i++) {
        if (!use_store(rig, exercise->values[i % 2], must, &full)) return false;
        if (rig_is_off(rig)) return true;
        if (rig->thorough && !rig_look(rig, here(rig)->object)) return false;
    }
    return true;
}

bool rig_use(struct rig *rig, bool must)
{
    struct op remove = {.kind = OP_REMOVE, .key = rig->script->key_count};
    if (!rig_exercise(rig, must)) return false;
    if (rig_is_off(rig)) return true;
    if (rig->exercise->key) {
        if (!check_fetch(rig, remove.key, CLAUSE_DURABLE)) return false;
        if (rig_is_off(rig)) return true;
        if (rig->adapter->map->remove && !rig_call(rig, &remove, NULL)) return false;
    }
    return rig_is_off(rig) || rig_look(rig, here(rig)->object);
}

bool rig_store_unwatched(struct rig *rig, const struct value *key, const struct value *value)
{
    before_call(rig, ADAPTER_CALL_STORE);
    return rig->adapter->map->store(here(rig)->object, key->bytes, key->size, value->bytes,
                                    value->size) == ANSWER_OK;
}

bool rig_fill(struct rig *rig, const struct model *content)
{
    for (uint32_t key = 0; key < rig->script->key_count; key++) {
        enum answer answer;
        struct op op = {.kind = OP_STORE, .key = key, .value = content->slots[key].allowed[0]};
        if (!op.value) continue;
        if (!rig_call(rig, &op, &answer) || answer != ANSWER_OK) return false;
    }
    return true;
}
