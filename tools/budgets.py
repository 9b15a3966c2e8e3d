"""Holds the size of modules and functions to the project's budgets, and says which are over.

Lines of a function are counted without its docstring; a rule's file is the only kind whose documentation has a
floor. The numbers are those of code bases that are pleasant to read.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MODULE_LINES = 400
RULE_LINES = 150
RULE_DOCUMENTATION = 0.25
FUNCTION_MEDIAN = 10
FUNCTION_P90 = 40
FUNCTION_LINES = 60


class Function(NamedTuple):
    """One function, where it stands, and its lines without the docstring."""

    where: str
    lines: int


def is_rule(path: Path) -> bool:
    """Whether a file is a rule: `dsNNN_bad_pattern.py`."""
    return path.name.startswith("ds") and path.name[2:5].isdigit()


def docstring_lines(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines that a node's docstring takes, zero where it has none."""
    if ast.get_docstring(node, clean=False) is None:
        return 0
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def functions(path: Path, tree: ast.Module) -> Iterator[Function]:
    """Every function and method of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)
            yield Function(f"{path}:{node.lineno} {node.name}", lines)


def module_faults(path: Path, text: str, tree: ast.Module) -> Iterator[str]:
    """What a module has too much or too little of."""
    lines = len(text.splitlines())
    limit = RULE_LINES if is_rule(path) else MODULE_LINES
    if lines > limit:
        yield f"{path}: {lines} lines, {limit} allowed"
    if is_rule(path) and docstring_lines(tree) < RULE_DOCUMENTATION * lines:
        yield f"{path}: {docstring_lines(tree)} of {lines} lines are documentation, a quarter is asked"


def function_faults(found: list[Function]) -> Iterator[str]:
    """Functions that are too long, one by one and taken together."""
    yield from (f"{x.where}: {x.lines} lines, {FUNCTION_LINES} allowed" for x in found if x.lines > FUNCTION_LINES)
    lengths = [x.lines for x in found]
    if statistics.median(lengths) > FUNCTION_MEDIAN:
        yield f"the median function has {statistics.median(lengths)} lines, {FUNCTION_MEDIAN} allowed"
    over = sum(x > FUNCTION_P90 for x in lengths)
    if over > len(lengths) / 10:
        yield f"{over} of {len(lengths)} functions have more than {FUNCTION_P90} lines, a tenth may"


def main(root: Path = Path("src")) -> int:
    """Print every fault and a summary; 1 where there is a fault."""
    faults: list[str] = []
    found: list[Function] = []
    paths = sorted(root.rglob("*.py"))
    for path in paths:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        faults += module_faults(path, text, tree)
        found += functions(path, tree)
    faults += function_faults(found)
    print(*faults, sep="\n", end="\n" if faults else "")
    longest = max(found, key=lambda x: x.lines)
    print(
        f"budgets: {len(paths)} modules, {len(found)} functions,"
        f" median {statistics.median(x.lines for x in found)} lines, longest {longest.lines} ({longest.where}):"
        f" {len(faults)} over budget"
    )
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
