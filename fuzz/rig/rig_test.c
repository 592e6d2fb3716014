/* rig_test.c - each thing that rig_check() walks, broken on purpose, stops the program.
 *
 * Two rigs, one of a map and one of a queue, stand two levels above the run. They are walked as
 * they are, which must pass; then a child process breaks one thing and walks its rig again, which
 * must end in an assertion.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/rig/rig.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/rig/load.h"
#include "sim/death_test.h"

/* A rig of that engine on a blank chip. What it was loaded from lives as long as the test. */
static struct rig *make_rig(const char *engine)
{
    struct loaded loaded;
    char reason[LOAD_REASON_MAX];
    bool found = load_bare("generic sectors=4 sector=256", engine, 1024, &loaded, reason);
    assert(found);
    struct rig *rig = rig_new(loaded.script, loaded.adapter, &loaded.settings);
    assert(rig_start(rig));
    rig_enter(rig);
    rig_enter(rig);
    return rig;
}

static void break_level(struct rig *rig)
{
    rig->level = CONTRACT_LEVELS;
}

static void break_object(struct rig *rig)
{
    rig->levels[1].object = NULL;
}

static void break_second(struct rig *rig)
{
    rig->levels[1].second = rig->levels[1].object;
}

static void break_ram(struct rig *rig)
{
    rig->levels[0].ram = rig->buffer;
}

static void break_ram_at_enter(struct rig *rig)
{
    rig->levels[0].ram_at_enter = rig->buffer;
}

static void break_kind(struct rig *rig)
{
    static struct adapter other;
    other = *rig->adapter;
    other.kind = ADAPTER_QUEUE;
    rig->adapter = &other;
}

static void break_keys_of_level(struct rig *rig)
{
    rig->levels[2].model.key_count++;
}

static void break_keys_before(struct rig *rig)
{
    rig->levels[2].before.key_count++;
}

static void break_mark(struct rig *rig)
{
    rig->levels[0].mark = 0;
}

static void break_nesting(struct rig *rig)
{
    rig->levels[1].mark = rig->levels[0].mark;
}

static void break_tail(struct rig *rig)
{
    rig->faults = 0;
    rig->design.tail_open = true;
}

static void break_touched(struct rig *rig)
{
    static struct touch touch;
    rig->faults = 0;
    rig->touched = &touch;
}

static void break_keys(struct rig *rig)
{
    rig->keys = NULL;
}

static void break_views(struct rig *rig)
{
    rig->views = NULL;
}

static void break_sights(struct rig *rig)
{
    rig->sights = NULL;
}

static void break_reached(struct rig *rig)
{
    rig->levels[2].reached = rig->script->op_count + 1;
}

static void break_keys_reached(struct rig *rig)
{
    rig->levels[2].keys_reached = rig->script->key_count + 1;
}

enum { OF_MAP, OF_QUEUE, RIGS };

static const struct {
    const char *what;
    void (*break_it)(struct rig *rig);
    int of;
} breaks[] = {
    {"a level beyond the last", break_level, OF_MAP},
    {"a level without an engine object", break_object, OF_MAP},
    {"one object for two mounts", break_second, OF_MAP},
    {"RAM that is kept of an engine without globals", break_ram, OF_MAP},
    {"RAM that is kept of a level of such an engine", break_ram_at_enter, OF_MAP},
    {"the model of a map for a queue", break_kind, OF_MAP},
    {"a level with more keys than the run", break_keys_of_level, OF_MAP},
    {"a model from before the call with more keys", break_keys_before, OF_MAP},
    {"a level that was entered without a mark", break_mark, OF_QUEUE},
    {"marks that do not nest", break_nesting, OF_QUEUE},
    {"an open tail where nothing is weak", break_tail, OF_QUEUE},
    {"sectors that are watched where nothing rots", break_touched, OF_QUEUE},
    {"a map without keys", break_keys, OF_MAP},
    {"a map without views", break_views, OF_MAP},
    {"a queue without sights", break_sights, OF_QUEUE},
    {"more operations than the script has", break_reached, OF_QUEUE},
    {"more keys than the script has", break_keys_reached, OF_MAP},
};

struct broken {
    struct rig *rig;
    void (*break_it)(struct rig *rig);
};

static void walk(void *context)
{
    const struct broken *it = context;
    it->break_it(it->rig);
    rig_check(it->rig);
}

int main(void)
{
    struct rig *rigs[RIGS] = {make_rig("seqmap"), make_rig("seqqueue")};
    int missed = 0;
    for (int i = 0; i < RIGS; i++)
        rig_check(rigs[i]);
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        struct broken broken = {rigs[breaks[i].of], breaks[i].break_it};
        if (death_asserts(walk, &broken)) continue;
        printf("rig_check() walks past %s\n", breaks[i].what);
        missed++;
    }
    for (int i = 0; i < RIGS; i++) {
        struct script *script = (struct script *)rigs[i]->script;
        rig_free(rigs[i]);
        script_free(script);
    }
    return missed != 0;
}
