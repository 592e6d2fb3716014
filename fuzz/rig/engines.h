/* engines.h - the engines that a rig can be built with, by name: those of the house, the test
 * subjects, and plugins.
 */
#ifndef BROWNOUT_ENGINES_H
#define BROWNOUT_ENGINES_H

#include "fuzz/adapter.h"

/* The n-th engine, from 0; NULL after the last. What is built in comes first, of that the test
 * subjects, engines with known faults that the harness must catch, last; then the plugins, in the
 * order in which they were added. What a plugin takes the place of is left out. */
const struct adapter *engines_at(size_t n);
bool engines_is_subject(const struct adapter *adapter);

/* Makes a plugin known, of the shared object `file`; one of the same name takes the place of what
 * is built in. False when another plugin has its name. */
bool engines_add(const struct adapter *plugin, const char *file);

/* The n-th plugin, from 0; NULL after the last. */
const struct adapter *engines_plugin(size_t n);

/* The shared object that an engine came from; NULL: it is built in. */
const char *engines_file(const struct adapter *adapter);

/* The engine of that name; NULL when there is none. */
const struct adapter *engines_find(const char *name);

#endif
