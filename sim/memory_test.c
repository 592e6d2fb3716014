/* memory_test.c - what memory.h promises of 0 bytes, and how a process without memory ends.
 *
 * Method. What must end the process does so in a child, of which the exit code and what it wrote on
 * standard error are looked at. No memory is used up: a size that no address space has will do, and
 * a file that cannot be written.
 */
#define _POSIX_C_SOURCE 200809L
#include "sim/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_sizes(void)
{
    char *bytes = memory_new(0), *zeros = memory_zeroed(0, 8), *none = memory_zeroed(8, 0);
    char *more = memory_resize(NULL, 0, 8), *copy = memory_copy(NULL, 0), *text = memory_text("ab");
    assert(bytes && zeros && none && more && copy && strcmp(text, "ab") == 0);
    more = memory_resize(more, 8, 0);
    assert(more);
    more = memory_resize(more, 3, 1);
    memcpy(more, text, 3);
    more = memory_resize(more, 100, 100);
    assert(strcmp(more, "ab") == 0);
    char *const all[] = {bytes, zeros, none, more, copy, text};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void check_files(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = memory_open(&text, &size);
    fputs("abc", file);
    memory_close(file, &text);
    assert(size == 3 && strcmp(text, "abc") == 0);
    free(text);
    errno = ENOENT;
    assert(memory_opened(NULL) == NULL && "memory is not what is missing");
}

/* --- ends --- */

static void ask_for_too_many(void)
{
    memory_resize(NULL, SIZE_MAX / 2, 3);
}

static void open_without_memory(void)
{
    errno = ENOMEM;
    memory_opened(NULL);
}

static void close_unwritten(void)
{
    static char text[1], *written = text;
    FILE *file = fopen("/dev/full", "w");
    assert(file);
    fputc('a', file);
    memory_close(file, &written);
}

static void close_after_an_error(void)
{
    static char text[1], *written = text;
    FILE *file = fopen("/dev/full", "w");
    assert(file && setvbuf(file, NULL, _IONBF, 0) == 0);
    fputc('a', file);
    memory_close(file, &written);
}

static void close_without_a_text(void)
{
    char *text = NULL;
    memory_close(fopen("/dev/null", "w"), &text);
}

static void end_otherwise(void)
{
    _exit(write(STDERR_FILENO, "otherwise\n", 10) == 10 ? 7 : 8);
}

static void end_as_set(void)
{
    memory_set_end(end_otherwise);
    memory_is_short();
}

static void end_unheard(void)
{
    close(STDERR_FILENO);
    if (write(STDOUT_FILENO, "unheard\n", 8) == 8) memory_is_short();
}

/* Ends a child by this; both of its outputs are read. */
static void must_end(void (*how)(void), int code, const char *line)
{
    char text[64] = {0};
    int ends[2], status = 0;
    assert(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        how();
        _exit(0);
    }
    close(ends[1]);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    assert(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    assert(WEXITSTATUS(status) == code && size > 0 && strcmp(text, line) == 0);
}

int main(void)
{
    static const char line[] = "brownout: out of memory\n";
    check_sizes();
    check_files();
    must_end(ask_for_too_many, MEMORY_EXIT, line);
    must_end(open_without_memory, MEMORY_EXIT, line);
    must_end(close_unwritten, MEMORY_EXIT, line);
    must_end(close_after_an_error, MEMORY_EXIT, line);
    must_end(close_without_a_text, MEMORY_EXIT, line);
    must_end(end_as_set, 7, "otherwise\n");
    must_end(end_unheard, MEMORY_EXIT, "unheard\n");
    return 0;
}
