"""Evidence with pseudonyms in the place of everything that tells whose it is.

What is not known to be public is replaced: a text keeps numbers, punctuation, lines, and the words of
`knowledge/public_words.table` and of the tables that diagnoses are made from. The names of fields stay, the keys of
labels, annotations and variables do not, and the order of keys is kept, so that every line stays where it was.
"""

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from ipaddress import IPv6Network
from typing import Any, TypeVar

import msgspec

from dualstack.gather.facts import decoded, plainly
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.knowledge import table
from dualstack.model.address import is_address
from dualstack.model.exporter import Asking, Exporter
from dualstack.model.glimpse import Glimpses
from dualstack.model.inspection import Inspection
from dualstack.model.names import Names
from dualstack.model.snapshot import Snapshot
from dualstack.model.world import World
from dualstack.reach.dns64 import learned

T = TypeVar("T")

_VOCABULARY = ("address_variables", "agents", "balancers", "client_marks", "components", "connect_errors",
               "contrib_components", "destinations", "errors", "feature_gates", "foreign_listeners", "front_answers",
               "gateway_ports", "http_answers", "ingresses", "localhost", "meshes", "otlp_receivers", "process_marks",
               "proxies", "proxy_answers", "runtimes", "schemes", "silent_components")  # fmt: skip
"""Tables whose words a diagnosis looks for."""
_REMARKS = ("source", "notes", "status")

