#include "fuzz/command.h"

int command_bench(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return command_refuse("bench is being written");
}
