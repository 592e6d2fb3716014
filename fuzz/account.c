#include "fuzz/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/globals.h"

#define JUNK 0xA5

/* Mounts tried on the way, to know the worst one, and the reads that they may cost in all. */
#define TRIALS 64u
#define TRIAL_READS_MAX (1u << 22)

struct labour {
    struct account *account;
    struct rig *rig;
    const struct outage *outage;
    struct script *done;
    uint64_t number;      /* of the operation in the script */
    uint64_t trial_reads; /* of mounts that were tried */
    bool short_of_memory;
};

static struct rig_level *ground(const struct labour *it)
{
    return (struct rig_level *)&it->rig->levels[0];
}

/* --- counting --- */

static struct chip_counters since(const struct labour *it, const struct chip_counters *then)
{
    struct chip_counters now = *chip_counters(it->rig->chip);
    return (struct chip_counters){
        .reads = now.reads - then->reads,
        .programs = now.programs - then->programs,
        .erases = now.erases - then->erases,
        .bytes_read = now.bytes_read - then->bytes_read,
        .bytes_programmed = now.bytes_programmed - then->bytes_programmed,
        .time_ns = now.time_ns - then->time_ns,
    };
}

static void add(struct chip_counters *sum, const struct chip_counters *more)
{
    sum->reads += more->reads;
    sum->programs += more->programs;
    sum->erases += more->erases;
    sum->bytes_read += more->bytes_read;
    sum->bytes_programmed += more->bytes_programmed;
    sum->time_ns += more->time_ns;
}

static void keep_most(uint64_t *most, uint64_t number)
{
    if (number > *most) *most = number;
}

static void book(struct labour *it, const struct op *op, const struct chip_counters *then)
{
    struct account *account = it->account;
    struct chip_counters spent = since(it, then);
    add(&account->work, &spent);
    if (op->kind == OP_MOUNT) return;
    keep_most(&account->programs_most, spent.programs);
    keep_most(&account->time_ns_most, spent.time_ns);
}

static void book_payload(struct labour *it, const struct op *op)
{
    const struct script *script = it->rig->script;
    if (op->kind != OP_STORE && op->kind != OP_PUSH && op->kind != OP_APPEND) return;
    it->account->payload += op->value->size;
    if (op_has_key(op->kind)) it->account->payload += script->keys[op->key]->size;
}

/* --- mounts --- */

static bool mount_object(struct labour *it, void *object)
{
    struct rig *rig = it->rig;
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    chip_set_fuel(rig->chip, rig->bounds[ADAPTER_CALL_MOUNT]);
    memset(object, JUNK, rig->object_size);
    if (rig->adapter->has_globals) globals_wipe();
    return rig->adapter->mount(object, chip_flash(rig->chip), &rig->settings) == ANSWER_OK;
}

static void keep_mount(struct labour *it, const struct chip_counters *then)
{
    struct chip_counters spent = since(it, then);
    it->account->mount = spent;
    if (spent.reads > it->account->mount_most.reads) it->account->mount_most = spent;
}

/* A power-on and nothing besides: rig_recover() would look around. */
static bool mount_once(struct labour *it)
{
    struct chip_counters then = *chip_counters(it->rig->chip);
    bool fine = mount_object(it, ground(it)->object);
    if (rig_is_off(it->rig)) return true;
    keep_mount(it, &then);
    return fine || rig_finds(it->rig, CLAUSE_ALIVE, "mount fails");
}

/* What a mount here would cost; nothing of it stays. */
static void try_mount(struct labour *it)
{
    struct rig *rig = it->rig;
    if (it->trial_reads > TRIAL_READS_MAX) return;
    chip_mark mark = chip_set_mark(rig->chip);
    rig_keep_ram(ground(it)->ram);
    struct chip_counters then = *chip_counters(rig->chip), last = it->account->mount;
    mount_object(it, rig->second);
    it->trial_reads += since(it, &then).reads;
    keep_mount(it, &then);
    it->account->mount = last;
    rig_restore_ram(ground(it)->ram);
    chip_rollback(rig->chip, mark);
}

/* --- operations --- */

static bool do_op(struct labour *it, const struct op *op)
{
    enum answer answer = ANSWER_OK;
    struct rig *rig = it->rig;
    if (op->kind == OP_USE) return true;
    struct chip_counters then = *chip_counters(rig->chip);
    bool fine = op->kind == OP_MOUNT ? mount_once(it) : rig_call(rig, op, &answer);
    if (op_is_work(op->kind)) book(it, op, &then);
    if (fine && answer == ANSWER_OK && !rig_is_off(rig)) book_payload(it, op);
    if (op->kind != OP_MOUNT || !fine || rig_is_off(rig)) return fine;
    return rig_look(rig, ground(it)->object);
}

static bool record(struct labour *it, const struct op *op, const struct outage_watch *watch)
{
    struct op done = *op;
    if (!it->done) return true;
    if (watch) done.cut = (struct cut){.nth = watch->nth, .tear = watch->tear};
    it->short_of_memory = !script_append(it->done, &done);
    return !it->short_of_memory;
}

/* --- an operation that loses power --- */

/* Does the operation for practice. Everything is as before but *writes, which tells how many
 * programs and erases it makes; what differs differs. */
