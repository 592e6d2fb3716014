/* shrink.h - makes a case smaller while it shows the same kind (script/kind.h).
 *
 * Takes away operations and cuts, makes the chip smaller, merges keys, joins values that only fill
 * the flash, shortens values, lowers places, simplifies tears, until nothing more goes. Where more
 * than five operations or two cuts are left it also tries what goes when something else changes
 * (vary.h). Each attempt is one replay, some ten microseconds. A cut is tied to its operation, so
 * it survives when others go. What is left is replayed once more and carries its own finding.
 */
#ifndef BROWNOUT_SHRINK_H
#define BROWNOUT_SHRINK_H

#include "fuzz/adapter.h"
#include "fuzz/explore/explore.h"
#include "fuzz/script/script.h"

struct shrink_options {
    double
        seconds; /* of CPU time, attempts apart included, after which the smallest so far is it */
    bool apart;  /* each attempt in a process of its own: a crash and a hang are attempts too, */
    uint64_t memory; /* which takes no more bytes than that; 0: no limit */
};

/* Replaces *script, which must carry its finding, by a smaller one; finding and trace are those of
 * its replay. Leaves it when its replay does not show that kind, and answers false. */
bool shrink(struct script **script, const struct adapter *adapter,
            const struct adapter_settings *settings, const struct shrink_options *options);

#endif
