/* SPDX-License-Identifier: MIT */
/* lsm_bound.h - the largest number of flash calls that a call of lsm makes.
 *
 * The bounds hold on any image, hostile ones too, and for parts whose units can all be read; where
 * some may not be, each read is up to two. lsm_bound.c says what they are made of.
 *
 * What is dear. Reads of a fetch grow with the runs that there are; those of a change with the
 * records that a step of a merge takes, each of which is compared with one of each run. A call
 * after an error of the flash finds out anew what a mount does, and each bound includes that.
 *
 * How near they come. lsm_bound_test.c finds calls that make more than a quarter of the changes,
 * and of the reads of mount, format, open and close. What searches does not come near its reads,
 * and a call that merges even less: 1 % and 0.1 %. On what lsm wrote links lead over many sectors
 * at once; the bound is for an image in which each leads to the next sector only, through sectors
 * of other runs, in each run. Nor do calls until a change is made: a merge writes few sectors.
 */
#ifndef BROWNOUT_LSM_BOUND_H
#define BROWNOUT_LSM_BOUND_H

#include "lsm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum lsm_call {
    LSM_CALL_MOUNT = 0,
    LSM_CALL_FORMAT,
    LSM_CALL_FETCH, /* and fetch_at, fetch_own */
    LSM_CALL_SEEK,
    LSM_CALL_NEXT,
    LSM_CALL_CHANGE, /* store, remove, commit: one call, which may answer LSM_ERR_AGAIN */
    LSM_CALL_CLEAR,  /* remove_all */
    LSM_CALL_COLLECT,
    LSM_CALL_OPEN,
    LSM_CALL_CLOSE,
};

/* Bounds for a map that is mounted so, while up to `snapshots` are open. 0 and 0 when it can't be
 * mounted. Of the config the memory is not looked at. */
struct bo_bound lsm_bound(const struct lsm_config *config, uint32_t snapshots, enum lsm_call call);

/* Most calls until a change that is made again after LSM_ERR_AGAIN is made: each does a step of a
 * merge. */
uint32_t lsm_bound_calls(const struct lsm_config *config);

#ifdef __cplusplus
}
#endif

#endif
