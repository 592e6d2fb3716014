/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/twice.h>. */
#include "../../twice.h"
