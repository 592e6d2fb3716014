/* seq_item.c - see seq_item.h. */
#include "seq_item.h"

#include <string.h>

#include "seq_crc.h"

static uint32_t minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Headers ---------------------------------------------------------------------------------- */

static void header_encode(const struct seq *seq, uint8_t *header, uint32_t crc, uint32_t length)
{
    memset(header, 0xFF, seq->header);
    for (unsigned i = 0; i < 4; i++)
        header[i] = (uint8_t)(crc >> 8 * i);
    header[4] = (uint8_t)length;
    header[5] = (uint8_t)(length >> 8);
    uint16_t check = seq_crc16(header + 4, 2);
    header[6] = (uint8_t)check;
    header[7] = (uint8_t)(check >> 8);
}

/* Whether eight bytes are a header whose data end before `end`. */
static bool header_decode(const struct seq *seq, const uint8_t *header, uint32_t end,
                          struct seq_item *item)
{
    if (seq_crc16(header + 4, 2) != (uint16_t)(header[6] | header[7] << 8)) return false;
    item->length = (uint32_t)header[4] | (uint32_t)header[5] << 8;
    item->crc = (uint32_t)header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16 |
                (uint32_t)header[3] << 24;
    return seq_item_size(seq, item->length) <= end - item->address;
}

static bool filled(const uint8_t *bytes, uint32_t size, uint8_t value)
{
    while (size--)
        if (*bytes++ != value) return false;
    return true;
}

/* Scanning --------------------------------------------------------------------------------- */

/* Makes the header at scan->address readable in the buffer. */
static int fill(struct seq *seq, struct seq_scan *scan, bool *bad)
{
    uint32_t left = scan->end - scan->address;
    *bad = false;
    if (scan->address >= scan->base && scan->address + seq->header <= scan->base + scan->size)
        return FLASH_OK;
    scan->base = scan->address;
    scan->size = minimum(seq->header + scan->peek, left);
    int error = seq_read(seq, scan->base, scan->buffer, scan->size, bad);
    if (*bad) {
        scan->size = seq->header;
        error = seq_read(seq, scan->base, scan->buffer, scan->size, bad);
    }
    if (error || *bad) scan->size = 0;
    return error;
}

int seq_item_next(struct seq *seq, struct seq_scan *scan, struct seq_item *item)
{
    while (scan->end - scan->address >= seq->header) {
        bool bad;
        int error = fill(seq, scan, &bad);
        if (error) return error;
        const uint8_t *header = scan->buffer + (scan->address - scan->base);
        item->address = scan->address;
        if (!bad) {
            if (filled(header, seq->header, 0xFF)) return 0;
            if (header_decode(seq, header, scan->end, item)) {
                scan->torn = false;
                scan->address = seq_item_after(seq, item);
                return 1;
            }
            scan->zeroed |= header[0] == 0 && (!scan->torn || filled(header, 8, 0x00));
        }
        scan->torn = true;
        scan->stepped++;
        scan->address += seq->word;
    }
    return 0;
}

bool seq_item_reachable(const struct seq *seq, uint32_t from, uint32_t end,
                        const struct seq_item *item)
{
    uint8_t bytes[2 * SEQ_HEADER_MAX];
    struct seq_item found;
    uint32_t gap = item->address - from;
    memset(bytes, 0xFF, gap);
    header_encode(seq, bytes + gap, item->crc, item->length);
    for (uint32_t at = 0; at != gap; at += seq->word) {
        found.address = from + at;
        if (header_decode(seq, bytes + at, end, &found)) return false;
    }
    return true;
}

/* Data ------------------------------------------------------------------------------------- */

/* How many bytes of the item's data, whole words, the scan holds. */
static uint32_t held(const struct seq *seq, const struct seq_scan *scan,
                     const struct seq_item *item)
{
    if (scan == NULL || item->address < scan->base ||
        item->address + seq->header > scan->base + scan->size)
        return 0;
    return minimum(scan->base + scan->size - item->address - seq->header,
                   seq_up(seq, item->length));
}

/* Where they are. */
static const uint8_t *held_data(const struct seq *seq, const struct seq_scan *scan,
                                const struct seq_item *item)
{
    return scan->buffer + (item->address - scan->base) + seq->header;
}

int seq_item_peek(struct seq *seq, const struct seq_scan *scan, const struct seq_item *item,
                  uint32_t offset, void *to, uint32_t size)
{
    uint8_t words[SEQ_ITEM_PEEK_MAX];
    bool bad;
    if (offset + size <= held(seq, scan, item)) {
        memcpy(to, held_data(seq, scan, item) + offset, size);
        return 1;
    }
    int error = seq_read(seq, item->address + seq->header + offset, words, seq_up(seq, size), &bad);
    if (error || bad) return error;
    memcpy(to, words, size);
    return 1;
}

