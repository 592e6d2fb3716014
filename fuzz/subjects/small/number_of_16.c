/* number_of_16.c - numbers of 16 bits come round after 65,536 moves. */
#define NUMBER uint16_t
#include "fuzz/subjects/small/number_of.h"

SMALL_MAP("number-of-16", "subject: numbers of 16 bits come round, and the oldest is the newest")
