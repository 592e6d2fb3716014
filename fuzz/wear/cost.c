/* cost.c - see cost.h.
 *
 * The chip counts reads, programs, erases and time. The cost of an operation is the difference of
 * the counters over the engine's call; what the harness asks to check the answer is another call
 * and not in it.
 *
 * An operation that is to be cut is done twice. First for practice: the rig is saved, the
 * operation's programs and erases are counted, and everything is put back. Then one of them is
 * drawn, and the operation is done again and cut there. An engine does the same both times, as the
 * chip and its RAM are the same. After the cut the model, settled by a look, shows whether the
 * operation took effect; if not, it is done again.
 *
 * What a look costs must not count, and neither must a look change the engine that works on. So
 * each judged power-on happens in a level of its own which is left afterwards: only what the model
 * learned is adopted. Then the engine that works on is mounted, and that mount counts.
 *
 * The worst mount is not always at the end. Mounts are tried on the way, under a mark that is
 * rolled back, in TRIALS operations that are spread by a draw.
 */
#include "fuzz/wear/cost.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

#define JUNK 0xA5

/* Mounts tried on the way, to know the worst one, and the reads that they may cost in all. */
#define TRIALS 64u
#define TRIAL_READS_MAX (1u << 22)

/* A look at all items is made only after count / LOOK_PAUSE operations: it reads every item. */
#define LOOK_PAUSE 64u

static const struct op power_on_op = {.kind = OP_MOUNT};
static const struct op format_op = {.kind = OP_FORMAT};

struct labour {
    struct cost *cost;
    struct rig *rig;
    const struct cut_rate *cut_rate;
    struct cost_trail *trail;
    uint64_t number;        /* of the operation in the script */
    uint64_t trial_reads;   /* of mounts that were tried */
    uint64_t looked;        /* number of the operation after which all items were looked at last */
    uint32_t *start_erases; /* of each sector before the work */
    uint64_t work;          /* the operation that began the transaction that this one is part of */
    bool inside;            /* which goes on after it, */
    bool struck;            /* and was cut before */
    uint64_t payload;       /* when it began */
};

/* --- counting --- */

static void add(struct chip_counters *sum, const struct chip_counters *more)
{
    static const struct chip_counters none;
    rig_add_spent(sum, &none, more);
}

static void keep_most(uint64_t *most, uint64_t number)
{
    if (number > *most) *most = number;
}

static void book(struct labour *it, const struct chip_counters *spent)
{
    struct cost *cost = it->cost;
    add(&cost->work, spent);
    keep_most(&cost->programs_most, spent->programs);
    keep_most(&cost->time_ns_most, spent->time_ns);
}

static void book_payload(struct labour *it, const struct op *op)
{
    const struct script *script = it->rig->script;
    if (!op_puts(op->kind)) return;
    it->cost->took = true;
    assert(op->value && (!op_has_key(op->kind) || op->key < script->key_count));
    it->cost->payload += op->value->size;
    if (op_has_key(op->kind)) it->cost->payload += script->keys[op->key]->size;
}

/* --- the trail --- */

/* Of one operation of the script: itself, a power-on, itself again, a look. */
#define TRAIL_OPS_MAX 4u /* or with its transaction again, which happens once in it */

size_t cost_trail_size(const struct script *script)
{
    size_t ops = (size_t)script->op_count * TRAIL_OPS_MAX + 1; /* and a power-on at the end */
    return sizeof(struct cost_trail) + ops * sizeof(struct op);
}

/* Before it is called. `use` is not (cost.h). */
static void record(struct labour *it, const struct op *op)
{
    struct cost_trail *trail = it->trail;
    if (!trail || op->kind == OP_USE) return;
    assert(op->cut.nth == 0 && trail->count <= it->rig->script->op_count * TRAIL_OPS_MAX);
    trail->ops[trail->count] = *op;
    trail->count++;
}

/* What was recorded last is undone. */
static void forget(struct labour *it)
{
    if (it->trail) it->trail->count--;
}

/* Power was cut in what was recorded last. */
static void record_cut(struct labour *it, const struct cut_rate_watch *watch)
{
    struct cost_trail *trail = it->trail;
    if (!trail) return;
    struct op *op = &trail->ops[trail->count - 1];
    assert(watch->nth > 0 && watch->met >= watch->nth);
    op->cut = (struct cut){.nth = watch->nth, .tear = watch->tear};
    trail->cut = op_powers_on(op->kind) ? CUT_RECOVERY : watch->erase ? CUT_ERASE : CUT_PROGRAM;
}

/* --- mounts --- */

static bool call_mount(struct rig *rig, void *object)
{
    enum answer answer = rig->adapter->mount(object, chip_flash(rig->chip), &rig->settings);
    rig_note_return();
    return answer == ANSWER_OK;
}

