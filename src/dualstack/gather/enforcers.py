"""What enforces NetworkPolicies and was seen to run, and what is told to enforce none."""

from collections.abc import Iterator, Mapping, Sequence

from dualstack.gather import kinds
from dualstack.gather.kube_objects import parts, text
from dualstack.model.address import Family
from dualstack.model.world import Object, part
from dualstack.reach.engines import EGRESS, NOT, idle, of_container, of_image


def running(found: Mapping[str, Sequence[Object]]) -> Iterator[str]:
    """The names of those among DaemonSets with pods, and among pods that run.

    Behind `NOT` those that enforce none, behind `EGRESS` a family that pods without it come to by their nodes.
    """
    sets = (x for x in found.get("DaemonSet", ()) if part(x, "status").get("numberAvailable"))
    pods = (x for x in found.get(kinds.PODS.kind, ()) if text(x, "status", "phase") == "Running")
    specs = (*(part(x, "spec", "template", "spec") for x in sets), *(part(x, "spec") for x in pods))
    every = [x for y in specs for x in parts(y, "containers")]
    told = (idle(text(x, "metadata", "name"), part(x, "data")) for x in found.get(kinds.CONFIG_MAPS.kind, ()))
    off = (f"{NOT}{x}" for x in told if x)
    yield from dict.fromkeys(filter(None, (*map(_of, every), *off, *map(_egress, every))))


def _of(container: Object) -> str:
    words = [x for key in ("command", "args") for x in container.get(key) or () if isinstance(x, str)]
    return of_image(text(container, "image")) or of_container(text(container, "name"), words)


def _egress(container: Object) -> str:
    """The family that the Amazon VPC CNI translates for pods (amazon-vpc-cni-k8s README, ENABLE_V4_EGRESS and V6)."""
    said = {text(x, "name"): text(x, "value") for x in parts(container, "env")}
    over = Family.IPV4 if said.get("ENABLE_IPv6") == "true" else Family.IPV6
    usual = "true" if over is Family.IPV4 else "false"
    on = said.get(f"ENABLE_V{over.title[-1]}_EGRESS", usual) == "true"
    return f"{EGRESS}{over}" if on and text(container, "name") == "aws-node" else ""
