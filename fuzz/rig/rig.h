/* rig.h - a chip, an engine and a model as one set-up, and what is asked of the three.
 *
 * The rig calls the engine, compares every answer with the model, and checks after each call what
 * holds for all calls: the chip's rules were kept (lawful) and the call ended within its bound
 * (bounded). The first difference is kept as the finding; every function that judges returns false
 * when there is one.
 *
 * Levels. Level 0 is the run; each cut on the way adds a level, with an engine object and a model
 * of its own, so that going back to the level below needs no work. The chip is shared by all levels
 * and goes back by its undo journal. rig_enter() and rig_leave() are the only way up and down.
 */
#ifndef BROWNOUT_RIG_H
#define BROWNOUT_RIG_H

#include "fuzz/adapter.h"
#include "fuzz/contract.h"
#include "fuzz/model/model.h"
#include "fuzz/script/script.h"
#include "sim/chip.h"

/* Bytes for a key or a value as a person reads it. */
#define RIG_TEXT_MAX 64

/* Stores, removes and clears that the engine did not do. A refusal is no divergence, but it is no
 * work either: whoever compares or counts has to know. */
struct refusals {
    uint64_t count;
    uint32_t line; /* of the first one; 0: made by a program */
    enum op_kind kind;
    enum answer answer;
};

/* What a call may be handed: a key; a value or an item. A scan gets two keys. */
enum rig_hand { RIG_KEY, RIG_VALUE };
#define RIG_HANDS 2u

struct rig_level {
    struct model model;
    struct model before;   /* for the operation in flight */
    uint32_t reached;      /* operations of the script that were begun: 0 up to the last one */
    uint32_t keys_reached; /* keys of the script that they name */
    uint32_t power_ons;    /* so far: of two engines on one flash each other one is the other's */
    uint64_t doubted;      /* what is that old may lie in a sector that was hit; 0: nothing */
    void *object;          /* the engine, mounted or junk */
    void *second; /* object of the mount that must give the same answer; it may be cut as well */
    /* as the level above was entered: */
    chip_mark mark;         /* of the journal */
    enum adapter_call call; /* that is under way, */
    bool own;               /* and whether it is about a key of the harness's own; */
    bool rotten, interrupted;
    /* What the call that is under way was handed (rig_hand.c); NULL: nothing. */
    const struct value *handed[RIG_HANDS];
    uint8_t *ram;          /* of an engine with globals: kept while another object is used, */
    uint8_t *ram_at_enter; /* and while the level above is at work; NULL without globals */
};

/* Asked in an exercise: whether the rest of it, and all that is to be done after it, is known to be
 * clean. Then the exercise ends there, with false and no finding. `place` is where in it. */
typedef bool rig_rest(void *context, uint64_t place);

/* A sector as it is now, and the last call of the engine that changed it. One that erased it and
 * programmed the same bytes again left it as it was, and has its value there all the same. Where
 * bits of it rotted, or a stray hit it, what is programmed there later may be lost, too, until it
 * is erased. */
struct touch {
    struct chip_hash hash;
    uint32_t erased_at;
    uint64_t call;
    bool hit;
};

struct rig {
    const struct script *script;
    const struct adapter *adapter;
    const struct rig_kind *kind; /* rig_internal.h */
    struct adapter_settings settings;
    uint32_t widened; /* with these settings */
    struct chip *chip;
    struct rig_level levels[CONTRACT_LEVELS];
    uint32_t level;
    size_t object_size;
    struct adapter_bound bounds[ADAPTER_CALLS], bounds_uncut[ADAPTER_CALLS];
    uint32_t key_size_min, key_size_max, value_size_min, value_size_max;
    uint8_t *buffer; /* for each level: value_size_max bytes and one, for what comes back */
    uint8_t *handed; /* for each level: room for all that a call is handed, of this size each */
    uint32_t handed_room;
    struct exercise *exercise;
    uint32_t faults; /* classes in force */
    /* of a map */
    struct keys *keys;      /* from key bytes to index; the harness's own key is the last */
    struct rig_view *views; /* for each level: what its look saw */
    /* of a queue or a log */
    struct model_design design;
    struct rig_sight *sights; /* for each level: what its look saw */
    /* both */
    uint64_t calls;        /* of the engine, so far */
    struct touch *touched; /* for each sector: when it changed last; NULL where nothing rots */
    struct touch *touched_saved; /* by rig_save() */
    bool rotten; /* bits flipped at rest, or strayed: a value may be missing, but not another */
    bool interrupted; /* power was cut on this path: what a scenario expects may not hold, and a
                       * search may take longer */
    uint64_t mounts;
    struct rig_exit *exit;                     /* out of the engine, where power goes away */
    struct chip_counters then;                 /* as the engine call began */
    struct chip_counters spent[ADAPTER_CALLS]; /* by calls of each kind; no sense once cuts nest */
    struct adapter_bound worst[ADAPTER_CALLS]; /* the most that one call of each kind made */
    struct refusals refusals;
    enum adapter_call call; /* the last one that was made */
    bool own;               /* the call is about a key of the harness's own */
    struct finding finding;
    uint64_t told;   /* digest of what the engine answered on the image of hostile_try() */
    uint64_t waived; /* findings that rig_goes_on() has put away */
    const volatile bool *stop; /* whoever sets it has no time left; NULL: nobody does */
    rig_rest *rest;            /* NULL: it is judged in any case */
    void *rest_context;
};

