/* sweep.h - a script with cuts of its own, tried within a budget: an input of explore_fuzzer.
 *
 * The script is replayed with its cuts, and then explored: power is cut at further places of it,
 * before and after its own cuts. A fuzzer thus works at histories, and at pairs of cuts where they
 * have one; which tear is left where is the explorer's business. The budget is what keeps an
 * execution within milliseconds. A long script has more cuts than fit, so a share of them is tried,
 * which the input chooses.
 */
#ifndef BROWNOUT_SWEEP_H
#define BROWNOUT_SWEEP_H

#include "fuzz/adapter.h"
#include "fuzz/explore/explore.h"
#include "fuzz/explore/result.h"
#include "fuzz/script/decode.h"
#include "fuzz/script/script.h"

/* About; what an execution costs besides, decoding and a run without cuts, is a few of them. */
#define SWEEP_STATES 200u

/* The script of an input (decode.h), its keys and values in the order that its text gives them: a
 * case of it names what differs in the same order. NULL where decode() says so. */
struct script *sweep_script(const struct decode_target *target, const uint8_t *bytes, size_t size,
                            struct adapter_settings *settings);

/* What an exploration needs for the input: the same wherever the input is tried. */
void sweep_options(const struct decode_target *target, const struct script *script,
                   const struct adapter_settings *settings, const uint8_t *bytes, size_t size,
                   struct explore_options *options);

/* Replays the script, and explores it if that shows nothing. The result has one divergence at most,
 * which was not run again. It may have a mistake of the adapter instead. */
void sweep(const struct script *script, const struct adapter *adapter,
           const struct adapter_settings *settings, const struct explore_options *options,
           struct result *result);

/* The same in processes of its own, which the engine may crash or keep busy: that is a divergence,
 * too. */
void sweep_apart(const struct script *script, const struct adapter *adapter,
                 const struct adapter_settings *settings, const struct explore_options *options,
                 const struct worker_limits *limits, struct result *result);

/* The share of the first-level cuts with which an exploration of this depth and effort meets about
 * `states` crash states. `choice` is any number, and says which share. */
void sweep_share(struct explore_options *options, const struct result *uncut, uint64_t states,
                 uint64_t choice);

#endif
