/* death_test.h - whether work ends its process by an assertion, for the tests of checks. */
#ifndef BROWNOUT_DEATH_TEST_H
#define BROWNOUT_DEATH_TEST_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Does the work in a child process, which prints nothing. */
static inline bool death_asserts(void (*work)(void *context), void *context)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(1);
        work(context);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return false;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