static bool mount_object(struct labour *it, void *object)
{
    struct rig *rig = it->rig;
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    rig_grant(rig, ADAPTER_CALL_MOUNT);
    if (!rig_wipe_ram(rig, object, JUNK)) return false;
    rig_note_call(rig, ADAPTER_CALL_MOUNT);
    return rig_until_off(rig, call_mount, object);
}

static void keep_mount(struct labour *it, const struct chip_counters *spent)
{
    if (spent->reads >= it->cost->mount_most.reads) it->cost->mount_most = *spent;
}

/* A power-on and nothing else: rig_recover() would read everything back. Whether the engine answers
 * that all is well. */
static bool mount_once(struct labour *it)
{
    struct rig *rig = it->rig;
    struct chip_counters then = *chip_counters(rig->chip), spent = {0};
    rig_next_power_on(rig);
    bool fine = mount_object(it, rig_object(rig));
    rig_add_spent(&spent, &then, chip_counters(rig->chip));
    it->cost->mount = spent;
    if (rig_is_off(rig)) return true;
    keep_mount(it, &spent);
    return fine;
}

static bool mount_failed(struct labour *it)
{
    return rig_finds(it->rig, CLAUSE_ALIVE, SEEN_REFUSED, "mount fails");
}

/* What a mount here would cost; nothing of it stays. */
static void try_mount(struct labour *it)
{
    struct rig *rig = it->rig;
    struct chip_counters then = *chip_counters(rig->chip), spent = {0};
    if (it->trial_reads > TRIAL_READS_MAX) return;
    record(it, &power_on_op);
    chip_mark mark = chip_set_mark(rig->chip);
    rig_lend_ram(rig);
    mount_object(it, rig->levels[rig->level].second);
    rig_add_spent(&spent, &then, chip_counters(rig->chip));
    it->trial_reads += spent.reads;
    keep_mount(it, &spent);
    rig_take_ram(rig);
    chip_rollback(rig->chip, mark);
    forget(it);
}

/* A power-on that is judged in full, apart from the work: only what the model learned stays. */
static bool judge(struct labour *it)
{
    struct rig *rig = it->rig;
    assert(rig->level == 0 && "the work is done at level 0");
    rig_enter(rig);
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    bool fine = rig_recover(rig);
    if (fine) rig_adopt(rig);
    rig_leave(rig);
    return fine;
}

/* --- operations --- */

struct asked {
    const struct op *op;
    enum answer answer;
};

static bool ask(struct rig *rig, void *context)
{
    struct asked *asked = context;
    return rig_call(rig, asked->op, &asked->answer);
}

static bool do_call(struct labour *it, const struct op *op)
{
    struct asked asked = {op, ANSWER_OK};
    struct rig *rig = it->rig;
    struct chip_counters *all = &rig->spent[rig_call_of(op->kind)], then = *all, spent = {0};
    bool fine = rig_until_off(rig, ask, &asked);
    if (!op_is_work(op->kind)) return fine;
    rig_add_spent(&spent, &then, all);
    book(it, &spent);
    if (fine && asked.answer == ANSWER_OK && !rig_is_off(rig)) book_payload(it, op);
    return fine;
}

static bool mount(struct labour *it)
{
    bool fine = mount_once(it);
    add(&it->cost->work, &it->cost->mount);
    return fine;
}

/* Where a format was cut, the power-on may find no store: the device makes it anew. */
static bool power_on_again(struct labour *it)
{
    bool fine = mount(it);
    struct rig *rig = it->rig;
    bool judged = !rig_is_off(rig) && rig->finding.clause == CLAUSE_NONE;
    if (judged && rig_formats_again(rig, fine ? ANSWER_OK : ANSWER_DAMAGED))
        fine = do_call(it, &format_op) && mount(it);
    rig_model(rig)->formatting = false;
    return fine || mount_failed(it);
}

static bool do_op(struct labour *it, const struct op *op)
{
    if (op->kind == OP_USE) return true;
    return op_powers_on(op->kind) ? power_on_again(it) : do_call(it, op);
}

/* --- an operation that loses power --- */

/* Does the operation for practice. Everything is as before, and *writes is the number of programs
 * and erases that it makes. False when something differed: then that stays. */
static bool practise(struct labour *it, const struct op *op, uint32_t *writes)
{
    struct rig *rig = it->rig;
    struct cost cost = *it->cost;
    struct refusals refusals = rig->refusals;
    struct cut_rate_watch watch;
    assert(it->cut_rate && !rig_is_off(rig));
    rig_save(rig);
    cut_rate_watch(&watch, it->cut_rate, rig->chip, it->number, 0);
    bool fine = do_op(it, op);
    cut_rate_unwatch(rig->chip);
    *writes = watch.met;
    if (!fine) {
        rig_keep(rig);
        return false;
    }
    rig_restore(rig);
    rig->refusals = refusals;
    *it->cost = cost;
    return true;
}

