"""What clients of a dump write, look up and lack, and why a flow of theirs is not known."""

import json
from pathlib import Path

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.overview import conclude_all
from dualstack.report.text import render
from dualstack.review import Review, lint
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_nowhere import (
    API,
    ASKED,
    folder,
    held,
    of,
    on_node,
    told,
)
from tests.cluster.test_pseudonyms import veil
from tests.cluster.test_survey import Object


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://192.0.2.7:4317", "192.0.2.7:4317: at the hop endpoints nobody is known to have 192.0.2.7"),
        ("http://ingest.vendor:4317", "at the hop resolve `ingest.vendor` is no Service that is known here"),
        ("http://otel.obs:4317", "otel.obs.svc:4317: a listener is there; nothing was exported, so what it answers"),
    ],
)
def test_the_reason_why_nobody_knows_is_told(endpoint: str, said: str, tmp_path: Path) -> None:
    shown = " ".join(render(told(folder(tmp_path, cart(endpoint), API))).split())

    assert "Not known:" in shown
    assert said in shown


def test_what_a_finding_tells_is_not_told_again(tmp_path: Path) -> None:
    assert "Not known:" not in render(told(folder(tmp_path, on_node(), API, pods=[held()])))


def test_of_many_reasons_the_first_are_told(tmp_path: Path) -> None:
    many = [
        {"name": f"x{number}", "image": "x", "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": said}]}
        for number in range(9)
        for said in [f"http://192.0.2.{number}:4317"]
    ]
    mine = cart("http://192.0.2.99:4317")
    mine["spec"]["containers"] += many

    assert "    - and 4 more reasons\n" in render(told(folder(tmp_path, mine, API)))


@pytest.mark.parametrize(
    ("endpoint", "verdict", "codes"),
    [
        ("http://otel.obs:4317\n", "unknown", []),
        (" http://otel.obs:4317", "unknown", []),
        ('"http://otel.obs:4317"', "broken", ["DS119"]),
        ("'http://otel.obs:4317'", "broken", ["DS119"]),
        ("http://fd00:96::9:4317", "broken", ["DS101"]),
        ("http://otel.obs:43l7", "broken", ["DS119"]),
        ("http:/otel.obs:4317", "broken", ["DS119"]),
    ],
)
def test_a_text_that_is_no_address(endpoint: str, verdict: str, codes: list[str], tmp_path: Path) -> None:
    found = told(folder(tmp_path, cart(endpoint), API))

    assert found.verdict == verdict
    assert [x.code for x in found.findings if x.severity == "error" and not x.because] == codes


def test_the_services_of_the_clients_namespace_are_not_missed_for_a_name_of_another(tmp_path: Path) -> None:
    found = told(folder(tmp_path, cart("http://otel.obs:4317"), apart=["Service"]))

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}
    assert not [x for x in found.skipped if x.needs.startswith("services")]


def test_a_line_break_behind_an_endpoint_is_told(tmp_path: Path) -> None:
    shown = " ".join(render(told(folder(tmp_path, cart("http://otel.obs:4317\n"), API))).split())

    assert "has a blank or a line break behind it, which Go and Java refuse and others cut off" in shown


@pytest.mark.parametrize(("first", "expected"), [("10.100.0.1", []), ("fd00:100::1", ["error"])], ids=["ipv4", "ipv6"])
def test_the_status_of_pods_tells_the_family_of_an_address_in_a_variable(
    first: str, expected: list[str], tmp_path: Path
) -> None:
    mine = on_node()
    mine["status"] = {"phase": "Running", "hostIP": first, "podIPs": [{"ip": first.replace("100", "244", 1)}]}
    mine["status"]["podIP"] = mine["status"]["podIPs"][0]["ip"]
    path = folder(tmp_path, mine, API, nodes=[], services=[], slices=[], ranges=[], pods=[], workloads=[], configs=[])

    assert [str(x.severity) for x in of(told(path), "DS102")] == expected
    files = lint(Review((path,))).diagnosis
    assert [str(x.severity) for x in of(files, "DS102")] == expected
    assert not of(told(path), "DS101")


