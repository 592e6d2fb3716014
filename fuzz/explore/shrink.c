/* shrink.c - makes a case smaller, by trying.
 *
 * Method. A candidate is the best case so far with one thing changed: operations left out (delta
 * debugging), a cut dropped, moved to an earlier flash call or given a simpler tear, values
 * shorter, plainer or joined, keys merged, a smaller chip. It is tidied, replayed, and taken when
 * the replay shows a finding of the wanted kind and every cut took place. All of this is repeated
 * until nothing gets smaller, or time or attempts are used up. When nothing else goes, two things
 * are changed at once that are of no use alone: a push with its pop, laps with sectors. What is not
 * short even then is looked at more closely: operations are left out together with any change that
 * vary.h lists, and then on a walk of such changes at random. In the end the exercise is tried as
 * plain operations, which can be left out one by one.
 */
#define _GNU_SOURCE
#include "fuzz/explore/shrink.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "fuzz/explore/apart.h"
#include "fuzz/explore/vary.h"
#include "fuzz/explore/worker.h"
#include "fuzz/rig/exercise.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

/* Replays that one shrinking may cost, and once more after the exercise was unfolded; a bound for
 * what grows fast with long cases. */
#define ATTEMPTS_MAX 20000u

/* When an attempt hangs. It need not be sure: what is left is run again. */
#define ATTEMPT_SECONDS 0.05

struct shrinker {
    const struct adapter *adapter;
    const struct adapter_settings *settings;
    const struct shrink_options *options;
    struct finding wanted; /* its kind is never left */
    struct script *best;   /* the smallest so far that still shows it */
    uint32_t missed;       /* its cuts that do not take place; they go, and no more come */
    uint64_t failed; /* kinds of operations in which a call failed, a bit each: no others do */
    uint32_t varied; /* the variation that made it smaller last */
    uint32_t attempts;
    double cpu_end;
};

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec * 1e-6;
}

/* Of this process and of the attempts that were made apart. */
static double cpu_now(void)
{
    struct rusage mine, theirs;
    getrusage(RUSAGE_SELF, &mine);
    getrusage(RUSAGE_CHILDREN, &theirs);
    return seconds_of(&mine.ru_utime) + seconds_of(&mine.ru_stime) + seconds_of(&theirs.ru_utime) +
           seconds_of(&theirs.ru_stime);
}

static bool is_over(const struct shrinker *shrinker)
{
    return shrinker->attempts >= ATTEMPTS_MAX || worker_stopped() || cpu_now() > shrinker->cpu_end;
}

/* An exercise is dozens of operations. */
static uint32_t cost_of(const struct script *script)
{
    uint32_t cost = 1;
    for (uint32_t i = 0; i < script->op_count; i++)
        cost += script->ops[i].kind == OP_USE ? 8 : 0;
    return cost;
}

static void play(struct shrinker *shrinker, const struct script *script, struct replay *shown)
{
    const struct worker_limits limits = {
        .call = ATTEMPT_SECONDS, .silence = ATTEMPT_SECONDS, .memory = shrinker->options->memory};
    shrinker->attempts += cost_of(script);
    if (shrinker->options->apart)
        replay_apart(script, shrinker->adapter, NULL, NULL, &limits, shown);
    else
        replay_once(script, shrinker->adapter, shrinker->settings, shown);
}

/* The operations in which a call of the flash failed, lied, strayed or read wrong. An exercise is
 * unfolded to operations of any kind. */
static uint64_t kinds_that_failed(const struct script *script)
{
    uint64_t kinds = 0;
    _Static_assert(OP_KINDS <= 64, "a bit each");
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        enum op_kind kind = op->kind == OP_BOOT ? OP_MOUNT : op->kind;
        if (!op->cut.nth || fault_class_of(&op->cut.tear) & FAULT_CUTS) continue;
        kinds |= kind == OP_USE ? UINT64_MAX : (uint64_t)1 << kind;
    }
    return kinds;
}

/* What a failure does depends on who meets it: where a commit forgets one and where a store does
 * are two bugs, though the kind of the finding is one. Of a cut only the flash is left. */
