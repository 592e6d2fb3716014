#include "fuzz/explore/result.h"

#include <stdlib.h>

#include "sim/memory.h"

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
    size_t count = result->divergence_count;
    result->divergences = memory_resize(result->divergences, count + 1, sizeof *divergence);
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
