"""The Makefile on a toy tree, and `need` on a machine where every command is a stub."""

import os
import re
import shutil
import stat
import subprocess

import pytest
from conftest import SECONDS_MAX

ENGINE = '#include "toy.h"\n\nint toy(void)\n{\n    return TOY;\n}\n'
MAIN = '#include "engines/map/toy.h"\n\nint main(void)\n{\n    return toy();\n}\n'
TOY_TEST = '#include "toy.h"\n\nint main(void)\n{\n    return toy() != 3;\n}\n'
TOY = {
    "engines/map/toy.h": "#define TOY 3\n\nint toy(void);\n",
    "engines/map/toy.c": ENGINE,
    "engines/map/toy_test.c": TOY_TEST,
    "fuzz/command/main.c": MAIN,
}


class Toy:
    """A tree with one engine and a command that answers with the engine's number."""

    def __init__(self, folder, root):
        self.folder = folder
        shutil.copy(root / "Makefile", folder)
        shutil.copytree(root / "tools", folder / "tools")
        for name, text in TOY.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def make(self, *arguments):
        """The files that were compiled, or the output when make fails."""
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        command = ["make", "LIBS=", "BUILD_NEEDS=", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=clean, capture_output=True, text=True, timeout=SECONDS_MAX
        )
        if done.returncode:
            return done.stdout + done.stderr
        return re.findall(r"^compile (\S+)", done.stdout, re.MULTILINE)

    def answer(self, program="build/brownout"):
        return subprocess.run([self.folder / program]).returncode


@pytest.fixture
def toy(tmp_path, root):
    return Toy(tmp_path, root)


def test_make_builds_once_and_then_what_changed(toy):
    assert sorted(toy.make()) == ["engines/map/toy.c", "fuzz/command/main.c"]
    assert toy.answer() == 3
    assert toy.make() == []
    toy.write("engines/map/toy.c", ENGINE.replace("TOY;", "TOY + 1;"))
    assert toy.make() == ["engines/map/toy.c"]
    assert toy.answer() == 4


def test_a_changed_header_is_noticed(toy):
    toy.make()
    toy.write("engines/map/toy.h", TOY["engines/map/toy.h"].replace("3", "5"))
    toy.make()
    assert toy.answer() == 5


def test_other_flags_build_everything_again(toy):
    toy.make()
    assert len(toy.make("CFLAGS=-O0")) == 2
    assert toy.make("CFLAGS=-O0") == []


def test_a_removed_source_is_noticed(toy):
    toy.write("fuzz/rig/extra.c", "int extra(void);\nint extra(void)\n{\n    return 1;\n}\n")
    toy.write("fuzz/command/main.c", "int extra(void);\n" + MAIN.replace("toy()", "extra()"))
    toy.make()
    assert toy.answer() == 1
    (toy.folder / "fuzz/rig/extra.c").unlink()
    assert "undefined reference" in toy.make()


def test_a_warning_stops_the_build(toy):
    toy.write("engines/map/toy.c", ENGINE.replace("TOY;", "3L;").replace("int", "short"))
    assert "error:" in toy.make()


def test_asserts_stay_on_with_ndebug(toy):
    text = MAIN.replace("return toy()", "assert(toy() == 4);\n    return 0")
    toy.write("fuzz/command/main.c", "#include <assert.h>\n" + text)
    toy.make("CFLAGS=-O2 -DNDEBUG")
    assert toy.answer() < 0


def test_everything_made_is_under_build(toy):
    before = set(toy.folder.rglob("*"))
    toy.make("BUILD=elsewhere/deep")
    made = {path.relative_to(toy.folder).parts[0] for path in set(toy.folder.rglob("*")) - before}
    assert made == {"elsewhere"}
    assert toy.answer("elsewhere/deep/brownout") == 3


def test_a_c_test_is_linked_with_engines_alone(toy):
    toy.write("fuzz/rig/helper.c", "int helper(void);\nint helper(void)\n{\n    return 3;\n}\n")
    text = TOY_TEST.replace("toy()", "helper()")
    toy.write("engines/map/toy_test.c", "int helper(void);\n" + text)
    assert "undefined reference to `helper'" in toy.make("run-c-tests")


