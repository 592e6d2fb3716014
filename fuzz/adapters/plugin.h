/* plugin.h - engines from outside the house: a shared object that exports adapters. */
#ifndef BROWNOUT_PLUGIN_H
#define BROWNOUT_PLUGIN_H

#include "fuzz/adapter.h"

#define PLUGIN_REASON_MAX 200
#define PLUGIN_ENGINES_MAX 32u

/* Loads the shared object at `path`, which stays loaded, and returns the number of the adapters
 * that it exports, as a table (brownout_adapters) or one (brownout_adapter). 0 and a reason when it
 * can't be loaded, or when one of them is of another version or lacks something that its kind
 * needs. */
size_t plugin_load(const char *path, const struct adapter *adapters[PLUGIN_ENGINES_MAX],
                   char reason[PLUGIN_REASON_MAX]);

#endif
