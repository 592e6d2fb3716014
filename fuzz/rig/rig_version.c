/* rig_version.c - transactions, snapshots and scans of a map.
 *
 * Three versions can be read: what is committed, what the open transaction makes of that, and what
 * a snapshot kept. Each read has one right answer for each key, or some of them where a power-on
 * without a look has left the model undecided. What differs breaks the clause isolated where the
 * version is to blame: a snapshot moved, an open or undone transaction shows, a scan is not one
 * pass over the keys. Else it is the clause that a fetch would have found broken.
 *
 * An engine that lacks a call refuses it (unsupported). Then stores that were to be a transaction
 * are plain ones, and a snapshot that was not opened is not read.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/rig/rig_map.h"

static const struct adapter_map *map_of(const struct rig *rig)
{
    return rig->adapter->map;
}

static struct model_open *open_of(struct rig *rig)
{
    return &rig_model(rig)->open;
}

/* --- what a version holds --- */

/* The snapshot, or NULL where it is not open: nothing is read in it then. */
static const struct model_snapshot *snapshot_of(struct rig *rig, uint32_t snapshot)
{
    assert(snapshot >= 1 && snapshot <= ADAPTER_SNAPSHOTS);
    const struct model_snapshot *kept = &open_of(rig)->snapshots[snapshot - 1];
    return kept->open ? kept : NULL;
}

/* Whether a key may show this in a version. Where bits rotted a value may be missing. */
static bool may_show(struct rig *rig, uint32_t snapshot, uint32_t key, bool absent,
                     const void *bytes, uint32_t size)
{
    assert(key < rig_model(rig)->key_count && (bytes || size == 0 || absent));
    if (snapshot == ADAPTER_NOW) return model_match(rig_model(rig), key, absent, bytes, size) >= 0;
    const struct model_snapshot *kept = snapshot_of(rig, snapshot);
    return !kept->known || (rig->rotten && absent) ||
           model_shows(kept->values[key], absent, bytes, size);
}

/* Whether a version must show some value of a key. */
static bool must_show(struct rig *rig, uint32_t snapshot, uint32_t key)
{
    return !may_show(rig, snapshot, key, true, NULL, 0);
}

static const char *expected_text(struct rig *rig, uint32_t snapshot, uint32_t key,
                                 char text[RIG_TEXT_MAX])
{
    const struct model_slot *slot = &rig_model(rig)->slots[key];
    const struct value *value =
        snapshot ? snapshot_of(rig, snapshot)->values[key] : slot->allowed[0];
    return rig_value_text(value, text);
}

bool rig_version_is_undone(struct rig *rig, uint32_t key, bool absent, const void *bytes,
                           uint32_t size)
{
    const struct model_open *open = open_of(rig);
    const struct model_change *change = model_open_find(open, key);
    assert(key < open->key_count);
    return change && open->transaction != TRANSACTION_IN_FLIGHT &&
           model_shows(change->value, absent, bytes, size);
}

static enum seen seen_in(struct rig *rig, uint32_t key, bool absent, const void *bytes,
                         uint32_t size)
{
    if (absent) return SEEN_MISSING;
    if (!rig_map_was_stored(rig, key, bytes, size)) return SEEN_OTHER;
    return SEEN_OLDER;
}

/* --- calls --- */

/* What an operation is refused with, compared. */
static bool check_refusal(struct rig *rig, const struct op *op, enum answer answer)
{
    if (!rig_may_refuse(rig, op, answer)) return false;
    rig_refused(rig, op, answer);
    return true;
}

/* What a transaction that was undone would have changed shows what it did before. */
static bool check_undone(struct rig *rig, enum clause clause)
{
    assert(open_of(rig)->transaction == TRANSACTION_UNDONE);
    for (uint32_t i = 0; i < open_of(rig)->change_count && !rig_is_off(rig); i++) {
        if (!rig_map_fetch(rig, open_of(rig)->changes[i].key, clause)) return false;
    }
    return true;
}

/* One state in this many is looked at right after an abort: elsewhere what the abort left may show
 * at the next power-on only. */
