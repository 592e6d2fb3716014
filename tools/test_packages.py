"""The engines as packages: a CMake target, a module of Zephyr, a component of ESP-IDF, a library of
PlatformIO. CMake configures and builds each, with stubs for what the vendor's tree defines.
"""

import json
import re
import shutil
import subprocess

import pytest

from tools import engines

needs_cmake = pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed")

# A program that an engine is linked into, and which says how large its struct is.
USER = """#include <brownout/flash.h>
#include <brownout/{name}.h>
#include <stdio.h>

void *volatile start = (void *){start};

int main(void)
{{
    printf("%zu", sizeof(struct {name}));
    return start == NULL;
}}
"""
PROJECT = """cmake_minimum_required(VERSION 3.13)
project(user C)
{before}
add_subdirectory({engines} brownout)
foreach(name {names})
    add_executable(use_${{name}} use_${{name}}.c)
    target_link_libraries(use_${{name}} PRIVATE {link})
endforeach()
"""
# What Zephyr's extensions do, as far as a module of sources sees it.
ZEPHYR = """
add_library(zephyr_interface INTERFACE)
function(zephyr_include_directories)
    target_include_directories(zephyr_interface INTERFACE ${ARGV})
endfunction()
function(zephyr_compile_definitions)
    target_compile_definitions(zephyr_interface INTERFACE ${ARGV})
endfunction()
macro(zephyr_library_named name)
    set(ZEPHYR_CURRENT_LIBRARY ${name})
    add_library(${name} STATIC)
    target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()
function(zephyr_library_sources)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endfunction()
"""
# And ESP-IDF's, which reads a component twice: as a script first, to learn what it requires.
ESP_IDF = """
set(ESP_PLATFORM 1)
macro(idf_component_register)
    cmake_parse_arguments(component "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
    if(component_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "idf_component_register: ${component_UNPARSED_ARGUMENTS}")
    endif()
    if(CMAKE_BUILD_EARLY_EXPANSION)
        message(STATUS "registered")
        return()
    endif()
    set(COMPONENT_LIB __idf_brownout)
    add_library(${COMPONENT_LIB} STATIC ${component_SRCS})
    target_include_directories(${COMPONENT_LIB} PUBLIC ${component_INCLUDE_DIRS})
endmacro()
"""


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def struct_sizes(root, folder, before, link, names=engines.NAMES):
    """Builds a project that uses the engines, and what each of its programs prints."""
    for name in names:
        start = "buffered_init" if name == "buffered" else f"{name}_mount"
        (folder / f"use_{name}.c").write_text(USER.format(name=name, start=start))
    places = {"engines": root / "engines", "names": " ".join(names), "link": link}
    (folder / "CMakeLists.txt").write_text(PROJECT.format(before=before, **places))
    run("cmake", "-S", folder, "-B", folder / "build", "-DCMAKE_C_FLAGS=-Wall -Werror")
    run("cmake", "--build", folder / "build", "-j2")
    return {name: int(run(folder / f"build/use_{name}")) for name in names}


@needs_cmake
def test_cmake_has_a_target_for_each_engine_and_gives_its_user_the_same_options(root, tmp_path):
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    names = ["seqmap", "seqqueue"]
    link = "brownout::${name}"
    cached = struct_sizes(root, tmp_path / "with", "", link)
    assert min(cached.values()) > 0
    options = "set(BROWNOUT_OPTIONS SEQ_NO_CACHE)"
    small = struct_sizes(root, tmp_path / "without", options, link, names)
    assert all(small[name] < cached[name] for name in names)


@needs_cmake
def test_zephyr_builds_the_engines_that_are_configured(root, tmp_path):
    configured = "set(CONFIG_BROWNOUT_{} y)\n"
    names = ["seqmap", "rlog"]
    before = ZEPHYR + "".join(configured.format(name.upper()) for name in names)
    before += configured.format("SEQ_NO_CACHE")
    struct_sizes(root, tmp_path, before, "brownout zephyr_interface", names)
    made = run("nm", "-A", tmp_path / "build/brownout/libbrownout.a")
    assert "seqmap_mount" in made and "rlog_mount" in made
    assert "seqqueue" not in made and "seq_cache_key" not in made


@needs_cmake
def test_zephyr_builds_nothing_when_nothing_is_configured(root, tmp_path):
    struct_sizes(root, tmp_path, ZEPHYR, "", [])


@needs_cmake
def test_esp_idf_registers_all_engines(root, tmp_path):
    before = ESP_IDF + "set(CONFIG_BROWNOUT_BO_CRC32C_FAST y)"
    struct_sizes(root, tmp_path, before, "__idf_brownout")


