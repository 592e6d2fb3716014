/* SPDX-License-Identifier: MIT */
/* rlog.h - a ring log that finds its head by bisection and survives every cut.
 *
 * A log of byte strings, records, in the order in which they were appended, under numbers that grow
 * by one. When the ring is full the oldest sector goes, as a whole and in one step.
 *
 * The design is position-determined numbering: a sector stores how often the ring was gone round
 * when it was written, its lap, and its age follows from nothing else. So the newest sector is
 * found by bisection: log2 of the number of sectors, and a few to be certain. No index is kept,
 * none wears. Every unit is programmed once, but for PREP: on parts that set no limit a power-on
 * that uses a sector which was erased ahead of it programs the same bytes again.
 *
 * Format (little endian; every object padded with the erased value to whole units, or read units
 * where those are larger). A sector:
 *
 *     0    PREP    u32 lap | u32 check                           programmed after the erase is done
 *     ..   BASE    the first frame of each sector                  opens it
 *     g*P  frames  of segment g; a frame never crosses a segment
 *
 * A frame: u16 length (12 bits) and type (4 bits) | u16 index, only in the first frame of a segment
 * | u32 check | payload. The index is the number of the record that the frame begins or goes on
 * with, less the base of the sector, so a segment can be found by number. A record is one frame
 * FULL, or FIRST, MID.., LAST; or several share a frame BATCH, each after its length as a varint,
 * the first of them perhaps begun in the frame before (then what is left of it comes first, as a
 * varint), the last perhaps going on in the next. BASE says which number comes next, and
 *   - that whatever was written before under that number, or a larger one, is void;
 *   - how many records before that number follow once more, as copies;
 *   - the time of its append, and how many of the records before it are to be seen (clear).
 * It is also the first frame after every power-on, at the start of a segment, in one of two places.
 * SEAL is empty: an orderly shutdown. A check is CRC-32C over id, geometry, sector, lap, offset,
 * header and payload, so nothing from another lap, log or place is ever valid.
 *
 * Survives: edge, prefix, bits, zeros, ecc and fail in both profiles, weak in RLOG_STRICT. A cut
 * costs:
 *   RLOG_SEGMENT    the rest of a segment or two, a BASE, a copy of the last record. No erase.
 *   RLOG_STRICT  the rest of the sector and one erase: after a power-on nothing is programmed into
 *                a sector that a cut may have touched, and no erase is believed that it may have
 *                interrupted. (A log that was sealed is spared the copy, not the erase: the first
 *                program after the power-on before may have been cut and look undone.)
 * On a part that limits the programs of a unit the segment profile does what the strict one does.
 * So power-ons with an append each, as many as the ring has sectors (segment profile: segments),
 * drop what was there before, however little it is.
 * A power-on that appends nothing changes nothing. What was in flight at a cut is there or not,
 * and under weak that may differ from power-on to power-on until the next append has decided it.
 * Not for parts on which an interrupted program may damage the whole sector.
 *
 * Not claimed: weak in RLOG_SEGMENT. What is appended where a cut program has left no trace may be
 * gone after the next power-on, though the append returned OK.
 * Not claimed: rot. A frame that rots is missing, and with it the records that have a part in it.
 * Where PREP or BASE of a sector rots, the sector can't be read: its records are missing, those of
 * other sectors are not. Three things are worse, since they look like what a cut leaves:
 *   - PREP or BASE of the head: the sector before it is taken for the head. The records of the head
 *     are gone with the next append, which erases it; and those of the oldest sector, dropped when
 *     the head was opened, are seen again until then;
 *   - the last frame: it is taken for one that was cut, and its numbers are given again;
 *   - PREP and BASE of more than 3 sectors at either end of the ring, or next to the head: the log
 *     may seem shorter, or empty.
 *
 * Not claimed: glitch. A read that goes wrong once may look like what a cut leaves, and costs what
 * rot does. One that answers an error costs nothing, and with ../twice.h in between the class is
 * survived. Nor lie: what was written is not read back. With ../verified.h in between it is
 * survived. Nor stray, which is as rot.
 *
 * Invariants, of every image that cuts can leave; rlog_check walks them after each call
 * (BO_CHECKS).
 *  1. Sectors from 0 up to the head are opened in the head's lap; those after the next one are of
 *     the lap before, if they were ever opened.
 *  2. The head's at_segment and at are inside the sector, at a multiple of the unit; `at` is not
 *     before the frames of its segment.
 *  3. floor <= base of the head's last BASE <= next, and unproven <= next.
 *  4. Records wait in RAM only in READY and SEALED, and have room in the segment.
 *  5. An error is kept in LOST alone, and no call ends in COPYING.
 *
 * What is seen: the head and the sectors before it, but for the one after it in the ring, which may
 * be under erase. Records that were dropped are gone in the moment in which a new head is opened.
 * The first append after a power-on may open two: one for what a cut costs, one for its record.
 *
 * Source of the design: log-structured rings with implied positions (TinyOS LogStorage), record
 * fragments (LevelDB), and the rules of this project on interrupted programs.
 *
 * Memory: struct rlog and a buffer of two segments, of the caller. No heap, no recursion, no
 * globals. Needs memcpy, memset. Not reentrant. Errors: those of flash.h and ringlog.h. After an
 * error of the flash the log stays usable. A call that only reads has changed nothing then. After
 * one that changes, the next call looks at the flash anew, and what waited in RAM is gone:
 * rlog_range returns how far the log got.
 */