#define ABORT_LOOK_EVERY 2u

static bool check_aborted(struct rig *rig)
{
    bool look = chip_hash(rig->chip).low % ABORT_LOOK_EVERY == 0;
    return !look || check_undone(rig, CLAUSE_DURABLE);
}

static enum answer transact(struct rig *rig, enum op_kind kind)
{
    const struct adapter_map *map = map_of(rig);
    void *object = rig_object(rig);
    assert(map->begin && map->commit && map->abort && "plugin.c: all three or none");
    if (kind == OP_BEGIN) return map->begin(object);
    return kind == OP_COMMIT ? map->commit(object) : map->abort(object);
}

static bool call_transaction(struct rig *rig, const struct op *op, enum answer *answer)
{
    struct rig_level *level = rig_here(rig);
    bool is_open = open_of(rig)->transaction == TRANSACTION_OPEN;
    if (!map_of(rig)->begin) return op->kind != OP_BEGIN || rig_lacks(rig, op, answer);
    if (is_open == (op->kind == OP_BEGIN)) return true; /* they do nothing there */
    model_begin(&level->model, op, &level->before);
    rig_before(rig, rig_call_of(op->kind));
    *answer = transact(rig, op->kind);
    if (!rig_after(rig, rig_call_of(op->kind), *answer)) return false;
    if (rig_is_off(rig)) return true;
    if (rig_change_failed(rig, *answer)) return rig_map_leave_undecided(rig, op);
    if (*answer == ANSWER_OK) {
        model_commit(&level->model, op);
        return op->kind != OP_ABORT || check_aborted(rig);
    }
    model_abort(&level->model, op, &level->before);
    if (!check_refusal(rig, op, *answer)) return false;
    return op->kind != OP_COMMIT || check_undone(rig, CLAUSE_CLEAN);
}

static bool call_snapshot(struct rig *rig, const struct op *op, enum answer *answer)
{
    const struct adapter_map *map = map_of(rig);
    bool opens = op->kind == OP_SNAPSHOT;
    assert(!map->open == !map->close && !map->open == !map->fetch_at);
    if (!map->open) return !opens || rig_lacks(rig, op, answer);
    if (!snapshot_of(rig, op->snapshot) != opens) return true;
    rig_before(rig, rig_call_of(op->kind));
    *answer = opens ? map->open(rig_object(rig), op->snapshot)
                    : map->close(rig_object(rig), op->snapshot);
    if (!rig_after(rig, rig_call_of(op->kind), *answer)) return false;
    if (rig_is_off(rig)) return true;
    if (rig_change_failed(rig, *answer)) return rig_map_leave_undecided(rig, op);
    if (!opens) model_drop(rig_model(rig), op->snapshot);
    if (*answer != ANSWER_OK) return check_refusal(rig, op, *answer);
    if (opens) model_keep(rig_model(rig), op->snapshot);
    return true;
}

/* --- reading one key --- */

/* What a read has answered with: a value in the buffer, or that there is none. */
struct shown {
    enum answer answer;
    bool absent;
    uint32_t size;
};

/* Whether the answer is one; where bits rotted it may be that the value is damaged. */
static bool take_answer(struct rig *rig, uint32_t key, struct shown *shown, bool *settled)
{
    char k[RIG_TEXT_MAX];
    *settled = rig_is_off(rig) || (shown->answer == ANSWER_DAMAGED && rig->rotten) ||
               rig_read_failed(rig, shown->answer);
    if (*settled) return true;
    shown->absent = shown->answer == ANSWER_NOT_FOUND;
    if (shown->size > rig->value_size_max) shown->size = rig->value_size_max;
    return shown->answer == ANSWER_OK || shown->absent ||
           rig_finds(rig, CLAUSE_ISOLATED, rig_seen_of(shown->answer),
                     "%s %s: expected an answer ok or not found, got %s",
                     adapter_call_name(rig->call), rig_map_key(rig, key, k),
                     rig_answer_name(shown->answer));
}

