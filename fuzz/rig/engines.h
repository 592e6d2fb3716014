/* engines.h - the engines that a rig can be built with, by name: those of the house, the test
 * subjects, plugins, and two of these on one flash.
 */
#ifndef BROWNOUT_ENGINES_H
#define BROWNOUT_ENGINES_H

#include "fuzz/adapter.h"

/* The n-th engine, from 0; NULL after the last. What is built in comes first, of that the test
 * subjects, engines with known faults that the harness must catch, last; then the plugins, in the
 * order in which they were added. What a plugin takes the place of is left out. */
const struct adapter *engines_at(size_t n);
bool engines_is_subject(const struct adapter *adapter);

/* Makes a plugin known, of the shared object that `word` names: a path, or BUILD:PATH, where the
 * engine is known as BUILD:NAME. One of the same name takes the place of what is built in. False
 * when another plugin has its name. */
bool engines_add(const struct adapter *plugin, const char *word);

/* The path of the shared object in such a word. */
const char *engines_path(const char *word);

/* The n-th plugin, from 0; NULL after the last. */
const struct adapter *engines_plugin(size_t n);

/* The word for the shared object that an engine came from; NULL: it is built in. Of a pair that of
 * the first of the two that came from one. */
const char *engines_file(const struct adapter *adapter);

/* The engine of that name, or the pair of two, NAME+NAME (adapters/pairs.h); NULL when there is
 * none. engines_why() says why, with that name. */
const struct adapter *engines_find(const char *name);
const char *engines_why(const char *name);

/* The engines that one is made of, by n from 0: the two of a pair, or itself; NULL after the last.
 */
const struct adapter *engines_part(const struct adapter *adapter, unsigned n);

#endif
