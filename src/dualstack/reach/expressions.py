"""Which addresses a regular expression of Prometheus can match, by trying it."""

import re
import warnings
from collections.abc import Iterator
from itertools import product

from dualstack.model.otel import Expression

_ADDRESS = "__address__"
_IPV4 = ("10.2.33.4", "192.0.2.1", "203.0.113.77")
_IPV6 = ("[fd00::1]", "[2001:db8::1]", "[fe80::1]")
_OTHERS = ("8080", "true", "http", "app-1", "")
"""What the labels beside an address hold: a port, a flag, a word, a name, nothing."""

_LABELS = 3
_LENGTH, _REPETITIONS = 200, 8
_REPEATED = re.compile(r"\)[*+]|\)\{\d*(?:,|[5-9]|\d\d)|\)\{\d+\}[*+?{]")  # what a text can match in very many ways
_REPEAT = re.compile(r"(?<!\\)[*+]|(?<![\\(])\?|\{\d*,\d*\}")
_PORT = re.compile(r"(?<![\d{,])\d{2,5}(?![\d},])")


def ipv4_only(expression: Expression) -> bool:
    """Whether an expression matches each IPv4 address and no IPv6 one, with some port and some other labels.

    False for one that cannot be read, or that could take very long to try: RE2 has no such, Python does.
    """
    text = expression.written.text
    try:
        with warnings.catch_warnings(action="ignore"):
            compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    slow = len(text) > _LENGTH or _REPEATED.search(text) or len(_REPEAT.findall(text)) > _REPETITIONS
    if slow or not 0 < len(expression.labels) <= _LABELS:
        return False

    def matches(host: str, rest: tuple[str, ...]) -> bool:
        port, *others = rest
        held = iter(others)
        values = (host + port if x == _ADDRESS else next(held) for x in expression.labels)
        return bool(compiled.fullmatch(expression.separator.join(values)))

    tried = list(_tried(expression, text))
    for rest in tried:
        if all(matches(x, rest) for x in _IPV4):
            return not any(matches(x, y) for x in _IPV6 for y in tried)
    return False


def _tried(expression: Expression, text: str) -> Iterator[tuple[str, ...]]:
    """Ports behind the address, with what the other labels hold; the numbers in the expression are among them."""
    numbers = list(dict.fromkeys(_PORT.findall(text)))[:3]
    ports = (":8080", *(f":{x}" for x in numbers), "")
    others = sum(x != _ADDRESS for x in expression.labels)
    yield from product(ports, *(((*_OTHERS, *numbers),) * others))
