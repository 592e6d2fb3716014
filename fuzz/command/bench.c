/* bench.c - how speeds are measured. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/command/bench.h"

#include <assert.h>
#include <time.h>

double bench_cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double bench_best(double (*measure)(void *context), void *context, int runs)
{
    assert(runs > 0);
    double least = measure(context);
    for (int i = 1; i < runs; i++) {
        double seconds = measure(context);
        if (seconds < least) least = seconds;
    }
    return least;
}
