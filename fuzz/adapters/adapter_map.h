/* adapter_map.h - what the adapters of the map engines share. */
#ifndef BROWNOUT_ADAPTER_MAP_H
#define BROWNOUT_ADAPTER_MAP_H

#include "engines/map/map.h"
#include "fuzz/adapter.h"

/* The answer that an error of flash.h or map.h stands for. */
static inline enum answer map_answer(int error)
{
    switch (error) {
    case BO_FLASH_OK:
        return ANSWER_OK;
    case MAP_ERR_NOT_FOUND:
        return ANSWER_NOT_FOUND;
    case MAP_ERR_FULL:
        return ANSWER_FULL;
    case MAP_ERR_TOO_BIG:
    case MAP_ERR_BUFFER:
        return ANSWER_TOO_BIG;
    case MAP_ERR_UNSUPPORTED:
        return ANSWER_UNSUPPORTED;
    case MAP_ERR_DAMAGED:
    case MAP_ERR_GEOMETRY:
        return ANSWER_DAMAGED;
    default:
        return ANSWER_FLASH;
    }
}

#endif
