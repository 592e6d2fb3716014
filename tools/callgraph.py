"""callgraph - who calls whom and with how much stack, from gcc's -fcallgraph-info=su (.ci files).

A call through a pointer (the operations of struct bo_flash, a visitor) counts as a leaf without
stack of its own, and so does a function of another library: both belong to the firmware.
"""

import re

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "((?:[^"\\]|\\.)*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
STACK = re.compile(r"(\d+) bytes \(([\w,]+)\)")


class Graph:
    """The functions of some .ci files, by gcc's title: `name`, or `file:name` when static."""

    def __init__(self, texts):
        self.stack_bytes = {}
        self.unbounded = set()  # frames whose size is not known to the compiler
        self.places = {}  # "file:line:column"
        self.calls = {}
        for text in texts:
            self._read(text)

    def _read(self, text):
        for title, label in NODE.findall(text):
            stack = STACK.search(label)
            if stack is None:
                continue
            self.stack_bytes[title] = int(stack[1])
            self.places[title] = label.split("\\n")[1]
            if stack[2] == "dynamic":
                self.unbounded.add(title)
        for source, target in EDGE.findall(text):
            self.calls.setdefault(source, set()).add(target)

    def own_calls(self, title):
        return sorted(self.calls.get(title, set()) & self.stack_bytes.keys())

    def foreign(self):
        """Functions called and not defined here, calls through pointers left out."""
        called = set().union(*self.calls.values()) if self.calls else set()
        return sorted(called - self.stack_bytes.keys() - {"__indirect_call"})

    def recursion(self):
        """A path that ends where it starts, or None."""
        done = set()

        def visit(title, path):
            if title in path:
                return [*path[path.index(title) :], title]
            if title in done:
                return None
            for callee in self.own_calls(title):
                found = visit(callee, [*path, title])
                if found:
                    return found
            done.add(title)
            return None

        return next(filter(None, (visit(title, []) for title in sorted(self.stack_bytes))), None)

    def deepest(self):
        """(bytes, path) of the call chain with the most stack. Only without recursion."""
        known = {}

        def depth(title):
            if title not in known:
                below = max(map(depth, self.own_calls(title)), default=(0, []))
                known[title] = (self.stack_bytes[title] + below[0], [title, *below[1]])
            return known[title]

        return max(map(depth, sorted(self.stack_bytes)), default=(0, []))


def short(title):
    """The function's name alone."""
    return title.rsplit(":", 1)[-1]
