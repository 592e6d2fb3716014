/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/rlog.h>. */
#include "../../ringlog/rlog.h"
