/* SPDX-License-Identifier: MIT */
/* seq.h - what the map and the queue in the sequential-storage flash format have in common.
 *
 * The format is that of the Rust crate sequential-storage, 0.7 to 8.0.2. Its "page" is a sector
 * here. A sector is: start word, payload, end word, where a word is max(read unit, unit) bytes.
 *
 *     start word | item | item | ... | blank | end word
 *
 * A word of zeros as start word says "in use", as end word "sealed". Nothing on the flash holds an
 * address, a sequence number or the geometry: order in time comes from the ring position and the
 * two words only, so the number of sectors of a store never changes.
 */
#ifndef BROWNOUT_SEQ_H
#define BROWNOUT_SEQ_H

#include "../check.h"
#include "../flash.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the format: 1 is that of the crate, 0.7 to 8.0.2. */
#define SEQ_FORMAT_VERSION 0x00010000u

#define SEQ_WORD_MAX 32u   /* limit of the format */
#define SEQ_HEADER_MAX 32u /* bytes of the largest item header: 8, rounded up to a word */
#define SEQ_LENGTH_MAX 65535u

BO_STATIC_CHECK(SEQ_WORD_MAX == BO_FLASH_UNIT_MAX, "a word is a unit or a read unit");
BO_STATIC_CHECK(SEQ_HEADER_MAX >= SEQ_WORD_MAX && SEQ_HEADER_MAX >= 8, "a header is whole words");

struct seq_cache;

/* One store on one flash region. Filled in by seq_setup.
 *
 * Errors are kept here and not returned: the first one stays until the engine clears it, at the
 * start of a call of its user, and from then on nothing is read, programmed or erased. So the code
 * between may go on with whatever it makes of that, as far as it comes to an end, and what it then
 * believes of the flash is to be forgotten. */
struct seq {
    uint8_t word;   /* bytes of a word, W */
    uint8_t mask;   /* the word, less one */
    uint8_t header; /* bytes of an item header, H */
    const struct bo_flash *flash;
    uint8_t *work;           /* caller's memory, work_size bytes */
    uint32_t work_size;      /* a multiple of word */
    struct seq_cache *cache; /* NULL: none */
    int error;               /* BO_FLASH_OK, or the first error */
#ifndef SEQ_NO_CACHE
    uint32_t ahead;       /* bytes worth reading along with an item header */
    uint32_t window;      /* work holds the flash from here ... */
    uint32_t window_size; /* ... this many bytes; 0 when it holds something else */
#endif
};

/* Bytes of a word. */
static inline uint32_t seq_word_size(const struct bo_flash_geometry *g)
{
    return g->unit > g->read_unit ? g->unit : g->read_unit;
}

/* Whether a store can lie on such a part: words of at most 32 bytes, sectors of whole words, at
 * least 3 and an item header, erased value 0xFF; and within the limits of flash.h. */
static inline bool seq_geometry_usable(const struct bo_flash_geometry *g)
{
    uint32_t word = seq_word_size(g), header = word > 8 ? word : 8;
    return bo_flash_geometry_valid(g) && g->sector_size >= 3 * word + header && g->erased == 0xFF;
}

/* Fills in a struct of zeros. False when the geometry can't be used or the work buffer is smaller
 * than a word; what is over a multiple of words in it is not used. No flash access. */
bool seq_setup(struct seq *seq, const struct bo_flash *flash, void *work, uint32_t work_size);

/* x, at most 2^31, rounded up and down to whole words. */
static inline uint32_t seq_up(const struct seq *seq, uint32_t x)
{
    return (x + seq->mask) & ~(uint32_t)seq->mask;
}

static inline uint32_t seq_down(const struct seq *seq, uint32_t x)
{
    return x & ~(uint32_t)seq->mask;
}

/* Largest item data (for a map: key and value together) of the format on this geometry. */
static inline uint32_t seq_length_max(const struct seq *seq)
{
    uint32_t room = seq->flash->geometry.sector_size - 2u * seq->word - seq->header;
    return room < SEQ_LENGTH_MAX ? room : SEQ_LENGTH_MAX;
}

/* Reads. False when the part can't correct it, which is no error, or after an error. */
bool seq_read(struct seq *seq, uint32_t address, void *to, uint32_t size);

/* The same, into the work buffer, of which `size` may be all; where it is then, or NULL. Holds
 * until the next call. */
uint8_t *seq_look(struct seq *seq, uint32_t address, uint32_t size);

#ifndef SEQ_NO_CACHE

/* Has the work buffer hold an item header and what is worth reading along with it, as far as that
 * lies before `end`. */
void seq_look_ahead(struct seq *seq, uint32_t address, uint32_t end);

/* The work buffer, or the flash it holds, is about to be changed. */
static inline void seq_look_away(struct seq *seq)
{
    seq->window_size = 0;
}

#else

static inline void seq_look_ahead(struct seq *seq, uint32_t address, uint32_t end)
{
    (void)seq, (void)address, (void)end;
}

static inline void seq_look_away(struct seq *seq)
{
    (void)seq;
}

#endif

#ifdef BO_CHECKS
/* Whether words lie inside the region. */
bool seq_inside(const struct seq *seq, uint32_t address, uint32_t size);

/* Checks, at the end of a call: the work buffer holds no more than it can, and what the cache knows
 * lies in the payloads of the sectors that it is known of. */
void seq_check(const struct seq *seq);
#endif

/* Programs whole words. */
void seq_program(struct seq *seq, uint32_t address, const void *data, uint32_t size);

/* Notes an error, unless there is one. */
static inline void seq_fail(struct seq *seq, int error)
{
    if (!seq->error) seq->error = error;
}

static inline uint32_t seq_minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

#ifdef __cplusplus
}
#endif

#endif
