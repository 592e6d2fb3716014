/* worn.h - whether power-ons wear a sector out.
 *
 * A device that starts again and again, and gets no further than one change each time, has some
 * hundred thousand power-ons in a year. An engine that erases the same sector at each of them has
 * worn it out by then, and no answer of the engine shows it. So it is looked for on a fresh store:
 * the same few calls are made many times, with a power-on before each round and without.
 */
#ifndef BROWNOUT_WORN_H
#define BROWNOUT_WORN_H

#include "fuzz/rig/rig.h"

/* Whether the engine erases one sector at each power-on, which it does not without the power-ons;
 * the finding, of clause alive, is left in the rig then. What is put in is what the script puts in
 * first. Takes some hundred calls and power-ons. */
bool worn_finds(struct rig *asks);

#endif