static const char *shown_text(const struct rig *rig, const struct shown *shown,
                              char text[RIG_TEXT_MAX])
{
    return shown->absent ? "absent" : rig_bytes_text(rig_buffer(rig), shown->size, text);
}

static bool check_at(struct rig *rig, uint32_t snapshot, uint32_t key)
{
    const struct value *bytes = keys_at(rig->keys, key);
    char k[RIG_TEXT_MAX], want[RIG_TEXT_MAX], got[RIG_TEXT_MAX];
    struct shown shown = {.size = RIG_SIZE_UNSET};
    bool settled;
    assert(snapshot_of(rig, snapshot) && "what is not open is not read");
    rig_before(rig, ADAPTER_CALL_AT);
    rig_map_note_key(rig, key);
    shown.answer =
        map_of(rig)->fetch_at(rig_object(rig), snapshot, rig_hand(rig, RIG_KEY, bytes), bytes->size,
                              rig_buffer(rig), rig->value_size_max, &shown.size);
    if (!rig_after(rig, ADAPTER_CALL_AT, shown.answer)) return false;
    if (!take_answer(rig, key, &shown, &settled) || settled) return settled;
    if (may_show(rig, snapshot, key, shown.absent, rig_buffer(rig), shown.size)) return true;
    return rig_finds(rig, CLAUSE_ISOLATED,
                     seen_in(rig, key, shown.absent, rig_buffer(rig), shown.size),
                     "%s in snapshot %" PRIu32 ": expected %s, as it was opened, got %s",
                     rig_map_key(rig, key, k), snapshot, expected_text(rig, snapshot, key, want),
                     shown_text(rig, &shown, got));
}

bool rig_version_own(struct rig *rig, uint32_t key)
{
    const struct value *bytes = keys_at(rig->keys, key);
    char k[RIG_TEXT_MAX], want[RIG_TEXT_MAX], got[RIG_TEXT_MAX];
    struct shown shown = {.size = RIG_SIZE_UNSET};
    bool settled;
    if (open_of(rig)->transaction != TRANSACTION_OPEN || !map_of(rig)->fetch_own) return true;
    rig_before(rig, ADAPTER_CALL_OWN);
    rig_map_note_key(rig, key);
    shown.answer =
        map_of(rig)->fetch_own(rig_object(rig), rig_hand(rig, RIG_KEY, bytes), bytes->size,
                               rig_buffer(rig), rig->value_size_max, &shown.size);
    if (!rig_after(rig, ADAPTER_CALL_OWN, shown.answer)) return false;
    if (!take_answer(rig, key, &shown, &settled) || settled) return settled;
    const struct model_change *change = model_open_find(open_of(rig), key);
    bool right = change
                     ? model_shows(change->value, shown.absent, rig_buffer(rig), shown.size)
                     : may_show(rig, ADAPTER_NOW, key, shown.absent, rig_buffer(rig), shown.size);
    if (right) return true;
    return rig_finds(
        rig, CLAUSE_ISOLATED, seen_in(rig, key, shown.absent, rig_buffer(rig), shown.size),
        "%s in its transaction: expected %s, got %s", rig_map_key(rig, key, k),
        change ? rig_value_text(change->value, want) : expected_text(rig, ADAPTER_NOW, key, want),
        shown_text(rig, &shown, got));
}

/* --- buffers that are too short --- */

/* What is read; snapshot ADAPTER_NOW: in the open transaction. */
struct short_key {
    const struct value *key;
    uint32_t snapshot;
};

static enum answer read_short(struct rig *rig, const void *context, void *buffer, uint32_t capacity,
                              uint32_t *size)
{
    const struct short_key *it = context;
    const struct adapter_map *map = map_of(rig);
    if (it->snapshot == ADAPTER_NOW)
        return map->fetch_own(rig_object(rig), rig_hand(rig, RIG_KEY, it->key), it->key->size,
                              buffer, capacity, size);
    return map->fetch_at(rig_object(rig), it->snapshot, rig_hand(rig, RIG_KEY, it->key),
                         it->key->size, buffer, capacity, size);
}

