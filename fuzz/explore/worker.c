/* worker.c - see worker.h.
 *
 * A worker and who watches it share a page: the pulse says whether an engine or the harness is at
 * work and counts flash calls; a last line says why the worker gave up. The watcher looks at it
 * every few milliseconds, beside the worker's CPU time. When the worker has ended, the exit code,
 * the signal and the pulse decide whose fault it was; excuse() ends this process, too, where it was
 * not the engine's.
 */
#define _GNU_SOURCE
#include "fuzz/explore/worker.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/script/kind.h"
#include "sim/memory.h"
#include "sim/pulse.h"

/* Exit codes that no engine is likely to choose, should it call exit(). */
#define EXIT_DONE 97
#define EXIT_FAILED 98

#define SLEEP_MAX 10.0 /* a worker that sleeps hangs after that many times the silence */
#define LOOK_MAX 0.1   /* seconds: a longer time between two looks was not watched */

#define LOOK_PAUSE_NS 2000000 /* between two looks */

#define LINE_MAX_SIZE 200

struct worker_word {
    bool left; /* by worker_leave() or worker_fail() */
    char line[LINE_MAX_SIZE];
    struct pulse pulse;
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

/* A child that ends cuts it short: worker_fork() has blocked the signal. */
void worker_pause(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_PAUSE_NS};
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigtimedwait(&ends, NULL, &pause);
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

/* --- memory --- */

#define RESERVED_MIN ((uint64_t)1 << 40) /* a sanitizer's shadow is larger, a harness smaller */

static uint64_t memory_max; /* of this process, when it is a worker; 0: no limit */

static void fail_without_memory(void)
{
    if (!memory_max) worker_fail("out of memory");
    worker_fail("out of memory: a worker may take up to %" PRIu64 " MiB (--memory); "
                "--isolate helps where an engine keeps heap memory when power goes away",
                memory_max >> 20);
}

/* Bytes of data of this process, as its limit counts them; 0: not known. */
static uint64_t data_size(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    bool fine = fscanf(file, "%*u %*u %*u %*u %*u %llu", &pages) == 1;
    fclose(file);
    return fine ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void worker_limit_memory(const struct worker_limits *limits)
{
    struct rlimit limit;
    uint64_t now = data_size();
    if (!limits->memory || !now || now >= RESERVED_MIN) return;
    getrlimit(RLIMIT_DATA, &limit);
    if (limit.rlim_cur <= now + limits->memory) return; /* whoever started us allows less */
    limit.rlim_cur = now + limits->memory;
    if (setrlimit(RLIMIT_DATA, &limit) == 0) memory_max = limits->memory;
}

#ifdef __GLIBC__
/* What assert() calls, in the whole program and in plug-ins that are loaded into it. An assertion
 * of the engine is a crash of the engine like any other, one of the harness is no verdict. */
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    if (mine && pulse_now->place != PULSE_ENGINE)
        worker_fail("a check of the harness failed: %s:%u: %s: %s", file, line, function,
                    assertion);
    fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, assertion);
    abort();
}
#endif

/* Signals that a process brings upon itself; others come from outside. */
static bool is_crash(int signal_number)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        if (crashes[i] == signal_number) return true;
    }
    return false;
}

