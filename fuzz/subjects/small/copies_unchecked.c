/* copies_unchecked.c - what moves to the other bank is read from the flash once more, and gets a
 * new checksum there: bits that cleared since it was stored are good from then on.
 */
#include "fuzz/subjects/small/small_map.h"

/* All but the key that changes, whose new value is in RAM alone. */
static void read_again(struct small_map *map, const struct record *change)
{
    for (uint32_t slot = 1; slot < map->next; slot++) {
        struct record record;
        if (bo_flash_read(map->flash, slot_at(map, map->bank, slot), &record, SLOT)) continue;
        if (record.key_size > sizeof record.key || record.value_size > sizeof record.value)
            continue;
        struct record *held = find(map, record.key, record.key_size);
        if (held && !is_of(&record, change)) *held = record;
    }
}

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    return map->torn ? move(map) : 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (map->next < slots(map)) return append(map, change);
    if (FAULTY) read_again(map, change);
    return move(map);
}

SMALL_MAP("copies-unchecked", "subject: a move makes a good record of a damaged one")