static bool shows(struct shrinker *shrinker, const struct script *script, struct replay *shown)
{
    *shown = (struct replay){0};
    if (is_over(shrinker) || kinds_that_failed(script) & ~shrinker->failed) return false;
    play(shrinker, script, shown);
    return shown->cuts_missed <= shrinker->missed &&
           kind_within(&shrinker->wanted, &shown->finding);
}

/* An operation that became shorter is cut in one of its last calls. */
#define LAST_CALLS 4u

static bool shows_cut_earlier(struct shrinker *shrinker, struct script *script,
                              struct replay *shown)
{
    uint32_t op = shown->missed_op, calls = shown->missed_calls;
    if (shown->cuts_missed <= shrinker->missed) return false;
    assert(op < script->op_count && calls < script->ops[op].cut.nth);
    for (uint32_t i = 0; i < LAST_CALLS && i < calls; i++) {
        script->ops[op].cut.nth = calls - i;
        if (shows(shrinker, script, shown)) return true;
    }
    return false;
}

/* Takes the candidate when it shows the same; frees the loser. It is tried as its text gives it. */
static bool try(struct shrinker *shrinker, struct script *candidate)
{
    struct replay shown;
    struct script *tidy = candidate ? script_tidy(candidate) : NULL;
    script_free(candidate);
    if (!tidy) return false;
    if (!shows(shrinker, tidy, &shown) && !shows_cut_earlier(shrinker, tidy, &shown)) {
        script_free(tidy);
        return false;
    }
    script_free(shrinker->best);
    shrinker->best = tidy;
    shrinker->missed = shown.cuts_missed;
    return true;
}

/* --- operations --- */

static struct script *without(const struct script *script, uint32_t first, uint32_t count)
{
    struct script *candidate = script_copy(script);
    uint32_t end = first + count;
    assert(count > 0 && end <= script->op_count);
    memmove(&candidate->ops[first], &candidate->ops[end],
            (candidate->op_count - end) * sizeof *candidate->ops);
    candidate->op_count -= count;
    return candidate;
}

/* Halves, quarters, ... single operations, from the back, as delta debugging does. */
static bool drop_operations(struct shrinker *shrinker)
{
    bool smaller = false;
    uint32_t size = shrinker->best->op_count / 2;
    for (; size >= 1; size /= 2) {
        uint32_t first = shrinker->best->op_count;
        while (first >= size && first > 0) {
            first -= size;
            if (try(shrinker, without(shrinker->best, first, size))) smaller = true;
            if (first > shrinker->best->op_count) first = shrinker->best->op_count;
        }
    }
    return smaller;
}

/* Those of an image only name keys. */
static void drop_names(struct shrinker *shrinker)
{
    for (uint32_t i = shrinker->best->op_count; i-- > 0 && shrinker->best->op_count > 1;)
        (void)try(shrinker, without(shrinker->best, i, 1));
}

/* --- transactions and snapshots --- */

/* A transaction as a whole, or its two ends, which leaves plain changes. */
static bool drop_transactions(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t i = shrinker->best->op_count; i-- > 0;) {
        const struct script *best = shrinker->best;
        if (i >= best->op_count || best->ops[i].kind != OP_BEGIN) continue;
        uint32_t end = script_after(best, i);
        assert(end > i && end <= best->op_count);
        if (try(shrinker, without(best, i, end - i))) {
            smaller = true;
            continue;
        }
        struct script *no_end = without(best, end - 1, 1);
        struct script *neither = without(no_end, i, 1);
        script_free(no_end);
        if (try(shrinker, neither)) smaller = true;
    }
    return smaller;
}

/* Every use of a snapshot's number becomes one of the first. */
static bool lower_snapshots(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t number = 2; number <= ADAPTER_SNAPSHOTS; number++) {
        struct script *candidate = script_copy(shrinker->best);
        bool used = false;
        for (uint32_t i = 0; i < candidate->op_count; i++) {
            if (candidate->ops[i].snapshot != number) continue;
            candidate->ops[i].snapshot = 1;
            used = true;
        }
        if (used && try(shrinker, candidate))
            smaller = true;
        else if (!used)
            script_free(candidate);
    }
    return smaller;
}

/* --- cuts --- */

