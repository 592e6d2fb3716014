/* waiver.h - what is known of an engine and shall not stand in the way of everything else.
 *
 * A clause that is waived is still judged; its divergences are counted and not reported. A rule of
 * the chip that is waived is not enforced, so that what lies after its breach is explored.
 */
#ifndef BROWNOUT_WAIVER_H
#define BROWNOUT_WAIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/contract.h"

struct waivers {
    uint32_t clauses; /* bits 1 << enum clause */
    uint32_t rules;   /* bits 1 << enum chip_rule; those that a program can break and be done */
};

/* Parses "alive,lawful/reprogram" and adds it; the rules are set-bit, reprogram and unproven.
 * False, and nothing is added, when a name is unknown. */
bool waiver_parse(const char *text, struct waivers *waivers);

/* Whether a clause is waived. */
bool waiver_covers(const struct waivers *waivers, enum clause clause);

/* The same text back; empty when nothing is waived. */
#define WAIVER_TEXT_MAX 200
void waiver_print(const struct waivers *waivers, char text[WAIVER_TEXT_MAX]);

#endif
