/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/lsm.h>. */
#include "../../map/lsm.h"