static bool practise(struct labour *it, const struct op *op, uint32_t *writes)
{
    struct rig *rig = it->rig;
    struct account account = *it->account;
    struct refusals refusals = rig->refusals;
    struct outage_watch watch;
    chip_mark mark = chip_set_mark(rig->chip);
    memcpy(rig->levels[1].object, ground(it)->object, rig->object_size);
    model_copy(&rig->levels[1].model, &ground(it)->model);
    rig_keep_ram(ground(it)->ram);
    outage_watch(&watch, it->outage, rig->chip, it->number, 0);
    bool fine = do_op(it, op);
    outage_unwatch(rig->chip);
    *writes = watch.met;
    if (!fine) {
        chip_release(rig->chip, mark);
        return false;
    }
    rig_restore_ram(ground(it)->ram);
    model_copy(&ground(it)->model, &rig->levels[1].model);
    memcpy(ground(it)->object, rig->levels[1].object, rig->object_size);
    chip_rollback(rig->chip, mark);
    rig->refusals = refusals;
    *it->account = account;
    return true;
}

/* Power-on, judged in full, beside the work: nothing of it stays but a finding. */
static bool judge(struct labour *it)
{
    struct rig *rig = it->rig;
    chip_mark mark = chip_set_mark(rig->chip);
    model_copy(&rig->levels[1].model, &ground(it)->model);
    rig_keep_ram(ground(it)->ram);
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    rig->level = 1;
    bool fine = rig_recover(rig);
    rig->level = 0;
    rig_restore_ram(ground(it)->ram);
    chip_rollback(rig->chip, mark);
    return fine;
}

/* Whether the operation that was cut is done, as far as doing it again would do it twice. */
static bool is_done(const struct labour *it, const struct op *op)
{
    const struct model *model = &ground(it)->model;
    switch (op->kind) {
    case OP_STORE:
        return model_match(model, op->key, false, op->value->bytes, op->value->size) >= 0;
    case OP_REMOVE:
        return model_match(model, op->key, true, NULL, 0) >= 0;
    case OP_CLEAR:
        for (uint32_t key = 0; key < model->key_count; key++) {
            if (model_match(model, key, true, NULL, 0) < 0) return false;
        }
        return true;
    default:
        return true;
    }
}

static bool power_on(struct labour *it)
{
    static const struct op mount = {.kind = OP_MOUNT};
    return record(it, &mount, NULL) && judge(it) && do_op(it, &mount);
}

/* Inside the operation, at one of its programs and erases. */
static bool cut_inside(struct labour *it, const struct op *op, uint32_t writes)
{
    struct account *account = it->account;
    struct outage_watch watch;
    outage_watch(&watch, it->outage, it->rig->chip, it->number,
                 outage_place(it->outage, it->number, writes));
    bool fine = do_op(it, op);
    outage_unwatch(it->rig->chip);
    if (!record(it, op, &watch) || !fine) return false;
    assert(rig_is_off(it->rig)); /* it did the same in practice */
    if (watch.erase)
        account->cuts.in_erase++;
    else
        account->cuts.in_program++;
    if (!power_on(it)) return false;
    if (is_done(it, op)) {
        book_payload(it, op);
        return true;
    }
    account->cuts.redone++;
    return record(it, op, NULL) && do_op(it, op);
}

static bool do_with_cut(struct labour *it, const struct op *op)
{
    uint32_t writes;
    it->rig->interrupted = true;
    if (!practise(it, op, &writes)) {
        record(it, op, NULL);
        return false;
    }
    if (writes) return cut_inside(it, op, writes);
    it->account->cuts.behind++;
    return record(it, op, NULL) && do_op(it, op) && power_on(it);
}

/* --- the whole --- */

static uint64_t count_held(const struct labour *it)
{
    const struct model *model = &ground(it)->model;
    uint64_t held = 0;
    for (uint32_t key = 0; key < model->key_count; key++)
        held += model->slots[key].allowed[0] != NULL;
    return held;
}

static bool do_number(struct labour *it, const struct op *op)
{
    if (op_is_work(op->kind)) it->account->operations++;
    if (it->outage && op_is_work(op->kind) && outage_strikes(it->outage, it->number))
        return do_with_cut(it, op);
    return record(it, op, NULL) && do_op(it, op);
}

static bool do_all(struct labour *it)
{
    const struct script *script = it->rig->script;
    const struct outage trials = {.cuts = TRIALS, .of = script->op_count};
    bool fine = rig_start(it->rig);
    for (uint32_t i = 0; fine && i < script->op_count; i++) {
        it->number = i;
        fine = do_number(it, &script->ops[i]);
        if (fine && outage_strikes(&trials, i)) try_mount(it);
    }
    fine = fine && mount_once(it) && rig_look(it->rig, ground(it)->object);
    if (fine) it->account->held = count_held(it);
    return fine;
}

bool account_work(struct account *account, struct rig *rig, const struct outage *outage,
                  struct script *done)
{
    struct labour it = {.account = account, .rig = rig, .outage = outage, .done = done};
    *account = (struct account){0};
    bool fine = do_all(&it);
    account->refused = rig->refusals.count;
    account->wear = wear_of(rig);
    account->lifetime_ns = wear_lifetime_ns(rig, &account->wear);
    return fine;
}

uint64_t account_cuts(const struct account *account)
{
    return account->cuts.in_program + account->cuts.in_erase + account->cuts.behind;
}
