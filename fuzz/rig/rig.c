/* rig.c - levels, engine calls, power-on: what is the same for every kind of engine.
 *
 * An engine call stands between rig_before() and rig_after(). The first gives the chip its fuel,
 * the bound of the call; the second asks the chip whether a rule was broken or the fuel used up,
 * and counts what the call cost.
 *
 * rig_recover() is power-on as the harness sees it. The engine object is filled with junk and
 * mounted; everything is read back and judged, which settles what the cut left open in the model; a
 * second object, over other junk, is mounted on the same chip and must show the same (in a sample
 * of the states where the first mount wrote nothing). If that mount wrote, the flash has moved on,
 * and a third mount must find nothing left to write. Each step ends early when power is cut inside
 * it: the level above judges that.
 *
 * A level keeps a mark of the chip's journal, so leaving it costs what was written on it and no
 * more. The RAM of an engine with globals is kept beside the mark.
 */
#include "fuzz/rig/rig_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/exercise.h"
#include "fuzz/rig/object.h"
#include "fuzz/adapters/globals.h"
#include "fuzz/adapters/pairs.h"
#include "fuzz/script/ask.h"

/* Two patterns, so that a mount that reads its junk answers differently the second time. */
#define JUNK_FIRST 0xA5
#define JUNK_SECOND 0x5A

/* --- making and freeing --- */

static void make_levels(struct rig *rig)
{
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++) {
        struct rig_level *level = &rig->levels[i];
        level->object = object_new(rig->object_size);
        level->second = object_new(rig->object_size);
        if (!rig->adapter->has_globals) continue;
        level->ram = memory_new(globals_size());
        level->ram_at_enter = memory_new(globals_size());
    }
}

/* As fuel. Where the engine states nothing: enough for any honest design, and yet an end. */
static uint64_t fuel_of(const struct rig *rig, uint64_t stated)
{
    if (stated == ADAPTER_NO_CALL) return 0;
    return stated ? stated : 64 * (bo_flash_size(chip_flash(rig->chip)) + 4096);
}

static void set_bounds(struct rig *rig, struct adapter_bound bounds[ADAPTER_CALLS], bool uncut)
{
    const struct bo_flash_geometry *geometry = &chip_flash(rig->chip)->geometry;
    for (int i = ADAPTER_CALL_MOUNT; i < ADAPTER_CALLS; i++) {
        enum adapter_call call = (enum adapter_call)i;
        struct adapter_bound stated =
            ask_bound(rig->adapter, geometry, &rig->settings, call, uncut);
        bounds[i] = (struct adapter_bound){.reads = fuel_of(rig, stated.reads),
                                           .changes = fuel_of(rig, stated.changes)};
    }
}

static void make_parts(struct rig *rig)
{
    const struct script *script = rig->script;
    rig->chip = chip_new(&script->part);
    assert(rig->chip); /* the geometry was looked at before */
    chip_allow_and(rig->chip, rig->adapter->relies_on_and);
    chip_count_torn(rig->chip, !(rig->widened & ADAPTER_CUT_PROGRAM_FREE));
    const struct bo_flash_geometry *geometry = &chip_flash(rig->chip)->geometry;
    ask_limits(rig->adapter, geometry, &rig->settings, &rig->key_size_min, &rig->key_size_max,
               &rig->value_size_max);
    rig->object_size = ask_object_size(rig->adapter, geometry, &rig->settings);
    rig->value_size_min = ask_value_size_min(rig->adapter, &rig->settings);
    rig->exercise = exercise_new(script, rig->adapter, &rig->settings);
    rig->buffer = memory_new(CONTRACT_LEVELS * ((size_t)rig->value_size_max + 1));
    rig_hand_make(rig);
    set_bounds(rig, rig->bounds, false);
    set_bounds(rig, rig->bounds_uncut, true);
    make_levels(rig);
    rig->kind->make(rig);
}

struct rig *rig_new(const struct script *script, const struct adapter *adapter,
                    const struct adapter_settings *settings)
{
    assert(adapter->kind == ADAPTER_MAP ? adapter->map != NULL : adapter->list != NULL);
    struct rig *rig = memory_zeroed(1, sizeof *rig);
    rig->script = script;
    rig->adapter = adapter;
    rig->settings = *settings;
    rig->widened = ask_widened(adapter, &script->part.geometry, settings);
    rig->kind = adapter->kind == ADAPTER_MAP ? &rig_map : &rig_list;
    make_parts(rig);
    rig_set_faults(rig, script->faults);
    return rig;
}

/* --- what a bit that rots may hit --- */

static bool is_same(const struct chip_hash *a, const struct chip_hash *b)
{
    return a->low == b->low && a->high == b->high;
}

/* At level 0 alone: elsewhere there would be much to take back. What is programmed into a sector
 * that was hit is in doubt, until no such sector is left. */
static void note_touched(struct rig *rig)
{
    uint32_t sectors = chip_flash(rig->chip)->geometry.sector_count;
    uint64_t doubted = 0;
    if (!rig->touched || rig->level) return;
    for (uint32_t i = 0; i < sectors; i++) {
        struct touch *touch = &rig->touched[i];
        struct touch now = {chip_sector_hash(rig->chip, i), chip_erased_at(rig->chip, i),
                            rig->calls, false};
        now.hit = touch->hit && now.erased_at == touch->erased_at;
        if (!is_same(&now.hash, &touch->hash) || now.erased_at != touch->erased_at) *touch = now;
        if (touch->hit && touch->call > doubted) doubted = touch->call;
    }
    rig_here(rig)->doubted = doubted;
}

/* The last call that changed the sector; where that is not known, the last one of all: what the
 * explorer does after a cut of its own is not watched. */
static uint64_t touched_at(const struct rig *rig, uint32_t sector)
{
    assert(sector < chip_flash(rig->chip)->geometry.sector_count);
    return rig->touched && rig->level == 0 ? rig->touched[sector].call : UINT64_MAX;
}

/* All sectors are compared after each call: with more of them that takes too long. */
#define TOUCHED_SECTORS_MAX 4096u

static bool script_rots(const struct script *script)
{
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        if (op->kind == OP_ROT) return true;
        if (op->cut.nth && fault_class_of(&op->cut.tear) == FAULT_STRAY) return true;
    }
    return false;
}

