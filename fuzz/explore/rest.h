/* rest.h - what was judged from an equal state is not judged again.
 *
 * After a crash state the explorer goes several ways: the store is used, the interrupted operation
 * is done again, power goes off and on. On the way what the cut left is overwritten, so that ways
 * from different crash states come to equal states (rig_state.h). If the same is still to be done,
 * the rest of both is the same. So a way that ended without a finding leaves its states here, and
 * one that comes to such a state ends there: the rest of it is known.
 *
 * A way with a finding leaves nothing, so what is found, and how often, is as without this. One
 * crash state in REST_EVERY goes to the end in any case.
 */
#ifndef BROWNOUT_REST_H
#define BROWNOUT_REST_H

#include "fuzz/rig/rig.h"

struct rest;

#define REST_EVERY 8u

struct rest *rest_new(void);
void rest_free(struct rest *rest);

/* Forgets all states. */
void rest_clear(struct rest *rest);

/* A way begins, in the rig's state. Without `ends` it neither ends early nor leaves states. */
void rest_begin(struct rest *rest, const struct rig *rig, bool ends);

/* Whether the rest is known from here: the rig's state, and `todo`, which stands for all that is
 * still to be done. False while no way is under way, or the state can't be compared. */
bool rest_is_known(struct rest *rest, const struct rig *rig, uint64_t todo);

/* The way has ended, `fine` without a finding. Whether it is clean: fine, or its rest is known. */
bool rest_end(struct rest *rest, bool fine);

#endif
