/* crashes_old.c - a number of 16 bits is the index of a table, and after 65,535 moves it is out of
 * it: the engine ends there.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (FAULTY && map->sequence >= 0xFFFF) __builtin_trap();
    return append_or_move(map, change);
}

SMALL_MAP("crashes-old", "subject: crashes when numbers of 16 bits are used up")
