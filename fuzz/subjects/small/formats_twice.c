/* formats_twice.c - the header of each bank is looked at once more where the first read was bad.
 * Where both are and the other bank has none the part counts as new and is formatted: two reads in
 * a row that fail at power-on cost everything, one does not.
 */
#define LOOKS 2u
#include "fuzz/subjects/small/formats.h"

SMALL_MAP("formats-twice", "subject: two bad reads of a header, and the store is formatted")
