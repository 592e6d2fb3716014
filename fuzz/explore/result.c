#include "fuzz/explore/result.h"

#include <stdlib.h>

bool result_add(struct result *result, struct divergence *divergence)
{
    for (uint32_t i = 0; i < result->divergence_count; i++) {
        struct divergence *known = &result->divergences[i];
        if (known->shape != divergence->shape) continue;
        known->count += divergence->count;
        if (divergence->order < known->order) {
            struct script *script = known->script;
            known->script = divergence->script;
            known->order = divergence->order;
            divergence->script = script;
        }
        known->lost = known->lost || divergence->lost;
        script_free(divergence->script);
        return false;
    }
    size_t size = (result->divergence_count + 1) * sizeof *divergence;
    struct divergence *larger = realloc(result->divergences, size);
    if (!larger) {
        script_free(divergence->script);
        return false;
    }
    result->divergences = larger;
    result->divergences[result->divergence_count++] = *divergence;
    return true;
}

void result_free(struct result *result)
{
    for (uint32_t i = 0; i < result->divergence_count; i++)
        script_free(result->divergences[i].script);
    free(result->divergences);
    free(result->sector_erases);
    *result = (struct result){0};
}