/* Whether bits may rot, or strays hit, and it can be known which values may lie there. */
static bool watches(const struct rig *rig)
{
    bool damages = rig->faults & (FAULT_ROT | FAULT_STRAY) || script_rots(rig->script);
    return damages && chip_flash(rig->chip)->geometry.sector_count <= TOUCHED_SECTORS_MAX;
}

static void watch_touched(struct rig *rig)
{
    uint32_t sectors = chip_flash(rig->chip)->geometry.sector_count;
    bool wanted = watches(rig);
    free(rig->touched);
    free(rig->touched_saved);
    rig->touched = wanted ? memory_zeroed(sectors, sizeof *rig->touched) : NULL;
    rig->touched_saved = wanted ? memory_zeroed(sectors, sizeof *rig->touched) : NULL;
}

/* A rehearsal at level 0 is not part of the history. */
static void copy_touched(const struct rig *rig, struct touch *to, const struct touch *from)
{
    assert(!rig->touched == !rig->touched_saved);
    uint32_t sectors = chip_flash(rig->chip)->geometry.sector_count;
    if (rig->touched && rig->level == 0) memcpy(to, from, sectors * sizeof *to);
}

/* Rules that are waived are not enforced. */
static void waive(struct rig *rig)
{
    uint32_t rules = rig->script->waivers.rules;
    if (rules & 1u << CHIP_RULE_SET_BIT) chip_allow_and(rig->chip, true);
    if (rules & 1u << CHIP_RULE_REPROGRAM) chip_allow_reprogram(rig->chip, true);
    if (rules & 1u << CHIP_RULE_UNPROVEN) chip_require_proof(rig->chip, false);
}

void rig_set_faults(struct rig *rig, uint32_t faults)
{
    rig->faults = faults;
    watch_touched(rig);
    rig->design.tail_open = (rig->widened & ADAPTER_TAIL_OPEN) && (faults & FAULT_WEAK);
    chip_require_proof(rig->chip, (faults & FAULT_WEAK) != 0);
    chip_wear_out(rig->chip, (faults & FAULT_ROT) != 0);
    waive(rig);
}

void rig_free(struct rig *rig)
{
    if (!rig) return;
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++) {
        object_free(rig->levels[i].object, rig->object_size);
        object_free(rig->levels[i].second, rig->object_size);
        free(rig->levels[i].ram);
        free(rig->levels[i].ram_at_enter);
        model_free(&rig->levels[i].model);
        model_free(&rig->levels[i].before);
    }
    rig->kind->free(rig);
    exercise_free(rig->exercise);
    chip_free(rig->chip);
    free(rig->touched);
    free(rig->touched_saved);
    free(rig->buffer);
    free(rig->handed);
    free(rig);
}

/* --- RAM of engines with globals --- */

static void keep_ram(uint8_t *ram)
{
    if (ram) globals_save(ram);
}

static void restore_ram(const uint8_t *ram)
{
    if (ram) globals_load(ram);
}

void rig_lend_ram(struct rig *rig)
{
    keep_ram(rig_here(rig)->ram);
}

void rig_take_ram(struct rig *rig)
{
    restore_ram(rig_here(rig)->ram);
}

/* --- checking --- */

void rig_check(const struct rig *rig)
{
    assert(rig->level < CONTRACT_LEVELS);
    for (uint32_t i = 0; i < CONTRACT_LEVELS; i++) {
        const struct rig_level *level = &rig->levels[i];
        assert(level->object && level->second && level->object != level->second);
        assert(!level->ram == !rig->adapter->has_globals && !level->ram == !level->ram_at_enter);
        assert(model_is_map(&level->model) == (rig->adapter->kind == ADAPTER_MAP));
        assert(level->model.key_count == rig->levels[0].model.key_count);
        assert(level->before.key_count == level->model.key_count);
        if (i < rig->level) assert(level->mark != 0 && "a level was entered by a mark");
        if (i > 0 && i < rig->level) assert(level[-1].mark < level->mark && "marks nest");
    }
    assert(!rig->design.tail_open || rig->faults & FAULT_WEAK);
    assert(!rig->touched || watches(rig));
    assert(!rig->keys == (rig->adapter->kind != ADAPTER_MAP) && !rig->keys == !rig->views);
    assert(!rig->sights == (rig->adapter->kind == ADAPTER_MAP));
    assert(rig->levels[rig->level].reached <= rig->script->op_count);
    assert(rig->levels[rig->level].keys_reached <= rig->script->key_count);
    model_check_call(&rig->levels[rig->level].model);
}

static void check_call(const struct rig *rig)
{
#ifdef BO_CHECKS
    rig_check(rig);
#else
    (void)rig;
#endif
}

/* --- levels --- */

void *rig_object(struct rig *rig)
{
    return rig_here(rig)->object;
}

struct model *rig_model(struct rig *rig)
{
    return &rig_here(rig)->model;
}

void rig_enter(struct rig *rig)
{
    struct rig_level *here = rig_here(rig);
    assert(rig->level + 1 < CONTRACT_LEVELS);
    here->mark = chip_set_mark(rig->chip);
    keep_ram(here->ram_at_enter);
    here->call = rig->call;
    here->own = rig->own;
    here->rotten = rig->rotten;
    here->interrupted = rig->interrupted;
    rig->level++;
    model_copy(rig_model(rig), &here->model);
    rig_here(rig)->reached = here->reached;
    rig_here(rig)->keys_reached = here->keys_reached;
    rig_here(rig)->power_ons = here->power_ons;
    rig_here(rig)->doubted = here->doubted;
    check_call(rig);
}

/* The call that was cut goes on: what it does now is charged to it. */
static void restore_call(struct rig *rig)
{
    rig->call = rig_here(rig)->call;
    rig->own = rig_here(rig)->own;
    pulse_now->call = rig->call;
}

void rig_leave(struct rig *rig)
{
    assert(rig->level > 0);
    rig->level--;
    restore_ram(rig_here(rig)->ram_at_enter);
    restore_call(rig);
    rig->rotten = rig_here(rig)->rotten;
    rig->interrupted = rig_here(rig)->interrupted;
    chip_rollback(rig->chip, rig_here(rig)->mark);
    check_call(rig);
}

/* Whether something was programmed since into a sector that was hit. Above level 0 it is not noted
 * which call did that. */
