/* The brownout command: finds the subcommand and lets it work. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/command/command.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *takes, *text;
};

static const struct command commands[] = {
    {"run", command_run, "SCENARIO", "no cuts: counts, wear, time, projected lifetime"},
    {"explore", command_explore, "SCENARIO", "every cut"},
    {"fuzz", command_fuzz, "--engine E --time T", "random scenarios, explored"},
    {"replay", command_replay, "CASE", "what happens in a case, call by call"},
    {"shrink", command_shrink, "CASE", "a smaller case of the same kind"},
    {"decode", command_decode, "FILE --engine E", "the case that an input of a fuzzer stands for"},
    {"wear", command_wear, "SCENARIO --engines A,B", "the same work on several engines"},
    {"campaign", command_campaign, "[FILE.toml]", "everything, for a time; what is new since last"},
    {"inspect", command_inspect, "IMAGE --engine E", "what is in a flash dump"},
    {"print", command_print, "SCENARIO", "a scenario in canonical form"},
    {"list", command_list, "engines|chips|faults", "what there is"},
    {"bench", command_bench, "LONG PAIRS [LONG..]", "speeds and costs (make bench)"},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_usage(FILE *out)
{
    fprintf(out, "usage: brownout COMMAND ...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %-24s %s\n", commands[i].name, commands[i].takes, commands[i].text);
    fprintf(out,
            "\nbrownout help COMMAND: its options; brownout --version: which build this is\n\n");
    command_print_exit_codes(out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) == 0) return &commands[i];
    }
    return NULL;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    }
    return false;
}

/* `help`, `help COMMAND`, `COMMAND --help`. */
static int help(int argc, char **argv)
{
    assert(argc >= 2);
    const char *name = strcmp(argv[1], "help") == 0 && argc > 2 ? argv[2] : argv[1];
    const struct command *command = find_command(name);
    if (command && command->run == command_campaign) {
        char *words[] = {argv[1], "--help"};
        return command_campaign(2, words);
    }
    if (command)
        command_print_help(command->name, command->takes, command->text, stdout);
    else if (name == argv[1])
        print_usage(stdout);
    else
        return command_refuse("no such command: '%s' (see `brownout help`)", name);
    return COMMAND_CLEAN;
}

static int run(int argc, char **argv)
{
    const struct command *command = find_command(argv[1]);
    if (strcmp(argv[1], "help") == 0 || wants_help(argc, argv)) return help(argc, argv);
    if (command) return command->run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") != 0)
        return command_refuse("no such command: '%s' (see `brownout help`)", argv[1]);
    command_print_version(stdout);
    return COMMAND_CLEAN;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    int code = run(argc, argv);
    return command_flush() ? code : COMMAND_FAILED;
}
