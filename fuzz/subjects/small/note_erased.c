/* note_erased.c - a map that notes in sector 2 that it was changed since the power-on. For each
 * note the sector is erased, so once with each power-on. The healthy one writes it to the next
 * slot, and erases a full sector only.
 */
#include "fuzz/subjects/small/small_map.h"

#define NOTES 2u /* the sector */

int subject_load(struct small_map *map)
{
    map->unread = true; /* here: nothing is noted yet */
    return load_newest(map);
}

static uint32_t blank_slot(const struct small_map *map)
{
    uint8_t bytes[SLOT];
    for (uint32_t slot = 0; slot < slots(map) && !FAULTY; slot++) {
        if (bo_flash_read(map->flash, slot_at(map, NOTES, slot), bytes, SLOT)) continue;
        if (small_is_blank(bytes, SLOT)) return slot;
    }
    return slots(map);
}

static int note(struct small_map *map)
{
    static const uint8_t mark[4];
    uint32_t slot = blank_slot(map);
    if (slot == slots(map)) {
        slot = 0;
        int error = small_erase(map->flash, slot_at(map, NOTES, 0));
        if (error) return error;
    }
    map->unread = false;
    return bo_flash_program(map->flash, slot_at(map, NOTES, slot), mark, sizeof mark);
}

int subject_save(struct small_map *map, const struct record *change)
{
    int error = map->unread ? note(map) : 0;
    return error ? error : append_or_move(map, change);
}

SMALL_MAP("note-erased", "subject: the first change after a power-on erases a sector for a note")