static bool has_moved(const struct rig *rig)
{
    uint32_t sectors = chip_flash(rig->chip)->geometry.sector_count;
    for (uint32_t i = 0; i < sectors; i++) {
        const struct touch *touch = &rig->touched[i];
        struct chip_hash now = chip_sector_hash(rig->chip, i);
        if (touch->hit && chip_erased_at(rig->chip, i) == touch->erased_at &&
            !is_same(&now, &touch->hash))
            return true;
    }
    return false;
}

/* What was hit may be missing whatever a look has shown, for an engine may have had it in RAM, or
 * meet the damage later. So may be what this operation has put in, and what it, or a power-on, has
 * moved there. */
static void doubt_again(struct rig *rig)
{
    struct rig_level *here = rig_here(rig);
    if (rig->level && rig->rotten && rig->touched && !here->doubted && has_moved(rig))
        here->doubted = UINT64_MAX;
    if (here->doubted) model_doubt(&here->model, here->doubted);
}

void rig_lose_power(struct rig *rig)
{
    model_cut(rig_model(rig), rig->chip);
    if (rig->level && rig_here(rig)->doubted) rig_here(rig)->doubted = UINT64_MAX;
    doubt_again(rig);
}

void rig_adopt(struct rig *rig)
{
    assert(rig->level > 0);
    model_copy(&rig->levels[rig->level - 1].model, rig_model(rig));
}

void rig_save(struct rig *rig)
{
    rig_enter(rig);
    rig->level--;
    memcpy(rig->levels[rig->level + 1].object, rig_object(rig), rig->object_size);
    copy_touched(rig, rig->touched_saved, rig->touched);
}

void rig_restore(struct rig *rig)
{
    assert(rig->level + 1 < CONTRACT_LEVELS && rig_here(rig)->mark != 0);
    const struct rig_level *saved = &rig->levels[rig->level + 1];
    memcpy(rig_object(rig), saved->object, rig->object_size);
    model_copy(rig_model(rig), &saved->model);
    rig_here(rig)->reached = saved->reached;
    rig_here(rig)->keys_reached = saved->keys_reached;
    rig_here(rig)->power_ons = saved->power_ons;
    rig_here(rig)->doubted = saved->doubted;
    rig->level++;
    rig_leave(rig);
    copy_touched(rig, rig->touched, rig->touched_saved);
}

void rig_keep(struct rig *rig)
{
    assert(rig_here(rig)->mark != 0);
    chip_release(rig->chip, rig_here(rig)->mark);
}

/* --- findings --- */

/* What an engine keeps where the harness does not know of it outlives power-off: then every verdict
 * on it is nonsense. */
static bool keeps_to_its_object(struct rig *rig)
{
    return rig->adapter->has_globals || !globals_changed(rig->adapter) ||
           rig_finds(
               rig, CLAUSE_SCENARIO, SEEN_UNKNOWN,
               "%s: expected no change of its global memory, a call changed it; set has_globals",
               rig->adapter->name);
}

bool rig_finds(struct rig *rig, enum clause clause, enum seen seen, const char *format, ...)
{
    assert(clause > CLAUSE_NONE && clause < CLAUSES && seen < SEENS);
    assert(seen != SEEN_RULE || chip_breach(rig->chip)->rule != CHIP_RULE_KEPT);
    if (rig->finding.clause != CLAUSE_NONE) return false; /* the first one counts */
    if (clause != CLAUSE_SCENARIO && !keeps_to_its_object(rig)) return false;
    rig->finding =
        (struct finding){.clause = clause, .seen = seen, .call = rig->call, .own = rig->own};
    if (seen == SEEN_RULE) rig->finding.rule = (uint32_t)chip_breach(rig->chip)->rule;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(rig->finding.text, sizeof rig->finding.text, format, arguments);
    va_end(arguments);
    return false;
}

bool rig_goes_on(struct rig *rig)
{
    assert(rig->finding.clause != CLAUSE_NONE);
    if (!waiver_covers(&rig->script->waivers, rig->finding.clause)) return false;
    rig->finding.clause = CLAUSE_NONE;
    rig->waived++;
    return true;
}

enum seen rig_seen_of(enum answer answer)
{
    return answer == ANSWER_DAMAGED ? SEEN_DAMAGED : SEEN_REFUSED;
}

const char *rig_bytes_text(const uint8_t *bytes, uint32_t size, char text[RIG_TEXT_MAX])
{
    bool plain = size > 0 && size < RIG_TEXT_MAX - 8;
    if (size == 0) {
        snprintf(text, RIG_TEXT_MAX, "empty");
        return text;
    }
    for (uint32_t i = 0; i < size && plain; i++)
        plain = bytes[i] > ' ' && bytes[i] < 0x7F;
    if (plain) {
        snprintf(text, RIG_TEXT_MAX, "%.*s", (int)size, (const char *)bytes);
        return text;
    }
    int length = snprintf(text, RIG_TEXT_MAX, "0x");
    for (uint32_t i = 0; i < size && i < 8; i++)
        length += snprintf(text + length, (size_t)(RIG_TEXT_MAX - length), "%02x", bytes[i]);
    if (size > 8)
        snprintf(text + length, (size_t)(RIG_TEXT_MAX - length), ".. (%" PRIu32 " bytes)", size);
    return text;
}

const char *rig_value_text(const struct value *value, char text[RIG_TEXT_MAX])
{
    return value ? rig_bytes_text(value->bytes, value->size, text) : "absent";
}

const char *rig_answer_name(enum answer answer)
{
    static const char *const names[] = {"ok",          "not found", "full",        "too big",
                                        "unsupported", "damaged",   "flash error", "panic"};
    return (unsigned)answer < sizeof names / sizeof *names ? names[answer] : "no answer at all";
}

/* --- every engine call --- */

bool rig_is_off(const struct rig *rig)
{
    return !chip_powered(rig->chip);
}

void rig_note_call(struct rig *rig, enum adapter_call call)
{
    assert(call < ADAPTER_CALLS);
    rig->call = call;
    rig->own = false;
    rig_hand_nothing(rig);
    rig->then = *chip_counters(rig->chip);
    pulse_enter_engine(call);
}

