"""What the Operator puts into the pods that it instruments, as the programs that will run there."""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.gather import manifests
from dualstack.gather.yaml_tree import Node, Origin, get, value
from dualstack.model.kube import Container, Variable, Workload
from dualstack.model.source import Written

LANGUAGES = ("java", "nodejs", "python", "dotnet", "go", "apacheHttpd", "nginx")
_ENDPOINT, _PROTOCOL = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
_INJECT = "instrumentation.opentelemetry.io/inject-"
_PYTHON = "http/protobuf"
"""What it sets for Python where nobody else does (operator internal/instrumentation/python.go)."""


def programs(root: Node, origin: Origin) -> Iterator[Workload]:
    """An Instrumentation as a program for each language that it speaks of, or one of a language that nobody knows.

    The pods are those that ask for it, wherever they are, so it is none itself.
    """
    about = manifests.meta(root, origin)
    spec = value(root, "spec")
    spoken = [x for x in LANGUAGES if value(spec, x) is not None]
    for language in spoken or [""]:
        found = {x.name: x for x in _variables(spec, language, origin, alone=len(spoken) == 1)}
        mine = Container(language or "instrumented", about.at, variables=tuple(found.values()))
        told = Written("true", about.at)
        notes = {**about.annotations, **({f"{_INJECT}{language.lower()}": told} if language else {})}
        yield Workload(replace(about, labels={}), annotations=notes, containers=(mine,), pod=False)


def _variables(spec: Node | None, language: str, origin: Origin, *, alone: bool) -> Iterator[Variable]:
    """The variables of a container, of those with one name the last one counting.

    Of several languages nobody knows which are in use, so what the Operator sets by itself is left out.
    """
    pair = get(spec, "exporter", "endpoint")
    said = origin.written(pair[1]) if pair else None
    if pair and said:
        yield Variable(_ENDPOINT, origin.location(pair[0]), said)
    pair = get(spec, language)
    if pair and alone and language == "python":
        at = origin.location(pair[0])
        yield Variable(_PROTOCOL, at, Written(_PYTHON, at))
    yield from manifests.variables(value(spec, "env"), origin)
    yield from manifests.variables(value(spec, language, "env"), origin)
