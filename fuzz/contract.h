/* contract.h - what a verdict is made of: the clauses of the contract, and a finding.
 *
 * Every layer of the harness may name these, so they stand beside adapter.h and below everything
 * else. What each clause demands is in README, "What is checked".
 */
#ifndef BROWNOUT_CONTRACT_H
#define BROWNOUT_CONTRACT_H

enum clause {
    CLAUSE_NONE = 0, /* nothing was found */
    CLAUSE_DURABLE,
    CLAUSE_ATOMIC,
    CLAUSE_SETTLED,
    CLAUSE_ORDERED,
    CLAUSE_ALIVE,
    CLAUSE_BOUNDED,
    CLAUSE_LAWFUL,
    CLAUSE_CLEAN,
    CLAUSE_SANE,
    CLAUSE_HONEST,
    CLAUSE_SCENARIO, /* no clause: a mistake of the scenario, which expects what its own operations
                        do not give, or of an adapter, which does not say what it has to */
    CLAUSES
};

static inline const char *clause_name(enum clause clause)
{
    static const char *const names[CLAUSES] = {"none",    "durable", "atomic",  "settled",
                                               "ordered", "alive",   "bounded", "lawful",
                                               "clean",   "sane",    "honest",  "scenario"};
    return clause < CLAUSES ? names[clause] : "?";
}

/* The first difference between what an engine did and what it had to do. */
struct finding {
    enum clause clause;
    char text[200]; /* what was expected and what came, one line */
};

/* Cuts on one path, at most. */
#define CONTRACT_DEPTH_MAX 4u

/* Levels of a rig and of a path: one for the run, one for each cut, one beside the last of them. */
#define CONTRACT_LEVELS (CONTRACT_DEPTH_MAX + 2u)

#endif