@needs_cmake
def test_esp_idf_reads_the_component_as_a_script(root, tmp_path):
    script = tmp_path / "early.cmake"
    component = f'include("{root}/engines/CMakeLists.txt")\n'
    script.write_text(f"{ESP_IDF}set(CMAKE_BUILD_EARLY_EXPANSION 1)\n{component}")
    assert "registered" in run("cmake", "-P", script)


# --- Kconfig ---


def options_of(kconfig):
    """{option: its lines} of a Kconfig file."""
    found, lines = {}, None
    for line in kconfig.read_text().split("\n"):
        match = re.fullmatch(r"config BROWNOUT_(\w+)", line)
        if match:
            lines = found[match[1]] = []
        elif line.startswith("\t"):
            lines.append(line.strip())
        elif line and not line.startswith("#"):
            lines = None
    return found


def test_kconfig_has_each_engine_and_what_it_works_on(root):
    options = options_of(root / "zephyr/Kconfig")
    assert sorted(options) == sorted(name.upper() for name in engines.NAMES)
    for name in engines.NAMES:
        lines = options[name.upper()]
        selected = [line.split("BROWNOUT_")[1] for line in lines if line.startswith("select ")]
        assert selected == [needed.upper() for needed in engines.structs(name)[:-1]]
        assert lines[0].startswith(f'bool "{name}: ')


def test_kconfig_has_each_option_of_the_sources(root):
    options = options_of(root / "engines/Kconfig")
    assert sorted(options) == sorted(engines.OPTIONS)
    files = {file for name in engines.NAMES for file in engines.files(name)}
    texts = [(root / "engines" / file).read_text() for file in files]
    for option in engines.OPTIONS:
        used = re.compile(rf"^#\s*(?:el)?if.*\b{option}\b", re.MULTILINE)
        assert any(used.search(text) for text in texts)


def test_kconfig_is_one_for_the_tool_that_zephyr_uses(root):
    kconfiglib = pytest.importorskip("kconfiglib", reason="kconfiglib is not installed")
    kconfig = kconfiglib.Kconfig(str(root / "zephyr/Kconfig"), warn_to_stderr=False)
    kconfig.syms["BROWNOUT_BUFFERED"].set_value("y")
    assert kconfig.syms["BROWNOUT_SEQQUEUE"].str_value == "y"
    assert not kconfig.warnings


# --- manifests ---


def sources_of_filter(folder, words):
    """The files that PlatformIO's srcFilter takes: +<pattern> adds, -<pattern> drops."""
    taken = set()
    for word in words:
        files = set(folder.glob(word[2:-1]))
        taken = taken | files if word[0] == "+" else taken - files
    return {path.relative_to(folder).as_posix() for path in taken}


def test_platformio_compiles_the_sources_of_all_engines(root):
    manifest = json.loads((root / "library.json").read_text())
    build = manifest["build"]
    found = sources_of_filter(root / build["srcDir"], build["srcFilter"])
    known = engines.PARTS_AND_ENGINES
    assert found == {source for name in known for source in engines.sources(name)}
    include = root / build["includeDir"]
    there = {path.relative_to(include).as_posix() for path in include.rglob("*.h")}
    assert set(manifest["headers"]) == there
    ports = ("flash", "twice", "verified")
    assert there == {f"brownout/{name}.h" for name in (*engines.NAMES, *ports)}


def test_zephyr_finds_what_the_module_names(root):
    text = (root / "zephyr/module.yml").read_text()
    folder, kconfig = re.search(r"^  cmake: (\S+)\n  kconfig: (\S+)$", text, re.MULTILINE).groups()
    assert (root / folder / "CMakeLists.txt").exists() and (root / kconfig).exists()


def test_the_manifests_are_yaml(root):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    module = yaml.safe_load((root / "zephyr/module.yml").read_text())
    assert set(module) == {"name", "build"}
    component = yaml.safe_load((root / "engines/idf_component.yml").read_text())
    assert component["license"] == "MIT"


def test_all_packages_have_the_same_version(root):
    library = json.loads((root / "library.json").read_text())["version"]
    component = (root / "engines/idf_component.yml").read_text()
    assert re.search(r'^version: "(.*)"$', component, re.MULTILINE)[1] == library


def test_the_packages_have_the_version_of_the_engines(root):
    port = (root / "engines/flash.h").read_text()
    stated = re.search(r"^#define BO_VERSION 0x(\w{4})(\w{4})u$", port, re.MULTILINE)
    if stated is None:
        pytest.skip("engines/flash.h states no version")
    library = json.loads((root / "library.json").read_text())["version"]
    assert [int(part, 16) for part in stated.groups()] == list(map(int, library.split(".")[:2]))
