/* exercise.h - the standard exercise of a store after recovery: what it writes, and what a healthy
 * store must be able to take.
 *
 * After a crash the engine must be alive: it takes new operations and its capacity is what it was.
 * What "what it was" means is asked of the engine itself: a fresh store that holds the same values
 * does the same exercise. What it can do, the crashed store must do too. How a log packs its
 * sectors depends on what went before, so the fresh store holds an allowance besides: for each
 * sector one more value of the largest size. An operation of the script that worked without the cut
 * must work after it on the same terms.
 */
#ifndef BROWNOUT_EXERCISE_H
#define BROWNOUT_EXERCISE_H

#include "fuzz/adapter.h"
#include "fuzz/model.h"
#include "fuzz/script.h"

struct exercise {
    struct value *key;       /* a key of the harness's own; NULL: the engine has no room for one */
    struct value *values[2]; /* stored in turn */
    uint32_t rounds;         /* how often */
    struct exercise_memory *memory;
    bool fresh; /* this exercise belongs to the fresh store itself, which asks nobody */
};

/* Chooses key, values and rounds for an engine on a geometry. NULL when memory is short. */
struct exercise *exercise_new(const struct script *script, const struct flash_geometry *geometry,
                              uint32_t key_size_min, uint32_t key_size_max,
                              uint32_t value_size_max);
void exercise_free(struct exercise *exercise);

/* Whether a fresh store with the content that `model` allows could do the exercise. Remembered by
 * the model's digest. */
struct rig;
bool exercise_must(struct rig *rig, const struct model *model);

/* Whether a fresh store with the content of the rig's current level could do one operation. Costs a
 * whole run of the fresh store: for when the crashed one has refused it. */
bool exercise_could(struct rig *rig, const struct op *op);

#endif
