/* SPDX-License-Identifier: MIT */
/* ringlog.h - the errors of every ring log.
 *
 * A ring log holds byte strings, records, in the order in which they were appended, under numbers
 * that grow by one. When it is full, an append gives up the oldest sector. Each engine has its own
 * header with its functions.
 */
#ifndef BROWNOUT_RINGLOG_H
#define BROWNOUT_RINGLOG_H

#include "../store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ringlog_error {
    RINGLOG_ERR_NOT_FOUND = BO_ERR_NOT_FOUND, /* no record of that number; end of the iteration */
    RINGLOG_ERR_TOO_BIG = BO_ERR_TOO_BIG,     /* the record can never fit */
    RINGLOG_ERR_BUFFER = BO_ERR_BUFFER,       /* the record is longer; its size is returned */
    RINGLOG_ERR_UNSUPPORTED = BO_ERR_UNSUPPORTED, /* on this part, or while mounted read-only */
    RINGLOG_ERR_GEOMETRY = BO_ERR_GEOMETRY,
    RINGLOG_ERR_DAMAGED = BO_ERR_DAMAGED,
};

#ifdef __cplusplus
}
#endif

#endif
