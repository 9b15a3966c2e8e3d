"""The evidence of a cluster as one file: a tar of JSON by kind, compressed with zstd, with a manifest and its hashes.

    manifest.json          what it is, of which cluster, what was left out and why, and the hash of every other part
    objects/KIND.json      the objects of a kind, one list
    seen.json              what exports from outside showed
    inspections.json       what containers inside saw
    clients.json           pods that say where they export to
    beyond/0.tar.zst       the same for what a Collector that receives sends on, or a client that is asked about

The same evidence gives the same bytes. A file from elsewhere is untrusted: nothing is written to a disk, every part is
named here, its size is bounded, and its hash is held against the manifest.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator, Mapping

import msgspec
import zstandard

from dualstack.gather.errors import BadFile
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Asking, Exporter
from dualstack.model.glimpse import Glimpses
from dualstack.model.inspection import Inspection
from dualstack.model.world import World

SCHEMA = "dualstack.world"
VERSION = 1
MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878 section 3.1.1
_MOST = 2_000_000_000
"""Bytes that may come out of one file; 150,000 pods are 500 MB."""
_PARTS = 200
_WINDOW = 2**27
_OBJECTS = re.compile(r"objects/(?P<kind>[A-Za-z]{1,63})\.json")
_BEYOND = re.compile(r"beyond/\d{1,2}\.tar\.zst")
_MANIFEST, _SEEN, _INSIDE, _CLIENTS = "manifest.json", "seen.json", "inspections.json", "clients.json"


class Part(msgspec.Struct, frozen=True):
    """A file of the archive: its SHA-256 in hexadecimal, and how many objects it holds."""

    path: str
    sha256: str
    count: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """What an archive is. `tool` is the version that wrote it."""

    schema: str
    tool: str
    context: str
    target: str
    namespace: str
    parts: tuple[Part, ...]
    left_out: Mapping[str, int] = {}
    gaps: tuple[Missing, ...] = ()
    unseen: tuple[str, ...] = ()
    pseudonymised: bool = False
    vantage: str = ""
    gathered: str = ""
    learned: tuple[str, ...] = ()
    asking: Asking | None = None
    lost: tuple[Exporter, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    no_gateways: tuple[tuple[str, str], ...] = ()
    vacant: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    meant: tuple[tuple[str, str, str, str], ...] = ()
    surveyed: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    slips: tuple[str, ...] = ()
    other_policies: tuple[tuple[str, str], ...] = ()
    engines: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()


def packed(world: World, tool: str) -> bytes:
    """A world as the bytes of an archive."""
    bodies = {f"objects/{k}.json": _json(v, ordered=world.pseudonymised) for k, v in sorted(world.objects.items())}
    counts = {f"objects/{k}.json": len(v) for k, v in world.objects.items()}
    bodies[_SEEN], bodies[_INSIDE] = _json(world.seen), _json(world.inspections)
    bodies[_CLIENTS] = _json(world.clients)
    bodies |= {f"beyond/{number}.tar.zst": packed(x, tool) for number, x in enumerate(world.beyond)}
    parts = tuple(Part(k, hashlib.sha256(v).hexdigest(), counts.get(k, 0)) for k, v in bodies.items())
    manifest = Manifest(
        f"{SCHEMA}/{VERSION}",
        tool,
        world.context,
        world.target,
        world.namespace,
        parts,
        world.left_out,
        tuple(world.gaps),
        tuple(sorted(world.unseen)),
        world.pseudonymised,
        world.vantage,
        world.gathered,
        world.learned,
        world.asking,
        tuple(world.lost),
        tuple(world.absent),
        tuple(world.no_gateways),
        tuple(world.vacant),
        tuple(world.namespaces),
        tuple(world.meant),
        tuple(world.surveyed),
        tuple(world.nameservers),
        tuple(world.domains),
        tuple(world.slips),
        tuple(world.other_policies),
        tuple(world.engines),
        tuple(world.dns),
    )
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, body in {_MANIFEST: _json(manifest), **bodies}.items():
            about = tarfile.TarInfo(path)
            about.size = len(body)
            tar.addfile(about, io.BytesIO(body))
    return zstandard.ZstdCompressor(level=9, write_checksum=True).compress(held.getvalue())


def _json(value: object, *, ordered: bool = False) -> bytes:
    """A value as JSON, its keys in alphabetical order or as they are."""
    return msgspec.json.format(msgspec.json.encode(value, order=None if ordered else "sorted"), indent=1) + b"\n"


def unpacked(path: str, raw: bytes, *, within: bool = True) -> World:
    """The world in an archive. Raises BadFile for one that is broken, hostile, or of a later version.

    Where it is that of what is beyond another one, nothing is beyond it.
    """
    bodies = _bodies(path, raw)
    manifest = _manifest(path, bodies)
    hashes = {x.path: x.sha256 for x in manifest.parts}
    if set(hashes) != set(bodies) - {_MANIFEST}:
        odd = sorted(set(hashes) ^ (set(bodies) - {_MANIFEST}))
        raise BadFile(path, f"its manifest and its parts differ: {', '.join(odd[:5])}. Ask for it again.")
    for name, wanted in hashes.items():
        if hashlib.sha256(bodies[name]).hexdigest() != wanted:
            raise BadFile(path, f"its part {name} is not what the manifest says. Ask for it again.")
    world = World(manifest.context, left_out=dict(manifest.left_out), gaps=list(manifest.gaps))
    world.target, world.namespace, world.unseen = manifest.target, manifest.namespace, set(manifest.unseen)
    world.pseudonymised, world.vantage, world.gathered = manifest.pseudonymised, manifest.vantage, manifest.gathered
    world.learned, world.asking, world.lost = manifest.learned, manifest.asking, list(manifest.lost)
    world.absent, world.no_gateways = list(manifest.absent), list(manifest.no_gateways)
    world.vacant = list(manifest.vacant)
    world.namespaces, world.meant = list(manifest.namespaces), list(manifest.meant)
    world.surveyed, world.nameservers = list(manifest.surveyed), list(manifest.nameservers)
    world.domains, world.slips = list(manifest.domains), list(manifest.slips)
    world.other_policies = list(manifest.other_policies)
    world.engines, world.dns = list(manifest.engines), list(manifest.dns)
    try:
        for name, body in bodies.items():
            found = _OBJECTS.fullmatch(name)
            if found:
                world.objects[found["kind"]] = msgspec.json.decode(body, type=list[dict[str, object]])
        world.seen = msgspec.json.decode(bodies[_SEEN], type=Glimpses) if _SEEN in bodies else Glimpses()
        world.inspections = msgspec.json.decode(bodies[_INSIDE], type=list[Inspection]) if _INSIDE in bodies else []
        world.clients = msgspec.json.decode(bodies[_CLIENTS], type=list[Exporter]) if _CLIENTS in bodies else []
    except msgspec.MsgspecError as error:
        raise BadFile(path, f"holds a part that cannot be read: {error}.") from error
    if within:
        world.beyond = [
            unpacked(path, bodies[x], within=False)
            for x in sorted(filter(_BEYOND.fullmatch, bodies), key=lambda x: (len(x), x))
        ]
    return world


def _manifest(path: str, bodies: Mapping[str, bytes]) -> Manifest:
    body = bodies.get(_MANIFEST)
    if body is None:
        raise BadFile(path, "has no manifest.json, so it is no snapshot of dualstack.")
    try:
        said = str(msgspec.json.decode(body).get("schema"))
        name, _, version = said.rpartition("/")
        if name != SCHEMA or not version.isdigit():
            raise BadFile(path, f"is of the schema `{said[:40]}`, not `{SCHEMA}/{VERSION}`.")
        if int(version) > VERSION:
            raise BadFile(path, f"was written by a later version ({said}). Update dualstack.")
        return msgspec.json.decode(body, type=Manifest)
    except (msgspec.MsgspecError, AttributeError) as error:
        raise BadFile(path, f"has a manifest that cannot be read: {error}.") from error


def _bodies(path: str, raw: bytes) -> dict[str, bytes]:
    """The parts of an archive by their paths."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_plain(path, raw)), mode="r:") as tar:
            for about in tar:
                if not about.isreg() or not (
                    about.name in (_MANIFEST, _SEEN, _INSIDE, _CLIENTS)
                    or _OBJECTS.fullmatch(about.name)
                    or _BEYOND.fullmatch(about.name)
                ):
                    raise BadFile(path, f"holds `{about.name[:80]}`, which no snapshot has. It was not unpacked.")
                held = tar.extractfile(about)
                if held is None or about.name in found or len(found) >= _PARTS:
                    raise BadFile(path, "has more parts than a snapshot can have. It was not unpacked.")
                found[about.name] = held.read()
    except (tarfile.TarError, EOFError, ValueError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(path, f"is no archive that can be read: {error}. Ask for it again.") from error
    return found


def _plain(path: str, raw: bytes) -> bytes:
    out = bytearray()
    try:
        for chunk in _chunks(raw):
            out += chunk
            if len(out) > _MOST:
                raise BadFile(path, f"unpacks to more than {_MOST // 1_000_000} MB. It was not read.")
    except zstandard.ZstdError as error:
        raise BadFile(path, f"is not compressed with zstd, or is cut short: {error}. Ask for it again.") from error
    return bytes(out)


def _chunks(raw: bytes) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
        io.BytesIO(raw), read_across_frames=False
    )
    while chunk := reader.read(1 << 20):
        yield chunk
