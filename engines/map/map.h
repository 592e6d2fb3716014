/* SPDX-License-Identifier: MIT */
/* map.h - the errors of every map engine.
 *
 * A map holds values under keys; both are byte strings. Each engine has its own header with its
 * functions.
 */
#ifndef BROWNOUT_MAP_H
#define BROWNOUT_MAP_H

#include "../store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum map_error {
    MAP_ERR_NOT_FOUND = BO_ERR_NOT_FOUND, /* no value under this key; end of the iteration */
    MAP_ERR_FULL = BO_ERR_FULL,           /* no room, even after everything dead was collected */
    MAP_ERR_TOO_BIG = BO_ERR_TOO_BIG,     /* key or value can never fit */
    MAP_ERR_BUFFER = BO_ERR_BUFFER,       /* the value is longer; its length is returned */
    MAP_ERR_UNSUPPORTED = BO_ERR_UNSUPPORTED,
    MAP_ERR_GEOMETRY = BO_ERR_GEOMETRY,
    MAP_ERR_DAMAGED = BO_ERR_DAMAGED,
    MAP_ERR_AGAIN = BO_ERR_AGAIN,
};

#ifdef __cplusplus
}
#endif

#endif
