/* SPDX-License-Identifier: MIT */
/* seqlog.h - the ring log that most firmware has, built well, with its usual choices as options.
 *
 * Sectors with a sequence number in a ring, records one after the other in a sector, the oldest
 * sector given up for a new one. What people argue about is chosen by the configuration, so that it
 * can be compared: how records are framed, how the newest sector is found, whether erasing is done
 * ahead.
 *
 * Model. The sectors of the region are sectors of records and, after them, those of the index:
 *
 *     | oldest ... newest, the head | given up next | blank, on the first lap |  | index |
 *
 * A sector begins with a header: its sequence number, from 0 to 2N - 1 and around (N sectors), the
 * number of its first record, how many sectors before it belong to the log (its reach), and a
 * checksum that knows the place, the geometry and the log. Records follow, each in one piece, each
 * with a checksum that knows sector, place and record number. Record numbers start at 0, grow by
 * one, and go on through clear. A record that does not fit the rest of the head goes to the next
 * sector; that rest stays unused.
 *
 * 1. To move on, the sector after the head is erased and its header programmed. That program is the
 *    moment in which it becomes the head and the sector after it leaves the log: a reader never
 *    looks at the sector after the head, so an erase that was cut, or done ahead, is never seen.
 *    What one can read is always the newest records without a gap, of at most N - 1 sectors.
 * 2. Mounting only reads. What an interrupted program may have touched is not programmed again: the
 *    next record begins a page after it. What was erased but not opened is erased again.
 * 3. Each unit is programmed once between erases, but for those of a bit index.
 * 4. Clearing opens a sector that reaches back to none: one erase, one program.
 *
 * Finding the head (struct seqlog_config, find). N sectors, E bytes of a sector:
 *
 *     scan      reads every header; N reads, no extra wear. The yardstick of the others.
 *     bisect    halves the ring: the numbers say on which side of a header the head is. A header
 *               that can't be read proves nothing and is stepped over; what can't be proven that
 *               way is scanned.
 *     coarse    one sector of bits, one for each group of sectors that is done.
 *     fine      one bit for each sector that is done, in as many sectors as that takes.
 *     twolevel  the same, with a sector of bits above that says which of these to look at.
 *     pointer   sectors that form a ring of their own, of entries {ordinal of 40 bits, sector,
 *     crc};
 *               as many as it takes to wear no faster than the sectors do.
 *
 * What an index says is a hint: the search goes on from there over the headers, in growing steps
 * if need be, and the answer is that of a bisection. An index that is torn, blank or wrong costs
 * reads, never records. The bit indexes program a unit once for each of its bits: they are
 * lawful where the part sets no limit or allows 8 times `unit` programs, refused elsewhere, and not
 * fit for parts with ECC. The other three program each unit once and are lawful everywhere.
 *
 * Framing. `length`: a mark, an 8-bit check of the length, the length, a CRC-32C, the bytes:
 * 8 bytes a record. A length that is torn is known by its check, and what follows is found again at
 * the next unit that begins a record. `cobs`: a mark, the bytes and their CRC-32C stuffed so that
 * no zero is among them, and a zero: 7 bytes a record and one for each 254. A reader that is lost
 * waits for a zero. Both start with a mark that is never 0xFF, and both are filled with 0xFF up to
 * the unit.
 *
 * Cost. An append is one program call for each page that the frame touches. A sector more is an
 * erase, a program of 20 bytes and what the index takes: one program, and for each sector of the
 * index one erase and one program a lap. Mounting reads, besides the head itself, at most
 *     scan      N headers
 *     bisect    log2 N + 9, each bad header on the way one more
 *     coarse    log2 of the bits, twice log2 of the sectors in a group, 8
 *     fine      log2 of the sectors of the index, log2 of the bits in one of them, 8
 *     twolevel  log2 of the bits of a sector of each level, 9
 *     pointer   log2 of the sectors of the index, log2 of the entries in one of them, 9
 * of 32 bytes or less.
 *
 * Cuts. Survives the classes edge, prefix, bits and zeros for programs and erases, nested to any
 * depth, and fail: what a call did that failed is seen at once. Not claimed:
 *   weak  a program that left no trace may have left weak bits, and the last record before a cut is
 *         believed when it reads right;
 *   ecc   units that the part can't correct (BO_FLASH_ERR_ECC) are passed over like torn ones, but
 *   one
 *         that reads blank and refuses its next program can't be known from a sound one;
 *   rot   a record or a header that rots is reported (RINGLOG_ERR_DAMAGED) or passed over, and
 *         later records keep their numbers. The header of the head is the exception: a head that
 *         can't be read looks like a sector that was not opened, and goes with the next record. And
 *         a last record that rots looks like one whose append was cut;
 *   glitch  the same, of a read that is wrong once. One that answers an error costs nothing, and
 *         with ../twice.h in between the class is survived;
 *   lie   what was written is not read back. With ../verified.h in between it is survived;
 *   stray as rot.
 * A part whose interrupted program may damage earlier data of the sector (tear scope sector) can
 * lose those, as with any log that keeps one copy.
 *
 * Memory. struct seqlog and a work buffer, both of the caller. No heap, no recursion, no globals.
 * Needs memcpy, memset and memchr. Not reentrant.
 *
 * Errors: those of flash.h and ringlog.h. After an error of the flash the log stays usable: the
 * next changing call looks at the flash anew first.
 */
