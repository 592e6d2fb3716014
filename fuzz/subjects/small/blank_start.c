/* blank_start.c - after an erase the first slot of the bank is looked at. Where a part of the bank
 * was erased, old records stand after those that are written, and count as newer.
 */
#define READ_BACK(size) (size)
#define CHECKED_BLANK(size) (FAULTY ? 32u : (size))
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    return map->torn ? move(map) : 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("blank-start", "subject: an erase is believed when the first slot is blank")
