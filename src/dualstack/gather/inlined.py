"""Configurations that stand in the words of a command: `--config=yaml:…`, `--config=env:NAME` and `--set KEY=VALUE`.

They are read as the Collector reads them (confmap/provider/yamlprovider and envprovider, otelcol/flags.go).
"""

from collections.abc import Iterable, Iterator

from dualstack.gather.errors import BadFile
from dualstack.gather.merge import DELIMITER, merged
from dualstack.gather.recognise import Found, Pending, composed
from dualstack.gather.sections import SECTIONS
from dualstack.gather.yaml_tree import Origin, pairs, scalar
from dualstack.model.kube import Container, Workload
from dualstack.reach import sources
from dualstack.reach.sources import Source


def inlined(workloads: Iterable[Workload], found: Found) -> Iterator[Pending]:
    """Each of them, at the place of its word or of the variable that holds it; what is no YAML is an error."""
    for workload in workloads:
        for container in workload.containers:
            named = sources.of(container)
            # Other programs know `--set` as well, such as Helm.
            collector = workload.holds is not None or any(x.kind != "set" for x in named)
            for source in named if collector else ():
                yield from _inlined(source, container, found)


def _inlined(source: Source, container: Container, found: Found) -> Iterator[Pending]:
    written = sources.held(source, container) if source.inside else None
    text = written and (_setting(written.text) if source.kind == "set" else written.text)
    if not written or not text:
        return
    inner = composed(Origin(written.at.file, text, whole=written.at), found)
    keys = [scalar(x).partition(DELIMITER)[0] for x, _ in pairs(inner[0])] if inner else []
    if inner and set(keys) & SECTIONS:
        try:
            yield Pending(*merged([inner]), sources.holder(source, container))
        except BadFile as error:
            found.errors.append(error)


def _setting(text: str) -> str:
    """`a.b::c=value` as YAML; empty for anything else."""
    path, equals, value = text.partition("=")
    steps = path.strip().replace(".", DELIMITER)
    return f"{steps}: {value}" if equals and steps.partition(DELIMITER)[0] in SECTIONS else ""
