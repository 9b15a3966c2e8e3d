"""Endpoints that somebody wrote: what is wrong with them is told by the name of the object that says it."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.by_hand import by_hand as looked_for
from dualstack.gather.cluster import Asker, of
from dualstack.gather.facts import plainly
from dualstack.gather.kube_objects import Refused
from dualstack.gather.stored import Stored
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.world import World
from tests.cluster import worlds as w

Object = dict[str, Any]
SERVICE = {"IPv4": "10.96.0.9", "IPv6": "fd00:96::9"}


def by_hand(family: str, address: str, ports: tuple[int, int] = (4317, 4318), **about: Any) -> Object:
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"hand-{family[-1]}",
            "namespace": "obs",
            "labels": {"kubernetes.io/service-name": "otel"},
            **about,
        },
        "addressType": family,
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "otlp-grpc", "port": ports[0]}, {"name": "otlp-http", "port": ports[1]}],
    }


def exports(*, grpc: Outcome, http: Outcome) -> list[Inspection]:
    """Exports from both nodes: those over IPv4 are taken."""
    fates = {("IPv6", 4317): grpc, ("IPv6", 4318): http}
    made = tuple(
        ProbeResult(ProbeTask(address, port, spoken, "otel.obs.svc"), fates.get((family, port), Outcome.ACCEPTED))
        for family, address in SERVICE.items()
        for port, spoken in w.PORTS
    )
    return [Inspection(x, "obs", "", plainly(Snapshot({Probes: Probes(made)}))) for x in ("n1", "n2")]


def diagnosed(slices: list[Object], *seen: Inspection) -> Diagnosis:
    service = w.service()
    del service["spec"]["selector"]
    world = w.world(w.healthy(services=[service], slices=slices))
    world.inspections = list(seen)
    return conclude(world, Question())


CROSSED = [by_hand("IPv4", "10.244.9.1"), by_hand("IPv6", "fd00:244::1", (4318, 4317))]


def test_a_slice_that_leads_elsewhere_over_one_family_is_named() -> None:
    found = diagnosed(CROSSED, *exports(grpc=Outcome.HTTP1_SPOKEN, http=Outcome.HTTP2_SPOKEN))

    assert set(w.roots(found)) == {"DS508"}
    assert "DS905" not in w.codes(found)
    one, other = (x for x in found.findings if x.code == "DS508")
    assert one.severity == "error"
    assert one.families == ("ipv6",)
    assert one.summary == "Port 4317 leads elsewhere over IPv6"
    assert "EndpointSlice hand-4 to 4317 over IPv4 and EndpointSlice hand-6 to 4318 over IPv6" in one.detail
    assert one.hint == "Lead it to 4317 in EndpointSlice hand-6, as over IPv4."
    assert other.hint == "Lead it to 4318 in EndpointSlice hand-6, as over IPv4."


def test_two_numbers_of_which_nothing_was_seen_to_fail_are_a_warning() -> None:
    found = diagnosed(CROSSED)

    assert {(x.code, x.severity) for x in found.findings} == {("DS508", "warning")}
    assert found.verdict == "unknown"


def test_the_same_number_over_both_families_is_nothing() -> None:
    assert not diagnosed([by_hand("IPv4", "10.244.9.1"), by_hand("IPv6", "fd00:244::1")]).findings


def test_who_wrote_an_address_that_nobody_has_is_named() -> None:
    slices = [by_hand("IPv4", "10.244.9.1"), by_hand("IPv6", "fd00:244::dead")]

    found = diagnosed(slices, *exports(grpc=Outcome.UNREACHABLE, http=Outcome.UNREACHABLE))

    (told,) = found.findings
    assert told.detail.startswith("EndpointSlice hand-6 leads to an address where nobody is")
    assert told.hint == (
        "Write the address that the receiver has now in EndpointSlice hand-6; a `selector` follows those of its pods."
    )


def test_a_slice_that_is_a_copy_of_endpoints_is_told_by_them() -> None:
    copied = by_hand("IPv4", "10.244.9.250", ownerReferences=[{"kind": "Endpoints", "name": "otel"}])

    found = diagnosed([copied])

    assert [(x.code, x.hint) for x in found.findings] == [("DS507", "See who writes Endpoints otel.")]


def test_a_family_that_no_slice_has_is_to_be_added() -> None:
    (told,) = [x for x in diagnosed([by_hand("IPv4", "10.244.9.1")]).findings if x.code == "DS507"]

    assert told.hint == (
        "Add an EndpointSlice of IPv6 with the address of the receiver, or take IPv6 from the Service."
    )


def test_what_is_led_out_of_sight_is_looked_for_at_its_address() -> None:
    slices = [by_hand("IPv4", "10.244.9.1"), by_hand("IPv6", "fd00:244::1")]

    found = diagnosed(slices, *exports(grpc=Outcome.REFUSED, http=Outcome.ACCEPTED))

    (told,) = found.findings
    assert told.hint == "See what takes connections at fd00:244::1, where EndpointSlice hand-6 leads."


class Shut(Stored):
    """A cluster whose pods may not be listed."""

    def objects(self, kind: Any, namespace: str = "", labels: str = "", fields: str = "") -> list[Object]:
        if kind.kind == "Pod":
            raise Refused(403, "forbidden")
        return super().objects(kind, namespace, labels, fields)  # type: ignore[return-value]


def gathered(*addresses: str, source: type[Stored] = Stored, more: Object | None = None) -> World:
    """What is gathered of a Service whose endpoints somebody wrote, one for each address."""
    service = w.service(["IPv4"])
    del service["spec"]["selector"]
    written = by_hand("IPv4", addresses[0])
    written["endpoints"] = [{"addresses": [x], "conditions": {"ready": True}, **(more or {})} for x in addresses]
    whole = w.world(w.healthy(services=[service], slices=[written]))
    ask = Asker(source(whole, complete=True), "obs")
    found = of(ask, KubeTarget("svc", "otel"))
    looked_for(ask)
    found.target, found.namespace = "svc/otel", "obs"
    return found


HELD = w.pod("otel-a", "n1")["status"]["podIPs"][0]["ip"]


@pytest.mark.parametrize(
    ("addresses", "verdict", "expected"),
    [
        (["10.244.1.251"], "broken", ["error"]),
        (["10.244.1.251", "10.100.0.1"], "degraded", ["error"]),
        (["10.244.1.1"], "unknown", []),
        (["192.0.2.7"], "unknown", []),
        ([HELD], "unknown", []),
    ],
)
def test_an_address_in_the_ranges_of_pods_that_no_pod_has_is_nobodys(
    addresses: list[str], verdict: str, expected: list[str]
) -> None:
    found = conclude(gathered(*addresses), Question())
    told = [x for x in found.findings if x.code == "DS525"]

    assert (found.verdict, [str(x.severity) for x in told][:1]) == (verdict, expected)
    assert all("` leads there: 10.244.1.251 is among the addresses of pods on the node n1" in x.detail for x in told)
    assert all("EndpointSlice" in x.hint for x in told)


def test_who_says_which_pod_it_is_of_is_believed() -> None:
    assert not gathered("10.244.1.251", more={"targetRef": {"kind": "Pod", "name": "new"}}).vacant


def test_where_pods_may_not_be_listed_that_is_told() -> None:
    found = gathered("10.244.1.251", source=Shut)

    assert not found.vacant
    assert [x.needs for x in found.gaps if x.needs.startswith("pods with")] == ["pods with 10.244.1.251"]


def test_what_takes_exports_there_is_somebody() -> None:
    found = gathered("10.244.1.251")
    found.inspections = exports(grpc=Outcome.ACCEPTED, http=Outcome.ACCEPTED)

    assert conclude(found, Question()).verdict == "healthy"
