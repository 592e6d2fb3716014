/* refuses_removed.c - a key that was removed is never taken again, which needs no cut to be seen.
 * So nothing is known of what a store of it does without a cut, and after one it is not accused of
 * failing where it had worked.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

static bool was_removed(struct small_map *map, const struct record *change)
{
    struct record record;
    for (uint32_t slot = 1; slot < map->next; slot++) {
        bool valid = read_record(map, map->bank, slot, &record) == RECORD_VALID;
        if (valid && record.value_size == REMOVED && is_of(&record, change)) return true;
    }
    return false;
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (FAULTY && change->value_size != REMOVED && was_removed(map, change)) return -1;
    return append_or_move(map, change);
}

SMALL_MAP("refuses-removed", "subject: a key that was removed is refused from then on")
