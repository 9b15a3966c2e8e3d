"""The table of a diagnosis: for each target who fares how over each family, and what is equal in one row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from dualstack.model.address import BOTH, Family, Target
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Skipped
from dualstack.model.probe import Outcome
from dualstack.model.text import printable
from dualstack.model.trace import Disposition, Hop, Status, Trace
from dualstack.reach.exports import destination, hosts
from dualstack.report.verbs.lines import Line, wrapped

MANY = 6
"""Targets from which on those that fare alike share their rows."""
_NAMED = 5
_BETWEEN = ".-/ "
"""Where words of names begin."""

_WORDS = {
    Disposition.ACCEPTED: "works",
    Disposition.NO_ADDRESS: "no address",
    Disposition.NOT_TRIED: "not tried",
    Disposition.NO_ROUTE: "no route",
    Disposition.NO_ENDPOINT: "no endpoint",
    Disposition.TIMED_OUT: "no answer",
    Disposition.HANDSHAKE_FAILED: "wrong answer",
    Disposition.INSUFFICIENT_INFO: "not known",
}

_ANSWERS = (Hop.HANDSHAKE, Hop.EXPORT)

_Block = tuple[tuple[str, tuple[str, ...], tuple[str, str]], ...]
"""The rows of a target: protocol, for whom, and what became of each family."""


def wide(traces: tuple[Trace, ...]) -> Iterator[Line]:
    """The table with a row for each target and group of clients, the addresses, and nothing cut off."""
    if not traces:
        return
    rows: list[Sequence[str]] = [("target", "protocol", "for", "IPv4", "IPv6", "addresses", "nodes")]
    groups: dict[tuple[str, str, str], list[Trace]] = {}
    for trace in traces:
        groups.setdefault((trace.target.endpoint, trace.target.scheme, trace.vantage), []).append(trace)
    for place, mine in groups.items():
        cells = [_cell([x for x in mine if x.family is y]) for y in BOTH]
        held = dict.fromkeys(y for x in mine for y in x.addresses)
        rows.append((*place, *cells, ",".join(held) or "-", ",".join(mine[0].nodes) or "-"))
    yield Line()
    yield from _aligned(rows, "  ")


def _aligned(rows: Sequence[Sequence[str]], gap: str) -> Iterator[Line]:
    """Rows of cells, the first of which are the heads of columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        text = gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield Line(f"  {text}", "" if number else "dim")


def table(traces: tuple[Trace, ...], *, whole: bool = False) -> Iterator[Line]:
    """The table; with `whole` each target has its own rows, however many there are."""
    blocks = _blocks(traces)
    alike: dict[object, list[str]] = {}
    for target, block in blocks.items():
        alone = target if whole or len(blocks) < MANY else ""
        alike.setdefault((block, alone), []).append(target)
    if not blocks:
        return
    vantages = {x.vantage for x in traces}
    told, shared = len(vantages) > 1, _shared(vantages)
    several = len({x.rpartition(":")[0].partition(".")[2] for x in blocks}) > 1
    head = ("target", "protocol", *(("for",) if told else ()), "IPv4", "IPv6")
    brief = {x[0]: _brief(x[0], several=several) if told or several else x[0] for x in alike.values()}
    whose = {y[1]: ", ".join(x.removeprefix(shared) for x in y[1]) for z in brief for y in blocks[z]}
    cells = [head]
    for target, name in brief.items():
        for protocol, who, found in blocks[target]:
            place = _place(name, 24 if told else 38, brief.values())
            cells.append((place, protocol, *((_cut(whose[who], 20, whose.values()),) if told else ()), *found))
    yield Line()
    yield from _aligned(cells, "  " if told else "   ")
    for first, *others in (x for x in alike.values() if len(x) > 1):
        yield from wrapped(_same_as(first, others, several=several), "  ", "dim", hang="  ")
    if any(cell.startswith("(") for row in cells for cell in row[-2:]):
        yield Line("  (in brackets: not needed by clients of this target)", "dim")


def _same_as(first: str, others: list[str], *, several: bool) -> str:
    shown = ", ".join(_brief(x, several=several) for x in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more (-v shows them)" if len(others) > _NAMED else ""
    return f"With the same outcome as {_brief(first, several=several)}: {shown}{more}"


def _blocks(traces: tuple[Trace, ...]) -> dict[str, _Block]:
    """For each target and protocol who fares how over IPv4 and IPv6; those who fare alike are in one row."""
    mine: dict[str, dict[str, list[Trace]]] = {}
    for trace in traces:
        mine.setdefault(trace.target.endpoint, {}).setdefault(trace.target.scheme, []).append(trace)
    return {k: tuple(y for scheme, found in v.items() for y in _rows(scheme, found)) for k, v in mine.items()}


def _rows(scheme: str, traces: list[Trace]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, str]]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for who in dict.fromkeys(x.vantage for x in traces):
        first, second = ([x for x in traces if (x.vantage, x.family) == (who, y)] for y in BOTH)
        groups.setdefault((_cell(first), _cell(second)), []).append(who)
    for found, names in groups.items():
        yield scheme, ("all",) if len(groups) == 1 and len(names) > 1 else tuple(names), found


def _brief(endpoint: str, *, several: bool) -> str:
    """An endpoint without what all Services have, and without their namespace where it is one."""
    host, colon, port = endpoint.rpartition(":")
    if not host.endswith(".svc"):
        return endpoint
    return f"{host.removesuffix('.svc') if several else host.partition('.')[0]}{colon}{port}"


def _shared(vantages: Iterable[str]) -> str:
    """What all clients are called that are pods of one owner, before what tells them apart."""
    common = _common(vantages)
    return common[: common.rfind(" ") + 1] if common.startswith("pods of ") else ""


