"""repository - a firmware repository as ci/README.md describes it, for the tests.

It has a settings store as the engine, and one scenario.
"""

import shutil

FAULT = ("slot = 1 - store->slot,", "slot = store->slot,")
SCENARIO = "scenarios/tiny-map.scn"
FILES = {
    "Makefile": "plugin:\n\tmkdir -p build\n"
    "\tgcc -std=c11 -shared -fPIC -I.brownout/include/brownout -o build/store.so src/storage/*.c\n",
    "brownout.toml": 'scenarios = ["tests/flash"]\ndepth = 1\n'
    '[[plugin]]\nfile = "build/store.so"\n',
}


def make_firmware(folder, root):
    """Writes the repository, without Brownout in it."""
    for name in ("tests/flash", "src/storage"):
        (folder / name).mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    shutil.copy(root / SCENARIO, folder / "tests/flash")
    shutil.copy(root / "examples/plugin/two_slots.c", folder / "src/storage/store.c")


def break_store(folder):
    """The store writes over its newest snapshot."""
    store = folder / "src/storage/store.c"
    text = store.read_text()
    assert text.count(FAULT[0]) == 1
    store.write_text(text.replace(*FAULT))
