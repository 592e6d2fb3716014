/* object.h - the memory of an engine object, between guard bytes.
 *
 * What an engine writes outside of its object is somebody else's memory on a device. Here it meets
 * guards, which are looked at after each call. Under ASan the guards are poisoned besides, so that
 * an engine that is built with it is stopped at the read or write itself.
 */
#ifndef BROWNOUT_OBJECT_H
#define BROWNOUT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes before and after an object. */
#define OBJECT_GUARD 16u

/* `size` bytes, aligned as malloc() does it; and back. NULL is freed as nothing. */
void *object_new(size_t size);
void object_free(void *object, size_t size);

/* Whether the guards are as they were made. */
bool object_is_whole(const void *object, size_t size);

/* Makes the guards anew. */
void object_mend(void *object, size_t size);

#endif