/* The engine is not to blame, or this returns. */
static void excuse(const struct worker *worker, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    int killed = WIFSIGNALED(status) && !worker->hung ? WTERMSIG(status) : 0;
    if (worker->word->left && code == EXIT_FAILED) worker_fail("%s", worker->word->line);
    if (worker->word->left && code >= 0)
        worker_fail("a worker was done and its exit code is %d: what it runs under (valgrind, "
                    "a sanitizer) has found an error; see what it says",
                    code);
    if (killed == SIGKILL)
        worker_fail("a worker was killed from outside (SIGKILL): by the system, should memory be "
                    "short; try fewer --jobs");
    if (killed && !is_crash(killed))
        worker_fail("a worker was killed from outside: %s", strsignal(killed));
    bool hung_in_engine = worker->hung && worker->in_engine;
    if (worker->word->pulse.place != PULSE_HARNESS || hung_in_engine) return;
    if (worker->hung) worker_fail("a worker stands still while no engine is called");
    worker_fail(
        "the harness crashed in a worker while no engine was called (%s); should the engine "
        "write where it must not, -fsanitize=address finds where",
        killed ? strsignal(killed) : "it called exit");
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
    if (worker->unwanted) return WORKER_HUNG;
    excuse(worker, status);
    if (worker->hung) {
        size_t size = (size_t)snprintf(text, WORKER_TEXT_MAX, "an engine call does not return");
        if (worker->call_limit > 0)
            snprintf(text + size, WORKER_TEXT_MAX - size,
                     " within %g s of CPU time, in which it makes no flash call",
                     worker->call_limit);
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

/* A child that ends wakes who waits for it. */
static void mask_ends(int how)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(how, &ends, NULL);
}

static void become(struct worker *worker, pid_t watcher)
{
    mask_ends(SIG_UNBLOCK);
    mine = worker->word;
    pulse_now = &mine->pulse;
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
    *worker->word = (struct worker_word){0};
    mask_ends(SIG_BLOCK);
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

double worker_cpu(const struct worker *worker)
{
    clockid_t clock;
    struct timespec time = {0};
    if (clock_getcpuclockid(worker->pid, &clock) == 0) clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* What was watched of the time between two looks. Clocks may leap: a machine that was suspended. */
static double watched(double from, double to)
{
    return to - from < LOOK_MAX ? to - from : LOOK_MAX;
}

static void listen(struct worker *worker)
{
    double time = worker_now(), cpu = worker_cpu(worker);
    uint64_t beats = worker->word->pulse.beats;
    worker->silent += watched(worker->looked, time);
    worker->busy += watched(worker->cpu, cpu);
    worker->looked = time;
    worker->cpu = cpu;
    if (beats == worker->beats) return;
    worker->beats = beats;
    worker->silent = worker->busy = 0;
}

/* Whether it was silent for too long. */
static bool is_silent(const struct worker *worker, const struct worker_limits *limits,
                      bool in_engine)
{
    double silence = limits->silence;
    if (silence <= 0) return false;
    if (!in_engine && silence < WORKER_HARNESS_SILENCE) silence = WORKER_HARNESS_SILENCE;
    return worker->busy >= silence || worker->silent >= SLEEP_MAX * silence;
}

static bool hangs(struct worker *worker, const struct worker_limits *limits)
{
    bool in_engine = worker->word->pulse.place != PULSE_HARNESS;
    listen(worker);
    worker->in_engine = in_engine;
    if (limits->call > 0 && in_engine && worker->busy >= limits->call) {
        worker->call_limit = limits->call;
        return true;
    }
    return is_silent(worker, limits, in_engine);
}

enum worker_end worker_look(struct worker *worker, const struct worker_limits *limits,
                            char text[WORKER_TEXT_MAX])
{
    int status;
    if (waitpid(worker->pid, &status, WNOHANG) > 0) return end_of(worker, status, text);
    if (!worker->hung && hangs(worker, limits)) {
        worker->hung = true;
        kill(worker->pid, SIGKILL);
    }
    return WORKER_RUNS;
}

enum adapter_call worker_call(const struct worker *worker)
{
    return (enum adapter_call)worker->word->pulse.call;
}

void worker_kill(struct worker *worker)
{
    worker->hung = worker->unwanted = true;
    kill(worker->pid, SIGKILL);
}

enum worker_end worker_wait(struct worker *worker, const struct worker_limits *limits,
                            char text[WORKER_TEXT_MAX])
{
    for (;;) {
        enum worker_end end = worker_look(worker, limits, text);
        if (end != WORKER_RUNS) return end;
        if (limits->stops && worker_stopped()) worker_kill(worker);
        worker_pause();
    }
}

struct finding worker_finding(const struct worker *worker, enum worker_end end, const char *text)
{
    bool hung = end == WORKER_HUNG;
    uint64_t age = worker->word->pulse.age;
    struct finding finding = {.clause = hung ? CLAUSE_BOUNDED : CLAUSE_SANE,
                              .seen = hung ? SEEN_ENDLESS : SEEN_CRASH,
                              .call = worker_call(worker)};
    if (!age) {
        snprintf(finding.text, sizeof finding.text, "%s", text);
        return finding;
    }
    finding.seen = SEEN_AGED; /* else a replay would look for it in a short life */
    snprintf(finding.text, sizeof finding.text,
             "after %" PRIu64 " changes or erases without a cut: %.120s", age, text);
    return finding;
}
