/* result_pipe.c - a result as bytes: counts, then each divergence as a struct and its case text,
 * then a word that only a whole result ends with. A writer that died has not written it.
 */
#include "fuzz/explore/result_pipe.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/explore/worker.h"
#include "fuzz/script/scenario.h"
#include "sim/memory.h"

/* Both ends are the same program: structs travel as they are. */
#define RESULT_PIPE_END 0x42726F776E6F7574u

static _Noreturn void give_up(void)
{
    worker_fail("a temporary file can't keep what was found: %s", strerror(errno));
}

void result_pipe_put(FILE *file, const void *bytes, size_t size)
{
    if (size && fwrite(bytes, size, 1, file) != 1) give_up();
}

static bool get(FILE *file, void *bytes, size_t size)
{
    return size == 0 || fread(bytes, size, 1, file) == 1;
}

static void put_divergence(FILE *file, const struct divergence *divergence)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = memory_open(&text, &size);
    scenario_print_script(divergence->script, memory);
    memory_close(memory, &text);
    assert(size != 0 && "no case is empty");
    result_pipe_put(file, divergence, sizeof *divergence);
    result_pipe_put(file, &size, sizeof size);
    result_pipe_put(file, text, size);
    result_pipe_put(file, divergence->script->name, sizeof divergence->script->name);
    free(text);
}

static bool get_script(FILE *file, struct divergence *divergence, char *text, size_t size)
{
    char name[SCRIPT_NAME_MAX];
    struct scenario_error error;
    if (!get(file, text, size) || !get(file, name, sizeof name)) return false;
    struct scenario *scenario = scenario_parse(name, text, size, &error);
    divergence->script = scenario ? scenario_expand(scenario, &error) : NULL;
    scenario_free(scenario);
    return divergence->script != NULL;
}

static bool get_divergence(FILE *file, struct divergence *divergence)
{
    size_t size;
    if (!get(file, divergence, sizeof *divergence) || !get(file, &size, sizeof size)) return false;
    char *text = memory_new(size);
    bool fine = get_script(file, divergence, text, size);
    free(text);
    return fine;
}

void result_pipe_write(FILE *file, const struct result *result)
{
    uint64_t end = RESULT_PIPE_END;
    uint32_t sectors = result->sector_erases ? result->sector_count : 0;
    result_pipe_put(file, result, sizeof *result);
    result_pipe_put(file, &sectors, sizeof sectors);
    result_pipe_put(file, result->sector_erases, sectors * sizeof *result->sector_erases);
    for (uint32_t i = 0; i < result->divergence_count; i++)
        put_divergence(file, &result->divergences[i]);
    result_pipe_put(file, &end, sizeof end);
    if (fflush(file) != 0) give_up();
}

/* The uncut run is the same in every process. */
static void take_run(struct result *to, const struct result *from, uint32_t *erases)
{
    if (to->sector_erases || !erases) {
        free(erases);
        return;
    }
    to->counters = from->counters;
    to->operations = from->operations;
    to->puts = from->puts;
    to->taken = from->taken;
    to->refused = from->refused;
    to->cuts_missed = from->cuts_missed;
    memcpy(to->refusal, from->refusal, sizeof to->refusal);
    to->sector_count = from->sector_count;
    to->erases_max = from->erases_max;
    to->erases_max_sector = from->erases_max_sector;
    to->sector_erases = erases;
}

bool result_pipe_read(FILE *file, struct result *result)
{
    struct result part;
    uint32_t sectors;
    uint64_t end = 0;
    if (!get(file, &part, sizeof part) || !get(file, &sectors, sizeof sectors)) return false;
    uint32_t *erases = sectors ? memory_zeroed(sectors, sizeof *erases) : NULL;
    if (sectors && !get(file, erases, sectors * sizeof *erases)) {
        free(erases);
        return false;
    }
    result_add_counts(result, &part);
    result->stopped = result->stopped || part.stopped;
    take_run(result, &part, erases);
    for (uint32_t i = 0; i < part.divergence_count; i++) {
        struct divergence divergence;
        if (!get_divergence(file, &divergence)) return false;
        result_add(result, &divergence);
    }
    return get(file, &end, sizeof end) && end == RESULT_PIPE_END;
}

void result_pipe_read_whole(FILE *file, struct result *result)
{
    rewind(file);
    if (!result_pipe_read(file, result))
        worker_fail("a temporary file lost what a worker had found: %s", strerror(errno));
}
