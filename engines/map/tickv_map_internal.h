/* SPDX-License-Identifier: MIT */
/* tickv_map_internal.h - what the map sees of tickv: its objects, and what is done to them. Not for
 * firmware.
 */
#ifndef BROWNOUT_TICKV_MAP_INTERNAL_H
#define BROWNOUT_TICKV_MAP_INTERNAL_H

#include "tickv_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A key as a value begins with it. */
struct tickv_map_entry {
    uint64_t hash;
    uint8_t size;
    struct tickv_value value; /* the last part: what is stored under the key */
};

#ifdef __cplusplus
}
#endif

#endif
