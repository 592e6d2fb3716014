/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/verified.h>. */
#include "../../verified.h"
