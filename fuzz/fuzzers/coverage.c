/* coverage.c - see coverage.h.
 *
 * The two functions that a plug-in calls when it is loaded are weak: in a libFuzzer target those of
 * libFuzzer are taken instead. AFL++ gives each of its guards a place in its map, so each counter
 * gets a guard, as if AFL++ had compiled the plug-in; the names that begin with __afl are there in
 * its targets alone.
 */
#include "fuzz/fuzzers/coverage.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/memory.h"

#define OBJECTS_MAX 16u /* later ones have no coverage */

struct counted {
    uint8_t *counters;
    size_t count;
    uint32_t *guards; /* of AFL++; NULL: not needed */
};

static struct counted objects[OBJECTS_MAX];
static size_t object_count;

void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);
void __sanitizer_cov_pcs_init(const uintptr_t *start, const uintptr_t *stop);

__attribute__((weak)) void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop);
__attribute__((weak)) extern uint8_t *__afl_area_ptr;

__attribute__((weak)) void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop)
{
    assert(start <= stop);
    if (start == stop || object_count == OBJECTS_MAX) return;
    struct counted *object = &objects[object_count++];
    *object = (struct counted){.counters = start, .count = (size_t)(stop - start)};
    if (!&__afl_area_ptr || !__sanitizer_cov_trace_pc_guard_init) return;
    object->guards = memory_zeroed(object->count, sizeof *object->guards);
    __sanitizer_cov_trace_pc_guard_init(object->guards, object->guards + object->count);
}

__attribute__((weak)) void __sanitizer_cov_pcs_init(const uintptr_t *start, const uintptr_t *stop)
{
    (void)start, (void)stop;
}

static void fold(const struct counted *object)
{
    for (size_t i = 0; i < object->count; i++) {
        if (!object->counters[i]) continue;
        uint8_t *place = &__afl_area_ptr[object->guards[i]];
        unsigned sum = (unsigned)*place + object->counters[i];
        *place = (uint8_t)(sum < UINT8_MAX ? sum : UINT8_MAX);
        object->counters[i] = 0;
    }
}

void coverage_fold(void)
{
    for (size_t i = 0; i < object_count; i++) {
        if (objects[i].guards) fold(&objects[i]);
    }
}
