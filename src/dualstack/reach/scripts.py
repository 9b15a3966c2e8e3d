"""Variables that a script in the command of a container sets itself, whatever its environment says.

What stands before a command holds for that alone, and what stands by itself for other programs only where the variable
is exported (POSIX.1-2017, Shell Command Language, 2.9.1). A shell is not followed further than that.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from dualstack.model.patterns import pattern

MENTIONED = pattern(r"""(?:^|[\s;&|({"'])(?P<name>OTEL_[A-Z0-9_]+):?=(?P<value>\S*)""")
"""What may be an assignment of a variable of the SDK, `${NAME:=...}` among them."""
_ASSIGNED = pattern(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_PARTS = pattern(
    r"""(?:[^\S\n]|\\\n)+|\#[^\n]*|(?P<end>(?:[;|()\n]|&(?!>))+)"""
    r"""|(?P<word>(?:"(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`|\\.|\$\([^()\n]{0,200}\)|\$\{[^{}\n]{0,200}\}|[<>]&|&>"""
    r"""|[^\s;&|()"'`\\])+)|(?P<odd>.)""",
    re.DOTALL,
)
"""Blanks, comments, operators and words of a script; a quote without an end is odd."""
_CHOOSES = pattern(r"(?:if|case|for|while|until|test|select|function|eval|\{|!|\[{1,2})(?: |$)")
"""How commands begin by which it depends on more what others do."""
_SAYS, _INTO = ("echo", "printf"), pattern(r">(?!&)")
_BESIDE = pattern(
    r"(?:\S*/)?(?::|awk|cat|cd|chmod|chown|cp|curl|date|echo|exit|export|false|grep|hash|head|hostname|id|kill|ln|ls|"
    r"mkdir|mv|nc|pkill|printf|pwd|readonly|return|rm|sed|set|shift|sleep|sync|tail|tee|touch|trap|true|ulimit|umask|"
    r"unset|wait|wget)"
)
"""What stands beside the program that a script is for, and is no client."""
_CONTINUED = pattern(r"(?P<kept>'[^']*')|\\\n")
_ENV, _EXEC = pattern(r"(?:(?:/usr)?/bin/)?env"), "exec"
_TAKEN = pattern(r"(?:-u|--unset=?)(?P<name>\w+)")
_EMPTIED = ("-", "-i", "--ignore-environment")
_TAKES = pattern(r"(?:^|[\s;&|({\"'])(?:unset\s|env\s(?:.{0,200}\s)?(?:-u|--unset))", re.DOTALL)
_NAMES = pattern(r"OTEL_[A-Z0-9_]+")
_MATTERS = pattern(r"OTEL_|\b(?:env|eval)\s|\bexport\s+[\"']?[$`]|(?:\.|source)\s", re.IGNORECASE)
"""What a word holds that may be a script and say something of variables."""
_SPREADS = pattern(r"set -(?:\w*a\w*|o allexport)(?: |$)")
"""How a script begins to export whatever it sets."""
_FILE, _LENDERS, _LENT = (".", "source"), ("env", "eval", "export"), pattern(r"[\"']?(?:\$\(|`)|\$$|-i?$|--ignore-env")
_TELLS = pattern(r"otel|\.env\b", re.IGNORECASE)
"""What the name of a file holds that may set variables of the SDK."""
EVERY = "*"
"""Stands for the names of all variables."""


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
    """A command: all its words, what stands ahead of the program, that with its arguments, and the operators around."""

    words: Sequence[str]
    ahead: Sequence[Said]
    rest: Sequence[str]
    before: str
    after: str

    @property
    def runs(self) -> bool:
        """Whether it may be the program that a script is for."""
        return bool(self.rest) and not _BESIDE.fullmatch(self.rest[0])

    @property
    def apart(self) -> bool:
        """Whether a shell of its own runs it, and this one goes on."""
        return self.after in ("&", "|")

    @property
    def replaces(self) -> bool:
        """Whether it takes the place of the shell, so that nothing behind it runs."""
        return self.runs and _EXEC in self.words[: -len(self.rest)] and not self.apart


def said(words: Iterable[str]) -> Iterator[Said]:
    """What a command and its arguments say of variables, in order; each of the words may be a script."""
    every = list(words)
    carrier = next((x for x, y in enumerate(every) if _ENV.fullmatch(y)), len(every))
    ahead, rest = _ahead(every[carrier:])
    for word in every[:carrier]:
        yield from _word(word)
    # There is no shell that fills in what stands here.
    yield from (x._replace(value=f"'{x.value}'") for x in ahead)
    for word in rest:
        yield from _word(word)


def overruled(words: Iterable[str], among: Iterable[str]) -> frozenset[str]:
    """The variables of the SDK, of some, that a command sets or takes away, or may."""
    names = {x.name for x in said(words) if x.how is not How.EXPORTED}
    return frozenset(x for x in among if x.startswith("OTEL_") and (x in names or EVERY in names))


def _word(word: str) -> Iterator[Said]:
    whole = _ASSIGNED.fullmatch(word) if word.startswith("OTEL_") and not word.split()[1:] else None
    if whole:
        yield Said(whole["name"], How.MAYBE, whole["value"])
    elif _MATTERS.search(word):
        yield from _script(word)


def _script(text: str) -> Iterator[Said]:
    """What a script says: the last of the programs in it is what it is for, and others may be clients as well."""
    commands, odd = _commands(text)
    every = [" ".join(x.words) for x in commands]
    branches = any("||" in x.after or {*"()"}.intersection(x.after) for x in commands)
    spreads = any(_SPREADS.match(x) for x in every)
    if odd or branches or spreads or any(_CHOOSES.match(x) or "<<" in x for x in every):
        yield from (y for x in commands for y in (*_lent(x.words, spreads=spreads), *_mentioned(x.words)))
        return
    final = next((x for x, y in enumerate(commands) if y.replaces and y.before != "&&"), len(commands))
    commands = commands[: final + 1]
    last = max((x for x, y in enumerate(commands) if y.runs), default=len(commands) - 1)
    parted = max((x for x, y in enumerate(commands[:last]) if y.after != "&&"), default=-1)
    begun = [x for x, y in enumerate(commands[:last]) if y.runs]
    forked = min((x for x in begun if commands[x].after == "&"), default=last)
    replaces = any(x.replaces for x in commands[last:])
    for number, command in enumerate(commands[: last + 1]):
        chained = command.before not in ("&&", "|") or (command.before == "&&" and number > parted)
        late = command.words[0] == "unset" and not replaces and number > min(begun, default=last)
        sure = number == last or (chained and not command.apart and not late)
        yield from _lent(command.words, spreads=False)
        yield from _of(command, sure=sure and number <= forked, last=number == last)
    for command in (commands[x] for x in begun if not replaces or commands[x].apart or commands[x].replaces):
        yield from (Said(x.name, How.MAYBE) for x in command.ahead)


def _commands(text: str) -> tuple[list[_Command], bool]:
    """The commands of a script, and whether there is something odd in it."""
    found, words, before, odd = list[_Command](), list[str](), "", False
    for part in (*_PARTS.finditer(text), None):
        if part and part["word"]:
            words.append(_CONTINUED.sub(lambda x: x["kept"] or "", part["word"]))
        elif part is None or part["end"]:
            after = part["end"].strip() or ";" if part else ""
            if words:
                found.append(_Command(words, *_ahead(words), before, after))
                words, before = [], after
        else:
            odd = odd or bool(part["odd"])
    return found, odd


def _ahead(words: Iterable[str]) -> tuple[list[Said], list[str]]:
    """What stands ahead of a program and holds for it, what `env` takes away too; and the program with its arguments.

    POSIX.1-2017, env; GNU coreutils 9, env invocation.
    """
    found, left, carried = list[Said](), iter(words), False
    for word in left:
        option = f"{word}{next(left, '')}" if carried and word in ("-u", "--unset") else word
        taken = _TAKEN.fullmatch(option) if carried else None
        if assigned := _ASSIGNED.fullmatch(word):
            found.append(Said(assigned["name"], How.SET, assigned["value"]))
        elif taken or (carried and word in _EMPTIED):
            found.append(Said(taken["name"] if taken else EVERY, How.UNSET))
        elif word != _EXEC and not _ENV.fullmatch(word):
            return found, [word, *left]
        carried = carried or bool(_ENV.fullmatch(word))
    return found, []


def _of(command: _Command, *, sure: bool, last: bool) -> Iterator[Said]:
    """What one command says, where nothing else decides on it; `last` is the program that the script is for."""
    if last or not command.rest:
        how = None if command.rest else How.WITHIN
        yield from (x._replace(how=(how or x.how) if sure else How.MAYBE) for x in command.ahead)
    name, *more = command.rest or [""]
    if name == "export":
        yield from (y for x in more for y in _exported(x, sure=sure))
    elif name == "unset":
        yield from (Said(x, How.UNSET if sure else How.MAYBE) for x in more)
    else:
        yield from _mentioned(command.rest)


def _exported(word: str, *, sure: bool) -> Iterator[Said]:
    found = _ASSIGNED.fullmatch(word)
    how = How.MAYBE if not sure else How.SET if found else How.EXPORTED
    yield Said(found["name"], how, found["value"]) if found else Said(word, how)
    yield from () if found else _mentioned([word])


def _lent(words: Sequence[str], *, spreads: bool) -> Iterator[Said]:
    """Any variable, where a command has its own from elsewhere, or none; most files say nothing of the SDK."""
    named = words[0] in _FILE and (spreads or _TELLS.search(" ".join(words)))
    lender = words[0] in _LENDERS or words[:2] == [_EXEC, "env"]
    if named or (lender and any(map(_LENT.match, words))):
        yield Said(EVERY, How.MAYBE)


def _mentioned(words: Sequence[str]) -> Iterator[Said]:
    """What may be set or taken away by words that are not followed; who only says something does neither."""
    text = " ".join(words)
    says = words and words[0] in _SAYS and not _INTO.search(text)
    taken = {*_NAMES.findall(text)} if _TAKES.search(text) else ()
    names = (*(x["name"] for x in MENTIONED.finditer(text)), *sorted(taken))
    yield from (Said(x, How.MAYBE) for x in ([] if says else names))
