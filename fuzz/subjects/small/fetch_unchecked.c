/* fetch_unchecked.c - a fetch reads the bytes of the value once more, and does not look at their
 * checksum: that was right at power-on.
 */
#define READS_TWICE
#define READS_LATE
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    return map->torn ? move(map) : 0;
}

void subject_before_read(struct small_map *map)
{
    for (uint32_t slot = 1; FAULTY && slot < map->next; slot++) {
        struct record record;
        if (bo_flash_read(map->flash, slot_at(map, map->bank, slot), &record, SLOT)) continue;
        struct record *held =
            record.key_size <= sizeof record.key ? find(map, record.key, record.key_size) : NULL;
        if (held && record.value_size <= sizeof record.value) *held = record;
    }
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("fetch-unchecked", "subject: a fetch returns what one read of the value shows")
