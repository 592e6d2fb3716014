/* unlawful_loses.c - an old value is marked dead by two programs of one unit, which the part
 * forbids and the first new value of a key does. And a full bank is erased before it is copied.
 */
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

/* Marks it in two steps. */
static int mark_slowly(struct small_map *map, const struct record *change)
{
    static const uint8_t half[4] = {0, 0, 0xFF, 0xFF};
    uint32_t last = map->next - 1;
    struct record record;
    int error = 0;
    for (uint32_t slot = 1; slot < last && !error; slot++) {
        bool valid = read_record(map, map->bank, slot, &record) == RECORD_VALID;
        if (!valid || !is_live(&record) || !is_of(&record, change)) continue;
        error = bo_flash_program(map->flash, slot_at(map, map->bank, slot) + 28, half, 4);
        if (!error) error = mark_dead(map, slot);
    }
    return error;
}

int subject_save(struct small_map *map, const struct record *change)
{
    if (map->next == slots(map)) return FAULTY ? write_bank(map, map->bank) : move(map);
    int error = append(map, change);
    return FAULTY && !error ? mark_slowly(map, change) : error;
}

SMALL_MAP("unlawful-loses", "subject: a rule is broken at once, and a cut loses the bank")
