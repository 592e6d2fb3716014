/* rest_test.c - which rests are known.
 *
 * Two rigs, one of a map and one of a log, are in a state from which a way went to its end without
 * a finding. Another way there knows its rest. Then one thing is changed, of the chip, the engine's
 * RAM, the model or what is still to be done, and it must not know it any more.
 */
#include "fuzz/explore/rest.h"

#include <assert.h>
#include <stdio.h>

#include "fuzz/rig/load.h"
#include "fuzz/rig/rig_state.h"

#define TODO 7u

/* A rig with some values in it; more of them until its state is none that goes on in any case. */
static struct rig *make_rig(const char *engine, enum op_kind kind)
{
    struct loaded loaded;
    char reason[LOAD_REASON_MAX];
    bool found = load_bare("generic sectors=4 sector=256", engine, 1024, &loaded, reason);
    assert(found);
    struct op op = {.kind = kind, .value = script_value(loaded.script, "value", 5)};
    if (kind == OP_STORE) op.key = script_key(loaded.script, "key", 3);
    struct rig *rig = rig_new(loaded.script, loaded.adapter, &loaded.settings);
    bool fine = rig_start(rig);
    do
        fine = fine && rig_call(rig, &op, NULL);
    while (fine && (chip_hash(rig->chip).low >> 9) % REST_EVERY == 0);
    assert(fine);
    return rig;
}

/* Goes a way of which this is to be done yet; whether its rest is known. */
static bool go(struct rest *rest, struct rig *rig, uint64_t todo, bool fine)
{
    rest_begin(rest, rig, true);
    bool known = rest_is_known(rest, rig, todo);
    rest_end(rest, fine);
    return known;
}

static void change_ram(struct rig *rig)
{
    uint8_t *object = rig_object(rig);
    object[rig->object_size - 1] ^= 1;
}

static void change_first_of_ram(struct rig *rig)
{
    uint8_t *object = rig_object(rig);
    object[0] ^= 1;
}

static void change_flash(struct rig *rig)
{
    const struct bo_flash *flash = chip_flash(rig->chip);
    uint32_t last = (uint32_t)bo_flash_size(flash) - flash->geometry.unit;
    uint8_t zeros[16] = {0};
    assert(flash->geometry.unit <= sizeof zeros);
    int error = flash->program(flash->context, last, zeros, flash->geometry.unit);
    assert(!error);
    (void)error;
}

static void change_level(struct rig *rig)
{
    rig_enter(rig);
}

static void change_interrupted(struct rig *rig)
{
    rig->interrupted = !rig->interrupted;
}

static void change_reached(struct rig *rig)
{
    rig->levels[0].reached++;
}

static void change_keys_reached(struct rig *rig)
{
    rig->levels[0].keys_reached++;
}

static void change_formatting(struct rig *rig)
{
    rig_model(rig)->formatting = true;
}

static void change_values(struct rig *rig)
{
    model_commit(rig_model(rig), &(struct op){.kind = OP_CLEAR});
}

static void change_worlds(struct rig *rig)
{
    rig_model(rig)->worlds = 2;
}

static void change_transaction(struct rig *rig)
{
    rig_model(rig)->open.transaction = TRANSACTION_OPEN;
}

static void change_gone(struct rig *rig)
{
    rig_model(rig)->gone.count = 1;
}

static struct model_item *first_item(struct rig *rig)
{
    struct model_list *list = &rig_model(rig)->list;
    assert(list->end > list->first);
    return &list->items[list->first];
}

static void change_sector(struct rig *rig)
{
    first_item(rig)->sector++;
}

static void change_erases(struct rig *rig)
{
    first_item(rig)->erases++;
}

static void change_span(struct rig *rig)
{
    first_item(rig)->span++;
}

static void change_number(struct rig *rig)
{
    rig_model(rig)->list.number++;
}

static void change_clock(struct rig *rig)
{
    rig_model(rig)->list.clock++;
}

static void change_wasted(struct rig *rig)
{
    rig_model(rig)->list.wasted++;
}

