/* rig_map.c - maps: values under keys.
 *
 * A look notes for each key which of the values that the model allows came back, or that none of
 * them did. When all keys were seen, each key must have a member of its set; the model settles on
 * it. Only then does a fetch have one right answer, so that a key can be asked alone.
 *
 * An engine that visits all its values has two ways to each of them, and a device may take only one
 * of them. In a part of the looks every key is fetched before anything is visited. What that gave
 * is compared when the visit has settled the model: what both ways get wrong is a finding of the
 * visit, so that one bug has one kind.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/exercise.h"
#include "fuzz/rig/rig_map.h"

/* What a look saw in the place of a value. Kept as bytes: an engine may show older values before
 * the newest one, and what they are is asked only if none that is right comes after them. */
struct wrong {
    uint8_t *bytes;
    uint32_t size, room;
};

/* What a fetch gave before a look. */
struct fetched {
    bool asked; /* and no call of the flash went wrong in it */
    enum answer answer;
    struct wrong value; /* of an answer of ok */
};

/* What a look has seen so far. One for each level, as in rig_list.c. */
struct rig_view {
    struct fetched *fetched; /* for each key */
    int8_t *seen;            /* for each key: a member of its set, or below 0 */
    struct wrong *wrong;     /* for each key: where that is wrong, what it is */
    uint32_t aliens;         /* keys that nobody stored */
    uint32_t asked;          /* the key that was fetched last, where the engine has no each() */
    bool damaged;            /* something is there and damaged */
};

static struct rig_view *view_of(const struct rig *rig)
{
    return &rig->views[rig->level];
}

int8_t *rig_map_marks(const struct rig *rig)
{
    return view_of(rig)->seen;
}

/* --- making and freeing --- */

/* The script's keys, then the harness's own. */
static void make(struct rig *rig)
{
    uint32_t count = rig->script->key_count + (rig->exercise->key ? 1 : 0);
    rig->keys = keys_new(count);
    rig->views = memory_zeroed(CONTRACT_LEVELS, sizeof *rig->views);
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++) {
        struct rig_level *level = &rig->levels[i];
        model_init(&level->model, count, rig->widened);
        model_init(&level->before, count, rig->widened);
        rig->views[i].seen = memory_new(count);
        rig->views[i].wrong = memory_zeroed(count, sizeof *rig->views[i].wrong);
        rig->views[i].fetched = memory_zeroed(count, sizeof *rig->views[i].fetched);
    }
    for (uint32_t i = 0; i < rig->script->key_count; i++)
        keys_add(rig->keys, rig->script->keys[i]);
    if (rig->exercise->key) keys_add(rig->keys, rig->exercise->key);
    assert(count == 0 || keys_at(rig->keys, count - 1)); /* a key of the model is one of these */
}

static void free_keys(struct rig *rig)
{
    keys_free(rig->keys);
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++) {
        for (uint32_t key = 0; key < rig->levels[i].model.key_count; key++) {
            free(rig->views[i].wrong[key].bytes);
            free(rig->views[i].fetched[key].value.bytes);
        }
        free(rig->views[i].fetched);
        free(rig->views[i].seen);
        free(rig->views[i].wrong);
    }
    free(rig->views);
}

/* --- operations --- */

const char *rig_map_key(const struct rig *rig, uint32_t key, char text[RIG_TEXT_MAX])
{
    const struct value *bytes = keys_at(rig->keys, key);
    return rig_bytes_text(bytes->bytes, bytes->size, text);
}

static const char *slot_text(const struct model_slot *slot, char text[3 * RIG_TEXT_MAX])
{
    char one[RIG_TEXT_MAX];
    int length = 0;
    assert(slot->count > 0 && slot->count <= MODEL_ALLOWED_MAX);
    for (uint32_t i = 0; i < slot->count; i++)
        length += snprintf(text + length, (size_t)(3 * RIG_TEXT_MAX - length), "%s%s",
                           i ? " or " : "", rig_value_text(slot->allowed[i], one));
    return text;
}

static enum answer fetch_from(struct rig *rig, void *object, const struct value *key,
                              uint32_t *size)
{
    *size = RIG_SIZE_UNSET;
    return rig->adapter->map->fetch(object, rig_hand(rig, RIG_KEY, key), key->size, rig_buffer(rig),
                                    rig->value_size_max, size);
}

static enum answer fetch_into_buffer(struct rig *rig, const struct value *key, uint32_t *size)
{
    return fetch_from(rig, rig_here(rig)->object, key, size);
}

