"""What the command line of a Collector says of its configuration: the texts that are merged, in their order."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import msgspec

from dualstack.model.kube import Container
from dualstack.model.otel import Declared, Holder
from dualstack.model.source import Written

INLINE = "words"
"""The kind of a holder that is a part of a command line."""

_CONFIG, _SET = ("--config", "-config"), ("--set", "-set")
_INSIDE = ("yaml", "env")


class Source(msgspec.Struct, frozen=True):
    """One of them: `kind` is `set` for `KEY=VALUE`, else the scheme of a configuration, `file` where there is none.

    `text` is what comes after the scheme, `index` the place of the word that has it.
    """

    kind: str
    text: str
    index: int

    @property
    def inside(self) -> bool:
        """Whether it stands in the words themselves, or in a variable that they name."""
        return self.kind == "set" or self.kind in _INSIDE


def sources(words: Sequence[str]) -> tuple[Source, ...]:
    """What `--config` and `--set` name, in the order in which they are merged.

    Every `--set` comes after every `--config` (otelcol, flags.go). Flags are read as Go's package flag does.
    """
    found = list(_named(words))
    return tuple(sorted(found, key=lambda x: x.kind == "set"))


def _named(words: Sequence[str]) -> Iterator[Source]:
    for index, (word, following) in enumerate(zip_longest(words, words[1:], fillvalue="")):
        flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", "")
        text, place = (value, index) if equals else (following, index + 1)
        if place == len(words):
            continue
        if flag in _SET:
            yield Source("set", text, place)
        elif flag in _CONFIG:
            scheme, colon, rest = text.partition(":")
            known = colon and len(scheme) > 1 and scheme.isalnum()
            yield Source(scheme, rest, place) if known else Source("file", text, place)


def of(container: Container) -> tuple[Source, ...]:
    """What the words of a container name."""
    return sources([x.text for x in container.words])


def holder(source: Source, container: Container) -> Holder:
    """What holds a source that stands in the words of a container: its place, and the number of its word."""
    at = container.words[source.index].at
    return Holder(INLINE, "", at.file, f"{at.line}:{at.column}:{source.index}")


def held(source: Source, container: Container) -> Written | None:
    """The text of a source that is inside, and its place; None where the files do not have it."""
    if source.kind == "env":
        variable = container.variable(source.text)
        return variable.value if variable else None
    return Written(source.text, container.words[source.index].at)


def is_all(config: Declared, container: Container) -> bool:
    """Whether a configuration has in it everything that the words of a container name."""
    named = of(container)
    given = bool(config.holder) and not any(x.kind != "set" for x in named)
    return len(config.parts or (config.holder,)) >= len(named) + given