/* Whether the last transaction shows. */
static bool has_changes(const struct model *model)
{
    for (uint32_t i = 0; i < model->open.change_count; i++) {
        const struct model_change *change = &model->open.changes[i];
        const struct value *value = change->value;
        if (model_match(model, change->key, !value, value ? value->bytes : NULL,
                        value ? value->size : 0) < 0)
            return false;
    }
    return true;
}

static bool map_has(const struct model *model, const struct op *op)
{
    switch (op->kind) {
    case OP_STORE:
        return model_match(model, op->key, false, op->value->bytes, op->value->size) >= 0;
    case OP_REMOVE:
        return model_match(model, op->key, true, NULL, 0) >= 0;
    case OP_DESTROY:
        return false; /* it finishes what the cut left of it */
    case OP_CLEAR:
    case OP_DESTROY_ALL:
    case OP_FORMAT:
        for (uint32_t key = 0; key < model->key_count; key++) {
            if (model_match(model, key, true, NULL, 0) < 0) return false;
        }
        return op->kind != OP_DESTROY_ALL;
    case OP_COMMIT:
        return has_changes(model);
    default:
        return true;
    }
}

/* What a list was like before an operation: the time of its newest item, and of the item that the
 * operation takes out, if it takes one. An item is known by the time when it was put in. */
struct before {
    uint32_t clock, taken;
    bool takes;
};

static struct before before_op(const struct labour *it, const struct op *op)
{
    const struct model *model = rig_model(it->rig);
    const struct model_item *item =
        model_is_map(model) ? NULL : model_list_at(&model->list, op->count);
    if (model_is_map(model)) return (struct before){0};
    return (struct before){
        .clock = model->list.clock, .taken = item ? item->time : 0, .takes = item != NULL};
}

static bool list_has(const struct model_list *list, const struct before *before,
                     const struct op *op)
{
    uint32_t count = model_list_count(list);
    const struct model_item *item;
    switch (op->kind) {
    case OP_PUSH:
    case OP_APPEND:
        item = count ? model_list_at(list, count - 1) : NULL;
        return item && item->time > before->clock && item->state == ITEM_HELD;
    case OP_POP:
        for (uint32_t i = 0; before->takes && i < count; i++) {
            if (model_list_at(list, i)->time == before->taken) return false;
        }
        return true;
    case OP_CLEAR:
    case OP_FORMAT:
        return count == 0;
    case OP_SYNC:
    case OP_SEAL:
    case OP_IDLE:
        return false;
    default:
        return true;
    }
}

/* Whether the operation that was cut is done, so that doing it again would do it twice. */
static bool is_done(const struct labour *it, const struct op *op, const struct before *before)
{
    const struct model *model = rig_model(it->rig);
    if (it->work != it->number && op->kind != OP_COMMIT) return false; /* its transaction is gone */
    return model_is_map(model) ? map_has(model, op) : list_has(&model->list, before, op);
}

/* Which transaction an operation is part of. */
static void note_work(struct labour *it, enum op_kind kind)
{
    if (!it->inside) {
        it->work = it->number;
        it->struck = false;
        it->payload = it->cost->payload;
    }
    it->inside = kind == OP_BEGIN || (it->inside && !op_ends_transaction(kind));
}

/* The operation again, or its transaction up to it. */
static bool do_again(struct labour *it)
{
    const struct script *script = it->rig->script;
    bool fine = true;
    it->cost->payload = it->payload;
    for (uint64_t i = it->work; fine && i <= it->number; i++) {
        record(it, &script->ops[i]);
        fine = do_op(it, &script->ops[i]);
    }
    return fine;
}

/* Power comes on again: judged, then done by the engine that works on. */
static bool power_on(struct labour *it)
{
    bool formatting = rig_model(it->rig)->formatting;
    record(it, &power_on_op);
    if (!judge(it)) return false;
    rig_model(it->rig)->formatting = formatting; /* another format was judged, and not done */
    return do_op(it, &power_on_op);
}

/* Inside the operation, at one of its programs and erases. */
static bool cut_inside(struct labour *it, const struct op *op, uint32_t writes)
{
    struct cost *cost = it->cost;
    struct cut_rate_watch watch;
    struct before before = before_op(it, op);
    assert(writes > 0);
    cut_rate_watch(&watch, it->cut_rate, it->rig->chip, it->number,
                   cut_rate_place(it->cut_rate, it->number, writes));
    bool fine = do_op(it, op);
    cut_rate_unwatch(it->rig->chip);
    record_cut(it, &watch);
    if (!fine) return false;
    assert(rig_is_off(it->rig)); /* it did the same in practice */
    if (watch.erase)
        cost->cuts.in_erase++;
    else
        cost->cuts.in_program++;
    if (!power_on(it)) return false;
    if (is_done(it, op, &before)) {
        book_payload(it, op);
        return true;
    }
    cost->cuts.redone++;
    return do_again(it);
}