/* Only what was hit may be damaged: where a value may not be missing, no program of it fell into
 * the sector that rotted. What a look has shown as missing may be damaged. */
static bool may_be_damaged(const struct rig *rig, const struct model_slot *slot)
{
    return rig->rotten && (slot->count > 1 || !slot->allowed[0]);
}

void rig_map_note_key(struct rig *rig, uint32_t key)
{
    assert(key < rig_model(rig)->key_count);
    rig->own = key >= rig->script->key_count;
}

bool rig_map_was_stored(struct rig *rig, uint32_t key, const void *bytes, uint32_t size)
{
    const struct script *script = rig->script;
    for (uint32_t i = 0; i < rig_here(rig)->reached; i++) {
        const struct op *op = &script->ops[i];
        if (op->kind == OP_STORE && op->key == key && op->value->size == size &&
            memcmp(op->value->bytes, bytes, size) == 0)
            return true;
    }
    if (key < script->key_count) return false;
    for (uint32_t i = 0; i < 2; i++) {
        const struct value *value = rig->exercise->values[i];
        if (value->size == size && memcmp(value->bytes, bytes, size) == 0) return true;
    }
    return false;
}

/* What a value is that the model does not allow. */
static enum seen seen_of(struct rig *rig, uint32_t key, bool absent, const void *bytes,
                         uint32_t size)
{
    assert(model_match(rig_model(rig), key, absent, bytes, size) < 0);
    if (absent) return SEEN_MISSING;
    if (!rig_map_was_stored(rig, key, bytes, size)) return SEEN_OTHER;
    return rig_here(rig)->model.slots[key].allowed[0] ? SEEN_OLDER : SEEN_BACK;
}

/* What a key shows that the model does not allow: the clause, where a transaction that is not
 * committed is to blame. */
static enum clause blame(struct rig *rig, enum clause clause, uint32_t key, bool absent,
                         const void *bytes, uint32_t size)
{
    return rig_version_is_undone(rig, key, absent, bytes, size) ? CLAUSE_ISOLATED : clause;
}

/* Where a commit is undecided, what one key shows decides the others. */
static void decide(struct rig *rig, uint32_t key, int member)
{
    if (rig_model(rig)->worlds > 1 && !rig->rotten) model_settle(rig_model(rig), key, member);
}

/* Else each set has one member by now. */
bool rig_map_fetch(struct rig *rig, uint32_t key, enum clause clause)
{
    uint32_t size;
    char k[RIG_TEXT_MAX], want[3 * RIG_TEXT_MAX];
    const struct model_slot *slot = &rig_here(rig)->model.slots[key];
    rig_before(rig, ADAPTER_CALL_FETCH);
    rig_map_note_key(rig, key);
    enum answer answer = fetch_into_buffer(rig, keys_at(rig->keys, key), &size);
    if (!rig_after(rig, ADAPTER_CALL_FETCH, answer)) return false;
    if (rig_is_off(rig)) return true;
    if (rig_read_failed(rig, answer)) return true;
    if (answer == ANSWER_DAMAGED && may_be_damaged(rig, slot)) return true;
    if (answer != ANSWER_OK && answer != ANSWER_NOT_FOUND)
        return rig_finds(rig, clause, rig_seen_of(answer),
                         "fetch %s: expected an answer ok or not found, got %s",
                         rig_map_key(rig, key, k), rig_answer_name(answer));
    bool absent = answer == ANSWER_NOT_FOUND;
    if (size > rig->value_size_max) size = rig->value_size_max;
    int member = model_match(&rig_here(rig)->model, key, absent, rig_buffer(rig), size);
    if (member >= 0) {
        decide(rig, key, member);
        return true;
    }
    char got[RIG_TEXT_MAX] = "absent";
    clause = blame(rig, rig->rotten ? CLAUSE_HONEST : clause, key, absent, rig_buffer(rig), size);
    if (!absent) rig_bytes_text(rig_buffer(rig), size, got);
    enum seen seen = seen_of(rig, key, absent, rig_buffer(rig), size);
    bool looked = clause == CLAUSE_SETTLED && rig->adapter->map->each;
    return rig_finds(rig, clause, seen, "%s: %s %s, fetch shows %s", rig_map_key(rig, key, k),
                     looked ? "each shows" : "expected", slot_text(slot, want), got);
}

static enum answer fetch_short(struct rig *rig, const void *context, void *buffer,
                               uint32_t capacity, uint32_t *size)
{
    const struct value *key = context;
    return rig->adapter->map->fetch(rig_here(rig)->object, rig_hand(rig, RIG_KEY, key), key->size,
                                    buffer, capacity, size);
}

