"""What keeps a Collector from reading its configuration, as far as the files tell."""

from collections.abc import Iterator

from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.kube import Container, Workloads
from dualstack.model.otel import Refusal
from dualstack.model.patterns import pattern
from dualstack.reach import sources
from dualstack.reach.features import refused, switched
from dualstack.reach.images import own_file

_VALUES = "values"
_GATES = "feature-gates"
_PUBLISHED = pattern(r"(?:^|/)otel/opentelemetry-collector|(?:^|/)opentelemetry-collector-releases/")
"""Images as they are published, with nothing in them but the program and its default configuration."""
_INJECTORS = ("vault.hashicorp.com/agent-inject", "vault.security.banzaicloud.io/vault-agent")
"""Annotations of pods into which files are mounted while they are made (Vault Agent Injector, Bank-Vaults webhook)."""


def refusals(deployments: Deployments, workloads: Workloads) -> Iterator[Refusal]:
    """What is refused, or not found: once for each file and way to mend it."""
    told = set[tuple[str, str]]()
    for found in (*_of_configurations(deployments), *_of_files(workloads)):
        if (found.at.file, found.mend) not in told:
            told.add((found.at.file, found.mend))
            yield found


def _of_configurations(deployments: Deployments) -> Iterator[Refusal]:
    for item in deployments.items:
        yield from (x for x in item.config.refused if not x.whole or _is_whole(item))
        yield from _of_gates(item)


def _is_whole(item: Deployed) -> bool:
    """Whether nothing else is merged into a configuration: who reads it says so, and no chart completes it."""
    holder = item.config.holder
    if item.container is None or holder is None or holder.kind == _VALUES:
        return False
    return sources.is_all(item.config, item.container)


def _of_gates(item: Deployed) -> Iterator[Refusal]:
    words = item.container.words if item.container else ()
    for at in [x.at for x in words if _GATES in x.text][:1]:
        for gate, said in refused(item.config.version, switched([x.text for x in words])):
            yield Refusal(at, said, f"Take `{gate}` out of `--feature-gates`.")


def _of_files(workloads: Workloads) -> Iterator[Refusal]:
    """The files that a command line names and that are neither mounted nor in the image."""
    for workload in workloads.items:
        made_later = workload.holds is not None or any(x in workload.annotations for x in _INJECTORS)
        for container in workload.containers if workload.pod and not made_later else ():
            for source in sources.of(container) if _PUBLISHED.search(container.image) else ():
                if source.kind == "file" and source.text.startswith("/") and not _is_there(source.text, container):
                    said = f"open {source.text}: no such file or directory"
                    shown = " and ".join(f"`{x.path}`" for x in container.mounts)
                    mounted = f"what is mounted is at {shown}" if shown else "nothing is mounted into this container"
                    mend = f"Name a file that is there; {mounted}."
                    yield Refusal(container.words[source.index].at, said, mend)


def _is_there(path: str, container: Container) -> bool:
    """Whether a path is that of the image's own file, or may be below what is mounted."""
    return own_file(container.image) == path or any(
        f"{path}/".startswith(f"{x.path.rstrip('/')}/") for x in container.mounts
    )
