/* SPDX-License-Identifier: MIT */
/* twice.h - a port that reads everything twice, where a read may go wrong.
 *
 * An engine decides by what it reads: what is blank, what a cut has torn, which copy is the newest.
 * A checksum shows that bytes are not what was written, not that the next read would be right.
 * So one read that goes wrong may cost data: an older value is returned, a sector counts as free.
 * This port stands between an engine and the flash and passes on what two reads in a row agree on,
 * bytes or an error. Where three pairs of reads do not agree the unit can't be relied on, and the
 * answer is BO_FLASH_ERR_ECC. Programs and erases are passed on as they are.
 *
 * Cost. Two reads of the flash for each BO_TWICE_PIECE bytes of a read of the engine, of at least
 * one piece, four more for a piece that goes wrong; the struct; some 200 bytes of code.
 *
 *     static struct bo_twice twice;
 *     bo_twice_init(&twice, &part);
 *     struct seqmap_config config = {.flash = &twice.flash, ...};
 *
 * No heap, no globals. Needs memcmp. The struct must not be moved once it is initialised. For
 * firmware, twice.c and this file are copied beside an engine that `make lift` has copied.
 */
#ifndef BROWNOUT_TWICE_H
#define BROWNOUT_TWICE_H

#include "flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BO_TWICE_PIECE BO_FLASH_UNIT_MAX /* a multiple of every read unit */

struct bo_twice {
    struct bo_flash flash; /* for the engine */
    const struct bo_flash *part;
    uint8_t piece[BO_TWICE_PIECE];
};

/* Makes twice->flash a port to the same flash as `part`, which must stay where it is. */
void bo_twice_init(struct bo_twice *twice, const struct bo_flash *part);

#ifdef __cplusplus
}
#endif

#endif
