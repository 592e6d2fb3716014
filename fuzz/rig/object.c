/* object.c - see object.h: guard, object, guard in one block of memory. Under ASan the guards are
 * opened only while the harness itself looks at them.
 */
#include "fuzz/rig/object.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"
#include "sim/unchecked.h"

/* Neither 0 nor all ones, nor what an object is filled with: a write of those must show. */
static const uint8_t guard[OBJECT_GUARD] = {0x91, 0x98, 0x9F, 0xA6, 0xAD, 0xB4, 0xBB, 0xC2,
                                            0xC9, 0xD0, 0xD7, 0xDE, 0xE5, 0xEC, 0xF3, 0xFA};

#ifdef UNCHECKED_ASAN
#include <sanitizer/asan_interface.h>

static void make_guard(uint8_t *bytes)
{
    ASAN_UNPOISON_MEMORY_REGION(bytes, OBJECT_GUARD);
    memcpy(bytes, guard, OBJECT_GUARD);
    ASAN_POISON_MEMORY_REGION(bytes, OBJECT_GUARD);
}

static void *unguarded(uint8_t *start, size_t size)
{
    ASAN_UNPOISON_MEMORY_REGION(start, size);
    return start;
}
#else
static void make_guard(uint8_t *bytes)
{
    memcpy(bytes, guard, OBJECT_GUARD);
}

static void *unguarded(uint8_t *start, size_t size)
{
    (void)size;
    return start;
}
#endif

static bool is_guard(const uint8_t *bytes)
{
    return unchecked_equal(bytes, guard, OBJECT_GUARD);
}

void *object_new(size_t size)
{
    uint8_t *object = (uint8_t *)memory_new(size + 2 * OBJECT_GUARD) + OBJECT_GUARD;
    object_mend(object, size);
    return object;
}

void object_free(void *object, size_t size)
{
    if (!object) return;
    free(unguarded((uint8_t *)object - OBJECT_GUARD, size + 2 * OBJECT_GUARD));
}

bool object_is_whole(const void *object, size_t size)
{
    const uint8_t *start = object;
    return is_guard(start - OBJECT_GUARD) && is_guard(start + size);
}

void object_mend(void *object, size_t size)
{
    make_guard((uint8_t *)object - OBJECT_GUARD);
    make_guard((uint8_t *)object + size);
}