def test_a_failing_c_test_fails_the_target(toy):
    assert isinstance(toy.make("run-c-tests"), list)
    toy.write("engines/map/toy.h", TOY["engines/map/toy.h"].replace("3", "5"))
    assert "Error 1" in toy.make("run-c-tests")


def test_fuzz_targets_are_built_with_the_engine_compiler_and_folder_given(toy):
    target = "int fuzz_one(void);\nint fuzz_one(void)\n{\n    return 7;\n}\n"
    toy.write("fuzz/fuzzers/toy_fuzzer.c", target)
    toy.write("driver.c", "int fuzz_one(void);\nint main(void) { return fuzz_one(); }\n")
    toy.make("fuzzers", "LIB_FUZZING_ENGINE=driver.c", "OUT=out", "CXX=gcc")
    assert toy.answer("out/toy_fuzzer") == 7


def test_help_tells_of_every_target_that_a_user_types(root):
    done = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True)
    told = set(re.findall(r"^make ([a-z-]+) ", done.stdout, re.MULTILINE))
    lists = re.findall(r"^\.PHONY: (.*)", (root / "Makefile").read_text(), re.MULTILINE)
    phony = set(" ".join(lists).split())
    inner = {"check-build", "plain-build", "run-c-tests", "driven", "replayers", "FORCE"}
    assert told == phony - inner


# --- need ---


class Machine:
    """A PATH of its own, in which a command is there when its stub is."""

    def __init__(self, folder, root):
        self.need_script = root / "tools/need"
        self.bin = folder / "bin"
        self.log = folder / "apt.log"
        self.bin.mkdir()
        self.log.touch()
        for name in ("bash", "dirname", "env"):
            (self.bin / name).symlink_to(shutil.which(name))

    def stub(self, name, script="exit 0"):
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def stub_apt(self, installs):
        """An apt-get that writes down what it is asked and then does `installs` (bash)."""
        self.stub("apt-get", f'echo "$@" >>{self.log}\n{installs}')

    def need(self, *arguments):
        environment = {"PATH": str(self.bin), "CC": "gcc"}
        command = [self.need_script, *arguments]
        options = {"env": environment, "capture_output": True, "text": True}
        return subprocess.run(command, timeout=SECONDS_MAX, **options)

    def asked(self):
        """The apt-get commands so far: install, update."""
        return re.findall(r"(?<!-)\b(install|update)\b", self.log.read_text())


@pytest.fixture
def machine(tmp_path, root):
    return Machine(tmp_path, root)


def test_need_is_silent_and_asks_nobody_when_all_is_there(machine):
    machine.stub("gcc")
    machine.stub_apt("exit 1")
    done = machine.need("gcc")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.asked() == []


def test_need_installs_as_root(machine):
    machine.stub("id", "echo 0")
    machine.stub_apt(f"echo >{machine.bin}/gcc; /bin/chmod +x {machine.bin}/gcc")
    done = machine.need("gcc")
    assert (done.returncode, done.stdout) == (0, "need: installing gcc\n")
    assert machine.asked() == ["install"]


def test_need_fetches_package_lists_when_the_first_try_fails(machine):
    machine.stub("id", "echo 0")
    lists, gcc = machine.bin / "lists", machine.bin / "gcc"
    installs = f"[ -e {lists} ] && > {gcc} && /bin/chmod +x {gcc}"
    machine.stub_apt(f'case "$*" in *update*) > {lists} ;; *) {installs} ;; esac')
    assert machine.need("gcc").returncode == 0
    assert machine.asked() == ["install", "update", "install"]


def test_need_names_what_it_may_not_install_with_the_command_to_type(machine):
    machine.stub("id", "echo 1000")
    machine.stub("sudo", "exit 1")
    machine.stub_apt("exit 1")
    done = machine.need("make", "clang-14")
    sentence = "need: make clang-14 are missing; type: sudo apt-get install make clang-14\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)
    assert machine.asked() == []


