/* engines.c - see engines.h: two tables that are compiled in, and a list that grows with plugins. A
 * name is looked up among the plugins first, which so take the place of what is built in; one that
 * is none and has a mark in it is that of a pair.
 */
#include "fuzz/rig/engines.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/adapters/house.h"
#include "fuzz/adapters/pairs.h"
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
    const struct adapter *own; /* as the shared object has it; `adapter` may have another name */
    char *word;
};

#define ENGINES_NAME_MAX 64u

/* BUILD:PATH. */
#define BUILD_MARK ':'
#define BUILD_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

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

/* Up to where a word names the build; 0: it names none. */
static size_t build_size(const char *word)
{
    size_t size = strspn(word, BUILD_LETTERS);
    return word[size] == BUILD_MARK ? size : 0;
}

const char *engines_path(const char *word)
{
    size_t size = build_size(word);
    return size ? word + size + 1 : word;
}

/* The engine under the name that the word gives it. */
static const struct adapter *named(const struct adapter *plugin, const char *word)
{
    size_t size = build_size(word), length = strlen(plugin->name);
    if (!size) return plugin;
    assert(word[size] == BUILD_MARK);
    struct adapter *other = memory_copy(plugin, sizeof *plugin);
    char *name = memory_new(size + 1 + length + 1);
    memcpy(name, word, size + 1);
    memcpy(name + size + 1, plugin->name, length + 1);
    other->name = name;
    return other;
}

static void forget(const struct adapter *adapter, const struct adapter *plugin)
{
    assert(strstr(adapter->name, plugin->name));
    if (adapter == plugin) return;
    free((void *)adapter->name);
    free((void *)adapter);
}

bool engines_add(const struct adapter *plugin, const char *word)
{
    const struct adapter *adapter = named(plugin, word);
    const struct plugin *same = plugin_named(adapter->name);
    if (same) {
        forget(adapter, plugin);
        return same->own == plugin;
    }
    plugins = memory_resize(plugins, plugin_count + 1, sizeof *plugins);
    plugins[plugin_count++] = (struct plugin){adapter, plugin, memory_text(word)};
    return true;
}

const struct adapter *engines_plugin(size_t n)
{
    return n < plugin_count ? plugins[n].adapter : NULL;
}

static const char *file_of(const struct adapter *adapter)
{
    for (size_t i = 0; i < plugin_count; i++) {
        if (plugins[i].adapter == adapter) return plugins[i].word;
    }
    return NULL;
}

const struct adapter *engines_part(const struct adapter *adapter, unsigned n)
{
    const struct adapter *first = pairs_side(adapter, BESIDE_FIRST);
    assert(!first == !pairs_side(adapter, BESIDE_SECOND) && "a pair has two");
    if (n == 0) return first ? first : adapter;
    return n == 1 && first ? pairs_side(adapter, BESIDE_SECOND) : NULL;
}

const char *engines_file(const struct adapter *adapter)
{
    const struct adapter *part;
    const char *file = NULL;
    for (unsigned n = 0; !file && (part = engines_part(adapter, n)); n++)
        file = file_of(part);
    return file;
}

static const struct adapter *find_one(const char *name)
{
    const struct adapter *adapter;
    const struct plugin *plugin = plugin_named(name);
    if (plugin) return plugin->adapter;
    for (size_t i = 0; (adapter = any_at(i)); i++) {
        if (strcmp(adapter->name, name) == 0) return adapter;
    }
    return NULL;
}

/* Why the last name was none. */
static char why[PAIRS_REASON_MAX + 2 * ENGINES_NAME_MAX];

static const struct adapter *unknown(const char *name)
{
    snprintf(why, sizeof why, "unknown engine '%s' (see `brownout list engines`)", name);
    return NULL;
}

static const struct adapter *find_pair(const char *name, const char *mark)
{
    char first[ENGINES_NAME_MAX] = "", reason[PAIRS_REASON_MAX];
    assert(mark >= name && *mark == PAIRS_MARK);
    if ((size_t)(mark - name) >= sizeof first) return unknown(name);
    memcpy(first, name, (size_t)(mark - name));
    const struct adapter *one = find_one(first), *other = find_one(mark + 1);
    if (!one || !other) return unknown(one ? mark + 1 : first);
    const struct adapter *pair = pairs_make(name, one, other, reason);
    assert(!pair || (pair->kind == one->kind && pair->kind == other->kind));
    if (!pair) snprintf(why, sizeof why, "engine %s: %s", name, reason);
    return pair;
}

const struct adapter *engines_find(const char *name)
{
    const char *mark = strchr(name, PAIRS_MARK);
    const struct adapter *one = find_one(name);
    if (one) return one;
    return mark ? find_pair(name, mark) : unknown(name);
}

const char *engines_why(const char *name)
{
    return engines_find(name) ? "" : why;
}
