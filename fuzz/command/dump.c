/* dump.c - see dump.h.
 *
 * Records are read twice: once to check them and to learn which addresses they name, once to copy
 * what they hold to where the flash begins. A record is a line:
 *
 *   Intel HEX  :CCAAAATT data KK    CC bytes of data at AAAA; type TT 00: data, 01: the end,
 *                                   02, 04: the address above (times 16, 65,536), 03, 05: a start
 *   S-record   STCC address data KK CC bytes follow; T 1, 2, 3: data at 2, 3, 4 bytes of address,
 *                                   0: a header, 5 and 6: a count, 7, 8, 9: the end
 *
 * The last byte KK makes the sum of the bytes 0, or 255 in an S-record.
 */
#include "fuzz/command/dump.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/file.h"

/* The largest chip that flash.h can address. */
#define FILE_SIZE_MAX ((uint64_t)1 << 32)

#define RECORD_MAX 260 /* bytes: a count, an address of up to 4 bytes, a type, data and a sum */

struct records {
    struct dump *dump;
    uint64_t base;       /* of Intel HEX: the address above the record's */
    uint64_t first, end; /* of the addresses that were named */
    bool any, ended;
    uint8_t *bytes; /* to copy to; NULL: nothing is copied */
    uint64_t size;
};

_Static_assert(RECORD_MAX >= 1 + 2 + 1 + UINT8_MAX + 1, "a record that counts as many as it can");

static bool refuse(struct dump *dump, const char *reason)
{
    snprintf(dump->reason, sizeof dump->reason, "%s", reason);
    return false;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Pairs of digits as bytes; their count, or -1. */
static int bytes_of(const char *text, size_t length, uint8_t bytes[RECORD_MAX])
{
    if (length % 2 || length / 2 > RECORD_MAX) return -1;
    for (size_t i = 0; i < length; i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return -1;
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (int)(length / 2);
}

static uint8_t sum_of(const uint8_t *bytes, int count)
{
    uint8_t sum = 0;
    assert(count >= 0 && count <= RECORD_MAX);
    for (int i = 0; i < count; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

static uint32_t number(const uint8_t *bytes, int size)
{
    uint32_t value = 0;
    assert(size >= 1 && size <= 4);
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void take_data(struct records *it, uint64_t address, const uint8_t *data, uint32_t size)
{
    if (!size) return;
    if (!it->any || address < it->first) it->first = address;
    if (!it->any || address + size > it->end) it->end = address + size;
    it->any = true;
    for (uint32_t i = 0; it->bytes && i < size; i++) {
        uint64_t at = address + i;
        if (at >= it->dump->offset && at - it->dump->offset < it->size)
            it->bytes[at - it->dump->offset] = data[i];
    }
}

static bool take_hex(struct records *it, const char *text, size_t length)
{
    uint8_t bytes[RECORD_MAX];
    assert(length >= 1);
    int count = bytes_of(text + 1, length - 1, bytes);
    if (text[0] != ':') return refuse(it->dump, "expected a record that begins with ':'");
    if (count < 5 || count != bytes[0] + 5)
        return refuse(it->dump, "expected as many hex digits as the record's length says");
    if (sum_of(bytes, count) != 0) return refuse(it->dump, "the record's checksum is wrong");
    switch (bytes[3]) {
    case 0:
        take_data(it, it->base + number(bytes + 1, 2), bytes + 4, bytes[0]);
        return true;
    case 1:
        it->ended = true;
        return true;
    case 2:
    case 4:
        if (bytes[0] != 2) return refuse(it->dump, "an address record takes 2 bytes");
        it->base = (uint64_t)number(bytes + 4, 2) << (bytes[3] == 2 ? 4 : 16);
        return true;
    case 3:
    case 5:
        return true;
    default:
        return refuse(it->dump, "the record's type is none of 00 to 05");
    }
}

static bool take_srecord(struct records *it, const char *text, size_t length)
{
    uint8_t bytes[RECORD_MAX];
    int count = length < 2 ? -1 : bytes_of(text + 2, length - 2, bytes);
    int type = length < 2 ? -1 : digit(text[1]), address = 0;
    if (text[0] != 'S' || type < 0 || type > 9 || type == 4)
        return refuse(it->dump, "expected a record that begins with S and a digit other than 4");
    if (type >= 1 && type <= 3) address = type + 1;
    if (count < address + 2 || count != bytes[0] + 1)
        return refuse(it->dump, "expected as many hex digits as the record's length says");
    if (sum_of(bytes, count) != 0xFF) return refuse(it->dump, "the record's checksum is wrong");
    if (address)
        take_data(it, number(bytes + 1, address), bytes + 1 + address,
                  (uint32_t)(count - address - 2));
    if (type >= 7) it->ended = true;
    return true;
}

static bool is_blank(const char *text, size_t length)
{
    return strspn(text, " \t\r") >= length;
}

/* All records, up to the one that ends them. */
static bool take_records(struct records *it)
{
    struct dump *dump = it->dump;
    const char *text = (const char *)dump->file, *end = text + dump->file_size;
    bool hex = *text == ':';
    dump->line = 0;
    while (text < end && !it->ended) {
        const char *next = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((next ? next : end) - text);
        while (length && (text[length - 1] == '\r' || text[length - 1] == ' '))
            length--;
        dump->line++;
        if (length && !is_blank(text, length) &&
            !(hex ? take_hex(it, text, length) : take_srecord(it, text, length)))
            return false;
        text = next ? next + 1 : end;
    }
    if (!it->ended) return refuse(dump, "the file ends without a record that ends it");
    dump->line = 0;
    return it->any || refuse(dump, "the records hold no data");
}

/* Whether the first line looks like a record; raw bytes do so by no chance. */
static bool is_records(const struct dump *dump)
{
    const char *text = (const char *)dump->file;
    size_t length = 0;
    if (dump->file_size < 10 || (text[0] != ':' && text[0] != 'S')) return false;
    while (1 + length < dump->file_size && digit(text[1 + length]) >= 0)
        length++;
    return length >= 9 || (length >= 1 && text[0] == ':');
}

bool dump_read(struct dump *dump, const char *path, bool offset_given, uint64_t offset)
{
    *dump = (struct dump){.offset = offset};
    dump->file = file_read(path, FILE_SIZE_MAX, &dump->file_size);
    if (!dump->file) return refuse(dump, strerror(errno));
    dump->records = is_records(dump);
    struct records it = {.dump = dump};
    if (dump->records && !take_records(&it)) return false;
    if (dump->records && !offset_given) dump->offset = it.first;
    uint64_t end = dump->records ? it.end : dump->file_size;
    if (dump->offset > end || (dump->offset == end && end))
        return refuse(dump, "nothing is there from --offset on");
    dump->size = end - dump->offset;
    return true;
}

void dump_free(struct dump *dump)
{
    free(dump->file);
    *dump = (struct dump){0};
}

void dump_copy(const struct dump *dump, uint8_t erased, uint8_t *bytes, uint64_t size)
{
    struct dump again = *dump;
    struct records it = {.dump = &again, .bytes = bytes, .size = size};
    memset(bytes, erased, (size_t)size);
    if (dump->records) {
        bool taken = take_records(&it);
        assert(taken && "dump_read() has checked them");
    } else {
        assert(dump->offset + dump->size == dump->file_size);
        memcpy(bytes, dump->file + dump->offset, (size_t)(size < dump->size ? size : dump->size));
    }
}
