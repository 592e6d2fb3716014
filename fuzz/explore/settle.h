/* settle.h - what was found becomes cases: run again, made smaller, grouped by kind.
 *
 * Nothing is written, printed, stored or counted that was not run again from its own text, in a
 * fresh process, and showed the same kind. What does not is a fault of the harness and kept apart,
 * with what is needed to look into it.
 */
#ifndef BROWNOUT_SETTLE_H
#define BROWNOUT_SETTLE_H

#include "fuzz/adapter.h"
#include "fuzz/explore/result.h"
#include "fuzz/explore/worker.h"

struct settle_options {
    bool shrink;
    double shrink_seconds; /* of CPU time for one case */
    struct worker_limits limits;
};

/* Whether a replay shows the kind that was recorded. */
bool settle_is_same(const struct finding *recorded, const struct finding *shown);

/* Runs the case again and takes over the words of its finding; then, when asked, makes it smaller.
 * False: it shows something else, which is kept in divergence->shown; the case stays as it was. */
bool settle_divergence(struct divergence *divergence, const struct adapter *adapter,
                       const struct settle_options *options);

/* All of a result; what does not show its kind goes from its divergences to its unreproduced. */
void settle_result(struct result *result, const struct adapter *adapter,
                   const struct settle_options *options);

#endif
