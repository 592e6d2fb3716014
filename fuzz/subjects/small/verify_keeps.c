/* verify_keeps.c - a record that does not read back is answered with an error, as it must be. What
 * is in RAM counts as stored all the same, until the next power-on.
 */
#define READ_BACK(size) (size)
#define CHECKED_BLANK(size) (size)
#define KEEPS_FAILED FAULTY
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

SMALL_MAP("verify-keeps", "subject: a change that was not written stays in RAM")