def _common(texts: Iterable[str]) -> str:
    """What all of some texts begin with."""
    return "".join(x[0] for x in takewhile(lambda x: len(set(x)) == 1, zip(*texts, strict=False)))


def _cut(text: str, width: int, every: Iterable[str] = ()) -> str:
    """A text that is not too long; what tells it from others, which would look like it then, is left in it."""
    if len(text) <= width:
        return text
    head, half = text[: width - 1], width // 2
    like = {x for x in every if x.startswith(head) and len(x) > width}
    if len(like) < 2:
        return f"{head}…"
    same, room = len(_common(like)), width - half - 1
    word = max(text.rfind(x, half, same) for x in _BETWEEN)
    return f"{text[:half]}…{_cut(text[word if 0 <= same - word < room else same :], room)}"


def _place(endpoint: str, width: int, every: Iterable[str] = ()) -> str:
    """An endpoint, of which the port is not cut off, in a way that tells it from every other one."""
    host, colon, port = endpoint.rpartition(":")
    if not colon:
        return _cut(endpoint, width, every)
    return f"{_cut(host, width - len(port) - 1, (x.rpartition(':')[0] for x in every))}{colon}{port}"


def _cell(traces: list[Trace]) -> str:
    """What became of a family, in two words; several when its addresses fared differently."""
    words = dict.fromkeys(map(_word, traces))
    waived = traces and not any(x.required for x in traces) and not any(x.accepted for x in traces)
    return f"({'/'.join(words)})" if waived else "/".join(words) or "-"


def _word(trace: Trace) -> str:
    if trace.signals:
        return f"{'+'.join(trace.signals)} only"
    silent = trace.failing is not None and trace.failing.mark == Outcome.SILENT
    return _WORDS[Disposition.TIMED_OUT] if silent else _WORDS.get(trace.disposition, str(trace.disposition))


def unknown(diagnosis: Diagnosis) -> Iterator[Line]:
    """Why nobody knows of flows, each reason once; findings that speak of a flow say it better."""
    told = {y for x in diagnosis.findings for y in x.flows}
    known: dict[Target, set[Family]] = {}
    for trace in diagnosis.traces:
        known.setdefault(trace.target, set()).update([trace.family] if trace.accepted or trace.failed else ())
    alike: dict[str, list[str]] = {}
    for trace in diagnosis.traces:
        if trace.required and trace.disposition is Disposition.INSUFFICIENT_INFO and trace.key not in told:
            for why in _why_not(trace, alone=bool(known[trace.target] - {trace.family})):
                alike.setdefault(why, []).append(trace.target.endpoint)
    if alike:
        yield Line()
        yield Line("  Not known:", "dim")
    for why, targets in list(alike.items())[:MANY]:
        first, *others = dict.fromkeys(targets)
        more = f" and {len(others)} more" if others else ""
        name = _place(first, 38, {x.endpoint for x in known})
        yield from wrapped(printable(f"- {name}{more}: {why}"), "    ", "dim", hang="  ")
    if len(alike) > MANY:
        yield Line(f"    - and {len(alike) - MANY} more reasons", "dim")


def _why_not(trace: Trace, *, alone: bool) -> Iterator[str]:
    """Why nobody knows what becomes of a flow, `alone` in its family; nothing where nothing tells."""
    open_ = [x for x in trace.hops if x.status is Status.UNKNOWN]
    untold = [x.hop for x in open_ if not x.why]
    heard = trace.at(Hop.LISTEN).status is Status.PASS and Hop.EXPORT in untold
    if heard and {*untold} <= {*_ANSWERS}:
        over = f" over {trace.family.title}" if alone else ""
        yield f"a listener is there; nothing was exported{over}, so what it answers is not known"
    yield from (f"at the hop {x.hop} {x.why}" for x in open_ if x.why and x.why not in tuple(Outcome))


def _number(exporters: Iterable[Exporter]) -> int:
    """How many pods these are: one with several containers, variables or protocols is among those of each."""
    found: Counter[tuple[str, str, str, str, tuple[str, ...]]] = Counter()
    for each in exporters:
        found[each.namespace, each.owner, each.container, each.variable, each.signals] += each.pods
    most: dict[tuple[str, str], int] = {}
    for (namespace, owner, *_), pods in found.items():
        most[namespace, owner] = max(pods, most.get((namespace, owner), 0))
    return sum(most.values())


def clients(exporters: Iterable[Exporter], traces: tuple[Trace, ...], skipped: Iterable[Skipped]) -> Iterator[Line]:
    """Who says that it exports to each of the targets, the most pods first; nobody counts pods that were not seen."""
    unseen = any(x.needs == "pods" for x in skipped)
    held: dict[str, list[Exporter]] = {}
    known = hosts(traces)
    for each in exporters:
        to = destination(each, known)
        held.setdefault(to and (each.each or to), []).append(each)
    held.pop("", None)
    if held:
        yield Line()
        by = " and configurations" if any(x.configured for y in held.values() for x in y) else ""
        yield Line(f"  Clients by their variables{by}:", "dim")
    for host, mine in list(held.items())[:MANY]:
        pods, owners = _number(mine), dict.fromkeys((x.namespace, x.owner) for x in mine)
        shown = ", ".join(f"{y} in {x}" for x, y in list(owners)[:_NAMED])
        more = f" and {len(owners) - _NAMED} more" if len(owners) > _NAMED else ""
        count = f"{pods or 'no'} pod{'s' * (pods > 1)}{' now' * (not pods)}, of "
        count = "" if unseen and not pods else count
        yield from wrapped(printable(f"- {host.removesuffix('.svc')}: {count}{shown}{more}"), "    ", hang="  ")
    if len(held) > MANY:
        yield Line(f"    - and of {len(held) - MANY} more targets", "dim")