static bool check_short(struct rig *rig, uint32_t snapshot, uint32_t key, const struct value *want)
{
    struct short_key it = {keys_at(rig->keys, key), snapshot};
    enum adapter_call call = snapshot == ADAPTER_NOW ? ADAPTER_CALL_OWN : ADAPTER_CALL_AT;
    if (rig_is_off(rig) || rig->rotten) return true;
    return rig_short(rig, call, want, rig_buffer(rig), read_short, &it);
}

bool rig_version_own_short(struct rig *rig, uint32_t key)
{
    const struct model_slot *slot = &rig_model(rig)->slots[key];
    if (open_of(rig)->transaction != TRANSACTION_OPEN || !map_of(rig)->fetch_own) return true;
    const struct model_change *change = model_open_find(open_of(rig), key);
    if (change) return check_short(rig, ADAPTER_NOW, key, change->value);
    return slot->count != 1 || check_short(rig, ADAPTER_NOW, key, slot->allowed[0]);
}

/* A fetch of the script in a snapshot, and again with a buffer that is too short. */
static bool check_at_twice(struct rig *rig, uint32_t snapshot, uint32_t key)
{
    if (!check_at(rig, snapshot, key)) return false;
    const struct model_snapshot *kept = snapshot_of(rig, snapshot);
    return !kept || !kept->known || check_short(rig, snapshot, key, kept->values[key]);
}

/* --- scans --- */

struct scan {
    struct rig *rig;
    uint32_t snapshot;
    const struct value *from, *to; /* NULL: no end */
    uint32_t last;                 /* the key that was visited last; KEYS_NONE: none */
    bool wrong;                    /* the rig has a finding, or one that waits: */
    enum clause clause;
    enum seen seen;
    char text[160];
};

static int compare_keys(const struct value *a, const struct value *b)
{
    uint32_t size = a->size < b->size ? a->size : b->size;
    int order = size ? memcmp(a->bytes, b->bytes, size) : 0;
    return order ? order : a->size < b->size ? -1 : a->size > b->size;
}

static bool is_between(const struct scan *scan, const struct value *key)
{
    return (!scan->from || compare_keys(scan->from, key) <= 0) &&
           (!scan->to || compare_keys(key, scan->to) <= 0);
}

/* The first thing that is wrong; kept, for the engine is in the middle of its call. */
__attribute__((format(printf, 4, 5))) static void wrong(struct scan *scan, enum clause clause,
                                                        enum seen seen, const char *format, ...)
{
    va_list arguments;
    if (scan->wrong) return;
    scan->wrong = true;
    scan->clause = clause;
    scan->seen = seen;
    va_start(arguments, format);
    vsnprintf(scan->text, sizeof scan->text, format, arguments);
    va_end(arguments);
}

static void check_order(struct scan *scan, uint32_t key)
{
    struct rig *rig = scan->rig;
    char k[RIG_TEXT_MAX], other[RIG_TEXT_MAX];
    const struct value *bytes = keys_at(rig->keys, key);
    int order = scan->last == KEYS_NONE ? -1 : compare_keys(keys_at(rig->keys, scan->last), bytes);
    if (!is_between(scan, bytes))
        wrong(scan, CLAUSE_ISOLATED, SEEN_EXTRA, "expected keys in the range, got %s",
              rig_map_key(rig, key, k));
    else if (rig_map_marks(rig)[key])
        wrong(scan, CLAUSE_ISOLATED, SEEN_EXTRA, "expected each key once, got %s twice",
              rig_map_key(rig, key, k));
    else if (order >= 0)
        wrong(scan, CLAUSE_ISOLATED, SEEN_ORDER, "expected ascending keys, got %s after %s",
              rig_map_key(rig, key, k), rig_map_key(rig, scan->last, other));
    scan->last = key;
    rig_map_marks(rig)[key] = 1;
}

