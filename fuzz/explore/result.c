/* result.c - adds up what explorations found.
 *
 * Of each shape one divergence is kept, the one that comes first: the easier fault class, then the
 * earlier cut. So the order in which results are added does not matter.
 */
#include "fuzz/explore/result.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/kind.h"
#include "sim/memory.h"

static struct divergence *find(struct result *result, uint64_t shape)
{
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        if (result->divergences[i].shape == shape) return &result->divergences[i];
    }
    return NULL;
}

/* Whether a case is to be kept rather than another one of its kind. */
static bool comes_first(const struct divergence *one, const struct divergence *other)
{
    if (one->fault != other->fault) return one->fault < other->fault;
    return one->order < other->order;
}

void result_add_counts(struct result *to, const struct result *from)
{
    to->cuts += from->cuts;
    to->states += from->states;
    to->judged += from->judged;
    to->skipped += from->skipped;
    to->empty += from->empty;
    to->mounts += from->mounts;
    to->waived += from->waived;
    for (uint32_t i = 0; i < FAULT_CLASSES; i++)
        to->judged_by_class[i] += from->judged_by_class[i];
    if (!from->mistake[0] || to->mistake[0]) return;
    to->mistake_line = from->mistake_line;
    memcpy(to->mistake, from->mistake, sizeof to->mistake);
}

bool result_took_nothing(const struct result *result)
{
    assert(result->taken <= result->puts);
    return result->puts != 0 && result->taken == 0;
}

void result_empty(struct result *result)
{
    result->empty += result->judged;
    result->judged = 0;
    memset(result->judged_by_class, 0, sizeof result->judged_by_class);
    assert(result->judged + result->skipped + result->empty == result->states);
}

uint32_t result_kinds(const struct result *result)
{
    uint32_t count = result->divergence_count;
    uint64_t *cores = memory_zeroed(count ? count : 1, sizeof *cores);
    for (uint32_t i = 0; i < count; i++)
        cores[i] = kind_core(&result->divergences[i].script->found);
    uint32_t kinds = kind_count_least(cores, count);
    assert(kinds <= count && (kinds > 0) == (count > 0));
    free(cores);
    return kinds;
}

bool result_has_leak(const struct result *result)
{
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        if (result->divergences[i].script->found.seen == SEEN_MEMORY) return true;
    }
    return false;
}

bool result_counts(struct result *result, const struct divergence *divergence)
{
    struct divergence *known = find(result, divergence->shape);
    if (!known || comes_first(divergence, known)) return false;
    known->count += divergence->count;
    return true;
}

static void merge(struct divergence *known, struct divergence *divergence)
{
    struct divergence loser = *divergence;
    assert(known->shape == divergence->shape);
    uint64_t count = known->count + divergence->count;
    if (comes_first(divergence, known)) {
        loser = *known;
        *known = *divergence;
    }
    known->count = count;
    script_free(loser.script);
}

bool result_add(struct result *result, struct divergence *divergence)
{
    struct divergence *known = find(result, divergence->shape);
    assert(divergence->script && divergence->count > 0);
    if (known) {
        merge(known, divergence);
        return false;
    }
    size_t count = result->divergence_count;
    result->divergences = memory_resize(result->divergences, count + 1, sizeof *divergence);
    result->divergences[result->divergence_count++] = *divergence;
    return true;
}

void result_add_unreproduced(struct result *result, struct divergence *divergence)
{
    size_t count = result->unreproduced_count;
    assert(divergence->script);
    result->unreproduced = memory_resize(result->unreproduced, count + 1, sizeof *divergence);
    result->unreproduced[result->unreproduced_count++] = *divergence;
}

void result_free(struct result *result)
{
    for (uint32_t i = 0; i < result->divergence_count; i++)
        script_free(result->divergences[i].script);
    for (uint32_t i = 0; i < result->unreproduced_count; i++)
        script_free(result->unreproduced[i].script);
    free(result->divergences);
    free(result->unreproduced);
    free(result->sector_erases);
    *result = (struct result){0};
}
