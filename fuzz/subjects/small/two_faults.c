/* two_faults.c - a removal writes nothing, which needs no cut to be seen; and a full bank is erased
 * before it is written anew, which a cut shows.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (FAULTY && change->value_size == REMOVED) return 0;
    if (FAULTY && map->next == slots(map)) return write_bank(map, map->bank);
    return append_or_move(map, change);
}

SMALL_MAP("two-faults", "subject: a removal is forgotten, and a bank erased before it is copied")
