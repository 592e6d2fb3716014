/* fuzz_run_internal.h - what the fuzz run (fuzz_run.c) and its workers (fuzz_run_work.c) share. */
#ifndef BROWNOUT_FUZZ_RUN_INTERNAL_H
#define BROWNOUT_FUZZ_RUN_INTERNAL_H

#include "fuzz/fuzzers/fuzz_run.h"
#include "fuzz/explore/worker.h"

#define FUZZ_RUN_IMAGE_SIZE_MAX 65536u
#define FUZZ_RUN_ORDERS_PER_ROUND 64u /* places in the order of findings */

/* Where a worker goes on with a round in which one before it was lost. All 0: the round begins. */
struct fuzz_run_resume {
    bool counted;              /* what the run without cuts counted and found is in the slot, */
    bool leaks;                /* which is that the engine keeps memory, too */
    bool limited;              /* the run without cuts lost a worker: it can do */
    uint32_t end;              /* no more operations than that */
    uint32_t group;            /* of cuts (explore.h): the first that is to be explored, */
    uint64_t step;             /* and those of its steps that are done */
    uint32_t image;            /* the last one that was tried */
    uint32_t lost, group_lost; /* what losses cost, in the round and in its group */
};

/* What a worker and the fuzz run see both; survives the worker. */
struct fuzz_run_slot {
    uint64_t round; /* in progress */
    bool made;      /* its script; until then the engine is asked what it takes */
    struct fuzz_run_resume resume;
    uint32_t image; /* its number in the round, from 1; 0: none is being tried */
    struct path path;
    struct result part;         /* of the group in progress; counts only */
    uint64_t rounds, scenarios; /* of this batch */
    struct hostile_answers images;
    struct result total;   /* of this batch; counts only */
    size_t written, begun; /* bytes of the worker's file: records that are done, and one that is
                            * not */
    size_t image_size;
    uint8_t bytes[FUZZ_RUN_IMAGE_SIZE_MAX]; /* the image being tried */
};

struct fuzz_run_shared {
    volatile bool stop;
    struct fuzz_run_slot slots[];
};

/* A shape as found, and the case that it was shrunk to. */
struct fuzz_run_known {
    uint64_t raw;
    uint32_t index;
};

struct fuzz_run {
    const struct fuzz_run_options *options;
    struct fuzz_run_result *result;
    struct fuzz_run_shared *shared;
    size_t shared_size;
    struct worker *workers;   /* their files hold records: an order, a result (result_pipe.h) */
    uint64_t first, end;      /* rounds of this batch */
    struct divergence *found; /* of this batch, as they come */
    uint32_t found_count;
    struct fuzz_run_known *known;
    uint32_t known_count;
    double start, shown;
};

/* Whether the round damages images; others explore. */
bool fuzz_run_damages(uint64_t round);

/* The random numbers of a round, and the script that it makes of them; without cuts where it is to
 * leave an image. */
uint64_t fuzz_run_state(const struct fuzz_run *fuzzing, uint64_t round);
struct script *fuzz_run_script(const struct fuzz_run *fuzzing, uint64_t round, uint64_t *state,
                               struct adapter_settings *settings);

/* The case of the image that is being tried. */
void fuzz_run_image_case(const struct script *script, const struct finding *finding,
                         const struct fuzz_run_slot *slot, struct divergence *divergence);

/* Adds counts and counters. */
void fuzz_run_add(struct result *to, const struct result *from);

/* A worker's share of the batch, from `round` on. That one it resumes, where its slot says so. */
_Noreturn void fuzz_run_work(const struct fuzz_run *fuzzing, uint32_t index, uint64_t round);

#endif
