/* counters.h - what a compiler counts in a shared object: which lines ran, which edges were taken.
 *
 * Such counters are writable memory of the object and change with every call, though no engine
 * keeps anything in them. They are known by name: sections of -fsanitize-coverage (__sancov_..) and
 * of -fprofile-instr-generate (__llvm_prf_..), symbols of gcov (__gcov..). A stripped object has
 * lost the symbols.
 */
#ifndef BROWNOUT_COUNTERS_H
#define BROWNOUT_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

typedef void counters_visit(void *context, uintptr_t start, size_t size);

/* Visits the memory of each counter of the object that was loaded from `file`, at `base`; none
 * where the file can't be read. */
void counters_each(const char *file, uintptr_t base, counters_visit *visit, void *context);

#endif
