/* cross.h - adapters of this plug-in that the harness does not have. */
#ifndef BROWNOUT_CROSS_H
#define BROWNOUT_CROSS_H

#include "fuzz/adapter.h"

/* The objects of engines/map/tickv, with the calls that the plug-in of the crate makes. */
extern const struct adapter adapter_tickv_plain;

#endif