def test_need_names_what_could_not_be_installed(machine):
    machine.stub("id", "echo 0")
    machine.stub_apt("exit 100")
    done = machine.need("make")
    assert done.returncode == 2
    assert done.stderr == "need: make is missing; type: apt-get install make\n"


def test_need_say_never_installs(machine):
    machine.stub("id", "echo 0")
    machine.stub_apt("exit 0")
    assert machine.need("--say", "gcc").returncode == 2
    assert machine.asked() == []


def test_need_uses_sudo_that_asks_no_password(machine):
    machine.stub("id", "echo 1000")
    machine.stub("sudo", 'shift; [ "$1" = true ] || exec "$@"')
    machine.stub_apt(f"> {machine.bin}/gcc; /bin/chmod +x {machine.bin}/gcc")
    assert machine.need("gcc").returncode == 0
    assert machine.asked() == ["install"]


@pytest.fixture
def interpreter(tmp_path, root):
    """interpreter(first=.., build=..) is what tools/python prints where the first python3 and that
    of the build's environment see these modules; /usr/bin/python3 is the machine's own."""
    sees = 'case " %s " in *" $word "*) ;; *) exit 1 ;; esac'
    script = f'for word in "${{@:3}}"; do {sees}; done; echo %s'

    def run(**seen):
        places = {"first": tmp_path / "bin/python3", "build": tmp_path / "build/venv/bin/python"}
        for name, modules in seen.items():
            places[name].parent.mkdir(parents=True, exist_ok=True)
            places[name].write_text("#!/bin/bash\n" + script % (modules, name) + "\n")
            places[name].chmod(0o755)
        search = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        environment = {"PATH": search, "BUILD": str(tmp_path / "build")}
        command = [root / "tools/python"]
        return subprocess.run(command, env=environment, capture_output=True, text=True).stdout

    return run


ALONE, PARALLEL = "pytest hypothesis", "pytest hypothesis xdist"


def test_the_interpreter_that_runs_tests_in_parallel_is_taken(interpreter):
    assert interpreter(first=PARALLEL) == "first\n"
    assert interpreter(first=ALONE, build=PARALLEL) == "build\n"
    assert interpreter(first=PARALLEL, build=ALONE) == "first\n"


def test_an_interpreter_that_sees_no_pytest_is_not_taken(interpreter):
    assert interpreter(first=PARALLEL, build="xdist") == "first\n"


def test_tests_run_one_after_the_other_where_there_is_no_xdist(toy, root):
    toy.write("tools/need", "#!/bin/bash\n[[ $* != *xdist* ]]\n")
    told = toy.make("build/parallel-tried", "PARALLEL_NEEDS=python3-pytest-xdist")
    assert told == []
    assert (toy.folder / "build/parallel-tried").exists()


def test_what_requirements_pins_is_what_the_tests_need(root):
    pinned = re.findall(r"^([\w-]+)==", (root / "requirements.txt").read_text(), re.MULTILINE)
    needs = re.findall(r"\bpython3-([\w-]+)", (root / "Makefile").read_text())
    assert set(pinned) == set(needs)


def test_need_knows_every_package_that_the_tree_asks_for(machine, root):
    text = (root / "Makefile").read_text() + (root / ".ci/run").read_text()
    asked = re.findall(r"^[A-Z_]*NEEDS := (.*)|^tools/need ((?:.*\\\n)*.*)", text, re.MULTILINE)
    words = set(" ".join(a + b for a, b in asked).replace("\\", " ").split())
    packages = {word for word in words if not word.startswith(("$", "|"))}
    assert len(packages) > 10
    done = machine.need("--say", *sorted(packages))
    assert "no way known" not in done.stderr


def test_need_refuses_a_package_it_cannot_look_for(machine):
    done = machine.need("--say", "teapot")
    assert (done.returncode, done.stderr) == (2, "need: no way known to look for 'teapot'\n")
