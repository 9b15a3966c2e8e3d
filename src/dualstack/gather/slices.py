"""EndpointSlices and Endpoints from their YAML: the addresses that stand behind a Service without selector."""

from collections.abc import Iterator

from dualstack.gather import manifests
from dualstack.gather.yaml_tree import Node, Origin, items, text_at, value
from dualstack.model.kube import Slice, SliceAddress, SlicePort

_SERVICE = "kubernetes.io/service-name"
_SKIPPED = "endpointslice.kubernetes.io/skip-mirror"


def slices(root: Node, origin: Origin) -> Iterator[Slice]:
    """An EndpointSlice, or each subset of Endpoints; of Endpoints that ask for no slices there are none."""
    about = manifests.meta(root, origin)
    if about.kind == "EndpointSlice":
        addresses = tuple(_addresses(root, origin))
        kind = origin.written(value(root, "addressType")) or None
        yield Slice(about, about.labels.get(_SERVICE, ""), kind, addresses, _ports(root))
    elif _SKIPPED not in about.labels:
        for subset in items(value(root, "subsets")):
            yield Slice(about, about.name, None, tuple(_of_subset(subset, origin)), _ports(subset))


def _addresses(root: Node, origin: Origin) -> Iterator[SliceAddress]:
    """The addresses of a slice; conditions that are not there are taken as true (discovery/v1 EndpointConditions)."""
    for endpoint in items(value(root, "endpoints")):
        ready = text_at(endpoint, "conditions", "ready").lower() != "false"
        for written in map(origin.written, items(value(endpoint, "addresses"))):
            if written:
                yield SliceAddress(written, ready)


def _of_subset(subset: Node, origin: Origin) -> Iterator[SliceAddress]:
    for key, ready in (("addresses", True), ("notReadyAddresses", False)):
        for written in (origin.written(value(x, "ip")) for x in items(value(subset, key))):
            if written:
                yield SliceAddress(written, ready)


def _ports(holder: Node) -> tuple[SlicePort, ...]:
    each = items(value(holder, "ports"))
    return tuple(SlicePort(text_at(x, "name"), text_at(x, "port"), text_at(x, "protocol") or "TCP") for x in each)
