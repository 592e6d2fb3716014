/* contract.h - what a verdict is made of: the clauses of the contract, a finding and its kind.
 *
 * Every layer of the harness may name these, so they stand beside adapter.h and below everything
 * else. What each clause demands is in README, "What is checked".
 *
 * What holds where the power stays on and the flash goes wrong:
 *  fail    the operation in flight answers an error: it happened or not, and the next look and the
 *          next power-on agree on which. It answers OK: it is durable. The engine works on.
 *  glitch  the same. An answer OK has the right bytes. Where reads fail one after the other, each
 *          call that meets one of them may answer an error.
 *  lie     the same. An answer OK is worth as much as ever, since an engine that reads back what it
 *          wrote notices. One that notices answers an error, or does it again. What the engine
 *          programs into a sector of which an erase lied breaks no rule: the answer was that the
 *          sector is blank. What that costs the data is judged.
 *  stray   the operation in flight is done, and what was hit has rotted: a value that may lie in
 *          that sector may be missing or damaged, and is never returned with other bytes (honest).
 *          All others are there. From then on an engine may refuse a change that needs what was
 *          hit. RAM stays: what is there and right may be answered.
 */
#ifndef BROWNOUT_CONTRACT_H
#define BROWNOUT_CONTRACT_H

#include <stdbool.h>

#include "fuzz/adapter.h"

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
    CLAUSE_ISOLATED,
    CLAUSE_GONE,
    CLAUSE_SCENARIO, /* no clause: a mistake of the scenario, which expects what its own operations
                        do not give, or of an adapter, which does not say what it has to */
    CLAUSES
};

static inline const char *clause_name(enum clause clause)
{
    static const char *const names[CLAUSES] = {"none",   "durable",  "atomic", "settled", "ordered",
                                               "alive",  "bounded",  "lawful", "clean",   "sane",
                                               "honest", "isolated", "gone",   "scenario"};
    return clause < CLAUSES ? names[clause] : "?";
}

/* What was seen in the place of what had to be there. */
enum seen {
    SEEN_UNKNOWN = 0, /* a case that was recorded without it */
    SEEN_MISSING,     /* nothing */
    SEEN_OLDER,       /* a value that was replaced since */
    SEEN_BACK,        /* what was removed, or never took effect */
    SEEN_OTHER,       /* bytes that nobody put in */
    SEEN_DAMAGED,     /* the answer: damaged */
    SEEN_REFUSED,     /* another answer than OK */
    SEEN_ORDER,       /* another order, or another number */
    SEEN_EXTRA,       /* more than was put in, or than the engine says that it takes */
    SEEN_HALF,        /* a part of an operation */
    SEEN_LESS,        /* less room than a fresh store has */
    SEEN_RESTLESS,    /* a recovery that writes each time */
    SEEN_RULE,        /* a rule of the chip was broken; the finding says which */
    SEEN_ENDLESS,     /* a call that does not end, or not within its bound */
    SEEN_CRASH,       /* the process was ended; the text says where */
    SEEN_MEMORY,      /* a call keeps heap memory, more each time */
    SEEN_WORN,        /* a sector is erased at each power-on */
    SEEN_AGED,        /* anything, after more changes than a scenario has */
    SEENS
};

/* In what power was cut last before the finding was seen. From CUT_FAIL on it was not: a program or
 * erase failed, a read went wrong, or a program or erase lied or strayed. */
enum cut_in {
    CUT_NONE = 0,
    CUT_PROGRAM,
    CUT_ERASE,
    CUT_RECOVERY,
    CUT_FAIL,
    CUT_GLITCH,
    CUT_LIE,
    CUT_STRAY,
    CUT_INS
};

/* The first difference between what an engine did and what it had to do. All but the text, and of
 * a crash its place in the text, is the kind of the finding: what a person counts as one bug
 * (script/kind.h). */
struct finding {
    enum clause clause;
    enum seen seen;
    enum adapter_call call; /* that showed it; ADAPTER_CALLS: not known */
    enum cut_in cut;
    uint32_t rule;  /* SEEN_RULE: enum chip_rule */
    bool own;       /* about a key of the harness's own; no part of the kind */
    char text[200]; /* what was expected and what came, one line */
};

/* Cuts on one path, at most. */
#define CONTRACT_DEPTH_MAX 4u

/* Levels of a rig and of a path: one for the run, one for each cut, one beside the last of them. */
#define CONTRACT_LEVELS (CONTRACT_DEPTH_MAX + 2u)

#endif