/* A fetch of the script, and again with a buffer that is too short. */
static bool check_fetch_twice(struct rig *rig, uint32_t key)
{
    const struct model_slot *slot = &rig_here(rig)->model.slots[key];
    if (!rig_map_fetch(rig, key, CLAUSE_DURABLE) || !rig_version_own(rig, key) ||
        !rig_version_own_short(rig, key))
        return false;
    if (rig_is_off(rig) || rig->rotten || slot->count != 1) return true;
    return rig_short(rig, ADAPTER_CALL_FETCH, slot->allowed[0], rig_buffer(rig), fetch_short,
                     keys_at(rig->keys, key));
}

static enum answer change(struct rig *rig, const struct op *op)
{
    const struct adapter_map *map = rig->adapter->map;
    void *object = rig_here(rig)->object;
    const struct value *key = op_has_key(op->kind) ? keys_at(rig->keys, op->key) : NULL;
    const void *bytes = key ? rig_hand(rig, RIG_KEY, key) : NULL;
    assert(op->kind != OP_STORE || op->value);
    switch (op->kind) {
    case OP_STORE:
        return map->store(object, bytes, key->size, rig_hand(rig, RIG_VALUE, op->value),
                          op->value->size);
    case OP_REMOVE:
        return map->remove ? map->remove(object, bytes, key->size) : ANSWER_UNSUPPORTED;
    case OP_COLLECT:
        return map->collect ? map->collect(object) : ANSWER_UNSUPPORTED;
    case OP_DESTROY:
        return map->destroy ? map->destroy(object, bytes, key->size) : ANSWER_UNSUPPORTED;
    case OP_DESTROY_ALL:
        return map->destroy ? map->destroy(object, NULL, 0) : ANSWER_UNSUPPORTED;
    default:
        return map->clear ? map->clear(object) : ANSWER_UNSUPPORTED;
    }
}

/* In an open transaction nothing but stores and removals may be asked. */
static bool is_locked(struct rig *rig, const struct op *op)
{
    return rig_model(rig)->open.transaction == TRANSACTION_OPEN && op->kind != OP_STORE &&
           op->kind != OP_REMOVE;
}

/* Whether an engine that promises it refused to change a value that is there for want of room. */
static bool breaks_promise(struct rig *rig, const struct op *op, enum answer answer)
{
    bool promised = rig->adapter->promised & ADAPTER_FULL_CHANGES;
    const struct model_open *open = &rig_model(rig)->open;
    assert(answer != ANSWER_OK);
    if (rig->rotten) return false; /* what is damaged takes room */
    if (!promised || answer != ANSWER_FULL || (op->kind != OP_STORE && op->kind != OP_REMOVE))
        return false;
    if (open->transaction == TRANSACTION_OPEN || model_open_any_snapshot(open)) return false;
    const struct model_slot *slot = &rig_model(rig)->slots[op->key];
    if (slot->count != 1 || !slot->allowed[0]) return false;
    return op->kind == OP_REMOVE || op->value->size <= slot->allowed[0]->size;
}

/* To a removal: in the open transaction, or of what is committed. */
static bool may_be_absent(struct rig *rig, uint32_t key)
{
    const struct model_open *open = &rig_model(rig)->open;
    const struct model_change *change =
        open->transaction == TRANSACTION_OPEN ? model_open_find(open, key) : NULL;
    return change ? !change->value : model_match(rig_model(rig), key, true, NULL, 0) >= 0;
}

/* There was nothing to destroy. */
static bool check_none(struct rig *rig)
{
    char k[RIG_TEXT_MAX];
    assert(rig_model(rig)->open.transaction != TRANSACTION_OPEN);
    for (uint32_t key = 0; key < rig_model(rig)->key_count; key++) {
        if (!may_be_absent(rig, key))
            return rig_finds(rig, CLAUSE_DURABLE, SEEN_MISSING,
                             "destroy all: expected ok, as %s has a value, got not found",
                             rig_map_key(rig, key, k));
    }
    return true;
}

