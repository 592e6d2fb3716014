/* input.c - see input.h. The target is resolved at the first call and kept: a fuzzer calls millions
 * of times, and the environment does not change. */
#define _GNU_SOURCE
#include "fuzz/fuzzers/input.h"

#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzzers/coverage.h"
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
               *plugin = getenv("BROWNOUT_PLUGIN"), *faults = getenv("BROWNOUT_FAULTS"),
               *waive = getenv("BROWNOUT_WAIVE");
    if (!engine && !plugin) engine = "seqmap";
    if (plugin && !load_plugin(plugin, reason)) refuse(reason);
    if (!load_bare(chip, engine, 0, &loaded, reason)) refuse(reason);
    if (!load_settings(LOAD_BARE, &loaded, reason)) refuse(reason);
    if (waive && *waive && !waiver_parse(waive, &loaded.script->waivers))
        refuse("BROWNOUT_WAIVE must name clauses and rules, such as alive,lawful/reprogram");
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

/* A fuzzer calls this before it forks and begins: a plug-in that was loaded later would have no
 * coverage. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    input_target();
    return 0;
}

void input_record(struct script *script, const struct finding *finding)
{
    assert(finding->clause < CLAUSES);
    if (finding->clause != CLAUSE_NONE) script->found = *finding;
}

_Noreturn void input_diverges(const struct script *script)
{
    const struct finding *finding = &script->found;
    assert(finding->clause != CLAUSE_NONE);
    fprintf(stderr, "DIVERGENCE, clause %s: %s\n\n", clause_name(finding->clause), finding->text);
    scenario_print_script(script, stderr);
    fflush(stderr);
    abort();
}

_Noreturn void input_is_mistaken(const char *mistake)
{
    fprintf(stderr, "brownout: %s\n", mistake);
    exit(3);
}

/* --- counts --- */

struct counts {
    _Atomic uint64_t inputs, judged, microseconds;
};

/* The file of BROWNOUT_COUNTS, mapped; where there is none, memory that nobody reads. */
static struct counts *open_counts(void)
{
    static struct counts unread;
    const char *path = getenv("BROWNOUT_COUNTS");
    if (!path) return &unread;
    int file = open(path, O_RDWR | O_CREAT, 0666);
    if (file < 0 || ftruncate(file, sizeof(struct counts))) refuse("BROWNOUT_COUNTS: not writable");
    void *memory = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) refuse("BROWNOUT_COUNTS: not a file that can be mapped");
    close(file);
    return memory;
}

static uint64_t cpu_microseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

void input_done(uint64_t judged)
{
    static struct counts *counts;
    static uint64_t before;
    if (!counts) counts = open_counts();
    uint64_t now = cpu_microseconds();
    atomic_fetch_add(&counts->microseconds, now - before);
    before = now;
    atomic_fetch_add(&counts->inputs, 1);
    atomic_fetch_add(&counts->judged, judged);
    coverage_fold();
}
