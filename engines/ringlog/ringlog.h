/* ringlog.h - the errors that every ring log shares.
 *
 * A ring log holds byte strings, records, in the order in which they were appended, under numbers
 * that grow by one. When it is full, an append gives up the oldest sector. Each engine has its own
 * header with its functions; what they answer, apart from the errors of flash.h, is listed here
 * once.
 */
#ifndef BROWNOUT_RINGLOG_H
#define BROWNOUT_RINGLOG_H

enum ringlog_error {
    RINGLOG_ERR_NOT_FOUND = -16,   /* no record of that number, or the iteration is at its end */
    RINGLOG_ERR_TOO_BIG = -18,     /* the record can never fit this geometry or configuration */
    RINGLOG_ERR_BUFFER = -19,      /* the caller's buffer is too small; the record's size is told */
    RINGLOG_ERR_UNSUPPORTED = -20, /* not on this part, or not while mounted read-only */
    RINGLOG_ERR_GEOMETRY = -21,    /* the engine can't work on this geometry or configuration */
    RINGLOG_ERR_DAMAGED = -22,     /* no power cut leaves this image; nothing was given up */
};

#endif
