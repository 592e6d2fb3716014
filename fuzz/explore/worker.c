#define _GNU_SOURCE
#include "fuzz/explore/worker.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Exit codes that no engine is likely to choose, should it call exit(). */
#define EXIT_DONE 97
#define EXIT_FAILED 98

#define SLEEP_MAX 10.0 /* a worker that sleeps hangs after so many times the silence */
#define LOOK_MAX 0.1   /* seconds: a longer time between two looks was not watched */

static volatile sig_atomic_t interrupted;

void worker_stop(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

bool worker_stopped(void)
{
    return interrupted != 0;
}

double worker_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void worker_pause(void)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    nanosleep(&pause, NULL);
}

void *worker_share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void worker_unshare(void *memory, size_t size)
{
    if (memory) munmap(memory, size);
}

pid_t worker_fork(struct worker *worker)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(EXIT_FAILED); /* it was faster */
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        return 0;
    }
    *worker =
        (struct worker){.pid = pid < 0 ? 0 : pid, .file = worker->file, .looked = worker_now()};
    return pid;
}

_Noreturn void worker_leave(bool fine)
{
    _exit(fine ? EXIT_DONE : EXIT_FAILED);
}

static enum worker_end end(struct worker *worker, int status, char text[WORKER_TEXT_MAX])
{
    bool exited = WIFEXITED(status);
    worker->pid = 0;
    if (exited && WEXITSTATUS(status) == EXIT_DONE) return WORKER_DONE;
    if (exited && WEXITSTATUS(status) == EXIT_FAILED) return WORKER_FAILED;
    if (worker->hung) {
        snprintf(text, WORKER_TEXT_MAX, "an engine call does not return");
        return WORKER_HUNG;
    }
    snprintf(text, WORKER_TEXT_MAX, "the engine crashed: %s",
             exited ? "it ended the process" : strsignal(WTERMSIG(status)));
    return WORKER_CRASHED;
}

static double cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec time = {0};
    if (clock_getcpuclockid(pid, &clock) == 0) clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool is_silent(struct worker *worker, uint64_t beats, double silence_max)
{
    double time = worker_now(), passed = time - worker->looked;
    worker->looked = time;
    worker->silent += passed < LOOK_MAX ? passed : LOOK_MAX;
    if (beats != worker->beats) {
        worker->beats = beats;
        worker->cpu = cpu_of(worker->pid);
        worker->silent = 0;
    }
    if (silence_max <= 0) return false;
    return worker->silent >= SLEEP_MAX * silence_max ||
           cpu_of(worker->pid) - worker->cpu >= silence_max;
}

enum worker_end worker_look(struct worker *worker, uint64_t beats, double silence_max,
                            char text[WORKER_TEXT_MAX])
{
    int status;
    if (waitpid(worker->pid, &status, WNOHANG) > 0) return end(worker, status, text);
    if (!worker->hung && is_silent(worker, beats, silence_max)) {
        worker->hung = true;
        kill(worker->pid, SIGKILL);
    }
    return WORKER_RUNS;
}

enum worker_end worker_wait(struct worker *worker, char text[WORKER_TEXT_MAX])
{
    int status = 0;
    if (waitpid(worker->pid, &status, 0) != worker->pid) status = EXIT_FAILED << 8;
    return end(worker, status, text);
}
