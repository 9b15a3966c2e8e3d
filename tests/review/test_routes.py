"""What stands before and behind Services in files: Ingresses, routes, EndpointSlices, and clients of host names."""

import json

import pytest

from dualstack.knowledge import table
from dualstack.model.address import BOTH, Family, Protocol
from dualstack.model.finding import Finding, Severity
from dualstack.model.question import Question
from dualstack.report.verbs.understood import render, render_json
from dualstack.review import Review, explained, lint, mend
from tests.review.clusters import client, collector, service

PORTS = "{name: otlp-grpc, port: 4317}, {name: otlp-http, port: 4318}"
NGINX = "nginx.ingress.kubernetes.io"


def ingress(
    port: str,
    annotations: str = "",
    spec: str = "ingressClassName: nginx",
    path: str = "/",
    host: str = "otel.example.com",
    name: str = "otel-collector",
) -> str:
    return (
        f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: otlp, annotations: {{{annotations}}}}}\n"
        f"spec:\n  {spec}\n  rules:\n    - host: {host}\n      http:\n        paths:\n"
        f"          - {{path: {path}, backend: {{service: {{name: {name}, port: {{{port}}}}}}}}}\n---\n"
    )


def route(kind: str, backend: str, rule: str = "", spec: str = "hostnames: [otel.example.com]") -> str:
    return (
        f"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: otlp}}\n"
        f"spec: {{{spec}, rules: [{{{rule} backendRefs: [{{{backend}}}]}}]}}\n---\n"
    )


GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: any, listeners: [{name: otlp, port: 4317, hostname: "*.example.com"}, {name: any, port: 80}]}
---
"""


def files(*texts: tuple[str, str], cluster: tuple[Family, ...] = ()) -> Review:
    (name, text), *more = texts
    assert not more
    return Review(("-",), stdin=text.encode(), stdin_name=name, question=Question(cluster=cluster))


def found(text: str, *codes: str, cluster: tuple[Family, ...] = ()) -> list[Finding]:
    answer = lint(files(("x.yaml", text), cluster=cluster))
    assert not answer.errors
    return [x for x in answer.diagnosis.findings if x.code in (codes or ("DS507", "DS508", "DS509", "DS523", "DS902"))]


def told(text: str, **more: tuple[Family, ...]) -> list[tuple[str, str]]:
    return [(x.code, x.summary) for x in found(text, **more)]


BEHIND = service(PORTS) + collector()
HTTP_ALONE = BEHIND.replace('grpc: {endpoint: "0.0.0.0:4317"}, ', "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (ingress("number: 4317"), "Ingress speaks HTTP/1 to a gRPC port"),
        (ingress("name: otlp-grpc"), "Ingress speaks HTTP/1 to a gRPC port"),
        (ingress("number: 4317", f"{NGINX}/backend-protocol: grpc"), ""),
        (ingress("number: 4317", f"{NGINX}/backend-protocol: HTTP"), "Ingress speaks HTTP/1 to a gRPC port"),
        (ingress("number: 4317", f"{NGINX}/backend-protocol: AUTO_HTTP"), ""),
        (ingress("number: 4317", f"{NGINX}/server-snippet: 'location /x {{}}'"), ""),
        (ingress("number: 4317", "nginx.org/grpc-services: otel-collector"), ""),
        (ingress("number: 4318"), ""),
        (ingress("number: 4318", f"{NGINX}/backend-protocol: GRPC"), "Ingress speaks gRPC to an OTLP/HTTP port"),
        (ingress("number: 4317", f"{NGINX}/backend-protocol: GRPCS"), "Ingress speaks TLS to a port without TLS"),
        (ingress("number: 4317", spec="ingressClassName: internal"), ""),
        (
            ingress("number: 4317", f"{NGINX}/proxy-body-size: 8m", "ingressClassName:"),
            "Ingress speaks HTTP/1 to a gRPC port",
        ),
        (
            ingress("number: 4317", "kubernetes.io/ingress.class: nginx", "ingressClassName:"),
            "Ingress speaks HTTP/1 to a gRPC port",
        ),
        (ingress("number: 4317", "a.example/x: y", "ingressClassName:"), ""),
        (ingress("number: 4317", f"{NGINX}/x: y, alb.ingress.kubernetes.io/x: y", "ingressClassName:"), ""),
        (ingress("number: 4317", spec="ingressClassName: alb"), "Ingress speaks HTTP/1 to a gRPC port"),
        (
            ingress(
                "number: 4318", "alb.ingress.kubernetes.io/backend-protocol-version: GRPC", "ingressClassName: alb"
            ),
            "Ingress speaks gRPC to an OTLP/HTTP port",
        ),
        (ingress("number: 4317", spec="ingressClassName: traefik"), "Ingress speaks HTTP/1 to a gRPC port"),
        (ingress("number: 4317", path="/v1/traces"), "OTLP/HTTP requests led to a gRPC port"),
        (
            ingress("number: 4318", spec="ingressClassName: own", path="/opentelemetry.proto.collector.trace.v1.T/E"),
            "gRPC requests led to an OTLP/HTTP port",
        ),
        (ingress("number: 4318", path="/v1/traces"), ""),
        (route("GRPCRoute", "name: otel-collector, port: 4318"), "GRPCRoute speaks gRPC to an OTLP/HTTP port"),
        (route("GRPCRoute", "name: otel-collector, port: 4317"), ""),
        (route("GRPCRoute", "name: otel-collector, port: 4318, weight: 0"), ""),
        (route("GRPCRoute", "name: otel-collector, port: 4318, kind: Backend, group: x"), ""),
        (route("HTTPRoute", "name: otel-collector, port: 4317"), ""),
        (route("TCPRoute", "name: otel-collector, port: 4317"), ""),
        (
            route(
                "HTTPRoute", "name: otel-collector, port: 4317", "matches: [{path: {type: Exact, value: /v1/logs}}],"
            ),
            "OTLP/HTTP requests led to a gRPC port",
        ),
        (
            route(
                "HTTPRoute",
                "name: otel-collector, port: 4317",
                "matches: [{path: {type: RegularExpression, value: /v1/logs}}],",
            ),
            "",
        ),
        (
            route(
                "HTTPRoute",
                "name: otel-collector, port: 4318",
                "matches: [{path: {value: /opentelemetry.proto.collector.logs.v1.LogsService}}],",
            ),
            "gRPC requests led to an OTLP/HTTP port",
        ),
        (
            route(
                "GRPCRoute",
                "name: otel-collector, port: 4318",
                "matches: [{method: {service: opentelemetry.proto.collector.logs.v1.LogsService, method: Export}}],",
            ),
            "gRPC requests led to an OTLP/HTTP port",
        ),
    ],
)
def test_what_a_proxy_speaks_is_held_against_the_receiver(given: str, said: str) -> None:
    assert told(given + BEHIND) == ([("DS902", said)] if said else [])


def test_a_port_that_is_also_received_in_the_other_protocol_is_not_judged() -> None:
    assert not told(ingress("number: 4317") + service(PORTS))
    assert not told(ingress("number: 1") + service("{port: 1, targetPort: none}"))


def test_a_way_leads_to_the_service_of_its_namespace() -> None:
    behind = BEHIND.replace("name: otel-collector}", "name: otel-collector, namespace: obs}")
    there, elsewhere = (
        route("GRPCRoute", f"name: otel-collector, port: 4318, namespace: {x}") for x in ("obs", "elsewhere")
    )

    assert told(there + behind) == [("DS902", "GRPCRoute speaks gRPC to an OTLP/HTTP port")]
    assert not told(elsewhere + behind)


def test_a_service_can_say_what_the_controller_speaks() -> None:
    scheme = "metadata: {annotations: {traefik.ingress.kubernetes.io/service.serversscheme: h2c}, "
    h2c = BEHIND.replace("metadata: {", scheme, 1)
    traefik = "ingressClassName: traefik"

    assert not told(ingress("number: 4317", spec=traefik) + h2c)
    assert told(ingress("number: 4318", spec=traefik) + h2c) == [("DS902", "Ingress speaks gRPC to an OTLP/HTTP port")]
    (finding,) = found(ingress("number: 4317", spec=traefik) + BEHIND)
    assert finding.hint.endswith("or set `traefik.ingress.kubernetes.io/service.serversscheme: h2c`.")
    assert not told(
        ingress("number: 443", spec=traefik) + service("{name: otlp-grpc, port: 443, targetPort: 4317}") + collector()
    )
    assert not told(
        ingress("number: 4317", spec=traefik)
        + service("{name: otlp-grpc, port: 4317, appProtocol: kubernetes.io/h2c}")
        + collector(http="localhost:4318")
    )


def test_a_receiver_with_tls_wants_it_from_the_proxy() -> None:
    grpc = 'grpc: {endpoint: "0.0.0.0:4317"'
    behind = BEHIND.replace(grpc, grpc + ", tls: {cert_file: a, key_file: b}")

    assert told(ingress("number: 4317", f"{NGINX}/backend-protocol: GRPC") + behind) == [
        ("DS902", "Ingress speaks plain text to a port with TLS")
    ]
    assert not told(ingress("number: 4317", f"{NGINX}/backend-protocol: GRPCS") + behind)


def test_an_ingress_of_before_is_read_as_well() -> None:
    old = "apiVersion: extensions/v1beta1\nkind: Ingress\n"
    old += "metadata: {name: otlp, annotations: {kubernetes.io/ingress.class: nginx}}\n"
    old += "spec: {backend: {serviceName: otel-collector, servicePort: otlp-grpc}}\n---\n"

    assert told(old + BEHIND) == [("DS902", "Ingress speaks HTTP/1 to a gRPC port")]


@pytest.mark.parametrize(
    ("given", "lost"),
    [
        (ingress("number: 4319"), True),
        (ingress("name: otlp"), True),
        (ingress("number: 4319", name="another"), False),
        (ingress("number: '${PORT}'"), False),
        (route("HTTPRoute", "name: otel-collector, port: 80"), True),
        (route("TLSRoute", "name: otel-collector, port: 80"), True),
        (route("HTTPRoute", "name: otel-collector"), False),
    ],
)
def test_a_way_to_a_port_that_the_service_lacks_is_found(given: str, *, lost: bool) -> None:
    assert told(given + BEHIND) == ([("DS508", "Service has no such port")] if lost else [])


def test_a_target_port_is_enough_for_ingress_nginx_and_not_for_a_route() -> None:
    behind = service("{name: http, port: 80, targetPort: 4318}, {name: g, port: 4317}") + collector()

    assert not told(ingress("number: 4318") + behind)
    assert told(route("HTTPRoute", "name: otel-collector, port: 4318") + behind) == [
        ("DS508", "Service has no such port")
    ]


def test_a_service_that_others_complete_or_that_is_none_is_not_judged() -> None:
    patch = "apiVersion: v1\nkind: Service\nmetadata: {name: otel-collector}\n"
    patch += "spec: {ports: [{name: more, port: 4319}]}\n---\n"
    external = "apiVersion: v1\nkind: Service\nmetadata: {name: otel-collector}\nspec: {type: ExternalName, "
    external += "externalName: otel.example.org, ports: [{port: 4317}]}\n---\n"
    made = "apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nmetadata: {name: otel}\nspec: {config: "
    made += "{receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}}}\n---\n"

    assert not told(ingress("number: 4319") + patch + BEHIND)
    assert not told(ingress("number: 4319") + external)
    assert not told(ingress("number: 4319") + made)
    assert not told(ingress("number: 4319") + service("{name: otlp-grpc, port: 4317}") + made)
    assert told(ingress("number: 4318") + service("{name: x, port: 1}")) == [("DS508", "Service has no such port")]
    assert not told(ingress("number: 4319") + service("{name: x, port: 1}"))


@pytest.mark.parametrize(
    ("way", "sent", "misled"),
    [
        (ingress("number: 4318"), ("grpc", "https://otel.example.com"), True),
        (ingress("number: 4318"), ("grpc", "https://otel.example.com:443"), True),
        (ingress("number: 4318", host="'*.example.com'"), ("grpc", "https://otel.example.com"), True),
        (ingress("number: 4318"), ("http/protobuf", "https://otel.example.com"), False),
        (ingress("number: 4318"), ("grpc", "https://other.example.com"), False),
        (ingress("number: 4318"), ("grpc", "https://otel.example.com:4317"), False),
        (ingress("number: 4318"), ("grpc", "https://otel.example.com:x"), False),
        (ingress("number: 4318"), ("", "https://otel.example.com"), False),
        (ingress("number: 4317", f"{NGINX}/backend-protocol: GRPC"), ("http/json", "http://otel.example.com"), True),
        (
            ingress("number: 4318") + ingress("number: 4317", f"{NGINX}/backend-protocol: GRPC", path="/o"),
            ("grpc", "https://otel.example.com"),
            False,
        ),
        (
            ingress("number: 4318") + ingress("number: 80", path="/app", name="shop"),
            ("grpc", "https://otel.example.com"),
            False,
        ),
        (route("HTTPRoute", "name: otel-collector, port: 4318"), ("grpc", "https://otel.example.com"), True),
        (
            GATEWAY + route("HTTPRoute", "name: otel-collector, port: 4318", spec="parentRefs: [{name: edge}]"),
            ("grpc", "http://otel.example.com:4317"),
            True,
        ),
        (
            GATEWAY + route("HTTPRoute", "name: otel-collector, port: 4318", spec="parentRefs: [{name: edge}]"),
            ("grpc", "https://otel.example.com"),
            False,
        ),
    ],
)
def test_a_client_is_followed_through_a_host_name(way: str, sent: tuple[str, str], *, misled: bool) -> None:
    findings = found(way + BEHIND + client(*sent), "DS902")

    assert [x.summary.partition(" to ")[0] for x in findings] == ["This name leads"] * misled


def test_what_the_route_itself_has_wrong_is_told_once() -> None:
    text = ingress("number: 4318", f"{NGINX}/backend-protocol: GRPC") + BEHIND
    text += client("grpc", "https://otel.example.com")

    assert told(text) == [("DS902", "Ingress speaks gRPC to an OTLP/HTTP port")]


def test_names_in_files_of_other_folders_are_not_followed(tmp_path, monkeypatch) -> None:  # noqa: ANN001
    monkeypatch.chdir(tmp_path)
    for folder, text in (
        ("a/b/way", ingress("number: 4318") + BEHIND),
        ("c/d/app", client("grpc", "https://otel.example.com")),
    ):
        (tmp_path / folder).parent.mkdir(parents=True)
        (tmp_path / f"{folder}.yaml").write_text(text)
    (tmp_path / "a/app").mkdir()

    assert not [x for x in lint(Review(("a", "c"))).diagnosis.findings if x.code == "DS902"]
    (tmp_path / "c/d/app.yaml").rename(tmp_path / "a/app/app.yaml")
    assert [x.code for x in lint(Review(("a",))).diagnosis.findings if x.code == "DS902"] == ["DS902"]


def backed(slices: str, spec: str = "", ports: str = "{name: otlp, port: 4317}") -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: otel}}\nspec: {{ports: [{ports}]{spec}}}\n{slices}"


def sliced(addresses: str, family: str = "IPv4", port: str = "{name: otlp, port: 4317}", more: str = "") -> str:
    return (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        f"metadata: {{name: otel-{family.lower()}, labels: {{kubernetes.io/service-name: otel}}}}\n"
        f"addressType: {family}\nendpoints: [{{addresses: [{addresses}]{more}}}]\nports: [{port}]\n"
    )


ENDPOINTS = """\
---
apiVersion: v1
kind: Endpoints
metadata: {name: otel%s}
subsets:
- addresses: [{ip: 10.0.0.1}]
  notReadyAddresses: [{ip: "fd00::1"}]
  ports: [{name: otlp, port: 4317}]
