/* boot_writes.c - each power-on writes what is held once more. That is its design, and no fault
 * where it says so.
 */
#include "fuzz/subjects/small/small.h"

#define WIDENED (FAULTY ? 0u : ADAPTER_MOUNT_WRITES)
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    int error = load_newest(map);
    for (uint32_t i = 0; i < map->count && !error; i++)
        error = append_or_move(map, &map->held[i]);
    return error ? -1 : 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("boot-writes", "subject: each power-on writes, and it does not say so")
