/* input.c - see input.h. The target is resolved at the first call and kept: a fuzzer calls millions
 * of times, and the environment does not change. */
#include "fuzz/fuzzers/input.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/rig/load.h"
#include "fuzz/script/scenario.h"

/* A mistake of whoever has set the environment. */
static _Noreturn void refuse(const char *reason)
{
    fprintf(stderr, "brownout: %s\n", reason);
    exit(2);
}

static struct decode_target settled(void)
{
    char reason[LOAD_REASON_MAX];
    struct loaded loaded;
    const char *engine = getenv("BROWNOUT_ENGINE"), *chip = getenv("BROWNOUT_CHIP"),
               *plugin = getenv("BROWNOUT_PLUGIN"), *faults = getenv("BROWNOUT_FAULTS");
    if (!engine && !plugin) engine = "seqmap";
    if (plugin && !load_plugin(plugin, reason)) refuse(reason);
    if (!load_bare(chip, engine, 0, &loaded, reason)) refuse(reason);
    if (!load_settings(LOAD_BARE, &loaded, reason)) refuse(reason);
    struct decode_target target = {.adapter = loaded.adapter,
                                   .frame = loaded.script,
                                   .chip_fixed = chip != NULL,
                                   .faults = faults ? fault_parse_classes(faults) : FAULT_STABLE,
                                   .faults_given = faults != NULL,
                                   .cut = true};
    if (!target.faults) refuse("BROWNOUT_FAULTS must name fault classes, such as edge,prefix,bits");
    return target;
}

const struct decode_target *input_target(void)
{
    static struct decode_target target;
    if (!target.adapter) target = settled();
    return &target;
}

void input_record(struct script *script, const struct finding *finding)
{
    assert(finding->clause < CLAUSES);
    if (finding->clause != CLAUSE_NONE) script->found = *finding;
}

_Noreturn void input_diverges(struct script *script, const struct finding *finding)
{
    assert(finding->clause != CLAUSE_NONE);
    input_record(script, finding);
    fprintf(stderr, "DIVERGENCE, clause %s: %s\n\n", clause_name(finding->clause), finding->text);
    scenario_print_script(script, stderr);
    fflush(stderr);
    abort();
}