static struct script *with_cut(const struct script *script, uint32_t op, struct cut cut)
{
    struct script *candidate = script_copy(script);
    assert(op < script->op_count);
    candidate->ops[op].cut = cut;
    return candidate;
}

static bool drop_cuts(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t i = 0; i < shrinker->best->op_count; i++) {
        if (!shrinker->best->ops[i].cut.nth) continue;
        if (try(shrinker, with_cut(shrinker->best, i, (struct cut){0}))) smaller = true;
    }
    return smaller;
}

/* How much a reader has to think about a tear. */
static uint32_t difficulty(const struct tear *tear)
{
    static const uint8_t order[TEAR_KINDS] = {
        [TEAR_NONE] = 0, [TEAR_DONE] = 1,      [TEAR_PREFIX] = 2, [TEAR_ZERO_TAIL] = 3,
        [TEAR_ONLY] = 4, [TEAR_ZERO_HEAD] = 4, [TEAR_EXCEPT] = 5,
    };
    assert(tear->kind < TEAR_KINDS);
    return order[tear->kind] || tear->kind == TEAR_NONE ? order[tear->kind] : 9;
}

/* A read that answers an error is the plainest of those that go wrong; then two that do. */
static bool weaken_glitch(struct shrinker *shrinker, uint32_t op)
{
    struct cut cut = shrinker->best->ops[op].cut;
    uint32_t calls = fault_calls(&cut.tear);
    if (cut.tear.kind == TEAR_READ_ERROR) return false;
    cut.tear = (struct tear){.kind = TEAR_READ_ERROR, .powered = true};
    if (try(shrinker, with_cut(shrinker->best, op, cut))) return true;
    if (calls <= 2) return false;
    cut.tear = (struct tear){.kind = TEAR_READ_ERRORS, .n = 2, .powered = true};
    return try(shrinker, with_cut(shrinker->best, op, cut));
}

static bool weaken_tear(struct shrinker *shrinker, uint32_t op, bool is_erase)
{
    static const struct tear simple[] = {
        {.kind = TEAR_NONE},           {.kind = TEAR_DONE},
        {.kind = TEAR_PREFIX, .n = 1}, {.kind = TEAR_PREFIX, .n = 4},
        {.kind = TEAR_ONLY, .n = 0},   {.kind = TEAR_ZERO_TAIL, .n = 1},
    };
    bool smaller = false;
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        struct cut cut = shrinker->best->ops[op].cut;
        if (difficulty(&simple[i]) >= difficulty(&cut.tear)) continue;
        if (simple[i].kind == TEAR_ONLY && is_erase) continue;
        if (simple[i].kind == TEAR_ZERO_TAIL && !is_erase) continue;
        enum fault_class class = fault_class_of(&cut.tear);
        bool powered = cut.tear.powered;
        if (powered && !fault_may_be(simple[i].kind, class)) continue;
        cut.tear = simple[i];
        if (powered) fault_put_in(&cut.tear, class);
        if (try(shrinker, with_cut(shrinker->best, op, cut))) smaller = true;
    }
    return smaller;
}

/* Smaller numbers in a tear read better: 0, half, one less. */
static bool lower_tear(struct shrinker *shrinker, uint32_t op)
{
    bool smaller = false;
    for (bool went = true; went;) {
        struct cut cut = shrinker->best->ops[op].cut;
        uint32_t n = cut.tear.n;
        went = false;
        const uint32_t lower[] = {0, n / 2, n - 1};
        for (size_t i = 0; n && i < 3 && !went; i++) {
            if (lower[i] >= n || (lower[i] == 0 && cut.tear.kind == TEAR_PREFIX)) continue;
            cut.tear.n = lower[i];
            went = try(shrinker, with_cut(shrinker->best, op, cut));
        }
        smaller = smaller || went;
    }
    return smaller;
}

