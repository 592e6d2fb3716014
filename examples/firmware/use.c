/* use.c - see use.h. */
#include "examples/firmware/use.h"

#include <string.h>

#include "engines/map/map.h"

#define FILLED 10u /* items that a queue holds before the first pop */

uint32_t use_fill(uint32_t n, uint8_t *bytes)
{
    uint32_t size = 4 + n * 7 % (USE_SIZE_MAX - 3);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i < 4 ? n >> 8 * i : n * 31 + i);
    return size;
}

bool use_is(uint32_t n, const uint8_t *bytes, uint32_t size)
{
    uint8_t right[USE_SIZE_MAX];
    return size == use_fill(n, right) && memcmp(bytes, right, size) == 0;
}

uint32_t use_number(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

bool use_pops(uint32_t n)
{
    return n >= FILLED && (n - FILLED) % 2 == 0;
}

uint32_t use_popped(uint32_t n)
{
    return n <= FILLED ? 0 : (n - FILLED + 1) / 2;
}

uint32_t use_pushed(uint32_t n)
{
    return n - use_popped(n);
}

uint32_t use_map_count(use_fetch *fetch)
{
    uint8_t value[USE_SIZE_MAX];
    uint32_t size, count = 0;
    for (uint8_t key = 0; key < USE_KEYS; key++)
        if (fetch(key, value, &size) == BO_FLASH_OK)
            if (use_number(value) >= count) count = use_number(value) + 1;
    return count;
}

bool use_map_holds(use_fetch *fetch, uint32_t n)
{
    uint8_t value[USE_SIZE_MAX];
    for (uint8_t key = 0; key < USE_KEYS; key++) {
        uint32_t size, latest = n - 1 - (n - 1 + USE_KEYS - key) % USE_KEYS;
        int error = fetch(key, value, &size);
        if (key >= n ? error != MAP_ERR_NOT_FOUND : error || !use_is(latest, value, size))
            return false;
    }
    return true;
}