"""
DUAL = ", ipFamilyPolicy: RequireDualStack"
LISTED = ", ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4]"


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        (backed(sliced("10.0.0.1"), DUAL), (Family.IPV6,)),
        (backed(sliced("10.0.0.1"), LISTED), (Family.IPV6,)),
        (backed(sliced("10.0.0.1") + sliced('"fd00::1"', "IPv6"), DUAL), ()),
        (
            backed(sliced("10.0.0.1") + sliced('"fd00::1"', "IPv6", more=", conditions: {ready: false}"), DUAL),
            (Family.IPV6,),
        ),
        (backed(sliced("10.0.0.1", more=", conditions: {ready: false}"), DUAL), BOTH),
        (backed(sliced('"fd00::1"', "IPv6"), ", ipFamilies: [IPv4]"), (Family.IPV4,)),
        (backed(sliced("10.0.0.1")), ()),
        (backed(sliced("10.0.0.1"), ", ipFamilyPolicy: PreferDualStack"), ()),
        (backed(sliced("a.example.org", "FQDN"), DUAL), ()),
        (backed(sliced(""), DUAL), ()),
        (backed(sliced("10.0.0.1"), DUAL + ", clusterIP: None"), ()),
        (backed(sliced("10.0.0.1"), DUAL + ", selector: {app: otel}"), ()),
        (backed(sliced("10.0.0.1"), ", type: ExternalName, externalName: otlp.example.org"), ()),
        (backed("", DUAL), ()),
        (backed(ENDPOINTS % "", DUAL), (Family.IPV6,)),
        (backed(ENDPOINTS.replace("10.0.0.1", "<address>") % "", DUAL), ()),
        (backed(ENDPOINTS % ", labels: {endpointslice.kubernetes.io/skip-mirror: 'true'}", DUAL), ()),
        (backed(sliced("10.0.0.1", port="{name: x, port: 1}"), DUAL, "{name: x, port: 1}"), ()),
    ],
)
def test_a_family_without_a_slice_has_no_endpoint(text: str, lacks: tuple[Family, ...]) -> None:
    findings = found(text, "DS507", "DS509")

    assert [(x.code, x.families, x.severity) for x in findings] == [("DS507", lacks, Severity.ERROR)] * bool(lacks)


def test_the_cluster_settles_which_families_a_service_has() -> None:
    text = backed(sliced("10.0.0.1"), ", ipFamilyPolicy: PreferDualStack")

    assert [x.families for x in found(text, "DS507", cluster=BOTH)] == [(Family.IPV6,)]
    assert not found(text, "DS507", cluster=(Family.IPV4,))
    assert [x.families for x in found(backed(sliced("10.0.0.1")), "DS507", cluster=(Family.IPV6,))] == [(Family.IPV6,)]


def test_slices_of_other_files_make_it_a_warning(tmp_path, monkeypatch) -> None:  # noqa: ANN001
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.yaml").write_text(backed("", DUAL))
    (tmp_path / "slice.yaml").write_text(sliced("10.0.0.1"))

    found = [x for x in lint(Review((".",))).diagnosis.findings if x.code == "DS507"]

    assert [x.severity for x in found] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("ports", "port", "unmatched"),
    [
        ("{name: otlp, port: 4317}", "{name: otlp, port: 14317}", False),
        ("{port: 4317}", "{port: 4317}", False),
        ("{port: 4317}", "{name: '', port: 4317}", False),
        ("{port: 4317}", "{name: otlp, port: 4317}", True),
        ("{name: otlp, port: 4317}", "{port: 4317}", True),
        ("{name: otlp, port: 4317}", "{name: otlp, port: 4317, protocol: UDP}", True),
        ("{name: otlp, port: 4317}", "", True),
    ],
)
def test_a_slice_belongs_to_the_port_of_its_name(ports: str, port: str, *, unmatched: bool) -> None:
    text = backed(sliced("10.0.0.1", port=port), "", ports)

    assert told(text) == [("DS508", "No EndpointSlice has this port")] * unmatched


@pytest.mark.parametrize(
    ("address", "family", "wrong"),
    [
        ("10.0.0.1", "IPv6", "no IPv6 address"),
        ('"::ffff:10.0.0.1"', "IPv6", "no IPv6 address"),
        ('"fd00::1"', "IPv4", "no IPv4 address"),
        ("127.0.0.1", "IPv4", "a loopback address"),
        ('"::1"', "IPv6", "a loopback address"),
        ("169.254.1.1", "IPv4", "a link-local address"),
        ('"fe80::1"', "IPv6", "a link-local address"),
        ("0.0.0.0", "IPv4", "unspecified"),
        ("224.0.0.1", "IPv4", "a link-local multicast address"),
        ('"ff02::1"', "IPv6", "a link-local multicast address"),
        ("otel.example.org", "IPv4", "no address"),
        ('"10.0.0.1:4317"', "IPv4", "no address"),
        ('"[fd00::1]"', "IPv6", "no address"),
        ('"FD00::1"', "IPv6", "not in canonical form"),
        ('"fd00::1%eth0"', "IPv6", ""),
        ("10.0.0.1", "IPv4", ""),
        ("010.0.0.1", "IPv4", ""),
        ("NODE_IP", "IPv4", ""),
        ("127.0.0.1", "Other", ""),
        ("localhost", "FQDN", ""),
    ],
)
def test_addresses_that_an_api_server_rejects_are_found(address: str, family: str, wrong: str) -> None:
    findings = found(sliced(address, family), "DS523")

    assert [x.detail.partition(" is ")[2].partition(", and")[0] for x in findings] == [wrong] * bool(wrong)


def test_the_canonical_form_is_written_in_place() -> None:
    asked = files(("x.yaml", sliced('"fd00:0:0::1"', "IPv6")))

    mended = mend(asked, lint(asked), unsafe=False)

    assert mended.after == {"x.yaml": sliced('"fd00::1"', "IPv6")}


def test_what_is_understood_of_routes_and_slices_is_told() -> None:
    text = (
        ingress("number: 4317", f"{NGINX}/backend-protocol: GRPCS")
        + ingress("number: 1")
        + ingress("number: 4317", name="none", spec="ingressClassName: own", path="/x")
        + BEHIND
        + client("grpc", "https://otel.example.com")
        + route("GRPCRoute", "name: otel", spec="parentRefs: []").replace("apiVersion", "---\napiVersion", 1)
        + backed(sliced("10.0.0.1, 10.0.0.2", more=", conditions: {ready: false}"))
    )

    seen, errors = explained(files(("x.yaml", text)))

    assert not errors
    shown = render(seen)
    for name, *said in (
        (
            "Ingress otlp: otel.example.com",
            "leads to port 4317 of Service otel-collector, speaking grpc with TLS",
            "receivers/otlp at 0.0.0.0:4317 (grpc)",
        ),
        (
            "Ingress otlp: otel.example.com",
            "leads to port 1 of Service otel-collector, speaking http",
            "Service otel-collector has no such port",
        ),
        (
            "Ingress otlp: otel.example.com/x",
            "leads to port 4317 of Service none",
            "no Service of that name in the files",
        ),
        (
            "GRPCRoute otlp: any host",
            "leads to no port of Service otel, speaking grpc",
            "no receiver behind that Service in the files",
        ),
        ("ports 4317/TCP", "leads to EndpointSlice otel-ipv4: 10.0.0.1 (not ready), 10.0.0.2 (not ready)"),
        ("(grpc)", "Ingress otlp, which leads to port 4317 of Service otel-collector and Ingress otlp, which leads to"),
    ):
        assert "\n      ".join((name, *said)) in shown, shown
    assert [x["speaks"] for x in json.loads(render_json(seen))["routes"]] == ["grpc with TLS", "http", "", "grpc"]


def test_the_table_of_proxies_is_whole() -> None:
    rows = table("ingresses")

    assert {x["speaks"] for x in rows} == {"", *(str(x) for x in (Protocol.GRPC, Protocol.HTTP))}
    assert {x["tls"] for x in rows} == {"", "yes", "no"}
    assert all(x["source"] for x in rows)
    assert all(x["value"] == x["value"].upper() for x in rows)
