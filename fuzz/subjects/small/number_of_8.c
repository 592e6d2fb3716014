/* number_of_8.c - numbers of 8 bits come round after 256 moves. */
#define NUMBER uint8_t
#include "fuzz/subjects/small/number_of.h"

SMALL_MAP("number-of-8", "subject: numbers of 8 bits come round, and the oldest is the newest")
