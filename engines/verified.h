/* SPDX-License-Identifier: MIT */
/* verified.h - a port that reads back what it wrote, where a part may answer OK and do nothing.
 *
 * Below its supply a part drops an operation or does a part of it, and answers OK. An engine that
 * believes the answer loses what it stored, and what it stores after that: the place counts as
 * used, a sector that was not erased is written over. This port stands between an engine and the
 * flash, compares each program with what a read shows then, and each erase with blank bytes. Where
 * they differ the answer is BO_FLASH_ERR_IO, as of a part that knows that it failed. So an engine
 * that survives the class fail survives lie too.
 *
 * What is not the same at once is not done: bits that decay later are none of its business. Not for
 * an engine that programs ones over zeros and relies on the zeros to stay (no engine of this
 * library does), nor for parts on which a blank unit reads as an error.
 *
 * Cost. The bytes of each program are read once, in pieces of BO_VERIFIED_PIECE that are aligned to
 * the read unit, and each sector that was erased; the struct; some 340 bytes of code.
 *
 *     static struct bo_verified verified;
 *     bo_verified_init(&verified, &part);
 *     struct seqmap_config config = {.flash = &verified.flash, ...};
 *
 * No heap, no globals. Needs memcmp. The struct must not be moved once it is initialised. For
 * firmware, verified.c and this file are copied beside an engine that `make lift` has copied.
 */
#ifndef BROWNOUT_VERIFIED_H
#define BROWNOUT_VERIFIED_H

#include "flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BO_VERIFIED_PIECE BO_FLASH_UNIT_MAX /* a multiple of every read unit */

struct bo_verified {
    struct bo_flash flash; /* for the engine */
    const struct bo_flash *part;
    uint8_t piece[BO_VERIFIED_PIECE];
};

/* Makes verified->flash a port to the same flash as `part`, which must stay where it is. */
void bo_verified_init(struct bo_verified *verified, const struct bo_flash *part);

#ifdef __cplusplus
}
#endif

#endif
