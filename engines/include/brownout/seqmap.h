/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/seqmap.h>. */
#include "../../map/seqmap.h"
