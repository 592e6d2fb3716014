/* adapter_list.h - what the adapters of the queue and log engines share. */
#ifndef BROWNOUT_ADAPTER_LIST_H
#define BROWNOUT_ADAPTER_LIST_H

#include "engines/queue/queue.h"
#include "engines/ringlog/ringlog.h"
#include "fuzz/adapter.h"

/* The answer that an error of flash.h, queue.h or ringlog.h stands for; their numbers are those of
 * store.h. */
static inline enum answer list_answer(int error)
{
    switch (error) {
    case BO_FLASH_OK:
        return ANSWER_OK;
    case QUEUE_ERR_EMPTY:
        return ANSWER_NOT_FOUND;
    case QUEUE_ERR_FULL:
        return ANSWER_FULL;
    case QUEUE_ERR_TOO_BIG:
    case QUEUE_ERR_BUFFER:
        return ANSWER_TOO_BIG;
    case QUEUE_ERR_UNSUPPORTED:
        return ANSWER_UNSUPPORTED;
    case QUEUE_ERR_DAMAGED:
    case QUEUE_ERR_GEOMETRY:
        return ANSWER_DAMAGED;
    default:
        return ANSWER_FLASH;
    }
}

#endif
