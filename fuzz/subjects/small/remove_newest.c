/* remove_newest.c - a store appends the new value and marks the old one dead; a removal marks the
 * newest value dead and no other. Between a store's two steps both are live: where a cut leaves it
 * so and the store is not done again, a removal brings the old value back.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

static int mark_newest(struct small_map *map, const struct record *change)
{
    struct record record;
    for (uint32_t slot = map->next; slot-- > 1;) {
        bool valid = read_record(map, map->bank, slot, &record) == RECORD_VALID;
        if (valid && is_live(&record) && is_of(&record, change)) return mark_dead(map, slot);
    }
    return 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (change->value_size == REMOVED)
        return FAULTY ? mark_newest(map, change) : mark_before(map, change, map->next);
    if (map->next == slots(map)) return move(map);
    int error = append(map, change);
    return error ? error : mark_before(map, change, map->next - 1);
}

SMALL_MAP("remove-newest", "subject: a removal leaves an older value live")