#ifndef BROWNOUT_RLOG_H
#define BROWNOUT_RLOG_H

#include "../flash.h"
#include "ringlog.h"

/* Version of what is written, see flash.h; of the software: BO_VERSION. */
#define RLOG_FORMAT_VERSION 0x00010000u

/* What can be left out when all of rlog is compiled with these. A config that asks for it is
 * refused; a log that holds what the build can't read is refused, not shown in part.
 *
 *     RLOG_NO_BATCH    records that share a frame: neither written nor read
 *     RLOG_NO_SEEK     rlog_seek
 *     RLOG_NO_AHEAD    rlog_prepare, and rlog_config.ahead
 *     RLOG_NO_SEGMENT  the profile RLOG_SEGMENT
 *     RLOG_NO_STRICT   the profile RLOG_STRICT, and parts that limit the programs of a unit
 *     RLOG_NO_SEARCH   bisection: a mount looks at every sector, and a record is looked for from
 *                      the head back
 *
 * With all of them but RLOG_NO_STRICT, and BO_CRC32C_SMALL, rlog takes up to 5 KiB of code on a
 * Cortex-M4 (make size).
 */
#if defined RLOG_NO_SEGMENT && defined RLOG_NO_STRICT
#error "one of the profiles must stay"
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum rlog_profile { RLOG_SEGMENT, RLOG_STRICT };

#define RLOG_SEGMENT_DEFAULT 256u
#define RLOG_SEGMENT_MAX 2048u
#define RLOG_SECTORS_MIN 3u
#define RLOG_TIME_MAX (((uint64_t)1 << 40) - 1)

struct rlog_config {
    const struct bo_flash *flash;
    /* Two segments: what is read, and what is written. Holds the batch. */
    void *buffer;
    uint32_t buffer_size;
    /* Logs of different id never take each other's sectors for their own. */
    uint16_t id;
    /* Bytes of a segment of the format: a power of two that divides the sector, at most
     * RLOG_SEGMENT_MAX; need not be the part's page. 0: RLOG_SEGMENT_DEFAULT, or the sector if
     * that is smaller. */
    uint16_t segment_size;
    enum rlog_profile profile;
    bool batch;     /* records wait in RAM until a segment is full, or rlog_sync */
    bool ahead;     /* erase the next sector when half of this one is full, and in rlog_prepare */
    bool read_only; /* changes are refused with RINGLOG_ERR_UNSUPPORTED */
};

/* What the engine knows of the flash. Each arrow is named by the function that takes it.
 *
 *                rlog_mount; every call in LOST: rlog_resolve
 *          +----------------+------------------+
 *          v                v                  v
 *        EMPTY            FOUND          FOUND_SEALED
 *          |                |                  |
 *          +------- rlog_append: resume -------+
 *                           v
 *                        COPYING
 *                           | resume
 *                           v      rlog_seal
 *                         READY <-------------> SEALED
 *                                  rlog_append
 *
 *   rlog_clear: every state but EMPTY --> READY.  An error of the flash in a call that changes:
 *   every state --> LOST. Calls that read, rlog_sync and rlog_prepare move along no other arrow. */