static bool has_strayed(const struct rig *rig)
{
    return chip_counters(rig->chip)->strayed > rig->then.strayed;
}

/* A program or erase failed, was not done though it answered OK, or hit what is beside it: who
 * reads back what it wrote knows of all three. */
static bool change_failed(const struct rig *rig)
{
    const struct chip_counters *now = chip_counters(rig->chip);
    return now->failed > rig->then.failed || now->lied > rig->then.lied || has_strayed(rig);
}

bool rig_read_wrong(const struct rig *rig)
{
    return chip_counters(rig->chip)->glitched > rig->then.glitched;
}

/* Reads failed in the last call, and no other one went wrong: what is there is as it was. */
static bool only_unread(const struct rig *rig)
{
    const struct chip_counters *now = chip_counters(rig->chip);
    uint64_t unread = now->unread - rig->then.unread;
    assert(unread <= now->glitched - rig->then.glitched);
    return unread && unread == now->glitched - rig->then.glitched && !change_failed(rig);
}

bool rig_flash_failed(const struct rig *rig)
{
    return change_failed(rig) || rig_read_wrong(rig);
}

bool rig_read_failed(const struct rig *rig, enum answer answer)
{
    if (answer == ANSWER_DAMAGED) return rig_read_wrong(rig);
    return answer == ANSWER_FLASH && rig_flash_failed(rig);
}

bool rig_change_failed(const struct rig *rig, enum answer answer)
{
    return answer != ANSWER_OK && (change_failed(rig) || rig_read_failed(rig, answer));
}

void rig_note_return(void)
{
    pulse_go(PULSE_HARNESS);
}

bool rig_is_uncut(const struct rig *rig)
{
    return rig->level == 0 && !rig->interrupted;
}

bool rig_is_sound(const struct rig *rig)
{
    return rig_is_uncut(rig) && !rig->rotten && !(rig->faults & FAULT_ROT);
}

/* Of a call that is made now. */
static const struct adapter_bound *bound_of(const struct rig *rig, enum adapter_call call)
{
    return rig_is_sound(rig) ? &rig->bounds_uncut[call] : &rig->bounds[call];
}

void rig_grant(struct rig *rig, enum adapter_call call)
{
    const struct adapter_bound *bound = bound_of(rig, call);
    chip_set_fuel(rig->chip, bound->reads, bound->changes);
}

void rig_before(struct rig *rig, enum adapter_call call)
{
    assert(chip_powered(rig->chip) && "no engine runs without power");
    rig_grant(rig, call);
    chip_watch(rig->chip, rig->design.ring);
    model_set_now(rig_model(rig), ++rig->calls);
    check_call(rig);
    rig_note_call(rig, call);
}

void rig_add_spent(struct chip_counters *sum, const struct chip_counters *then,
                   const struct chip_counters *now)
{
    sum->reads += now->reads - then->reads;
    sum->programs += now->programs - then->programs;
    sum->erases += now->erases - then->erases;
    sum->bytes_read += now->bytes_read - then->bytes_read;
    sum->bytes_programmed += now->bytes_programmed - then->bytes_programmed;
    sum->time_ns += now->time_ns - then->time_ns;
}

static void keep_worst(struct rig *rig, enum adapter_call call)
{
    const struct chip_counters *then = &rig->then, *now = chip_counters(rig->chip);
    struct adapter_bound *worst = &rig->worst[call];
    uint64_t reads = now->reads - then->reads;
    uint64_t changes = now->programs - then->programs + now->erases - then->erases;
    if (reads > worst->reads) worst->reads = reads;
    if (changes > worst->changes) worst->changes = changes;
}

void rig_print_bound(const struct rig *rig, enum adapter_call call, char text[RIG_BOUND_MAX])
{
    assert(chip_breach(rig->chip)->rule == CHIP_RULE_FUEL);
    bool reads = chip_breach(rig->chip)->op.kind == CHIP_READ;
    const struct adapter_bound *bound = bound_of(rig, call);
    snprintf(text, RIG_BOUND_MAX, "expected at most %" PRIu64 " %s in one call, got more",
             reads ? bound->reads : bound->changes, reads ? "reads" : "programs and erases");
}

bool rig_is_sane(struct rig *rig, enum adapter_call call, enum answer answer)
{
    if (answer != ANSWER_PANIC || rig_is_off(rig)) return true;
    const char *text = rig->adapter->panic ? rig->adapter->panic() : NULL;
    return rig_finds(rig, CLAUSE_SANE, SEEN_CRASH, "%s panics%s%s", adapter_call_name(call),
                     text ? ": " : "", text ? text : "");
}

/* Whether an answer does not make damage of a read that failed, where the adapter promises that.
 * What rotted, or a format that was cut, is damage whatever failed besides. */
static bool tells_flash(struct rig *rig, enum adapter_call call, enum answer answer)
{
    bool promised = rig->adapter->promised & ADAPTER_TELLS_FLASH;
    bool other =
        rig->rotten || rig_model(rig)->formatting || rig->faults & (FAULT_ECC | FAULT_WEAK);
    if (!promised || answer != ANSWER_DAMAGED || other || !only_unread(rig)) return true;
    rig_finds(rig, CLAUSE_HONEST, SEEN_DAMAGED,
              "%s: a read failed; expected ok or a flash error, got damaged",
              adapter_call_name(call));
    return rig_goes_on(rig);
}

/* Values that may lie in a sector that was hit: those that were put in up to this call. */
static void doubt(struct rig *rig, uint64_t since)
{
    struct rig_level *here = rig_here(rig);
    assert(since == UINT64_MAX || since <= rig->calls);
    rig->rotten = true;
    if (since > here->doubted) here->doubted = since;
    model_doubt(&here->model, here->doubted);
}

/* A stray of the call that has come to its end. What the call itself put in is hit where it had
 * changed the sector by then. */
static void note_stray(struct rig *rig)
{
    const struct chip_stray *hit = chip_strayed(rig->chip);
    uint32_t sector = hit->address / chip_flash(rig->chip)->geometry.sector_size;
    uint64_t since = touched_at(rig, sector);
    assert(has_strayed(rig) && hit->address < bo_flash_size(chip_flash(rig->chip)));
    if (since != UINT64_MAX) {
        struct touch *touch = &rig->touched[sector];
        bool changed = hit->before.low != touch->hash.low || hit->before.high != touch->hash.high ||
                       hit->erased_at != touch->erased_at;
        if (changed) since = rig->calls;
        *touch = (struct touch){hit->after, hit->erased_at, since, true};
    }
    doubt(rig, since);
}