/* Builds a rig for a script that settings_resolve() has accepted. The script must outlive it. */
struct rig *rig_new(const struct script *script, const struct adapter *adapter,
                    const struct adapter_settings *settings);
void rig_free(struct rig *rig);

/* Whether everything that goes up and down together does, and the model's invariants; stops the
 * program at a breach. Builds with BO_CHECKS call it around each engine call and at each level. */
void rig_check(const struct rig *rig);

/* --- levels --- */

/* The engine and the model of the level that the rig is at. */
void *rig_object(struct rig *rig);
struct model *rig_model(struct rig *rig);

/* Goes up a level: whatever happens there, rig_leave() brings chip, engine and model back to what
 * they are now. The new level has a copy of the model, and an engine that is not mounted. */
void rig_enter(struct rig *rig);
void rig_leave(struct rig *rig);

/* The level was entered because power was cut in the one below: the model of this one forgets what
 * was never programmed. */
void rig_lose_power(struct rig *rig);

/* The level below takes over what this one's model has settled on. Before rig_leave(). */
void rig_adopt(struct rig *rig);

/* A rehearsal at the same level: rig_restore() puts chip, engine and model back to what they were
 * at rig_save(), rig_keep() leaves them as they are now. Uses the level above. */
void rig_save(struct rig *rig);
void rig_restore(struct rig *rig);
void rig_keep(struct rig *rig);

/* --- faults --- */

/* Which classes beyond the stable ones are in force: weak makes the chip ask for proven erases, rot
 * lets sectors wear out; under rot and stray it is noted which sectors have what. A new rig has
 * those of its script. */
void rig_set_faults(struct rig *rig, uint32_t faults);

/* Does `work`, which calls the engine, until it ends or the chip's hook cuts the power with a tear.
 * Then the engine is left where it stands, in the flash call that is torn, as it is on a device: it
 * never learns of the cut, and no more of its code runs. What `work` returns; true after a cut. The
 * model has forgotten then what was never programmed. */
typedef bool rig_work(struct rig *rig, void *context);
bool rig_until_off(struct rig *rig, rig_work *work, void *context);

/* First power-on of a blank chip at level 0: formats where the engine wants it, mounts. */
bool rig_start(struct rig *rig);

/* The same, but leaves the first mount to the script where its first operation is one: so that the
 * first power-on of a blank chip can be cut and printed like any other. */
bool rig_begin(struct rig *rig);

/* Does one operation, any but OP_USE, at the current level and compares. *answer, which may be
 * NULL, is the engine's answer to a store, remove or clear. When power was cut inside the call,
 * nothing is compared and the model keeps both outcomes. */
bool rig_call(struct rig *rig, const struct op *op, enum answer *answer);

/* Whether an operation did what it was asked. A removal or pop that finds nothing has done it: one
 * before it, cut as it was, may have taken the item. Whether nothing was there the model says. */
bool rig_worked(const struct op *op, enum answer answer);
/* The finding that an operation fails after a cut which works without it. False, for `return`. */
bool rig_finds_failed(struct rig *rig, const struct op *op, enum answer answer);

/* Whether a store may have taken effect before the cut. If it is done again it needs room a second
 * time, which the uncut run never did. */
bool rig_is_done(struct rig *rig, const struct op *op);

/* The engine call that an operation is; any other call on its way is the harness's own. */
enum adapter_call rig_call_of(enum op_kind kind);

