/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/tickv_map.h>. */
#include "../../map/tickv_map.h"