static void change_resumes(struct rig *rig)
{
    rig_model(rig)->list.resumes = !rig_model(rig)->list.resumes;
}

static void change_rotten(struct rig *rig)
{
    rig->rotten = true;
}

static void change_doubted(struct rig *rig)
{
    rig->levels[0].doubted = 1;
}

static void change_faults(struct rig *rig)
{
    rig->faults |= FAULT_ROT;
}

static const struct {
    const char *what;
    void (*change)(struct rig *rig);
    enum op_kind of; /* OP_KINDS: of both rigs */
} changes[] = {
    {"the last byte of RAM", change_ram, OP_KINDS},
    {"the first byte of RAM", change_first_of_ram, OP_KINDS},
    {"the flash", change_flash, OP_KINDS},
    {"the level", change_level, OP_KINDS},
    {"whether power was cut", change_interrupted, OP_KINDS},
    {"how far the script is", change_reached, OP_KINDS},
    {"which keys it has named", change_keys_reached, OP_KINDS},
    {"a format that was cut", change_formatting, OP_KINDS},
    {"bits that rotted", change_rotten, OP_KINDS},
    {"what is in doubt", change_doubted, OP_KINDS},
    {"sectors that wear out", change_faults, OP_KINDS},
    {"the values", change_values, OP_KINDS},
    {"worlds", change_worlds, OP_STORE},
    {"an open transaction", change_transaction, OP_STORE},
    {"what was destroyed", change_gone, OP_STORE},
    {"where an item lies", change_sector, OP_APPEND},
    {"since when it lies there", change_erases, OP_APPEND},
    {"where it may lie too", change_span, OP_APPEND},
    {"the number of the first item", change_number, OP_APPEND},
    {"the time of the last one", change_clock, OP_APPEND},
    {"room that cuts took", change_wasted, OP_APPEND},
    {"an append after a power-on", change_resumes, OP_APPEND},
};

static void free_rig(struct rig *rig)
{
    struct script *script = (struct script *)rig->script;
    rig_free(rig);
    script_free(script);
}

/* What the first way leaves, the second one finds, unless the first had a finding. */
static int check_ways(struct rest *rest, struct rig *rig)
{
    int wrong = 0;
    rest_clear(rest);
    wrong += go(rest, rig, TODO, false);
    wrong += go(rest, rig, TODO, true); /* the one before had a finding */
    wrong += !go(rest, rig, TODO, true);
    wrong += rest_is_known(rest, rig, TODO); /* no way is under way */
    wrong += go(rest, rig, TODO + 1, true);
    rest_begin(rest, rig, false);
    wrong += rest_is_known(rest, rig, TODO); /* it is to go to its end */
    wrong += !rest_end(rest, true);
    if (wrong) printf("%s: a rest is known that is not, or is not that is\n", rig->adapter->name);
    return wrong;
}

static int check_change(struct rest *rest, size_t i, const char *engine, enum op_kind kind)
{
    if (changes[i].of != OP_KINDS && changes[i].of != kind) return 0;
    struct rig *rig = make_rig(engine, kind);
    rest_clear(rest);
    go(rest, rig, TODO, true);
    assert(go(rest, rig, TODO, true) && "nothing has changed yet");
    changes[i].change(rig);
    bool known = go(rest, rig, TODO, true);
    if (known) printf("%s: %s is another, the rest counts as known\n", engine, changes[i].what);
    free_rig(rig);
    return known;
}

int main(void)
{
    int wrong = 0;
    struct rest *rest = rest_new();
    struct rig *rigs[] = {make_rig("seqmap", OP_STORE), make_rig("rlog", OP_APPEND)};
    for (int i = 0; i < 2; i++) {
        wrong += check_ways(rest, rigs[i]);
        free_rig(rigs[i]);
    }
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        wrong += check_change(rest, i, "seqmap", OP_STORE);
        wrong += check_change(rest, i, "rlog", OP_APPEND);
    }
    rest_free(rest);
    return wrong != 0;
}
