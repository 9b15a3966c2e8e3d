"""Evidence under pseudonyms gives the same answer and does not tell whose it is."""

import ipaddress
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dualstack.cli.app import run
from dualstack.conclusion import conclude
from dualstack.gather import facts, keys
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.dumps import world_of
from dualstack.gather.errors import BadFile
from dualstack.gather.files import Text
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import _public as words
from dualstack.gather.veil import inside, translated, veiled_snapshot, veiled_world
from dualstack.knowledge import table
from dualstack.model.address import Family, is_address, scope
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.world import World
from dualstack.reach.predict import predict
from dualstack.rules.registry import Rule, evaluate, rules
from dualstack.testing import cluster as clusters
from dualstack.testing.incident import snapshot
from tests.cluster import worlds as w
from tests.cluster.test_crashes import crashed
from tests.cluster.test_signals import METRICS_ALONE
from tests.cluster.test_terms import CERTIFICATE, ONE, PLAIN, SECURE, TOKEN, looked, shop
from tests.rules.test_examples import CLUSTERS, FILES, WORLDS, named

KEY = b"a key that stays with its owner."
RECORDED = sorted((Path(__file__).parents[1] / "data" / "worlds").glob("*.tar.zst"))
"""Snapshots of a cluster of three nodes, the third without IPv6, with what exports and containers showed."""


def recorded(path: Path) -> World:
    return unpacked(path.name, path.read_bytes())


def veil(world: World) -> bytes:
    names = Pseudonyms(KEY, translated(*map(inside, world.inspections)))
    return packed(veiled_world(world, names), "1.0")


def told(findings: tuple[Finding, ...]) -> list[tuple[object, ...]]:
    return sorted((x.code, x.severity, x.families, x.hop, x.location.line if x.location else 0) for x in findings)


def flows(found: Diagnosis) -> list[tuple[object, ...]]:
    told = [(x.protocol, x.family, x.disposition, [(y.hop, y.status) for y in x.hops]) for x in found.traces]
    return sorted(told)


# What survives


def test_addresses_keep_their_scope_and_common_prefix() -> None:
    names = Pseudonyms(KEY)

    @given(st.ip_addresses(), st.integers(0, 128), st.integers(0))
    def holds(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int, low: int) -> None:
        size = ip.max_prefixlen
        bits = min(bits, size)
        other = type(ip)(int(ip) >> (size - bits) << (size - bits) | low % (1 << (size - bits)))
        one, two = (ipaddress.ip_address(names.address(str(x))) for x in (ip, other))

        assert scope(str(one)) is scope(str(ip))
        assert common(one, two) == common(ip, other)

    holds()


def common(one: Any, two: Any) -> int:
    return int(one.max_prefixlen) - (int(one) ^ int(two)).bit_length()


@pytest.mark.parametrize("block", [x["block"] for x in table("special_blocks")])
def test_special_blocks_keep_their_addresses(block: str) -> None:
    network = ipaddress.ip_network(block)
    names = Pseudonyms(KEY)

    for ip in (network.network_address, network.broadcast_address):
        assert ipaddress.ip_address(names.address(str(ip))) in network
    assert names.address(block) == block


