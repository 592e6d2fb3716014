/* path.h - where an exploration is, and the case that leads there.
 *
 * The one record of it: the rig's levels and these go up and down together. It lies in memory that
 * outlives a crash of the engine, so that whoever watches can make a case of where it was.
 */
#ifndef BROWNOUT_PATH_H
#define BROWNOUT_PATH_H

#include "fuzz/adapter.h"
#include "fuzz/contract.h"
#include "fuzz/explore/result.h"
#include "fuzz/rig/rig.h"
#include "fuzz/script/script.h"

#define PATH_OP_NONE UINT32_MAX
#define PATH_GROUP_NONE UINT32_MAX

struct path_level {
    uint32_t first_op; /* the operation from which the script runs on at this level */
    uint32_t op;       /* that is being called; PATH_OP_NONE: none yet */
    uint32_t work;     /* where the piece of work that it is part of began: its transaction */
    bool inside;       /* op is in a transaction that goes on after it */
    uint32_t nth;      /* programs and erases in this call, or in the power-on, so far */
    bool recovering;   /* in the power-on that begins the level */
    bool blind;        /* nothing is read back after that power-on */
    bool erase;        /* the level ended by a cut in an erase, else in a program, ... */
    struct tear tear;  /* ... which left this */
};

/* What the harness does by itself after the operations of the innermost level. */
#define PATH_TAIL_MAX 40u
struct path_step {
    enum op_kind kind;
    uint32_t op;   /* that operation of the script; PATH_OP_NONE: one of the harness's own */
    uint64_t seed; /* OP_ROT */
};

struct path {
    struct path_level levels[CONTRACT_LEVELS];
    uint32_t level; /* the innermost one */
    uint32_t cuts;  /* levels from 0 on that ended by a cut; `level` may be one more */
    struct path_step tail[PATH_TAIL_MAX]; /* at the innermost level, after its operations */
    uint32_t tail_count;
    enum cut_in own_cut; /* of the scenario, in the run: in what the last one was */
    struct cut failed; /* or lied, in the operation of the run that is being called; nth 0: none */
    bool failed_after; /* not in that one, but in the first step of the tail */
    uint32_t group;    /* of first-level cuts (explore.h); PATH_GROUP_NONE: none is being tried */
    uint64_t step;     /* tears and rots of this group so far */
    uint64_t ordinal;  /* first-level cuts met in this pass, of all shards */
    uint64_t states;   /* crash states met so far; grows while the exploration is alive */
    uint64_t operations; /* of the uncut run, done so far, in all passes */
};

/* Whether levels and cuts agree; stops the program at a breach. */
void path_check(const struct path *path);

/* The script begins, or begins again. */
void path_start(struct path *path);

/* An operation is about to be called at the innermost level. */
void path_call(struct path *path, const struct script *script, uint32_t op);

/* The harness is about to do one of the script's operations, or one of its own, as the next step of
 * the tail. */
void path_step_op(struct path *path, const struct script *script, uint32_t op);
void path_step_own(struct path *path, enum op_kind kind, uint64_t seed);

static inline struct path_level *path_here(struct path *path)
{
    return &path->levels[path->level];
}

/* A level above begins: after a cut, in whose recovery the script stands before the interrupted
 * operation, or before the transaction that was; or beside the innermost one, at the same place. */
void path_cut(struct path *path, const struct tear *tear, bool erase);
void path_beside(struct path *path);

/* A cut that the scenario itself has, in the operation of the run that is being called. */
void path_own_cut(struct path *path, const struct script *script, enum chip_op_kind kind);

/* In the operation of the run that is being called, or `after` it in the next step, this program or
 * erase fails, lies or strays, or this read goes wrong; nth 0: none does any more. What follows is
 * the tail. */
void path_fail(struct path *path, const struct cut *failed, bool after);

/* The script stands after the interrupted piece of work: it is not done again. */
void path_skip(struct path *path, const struct script *script);

/* Takes the steps of the tail back. */
void path_clear_tail(struct path *path);

/* Whether the tail has such a step. */
bool path_has_step(const struct path *path, enum op_kind kind);

/* The power-on that began the level is over. */
void path_recovered(struct path *path);

/* Back at a level below, which is as it was; a child process that died may have left several. */
void path_return(struct path *path, uint32_t level);

/* What is explored, for path_case(). */
struct path_frame {
    const struct script *script;
    const struct adapter *adapter;
    const struct adapter_settings *settings;
    uint32_t faults; /* classes in force */
};

/* The case that a path leads to: the script's operations with the path's cuts. */
struct script *path_case(const struct path_frame *frame, const struct path *path);

/* The class of the last tear on the path; FAULT_ROT for rot, and that of a call that failed,
 * lied, strayed or went wrong; 0 where there was none of these. */
enum fault_class path_fault(const struct path *path);

/* Makes a divergence, without its case, of what a path found. Its shape is the kind of the finding,
 * whose `cut` this fills in. */
struct divergence path_divergence(const struct path_frame *frame, const struct path *path,
                                  struct finding *finding);

/* Adds it to the result, with its case where that one is to be kept. Whether a kind is new. */
bool path_add(struct result *result, struct divergence *divergence, const struct path_frame *frame,
              const struct path *path, const struct finding *finding);

#endif