static bool simplify_cuts(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t i = 0; i < shrinker->best->op_count; i++) {
        if (!shrinker->best->ops[i].cut.nth) continue;
        bool glitch = cut_is_glitch(&shrinker->best->ops[i].cut);
        if (glitch) smaller = weaken_glitch(shrinker, i) || smaller;
        for (int is_erase = 0; !glitch && is_erase < 2; is_erase++)
            smaller = weaken_tear(shrinker, i, is_erase != 0) || smaller;
        smaller = lower_tear(shrinker, i) || smaller;
        struct cut cut = shrinker->best->ops[i].cut;
        for (uint32_t nth = 1; nth < cut.nth; nth++) {
            struct cut earlier = {.nth = nth, .tear = cut.tear};
            if (!try(shrinker, with_cut(shrinker->best, i, earlier))) continue;
            smaller = true;
            break;
        }
    }
    return smaller;
}

/* --- places, values and keys --- */

/* Tries place 0, the oldest item; half of the place; one less. */
static bool lower_places(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t i = 0; i < shrinker->best->op_count; i++) {
        for (bool went = op_has_place(shrinker->best->ops[i].kind); went;) {
            uint32_t place = shrinker->best->ops[i].count;
            const uint32_t lower[] = {0, place / 2, place - 1};
            went = false;
            for (size_t k = 0; place && k < 3 && !went; k++) {
                struct script *candidate = script_copy(shrinker->best);
                candidate->ops[i].count = lower[k];
                went = try(shrinker, candidate);
            }
            smaller = smaller || went;
        }
    }
    return smaller;
}

static struct script *with_value(const struct script *script, uint32_t op, uint32_t size)
{
    struct script *candidate = script_copy(script);
    assert(size <= script->ops[op].value->size);
    candidate->ops[op].value = script_value(candidate, script->ops[op].value->bytes, size);
    return candidate;
}

static bool shorten_values(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t i = 0; i < shrinker->best->op_count; i++) {
        for (;;) {
            const struct op *op = &shrinker->best->ops[i];
            if (!op_puts(op->kind) || op->value->size == 0) break;
            uint32_t size = op->value->size;
            if (!try(shrinker, with_value(shrinker->best, i, size / 2)) &&
                !try(shrinker, with_value(shrinker->best, i, size - 1)))
                break;
            smaller = true;
        }
    }
    return smaller;
}

/* Every use of a key becomes a use of an earlier one. */
static struct script *with_merged(const struct script *script, uint32_t from, uint32_t to)
{
    assert(to < from && from < script->key_count);
    struct script *candidate = script_copy(script);
    for (uint32_t i = 0; i < candidate->op_count; i++) {
        struct op *op = &candidate->ops[i];
        if (op_has_key(op->kind) && op->key == from) op->key = to;
        if (op->kind == OP_SCAN && op->to == from) op->to = to;
    }
    return candidate;
}

static bool uses(const struct script *script, uint32_t key)
{
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        if (op_has_key(op->kind) && op->key == key) return true;
        if (op->kind == OP_SCAN && op->to == key) return true;
    }
    return false;
}

static bool merge_keys(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t from = shrinker->best->key_count; from-- > 1;) {
        for (uint32_t to = 0; to < from && uses(shrinker->best, from); to++) {
            if (!uses(shrinker->best, to)) continue;
            if (try(shrinker, with_merged(shrinker->best, from, to))) smaller = true;
        }
    }
    return smaller;
}

/* --- fewer, larger values --- */

static struct script *with_plain(const struct script *script, uint32_t op, uint32_t size)
{
    struct script *candidate = script_copy(script);
    candidate->ops[op].value = vary_plain(candidate, size, op);
    return candidate;
}

static bool is_plain(const struct value *value)
{
    for (uint32_t i = 0; i < value->size; i++) {
        if (value->bytes[i] != value->bytes[0] || value->bytes[i] < 'a' || value->bytes[i] > 'z')
            return false;
    }
    return true;
}

static bool plain_values(struct shrinker *shrinker)
{
    bool smaller = false;
    for (uint32_t i = 0; i < shrinker->best->op_count; i++) {
        const struct op *op = &shrinker->best->ops[i];
        if (!op_puts(op->kind) || is_plain(op->value)) continue;
        if (try(shrinker, with_plain(shrinker->best, i, op->value->size))) smaller = true;
    }
    return smaller;
}

/* Two values that only fill the flash do so as well as one larger one. What an item takes besides
 * its value is the engine's secret, so several sums are tried. */
