"""What stands in ci/ for other CI systems is YAML that they take: yamllint and actionlint, of the
versions that ci/requirements.txt pins (tools/ci-tools puts them into build/ci-tools)."""

import subprocess

import pytest

# Whatever else is installed here has no say.
QUIET = ("-no-color", "-shellcheck=", "-pyflakes=")


@pytest.fixture
def tool(root):
    """tool(name, argument..) is what it prints; skipped where tools/ci-tools did not bring it."""

    def run(name, *arguments):
        program = root / "build/ci-tools/bin" / name
        if not program.exists():
            pytest.skip(f"{name} is not in build/ci-tools; type: tools/ci-tools")
        command = [str(program), *map(str, arguments)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


def workflows(root):
    folders = ("ci/github", ".github/workflows")
    return sorted(path for folder in folders for path in (root / folder).glob("*.yml"))


def test_yamllint_has_nothing_to_say(tool):
    folders = ["ci", ".clusterfuzzlite", ".github", "zephyr"]
    assert tool("yamllint", "--strict", "-c", "ci/yamllint.yml", *folders) == (0, "")


def test_actionlint_has_nothing_to_say(tool, root):
    files = workflows(root)
    assert len(files) >= 3
    assert tool("actionlint", *QUIET, *files) == (0, "")


def test_a_mistake_in_a_workflow_is_noticed(tool, root, tmp_path):
    text = (root / "ci/github/nightly.yml").read_text()
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text.replace("needs: shard", "needs: shards"))
    code, out = tool("actionlint", *QUIET, wrong)
    assert code == 1 and "shards" in out
    wrong.write_text(text.replace("permissions:", "permissions :  "))
    code, out = tool("yamllint", "--strict", "-c", "ci/yamllint.yml", wrong)
    assert code == 1 and "too many spaces" in out
