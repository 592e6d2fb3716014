/* needless_erase.c - each power-on goes on in the next sector, which it erases: after as many
 * power-ons as there are sectors a log of which a quarter was in use has lost everything.
 */
#include "fuzz/subjects/small/small_log.h"

int subject_load(struct small_log *log)
{
    if (load_newest(log)) return -1;
    if (FAULTY && log->next > 1) log->next = ring_slots(log->flash);
    return 0;
}

SMALL_LOG("needless-erase", "subject: the first append after a power-on erases a sector")
