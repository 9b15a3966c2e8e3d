"""Runs of the real Collector as they were recorded: what each was given, what it did, and what is predicted of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dualstack.gather.collector_config import declared
from dualstack.model.host import Namespace
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Listener, Transport
from dualstack.reach.bind import BindRequest, Bound, accepts, bind, families
from tests.oracle.listeners import World

Run = dict[str, Any]

DATA = Path(__file__).parents[1] / "data" / "collector-bind.jsonl"
RUNS: list[Run] = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]

# A run's component, and where its configuration has it: section, id, the sections inside it, its transport, its signal.
PLACES = {
    "otlp/grpc": ("receivers", "otlp", ("protocols", "grpc"), "", "traces"),
    "otlp/http": ("receivers", "otlp", ("protocols", "http"), "", "traces"),
    "zipkin": ("receivers", "zipkin", (), "", "traces"),
    "jaeger/grpc": ("receivers", "jaeger", ("protocols", "grpc"), "", "traces"),
    "jaeger/thrift_http": ("receivers", "jaeger", ("protocols", "thrift_http"), "", "traces"),
    "jaeger/thrift_compact(udp)": ("receivers", "jaeger", ("protocols", "thrift_compact"), "", "traces"),
    "jaeger/compact": ("receivers", "jaeger", ("protocols", "thrift_compact"), "", "traces"),
    "statsd": ("receivers", "statsd", (), "", "metrics"),
    "statsd(udp)": ("receivers", "statsd", (), "udp", "metrics"),
    "statsd(udp4)": ("receivers", "statsd", (), "udp4", "metrics"),
    "statsd(udp6)": ("receivers", "statsd", (), "udp6", "metrics"),
    "statsd(tcp)": ("receivers", "statsd", (), "tcp", "metrics"),
    "fluentforward": ("receivers", "fluentforward", (), "", "logs"),
    "ext/health_check": ("extensions", "health_check", (), "", ""),
    "ext/zpages": ("extensions", "zpages", (), "", ""),
    "ext/pprof": ("extensions", "pprof", (), "", ""),
}
# A Collector has a pipeline, and a receiver in it: this one listens on no port.
UNHEARD = {"otlp": {"protocols": {"grpc": {"transport": "unix", "endpoint": "@dualstack-oracle"}}}}
ADDRESSES = ("127.0.0.1", "10.9.0.5", "::1", "fd00:9::5")
# What the error of a run says, and the rule that it belongs to. IPv6 literals that cannot be assigned: see `cause`.
CAUSES = (
    ("decoding failed", "DS108"),
    ("address http://", "DS104"),
    ("too many colons in address", "DS101"),
    ("missing port in address", "DS105"),
    ("no suitable address found", "DS107"),
    ("bind: invalid argument", "DS106"),
    ("lookup *: no such host", "DS120"),
)


def world(run: Run) -> World:
    """The network namespace of a run; its `localhost` is 127.0.0.1 alone."""
    return World(run["ipv6"], bool(run["bindv6only"]), localhost="ipv4")


def configuration(run: Run) -> str:
    """The configuration of a run, that a Collector can be started with; JSON is YAML."""
    written = {} if run["endpoint"] == "(default)" else {"endpoint": run["endpoint"]}
    silent: Any = {"metrics": {"level": "none"}}
    if run["component"] == "telemetry/prometheus":
        reader = {"pull": {"exporter": {"prometheus": {"host": run["endpoint"], "port": 8888}}}}
        return _whole({"receivers": UNHEARD}, "otlp", "traces", {"metrics": {"readers": [reader]} if written else {}})
    section, name, path, transport, signal = PLACES[run["component"]]
    body: Any = {**written, **({"transport": run["transport"] or transport} if run["transport"] or transport else {})}
    for key in reversed(path):
        body = {key: body or None}
    if section == "extensions":
        return _whole({"receivers": UNHEARD, section: {name: body or None}}, "otlp", "traces", silent, [name])
    return _whole({section: {name: body or None}}, name, signal, silent)


def _whole(
    parts: dict[str, Any], receiver: str, signal: str, telemetry: Any, extensions: list[str] | None = None
) -> str:
    pipelines = {signal: {"receivers": [receiver], "exporters": ["debug"]}}
    service = {"telemetry": telemetry, "pipelines": pipelines, **({"extensions": extensions} if extensions else {})}
    return json.dumps({**parts, "exporters": {"debug": None}, "service": service})


def endpoints(run: Run) -> tuple[DeclaredEndpoint, ...]:
    """What the configuration of a run says that its Collector listens on."""
    text = configuration(run).encode()
    return declared("run.yaml", lambda _path: text, run["env"], run["version"]).endpoints


def predicted(run: Run) -> Iterator[Bound]:
    """What becomes of each of them."""
    place = world(run)
    for endpoint in endpoints(run):
        refused = Bound(error=endpoint.problem, cause=endpoint.cause)
        yield refused if endpoint.problem else bind(request(endpoint, place))


def request(endpoint: DeclaredEndpoint, place: World) -> BindRequest:
    """What is asked of the table."""
    network, call = endpoint.network, endpoint.call
    return BindRequest(endpoint.effective, network, call, namespace=place.namespace, names=place.names)


def as_ss(listener: Listener) -> str:
    """A socket in the spelling of `ss`."""
    return f"*:{listener.port}" if len(families(listener) or ()) > 1 else listener.endpoint


def sockets(outcomes: list[Bound]) -> list[str]:
    """The predicted sockets, as `ss` shows them."""
    return sorted({as_ss(x) for bound in outcomes for x in bound.sockets})


def taken(outcomes: list[Bound], transport: Transport, namespace: Namespace) -> set[str]:
    """The addresses at which a predicted socket takes what comes."""
    made = [x for bound in outcomes for x in bound.sockets if x.transport is transport]
    return {x for x in ADDRESSES if any(accepts(socket, x, namespace) for socket in made)}


def cause(run: Run) -> str:
    """The rule that the recorded error belongs to."""
    if "cannot assign requested address" in run["error"]:
        return "DS302" if run["ipv6"] == "off" and "[" in run["error"] else "DS212"
    return next(code for text, code in CAUSES if text in run["error"])


def foretold(run: Run, outcomes: list[Bound]) -> str:
    """The predicted part of the error of a run, as far as the Collector says it in these words.

    jaeger checks the address before it listens, and so leaves the network out; what cannot be decoded is told by the
    library that reads the configuration.
    """
    error = next((x.error for x in outcomes if x.error), "")
    return "" if cause(run) == "DS108" else error.removeprefix(f"listen {endpoints(run)[0].network}: ")


def recorded(run: Run) -> str:
    """The error of a run, without the time that 0.139 puts before it."""
    return re.sub(r"^[0-9/]{10} [0-9:]{8} ", "", run["error"])


def label(run: Run) -> str:
    """The name of a run."""
    words = (run[x] for x in ("version", "component", "endpoint", "transport", "ipv6", "bindv6only"))
    return "-".join(map(str, (*words, *run["env"].values())))
