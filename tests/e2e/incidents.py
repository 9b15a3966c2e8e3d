"""One incident on a cluster, read from its file: objects, changes, and what is then true.

    title: The gRPC receiver is bound to one address of its pod
    bases: [config, deployment, service]     # of bases/; these three where nothing is said
    patches:                                 # strategic merge patches, for the object of that kind in the bases
      Service: {spec: {ipFamilyPolicy: SingleStack}}
    objects: [{apiVersion: v1, kind: …}]     # further ones
    steps:                                   # in order, each at one place: kubectl, or the shell of a machine
      - kubectl: rollout status deployment/otel-collector    # what is done where nothing is said
      - n2: nft add table ip6 fault
    undo: [{n2: nft delete table ip6 fault}] # of what is not in the namespace of the incident
    ask: [svc/otel-collector]                # what a user would ask about
    flows: {"ipv6 grpc": "[fd00:100::11]:30317"}             # instead of the four of the Service
    within: deploy/shop                      # who exports, instead of a client on each node; `laptop` is outside
    outside: true                            # something stands in front at which nobody answers
    mesh: true                               # Istio is there; pods with the label `istio.io/rev` are in it (mesh.py)
    policies: true                           # NetworkPolicies are enforced, for as long as it stands (policies.py)
    operator: true                           # the OpenTelemetry Operator is there (otel_operator.py)
    expect: {verdict: degraded, causes: [DS204], flows: {"ipv4": accepted, "ipv6 grpc": refused}}
    measured:                                # by `python -m tests.e2e.measure`: by the node of the client
      n1: {"ipv4 grpc": accepted, …}

Objects live in a namespace with the name of the incident. `expect.flows` are those of a client on n1, or on the node
that a key begins with; `causes` are all to be found, a list is any of these, and none means healthy.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from dualstack.lab.incident import AnyOf, Code
from dualstack.model.diagnosis import Verdict

HERE = os.path.dirname(__file__)
FOLDER = os.path.join(HERE, "incidents")
_NAME = "otel-collector"
_ROLLED_OUT = "rollout status --timeout=90s deployment/otel-collector"
_VERSIONS = {"Deployment": "apps/v1", "DaemonSet": "apps/v1"}
_SERVICE = {f"{family} {protocol}": f"otel-collector.{{namespace}}:{port}"
            for family in ("ipv4", "ipv6") for protocol, port in (("grpc", 4317), ("http", 4318))}  # fmt: skip


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The right answer, by what the cluster does and not by what any tool says."""

    verdict: Verdict
    causes: tuple[Code | tuple[Code, ...], ...] = ()
    flows: dict[str, AnyOf] = {}
    also: tuple[Code, ...] = ()

    @property
    def roots(self) -> tuple[tuple[str, ...], ...]:
        """For each cause, the codes that name it."""
        return tuple((x,) if isinstance(x, str) else x for x in self.causes)


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file; `name` is that of the file, and of the namespace."""

    title: str
    expect: Expect
    name: str = ""
    about: str = ""
    bases: tuple[str, ...] = ("config", "deployment", "service")
    patches: dict[str, dict[str, Any]] = {}
    objects: tuple[dict[str, Any], ...] = ()
    steps: tuple[dict[str, str], ...] = ({"kubectl": _ROLLED_OUT},)
    undo: tuple[dict[str, str], ...] = ()
    ask: tuple[str, ...] = ("svc/otel-collector",)
    flows: dict[str, str] = msgspec.field(default_factory=lambda: dict(_SERVICE))
    within: str = ""
    outside: bool = False
    mesh: bool = False
    policies: bool = False
    operator: bool = False
    measured: dict[str, dict[str, str]] = {}

    @property
    def healthy(self) -> bool:
        """Whether any error would be a false alarm."""
        return not self.expect.causes

    def surprises(self, measured: Mapping[str, Mapping[str, str]]) -> list[str]:
        """The flows that came out otherwise than expected, or were not measured at all."""
        return [f"{key}: {came}" for key, right in self.expect.flows.items() for came in self._came(key, measured)
                if not set(came.split("/")) <= ({right} if isinstance(right, str) else {*right})]  # fmt: skip

    def _came(self, key: str, measured: Mapping[str, Mapping[str, str]]) -> list[str]:
        first, _, rest = key.partition(" ")
        usual = "n1" if "n1" in measured else next(iter(measured), "")
        client, flow = (first, rest) if first in measured else (usual, key)
        came = [x for name, x in measured.get(client, {}).items() if f"{name} ".startswith(f"{flow} ")]
        return came or ["not measured"]

    def kustomization(self) -> str:
        """What `kubectl apply --kustomize` is given, beside files of `objects` and with the bases above it."""
        patches = [
            {"patch": json.dumps(self._patch(kind, x)), "target": {"kind": kind, "name": _NAME}}
            for kind, x in self.patches.items()
        ]
        resources = [f"{x}.yaml" for x in self.bases] + [f"object-{n}.json" for n in range(len(self.objects))]
        return json.dumps({"namespace": self.name, "resources": resources, "patches": patches})

    @staticmethod
    def _patch(kind: str, patch: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": _VERSIONS.get(kind, "v1"), "kind": kind, "metadata": {"name": _NAME}, **patch}


def names() -> tuple[str, ...]:
    """All incidents, in order."""
    return tuple(sorted(x.removesuffix(".yaml") for x in os.listdir(FOLDER) if x.endswith(".yaml")))


def path(name: str) -> str:
    """The file of an incident."""
    return os.path.join(FOLDER, f"{name}.yaml")


def load(name: str) -> Incident:
    """The incident of that name. Raises ValidationError of msgspec."""
    with open(path(name), encoding="utf-8") as file:
        return msgspec.convert({**yaml.safe_load(file), "name": name}, Incident)
