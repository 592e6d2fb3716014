"""What the root conftest.py promises: no sanitizer report passes for an answer of the command."""

import subprocess

import pytest

import conftest

OVERFLOW = "#include <stdlib.h>\nint main(void) { char *p = malloc(4); return p[4]; }\n"
SHIFT = "int main(int count, char **words) { (void)words; return 1 << (count + 63); }\n"
LEAK = "#include <stdlib.h>\nint main(void) { return malloc(4) == 0; }\n"


@pytest.mark.parametrize("text", [OVERFLOW, SHIFT, LEAK], ids=["overflow", "shift", "leak"])
def test_a_sanitizer_report_fails_the_test(tmp_path, text):
    (tmp_path / "a.c").write_text(text)
    flags = "-w -O0 -fsanitize=address,undefined -fno-sanitize-recover=all"
    subprocess.run(f"gcc {flags} a.c -o a".split(), cwd=tmp_path, check=True)
    with pytest.raises(pytest.fail.Exception, match="a sanitizer stopped"):
        conftest.run_program(tmp_path / "a")


def test_bytes_that_are_not_utf8_do_not_stop_a_test():
    assert conftest.run_program("/usr/bin/printf", r"a\377b").stdout == "a\ufffdb"


def test_what_make_has_not_made_fails_with_what_to_type(tmp_path):
    with pytest.raises(pytest.fail.Exception, match="is missing; type: make test"):
        conftest.made(tmp_path / "brownout")
