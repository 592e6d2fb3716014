/* seq_item.h - the items in the payload of a sector.
 *
 *     0  crc32 of the data, little endian; 0: the item is erased
 *     4  length of the data, u16
 *     6  crc16 of the two length bytes
 *     8  0xFF up to a whole word
 *     H  data, zeros up to a whole word, then the next item
 *
 * A header of FF only ends the payload. Bytes that are no header are stepped over word by word.
 * An item whose data do not fit their checksum is stepped over by its length: it is torn.
 */
#ifndef BROWNOUT_SEQ_ITEM_H
#define BROWNOUT_SEQ_ITEM_H

#include "seq.h"

/* Data bytes that a scan reads along with a header, at most. */
#define SEQ_ITEM_PEEK_MAX 32u

struct seq_item {
    uint32_t address;
    uint32_t crc; /* 0: erased */
    uint32_t length;
};

/* A walk over the headers from `address` up to `end`. Set the first three fields, zero the rest. */
struct seq_scan {
    uint32_t address; /* where the walk is */
    uint32_t end;
    uint32_t peek; /* data bytes to read along, a multiple of the word */
    uint32_t base; /* `buffer` holds `size` bytes of the flash from here */
    uint32_t size;
    uint32_t stepped; /* words stepped over as no header */
    bool torn;        /* the last word before `address` was */
    /* Zeros stand where a header was. No program leaves them: the low byte of a crc32 is never 00,
     * the high byte of the crc16 never below E0. So an erase has begun here. */
    bool zeroed;
    uint8_t buffer[SEQ_HEADER_MAX + SEQ_ITEM_PEEK_MAX];
};

static inline struct seq_scan seq_scan_from(uint32_t address, uint32_t end, uint32_t peek)
{
    struct seq_scan scan = {.address = address, .end = end, .peek = peek};
    return scan;
}

/* Moves to the next header. 1: *item is it, and scan->address is behind the item; 0: the end,
 * scan->address is where the written part ends; or a negative error. */
int seq_item_next(struct seq *seq, struct seq_scan *scan, struct seq_item *item);

/* Bytes of header and data, and the address behind. */
static inline uint32_t seq_item_size(const struct seq *seq, uint32_t length)
{
    return seq->header + seq_up(seq, length);
}

static inline uint32_t seq_item_after(const struct seq *seq, const struct seq_item *item)
{
    return item->address + seq_item_size(seq, item->length);
}

/* Copies data bytes [offset, offset + size) to `to`; offset is a multiple of the word, size at
 * most SEQ_ITEM_PEEK_MAX. What the scan has read already is not read again; scan may be NULL. 1,
 * 0 when the part can't read them, or a negative error. */
int seq_item_peek(struct seq *seq, const struct seq_scan *scan, const struct seq_item *item,
                  uint32_t offset, void *to, uint32_t size);

/* Checks the data. 1: present; 0: erased, torn or not readable; or a negative error. `scan` is the
 * one that found the item, or NULL. *data points to the data in the work buffer, or is NULL when
 * they do not fit. */
int seq_item_load(struct seq *seq, const struct seq_scan *scan, const struct seq_item *item,
                  const uint8_t **data);

/* Copies data bytes [offset, offset + size) of a present item; `data` is what seq_item_load gave.
 * Works through the work buffer when that is NULL. */
int seq_item_copy_out(struct seq *seq, const struct seq_item *item, const uint8_t *data,
                      uint32_t offset, void *to, uint32_t size);

/* The checksum that the header of these data holds. */
uint32_t seq_item_crc(const uint8_t *data, uint32_t length);

/* Programs an item at item->address: header, whole words of data, last word padded with zeros. */
int seq_item_write(struct seq *seq, const struct seq_item *item, const uint8_t *data);

/* Programs a copy of a present item at `address`; `data` is what seq_item_load gave. */
int seq_item_clone(struct seq *seq, const struct seq_item *item, const uint8_t *data,
                   uint32_t address);

/* Programs the header again with checksum 0. */
int seq_item_erase(struct seq *seq, const struct seq_item *item);

/* Whether a scan that comes from torn words to blank flash at `from` finds the item that is about
 * to be written at item->address, and nothing before it. */
bool seq_item_reachable(const struct seq *seq, uint32_t from, uint32_t end,
                        const struct seq_item *item);

#endif
