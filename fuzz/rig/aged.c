/* aged.c - see aged.h.
 *
 * After a number came round, the order of sectors is mistaken until all of them have a number of
 * the new round: for a lap. So there are two power-ons in each lap, and where numbers of 8 or of 16
 * bits come round there is one after each change and each erase. A value of another key, if the
 * script has one, is there from the start and must go along.
 */
#include "fuzz/rig/aged.h"

#include <assert.h>
#include <inttypes.h>

#include "fuzz/rig/laps.h"
#include "sim/pulse.h"

#define CHANGES_PER_ERASE_MAX 8u
/* Changes, or erases, near the last number. */
#define BEFORE 20u
#define AFTER 10u
/* What is wrong before that many erases or changes a scenario shows. */
#define YOUNG 100u
#define YOUNG_CHANGES 250u

/* What stays: another key of a map, an item in a queue. */
static bool put_first(struct laps *laps)
{
    struct rig *store = laps->store;
    const struct value *value = laps->small.values[1];
    if (laps->change->kind == OP_PUSH) return laps_call(laps, OP_PUSH, value);
    if (store->adapter->kind != ADAPTER_MAP || store->script->key_count < 2) return true;
    struct op op = {.kind = OP_STORE, .key = laps->change->key == 0, .value = value};
    if (store->levels[0].keys_reached <= op.key) store->levels[0].keys_reached = op.key + 1;
    enum answer answer;
    return rig_call(store, &op, &answer); /* refused: it is not there, and need not be */
}

/* Whether the last few of `numbers` are in use: a format may have used up some. */
static bool are_used_up(uint64_t used, uint64_t numbers)
{
    return used + BEFORE >= numbers && used <= numbers + AFTER;
}

/* Whether numbers of 8 or of 16 bits come round now: it shows at one power-on alone where an engine
 * uses two sectors by turns. */
static bool is_near(uint64_t used)
{
    return are_used_up(used, UINT8_MAX + 1u) || are_used_up(used, UINT16_MAX + 1u);
}

/* Whoever finds that the engine ended its process here tries a life as long. */
static void note_age(uint64_t used)
{
    if (used > AGED_SHORT) pulse_now->age = used;
}

/* Until it is refused, or something is wrong. Some count each change, others each sector that they
 * begin: `life` changes are made and `life` sectors erased, if the changes erase any. How many
 * changes. */
static uint64_t grow_old(struct laps *laps, uint32_t life)
{
    const struct chip_counters *counters = chip_counters(laps->store->chip);
    uint32_t half = chip_flash(laps->store->chip)->geometry.sector_count / 2;
    uint64_t start = counters->erases, last = start, next = start, changes = 0;
    uint64_t changes_max = (uint64_t)CHANGES_PER_ERASE_MAX * life;
    assert(life > 0 && laps->store->finding.clause == CLAUSE_NONE);
    while (changes < life || (last < start + life && changes < changes_max)) {
        note_age(changes > last - start ? changes : last - start);
        if (laps->asks->stop && *laps->asks->stop) return changes;
        if (!laps_put(laps, &laps->large)) return changes;
        bool erased = counters->erases != last;
        last = counters->erases;
        bool due = erased && (last >= next || is_near(last - start));
        if (!is_near(++changes) && !due) continue;
        if (!laps_call(laps, OP_MOUNT, NULL)) return changes;
        next = last + (half ? half : 1);
    }
    laps_call(laps, OP_MOUNT, NULL);
    return changes;
}

/* Whether it is wrong now, and was right as long as anyone tries in another way. */
static bool was_right(const struct rig *store, uint64_t changes)
{
    enum clause clause = store->finding.clause;
    assert(clause < CLAUSES && store->level == 0);
    bool old = chip_counters(store->chip)->erases >= YOUNG || changes >= YOUNG_CHANGES;
    return clause != CLAUSE_NONE && clause != CLAUSE_SCENARIO && old;
}

bool aged_finds(struct rig *asks, uint32_t life)
{
    struct laps laps;
    uint64_t changes = 0;
    bool found = false;
    if (laps_open(&laps, asks) && put_first(&laps)) {
        laps_make_large(&laps);
        if (laps.store->finding.clause == CLAUSE_NONE) changes = grow_old(&laps, life);
        pulse_now->age = 0;
        found = was_right(laps.store, changes);
    }
    if (found) {
        const struct finding *finding = &laps.store->finding;
        asks->call = laps.store->call;
        rig_finds(asks, finding->clause, SEEN_AGED,
                  "after %" PRIu64 " changes and %" PRIu64 " erases without a cut: %s", changes,
                  chip_counters(laps.store->chip)->erases, finding->text);
    }
    laps_close(&laps);
    return found;
}
