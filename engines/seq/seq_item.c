/* seq_item.c - see seq_item.h. */
#include "seq_item.h"

#include <string.h>

#include "seq_crc.h"

/* Headers ---------------------------------------------------------------------------------- */

static void put_u32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++, value >>= 8)
        to[i] = (uint8_t)value;
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

/* Whether eight bytes are a header. */
static bool header_decode(const uint8_t *header, struct seq_item *item)
{
    uint32_t length = get_u32(header + 4);
    item->crc = get_u32(header);
    item->length = length & 0xFFFF;
    return seq_crc16(item->length) == length >> 16;
}

static bool filled(const uint8_t *bytes, uint32_t size, uint8_t value)
{
    while (size--)
        if (*bytes++ != value) return false;
    return true;
}

bool seq_item_next(struct seq *seq, struct seq_scan *scan, struct seq_item *item)
{
    uint8_t header[SEQ_HEADER_MAX];
    for (uint32_t left; (left = scan->end - scan->address) >= seq->header;
         scan->address += seq->word) {
        seq_look_ahead(seq, scan->address, scan->end);
        item->address = scan->address;
        if (seq_read(seq, scan->address, header, seq->header)) {
            bool padded = filled(header + 8, seq->header - 8u, 0xFF);
            if (padded && filled(header, 8, 0xFF)) return false;
            if (padded && header_decode(header, item)) {
                uint32_t size = seq_item_size(seq, item->length);
                if (size <= left) {
                    scan->address += size;
                    scan->torn = false;
                    return true;
                }
            }
            if ((!scan->torn && (header[0] == 0 || !padded)) || filled(header, 8, 0x00))
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

bool seq_item_present(struct seq *seq, const struct seq_item *item)
{
    uint32_t crc = SEQ_CRC32_START;
    if (item->crc == 0) return false;
    for (uint32_t done = 0, part; done < item->length; done += part) {
        part = seq_minimum(item->length - done, seq->work_size);
        const uint8_t *data = seq_look(seq, seq_item_data(seq, item) + done, seq_up(seq, part));
        if (data == NULL) return false;
        crc = bo_crc32c(crc, data, part);
    }
    return seq_crc32_end(crc) == item->crc;
}

/* What must be readable, because it has been read before. */
static uint8_t *look_again(struct seq *seq, uint32_t address, uint32_t size)
{
    uint8_t *data = seq_look(seq, address, size);
    if (data == NULL) seq_fail(seq, BO_FLASH_ERR_ECC);
    return data;
}

void seq_item_copy_out(struct seq *seq, uint32_t address, void *to, uint32_t size)
{
    uint8_t *bytes = (uint8_t *)to;
    for (uint32_t part; size != 0; address += part, bytes += part, size -= part) {
        uint32_t skip = address - seq_down(seq, address);
        part = seq_minimum(size, seq->work_size - skip);
        const uint8_t *data = look_again(seq, address - skip, seq_up(seq, skip + part));
        if (data == NULL) return;
        memcpy(bytes, data + skip, part);
    }
}

void seq_item_write(struct seq *seq, const struct seq_item *item, uint32_t source)
{
    uint32_t to = seq_item_data(seq, item);
    seq_item_write_header(seq, item);
    for (uint32_t left = item->length, part; left != 0; left -= part, to += part) {
        uint8_t *data = seq->work;
        part = seq_minimum(left, seq->work_size);
        uint32_t whole = seq_down(seq, part), size = seq_up(seq, part);
        if (source != 0) {
            data = look_again(seq, source, size);
            if (data == NULL) return;
            source += part;
        }
        memset(data + part, 0, size - part);
        seq_program(seq, to, data, whole);
        seq_program(seq, to + whole, data + whole, size - whole);
    }
}
