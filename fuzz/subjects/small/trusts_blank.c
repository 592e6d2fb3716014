/* trusts_blank.c - a bank that reads blank is programmed without an erase, though its last erase
 * may have been cut: a rule of class weak, broken after tears of any class.
 */
#define TRUSTS_BLANK FAULTY
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("trusts-blank", "subject: what reads blank is taken as erased")
