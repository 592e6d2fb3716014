/* formats_unread.c - one look at the header of each bank, and where none is good the part counts as
 * new and is formatted. A read that goes wrong once at power-on costs everything.
 */
#define LOOKS 1u
#include "fuzz/subjects/small/formats.h"

SMALL_MAP("formats-unread", "subject: one bad read of a header, and the store is formatted")
