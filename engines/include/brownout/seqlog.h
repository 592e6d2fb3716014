/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/seqlog.h>. */
#include "../../ringlog/seqlog.h"
