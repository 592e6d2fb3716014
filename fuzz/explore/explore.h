/* explore.h - cuts the power of a script's run at every program and erase, and judges what follows.
 *
 * Method. The script runs once. Before each program and erase takes effect the
 * chip asks the explorer, which for each tear that the fault classes allow: marks the undo journal,
 * applies the tear, powers the chip on, mounts a second engine object on it, and judges: everything
 * is read back and compared with the model; a second mount gives the same answer and has come to
 * rest; and, where asked, the store is used. While the cut depth allows, the recovery and the
 * operations after it are cut in the same way. Then the journal rolls back and the run goes on.
 *
 * A crash state that was judged before (same image, same allowed states, same place in the script)
 * is skipped. Everything is a function of script, options and seed.
 */
#ifndef BROWNOUT_EXPLORE_H
#define BROWNOUT_EXPLORE_H

#include "fuzz/adapter.h"
#include "fuzz/script/script.h"
#include "sim/chip.h"

/* The contract; README, "What is checked". */
enum clause {
    CLAUSE_NONE = 0,
    CLAUSE_DURABLE,
    CLAUSE_ATOMIC,
    CLAUSE_SETTLED,
    CLAUSE_ORDERED,
    CLAUSE_ALIVE,
    CLAUSE_BOUNDED,
    CLAUSE_LAWFUL,
    CLAUSE_CLEAN,
    CLAUSE_SANE,
    CLAUSE_HONEST,
    CLAUSE_SCENARIO, /* no clause: the scenario expects what its own operations do not give */
    CLAUSES
};
const char *clause_name(enum clause clause);

struct explore_result;
struct explore_options {
    uint32_t faults; /* fault classes of the cuts */
    uint32_t depth;  /* cuts on one path, from 1 */
    uint32_t reach;  /* operations after a cut that are cut too, below the last level; 0: all */
    struct fault_effort effort;
    uint64_t seed;
    bool use;                 /* exercise the store after recovery */
    bool dedup;               /* skip what was judged before */
    bool isolate;             /* judge each power-on in a child process */
    uint32_t passes;          /* runs that share the first-level cuts evenly, so that an exploration
                             * that is stopped has seen all parts of the script; 0 or 1: one */
    uint32_t shard, shards;   /* this part of the first-level cuts; shards 0 or 1: all */
    uint32_t divergences_max; /* stop after so many different ones; 0: never */
    /* Called with the result so far when a divergence of a new shape is in it, so that it is known
     * should the engine take this process with it later; may be NULL. */
    void (*found)(void *context, const struct explore_result *so_far);
    void *found_context;
};

/* One difference between engine and model. `script` is the case: operations, cuts, finding. */
struct divergence {
    enum clause clause;
    enum fault_class fault; /* of the last tear on the path; 0 when there was no cut */
    bool lost;              /* the engine crashed or hung: replaying it does the same */
    uint64_t shape;         /* equal for divergences that look like the same bug */
    uint64_t count;         /* how many crash states showed this shape */
    uint64_t order;         /* place of the first one in the exploration; sorts results of shards */
    struct script *script;
};

/* Where the exploration is. Lies in memory that outlives a crash of the engine, so that whoever
 * watches can tell which path led there. */
#define EXPLORE_DEPTH_MAX 4u
struct explore_cut {
    uint32_t first_op; /* operation at which this level started */
    uint32_t op;       /* operation that was cut */
    uint32_t nth;      /* its nth program or erase */
    bool recovering;   /* the cut was in the recovery before `first_op` */
    bool erase;        /* an erase was cut, else a program */
    struct tear tear;
};
struct explore_path {
    struct explore_cut cuts[EXPLORE_DEPTH_MAX];
    uint32_t count;
    uint32_t op; /* operation being called at the innermost level */
    enum {
        USE_NONE,
        USE_LAST,
        USE_FIRST
    } use;               /* the exercise after the last cut: behind the
                                                 * operations from the cut on, or before them */
    bool looked;         /* everything was read back behind the last of those operations */
    bool rotten;         /* no cut: a bit rots after operation `op`, ... */
    uint64_t rot_seed;   /* ... which one, says this */
    uint64_t states;     /* crash states met so far; grows while the exploration is alive */
    uint64_t operations; /* of the uncut run, done so far, in all passes */
};

struct explore_result {
    uint64_t cuts;   /* programs and erases at which power was cut */
    uint64_t states; /* crash states met, at all levels: judged + skipped */
    uint64_t judged;
    uint64_t skipped; /* met before */
    uint64_t
        judged_by_class[FAULT_CLASSES]; /* by class of the last tear; index is the bit number */
    uint64_t mounts;
    struct chip_counters counters; /* of the uncut run */
    uint32_t *sector_erases;       /* of the uncut run, one for each sector; NULL when not wanted */
    uint32_t sector_count;
    uint32_t erases_max, erases_max_sector;
    uint64_t operations; /* of the uncut run */
    struct divergence *divergences;
    uint32_t divergence_count;
    char mistake[200]; /* of the scenario itself; then nothing was explored */
    uint32_t mistake_line;
    uint64_t refused; /* operations of the uncut run that the engine did not do, */
    char refusal[80]; /* and the first of them, as text */
    bool stopped;     /* Ctrl-C, divergences_max was reached, or a worker was lost */
    bool failed;      /* a child process could not be made */
};
void explore_result_free(struct explore_result *result);

/* Explores one script on one engine in this process. `path` is kept up to date. When *stop becomes
 * true the exploration ends soon and result->stopped says so; `stop` may be NULL. Returns false
 * when memory is short. */
bool explore(const struct script *script, const struct adapter *adapter,
             const struct adapter_settings *settings, const struct explore_options *options,
             struct explore_path *path, const volatile bool *stop, struct explore_result *result);

/* The case that a path leads to: the script's operations with the path's cuts. NULL when memory is
 * short. */
struct script *explore_case(const struct script *script, const struct adapter *adapter,
                            const struct adapter_settings *settings,
                            const struct explore_path *path);

/* Adds a divergence, or counts it when one of its shape is there; takes the script. Whether it is
 * new. */
bool explore_add(struct explore_result *result, struct divergence *divergence);

/* The shape of what a path found. */
uint64_t explore_shape(enum clause clause, const struct adapter *adapter,
                       const struct script *script, const struct explore_path *path);

/* Defaults: edge, prefix, bits; depth 1; effort that takes seconds on small scenarios. */
void explore_defaults(struct explore_options *options);

#endif
