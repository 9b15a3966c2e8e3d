"""Files that set the environment of a program, or start one: systemd units, their drop-ins, and `.env` files."""

import re
from collections.abc import Iterable, Iterator

from dualstack.gather.text_tree import Page
from dualstack.gather.words import Word, words
from dualstack.gather.yaml_tree import Origin
from dualstack.model.address import Family
from dualstack.model.kube import Container, Meta, Variable, Workload
from dualstack.model.source import Location, Written

_ASSIGNMENT = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*"""
    r"""(?:(?:"(?P<double>(?:\\.|[^"\\\r\n])*)"|'(?P<single>[^'\r\n]*)')[ \t]*(?:\#[^\r\n]*)?\r?$"""
    r"""|(?P<plain>(?!["'#])[^\r\n]*))""",
    re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REMARK = re.compile(r"(?:^|[ \t])#")
_CONTINUED = re.compile(r"\\\r?\n(?:[ \t]*[#;][^\n]*\n)*")
_LINE = re.compile(r"^[ \t]*(?P<key>[A-Za-z]+)[ \t]*=[ \t]*(?P<value>[^\r\n]*)", re.MULTILINE)
_UNIT = re.compile(r"^[ \t]*\[Service\]", re.MULTILINE)
_PREFIX = re.compile(r"[-@:+!|]*")
_WANTED = re.compile(r"(?i)(?:OTEL_|OTELCOL_|.*_proxy$|JAVA_TOOL_OPTIONS$|NODE_OPTIONS$)")
_RESTRICTS = "RestrictAddressFamilies"
_FAMILIES = {Family.IPV4: "AF_INET", Family.IPV6: "AF_INET6"}
_READ_ITSELF = (".properties", ".toml", ".alloy", ".river")
_STARTS = re.compile(r"otelcol|otel-collector|opentelemetry-collector")


def workloads(path: str, text: str) -> list[Workload]:
    """The one program that a file sets variables of or starts; none where nothing in it is of interest.

    Variables of any name are, for who reads the file may name them; what a program reads itself is not.
    """
    page = Page(Origin(path, text), "a list of variables")
    unit = path.endswith((".service", ".conf")) and bool(_UNIT.search(text))
    name, at = path.rpartition("/")[2], Location(path, 1)
    container = _unit(page, name, at) if unit else Container(name, at, variables=tuple(_assignments(page)))
    said = tuple(x["value"].strip() for x in _LINE.finditer(text) if unit and x["key"] == _RESTRICTS)
    about = Meta("unit" if unit else "file", name, path, at)
    found = Workload(about, containers=(container,), pod=False, restricts=said)
    listed = not unit and not path.endswith(_READ_ITSELF) and container.variables
    return [found] if listed or is_wanted(found) else []


def is_wanted(workload: Workload) -> bool:
    """Whether a program or a list of variables has to do with telemetry, as far as it tells itself."""
    drops_in = bool(workload.restricts) and workload.meta.name.endswith(".conf")
    return drops_in or any(
        x.sources or any(_WANTED.match(y.name) for y in x.variables) or any(_STARTS.search(y.text) for y in x.words)
        for x in workload.containers
    )


def permitted(lines: Iterable[str]) -> tuple[Family, ...]:
    """The one family of IP that lines of `RestrictAddressFamilies=` leave; none where they leave both or forbid both.

    The first line says whether the named ones are allowed or, with `~`, forbidden; an empty one takes back those before
    it (systemd.exec(5); src/core/load-fragment.c, config_parse_address_families).
    """
    named, allows = set[str](), None
    for line in lines:
        inverted = line.startswith("~")
        words = set(line.removeprefix("~").split())
        if not line:
            named, allows = set(), None
        elif words == {"none"}:
            named, allows = set(), not inverted
        else:
            allows = not inverted if allows is None else allows
            named = named | words if allows is not inverted else named - words
    kept = [x for x, y in _FAMILIES.items() if allows is None or (y in named) is allows]
    return tuple(kept) if len(kept) == 1 else ()


def _assignments(page: Page) -> Iterator[Variable]:
    """The variables of a file with one a line; a property of Java stands for the variable that means the same."""
    for found in _ASSIGNMENT.finditer(page.text):
        kind = next(x for x in ("double", "single", "plain") if found[x] is not None)
        raw = _REMARK.split(found[kind], maxsplit=1)[0].rstrip() if kind == "plain" else found[kind]
        said = re.sub(r"\\(.)", r"\1", raw) if kind == "double" else raw
        name = found["name"].replace(".", "_").replace("-", "_")
        name = name.upper() if "." in found["name"] else name
        at = page.place(*found.span("name"))
        start = found.start(kind)
        yield Variable(name, at, page.written(start, start + len(raw), said, exact=said == raw))


def _unit(page: Page, name: str, at: Location) -> Container:
    """The program of a unit (systemd.exec(5), systemd.service(5)); a line that ends in a backslash goes on."""
    joined = _CONTINUED.sub(lambda x: " " * len(x[0]), page.text)
    lines = list(_LINE.finditer(joined))
    variables = (y for x in _named(lines, "Environment") for y in _environment(page, words(joined, *x.span("value"))))
    started = (y for x in _named(lines, "ExecStart") for y in _command(page, joined, x))
    files = (x["value"].strip().removeprefix("-") for x in _named(lines, "EnvironmentFile"))
    return Container(name, at, words=tuple(started), variables=tuple(variables), sources=tuple(x for x in files if x))


def _named(lines: Iterable[re.Match[str]], key: str) -> Iterator[re.Match[str]]:
    """The lines of a key; an empty value takes back those before it."""
    held = list[re.Match[str]]()
    for line in lines:
        if line["key"] == key:
            held = [*held, line] if line["value"].strip() else []
    yield from held


def _environment(page: Page, found: Iterable[Word]) -> Iterator[Variable]:
    for word in found:
        variable = assignment(page, word)
        if variable:
            yield variable


def assignment(page: Page, word: Word) -> Variable | None:
    """The variable that a word such as `NAME=value` sets; None for another word."""
    name, equals, said = word.text.partition("=")
    if not equals or not _NAME.fullmatch(name):
        return None
    whole = (word.start, word.start + len(word.raw))
    span = word.span(said)
    return Variable(name, page.place(*whole), page.written(*(span or whole), said, exact=span is not None))


def _command(page: Page, joined: str, line: re.Match[str]) -> Iterator[Written]:
    start, end = line.span("value")
    prefix = _PREFIX.match(joined, start)
    for word in words(joined, prefix.end() if prefix else start, end):
        span = word.span(word.text)
        whole = (word.start, word.start + len(word.raw))
        yield page.written(*(span or whole), word.text, exact=span is not None)