static bool join_values(struct shrinker *shrinker)
{
    static const uint32_t extra[] = {0, 4, 8, 9, 10, 11, 12, 16, 24, 32, 64};
    bool smaller = false;
    for (uint32_t i = shrinker->best->op_count; i-- > 1;) {
        for (size_t e = 0; e < sizeof extra / sizeof *extra; e++) {
            const struct op *ops = shrinker->best->ops;
            if (i >= shrinker->best->op_count || !op_puts(ops[i].kind) ||
                ops[i - 1].kind != ops[i].kind || ops[i - 1].cut.nth)
                break;
            uint32_t size = ops[i - 1].value->size + ops[i].value->size + extra[e];
            struct script *joined = without(shrinker->best, i - 1, 1);
            struct script *larger = with_plain(joined, i - 1, size);
            script_free(joined);
            if (try(shrinker, larger)) smaller = true;
        }
    }
    return smaller;
}

/* --- the exercise --- */

/* `use` is dozens of operations; often one small one and a look show the same. */
static struct script *with_op_for_use(const struct script *script, uint32_t use, struct op op)
{
    struct script *candidate = script_copy(script);
    if (op_puts(op.kind)) op.value = vary_plain(candidate, 1, 'x' - 'a');
    assert(script->ops[use].kind == OP_USE);
    candidate->op_count = use;
    script_append(candidate, &op);
    script_append(candidate, &(struct op){.kind = OP_LOOK});
    return candidate;
}

static bool replace_use(struct shrinker *shrinker)
{
    uint32_t last = shrinker->best->op_count - 1;
    if (shrinker->best->op_count == 0 || shrinker->best->ops[last].kind != OP_USE) return false;
    for (uint32_t key = 0; key < shrinker->best->key_count; key++) {
        struct op store = {.kind = OP_STORE, .key = key};
        if (!uses(shrinker->best, key)) continue;
        if (try(shrinker, with_op_for_use(shrinker->best, last, store))) return true;
    }
    static const enum op_kind kinds[] = {OP_PUSH, OP_APPEND, OP_POP};
    for (size_t i = 0; shrinker->adapter->list && i < sizeof kinds / sizeof *kinds; i++) {
        struct op op = {.kind = kinds[i]};
        if (try(shrinker, with_op_for_use(shrinker->best, last, op))) return true;
    }
    return false;
}

static void append_times(struct script *script, struct op op, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        script_append(script, &op);
}

/* The stores of the exercise, a value and another one in turn. */
static void append_stores(struct script *script, const struct exercise *exercise, struct op op)
{
    const struct value *values[2];
    for (uint32_t i = 0; i < 2; i++)
        values[i] = script_value(script, exercise->values[i]->bytes, exercise->values[i]->size);
    for (uint32_t i = 0; i < exercise->rounds && values[0] && values[1]; i++) {
        op.value = values[i % 2];
        script_append(script, &op);
    }
}

/* What rig_use() does, as operations of the script: a map's, or with that operation a list's. */
static void append_exercise(struct script *script, const struct adapter *adapter,
                            const struct exercise *exercise, enum op_kind put)
{
    const struct value *key = exercise->key;
    if (adapter->kind == ADAPTER_MAP && key) {
        struct op op = {.kind = OP_STORE, .key = script_key(script, key->bytes, key->size)};
        append_stores(script, exercise, op);
        op.kind = OP_FETCH;
        script_append(script, &op);
        op.kind = OP_REMOVE;
        if (adapter->map->remove) script_append(script, &op);
    }
    for (int time = 0; adapter->kind != ADAPTER_MAP && time < 2; time++) {
        append_stores(script, exercise, (struct op){.kind = put});
        script_append(script, &(struct op){.kind = OP_SYNC});
        if (put == OP_APPEND) break;
        append_times(script, (struct op){.kind = OP_POP}, exercise->rounds + 1);
    }
    script_append(script, &(struct op){.kind = OP_LOOK});
}

static struct script *with_use_unfolded(const struct shrinker *shrinker, uint32_t use,
                                        enum op_kind put)
{
    struct script *script = script_copy(shrinker->best);
    struct rig *rig = script ? rig_new(script, shrinker->adapter, shrinker->settings) : NULL;
    if (rig) {
        script->op_count = use;
        append_exercise(script, shrinker->adapter, rig->exercise, put);
        for (uint32_t i = use + 1; i < shrinker->best->op_count; i++)
            script_append(script, &shrinker->best->ops[i]);
    }
    rig_free(rig);
    return script;
}

