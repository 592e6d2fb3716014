/* erased_ahead.c - a bank is erased when it is left, and what moves into it later goes there as it
 * is. A power-on erases one that is not blank; with the fault it does not look.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    if (FAULTY || bank_is_blank(map, !map->bank)) return 0;
    return small_erase(map->flash, slot_at(map, !map->bank, 0));
}

int subject_save(struct small_map *map, const struct record *change)
{
    uint32_t from = map->bank;
    if (map->next < slots(map)) return append(map, change);
    if (map->count >= slots(map)) return NO_ROOM;
    int error = 0;
    for (uint32_t i = 0; !error && i < map->count; i++)
        error = write_record(map, !from, i + 1, &map->held[i]);
    if (!error) error = write_header(map, !from, map->sequence + 1);
    if (error) return error;
    map->bank = !from;
    map->sequence++;
    map->next = map->count + 1;
    return small_erase(map->flash, slot_at(map, from, 0));
}

SMALL_MAP("erased-ahead", "subject: what was to be erased before a cut is not looked at")
