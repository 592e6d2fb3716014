/* SPDX-License-Identifier: MIT */
/* seq_cap.h - a cap: the item after torn headers, which shows a walk where to go on.
 *
 * It has no data and a wrong checksum, so it is no item for anybody, the crate sequential-storage
 * included; but its header is whole, and items can follow it. A header, as an engine has one place
 * for it, and a map may leave it out (SEQMAP_NO_CAP).
 */
#ifndef BROWNOUT_SEQ_CAP_H
#define BROWNOUT_SEQ_CAP_H

#include "seq.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Their checksums. A walk that goes on word by word in what stands before a cap comes to it, for no
 * length has a CRC-16 with one of these bytes as its high one. [seq_cap_test.c] */
#define SEQ_CAP_OF_MAP 0x44444444u
#define SEQ_CAP_OF_QUEUE 0x22222222u

/* Where a cap can stand after the torn headers between `after` and `torn`, in a payload that ends
 * at `end`. Several that were torn one after the other stand side by side. 0: nowhere. */
static inline uint32_t seq_cap_place(const struct seq *seq, uint32_t after, uint32_t torn,
                                     uint32_t end)
{
    uint32_t at = after + (torn - after + seq->header - 1u) / seq->header * seq->header;
    return at > end || end - at < seq->header ? 0 : at;
}

#ifdef __cplusplus
}
#endif

#endif