/* Dozens of operations of which most can go, which a part of `use` can't. */
static bool unfold_use(struct shrinker *shrinker)
{
    for (uint32_t i = 0; i < shrinker->best->op_count; i++) {
        if (shrinker->best->ops[i].kind != OP_USE) continue;
        if (try(shrinker, with_use_unfolded(shrinker, i, OP_PUSH)) ||
            (shrinker->adapter->list && try(shrinker, with_use_unfolded(shrinker, i, OP_APPEND))))
            return true;
    }
    return false;
}

/* --- the chip --- */

/* Attempts apart ask the engine for themselves whether it takes the chip. */
static bool takes(const struct shrinker *shrinker, const struct script *script)
{
    char reason[SETTINGS_REASON_MAX];
    struct adapter_settings settings;
    return shrinker->options->apart ||
           settings_resolve(shrinker->adapter, script, &settings, reason);
}

/* Takes the candidate; NULL when no chip or not the engine is like that. */
static struct script *on_chip(const struct shrinker *shrinker, struct script *candidate,
                              uint32_t sectors, uint32_t size)
{
    struct bo_flash_geometry *g = &candidate->part.geometry;
    g->sector_count = sectors;
    g->sector_size = size;
    if (g->page_size > size) g->page_size = size;
    if (bo_flash_geometry_valid(g) && takes(shrinker, candidate)) return candidate;
    script_free(candidate);
    return NULL;
}

static struct script *with_geometry(const struct shrinker *shrinker, uint32_t sectors,
                                    uint32_t size)
{
    return on_chip(shrinker, script_copy(shrinker->best), sectors, size);
}

static uint32_t sectors_least(const struct shrinker *shrinker)
{
    return shrinker->adapter->kind == ADAPTER_MAP ? 2 : 1;
}

/* A smaller chip needs fewer operations to come to the same place. */
static bool shrink_chip(struct shrinker *shrinker)
{
    bool smaller = false;
    uint32_t least = sectors_least(shrinker);
    for (bool went = true; went;) {
        const struct bo_flash_geometry g = shrinker->best->part.geometry;
        went = try(shrinker, with_geometry(shrinker, g.sector_count, g.sector_size / 2)) ||
               (g.sector_count > least &&
                try(shrinker, with_geometry(shrinker, g.sector_count - 1, g.sector_size)));
        smaller = smaller || went;
    }
    return smaller;
}

/* --- when nothing else goes --- */

/* Two at a time are tried of up to that many operations: some hundred attempts. */
#define PAIRS_OF_MAX 40u

/* Two operations that are of no use without each other, as a push and a pop. */
static bool drop_pair(struct shrinker *shrinker)
{
    uint32_t count = shrinker->best->op_count;
    for (uint32_t k = count; k-- > 1 && count <= PAIRS_OF_MAX;) {
        for (uint32_t i = k; i-- > 0;) {
            struct script *one = without(shrinker->best, k, 1);
            struct script *both = without(one, i, 1);
            script_free(one);
            if (try(shrinker, both)) return true;
        }
    }
    return false;
}

/* Operations in a row, some of which are a lap around the flash: a smaller chip needs fewer. */
#define LAP_MAX 12u

static bool drop_lap_on(struct shrinker *shrinker, uint32_t sectors, uint32_t sector_size)
{
    uint32_t count = shrinker->best->op_count;
    for (uint32_t size = 1; size <= LAP_MAX && size < count; size++) {
        for (uint32_t first = count - size + 1; first-- > 0;) {
            struct script *fewer = without(shrinker->best, first, size);
            if (try(shrinker, on_chip(shrinker, fewer, sectors, sector_size))) return true;
        }
    }
    return false;
}