/* Of a wrong value: what a snapshot shows was to stay, what is committed was to be durable. */
static enum clause clause_of(struct scan *scan, uint32_t key, const void *value, uint32_t size)
{
    if (scan->rig->rotten) return CLAUSE_HONEST;
    if (scan->snapshot || rig_version_is_undone(scan->rig, key, false, value, size))
        return CLAUSE_ISOLATED;
    return must_show(scan->rig, scan->snapshot, key) ? CLAUSE_DURABLE : CLAUSE_SETTLED;
}

static void see(struct scan *scan, const void *key, uint32_t key_size, const void *value,
                uint32_t size)
{
    struct rig *rig = scan->rig;
    char k[RIG_TEXT_MAX], want[RIG_TEXT_MAX], got[RIG_TEXT_MAX];
    uint32_t index = keys_find(rig->keys, key, key_size);
    bool damaged = !value && size == ADAPTER_DAMAGED;
    if (index == KEYS_NONE) {
        wrong(scan, CLAUSE_HONEST, SEEN_OTHER, "expected keys that were stored, got another one");
        return;
    }
    check_order(scan, index);
    if ((damaged && (rig->rotten || rig_read_wrong(rig))) ||
        may_show(rig, scan->snapshot, index, false, value, size))
        return;
    wrong(scan, clause_of(scan, index, value, size),
          damaged ? SEEN_DAMAGED : seen_in(rig, index, false, value, size),
          "%s: expected %s, got %s", rig_map_key(rig, index, k),
          expected_text(rig, scan->snapshot, index, want),
          damaged ? "damaged" : rig_bytes_text(value, size, got));
}

/* Called by the engine. */
static void visit(void *context, const void *key, uint32_t key_size, const void *value,
                  uint32_t value_size)
{
    enum pulse_place from = pulse_go(PULSE_CALLED_BACK);
    see(context, key, key_size, value, value_size);
    pulse_go(from);
}

/* What has a value, lies in the range and was not visited. */
static void check_missing(struct scan *scan)
{
    struct rig *rig = scan->rig;
    char k[RIG_TEXT_MAX];
    for (uint32_t key = 0; key < rig_model(rig)->key_count && !scan->wrong; key++) {
        if (rig_map_marks(rig)[key] || !is_between(scan, keys_at(rig->keys, key))) continue;
        if (!must_show(rig, scan->snapshot, key)) continue;
        wrong(scan, CLAUSE_ISOLATED, SEEN_MISSING,
              "expected %s, which has a value, and it is left out", rig_map_key(rig, key, k));
    }
}

/* NULL is no end. An empty key is one, and has a place to point to. */
static const void *end_of(struct rig *rig, enum rig_hand as, const struct value *key)
{
    return key ? rig_hand(rig, as, key) : NULL;
}

static bool run_scan(struct rig *rig, struct scan *scan, enum answer *answer)
{
    const struct value *from = scan->from, *to = scan->to;
    memset(rig_map_marks(rig), 0, rig_model(rig)->key_count);
    rig_before(rig, ADAPTER_CALL_SCAN);
    *answer = map_of(rig)->scan(rig_object(rig), scan->snapshot, end_of(rig, RIG_KEY, from),
                                from ? from->size : 0, end_of(rig, RIG_VALUE, to),
                                to ? to->size : 0, visit, scan);
    if (!rig_after(rig, ADAPTER_CALL_SCAN, *answer)) return false;
    if (rig_is_off(rig) || (*answer == ANSWER_DAMAGED && rig->rotten)) return true;
    if (*answer == ANSWER_UNSUPPORTED) return true;
    if (rig_read_failed(rig, *answer)) return true;
    if (*answer != ANSWER_OK)
        return rig_finds(rig, CLAUSE_DURABLE, rig_seen_of(*answer), "scan: expected ok, got %s",
                         rig_answer_name(*answer));
    check_missing(scan);
    if (!scan->wrong) return true;
    assert(scan->clause != CLAUSE_NONE && scan->text[0]);
    if (!scan->snapshot) return rig_finds(rig, scan->clause, scan->seen, "scan: %s", scan->text);
    return rig_finds(rig, scan->clause, scan->seen, "scan in snapshot %" PRIu32 ": %s",
                     scan->snapshot, scan->text);
}

