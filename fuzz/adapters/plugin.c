#include "fuzz/adapters/plugin.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/adapters/globals.h"
#include "fuzz/script/script.h"

static const char *lacks_functions(const struct adapter *adapter)
{
    const struct adapter_map *map = adapter->map;
    const struct adapter_list *list = adapter->list;
    switch (adapter->kind) {
    case ADAPTER_MAP:
        return map && map->store && map->fetch ? NULL : "store or fetch";
    case ADAPTER_QUEUE:
    case ADAPTER_LOG:
        if (!list || !(list->append || (adapter->kind == ADAPTER_QUEUE && list->push)))
            return adapter->kind == ADAPTER_QUEUE ? "push and append" : "append";
        return list->each || list->pop ? NULL : "each and pop";
    }
    return "a kind that is known here";
}

static const char *incomplete(const struct adapter *adapter)
{
    if (!adapter->name || !adapter->summary || !(adapter->claims || adapter->claims_by))
        return "a name, summary or claims";
    if (!adapter->object_size || !adapter->mount || !adapter->limits)
        return "object_size, mount or limits";
    if (strlen(adapter->name) >= SCRIPT_NAME_MAX) return "a short name";
    for (size_t i = 0; adapter->options && adapter->options[i].name; i++) {
        if (i == ADAPTER_OPTIONS_MAX) return "an end of its options: there are too many";
        if (strlen(adapter->options[i].name) >= sizeof((struct script_option *)0)->name)
            return "short names of its options";
    }
    return lacks_functions(adapter);
}

const struct adapter *plugin_load(const char *path, char reason[PLUGIN_REASON_MAX])
{
    /* dlopen looks along the library path unless the name has a slash. */
    char local[4096];
    snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    void *handle = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(reason, PLUGIN_REASON_MAX, "%s", dlerror());
        return NULL;
    }
    adapter_entry *entry = NULL;
    void *symbol = dlsym(handle, ADAPTER_SYMBOL);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from object to function pointer */
    if (!entry) {
        snprintf(reason, PLUGIN_REASON_MAX, "exports no %s()", ADAPTER_SYMBOL);
        return NULL;
    }
    const struct adapter *adapter = entry();
    if (!adapter || adapter->version != ADAPTER_VERSION) {
        snprintf(reason, PLUGIN_REASON_MAX, "is of adapter version %" PRIu32 ", not %u",
                 adapter ? adapter->version : 0, ADAPTER_VERSION);
        return NULL;
    }
    const char *lack = incomplete(adapter);
    if (lack) {
        snprintf(reason, PLUGIN_REASON_MAX, "its adapter lacks %s", lack);
        return NULL;
    }
    if (adapter->has_globals ? !globals_keep(symbol) : !globals_watch(symbol)) {
        snprintf(reason, PLUGIN_REASON_MAX, "its globals can't be found");
        return NULL;
    }
    return adapter;
}