/* What a call cost and left, whether it came to its end or not. */
static void note_spent(struct rig *rig, enum adapter_call call)
{
    rig_add_spent(&rig->spent[call], &rig->then, chip_counters(rig->chip));
    keep_worst(rig, call);
    note_touched(rig);
    check_call(rig);
}

bool rig_stays_inside(struct rig *rig, enum adapter_call call)
{
    void *object = rig_object(rig), *second = rig_here(rig)->second;
    if (object_is_whole(object, rig->object_size) && object_is_whole(second, rig->object_size))
        return rig_hand_is_whole(rig, call) || rig_goes_on(rig);
    object_mend(object, rig->object_size);
    object_mend(second, rig->object_size);
    return rig_finds(rig, CLAUSE_SANE, SEEN_EXTRA, "%s writes outside of its object of %zu bytes",
                     adapter_call_name(call), rig->object_size);
}

/* What holds after each call of any kind. */
bool rig_after(struct rig *rig, enum adapter_call call, enum answer answer)
{
    const struct chip_breach *breach = chip_breach(rig->chip);
    char text[RIG_BOUND_MAX];
    assert(call == rig->call && "it ends as the call that began");
    rig_note_return();
    if (has_strayed(rig)) note_stray(rig);
    note_spent(rig, call);
    if (!rig_stays_inside(rig, call)) return false;
    if (breach->rule == CHIP_RULE_KEPT)
        return rig_is_sane(rig, call, answer) && tells_flash(rig, call, answer);
    if (breach->rule == CHIP_RULE_FUEL) {
        rig_print_bound(rig, call, text);
        return rig_finds(rig, CLAUSE_BOUNDED, SEEN_ENDLESS, "%s", text);
    }
    static const char *const kinds[] = {
        [CHIP_PROGRAM] = "program", [CHIP_ERASE] = "erase", [CHIP_READ] = "read"};
    return rig_finds(rig, CLAUSE_LAWFUL, SEEN_RULE, "%s: %s of %" PRIu32 " bytes at 0x%" PRIx32,
                     chip_rule_name(breach->rule), kinds[breach->op.kind], breach->op.size,
                     breach->op.address);
}

void rig_next_power_on(struct rig *rig)
{
    rig_here(rig)->power_ons++;
}

/* The first power-on is that of the first of two, and so is what comes before it. */
static enum beside_side side_after(uint32_t power_ons)
{
    return power_ons && power_ons % 2 == 0 ? BESIDE_SECOND : BESIDE_FIRST;
}

const char *rig_whose(const struct rig *rig, uint32_t more)
{
    uint32_t power_ons = rig->levels[rig->level].power_ons + more;
    assert(power_ons >= more);
    const struct adapter *side = pairs_side(rig->adapter, side_after(power_ons));
    return side ? side->name : NULL;
}

/* The second object of a power-on is that of the other one: what a roll back would find. */
void rig_fill_junk(struct rig *rig, void *object, size_t size, int junk)
{
    enum beside_side side = side_after(rig_here(rig)->power_ons);
    if (object == rig_here(rig)->second) side = side == BESIDE_FIRST ? BESIDE_SECOND : BESIDE_FIRST;
    assert(object && size > 0);
    memset(object, junk, size);
    pairs_power_on(rig->adapter, object, side);
}

static void wipe(struct rig *rig, void *object, int junk)
{
    assert(object == rig_object(rig) || object == rig_here(rig)->second);
    rig_fill_junk(rig, object, rig->object_size, junk);
}

bool rig_wipe_ram(struct rig *rig, void *object, int junk)
{
    wipe(rig, object, junk);
    if (rig->adapter->has_globals) globals_wipe();
    return keeps_to_its_object(rig);
}

/* The engine makes a new store of what the chip holds. How many flash calls that takes is not
 * stated, and they are none of the mount. */
static bool reset(struct rig *rig, enum answer *answer)
{
    struct adapter_bound worst = rig->worst[ADAPTER_CALL_MOUNT];
    void *object = rig_object(rig), *context;
    chip_hook *hook = chip_hook_of(rig->chip, &context);
    if (!rig_wipe_ram(rig, object, JUNK_FIRST)) return false;
    rig_before(rig, ADAPTER_CALL_MOUNT);
    chip_set_fuel(rig->chip, CHIP_FUEL_ENDLESS, CHIP_FUEL_ENDLESS);
    chip_set_hook(rig->chip, NULL, NULL);
    *answer = rig->adapter->reset(object, chip_flash(rig->chip), &rig->settings);
    chip_set_hook(rig->chip, hook, context);
    bool fine = rig_after(rig, ADAPTER_CALL_MOUNT, *answer);
    rig->worst[ADAPTER_CALL_MOUNT] = worst;
    return fine;
}

/* Off and on. */
static void power_cycle(struct rig *rig)
{
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
}

/* The engine makes a new store, and power may be cut meanwhile. */
static bool format(struct rig *rig)
{
    void *object = rig_object(rig);
    if (!rig_wipe_ram(rig, object, JUNK_FIRST)) return false;
    rig_before(rig, ADAPTER_CALL_FORMAT);
    enum answer answer = rig->adapter->reset(object, chip_flash(rig->chip), &rig->settings);
    if (!rig_after(rig, ADAPTER_CALL_FORMAT, answer)) return false;
    if (rig_is_off(rig)) return true;
    if (answer != ANSWER_OK && rig_flash_failed(rig)) return power_cycle(rig), format(rig);
    if (answer != ANSWER_OK)
        return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(answer), "format: expected ok, got %s",
                         rig_answer_name(answer));
    model_commit(rig_model(rig), &(struct op){.kind = OP_FORMAT});
    return true;
}

bool rig_formats_again(struct rig *rig, enum answer answer)
{
    if (!rig_model(rig)->formatting) return false;
    if (answer == ANSWER_OK) return rig->widened & ADAPTER_FORMAT_MAY_STOP;
    return answer == ANSWER_DAMAGED;
}

