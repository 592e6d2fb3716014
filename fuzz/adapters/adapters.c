#include "fuzz/adapters/adapters.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/adapters/globals.h"
#include "fuzz/subjects/subjects.h"

extern const struct adapter adapter_seqmap, adapter_naive, adapter_seqqueue, adapter_seqlog,
    adapter_rlog, adapter_rlog_strict;

static const struct adapter *const house[] = {
    &adapter_seqmap,      &adapter_naive,        &adapter_seqqueue,  &adapter_rlog,
    &adapter_rlog_strict, &adapter_seqlog,       &adapter_original,  &adapter_original_queue,
    &adapter_canary,      &adapter_canary_queue, &adapter_canary_log};
#define HOUSE_COUNT (sizeof house / sizeof *house)
#define FIRST_SUBJECT 6u

static const struct adapter *plugin; /* the one given by --plugin */

const struct adapter *adapters_at(size_t n)
{
    return n < HOUSE_COUNT ? house[n] : NULL;
}

bool adapters_is_subject(const struct adapter *adapter)
{
    for (size_t i = FIRST_SUBJECT; i < HOUSE_COUNT; i++) {
        if (house[i] == adapter) return true;
    }
    return false;
}

const struct adapter *adapters_find(const char *name)
{
    if (plugin && strcmp(plugin->name, name) == 0) return plugin;
    for (size_t i = 0; i < HOUSE_COUNT; i++) {
        if (strcmp(house[i]->name, name) == 0) return house[i];
    }
    return NULL;
}

static const char *lacks_functions(const struct adapter *adapter)
{
    const struct adapter_map *map = adapter->map;
    const struct adapter_list *list = adapter->list;
    switch (adapter->kind) {
    case ADAPTER_MAP:
        return map && map->store && map->fetch && map->each ? NULL : "store, fetch or each";
    case ADAPTER_QUEUE:
        return list && list->push && list->pop && list->each ? NULL : "push, pop or each";
    case ADAPTER_LOG:
        return list && list->append && list->each ? NULL : "append or each";
    }
    return "a kind that is known here";
}

static const char *incomplete(const struct adapter *adapter)
{
    if (!adapter->name || !adapter->summary || !adapter->claims) return "a name, summary or claims";
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

const struct adapter *adapters_load(const char *path, char reason[ADAPTERS_REASON_MAX])
{
    /* dlopen looks along the library path unless the name has a slash. */
    char local[4096];
    snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    void *handle = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(reason, ADAPTERS_REASON_MAX, "%s", dlerror());
        return NULL;
    }
    adapter_entry *entry = NULL;
    void *symbol = dlsym(handle, ADAPTER_SYMBOL);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from object to function pointer */
    if (!entry) {
        snprintf(reason, ADAPTERS_REASON_MAX, "exports no %s()", ADAPTER_SYMBOL);
        return NULL;
    }
    const struct adapter *adapter = entry();
    if (!adapter || adapter->version != ADAPTER_VERSION) {
        snprintf(reason, ADAPTERS_REASON_MAX, "is of adapter version %" PRIu32 ", not %u",
                 adapter ? adapter->version : 0, ADAPTER_VERSION);
        return NULL;
    }
    const char *lack = incomplete(adapter);
    if (lack) {
        snprintf(reason, ADAPTERS_REASON_MAX, "its adapter lacks %s", lack);
        return NULL;
    }
    if (adapter->has_globals && !globals_keep(symbol)) {
        snprintf(reason, ADAPTERS_REASON_MAX, "its globals can't be found");
        return NULL;
    }
    plugin = adapter;
    return adapter;
}

static int option_index(const struct adapter *adapter, const char *name)
{
    if (!adapter->options) return -1;
    for (int i = 0; i < (int)ADAPTER_OPTIONS_MAX && adapter->options[i].name; i++) {
        if (strcmp(adapter->options[i].name, name) == 0) return i;
    }
    return -1;
}

static int word_index(const struct adapter_option *option, const char *word)
{
    for (int i = 0; option->words && (uint64_t)i <= option->max - option->min; i++) {
        if (strcmp(option->words[i], word) == 0) return i;
    }
    return -1;
}

static void set_defaults(const struct adapter *adapter, struct adapter_settings *settings)
{
    *settings = (struct adapter_settings){{0}};
    if (!adapter->options) return;
    for (int i = 0; i < (int)ADAPTER_OPTIONS_MAX && adapter->options[i].name; i++)
        settings->values[i] = adapter->options[i].value;
}

bool adapters_settle(const struct adapter *adapter, const struct script *script,
                     struct adapter_settings *settings, char reason[ADAPTERS_REASON_MAX])
{
    set_defaults(adapter, settings);
    for (uint32_t i = 0; i < script->option_count; i++) {
        const struct script_option *given = &script->options[i];
        int index = option_index(adapter, given->name);
        /* A scenario is run on many engines: an option of another engine is no mistake. */
        if (index < 0 && strcmp(adapter->name, script->engine) != 0) continue;
        if (index < 0) {
            snprintf(reason, ADAPTERS_REASON_MAX, "engine %s has no option '%s'", adapter->name,
                     given->name);
            return false;
        }
        const struct adapter_option *option = &adapter->options[index];
        if (given->word[0]) {
            int chosen = word_index(option, given->word);
            if (chosen < 0) {
                snprintf(reason, ADAPTERS_REASON_MAX, "option %s of engine %s is not '%s'",
                         option->name, adapter->name, given->word);
                return false;
            }
            settings->values[index] = option->min + (uint64_t)chosen;
            continue;
        }
        if (given->value < option->min || given->value > option->max) {
            snprintf(reason, ADAPTERS_REASON_MAX,
                     "option %s of engine %s is from %" PRIu64 " to %" PRIu64, option->name,
                     adapter->name, option->min, option->max);
            return false;
        }
        settings->values[index] = given->value;
    }
    const char *why = adapter->refuses ? adapter->refuses(&script->part.geometry, settings) : NULL;
    if (why) snprintf(reason, ADAPTERS_REASON_MAX, "engine %s: %s", adapter->name, why);
    return !why;
}
