/* SPDX-License-Identifier: MIT */
/* seqlog_internal.h - what the files of seqlog share; not for users.
 *
 *     seqlog.c        append, roll over, clear, recovery
 *     seqlog_read.c   by number, and one after the other
 *     seqlog_find.c   where the head is
 *     seqlog_index.c  what an index says, and keeping it
 *     seqlog_frame.c  records in their frames
 *     seqlog_sector.c  headers of sectors, and the flash
 */
#ifndef BROWNOUT_SEQLOG_INTERNAL_H
#define BROWNOUT_SEQLOG_INTERNAL_H

#include "../check.h"
#include "seqlog.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of records have 48 bits. */
#define SEQLOG_NUMBER_END (((uint64_t)1 << 48) - 1)

/* Functions that answer a question return it, or a negative error of the flash. */
enum seqlog_answer { SEQLOG_NO = 0, SEQLOG_YES = 1 };

static inline uint32_t seqlog_minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* `n` up to a multiple of `step`. */
static inline uint32_t seqlog_round(uint32_t n, uint32_t step)
{
    return (n + step - 1) / step * step;
}

/* Numbers on the flash: little endian. */
static inline void seqlog_put(uint8_t *bytes, uint64_t number, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
}

static inline uint64_t seqlog_get(const uint8_t *bytes, unsigned size)
{
    uint64_t number = 0;
    for (unsigned i = size; i-- != 0;)
        number = number << 8 | bytes[i];
    return number;
}

/* Ends a call: returns its answer. In a build for tests it walks the invariants of seqlog.h first.
 * */
#ifdef BO_CHECKS
int seqlog_checked(const struct seqlog *log, int answer);
#else
static inline int seqlog_checked(const struct seqlog *log, int answer)
{
    (void)log;
    return answer;
}
#endif

/* The ring ---------------------------------------------------------------------------------- */

/* The sector `back` places before `sector`; back <= sectors. */
static inline uint32_t seqlog_back(const struct seqlog *log, uint32_t sector, uint32_t back)
{
    return sector >= back ? sector - back : sector + log->plan.sectors - back;
}

/* The sector `on` places after `sector`; on < sectors. */
static inline uint32_t seqlog_on(const struct seqlog *log, uint32_t sector, uint32_t on)
{
    return on < log->plan.sectors - sector ? sector + on : on - (log->plan.sectors - sector);
}

/* The sequence number `on` places after `sequence`; on < 2N. */
static inline uint32_t seqlog_sequence_on(const struct seqlog *log, uint32_t sequence, uint32_t on)
{
    uint32_t count = 2 * log->plan.sectors;
    return on < count - sequence ? sequence + on : on - (count - sequence);
}

static inline uint32_t seqlog_sequence_back(const struct seqlog *log, uint32_t sequence,
                                            uint32_t back)
{
    return seqlog_sequence_on(log, sequence, 2 * log->plan.sectors - back);
}

/* seqlog_sector.c: the flash, and headers ---------------------------------------------------- */

/* Bytes that were read; NULL when the part could not read them. */
struct seqlog_run {
    const uint8_t *bytes;
    uint32_t size;
};

/* Some bytes, one at least, of the sector at `base`, from `offset` and before `end`. They hold
 * until the next call. */
int seqlog_look(struct seqlog *log, uint32_t base, uint32_t offset, uint32_t end,
                struct seqlog_run *run);

/* Copies a few bytes, at most 32, whatever read_unit is. */
int seqlog_fetch(struct seqlog *log, uint32_t address, uint8_t *bytes, uint32_t size);

/* Programs whole units; those that are blank at the start of a page's share are left out. */
int seqlog_program(struct seqlog *log, uint32_t address, const uint8_t *bytes, uint32_t size);

int seqlog_erase(struct seqlog *log, uint32_t sector);

enum seqlog_state {
    SEQLOG_BAD = 0, /* torn, foreign or unreadable */
    SEQLOG_BLANK,
    SEQLOG_VALID,
};

/* The state of a sector's header, read to *header if valid; or a negative error. */
int seqlog_sector_read(struct seqlog *log, uint32_t sector, struct seqlog_header *header);

/* Programs a header; its crc is filled in. */
int seqlog_sector_program(struct seqlog *log, uint32_t sector, struct seqlog_header *header);

/* All frames of a sector. */
struct seqlog_cursor seqlog_sector_cursor(const struct seqlog *log, uint32_t sector,
                                          const struct seqlog_header *header);

/* seqlog_frame.c ---------------------------------------------------------------------------- */

struct seqlog_frame {
    uint32_t offset; /* in the sector */
    uint32_t size;   /* of the record */
    uint64_t number;
};

/* Writes the frame of the record `number` to the work buffer, as it is to stand at `offset` of a
 * sector. `torn`: what stands before that place is torn. Returns its size in whole units; the frame
 * proper begins *lead bytes in. */
uint32_t seqlog_frame_compose(struct seqlog *log, uint32_t identity, uint32_t offset,
                              uint64_t number, const void *data, uint32_t size, bool torn,
                              uint32_t *lead);

/* The next good frame. Moves the cursor after it. The first `capacity` bytes of the record go to
 * `buffer`, which is spoilt if none is found. RINGLOG_ERR_NOT_FOUND when there is none. */
int seqlog_frame_next(struct seqlog *log, struct seqlog_cursor *cursor, uint8_t *buffer,
                      uint32_t capacity, struct seqlog_frame *frame);

/* seqlog_find.c ----------------------------------------------------------------------------- */

/* YES: the newest sector and its header. NO: there is no sector. */
int seqlog_find(struct seqlog *log, uint32_t *sector, struct seqlog_header *header);

/* seqlog_index.c ---------------------------------------------------------------------------- */

/* YES: the head is probably *sector or little after it. NO: the index does not know. */
int seqlog_index_hint(struct seqlog *log, uint32_t *sector);

/* Notes that `sector` has become the head. */
int seqlog_index_note(struct seqlog *log, uint32_t sector, uint32_t sequence);

/* Bytes of an entry of the pointer index, and of what precedes the bits in a sector of a bit
 * index. */
uint32_t seqlog_index_entry_size(const struct bo_flash_geometry *geometry);
uint32_t seqlog_index_tag_size(const struct bo_flash_geometry *geometry);

#ifdef __cplusplus
}
#endif

#endif
