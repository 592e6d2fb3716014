/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/flash.h>. */
#include "../../flash.h"
