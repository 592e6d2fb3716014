/* coverage.h - coverage of a plug-in that was compiled for it, counted by any fuzzer.
 *
 * With clang's -fsanitize-coverage=inline-8bit-counters,pc-table a plug-in counts its edges in
 * memory of its own, and when it is loaded reports where that is. libFuzzer takes the report and
 * reads the counters. Elsewhere this module takes it: under AFL++ the counters are added to the map
 * that AFL++ looks at; the command and the replayers ignore them, so one file serves all.
 */
#ifndef BROWNOUT_COVERAGE_H
#define BROWNOUT_COVERAGE_H

/* After each input: adds what was counted to the map of AFL++, and begins again at 0. */
void coverage_fold(void);

#endif
