/* stale_bank.c - two banks with a sequence number each, which power-on does not compare: it takes
 * the last valid one. What is shown is right until the log has come back to the first bank.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (!find_bank(map)) return -1;
    if (FAULTY) map->bank = bank_sequence(map, 1) != 0;
    map->sequence = bank_sequence(map, map->bank);
    read_bank(map);
    return 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("stale-bank", "subject: an older bank is taken for the newer one")
