/* subjects.h - engines that are known to be faulty: what the harness is tried on.
 *
 * `original` and `original-queue` are the map and the queue of the Rust crate sequential-storage as
 * they are; their power-loss bugs are real and the explorer must show them. `canary` is a small map
 * of our own with one planted fault; a run that does not find it has a harness that went silent,
 * and without the fault it must be clean. `canary-queue` and `canary-log` are that for their kinds.
 */
#ifndef BROWNOUT_SUBJECTS_H
#define BROWNOUT_SUBJECTS_H

#include "fuzz/adapter.h"

extern const struct adapter adapter_original;
extern const struct adapter adapter_original_queue;
extern const struct adapter adapter_canary;
extern const struct adapter adapter_canary_queue;
extern const struct adapter adapter_canary_log;

/* What the option `fault=N` of the canary plants: entry N. Entry 0 is the correct engine. */
struct canary_fault {
    const char *summary;
    const char *bug_class; /* K1 to K25: the kinds of bug that flash storage software has had */
    const char *clause;    /* of the contract, that breaks */
    const char *needs;     /* fault classes that show it; "" when it shows without a cut */
    bool once;             /* it shows on a part that programs a unit once between erases */
};

#define CANARY_FAULT_COUNT 20u
extern const struct canary_fault canary_faults[CANARY_FAULT_COUNT];

/* The same of canary-queue and canary-log, which are one engine. */
struct canary_list_fault {
    const char *summary;
    const char *bug_class;
    const char *clause; /* two where the kinds differ: "ordered or atomic" */
    const char *needs;
    bool once;
    uint32_t depth;         /* cuts on one path that show it */
    enum adapter_kind kind; /* which of the two shows it; ADAPTER_MAP: both do */
    uint32_t batch;         /* option of the log that shows it */
};

#define CANARY_LIST_FAULT_COUNT 39u
extern const struct canary_list_fault canary_list_faults[CANARY_LIST_FAULT_COUNT];

#endif
