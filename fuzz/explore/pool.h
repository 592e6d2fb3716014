/* pool.h - explores in worker processes: as many as asked, one at least.
 *
 * An engine that crashes or never returns takes its worker with it and nothing else: the pool knows
 * the path that led there and makes a case of it (clauses sane and bounded), and another worker
 * goes on after that place. Where that happens often in one operation, the rest of its cuts is left
 * out; the result says that it was stopped.
 *
 * What is counted and found does not depend on the number of workers, unless time or Ctrl-C ends
 * the exploration.
 */
#ifndef BROWNOUT_POOL_H
#define BROWNOUT_POOL_H

#include "fuzz/explore/explore.h"
#include "fuzz/explore/worker.h"

struct pool_options {
    uint32_t jobs;      /* workers, from 1 */
    double seconds_max; /* stop after this time; 0: never */
    struct worker_limits limits;
    /* Called about five times a second; may be NULL. */
    void (*progress)(void *context, uint64_t states, uint64_t operations, uint64_t operations_all);
    void *context;
};

/* Explores and merges, until worker_stop() at the longest. The caller frees the result. A failure
 * of the harness, in a worker too, ends the process: see worker_fail(). */
void pool_explore(const struct script *script, const struct adapter *adapter,
                  const struct adapter_settings *settings, const struct explore_options *options,
                  const struct pool_options *pool, struct result *result);

#endif
