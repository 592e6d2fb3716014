/* SPDX-License-Identifier: MIT */
/* So that a user of the package writes <brownout/buffered.h>. */
#include "../../queue/buffered.h"