/* A call that fails changes nothing (clean): looked at in the key that was to change. */
static bool check_failed(struct rig *rig, const struct op *op, enum answer answer)
{
    char k[RIG_TEXT_MAX];
    model_abort(&rig_here(rig)->model, op, &rig_here(rig)->before);
    if (!rig_may_refuse(rig, op, answer)) return false;
    if (answer != ANSWER_NOT_FOUND) rig_refused(rig, op, answer);
    if (breaks_promise(rig, op, answer))
        return rig_finds(
            rig, CLAUSE_ALIVE, SEEN_REFUSED,
            "%s of %s in a full store: expected ok, which the adapter promises, got full",
            op_name(op->kind), rig_map_key(rig, op->key, k));
    if (answer == ANSWER_NOT_FOUND && op->kind == OP_DESTROY_ALL)
        return check_none(rig) && rig_gone_promised(rig, GONE_ALL);
    if (answer == ANSWER_NOT_FOUND && (op->kind == OP_REMOVE || op->kind == OP_DESTROY)) {
        if (may_be_absent(rig, op->key))
            return op->kind == OP_REMOVE || rig_gone_promised(rig, op->key);
        return rig_finds(rig, CLAUSE_DURABLE, SEEN_MISSING, "%s of %s: expected ok, got not found",
                         op_name(op->kind), rig_map_key(rig, op->key, k));
    }
    return !op_has_key(op->kind) || rig_map_fetch(rig, op->key, CLAUSE_CLEAN);
}

/* What a transaction changes is seen by nobody else before its commit. Looked at in a part of the
 * states, so that in the others nothing is read before that. */
#define HIDDEN_LOOK_EVERY 2u

static bool check_hidden(struct rig *rig, const struct op *op)
{
    const struct model_open *open = &rig_model(rig)->open;
    uint64_t state = chip_hash(rig->chip).low + op->key + open->change_count;
    if (open->transaction != TRANSACTION_OPEN || state % HIDDEN_LOOK_EVERY) return true;
    return rig_map_fetch(rig, op->key, CLAUSE_DURABLE) && rig_version_own(rig, op->key);
}

static bool look(struct rig *rig, void *object, bool powered_on);

bool rig_map_leave_undecided(struct rig *rig, const struct op *op)
{
    bool opens = rig_version_has(op) && op->kind != OP_COMMIT;
    model_fail(rig_model(rig), rig->chip);
    if (opens || rig_model(rig)->open.transaction == TRANSACTION_OPEN)
        return rig_call(rig, &(struct op){.kind = OP_MOUNT}, NULL);
    return model_wait(rig_model(rig)) || look(rig, rig_object(rig), false);
}

static bool call_change(struct rig *rig, const struct op *op, enum answer *answer)
{
    struct rig_level *level = rig_here(rig);
    if (is_locked(rig, op)) return rig_lacks(rig, op, answer);
    model_begin(&level->model, op, &level->before);
    rig_before(rig, rig_call_of(op->kind));
    if (op_has_key(op->kind)) rig_map_note_key(rig, op->key);
    *answer = change(rig, op);
    if (!rig_after(rig, rig_call_of(op->kind), *answer)) return false;
    if (rig_is_off(rig)) return true;
    if (rig_change_failed(rig, *answer)) return rig_map_leave_undecided(rig, op);
    if (*answer != ANSWER_OK) return check_failed(rig, op, *answer);
    model_commit(&level->model, op);
    if (op->kind == OP_DESTROY || op->kind == OP_DESTROY_ALL) return rig_gone_check(rig);
    if (!check_hidden(rig, op)) return false;
    if (op->kind != OP_STORE || op->value->size <= rig->value_size_max) return true;
    return rig_finds(rig, CLAUSE_SANE, SEEN_EXTRA,
                     "store of %" PRIu32 " bytes: expected too big, as limits() says %" PRIu32
                     ", got ok",
                     op->value->size, rig->value_size_max);
}

/* What the scenario expects of a key. Where that contradicts its own operations and power was never
 * cut, the scenario is wrong, or the engine refused what it was asked. */
static bool check_expectation(struct rig *rig, const struct op *op)
{
    char k[RIG_TEXT_MAX], want[RIG_TEXT_MAX], have[3 * RIG_TEXT_MAX], why[RIG_REFUSAL_MAX];
    const struct value *value = op->value;
    int member = model_match(&rig_here(rig)->model, op->key, !value, value ? value->bytes : NULL,
                             value ? value->size : 0);
    if (member >= 0 || !rig_is_uncut(rig)) return rig_map_fetch(rig, op->key, CLAUSE_DURABLE);
    rig_print_refusal(rig, why);
    return rig_finds(rig, CLAUSE_SCENARIO, SEEN_UNKNOWN,
                     "the scenario expects %s of %s, its own operations leave %s%s%s",
                     rig_value_text(value, want), rig_map_key(rig, op->key, k),
                     slot_text(&rig_here(rig)->model.slots[op->key], have), *why ? "; " : "", why);
}