static bool drop_lap(struct shrinker *shrinker)
{
    const struct bo_flash_geometry g = shrinker->best->part.geometry;
    return drop_lap_on(shrinker, g.sector_count, g.sector_size) ||
           (g.sector_count > sectors_least(shrinker) &&
            drop_lap_on(shrinker, g.sector_count - 1, g.sector_size)) ||
           drop_lap_on(shrinker, g.sector_count, g.sector_size / 2);
}

/* Two items become one larger item, which takes a pop less. */
static bool join_popped(struct shrinker *shrinker)
{
    static const uint32_t extra[] = {0, 4, 8, 12, 16, 24, 32, 64};
    const struct script *best = shrinker->best;
    for (uint32_t i = best->op_count; i-- > 1;) {
        const struct op *ops = best->ops;
        uint32_t pop = i + 1;
        while (pop < best->op_count && ops[pop].kind != OP_POP)
            pop++;
        if (pop == best->op_count || !op_puts(ops[i].kind) || ops[i - 1].kind != ops[i].kind ||
            ops[i].cut.nth || ops[i - 1].cut.nth || ops[pop].cut.nth)
            continue;
        for (size_t e = 0; e < sizeof extra / sizeof *extra; e++) {
            uint32_t size = ops[i - 1].value->size + ops[i].value->size + extra[e];
            struct script *popped = without(best, pop, 1);
            struct script *joined = without(popped, i - 1, 1);
            struct script *larger = with_plain(joined, i - 1, size);
            script_free(popped);
            script_free(joined);
            if (try(shrinker, larger)) return true;
        }
    }
    return false;
}

/* --- what goes when something else changes (vary.h) --- */

/* What a reader takes in at a glance; no case that is so small is worth a long search. */
#define SHORT_OPS 5u
#define SHORT_CUTS 2u

static bool is_short(const struct script *script)
{
    uint32_t cuts = 0;
    for (uint32_t i = 0; i < script->op_count; i++)
        cuts += script->ops[i].cut.nth != 0;
    return script->op_count <= SHORT_OPS && cuts <= SHORT_CUTS;
}

/* Up to `most` operations in a row. */
static bool drop_row(struct shrinker *shrinker, const struct script *varied, uint32_t most)
{
    uint32_t count = varied->op_count;
    for (uint32_t size = 1; size <= most && size < count; size++) {
        for (uint32_t first = count - size + 1; first-- > 0;) {
            if (try(shrinker, without(varied, first, size))) return true;
        }
    }
    return false;
}

#define FEW 3u /* what most changes set free */

static bool drop_few(struct shrinker *shrinker, const struct script *varied)
{
    return drop_row(shrinker, varied, FEW);
}

/* Two that are not in a row. */
static bool drop_two(struct shrinker *shrinker, const struct script *varied)
{
    uint32_t count = varied->op_count;
    for (uint32_t k = count; k-- > 2;) {
        struct script *one = without(varied, k, 1);
        for (uint32_t i = k - 1; i-- > 0;) {
            if (!try(shrinker, without(one, i, 1))) continue;
            script_free(one);
            return true;
        }
        script_free(one);
    }
    return false;
}

/* Begins with the variation that made it smaller last time: those before it did not. */
static bool drop_varied(struct shrinker *shrinker,
                        bool (*drop)(struct shrinker *, const struct script *))
{
    struct variation *list;
    uint32_t count = vary_list(shrinker->best, &list);
    bool smaller = false;
    for (uint32_t i = 0; i < count && !smaller && !is_over(shrinker); i++) {
        const struct variation *one = &list[(shrinker->varied + i) % count];
        struct script *varied = vary(shrinker->best, one);
        if (one->what == VARY_CHIP) varied = on_chip(shrinker, varied, one->n, one->size);
        smaller = varied && (drop(shrinker, varied) ||
                             (one->what == VARY_CHIP &&
                              (drop_row(shrinker, varied, LAP_MAX) || drop_two(shrinker, varied))));
        script_free(varied);
        if (smaller) shrinker->varied = (shrinker->varied + i) % count;
    }
    free(list);
    return smaller;
}

/* A walk: of changes at random, what shows the same and is no longer is where the next ones begin,
 * and after each it is tried what can go then. */
#define STEPS 10000u

