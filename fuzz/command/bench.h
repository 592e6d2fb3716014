/* bench.h - the parts of `brownout bench`: speeds of the harness, and what ring logs and maps cost.
 *
 * Speeds stand beside a yardstick that runs at the same moment on the same machine. All times are
 * CPU time of this one process, so they are per core; each is the best of several runs, since noise
 * only ever adds. Costs are counted, and the same on any machine.
 */
#ifndef BROWNOUT_BENCH_H
#define BROWNOUT_BENCH_H

#include "fuzz/command/command.h"

double bench_cpu_seconds(void);

/* The least of several measurements. */
double bench_best(double (*measure)(void *context), void *context, int runs);

/* Programs and erases of the simulated chip. */
void bench_chip(void);

/* An exploration of every cut of a run; of every pair of cuts. */
void bench_states(struct loaded *loaded);
void bench_pairs(struct loaded *loaded);

/* Records, --runs of them or 100,000, on each design of a log: on those of --engines, or on all of
 * the house. COMMAND_CLEAN, or what to exit with, the reason printed. */
int bench_logs(const struct command_options *options);

/* Changes, --runs of them or 4,000, of a thousand keys, on designs of a map; as above. */
int bench_maps(const struct command_options *options);

#endif
