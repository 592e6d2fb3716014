#define _GNU_SOURCE
#include "fuzz/explore/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/script/kind.h"
#include "sim/memory.h"

/* Exit codes that no engine is likely to choose, should it call exit(). */
#define EXIT_DONE 97
#define EXIT_FAILED 98

#define SLEEP_MAX 10.0 /* a worker that sleeps hangs after that many times the silence */
#define LOOK_MAX 0.1   /* seconds: a longer time between two looks was not watched */

#define LINE_MAX_SIZE 200

struct worker_word {
    bool left; /* by worker_leave() or worker_fail() */
    char line[LINE_MAX_SIZE];
};

static struct worker_word *mine; /* of this process, when it is a worker */
static bool forking;             /* the process that comes now is a worker, */
static bool forks_end;           /* and any other one ends at once */
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
    if (memory == MAP_FAILED) memory_is_short();
    return memory;
}

void worker_unshare(void *memory, size_t size)
{
    munmap(memory, size);
}

/* --- how a worker ends --- */

_Noreturn void worker_leave(void)
{
    mine->left = true;
    _exit(EXIT_DONE);
}

_Noreturn void worker_fail(const char *format, ...)
{
    char line[LINE_MAX_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (mine) {
        memcpy(mine->line, line, sizeof line);
        mine->left = true;
        _exit(EXIT_FAILED);
    }
    dprintf(STDERR_FILENO, "brownout: %s\n", line);
    _exit(MEMORY_EXIT);
}

static void fail_without_memory(void)
{
    worker_fail("out of memory");
}

/* The engine is not to blame, or this returns. */
static void excuse(const struct worker *worker, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (worker->word->left && code == EXIT_FAILED) worker_fail("%s", worker->word->line);
    if (worker->word->left && code >= 0)
        worker_fail("a worker was done and its exit code is %d: what it runs under (valgrind, "
                    "a sanitizer) has found an error; see what it says",
                    code);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !worker->hung)
        worker_fail("a worker was killed from outside (SIGKILL): by the system, should memory be "
                    "short; try fewer --jobs");
}

/* The line that names a place, or the last one that says something. */
static void append_message(FILE *errors, char text[WORKER_TEXT_MAX], size_t used)
{
    char line[512], best[512] = "";
    rewind(errors);
    while (fgets(line, sizeof line, errors)) {
        line[strcspn(line, "\r\n")] = 0;
        for (char *at = line; *at; at++) {
            if (*at < ' ' || *at > '~') *at = '?';
        }
        if (line[strspn(line, " ")]) memcpy(best, line, sizeof best);
        if (kind_has_place(line)) break;
    }
    const char *message = best + strspn(best, " ");
    if (*message) snprintf(text + used, WORKER_TEXT_MAX - used, ": %s", message);
}

static enum worker_end end_of(struct worker *worker, int status, char text[WORKER_TEXT_MAX])
{
    bool exited = WIFEXITED(status);
    worker->pid = 0;
    if (exited && worker->word->left && WEXITSTATUS(status) == EXIT_DONE) return WORKER_DONE;
    excuse(worker, status);
    if (worker->hung) {
        snprintf(text, WORKER_TEXT_MAX, "an engine call does not return");
        return WORKER_HUNG;
    }
    size_t used = (size_t)snprintf(text, WORKER_TEXT_MAX, "the engine crashed: ");
    if (exited)
        used += (size_t)snprintf(text + used, WORKER_TEXT_MAX - used,
                                 "it ended the process, exit code %d", WEXITSTATUS(status));
    else
        used += (size_t)snprintf(text + used, WORKER_TEXT_MAX - used, "%s",
                                 strsignal(WTERMSIG(status)));
    if (worker->errors) append_message(worker->errors, text, used);
    return WORKER_CRASHED;
}

/* --- making and watching --- */

void worker_open(struct worker *worker)
{
    *worker = (struct worker){.file = memory_opened(tmpfile())};
    if (!worker->file) worker_fail("no temporary file: %s", strerror(errno));
    worker->word = worker_share(sizeof *worker->word);
}

void worker_close(struct worker *worker)
{
    fclose(worker->file);
    if (worker->errors) fclose(worker->errors);
    worker_unshare(worker->word, sizeof *worker->word);
    *worker = (struct worker){0};
}

void worker_keep_errors(struct worker *worker)
{
    worker->errors = memory_opened(tmpfile());
    if (!worker->errors) worker_fail("no temporary file: %s", strerror(errno));
}

static void become(struct worker *worker, pid_t watcher)
{
    mine = worker->word;
    memory_set_end(fail_without_memory);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != watcher) _exit(EXIT_FAILED); /* it was faster */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    if (worker->errors) dup2(fileno(worker->errors), STDERR_FILENO);
}

/* In a new process: one that an engine makes must not go on as a second harness. */
static void end_stray(void)
{
    if (!forking) _exit(EXIT_FAILED);
}

static void end_strays(void)
{
    if (!forks_end && pthread_atfork(NULL, NULL, end_stray) != 0) memory_is_short();
    forks_end = true;
}

bool worker_fork(struct worker *worker)
{
    pid_t watcher = getpid();
    worker->word->left = false;
    end_strays();
    forking = true;
    pid_t pid = fork();
    forking = false;
    if (pid < 0) worker_fail("no process can be made: %s", strerror(errno));
    if (pid == 0) become(worker, watcher);
    *worker = (struct worker){.pid = pid,
                              .file = worker->file,
                              .errors = worker->errors,
                              .word = worker->word,
                              .looked = worker_now()};
    return pid == 0;
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
    if (waitpid(worker->pid, &status, WNOHANG) > 0) return end_of(worker, status, text);
    if (!worker->hung && is_silent(worker, beats, silence_max)) {
        worker->hung = true;
        kill(worker->pid, SIGKILL);
    }
    return WORKER_RUNS;
}

void worker_kill(struct worker *worker)
{
    worker->hung = true;
    kill(worker->pid, SIGKILL);
}

enum worker_end worker_wait(struct worker *worker, char text[WORKER_TEXT_MAX])
{
    int status = 0;
    while (waitpid(worker->pid, &status, 0) != worker->pid) {
        if (errno != EINTR) worker_fail("a worker is lost: %s", strerror(errno));
    }
    return end_of(worker, status, text);
}

struct finding worker_finding(enum worker_end end, enum adapter_call call, const char *text)
{
    bool hung = end == WORKER_HUNG;
    struct finding finding = {.clause = hung ? CLAUSE_BOUNDED : CLAUSE_SANE,
                              .seen = hung ? SEEN_ENDLESS : SEEN_CRASH,
                              .call = call};
    snprintf(finding.text, sizeof finding.text, "%s", text);
    return finding;
}
