"""Who shares the loopback of a sender, and whether one of them can take what it sends there."""

import enum
import re
from collections.abc import Iterator, Mapping
from functools import cache

from dualstack.knowledge import table
from dualstack.model.deployed import Deployments, Sender, Senders
from dualstack.model.kube import Container, Workload, Workloads
from dualstack.reach.destination import read
from dualstack.reach.injected import aimed
from dualstack.reach.wiring import listens

INJECT = "sidecar.opentelemetry.io/inject"
"""The annotation of pods that asks the Operator for a sidecar."""
_EXPORTER = re.compile(r"exporters/otlp(?:_?http|_grpc)?(?:/.*)?")
_VARIABLE = "OTEL_EXPORTER_OTLP_"


_STARTED = re.compile(
    r"(?:^|[;&|(\n]\s*|\b(?:exec|nohup)\s+|\s-\w*c\s+|\s--\s+)[\"']?(?:\S*/)?"
    r"(?:otelcol[\w-]*|(?:otel|opentelemetry|aws-otel|splunk-otel)-collector|alloy|vector|fluent-bit|telegraf|rotel"
    r"|elastic-agent|jaeger(?:-all-in-one)?)(?=[\s;&|\"')]|$)"
)
"""What starts a program that takes OTLP: a command line, or a part of a shell's."""
_SEVERAL = re.compile(r"(?<![&>|])&(?=\s|$)|\b(?:supervisord|s6-svscan|runsvdir|circusd|honcho|foreman)\b")
"""What starts several programs in one container."""
_BUNDLES = re.compile(r"agent|all-?in-?one|bundle|supervisor")
"""Words in the names of images that hold several programs."""


class Company(enum.Enum):
    """Who else is there: somebody who takes OTLP or can, others, programs of the same container, or nobody."""

    RECEIVER = "receiver"
    OTHERS = "others"
    INSIDE = "inside"
    NOBODY = "nobody"


def alone(senders: Senders, deployments: Deployments, workloads: Workloads) -> Iterator[tuple[Sender, str, Company]]:
    """The senders whose loopback has no receiver, the port that they send to, and who else is there."""
    for each in senders.items:
        port = read(each.destination.value, each.destination.form).port
        own = filter(is_own, aimed(each, workloads))
        found = [(company(x, port, workloads, deployments), x) for x in own]
        around, sender = max(found, key=lambda x: list(Company).index(x[0]), default=(Company.RECEIVER, each))
        if around is not Company.RECEIVER:
            yield sender, port, around


def is_own(sender: Sender, *, wildcard: bool = False) -> bool:
    """Whether somebody sends OTLP to a loopback of its own, a port of which is told; or to a `wildcard`.

    Linux takes that for the loopback (ip(7), INADDR_ANY).
    """
    workload, container, said = sender.workload, sender.container, sender.destination
    if workload is None or container is None or container.init or not workload.isolated or workload.shares:
        return False
    reading = read(said.value, said.form)
    otlp = said.field.startswith(_VARIABLE) or _EXPORTER.fullmatch(said.owner) is not None
    own = reading.loopback or (wildcard and reading.wildcard)
    return otlp and own and reading.port.isdigit() and not said.unset and not reading.fault


def company(sender: Sender, port: str, workloads: Workloads, deployments: Deployments) -> Company:
    """Who shares the loopback with a sender, as far as a port is concerned.

    A sidecar, whose other containers are those of somebody else's pod, and one that is still to be injected count.
    """
    workload, container = sender.workload, sender.container
    if workload is None or container is None or _is_guest(workload) or _listens(workload, port, deployments):
        return Company.RECEIVER
    others = [x for x in _others(workload, container, workloads) if x.name not in _proxies()]
    is_program = not sender.destination.owner.startswith("exporters/")
    there = [*others, container] if is_program else others
    if any(_takes(x, port) for x in there):
        return Company.RECEIVER
    if others:
        return Company.OTHERS
    return Company.INSIDE if is_program and _has_several(container) else Company.NOBODY


def words(sender: Sender, around: Company) -> str:
    """What is known of those who share the loopback with a sender that has no receiver there."""
    if around is Company.OTHERS:
        return "no other container is known to take OTLP"
    inside = "none of the programs of this one is known to take OTLP"
    own = inside if around is Company.INSIDE else "nothing says that this one takes OTLP"
    every = sender.workload.containers if sender.workload else ()
    mesh = next((_proxies()[x.name] for x in every if x.name in _proxies()), "")
    return f"no other container runs{f' but the proxy of {mesh}' if mesh else ''}, and {own}"


def _is_guest(workload: Workload) -> bool:
    """Whether other containers than these will run there; into a pod that an API server has made none is put later."""
    said, made = workload.annotations.get(INJECT), workload.meta.kind == "Pod" and workload.meta.stored
    injected = said is not None and said.text.lower() != "false" and not made
    return injected or (workload.holds is not None and not workload.made)


def _listens(workload: Workload, port: str, deployments: Deployments) -> bool:
    return any(x.workload is workload and listens(x.config, int(port)) for x in deployments.items)


def _others(workload: Workload, container: Container, workloads: Workloads) -> Iterator[Container]:
    """The containers that run beside one: those of its pod, and those that share its network."""
    yield from (x for x in workload.containers if x is not container and not x.init)
    for other in workloads.items:
        if other.shares and other.shares in workload.names and other.meta.namespace == workload.meta.namespace:
            yield from other.containers


def _takes(container: Container, port: str) -> bool:
    """Whether a container can take OTLP on a port: it names the port, is told to listen there, or runs who takes it."""
    named = any(x.number.text == port for x in container.ports) or any(x.port.text == port for x in container.probes)
    return (
        named
        or bool(_STARTED.search(_line(container)))
        or _is_told(container, port)
        or bool(_images().search(_name(container)))
    )


def _is_told(container: Container, port: str) -> bool:
    """Whether a variable holds a wildcard with that port, which is where somebody listens."""
    wildcard = re.compile(rf"(?:\w+://)?(?:0\.0\.0\.0|\[::\])?:{port}")
    values = (x.value.text for x in container.variables if x.value and not x.name.startswith(_VARIABLE))
    return any(wildcard.fullmatch(x) for x in values)


def _has_several(container: Container) -> bool:
    """Whether a container starts more than one program, by its command or the name of its image."""
    return bool(_SEVERAL.search(_line(container)) or _BUNDLES.search(_name(container)))


def _line(container: Container) -> str:
    return " ".join(x.text for x in container.words)


def _name(container: Container) -> str:
    """The image without its tag and digest."""
    return re.sub(r":[^/:]*$", "", container.image.partition("@")[0])


@cache
def _proxies() -> Mapping[str, str]:
    """The containers of meshes, with their meshes: what stays on the loopback none of them takes."""
    return {x["container"]: x["mesh"] for x in table("meshes")}


@cache
def _images() -> re.Pattern[str]:
    return re.compile("|".join(x["image"] for x in table("otlp_receivers")))
