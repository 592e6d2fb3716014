/* recovery_in_place.c - where power-on finds a torn record it writes the bank anew, in its place: a
 * second cut there loses everything. One cut shows nothing.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    if (!map->torn) return 0;
    return write_bank(map, FAULTY ? map->bank : !map->bank);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("recovery-in-place", "subject: recovery erases what it is about to copy")
