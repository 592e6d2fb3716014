/* only_ram.c - a map that writes nothing: what it was given is there until power goes off. No
 * program means no cut, so nothing but a power-on after the uncut run shows it.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return FAULTY ? 0 : append_or_move(map, change);
}

SMALL_MAP("only-ram", "subject: nothing that it is given reaches the flash")
