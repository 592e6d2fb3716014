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
 * Two values take turns, so that an engine which leaves alone what it has already writes each time.
 * Before that the store is filled until each sector was erased about twice, or FILL_MAX times. A
 * round that is refused says nothing, and neither does a store that shows another finding: that is
 * for the run to find.
 */
#include "fuzz/rig/worn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

#define ROUNDS 18u
#define LEAST 16u /* the first power-on may have something to mend or to begin */
#define FILL_MAX 256u
#define SECTORS_MAX 4096u

_Static_assert(LEAST<ROUNDS && 2 * LEAST> ROUNDS, "in each round but few");

/* What takes turns; of the size of `values[0]`. */
struct pair {
    struct value *values[2];
    uint32_t turn;
};

/* What is done in a round: a change, or what the engine may do when there is time. */
struct round {
    const char *words;
    struct pair *put; /* NULL: no change */
};

struct worn {
    struct rig *store;
    const struct op *change; /* the first one of the script */
    struct pair small, large;
    uint64_t *erases[3]; /* of each sector: before a way, and in the rounds of the two ways */
};

static uint32_t sector_count(const struct worn *worn)
{
    return chip_flash(worn->store->chip)->geometry.sector_count;
}

/* False: refused, or something else is wrong. */
static bool call(struct worn *worn, enum op_kind kind, const struct value *value)
{
    struct op op = {.kind = kind, .key = worn->change->key, .value = value};
    assert(worn->store->level == 0 && !op.cut.nth && "a fresh store, and no cut");
    enum answer answer = ANSWER_OK;
    return rig_call(worn->store, &op, &answer) && answer == ANSWER_OK;
}

static bool put(struct worn *worn, struct pair *pair)
{
    const struct adapter_list *list = worn->store->adapter->list;
    if (!call(worn, worn->change->kind, pair->values[pair->turn++ % 2])) return false;
    if (worn->change->kind == OP_PUSH && !call(worn, OP_POP, NULL)) return false;
    return !list || !list->sync || call(worn, OP_SYNC, NULL);
}

static bool can_rest(const struct adapter *adapter)
{
    return adapter->kind == ADAPTER_MAP ? adapter->map->collect != NULL
                                        : adapter->list->idle != NULL;
}

static bool go_round(struct worn *worn, const struct round *round)
{
    if (round->put) return put(worn, round->put);
    return call(worn, worn->store->adapter->list ? OP_IDLE : OP_COLLECT, NULL);
}

/* How often each sector was erased in ROUNDS rounds. False: that can't be said. */
static bool count(struct worn *worn, const struct round *round, bool boots)
{
    uint64_t *before = worn->erases[0], *now = worn->erases[boots ? 2 : 1];
    assert(now != before && worn->store->finding.clause == CLAUSE_NONE);
    for (uint32_t i = 0; i < sector_count(worn); i++)
        before[i] = chip_sector_erases(worn->store->chip, i);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (boots && !call(worn, OP_BOOT, NULL)) return false;
        if (!go_round(worn, round)) return false;
    }
    for (uint32_t i = 0; i < sector_count(worn); i++)
        now[i] = chip_sector_erases(worn->store->chip, i) - before[i];
    return call(worn, OP_MOUNT, NULL);
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
    const struct chip_counters *counters = chip_counters(worn->store->chip);
    uint64_t end = counters->erases + 2 * (uint64_t)sector_count(worn);
    for (uint32_t i = 0; i < FILL_MAX && counters->erases < end; i++) {
        if (!put(worn, &worn->small)) return false;
    }
    return true;
}

static void resize(struct pair *pair, uint32_t size)
{
    for (uint32_t i = 0; i < 2; i++) {
        assert(pair->values[i] && "made with room for the largest");
        pair->values[i]->size = size;
        pair->values[i]->digest = script_digest(pair->values[i]->bytes, size);
    }
}

/* The size of the largest values that the store takes. False: not found soon. What was refused the
 * model does not have. */
static bool make_large(struct worn *worn)
{
    uint32_t size = worn->store->value_size_max;
    for (; size > worn->store->value_size_min; size -= size / 8 + 1) {
        resize(&worn->large, size);
        if (put(worn, &worn->large)) return true;
        if (worn->store->finding.clause != CLAUSE_NONE) return false;
    }
    return false;
}

/* Not what the engine lacks, or has stated that it costs. */
static bool is_asked(const struct rig *rig, const struct round *round)
{
    if (round->put) return !(rig->widened & ADAPTER_ERASES_AGAIN);
    return can_rest(rig->adapter) && !(rig->widened & ADAPTER_POWER_ON_DROPS);
}

static bool finds_by(struct worn *worn, struct rig *asks, const struct round *round)
{
    if (worn->store->finding.clause != CLAUSE_NONE || !is_asked(asks, round)) return false;
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
    if (!rig_start(worn->store)) return false;
    if (op_has_key(worn->change->kind)) /* a look may show it */
        worn->store->levels[0].keys_reached = worn->change->key + 1;
    return fill(worn) && (finds_by(worn, asks, &(struct round){"idle", NULL}) ||
                          finds_by(worn, asks, &(struct round){"a change", &worn->small}) ||
                          (make_large(worn) &&
                           finds_by(worn, asks, &(struct round){"a large change", &worn->large})));
}

/* With room for the largest value; the first bytes are those of the script's. */
static void make_pair(struct pair *pair, const struct value *like, uint32_t room)
{
    *pair = (struct pair){.turn = 0};
    for (uint32_t i = 0; i < 2; i++) {
        struct value *value = memory_new(sizeof *value + room);
        memset(value->bytes, i ? 0x77 : 0x88, room);
        if (i == 0) memcpy(value->bytes, like->bytes, like->size);
        pair->values[i] = value;
    }
    resize(pair, like->size || room == 0 ? like->size : 1); /* so that the two differ */
}

static void free_pair(struct pair *pair)
{
    free(pair->values[0]);
    free(pair->values[1]);
}

bool worn_finds(struct rig *asks)
{
    struct worn worn = {.change = script_first_change(asks->script)};
    uint32_t sectors = chip_flash(asks->chip)->geometry.sector_count;
    if (!worn.change || sectors > SECTORS_MAX) return false;
    const struct value *like = worn.change->value;
    assert(like && asks->level == 0);
    uint32_t room = asks->value_size_max > like->size ? asks->value_size_max : like->size;
    make_pair(&worn.small, like, room);
    make_pair(&worn.large, like, room);
    for (size_t i = 0; i < sizeof worn.erases / sizeof *worn.erases; i++)
        worn.erases[i] = memory_zeroed(sectors, sizeof *worn.erases[i]);
    rig_lend_ram(asks);
    worn.store = rig_new(asks->script, asks->adapter, &asks->settings);
    bool found = finds(&worn, asks);
    rig_free(worn.store); /* its model has the values */
    rig_take_ram(asks);
    for (size_t i = 0; i < sizeof worn.erases / sizeof *worn.erases; i++)
        free(worn.erases[i]);
    free_pair(&worn.small);
    free_pair(&worn.large);
    return found;
}
