"""What a Collector configuration sends to and scrapes, and the regular expressions it holds for addresses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from dualstack.gather.collector_config import signals
from dualstack.gather.expand import Environ, expand
from dualstack.gather.yaml_tree import Node, Origin, items, pairs, scalar, text_at, value
from dualstack.knowledge import table
from dualstack.model.address import Protocol
from dualstack.model.otel import BY_API, Balancer, Destination, Expression
from dualstack.model.source import Written
from dualstack.reach.brings import CERTIFICATE, HEADERS

_SECTIONS = ("receivers", "exporters", "extensions")
_BALANCERS = ("loadbalancing", "load_balancing")
_PORT = "4317"
_SCRAPERS = ("prometheus", "prometheus_simple")
_RELABELLING = ("relabel_configs", "metric_relabel_configs")
_DISCOVERY = "_sd_configs"
_ADDRESS = "__address__"
_CREDENTIALS = {
    "headers": HEADERS,
    "auth.authenticator": HEADERS,
    "tls.cert_file": CERTIFICATE,
    "tls.cert_pem": CERTIFICATE,
}
_Row = Mapping[str, str]
Uses = Callable[[str, str], bool]


def destinations(root: Node, origin: Origin, environ: Environ, uses: Uses) -> Iterator[Destination]:
    """Every address that a used component sends to or scrapes."""
    piped = signals(root, "exporters")
    for section in _SECTIONS:
        for key, body in pairs(value(root, section)):
            name = scalar(key)
            for row in _rows(section, name.partition("/")[0].strip()) if uses(section, name) else ():
                found = _found(row, f"{section}/{name}", f"{section}.{name}", body, origin, environ)
                yield from (_sent(x, body, piped) if row["otlp"] else x for x in found)
    telemetry = value(root, "service", "telemetry")
    for row in (x for x in table("destinations") if x["section"] == "telemetry"):
        yield from _found(row, "service/telemetry", "service.telemetry", telemetry, origin, environ)


@lru_cache(maxsize=1024)
def _rows(section: str, kind: str) -> list[_Row]:
    rows = (x for x in table("destinations") if x["section"] == section)
    return [x for x in rows if kind in (x["type"], *x["aliases"].split())]


def _found(
    row: _Row, owner: str, path: str, body: Node | None, origin: Origin, environ: Environ
) -> Iterator[Destination]:
    for name, holder, node in _at(body, row["field"].split("."), path, None):
        written = origin.written(node)
        if written is None or not written.text:
            continue
        port = text_at(holder, row["port"]) if row["port"] else ""
        said, unset = expand(written.text + (f":{port}" if port and ":" not in written.text else ""), environ)
        yield Destination(owner, name, written, said, row["form"], Protocol(row["protocol"]), row["client"], unset)


def _sent(found: Destination, body: Node | None, piped: Mapping[str, Sequence[str]]) -> Destination:
    """What an exporter of OTLP does with what it sends (configgrpc and confighttp 0.161, ClientConfig)."""
    settings = value(body, "protocol", "otlp") or body
    said = value(settings, "tls")
    credentials = (y for x, y in _CREDENTIALS.items() if value(settings, *x.split(".")) is not None)
    return msgspec.structs.replace(
        found,
        otlp=True,
        signals=tuple(piped.get(found.owner, ())),
        brings=tuple(dict.fromkeys(credentials)),
        insecure=scalar(said) or text_at(said, "insecure"),
        authority=text_at(said, "ca_file") or text_at(said, "ca_pem"),
        unverified=text_at(said, "insecure_skip_verify"),
        server_name=text_at(said, "server_name_override"),
    )


def _at(
    node: Node | None, steps: Sequence[str], path: str, holder: Node | None
) -> Iterator[tuple[str, Node | None, Node]]:
    """The values at a path in which `name[]` stands for every item of a list: their paths, holders and nodes."""
    if node is None:
        return
    if not steps:
        yield path, holder, node
        return
    name, _, many = steps[0].partition("[")
    found = value(node, name)
    if not many:
        yield from _at(found, steps[1:], f"{path}.{name}", node)
        return
    for index, item in enumerate(items(found)):
        yield from _at(item, steps[1:], f"{path}.{name}[{index}]", node)


def balancers(root: Node, origin: Origin, environ: Environ, uses: Uses) -> Iterator[Balancer]:
    """The resolvers of the loadbalancing exporters."""
    piped = signals(root, "exporters")
    for key, body in pairs(value(root, "exporters")):
        name = scalar(key)
        if name.partition("/")[0].strip() not in _BALANCERS or not uses("exporters", name):
            continue
        for kind, field in (("k8s", "service"), ("dns", "hostname")):
            written = origin.written(value(body, "resolver", kind, field))
            if written:
                by_host = text_at(body, "resolver", kind, "return_hostnames") == "true"
                sent = _to_pods(f"exporters/{name}", written, body, environ) if kind == "k8s" else None
                yield Balancer(f"exporters/{name}", kind, written, by_host, sent and _sent(sent, body, piped))


def _to_pods(owner: str, written: Written, body: Node | None, environ: Environ) -> Destination:
    """Where the exporters go that are made for the pods of a Service: to the first of its `ports`.

    contrib 0.161, exporter/loadbalancingexporter: config.go K8sSvcResolver, resolver_k8s.go newK8sResolver.
    """
    port = next((scalar(x) for x in items(value(body, "resolver", "k8s", "ports"))), _PORT)
    said, unset = expand(f"{written.text}:{port}", environ)
    field = f"{owner.replace('/', '.', 1)}.{BY_API}"
    return Destination(owner, field, written, said, "grpc", Protocol.GRPC, "otelcol", unset)


def expressions(root: Node, origin: Origin, uses: Uses) -> Iterator[Expression]:
    """The regular expressions of the scrape configurations that are held against an address."""
    for key, body in pairs(value(root, "receivers")):
        name = scalar(key)
        if name.partition("/")[0].strip() in _SCRAPERS and uses("receivers", name):
            for job in items(value(body, "config", "scrape_configs")):
                yield from scraped(job, origin)


def scraped(job: Node, origin: Origin) -> Iterator[Expression]:
    """The expressions of a scrape configuration of Prometheus that are held against addresses that it discovers."""
    if not any(scalar(key).endswith(_DISCOVERY) for key, _ in pairs(job)):
        return
    for section in _RELABELLING:
        for step in items(value(job, section)):
            labels = tuple(scalar(x) for x in items(value(step, "source_labels")))
            written = origin.written(value(step, "regex"))
            if written and _ADDRESS in labels:
                separator = value(step, "separator")
                yield Expression(written, labels, scalar(separator) if separator else ";")
