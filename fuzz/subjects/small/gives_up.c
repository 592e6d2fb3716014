/* gives_up.c - power-on reads each record once more, and what can't be read then is given up: the
 * others move to the other bank.
 */
#define READS_TWICE
#include "fuzz/subjects/small/small_map.h"

/* Whether a record was given up. */
static bool give_up(struct small_map *map)
{
    uint32_t count = map->count;
    for (uint32_t slot = 1; slot < map->next; slot++) {
        struct record record, again;
        if (read_record(map, map->bank, slot, &record) != RECORD_VALID) continue;
        if (!bo_flash_read(map->flash, slot_at(map, map->bank, slot), &again, SLOT)) continue;
        record.value_size = REMOVED;
        take(map, &record);
    }
    return map->count != count;
}

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    bool fewer = FAULTY && give_up(map);
    return fewer || map->torn ? move(map) : 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("gives-up", "subject: a record that could not be read once is gone for good")