/* A power-on in which a call of the flash failed or went wrong may answer an error: the device
 * tries again. After a stray it does so whatever the answer, for what was hit may be in RAM. */
static bool mount_into(struct rig *rig, void *object, int junk)
{
    if (!rig_wipe_ram(rig, object, junk)) return false;
    rig->mounts++;
    rig_before(rig, ADAPTER_CALL_MOUNT);
    enum answer answer = rig->adapter->mount(object, chip_flash(rig->chip), &rig->settings);
    if (!rig_after(rig, ADAPTER_CALL_MOUNT, answer)) return false;
    if (rig_is_off(rig)) return true;
    if (has_strayed(rig) || (answer != ANSWER_OK && rig_flash_failed(rig)))
        return power_cycle(rig), mount_into(rig, object, junk);
    if (rig_formats_again(rig, answer))
        return format(rig) && (rig_is_off(rig) || mount_into(rig, object, junk));
    rig_model(rig)->formatting = false;
    if (answer == ANSWER_OK) return true;
    return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(answer), "mount: expected ok, got %s",
                     rig_answer_name(answer));
}

/* --- operations --- */

void rig_print_refusal(const struct rig *rig, char text[RIG_REFUSAL_MAX])
{
    const struct refusals *refused = &rig->refusals;
    text[0] = 0;
    if (refused->count)
        snprintf(text, RIG_REFUSAL_MAX, "line %" PRIu32 ": %s answers %s", refused->line,
                 op_name(refused->kind), rig_answer_name(refused->answer));
}

/* Bits flip at rest. What they hit may be reported missing from now on. */
static void rot(struct rig *rig, const struct op *op)
{
    uint64_t bits = bo_flash_size(chip_flash(rig->chip)) * 8, since = 0;
    uint32_t sector_size = chip_flash(rig->chip)->geometry.sector_size;
    uint64_t state = op->seed;
    for (uint32_t i = 0; i < op->count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t bit = (state >> 16) % bits;
        uint32_t sector = (uint32_t)(bit / 8 / sector_size);
        uint64_t touched = touched_at(rig, sector);
        chip_flip(rig->chip, (uint32_t)(bit / 8), (unsigned)(bit % 8));
        if (touched > since) since = touched;
        if (touched == UINT64_MAX) continue;
        rig->touched[sector].hash = chip_sector_hash(rig->chip, sector);
        rig->touched[sector].hit = true;
    }
    doubt(rig, since);
}

void rig_refused(struct rig *rig, const struct op *op, enum answer answer)
{
    assert(answer != ANSWER_OK);
    if (rig->refusals.count++ == 0)
        rig->refusals = (struct refusals){1, op->line, op->kind, answer};
}

bool rig_lacks(struct rig *rig, const struct op *op, enum answer *answer)
{
    assert((op_is_work(op->kind) || op->kind == OP_RESET) && !rig_is_off(rig));
    *answer = ANSWER_UNSUPPORTED;
    rig_refused(rig, op, *answer);
    return true;
}

bool rig_may_refuse(struct rig *rig, const struct op *op, enum answer answer)
{
    bool absent = answer == ANSWER_NOT_FOUND && op_has_value(op->kind);
    bool healthy = rig_is_sound(rig) && chip_counters(rig->chip)->refused == 0;
    bool broken = healthy && (answer == ANSWER_FLASH || answer == ANSWER_DAMAGED);
    assert(answer != ANSWER_OK && !rig_is_off(rig));
    if (!absent && !broken) return true;
    return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(answer),
                     "%s: expected ok, or that it is full, too big or unsupported, got %s%s",
                     op_name(op->kind), rig_answer_name(answer),
                     broken ? " though no call of the flash failed" : "");
}

bool rig_worked(const struct op *op, enum answer answer)
{
    bool takes = op->kind == OP_REMOVE || op->kind == OP_POP || op->kind == OP_DESTROY ||
                 op->kind == OP_DESTROY_ALL;
    return answer == ANSWER_OK || (takes && answer == ANSWER_NOT_FOUND);
}

bool rig_misfits(struct rig *rig, const struct op *op)
{
    return rig_finds(rig, CLAUSE_SCENARIO, SEEN_UNKNOWN, "%s is no operation of %s, a %s",
                     op_name(op->kind), rig->adapter->name, adapter_kind_name(rig->adapter->kind));
}

/* Up to where the history is known: a later operation may put in the same bytes again. */
static void reach(struct rig *rig, const struct op *op)
{
    struct rig_level *here = rig_here(rig);
    const struct script *script = rig->script;
    if (op < script->ops || op >= script->ops + script->op_count) return;
    uint32_t count = (uint32_t)(op - script->ops) + 1;
    if (count > here->reached) here->reached = count;
    if (op_has_key(op->kind) && op->key >= here->keys_reached) here->keys_reached = op->key + 1;
    assert(here->reached <= script->op_count && here->keys_reached <= script->key_count);
}

enum adapter_call rig_call_of(enum op_kind kind)
{
    static const uint8_t calls[OP_KINDS] = {
        [OP_STORE] = ADAPTER_CALL_STORE,     [OP_FETCH] = ADAPTER_CALL_FETCH,
        [OP_REMOVE] = ADAPTER_CALL_REMOVE,   [OP_CLEAR] = ADAPTER_CALL_CLEAR,
        [OP_PUSH] = ADAPTER_CALL_PUSH,       [OP_APPEND] = ADAPTER_CALL_PUSH,
        [OP_POP] = ADAPTER_CALL_POP,         [OP_PEEK] = ADAPTER_CALL_PEEK,
        [OP_READ] = ADAPTER_CALL_READ,       [OP_SYNC] = ADAPTER_CALL_SYNC,
        [OP_SEAL] = ADAPTER_CALL_SYNC,       [OP_IDLE] = ADAPTER_CALL_SYNC,
        [OP_BEGIN] = ADAPTER_CALL_BEGIN,     [OP_COMMIT] = ADAPTER_CALL_COMMIT,
        [OP_ABORT] = ADAPTER_CALL_ABORT,     [OP_SNAPSHOT] = ADAPTER_CALL_OPEN,
        [OP_CLOSE] = ADAPTER_CALL_CLOSE,     [OP_SCAN] = ADAPTER_CALL_SCAN,
        [OP_SCAN_ALL] = ADAPTER_CALL_SCAN,   [OP_COLLECT] = ADAPTER_CALL_COLLECT,
        [OP_DESTROY] = ADAPTER_CALL_DESTROY, [OP_DESTROY_ALL] = ADAPTER_CALL_DESTROY,
        [OP_FORMAT] = ADAPTER_CALL_FORMAT,
    };
    assert(kind < OP_KINDS);
    return (enum adapter_call)calls[kind];
}

