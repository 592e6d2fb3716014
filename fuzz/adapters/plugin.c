#include "fuzz/adapters/plugin.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdarg.h>
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

/* Always 0, for `return`. */
static size_t __attribute__((format(printf, 2, 3)))
says(char reason[PLUGIN_REASON_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, PLUGIN_REASON_MAX, format, arguments);
    va_end(arguments);
    return 0;
}

/* What the shared object exports: the table, or the one. *symbol is where. */
static size_t adapters_of(void *handle, const struct adapter *adapters[PLUGIN_ENGINES_MAX],
                          const void **symbol, char reason[PLUGIN_REASON_MAX])
{
    const struct adapter *const *table = *symbol = dlsym(handle, ADAPTER_TABLE_SYMBOL);
    size_t count = 0;
    if (!table) {
        adapter_entry *entry = NULL;
        *symbol = dlsym(handle, ADAPTER_SYMBOL);
        memcpy(&entry, symbol, sizeof entry); /* ISO C casts no object to a function pointer */
        if (!entry)
            return says(reason, "exports neither %s nor %s()", ADAPTER_TABLE_SYMBOL,
                        ADAPTER_SYMBOL);
        adapters[0] = entry();
        return 1;
    }
    for (; table[count]; count++) {
        if (count == PLUGIN_ENGINES_MAX)
            return says(reason, "%s has no end: more than %u adapters", ADAPTER_TABLE_SYMBOL,
                        PLUGIN_ENGINES_MAX);
        adapters[count] = table[count];
    }
    return count ? count : says(reason, "%s is empty", ADAPTER_TABLE_SYMBOL);
}

static bool is_complete(const struct adapter *adapter, char reason[PLUGIN_REASON_MAX])
{
    if (!adapter || adapter->version != ADAPTER_VERSION)
        return says(reason, "is of adapter version %" PRIu32 ", not %u",
                    adapter ? adapter->version : 0, ADAPTER_VERSION);
    const char *lack = incomplete(adapter);
    return !lack || says(reason, "its adapter lacks %s", lack);
}

size_t plugin_load(const char *path, const struct adapter *adapters[PLUGIN_ENGINES_MAX],
                   char reason[PLUGIN_REASON_MAX])
{
    /* dlopen looks along the library path unless the name has a slash. */
    char local[4096];
    const void *symbol;
    bool has_globals = false;
    snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    void *handle = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return says(reason, "%s", dlerror());
    size_t count = adapters_of(handle, adapters, &symbol, reason);
    for (size_t i = 0; i < count; i++) {
        if (!is_complete(adapters[i], reason)) return 0;
        has_globals = has_globals || adapters[i]->has_globals;
    }
    if (count && !globals_watch(symbol)) return says(reason, "its globals can't be found");
    if (has_globals && !globals_keep(symbol)) return says(reason, "it has no globals to keep");
    return count;
}
