/* bench: speeds of the harness, and what ring logs and maps cost. */
#include "fuzz/command/bench.h"

/* One file after the other; the second is explored in pairs of cuts. */
static int bench_file(const struct command_options *options, int file)
{
    struct loaded loaded;
    int code = command_load(options, options->files[file], &loaded);
    if (code) return code;
    if (file == 1)
        bench_pairs(&loaded);
    else
        bench_states(&loaded);
    script_free(loaded.script);
    return COMMAND_CLEAN;
}

int command_bench(int argc, char **argv)
{
    struct command_options options;
    int code = COMMAND_CLEAN;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count == 1)
        return command_refuse("bench takes two scenarios or more: a long run, a run for pairs of "
                              "cuts, and other long runs; or none, for the costs of logs and maps");
    if (options.file_count) bench_chip();
    for (int i = 0; code == COMMAND_CLEAN && i < options.file_count; i++)
        code = bench_file(&options, i);
    if (code == COMMAND_CLEAN) code = bench_logs(&options);
    return code == COMMAND_CLEAN && !options.engines ? bench_maps(&options) : code;
}