/* The checksum of data that do not fit the work buffer. */
static int check_in_pieces(struct seq *seq, const struct seq_item *item)
{
    uint32_t crc = SEQ_CRC32_START;
    seq->window_size = 0;
    for (uint32_t done = 0, part; done < item->length; done += part) {
        bool bad;
        part = minimum(item->length - done, seq->work_size);
        int error =
            seq_read(seq, item->address + seq->header + done, seq->work, seq_up(seq, part), &bad);
        if (error || bad) return error;
        crc = seq_crc32(crc, seq->work, part);
    }
    return seq_crc32_end(crc) == item->crc;
}

int seq_item_load(struct seq *seq, const struct seq_scan *scan, const struct seq_item *item,
                  const uint8_t **data)
{
    uint32_t size = seq_up(seq, item->length), have = held(seq, scan, item);
    uint32_t address = item->address + seq->header;
    bool bad;
    *data = NULL;
    if (item->crc == 0) return 0;
    if (size > seq->work_size) return check_in_pieces(seq, item);
    *data = seq_window(seq, address, size);
    if (*data == NULL) {
        seq->window_size = 0;
        if (have != 0) memcpy(seq->work, held_data(seq, scan, item), have);
        int error = seq_read(seq, address + have, seq->work + have, size - have, &bad);
        if (error || bad) return error;
        *data = seq->work;
    }
    return seq_item_crc(*data, item->length) == item->crc;
}

int seq_item_copy_out(struct seq *seq, const struct seq_item *item, const uint8_t *data,
                      uint32_t offset, void *to, uint32_t size)
{
    uint8_t *bytes = (uint8_t *)to;
    if (data != NULL) {
        if (size != 0) memcpy(bytes, data + offset, size);
        return FLASH_OK;
    }
    seq->window_size = 0;
    while (size != 0) {
        uint32_t first = seq_down(seq, offset), skip = offset - first;
        uint32_t part = minimum(size, seq->work_size - skip);
        int error = flash_read(seq->flash, item->address + seq->header + first, seq->work,
                               seq_up(seq, skip + part));
        if (error) return error;
        memmove(bytes, seq->work + skip, part); /* may be the work buffer itself */
        bytes += part;
        offset += part;
        size -= part;
    }
    return FLASH_OK;
}

/* Writing ---------------------------------------------------------------------------------- */

static int write_header(struct seq *seq, uint32_t address, uint32_t crc, uint32_t length)
{
    uint8_t header[SEQ_HEADER_MAX];
    seq->window_size = 0;
    header_encode(seq, header, crc, length);
    return flash_program(seq->flash, address, header, seq->header);
}

/* Whole words in one program, then the last word. */
static int write_data(struct seq *seq, uint32_t address, const uint8_t *data, uint32_t length)
{
    uint8_t word[SEQ_WORD_MAX] = {0};
    uint32_t whole = seq_down(seq, length);
    int error = flash_program(seq->flash, address, data, whole);
    if (error || whole == length) return error;
    memcpy(word, data + whole, length - whole);
    return flash_program(seq->flash, address + whole, word, seq->word);
}

uint32_t seq_item_crc(const uint8_t *data, uint32_t length)
{
    return seq_crc32_end(seq_crc32(SEQ_CRC32_START, data, length));
}

int seq_item_write(struct seq *seq, const struct seq_item *item, const uint8_t *data)
{
    int error = write_header(seq, item->address, item->crc, item->length);
    return error ? error : write_data(seq, item->address + seq->header, data, item->length);
}

int seq_item_clone(struct seq *seq, const struct seq_item *item, const uint8_t *data,
                   uint32_t address)
{
    struct seq_item copy = *item;
    copy.address = address;
    if (data != NULL) return seq_item_write(seq, &copy, data);
    int error = write_header(seq, address, item->crc, item->length);
    for (uint32_t done = 0, part; done < item->length && !error; done += part) {
        part = minimum(item->length - done, seq->work_size);
        error = seq_item_copy_out(seq, item, NULL, done, seq->work, part);
        if (!error) error = write_data(seq, address + seq->header + done, seq->work, part);
    }
    return error;
}

int seq_item_erase(struct seq *seq, const struct seq_item *item)
{
    return write_header(seq, item->address, 0, item->length);
}
