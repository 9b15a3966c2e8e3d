"""Services that stand for a name of another domain than the cluster has: they are what that name is to a client."""

from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.archive import unpacked
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_lookups import looked_up
from tests.cluster.test_client_ways import alias
from tests.cluster.test_clients_in_files import API, ASKED, cart, corefile, folder, of, told
from tests.cluster.test_pseudonyms import veil

Object = dict[str, Any]
HERE = corefile("cluster.local")


def behind(domain: str, *more: Object, tmp_path: Path) -> Diagnosis:
    """What is told of a client of an alias of an alias, the last of which is of a domain."""
    chain = alias("x", "y.shop.svc.cluster.local"), alias("y", f"otel.obs.svc.{domain}")
    return told(folder(tmp_path, cart("http://x:4317"), API, *chain, *more))


@pytest.mark.parametrize(
    ("domain", "more", "expected"),
    [
        ("cluster.local", [HERE], []),
        ("cluster.locl", [HERE], ["error"]),
        ("cluster.locl", [], ["warning"]),
        ("cluster-b.local", [HERE], ["warning"]),
        ("clusterset.local", [], []),
        ("k8s.acme", [corefile("k8s.acme cluster.local")], []),
    ],
)
def test_an_alias_is_of_a_domain_as_an_endpoint_is(
    domain: str, more: list[Object], expected: list[str], tmp_path: Path
) -> None:
    found = behind(domain, *more, tmp_path=tmp_path)

    assert [str(x.severity) for x in of(found, "DS408")[:1]] == expected
    assert (found.verdict == "broken") is (expected == ["error"])
    assert not expected or found.verdict in ("broken", "unknown")


def test_the_text_to_change_is_that_of_the_service(tmp_path: Path) -> None:
    (one,) = of(behind("cluster.locl", HERE, tmp_path=tmp_path), "DS408")

    assert one.summary == "An ExternalName is of another domain than the cluster"
    assert one.detail.endswith("which is of the domain `cluster.locl`, and that of the cluster is `cluster.local`.")
    assert one.hint == "Write `externalName` with the domain of the cluster."


def test_what_is_behind_it_is_judged_by_itself(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://x:4317"), API, HERE, alias("x", "otel.obs.svc.cluster.locl"))
    one = conclude(stored(ClusterRequest(KubeTarget("svc", "x"), stored=path, namespace="shop")), Question())
    every = conclude_all(stored(ClusterRequest(EVERYTHING, stored=path)), Question())

    assert one.verdict == "broken"
    assert {x.target.host for x in one.traces} == {"x.shop.svc"}
    assert [x.code for x in of(every, "DS408")] == ["DS408"]
    assert {x.target.host for x in every.traces if not x.failed} == {"otel.obs.svc"}


def test_who_looks_it_up_decides(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://x:4317"), API, HERE, alias("x", "otel.obs.svc.cluster-b.local"))
    world = stored(ClusterRequest(ASKED, stored=path, namespace="shop"))
    world.inspections = [looked_up(error="EAI_NONAME", pod="a", host="x")]

    (one,) = of(conclude(world, Question()), "DS408")
    assert one.severity == "error"
    assert one.summary == "An ExternalName is of another domain than the cluster"


@pytest.mark.parametrize("domain", ["cluster.locl", "cluster-b.local"])
def test_under_pseudonyms_the_same_is_told(domain: str, tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://x:4317"), API, HERE, alias("x", f"otel.obs.svc.{domain}"))
    world = stored(ClusterRequest(ASKED, stored=path, namespace="shop"))
    plain, veiled = conclude(world, Question()), conclude(unpacked("v", veil(world)), Question())

    assert [(x.code, x.severity) for x in veiled.findings] == [(x.code, x.severity) for x in plain.findings]
    assert veiled.verdict == plain.verdict


def named(port: int, name: str = "", protocol: str = "TCP") -> dict[str, Any]:
    return {"port": port, "name": name, "protocol": protocol}


@pytest.mark.parametrize(
    ("ports", "targets"),
    [
        ([], {"grpc://far.obs.svc:4317", "http://far.obs.svc:4318"}),
        ([named(4317), named(53, protocol="UDP")], {"grpc://far.obs.svc:4317"}),
        ([named(443, "otlp-http")], {"https://far.obs.svc:443"}),
        ([named(8443, "otlp-grpc"), named(80, "web")], {"grpc://far.obs.svc:8443"}),
        ([named(443)], {"https://far.obs.svc:443"}),
        ([named(53, protocol="UDP")], {"grpc://far.obs.svc:4317", "http://far.obs.svc:4318"}),
    ],
)
def test_the_ports_of_an_alias_of_a_host_elsewhere_are_those_that_it_names(
    ports: list[dict[str, Any]], targets: set[str]
) -> None:
    spec = {"type": "ExternalName", "externalName": "otlp.vendor.example", "ports": ports}
    far = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "far", "namespace": "obs"}, "spec": spec}
    found = w.diagnosed(w.healthy(services=[far], slices=[]))

    assert {f"{x.target.scheme}://{x.target.endpoint}" for x in found.traces} == targets


@pytest.mark.parametrize(
    ("name", "broken"), [("otel.obs", True), ("otel.obs.", False), ("otel.shop", False), ("web.example", False)]
)
def test_an_alias_of_half_a_name_leads_nowhere(name: str, broken: bool, tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://x:4317"), API, alias("x", name))
    one = conclude(stored(ClusterRequest(KubeTarget("svc", "x"), stored=path, namespace="shop")), Question())

    for found in (told(path), one):
        assert (found.verdict == "broken") is broken
        said = " ".join(x.detail for x in of(found, "DS408"))
        assert ("gets no search domain: `.svc.cluster.local` is missing" in said) is broken
