/* path.h - where an exploration is, and the case that tells how to come there. */
#ifndef BROWNOUT_PATH_H
#define BROWNOUT_PATH_H

#include "fuzz/adapter.h"
#include "fuzz/contract.h"
#include "fuzz/script/script.h"

/* Where the exploration is. Lies in memory that outlives a crash of the engine, so that whoever
 * watches can tell which path led there. */
struct path_cut {
    uint32_t first_op; /* operation at which this level started */
    uint32_t op;       /* operation that was cut */
    uint32_t nth;      /* its nth program or erase */
    bool recovering;   /* the cut was in the recovery before `first_op` */
    bool erase;        /* an erase was cut, else a program */
    struct tear tear;
};
struct path {
    struct path_cut cuts[CONTRACT_DEPTH_MAX];
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

/* The case that a path leads to: the script's operations with the path's cuts. NULL when memory is
 * short. */
struct script *path_case(const struct script *script, const struct adapter *adapter,
                         const struct adapter_settings *settings, const struct path *path);

/* The shape of what a path found. */
uint64_t path_shape(enum clause clause, const struct adapter *adapter, const struct script *script,
                    const struct path *path);

#endif
