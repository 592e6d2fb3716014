/* file.h - a file as bytes. */
#ifndef BROWNOUT_FILE_H
#define BROWNOUT_FILE_H

#include <stdint.h>

/* The whole of a file, to be freed; NULL and errno, or *size over `max` when it is too long. */
uint8_t *file_read(const char *path, uint64_t max, uint64_t *size);

#endif
