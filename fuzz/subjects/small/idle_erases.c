/* idle_erases.c - pushes erase nothing: a full sector is left in idle() alone, once the next one
 * holds no item any more. With the fault it is not left where power-on found a torn item in it.
 */
#define ERASES_IDLE
#include "fuzz/subjects/small/small_queue.h"

bool subject_reuses(struct queue *queue)
{
    (void)queue;
    return true;
}

static enum answer rest(void *object)
{
    const struct queue *queue = object;
    return FAULTY && queue->torn ? ANSWER_OK : idle(object);
}

SMALL_QUEUE_OF("idle-erases", "subject: sectors are erased while it is idle alone", .idle = rest)