static bool do_with_cut(struct labour *it, const struct op *op)
{
    uint32_t writes;
    it->rig->interrupted = true;
    record(it, op);
    if (!practise(it, op, &writes)) return false;
    if (writes) return cut_inside(it, op, writes);
    it->cost->cuts.after++;
    return do_op(it, op) && power_on(it) && (!it->inside || do_again(it));
}

/* Once in a transaction, which is done again then. */
static bool is_struck(struct labour *it)
{
    if (!it->cut_rate || !cut_rate_strikes(it->cut_rate, it->number)) return false;
    if (it->struck) return false;
    it->struck = true;
    return true;
}

/* --- the whole --- */

static uint64_t count_held(const struct labour *it)
{
    const struct model *model = rig_model(it->rig);
    uint64_t held = 0;
    if (!model_is_map(model)) return model_list_count(&model->list);
    for (uint32_t key = 0; key < model->key_count; key++)
        held += model->slots[key].allowed[0] != NULL;
    return held;
}

/* An append may have overwritten the oldest items. If the oldest one is in doubt, a look shows how
 * many are left. With many items this is not done every time, as a look reads all of them. */
static bool look_for_losses(struct labour *it)
{
    static const struct op look = {.kind = OP_LOOK};
    struct model_list *list = &rig_model(it->rig)->list;
    uint32_t count = model_list_count(list);
    if (model_is_map(rig_model(it->rig)) || !count || !list->uncertain) return true;
    if (list->items[list->first].state != ITEM_OLD) return true;
    if (it->number - it->looked < count / LOOK_PAUSE) return true;
    it->looked = it->number;
    record(it, &look);
    if (!do_op(it, &look)) return false;
    if (model_list_count(list) == count) return true;
    uint64_t held = model_list_count(list);
    if (!it->cost->overwrote || held < it->cost->held_least) it->cost->held_least = held;
    it->cost->overwrote = true;
    return true;
}

static bool do_number(struct labour *it, const struct op *op)
{
    assert(!rig_is_off(it->rig) && "the one before has ended with power on");
    note_work(it, op->kind);
    if (op_is_work(op->kind)) it->cost->operations++;
    if (op_is_work(op->kind) && is_struck(it)) return do_with_cut(it, op);
    if (op_powers_on(op->kind)) return power_on(it);
    record(it, op);
    return do_op(it, op);
}

/* Power comes on for the first time. The engine's choice, to write at format, at the first mount or
 * with the first value, must not show as wear of the work. */
static bool start(struct labour *it)
{
    const struct chip *chip = it->rig->chip;
    bool fine = rig_start(it->rig);
    it->cost->start = *chip_counters(chip);
    for (uint32_t i = 0; i < chip_flash(chip)->geometry.sector_count; i++)
        it->start_erases[i] = chip_sector_erases(chip, i);
    return fine;
}

static bool end(struct labour *it)
{
    record(it, &power_on_op);
    return judge(it) && (mount_once(it) || mount_failed(it));
}

static bool do_all(struct labour *it)
{
    const struct script *script = it->rig->script;
    const struct cut_rate trials = {.cuts = TRIALS, .of = script->op_count};
    bool fine = start(it);
    for (uint32_t i = 0; fine && i < script->op_count; i++) {
        it->number = i;
        fine = do_number(it, &script->ops[i]) && look_for_losses(it);
        if (fine && cut_rate_strikes(&trials, i)) try_mount(it);
    }
    fine = fine && end(it);
    if (fine) it->cost->held = count_held(it);
    return fine;
}

bool cost_work(struct cost *cost, struct rig *rig, const struct cut_rate *cut_rate,
               struct cost_trail *trail)
{
    struct labour it = {.cost = cost, .rig = rig, .cut_rate = cut_rate, .trail = trail};
    assert(rig->level == 0 && (!trail || trail->count == 0));
    uint32_t sectors = chip_flash(rig->chip)->geometry.sector_count;
    *cost = (struct cost){0};
    it.start_erases = memory_zeroed(sectors, sizeof *it.start_erases);
    bool fine = do_all(&it);
    if (trail) trail->finding = rig->finding;
    cost->refused = rig->refusals.count;
    cost->wear = wear_of(rig, it.start_erases);
    free(it.start_erases);
    cost->lifetime_ns = wear_lifetime_ns(rig, &cost->wear);
    return fine;
}

uint64_t cost_cuts(const struct cost *cost)
{
    return cost->cuts.in_program + cost->cuts.in_erase + cost->cuts.after;
}
