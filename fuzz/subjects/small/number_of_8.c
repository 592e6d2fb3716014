/* number_of_8.c - the numbers of banks are compared in 8 bits, as they are: after 256 moves the
 * older bank is the newer one.
 */
#define IS_NEWER(number, than) (FAULTY ? (uint8_t)(number) > (uint8_t)(than) : (number) > (than))
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("number-of-8", "subject: numbers of 8 bits come round, and the oldest is the newest")
