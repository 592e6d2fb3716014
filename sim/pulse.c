#include "sim/pulse.h"

static struct pulse unwatched;

struct pulse *pulse_now = &unwatched;