static bool scan_at(struct rig *rig, uint32_t snapshot, const struct value *from,
                    const struct value *to, enum answer *answer)
{
    struct scan scan = {
        .rig = rig, .snapshot = snapshot, .from = from, .to = to, .last = KEYS_NONE};
    return run_scan(rig, &scan, answer);
}

bool rig_version_scan_all(struct rig *rig)
{
    enum answer answer;
    return !map_of(rig)->scan || scan_at(rig, ADAPTER_NOW, NULL, NULL, &answer);
}

/* --- operations --- */

static bool call_scan(struct rig *rig, const struct op *op, enum answer *answer)
{
    bool all = op->kind == OP_SCAN_ALL;
    assert(all || (op->key < rig->script->key_count && op->to < rig->script->key_count));
    if (!map_of(rig)->scan) return rig_lacks(rig, op, answer);
    if (op->snapshot && !snapshot_of(rig, op->snapshot)) return true;
    if (!scan_at(rig, op->snapshot, all ? NULL : keys_at(rig->keys, op->key),
                 all ? NULL : keys_at(rig->keys, op->to), answer))
        return false;
    if (*answer == ANSWER_UNSUPPORTED) rig_refused(rig, op, *answer);
    return true;
}

/* Every key that there may be, and in order where the engine can scan. */
static bool look_at(struct rig *rig, uint32_t snapshot, enum answer *answer)
{
    for (uint32_t key = 0; key < rig_model(rig)->key_count && !rig_is_off(rig); key++) {
        if (!check_at(rig, snapshot, key)) return false;
    }
    return rig_is_off(rig) || !map_of(rig)->scan || scan_at(rig, snapshot, NULL, NULL, answer);
}

/* The scenario's own word on a snapshot. */
static bool expect_at(struct rig *rig, const struct op *op)
{
    char k[RIG_TEXT_MAX], want[RIG_TEXT_MAX], have[RIG_TEXT_MAX], why[RIG_REFUSAL_MAX];
    const struct value *value = op->value;
    assert(op->kind == OP_EXPECT && op->snapshot);
    if (!rig_is_uncut(rig) || may_show(rig, op->snapshot, op->key, !value,
                                       value ? value->bytes : NULL, value ? value->size : 0))
        return check_at(rig, op->snapshot, op->key);
    rig_print_refusal(rig, why);
    return rig_finds(rig, CLAUSE_SCENARIO, SEEN_UNKNOWN,
                     "the scenario expects %s of %s in snapshot %" PRIu32
                     ", its own operations leave %s%s%s",
                     rig_value_text(value, want), rig_map_key(rig, op->key, k), op->snapshot,
                     expected_text(rig, op->snapshot, op->key, have), *why ? "; " : "", why);
}

static bool reads_at(const struct op *op)
{
    return op->snapshot && op_may_read_at(op->kind);
}

bool rig_version_has(const struct op *op)
{
    switch (op->kind) {
    case OP_BEGIN:
    case OP_COMMIT:
    case OP_ABORT:
    case OP_SNAPSHOT:
    case OP_CLOSE:
    case OP_SCAN:
    case OP_SCAN_ALL:
        return true;
    default:
        return reads_at(op);
    }
}

bool rig_version_call(struct rig *rig, const struct op *op, enum answer *answer)
{
    assert(rig_version_has(op));
    if (op->kind == OP_SCAN || op->kind == OP_SCAN_ALL) return call_scan(rig, op, answer);
    if (op_has_snapshot(op->kind)) return call_snapshot(rig, op, answer);
    if (!reads_at(op)) return call_transaction(rig, op, answer);
    if (!snapshot_of(rig, op->snapshot)) return true;
    if (op->kind == OP_LOOK) return look_at(rig, op->snapshot, answer);
    return op->kind == OP_EXPECT ? expect_at(rig, op) : check_at_twice(rig, op->snapshot, op->key);
}
