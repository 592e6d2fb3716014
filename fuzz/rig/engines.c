/* engines.c - see engines.h: two tables that are compiled in, and a list that grows with plugins. A
 * name is looked up among the plugins first, which so take the place of what is built in.
 */
#include "fuzz/rig/engines.h"

#include <string.h>

#include "fuzz/adapters/house.h"
#include "fuzz/subjects/subjects.h"
#include "sim/memory.h"

static const struct adapter *const house[] = {
    &adapter_seqmap,      &adapter_naive,  &adapter_seqqueue, &adapter_rlog,
    &adapter_rlog_strict, &adapter_seqlog, &adapter_lsm,      &adapter_tickv};
static const struct adapter *const subjects[] = {&adapter_original, &adapter_original_queue,
                                                 &adapter_canary, &adapter_canary_queue,
                                                 &adapter_canary_log};
#define HOUSE_COUNT (sizeof house / sizeof *house)
#define SUBJECT_COUNT (sizeof subjects / sizeof *subjects)

struct plugin {
    const struct adapter *adapter;
    char *file;
};

static struct plugin *plugins; /* they are known to the end */
static size_t plugin_count;

/* The n-th of all, those included whose place a plugin takes. */
static const struct adapter *any_at(size_t n)
{
    if (n < HOUSE_COUNT) return house[n];
    n -= HOUSE_COUNT;
    return n < SUBJECT_COUNT ? subjects[n] : engines_plugin(n - SUBJECT_COUNT);
}

const struct adapter *engines_at(size_t n)
{
    const struct adapter *adapter;
    for (size_t i = 0; (adapter = any_at(i)); i++) {
        if (engines_find(adapter->name) == adapter && n-- == 0) return adapter;
    }
    return NULL;
}

bool engines_is_subject(const struct adapter *adapter)
{
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        if (subjects[i] == adapter) return true;
    }
    return false;
}

static const struct plugin *plugin_named(const char *name)
{
    for (size_t i = 0; i < plugin_count; i++) {
        if (strcmp(plugins[i].adapter->name, name) == 0) return &plugins[i];
    }
    return NULL;
}

bool engines_add(const struct adapter *plugin, const char *file)
{
    const struct plugin *same = plugin_named(plugin->name);
    if (same) return same->adapter == plugin;
    plugins = memory_resize(plugins, plugin_count + 1, sizeof *plugins);
    plugins[plugin_count++] = (struct plugin){plugin, memory_text(file)};
    return true;
}

const struct adapter *engines_plugin(size_t n)
{
    return n < plugin_count ? plugins[n].adapter : NULL;
}

const char *engines_file(const struct adapter *adapter)
{
    for (size_t i = 0; i < plugin_count; i++) {
        if (plugins[i].adapter == adapter) return plugins[i].file;
    }
    return NULL;
}

const struct adapter *engines_find(const char *name)
{
    const struct adapter *adapter;
    const struct plugin *plugin = plugin_named(name);
    if (plugin) return plugin->adapter;
    for (size_t i = 0; (adapter = any_at(i)); i++) {
        if (strcmp(adapter->name, name) == 0) return adapter;
    }
    return NULL;
}
