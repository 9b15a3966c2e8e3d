"""Open documents under review, together with the files of the folders that they are in."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import msgspec
from msgspec.structs import replace

from dualstack.editor.meaning import Meaning, meanings
from dualstack.gather.errors import BadFile
from dualstack.gather.files import found
from dualstack.model.finding import Finding
from dualstack.review import STDIN, Review, explained, lint

MOST = 2000
"""Files that are read for one document; those of a larger folder are left out of account."""


class Judged(msgspec.Struct, frozen=True):
    """What there is to say of one document: findings, errors of its text, and what the addresses in it mean."""

    findings: tuple[Finding, ...] = ()
    errors: tuple[BadFile, ...] = ()
    meanings: tuple[Meaning, ...] = ()


def judged(texts: Mapping[str, str], folders: Sequence[str], asked: Review) -> Mapping[str, Judged]:
    """What there is to say of each document, by path. `texts` are those in the editor, whatever the files hold."""
    answers = {}
    for request, paths in _requests(texts, folders, asked):
        reviewed = lint(request)
        said = tuple(meanings(explained(request)[0]))
        for path in paths:
            answers[path] = Judged(
                tuple(x for x in reviewed.diagnosis.findings if x.location and x.location.file == path),
                tuple(x for x in reviewed.errors if x.file == path and x.line),
                tuple(x for x in said if x.at.file == path),
            )
    return answers


def _requests(
    texts: Mapping[str, str], folders: Sequence[str], asked: Review
) -> Iterator[tuple[Review, Sequence[str]]]:
    """One review for the documents of a folder, and one for each that is not saved yet, or is left out there."""
    around = {x: _around(x, folders) for x in texts}
    for folder in dict.fromkeys(around.values()):
        files = _files(folder)
        mine = [x for x in texts if x in files]
        instead = {x: texts[x] for x in mine}
        if mine:
            yield replace(asked, paths=(folder,), instead=instead), mine
        for path in (x for x in texts if around[x] == folder and x not in files):
            paths, raw = (STDIN, folder) if files else (STDIN,), texts[path].encode(errors="replace")
            yield (
                replace(asked, paths=paths, stdin=raw, stdin_name=path, instead=instead),
                [path],
            )


def _around(path: str, folders: Sequence[str]) -> str:
    """The folder of the workspace that a file is in, or that of the file alone where this is too large or none."""
    holding = (x for x in folders if path.startswith(f"{x.rstrip('/')}/"))
    folder = max(holding, key=len, default="")
    return folder if folder and _files(folder) else os.path.dirname(path)


def _files(folder: str) -> frozenset[str]:
    """The files that are read below a folder; none where there are too many."""
    if not os.path.isdir(folder):
        return frozenset()
    names = [x for x, _ in islice(found([folder]), MOST + 1)]
    return frozenset(names) if len(names) <= MOST else frozenset()