static bool call(struct rig *rig, const struct op *op, enum answer *answer)
{
    if (rig_version_has(op)) return rig_version_call(rig, op, answer);
    switch (op->kind) {
    case OP_STORE:
    case OP_REMOVE:
    case OP_CLEAR:
    case OP_COLLECT:
    case OP_DESTROY:
    case OP_DESTROY_ALL:
        return call_change(rig, op, answer);
    case OP_FETCH:
        return check_fetch_twice(rig, op->key);
    case OP_EXPECT:
        return check_expectation(rig, op);
    default:
        return rig_misfits(rig, op);
    }
}

/* --- looking --- */

#define LOOK_ABSENT (-1)
#define LOOK_WRONG (-2)   /* a value that the model does not allow */
#define LOOK_DAMAGED (-3) /* counts as absent */

#define NAMED_MAX 3u /* keys that a finding names */
#define OTHERS_MAX (NAMED_MAX * 40u)

static void keep(struct wrong *wrong, const void *value, uint32_t size)
{
    assert(value || !size);
    if (size > wrong->room || !wrong->bytes) {
        wrong->bytes = memory_resize(wrong->bytes, size, 1);
        wrong->room = size;
    }
    if (size) memcpy(wrong->bytes, value, size);
    wrong->size = size;
}

/* A key of the script that was used by now, or the harness's own. A case that is cut before the
 * other ones does not name them. */
static bool may_be_there(struct rig *rig, uint32_t key)
{
    return key < rig_here(rig)->keys_reached || key == rig->script->key_count;
}

static void see(struct rig *rig, const void *key, uint32_t key_size, const void *value,
                uint32_t value_size)
{
    struct rig_view *view = view_of(rig);
    uint32_t index = keys_find(rig->keys, key, key_size);
    if (index == KEYS_NONE || !may_be_there(rig, index)) {
        view->aliens++;
        return;
    }
    if (!value && value_size == ADAPTER_DAMAGED) {
        view->seen[index] = LOOK_DAMAGED;
        view->damaged = true;
        return;
    }
    int member = model_match(&rig_here(rig)->model, index, false, value, value_size);
    assert(member < (int)rig_here(rig)->model.slots[index].count);
    view->seen[index] = (int8_t)(member < 0 ? LOOK_WRONG : member);
    if (member < 0) keep(&view->wrong[index], value, value_size);
}

/* Called by the engine. */
static void visit(void *context, const void *key, uint32_t key_size, const void *value,
                  uint32_t value_size)
{
    enum pulse_place from = pulse_go(PULSE_CALLED_BACK);
    see(context, key, key_size, value, value_size);
    pulse_go(from);
}

/* Which clause a wrong value breaks: of a key in flight it is half an operation; of another one
 * that should be absent it came back; else what was acknowledged is lost. */
static enum clause clause_of(const struct rig *rig, const struct model_slot *slot)
{
    if (rig->rotten) return CLAUSE_HONEST;
    if (slot->count > 1) return CLAUSE_ATOMIC;
    return slot->allowed[0] ? CLAUSE_DURABLE : CLAUSE_SETTLED;
}

/* The member of the key's set that the look saw, or below 0. */
static int member_of(const struct rig *rig, const struct model *model, uint32_t key)
{
    int8_t seen = view_of(rig)->seen[key];
    if (seen != LOOK_ABSENT && seen != LOOK_DAMAGED) return seen;
    return model_match(model, key, true, NULL, 0);
}

/* "; so does b; so does c; 12 keys in all": the first keys that differ after this one, and how many
 * there are with it. */
static void print_others(struct rig *rig, uint32_t key, char text[OTHERS_MAX])
{
    const struct model *model = &rig_here(rig)->model;
    uint32_t count = 1;
    char k[RIG_TEXT_MAX];
    size_t used = 0;
    text[0] = 0;
    for (uint32_t other = key + 1; other < model->key_count; other++) {
        if (member_of(rig, model, other) >= 0 || ++count > NAMED_MAX) continue;
        used += (size_t)snprintf(text + used, OTHERS_MAX - used, "; so does %.24s",
                                 rig_map_key(rig, other, k));
    }
    if (count > NAMED_MAX)
        snprintf(text + used, OTHERS_MAX - used, "; %" PRIu32 " keys in all", count);
}

