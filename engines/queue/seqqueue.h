/* SPDX-License-Identifier: MIT */
/* seqqueue.h - a queue in the flash format of sequential-storage (Rust crate, 0.7 to 8.0.2).
 *
 * Images of the crate open here, and images written here open in the crate; after the same
 * operations without cuts the two are equal byte for byte, with the same erases and programs (on
 * two sectors one program more for each overwriting push that goes on to the other) and far fewer
 * reads.
 *
 * Model. The sectors form a ring; a single sector is one too:
 *
 *     blank .. | oldest sealed ... newest sealed | head, in use | blank ..
 *
 * A push appends an item to the head; when the head is full it is sealed and the next sector
 * becomes the head. A pop programs the header of an item once more, which marks it. A sector is
 * erased when nothing is left in it and in those before it: by the pop that finds that out, or by
 * the push that needs it. An overwriting push erases the oldest sector with all it holds, if there
 * is no other room. A queue on one sector is never sealed: a push that finds no room starts over
 * when all was popped, or overwrites.
 *
 * Items may be popped in any order; what that leaves after an item that is still there is free
 * only when that one is popped.
 *
 * Cuts. Mounting only reads, and so do peek, next, max_fit and space_left: they give the right
 * answer on what a cut left. The first call that changes something repairs it first. Survives the
 * classes edge, prefix, bits and zeros for programs and erases, nested to any depth, and fail: an
 * item that was pushed is there until it was popped, one in flight is there or not and stays so,
 * and nothing popped comes back. An overwriting push that is cut may have dropped any of the items
 * of the oldest sector, and no others. Not claimed:
 *   weak  a sector that reads blank is used without erasing it once more, because the format has
 *         nowhere to note that an erase is proven;
 *   ecc   units that the part can't correct (BO_FLASH_ERR_ECC) are passed over like torn ones, but
 *         one that reads blank and refuses its next program, or that reads as another value, is not
 *         distinguished from a sound one. A push that meets a blank one fails, as does each one
 *         after it until a format;
 *   rot   a read is not repeated, and the format can detect but not correct a flipped bit: such an
 *         item is passed over;
 *   glitch  the same, of a read that is wrong once. One that answers an error costs nothing, and
 *         with ../twice.h in between the class is survived;
 *   lie   what was written is not read back. With ../verified.h in between the class is survived;
 *   stray as rot;
 *   bits  on a part with a limit of programs per unit, in three cases. On two sectors, an erase
 *         that leaves the head of the older one and blanks its end may leave two of which nothing
 *         shows which is newer, and mount returns QUEUE_ERR_DAMAGED. On a single one, an erase that
 *         is cut early may set bits of a header and of nothing else: what is pushed after it may be
 *         programmed where data that read blank were, once too often. With a limit of two or more,
 *         a pop that was cut after a few bits is undone by an erase that is cut when it has set
 *         them.
 * But what is returned with BO_FLASH_OK was pushed: the very bytes that reach the caller are
 * checked. What the crate's algorithm does that this one must not, and what differs on flash after
 * a cut, stands in seqqueue.c.
 *
 * Parts. A pop programs a header a second time: on a part with programs_per_unit 1 a queue can be
 * pushed to, overwritten and read, but not popped; and each sector keeps the room of an item header
 * free at its end there, so that the largest item is smaller by that.
 *
 * Memory. struct seqqueue, a work buffer and, if wanted, a cache (../seq/seq_cache.h; its keys are
 * not used), all of the caller. No heap, no recursion, no globals. Needs memcpy, memset, memmove.
 * Not reentrant. For a front that keeps items in RAM until there is time for the flash, see
 * buffered.h.
 *
 * Errors: those of flash.h and queue.h. After any error from the flash the queue stays usable: the
 * next changing call repairs first.
 */
#ifndef BROWNOUT_SEQQUEUE_H
#define BROWNOUT_SEQQUEUE_H

#include "../seq/seq.h"
#include "../seq/seq_cache.h"
#include "queue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of what is written, see flash.h; of the software: BO_VERSION. */
#define SEQQUEUE_FORMAT_VERSION SEQ_FORMAT_VERSION

struct seqqueue_config {
    /* The region. One sector or more; erased value 0xFF; a sector of at least 3 words and an item
     * header, where a word is max(unit, read_unit); with programs_per_unit 1 at least three words
     * and two headers. */
    const struct bo_flash *flash;
    /* Scratch memory for reading, at least a word. Items may be larger: they are handled in pieces
     * then, and read twice. A buffer of 256 bytes or more makes iterating cheap. */
    void *work;
    uint32_t work_size;
    /* Memory that saves reads, or NULL. Its contents are cleared by mount and format. */
    struct seq_cache *cache;
};

/* A mounted queue. The caller owns it; the fields are the engine's.
 *
 * Invariants, at the end of each call that met no error of the flash:
 *   1. the head is a sector, and up to all sectors are in use;
 *   2. when none is in use the head counts as sealed;
 *   3. when one is, and the head is not sealed, the next item goes to the payload of the head;
 *   4. the oldest item is in a sector in use, and if it is known, as a whole in its payload;
 *   5. once repaired, no torn header waits to be closed off;
 *   and on the flash, once repaired:
 *   6. the head has its end word if head_sealed says so, the sectors before it in use have theirs;
 *   7. from where the next item goes to the end of the payload the head is blank;
 *   8. the sector after the head is blank when spare_blank says so. */
