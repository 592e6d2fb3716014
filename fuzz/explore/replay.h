/* replay.h - runs a script straight through, its cuts included, and prints the story.
 *
 * The explorer branches at every cut; a replay takes one path. `brownout run` is a replay without
 * cuts, `brownout replay` one of a case, and the shrinker replays to see whether a smaller case
 * still shows the same clause broken.
 */
#ifndef BROWNOUT_REPLAY_H
#define BROWNOUT_REPLAY_H

#include <stdio.h>
#include "fuzz/rig/rig.h"

struct replay {
    struct finding finding;      /* what differed; CLAUSE_NONE: nothing */
    uint32_t op;                 /* the operation that showed it, or op_count */
    uint32_t done;               /* operations that were not refused; 0: nothing was judged */
    uint32_t puts, taken;        /* values and items put in, and those that were not refused */
    bool used;                   /* the exercise was done, or an image was read and used */
    uint32_t cuts;               /* cuts that took place */
    enum cut_in cut;             /* in what the last one was */
    uint32_t cuts_missed;        /* cuts whose nth program or erase never came */
    uint32_t missed_op;          /* the last operation with such a cut, and how many programs and */
    uint32_t missed_calls;       /* erases (of a read that goes wrong, reads) it has */
    uint64_t trace;              /* digest of the flash calls up to the last cut */
    uint64_t programs_after_cut; /* programs and erases of all recoveries */
};

/* Runs the script on the rig, which must be new or chip_reset(). With `story` each operation, each
 * program and erase, each cut and what it left is printed there. True when nothing differed. */
bool replay(struct rig *rig, FILE *story, struct replay *result);

/* Runs a script on a rig of its own. */
void replay_once(const struct script *script, const struct adapter *adapter,
                 const struct adapter_settings *settings, struct replay *result);

#endif
