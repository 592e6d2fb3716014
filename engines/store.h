/* SPDX-License-Identifier: MIT */
/* store.h - what a call of any engine answers.
 *
 * Every call returns BO_FLASH_OK (0), an error of the flash (flash.h, -1 to -15), or one of these
 * numbers. Each kind of engine has names of its own for them, so that a call reads well, with what
 * they mean there: map/map.h, queue/queue.h, ringlog/ringlog.h. The numbers are the same.
 */
#ifndef BROWNOUT_STORE_H
#define BROWNOUT_STORE_H

#include "flash.h"

#ifdef __cplusplus
extern "C" {
#endif

enum bo_error {
    BO_ERR_NOT_FOUND = -16,   /* nothing there, or an iteration is at its end */
    BO_ERR_FULL = -17,        /* no room */
    BO_ERR_TOO_BIG = -18,     /* it can never fit this geometry, format or buffer */
    BO_ERR_BUFFER = -19,      /* the caller's buffer is too small; the size is returned */
    BO_ERR_UNSUPPORTED = -20, /* this part's rules or the mode do not allow the call */
    BO_ERR_GEOMETRY = -21,    /* the engine can't work on this geometry or configuration */
    BO_ERR_DAMAGED = -22,     /* no power cut leaves what the flash holds; nothing was given up */
    BO_ERR_AGAIN = -23,       /* a part of the work was done, and nothing changed: call again */
};

/* The largest number of flash calls that a call of an engine makes: reads, and programs and erases.
 * Each engine says how it is computed. */
struct bo_bound {
    uint64_t reads, changes;
};

#ifdef __cplusplus
}
#endif

#endif
