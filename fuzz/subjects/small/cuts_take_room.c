/* cuts_take_room.c - a move takes torn records along, as if they were some. So each cut takes a
 * place for good, and after some of them nothing is stored any more.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

static int take_along(struct small_map *map, uint32_t torn)
{
    static const uint8_t junk[28];
    int error = 0;
    for (; map->torn < torn && !error; map->torn++)
        error = bo_flash_program(map->flash, slot_at(map, map->bank, map->next++), junk, 28);
    return error;
}

int subject_save(struct small_map *map, const struct record *change)
{
    uint32_t torn = FAULTY ? map->torn : 0;
    if (map->next < slots(map)) return append(map, change);
    if (map->count + torn >= slots(map)) return NO_ROOM;
    int error = move(map);
    return error ? error : take_along(map, torn);
}

SMALL_MAP("cuts-take-room", "subject: what a cut leaves is taken along")
