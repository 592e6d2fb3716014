"""mutants_source - the mutants of a C source: small changes, each of which may be a bug.

`mutants(name, text)` gives all of them. A mutant is one change inside one function body; asserts,
code for checks (BO_CHECKS), preprocessor lines and comments are left alone. The kinds are in KINDS.

A mutant is known by a short hash of its file, function, changed text and kind, not by its place, so
that it keeps its name when the source changes elsewhere.
"""

import hashlib
import re
from typing import NamedTuple

KINDS = {
    "relation": "another relational operator",
    "constant": "a number one larger or one smaller",
    "logic": "and for or, or for and, a `!` left out",
    "check": "a condition that is always, or never, true",
    "checksum": "a comparison of checksums that is always true",
    "call": "a call left out",
    "order": "two statements, of which one is a call, in the other order",
    "return": "a return before the function is done",
    "assignment": "an assignment left out",
}

RELATIONS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
             "==": ("!=",), "!=": ("==",)}
LOGIC = {"&&": "||", "||": "&&", "!": ""}
ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"}
JUMPS = {"return", "break", "continue", "goto"}
TYPES = {"const", "static", "struct", "enum", "union", "unsigned", "signed", "int", "bool", "char",
         "void", "long", "short"}
UNTOUCHED = re.compile(r"(static_)?assert|_Static_assert|\w*_check|\w*CHECK\w*")
CHECKSUM = re.compile(r"crc|check", re.IGNORECASE)
BLANKED = re.compile(r"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:\\\n|[^\n])*", re.DOTALL | re.MULTILINE)
CHECKS = re.compile(r"^[ \t]*#\s*ifdef BO_CHECKS.*?^[ \t]*#\s*(?:else|endif)[^\n]*",
                    re.DOTALL | re.MULTILINE)
TOKEN = re.compile(r"""
    (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<name>[A-Za-z_]\w*)
    |(?P<number>(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*)
    |(?P<sign><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)""", re.VERBOSE)


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class Function(NamedTuple):
    name: str
    returns: str  # what stands before the name
    body: tuple  # tokens between the braces


class Statement(NamedTuple):
    """`start` includes what stands before it: if (..), else, for (..). Tokens are of its core."""

    function: Function
    start: int
    plain: bool  # nothing stands before it
    core: tuple
    conditions: tuple  # (start, end) of the insides of `if (..)` before it
    follows: str  # the sign that ended the one before it: `;`, `{` or `}`


class Mutant(NamedTuple):
    name: str  # eight hex digits
    file: str  # from engines/
    function: str
    kind: str
    start: int
    end: int
    replacement: str
    before: str  # the changed lines, in one
    after: str

    def apply(self, text):
        return text[: self.start] + self.replacement + text[self.end :]

    def __str__(self):
        return f"{self.file} {self.function}, {self.kind}: {self.before} -> {self.after}"


# --- reading C ---


def blank(text):
    """The same with blanks for what is never changed, line ends kept."""
    def blanks(match):
        return re.sub(r"[^\n]", " ", match[0])

    return BLANKED.sub(blanks, CHECKS.sub(blanks, text))


def tokens(text):
    found = (match for match in TOKEN.finditer(blank(text)) if match[0].strip())
    return [Token(match.lastgroup, match[0], match.start(), match.end()) for match in found]


def closing(row, at):
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for index in range(at, len(row)):
        depth += row[index].text in ("(", "[", "{")
        depth -= row[index].text in (")", "]", "}")
        if depth == 0:
            return index
    raise ValueError("a bracket is never closed")


def functions(text):
    row, start, at, found = tokens(text), 0, 0, []
    while at < len(row):
        word = row[at].text
        if word == "{":
            end = closing(row, at)
            head = row[start:at]
            if head and head[-1].text == ")":
                opening = next(i for i, token in enumerate(head) if token.text == "(")
                returns = " ".join(token.text for token in head[: opening - 1])
                found.append(Function(head[opening - 1].text, returns, tuple(row[at + 1 : end])))
                start = end + 1
            at = end
        elif word == ";":
            start = at + 1
        at += 1
    return found


def statement(function, row, follows):
    """A Statement of the tokens up to its `;` or `{`."""
    conditions, at = [], 0
    while at < len(row):
        word = row[at].text
        if word in ("if", "while", "for", "switch"):
            end = closing(row, at + 1)
            if word == "if":
                conditions.append((row[at + 2].start, row[end - 1].end))
            at = end + 1
        elif word in ("else", "do"):
            at += 1
        elif word in ("case", "default"):
            at = next(i for i in range(at, len(row)) if row[i].text == ":") + 1
        else:
            break
    start = row[0].start if row else 0
    return Statement(function, start, at == 0, tuple(row[at:]), tuple(conditions), follows)


