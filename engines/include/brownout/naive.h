/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/naive.h>. */
#include "../../map/naive.h"
