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
 *
 * Groups. The first-level cuts in one operation of one pass are a group, and what was judged before
 * is forgotten with it. So a group costs and finds the same whoever explores it, and after which
 * others: processes can share them (struct explore_share).
 */
#ifndef BROWNOUT_EXPLORE_H
#define BROWNOUT_EXPLORE_H

#include "fuzz/adapter.h"
#include "fuzz/explore/path.h"
#include "fuzz/explore/result.h"
#include "fuzz/explore/worker.h"
#include "fuzz/script/script.h"
#include "sim/chip.h"

/* How one process of several explores: which groups, and where their results go. */
struct explore_share {
    /* Asked for each group, in order: whether it is this process's to explore. */
    bool (*take)(void *context, uint32_t group);
    /* It is explored. The divergences are the callee's. */
    void (*done)(void *context, uint32_t group, struct result *part);
    void *context;
    struct result *part; /* of the group in progress; in memory that outlives this process */
    uint32_t resumed;    /* the group in which a process was lost, */
    uint64_t step;       /* and its step there: this one and those before it are not done again */
    uint32_t end;        /* operations that the run can do, at most */
};

struct explore_options {
    uint32_t faults; /* fault classes of the cuts */
    uint32_t depth;  /* cuts on one path, from 1 */
    uint32_t reach;  /* operations after a cut that are cut too, below the last level; 0: all */
    struct fault_effort effort;
    uint64_t seed;
    bool use;                    /* exercise the store after recovery */
    bool dedup;                  /* skip what was judged before */
    bool laps;                   /* look for calls that keep memory, and power-ons that wear out */
    uint32_t age;                /* erases of a store that grows old (aged.h); 0: none */
    bool isolate;                /* judge each power-on in a child process */
    struct worker_limits limits; /* of that one */
    uint32_t passes;          /* runs that share the first-level cuts evenly, so that an exploration
                             * that is stopped has seen all parts of the script; 0 or 1: one */
    uint32_t shard, shards;   /* this part of the first-level cuts; shards 0 or 1: all */
    uint32_t divergences_max; /* stop after that many kinds (result_kinds()); 0: never */
    const struct explore_share *share; /* NULL: all groups; otherwise the result holds nothing but a
                                        * mistake and whether it was stopped */
    /* Called with the result so far when a divergence of a new shape is in it, so that it is known
     * should the engine take this process with it later; may be NULL. */
    void (*found)(void *context, const struct result *so_far);
    void *found_context;
    /* Called after the run without cuts, with what that one counted: may change effort, reach and
     * this exploration's share of the first-level cuts, always in the same way; may be NULL. */
    void (*plan)(void *context, const struct result *uncut, struct explore_options *options);
    void *plan_context;
};

/* Explores one script on one engine in this process. `path` is kept up to date. When *stop becomes
 * true the exploration ends soon and result->stopped says so; `stop` may be NULL. */
void explore(const struct script *script, const struct adapter *adapter,
             const struct adapter_settings *settings, const struct explore_options *options,
             struct path *path, const volatile bool *stop, struct result *result);

/* Defaults: edge, prefix, bits, zeros; depth 1; effort that takes seconds on small scenarios. */
void explore_defaults(struct explore_options *options);

#endif