DNS = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system"},
       "spec": {"clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"], "ports": [{"port": 53}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("host", "more", "expected"),
    [
        ("otel.obs.svc.cluster.local", [DNS], ("unknown", [])),
        ("otel.obs", [DNS], ("broken", ["error"])),
        ("otel.obs.svc", [DNS], ("broken", ["error"])),
        ("otel.obs.svc.cluster.local", [], ("unknown", ["warning"])),
        ("otel.obs", [], ("unknown", ["warning"])),
        ("ingest.vendor.example", [DNS], ("unknown", [])),
    ],
)
def test_a_nameserver_that_is_a_service_is_that_of_the_cluster(
    host: str, more: list[Object], expected: tuple[str, list[str]], tmp_path: Path
) -> None:
    own: Object = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.0.10"]}}
    found = told(folder(tmp_path, cart(f"http://{host}:4317", **own), API, *more, ranges=[]))

    assert (found.verdict, [str(x.severity) for x in of(found, "DS408")[:1]]) == expected


@pytest.mark.parametrize(
    ("host", "nameservers", "more", "expected"),
    [
        ("otel.obs.svc.cluster.local", ["10.96.0.53"], [DNS], ["error"]),
        ("ingest.vendor.example", ["10.96.0.53"], [DNS], ["error"]),
        ("otel.obs.svc.cluster.local", ["10.96.0.53", "fd00:96::53"], [DNS], ["error"]),
        ("otel.obs.svc.cluster.local", ["10.96.0.53", "10.96.0.10"], [DNS], []),
        ("otel.obs.svc.cluster.local", ["10.96.0.10"], [DNS], []),
        ("otel.obs.svc.cluster.local", ["169.254.20.10"], [DNS], []),
        ("otel.obs.svc.cluster.local", ["10.96.0.53", "8.8.8.8"], [DNS], ["warning"]),
    ],
)
def test_a_nameserver_among_the_addresses_of_services_that_no_service_has(
    host: str, nameservers: list[str], more: list[Object], expected: list[str], tmp_path: Path
) -> None:
    own: Object = {"dnsPolicy": "None", "dnsConfig": {"nameservers": nameservers}}
    found = told(folder(tmp_path, cart(f"http://{host}:4317", **own), API, *more))

    assert [str(x.severity) for x in of(found, "DS408")[:1]] == expected
    assert (found.verdict == "broken") is (expected == ["error"])
    nobody = [x for x in of(found, "DS408") if "no Service has" in x.detail]
    assert bool(nobody) is (expected == ["error"])


def test_of_services_that_are_not_all_known_none_is_missed(tmp_path: Path) -> None:
    own: Object = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.0.53"]}}
    pod = cart("http://otel.obs.svc.cluster.local:4317", **own)

    assert not of(told(folder(tmp_path, pod, apart=["Service"])), "DS408")


def of_service(path: str) -> Diagnosis:
    return conclude(stored(ClusterRequest(KubeTarget("svc", "otel"), stored=path, namespace="obs")), Question())


@pytest.mark.parametrize(
    ("endpoint", "named"),
    [("http://otel.obs:4317", 1), ("http://10.96.0.9:4317", 1), ("http://otel:4317", 0), ("http://x.obs:4317", 0)],
)
def test_clients_of_a_stored_service_are_those_of_all_namespaces(endpoint: str, named: int, tmp_path: Path) -> None:
    found = of_service(folder(tmp_path, cart(endpoint), API))

    assert [(x.namespace, x.owner) for x in found.exporters] == [("shop", "Deployment cart")] * named


def test_a_snapshot_of_all_knows_its_clients(tmp_path: Path) -> None:
    held = stored(ClusterRequest(EVERYTHING, stored=folder(tmp_path, cart("http://otel.obs:4317"), API)))
    held.target = str(EVERYTHING)
    (tmp_path / "w").write_bytes(packed(held, "1"))

    assert [x.owner for x in of_service(str(tmp_path / "w")).exporters] == ["Deployment cart"]


