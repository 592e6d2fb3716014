/* original.h - what the map and the queue of sequential-storage 8.0.1 have in common.
 *
 * Subjects, not engines: the explorer must find what these algorithms lose, so nothing here is to
 * be cured. Same flash format, same placement and the same flash calls in the same order as the
 * crate without its caches; only damaged images are handled with the care of C.
 *
 * A sector is open (erased), partial (in use: its start is marked) or closed (its end is, too).
 * Items follow one another after the start marker. "Word" is the larger of read unit and program
 * unit; the crate calls a sector a page.
 */
#ifndef BROWNOUT_ORIGINAL_H
#define BROWNOUT_ORIGINAL_H

#include "fuzz/adapter.h"

#define ORIGINAL_NO_END UINT64_MAX

enum original_error {
    ORIGINAL_CORRUPTED = -16, /* repairs, then tries again */
    ORIGINAL_NONE = -17,      /* no such key, item or sector */
    ORIGINAL_FULL = -18,
    ORIGINAL_TOO_BIG = -19,
    ORIGINAL_BUFFER = -20, /* an item does not fit the data buffer */
    ORIGINAL_DECODE = -21, /* an item is too short for its key */
};

enum original_state { ORIGINAL_OPEN, ORIGINAL_PARTIAL, ORIGINAL_CLOSED };
enum original_body { ORIGINAL_PRESENT, ORIGINAL_ERASED, ORIGINAL_BAD };

struct original {
    const struct bo_flash *flash;
    uint32_t sector_size, sector_count;
    uint32_t word;
    uint32_t header_size; /* of an item: 8 bytes rounded up to words */
    uint32_t length_max;  /* data bytes of the largest item */
    uint32_t capacity;    /* bytes of data */
    uint8_t *data;        /* the buffer that the crate's caller lends */
};

/* An item as its header describes it. Addresses are 64 bits wide so that none of them overflows. */
struct original_item {
    uint64_t address;
    uint32_t length;
    uint32_t crc; /* 0: erased */
};

/* What a geometry gives. */
uint32_t original_word_of(const struct bo_flash_geometry *geometry);
uint32_t original_header_size_of(const struct bo_flash_geometry *geometry);
uint32_t original_length_max_of(const struct bo_flash_geometry *geometry);
uint32_t original_capacity_of(const struct bo_flash_geometry *geometry);

/* `data` has original_capacity_of() bytes. Nothing is read: the crate has no mount. */
void original_init(struct original *original, const struct bo_flash *flash, uint8_t *data);

uint16_t original_get16(const uint8_t *bytes);
void original_put16(uint8_t *bytes, uint32_t value);

/* To words. */
uint32_t original_down(const struct original *original, uint32_t size);
uint32_t original_up(const struct original *original, uint32_t size);

/* --- sectors --- */

uint32_t original_next_of(const struct original *original, uint32_t sector);
uint32_t original_previous_of(const struct original *original, uint32_t sector);

/* Where the first item of a sector goes; the end of the items of the sector of an address. */
uint64_t original_payload_start(const struct original *original, uint32_t sector);
uint64_t original_payload_end(const struct original *original, uint64_t address);

/* The state of a sector; CORRUPTED when only its end is marked (half erased). */
int original_state_of(const struct original *original, uint32_t sector);

/* The first sector in a state, walking the ring from `from`; the last of the first run of them. */
int original_first_in_state(const struct original *original, uint32_t from, int wanted,
                            uint32_t *found);
int original_last_in_state(const struct original *original, uint32_t from, int wanted,
                           uint32_t *found);

/* Erases a sector; makes an open one partial and returns the state that it has then; closes. */
int original_open_sector(const struct original *original, uint32_t sector);
int original_partial_close(const struct original *original, uint32_t sector);
int original_close_sector(const struct original *original, uint32_t sector);

/* Erases the sectors that are half erased. */
int original_repair(const struct original *original);

/* --- items --- */

uint64_t original_item_end(const struct original *original, const struct original_item *item);

/* Reads the header at `address`. Returns 1 when there is one, 0 when nothing was written there. */
int original_read_header(const struct original *original, uint64_t address, uint64_t end,
                         struct original_item *item);

/* Reads the data of an item into original->data. Returns an enum original_body, or an error. */
int original_read_body(const struct original *original, const struct original_item *item,
                       uint64_t end);

/* Finds the next header from *address on, past damage word by word. Returns 1 with *address after
 * the item, or 0 at the end of what was written, with *address there. */
int original_next_header(const struct original *original, uint64_t *address, uint64_t end,
                         struct original_item *item);

/* The same for items whose data are good, which are then in original->data; others are passed
 * over. */
int original_next_present(const struct original *original, uint64_t *address, uint64_t end,
                          struct original_item *item);

/* Finds room for an item at the end of a sector. */
int original_free_spot(const struct original *original, uint32_t sector, uint32_t length,
                       uint64_t *address);

/* Writes original->data as a new item: header, whole words, then what is left in a word of its own.
 */
int original_write_item(const struct original *original, uint64_t address, uint32_t length);

/* Marks an item as erased: its header once more, with a checksum of 0. */
int original_erase_item(const struct original *original, const struct original_item *item);

/* What an error, of flash.h or of this page, answers. */
enum answer original_answer(int error);

#endif
