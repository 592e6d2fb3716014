/* small_ring.h - the ring that the small logs and queues of this folder lie in: sectors, each a
 * header with a number, and slots of 32 bytes, of which the header has the first.
 */
#ifndef BROWNOUT_SMALL_RING_H
#define BROWNOUT_SMALL_RING_H

#include "fuzz/subjects/small/small.h"

/* What the checksums of headers know besides; none: nothing. */
#ifndef RING_MARK
#define RING_MARK(flash) 0u
#endif

#define SLOT 32u
#define RING_ITEM_MAX 20u

static inline uint32_t ring_sectors(const struct bo_flash *flash)
{
    return flash->geometry.sector_count;
}

static inline uint32_t ring_slots(const struct bo_flash *flash)
{
    return flash->geometry.sector_size / SLOT;
}

static inline uint32_t ring_at(const struct bo_flash *flash, uint32_t sector, uint32_t slot)
{
    return sector * flash->geometry.sector_size + slot * SLOT;
}

enum { HEADER_VALID, HEADER_BLANK, HEADER_TORN };

/* *sequence: the number of the sector; 0: it has none. */
static inline int ring_read_header(const struct bo_flash *flash, uint32_t sector,
                                   uint32_t *sequence)
{
    uint32_t header[2];
    *sequence = 0;
    if (bo_flash_read(flash, ring_at(flash, sector, 0), header, sizeof header)) return HEADER_TORN;
    if (small_is_blank(header, sizeof header)) return HEADER_BLANK;
    if (header[1] != (small_crc(header, 4) ^ RING_MARK(flash))) return HEADER_TORN;
    *sequence = header[0];
    return HEADER_VALID;
}

static inline int ring_write_header(const struct bo_flash *flash, uint32_t sector,
                                    uint32_t sequence)
{
    uint32_t header[2] = {sequence, small_crc(&sequence, 4) ^ RING_MARK(flash)};
    return bo_flash_program(flash, ring_at(flash, sector, 0), header, sizeof header);
}

static inline void ring_limits(const struct bo_flash_geometry *geometry,
                               const struct adapter_settings *settings, uint32_t *key_size_min,
                               uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)geometry, (void)settings;
    *key_size_min = *key_size_max = 0;
    *value_size_max = RING_ITEM_MAX;
}

#endif
