/* SPDX-License-Identifier: MIT */
/* seq_cap.h - a cap: the item after torn headers, which shows a walk where to go on.
 *
 * It has no data and a wrong checksum, so it is no item for anybody, the crate sequential-storage
 * included; but its header is whole, and items can follow it. A header, as an engine has one place
 * for it, and a map may leave it out (SEQMAP_NO_CAP).
 */
#ifndef BROWNOUT_SEQ_CAP_H
#define BROWNOUT_SEQ_CAP_H

#include <string.h>

#include "seq.h"
#include "seq_crc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a walk that goes on word by word in what stands before the cap comes to it: none of these
 * words may look like a header together with a piece of the cap. Reads 8 bytes. */
static inline bool seq_cap_is_found(struct seq *seq, uint32_t at, uint32_t crc)
{
    uint16_t check = seq_crc16(0);
    const uint8_t cap[8] = {
        (uint8_t)crc,   (uint8_t)(crc >> 8),  (uint8_t)(crc >> 16), (uint8_t)(crc >> 24), 0, 0,
        (uint8_t)check, (uint8_t)(check >> 8)};
    uint8_t bytes[16];
    if (seq->word >= 8) return true;
    if (!seq_read(seq, at - 8, bytes, 8)) return false;
    memcpy(bytes + 8, cap, 8);
    for (uint32_t i = seq->word; i < 8; i += seq->word) {
        if (seq_crc16(bytes[i + 4] | (uint32_t)bytes[i + 5] << 8) ==
            (uint16_t)(bytes[i + 6] | bytes[i + 7] << 8))
            return false;
    }
    return true;
}

/* Where a cap of that checksum can stand after the torn headers between `after` and `torn`, in a
 * payload that ends at `end`. Several that were torn one after the other stand side by side. 0:
 * nowhere. */
static inline uint32_t seq_cap_place(struct seq *seq, uint32_t after, uint32_t torn, uint32_t end,
                                     uint32_t crc)
{
    uint32_t at = after + (torn - after + seq->header - 1u) / seq->header * seq->header;
    if (at > end || end - at < seq->header || !seq_cap_is_found(seq, at, crc)) return 0;
    return at;
}

#ifdef __cplusplus
}
#endif

#endif
