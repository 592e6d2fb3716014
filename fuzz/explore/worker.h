/* worker.h - a child process that an engine may crash or keep busy for ever.
 *
 * What calls an engine many times does so in workers, so that the engine takes its worker with it
 * and nothing else. A worker writes what it found to a file that was opened before, shows that it
 * is alive by a number in shared memory that grows, and ends by worker_leave(). It dies with the
 * process that made it, and leaves signals that ask for an end to that process.
 *
 * Whose fault is it when a worker ends in another way? Its engine's, but for three. The harness
 * itself failed in it (worker_fail(), no memory). Somebody else killed it: SIGKILL comes from the
 * system when memory is short, and from no engine. It was done, but ended with another exit code:
 * valgrind puts its own in the place of ours when it saw an error anywhere in the process. Then
 * nothing that was found counts: whoever looks at the worker ends too, by worker_fail().
 *
 * A worker hangs when its number has not grown for that many seconds of its own CPU time: on a busy
 * machine too, nothing looks like a hang that is none. One that sleeps hangs after ten times as
 * long, while which the watching process must have been awake (Ctrl-Z stops both).
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
    uint64_t beats;           /* when it was last seen alive, */
    double cpu;               /* and its CPU time then, in seconds */
    double looked;            /* time of the last look */
    double silent;            /* seconds that were watched since it was last seen alive */
    bool hung;                /* and was killed for it */
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
 * second. `silence_max` in seconds, 0: for ever. When the engine ended it, `text` says how, with
 * the line of its standard error that names a place in a source file, or else the last one. */
#define WORKER_TEXT_MAX 190
enum worker_end worker_look(struct worker *worker, uint64_t beats, double silence_max,
                            char text[WORKER_TEXT_MAX]);

/* Ends a worker that nobody needs any more, as if it hung. */
void worker_kill(struct worker *worker);

/* Waits for the end. */
enum worker_end worker_wait(struct worker *worker, char text[WORKER_TEXT_MAX]);

/* The finding that an end of the engine's making is, in the midst of a call. */
struct finding worker_finding(enum worker_end end, enum adapter_call call, const char *text);

/* Between two looks: 2 ms. */
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