def statements(function):
    row, start, at, follows = function.body, 0, 0, "{"
    while at < len(row):
        word = row[at].text
        if word in ("(", "["):
            at = closing(row, at)
        elif word == "{" and row[at - 1].text in ("=", ")") and is_initializer(row[start:at]):
            at = closing(row, at)
        elif word in (";", "{", "}"):
            if at > start:
                yield statement(function, row[start:at], follows)
            start, follows = at + 1, word
        at += 1


def is_initializer(row):
    """Whether a brace after these tokens begins a value, not a block."""
    return row[-1].text == "=" or not (row[0].text in ("if", "while", "for", "switch", "else", "do")
                                       or len(row) == 1)


def declares(core):
    first = core[0].text
    if first in TYPES or re.fullmatch(r"\w+_t", first):
        return True
    return len(core) > 1 and core[0].kind == core[1].kind == "name" and first not in JUMPS


def is_call(core):
    return (len(core) > 2 and core[0].kind == "name" and core[1].text == "("
            and closing(core, 1) == len(core) - 1)


def is_assignment(core):
    if not core or declares(core) or core[0].text in JUMPS:
        return False
    depth = 0
    for token in core:
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if depth == 0 and token.text in ASSIGNS:
            return True
    return False


# --- changing it: each yields (kind, start, end, replacement) ---


def of_token(token, before, declared):
    if token.text in RELATIONS:
        for other in RELATIONS[token.text]:
            yield "relation", token.start, token.end, other
    elif token.text in LOGIC:
        yield "logic", token.start, token.end, LOGIC[token.text]
    elif token.kind == "number" and not (declared and before == "["):
        yield "constant", token.start, token.end, f"({token.text} + 1)"
        if int(token.text.rstrip("uUlL"), 0) > 0:
            yield "constant", token.start, token.end, f"({token.text} - 1)"


def of_condition(text, start, end):
    inside = text[start:end]
    yield "check", start, end, f"false && ({inside})"
    yield "check", start, end, f"true || ({inside})"


def given_early(returns):
    words = set(returns.split()) - {"static", "inline", "const"}
    if "*" in words:
        return "return NULL; "
    if "struct" in words:
        return None
    return "return; " if words == {"void"} else f"return {'false' if 'bool' in words else '0'}; "


def of_statement(text, it):
    for start, end in it.conditions:
        yield from of_condition(text, start, end)
    if "else" not in text[it.start : it.start + 4] and it.core:
        early = given_early(it.function.returns)
        if early and it.core[0].text != "return":
            yield "return", it.start, it.start, early
    if not it.core:
        return
    start, end = it.core[0].start, it.core[-1].end
    if is_call(it.core):
        yield "call", start, end, "(void)0"
    if is_assignment(it.core):
        yield "assignment", start, end, "(void)0"
    if it.core[0].text == "return" and CHECKSUM.search(text[start:end]):
        if any(token.text in ("==", "!=") for token in it.core):
            yield "checksum", start, end, "return true"


def of_pair(text, first, second):
    """Two plain statements one after the other, swapped."""
    both = (first.core, second.core)
    fits = second.follows == ";" and first.plain and second.plain
    if not fits or not all(is_call(core) or is_assignment(core) for core in both):
        return
    if is_call(first.core) or is_call(second.core):
        start, end = first.core[0].start, second.core[-1].end
        one, two = ((core[0].start, core[-1].end) for core in both)
        swapped = f"{text[two[0] : two[1]]}{text[one[1] : two[0]]}{text[one[0] : one[1]]}"
        yield "order", start, end, swapped


def changes(text, function):
    """(kind, start, end, replacement) of a function."""
    rows = list(statements(function))
    kept = [it for it in rows if not (it.core and UNTOUCHED.fullmatch(it.core[0].text))]
    skipped = [(it.start, it.core[-1].end) for it in rows if it not in kept]
    declared = [(it.core[0].start, it.core[-1].end) for it in kept if it.core and declares(it.core)]
    before = ""
    for token in function.body:
        if not any(start <= token.start < end for start, end in skipped):
            inside = any(start <= token.start < end for start, end in declared)
            yield from of_token(token, before, inside)
        before = token.text
    for it in kept:
        yield from of_statement(text, it)
    for first, second in zip(rows, rows[1:]):
        if first in kept and second in kept:
            yield from of_pair(text, first, second)


def lines_of(text, start, end):
    """The whole lines around a change, in one."""
    return text.rfind("\n", 0, start) + 1, (text + "\n").find("\n", end)


def mutants(file, text):
    """All mutants of a source, in its order."""
    found, counts = [], {}
    for function in functions(text):
        for kind, start, end, replacement in changes(text, function):
            first, last = lines_of(text, start, end)
            before = " ".join(text[first:last].split())
            after = " ".join((text[first:start] + replacement + text[end:last]).split())
            key = (file, function.name, kind, before, after)
            counts[key] = counts.get(key, 0) + 1
            digest = hashlib.sha256("\n".join((*key, str(counts[key]))).encode()).hexdigest()
            found.append(Mutant(digest[:8], file, function.name, kind, start, end, replacement,
                                before, after))
    return found
