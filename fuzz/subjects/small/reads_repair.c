/* reads_repair.c - where power-on finds a torn record it leaves the bank to the first read, which
 * repairs it. A change that comes first writes the little that is in RAM to the other bank.
 */
#define READS_LATE
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    map->unread = map->torn != 0;
    if (FAULTY && map->unread) map->count = 0;
    return 0;
}

void subject_before_read(struct small_map *map)
{
    if (map->unread) read_bank(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (!map->unread) return append_or_move(map, change);
    int error = move(map);
    map->unread = error != 0;
    return error;
}

SMALL_MAP("reads-repair", "subject: a first call that is a change loses the rest")