@pytest.mark.parametrize("range_", ["10.96.0.0/16", "fd00:96::/112", "10.244.2.0/24", "fd00:244:0:2::/64", "2a00::/12"])
def test_ranges_hold_what_they_held(range_: str) -> None:
    names, network = Pseudonyms(KEY), ipaddress.ip_network(range_)
    inner = [network.network_address + x for x in (1, 9, network.num_addresses - 1)]

    veiled = ipaddress.ip_network(names.address(range_))

    assert veiled != network
    assert all(ipaddress.ip_address(names.address(str(x))) in veiled for x in inner)
    assert ipaddress.ip_address(names.address(str(network.network_address - 1))) not in veiled


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("::ffff:10.1.2.3", r"::ffff:10\.\d+\.\d+\.\d+"),
        ("64:ff9b::10.1.2.3", r"64:ff9b::10\.\d+\.\d+\.\d+"),
        ("fe80::1%eth0", r"fe80::[0-9a-f:]+%eth0"),
        ("fe80::1%vlan77", r"fe80::[0-9a-f:]+%[g-z]+"),
        ("10.1.2.3/24", r"10\.\d+\.\d+\.\d+/24"),
        ("127.0.0.1", r"127\.0\.0\.1"),
        ("0.0.0.0/0", r"0\.0\.0\.0/0"),
        ("::", "::"),
    ],
)
def test_forms_of_addresses_stay(text: str, wanted: str) -> None:
    assert re.fullmatch(wanted, Pseudonyms(KEY).address(text))


def test_an_embedded_address_is_the_one_that_it_was() -> None:
    names = Pseudonyms(KEY, [ipaddress.IPv6Network("2001:db8:64::/96")])
    v4 = int(ipaddress.ip_address(names.address("10.1.2.3")))

    for text in ("::ffff:a01:203", "64:ff9b::a01:203", "2001:db8:64::a01:203"):
        assert int(ipaddress.ip_address(names.address(text))) & 0xFFFFFFFF == v4


def test_names_are_made_of_each_other_as_before() -> None:
    names = Pseudonyms(KEY)
    shop, canary = names.name("shop"), names.name("shop-canary")

    assert canary.startswith(f"{shop}-")
    assert names.name("shop-collector-headless") == f"{shop}-collector-headless"
    assert (
        names.host("shop.observability.svc.cluster.local") == f"{shop}.{names.name('observability')}.svc.cluster.local"
    )
    assert names.name("collector") != "collector"
    assert names.name("kube-system") == "kube-system"
    assert names.name("SHOP").isupper()
    assert all(len(names.name(x)) <= 63 for x in ("a-b-c-d-e-f-g-h-i-j-k", "x" * 63, "ip-10-0-1-23"))


def test_another_key_gives_other_pseudonyms() -> None:
    one, two = Pseudonyms(KEY), Pseudonyms(KEY[::-1])

    assert one.name("shop") != two.name("shop")
    assert one.address("10.1.2.3") != two.address("10.1.2.3")


# The same answer


@pytest.mark.parametrize("path", RECORDED, ids=lambda x: x.name)
def test_a_recorded_cluster_gives_the_same_answer(path: Path) -> None:
    world = recorded(path)

    before, after = (conclude(x, Question()) for x in (world, unpacked("v", veil(world))))

    assert told(after.findings) == told(before.findings)
    assert (after.verdict, flows(after)) == (before.verdict, flows(before))
    assert len(after.skipped) == len(before.skipped)


@pytest.mark.parametrize(("rule", "kind", "text"), CLUSTERS, ids=named(CLUSTERS))
def test_the_clusters_of_the_rules_give_the_same_answer(rule: Rule, kind: str, text: str) -> None:
    same(clusters.world(text))


def test_the_files_of_the_rules_give_the_same_answer_in_a_cluster() -> None:
    for _, _, text in FILES:
        same(in_a_cluster(text))


def same(world: World) -> None:
    veiled = unpacked("v", veil(world))
    for families in ((), (Family.IPV4, Family.IPV6)):
        before, after = (conclude(x, Question(cluster=families)) for x in (world, veiled))
        assert told(after.findings) == told(before.findings)


def in_a_cluster(text: str) -> World:
    """The objects of a file; the configuration of a Collector as one that a Deployment reads."""
    body = "\n".join(x for x in text.splitlines() if not x.startswith("#"))
    found = world_of((Text("example.yaml", body),), "example")
    if found.objects:
        return found
    labels = {"app": "otel"}
    container = {
        "name": "c",
        "image": "otel/opentelemetry-collector-contrib:0.139.0",
        "args": ["--config=/conf/config.yaml"],
        "volumeMounts": [{"name": "v", "mountPath": "/conf"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "v", "configMap": {"name": "conf"}}]}
    about = {"name": "conf", "namespace": "shop"}
    found.keep("ConfigMap", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"config.yaml": body}})
    found.keep("Deployment", {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "otel", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    })  # fmt: skip
    return found


