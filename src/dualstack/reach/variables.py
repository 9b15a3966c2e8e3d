"""The variables of a container: those whose values are known, and those that hold what nobody here may read.

kubernetes 1.34.4, pkg/kubelet/kubelet_pods.go makeEnvironmentVariables: `envFrom` comes first, then `env` in its order,
and a reference to what is not there by then stays as it is written.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from dualstack.model.cluster import Pod, Service
from dualstack.model.container import Container, EnvFrom, EnvVar
from dualstack.model.slim import ConfigMap
from dualstack.reach.images import variables_of
from dualstack.reach.links import later, links, service_of
from dualstack.reach.states import since_when

_REFERENCE = re.compile(r"\$\$|\$\(([^)]+)\)")
FILLED_IN = re.compile(r"\$\{(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
"""A variable in a configuration of a Collector, which fills it in itself."""
AS_THEN = "as it was when the container started"
"""What is said of a ConfigMap that was changed since."""
LINKED = "a Service of the time when the pod started"
"""What holds a variable that the kubelet may have made of a Service which is not known."""

Maps = Mapping[tuple[str, str], ConfigMap]
"""ConfigMaps by namespace and name."""


class Variables(msgspec.Struct, frozen=True):
    """The variables of a container.

    `values` are those that are known, `held` says of the others what holds them (`Secret otel`), and `unread` are those
    things that may hold any variable. `by` is what says the value in the place of a variable, such as a property of a
    JVM or an argument. `links` are what Services gave it that are known, None where it gets none of any, and `later`
    are Services that were not there yet.
    """

    values: Mapping[str, str] = {}
    held: Mapping[str, str] = {}
    unread: tuple[str, ...] = ()
    by: Mapping[str, str] = {}
    links: Mapping[str, str] | None = msgspec.field(default_factory=dict)
    later: tuple[str, ...] = ()


def environment(
    container: Container, pod: Pod, config_maps: Iterable[ConfigMap] = (), services: Iterable[Service] = ()
) -> Variables:
    """The variables of a container, those of the downward API and of the ConfigMaps that are at hand among them.

    Those that Services gave it are `links`: they count where a value speaks of them. Of a key of a ConfigMap
    that was written after the container started nobody knows what it was.
    """
    since = since_when(container.name, pod)
    every = {(x.metadata.namespace, x.metadata.name): x for x in config_maps}
    there = tuple(services)
    fields, linked, young = _fields(pod), links(pod, there, since), later(pod, there, since)
    values, held, unread = {**variables_of(container.image)}, dict[str, str](), list[str]()
    for source in container.env_from or ():
        found = _all_of(source, pod, every, since)
        names = {f"{source.prefix or ''}{k}" for k in found.values.keys() | found.held.keys()}
        values = {k: v for k, v in values.items() if k not in names}
        held = {k: v for k, v in held.items() if k not in names}
        values |= {f"{source.prefix or ''}{k}": v for k, v in found.values.items()}
        held |= {f"{source.prefix or ''}{k}": v for k, v in found.held.items()}
        unread += found.unread
    for each in container.env or ():
        values.pop(each.name, None)
        held.pop(each.name, None)
        known = Variables(values, held, tuple(unread), links=linked, later=young)
        value, why = expanded(each.value, known) if each.value_from is None else (None, "")
        if each.value_from is not None:
            value, why = _read(each, pod, fields, every, since)
        values |= {each.name: value} if value is not None else {}
        held |= {each.name: why} if why else {}
    return Variables(values, held, tuple(unread), links=linked)


def _all_of(source: EnvFrom, pod: Pod, maps: Maps, since: str) -> Variables:
    """What a source of variables gives; of a ConfigMap that was changed since others may be gone."""
    about, called = source.config_map_ref, _called(source)
    found = maps.get((pod.metadata.namespace, about.name)) if about else None
    if found is None:
        return Variables(unread=(called,))
    data = found.data or {}
    newer = {x for x in data if _is_later(found, x, since)}
    gone = (f"{called} {AS_THEN}",) if since and found.metadata.changed > since else ()
    values = {k: v for k, v in data.items() if k not in newer}
    return Variables(values, dict.fromkeys(newer, f"{called} {AS_THEN}"), gone)


def _is_later(found: ConfigMap, key: str, since: str) -> bool:
    """Whether a key was written after a container started that has it from there."""
    return bool(since) and found.metadata.written("data", key) > since


def _called(source: EnvFrom) -> str:
    if source.config_map_ref:
        return f"ConfigMap {source.config_map_ref.name}"
    return f"Secret {source.secret_ref.name}" if source.secret_ref else "a source of another kind"


def _read(each: EnvVar, pod: Pod, fields: Mapping[str, str], maps: Maps, since: str) -> tuple[str | None, str]:
    """The value of a variable from elsewhere, or what holds it; neither where there is none."""
    source = each.value_from
    if source and source.field_ref:
        path = source.field_ref.field_path
        return (fields[path], "") if fields.get(path) else (None, f"the field {path}")
    if source and source.config_map_key_ref:
        said = source.config_map_key_ref
        found = maps.get((pod.metadata.namespace, said.name))
        if found is None:
            return None, f"ConfigMap {said.name}"
        value = (found.data or {}).get(said.key)
        gone = value is None and bool(since) and found.metadata.changed > since
        then = f"ConfigMap {said.name} {AS_THEN}" if gone or _is_later(found, said.key, since) else ""
        return None if then else value, then
    secret = source.secret_key_ref if source else None
    return None, f"Secret {secret.name}" if secret else "a source of another kind"


def filled(text: str, given: Variables) -> str:
    """A text of a configuration with the variables of a container filled in; those without a value stay.

    What such a one is said to be by default counts only where nothing holds its value that nobody here may read.
    """

    def known(found: re.Match[str]) -> str:
        name, default = found["name"], found["default"]
        hidden = default is None or name in given.held or given.unread
        return given.values.get(name) or (found[0] if hidden else default)

    return FILLED_IN.sub(known, text)


def references(text: str) -> list[str]:
    """The variables that a value speaks of."""
    return [x for x in _REFERENCE.findall(text) if x]


def expanded(text: str | None, known: Variables) -> tuple[str | None, str]:
    """A value with the variables before it filled in, or what holds one of those that are not known.

    `$$` stands for a dollar (kubernetes 1.34.4, third_party/forked/golang/expansion/expand.go).
    """
    said, given = text or "", known.links or {}
    for name in (x for x in references(said) if x not in known.values):
        why = known.held.get(name) or next(iter(known.unread), "")
        linked = known.links is not None and name not in given and service_of(name) not in ("", *known.later)
        if linked and not why:
            why = LINKED
        if why:
            return None, why
    values = {**given, **known.values}
    return _REFERENCE.sub(lambda x: values.get(x[1], x[0]) if x[1] else "$", said), ""


def _fields(pod: Pod) -> Mapping[str, str]:
    """Fields of the downward API (Kubernetes documentation, Downward API, Available fields)."""
    status, about = pod.status, pod.metadata
    return {
        "metadata.name": about.name,
        "metadata.namespace": about.namespace,
        "metadata.uid": about.uid,
        **{f"metadata.labels['{k}']": v for k, v in (about.labels or {}).items()},
        **{f"metadata.annotations['{k}']": v for k, v in (about.annotations or {}).items()},
        "spec.nodeName": pod.spec.node_name or "",
        "status.podIP": next(iter(pod.addresses), ""),
        "status.podIPs": ",".join(x.ip for x in status.pod_ips or ()),
        "status.hostIP": status.host_ip or "",
        "status.hostIPs": ",".join(x.ip for x in status.host_ips or ()),
    }
