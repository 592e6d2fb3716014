/* small.h - what all small subjects of this folder share: a checksum, and the plug-in's entry. */
#ifndef BROWNOUT_SMALL_H
#define BROWNOUT_SMALL_H

#include <string.h>

#include "fuzz/adapter.h"

/* A subject compiled with -DHEALTHY has no fault. */
#ifdef HEALTHY
#define FAULTY false
#else
#define FAULTY true
#endif

static inline uint32_t small_crc(const void *data, uint32_t size)
{
    const uint8_t *bytes = data;
    uint32_t crc = 0x12345678;
    while (size-- > 0) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1u ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return crc;
}

static inline bool small_is_blank(const void *data, uint32_t size)
{
    const uint8_t *bytes = data;
    while (size-- > 0) {
        if (*bytes++ != 0xFF) return false;
    }
    return true;
}

/* One bad read decides nothing where READS_TWICE is defined: what two reads in a row agree on
 * counts. */
#ifdef READS_TWICE
static inline int small_read(const struct bo_flash *flash, uint32_t address, void *bytes,
                             uint32_t size)
{
    uint8_t before[32];
    int error = BO_FLASH_ERR_IO, last = BO_FLASH_ERR_IO;
    for (int i = 0; i < 4; i++) {
        error = bo_flash_read(flash, address, bytes, size);
        if (!error && !last && memcmp(bytes, before, size) == 0) return 0;
        memcpy(before, bytes, size);
        last = error;
    }
    return error ? error : BO_FLASH_ERR_IO;
}
#else
#define small_read bo_flash_read
#endif

/* Of the bytes that were programmed, and of a sector that was erased, as many are read back as
 * these say, from the first on. None: what the flash answers is believed. */
#ifndef READ_BACK
#define READ_BACK(size) 0u
#endif
#ifndef CHECKED_BLANK
#define CHECKED_BLANK(size) 0u
#endif

static inline int small_program(const struct bo_flash *flash, uint32_t address, const void *data,
                                uint32_t size)
{
    uint8_t there[32];
    uint32_t count = READ_BACK(size);
    int error = bo_flash_program(flash, address, data, size);
    if (!error) error = bo_flash_read(flash, address, there, count);
    if (error) return error;
    return count && memcmp(there, data, count) != 0 ? BO_FLASH_ERR_IO : BO_FLASH_OK;
}

static inline int small_erase(const struct bo_flash *flash, uint32_t address)
{
    uint8_t there[32];
    uint32_t count = CHECKED_BLANK(flash->geometry.sector_size);
    int error = bo_flash_erase(flash, address);
    for (uint32_t at = 0; at < count && !error; at += sizeof there) {
        error = bo_flash_read(flash, address + at, there, sizeof there);
        if (!error && !small_is_blank(there, sizeof there)) error = BO_FLASH_ERR_IO;
    }
    return error;
}

/* Words of four bytes at odd places of a sector that is not tiny. */
static inline const char *small_refuses(const struct bo_flash_geometry *geometry,
                                        const struct adapter_settings *settings)
{
    (void)settings;
    if (geometry->unit > 4 || geometry->read_unit > 4) return "units of 4 bytes at most";
    if (geometry->erased != 0xFF) return "an erased byte is 0xff";
    if (geometry->sector_count < 2) return "two sectors at least";
    return geometry->sector_size < 128 ? "sectors of 128 bytes at least" : NULL;
}

adapter_entry brownout_adapter;

#define SMALL_ENTRY(ADAPTER)                                                                       \
    const struct adapter *brownout_adapter(void)                                                   \
    {                                                                                              \
        return &ADAPTER;                                                                           \
    }

#endif
