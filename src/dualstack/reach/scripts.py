"""Variables that a script in the command of a container sets itself, whatever its environment says.

What stands before a command holds for that alone, and what stands by itself for other programs only where the variable
is exported (POSIX.1-2017, Shell Command Language, 2.9.1). A shell is not followed further than that.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from itertools import dropwhile
from typing import NamedTuple

from dualstack.model.patterns import pattern

MENTIONED = pattern(r"""(?:^|[\s;&|({"'])(?P<name>OTEL_[A-Z0-9_]+)=(?P<value>\S*)""")
"""What may be an assignment of a variable of the SDK."""
_ASSIGNED = pattern(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_PARTS = pattern(
    r"""(?:[^\S\n]|\\\n)+|\#[^\n]*|(?P<end>(?:[;|()\n]|&(?!>))+)"""
    r"""|(?P<word>(?:"(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`|\\.|\$\([^()\n]{0,200}\)|\$\{[^{}\n]{0,200}\}|[<>]&|&>"""
    r"""|[^\s;&|()"'`\\])+)|(?P<odd>.)""",
    re.DOTALL,
)
"""Blanks, comments, operators and words of a script; a quote without an end is odd."""
_CHOOSES = pattern(
    r"(?:if|case|for|while|until|test|select|function|eval|\{|!|\[{1,2}|set -(?:\w*a\w*|o allexport))(?: |$)"
)
"""How commands begin by which it depends on more what others do."""
_SAYS, _INTO = ("echo", "printf"), pattern(r">(?!&)")
_ENDS = ("echo", "exit", "printf", "sleep", "tail", "tee", "true", "wait")
"""What stands behind the program that a script is for."""
_CARRIES, _BESIDE = ("env", "exec"), ("&", "|")


class How(Enum):
    """What becomes of a variable: it is set, set unless nobody exports it, exported, taken away, or perhaps set."""

    SET = auto()
    WITHIN = auto()
    EXPORTED = auto()
    UNSET = auto()
    MAYBE = auto()


class Said(NamedTuple):
    """What a script says of a variable."""

    name: str
    how: How
    value: str = ""


class _Command(NamedTuple):
    """A command, with the operators before and after it."""

    words: Sequence[str]
    before: str
    after: str


def said(words: Iterable[str]) -> Iterator[Said]:
    """What a command and its arguments say of variables, in order; each of the words may be a script."""
    carried = False
    for word in words:
        carried = carried or word.rpartition("/")[2] == "env"
        whole = _ASSIGNED.fullmatch(word) if word.startswith("OTEL_") and not word.split()[1:] else None
        if whole:
            yield Said(whole["name"], How.SET if carried else How.MAYBE, whole["value"])
        elif "OTEL_" in word:
            yield from _script(word)


def overruled(words: Iterable[str]) -> frozenset[str]:
    """The variables of the SDK that a command sets or takes away, or may."""
    return frozenset(x.name for x in said(words) if x.name.startswith("OTEL_") and x.how is not How.EXPORTED)


def _script(text: str) -> Iterator[Said]:
    commands, odd = _commands(text)
    every = [" ".join(x.words) for x in commands]
    branches = any("||" in x.after or {*"()"}.intersection(x.after) for x in commands)
    loose = odd or branches or any(_CHOOSES.match(x) or "<<" in x for x in every)
    last = max((x for x, y in enumerate(commands) if y.words[0] not in _ENDS), default=0)
    parted = max((x for x, y in enumerate(commands[:last]) if y.after != "&&"), default=-1)
    for number, command in enumerate(commands):
        sure = command.before not in ("&&", "|") or (command.before == "&&" and number > parted)
        yield from _mentioned(command.words) if loose else _of(command, sure=sure, last=number == last)


def _commands(text: str) -> tuple[list[_Command], bool]:
    """The commands of a script, and whether there is something odd in it."""
    found, words, before, odd = list[_Command](), list[str](), "", False
    for part in (*_PARTS.finditer(text), None):
        if part and part["word"]:
            words.append(part["word"])
        elif part is None or part["end"]:
            after = part["end"].strip() or ";" if part else ""
            if words:
                found.append(_Command(words, before, after))
                words, before = [], after
        else:
            odd = odd or bool(part["odd"])
    return found, odd


def _of(command: _Command, *, sure: bool, last: bool) -> Iterator[Said]:
    """What one command says, where nothing else decides on it; `last` is the program that the script is for."""
    rest = list(dropwhile(lambda x: x in _CARRIES or _ASSIGNED.fullmatch(x), command.words))
    ahead = [y for x in command.words[: len(command.words) - len(rest)] if (y := _ASSIGNED.fullmatch(x))]
    name, *more = rest or [""]
    if not rest or last or command.after in _BESIDE:
        how = How.WITHIN if not rest else How.SET if last else How.MAYBE
        yield from (Said(x["name"], how if sure or how is How.SET else How.MAYBE, x["value"]) for x in ahead)
    if name == "export":
        yield from (_exported(x, sure=sure) for x in more)
    elif name == "unset":
        yield from (Said(x, How.UNSET if sure else How.MAYBE) for x in more)
    else:
        yield from _mentioned(rest)


def _exported(word: str, *, sure: bool) -> Said:
    found = _ASSIGNED.fullmatch(word)
    how = How.MAYBE if not sure else How.SET if found else How.EXPORTED
    return Said(found["name"], how, found["value"]) if found else Said(word, how)


def _mentioned(words: Sequence[str]) -> Iterator[Said]:
    """What may be set by words that are not followed; who only says something sets nothing."""
    text = " ".join(words)
    says = words and words[0] in _SAYS and not _INTO.search(text)
    yield from (Said(x["name"], How.MAYBE) for x in ([] if says else MENTIONED.finditer(text)))