static bool differs(struct rig *rig, uint32_t key)
{
    const struct model_slot *slot = &rig_here(rig)->model.slots[key];
    const struct rig_view *view = view_of(rig);
    const struct wrong *wrong = &view->wrong[key];
    bool absent = view->seen[key] == LOOK_ABSENT, damaged = view->seen[key] == LOOK_DAMAGED;
    char k[RIG_TEXT_MAX], want[3 * RIG_TEXT_MAX], got[RIG_TEXT_MAX], others[OTHERS_MAX];
    enum seen seen = damaged  ? SEEN_DAMAGED
                     : absent ? SEEN_MISSING
                              : seen_of(rig, key, false, wrong->bytes, wrong->size);
    assert(member_of(rig, rig_model(rig), key) < 0);
    rig_map_note_key(rig, key);
    print_others(rig, key, others);
    enum clause clause = blame(rig, clause_of(rig, slot), key, absent || damaged, wrong->bytes,
                               absent || damaged ? 0 : wrong->size);
    return rig_finds(rig, clause, seen, "%s: expected %s, each shows %s%s",
                     rig_map_key(rig, key, k), slot_text(slot, want),
                     damaged  ? "damaged"
                     : absent ? "absent"
                              : rig_bytes_text(wrong->bytes, wrong->size, got),
                     others);
}

/* Picks a member of each set; false at the first key that has none. */
static bool settle(struct rig *rig)
{
    struct model *model = &rig_here(rig)->model;
    int8_t *seen = view_of(rig)->seen;
    for (uint32_t key = 0; key < model->key_count; key++) {
        int member = member_of(rig, model, key);
        if (member < 0) return differs(rig, key);
        seen[key] = (int8_t)member;
    }
    if (model_settle_all(model, seen)) return true;
    if (model->doubled == OP_COMMIT)
        return rig_finds(rig, CLAUSE_ATOMIC, SEEN_HALF,
                         "a commit was cut: expected all of its changes or none, got a part of "
                         "them");
    return rig_finds(rig, CLAUSE_ATOMIC, SEEN_HALF,
                     "a clear was cut: expected all keys or none, got a part of them");
}

/* The iteration stopped at damage. What was not hit must be there all the same. */
static bool check_untouched(struct rig *rig)
{
    const struct model *model = rig_model(rig);
    for (uint32_t key = 0; key < rig_here(rig)->keys_reached && !rig_is_off(rig); key++) {
        if (model->slots[key].count == 1 && !rig_map_fetch(rig, key, CLAUSE_HONEST)) return false;
    }
    return true;
}

/* An engine that can't show all its values is asked for each key that there may be. */
static bool fetch_all(struct rig *rig, void *object, enum answer *answer)
{
    for (uint32_t key = 0; key < rig_here(rig)->model.key_count && !rig_is_off(rig); key++) {
        if (!may_be_there(rig, key)) continue;
        const struct value *bytes = keys_at(rig->keys, key);
        uint32_t size;
        view_of(rig)->asked = key;
        rig_before(rig, ADAPTER_CALL_FETCH);
        *answer = fetch_from(rig, object, bytes, &size);
        if (!rig_after(rig, ADAPTER_CALL_FETCH, *answer)) return false;
        if (*answer == ANSWER_NOT_FOUND || (*answer == ANSWER_DAMAGED && rig->rotten)) continue;
        if (*answer != ANSWER_OK) return true;
        if (size > rig->value_size_max) size = rig->value_size_max;
        see(rig, bytes->bytes, bytes->size, rig_buffer(rig), size);
    }
    *answer = ANSWER_OK;
    return true;
}

static bool visit_all(struct rig *rig, void *object, enum answer *answer)
{
    if (!rig->adapter->map->each) return fetch_all(rig, object, answer);
    rig_before(rig, ADAPTER_CALL_EACH);
    *answer = rig->adapter->map->each(object, visit, rig);
    return rig_after(rig, ADAPTER_CALL_EACH, *answer);
}

static bool fail_look(struct rig *rig, enum answer answer)
{
    char k[RIG_TEXT_MAX];
    if (rig->adapter->map->each)
        return rig_finds(rig, CLAUSE_DURABLE, rig_seen_of(answer),
                         "reading back: expected ok, got %s", rig_answer_name(answer));
    return rig_finds(rig, CLAUSE_DURABLE, rig_seen_of(answer),
                     "reading back %s: expected ok or not found, got %s",
                     rig_map_key(rig, view_of(rig)->asked, k), rig_answer_name(answer));
}

