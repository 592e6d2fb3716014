/* migrate_removed.c - a removal appends a record that says so and then marks the values before it
 * dead. What moves to the other bank is what is live there, without a look at the removals: a value
 * that a cut left unmarked comes back. Doing the removal again marks it.
 */
#define REMOVES_AGAIN
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_removed_again(struct small_map *map, const struct record *change)
{
    return mark_before(map, change, map->next);
}

/* What is live and no removal. */
static void collect(struct small_map *map, const struct record *change)
{
    struct record record;
    map->count = 0;
    for (uint32_t slot = 1; slot < map->next; slot++) {
        bool valid = read_record(map, map->bank, slot, &record) == RECORD_VALID;
        if (valid && is_live(&record) && record.value_size != REMOVED) take(map, &record);
    }
    take(map, change);
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (map->next == slots(map)) {
        if (FAULTY) collect(map, change);
        return move(map);
    }
    int error = append(map, change);
    return error ? error : mark_before(map, change, map->next - 1);
}

SMALL_MAP("migrate-removed", "subject: a move takes along what a cut removal left")
