/* Kinds as words, and what makes two of them one.
 *
 * The place of a crash is the first "file.c:12" in its message. A message without one is compared
 * without its digits: an address or a length that differs does not make another bug.
 */
#include "fuzz/script/kind.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/script/script.h"
#include "sim/chip.h"

static const char *const seen_names[SEENS] = {
    [SEEN_UNKNOWN] = "unknown", [SEEN_MISSING] = "missing", [SEEN_OLDER] = "older",
    [SEEN_BACK] = "back",       [SEEN_OTHER] = "other",     [SEEN_DAMAGED] = "damaged",
    [SEEN_REFUSED] = "refused", [SEEN_ORDER] = "order",     [SEEN_EXTRA] = "extra",
    [SEEN_HALF] = "half",       [SEEN_LESS] = "less",       [SEEN_RESTLESS] = "restless",
    [SEEN_RULE] = "rule",       [SEEN_ENDLESS] = "endless", [SEEN_CRASH] = "crash",
    [SEEN_MEMORY] = "memory",   [SEEN_WORN] = "worn",       [SEEN_AGED] = "aged",
};
static const char *const call_names[ADAPTER_CALLS + 1] = {
    [ADAPTER_CALL_MOUNT] = "mount",     [ADAPTER_CALL_STORE] = "store",
    [ADAPTER_CALL_FETCH] = "fetch",     [ADAPTER_CALL_REMOVE] = "remove",
    [ADAPTER_CALL_CLEAR] = "clear",     [ADAPTER_CALL_EACH] = "each",
    [ADAPTER_CALL_PUSH] = "push",       [ADAPTER_CALL_POP] = "pop",
    [ADAPTER_CALL_PEEK] = "peek",       [ADAPTER_CALL_READ] = "read",
    [ADAPTER_CALL_SEEK] = "seek",       [ADAPTER_CALL_SYNC] = "sync",
    [ADAPTER_CALL_FITS] = "fits",       [ADAPTER_CALL_BEGIN] = "begin",
    [ADAPTER_CALL_COMMIT] = "commit",   [ADAPTER_CALL_ABORT] = "abort",
    [ADAPTER_CALL_OWN] = "own",         [ADAPTER_CALL_OPEN] = "snapshot",
    [ADAPTER_CALL_CLOSE] = "close",     [ADAPTER_CALL_AT] = "at",
    [ADAPTER_CALL_SCAN] = "scan",       [ADAPTER_CALL_COLLECT] = "collect",
    [ADAPTER_CALL_DESTROY] = "destroy", [ADAPTER_CALL_FORMAT] = "format",
    [ADAPTER_CALL_SPACE] = "space",     [ADAPTER_CALL_RANGE] = "range",
    [ADAPTER_CALLS] = "unknown",
};
static const char *const cut_names[CUT_INS] = {"none", "program", "erase", "recovery",
                                               "fail", "glitch",  "lie",   "stray"};

const char *kind_seen_name(const struct finding *finding)
{
    assert(finding->seen < SEENS);
    if (finding->seen == SEEN_RULE) return chip_rule_name((enum chip_rule)finding->rule);
    return seen_names[finding->seen];
}

const char *kind_call_name(enum adapter_call call)
{
    assert(call <= ADAPTER_CALLS && call_names[call]);
    return call_names[call];
}

const char *kind_cut_name(enum cut_in cut)
{
    assert(cut < CUT_INS);
    return cut_names[cut];
}

static bool is_word(const char *word, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(word, name, size) == 0;
}

/* The index of a word in a list, or its length. */
static uint32_t find(const char *const *names, uint32_t count, const char *word, size_t size)
{
    uint32_t i = 0;
    while (i < count && !is_word(word, size, names[i]))
        i++;
    return i;
}

bool kind_take_clause(struct finding *finding, const char *word, size_t size)
{
    uint32_t i = CLAUSE_DURABLE;
    while (i < CLAUSES && !is_word(word, size, clause_name((enum clause)i)))
        i++;
    finding->clause = (enum clause)i;
    return i < CLAUSES;
}

bool kind_take_seen(struct finding *finding, const char *word, size_t size)
{
    uint32_t seen = find(seen_names, SEENS, word, size);
    finding->seen = (enum seen)seen;
    if (seen < SEENS) return seen != SEEN_RULE;
    for (uint32_t rule = CHIP_RULE_KEPT + 1; rule <= CHIP_RULE_FUEL; rule++) {
        if (!is_word(word, size, chip_rule_name((enum chip_rule)rule))) continue;
        finding->seen = SEEN_RULE;
        finding->rule = rule;
        return true;
    }
    return false;
}

bool kind_take_call(struct finding *finding, const char *word, size_t size)
{
    uint32_t call = find(call_names, ADAPTER_CALLS + 1, word, size);
    finding->call = (enum adapter_call)call;
    return call <= ADAPTER_CALLS;
}

