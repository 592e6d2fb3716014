/* map.h - the errors that every map engine shares.
 *
 * A map holds values under keys; both are byte strings. Each engine has its own header with its
 * functions; what they answer, apart from the errors of flash.h, is listed here once.
 */
#ifndef BROWNOUT_MAP_H
#define BROWNOUT_MAP_H

enum map_error {
    MAP_ERR_NOT_FOUND = -16, /* no value under this key, or the iteration is at its end */
    MAP_ERR_FULL = -17,      /* no room, even after everything dead was collected */
    MAP_ERR_TOO_BIG = -18,   /* key or value can never fit this geometry, format or buffer */
    MAP_ERR_BUFFER = -19, /* the caller's buffer is too small for the value; its length is told */
    MAP_ERR_UNSUPPORTED = -20, /* this part's rules do not allow the operation */
    MAP_ERR_GEOMETRY = -21,    /* the engine can't work on this geometry or configuration */
    MAP_ERR_DAMAGED =
        -22, /* the flash holds something that no power cut leaves; nothing was given up */
};

#endif
