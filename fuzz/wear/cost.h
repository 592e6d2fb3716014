/* cost.h - one engine at the work of a scenario, and what that cost.
 *
 * The model. Only what the scenario asks of the engine is counted (op_is_work()), and one mount for
 * each `mount`; what the harness does to check the answers is not. `use`, which is a check and no
 * work, is left out. Formatting and the first power-on happen once in a life: they are counted
 * apart (`start`) and are in no other figure, wear and lifetime included.
 *
 * With a cut rate power is cut on the way: inside one of the programs and erases of an operation
 * that was chosen, or after it where it has none. Then power comes back, the engine mounts, and
 * what it holds is compared with the model; the mount counts, the comparison does not. What was
 * interrupted and did not take effect is done again. So the work is the same with and without cuts,
 * and the difference is what the cuts cost.
 *
 * How the place of a cut is found: the operation is done once for practice, under a mark that is
 * rolled back, and its programs and erases are counted.
 */
#ifndef BROWNOUT_COST_H
#define BROWNOUT_COST_H

#include "fuzz/wear/cut_rate.h"
#include "fuzz/rig/rig.h"
#include "fuzz/wear/wear.h"

struct cost_cuts {
    uint64_t in_program, in_erase;
    uint64_t after;  /* after an operation that neither programs nor erases */
    uint64_t redone; /* operations that were done again */
};

struct cost {
    struct wear wear;
    double lifetime_ns;              /* as wear_lifetime_ns() */
    struct chip_counters start;      /* of the format, if there is one, and the first power-on */
    struct chip_counters work;       /* of all operations together, mounts included */
    struct chip_counters mount;      /* of one more mount, at the end */
    struct chip_counters mount_most; /* of the mount with the most reads: of those of the run, of
                                      * the one at the end, and of some that are tried on the way */
    uint64_t operations;
    uint64_t payload;       /* bytes that were put in: of the value or item of each store, push and
                             * append that was done, and of the key of each store */
    uint64_t refused;       /* operations that the engine did not do */
    bool took;              /* a value or an item that was put in was taken */
    uint64_t programs_most; /* of one operation that is no mount */
    uint64_t time_ns_most;  /* flash time of one operation that is no mount */
    uint64_t held;          /* keys or items at the end */
    uint64_t held_least;    /* items, after the oldest were overwritten for the first time, */
    bool overwrote;         /* if they were */
    struct cost_cuts cuts;
};

/* What was done so far, cuts and all: what a case is made of. Each operation is written down before
 * the engine is called, so that in memory which outlives the engine (worker_share()) it leads to a
 * crash, too. Its values are those of the script. */
struct cost_trail {
    struct finding finding; /* what differed, when the work has come to its end */
    enum cut_in cut;        /* in what the last cut was */
    uint32_t count;
    struct op ops[];
};

/* The bytes of a trail with room for all that the work of a script comes to. */
size_t cost_trail_size(const struct script *script);

/* Does the work of the rig's script on the rig, which must be new. `cut_rate` may be NULL: no cuts.
 * False when something differed (rig->finding). `trail`, zeroed before, may be NULL. */
bool cost_work(struct cost *cost, struct rig *rig, const struct cut_rate *cut_rate,
               struct cost_trail *trail);

/* Power cuts in all. */
uint64_t cost_cuts(const struct cost *cost);

#endif
