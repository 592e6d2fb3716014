/* refuses_once.c - after a power-on that found a torn item the first sector that could be used
 * again is not: the push is refused, the next one is not.
 */
#include "fuzz/subjects/small/small_queue.h"

bool subject_reuses(struct queue *queue)
{
    bool first = queue->torn != 0;
    queue->torn = 0;
    return !FAULTY || !first;
}

SMALL_QUEUE("refuses-once", "subject: room that a cut hides is found at the second try")