@pytest.mark.parametrize(("rule", "kind", "text"), WORLDS, ids=named(WORLDS))
def test_the_hosts_of_the_rules_give_the_same_answer(rule: Rule, kind: str, text: str) -> None:
    before = snapshot(text)

    after = facts.decoded("f", facts.encoded(veiled_snapshot(before, Pseudonyms(KEY, translated(before)))))

    assert judged(after) == judged(before)


def judged(found: Snapshot) -> list[tuple[object, ...]]:
    return told(evaluate(found.adding(predict(found)), rules())[0])


# Nothing that tells whose it is

PUBLIC = words() | {x["text"] for x in table("public_names")} | {"kube-root-ca.crt"}
_BLOCKS = {x["block"].partition("/")[0] for x in table("special_blocks")}


def leaves(said: Any, key: str = "", above: str = "") -> Iterator[tuple[str, str, str]]:
    for k, v in said.items() if isinstance(said, dict) else [(key, x) for x in said] if isinstance(said, list) else ():
        yield from leaves(v, k, key if isinstance(said, dict) else above)
    if isinstance(said, str):
        yield said, key, above


def private(world: World) -> Iterator[str]:
    """Names, labels and addresses of a world, but what is the same in every one."""
    held = {**world.objects, "seen": msgspec.to_builtins(world.seen), "in": msgspec.to_builtins(world.inspections)}
    for said, key, above in leaves(held):
        label = above in ("labels", "matchLabels", "annotations", "selector", "nodeSelector")
        if label and "/" not in key:
            yield key
        if label or (key in ("name", "namespace", "nodeName", "node", "pod") and above not in ("ports", "env")):
            yield said
        if key == "place":
            yield said.rpartition(" ")[2]
        yield from (x for x in re.findall(r"[0-9a-fA-F]*:[0-9a-fA-F:.]+|\d+(?:\.\d+){3}", said) if is_address(x))
    yield from (world.context, world.namespace, world.target.partition("/")[2])


def is_public(said: str) -> bool:
    if is_address(said):
        return said in _BLOCKS or said in ("127.0.0.1", "::1", "::")
    return said.lower() in PUBLIC or bool(re.fullmatch(r"[\d:.TZ-]*|\{.*|.*\n", said)) or said in ("true", "false")


@pytest.mark.parametrize("path", RECORDED, ids=lambda x: x.name)
def test_nothing_in_a_recorded_cluster_tells_whose_it_is(path: Path) -> None:
    world = recorded(path)
    kept = sorted({x for x in private(world) if not is_public(x)})

    assert len(kept) > 10
    assert holding(packed(world, "1.0"), kept) == kept
    assert holding(veil(world), kept) == []


def holding(archive: bytes, words_: list[str]) -> list[str]:
    plain = zstandard.ZstdDecompressor().stream_reader(archive).read().decode()
    return [x for x in words_ if re.search(rf"(?<![\w.:-]){re.escape(x)}(?![\w-]|:[0-9a-f])", plain)]


# Clients


SECRETIVE = """
receivers: {otlp/acme-tenant: {protocols: {grpc: {endpoint: "collector.acme.example:4317"}}}}
exporters:
  otlphttp/partner:
    endpoint: https://key:s3cr3t@ingest.partner.example/v1?token=abcdef0123456789abcdef
    headers: {x-acme-customer: "Wile E. Coyote, Ünïcode GmbH", authorization: "Bearer eyJhbGciOi.J9.x"}
processors: {resource: {attributes: [{key: acme.region, value: nevada, action: insert}]}}
service: {pipelines: {traces: {receivers: [otlp/acme-tenant], exporters: [otlphttp/partner]}}}
"""