bool kind_take_cut(struct finding *finding, const char *word, size_t size)
{
    uint32_t cut = find(cut_names, CUT_INS, word, size);
    finding->cut = (enum cut_in)cut;
    return cut < CUT_INS;
}

const char *kind_print(const struct finding *finding, char text[KIND_TEXT_MAX])
{
    bool cut = finding->cut != CUT_NONE;
    snprintf(text, KIND_TEXT_MAX, "%s/%s/%s/%s%s", clause_name(finding->clause),
             kind_seen_name(finding), kind_call_name(finding->call), cut ? "cut in " : "no cut",
             cut ? kind_cut_name(finding->cut) : "");
    return text;
}

/* --- the place of a crash --- */

static bool is_place(const char *at, size_t size)
{
    const char *colon = memchr(at, ':', size);
    if (!colon || !memchr(at, '.', (size_t)(colon - at))) return false;
    return (size_t)(colon - at) + 1 < size && isdigit((unsigned char)colon[1]);
}

/* The first place in a text and its size; NULL when there is none. */
static const char *find_place(const char *text, size_t *size)
{
    for (const char *at = text; *at; at += *size) {
        at += strspn(at, " ");
        *size = strcspn(at, " ");
        if (is_place(at, *size)) return at;
    }
    return NULL;
}

bool kind_has_place(const char *text)
{
    size_t size;
    return find_place(text, &size) != NULL;
}

#define PLACE_MAX sizeof((struct finding *)0)->text

static const char *print_place(const char *text, char place[PLACE_MAX])
{
    size_t size, used = 0;
    const char *at = find_place(text, &size);
    assert(strlen(text) < PLACE_MAX);
    if (at) {
        memcpy(place, at, size);
        place[size] = 0;
        return place;
    }
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text)) place[used++] = *text;
    }
    place[used] = 0;
    return place;
}

static bool same_place(const struct finding *a, const struct finding *b)
{
    char one[PLACE_MAX], other[PLACE_MAX];
    return a->seen != SEEN_CRASH ||
           strcmp(print_place(a->text, one), print_place(b->text, other)) == 0;
}

/* --- what makes two of them one --- */

static bool same_but_cut(const struct finding *a, const struct finding *b)
{
    if (a->clause != b->clause) return false;
    if (a->seen == SEEN_UNKNOWN || b->seen == SEEN_UNKNOWN) return true;
    bool unknown = a->call == ADAPTER_CALLS || b->call == ADAPTER_CALLS;
    return a->seen == b->seen && a->rule == b->rule && (unknown || a->call == b->call) &&
           same_place(a, b);
}

bool kind_same(const struct finding *a, const struct finding *b)
{
    bool unknown = a->seen == SEEN_UNKNOWN || b->seen == SEEN_UNKNOWN;
    return same_but_cut(a, b) && (unknown || a->cut == b->cut);
}

/* Whether power was cut, wherever it was. */
static bool is_cut(enum cut_in cut)
{
    return cut != CUT_NONE && cut < CUT_FAIL;
}

bool kind_within(const struct finding *a, const struct finding *b)
{
    return same_but_cut(a, b) && (a->own || !b->own) &&
           (a->cut == b->cut || (a->cut == CUT_RECOVERY && is_cut(b->cut)));
}

uint64_t kind_digest(const struct finding *finding)
{
    char place[PLACE_MAX] = "";
    uint32_t kind[5] = {(uint32_t)finding->clause, (uint32_t)finding->seen, (uint32_t)finding->call,
                        (uint32_t)finding->cut, finding->rule};
    uint8_t bytes[sizeof kind / sizeof *kind];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)kind[i];
    if (finding->seen == SEEN_CRASH) print_place(finding->text, place);
    return script_digest(bytes, sizeof bytes) ^ script_digest(place, (uint32_t)strlen(place));
}

/* --- before cases are smaller --- */

uint64_t kind_core(const struct finding *finding)
{
    const uint64_t parts[] = {(uint64_t)finding->clause, (uint64_t)finding->seen,
                              (uint64_t)finding->call, finding->rule, (uint64_t)finding->cut};
    uint64_t core = 0;
    assert(finding->clause != CLAUSE_NONE && "a finding");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert(parts[i] <= UINT8_MAX);
        core = core << 8 | parts[i];
    }
    return core;
}

static enum cut_in cut_of(uint64_t core)
{
    return (enum cut_in)(core & UINT8_MAX);
}

/* Whether a case of `a` may come to be of the same kind as one of `b`. */
static bool may_become(uint64_t a, uint64_t b)
{
    bool simpler = cut_of(a) == CUT_RECOVERY && is_cut(cut_of(b));
    return a == b || (a >> 8 == b >> 8 && simpler);
}

uint32_t kind_count_least(const uint64_t *cores, uint32_t count)
{
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool own = true;
        for (uint32_t k = 0; k < count && own; k++)
            own = !may_become(cores[i], cores[k]) || (cores[i] == cores[k] && k >= i);
        kinds += own;
    }
    return kinds;
}
