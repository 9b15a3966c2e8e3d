"""What a review has understood of the files: as text for a reader, and as JSON for other programs.

The JSON is a contract as that of a diagnosis is; its schema is `schema/understood-1.json`.
"""

from collections.abc import Iterator

import msgspec

from dualstack.model.source import Location
from dualstack.model.text import printable
from dualstack.model.understood import Configuration, Endpoint, Understood
from dualstack.reach.cases import sentence
from dualstack.report.verbs.lines import Line, styled


def render(found: Understood, *, color: bool = False) -> str:
    """Everything, file by file and configuration by configuration."""
    return styled(
        [*_files(found), *_configurations(found), *_others(found), *_wiring(found), *_passed_over(found)], color=color
    )


def render_json(found: Understood) -> str:
    """The same as one JSON object with a final newline."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def _files(found: Understood) -> Iterator[Line]:
    yield Line("Files", "bold")
    for file in found.files:
        yield Line(f"  {printable(file.file)}")
        for part in file.parts:
            yield Line(f"    line {part.line}: {printable(part.what)}")
        if not file.parts:
            yield Line("    nothing that is known here", "dim")


def _configurations(found: Understood) -> Iterator[Line]:
    for config in found.configurations:
        yield Line()
        yield from _configuration(config)


def _configuration(config: Configuration) -> Iterator[Line]:
    held = f" {config.held}" if config.held else ""
    yield Line(f"Configuration {printable(config.file)}:{config.line}{printable(held)}", "bold")
    yield Line(f"  run by {printable(config.run)}" if config.run else "  run by nobody in the files")
    yield Line(f"  Collector {config.version or 'of any version'}: {printable(config.why)}")
    for endpoint in config.endpoints:
        yield from _endpoint(endpoint)
    if not config.endpoints:
        yield Line("  listens on nothing that is known here", "dim")


def _others(found: Understood) -> Iterator[Line]:
    if found.others:
        yield Line()
        yield Line("Other programs", "bold")
    for endpoint in found.others:
        yield from _endpoint(endpoint)


def _endpoint(endpoint: Endpoint) -> Iterator[Line]:
    said = "" if endpoint.written == endpoint.address else f" (of `{printable(endpoint.written)}`)"
    default = "" if endpoint.written else " by default"
    shown = printable(endpoint.address) or "nothing"
    spoken = ", ".join(dict.fromkeys(filter(None, (endpoint.network, endpoint.protocol))))
    place = _place(endpoint.location)
    yield Line(f"  {place}{printable(endpoint.component)} listens on {shown}{default or said} ({spoken})")
    yield from (Line(f"      {printable(sentence(x), 400)}") for x in endpoint.cases)


def _wiring(found: Understood) -> Iterator[Line]:
    if found.destinations:
        yield Line()
        yield Line("Destinations", "bold")
    for sent in found.destinations:
        yield Line(
            f"  {_place(sent.location)}{printable(sent.owner)} sends to {printable(sent.value)} ({sent.protocol})"
        )
        yield Line(f"      {printable(sent.leads, 400)}")
    if found.services:
        yield Line()
        yield Line("Services", "bold")
    for service in found.services:
        yield Line(f"  {_place(service.location)}{printable(service.name)}: {service.families}")
        yield Line(f"      ports {', '.join(map(printable, service.ports)) or 'none'}")
        yield Line(f"      leads to {', '.join(map(printable, service.selects)) or 'no workload in the files'}")
    yield from _routes(found)


def _routes(found: Understood) -> Iterator[Line]:
    if found.routes:
        yield Line()
        yield Line("Routes", "bold")
    for route in found.routes:
        speaks = f", speaking {route.speaks}" if route.speaks else ""
        yield Line(f"  {_place(route.location)}{printable(route.name)}: {printable(route.place)}")
        yield Line(f"      leads to {printable(route.backend)}{speaks}")
        yield from (Line(f"      {printable(x, 400)}") for x in route.leads)


def _passed_over(found: Understood) -> Iterator[Line]:
    if found.passed_over:
        yield Line()
        yield Line("Passed over", "bold")
    for missing in found.passed_over:
        yield Line(f"  {printable(missing.needs)} {printable(missing.why, 400)}")


def _place(at: Location | None) -> str:
    return f"{printable(at.file)}:{at.line}:{at.column} " if at else ""
