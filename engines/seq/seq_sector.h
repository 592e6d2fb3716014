/* SPDX-License-Identifier: MIT */
/* seq_sector.h - the sectors of a sequential-storage store: their two words, erasing, blankness.
 *
 * The start word counts as set when at least four bits of its first read unit are 0, as in the
 * crate: a torn start word of a blank sector is either "in use" or leaves a sector that reads open
 * and is not blank, which is erased before use. The end word counts as set as soon as one bit of
 * it is 0: a torn end word must never be programmed again where units take one program only, so
 * the first bit decides.
 */
#ifndef BROWNOUT_SEQ_SECTOR_H
#define BROWNOUT_SEQ_SECTOR_H

#include "seq.h"

#ifdef __cplusplus
extern "C" {
#endif

enum seq_sector_state {
    SEQ_SECTOR_OPEN = 0, /* neither word set: erased, or a start word torn early */
    SEQ_SECTOR_HALF,     /* end word only: what an interrupted erase leaves, nothing else does */
    SEQ_SECTOR_IN_USE,   /* start word only: in use */
    SEQ_SECTOR_SEALED,   /* both: sealed */
};

/* Address of a sector, of the first byte of its payload, and of the byte after the payload. */
static inline uint32_t seq_sector_address(const struct seq *seq, uint32_t sector)
{
    return sector * seq->flash->geometry.sector_size;
}

static inline uint32_t seq_sector_start(const struct seq *seq, uint32_t sector)
{
    return seq_sector_address(seq, sector) + seq->word;
}

static inline uint32_t seq_sector_end(const struct seq *seq, uint32_t sector)
{
    return seq_sector_address(seq, sector) + (seq->flash->geometry.sector_size - seq->word);
}

/* Two reads unless the cache knows. A word that the part can't correct counts as set. */
enum seq_sector_state seq_sector_state(struct seq *seq, uint32_t sector);

/* Programs a word of zeros: the start word, the end word, or any word of the payload. */
void seq_sector_zero(struct seq *seq, uint32_t address);

/* Whether the word at `address` is all zeros, or not readable. */
bool seq_sector_is_zero(struct seq *seq, uint32_t address);

void seq_sector_erase(struct seq *seq, uint32_t sector);

/* Whether every byte in [from, to) is readable and 0xFF. Both are multiples of the word. Uses the
 * work buffer. */
bool seq_sector_blank(struct seq *seq, uint32_t from, uint32_t to);

#ifdef __cplusplus
}
#endif

#endif
