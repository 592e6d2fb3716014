"""Each engine on two microcontrollers under qemu: right results, every cut survived, and its stack.

What the program itself would do with an engine that is wrong is tried with engines that are.
"""

import shutil

import pytest

from tools import engines, firmware, size_table

for_two_cores = pytest.mark.parametrize("core", [engines.M4, engines.M0PLUS], ids=lambda c: c.name)
pytestmark = [
    pytest.mark.skipif(not shutil.which(tool), reason=f"{tool} is not installed")
    for tool in (engines.ARM, firmware.QEMU)
]

# Frames of the example itself: main, a step, the port and the memory functions.
EXAMPLE_STACK_MAX = 160


@pytest.mark.parametrize("variant", engines.VARIANTS, ids=lambda variant: variant.label)
def test_an_engine_works_on_the_target_and_costs_what_the_readme_says(tmp_path, root, variant):
    measured = firmware.on_both_cores(tmp_path, variant)
    for seen in measured.values():
        assert seen.cuts > 120  # more than one program or erase a step
        bound = int(seen.size.stack.removesuffix(" B"))
        assert bound / 2 < seen.stack <= bound + EXAMPLE_STACK_MAX
    stated = size_table.TABLE.search((root / "README.md").read_text())[0].split("\n")
    if not stated[0].startswith(f"| {size_table.compiler()},"):
        pytest.skip(f"works; the README's sizes are of another compiler: {stated[0]}")
    row = size_table.row_of(variant, measured)
    assert row in stated, "the README's table is old; type: make size-table"


# A store that behaves as `step` and `count` say.
WRONG = """#include "examples/firmware/part.h"
#include "examples/firmware/use.h"

static uint32_t done;
static int use_mount(const struct bo_flash *flash) {{ (void)flash; return 0; }}
static int use_step(uint32_t n) {{ {step} }}
static uint32_t use_count(void) {{ return {count}; }}
static bool use_holds(uint32_t n) {{ return n == {count}; }}
const struct use use = {{"wrong", 120, false, use_mount, use_step, use_count, use_holds}};
"""
PROGRAM = "uint32_t zero = 0; if (!part_program(n % 300 * 4, &zero, 4)) return -1; "
UNALIGNED = (
    "static uint32_t words[2]; "
    "volatile uintptr_t odd = (uintptr_t)words + 1; done = n + 1; return *(volatile int *)odd;"
)


def told_of_wrong(tmp_path, core, step, count="done"):
    """What the firmware prints of a store that is wrong, and that it fails."""
    use = tmp_path / "use_wrong.c"
    use.write_text(WRONG.format(step=step, count=count))
    program = firmware.build(tmp_path, engines.VARIANTS[-1], core, [], use)
    with pytest.raises(firmware.Failure) as failure:
        firmware.run(program, core)
    return str(failure.value)


@for_two_cores
def test_a_store_that_forgets_a_step_is_caught(tmp_path, core):
    told = told_of_wrong(tmp_path, core, PROGRAM + "done = n + 1; return 0;", "(done / 2)")
    assert "wrong: shows another step than the last, cut 0" in told


@for_two_cores
def test_a_store_that_claims_more_than_was_done_before_a_cut_is_caught(tmp_path, core):
    told = told_of_wrong(tmp_path, core, "done = n + 2 - (n == 119); " + PROGRAM + "return 0;")
    assert "wrong: shows another step than the last, cut 1" in told


def test_a_store_that_breaks_a_rule_of_the_part_is_caught(tmp_path):
    step = "uint32_t one = 1; (void)part_program(2, &one, 4); done = n + 1; return 0;"
    told = told_of_wrong(tmp_path, engines.M4, step)
    assert "wrong: a program is not of whole words, cut 0" in told


def test_a_fault_of_the_processor_ends_the_run(tmp_path):
    assert "FAULT" in told_of_wrong(tmp_path, engines.M0PLUS, UNALIGNED)


def test_a_store_that_does_not_build_is_named(tmp_path):
    with pytest.raises(firmware.Failure, match="lsm does not build for Cortex-M4:\n.*nothing.c"):
        firmware.build(tmp_path, engines.VARIANTS[-1], engines.M4, [], "nothing.c")