/* What was there is gone, whatever it was. */
static bool reset_store(struct rig *rig, const struct op *op, enum answer *answer)
{
    struct rig_level *level = rig_here(rig);
    if (!rig->adapter->reset) return rig_lacks(rig, op, answer);
    power_cycle(rig);
    rig_next_power_on(rig);
    model_begin(&level->model, &(struct op){.kind = OP_CLEAR}, &level->before);
    if (!reset(rig, answer)) return false;
    if (*answer != ANSWER_OK)
        return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(*answer), "reset: expected ok, got %s",
                         rig_answer_name(*answer));
    model_commit(&level->model, &(struct op){.kind = OP_CLEAR});
    return rig_recover(rig);
}

/* Whether the device goes on with what it has in RAM. Not after a call of the flash that failed or
 * did something else than it answered: then it looks at the flash anew. */
static bool goes_on_formatted(const struct rig *rig)
{
    return (rig->adapter->promised & ADAPTER_RESET_MOUNTS) && rig_is_uncut(rig) && !rig->rotten &&
           !rig_flash_failed(rig);
}

/* The same, but power may be cut in it. */
static bool format_store(struct rig *rig, const struct op *op, enum answer *answer)
{
    struct rig_level *level = rig_here(rig);
    if (!rig->adapter->reset) return rig_lacks(rig, op, answer);
    power_cycle(rig);
    rig_next_power_on(rig);
    model_lose_ram(&level->model);
    model_begin(&level->model, op, &level->before);
    if (!format(rig)) return false;
    if (rig_is_off(rig)) return true;
    if (!goes_on_formatted(rig)) return rig_recover(rig);
    return rig->kind->look(rig, level->object, true);
}

/* Where something was hit, it settles nothing: what RAM shows a power-on may miss, and what is
 * missing one may find in an older place. */
static bool look_once(struct rig *rig)
{
    struct rig_level *here = rig_here(rig);
    assert(!here->doubted || rig->rotten);
    if (here->doubted) model_copy(&here->before, &here->model);
    bool fine = rig->kind->look(rig, here->object, false);
    if (here->doubted) model_copy(&here->model, &here->before);
    return fine;
}

static bool call(struct rig *rig, const struct op *op, enum answer *answer)
{
    switch (op->kind) {
    case OP_LOOK:
        if (op->snapshot) return rig->kind->call(rig, op, answer);
        return look_once(rig);
    case OP_MOUNT:
        power_cycle(rig);
        return rig_recover(rig);
    case OP_BOOT:
        power_cycle(rig);
        return rig_boot(rig);
    case OP_RESET:
        return reset_store(rig, op, answer);
    case OP_FORMAT:
        return format_store(rig, op, answer);
    case OP_ROT:
        rot(rig, op);
        return true;
    default:
        return rig->kind->call(rig, op, answer);
    }
}

bool rig_call(struct rig *rig, const struct op *op, enum answer *answer)
{
    enum answer ignored;
    assert(op->kind != OP_USE && "rig_use() knows whether it must succeed");
    reach(rig, op);
    if (op->cut.tear.powered) rig->interrupted = true;
    if (!answer) answer = &ignored;
    *answer = ANSWER_OK;
    bool fine = call(rig, op, answer);
    doubt_again(rig);
    return fine;
}

/* What a call that failed has left was read since. */
bool rig_finds_failed(struct rig *rig, const struct op *op, enum answer answer)
{
    rig->call = rig_call_of(op->kind);
    return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(answer),
                     "%s: expected ok, as without the cut, got %s", op_name(op->kind),
                     rig_answer_name(answer));
}

bool rig_is_done(struct rig *rig, const struct op *op)
{
    const struct model *model = rig_model(rig);
    return op->kind == OP_STORE && model_is_map(model) &&
           model_match(model, op->key, false, op->value->bytes, op->value->size) >= 0;
}

/* --- power-off --- */

struct rig_exit {
    jmp_buf place;
    struct rig_exit *outer;
    chip_hook *hook; /* that says where power is cut */
    void *context;
};

static const struct tear *ask(void *context, const struct chip_op *op)
{
    struct rig *rig = context;
    struct rig_exit *here = rig->exit;
    const struct tear *tear = here->hook(here->context, op);
    if (!tear) return NULL;
    if (tear->powered) return tear;
    assert(rig->exit == here && "the levels above are left");
    chip_tear(rig->chip, op, tear);
    longjmp(here->place, 1);
}

static void end_exit(struct rig *rig)
{
    chip_set_hook(rig->chip, rig->exit->hook, rig->exit->context);
    rig->exit = rig->exit->outer;
}

bool rig_until_off(struct rig *rig, rig_work *work, void *context)
{
    struct rig_exit here = {.outer = rig->exit};
    here.hook = chip_hook_of(rig->chip, &here.context);
    if (!here.hook) return work(rig, context);
    rig->exit = &here;
    chip_set_hook(rig->chip, ask, rig);
    if (setjmp(here.place)) {
        end_exit(rig);
        note_spent(rig, rig->call);
        rig_lose_power(rig);
        return true;
    }
    bool fine = work(rig, context);
    end_exit(rig);
    return fine;
}

/* --- power-on --- */

/* Another run was done on this rig before. */
static void forget_damage(struct rig *rig)
{
    uint32_t sectors = chip_flash(rig->chip)->geometry.sector_count;
    rig->rotten = rig->interrupted = false;
    rig_here(rig)->doubted = 0;
    if (rig->touched) memset(rig->touched, 0, sectors * sizeof *rig->touched);
}

