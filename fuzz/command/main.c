/* The brownout command: finds the subcommand and lets it work. */
#include <stdio.h>
#include <string.h>

#include "fuzz/command/command.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
};

static const struct command commands[] = {
    {"run", command_run,
     "run SCENARIO               no cuts: counts, wear, time; --image FILE dumps the flash"},
    {"explore", command_explore,
     "explore SCENARIO           every cut; --depth N --faults LIST --jobs N --shard I/N --db "
     "FILE"},
    {"fuzz", command_fuzz,
     "fuzz --engine E --time T   random scenarios, explored; --runs N --seed N --jobs N --db FILE"},
    {"replay", command_replay,
     "replay CASE                prints what happens in a case, call by call"},
    {"shrink", command_shrink, "shrink CASE                prints a smaller case of the same kind"},
    {"decode", command_decode,
     "decode FILE --engine E     the case that an input of a fuzzer stands for"},
    {"wear", command_wear,
     "wear SCENARIO --engines A,B  the same work on several engines; --cuts N/M --db FILE"},
    {"inspect", command_inspect,
     "inspect IMAGE --engine E   what is in a flash dump; --chip \"NAME sector=N\""},
    {"print", command_print, "print SCENARIO             the scenario in canonical form"},
    {"list", command_list, "list engines|chips|faults  what there is"},
    {"bench", command_bench,
     "bench LONG PAIRS [LONG..]  speeds, each beside a yardstick; costs of logs (make bench)"},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_usage(FILE *out)
{
    fprintf(out, "usage: brownout COMMAND ...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  brownout %s\n", commands[i].usage);
    fprintf(out,
            "\n"
            "options: --engine E  --plugin FILE.so (again for more)  --seed N  --seconds S\n"
            "         --json  --quiet\n"
            "         --silence S (S seconds without a new crash state: the engine hangs; 60)\n"
            "         --faults edge,bits,zeros (explore: claimed, those that the engine claims)\n"
            "         --depth N  --reach N (0: all)  --max N\n"
            "         --bits N  --masks N  --prefixes N (tears for each operation; 0: all)\n"
            "         --no-use  --no-dedup  --isolate  --jobs N  --shard I/N\n"
            "         --no-shrink  --shrink-seconds S (of CPU time for one case; 10)\n"
            "         --time T (30s, 10m, 8h; 0: no limit)  --runs N\n"
            "         --cuts 1/50 (wear: power is cut in one of 50 operations)\n"
            "         --waive alive,lawful/reprogram (known: counted, not reported)  --complete\n"
            "         --db FILE  --campaign NAME  --artefacts FOLDER  --image FILE\n"
            "\n"
            "exit code: 0 clean, 1 divergence found, 2 bad usage or input, 3 the harness failed,\n"
            "           4 nothing was judged (with --complete: not all of it), 130 interrupted\n");
}

static bool wants_help(int argc, char **argv)
{
    if (strcmp(argv[1], "help") == 0) return true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    if (wants_help(argc, argv)) {
        print_usage(stdout);
        return command_flush() ? COMMAND_CLEAN : COMMAND_FAILED;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        int code = commands[i].run(argc - 1, argv + 1);
        return command_flush() ? code : COMMAND_FAILED;
    }
    return command_refuse("no such command: '%s' (see `brownout help`)", argv[1]);
}
