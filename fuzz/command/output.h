/* output.h - a file that is there whole or not at all.
 *
 * Bytes go to a file beside it that takes its name when all of them are on their way to the disk,
 * so that neither a full disk nor a kill leaves half of one. What is no regular file, a device or a
 * pipe, is written in place and never taken away.
 */
#ifndef BROWNOUT_OUTPUT_H
#define BROWNOUT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#define OUTPUT_PATH_MAX 4096

struct output {
    FILE *file;                           /* to write to */
    const char *path;                     /* the caller's, which must live until output_close() */
    char temporary[OUTPUT_PATH_MAX + 32]; /* empty: the file is written in place */
};

/* False, with errno set, when it can't be made. */
bool output_open(struct output *output, const char *path);

/* Ends it. `fine`: whether all writes went well; if not, or if the rest of them does not, the
 * answer is false, errno says why, and what was at the path before is there still. */
bool output_close(struct output *output, bool fine);

#endif
