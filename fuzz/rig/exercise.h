/* exercise.h - the standard exercise of a store after recovery: what it writes.
 *
 * In a map a key of the harness's own is stored often enough to come around all sectors, with two
 * values in turn, then read and removed (rig_use). A queue is filled up and popped empty, twice. A
 * log, or a queue that can't pop on this chip, takes appends until they have come around. A queue
 * that can't append either is filled up. A fresh store shows which of these an engine can do here,
 * and what a healthy store must be able to take (capacity.h).
 */
#ifndef BROWNOUT_EXERCISE_H
#define BROWNOUT_EXERCISE_H

#include "fuzz/adapter.h"
#include "fuzz/script/script.h"

enum exercise_way { EXERCISE_PUSH_AND_POP, EXERCISE_APPEND, EXERCISE_PUSH };

struct exercise {
    struct value *key;       /* of a map; NULL: the engine has no room for one */
    struct value *values[2]; /* stored in turn */
    uint32_t rounds;         /* how often, at most */
    /* of a queue or a log */
    struct value **sized; /* items of each size up to one above the largest, made when asked for: a
                             model that keeps one must not see it change */
    uint32_t sized_max;
    enum exercise_way way;
    uint32_t need; /* items that must be held in the end; 0: not known */
    bool rests;    /* one that was popped empty takes items only after it was idle */
};

/* Chooses key or items, values and rounds for an engine on a geometry. */
struct exercise *exercise_new(const struct script *script, const struct adapter *adapter,
                              const struct adapter_settings *settings);
void exercise_free(struct exercise *exercise);

/* The item of that many bytes; lives as long as the exercise. */
const struct value *exercise_sized(struct exercise *exercise, uint32_t size);

/* The n-th key, from 0, that the script does not use, to be freed; 0 is the exercise's own. NULL
 * when there is none within the engine's limits. */
struct value *exercise_key(const struct script *script, const struct adapter *adapter,
                           const struct adapter_settings *settings, uint32_t n);

#endif
