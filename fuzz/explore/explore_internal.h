/* explore_internal.h - what the files of an exploration share: explore.c the recursion that cuts,
 * explore_fail.c what goes wrong without a cut, explore_use.c what a device does after the last
 * cut, explore_count.c what the run without cuts counted.
 */
#ifndef BROWNOUT_EXPLORE_INTERNAL_H
#define BROWNOUT_EXPLORE_INTERNAL_H

#include "fuzz/explore/explore.h"
#include "fuzz/explore/rest.h"
#include "fuzz/explore/visited.h"
#include "fuzz/explore/worker.h"
#include "fuzz/rig/capacity.h"
#include "fuzz/rig/rig.h"

/* Pieces of work after the interrupted one that are done when that one is not done again. */
#define GO_ON_MAX 3u

/* Operations that one way of going on has at most; a transaction that is longer is left open. */
#define WORK_MAX 14u

/* Programs and erases that may fail or lie, or reads that may go wrong, each in one way, of the
 * operation that is about to be done. */
struct failures {
    struct cut *at;
    uint32_t count, capacity;
    uint32_t nth; /* calls of that kind so far */
};

/* Whether an operation works without the cuts of its script. */
enum uncut { UNCUT_UNKNOWN = 0, UNCUT_WORKS, UNCUT_FAILS };

struct explorer {
    const struct script *script;
    const struct explore_options *options;
    struct explore_options planned; /* of the runs with cuts */
    struct result *result;          /* of the group in progress, or */
    struct result *whole;           /* of all */
    struct path *path;
    const volatile bool *stop;
    struct rig *rig;
    struct capacity *capacity;
    struct visited *visited;
    struct rest *rest;
    bool (*way)(struct explorer *); /* that is being gone after a crash state */
    bool must;                      /* the exercise on it, the last one so far, has to succeed */
    uint8_t *answers; /* of the uncut run, one for each operation; to those that it did not come to,
                         since it diverged before, ANSWER_UNSUPPORTED */
    uint8_t *uncut;   /* enum uncut for each operation of a script with cuts of its own; or NULL */
    bool diverged;    /* anywhere, waived or not */
    uint32_t end;     /* of the uncut run: where it diverged, or all */
    uint32_t exercised; /* the script's own exercise: its key may still be there after it */
    uint32_t pass;
    bool taken;          /* this group is ours */
    uint64_t skip;       /* steps of it that are done already */
    uint64_t mounted;    /* mounts before this group */
    struct worker child; /* that judges; its file holds its result, NULL: judge in this process */
    uint32_t hangs;      /* of children; each costs a second or more */
    uint32_t reads;      /* of the operation of the run, where the scenario has one go wrong */
    bool struck;         /* the scenario's own cut, or call that goes wrong, came in this one */
    struct failures failures; /* of the operation that is about to be done */
    uint32_t reported;        /* divergences that the caller knows of */
};

/* An operation, and what the engine answers. */
struct asked {
    struct explorer *e;
    const struct op *op;
    enum answer answer;
};

/* Of what is random here, by what the chip holds now. */
static inline uint64_t explorer_seed(const struct explorer *e)
{
    return e->options->seed ^ chip_hash(e->rig->chip).low;
}

/* 0 stands for one part. */
static inline uint32_t explorer_at_least_one(uint32_t n)
{
    return n ? n : 1;
}

/* --- explore.c: steps, and what is counted --- */

/* The rig has a finding: it is reported, unless it is waived. */
void explorer_diverges(struct explorer *e);
/* Whether the exploration, or its group, is to end. */
bool explorer_stopped(struct explorer *e);
void explorer_count_waived(struct explorer *e);

/* As a rig calls it; `context` is a struct asked. */
bool explorer_ask(struct rig *rig, void *context);
/* A step of the harness's own, and one that does an operation of the script. False: there is a
 * finding, or the rest of the way is known to be clean. */
bool explorer_step(struct explorer *e, enum op_kind kind);
bool explorer_step_op(struct explorer *e, uint32_t index);

/* Whether the next tear or failure of the group is to be tried. */
bool explorer_takes_step(struct explorer *e);
/* Counts a crash state; whether it was not visited before. */
bool explorer_is_new(struct explorer *e, uint32_t op, enum fault_class fault);
void explorer_count_state(struct explorer *e);
void explorer_count_judged(struct explorer *e, enum fault_class fault);

/* --- the other files --- */

/* The classes fail, lie, stray and glitch: in the operation that is about to be done, */
void explore_fail_before(struct explorer *e, uint32_t index);
/* and glitch in a power-on after it, where it may have changed the flash. */
void explore_glitch_after(struct explorer *e, uint32_t index);
/* The class rot, after the operation; not once more where the scenario has let bits rot itself. */
void explore_rot_after(struct explorer *e, uint32_t index);

/* What a device may do with a crash state, each on the same one. */
void explore_use(struct explorer *e);

/* Of the run without cuts: its work, its wear, what it put in. */
void explore_keep_counts(struct explorer *e);

#endif
