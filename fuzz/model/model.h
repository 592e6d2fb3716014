/* model.h - the reference: what an engine must answer.
 *
 * Of a queue or a log it is a list of items (model_list.h), of a map what follows. The model of a
 * map keeps, for each key, the *set* of values that the contract still allows. Most of the time
 * that set has one member. An operation in flight adds the outcome that it would have; a cut leaves
 * both; the first look after power-on picks one and the set has one member again (clauses durable,
 * atomic and settled). A widened contract (adapter.h) adds "absent" to the set.
 *
 * What changes several keys together, a commit or a clear, makes worlds: what is allowed is that
 * each key has a member that is allowed in one world, the same for all keys. In flight there is a
 * world without it and one with it; those that were there before are doubled.
 *
 * Invariants
 *  1. 1 <= slot.count <= MODEL_ALLOWED_MAX; members differ; NULL stands for absent.
 *  2. model.digest is a function of the sets and worlds alone, not of the way there.
 *  3. Each member is allowed in some world, and in each world each key has a member. What is
 *     allowed in all worlds has MODEL_EVERYWHERE. With one world everything has.
 */
#ifndef BROWNOUT_MODEL_H
#define BROWNOUT_MODEL_H

#include "fuzz/adapter.h"
#include "fuzz/model/gone.h"
#include "fuzz/model/model_list.h"
#include "fuzz/model/model_open.h"
#include "fuzz/script/script.h"

/* An operation in flight over one that a power-on without a look has left undecided, and absent. */
#define MODEL_ALLOWED_MAX 4u

#define MODEL_WORLDS_MAX 8u
#define MODEL_EVERYWHERE 0xFFu

struct model_slot {
    const struct value *allowed[MODEL_ALLOWED_MAX];
    uint32_t count;
    uint8_t worlds[MODEL_ALLOWED_MAX]; /* where each member is allowed, a bit a world */
    uint64_t since;                    /* model.now when a store answered OK last */
};

struct model {
    enum adapter_kind kind;
    struct model_list list;   /* of a queue or a log; all that follows is of a map */
    struct model_slot *slots; /* one for each key of the script */
    uint32_t key_count;
    uint32_t widened;     /* bits of enum adapter_widening */
    uint32_t worlds;      /* how many there are; 1: each key for itself */
    enum op_kind doubled; /* what doubled them last: OP_COMMIT, OP_CLEAR and its like */
    bool formatting;      /* a format was cut: the mount may answer that there is no store */
    struct model_open open;
    struct gone gone;
    uint64_t digest;
    uint64_t now; /* the call of the engine that is made, counted by the rig */
};

/* An empty map over the script's keys, or an empty list, whose design must outlive it. Free with
 * model_free(). */
void model_init(struct model *model, uint32_t key_count, uint32_t widened);
void model_init_list(struct model *model, const struct model_design *design);
void model_free(struct model *model);

/* Back to what it was when it was initialised. */
void model_reset(struct model *model);

static inline bool model_is_map(const struct model *model)
{
    return model->kind == ADAPTER_MAP;
}

/* Of what is allowed. */
static inline uint64_t model_digest(const struct model *model)
{
    return model_is_map(model) ? model->digest : model->list.digest;
}

/* Of all that decides what the model will allow, and of what it asks the chip for: two models with
 * one state do the same from here on, as long as nothing rots. False: what is open, or was
 * destroyed, is not part of it. */
bool model_state(const struct model *model, const struct chip *chip, uint64_t *state);

/* Walks the invariants; stops the program at a breach. */
void model_check(const struct model *model);

/* The same after a call, in builds with BO_CHECKS: as often as the size of the model lets it cost
 * the same for each call. */
#ifdef BO_CHECKS
void model_check_call(const struct model *model);
#else
static inline void model_check_call(const struct model *model)
{
    (void)model;
}
#endif

/* Makes `to`, initialised with as many keys, equal to `from`. */
void model_copy(struct model *to, const struct model *from);

/* The operation is about to be called: its outcome is allowed too. Reads change nothing. What was
 * allowed before is kept in `before`, a model with as many keys, for model_abort(). */
void model_begin(struct model *model, const struct op *op, struct model *before);

/* The operation answered OK: only its outcome is allowed. */
void model_commit(struct model *model, const struct op *op);

/* The operation answered an error: nothing changed since model_begin(). */
void model_abort(struct model *model, const struct op *op, const struct model *before);

/* Bits rotted: absent becomes allowed for whatever was put in at this call of the engine or before
 * it. Later values have no program in the sector that was hit. */
void model_doubt(struct model *model, uint64_t since);

/* The rig is about to make this call of the engine; calls are counted from 1. */
void model_set_now(struct model *model, uint64_t now);

/* An operation has answered, before anything else was done: how far it came. The chip watches the
 * ring of a list engine since before the call. `recovered`: it was a power-on. */
void model_observe(struct model *model, const struct chip *chip, bool recovered);

/* The same for a cut, after which an item for which nothing was programmed is gone. */
void model_cut(struct model *model, const struct chip *chip);

/* The operation answered an error since a call of the flash failed, without a cut: it is done or
 * not, and the next look decides. */
void model_fail(struct model *model, const struct chip *chip);

/* Power goes off: what an object keeps open is over. */
void model_lose_ram(struct model *model);

/* Opens or closes a snapshot of what is committed. */
void model_keep(struct model *model, uint32_t snapshot);
void model_drop(struct model *model, uint32_t snapshot);

/* Whether a map is known to hold one thing under each key. What is undecided after a power-on
 * without a look may take room or not. True of a list. */
bool model_is_decided(const struct model *model);

/* Whether these bytes (`absent`: no value) are this value; NULL: none. */
bool model_shows(const struct value *value, bool absent, const void *bytes, uint32_t size);

/* Maps only. The member of the key's set that equals these bytes (`absent`: no value), or -1. */
int model_match(const struct model *model, uint32_t key, bool absent, const void *bytes,
                uint32_t size);

/* A power-on goes by without a look: what was in flight stays undecided. False, and nothing
 * changes, where the look itself is what decides, or too much is undecided already. */
bool model_wait(struct model *model);

/* A read has picked this member: worlds without it are no more. */
void model_settle(struct model *model, uint32_t key, int member);

/* A look has picked a member for each key. False where no world has all of them; they are all that
 * is allowed from then on, in any case. */
bool model_settle_all(struct model *model, const int8_t *members);

#endif
