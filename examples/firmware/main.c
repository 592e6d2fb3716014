/* main.c - does an engine's work on the target, then again with the power cut in every program and
 * erase, and prints one line: what was done and how much stack that took.
 *
 * Built and run by `make firmware`, for each engine and two cores.
 */
#include <stddef.h>

#include "examples/firmware/board.h"
#include "examples/firmware/part.h"
#include "examples/firmware/port.h"
#include "examples/firmware/use.h"

static bool fail(const char *what, uint32_t cut)
{
    board_print(use.name);
    board_print(": ");
    board_print(what);
    board_print(", cut ");
    board_print_number(cut);
    board_print("\n");
    return false;
}

/* Does the steps from `n` on, and returns the first that did not succeed, or use.steps. */
static uint32_t steps_from(uint32_t n)
{
    while (n < use.steps && use.step(n) == 0)
        n++;
    return n;
}

/* Power-on, after which the step `n` was done or not, and the rest of the work. */
static bool goes_on(uint32_t n, uint32_t cut)
{
    part_power_on();
    if (use.mount(port_flash()) != 0) return fail("does not mount", cut);
    uint32_t count = use.count();
    if (count != n && count != n + 1) return fail("shows another step than the last", cut);
    if (!use.holds(count) && !use.cut_may_lose) return fail("a cut lost something", cut);
    if (steps_from(count) != use.steps) return fail("a step failed", cut);
    if (!use.holds(use.steps)) return fail("something else is held than was stored", cut);
    return true;
}

/* The work with power cut in its nth program or erase; *met: there was one, which 0 never is. */
static bool survives(uint32_t cut, bool *met)
{
    part_new();
    if (use.mount(port_flash()) != 0) return fail("does not mount blank", cut);
    part_cut_in(cut);
    uint32_t n = steps_from(0);
    *met = part_is_off();
    if (!*met && n != use.steps) return fail("a step failed", cut);
    if (!goes_on(n, cut)) return false;
    return part_breach() == NULL || fail(part_breach(), cut);
}

int main(void)
{
    uint32_t cut = 0;
    bool met;
    board_stack_paint();
    if (!survives(0, &met)) return 1;
    do
        if (!survives(++cut, &met)) return 1;
    while (met);
    board_print(use.name);
    board_print(": steps ");
    board_print_number(use.steps);
    board_print(", cuts ");
    board_print_number(cut - 1);
    board_print(", stack ");
    board_print_number(board_stack_used());
    board_print("\n");
    return 0;
}
