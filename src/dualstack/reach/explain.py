"""What a pasted error line says about the user's system.

The facts are the rows of `knowledge/errors.table`. A row speaks where its pattern is found and every word of its
`when` holds; the first row to speak owns the text that it matched, and rows below it may speak of the rest of the
line only. `when` words describe the address that the pattern captured as `address`: `ipv4`, `ipv6`, a `Scope`
(`loopback`, `wildcard`, `link-local`, …), `zoned`, `zoneless`, or `name` where it is no address. The word
`otherwise` marks rows too general to speak while any other row can, such as one for a bare `Connection refused`; the
first of them in the table then speaks alone. A row with an empty pattern continues the row above it with another
`when`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from dualstack.knowledge import table
from dualstack.model import address as addresses

LIMIT = 32 * 1024
"""Characters of a paste that are read; an error message that begins later is not worth the wait."""

_OTHERWISE = "otherwise"

_CLEANING = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\{2,16}", r"\\"),  # JSON within JSON doubles every backslash
        (r"\\u00([0-7][0-9a-fA-F])", lambda m: chr(int(m[1], 16))),  # encoding/json writes < > & so
        (r"\x1b\[[0-9;]{0,32}[A-Za-z]", ""),  # terminal colours
        (r"\\([\"'/])", r"\1"),
        (r"\\[rn]", "\n"),  # a stack trace inside one line of JSON
        (r"\\t", " "),
        (r"[\u201c\u201d]", '"'),  # chat programs and wikis curl quotes
        (r"[\u2018\u2019]", "'"),
        (r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]", ""),
        (r"%5[bB]", "["),  # gRPC C core percent-encodes IPv6 literals
        (r"%5[dD]", "]"),
        (r"%25(?=[A-Za-z])", "%"),  # RFC 6874 section 2
        (r"[^\S\n]{1,999}|[\x00-\x09\x0b-\x1f\x7f-\x9f\u2500-\u257f]", " "),  # U+2500: frames of terminal programs
        (r" {2,999}", " "),
    )
)


class Explanation(msgspec.Struct, frozen=True):
    """What one part of a line means.

    `codes` are rules in order of likelihood, `look` the next step. `groups` holds what the line names (`address` in
    canonical form, `port`, `name`, `component`, …) and, where they follow, `endpoint` and `family`.
    """

    codes: tuple[str, ...]
    meaning: str
    look: str
    groups: Mapping[str, str]
    source: str


class _Row(msgspec.Struct, frozen=True):
    pattern: re.Pattern[str]
    when: frozenset[str]
    codes: tuple[str, ...]
    meaning: str
    look: str
    source: str


_Hit = tuple[_Row, re.Match[str]]


def explain_line(text: str) -> tuple[Explanation, ...]:
    """What `text` says, best first; empty where no row of the table knows it.

    Of several lines the first that a row knows decides; where only general rows speak, the least general does. Lines
    are read as they stand, then joined, as a terminal may have wrapped one.
    """
    lines = _clean(text)
    readings = tuple(dict.fromkeys(joint.join(lines) for joint in ("\n", " ", "")))
    for reading in readings:
        hits = tuple(_hits(reading, general=False))
        if hits:
            return tuple(_explanation(row, match) for row, match in _owners(_first_line(hits)))
    for reading in readings:
        for row, match in _hits(reading, general=True):
            return (_explanation(row, match),)
    return ()


def facts(address: str | None) -> frozenset[str]:
    """The `when` words that hold for what a pattern captured as address; None where it captured nothing.

    An empty host is the wildcard: Go prints `listen tcp :4317` and `dial tcp :4317` (net.Listen, net.Dial).
    """
    if not address:
        return frozenset() if address is None else frozenset({addresses.Scope.WILDCARD.value})
    if address == "localhost":  # RFC 6761 section 6.3
        return frozenset({"name", addresses.Scope.LOOPBACK.value})
    if not addresses.is_address(address):
        return frozenset({"name"})
    zone = "zoned" if addresses.zone(address) else "zoneless"
    return frozenset({addresses.family(address).value, addresses.scope(address).value, zone})


def _clean(text: str) -> list[str]:
    """The different lines of a paste without escapes, colours, control characters and runs of blanks."""
    text = text[:LIMIT]
    for pattern, replacement in _CLEANING:
        text = pattern.sub(replacement, text)
    return [x for x in dict.fromkeys(line.strip() for line in text.split("\n")) if x]


@cache
def _rows() -> tuple[_Row, ...]:
    rows: list[_Row] = []
    for cells in table("errors"):
        pattern = re.compile(cells["pattern"], re.IGNORECASE) if cells["pattern"] else rows[-1].pattern
        rows.append(
            _Row(
                pattern=pattern,
                when=frozenset(cells["when"].split()),
                codes=tuple(cells["codes"].split()),
                meaning=cells["meaning"],
                look=cells["look"],
                source=cells["source"],
            )
        )
    return tuple(rows)


def _hits(text: str, *, general: bool) -> Iterator[_Hit]:
    """The first place where each row speaks, in the order of the table."""
    for row in _rows():
        if (_OTHERWISE in row.when) is general:
            wanted = row.when - {_OTHERWISE}
            match = next((m for m in row.pattern.finditer(text) if wanted <= facts(_address(m))), None)
            if match:
                yield row, match


def _address(match: re.Match[str]) -> str | None:
    return match.groupdict().get("address")


def _first_line(hits: tuple[_Hit, ...]) -> tuple[_Hit, ...]:
    """The hits on the line of the earliest hit."""
    earliest = min((match for _, match in hits), key=re.Match.start)
    end = earliest.string.find("\n", earliest.start())
    return tuple(hit for hit in hits if end < 0 or hit[1].start() < end)


def _owners(hits: tuple[_Hit, ...]) -> Iterator[_Hit]:
    """The hits whose text no row above them matched."""
    owned: list[tuple[int, int]] = []
    for row, match in hits:
        start, end = match.span()
        if all(end <= first or last <= start for first, last in owned):
            owned.append((start, end))
            yield row, match


def _explanation(row: _Row, match: re.Match[str]) -> Explanation:
    groups = _named({k: v for k, v in match.groupdict().items() if v})
    return Explanation(row.codes, _filled(row.meaning, groups), _filled(row.look, groups), groups, row.source)


def _named(groups: dict[str, str]) -> dict[str, str]:
    """The captured values with the address in canonical form, and what follows from them."""
    found = groups.get("address", "")
    if addresses.is_address(found):
        groups = {"family": addresses.family(found).title, **groups, "address": addresses.canonical(found)}
    if found and "port" in groups:
        groups["endpoint"] = addresses.join(groups["address"], int(groups["port"]))
    return groups


def _filled(text: str, groups: Mapping[str, str]) -> str:
    """`text` with each `{name}` replaced by what the line names, or by `the name` where it names none."""
    return re.sub(r"\{([a-z]+)\}", lambda m: groups.get(m[1], f"the {m[1]}"), text)