/* "unsupported" and the like. */
const char *rig_answer_name(enum answer answer);

/* "line 14: remove answers unsupported": the first refusal, or an empty text. */
#define RIG_REFUSAL_MAX 80
void rig_print_refusal(const struct rig *rig, char text[RIG_REFUSAL_MAX]);

/* A call of the engine begins, and has returned: between the two the process is in the engine, and
 * in nothing else (sim/pulse.h). rig_before() and rig_after() do this too. */
void rig_note_call(struct rig *rig, enum adapter_call call);
void rig_note_return(void);

/* The bytes of the value for the call that has begun: a copy, so that an engine that writes into it
 * spoils nothing (rig_hand.c). */
const void *rig_hand(struct rig *rig, enum rig_hand as, const struct value *value);

/* Whether power was never cut on this path. */
bool rig_is_uncut(const struct rig *rig);

/* Whether bounds_uncut hold: power was never cut and nothing rots. */
bool rig_is_sound(const struct rig *rig);

/* Grants the chip what one call of the engine may make. */
void rig_grant(struct rig *rig, enum adapter_call call);

/* How a call passed its bound, after the chip has reported that it did: "expected at most 14 reads
 * in one call, got more". */
#define RIG_BOUND_MAX 80
void rig_print_bound(const struct rig *rig, enum adapter_call call, char text[RIG_BOUND_MAX]);

/* Whether an answer is no panic, which is a finding (sane) while the power is on. */
bool rig_is_sane(struct rig *rig, enum adapter_call call, enum answer answer);

/* Whether the engine wrote nothing around its object and the one of the second mount, nor into the
 * key and the value that it was given; else that is a finding (sane). */
bool rig_stays_inside(struct rig *rig, enum adapter_call call);

/* Whether a device that gets this answer from a power-on makes the store anew: a format was cut,
 * and there may be no store, or any part of one. */
bool rig_formats_again(struct rig *rig, enum answer answer);

/* Whether power went away inside the last call. */
bool rig_is_off(const struct rig *rig);

/* Power-on at the current level: mount, read back, judge, settle the model; mount again, always or
 * in a sample of images (rig.c): same answer, at rest. With power cut inside, nothing is judged. */
bool rig_recover(struct rig *rig);

/* Power-on at the current level without a look: what the cut left open stays open until the next
 * look. Where the model can't wait for that, everything is read back at once. */
bool rig_boot(struct rig *rig);

/* The standard exercise of a store (exercise.h): its key is written until every sector was used
 * again, read and removed; then everything is read back. When `must` is set each store must succeed
 * (alive); otherwise the store may answer that it is full. */
bool rig_use(struct rig *rig, bool must);

/* The stores of the exercise alone. */
bool rig_exercise(struct rig *rig, bool must);

/* Makes the store at the current level hold what `content` allows first for each key, by storing
 * into a blank chip. False when the engine has no room for it. */
bool rig_fill(struct rig *rig, const struct model *content);

/* Finds out on this rig, just started and of a queue or a log, what the exercise is to be and what
 * must be held after it, for `exercise`, another rig's. False when it can't be exercised. */
bool rig_measure(struct rig *rig, struct exercise *exercise);

/* Maps only. Stores without the model's knowledge; whether the engine took it. */
bool rig_store_unwatched(struct rig *rig, const struct value *key, const struct value *value);

/* A power-on of the device, which mounts next; of two engines on one flash it is the turn of the
 * other one. */
void rig_next_power_on(struct rig *rig);
/* The name of the engine, of two, whose power-on it is after `more` of them; NULL: there is only
 * one. */
const char *rig_whose(const struct rig *rig, uint32_t more);

/* RAM as power-on leaves it: `object` full of junk, globals as the plug-in was loaded. False, and a
 * finding, when memory of a plug-in that declares no globals has changed. */
bool rig_wipe_ram(struct rig *rig, void *object, int junk);

/* Puts the RAM of an engine with globals aside, for another rig to use it, and back. Nothing
 * happens without globals. */
void rig_lend_ram(struct rig *rig);
void rig_take_ram(struct rig *rig);

/* Adds what the chip counted between two moments. */
void rig_add_spent(struct chip_counters *sum, const struct chip_counters *then,
                   const struct chip_counters *now);

/* Records a finding of the call that was made last; always returns false. */
bool rig_finds(struct rig *rig, enum clause clause, enum seen seen, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What an answer other than OK is. */
enum seen rig_seen_of(enum answer answer);

#endif
