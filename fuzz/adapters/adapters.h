/* adapters.h - the engines that the harness knows: those of the house, and plugins. */
#ifndef BROWNOUT_ADAPTERS_H
#define BROWNOUT_ADAPTERS_H

#include "fuzz/adapter.h"
#include "fuzz/script/script.h"

#define ADAPTERS_REASON_MAX 200

/* The adapter of that name, plugins included; NULL when there is none. */
const struct adapter *adapters_find(const char *name);

/* The n-th adapter of the house, from 0; NULL behind the last. Test subjects, engines with known
 * faults that the harness must catch, come last. */
const struct adapter *adapters_at(size_t n);
bool adapters_is_subject(const struct adapter *adapter);

/* Loads a plugin; its adapter is then found by name. NULL and a reason when it can't be loaded, is
 * of another version, or lacks something. The shared object stays loaded. */
const struct adapter *adapters_load(const char *path, char reason[ADAPTERS_REASON_MAX]);

/* Resolves a script's options against the adapter's list. False and a reason when an option is
 * unknown or out of range, or when the engine refuses the geometry. */
bool adapters_settle(const struct adapter *adapter, const struct script *script,
                     struct adapter_settings *settings, char reason[ADAPTERS_REASON_MAX]);

#endif
