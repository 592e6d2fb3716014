/* refuses_stores.c - no store is taken, but a removal is written, of what is not there too: so
 * there is something to cut, and what a cut leaves is always an empty map.
 */
#define REMOVES_AGAIN
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_removed_again(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return FAULTY && change->value_size != REMOVED ? NO_ROOM : append_or_move(map, change);
}

SMALL_MAP("refuses-stores", "subject: every store is refused, and removals are written")
