/* formats.h - what formats_unread and formats_twice share: the header of each bank is looked at
 * LOOKS times, and where no look shows a good one the part counts as new and is formatted.
 */
#ifndef BROWNOUT_SMALL_FORMATS_H
#define BROWNOUT_SMALL_FORMATS_H

#ifndef LOOKS
#define LOOKS 1u
#endif

#define READS_TWICE
#include "fuzz/subjects/small/small_map.h"

static bool is_new(const struct small_map *map)
{
    for (uint32_t look = 0; look < 2 * LOOKS; look++) {
        uint32_t header[4];
        if (bo_flash_read(map->flash, slot_at(map, look / LOOKS, 0), header, sizeof header))
            continue;
        if (header[1] == small_crc(header, 4)) return false;
    }
    return true;
}

int subject_load(struct small_map *map)
{
    if (FAULTY && is_new(map)) {
        int error = erase_bank(map, 1);
        return error ? error : write_bank(map, 0);
    }
    if (load_newest(map)) return -1;
    return map->torn ? move(map) : 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

#endif
