/* SPDX-License-Identifier: MIT */
/* rlog_internal.h - what the files rlog*.c share.
 *
 *     rlog_frame.c  bytes: checks, headers, segments, frames in and out
 *     rlog_head.c   power-on: which sector is the newest, which segment, what is the last frame
 *     rlog_read.c   records: one after the other, by number, by time
 *     rlog.c        changes: recovery, appending, sectors
 *
 * The error of a flash call is kept in log->error; from then on nothing is read or written until
 * the call of the user ends, and what was found in the meantime is forgotten.
 */
#ifndef BROWNOUT_RLOG_INTERNAL_H
#define BROWNOUT_RLOG_INTERNAL_H

#include "../check.h"
#include "rlog.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is left out (rlog.h) goes where one of these is false; the compiler drops what none calls.
 * */
enum {
#ifdef RLOG_NO_BATCH
    WITH_BATCH = 0,
#else
    WITH_BATCH = 1,
#endif
#ifdef RLOG_NO_AHEAD
    WITH_AHEAD = 0,
#else
    WITH_AHEAD = 1,
#endif
#ifdef RLOG_NO_SEGMENT
    WITH_SEGMENT = 0,
#else
    WITH_SEGMENT = 1,
#endif
#ifdef RLOG_NO_STRICT
    WITH_STRICT = 0,
#else
    WITH_STRICT = 1,
#endif
#ifdef RLOG_NO_SEARCH
    WITH_SEARCH = 0,
#else
    WITH_SEARCH = 1,
#endif
};

#define RLOG_NONE UINT32_MAX
#define RLOG_UNIT_MAX 32u
#define PREP_SIZE 8u
#define FIRST_HEADER 8u /* of the first frame of a segment */
#define SHORT_HEADER 6u /* of the others */
#define BASE_PAYLOAD 18u
#define BASE_SIZE (FIRST_HEADER + BASE_PAYLOAD)

/* Sectors looked at on both sides of where the head should be, and segments after where the end
 * should be: more than a cut leaves unreadable. */
#define RLOG_SECTORS_AROUND 4u
#define RLOG_SEGMENTS_AFTER 3u
/* How often a resume is tried where the flash answers errors. */
#define RLOG_TRIES 3u
#define RLOG_HOLES_MAX 2u /* segments without a frame before one with a BASE */

enum frame_type {
    FRAME_FULL = 1,
    FRAME_FIRST,
    FRAME_MID,
    FRAME_LAST,
    FRAME_BATCH,   /* and one of: */
    FRAME_BATCH_C, /* the first record began before */
    FRAME_BATCH_E, /* the last one goes on after */
    FRAME_BATCH_CE,
    FRAME_BASE,
    FRAME_SEAL,
};

struct frame {
    enum frame_type type;
    uint32_t after;         /* where it ends, in the sector */
    uint32_t size;          /* of the payload */
    uint32_t index;         /* of its record, less the base; first frame of a segment only */
    bool first;             /* of its segment */
    const uint8_t *payload; /* in log->segment */
};

enum { BASE_GOES_ON = 1, BASE_RESUMES = 2 };

struct base {
    uint64_t base; /* number of the next record after it */
    uint64_t time;
    uint32_t copies; /* of the records after it, those that came before as well */
    uint32_t seen;   /* records before `base` that are to be seen; RLOG_NONE: any number */
    uint8_t flags;   /* BASE_GOES_ON: the record `base` began before; BASE_RESUMES: after a mount */
};

/* What is known of a sector. */
struct sector {
    bool prepared; /* PREP is valid */
    bool opened;   /* BASE is too */
    uint32_t lap;
    struct base base;
};

/* What is known of the sector after the head. */
enum {
    NEXT_UNKNOWN,
    NEXT_FOUND, /* it was prepared before this power-on */
    NEXT_READY, /* it was prepared since */
};

/* rlog_frame.c */

#ifdef BO_CHECKS
/* Ends a call in a build for tests: the invariants of rlog.h that need no look at the flash. */
void rlog_check(const struct rlog *log);
#else
static inline void rlog_check(const struct rlog *log)
{
    (void)log;
}
#endif

static inline uint32_t rlog_up(const struct rlog *log, uint32_t n)
{
    uint32_t mask = log->unit - 1u;
    return (n + mask) & ~mask;
}

static inline uint32_t rlog_sector_count(const struct rlog *log)
{
    return log->flash->geometry.sector_count;
}

/* Where the frames of a segment begin, in the sector. */
static inline uint32_t rlog_segment_start(const struct rlog *log, uint32_t segment)
{
    return segment ? segment * log->segment_size : log->prep_size;
}