enum rlog_state {
    RLOG_LOST,         /* a call failed: the next one looks at the flash anew */
    RLOG_EMPTY,        /* no sector was ever opened */
    RLOG_FOUND,        /* after a power-on: the last frame may be what a cut left */
    RLOG_FOUND_SEALED, /* the same, but the last frame is SEAL: what is before it is whole */
    RLOG_COPYING,      /* a BASE is written; the records of the last frame are written again */
    RLOG_READY,        /* whatever lies on the flash was decided by a BASE since the power-on */
    RLOG_SEALED,       /* the same, and the last frame is SEAL */
};

/* A mounted log. The caller owns it; the fields are the engine's. */
struct rlog {
    const struct bo_flash *flash;
    uint8_t *segment; /* what was read */
    uint8_t *out;     /* what is to be written */
    uint32_t segment_size;
    uint32_t segment_count;             /* in a sector */
    uint8_t unit, prep_size, base_size; /* what objects are padded to; bytes of PREP and BASE */
    bool strict, batch, ahead, read_only;
    uint8_t next_is; /* what is known of the sector after the head */
    enum rlog_state state;
    uint32_t seed; /* of every check */
    int error;     /* of the flash, of this call */

    /* These, and next_is, hold in every state but RLOG_LOST. */
    uint32_t head; /* sector; segment and offset in the sector where the next frame goes */
    uint32_t lap;
    uint32_t at_segment, at;
    uint64_t base;     /* of the head */
    uint64_t accepted; /* by the head's BASE: copies come before this number */
    uint64_t next;     /* number of the next record, those in RAM counted */
    uint64_t unproven; /* records from here to `next` may be what a cut left */
    uint64_t floor;    /* records before this were cleared */
    uint64_t time;     /* of the latest BASE */

    uint32_t cached_sector, cached_segment; /* in `segment`; UINT32_MAX: nothing */
    uint32_t cached_lap;

    /* the batch in `out` */
    uint32_t fill;     /* bytes of payload; 0: none */
    uint32_t whole;    /* bytes of the records that end in it, what is in the frame before too */
    uint64_t first_in; /* number of the first record of which it has a part */
    bool goes_on;      /* that one began in the frame before */
};

/* A walk over frames and the records in them; the engine's. */
struct rlog_walk {
    uint32_t back;            /* sectors between it and the head */
    uint32_t segment, offset; /* of the next frame; 0: the first of the segment */
    bool knows_base;          /* of the sector: */
    bool inside;              /* a record is in pieces, its beginning was read */
    bool in_batch;            /* the frame is a batch, of which a part was read: */
    uint32_t batch_at, batch_end;
    uint64_t base;
    uint64_t number; /* of the record that begins or goes on there */
    uint32_t need;   /* bytes that the record in pieces still has to come */
};

/* A place in a log, see rlog_iterate. */
struct rlog_iterator {
    struct rlog_walk walk;
    uint64_t want;      /* records before this were returned */
    uint32_t head, lap; /* of the log when the walk went on; lap 0: it is to begin at `want` */
};

/* Bytes of the buffer that a log on this geometry needs; 0: the geometry can't be used. */
uint32_t rlog_buffer_size(const struct bo_flash_geometry *geometry, uint16_t segment_size);

/* The largest record, which surely fits a sector. */
uint32_t rlog_record_max(const struct bo_flash_geometry *geometry, uint16_t segment_size);

/* Finds head and end. Only reads; a blank part is an empty log. RINGLOG_ERR_GEOMETRY, or an error
 * of the flash. The config is not kept. */
int rlog_mount(struct rlog *log, const struct rlog_config *config);

/* Erases every sector: for a region of unknown content, or another geometry. After a cut:
 * again, since what is left of the old log is not in order. */
int rlog_format(struct rlog *log, const struct rlog_config *config);

