/* number_of_16.c - the numbers of banks are compared in 16 bits, as they are: after 65,536 moves
 * the older bank is the newer one.
 */
#define IS_NEWER(number, than) (FAULTY ? (uint16_t)(number) > (uint16_t)(than) : (number) > (than))
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("number-of-16", "subject: numbers of 16 bits come round, and the oldest is the newest")
