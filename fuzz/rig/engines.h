/* engines.h - the engines that a rig can be built with, by name: those of the house, the test
 * subjects, and plugins.
 */
#ifndef BROWNOUT_ENGINES_H
#define BROWNOUT_ENGINES_H

#include "fuzz/adapter.h"

/* The n-th engine that is built in, from 0; NULL after the last. Test subjects, engines with known
 * faults that the harness must catch, come last. */
const struct adapter *engines_at(size_t n);
bool engines_is_subject(const struct adapter *adapter);

/* Makes a plugin known; one of the same name takes the place of what is built in. */
void engines_add(const struct adapter *plugin);

/* The engine of that name; NULL when there is none. */
const struct adapter *engines_find(const char *name);

#endif
