/* fuzz_run.h - the built-in fuzzer: random scenarios, explored, and damaged images, in workers.
 *
 * Round n of a fuzz run is a function of the seed and n. Three rounds of four decode random bytes
 * (decode.h) to a scenario and explore it: all cuts of a short one, an even share of those of a
 * long one, so that no round takes long; now and then two cuts deep. Each fourth round damages the
 * image that such a scenario leaves in a few dozen ways and tries the engine on it (image.h).
 *
 * Rounds are done in batches, shared among the workers. After each batch what is new is shrunk, and
 * what turns out to be the same is one case. A batch is a set of rounds whatever the number of
 * workers, so equal seeds and numbers of rounds find the same cases. If a worker crashes or hangs,
 * where it was becomes a case, and another worker goes on with the rest of the round.
 */
#ifndef BROWNOUT_FUZZ_RUN_H
#define BROWNOUT_FUZZ_RUN_H

#include "fuzz/script/decode.h"
#include "fuzz/explore/explore.h"
#include "fuzz/explore/settle.h"
#include "fuzz/rig/hostile.h"

struct fuzz_run_result {
    uint64_t rounds, scenarios;
    struct hostile_answers images;
    struct result total;      /* counts and counters, those of uncut runs included; no cases */
    struct divergence *cases; /* in the order of the rounds that found them */
    uint32_t case_count;
    struct divergence *unreproduced; /* what did not replay: a fault of the harness (settle.h) */
    uint32_t unreproduced_count;
    bool stopped; /* Ctrl-C, or divergences_max was reached, or the time was over before runs_max,
                   * or total.mistake is not empty */
};

struct fuzz_run_options {
    struct decode_target target;
    struct explore_options explore; /* divergences_max: cases after which the fuzz run ends */
    bool depth_given;               /* otherwise the fuzz run varies it */
    bool faults_given; /* otherwise a class is left out where the engine claims it elsewhere only */
    struct settle_options settle; /* of cases */
    uint32_t jobs;                /* workers, from 1 */
    uint64_t runs_max;            /* rounds; 0: no limit */
    double seconds_max;           /* 0: no limit */
    struct worker_limits limits;
    /* Called about five times a second; may be NULL. */
    void (*progress)(void *context, const struct fuzz_run_result *so_far);
    /* Called after each batch with its counts and the cases it met, each counted for this batch.
     * False ends the fuzz run; may be NULL. */
    bool (*batch)(void *context, const struct result *batch, double seconds);
    void *context;
};

/* Runs until worker_stop() at the longest. False when batch() answered false. What was found until
 * then is in the result. A failure of the harness, in a worker too, ends the process: see
 * worker_fail(). */
bool fuzz_run_run(const struct fuzz_run_options *options, struct fuzz_run_result *result);
void fuzz_run_result_free(struct fuzz_run_result *result);

#endif
