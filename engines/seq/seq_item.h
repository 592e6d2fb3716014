/* SPDX-License-Identifier: MIT */
/* seq_item.h - the items in the payload of a sector.
 *
 *     0  crc32 of the data, little endian; 0: the item is erased
 *     4  length of the data, u16
 *     6  crc16 of the two length bytes
 *     8  0xFF up to a whole word
 *     H  data, zeros up to a whole word, then the next item
 *
 * A header of FF only ends the payload. Bytes that are no header are stepped over word by word, and
 * so is a header with something else than FF up to the word. An item whose data do not fit their
 * checksum is stepped over by its length: it is torn.
 */
#ifndef BROWNOUT_SEQ_ITEM_H
#define BROWNOUT_SEQ_ITEM_H

#include "seq.h"

#ifdef __cplusplus
extern "C" {
#endif

struct seq_item {
    uint32_t address;
    uint32_t crc; /* 0: erased */
    uint32_t length;
};

/* A walk over the headers from `address` up to `end`. */
struct seq_scan {
    uint32_t address; /* where the walk is */
    uint32_t end;
    struct seq_item item; /* the latest */
    bool stepped;         /* over words that are no header */
    bool torn;            /* over the last one before `address` */
    /* Zeros stand where a header was. No program leaves them: the low byte of a crc32 is never 00,
     * the high byte of the crc16 never below E0, and what is left of a word is FF. So an erase has
     * begun here. */
    bool zeroed;
};

static inline struct seq_scan seq_scan_from(uint32_t address, uint32_t end)
{
    struct seq_scan scan;
    scan.address = address;
    scan.end = end;
    scan.stepped = scan.torn = scan.zeroed = false;
    return scan;
}

/* A walk over what a sector holds. What the cache knows of it is left out. */
struct seq_scan seq_scan_sector(const struct seq *seq, uint32_t sector);

/* Moves to the next header. True: scan->item is it, and scan->address is after the item; false: the
 * end, scan->address is where the written part ends. */
bool seq_item_next(struct seq *seq, struct seq_scan *scan);

/* Bytes of header and data, and the address after them. */
static inline uint32_t seq_item_size(const struct seq *seq, uint32_t length)
{
    return seq->header + seq_up(seq, length);
}

static inline uint32_t seq_item_after(const struct seq *seq, const struct seq_item *item)
{
    return item->address + seq_item_size(seq, item->length);
}

/* The address of its data. */
static inline uint32_t seq_item_data(const struct seq *seq, const struct seq_item *item)
{
    return item->address + seq->header;
}

/* Reads `size` bytes of an item's data, from `from` on, takes them into the checksum and copies
 * them to `to` (NULL: nowhere). False when they can't be read. What is copied is what was checked:
 * the register ends as the item's checksum, or the bytes are not to be believed. Uses the work
 * buffer. */
bool seq_item_read(struct seq *seq, const struct seq_item *item, uint32_t from, uint32_t size,
                   void *to, uint32_t *crc);

/* The checksum that belongs to the data of an item, never 0; 0: they can't be read. Uses the work
 * buffer. */
uint32_t seq_item_checksum(struct seq *seq, const struct seq_item *item);

/* Whether an item that is not erased is there: not torn, and readable. Uses the work buffer. */
bool seq_item_present(struct seq *seq, const struct seq_item *item);

/* Programs an item at item->address: header, whole words of data, last word padded with zeros. The
 * data are in the work buffer, when `source` is 0, or on the flash at `source`. */
void seq_item_write(struct seq *seq, const struct seq_item *item, uint32_t source);

/* Programs the header alone. */
void seq_item_write_header(struct seq *seq, const struct seq_item *item);

/* Programs the header again with checksum 0. */
void seq_item_erase(struct seq *seq, struct seq_item *item);

/* Programs the header of a torn item again, without the bits of the right checksum: it may have
 * lost some, and have others that are too many. A program that takes away those alone makes the
 * item whole; this one does not, however it is cut, nor does an erase that sets these again. */
static inline void seq_item_spoil(struct seq *seq, struct seq_item *item, uint32_t right)
{
    item->crc &= ~right;
    seq_item_write_header(seq, item);
}

#ifdef __cplusplus
}
#endif

#endif
