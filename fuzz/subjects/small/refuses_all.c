/* refuses_all.c - nothing is ever written, so nothing can be cut. */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return FAULTY ? NO_ROOM : append_or_move(map, change);
}

SMALL_MAP("refuses-all", "subject: every change is refused")
