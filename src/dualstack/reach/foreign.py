"""Where programs other than the Collector listen, by their environment and their command line."""

import re
from collections.abc import Iterator, Mapping

from dualstack.knowledge import table
from dualstack.model.foreign import ForeignListener
from dualstack.model.kube import Container, Workload
from dualstack.model.source import Written
from dualstack.reach.settings import filled


def foreign(workload: Workload) -> Iterator[ForeignListener]:
    """The listeners of the programs in a workload."""
    for container in workload.containers:
        values = {x.name: x.value.text for x in container.variables if x.value is not None}
        for row in table("foreign_listeners"):
            name, _, said = row["unless"].partition("=")
            if not name or values.get(name, "").lower() != said:
                yield from _found(row, container, values)


def _found(row: Mapping[str, str], container: Container, values: Mapping[str, str]) -> Iterator[ForeignListener]:
    variable = container.variable(row["variable"])
    places = [(row["variable"], variable.value)] if variable and variable.value else []
    if row["flag"] and re.search(row["image"], container.image):
        places += [(f"--{row['flag']}", x) for x in _arguments(container, row["flag"])]
    for field, written in places:
        said, unset = filled(written, values)
        said = said.partition("=")[2] if said.startswith("--") else said
        port = f":{values.get(row['port'], row['default'])}" if row["port"] else ""
        if not unset:
            yield ForeignListener(
                row["product"], field, written, f"{said}{port}", row["runtime"], wildcard=row["wildcard"]
            )


def _arguments(container: Container, flag: str) -> Iterator[Written]:
    """What an option of the command line is given: the word after it, or the word that holds both."""
    words = container.words
    for word, following in zip(words, (*words[1:], None), strict=False):
        name, equals, _ = word.text.partition("=")
        if name.lstrip("-") == flag and name.startswith("--"):
            if equals:
                yield word
            elif following:
                yield following
