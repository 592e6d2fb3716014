/* reset_shows_older.c - a factory reset erases the bank in use, and then the other one. A cut
 * between the two shows what that one holds, from before the last move.
 */
#include "fuzz/adapter.h"

static enum answer reset(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings);
#define RESET reset
#include "fuzz/subjects/small/small_map.h"

static enum answer reset(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    struct small_map *map = object;
    (void)settings;
    *map = (struct small_map){.flash = flash};
    uint32_t last = find_bank(map) ? map->bank : 0, first = !last;
    if (FAULTY) first = last, last = !first;
    if (erase_bank(map, first) || erase_bank(map, last)) return ANSWER_FLASH;
    return write_header(map, 0, 1) ? ANSWER_FLASH : ANSWER_OK;
}

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("reset-shows-older", "subject: a reset that is cut shows what was long replaced")
