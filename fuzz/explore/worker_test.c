/* worker_test.c - how a worker ends, and whose fault that is.
 *
 * Each case makes a worker that does one thing, in a process that watches it as the pool does: the
 * end that the watcher sees, or the exit code and the line with which it ends itself.
 */
#define _GNU_SOURCE
#include "fuzz/explore/worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/memory.h"
#include "sim/pulse.h"

#define OUTPUT_MAX 1024

struct watched {
    int code;              /* of the watcher: an enum worker_end, or how it ended itself */
    char line[OUTPUT_MAX]; /* what it printed: the text of the end, or its last line */
};

static const volatile bool never = false;

/* What a worker may take in a test, and what it takes where it is not to be ended for that. */
static const struct worker_limits limits = {.call = 0.05, .silence = 0.05};
#define LONG_SECONDS 0.2
#define ASLEEP_SECONDS 0.7 /* silence counts when one sleeps ten times as long */

static void watch(void (*work)(void))
{
    char text[WORKER_TEXT_MAX] = "";
    struct worker worker;
    enum worker_end end;
    worker_open(&worker);
    if (worker_fork(&worker)) {
        work();
        worker_leave();
    }
    end = worker_wait(&worker, &limits, text);
    dprintf(STDERR_FILENO, "%s\n", text);
    _exit(10 + (int)end);
}

static struct watched watched(void (*work)(void))
{
    struct watched seen = {0};
    int ends[2], status;
    assert(pipe(ends) == 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        watch(work);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t size; (size = read(ends[0], seen.line + used, OUTPUT_MAX - 1 - used)) > 0;)
        used += (size_t)size;
    close(ends[0]);
    assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    seen.code = WEXITSTATUS(status);
    return seen;
}

static bool is_one_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end && !end[1];
}

static void must_end(void (*work)(void), int code, const char *line)
{
    struct watched seen = watched(work);
    if (seen.code == code && strstr(seen.line, line) &&
        (code != MEMORY_EXIT || is_one_line(seen.line)))
        return;
    fprintf(stderr, "expected exit code %d and '%s', got %d and '%s'\n", code, line, seen.code,
            seen.line);
    exit(1);
}

static void must_see(void (*work)(void), enum worker_end end, const char *text)
{
    must_end(work, 10 + (int)end, text);
}

/* --- what workers do --- */

static void nothing(void)
{
}

static void engine_aborts(void)
{
    pulse_enter_engine(0);
    abort();
}

static void engine_asserts(void)
{
    pulse_enter_engine(0);
    assert(never && "of the engine");
}

static void engine_exits(void)
{
    pulse_enter_engine(0);
    _exit(0);
}

static void engine_gives_bad_bytes(void)
{
    pulse_enter_engine(0);
    pulse_go(PULSE_CALLED_BACK);
    raise(SIGSEGV);
}

static void harness_asserts(void)
{
    pulse_enter_engine(0);
    pulse_go(PULSE_HARNESS);
    assert(never && "of the harness");
}

static void harness_asserts_when_called_back(void)
{
    pulse_enter_engine(0);
    pulse_go(PULSE_CALLED_BACK);
    assert(never && "of the chip");
}

static void harness_crashes(void)
{
    raise(SIGSEGV);
}

static void harness_exits(void)
{
    _exit(0);
}

static void harness_has_no_memory(void)
{
    memory_is_short();
}

static void is_hung_up_by_others(void)
{
    pulse_enter_engine(0);
    raise(SIGHUP);
}

static double cpu_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void engine_spins(void)
{
    pulse_enter_engine(0);
    while (!never)
        (void)cpu_now();
}

static void engine_works_long(void)
{
    pulse_enter_engine(0);
    while (cpu_now() < LONG_SECONDS)
        pulse_now->beats++; /* as a flash call does */
}

static void harness_works_long(void)
{
    pulse_enter_engine(0);
    pulse_go(PULSE_HARNESS);
    while (cpu_now() < LONG_SECONDS)
        continue;
}

static void sleep_for(double seconds)
{
    time_t whole = (time_t)seconds;
    const struct timespec pause = {whole, (long)((seconds - (double)whole) * 1e9)};
    nanosleep(&pause, NULL);
}

/* As on a machine that is suspended, or very busy. */
static void engine_does_not_get_the_processor(void)
{
    pulse_enter_engine(0);
    sleep_for(LONG_SECONDS);
}

static void harness_does_not_get_the_processor(void)
{
    sleep_for(ASLEEP_SECONDS);
}

static void engine_sleeps(void)
{
    pulse_enter_engine(0);
    sleep_for(60);
}

int main(void)
{
    signal(SIGSEGV, SIG_DFL); /* as without a sanitizer */
    must_see(nothing, WORKER_DONE, "");
    must_see(engine_aborts, WORKER_CRASHED, "the engine crashed: Aborted");
    must_see(engine_asserts, WORKER_CRASHED, "of the engine");
    must_see(engine_exits, WORKER_CRASHED, "it ended the process, exit code 0");
    must_see(engine_gives_bad_bytes, WORKER_CRASHED, "the engine crashed: Segmentation fault");
    must_end(harness_asserts, MEMORY_EXIT, "fuzz/explore/worker_test.c");
    must_end(harness_asserts_when_called_back, MEMORY_EXIT, "of the chip");
    must_end(harness_crashes, MEMORY_EXIT, "the harness crashed in a worker");
    must_end(harness_exits, MEMORY_EXIT, "the harness crashed in a worker");
    must_end(harness_has_no_memory, MEMORY_EXIT, "brownout: out of memory");
    must_end(is_hung_up_by_others, MEMORY_EXIT, "killed from outside");
    must_see(engine_spins, WORKER_HUNG, "an engine call does not return");
    must_see(engine_works_long, WORKER_DONE, "");
    must_see(harness_works_long, WORKER_DONE, "");
    must_see(engine_does_not_get_the_processor, WORKER_DONE, "");
    must_see(harness_does_not_get_the_processor, WORKER_DONE, "");
    must_see(engine_sleeps, WORKER_HUNG, "an engine call does not return");
    return 0;
}
