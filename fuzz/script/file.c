/* file.c - see file.h. A file may be a pipe: it is read into memory that grows, up to just over
 * `max`. */
#include "fuzz/script/file.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/memory.h"

uint8_t *file_read(const char *path, uint64_t max, uint64_t *size)
{
    FILE *file = memory_opened(fopen(path, "rb"));
    if (!file) return NULL;
    uint8_t *bytes = NULL;
    uint64_t capacity = 0;
    *size = 0;
    for (size_t got = 1; got && *size <= max;) {
        if (*size == capacity) {
            capacity = capacity ? capacity * 2 : 65536;
            bytes = memory_resize(bytes, capacity, 1);
        }
        assert(*size < capacity);
        got = fread(bytes + *size, 1, capacity - *size, file);
        *size += got;
    }
    bool fine = !ferror(file);
    int error = errno;
    fclose(file);
    errno = error;
    if (fine) return bytes;
    free(bytes);
    return NULL;
}