/* A blank chip as the engine wants it, and a model that holds nothing. */
static bool prepare(struct rig *rig)
{
    struct rig_level *level = rig_here(rig);
    assert(rig->level == 0 && "a chip is blank once, before the run");
    model_reset(&level->model);
    level->reached = level->keys_reached = level->power_ons = 0;
    forget_damage(rig);
    if (rig->adapter->format) {
        wipe(rig, level->object, JUNK_FIRST);
        rig_note_call(rig, ADAPTER_CALL_MOUNT);
        enum answer answer =
            rig->adapter->format(level->object, chip_flash(rig->chip), &rig->settings);
        rig_note_return();
        if (!rig_is_sane(rig, ADAPTER_CALL_MOUNT, answer)) return false;
        if (answer != ANSWER_OK)
            return rig_finds(rig, CLAUSE_ALIVE, rig_seen_of(answer), "format: expected ok, got %s",
                             rig_answer_name(answer));
    }
    return true;
}

bool rig_start(struct rig *rig)
{
    if (!prepare(rig)) return false;
    rig_next_power_on(rig);
    return mount_into(rig, rig_here(rig)->object, JUNK_FIRST);
}

bool rig_begin(struct rig *rig)
{
    const struct script *script = rig->script;
    if (script->op_count && op_powers_on(script->ops[0].kind)) return prepare(rig);
    return rig_start(rig);
}

static uint64_t changes(const struct rig *rig)
{
    const struct chip_counters *counters = chip_counters(rig->chip);
    return counters->programs + counters->erases;
}

/* The second look of a power-on: what it finds lost or half done was there at the first one, so it
 * is the clause settled that is broken. */
static bool look_again(struct rig *rig, void *object)
{
    enum clause before = rig->finding.clause;
    if (rig->kind->look(rig, object, true)) return true;
    if (before == CLAUSE_NONE && rig->finding.clause <= CLAUSE_ATOMIC)
        rig->finding.clause = CLAUSE_SETTLED;
    return false;
}

/* The next power-on shows what the first one showed, and after it nothing is left to write. */
static bool mount_again(struct rig *rig)
{
    uint64_t writes = changes(rig);
    void *second = rig_here(rig)->second;
    if (!mount_into(rig, second, JUNK_SECOND)) return false;
    if (rig_is_off(rig)) return true;
    if (!look_again(rig, second)) return false;
    if (rig_is_off(rig) || changes(rig) == writes) return true;
    writes = changes(rig);
    if (!mount_into(rig, second, JUNK_FIRST)) return false;
    if (rig_is_off(rig) || changes(rig) == writes) return true;
    if (rig->widened & ADAPTER_MOUNT_WRITES) return look_again(rig, second);
    return rig_finds(rig, CLAUSE_SETTLED, SEEN_RESTLESS,
                     "third mount: expected nothing left to write, got more programs or erases");
}

/* Where the first mount wrote nothing, the next one reads the same bytes: only an engine that reads
 * what RAM held before answers otherwise, and shows that in one state of this many. */
#define MOUNT_AGAIN_EVERY 8u

/* Always where bits may read differently each time, before the first cut, and where the next mount
 * is that of another engine. The image decides, so that a replay does the same. */
static bool is_mounted_again(const struct rig *rig, uint64_t writes)
{
    return rig_is_uncut(rig) || rig_whose(rig, 0) || rig->rotten || changes(rig) != writes ||
           chip_unstable(rig->chip) || (chip_hash(rig->chip).high >> 8) % MOUNT_AGAIN_EVERY == 0;
}

/* In one state of this many the store is mounted with another region or option. */
#define OTHERWISE_EVERY 16u

static bool is_tried_otherwise(const struct rig *rig)
{
    return rig_is_uncut(rig) || (chip_hash(rig->chip).high >> 16) % OTHERWISE_EVERY == 0;
}

static bool recover(struct rig *rig)
{
    struct rig_level *level = rig_here(rig);
    uint64_t writes = changes(rig);
    model_lose_ram(&level->model);
    rig_next_power_on(rig);
    if (!mount_into(rig, level->object, JUNK_FIRST)) return false;
    if (rig_is_off(rig)) return true;
    doubt_again(rig);
    if (!rig->kind->look(rig, level->object, true)) return false;
    if (rig_is_off(rig)) return true;
    if (!rig->kind->agree(rig)) return false;
    if (!rig_is_off(rig) && is_tried_otherwise(rig) && !rig_other(rig)) return false;
    if (rig_is_off(rig) || !is_mounted_again(rig, writes)) return true;
    writes = changes(rig);
    keep_ram(level->ram);
    if (!mount_again(rig)) return false;
    restore_ram(level->ram);
    /* A later mount wrote: the first object no longer knows what the flash holds. */
    if (rig_is_off(rig) || changes(rig) == writes) return true;
    return mount_into(rig, level->object, JUNK_FIRST);
}

bool rig_recover(struct rig *rig)
{
    bool fine = recover(rig);
    doubt_again(rig);
    return fine;
}

static bool boot(struct rig *rig)
{
    void *object = rig_object(rig);
    model_lose_ram(rig_model(rig));
    rig_next_power_on(rig);
    if (!mount_into(rig, object, JUNK_FIRST)) return false;
    doubt_again(rig);
    return rig_is_off(rig) || model_wait(rig_model(rig)) || rig->kind->look(rig, object, true);
}

bool rig_boot(struct rig *rig)
{
    bool fine = boot(rig);
    doubt_again(rig);
    return fine;
}

/* --- use --- */

bool rig_rest_is_known(struct rig *rig, uint64_t place, uint64_t *erases)
{
    uint64_t now = chip_counters(rig->chip)->erases;
    if (!rig->rest || now == *erases) return false;
    *erases = now;
    return rig->rest(rig->rest_context, place);
}

bool rig_exercise(struct rig *rig, bool must)
{
    return rig->kind->exercise(rig, must);
}

bool rig_use(struct rig *rig, bool must)
{
    return rig->kind->use(rig, must);
}

bool rig_fill(struct rig *rig, const struct model *content)
{
    return rig->kind->fill(rig, content);
}

bool rig_store_unwatched(struct rig *rig, const struct value *key, const struct value *value)
{
    assert(rig->adapter->kind == ADAPTER_MAP);
    rig_before(rig, ADAPTER_CALL_STORE);
    enum answer answer =
        rig->adapter->map->store(rig_here(rig)->object, rig_hand(rig, RIG_KEY, key), key->size,
                                 rig_hand(rig, RIG_VALUE, value), value->size);
    rig_note_return();
    return answer == ANSWER_OK;
}
