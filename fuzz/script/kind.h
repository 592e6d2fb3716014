/* kind.h - the kind of a finding: what a person counts as one bug.
 *
 * A kind is the clause, what was seen, the call that showed it, and in what power was cut; of a
 * broken rule which one, of a crash its place. Findings of one kind are grouped, a replay must show
 * the kind that was recorded, and the shrinker never leaves it.
 */
#ifndef BROWNOUT_KIND_H
#define BROWNOUT_KIND_H

#include <stdbool.h>

#include "fuzz/contract.h"

/* The words of a kind as a case spells them. What was seen of a broken rule is the rule's name. */
const char *kind_seen_name(const struct finding *finding);
const char *kind_call_name(enum adapter_call call);
const char *kind_cut_name(enum cut_in cut);

/* From words of `size` bytes, which need not end; false when there is no such word. */
bool kind_take_clause(struct finding *finding, const char *word, size_t size);
bool kind_take_seen(struct finding *finding, const char *word, size_t size);
bool kind_take_call(struct finding *finding, const char *word, size_t size);
bool kind_take_cut(struct finding *finding, const char *word, size_t size);

/* "durable/missing/each/cut in erase". */
#define KIND_TEXT_MAX 64
const char *kind_print(const struct finding *finding, char text[KIND_TEXT_MAX]);

/* Whether two findings are of one kind. What one of them does not know is not compared: a case of
 * before knows its clause alone. */
bool kind_same(const struct finding *a, const struct finding *b);

/* The same but for the cut: `b` may need a simpler one, in a program or an erase where `a` had one
 * in a recovery. One that needs a cut never becomes one that needs none. */
bool kind_within(const struct finding *a, const struct finding *b);

/* Whether a message of a crash names a place in a source file: "map.c:12". */
bool kind_has_place(const char *text);

/* Equal for findings of one kind. */
uint64_t kind_digest(const struct finding *finding);

/* A kind without what may still come out: the place of a crash, which only its message says. Never
 * 0. */
uint64_t kind_core(const struct finding *finding);

/* How many kinds findings with these cores are at least once their cases are smaller: a cut in a
 * recovery may become one in a program or an erase. One more core never makes fewer of them. */
uint32_t kind_count_least(const uint64_t *cores, uint32_t count);

#endif
