/* result_pipe.h - an explorer's result from one process of this program to another. */
#ifndef BROWNOUT_RESULT_PIPE_H
#define BROWNOUT_RESULT_PIPE_H

#include <stdio.h>
#include "fuzz/explore/result.h"

/* Writes a result, divergences as case texts. False when the file can't take it. */
bool result_pipe_write(FILE *file, const struct result *result);

/* Reads one from where the file stands and adds it to `result`: counts add up, divergences merge by
 * shape; counters of the uncut run are taken when `result` has none yet. False when the file holds
 * no whole result, which means that its writer died. */
bool result_pipe_read(FILE *file, struct result *result);

#endif
