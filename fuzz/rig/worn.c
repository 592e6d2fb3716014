/* worn.c - see worn.h.
 *
 * A round is what a device gets done before it starts again: what the engine may do when there is
 * time, a change, or a change that is as large as it may be, so that each round needs another
 * sector. ROUNDS of them are done without power-ons, then as many with a power-on before each. The
 * erases of each sector are counted on both ways.
 *
 * A sector is worn out by power-ons when it was erased in LEAST rounds of the second way, but in
 * less than half of them on the first one. So an engine that erases with each change is left alone,
 * and so is one that begins a new sector at each power-on and goes around all of them: no sector of
 * a ring has its turn in each round. What an engine erases ahead may have to be erased again after
 * a power-on, for no erase proves itself: it states that (ADAPTER_POWER_ON_DROPS,
 * ADAPTER_ERASES_AGAIN), and the rounds that show it are left out. A change with idle after it is
 * no round, since whoever prepares a sector for the next change does it there.
 *
 * Before that the store is filled until each sector was erased about twice, or FILL_MAX times. A
 * round that is refused says nothing, and neither does a store that shows another finding: that is
 * for the run to find.
 */
#include "fuzz/rig/worn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fuzz/rig/laps.h"
#include "sim/memory.h"

#define ROUNDS 18u
#define LEAST 16u /* the first power-on may have something to mend or to begin */
#define FILL_MAX 256u

_Static_assert(LEAST<ROUNDS && 2 * LEAST> ROUNDS, "in each round but few");

/* What is done in a round: a change, or what the engine may do when there is time. */
struct round {
    const char *words;
    struct laps_pair *put; /* NULL: no change */
};

struct worn {
    struct laps laps;
    uint64_t *erases[3]; /* of each sector: before a way, and in the rounds of the two ways */
};

static uint32_t sector_count(const struct worn *worn)
{
    return chip_flash(worn->laps.store->chip)->geometry.sector_count;
}

static bool can_rest(const struct adapter *adapter)
{
    return adapter->kind == ADAPTER_MAP ? adapter->map->collect != NULL
                                        : adapter->list->idle != NULL;
}

static bool go_round(struct worn *worn, const struct round *round)
{
    if (round->put) return laps_put(&worn->laps, round->put);
    return laps_call(&worn->laps, worn->laps.store->adapter->list ? OP_IDLE : OP_COLLECT, NULL);
}

/* How often each sector was erased in ROUNDS rounds. False: that can't be said. */
static bool count(struct worn *worn, const struct round *round, bool boots)
{
    struct rig *store = worn->laps.store;
    uint64_t *before = worn->erases[0], *now = worn->erases[boots ? 2 : 1];
    assert(now != before && store->finding.clause == CLAUSE_NONE);
    for (uint32_t i = 0; i < sector_count(worn); i++)
        before[i] = chip_sector_erases(store->chip, i);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (boots && !laps_call(&worn->laps, OP_BOOT, NULL)) return false;
        if (!go_round(worn, round)) return false;
    }
    for (uint32_t i = 0; i < sector_count(worn); i++)
        now[i] = chip_sector_erases(store->chip, i) - before[i];
    return laps_call(&worn->laps, OP_MOUNT, NULL);
}

/* The sector that these rounds wear out; their number: none. */
static uint32_t worn_by(struct worn *worn, const struct round *round)
{
    uint32_t sectors = sector_count(worn), sector = 0;
    if (!count(worn, round, false) || !count(worn, round, true)) return sectors;
    while (sector < sectors &&
           (worn->erases[2][sector] < LEAST || 2 * worn->erases[1][sector] >= ROUNDS))
        sector++;
    return sector;
}

static bool fill(struct worn *worn)
{
    const struct chip_counters *counters = chip_counters(worn->laps.store->chip);
    uint64_t end = counters->erases + 2 * (uint64_t)sector_count(worn);
    for (uint32_t i = 0; i < FILL_MAX && counters->erases < end; i++) {
        if (!laps_put(&worn->laps, &worn->laps.small)) return false;
    }
    return true;
}

/* Not what the engine lacks, or has stated that it costs. */
static bool is_asked(const struct rig *rig, const struct round *round)
{
    if (round->put) return !(rig->widened & ADAPTER_ERASES_AGAIN);
    return can_rest(rig->adapter) && !(rig->widened & ADAPTER_POWER_ON_DROPS);
}

static bool finds_by(struct worn *worn, struct rig *asks, const struct round *round)
{
    if (worn->laps.store->finding.clause != CLAUSE_NONE || !is_asked(asks, round)) return false;
    uint32_t sector = worn_by(worn, round);
    if (sector == sector_count(worn)) return false;
    assert(asks->finding.clause == CLAUSE_NONE && "it comes last");
    asks->call = ADAPTER_CALL_MOUNT;
    rig_finds(asks, CLAUSE_ALIVE, SEEN_WORN,
              "%" PRIu32 " times a power-on and %s: expected no sector to be erased each time, "
              "sector %" PRIu32 " was, %" PRIu64 " times; without power-ons %" PRIu64,
              ROUNDS, round->words, sector, worn->erases[2][sector], worn->erases[1][sector]);
    return true;
}

static bool finds(struct worn *worn, struct rig *asks)
{
    struct laps *laps = &worn->laps;
    return fill(worn) && (finds_by(worn, asks, &(struct round){"idle", NULL}) ||
                          finds_by(worn, asks, &(struct round){"a change", &laps->small}) ||
                          (laps_make_large(laps) &&
                           finds_by(worn, asks, &(struct round){"a large change", &laps->large})));
}

bool worn_finds(struct rig *asks)
{
    struct worn worn = {.erases = {NULL}};
    bool found = false;
    if (laps_open(&worn.laps, asks)) {
        for (size_t i = 0; i < sizeof worn.erases / sizeof *worn.erases; i++)
            worn.erases[i] = memory_zeroed(sector_count(&worn), sizeof *worn.erases[i]);
        found = finds(&worn, asks);
    }
    laps_close(&worn.laps);
    for (size_t i = 0; i < sizeof worn.erases / sizeof *worn.erases; i++)
        free(worn.erases[i]);
    return found;
}
