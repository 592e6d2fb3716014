/* output.c - see output.h. A regular file is written beside its name and renamed when it is whole;
 * a device or a pipe is written in place. */
#define _GNU_SOURCE
#include "fuzz/command/output.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/memory.h"

bool output_open(struct output *output, const char *path)
{
    struct stat status;
    assert(output && path);
    bool in_place = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    output->path = path;
    output->temporary[0] = 0;
    if (strlen(path) >= OUTPUT_PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!in_place)
        snprintf(output->temporary, sizeof output->temporary, "%s.%ld.part", path, (long)getpid());
    output->file = memory_opened(fopen(in_place ? path : output->temporary, "wb"));
    return output->file != NULL;
}

bool output_close(struct output *output, bool fine)
{
    int error = errno;
    assert(output->file && output->path && "it is open");
    if (fclose(output->file) != 0 && fine) {
        error = errno;
        fine = false;
    }
    if (fine && output->temporary[0] && rename(output->temporary, output->path) != 0) {
        error = errno;
        fine = false;
    }
    if (!fine && output->temporary[0]) remove(output->temporary);
    errno = error;
    return fine;
}
