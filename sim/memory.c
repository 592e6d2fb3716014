/* memory.c - see memory.h: malloc() and its kind, and one place where a lack of memory ends the
 * process.
 */
#define _POSIX_C_SOURCE 200809L
#include "sim/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*end_of_process)(void);

_Noreturn void memory_is_short(void)
{
    static const char line[] = "brownout: out of memory\n";
    if (end_of_process) end_of_process();
    /* Past the buffers of stdio, which may want memory themselves. */
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) _exit(MEMORY_EXIT);
    _exit(MEMORY_EXIT);
}

void memory_set_end(void (*end)(void))
{
    end_of_process = end;
}

static void *there(void *memory)
{
    if (!memory) memory_is_short();
    return memory;
}

void *memory_new(size_t size)
{
    return there(malloc(size ? size : 1));
}

void *memory_zeroed(size_t count, size_t size)
{
    return there(count && size ? calloc(count, size) : calloc(1, 1));
}

void *memory_resize(void *old, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) memory_is_short();
    return there(realloc(old, count && size ? count * size : 1));
}

void *memory_copy(const void *bytes, size_t size)
{
    void *copy = memory_new(size);
    if (size) memcpy(copy, bytes, size);
    return copy;
}

char *memory_text(const char *text)
{
    return memory_copy(text, strlen(text) + 1);
}

FILE *memory_opened(FILE *file)
{
    if (!file && errno == ENOMEM) memory_is_short();
    return file;
}

FILE *memory_open(char **text, size_t *size)
{
    return there(open_memstream(text, size));
}

/* glibc's fclose() answers 0 when there is no memory for the text in its final size. */
void memory_close(FILE *file, char **text)
{
    int failed = ferror(file);
    if (fclose(file) != 0 || failed || !*text) memory_is_short();
}