static inline uint32_t rlog_segment_end(const struct rlog *log, uint32_t segment)
{
    return (segment + 1) * log->segment_size;
}

static inline bool rlog_is_strict(const struct rlog *log)
{
    return WITH_STRICT && (!WITH_SEGMENT || log->strict);
}

static inline bool rlog_is_batch(enum frame_type type)
{
    return type >= FRAME_BATCH && type <= FRAME_BATCH_CE;
}

/* Drops what waits in RAM. */
static inline void rlog_drop_batch(struct rlog *log)
{
    if (WITH_BATCH) log->fill = log->whole = 0;
}

/* The lap of a sector when the head is where it is: the head's, or the one before. */
static inline uint32_t rlog_lap_of(const struct rlog *log, uint32_t sector)
{
    return sector <= log->head ? log->lap : log->lap - 1;
}

/* False when the geometry or the buffer can't be used. */
bool rlog_setup(struct rlog *log, const struct rlog_config *config);

/* What PREP and BASE of a sector say. One read. */
void rlog_read_sector(struct rlog *log, uint32_t number, struct sector *sector);

/* Has log->segment hold a segment of a sector. */
void rlog_load(struct rlog *log, uint32_t sector, uint32_t lap, uint32_t segment);
void rlog_forget_segment(struct rlog *log);

/* The frame at an offset of the segment that is loaded; 0: the first one of the segment. False:
 * there is none. */
bool rlog_frame(const struct rlog *log, uint32_t offset, struct frame *frame);
bool rlog_base_of(const struct frame *frame, struct base *base);

/* Whether the segment is all erased, as far as it can be read. */
#ifdef RLOG_NO_SEGMENT
static inline bool rlog_segment_blank(struct rlog *log, uint32_t sector, uint32_t segment)
{
    (void)log, (void)sector, (void)segment;
    return false;
}
#else
bool rlog_segment_blank(struct rlog *log, uint32_t sector, uint32_t segment);
#endif

/* Programs a frame at log->at and moves on. The payload lies in log->out already, at its place
 * after the header (rlog_header). */
void rlog_write_frame(struct rlog *log, enum frame_type type, uint64_t number, uint32_t size);
void rlog_write_prep(struct rlog *log, uint32_t sector, uint32_t lap);
void rlog_write_base(struct rlog *log, const struct base *base);

/* Bytes of the header that a frame at log->at has, and the largest payload it can have there. */
uint32_t rlog_header(const struct rlog *log);
uint32_t rlog_room(const struct rlog *log);

/* The lengths in a batch: bytes taken, or 0. */
#ifdef RLOG_NO_BATCH
static inline uint32_t rlog_put_varint(uint8_t *to, uint32_t n)
{
    (void)to, (void)n;
    return 0;
}

static inline uint32_t rlog_get_varint(const uint8_t *from, uint32_t size, uint32_t *n)
{
    (void)from, (void)size;
    return *n = 0;
}
#else
uint32_t rlog_put_varint(uint8_t *to, uint32_t n);
uint32_t rlog_get_varint(const uint8_t *from, uint32_t size, uint32_t *n);
#endif

/* rlog_head.c */

/* Finds out everything anew. */
void rlog_resolve(struct rlog *log);

/* The time of an append, or of a BASE: the latest so far counts. */
void rlog_note_time(struct rlog *log, uint64_t time);

/* rlog_read.c */

/* Number of sectors before the head whose records are seen. */
uint32_t rlog_live_sectors(struct rlog *log);

/* A record as it is returned: as much of it as fits the caller's buffer. */
struct rlog_record {
    uint8_t *buffer;
    uint32_t capacity;
    uint32_t skip; /* bytes at its start that are not wanted */
    uint32_t size;
    uint64_t number;
};

/* Up to `capacity` bytes, from the one numbered `skip` on, are wanted at `buffer`. */
static inline struct rlog_record rlog_record_to(void *buffer, uint32_t capacity, uint32_t skip)
{
    struct rlog_record record = {(uint8_t *)buffer, capacity, skip, 0, 0};
    return record;
}

/* Sets a walk to where the record of that number begins, or a little before. */
void rlog_walk_to(struct rlog *log, struct rlog_walk *walk, uint64_t number);

/* The next record from `want` on. False at the end, or after an error. */
bool rlog_walk_on(struct rlog *log, struct rlog_walk *walk, uint64_t want,
                  struct rlog_record *record);

/* The first record from `want` on. */
bool rlog_find(struct rlog *log, struct rlog_record *record, uint64_t want);

#ifdef __cplusplus
}
#endif

#endif
