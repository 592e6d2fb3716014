/* image_case.c - see image_case.h: the image is tried again in a process of its own, by a script
 * that only asks for the keys.
 */
#include "fuzz/fuzzers/image_case.h"

#include "fuzz/explore/apart.h"
#include "fuzz/explore/settle.h"
#include "fuzz/explore/worker.h"
#include "fuzz/fuzzers/image.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/scenario.h"
#include "fuzz/script/settings.h"

void image_case_strip(struct script *script)
{
    script->op_count = 0;
    for (uint32_t key = 0; key < script->key_count; key++)
        script_append(script, &(struct op){.kind = OP_FETCH, .key = key});
}

struct trial {
    const struct script *script;
    const struct adapter *adapter;
    const struct adapter_settings *settings;
    const uint8_t *image;
    struct finding *shown; /* shared */
};

static int try(void *context)
{
    const struct trial *it = context;
    struct rig *rig = rig_new(it->script, it->adapter, it->settings);
    image_try(rig, it->image);
    *it->shown = rig->finding;
    return 0;
}

static struct finding try_apart(const struct trial *trial, const struct worker_limits *limits)
{
    struct trial it = *trial;
    it.shown = worker_share(sizeof *it.shown);
    struct apart_end end = apart_do(try, &it, limits, NULL);
    struct finding shown = end.finding.clause == CLAUSE_NONE ? *it.shown : end.finding;
    worker_unshare(it.shown, sizeof *it.shown);
    return shown;
}

bool image_case_settle(struct divergence *divergence, const uint8_t *image,
                       const struct adapter *adapter, const struct worker_limits *limits)
{
    char reason[SETTINGS_REASON_MAX];
    struct adapter_settings settings;
    struct script *again = scenario_reread(divergence->script);
    const struct trial trial = {again, adapter, &settings, image, NULL};
    if (settings_resolve(adapter, again, &settings, reason))
        divergence->shown = try_apart(&trial, limits);
    script_free(again);
    if (!settle_is_same(&divergence->script->found, &divergence->shown)) return false;
    divergence->script->found = divergence->shown;
    divergence->clause = divergence->shown.clause;
    divergence->shape = kind_digest(&divergence->shown);
    return true;
}
