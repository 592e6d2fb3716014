/* memory.h - memory for the harness, or its end.
 *
 * An engine that is judged while the harness has no memory would be judged wrongly. So nobody who
 * asks for memory here goes on without it: the process says so in one line on standard error and
 * ends at once with exit code 3. Nothing that is buffered is written then, so that no half of a
 * result is. All of this is given back by free().
 */
#ifndef BROWNOUT_MEMORY_H
#define BROWNOUT_MEMORY_H

#include <stddef.h>
#include <stdio.h>

/* The exit code of a harness that failed. */
#define MEMORY_EXIT 3

/* Ends the process: for whoever learns by other means that there is no memory. */
_Noreturn void memory_is_short(void);

/* Ends by this from now on, which must not return and prints what there is to say. For a process
 * that another one watches. */
void memory_set_end(void (*end)(void));

/* `size` bytes; `count` elements of 0; what was at `old`, NULL included, with room for `count`
 * elements. A pointer of its own for 0 bytes as well. */
void *memory_new(size_t size);
void *memory_zeroed(size_t count, size_t size);
void *memory_resize(void *old, size_t count, size_t size);

/* A copy of bytes, and of a text. */
void *memory_copy(const void *bytes, size_t size);
char *memory_text(const char *text);

/* What fopen() and its like return: NULL only where memory was not what was missing. */
FILE *memory_opened(FILE *file);

/* A file in memory: what is printed to it is at *text, *size bytes and a 0, once it is closed with
 * the same `text`. */
FILE *memory_open(char **text, size_t *size);
void memory_close(FILE *file, char **text);

#endif
