/* number_of_changes.c - each change is counted, in 8 bits, and a bank has the number of the change
 * that began it. So the numbers come round after few moves.
 */
#define NUMBER uint8_t
#define IS_NEWER(number, than) (FAULTY ? (NUMBER)(number) > (NUMBER)(than) : (number) > (than))
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    map->sequence += map->next - 1 - map->count; /* those since the move */
    return 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (map->next < slots(map)) map->sequence++; /* a move counts itself */
    return append_or_move(map, change);
}

SMALL_MAP("number-of-changes", "subject: changes are counted in 8 bits, which come round")
