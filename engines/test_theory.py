"""Each numbered claim of an engine's theory names what fails without it, and that is there.

A theory is the comment at the top of a source. A claim ends with names in brackets: a function of
a test, whole or without its `test_`; another word of a test, after `file:`; or a file.
"""

import re

import pytest

THEORIES = ["ringlog/rlog.c", "ringlog/seqlog.c", "queue/seqqueue.c", "map/seqmap.c",
            "map/lsm.c", "map/tickv.c"]
CLAIM = re.compile(r"^ \* {1,2}\d+\. .*?(?=^ \* {1,2}\d+\. |^ \*/|\Z)", re.MULTILINE | re.DOTALL)


def theory(root, source):
    text = (root / "engines" / source).read_text()
    comment = text[: text.index(" */", text.index(" *  1. ")) + 3]
    own = re.search(r"of\s[\s*]*(\w+_test\.c) where no other file is named", comment)
    return own and own[1], CLAIM.findall(comment)


def names(claim):
    flat = re.sub(r"\n \* *", " ", claim)
    return [name.strip() for inside in re.findall(r"\[([^\[\]]*[a-z_]{4}[^\[\]]*)\]", flat)
            for name in inside.split(", ") if " = " not in name]


def is_there(root, source, own, name):
    folder = (root / "engines" / source).parent
    if "/" in name:
        return (root / name).exists()
    if name.endswith(".c"):
        return (folder / name).exists()
    file, _, word = name.rpartition(": ")
    text = (folder / (file or own)).read_text()
    return re.search(rf"\b(test_)?{word}\b", text) is not None


@pytest.mark.parametrize("source", THEORIES)
def test_what_a_claim_names_is_there(root, source):
    own, claims = theory(root, source)
    assert len(claims) >= 7
    named = [name for claim in claims for name in names(claim)]
    assert named and [it for it in named if not is_there(root, source, own, it)] == []


@pytest.mark.parametrize("source", THEORIES)
def test_each_claim_names_what_fails_without_it(root, source):
    _, claims = theory(root, source)
    assert [claim.split("\n")[0] for claim in claims if not names(claim)] == []