struct seqqueue {
    struct seq seq;
    bool head_sealed;    /* the head has its end word; or nothing is in use */
    bool ready;          /* repaired since mount or the last error */
    bool spare_blank;    /* the sector after the head is known to be blank */
    bool first_known;    /* the oldest item is at `first`, of that size and checksum */
    uint32_t head;       /* sector that is written, the newest; the last one if none is in use */
    uint32_t used;       /* sectors in use: the head and those before it that hold older items */
    uint32_t append;     /* where the next item goes; the end of the payload if the head is full */
    uint32_t cap;        /* 0, or where a repair is to close off a torn header */
    uint32_t first_back; /* no item is in a sector further back from the head, */
    uint32_t first;      /* and none in that one before this address; 0: its start */
    uint32_t first_size, first_crc;
};

#ifdef BO_CHECKS
/* Checks the invariants; those of the flash, which take reads, when `flash`. After each call the
 * others are checked anyway. */
void seqqueue_check(struct seqqueue *queue, bool flash);
#else
#define seqqueue_check(queue, flash) ((void)0)
#endif

/* A place in an iteration, see seqqueue_iterate. */
struct seqqueue_iterator {
    uint32_t back;     /* sectors between the one being read and the head */
    uint32_t position; /* address after the last item; 0: start of the sector */
    uint32_t item;     /* address of the last item; 0: none, or taken */
};

/* Finds head and oldest sector. Only reads. QUEUE_ERR_GEOMETRY, QUEUE_ERR_DAMAGED (no cut leaves
 * this image; format is the way out, and nothing was changed), or an error of the flash. The config
 * is not kept. */
int seqqueue_mount(struct seqqueue *queue, const struct seqqueue_config *config);

/* Erases every sector, oldest first, and leaves an empty mounted queue. A cut in it leaves any part
 * of the old contents, and a mount may return QUEUE_ERR_DAMAGED: format again. */
int seqqueue_format(struct seqqueue *queue, const struct seqqueue_config *config);

/* Appends an item. Durable when it returns BO_FLASH_OK; after a cut it is there or not.
 * QUEUE_ERR_TOO_BIG: no item of that size can ever be held. QUEUE_ERR_FULL: there is no room; with
 * `overwrite` the items of the oldest sector give way instead. */
int seqqueue_push(struct seqqueue *queue, const void *data, uint32_t size, bool overwrite);

/* Copies the oldest item to `buffer` and its length to *size. QUEUE_ERR_EMPTY, or QUEUE_ERR_BUFFER
 * when it is longer than `capacity`: *size holds the length then. Never writes to the flash.
 * `buffer` may be NULL when capacity is 0. */
int seqqueue_peek(struct seqqueue *queue, void *buffer, uint32_t capacity, uint32_t *size);

/* The same, and takes it out. After a cut it is there or not, and stays so. QUEUE_ERR_BUFFER: it is
 * still there. QUEUE_ERR_UNSUPPORTED on a part with programs_per_unit 1. */
int seqqueue_pop(struct seqqueue *queue, void *buffer, uint32_t capacity, uint32_t *size);

/* Takes out all items, oldest first, without looking at them. After a cut any number of the oldest
 * may be gone. QUEUE_ERR_UNSUPPORTED like pop. */
int seqqueue_clear(struct seqqueue *queue);

/* Starts at the oldest item. */
void seqqueue_iterate(struct seqqueue_iterator *iterator);

/* The next item, from old to new; answers like peek, QUEUE_ERR_EMPTY at the end. With
 * QUEUE_ERR_BUFFER the iterator has not moved. Never writes. Any change but seqqueue_take ends the
 * iteration, and so does an error of the flash. */
int seqqueue_next(struct seqqueue *queue, struct seqqueue_iterator *iterator, void *buffer,
                  uint32_t capacity, uint32_t *size);

/* Takes out the item that seqqueue_next returned last; the iteration goes on. QUEUE_ERR_EMPTY when
 * there is none or it is taken already, QUEUE_ERR_UNSUPPORTED like pop. */
int seqqueue_take(struct seqqueue *queue, struct seqqueue_iterator *iterator);

/* The size of the largest item that a push without overwrite would take now: it takes one of that
 * size, and none of one byte more. QUEUE_ERR_FULL: not even an empty one. Never writes. (The
 * crate's find_max_fit counts the item header as room, and fails on one sector.) */
int seqqueue_max_fit(struct seqqueue *queue, uint32_t *size);

/* Bytes that are free for pushes without overwrite, item headers and padding included. They lie in
 * several sectors: an item takes a part of one. Never writes. */
int seqqueue_space_left(struct seqqueue *queue, uint64_t *bytes);

/* Bytes that an item takes on the flash besides its data (which are rounded up to a word). */
static inline uint32_t seqqueue_item_overhead(const struct seqqueue *queue)
{
    return queue->seq.header;
}

/* What each sector keeps free at its end, see Parts above. */
static inline uint32_t seqqueue_reserve(const struct bo_flash_geometry *geometry)
{
    uint32_t word = seq_word_size(geometry), header = word > 8 ? word : 8;
    return geometry->programs_per_unit == 1 ? header : 0;
}

/* Whether a queue can lie on such a part. */
static inline bool seqqueue_geometry_usable(const struct bo_flash_geometry *geometry)
{
    return seq_geometry_usable(geometry) &&
           geometry->sector_size >= 3 * seq_word_size(geometry) + 2 * seqqueue_reserve(geometry);
}

/* Bytes of the largest item on such a part. */
static inline uint32_t seqqueue_length_max(const struct bo_flash_geometry *geometry)
{
    uint32_t word = seq_word_size(geometry), header = word > 8 ? word : 8;
    uint32_t most = geometry->sector_size - 2 * word - header - seqqueue_reserve(geometry);
    return seq_minimum(most, SEQ_LENGTH_MAX);
}

#ifdef __cplusplus
}
#endif

#endif
