/* never_reclaims.c - with the fault no sector is used again: when all of them were used once no
 * item goes in any more.
 */
#include "fuzz/subjects/small/small_queue.h"

bool subject_reuses(struct queue *queue)
{
    (void)queue;
    return !FAULTY;
}

SMALL_QUEUE("never-reclaims", "subject: what was taken out keeps its room")
