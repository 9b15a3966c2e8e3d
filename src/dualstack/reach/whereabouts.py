"""Who holds a socket of a pod where no process was read, and where its address is written, in words."""

import re
from collections.abc import Collection

from msgspec.structs import replace

from dualstack.model.cluster import Pod
from dualstack.model.kube import Container
from dualstack.model.otel import DeclaredEndpoint
from dualstack.reach import sources
from dualstack.reach.operator import CONTAINER, resource
from dualstack.reach.sidecars import together
from dualstack.reach.variables import environment

_VARIABLE = re.compile(r"\[?\$\{(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[^{}]*\}(?:\]?:[0-9]+)?\Z")
"""An address of which a variable is the host, or all of it."""


def holder(pod: Pod, port: int, known: Collection[str], read: Collection[str]) -> str:
    """The container that listens on a port: one of those `known` to, or that names the port, or the only one.

    Of one whose configuration was not `read` also the Secrets that its pod mounts: these are never read.
    """
    every = together(pod)
    naming = [x.name for x in every if any(y.container_port == port for y in x.ports or ())]
    mine = next((x for x in (tuple(known), naming, [x.name for x in every]) if len(x) == 1), None)
    if mine is None:
        return f"a container of the {pod.place}"
    volumes = [y for x in pod.spec.volumes or () for y in (x, *x.parts)]
    secrets = list(dict.fromkeys(f"`{x.secret.called}`" for x in volumes if x.secret and x.secret.called))
    shown = f", whose pod mounts the Secret{'s' * (len(secrets) > 1)} {' and '.join(secrets)}"
    return f"the container `{mine[0]}`{shown if secrets and mine[0] not in read else ''}"


def placed(endpoint: DeclaredEndpoint, container: Container, pod: Pod) -> DeclaredEndpoint:
    """An endpoint with the words for where it stands, if that is no file, and for the variable that a Secret holds."""
    mine = next(x for x in together(pod) if x.name == container.name)
    held = environment(mine, pod).held
    named = _VARIABLE.match(endpoint.text)
    secret = held.get(named["name"], "") if named else ""
    given = f"`{named['name']}`, which {secret} holds," if named and secret.startswith("Secret ") else ""
    inside = next((_called(x, mine.name) for x in sources.of(container) if _has(x, container, endpoint)), "")
    # What is written into the objects that the Operator makes it takes back.
    operated = resource(pod.metadata) if container.name == CONTAINER else ""
    inside = f"`spec.config` of {operated}" if operated else inside
    return replace(endpoint, inside=inside, given=given)


def _has(source: sources.Source, container: Container, endpoint: DeclaredEndpoint) -> bool:
    written = sources.held(source, container) if source.inside else None
    return written is not None and written.at == endpoint.location


def _called(source: sources.Source, container: str) -> str:
    if source.kind == "env":
        return f"the variable `{source.text}` of the container `{container}`"
    flag = "--set=" if source.kind == "set" else f"--config={source.kind}:"
    return f"the argument `{flag}{source.text.partition(chr(10))[0]}` of the container `{container}`"
