/* unread_damaged.c - a power-on that can't read a header or a record says that the store is
 * damaged: a device makes it anew then, and all is lost to a bus that failed for a moment.
 */
#define READS_TWICE
#define PROMISED ADAPTER_TELLS_FLASH
#define TELLS_UNREAD !FAULTY
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

SMALL_MAP("unread-damaged", "subject: what can't be read is called damaged")
