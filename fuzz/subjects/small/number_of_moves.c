/* number_of_moves.c - each change is a move, in which the bank is erased twice: when the numbers of
 * 16 bits come round, twice as many sectors were erased.
 */
#define NUMBER uint16_t
#define IS_NEWER(number, than) (FAULTY ? (NUMBER)(number) > (NUMBER)(than) : (number) > (than))
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    (void)change; /* it is in RAM */
    int error = erase_bank(map, !map->bank);
    return error ? error : move(map);
}

SMALL_MAP("number-of-moves", "subject: numbers of 16 bits, and each move erases its bank twice")
