/* fetch_repairs.c - the first read or change after a power-on moves what is good to the other bank,
 * where it finds a torn record. Where a call of the flash fails in that, the read says so, and the
 * next one tries again; with the fault no fetch does.
 */
#define FETCHES_ASIDE
#define KEEPS_FAILED true
#include "fuzz/subjects/small/small_map.h"

/* After a failed call too: RAM has what the flash shows. */
int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    map->unread = map->torn != 0;
    return 0;
}

static int repair(struct small_map *map)
{
    if (!map->unread) return 0;
    int error = move(map);
    map->unread = error != 0;
    if (error) subject_load(map);
    return error;
}

enum answer subject_fetches(struct small_map *map, const struct record *held)
{
    (void)held;
    if (FAULTY && map->gave_up) return ANSWER_FLASH;
    map->gave_up = repair(map) != 0;
    return map->gave_up ? ANSWER_FLASH : ANSWER_OK;
}

int subject_save(struct small_map *map, const struct record *change)
{
    int error = repair(map);
    if (!error) error = append_or_move(map, change);
    if (error) subject_load(map);
    return error;
}

static enum answer each(void *object, adapter_visit *visit, void *context)
{
    return repair(object) ? ANSWER_FLASH : small_each(object, visit, context);
}

#define small_each each
SMALL_MAP("fetch-repairs", "subject: a fetch whose repair failed once fails for ever")
