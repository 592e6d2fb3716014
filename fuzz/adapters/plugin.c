/* plugin.c - loads a shared object and looks at its adapter before anything calls it. */
#include "fuzz/adapters/plugin.h"

#include <assert.h>
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
        if (!map || !map->store || !map->fetch) return "store or fetch";
        if (!map->begin != !map->commit || !map->begin != !map->abort)
            return "begin, commit or abort, which go together";
        return !map->open == !map->close && !map->open == !map->fetch_at
                   ? NULL
                   : "open, close or fetch_at, which go together";
    case ADAPTER_QUEUE:
    case ADAPTER_LOG:
        if (!list || !(list->append || (adapter->kind == ADAPTER_QUEUE && list->push)))
            return adapter->kind == ADAPTER_QUEUE ? "push and append" : "append";
        return list->each || list->pop ? NULL : "each and pop";
    }
    return "a kind: it must be map, queue or log";
}

static bool is_in_range(const struct adapter_option *option)
{
    return option->min <= option->value && option->value <= option->max;
}

static const char *incomplete(const struct adapter *adapter)
{
    if (!adapter->name || !adapter->summary || !(adapter->claims || adapter->claims_by))
        return "a name, summary or claims";
    if (!adapter->object_size || !adapter->mount || !adapter->limits)
        return "object_size, mount or limits";
    if (strlen(adapter->name) >= SCRIPT_NAME_MAX) return "a shorter name";
    for (size_t i = 0; adapter->options && adapter->options[i].name; i++) {
        if (i == ADAPTER_OPTIONS_MAX) return "an end of its options, or has too many";
        if (strlen(adapter->options[i].name) >= sizeof((struct script_option *)0)->name)
            return "shorter names of its options";
        if (!is_in_range(&adapter->options[i])) return "a default within the range of each option";
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
            return says(reason, "expected a plug-in that exports %s or %s(), found neither",
                        ADAPTER_TABLE_SYMBOL, ADAPTER_SYMBOL);
        adapters[0] = entry();
        return 1;
    }
    for (; table[count]; count++) {
        if (count == PLUGIN_ENGINES_MAX)
            return says(reason, "%s has more than %u adapters; does it end with NULL?",
                        ADAPTER_TABLE_SYMBOL, PLUGIN_ENGINES_MAX);
        adapters[count] = table[count];
    }
    return count ? count
                 : says(reason, "expected adapters in %s, found none", ADAPTER_TABLE_SYMBOL);
}

static bool is_complete(const struct adapter *adapter, char reason[PLUGIN_REASON_MAX])
{
    if (!adapter || adapter->version != ADAPTER_VERSION)
        return says(reason,
                    "expected adapter version %u, got %" PRIu32
                    "; compile it again with fuzz/adapter.h",
                    ADAPTER_VERSION, adapter ? adapter->version : 0);
    const char *lack = incomplete(adapter);
    return !lack || says(reason, "its adapter lacks %s", lack);
}

/* What the loader complains of, without the name of the file, which the report puts first. */
static const char *complaint_about(const char *file)
{
    const char *complaint = dlerror();
    size_t length = strlen(file);
    bool named = strncmp(complaint, file, length) == 0 && complaint[length] == ':';
    return named ? complaint + length + strspn(complaint + length, ": ") : complaint;
}

size_t plugin_load(const char *path, const struct adapter *adapters[PLUGIN_ENGINES_MAX],
                   char reason[PLUGIN_REASON_MAX])
{
    /* dlopen looks along the library path unless the name has a slash. */
    char local[4096];
    const void *symbol;
    bool has_globals = false;
    assert(path && reason);
    snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    void *handle = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return says(reason, "%s", complaint_about(local));
    size_t count = adapters_of(handle, adapters, &symbol, reason);
    assert(count <= PLUGIN_ENGINES_MAX && (count == 0 || symbol));
    for (size_t i = 0; i < count; i++) {
        if (!is_complete(adapters[i], reason)) return 0;
        has_globals = has_globals || adapters[i]->has_globals;
    }
    if (count && !globals_watch(symbol))
        return says(reason, "expected a shared object that the loader lists, found none");
    if (has_globals && !globals_keep(symbol))
        return says(reason, "has_globals is set, but it has no writable memory; unset it");
    return count;
}
