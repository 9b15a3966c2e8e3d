"""Objects of a cluster that hold no configuration, and what they say not to be told."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.gather import manifests
from dualstack.gather.gateways import gate
from dualstack.gather.instrumentation import programs
from dualstack.gather.slices import slices
from dualstack.gather.yaml_tree import Node, Origin, text_at, value
from dualstack.model.address import Family, family, is_address
from dualstack.model.gateway import KINDS
from dualstack.model.kube import SLICES, TEMPLATES
from dualstack.model.review import Suppression
from dualstack.reach.suppress import ANNOTATION, annotation

if TYPE_CHECKING:
    from dualstack.gather.recognise import Found

FIRST = ("podIP", "hostIP")
"""The fields of the status of a pod that hold its first address, and that of its node."""


def take(root: Node, origin: Origin, found: "Found") -> None:
    """Read one object into what was found, by its kind. Raises KeyError for one that is not known."""
    kind = text_at(root, "kind")
    if kind == "Service":
        found.services.append(manifests.service(root, origin))
    elif kind == "NetworkPolicy":
        found.policies.append(manifests.network_policy(root, origin))
    elif kind == "Namespace":
        found.namespaces.append(manifests.meta(root, origin))
    elif kind == "Instrumentation":
        found.workloads.extend(programs(root, origin))
    elif kind in SLICES:
        found.slices.extend(slices(root, origin))
    elif kind in KINDS:
        found.gates.append(gate(root, origin))
    else:
        found.workloads.append(manifests.workload(root, origin))


def annotations(root: Node, kind: str, origin: Origin) -> Iterator[Suppression]:
    """What an object and the template of its pods say not to be told."""
    for path in dict.fromkeys(((), TEMPLATES.get(kind, ()))):
        written = manifests.annotations(value(root, *path, "metadata", "annotations"), origin).get(ANNOTATION)
        if written:
            yield annotation(written, origin.location(root))


def first(root: Node) -> Iterator[tuple[str, Family]]:
    """The families of the first address of a pod and of that of its node, by the fields of its status."""
    if text_at(root, "kind") == "Pod":
        held = ((x, text_at(root, "status", x)) for x in FIRST)
        yield from ((x, family(y)) for x, y in held if is_address(y))
