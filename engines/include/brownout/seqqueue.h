/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/seqqueue.h>. */
#include "../../queue/seqqueue.h"
