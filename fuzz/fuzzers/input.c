#include "fuzz/fuzzers/input.h"

#include <stdio.h>
#include <stdlib.h>

#include "fuzz/command/command.h"
#include "fuzz/script/scenario.h"

static struct decode_target settled(void)
{
    struct command_options options = {.engine = getenv("BROWNOUT_ENGINE"),
                                      .chip = getenv("BROWNOUT_CHIP"),
                                      .plugin = getenv("BROWNOUT_PLUGIN")};
    const char *faults = getenv("BROWNOUT_FAULTS");
    struct loaded loaded;
    if (!options.engine && !options.plugin) options.engine = "seqmap";
    int code = command_load_bare(&options, 0, &loaded);
    if (code) exit(code);
    struct decode_target target = {.adapter = loaded.adapter,
                                   .frame = loaded.script,
                                   .chip_fixed = options.chip != NULL,
                                   .faults = faults ? fault_parse_classes(faults) : FAULT_STABLE,
                                   .cut = true};
    if (!target.faults) exit(command_refuse("BROWNOUT_FAULTS names no fault classes: %s", faults));
    return target;
}

const struct decode_target *input_target(void)
{
    static struct decode_target target;
    if (!target.adapter) target = settled();
    return &target;
}

void input_record(struct script *script, enum clause clause, const char *finding)
{
    if (clause == CLAUSE_NONE) return;
    snprintf(script->clause, sizeof script->clause, "%s", clause_name(clause));
    snprintf(script->finding, sizeof script->finding, "%s", finding);
}

_Noreturn void input_diverges(struct script *script, const struct finding *finding)
{
    input_record(script, finding->clause, finding->text);
    fprintf(stderr, "DIVERGENCE, clause %s: %s\n\n", clause_name(finding->clause), finding->text);
    scenario_print_script(script, stderr);
    fflush(stderr);
    abort();
}
