/* result_pipe.h - an explorer's result from one process of this program to another. */
#ifndef BROWNOUT_RESULT_PIPE_H
#define BROWNOUT_RESULT_PIPE_H

#include <stdio.h>
#include "fuzz/explore/result.h"

/* Writes a result, divergences as case texts. A file that can't take it ends the process: see
 * worker_fail(). */
void result_pipe_write(FILE *file, const struct result *result);

/* Reads one from where the file stands and adds it to `result`: counts add up, divergences merge by
 * shape; counters of the uncut run are taken when `result` has none yet. False when the file holds
 * no whole result, which means that its writer died. */
bool result_pipe_read(FILE *file, struct result *result);

/* The same from the file of a writer that did not die: what is not whole ends the process. */
void result_pipe_read_whole(FILE *file, struct result *result);

/* Bytes that go with a result, written in the same way. */
void result_pipe_put(FILE *file, const void *bytes, size_t size);

#endif
