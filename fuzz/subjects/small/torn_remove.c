/* torn_remove.c - a bank with a torn record is not moved for a removal: what the store took before
 * the cut can't be removed after it.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    bool removes = change->value_size == REMOVED;
    if (FAULTY && removes && map->torn && map->next == slots(map)) return NO_ROOM;
    return append_or_move(map, change);
}

SMALL_MAP("torn-remove", "subject: a removal is refused after a cut")
