/* unchecked.h - bytes that lie between the guards of a sanitizer, copied and compared all the same.
 *
 * In a build with ASan memcpy() and memcmp() must not touch a guard. Whoever copies the variables
 * of a plug-in, or looks at the guards of an object, has to.
 */
#ifndef BROWNOUT_UNCHECKED_H
#define BROWNOUT_UNCHECKED_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Defined where ASan is at work: gcc and clang each have a way to say so. */
#ifdef __SANITIZE_ADDRESS__
#define UNCHECKED_ASAN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define UNCHECKED_ASAN 1
#endif
#endif

#ifdef UNCHECKED_ASAN
/* volatile: or the compiler makes the calls of the loops that ASan checks. */
__attribute__((no_sanitize_address)) static inline void
unchecked_copy(volatile uint8_t *to, const volatile uint8_t *from, size_t size)
{
    assert(to && from);
    for (size_t i = 0; i < size; i++)
        to[i] = from[i];
}

__attribute__((no_sanitize_address)) static inline bool
unchecked_equal(const volatile uint8_t *one, const volatile uint8_t *other, size_t size)
{
    assert(one && other);
    for (size_t i = 0; i < size; i++) {
        if (one[i] != other[i]) return false;
    }
    return true;
}
#else
static inline void unchecked_copy(uint8_t *to, const uint8_t *from, size_t size)
{
    assert(to && from);
    memcpy(to, from, size);
}

static inline bool unchecked_equal(const uint8_t *one, const uint8_t *other, size_t size)
{
    assert(one && other);
    return memcmp(one, other, size) == 0;
}
#endif

#endif
