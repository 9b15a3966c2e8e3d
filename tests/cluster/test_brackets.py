"""Clients whose endpoint is an IPv6 address without brackets: the text that they were given is told, and mended."""

from typing import Any

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.finding import Finding
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from tests.cluster.test_client_ways import ENDPOINT, told
from tests.cluster.test_operator import PYTHON, resource
from tests.cluster.test_survey import client, variables, whole

Object = dict[str, Any]
WRITTEN = "http://$(HOST_IP):4318"
HOST_IP = {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}


def on(node: str, name: str, host: str, written: str = WRITTEN) -> Object:
    pod = client(name, node, [HOST_IP, *variables(**{ENDPOINT: written})])
    pod["status"]["hostIP"] = host
    return pod


def of_cart(*pods: Object, notes: Object | None = None, own: bool = True, more: tuple[Object, ...] = ()) -> Finding:
    """What is told of a Deployment with these pods; what is not its `own` the Operator put into them."""
    container = {"name": "cart", "env": pods[0]["spec"]["containers"][0]["env"] if own else []}
    template = {
        "metadata": {"labels": {"app": "cart"}, "annotations": notes or {}},
        "spec": {"containers": [container]},
    }
    about = {"name": "cart", "namespace": "shop"}
    made = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": about,
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": template}}  # fmt: skip
    kept = {
        **about,
        "name": "cart-abc",
        "ownerReferences": [{"kind": "Deployment", "name": "cart", "controller": True}],
    }
    world = whole(made, {"kind": "ReplicaSet", "metadata": kept}, *pods, *more)
    found = conclude(of(Asker(Stored(world, complete=True), "shop"), KubeTarget("deploy", "cart")), Question())
    (one,) = [x for x in found.findings if x.code == "DS101"]
    return one


def test_pods_of_several_nodes_have_one_fault_with_one_variable() -> None:
    one = of_cart(on("n1", "a", "fd00:100::1"), on("n2", "bb", "fd00:100::2"))

    assert one.summary == "IPv6 address without brackets"
    assert "[fd00:100::1]:4318 and [fd00:100::2]:4318" in one.detail
    assert f"`{WRITTEN}` is no address that a client can use: the address in `$(HOST_IP)` has colons" in one.detail
    assert one.hint == "Send to `http://[$(HOST_IP)]:4318`."


def test_where_the_variable_holds_ipv4_elsewhere_brackets_are_not_for_all() -> None:
    one = of_cart(on("n1", "a", "fd00:100::1"), on("n2", "bb", "10.100.0.2"))

    assert one.hint == (
        "Send to `http://[$(HOST_IP)]:4318`; for the pods whose address is IPv4 that is wrong, "
        "and a name is right for all."
    )


def test_what_the_operator_gave_is_mended_in_its_resource() -> None:
    given = resource("default", exporter={"endpoint": WRITTEN})
    one = of_cart(on("n1", "a", "fd00:100::1"), notes={PYTHON: "true"}, own=False, more=(given,))

    assert one.hint == (
        "Send to `http://[$(HOST_IP)]:4318`. The Operator gives the clients their endpoint: `spec.exporter.endpoint` "
        "of the Instrumentation in shop."
    )


def test_a_variable_that_is_all_of_it_takes_no_brackets() -> None:
    found = told(client("a", "n1", variables(URL="http://fd00:96::9:4317", **{ENDPOINT: "$(URL)"})))

    assert [x.hint for x in found.findings if x.code == "DS101"] == ["Correct the endpoint that clients are told."]
