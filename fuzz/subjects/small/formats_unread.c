/* formats_unread.c - one look at the header of each bank, and where none is good the part counts as
 * new and is formatted. A read that goes wrong once at power-on costs everything.
 */
#define READS_TWICE
#include "fuzz/subjects/small/small_map.h"

/* By one read of each header. */
static bool is_new(const struct small_map *map)
{
    for (uint32_t bank = 0; bank < 2; bank++) {
        uint32_t header[4];
        if (bo_flash_read(map->flash, slot_at(map, bank, 0), header, sizeof header)) continue;
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

SMALL_MAP("formats-unread", "subject: one bad read of a header, and the store is formatted")
