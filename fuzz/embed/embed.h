/* embed.h - the harness inside a program of somebody else's: a test that explores on its own.
 *
 * The command reads files and prints; this takes texts and returns one. It is what the Rust door
 * (peers/brownout) links into `cargo test`. Nothing of the database and of the command is needed.
 *
 * The engines work in child processes, so a crash or a hang is a finding here as well, and nothing
 * of the program that asks is changed. One call at a time: the harness keeps globals. Where the
 * harness itself fails, it ends the program with exit code 3 and a line on standard error.
 */
#ifndef BROWNOUT_EMBED_H
#define BROWNOUT_EMBED_H

#include "fuzz/adapter.h"

enum embed_verdict {
    EMBED_CLEAN = 0,
    EMBED_DIVERGED,
    EMBED_REFUSED,    /* what was asked can't be done; the text says why */
    EMBED_FAILED,     /* the harness is at fault: a finding does not replay */
    EMBED_NOT_JUDGED, /* nothing was judged, which is no pass */
};

struct embed_work {
    const char *name;   /* what messages call the scenario */
    const char *text;   /* the scenario; of a fuzz run nothing but its chip, or NULL */
    const char *engine; /* instead of the scenario's, "my-map keys=8"; NULL: that one */
    const char *faults; /* "edge,prefix", or "claimed"; NULL: the scenario's, or its chip's */
    uint32_t depth;     /* cuts on one path; 0: the scenario's, or 1; of a fuzz run: varied */
    uint64_t seed;      /* of a fuzz run */
    uint64_t rounds;    /* of a fuzz run, from 1 */
    double seconds;     /* to stop after; 0: never */
    uint32_t jobs;      /* processes, from 1 */
};

struct embed_answer {
    enum embed_verdict verdict;
    char *text; /* what was judged and, of each kind of divergence, the case and its story */
};

/* Makes engines known, a table that ends with NULL; again, changes nothing. */
void embed_add(const struct adapter *const adapters[]);

/* Every cut of a scenario; random scenarios. Back with embed_free(). */
struct embed_answer embed_explore(const struct embed_work *work);
struct embed_answer embed_fuzz(const struct embed_work *work);
void embed_free(struct embed_answer *answer);

#endif
