"""Clients that name a literal address of a family that nobody in their cluster has."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import veiled_world
from dualstack.model.question import Question
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_nowhere import ASKED, folder, of, told
from tests.cluster.test_survey import Object

V6, V4 = ["IPv6"], ["IPv4"]
SENT = "Clients send to `http://{}:4317`: no node, pod or Service that is known here has an {} address."


def single(families: list[str], **instead: Any) -> dict[str, Any]:
    """A cluster of one family."""
    pods = [w.pod("otel-a", "n1", families), w.pod("otel-b", "n2", families)]
    return {
        "nodes": [w.node("n1", 1, families), w.node("n2", 2, families)],
        "pods": pods,
        "services": [w.service(families)],
        "slices": w.endpoints(pods, families),
        "ranges": [w.ranges("fd00:96::/112" if families == V6 else "10.96.0.0/16")],
        **instead,
    }


def of_family(endpoint: str, families: list[str], **spec: Any) -> Object:
    pod = cart(endpoint, **spec)
    pod["status"]["podIPs"] = [x for x in pod["status"]["podIPs"] if (":" in x["ip"]) is (families == V6)]
    return pod


@pytest.mark.parametrize(
    ("address", "families", "lacking"), [("10.96.12.25", V6, "IPv4"), ("[fd00:96::25]", V4, "IPv6")]
)
def test_a_literal_that_was_left_from_another_cluster(
    address: str, families: list[str], lacking: str, tmp_path: Path
) -> None:
    found = told(folder(tmp_path, of_family(f"http://{address}:4317", families), **single(families)))

    (one,) = of(found, "DS525")
    assert (str(one.severity), one.because) == ("error", ())
    assert one.detail == SENT.format(address, lacking)
    assert one.hint == (
        f"Send to the name of a Service, such as `otel.obs.svc`. Where somebody outside of the cluster has it, send to "
        f"an {families[0]} address of theirs."
    )
    (other,) = of(found, "DS602")
    assert other.because == ("DS525",)


def test_a_service_is_named_where_one_alone_is_meant(tmp_path: Path) -> None:
    again = w.service(V6, clusterIP="fd00:96::8", clusterIPs=["fd00:96::8"])
    again["metadata"] = {"name": "gateway", "namespace": "obs"}
    headless = w.service(V6, clusterIP="None", clusterIPs=["None"])
    headless["metadata"] = {"name": "otel-headless", "namespace": "obs"}
    pod = of_family("http://10.96.12.25:4317", V6)
    several = single(V6, services=[w.service(V6), again])

    (one,) = of(told(folder(tmp_path, pod, **several)), "DS525")
    assert one.hint.startswith("Send to the name of a Service, such as `NAME.NAMESPACE.svc`.")
    (one,) = of(told(folder(tmp_path, pod, **single(V6, services=[w.service(V6), headless]))), "DS525")
    assert one.hint.startswith("Send to the name of a Service, such as `otel.obs.svc`.")


def test_with_pseudonyms_the_same_service_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path, of_family("http://10.96.12.25:4317", V6), **single(V6))
    world = stored(ClusterRequest(ASKED, stored=path, namespace="shop"))
    veiled = veiled_world(world, names := Pseudonyms(b"key"))

    (one,) = of(conclude(veiled, Question()), "DS525")
    assert f"such as `{names.host('otel')}.{names.host('obs')}.svc`" in one.hint
    assert "10.96.12.25" not in str(veiled.meant)


@pytest.mark.parametrize(
    ("address", "instead"),
    [
        ("192.0.2.7", {}),
        ("10.96.12.25", {"nodes": [w.node("n1", 1, V6), w.node("n2", 2)]}),
        ("10.96.12.25", {"nodes": [w.node("n1", 1, V6), w.node("n2", 2, (), V6)]}),
        ("10.96.12.25", {"ranges": [w.ranges("fd00:96::/112", "10.96.0.0/16")]}),
    ],
)
def test_an_address_that_somebody_may_have(address: str, instead: dict[str, Any], tmp_path: Path) -> None:
    found = told(folder(tmp_path, of_family(f"http://{address}:4317", V6), **single(V6, **instead)))

    assert "no node, pod or Service" not in " ".join(x.detail for x in found.findings)


def test_no_node_is_named_that_has_the_family_where_none_has(tmp_path: Path) -> None:
    pod = of_family("http://192.0.2.7:4317", V6)
    (one,) = of(told(folder(tmp_path, pod, **single(V6))), "DS602")
    assert one.hint == "Give these nodes IPv4."

    one = next(
        iter(of(told(folder(tmp_path, pod, **single(V6, nodes=[w.node("n1", 1, V6), w.node("n2", 2)]))), "DS603"))
    )
    assert "n1" in one.detail


def test_pods_in_the_network_of_nodes_that_have_a_range_for_others() -> None:
    def said(ranges: Iterable[str], **spec: Any) -> tuple[str, str]:
        pods = [w.pod("otel-a", "n1", V4), w.pod("otel-b", "n2", V4)]
        for pod in pods:
            pod["spec"].update(spec)
        nodes = [w.node("n1", 1, V4, ranges), w.node("n2", 2, V4, ranges), w.node("n3", 3)]
        (one,) = of(w.diagnosed(w.healthy(nodes=nodes, pods=pods, slices=w.endpoints(pods))), "DS602")
        return one.detail.partition(" run ")[2], one.hint

    inside = "in the network of n1 and n2, which have no IPv6 address."
    other = "Give these nodes IPv6, or keep the pods to nodes that have it"
    out = f"{other}, or run the pods without `hostNetwork`: the nodes have a range of IPv6 for such pods."
    assert said(w.BOTH, hostNetwork=True) == (inside, out)
    assert said(V4, hostNetwork=True) == (inside, f"{other}.")
    assert said(w.BOTH) == said(()) == ("on n1 and n2, which have no IPv6 address.", f"{other}.")
    assert said(V4)[0] == "on n1 and n2, which have no IPv6 address and no range of IPv6 for pods."
