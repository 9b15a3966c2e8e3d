"""Objects that were stored are asked as an API server is asked, and a snapshot is untrusted."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard

from dualstack.gather import archive, kinds
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker, of
from dualstack.gather.dumps import read_world
from dualstack.gather.errors import BadFile, BadInput
from dualstack.gather.kube_objects import Refused
from dualstack.gather.stored import Stored, terms
from dualstack.model.evidence import Missing
from dualstack.model.target import KubeTarget
from dualstack.model.world import World


def pod(name: str, namespace: str = "shop", **labels: str) -> dict[str, object]:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels}}


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("", {"a", "b", "c"}),
        ("app=x", {"a", "b"}),
        ("app==x,tier!=web", {"b"}),
        ("tier in (web, db)", {"a"}),
        ("tier notin (web)", {"b", "c"}),
        ("tier", {"a"}),
        ("!tier,app", {"b"}),
        ("app=", set()),
    ],
)
def test_labels_are_selected_as_the_server_does(selector: str, wanted: set[str]) -> None:
    world = World(objects={"Pod": [pod("a", app="x", tier="web"), pod("b", app="x"), pod("c")]})

    found = Stored(world).objects(kinds.PODS, "shop", selector)

    assert {x["metadata"]["name"] for x in found} == wanted
    assert len(list(terms(selector))) == len([x for x in selector.replace("(web, db)", "").split(",") if x])


def test_names_and_namespaces_are_told_apart() -> None:
    source = Stored(World(objects={"Pod": [pod("a"), pod("a", "other")], "Node": [{"metadata": {"name": "n"}}]}))

    assert source.object(kinds.PODS, "other", "a") == pod("a", "other")
    assert source.object(kinds.PODS, "none", "a") is None
    assert source.object(kinds.NODES, "any", "n") == {"metadata": {"name": "n"}}
    assert len(source.objects(kinds.PODS)) == 2
    with pytest.raises(Refused, match="is not among what was stored"):
        source.objects(kinds.SERVICES, "shop")


@pytest.mark.parametrize(
    ("name", "namespace", "said"),
    [
        ("a", "obs", "There is no Pod `a` in the namespace `obs`; there is one in `shop`, `web`. Use `-n`."),
        (
            "x",
            "web",
            "There is no Pod `x` in the namespace `web`. There are: `a`, `b`. Use `-n` for another namespace.",
        ),
        (
            "x",
            "obs",
            "There is no Pod `x` in the namespace `obs`, of which nothing was stored. Use `-n` for another namespace.",
        ),
    ],
)
def test_a_name_that_is_not_there_is_told_with_those_that_are(name: str, namespace: str, said: str) -> None:
    source = Stored(World(objects={"Pod": [pod("a"), pod("a", "web"), pod("b", "web")], "Service": []}))

    with pytest.raises(BadInput) as error:
        of(Asker(source, namespace), KubeTarget("pod", name))
    assert str(error.value) == said


def test_an_odd_object_is_told_and_the_others_are_read() -> None:
    found = Stored(World(objects={"Node": [{"metadata": {"name": "n"}}, {"metadata": {"name": ["x"]}}]}))

    listed = found.listed(kinds.NODES)

    assert [x.metadata.name for x in listed.items] == ["n"]
    assert "Expected `str`" in listed.odd[0]


WORLD = World(
    context="prod",
    objects={"Pod": [pod("a", app="x")], "Service": []},
    left_out={"Node": 3},
    gaps=[Missing("nodes", "not allowed")],
    target="svc/a",
    namespace="shop",
)


def test_a_snapshot_holds_all_of_it_and_is_the_same_each_time() -> None:
    raw = packed(WORLD, "1.0")

    assert unpacked("w", raw) == WORLD
    assert packed(unpacked("w", raw), "1.0") == raw


def repacked(change: Callable[[dict[str, bytes]], object], *, kind: bytes = tarfile.REGTYPE) -> bytes:
    """The snapshot with its parts changed by somebody else."""
    parts: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().decompress(packed(WORLD, "1.0")))) as tar:
        for about in tar:
            held = tar.extractfile(about)
            assert held
            parts[about.name] = held.read()
    change(parts)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, body in parts.items():
            about = tarfile.TarInfo(name)
            about.size, about.type = len(body), kind
            tar.addfile(about, io.BytesIO(body))
    return zstandard.ZstdCompressor().compress(out.getvalue())


def with_manifest(**changes: object) -> Callable[[dict[str, bytes]], object]:
    def change(parts: dict[str, bytes]) -> None:
        said = msgspec.json.decode(parts["manifest.json"])
        parts["manifest.json"] = msgspec.json.encode({**said, **changes})

    return change


HOSTILE: list[tuple[Callable[[dict[str, bytes]], object], str]] = [
    (lambda x: x.update({"../../etc/passwd": b""}), "which no snapshot has"),
    (lambda x: x.update({"/etc/passwd": b""}), "which no snapshot has"),
    (lambda x: x.update({"objects/../x.json": b""}), "which no snapshot has"),
    (lambda x: x.update({"objects/Pod.json": b"[]"}), "is not what the manifest says"),
    (lambda x: x.update({"objects/Node.json": b"[]"}), "its manifest and its parts differ: objects/Node.json"),
    (lambda x: x.pop("objects/Pod.json"), "its manifest and its parts differ: objects/Pod.json"),
    (lambda x: x.pop("manifest.json"), "has no manifest.json"),
    (lambda x: x.update({"manifest.json": b"{"}), "has a manifest that cannot be read"),
    (lambda x: x.update({"manifest.json": b"[]"}), "has a manifest that cannot be read"),
    (with_manifest(schema="dualstack.world/2"), "was written by a later version"),
    (with_manifest(schema="other/1"), "is of the schema `other/1`"),
    (with_manifest(parts=7), "has a manifest that cannot be read"),
]


@pytest.mark.parametrize(("change", "said"), HOSTILE, ids=[x[1][:30] + str(i) for i, x in enumerate(HOSTILE)])
def test_a_hostile_snapshot_is_refused(change: Callable[[dict[str, bytes]], object], said: str) -> None:
    with pytest.raises(BadFile, match=said):
        unpacked("w", repacked(change))


def test_links_are_refused() -> None:
    with pytest.raises(BadFile, match="which no snapshot has"):
        unpacked("w", repacked(lambda x: x, kind=tarfile.SYMTYPE))


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MOST", 1_000_000)

    with pytest.raises(BadFile, match="unpacks to more than 1 MB"):
        unpacked("w", zstandard.ZstdCompressor().compress(bytes(50_000_000)))


@pytest.mark.parametrize("cut", [5, 40, -100])
def test_a_file_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(BadFile, match=r"Ask for it again|no snapshot"):
        unpacked("w", packed(WORLD, "1.0")[:cut])


def test_a_folder_of_objects_is_a_world(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {ports: [{port: 4317}]}}\n"
        "- {apiVersion: v1, kind: Secret, metadata: {name: s}, data: {token: eA==}}\n"
    )
    (tmp_path / "one.json").write_text('{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}')
    (tmp_path / "broken.yaml").write_text("a: [\n")
    (tmp_path / "notes.yaml").write_text("just: text\n")

    world = read_world(str(tmp_path))

    assert set(world.objects) == {"Service", "Node"}
    assert world.objects["Service"][0]["spec"] == {"ports": [{"port": 4317}]}
    assert [x.needs.endswith("broken.yaml") for x in world.gaps] == [True]


def test_what_holds_no_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.yaml").write_text("just: text\n")

    with pytest.raises(BadFile, match="holds no object of Kubernetes and is no snapshot"):
        read_world(str(tmp_path))
    with pytest.raises(BadInput, match="cannot be read"):
        read_world(str(tmp_path / "absent"))
