#!/usr/bin/env python3
"""man - writes the manual page from what `brownout help` prints.

`man.py BROWNOUT >brownout.1` asks that command for its subcommands, their options and the exit
codes, so that the page and the help are one text. What help has no place for stands here: files,
environment, and where to read on.
"""

import os
import re
import subprocess
import sys
import time

# "  run      SCENARIO                 no cuts: counts, wear" and "  --depth N   cuts on one path"
COMMAND = re.compile(r"^  (?P<words>[a-z]+ +\S.*?|[a-z]+) {2,}(?P<text>\S.*)$")
OPTION = re.compile(r"^  (?P<words>--\S+(?: \S+)?) {1,}(?P<text>\S.*)$")
EXIT_CODES = re.compile(r"^exit code: (.*)", re.MULTILINE | re.DOTALL)

DESCRIPTION = """\
Brownout cuts the power of a simulated NOR flash chip at every moment at which it can be cut, powers
it on again, and compares what a storage engine then says with what it must say. What differs is
kept as a text file of a few lines, a case, that replays."""

FILES = (
    ("divergence-SHA256.case", "a divergence, as replay and shrink take it"),
    ("brownout.toml", "what a campaign runs, and the waivers"),
    ("PREFIX/share/brownout/scenarios", "the scenarios that are installed, as examples to copy"),
    ("PREFIX/include/brownout/fuzz/adapter.h",
     "what a plug-in includes; the flags are those of: pkg-config --cflags brownout"),
)  # fmt: skip

ENVIRONMENT = (
    ("BROWNOUT_HOME",
     "the folder that has reports/ and scenarios/, where it is neither share/brownout beside the "
     "folder of the command nor the checkout that the command was built in"),
)  # fmt: skip


def help_of(brownout, *names):
    """What `brownout help NAME` prints."""
    command = [brownout, "help", *names]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def rows(text, pattern):
    """(words, what they mean) of each row of a table of the help."""
    matches = filter(None, map(pattern.match, text.split("\n")))
    return [(" ".join(match["words"].split()), match["text"]) for match in matches]


def roff(text):
    """Text that roff prints as it stands."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def listed(pairs):
    """A list of words and what each means."""
    for words, text in pairs:
        yield from (".TP", f".B {roff(words)}", roff(text))


def section(title, *lines):
    return [f".SH {title}", *lines]


def commands_and_options(brownout, overview):
    """The lines of both sections: what each command does and takes, then each option once."""
    commands, options = [], {}
    for words, text in rows(overview, COMMAND):
        name = words.split()[0]
        own = rows(help_of(brownout, name), OPTION)
        for option, meaning in own:
            options.setdefault(option, {}).setdefault(meaning, []).append(name)
        commands += [".TP", f".B {roff(words)}", roff(text)]
        listing = ", ".join(option.split()[0] for option, _ in own)
        commands += [".br", f"Options: {roff(listing)}"] if own else []
    yield from section("COMMANDS", *commands)
    yield from section("OPTIONS")
    for option, meanings in sorted(options.items()):
        yield from (".TP", f".B {roff(option)}")
        yield from "\n.br\n".join(meaning_lines(meanings)).split("\n")


def meaning_lines(meanings):
    """What an option means, {meaning: its commands}; where it differs, to which commands."""
    for meaning, names in meanings.items():
        yield roff(meaning + (f" ({', '.join(names)})" if len(meanings) > 1 else ""))


def page(brownout, date):
    """The page, line by line."""
    overview = help_of(brownout)
    version = subprocess.run([brownout, "--version"], capture_output=True, text=True, check=True)
    yield f'.TH BROWNOUT 1 "{date}" "{version.stdout.split(",")[0]}"'
    yield ".nh"  # an option is not hyphenated
    yield from section("NAME", "brownout \\- cuts the power of a simulated flash chip everywhere")
    yield from section("SYNOPSIS", ".B brownout", ".I COMMAND", ".RI [ OPTION .\\|.\\|.]")
    yield from section("DESCRIPTION", *map(roff, DESCRIPTION.split("\n")))
    yield from commands_and_options(brownout, overview)
    codes = " ".join(EXIT_CODES.search(overview)[1].split())
    pairs = [code.split(" ", 1) for code in re.split(r", (?=\d)", codes)]
    yield from section("EXIT STATUS", *listed(pairs))
    yield from section("FILES", *listed(FILES))
    yield from section("ENVIRONMENT", *listed(ENVIRONMENT))
    yield from section("SEE ALSO", ".BR pkg\\-config (1)")


def moment():
    """SOURCE_DATE_EPOCH, else when the commit was made, else now."""
    command = ["git", "log", "-1", "--format=%ct"]
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True)
        committed = done.stdout.strip()
    except OSError:
        committed = ""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or committed or time.time())


def main(arguments):
    if len(arguments) != 2:
        print("man: type: tools/man.py BROWNOUT", file=sys.stderr)
        return 2
    date = time.strftime("%Y-%m-%d", time.gmtime(moment()))
    print("\n".join(page(arguments[1], date)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
