/* result.h - what an exploration found and counted. */
#ifndef BROWNOUT_RESULT_H
#define BROWNOUT_RESULT_H

#include "fuzz/contract.h"
#include "fuzz/script/script.h"
#include "sim/chip.h"

/* One difference between engine and model. `script` is the case: operations, cuts, finding. */
struct divergence {
    enum clause clause;     /* of the script's finding */
    enum fault_class fault; /* of the last tear on the path; 0 when there was no cut */
    bool lost;              /* the engine crashed or hung: replaying it does the same */
    uint64_t shape;         /* equal for divergences of one kind (script/kind.h) */
    uint64_t count;         /* how many crash states showed this kind */
    uint64_t order;         /* place of the first one in the exploration; sorts results of shards */
    struct script *script;
    struct finding shown; /* by its own replay, where that is not what it was recorded with */
};

enum result_stop {
    RESULT_LOST = 0, /* the engine crashed or hung too often, or in the run without cuts */
    RESULT_MAX,      /* divergences_max */
    RESULT_TIME,
    RESULT_ASKED, /* by a signal */
};

struct result {
    uint64_t cuts;   /* programs and erases at which power was cut */
    uint64_t states; /* crash states met, at all levels: judged + skipped + empty */
    uint64_t judged;
    uint64_t skipped; /* met before */
    uint64_t empty;  /* of a store to which nothing was put, as all of it was refused: no verdict */
    uint64_t waived; /* divergences of a clause that is waived */
    uint64_t
        judged_by_class[FAULT_CLASSES]; /* by class of the last tear; index is the bit number */
    uint64_t mounts;
    struct chip_counters counters; /* of the uncut run */
    uint32_t *sector_erases;       /* of the uncut run, one for each sector; NULL when not wanted */
    uint32_t sector_count;
    uint32_t erases_max, erases_max_sector;
    uint64_t operations;  /* of the uncut run */
    uint64_t puts, taken; /* values and items that it puts in, and those that the engine took; where
                             it puts in none, one that a new store was asked to take */
    struct divergence *divergences;
    uint32_t divergence_count;
    struct divergence *unreproduced; /* what did not replay: a fault of the harness (settle.h) */
    uint32_t unreproduced_count;
    char mistake[200]; /* of scenario or adapter; then what was found means nothing */
    uint32_t mistake_line;
    uint64_t refused;          /* operations of the uncut run that the engine did not do, */
    char refusal[80];          /* and the first of them, as text */
    uint32_t cuts_missed;      /* cuts of the scenario's own that did not take place in it */
    bool stopped;              /* before the end, */
    enum result_stop stop;     /* and by what; of a whole exploration (pool.h, fuzz_run.h) */
    uint32_t parts, parts_all; /* groups of cuts that were tried; 0: the script was not run */
};
void result_free(struct result *result);

/* Counts a divergence, whose script is not made yet, when one of its kind is there that is kept:
 * the one of the simplest fault, and the first one of that. False: it is to be added. */
bool result_counts(struct result *result, const struct divergence *divergence);

/* Whether all that was to be put in was refused. */
bool result_took_nothing(const struct result *result);

/* What was judged is no verdict: it is counted as of an empty store. */
void result_empty(struct result *result);

/* How many kinds were found, counted as few: cases that are made smaller may become of one kind. */
uint32_t result_kinds(const struct result *result);

/* Whether an engine that keeps memory is among what was found. */
bool result_has_leak(const struct result *result);

/* Adds what another exploration counted and the mistake that it met, if none is known. Not what it
 * found, nor what belongs to the uncut run. */
void result_add_counts(struct result *to, const struct result *from);

/* Adds a divergence, or counts it when one of its kind is there, of which one is kept as above;
 * takes the script. Whether it is new. */
bool result_add(struct result *result, struct divergence *divergence);

/* Keeps what did not replay; takes the script. */
void result_add_unreproduced(struct result *result, struct divergence *divergence);

#endif
