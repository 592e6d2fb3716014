/* model_open.h - what an engine's object keeps open: a transaction, snapshots. Power-off ends both.
 *
 *     NONE --begin--> OPEN --commit--> IN_FLIGHT --ok--> NONE
 *                      |                   |
 *            abort, power-off           refused
 *                      v                   v
 *                     UNDONE <-------------+
 *
 * UNDONE is NONE with a memory: the changes that must not be seen, for a finding that says so.
 */
#ifndef BROWNOUT_MODEL_OPEN_H
#define BROWNOUT_MODEL_OPEN_H

#include "fuzz/adapter.h"
#include "fuzz/script/script.h"

enum model_transaction {
    TRANSACTION_NONE,
    TRANSACTION_OPEN,
    TRANSACTION_IN_FLIGHT,
    TRANSACTION_UNDONE
};

/* What a transaction leaves of a key; NULL: absent. */
struct model_change {
    uint32_t key;
    const struct value *value;
};

struct model_snapshot {
    bool open;
    bool known; /* what it shows; else it was opened where that was undecided */
    const struct value *
        *values; /* for each key; NULL: absent. The array is NULL until first used */
};

struct model_open {
    uint32_t key_count;
    enum model_transaction transaction;
    struct model_change *changes; /* of the transaction, open or last; each key once */
    uint32_t change_count, change_room;
    struct model_snapshot snapshots[ADAPTER_SNAPSHOTS]; /* number 1 is the first one */
};

void model_open_init(struct model_open *open, uint32_t key_count);
void model_open_free(struct model_open *open);
void model_open_copy(struct model_open *to, const struct model_open *from);

/* Power goes off. */
void model_open_lose(struct model_open *open);

/* A change is part of the open transaction. */
void model_open_change(struct model_open *open, uint32_t key, const struct value *value);

/* What the transaction, open or last, leaves of the key; NULL: it does not change it. */
const struct model_change *model_open_find(const struct model_open *open, uint32_t key);

static inline bool model_open_any_snapshot(const struct model_open *open)
{
    for (uint32_t i = 0; i < ADAPTER_SNAPSHOTS; i++) {
        if (open->snapshots[i].open) return true;
    }
    return false;
}

/* A snapshot is opened; its values are the caller's to write. */
struct model_snapshot *model_open_snapshot(struct model_open *open, uint32_t snapshot);

#endif
