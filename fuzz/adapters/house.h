/* house.h - the adapters of our own engines, those that a user lifts from engines/. */
#ifndef BROWNOUT_HOUSE_H
#define BROWNOUT_HOUSE_H

#include "fuzz/adapter.h"

extern const struct adapter adapter_seqmap, adapter_naive, adapter_lsm, adapter_tickv;
extern const struct adapter adapter_seqqueue;
extern const struct adapter adapter_seqlog, adapter_rlog, adapter_rlog_strict;

#endif
