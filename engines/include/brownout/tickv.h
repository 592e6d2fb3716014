/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/tickv.h>. */
#include "../../map/tickv.h"
