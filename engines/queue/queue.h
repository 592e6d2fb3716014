/* queue.h - the errors that every queue engine shares.
 *
 * A queue holds byte strings and gives them up in the order in which they were put in. Each engine
 * has its own header with its functions; what they answer, apart from the errors of flash.h, is
 * listed here once.
 */
#ifndef BROWNOUT_QUEUE_H
#define BROWNOUT_QUEUE_H

enum queue_error {
    QUEUE_ERR_EMPTY = -16,       /* no item, or the iteration is at its end */
    QUEUE_ERR_FULL = -17,        /* no room */
    QUEUE_ERR_TOO_BIG = -18,     /* the item can never fit this geometry, format or buffer */
    QUEUE_ERR_BUFFER = -19,      /* the caller's buffer is too small; the item's size is told */
    QUEUE_ERR_UNSUPPORTED = -20, /* this part's rules do not allow the operation */
    QUEUE_ERR_GEOMETRY = -21,    /* the engine can't work on this geometry or configuration */
    QUEUE_ERR_DAMAGED = -22,     /* no power cut leaves this image; nothing was given up */
};

#endif
