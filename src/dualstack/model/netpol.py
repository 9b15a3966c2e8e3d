"""A NetworkPolicy as an API server holds it (networking.k8s.io/v1)."""

from collections.abc import Mapping

import msgspec

from dualstack.model.slim import ObjectMeta, Slim


class Expression(Slim, frozen=True):
    """A term of a label selector: `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(Slim, frozen=True):
    """A label selector; an empty one selects everything."""

    match_labels: Mapping[str, str] | None = None
    match_expressions: list[Expression] | None = None


class IPBlock(Slim, frozen=True):
    """Addresses, but for some."""

    cidr: str = ""
    except_: list[str] | None = msgspec.field(name="except", default=None)


class Peer(Slim, frozen=True):
    """Who may come, or be gone to: addresses, or pods by their labels and those of their namespaces."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = msgspec.field(name="ipBlock", default=None)


class PolicyPort(Slim, frozen=True):
    """A port, by number or name, or the numbers up to `end_port`; None is every port."""

    port: int | str | None = None
    end_port: int | None = None
    protocol: str | None = None


class PolicyRule(Slim, frozen=True):
    """What is allowed: from or to these peers, on these ports; no list is all of them."""

    from_: list[Peer] | None = msgspec.field(name="from", default=None)
    to: list[Peer] | None = None
    ports: list[PolicyPort] | None = None


class PolicySpec(Slim, frozen=True):
    """Which pods are isolated in which directions, and what they may do nevertheless."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: list[str] | None = None
    ingress: list[PolicyRule] | None = None
    egress: list[PolicyRule] | None = None


class Policy(Slim, frozen=True):
    """A NetworkPolicy."""

    metadata: ObjectMeta
    spec: PolicySpec = PolicySpec()
