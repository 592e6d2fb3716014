/* worker.h - a child process that an engine may crash or keep busy for ever.
 *
 * What calls an engine many times does so in workers, so that the engine takes its worker with it
 * and nothing else. A worker writes what it found to a file that was opened before, shows where it
 * is by a record in shared memory (sim/pulse.h), and ends by worker_leave(). It dies with the
 * process that made it, and leaves signals that ask for an end to that process.
 *
 * Whose fault is it when a worker ends in another way? Its engine's, if the engine was at work, but
 * for four. The harness itself failed in it (worker_fail(), no memory, an assertion that does not
 * hold). The harness was at work, not the engine. Somebody else killed it: SIGKILL comes from the
 * system when memory is short, and from no engine. It was done, but ended with another exit code:
 * valgrind puts its own in the place of ours when it saw an error anywhere in the process. Then
 * nothing that was found counts: whoever looks at the worker ends too, by worker_fail().
 *
 * A worker hangs when it is in one call of an engine and has used that many seconds of CPU time
 * since the call began, or since the last flash call in it: not time that passes, so that nothing
 * looks like a hang on a busy or a suspended machine that is none. One that sleeps hangs when it is
 * silent, neither calling an engine nor the flash, for ten times `silence` of a time that passes,
 * while which the watching process must have been awake (Ctrl-Z stops both). While no engine is
 * called, `silence` is WORKER_HARNESS_SILENCE at least: a worker that hangs there ends everything,
 * and one that only waits for the processor must not.
 */
#ifndef BROWNOUT_WORKER_H
#define BROWNOUT_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "fuzz/contract.h"

struct worker {
    pid_t pid;                /* 0: none, or it has ended */
    FILE *file;               /* for its user: where the worker writes to */
    FILE *errors;             /* takes its standard error, for the text of a crash; NULL: ours */
    struct worker_word *word; /* how it left; shared with it */
    uint64_t beats;           /* of its pulse, when it was last seen alive, */
    double looked, cpu;       /* time and its CPU time at the last look, in seconds */
    double silent, busy;      /* seconds of both that were watched since it was seen alive */
    bool hung;                /* and was killed for it, */
    bool in_engine;           /* at the last look, and when it hung */
    double call_limit;        /* since it passed this one; 0: it was silent */
    bool unwanted;            /* its end is no finding, and nobody is to blame */
};

/* The least `silence` while no engine is called. */
#define WORKER_HARNESS_SILENCE 10.0

/* 0: no limit. */
struct worker_limits {
    double call;     /* seconds of CPU time in one call of an engine without a flash call */
    double silence;  /* seconds of CPU time, and a tenth of those asleep, without any call */
    uint64_t memory; /* bytes that a worker takes in addition to what its maker had */
    bool stops;      /* worker_wait() ends it when an end is asked for (worker_stop()) */
};

enum worker_end {
    WORKER_RUNS,
    WORKER_DONE, /* worker_leave() */
    WORKER_CRASHED,
    WORKER_HUNG,
};

/* Makes the file, for any number of workers one after the other; and back. */
void worker_open(struct worker *worker);

/* From now on its workers' standard error is kept for the text of a crash. */
void worker_keep_errors(struct worker *worker);
void worker_close(struct worker *worker);

/* Makes the process; true in it. Standard output must be flushed before. From then on any other
 * process that is made by fork(), by an engine, ends at once. */
bool worker_fork(struct worker *worker);

/* The worker that calls it, and its children, get no more memory than that from now on. An engine
 * that asks for more sees that there is none; a harness that does ends by worker_fail(). Without
 * effect under a sanitizer that reserves address space for itself, which the limit would count. */
void worker_limit_memory(const struct worker_limits *limits);

/* Ends the worker that calls it; what it wrote must be flushed. */
_Noreturn void worker_leave(void);

/* The harness failed. Ends this process with exit code 3 and one line on standard error; a worker
 * leaves the line to whoever looks at it, who ends in the same way. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
_Noreturn void
worker_fail(const char *format, ...);

/* Looks once; kills a worker that hangs, whose end a later look shows. To be called many times a
 * second. When the engine ended it, `text` says how, with the line of its standard error that names
 * a place in a source file, or else the last one. */
#define WORKER_TEXT_MAX 190
enum worker_end worker_look(struct worker *worker, const struct worker_limits *limits,
                            char text[WORKER_TEXT_MAX]);

/* Seconds of CPU time that a worker has used. */
double worker_cpu(const struct worker *worker);

/* The engine call that the worker is in, or was in last. */
enum adapter_call worker_call(const struct worker *worker);

/* Ends a worker that nobody needs any more, as if it hung. */
void worker_kill(struct worker *worker);

/* Looks until the end, which it notices at once. */
enum worker_end worker_wait(struct worker *worker, const struct worker_limits *limits,
                            char text[WORKER_TEXT_MAX]);

/* The finding that an end of the engine's making is, in the midst of a call. */
struct finding worker_finding(const struct worker *worker, enum worker_end end, const char *text);

/* Between two looks: 2 ms, or until a worker ends. */
void worker_pause(void);

/* Zeroed memory that this process and workers made from now on see both. */
void *worker_share(size_t size);
void worker_unshare(void *memory, size_t size);

/* A signal handler: asks whatever watches workers to end soon (Ctrl-C). */
void worker_stop(int signal_number);
bool worker_stopped(void);

/* Seconds since some moment, for times between two calls. */
double worker_now(void);

#endif
