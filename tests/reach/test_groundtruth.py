"""1,132 runs of the real Collector, replayed: each configuration is read, its sockets predicted, and both compared."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dualstack.gather.collector_config import declared
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Listener, Transport
from dualstack.reach.bind import BindRequest, Bound, accepts, bind, families

Run = dict[str, Any]

DATA = Path(__file__).parents[1] / "data" / "collector-bind.jsonl"
RUNS: list[Run] = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]

# A run's component, and where its configuration has it: section, id, the sections inside it, its transport.
PLACES = {
    "otlp/grpc": ("receivers", "otlp", ("protocols", "grpc"), ""),
    "otlp/http": ("receivers", "otlp", ("protocols", "http"), ""),
    "zipkin": ("receivers", "zipkin", (), ""),
    "jaeger/grpc": ("receivers", "jaeger", ("protocols", "grpc"), ""),
    "jaeger/thrift_http": ("receivers", "jaeger", ("protocols", "thrift_http"), ""),
    "jaeger/thrift_compact(udp)": ("receivers", "jaeger", ("protocols", "thrift_compact"), ""),
    "jaeger/compact": ("receivers", "jaeger", ("protocols", "thrift_compact"), ""),
    "statsd": ("receivers", "statsd", (), ""),
    "statsd(udp)": ("receivers", "statsd", (), "udp"),
    "statsd(udp4)": ("receivers", "statsd", (), "udp4"),
    "statsd(udp6)": ("receivers", "statsd", (), "udp6"),
    "statsd(tcp)": ("receivers", "statsd", (), "tcp"),
    "fluentforward": ("receivers", "fluentforward", (), ""),
    "ext/health_check": ("extensions", "health_check", (), ""),
    "ext/zpages": ("extensions", "zpages", (), ""),
    "ext/pprof": ("extensions", "pprof", (), ""),
}
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


def namespace(run: Run) -> Namespace:
    off = run["ipv6"] == "off"
    held = {"lo": ("127.0.0.1", "::1"), "eth0": ("10.9.0.5", "fd00:9::5")}
    interfaces = tuple(
        Interface(
            name,
            index,
            up=True,
            loopback=name == "lo",
            disable_ipv6=off,
            addresses=tuple(InterfaceAddress(x, 64) for x in addresses if not (off and ":" in x)),
        )
        for index, (name, addresses) in enumerate(held.items(), 1)
    )
    return Namespace("netns run", interfaces, bindv6only=bool(run["bindv6only"]))


def configuration(run: Run) -> str:
    """The configuration of a run; JSON is YAML."""
    written = {} if run["endpoint"] == "(default)" else {"endpoint": run["endpoint"]}
    if run["component"] == "telemetry/prometheus":
        reader = {"pull": {"exporter": {"prometheus": {"host": run["endpoint"], "port": 8888}}}}
        return json.dumps({"service": {"telemetry": {"metrics": {"readers": [reader]} if written else {}}}})
    section, name, path, transport = PLACES[run["component"]]
    body: Any = {**written, **({"transport": run["transport"] or transport} if run["transport"] or transport else {})}
    for key in reversed(path):
        body = {key: body or None}
    return json.dumps({section: {name: body or None}, "service": service(section, name)})


def service(section: str, name: str) -> dict[str, Any]:
    silent = {"telemetry": {"metrics": {"level": "none"}}}
    return {
        **silent,
        **({section: [name]} if section == "extensions" else {"pipelines": {"traces": {section: [name]}}}),
    }


def endpoints(run: Run) -> tuple[DeclaredEndpoint, ...]:
    text = configuration(run).encode()
    return declared("run.yaml", lambda _path: text, run["env"], run["version"]).endpoints


def predicted(run: Run) -> Iterator[Bound]:
    for endpoint in endpoints(run):
        request = BindRequest(
            endpoint.effective,
            endpoint.network,
            endpoint.call,
            namespace=namespace(run),
            names=(Lookup("localhost", ("127.0.0.1",)),),
        )
        refused = Bound(error=endpoint.problem, cause=endpoint.cause)
        yield refused if endpoint.problem else bind(request)


def as_ss(listener: Listener) -> str:
    return f"*:{listener.port}" if len(families(listener) or ()) > 1 else listener.endpoint


def cause(run: Run) -> str:
    if "cannot assign requested address" in run["error"]:
        return "DS302" if run["ipv6"] == "off" and "[" in run["error"] else "DS212"
    return next(code for text, code in CAUSES if text in run["error"])


def label(run: Run) -> str:
    words = (run[x] for x in ("version", "component", "endpoint", "transport", "ipv6", "bindv6only"))
    return "-".join(map(str, (*words, *run["env"].values())))


def test_every_run_is_replayed() -> None:
    assert len(RUNS) == 1132


@pytest.mark.parametrize("run", RUNS, ids=label)
def test_the_prediction_is_what_the_collector_did(run: Run) -> None:
    outcomes = list(predicted(run))
    assert outcomes
    assert not any(x.unknown for x in outcomes)
    assert all(x.started for x in outcomes) is run["started"]
    assert sorted({as_ss(x) for bound in outcomes for x in bound.sockets}) == sorted(set(run["listen"]))

    here = namespace(run)
    tcp = [x for bound in outcomes for x in bound.sockets if x.transport is Transport.TCP]
    connected = {x: any(accepts(socket, x, here) for socket in tcp) for x in ADDRESSES}
    assert connected == {x: run.get("connect", {}).get(x) == "ok" for x in ADDRESSES}

    if run["error"]:
        assert {x.cause for x in outcomes} == {cause(run)}
    if run["error"] and cause(run) != "DS108":
        prefix = (
            f"listen {endpoints(run)[0].network}: "  # jaeger checks the address before it listens, without these words
        )
        assert outcomes[0].error.removeprefix(prefix) in run["error"]
