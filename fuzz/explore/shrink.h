/* shrink.h - makes a case smaller while it breaks the same clause.
 *
 * Takes away operations and cuts, makes the chip smaller, merges keys, joins values that only fill
 * the flash, shortens values, lowers places, simplifies tears, until nothing more goes. Each
 * attempt is one replay, some ten microseconds. A cut is tied to its operation, so it survives when
 * others go. What is left is replayed once more and carries its own finding.
 */
#ifndef BROWNOUT_SHRINK_H
#define BROWNOUT_SHRINK_H

#include "fuzz/adapter.h"
#include "fuzz/explore/explore.h"
#include "fuzz/script/script.h"

/* Replaces *script, which must carry its clause, by a smaller one; finding and trace are those of
 * its replay. Leaves it when its replay does not break that clause, and answers false. */
bool shrink(struct script **script, const struct adapter *adapter,
            const struct adapter_settings *settings);

/* Has the case of a divergence tell what its replay shows and, when `smaller` is set, shrinks it:
 * all in a child process, which the engine may crash or keep busy for ever; the case stays as it is
 * then, and so it does when its replay shows nothing. */
void shrink_apart(struct divergence *divergence, const struct adapter *adapter, bool smaller);

/* What tells one shrunk case from another: the clause, what is done and what is torn, not the
 * bytes. */
uint64_t shrink_shape(enum clause clause, const struct script *script);

#endif
