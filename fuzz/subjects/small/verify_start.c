/* verify_start.c - of each record that was programmed the first word is read back: a program that
 * did a part of it and answered ok passes.
 */
#define READ_BACK(size) (FAULTY && (size) > 4 ? 4u : (size))
#define CHECKED_BLANK(size) (size)
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

SMALL_MAP("verify-start", "subject: reads back the start of what it programmed, not the rest")
