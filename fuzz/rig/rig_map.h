/* rig_map.h - what the files that judge a map share, for rig_map.c, rig_version.c and rig_gone.c
 * alone.
 */
#ifndef BROWNOUT_RIG_MAP_H
#define BROWNOUT_RIG_MAP_H

#include "fuzz/model/keys.h"
#include "fuzz/rig/rig_internal.h"

/* --- rig_map.c --- */

const char *rig_map_key(const struct rig *rig, uint32_t key, char text[RIG_TEXT_MAX]);

/* What is found next is about this key. */
void rig_map_note_key(struct rig *rig, uint32_t key);

/* What was stored under the key, by the script or the exercise, by now. */
bool rig_map_was_stored(struct rig *rig, uint32_t key, const void *bytes, uint32_t size);

/* One key, fetched and compared with what is committed. */
bool rig_map_fetch(struct rig *rig, uint32_t key, enum clause clause);

/* A call of the flash failed, and so did the operation: it is done or not, and the next look says
 * which. It comes at once where the model can't wait for it. What is open may be in any state: then
 * the device starts again. */
bool rig_map_leave_undecided(struct rig *rig, const struct op *op);

/* For each key, at this level: free for a call that visits, between two looks. */
int8_t *rig_map_marks(const struct rig *rig);

/* --- rig_version.c: transactions, snapshots, scans --- */

/* Whether it is an operation of these. */
bool rig_version_has(const struct op *op);
bool rig_version_call(struct rig *rig, const struct op *op, enum answer *answer);

/* The key in the open transaction: its own changes over what is committed. */
bool rig_version_own(struct rig *rig, uint32_t key);
/* The same with a buffer that is too short. */
bool rig_version_own_short(struct rig *rig, uint32_t key);

/* Scans all keys of what is committed. */
bool rig_version_scan_all(struct rig *rig);

/* Whether the transaction that is open, or was undone last, leaves this of the key: then it is seen
 * where it must not be. */
bool rig_version_is_undone(struct rig *rig, uint32_t key, bool absent, const void *bytes,
                           uint32_t size);

/* --- rig_gone.c --- */

/* Whether the bytes of what was destroyed are nowhere in the flash. */
bool rig_gone_check(struct rig *rig);

/* The key, or GONE_ALL, has been destroyed; checked. */
bool rig_gone_promised(struct rig *rig, uint32_t key);

#endif
