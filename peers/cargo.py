"""cargo - what tests of peers/ need of it: a peer that is built, or the reason why not."""

import re
import shutil
import subprocess

import pytest
import scoreboard

CARGO_MIN = (1, 87)


def plugin(peer):
    """The plug-in of a peer, built; the test is skipped where there is no cargo, or no registry and
    nothing that was fetched before. A peer that does not build fails it."""
    if not shutil.which("cargo"):
        pytest.skip("cargo is missing; the peers are built with it")
    version = subprocess.run(["cargo", "--version"], capture_output=True, text=True).stdout
    numbers = re.search(r"(\d+)\.(\d+)", version)
    if not numbers or tuple(map(int, numbers.groups())) < CARGO_MIN:
        pytest.skip(f"cargo {CARGO_MIN[0]}.{CARGO_MIN[1]} is needed, this is: {version.strip()}")
    fetch = ["cargo", "fetch", "--quiet"]
    if subprocess.run(fetch, cwd=scoreboard.HERE / peer, capture_output=True).returncode != 0:
        pytest.skip("the Rust registry does not answer, and the crates were never fetched")
    try:
        return scoreboard.build(peer)
    except SystemExit as failed:
        pytest.fail(str(failed), pytrace=False)
