"""Random kustomizations: a base, components and overlays that change each other in every way that is followed."""

import random
from pathlib import Path
from typing import Any

import yaml

Tree = dict[str, Any]
"""Files by their paths: what a YAML file holds, or a text."""

COLLECTOR = "receivers:\n  otlp: {protocols: {grpc: {endpoint: 'HOST:4317'}}}\nexporters: {debug: {}}\n"
API = {
    "Deployment": "apps/v1",
    "DaemonSet": "apps/v1",
    "Service": "v1",
    "ConfigMap": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}
CUSTOM = "opentelemetry.io/v1beta1"


def write(tree: Tree, folder: Path) -> None:
    """Write the files."""
    for name, held in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(held if isinstance(held, str) else documents(held))


def documents(held: Any) -> str:
    return yaml.safe_dump_all(held if isinstance(held, tuple) else (held,), sort_keys=False)


class Maker:
    """Makes the parts of a tree by chance."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.tree: Tree = {}
        self.count = 0
        self.protocols = self.maybe()  # kustomize mixes up ports of which some name a protocol and some do not

    def number(self) -> int:
        self.count += 1
        return self.count

    def maybe(self, chance: float = 0.5) -> bool:
        return self.rng.random() < chance

    def some(self, *among: Any) -> list[Any]:
        return [x for x in among if self.maybe()]

    def env(self) -> list[dict[str, str]]:
        return [
            {"name": x, "value": f"v{self.number()}"} for x in self.some("A", "B", "C", "OTEL_EXPORTER_OTLP_ENDPOINT")
        ]

    def ports(self) -> list[dict[str, Any]]:
        numbers = self.some(4317, 4318, 8888)
        return [{"name": f"p{x}", "containerPort": x, **self.protocol()} for x in numbers]

    def protocol(self) -> dict[str, str]:
        return {"protocol": self.rng.choice(["TCP", "UDP"])} if self.protocols else {}

    def service_ports(self) -> list[dict[str, Any]]:
        return [
            {"name": f"p{x}", "port": x, "targetPort": self.rng.choice([x, 9]), **self.protocol()}
            for x in self.some(4317, 4318, 53)
        ]

    def container(self, name: str) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": name,
            "image": self.rng.choice(["otel/opentelemetry-collector:0.1.0", "shop", "r:5000/a@sha256:12"]),
        }
        fields = {
            "env": self.env(),
            "ports": self.ports(),
            "args": [f"--a{self.number()}"],
            "volumeMounts": [{"name": "v", "mountPath": x} for x in self.some("/a", "/b")],
        }
        return made | {k: v for k, v in fields.items() if v and self.maybe(0.7)}

    def workload(self, kind: str, name: str) -> dict[str, Any]:
        volumes = [
            {"name": "v", "configMap": {"name": "config"}},
            {"name": "w", "projected": {"sources": [{"configMap": {"name": "config"}}]}},
            {"name": "s", "secret": {"secretName": "secret"}},
        ]
        spec = {
            "containers": [self.container("c")] + [self.container(x) for x in self.some("d", "e")],
            "volumes": volumes,
        }
        return {
            "apiVersion": API[kind],
            "kind": kind,
            "metadata": {"name": name, **({"labels": {"team": "x"}} if self.maybe() else {})},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
            },
        }

    def service(self, name: str) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "selector": {"app": name},
            "ports": self.service_ports() or [{"port": 80, **self.protocol()}],
        }
        if self.maybe():
            spec |= {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}

    def patch(self, kind: str, name: str) -> dict[str, Any]:
        made: dict[str, Any] = {"apiVersion": API.get(kind, CUSTOM), "kind": kind, "metadata": {"name": name}}
        if kind == "Service":
            fields = [
                {"ipFamilyPolicy": "PreferDualStack"},
                {"ipFamilies": ["IPv6", "IPv4"]},
                {"ipFamilyPolicy": None},
                {"ports": [{"port": 4317, "name": "new", **self.protocol()}]},
                {"ports": self.service_ports()},
                {"selector": {"app": "other", "x": "y"}},
                {"ports": [{"$patch": "replace"}, {"port": 1, **self.protocol()}]},
                {"selector": {"$patch": "replace", "z": "z"}},
            ]
            return made | {"spec": {k: v for x in self.some(*fields) for k, v in x.items()}}
        if kind == "ConfigMap":
            return made | {"data": {"new.yaml": f"receivers: {self.number()}"}}
        if kind == "OpenTelemetryCollector":
            return made | {
                "spec": self.rng.choice(
                    [
                        {"env": [{"name": "Z", "value": "1"}]},
                        {"config": {"receivers": {"otlp": None}}},
                        {"mode": "sidecar"},
                    ]
                )
            }
        if kind == "NetworkPolicy":
            return made | {"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "fd00::/8"}}]}]}}
        changed = {k: v for k, v in self.container("c").items() if k == "name" or self.maybe(0.7)}
        more = self.some(
            self.container("new"),
            {"name": "d", "$patch": "delete"},
            {"name": "c", "env": [{"name": "A", "$patch": "delete"}]},
        )
        return made | {
            "spec": {
                "template": {
                    "spec": {"containers": [changed, *more[:1]] if not more or more[0]["name"] != "c" else more[:1]}
                }
            }
        }

    def steps(self, kind: str) -> list[dict[str, Any]]:
        if kind == "Service":
            return self.some(
                {"op": "add", "path": "/spec/ipFamilyPolicy", "value": "RequireDualStack"},
                {"op": "add", "path": "/spec/ports/-", "value": {"port": 5000 + self.number(), **self.protocol()}},
                {"op": "replace", "path": "/spec/ports/0/port", "value": 77},
                {"op": "add", "path": "/metadata/annotations", "value": {"a/b": "c"}},
                {"op": "add", "path": "/metadata/annotations/d~1e", "value": "f"},
            )[:4]
        return self.some(
            {"op": "add", "path": "/spec/template/spec/hostNetwork", "value": True},
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "n:1"},
            {"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "NN", "value": "1"}]},
            {"op": "copy", "from": "/metadata/name", "path": "/metadata/namespace"},
            {"op": "remove", "path": "/spec/template/spec/volumes/1"},
        )[:4]

    def generator(self, folder: str, behavior: str = "") -> dict[str, Any]:
        name = f"c{self.number()}.yaml"
        self.tree[f"{folder}/{name}"] = COLLECTOR.replace("HOST", f"h{self.count}")
        made: dict[str, Any] = {"name": "config", "files": [f"config.yaml={name}", name] if self.maybe() else [name]}
        if self.maybe():
            made["literals"] = ["a=b", "c='d e'", f"n={self.number()}"]
        if self.maybe():
            env = f"e{self.number()}.env"
            self.tree[f"{folder}/{env}"] = "# remark\nX=1\n\n  Y=a=b\n"
            made["envs"] = [env]
        if self.maybe(0.3):
            made["options"] = {"labels": {"g": "1"}, "annotations": {"h": "2"}}
        return made | ({"behavior": behavior} if behavior else {})

    def changes(self, folder: str, names: list[tuple[str, str]]) -> Tree:
        """What a kustomization says beside its resources."""
        said: Tree = {}
        patches: list[Any] = []
        for kind, name in names:
            if self.maybe(0.5):
                text = self.patch(kind, name)
                where = self.rng.choice(["file", "text", "old", "target"])
                if where == "file":
                    file = f"p{self.number()}.yaml"
                    self.tree[f"{folder}/{file}"] = text
                    patches.append({"path": file})
                elif where == "target":
                    patches.append(
                        {
                            "patch": documents(text | {"metadata": {"name": "any"}}),
                            "target": {"kind": kind, "name": f"{name[:2]}.*"},
                        }
                    )
                elif where == "text":
                    patches.append({"patch": documents(text)})
                else:
                    said.setdefault("patchesStrategicMerge", []).append(documents(text))
            if kind in ("Service", "Deployment") and self.maybe(0.4) and (steps := self.steps(kind)):
                target = {
                    "version": "v1",
                    "kind": kind,
                    "name": name,
                    **({"group": "apps"} if kind == "Deployment" else {}),
                }
                if self.maybe(0.3):
                    file = f"j{self.number()}.yaml"
                    self.tree[f"{folder}/{file}"] = yaml.safe_dump(steps)
                    said.setdefault("patchesJson6902", []).append({"target": target, "path": file})
                else:
                    patches.append(
                        {"target": target if self.maybe() else {"kind": kind}, "patch": yaml.safe_dump(steps)}
                    )
        options = {
            "namespace": f"ns{self.number()}",
            "namePrefix": "pre-",
            "nameSuffix": "-suf",
            "commonLabels": {"common": "1"},
            "labels": [
                {"pairs": {"lab": "2"}, "includeSelectors": self.maybe()},
                {"pairs": {"tem": "3"}, "includeTemplates": True},
            ],
            "commonAnnotations": {"ann": "4"},
            "images": [
                {"name": "otel/opentelemetry-collector", "newTag": "0.139.0"},
                {"name": "shop", "newName": "new/shop"},
                {"name": "r:5000/a", "digest": "sha256:99"},
            ],
            "generatorOptions": {"disableNameSuffixHash": True, "labels": {"go": "5"}},
        }
        said |= {k: v for k, v in options.items() if self.maybe(0.35)}
        return {**said, **({"patches": patches} if patches else {})}


NAMES = [
    ("Deployment", "collector"),
    ("DaemonSet", "agent"),
    ("Service", "collector"),
    ("Service", "other"),
    ("NetworkPolicy", "policy"),
    ("OpenTelemetryCollector", "cr"),
]


def tree(seed: int) -> Tree:
    """A base with a component below it, and an overlay above."""
    make = Maker(seed)
    policy = {
        "apiVersion": API["NetworkPolicy"],
        "kind": "NetworkPolicy",
        "metadata": {"name": "policy"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "collector"}},
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        },
    }
    custom = {
        "apiVersion": CUSTOM,
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": "cr"},
        "spec": {
            "env": [{"name": "A", "value": "1"}],
            "config": {"receivers": {"otlp": {}}, "exporters": {"debug": {}}},
        },
    }
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "other", "port": {"number": 4318}}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "ingress"},
        "spec": {
            "defaultBackend": {"service": {"name": "collector", "port": {"number": 4317}}},
            "rules": [{"host": "h", "http": {"paths": [path]}}],
        },
    }
    make.tree["base/all.yaml"] = (
        make.workload("Deployment", "collector"),
        make.workload("DaemonSet", "agent"),
        make.service("collector"),
    )
    make.tree["base/more.yaml"] = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [make.service("other"), policy, custom, ingress],
    }
    secret = {"name": "secret", "literals": ["token=abc"]}
    base = make.changes("base", NAMES) | {
        "resources": ["all.yaml", "more.yaml"],
        "configMapGenerator": [make.generator("base")],
    }
    make.tree["base/kustomization.yaml"] = base | ({"secretGenerator": [secret]} if make.maybe() else {})
    if make.maybe():
        head = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
        names = [x for x in NAMES if "namespace" not in base]
        make.tree["part/kustomization.yaml"] = head | make.changes("part", names)
    names = NAMES if not {"namespace"} & {*base, *make.tree.get("part/kustomization.yaml", ())} else []
    top = make.changes("top", names) | {"resources": ["../base"]}
    if "part/kustomization.yaml" in make.tree:
        top["components"] = ["../part"]
    if make.maybe() and names:
        top["configMapGenerator"] = [make.generator("top", make.rng.choice(["merge", "replace"]))]
    make.tree["top/kustomization.yaml"] = top
    return make.tree
