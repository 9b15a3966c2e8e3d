"""Clients of a cluster under pseudonyms."""

import json
from typing import Any

import pytest
import zstandard
from msgspec.structs import replace

from dualstack.cluster import STRANGERS, WAYS
from dualstack.conclusion import conclude
from dualstack.gather import facts
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.looks import left_out
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.inspection import Inspection
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.world import World
from dualstack.overview import conclude_all
from dualstack.report.json import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import alias, cart, gathered
from tests.cluster.test_onward import agent
from tests.cluster.test_pseudonyms import flows, told, veil
from tests.cluster.test_survey import client, everything, variables, whole

CLIENTS = ("http://otel.obs.svc.cluster.local:4317", "http://otel.$(PANTHER).svc.cluster.local:4317", "http://gone-lynx.obs.svc:4318",
           "https://ingest.ocelot.example/otlp", "http://10.9.8.7:4317", "http://$(JAGUAR):4317")  # fmt: skip
"""Endpoints of clients; one of a Service that is there, by a variable, and of one that is not."""
ANIMALS = ("panther", "lynx", "ocelot", "10.9.8.7", "jaguar", "puma", "shop", "obs")


def sending() -> World:
    """A cluster with a pod of a Deployment of its own for each of the endpoints."""
    pods = []
    for number, endpoint in enumerate(CLIENTS):
        env = variables(PANTHER="obs", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        pods.append(client(f"puma-{number}-abc-x", "n1", env))
        pods[-1]["metadata"]["ownerReferences"][0]["name"] = f"puma-{number}-abc"
    return whole(*pods)


def test_clients_of_a_cluster_give_the_same_answer_and_are_not_told() -> None:
    world = everything(sending())

    before, after = (conclude_all(x, Question()) for x in (world, unpacked("v", veil(world))))

    assert (told(after.findings), flows(after)) == (told(before.findings), flows(before))
    assert "DS408" in {x.code for x in after.findings}
    assert [len(x["traces"]) for x in told_clients(after)] == [len(x["traces"]) for x in told_clients(before)]
    assert {x["variable"] for x in told_clients(after)} == {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    hidden = unpacked("v", veil(world))
    assert len(hidden.beyond) == 2
    parts = [packed(x, "1") for x in (replace(hidden, beyond=[]), *hidden.beyond)]
    plain = [zstandard.ZstdDecompressor().stream_reader(x).read().decode() for x in parts]
    secret = "".join((json.dumps(told_clients(after)), *plain))
    assert [x for x in ANIMALS if x in secret.lower()] == []


@pytest.mark.parametrize("number", range(len(CLIENTS)))
def test_the_way_from_a_client_gives_the_same_answer_under_pseudonyms(number: int) -> None:
    world = of(Asker(Stored(sending()), "shop"), KubeTarget("pod", f"puma-{number}-abc-x"))
    veiled = unpacked("v", veil(world))

    before, after = (conclude(x, Question()) for x in (world, veiled))

    assert (told(after.findings), flows(after)) == (told(before.findings), flows(before))
    assert veiled.asking is not None
    assert [x for x in ANIMALS if x in str(veiled).lower()] == []


def test_what_collectors_send_on_gives_the_same_answer_and_is_not_told() -> None:
    held = {"name": "GW", "valueFrom": {"secretKeyRef": {"name": "ocelot", "key": "jaguar"}}}
    for exporter, env in (
        ("otlp/lynx: {endpoint: 'otel:4317'}", None),
        ("otlp/lynx: {endpoint: 'puma:4317', tls: {insecure: true}}", None),
        ("otlp/lynx: {endpoint: '${env:GW}:4317'}", held),
    ):
        every = w.world([*w.healthy(), *agent(exporter, env=env)])
        world = of(Asker(Stored(every, complete=True), "obs"), KubeTarget("ds", "agent"))
        world.keep("Deployment", w.deployment())
        veiled = unpacked("v", veil(world))

        before, after = (conclude(x, Question()) for x in (world, veiled))

        assert (told(after.findings), flows(after)) == (told(before.findings), flows(before))
        assert world.clients[0].nodes == ("n1", "n2")
        assert [x for x in (*ANIMALS, "'n1'", "'n2'") if x in str(veiled.clients).lower()] == []
        assert veiled.clients[0].variable.startswith("exporters.otlp/")


def test_what_is_said_of_clients_stays_in_words() -> None:
    world = World(gaps=[WAYS, STRANGERS, left_out(3, 0), left_out(0, 1)])

    assert unpacked("v", veil(world)).gaps == world.gaps


def test_a_look_at_a_node_stays_one() -> None:
    world = World(inspections=[Inspection("puma", facts=facts.plainly(Snapshot({})), host=True)])

    (seen,) = unpacked("v", veil(world)).inspections
    assert (seen.host, seen.namespace, seen.node == "puma") == (True, "", False)


def told_clients(found: Diagnosis) -> list[dict[str, Any]]:
    return json.loads(render(found))["exporters"]  # type: ignore[no-any-return]


def test_an_external_name_that_is_an_address_stays_one() -> None:
    world = gathered(cart("http://x:4317"), more=[alias("x", "10.9.8.7")])

    before, after = (conclude(x, Question()) for x in (world, unpacked("v", veil(world))))

    assert (told(after.findings), flows(after)) == (told(before.findings), flows(before))
    assert {x.summary for x in after.findings} == {"An ExternalName is an address"}
    assert "10.9.8.7" not in after.findings[0].detail