def test_what_only_the_owner_can_have_written_is_not_kept() -> None:
    world = in_a_cluster(SECRETIVE)

    plain = zstandard.ZstdDecompressor().stream_reader(veil(world)).read().decode()

    for word in ("acme", "partner", "s3cr3t", "abcdef", "Wile", "Coyote", "Ünïcode", "GmbH", "eyJ", "nevada", "shop"):
        assert word not in plain, word
    for word in ("receivers", "otlphttp", "endpoint", ":4317", "https://", "/v1?", "pipelines", "authorization"):
        assert word in plain, word


# The key


def test_the_key_is_made_kept_and_read_by_its_owner_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out, key = RECORDED[0], tmp_path / "v.tar.zst", tmp_path / "k"
    stored = tmp_path / "dump.json"
    stored.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": recorded(path).objects["Service"]}))
    words_ = ["gather", "--from-troubleshoot", str(stored), "--pseudonymise", "--key-file", str(key), "-o", str(out)]

    assert run(words_) == 0
    first = out.read_bytes()
    assert run(words_) == 0

    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert out.read_bytes() == first
    name = unpacked("v", first).objects["Service"][0]["metadata"]["name"]
    capsys.readouterr()
    assert run(["gather", "--reveal", f"svc/{name} is well", "--key-file", str(key)]) == 0
    assert capsys.readouterr().out == f"svc/{recorded(path).objects['Service'][0]['metadata']['name']} is well\n"


def test_a_report_is_revealed() -> None:
    names = Pseudonyms(KEY)
    text = f"{names.host('otel.shop')}:4317 at [{names.address('fd00:1::2')}]:4317 and {names.address('10.1.2.3')}:80, "
    text += f"{names.name('otel')}-collector, in {names.address('10.96.0.0/16')}, not xyz-1"

    found = keys.revealed(text, names.known)

    assert found == "otel.shop:4317 at [fd00:1::2]:4317 and 10.1.2.3:80, otel-collector, in 10.96.0.0/16, not xyz-1"


@pytest.mark.parametrize(
    "text", ["", "{}", '{"schema": "x/1", "key": "00"}', '{"schema": "dualstack.key/1", "key": "zz"}']
)
def test_what_is_no_key_is_refused_and_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text(text)

    with pytest.raises(BadFile, match="is no key"):
        keys.opened(str(path), create=True)
    assert path.read_text() == text


def test_a_key_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="Name the key that the evidence was made with"):
        keys.opened(str(tmp_path / "k"), create=False)
    with pytest.raises(BadFile, match="cannot be written"):
        keys.save(str(tmp_path / "no" / "k"), keys.opened(str(tmp_path / "k"), create=True))


TOLD = {
    "log": ([crashed(log="Error: 'protocols.grpc' has invalid keys: endpiont")], None, []),
    "token": (ONE, looked(**TOKEN), shop(PLAIN)),
    "a-token-somewhere": (ONE, looked(**TOKEN), shop(PLAIN, "OTEL_EXPORTER_OTLP_HEADERS")),
    "certificate": (ONE, looked(**CERTIFICATE), shop(SECURE)),
    "tls": (ONE, looked(Outcome.TLS_EXPECTED), shop(PLAIN)),
    "metrics": (ONE, METRICS_ALONE, shop(PLAIN)),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_receivers_and_containers_say_leads_to_the_same_diagnosis(name: str) -> None:
    pods, seen, sent = TOLD[name]
    world = w.world(w.healthy(pods=pods), seen=seen, clients=sent)

    plain, veiled = (conclude(x, Question()) for x in (world, veiled_world(world, Pseudonyms(KEY))))

    assert (told(veiled.findings), flows(veiled), veiled.verdict) == (told(plain.findings), flows(plain), plain.verdict)
    assert plain.findings or name == "a-token-somewhere"
