/* aged.c - see aged.h.
 *
 * After a number came round, the order of sectors is mistaken until all of them have a number of
 * the new round: for a lap. So there are two power-ons in each lap. A value of another key, if the
 * script has one, is there from the start and must go along.
 */
#include "fuzz/rig/aged.h"

#include <assert.h>
#include <inttypes.h>

#include "fuzz/rig/laps.h"
#include "sim/pulse.h"

#define CHANGES_PER_ERASE_MAX 8u
#define YOUNG 100u /* erases; what is wrong so soon a scenario shows */

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

/* Until it is refused, or something is wrong. */
static void grow_old(struct laps *laps, uint32_t erases)
{
    const struct chip_counters *counters = chip_counters(laps->store->chip);
    uint32_t half = chip_flash(laps->store->chip)->geometry.sector_count / 2;
    uint64_t end = counters->erases + erases, changes = (uint64_t)CHANGES_PER_ERASE_MAX * erases;
    uint64_t next = counters->erases;
    assert(erases > 0 && laps->store->finding.clause == CLAUSE_NONE);
    for (; changes > 0 && counters->erases < end; changes--) {
        if (counters->erases > AGED_SHORT) pulse_now->age = counters->erases;
        if (laps->asks->stop && *laps->asks->stop) return;
        if (!laps_put(laps, &laps->large)) return;
        if (counters->erases < next) continue;
        if (!laps_call(laps, OP_MOUNT, NULL)) return;
        next = counters->erases + (half ? half : 1);
    }
    laps_call(laps, OP_MOUNT, NULL);
}

/* Whether it is wrong now, and was right as long as anyone tries in another way. */
static bool was_right(const struct rig *store)
{
    enum clause clause = store->finding.clause;
    assert(clause < CLAUSES && store->level == 0);
    return clause != CLAUSE_NONE && clause != CLAUSE_SCENARIO &&
           chip_counters(store->chip)->erases >= YOUNG;
}

bool aged_finds(struct rig *asks, uint32_t erases)
{
    struct laps laps;
    bool found = false;
    if (laps_open(&laps, asks) && put_first(&laps)) {
        laps_make_large(&laps);
        if (laps.store->finding.clause == CLAUSE_NONE) grow_old(&laps, erases);
        pulse_now->age = 0;
        found = was_right(laps.store);
    }
    if (found) {
        const struct finding *finding = &laps.store->finding;
        asks->call = laps.store->call;
        rig_finds(asks, finding->clause, SEEN_AGED, "after %" PRIu64 " erases without a cut: %s",
                  chip_counters(laps.store->chip)->erases, finding->text);
    }
    laps_close(&laps);
    return found;
}
