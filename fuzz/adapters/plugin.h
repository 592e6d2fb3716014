/* plugin.h - an engine from outside the house: a shared object that exports an adapter. */
#ifndef BROWNOUT_PLUGIN_H
#define BROWNOUT_PLUGIN_H

#include "fuzz/adapter.h"

#define PLUGIN_REASON_MAX 200

/* Loads the shared object at `path`, which stays loaded. NULL and a reason when it can't be loaded,
 * is of another adapter version, or lacks something that its kind needs. */
const struct adapter *plugin_load(const char *path, char reason[PLUGIN_REASON_MAX]);

#endif
