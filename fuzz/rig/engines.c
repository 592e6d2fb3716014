#include "fuzz/rig/engines.h"

#include <string.h>

#include "fuzz/adapters/house.h"
#include "fuzz/subjects/subjects.h"

static const struct adapter *const house[] = {&adapter_seqmap,      &adapter_naive,
                                              &adapter_seqqueue,    &adapter_rlog,
                                              &adapter_rlog_strict, &adapter_seqlog};
static const struct adapter *const subjects[] = {&adapter_original, &adapter_original_queue,
                                                 &adapter_canary, &adapter_canary_queue,
                                                 &adapter_canary_log};
#define HOUSE_COUNT (sizeof house / sizeof *house)
#define SUBJECT_COUNT (sizeof subjects / sizeof *subjects)

static const struct adapter *added; /* the one given by --plugin */

const struct adapter *engines_at(size_t n)
{
    if (n < HOUSE_COUNT) return house[n];
    return n - HOUSE_COUNT < SUBJECT_COUNT ? subjects[n - HOUSE_COUNT] : NULL;
}

bool engines_is_subject(const struct adapter *adapter)
{
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        if (subjects[i] == adapter) return true;
    }
    return false;
}

void engines_add(const struct adapter *plugin)
{
    added = plugin;
}

const struct adapter *engines_find(const char *name)
{
    const struct adapter *adapter;
    if (added && strcmp(added->name, name) == 0) return added;
    for (size_t i = 0; (adapter = engines_at(i)); i++) {
        if (strcmp(adapter->name, name) == 0) return adapter;
    }
    return NULL;
}