_WORD = r"\w(?:[\w.-]*\w)?"
_TEXT = re.compile(
    r"(?P<kept>\\(?:x[0-9a-fA-F]{2}|.)|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?|(?<![\w:.])\d\d?:\d\d:\d\d(?![\w:]))"
    r"|(?P<mac>(?<![\w:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:]))"
    r"|(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?:"
    r"(?P<address>(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,8}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{1,5})?(?!\w|\.\d)"
    r"(?:%[\w.-]+)?(?:/\d{1,3}(?!\d))?"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)(?:/\d{1,2}(?!\d))?)"
    rf"|(?P<word>{_WORD})(?P<port>:\d{{1,5}}(?!\w))?)"
)
_NAME = re.compile(rf"{_WORD}-?")
_NUMBER = re.compile(r"\d{1,9}|v?\d+(?:\.\d+)+|\d+(?:\.\d+)?[A-Za-z]{1,3}(?:\d+[A-Za-z]{1,2})*|.")
_ENUMERATION = re.compile(r"[A-Z][A-Za-z0-9]{1,40}")
_VERSION = re.compile(r"v?\d+(?:\.\d+)*(?:-(?:alpha|beta|rc|SNAPSHOT)\.?\d*)?|latest")
_PUBLIC_DOMAINS = (
    "kubernetes.io",
    "k8s.io",
    "opentelemetry.io",
    "helm.sh",
    "k8s.aws",
    "nginx.org",
    "prometheus.io",
    "dualstack.dev",
    "projectcalico.org",
    "cilium.io",
    "antrea.io",
    "ovn.org",
)
"""Whose labels and annotations are the same everywhere."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_OPAQUE = _set(
    "uid kubectl.kubernetes.io/last-applied-configuration resourceVersion containerID bootID machineID systemUUID"
    " binaryData caBundle"
)
_ENUMERATED = _set("kind type reason phase protocol operator effect status addressType ipMode")
_NAMED = _set(
    "name namespace generateName nodeName node serviceName serviceAccountName serviceAccount claimName secretName"
    " hostname hostnames hosts host sectionName subdomain node_name schedulerName pod externalName"
)
_LABELS = _set("labels matchLabels selector nodeSelector annotations podAnnotations podSelector")
_ADDRESSES = _set("ip podIP hostIP address addresses clusterIP clusterIPs destination gateway nameservers")
_CONTAINERS = _set("containers initContainers containerStatuses initContainerStatuses")
"""Fields of Kubernetes by what their values are."""


@cache
def _public() -> frozenset[str]:
    """Words that stay, in small letters."""
    found = {y for x in table("public_words") for y in x["words"].split()}
    for name in _VOCABULARY:
        cells = (v for row in table(name) for k, v in row.items() if k not in _REMARKS)
        found.update(y for x in cells for y in re.findall(_WORD, x) if "-" not in y)
    return frozenset(x.lower() for x in found)


class Veil:
    """Replaces what is in a value. `identifiers` are names, and `addresses` addresses, that are known to be such."""

    def __init__(self, pseudonyms: Pseudonyms, identifiers: Iterable[str] = (), addresses: Iterable[str] = ()) -> None:
        """Begin with what the evidence names."""
        self._names = pseudonyms
        self._identifiers, self._addresses = frozenset(identifiers), frozenset(addresses)
        self._texts: dict[str, str] = {}

    def host(self, said: str) -> str:
        """A name, by the labels that it is made of."""
        return self._names.host(said)

    def text(self, said: str) -> str:
        """A text, word by word."""
        if said not in self._texts:
            self._texts[said] = _TEXT.sub(self._piece, said)
        return self._texts[said]

    def sentence(self, said: str) -> str:
        """A text of which the names are no words: a message, and no configuration."""
        return _TEXT.sub(lambda x: self._piece(x, names=True), said)

    def _piece(self, found: re.Match[str], *, names: bool = False) -> str:
        if found["kept"]:
            return found[0]
        if found["mac"]:
            return self._names.garbled(found[0])
        scheme, word, port = found["scheme"] or "", found["word"], found["port"] or ""
        if found["address"]:
            return scheme + self._address(found["address"])
        if names and word in self._identifiers:
            return scheme + self._names.host(word) + port
        placed = bool(port and not _NUMBER.fullmatch(word)) or bool(scheme)
        behind = found.string[: found.start("word")].endswith(").")  # a variable, and then the rest of a name
        return scheme + (self._names.host(word, behind=behind) if placed else self.word(word)) + port

    def _address(self, said: str) -> str:
        if is_address(said) and ":" in said and said not in self._addresses:
            head, _, port = said.rpartition(":")
            if port.isdigit() and len(port) >= 4 and is_address(head):
                return self._names.ambiguous(head, port)
        for part in (said, said.removesuffix(":"), said.rpartition(":")[0]):
            try:
                return self._names.address(part) + said[len(part) :]
            except ValueError:
                continue
        return self._names.garbled(said)

    def word(self, said: str) -> str:
        """A word, or several with dots between; it stays where it is public, or a number."""
        if said.lower() in _public() or _NUMBER.fullmatch(said):
            return said
        parts = said.split(".")
        if len(parts) > 1 and all(x.lower() in _public() or _NUMBER.fullmatch(x) for x in parts):
            return said
        if "_" in said and "." not in said:
            return "_".join(x if x.lower() in _public() or not x else self._names.name(x) for x in said.split("_"))
        return self._names.host(said)

    def _tokens(self, said: str) -> str:
        """A name that is made of words, some of which may be public, such as that of a port."""
        kept = (
            x if x.lower() in _public() or _NUMBER.fullmatch(x) or not x else self._names.name(x)
            for x in said.split("-")
        )
        return "-".join(kept)

    def image(self, said: str) -> str:
        """An image: its version stays, and the words that tell what program it is."""
        place, at, digest = said.partition("@")
        path, colon, tag = place.rpartition(":") if ":" in place.rpartition("/")[2] else (place, "", "")
        first, slash, rest = path.partition("/")
        if slash and ("." in first or ":" in first):
            host, mark, port = first.partition(":")
            path = f"{self._names.host(host)}{mark}{port}/{'/'.join(map(self._tokens, rest.split('/')))}"
        else:
            path = "/".join(map(self._tokens, path.split("/")))
        shown = tag if _VERSION.fullmatch(tag) else self._tokens(tag)
        return f"{path}{colon}{shown}{at}{self._names.opaque(digest) if at else ''}"

    def label(self, key: str) -> str:
        """The key of a label or an annotation."""
        domain, slash, name = key.rpartition("/")
        if domain.endswith(_PUBLIC_DOMAINS):
            return key
        return f"{self._names.host(domain)}{slash}{self._names.host(name)}" if slash else self._names.host(name)

    def value(self, said: Any, key: str = "", above: str = "") -> Any:  # noqa: ANN401 -- JSON
        """A part of an object; `key` is where it stands, `above` where what holds it stands."""
        if isinstance(said, Mapping):
            ordered = sorted(said.items(), key=lambda x: str(x[0]))
            return {self._key(str(k), key): self.value(v, str(k), key) for k, v in ordered}
        if isinstance(said, list | tuple):
            return [self.value(x, key, above) for x in said]
        return self._leaf(said, key, above) if isinstance(said, str) else said

    def _key(self, key: str, holder: str) -> str:
        if holder in _LABELS and key not in ("matchLabels", "matchExpressions"):
            return self.label(key)
        return self.text(key) if holder in ("data", "binaryData", "stringData") else key

    def _leaf(self, said: str, key: str, above: str) -> str:
        if key in _OPAQUE or above in _OPAQUE:
            return self._names.opaque(said)
        if key == "apiVersion" or (key in _ENUMERATED and _ENUMERATION.fullmatch(said)):
            return said
        if above in ("annotations", "podAnnotations"):
            return self.text(said)
        if above in _LABELS:
            return said if self._names.is_public_value(said) else self._names.host(said)
        return self._by_key(said, key, above)

    def _by_key(self, said: str, key: str, above: str) -> str:
        """A string of a field that has a meaning; any other is a text."""
        if key == "name" and above in _CONTAINERS and any(x["container"] == said for x in table("meshes")):
            return said
        if key in ("image", "imageID"):
            return self.image(said)
        if key in ("port", "targetPort") or (key == "name" and above in ("ports", "port")):
            return self._tokens(said)
        if key == "topologyKey" or (key == "key" and above in ("matchExpressions", "tolerations", "taints")):
            return self.label(said)
        named = key in _NAMED and above not in ("env", "envFrom") and _NAME.fullmatch(said) and not _leads(key, said)
        return self._names.host(said) if named or (key, above) == ("values", "matchExpressions") else self.text(said)

    def struct(self, said: T, key: str = "") -> T:
        """A value of `model/`: what its type enumerates stays."""
        found: Any = said
        if isinstance(said, msgspec.Struct):
            parts = {x: self.struct(getattr(said, x), x) for x in said.__struct_fields__}
            found = msgspec.structs.replace(said, **parts)
        elif isinstance(said, enum.Enum):
            found = said
        elif isinstance(said, str):
            found = self._field(said, key)
        elif isinstance(said, Mapping):
            found = {self.struct(k): self.struct(v, key) for k, v in said.items()}
        elif isinstance(said, tuple | list | frozenset | set):
            found = type(said)(self.struct(x, key) for x in said)
        return found  # type: ignore[no-any-return]

    def _field(self, said: str, key: str) -> str:
        if key == "place":
            kind, space, name = said.rpartition(" ")
            return f"{kind}{space}{'/'.join(map(self._names.host, name.split('/')))}" if space else self.text(said)
        if key == "runtime":  # a row of knowledge/runtimes.table
            return said
        return self.sentence(said) if key in ("why", "needs", "detail", "fact") else self.text(said)


def _leads(key: str, said: str) -> bool:
    """Whether an address stands where a name belongs. A node may be called like one."""
    return key == "externalName" and is_address(said)


def veiled_world(world: World, names: Pseudonyms) -> World:
    """A world that does not tell whose it is, with the same diagnosis."""
    leaves = [y for x in world.objects.values() for y in _leaves(x)]
    identifiers = {x for x, key, _ in leaves if key in _NAMED and not _leads(key, x)} | {world.context, world.namespace}
    identifiers |= {y for x in world.clients for y in (x.namespace, x.pod, x.owner.rpartition(" ")[2])}
    known = {x for x, key, above in leaves if is_address(x) and key in _ADDRESSES}
    veil = Veil(names, identifiers - {""}, known)
    kind, slash, name = world.target.partition("/")
    return World(
        context=names.host(world.context),
        objects={k: [veil.value(x) for x in v] for k, v in world.objects.items()},
        left_out=world.left_out,
        gaps=[veil.struct(x) for x in world.gaps],
        seen=_glimpses(veil, world.seen),
        inspections=[_inspection(veil, x) for x in world.inspections],
        target=f"{kind}{slash}{names.host(name)}" if name else world.target,
        namespace=names.host(world.namespace),
        unseen=world.unseen,
        clients=[_exporter(veil, x) for x in world.clients],
        learned=world.learned,
        asking=_asking(veil, world.asking) if world.asking else None,
        lost=[_exporter(veil, x) for x in world.lost],
        absent=[(names.host(x), names.host(y)) for x, y in world.absent],
        no_gateways=[(names.host(x), names.host(y)) for x, y in world.no_gateways],
        pseudonymised=True,
        vantage=veil.sentence(world.vantage),
        gathered=world.gathered,
        vacant=[veil.text(x) for x in world.vacant],
        namespaces=[names.host(x) for x in world.namespaces],
        meant=[(*_missed(veil, a, b), names.host(c), names.host(d)) for a, b, c, d in world.meant],
        surveyed=[names.host(x) for x in world.surveyed],
        nameservers=[veil.text(x) for x in world.nameservers],
        domains=[names.host(x, behind=True) for x in world.domains],
        slips=[names.host(x, behind=True) for x in world.slips],
        other_policies=[(x, names.host(y) if y else "") for x, y in world.other_policies],
        engines=world.engines,
        beyond=[veiled_world(x, names) for x in world.beyond],
        dns=[veil.text(x) for x in world.dns],
    )


def veiled_snapshot(snapshot: Snapshot, names: Pseudonyms) -> Snapshot:
    """The evidence of a host that does not tell whose it is, with the same diagnosis."""
    return _snapshot(Veil(names), snapshot)


def translated(*snapshots: Snapshot) -> tuple[IPv6Network, ...]:
    """The blocks in which the DNS64 of a place puts addresses of IPv4."""
    return tuple(y for x in snapshots for y in learned(x.having(Names) or Names()))


def _snapshot(veil: Veil, snapshot: Snapshot) -> Snapshot:
    return Snapshot({k: veil.struct(v) for k, v in snapshot.facts.items()}, veil.struct(snapshot.gaps))


def _inspection(veil: Veil, seen: Inspection) -> Inspection:
    facts = plainly(_snapshot(veil, inside(seen))) if seen.facts else {}
    return Inspection(veil.host(seen.node), veil.host(seen.namespace), veil.host(seen.pod), facts, seen.host)


def _glimpses(veil: Veil, seen: Glimpses) -> Glimpses:
    """Looks from outside; the hosts that were asked are called as they are in the objects."""
    hosts = (x.task.host for x in seen.entrances)
    called = [veil.text(x) if is_address(x) else veil.host(x) for x in hosts]
    made = zip(veil.struct(seen.entrances), called, strict=True)
    entrances = tuple(msgspec.structs.replace(x, task=msgspec.structs.replace(x.task, host=y)) for x, y in made)
    return Glimpses(veil.struct(seen.items), entrances, nameless=tuple(map(veil.host, seen.nameless)))


def _exporter(veil: Veil, client: Exporter) -> Exporter:
    return msgspec.structs.replace(
        client,
        namespace=veil.host(client.namespace),
        owner=_owner(veil, client.owner),
        pod=veil.host(client.pod),
        endpoint=veil.text(client.endpoint),
        protocol=veil.text(client.protocol),
        written=veil.text(client.written),
        labels=tuple(veil.value(dict(client.labels), "labels").items()),
        variable=_variable(veil, client.variable),
        container=veil.value(client.container, "name", "containers"),
        held=veil.sentence(client.held),
        nodes=tuple(map(veil.host, client.nodes)),
        hosts=tuple(map(veil.text, client.hosts)),
        addresses=tuple(map(veil.text, client.addresses)),
        asks=veil.text(client.asks),
    )


def _variable(veil: Veil, said: str) -> str:
    """A variable, or a field of a configuration, in which the name of an exporter is its author's: `otlp/NAME`."""
    before, slash, after = said.partition("/")
    name, dot, field = after.rpartition(".")
    return f"{before}{slash}{veil.text(name)}{dot}{field}"


def _missed(veil: Veil, namespace: str, name: str) -> tuple[str, str]:
    """A Service that is not there, or an address without a namespace."""
    return (veil.host(namespace), veil.host(name)) if namespace else ("", veil.text(name))


def _asking(veil: Veil, asking: Asking) -> Asking:
    kind, slash, name = asking.template.partition("/")
    template = f"{kind}{slash}{veil.host(name)}" if slash else ""
    return Asking(_owner(veil, asking.owner), veil.host(asking.namespace), tuple(map(veil.host, asking.pods)), template)


def _owner(veil: Veil, owner: str) -> str:
    kind, _, name = owner.partition(" ")
    return f"{kind} {veil.host(name)}"


def inside(seen: Inspection) -> Snapshot:
    """What a container saw. Raises BadFile for what is no evidence of a host."""
    return decoded("an inspection", msgspec.json.encode(seen.facts))


def _leaves(said: Any, key: str = "", above: str = "") -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 -- JSON
    if isinstance(said, Mapping):
        for k, v in said.items():
            yield from _leaves(v, str(k), key)
    elif isinstance(said, list):
        for x in said:
            yield from _leaves(x, key, above)
    elif isinstance(said, str):
        yield said, key, above