/* One look in this many fetches every key first: after a power-on, and while the engine has in RAM
 * where things are. */
#define FETCH_EVERY_BOOT 16u
#define FETCH_EVERY 4u

static bool fetches_first(const struct rig *rig, bool powered_on)
{
    uint32_t every = powered_on ? FETCH_EVERY_BOOT : FETCH_EVERY;
    return rig->adapter->map->each && !rig->rotten &&
           (chip_hash(rig->chip).high >> 16) % every == 0;
}

static bool fetch_first(struct rig *rig, void *object)
{
    for (uint32_t key = 0; key < rig_here(rig)->model.key_count && !rig_is_off(rig); key++) {
        struct fetched *fetched = &view_of(rig)->fetched[key];
        uint32_t size;
        fetched->asked = false;
        if (!may_be_there(rig, key)) continue;
        rig_before(rig, ADAPTER_CALL_FETCH);
        rig_map_note_key(rig, key);
        fetched->answer = fetch_from(rig, object, keys_at(rig->keys, key), &size);
        if (!rig_after(rig, ADAPTER_CALL_FETCH, fetched->answer)) return false;
        fetched->asked = !rig_is_off(rig) && !rig_flash_failed(rig);
        if (size > rig->value_size_max) size = rig->value_size_max;
        if (fetched->answer == ANSWER_OK) keep(&fetched->value, rig_buffer(rig), size);
    }
    return true;
}

/* A fetch before the look gave something else than what the look has settled on. */
static bool differs_fetched(struct rig *rig, uint32_t key, enum clause clause)
{
    char k[RIG_TEXT_MAX], want[RIG_TEXT_MAX], got[RIG_TEXT_MAX] = "absent";
    const struct fetched *fetched = &view_of(rig)->fetched[key];
    const struct wrong *value = &fetched->value;
    bool absent = fetched->answer == ANSWER_NOT_FOUND;
    rig->call = ADAPTER_CALL_FETCH;
    rig_map_note_key(rig, key);
    rig_map_key(rig, key, k);
    if (!absent && fetched->answer != ANSWER_OK)
        return rig_finds(rig, clause, rig_seen_of(fetched->answer),
                         "fetch %s: expected an answer ok or not found, got %s", k,
                         rig_answer_name(fetched->answer));
    if (!absent) rig_bytes_text(value->bytes, value->size, got);
    return rig_finds(rig, clause, seen_of(rig, key, absent, value->bytes, value->size),
                     "%s: each shows %s, a fetch before it %s", k,
                     rig_value_text(rig_model(rig)->slots[key].allowed[0], want), got);
}

/* Only an answer of ok has bytes: those of an earlier look are still in their place. */
static bool fetched_fits(struct rig *rig, uint32_t key)
{
    const struct fetched *fetched = &view_of(rig)->fetched[key];
    const struct value *settled = rig_model(rig)->slots[key].allowed[0];
    if (!fetched->asked) return true;
    if (fetched->answer == ANSWER_NOT_FOUND) return !settled;
    return fetched->answer == ANSWER_OK &&
           model_shows(settled, false, fetched->value.bytes, fetched->value.size);
}

static bool check_all_fetched(struct rig *rig, enum clause clause)
{
    assert(model_is_decided(rig_model(rig)) && "a look has settled it");
    for (uint32_t key = 0; key < rig_model(rig)->key_count; key++) {
        if (!fetched_fits(rig, key)) return differs_fetched(rig, key, clause);
    }
    return true;
}

static bool look_at_each(struct rig *rig, void *object, bool powered_on)
{
    enum answer answer = ANSWER_OK;
    memset(view_of(rig)->seen, LOOK_ABSENT & 0xFF, rig_here(rig)->model.key_count);
    view_of(rig)->aliens = 0;
    view_of(rig)->damaged = false;
    if (!visit_all(rig, object, &answer)) return false;
    if (rig_is_off(rig)) return true;
    if (rig_read_failed(rig, answer) || (view_of(rig)->damaged && rig_read_wrong(rig)))
        return look_at_each(rig, object, powered_on);
    if (answer == ANSWER_DAMAGED && rig->rotten)
        return object != rig_object(rig) || check_untouched(rig);
    if (answer != ANSWER_OK) return fail_look(rig, answer);
    if (view_of(rig)->aliens)
        return rig_finds(rig, CLAUSE_HONEST, SEEN_OTHER,
                         "each: expected keys that were stored, got another one");
    return settle(rig);
}