/* Appends a record, which gets *number (NULL: never mind). Durable when it returns BO_FLASH_OK; in
 * a batch after rlog_sync. `time`, in units of the caller up to RLOG_TIME_MAX, is for rlog_seek; a
 * clock that goes back stands still in the log. RINGLOG_ERR_TOO_BIG. */
int rlog_append(struct rlog *log, const void *data, uint32_t size, uint64_t time, uint64_t *number);

/* Commits what waits in RAM: one program. */
int rlog_sync(struct rlog *log);

/* The same, and the next mount need not suspect anything. Nothing is written when nothing was
 * appended since the power-on, or where only a new sector would have room. */
int rlog_seal(struct rlog *log);

/* Erases the next sector if that was not done yet: for when there is time. RLOG_STRICT believes no
 * erase from before the power-on, so there a call at each power-on is an erase at each. */
#ifndef RLOG_NO_AHEAD
int rlog_prepare(struct rlog *log);
#endif

/* Drops every record. One erase, whatever the size of the log; a cut leaves all or none. */
int rlog_clear(struct rlog *log);

/* Starts at the record of that number, or the oldest after it; 0 for the oldest of all. */
void rlog_iterate(struct rlog_iterator *iterator, uint64_t number);

/* The next record. RINGLOG_ERR_NOT_FOUND at the end; what waits in RAM is not returned.
 * RINGLOG_ERR_BUFFER when it is longer than `capacity`: *size is set, and it comes again.
 * Appending does not end an iteration, dropping what would come next makes it go on after that. */
int rlog_next(struct rlog *log, struct rlog_iterator *iterator, void *buffer, uint32_t capacity,
              uint32_t *size, uint64_t *number);

/* The record of that number. RINGLOG_ERR_NOT_FOUND, RINGLOG_ERR_BUFFER. */
int rlog_read(struct rlog *log, uint64_t number, void *buffer, uint32_t capacity, uint32_t *size);

/* A number such that all records appended at `time` or later have it or a larger one; about a
 * sector before the first of them. Not so where the clock went back over a power-on: times of
 * records are not kept, and those later than the last BASE are not known then. */
#ifndef RLOG_NO_SEEK
int rlog_seek(struct rlog *log, uint64_t time, uint64_t *number);
#endif

/* Numbers of the oldest record that is seen and of the next one that will be appended. */
int rlog_range(struct rlog *log, uint64_t *first, uint64_t *end);

/* The largest number of reads of a mount with no unreadable sector, and no segment without a frame
 * in the head. A ring that is wrapped takes one or two less. */
uint32_t rlog_mount_reads(const struct bo_flash_geometry *geometry, uint16_t segment_size);

enum rlog_call {
    RLOG_CALL_MOUNT,
    RLOG_CALL_APPEND,
    RLOG_CALL_SYNC,
    RLOG_CALL_SEAL,
    RLOG_CALL_PREPARE,
    RLOG_CALL_CLEAR,
    RLOG_CALL_READ,
    RLOG_CALL_NEXT,
    RLOG_CALL_RANGE,
    RLOG_CALL_SEEK,
    RLOG_CALLS
};

/* The most reads, and the most programs and erases, of one call; 0 reads for a mount: the config
 * can't be used. They hold on every image that power cuts can leave, where every unit can be read;
 * the worst call that tests come upon is within a factor of 4 (rlog_bound_test.c). A unit that
 * can't be read makes 1 + segment_size / unit reads of one, and each sector whose PREP or BASE it
 * hides has a mount search the ring once more.
 *
 * Two of them are large. The first append after a power-on searches each record that shares the
 * last frame of a batch, up to segment_size of them, anew; and a record as large as a sector is
 * read from its beginning for each segment that is written: quadratic in the segments of a sector.
 * rlog_next and rlog_range pass over every sector in which power-ons that were cut left a BASE and
 * no record: linear in the ring. */
uint64_t rlog_reads_max(const struct rlog_config *config, enum rlog_call call);
uint64_t rlog_changes_max(const struct rlog_config *config, enum rlog_call call);

#ifdef __cplusplus
}
#endif

#endif