def test_a_folder_without_pods_has_no_clients(tmp_path: Path) -> None:
    items = [x for x in w.healthy() if x["kind"] in ("Service", "EndpointSlice")]
    listed = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **x} for x in items]}
    (tmp_path / "all.json").write_text(json.dumps(listed))

    assert of_service(str(tmp_path)).exporters == ()


def test_ports_that_lead_to_the_receivers_of_each_other_fail_their_clients(tmp_path: Path) -> None:
    swapped = [
        {"name": "otlp-grpc", "port": 4317, "targetPort": "otlp-http"},
        {"name": "otlp-http", "port": 4318, "targetPort": "otlp-grpc"},
    ]
    slices = w.endpoints([w.pod("otel-a", "n1"), w.pod("otel-b", "n2")],
                         ports=[{"name": "otlp-grpc", "port": 4318}, {"name": "otlp-http", "port": 4317}])  # fmt: skip
    mine = cart("http://otel.obs:4317", {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"})
    made = {"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": {"name": "otel-1", "namespace": "obs"},
            "spec": {"template": w.deployment()["spec"]["template"]}}  # fmt: skip
    path = folder(tmp_path, mine, made, API, services=[w.service(ports=swapped)], slices=slices)

    found = of_service(path)

    assert found.verdict == "degraded"
    assert {x.vantage for x in found.traces if x.failed} == {"pods of Deployment shop/cart"}
    assert [str(x.severity) for x in of(found, "DS902")] == ["error"]


def corefile(zones: str) -> Object:
    text = f".:53 {{\n    errors\n    kubernetes {zones} in-addr.arpa ip6.arpa {{\n    }}\n}}\n"
    return {
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": text},
    }


@pytest.mark.parametrize(
    ("domain", "more", "expected"),
    [
        ("cluster.local", [], []),
        ("cluster.local", [corefile("cluster.local")], []),
        ("cluster.locl", [corefile("cluster.local")], ["error"]),
        ("cluster.locl", [], ["warning"]),
        ("clutser.local", [corefile("cluster.local")], ["error"]),
        ("cluster.llocal", [corefile("cluster.local")], ["error"]),
        ("clusters.local", [corefile("cluster.local")], ["warning"]),
        ("cluster-b.local", [corefile("cluster.local")], ["warning"]),
        ("east.acme", [corefile("west.acme")], ["warning"]),
        ("prd.acme", [corefile("prod.acme")], ["warning"]),
        ("cluster2.local", [], []),
        ("cluster2.local", [corefile("cluster.local")], ["warning"]),
        ("clusterset.local", [], []),
        ("clusterset.local", [corefile("cluster.local")], []),
        ("k8s.acme", [], []),
        ("k8s.acme", [corefile("k8s.acme. cluster.local")], []),
        ("cluster.local", [corefile("k8s.acme")], ["warning"]),
    ],
)
def test_the_domain_of_a_whole_name(domain: str, more: list[Object], expected: list[str], tmp_path: Path) -> None:
    found = told(folder(tmp_path, cart(f"http://otel.obs.svc.{domain}:4317"), API, *more))

    assert [str(x.severity) for x in of(found, "DS408")[:1]] == expected
    assert (found.verdict == "broken") is (expected == ["error"])


def test_an_endpoint_without_a_scheme_is_not_known_to_be_plain(tmp_path: Path) -> None:
    grpc = {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"}
    insecure = {"name": "OTEL_EXPORTER_OTLP_INSECURE", "value": "true"}
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()

    bare = render(told(folder(tmp_path / "one", cart("otel.obs:4317", grpc), API)))
    told_so = render(told(folder(tmp_path / "other", cart("otel.obs:4317", grpc, insecure), API)))

    assert "`OTEL_EXPORTER_OTLP_INSECURE` is not set" in " ".join(bare.split())
    assert "OTEL_EXPORTER_OTLP_INSECURE" not in told_so


def variable(name: str, value: str) -> Object:
    return {"name": name, "value": value}


PROXIED = variable("HTTP_PROXY", "http://proxy.acme:3128")
SECURED = 'grpc: {endpoint: "0.0.0.0:4317", tls: {cert_file: /c, key_file: /k, client_ca_file: /ca}}'
GUARDED = 'grpc: {endpoint: "0.0.0.0:4317", auth: {authenticator: basicauth}}'


@pytest.mark.parametrize(
    ("endpoint", "env", "grpc", "code", "said", "hint"),
    [
        (
            *("http://otel.obs:4318", [PROXIED], "", "DS806"),
            "`HTTP_PROXY` is set, and `NO_PROXY` does not spare `otel.obs`: clients that heed it send to the proxy.",
            "Add `otel.obs` to `NO_PROXY`",
        ),
        ("http://otel.obs:4318", [PROXIED, variable("NO_PROXY", "otel.obs")], "", "", "", ""),
        (
            *("https://otel.obs:4317", [], SECURED, "DS908"),
            "The receiver wants a certificate of clients, and they name none.",
            "`OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` and `OTEL_EXPORTER_OTLP_CLIENT_KEY`",
        ),
        ("https://otel.obs:4317", [variable("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/c")], SECURED, "", "", ""),
        (
            *("http://otel.obs:4317", [], GUARDED, "DS904"),
            "The receiver wants credentials, and its clients set no headers.",
            "Set `OTEL_EXPORTER_OTLP_HEADERS`",
        ),
        ("http://otel.obs:4317", [variable("OTEL_EXPORTER_OTLP_HEADERS", "a=b")], GUARDED, "", "", ""),
    ],
)
def test_what_clients_may_lack_is_a_warning_with_a_fix(
    endpoint: str, env: list[Object], grpc: str, code: str, said: str, hint: str, tmp_path: Path
) -> None:
    config = w.config()
    if grpc:
        plain = 'grpc: {endpoint: "0.0.0.0:4317"}'
        config["data"] = {k: v.replace(plain, grpc) for k, v in config["data"].items()}
    made = {"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": {"name": "otel-1", "namespace": "obs"},
            "spec": {"template": w.deployment()["spec"]["template"]}}  # fmt: skip
    found = told(folder(tmp_path, cart(endpoint, *env), made, API, configs=[config]))

    assert [(x.code, x.detail) for x in found.findings if x.hint] == ([(code, said)] if said else [])
    assert all(hint in x.hint and x.severity == "warning" and x.flows for x in found.findings)
    assert all(f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}" in {y.fact for y in x.evidence} for x in found.findings)
    assert found.verdict == "unknown"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://otell.obs:4317",
        "https://otell.obs:4317",
        "http://otel.monitoring.svc:4317",
        "http://otel.obs.svc.cluster.locl:4317",
        "http://10.96.0.77:4317",
        "http://10.244.1.77:4317",
        "http://$(HOST_IP):4317",
        "'http://otel.obs:4317'",
        "http://localhost:4317",
    ],
)
def test_under_pseudonyms_the_same_is_told(endpoint: str, tmp_path: Path) -> None:
    mine = on_node()
    mine["spec"]["containers"][0]["env"][-1]["value"] = endpoint
    mine["metadata"]["annotations"] = {"sidecar.opentelemetry.io/inject": "true"}
    path = folder(tmp_path, mine, API, corefile("cluster.local"))

    for world, judge in (
        (stored(ClusterRequest(ASKED, stored=path, namespace="shop")), conclude),
        (stored(ClusterRequest(EVERYTHING, stored=path)), conclude_all),
    ):
        plain, veiled = judge(world, Question()), judge(unpacked("v", veil(world)), Question())

        assert [(x.code, x.severity) for x in veiled.findings] == [(x.code, x.severity) for x in plain.findings]
        assert veiled.verdict == plain.verdict


def test_a_line_of_a_hosts_file_is_told(tmp_path: Path) -> None:
    lines = [{"ip": "10.96.0.77", "hostnames": ["otel.obs"]}]
    path = folder(tmp_path, cart("http://otel.obs:4317", hostAliases=lines), API)

    (one,) = of(told(path), "DS525")
    assert one.detail == (
        "Clients send to `otel.obs`: the hosts file of the pod has 10.96.0.77 for `otel.obs`, and 10.96.0.77 is among "
        "the addresses of Services, and no Service has it."
    )
    assert one.hint.startswith("Take the line out")