static bool step(struct shrinker *shrinker, uint64_t *random)
{
    uint32_t count = shrinker->best->op_count;
    struct script *other = vary_at_random(shrinker->best, random);
    const struct bo_flash_geometry g = other->part.geometry;
    if (other->op_count > count) {
        script_free(other);
        return false;
    }
    if (!try(shrinker, on_chip(shrinker, other, g.sector_count, g.sector_size))) return false;
    return shrinker->best->op_count < count || drop_few(shrinker, shrinker->best);
}

static bool walk(struct shrinker *shrinker)
{
    struct script *start = script_copy(shrinker->best);
    uint32_t missed = shrinker->missed;
    uint64_t random = start->op_count;
    bool smaller = false;
    for (uint32_t i = 0; i < STEPS && start->op_count && !smaller && !is_over(shrinker); i++)
        smaller = step(shrinker, &random);
    script_free(smaller ? start : shrinker->best);
    if (smaller) return true;
    shrinker->best = start;
    shrinker->missed = missed;
    return false;
}

/* Every change with each two operations is too much for more of them. */
#define VARIED_PAIRS_OF_MAX 10u

static bool try_harder(struct shrinker *shrinker)
{
    if (join_popped(shrinker) || drop_pair(shrinker) || drop_lap(shrinker)) return true;
    if (is_short(shrinker->best)) return false;
    bool few = shrinker->best->op_count <= VARIED_PAIRS_OF_MAX;
    return drop_varied(shrinker, drop_few) || walk(shrinker) ||
           (few && drop_varied(shrinker, drop_two));
}

/* --- the whole --- */

/* One pass over everything that may become smaller; whether something did. */
static bool shrink_once(struct shrinker *shrinker)
{
    bool smaller = drop_operations(shrinker);
    smaller = drop_transactions(shrinker) || smaller;
    smaller = lower_snapshots(shrinker) || smaller;
    smaller = drop_cuts(shrinker) || smaller;
    smaller = replace_use(shrinker) || smaller;
    smaller = shrink_chip(shrinker) || smaller;
    smaller = merge_keys(shrinker) || smaller;
    smaller = join_values(shrinker) || smaller;
    smaller = shorten_values(shrinker) || smaller;
    smaller = lower_places(shrinker) || smaller;
    smaller = plain_values(shrinker) || smaller;
    return simplify_cuts(shrinker) || smaller;
}

static void shrink_all(struct shrinker *shrinker)
{
    while ((shrink_once(shrinker) || try_harder(shrinker)) && !is_over(shrinker)) {}
}

/* A case without `use` reads better, if it is not longer or still short. */
#define UNFOLDED_MAX 5u

static void try_unfolded(struct shrinker *shrinker)
{
    struct script *folded = script_copy(shrinker->best);
    shrinker->attempts = 0;
    bool unfolded = unfold_use(shrinker);
    if (unfolded) shrink_all(shrinker);
    uint32_t count = shrinker->best->op_count;
    if (unfolded && count > UNFOLDED_MAX && count > folded->op_count) {
        struct script *longer = shrinker->best;
        shrinker->best = folded;
        folded = longer;
    }
    script_free(folded);
}

bool shrink(struct script **script, const struct adapter *adapter,
            const struct adapter_settings *settings, const struct shrink_options *options)
{
    struct replay shown;
    struct shrinker shrinker = {.adapter = adapter,
                                .settings = settings,
                                .options = options,
                                .best = script_tidy(*script),
                                .cpu_end = cpu_now() + options->seconds};
    assert((*script)->found.clause != CLAUSE_NONE);
    play(&shrinker, shrinker.best, &shown);
    if (shown.finding.clause == CLAUSE_NONE || !kind_same(&(*script)->found, &shown.finding)) {
        script_free(shrinker.best);
        return false;
    }
    shrinker.wanted = shown.finding;
    shrinker.missed = shown.cuts_missed;
    shrinker.failed = kinds_that_failed(shrinker.best);
    if ((*script)->image) {
        drop_names(&shrinker);
    } else {
        shrink_all(&shrinker);
        try_unfolded(&shrinker);
    }
    play(&shrinker, shrinker.best, &shown);
    shrinker.best->found = shown.finding;
    shrinker.best->trace = shown.trace;
    script_free(*script);
    *script = shrinker.best;
    return true;
}
