/* seq_cap_test.c - a walk over what was torn comes to the cap after it.
 *
 * Method. Eight bytes that were torn stand before the cap, the last of them a length and the
 * beginning of its checksum: every length. A walk that goes on word by word must come to the cap.
 */
#include "seq_cap.h"

#include "../check_test.h"
#include "../ram_flash.h"
#include "seq_crc.h"
#include "seq_item.h"

#define SECTOR 256u
#define AT 64u
#define END 200u

static struct ram_flash ram;
static uint8_t work[64];

static struct seq setup(uint16_t word)
{
    struct seq seq = {0};
    ram_flash_init(&ram, SECTOR, 2, word, 0);
    memset(ram.bytes, 0xFF, SECTOR);
    CHECK(seq_setup(&seq, &ram.flash, work, sizeof work), "words of %u bytes", (unsigned)word);
    return seq;
}

static bool walk_finds_cap(struct seq *seq, uint32_t crc)
{
    const struct seq_item cap = {.address = AT, .crc = crc, .length = 0};
    seq_item_write_header(seq, &cap);
    struct seq_scan scan = seq_scan_from(AT - 8 + seq->word, END);
    while (seq_item_next(seq, &scan) && scan.item.address < AT)
        ;
    return scan.item.address == AT && scan.item.crc == crc;
}

/* Every length, `offset` bytes before the cap. */
static void try_lengths(uint16_t word, uint32_t offset, uint32_t crc)
{
    struct seq seq = setup(word);
    for (uint32_t length = 0; length < 0x10000; length++) {
        memset(ram.bytes + AT - 8, 0x33, 8);
        memset(ram.bytes + AT, 0xFF, 8);
        ram.bytes[AT - 1] = (uint8_t)seq_crc16(length);
        ram.bytes[AT - offset] = (uint8_t)length;
        if (offset > 1) ram.bytes[AT - offset + 1] = (uint8_t)(length >> 8);
        CHECK(walk_finds_cap(&seq, crc), "words of %u, length %u at -%u", (unsigned)word,
              (unsigned)length, (unsigned)offset);
    }
    CHECK(seq.error == BO_FLASH_OK && ram.breach == NULL, "nothing failed");
}

static void test_lengths(void)
{
    static const uint32_t caps[] = {SEQ_CAP_OF_MAP, SEQ_CAP_OF_QUEUE};
    for (unsigned i = 0; i < 2; i++) {
        for (uint32_t offset = 1; offset <= 3; offset++)
            try_lengths(1, offset, caps[i]);
        try_lengths(2, 2, caps[i]);
    }
}

/* What all that rests on, and what is proven beyond these bytes. */
static void test_checksums(void)
{
    for (uint32_t length = 0; length < 0x10000; length++) {
        uint8_t high = (uint8_t)(seq_crc16(length) >> 8);
        CHECK(high != (SEQ_CAP_OF_MAP & 0xFF) && high != (SEQ_CAP_OF_QUEUE & 0xFF), "length %u",
              (unsigned)length);
    }
}

static void test_edges(void)
{
    struct seq seq = setup(8);
    CHECK(seq_cap_place(&seq, AT - 8, AT, END) == AT, "a header was torn");
    CHECK(seq_cap_place(&seq, AT - 8, AT, AT + 7) == 0, "the payload ends before it does");
    CHECK(seq_cap_place(&seq, AT - 8, AT, AT + 8) == AT, "it fills the payload");
    CHECK(seq_cap_place(&seq, AT - 8, AT + 1, END) == AT + 8, "two headers were torn");
    CHECK(seq_cap_place(&seq, AT - 8, AT + 1, AT) == 0, "the second one at the end");
}

int main(void)
{
    test_lengths();
    test_checksums();
    test_edges();
    printf("%u failures\n", failures);
    return failures != 0;
}
