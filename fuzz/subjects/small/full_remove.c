/* full_remove.c - a bank that holds as many values as it has slots takes no record of a removal and
 * none of another value, though it could move without the old one.
 */
#define PROMISED ADAPTER_FULL_CHANGES
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

/* `change` is in RAM by then. */
int subject_save(struct small_map *map, const struct record *change)
{
    bool removes = change->value_size == REMOVED;
    bool full = map->next == slots(map) && map->count + removes + 1 == slots(map);
    if (FAULTY && full) return NO_ROOM;
    return append_or_move(map, change);
}

SMALL_MAP("full-remove", "subject: a full store refuses to remove and to replace")
