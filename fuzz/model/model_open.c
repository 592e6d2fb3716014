/* model_open.c - see model_open.h. Memory is taken when it is first needed: most scripts have
 * neither transactions nor snapshots. */
#include "fuzz/model/model_open.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"

void model_open_init(struct model_open *open, uint32_t key_count)
{
    *open = (struct model_open){.key_count = key_count};
}

void model_open_free(struct model_open *open)
{
    free(open->changes);
    for (uint32_t i = 0; i < ADAPTER_SNAPSHOTS; i++)
        free(open->snapshots[i].values);
    *open = (struct model_open){0};
}

static void make_room(struct model_open *open, uint32_t count)
{
    if (count <= open->change_room) return;
    open->change_room = 2 * count;
    open->changes = memory_resize(open->changes, open->change_room, sizeof *open->changes);
}

static void copy_snapshot(struct model_open *to, const struct model_open *from, uint32_t i)
{
    struct model_snapshot *copy = &to->snapshots[i];
    const struct model_snapshot *kept = &from->snapshots[i];
    copy->open = kept->open;
    copy->known = kept->known;
    if (!kept->open) return;
    if (!copy->values) copy->values = memory_zeroed(to->key_count, sizeof(struct value *));
    memcpy(copy->values, kept->values, to->key_count * sizeof *copy->values);
}

void model_open_copy(struct model_open *to, const struct model_open *from)
{
    assert(to->key_count == from->key_count);
    to->transaction = from->transaction;
    to->change_count = from->change_count;
    make_room(to, from->change_count);
    if (from->change_count)
        memcpy(to->changes, from->changes, from->change_count * sizeof *to->changes);
    for (uint32_t i = 0; i < ADAPTER_SNAPSHOTS; i++)
        copy_snapshot(to, from, i);
}

void model_open_lose(struct model_open *open)
{
    if (open->transaction == TRANSACTION_OPEN)
        open->transaction = TRANSACTION_UNDONE;
    else if (open->transaction == TRANSACTION_IN_FLIGHT)
        open->transaction = TRANSACTION_NONE;
    for (uint32_t i = 0; i < ADAPTER_SNAPSHOTS; i++)
        open->snapshots[i].open = false;
}

const struct model_change *model_open_find(const struct model_open *open, uint32_t key)
{
    if (open->transaction == TRANSACTION_NONE) return NULL;
    for (uint32_t i = 0; i < open->change_count; i++) {
        if (open->changes[i].key == key) return &open->changes[i];
    }
    return NULL;
}

void model_open_change(struct model_open *open, uint32_t key, const struct value *value)
{
    assert(open->transaction == TRANSACTION_OPEN && key < open->key_count);
    for (uint32_t i = 0; i < open->change_count; i++) {
        if (open->changes[i].key != key) continue;
        open->changes[i].value = value;
        return;
    }
    make_room(open, open->change_count + 1);
    open->changes[open->change_count++] = (struct model_change){key, value};
}

struct model_snapshot *model_open_snapshot(struct model_open *open, uint32_t snapshot)
{
    assert(snapshot >= 1 && snapshot <= ADAPTER_SNAPSHOTS);
    struct model_snapshot *opened = &open->snapshots[snapshot - 1];
    if (!opened->values) opened->values = memory_zeroed(open->key_count, sizeof(struct value *));
    opened->open = true;
    return opened;
}
