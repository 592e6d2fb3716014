/* SPDX-License-Identifier: MIT */
/* queue.h - the errors of every queue engine.
 *
 * A queue holds byte strings and gives them up in the order in which they were put in. Each engine
 * has its own header with its functions.
 */
#ifndef BROWNOUT_QUEUE_H
#define BROWNOUT_QUEUE_H

#include "../store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum queue_error {
    QUEUE_ERR_EMPTY = BO_ERR_NOT_FOUND, /* no item, or the iteration is at its end */
    QUEUE_ERR_FULL = BO_ERR_FULL,
    QUEUE_ERR_TOO_BIG = BO_ERR_TOO_BIG, /* the item can never fit */
    QUEUE_ERR_BUFFER = BO_ERR_BUFFER,   /* the item is longer; its length is returned */
    QUEUE_ERR_UNSUPPORTED = BO_ERR_UNSUPPORTED,
    QUEUE_ERR_GEOMETRY = BO_ERR_GEOMETRY,
    QUEUE_ERR_DAMAGED = BO_ERR_DAMAGED,
};

#ifdef __cplusplus
}
#endif

#endif