static bool look(struct rig *rig, void *object, bool powered_on)
{
    if (!fetches_first(rig, powered_on)) return look_at_each(rig, object, powered_on);
    if (!fetch_first(rig, object)) return false;
    if (rig_is_off(rig)) return true;
    if (!look_at_each(rig, object, powered_on)) return false;
    /* What a stray has hit since may be missing, and the look may have settled nothing. */
    return rig_is_off(rig) || rig->rotten ||
           check_all_fetched(rig, powered_on ? CLAUSE_SETTLED : CLAUSE_DURABLE);
}

/* One state in this many is scanned, by an engine that can. */
#define SCAN_EVERY 4u

/* Beside the look: what was destroyed is not there, and all ways to a value must agree: a fetch of
 * one of the keys that were used by now, another one on each image. */
static bool agree(struct rig *rig)
{
    uint32_t count = rig_here(rig)->keys_reached;
    uint64_t image = chip_hash(rig->chip).low;
    if (!rig_gone_check(rig)) return false;
    if (count == 0) return true;
    if (!rig_map_fetch(rig, (uint32_t)(image % count), CLAUSE_SETTLED)) return false;
    return rig_is_off(rig) || (image >> 4) % SCAN_EVERY || rig_version_scan_all(rig);
}

/* --- use --- */

static bool use_store(struct rig *rig, const struct value *value, bool must, bool *full)
{
    enum answer answer;
    struct op op = {.kind = OP_STORE, .key = rig->script->key_count, .value = value};
    assert(rig->exercise->key && "the key after those of the script");
    if (!rig_call(rig, &op, &answer)) return false;
    *full = answer != ANSWER_OK;
    if (!*full || !must || rig_is_off(rig)) return true;
    rig->call = ADAPTER_CALL_STORE; /* not the read after it */
    return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(answer),
                     "a store of the exercise: expected ok, as of a fresh engine that holds the "
                     "same, got %s",
                     rig_answer_name(answer));
}

static bool exercise_for(struct rig *rig, bool must, uint32_t rounds)
{
    const struct exercise *exercise = rig->exercise;
    uint64_t erases = chip_counters(rig->chip)->erases;
    bool full = false;
    for (uint32_t i = 0; exercise->key && i < rounds && !full; i++) {
        uint64_t place = (uint64_t)rounds << 32 | i;
        if (rig_rest_is_known(rig, place, &erases)) return false;
        if (!use_store(rig, exercise->values[i % 2], must, &full)) return false;
        if (rig_is_off(rig)) return true;
    }
    return true;
}

static bool exercise_store(struct rig *rig, bool must)
{
    return exercise_for(rig, must, rig->exercise->rounds);
}

/* Every other image is used all the way round; the rest end where the image says, so that what a
 * later power-on finds is not the same place of the round each time. */
static uint32_t rounds_of(const struct rig *rig)
{
    uint64_t image = chip_hash(rig->chip).high;
    uint32_t all = rig->exercise->rounds;
    return image & 1 ? all : 1 + (uint32_t)((image >> 1) % all);
}

static bool use(struct rig *rig, bool must)
{
    struct op remove = {.kind = OP_REMOVE, .key = rig->script->key_count};
    if (!rig_call(rig, &(struct op){.kind = OP_ABORT}, NULL)) return false;
    if (rig_is_off(rig)) return true;
    if (!exercise_for(rig, must, rounds_of(rig))) return false;
    if (rig_is_off(rig)) return true;
    if (rig->exercise->key) {
        if (!rig_map_fetch(rig, remove.key, CLAUSE_DURABLE)) return false;
        if (rig_is_off(rig)) return true;
        if (rig->adapter->map->remove && !rig_call(rig, &remove, NULL)) return false;
    }
    return rig_is_off(rig) || look(rig, rig_here(rig)->object, false);
}

static bool fill(struct rig *rig, const struct model *content)
{
    assert(content->key_count >= rig->script->key_count && model_is_decided(content));
    for (uint32_t key = 0; key < rig->script->key_count; key++) {
        enum answer answer;
        struct op op = {.kind = OP_STORE, .key = key, .value = content->slots[key].allowed[0]};
        if (!op.value) continue;
        if (!rig_call(rig, &op, &answer) || answer != ANSWER_OK) return false;
    }
    return true;
}

const struct rig_kind rig_map = {.make = make,
                                 .free = free_keys,
                                 .call = call,
                                 .look = look,
                                 .exercise = exercise_store,
                                 .use = use,
                                 .fill = fill,
                                 .agree = agree};
