"""Where programs send their telemetry by the variables of their environment."""

import re
from collections.abc import Iterable, Iterator, Mapping

from dualstack.model.address import Protocol
from dualstack.model.kube import Container, Variable, Workload
from dualstack.model.otel import Destination
from dualstack.model.patterns import pattern
from dualstack.model.source import Written
from dualstack.reach.brings import OTLP, SIGNALS, exports, is_off
from dualstack.reach.declarative import FILES
from dualstack.reach.java import as_variables
from dualstack.reach.scripts import overruled

_ENDPOINT = pattern(r"OTEL_EXPORTER_OTLP_(?:(?P<signal>TRACES|METRICS|LOGS|PROFILES)_)?ENDPOINT")
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
GENERAL = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The endpoint of all signals that have none of their own."""
_OTHERS = {"OTEL_EXPORTER_ZIPKIN_ENDPOINT": "zipkin", "OTEL_EXPORTER_JAEGER_ENDPOINT": "jaeger"}
"""OpenTelemetry specification, SDK environment variables: exporters of traces whose endpoint is a URL."""

_REFERENCE = pattern(
    r"(?<!\$)\$\((?P<name>[A-Za-z_.-][A-Za-z0-9_.-]*)\)|\$\{(?:env:)?(?P<compose>[A-Za-z_][A-Za-z0-9_]*)\}"
)
_LITERAL = ("service", "unit")
"""Compose fills variables in from the shell that calls it, systemd from nowhere: not from what stands beside them."""

_INJECTED = "instrumentation.opentelemetry.io/inject-"
_SDKS = {"nodejs": "otel-js", "java": "otel-java", "python": "python-otel", "dotnet": "dotnet", "go": "go"}
_IMAGES = {
    "node": "otel-js",
    "python": "python-otel",
    "ruby": "otel-ruby",
    "golang": "go",
    "openjdk": "otel-java",
    "eclipse-temurin": "otel-java",
    "amazoncorretto": "otel-java",
    "java": "otel-java",
    "python3": "python-otel",
    "opentelemetry-instrument": "python-otel",
    "dotnet": "dotnet",
}
"""Images and commands by their last name."""


def destinations(workload: Workload, container: Container) -> Iterator[Destination]:
    """What a container's variables, and properties of its JVM, name as places to send to.

    The references in them are filled in. What a script in its command says in their place is not followed, nor is what
    a file does.
    """
    properties = {x.name: (who, x) for who, x in as_variables(container)}
    every = {x.name: x for x in (*container.variables, *(x for _, x in properties.values()))}
    for name in overruled((x.text for x in container.words), every):
        del every[name]
    values = {k: x.value.text for k, x in every.items() if x.value is not None}
    known = {} if workload.meta.kind in _LITERAL else values
    owner = f"{workload.meta.called} container {container.name}" if workload.pod else workload.meta.called
    for variable in every.values() if not every.keys() & FILES else ():
        found = _ENDPOINT.fullmatch(variable.name)
        if variable.value is None or not variable.value.text or not (found or variable.name in _OTHERS):
            continue
        # The kubelet fills in what `env` itself says, and nothing that comes from an object (Container v1 core, env).
        unfilled = variable.held is not None and "$(" in variable.value.text
        signal, served = found["signal"] if found else "traces", variable.name != GENERAL or bool(rest(every))
        if unfilled or not served or _is_silent(values, signal, _OTHERS.get(variable.name, OTLP)):
            continue
        said, unset = filled(variable.value, known)
        client, by = runtime(workload, container), properties.get(variable.name, ("",))[0]
        for spoken in _spoken(values, (signal,) if signal else rest(every)) if found else (Protocol.HTTP,):
            yield Destination(owner, variable.name, variable.value, said, "url", spoken, client, unset, by=by)


def _is_silent(values: Mapping[str, str], signal: str | None, by: str) -> bool:
    """Whether nothing goes to an endpoint, that of one signal or of all: the SDK is off, or exports in another way.

    Who names the endpoint of another exporter than OTLP, and no exporter, may have chosen that in the program.
    """
    if is_off(values):
        return True
    untold = by != OTLP and not values.get("OTEL_TRACES_EXPORTER")
    return not untold and not any(exports(x, values, by) for x in ([signal] if signal else SIGNALS))


def rest(variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """The signals that go to the endpoint of all: those that are exported and have none of their own.

    One whose value stands where nobody here reads is taken for an endpoint (OTLP exporter specification).
    """
    values = {k: x.value.text for k, x in variables.items() if x.value is not None}
    own = {x: variables.get(f"OTEL_EXPORTER_OTLP_{x.upper()}_ENDPOINT") for x in SIGNALS if exports(x, values)}
    return tuple(x for x, said in own.items() if said is None or (said.value is not None and not said.value.text))


def _spoken(values: Mapping[str, str], signals: Iterable[str]) -> tuple[Protocol, ...]:
    """What the SDK speaks to the endpoint of some signals; of each its own variable counts."""
    own = (f"OTEL_EXPORTER_OTLP_{x.upper()}_PROTOCOL" for x in signals)
    return tuple(dict.fromkeys(_protocol(values.get(x) or values.get(_PROTOCOL, "")) for x in own))


def _protocol(said: str) -> Protocol:
    return Protocol.GRPC if said == "grpc" else Protocol.HTTP if said.startswith("http") else Protocol.TCP


def filled(written: Written, values: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """A text with `$(NAME)` and `${NAME}` filled in, and the names that have no value here."""
    unset: list[str] = []

    def fill(found: re.Match[str]) -> str:
        name = found["name"] or found["compose"]
        if name in values and "$(" not in values[name]:
            return values[name]
        unset.append(found[0])
        return found[0]

    return _REFERENCE.sub(fill, written.text), tuple(unset)


def variable_of(reference: str, container: Container | None) -> Variable | None:
    """The variable that `$(NAME)`, `${NAME}` or `${env:NAME}` speaks of."""
    return container.variable(variable_name(reference)) if container else None


def variable_name(reference: str) -> str:
    """`MY_POD_IP` of `${env:MY_POD_IP}`, `${MY_POD_IP:-x}` and `$(MY_POD_IP)`."""
    return reference.strip("${()}").removeprefix("env:").partition(":-")[0]


def runtime(workload: Workload, container: Container) -> str:
    """The SDK of a container, by the Operator's annotation, image, command or NODE_OPTIONS; empty where none tells."""
    for key in workload.annotations:
        if key.startswith(_INJECTED):
            return _SDKS.get(key.removeprefix(_INJECTED), "")
    name = container.image.rpartition("/")[2].partition(":")[0]
    command = container.words[0].text.rpartition("/")[2] if container.words else ""
    return _IMAGES.get(name) or _IMAGES.get(command) or ("otel-js" if container.variable("NODE_OPTIONS") else "")