#ifndef BROWNOUT_SEQLOG_H
#define BROWNOUT_SEQLOG_H

#include "../flash.h"
#include "ringlog.h"

/* Version of what is written, stored in the header of each sector; sectors of another one are not
 * read. Of the software: BO_VERSION. */
#define SEQLOG_FORMAT_VERSION 1u

#ifdef __cplusplus
extern "C" {
#endif

/* The least that seqlog_config.work_size may be. */
#define SEQLOG_WORK_MIN 64u

/* The head, the one to be given up, and one that stays. */
#define SEQLOG_SECTORS_MIN 3u

enum seqlog_framing { SEQLOG_LENGTH = 0, SEQLOG_COBS };

enum seqlog_find {
    SEQLOG_SCAN = 0,
    SEQLOG_BISECT,
    SEQLOG_COARSE,
    SEQLOG_FINE,
    SEQLOG_TWOLEVEL,
    SEQLOG_POINTER,
};

struct seqlog_config {
    /* The region. Erased value 0xFF; SEQLOG_SECTORS_MIN sectors besides those of the index. */
    const struct bo_flash *flash;
    /* Scratch memory, at least SEQLOG_WORK_MIN. A record to be appended must fit with its frame:
     * seqlog_frame_size_max. Larger ones that are on the flash already can be read. The more there
     * is, the fewer reads. */
    void *work;
    uint32_t work_size;
    /* Which log this is. Sectors of another one are not taken for its own. */
    uint32_t id;
    /* Same each time: a sector is read in the framing in which it was written, or not at all. */
    enum seqlog_framing framing;
    /* Same each time, or the index is formatted over: the kinds of index need different numbers of
     * sectors. scan and bisect need none and read each other's images. */
    enum seqlog_find find;
    /* Erase the next sector as soon as the head is half full, in the append that does it,
     * rather than when it is needed. */
    bool ahead;
    /* Sectors that one sector of a fine or two-level index is for, or entries in a sector of a
     * pointer index; 0: as many as fit. Fewer take more sectors and wear each of them less. */
    uint32_t index_span;
};

/* What a geometry and a configuration amount to. */
struct seqlog_plan {
    uint32_t sectors;       /* sectors that hold records, from the start of the region */
    uint32_t index_sectors; /* after them */
    uint32_t index_group;   /* sectors for each bit of a coarse index, or of the upper level */
    uint32_t index_span;    /* sectors or entries for each sector of the index */
    uint32_t header_size;   /* of a sector, in units */
    uint32_t record_max;    /* bytes of the largest record, if the work buffer is large enough */
};

/* The header of a sector, in memory. */
struct seqlog_header {
    uint32_t sequence;
    uint32_t reach; /* sectors before it that belong to the log */
    uint64_t first; /* number of its first record */
    uint32_t crc;   /* as stored: the identity of the sector */
};

/* Where frames are read. */
struct seqlog_cursor {
    uint32_t base;     /* address of the sector */
    uint32_t offset;   /* in it, of the next frame if nothing is torn */
    uint32_t end;      /* in it, where to stop */
    uint32_t identity; /* of the sector */
    uint64_t number;   /* of the next record if none was lost */
};

/* A mounted log. The caller owns it; the fields are the engine's.
 *
 * Invariants, at the end of each call that met no error of the flash, while the log is open:
 *   1. no frame is looked at as if it had been programmed;
 *   2. the head is the sector that its sequence number stands for;
 *   3. the log does not reach to the sector after the head, and begins no later than it ends;
 *   4. in the head the last good record ends after the header and not after the place of the next
 *      one, which is at a unit of the sector, or at its end. */
struct seqlog {
    const struct bo_flash *flash;
    uint8_t *work;
    uint32_t work_size;
    struct seqlog_plan plan;
    enum seqlog_framing framing;
    enum seqlog_find find;
    uint32_t seed;    /* of all checksums: log, geometry, framing */
    uint32_t changes; /* grows with each change; iterators look at it */

    bool open;                   /* there is a head; else the log is empty and no sector is used */
    bool ahead;                  /* as configured */
    bool prepared;               /* the sector after the head was erased since mount */
    bool changed;                /* something was programmed since mount */
    bool stale;                  /* a call failed: look at the flash anew before the next change */
    uint32_t head;               /* the newest sector */
    struct seqlog_header header; /* of the head */
    uint64_t next;               /* number of the next record */
    uint32_t end;                /* in the head: where its last good record ends */
    uint32_t append;             /* in the head: where the next goes; not `end` if torn */

    bool index_known; /* pointer index: the next three hold */
    uint32_t index_sector, index_slot;
    uint64_t index_ordinal;

    /* What was read last: a piece of the flash, in `work` or, while that holds a frame that is
     * looked at as if it had been programmed, after that; in `small` if there is no room. */
    uint8_t *window;
    uint32_t window_at, window_size;
    bool window_bad; /* the part could not read it */
    uint32_t overlay_at, overlay_size;
    uint8_t small[BO_FLASH_UNIT_MAX];
};

/* A place in the iteration, see seqlog_iterate. */
struct seqlog_iterator {
    uint64_t number; /* of the next record */
    uint64_t limit;  /* of the first one after the sector */
    uint32_t back;   /* sectors between it and the head */
    uint32_t changes;
    bool placed;
    struct seqlog_cursor cursor;
};

/* Works out what a geometry and a configuration (of which flash and work may be NULL) amount to.
 * RINGLOG_ERR_GEOMETRY when it is too small or not erased to 0xFF; RINGLOG_ERR_UNSUPPORTED when
 * the index is not lawful on the part. */
int seqlog_plan(const struct bo_flash_geometry *geometry, const struct seqlog_config *config,
                struct seqlog_plan *plan);

/* The largest frame of a record of `size` bytes, in whole units: what the work buffer must hold. */
uint32_t seqlog_frame_size_max(enum seqlog_framing framing, uint32_t size, uint32_t unit);

/* Finds the head and its end. Only reads. A blank region is an empty log. RINGLOG_ERR_GEOMETRY,
 * RINGLOG_ERR_UNSUPPORTED, RINGLOG_ERR_DAMAGED (there are no sectors of this log but something
 * else; format is the way out, and nothing was changed), or an error of the flash. The config is
 * not kept. */
int seqlog_mount(struct seqlog *log, const struct seqlog_config *config);

/* Erases every sector and leaves an empty mounted log. A cut in it leaves any part of the old
 * contents: format again. */
int seqlog_format(struct seqlog *log, const struct seqlog_config *config);

/* Puts a record after the newest. Durable when it returns BO_FLASH_OK; after a cut the record is
 * there or not. Gives up the oldest sector when it needs a new one. *number (may be NULL) is the
 * record's. RINGLOG_ERR_TOO_BIG (sector or work buffer); nothing was written. */
int seqlog_append(struct seqlog *log, const void *data, uint32_t size, uint64_t *number);

/* For idle moments: erases the sector that is next, so that no append has to. Does nothing
 * when that was done, or when nothing was appended since mount, so that a device that only reboots
 * does not wear its flash out. */
int seqlog_prepare(struct seqlog *log);

/* Gives up all records. After a cut all are there or none is. */
int seqlog_clear(struct seqlog *log);

/* Number of the oldest record; that of the next one to be appended if there is none. */
int seqlog_first(struct seqlog *log, uint64_t *number);

/* Number that the next record will have. */
static inline uint64_t seqlog_end(const struct seqlog *log)
{
    return log->next;
}

/* Copies the record `number` to `buffer` and its length to *size. Finds the sector by bisection and
 * the record by going through the sector. RINGLOG_ERR_NOT_FOUND; RINGLOG_ERR_BUFFER when it is
 * longer than `capacity`: *size holds the length; RINGLOG_ERR_DAMAGED when it should be there and
 * can't be read. Never writes to the flash. `buffer` may be NULL when capacity is 0; it holds
 * nothing of use after any other answer than BO_FLASH_OK. */
int seqlog_read(struct seqlog *log, uint64_t number, void *buffer, uint32_t capacity,
                uint32_t *size);

/* Starts at the record `number`, or at the oldest if that is later. */
void seqlog_iterate(struct seqlog_iterator *iterator, uint64_t number);

/* The next record. RINGLOG_ERR_NOT_FOUND at the end; RINGLOG_ERR_BUFFER when it does not fit: the
 * length is set and the iterator has not moved. The log may be changed between calls: what was
 * given up is passed over. A record that can't be read is passed over too: the numbers show it. */
int seqlog_next(struct seqlog *log, struct seqlog_iterator *iterator, void *buffer,
                uint32_t capacity, uint32_t *size, uint64_t *number);

enum seqlog_call {
    SEQLOG_CALL_MOUNT,
    SEQLOG_CALL_APPEND,
    SEQLOG_CALL_PREPARE,
    SEQLOG_CALL_CLEAR,
    SEQLOG_CALL_FIRST,
    SEQLOG_CALL_READ,
    SEQLOG_CALL_NEXT,
    SEQLOG_CALLS
};

/* The most reads, and the most programs and erases, of one call; work_size of the config counts,
 * and 0 reads for a mount: the config can't be used. They hold on every image that power cuts can
 * leave, where every unit can be read; the worst call that tests come upon is within a factor of 4
 * where the work buffer holds a sector and 32 bytes (seqlog_bound_test.c). In a smaller one the
 * reads of a sector are quadratic in its units at worst: records whose bytes look like others.
 *
 * One is large: seqlog_next passes over every sector in which a record was cut and none is, linear
 * in the ring. */
struct bo_bound seqlog_bound(const struct seqlog_config *config, enum seqlog_call call);

/* The same of a log that began blank, whose power was never cut and whose flash never failed: no
 * header is bad, an index names the head, and no call looks at the flash anew. This is what a find
 * costs, and what its index saves. */
struct bo_bound seqlog_bound_uncut(const struct seqlog_config *config, enum seqlog_call call);

#ifdef __cplusplus
}
#endif

#endif
