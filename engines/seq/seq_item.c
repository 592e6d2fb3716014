/* SPDX-License-Identifier: MIT */
/* seq_item.c - see seq_item.h. */
#include "seq_item.h"

#include <string.h>

#include "seq_cache.h"
#include "seq_crc.h"
#include "seq_sector.h"

/* Headers ---------------------------------------------------------------------------------- */

static void put_u32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    to[2] = (uint8_t)(value >> 16);
    to[3] = (uint8_t)(value >> 24);
}

static uint32_t get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

void seq_item_write_header(struct seq *seq, const struct seq_item *item)
{
    uint8_t header[SEQ_HEADER_MAX];
    memset(header, 0xFF, sizeof header);
    put_u32(header, item->crc);
    put_u32(header + 4, item->length | (uint32_t)seq_crc16(item->length) << 16);
    seq_program(seq, item->address, header, seq->header);
}

/* Whether bytes from 8 up to the header's size are FF, as a program leaves them. */
static bool is_padded(const struct seq *seq, const uint8_t *header)
{
    unsigned all = 0xFF;
    for (uint32_t i = 8; i < seq->header; i++)
        all &= header[i];
    return all == 0xFF;
}

struct seq_scan seq_scan_sector(const struct seq *seq, uint32_t sector)
{
    return seq_scan_from(seq_cache_first(seq->cache, sector, seq_sector_start(seq, sector)),
                         seq_cache_end(seq->cache, sector, seq_sector_end(seq, sector)));
}

bool seq_item_next(struct seq *seq, struct seq_scan *scan)
{
    struct seq_item *item = &scan->item;
    uint8_t header[SEQ_HEADER_MAX];
    for (uint32_t left; (left = scan->end - scan->address) >= seq->header;
         scan->address += seq->word) {
        seq_look_ahead(seq, scan->address, scan->end);
        item->address = scan->address;
        if (seq_read(seq, scan->address, header, seq->header)) {
            uint32_t length = get_u32(header + 4);
            bool padded = is_padded(seq, header);
            item->crc = get_u32(header);
            item->length = length & 0xFFFF;
            if (padded && (item->crc & length) == UINT32_MAX) return false;
            if (padded && seq_crc16(item->length) == length >> 16 &&
                seq_item_size(seq, item->length) <= left) {
                scan->address = seq_item_after(seq, item);
                scan->torn = false;
                return true;
            }
            if ((!scan->torn && (header[0] == 0 || !padded)) || (item->crc | length) == 0)
                scan->zeroed = true;
        }
        scan->torn = scan->stepped = true;
    }
    return false;
}

void seq_item_erase(struct seq *seq, struct seq_item *item)
{
    item->crc = 0;
    seq_item_write_header(seq, item);
}

/* Data ------------------------------------------------------------------------------------- */

bool seq_item_read(struct seq *seq, const struct seq_item *item, uint32_t from, uint32_t size,
                   void *to, uint32_t *crc)
{
    uint32_t address = seq_item_data(seq, item) + from;
    uint8_t *bytes = (uint8_t *)to;
    for (uint32_t part; size != 0; address += part, size -= part) {
        uint32_t skip = address & seq->mask;
        part = seq_minimum(size, seq->work_size - skip);
        const uint8_t *data = seq_look(seq, address - skip, seq_up(seq, skip + part));
        if (data == NULL) return false;
        *crc = bo_crc32c(*crc, data + skip, part);
        if (bytes == NULL) continue;
        memcpy(bytes, data + skip, part);
        bytes += part;
    }
    return true;
}

uint32_t seq_item_checksum(struct seq *seq, const struct seq_item *item)
{
    uint32_t crc = SEQ_CRC32_START;
    return seq_item_read(seq, item, 0, item->length, NULL, &crc) ? seq_crc32_end(crc) : 0;
}

bool seq_item_present(struct seq *seq, const struct seq_item *item)
{
    return seq_item_checksum(seq, item) == item->crc;
}

void seq_item_write(struct seq *seq, const struct seq_item *item, uint32_t source)
{
    uint32_t to = seq_item_data(seq, item);
    seq_item_write_header(seq, item);
    for (uint32_t left = item->length, part; left != 0; left -= part, to += part, source += part) {
        part = seq_minimum(left, seq->work_size);
        uint32_t whole = seq_down(seq, part), size = seq_up(seq, part);
        uint8_t *data = source != 0 ? seq_look(seq, source, size) : seq->work;
        if (data == NULL) return;
        memset(data + part, 0, size - part);
        seq_program(seq, to, data, whole);
        seq_program(seq, to + whole, data + whole, size - whole);
    }
}
