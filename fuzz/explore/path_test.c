/* path_test.c - each thing that path_check() walks, broken on purpose, stops the program.
 *
 * A path with two cuts, one of them in an operation and one in the power-on after it, is walked as
 * it is, which must pass; then a child process breaks one thing and walks it again, which must end
 * in an assertion.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/explore/path.h"

#include <stdio.h>

#include "sim/death_test.h"

static struct path path;

static void make_path(void)
{
    static const struct tear tear = {.kind = TEAR_NONE};
    static struct op ops[5] = {{.kind = OP_LOOK}, {.kind = OP_LOOK}, {.kind = OP_LOOK}};
    static const struct script script = {.ops = ops, .op_count = 5};
    path_start(&path);
    path_call(&path, &script, 3);
    path_here(&path)->nth = 2;
    path_cut(&path, &tear, false);
    path_here(&path)->nth = 1;
    path_cut(&path, &tear, true);
    path_recovered(&path);
    path_call(&path, &script, 4);
}

static void break_level(void)
{
    path.level = CONTRACT_LEVELS;
}

static void break_depth(void)
{
    path.cuts = path.level = CONTRACT_DEPTH_MAX + 1;
}

static void break_cuts(void)
{
    path.cuts -= 2;
}

static void break_tail(void)
{
    path.tail_count = PATH_TAIL_MAX + 1;
}

static void break_place(void)
{
    path.levels[0].nth = 0;
}

static void break_operation(void)
{
    path.levels[0].op = PATH_OP_NONE;
}

static void break_order(void)
{
    path.levels[1].first_op = path.levels[2].first_op + 1;
}

static const struct {
    const char *what;
    void (*break_it)(void);
} breaks[] = {
    {"a level beyond the last", break_level},        {"more cuts than are tried", break_depth},
    {"two levels more than cuts", break_cuts},       {"a tail that is too long", break_tail},
    {"a cut before the first program", break_place}, {"a cut in no operation", break_operation},
    {"a script that runs back", break_order},
};

static void walk(void *context)
{
    const size_t *index = context;
    breaks[*index].break_it();
    path_check(&path);
}

int main(void)
{
    int missed = 0;
    make_path();
    path_check(&path);
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        if (death_asserts(walk, &i)) continue;
        printf("path_check() walks past %s\n", breaks[i].what);
        missed++;
    }
    return missed != 0;
}
