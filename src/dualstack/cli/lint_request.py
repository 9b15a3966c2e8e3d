"""From the options of `dualstack lint`, and from the settings of the repository, to a request for a review."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dualstack.cli import options
from dualstack.cli.request import version_of

if TYPE_CHECKING:
    from dualstack.gather.baseline import Known
    from dualstack.gather.git import Changes
    from dualstack.gather.project import Project
    from dualstack.review import Review


def review_of(given: Mapping[str, Any], settings: "Project") -> "Review":
    """The request; what the command line says wins over the settings. Raises BadInput, UnknownCode."""
    from dualstack.model.question import Question
    from dualstack.review import STDIN, Review
    from dualstack.rules.registry import choose, static_rules

    if given["settings"] and not given["configs"]:
        options.refuse("`--set` is given without a configuration. Name it with `--config FILE`.")
    said = settings.settings
    select = given["select"] or ",".join(said.select)
    ignore = given["ignore"] or ",".join(said.ignore)
    paths = given["paths"] or (() if given["configs"] else (".",))
    named = [x for x in paths if x != STDIN] or ["."]
    changes = _changes(given["changed_since"], named) if given["changed_since"] else None
    families = given["cluster_families"] or ",".join(said.cluster_families)
    return Review(
        paths,
        configs=given["configs"],
        settings=given["settings"],
        stdin=_stdin(given) if STDIN in paths else b"",
        stdin_name=given["stdin_filename"] or STDIN,
        question=Question(
            expect=options.EXPECTED.get(given["expect"] or said.expect, ()), cluster=options.families(families)
        ),
        environ=dict(os.environ),
        collector_version=version_of(given["collector_version"] or said.collector_version),
        chosen=choose(select, ignore, static_rules()) if select or ignore else None,
        project=settings,
        helm=given["helm"],
        jobs=given["jobs"] or 0,
        changes=changes,
        former=changes.former if changes else {},
        baseline=_known(given["baseline"]) if given["baseline"] else None,
    )


def _changes(revision: str, paths: Sequence[str]) -> "Changes":
    from dualstack.gather.git import changes

    return changes(revision, paths)


def _known(path: str) -> "Known":
    from dualstack.gather.baseline import known

    return known(path)


def settings_of(given: Mapping[str, Any]) -> "Project":
    """The settings of the repository that holds the first path. Raises BadFile."""
    from dualstack.gather.project import project

    first = next(iter((*given["paths"], *given["configs"])), ".")
    return project(given["stdin_filename"] or "." if first == "-" else first)


def _stdin(given: Mapping[str, Any]) -> bytes:
    """What stdin holds; nothing at all is most often a program before the pipe that has failed."""
    from dualstack.gather.regular import MOST

    found = sys.stdin.buffer.read(MOST + 1) if sys.stdin else b""
    if len(found) > MOST:
        options.refuse(f"standard input is larger than {MOST // 1_000_000} MB. Give it less at a time.")
    if not found and not given["stdin_filename"]:
        options.refuse("standard input is empty. Give it a file, or name one.")
    return found
