/* input.h - what the fuzz targets (*_fuzzer.c) share: which engine they try.
 *
 * The environment says it: BROWNOUT_ENGINE as a scenario spells it ("seqmap key=2"; seqmap when
 * unset), BROWNOUT_CHIP ("w25q128jv sectors=4"; otherwise the input chooses), BROWNOUT_PLUGIN (a
 * shared object), BROWNOUT_FAULTS ("edge,prefix,bits,zeros" when unset) and BROWNOUT_WAIVE (clauses
 * and rules as `--waive` takes them). A target that finds something that is not waived prints it on
 * standard error and aborts; `brownout decode` prints the same input as a case, and with --image
 * FILE writes the image of one of image_fuzzer.
 *
 * BROWNOUT_COUNTS names a file that gets three numbers of 8 bytes, in the machine's byte order: how
 * many inputs were tried, how many crash states were judged, and how many microseconds of CPU time
 * the targets took. Targets add to what is there, so several may share a file.
 */
#ifndef BROWNOUT_INPUT_H
#define BROWNOUT_INPUT_H

#include "fuzz/script/decode.h"
#include "fuzz/rig/rig.h"

/* The same at each call. Ends the process with a line on standard error when there is no such
 * engine, or it works on no small chip. */
const struct decode_target *input_target(void);

/* Writes a finding into its case; CLAUSE_NONE leaves it as it is. */
void input_record(struct script *script, const struct finding *finding);

/* After each input without a finding: counts it, and the crash states that were judged. */
void input_done(uint64_t judged);

/* Prints the case, whose finding is recorded in it, and aborts. */
_Noreturn void input_diverges(const struct script *script);

/* Ends the process with a line on standard error: the adapter is wrong, not the engine. */
_Noreturn void input_is_mistaken(const char *mistake);

#endif
