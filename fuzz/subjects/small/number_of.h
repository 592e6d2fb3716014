/* number_of.h - what number_of_8 and number_of_16 share: the numbers of banks are compared as
 * NUMBERs, as they are. When these have come round the older bank is the newer one.
 */
#ifndef BROWNOUT_SMALL_NUMBER_OF_H
#define BROWNOUT_SMALL_NUMBER_OF_H

#ifndef NUMBER
#define NUMBER uint32_t
#endif

#define IS_NEWER(number, than) (FAULTY ? (NUMBER)(number) > (NUMBER)(than) : (number) > (than))
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

#endif
