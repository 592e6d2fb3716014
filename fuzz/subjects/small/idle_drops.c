/* idle_drops.c - while it is idle a log clears the sector that the next append needs, which drops
 * what lies there. With the fault it does so whenever there is an item in the one that is filled.
 */
#define WIDENED ADAPTER_IDLE_DROPS
#include "fuzz/subjects/small/small_log.h"

int subject_load(struct small_log *log)
{
    return load_newest(log);
}

static enum answer clear_next(void *object)
{
    struct small_log *log = object;
    if (log->next < (FAULTY ? 2 : ring_slots(log->flash))) return ANSWER_OK;
    return open_next(log) ? ANSWER_FLASH : ANSWER_OK;
}

SMALL_LOG_OF("idle-drops", "subject: an idle drops what no append needed", .idle = clear_next)
