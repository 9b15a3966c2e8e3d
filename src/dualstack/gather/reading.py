"""The files of a review: found, read and taken in, by several processes where there are many of them."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from dualstack.gather import glance
from dualstack.gather.errors import BadFile, BadInput
from dualstack.gather.files import KUSTOMIZATIONS, Text, found, text_of
from dualstack.gather.recognise import OBJECTS, Found, take
from dualstack.gather.regular import MOST
from dualstack.model.evidence import Missing
from dualstack.reach.suppress import MARK

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_SHARE = 200
"""Files that a process takes at a time."""
_MANY = 1000
"""Files for which several processes are worth their start."""


class Sources(msgspec.Struct, frozen=True):
    """Where the files are. `stdin` is the name and the bytes of standard input where that is one of them.

    `instead` are texts that stand in the place of what files hold, `excluded` and `but` what `found` leaves out. `jobs`
    is how many processes read, 0 for as many as there are processors where there are many files.
    """

    paths: tuple[str, ...] = ()
    stdin: tuple[str, bytes] | None = None
    instead: Mapping[str, str] = {}
    excluded: Sequence[tuple[str, "GitIgnoreSpec"]] = ()
    but: tuple[str, ...] = ()
    helm: bool = False
    jobs: int = 1


class Reading(msgspec.Struct):
    """What was read: `names` of all files, `texts` of those that something was found in, `marked` that silence."""

    seen: Found = msgspec.field(default_factory=Found)
    texts: dict[str, Text] = {}
    marked: dict[str, Text] = {}
    names: set[str] = set()

    def take(self, text: Text) -> None:
        """Read one file into what was found."""
        self.names.add(text.path)
        before = self._extent()
        take(text, self.seen)
        if MARK in text.text:
            self.marked[text.path] = text
        if self._extent() != before:
            self.texts[text.path] = text

    def hold(self, text: Text) -> None:
        """Keep a file that was read as a part of something else."""
        self.names.add(text.path)
        self.texts[text.path] = text
        if MARK in text.text:
            self.marked[text.path] = text

    def _extent(self) -> tuple[int, ...]:
        seen = self.seen
        return seen.understood, len(seen.parts), len(seen.lists), len(seen.lending), len(seen.slips), len(seen.errors)

    def add(self, other: "Reading") -> None:
        """Take over what another process has read of the files that come after these."""
        for name in Found.__struct_fields__:
            mine, more = getattr(self.seen, name), getattr(other.seen, name)
            if isinstance(mine, list):
                mine += more
        self.seen.understood += other.seen.understood
        self.texts |= other.texts
        self.marked |= other.marked
        self.names |= other.names


def read_into(reading: Reading, sources: Sources, progress: Callable[[str], None]) -> None:
    """Read the files in their order; the answer is the same with any number of processes. Raises BadInput."""
    if sources.stdin:
        name, raw = sources.stdin
        _read((name, True), sources.instead, reading, raw)
    if sources.helm:
        _render(sources.paths, reading)
    files = _composed(list(_files(sources, reading)), sources.instead, reading)
    jobs = sources.jobs or (os.cpu_count() or 1 if len(files) >= _MANY else 1)
    if jobs == 1:
        for file in files:
            progress(file[0])
            _read(file, sources.instead, reading)
    else:
        _read_together(files, jobs, sources.instead, reading, progress)


def _files(sources: Sources, reading: Reading) -> Iterator[tuple[str, bool]]:
    def refused(error: OSError) -> None:
        reading.seen.errors.append(BadFile(str(error.filename), f"cannot be read: {error.strerror or error}"))

    listed = found(sources.paths, sources.excluded, sources.but, refused)
    if not sources.helm:
        return listed
    from dualstack.gather.charts import is_template

    return (x for x in listed if not is_template(x[0]))


def _composed(files: list[tuple[str, bool]], instead: Mapping[str, str], reading: Reading) -> list[tuple[str, bool]]:
    """What kustomizations make is taken in; gives the files that are not part of any."""
    asked = [x for x, _ in files if os.path.basename(x) in KUSTOMIZATIONS]
    if not asked:
        return files
    from dualstack.gather.kustomize import take_builds

    named = {os.path.realpath(x): (x, y) for x, y in files}

    def read(path: str) -> Text | None:
        known, is_named = named.get(os.path.realpath(path), (path, False))
        try:
            text = text_of(path, named=is_named)
        except BadFile as error:
            reading.seen.errors.append(error)
            return None
        return text and text._replace(path=known, text=instead.get(known, text.text))

    used = take_builds(asked, read, reading.seen)
    for text in used.values():
        reading.hold(text)
    taken = {os.path.realpath(x) for x in used}
    return [x for x in files if os.path.realpath(x[0]) not in taken]


def _render(paths: Sequence[str], reading: Reading) -> None:
    """What the charts under the paths make. Raises BadInput where there is no helm."""
    from dualstack.gather import charts

    program = charts.helm()
    for folder in charts.charts(paths):
        try:
            made = list(charts.render(program, folder))
        except BadFile as error:
            reading.seen.errors.append(error)
            continue
        reading.seen.rendered |= {x.path: x for x in made}
        for text in map(charts.text, made):
            reading.take(text)


def _read(file: tuple[str, bool], instead: Mapping[str, str], reading: Reading, raw: bytes | None = None) -> None:
    """Take in one file, by its path and whether the user named it."""
    path, named = file
    try:
        text = text_of(path, named=named, raw=raw)
    except BadFile as error:
        reading.seen.errors.append(error)
        return
    if text:
        reading.take(text._replace(text=instead.get(text.path, text.text)))
    elif not named:
        _note_foreign(path, reading)


def _note_foreign(path: str, reading: Reading) -> None:
    """Name a file that is no text in UTF-8 but looks like one of interest."""
    try:
        text_of(path, named=True)
    except BadFile as error:
        with open(path, "rb") as file:
            plain = file.read(MOST).replace(b"\0", b"").decode("latin-1")
        if glance.speaks(plain, glance.told(plain), OBJECTS):
            said = f"{error.sentence}, and was passed over; save it as UTF-8"
            reading.seen.notes.append(Missing(path, said))


def _read_together(
    files: Sequence[tuple[str, bool]],
    jobs: int,
    instead: Mapping[str, str],
    reading: Reading,
    progress: Callable[[str], None],
) -> None:
    from dualstack.gather.interrupts import uninterrupted
    from dualstack.gather.workers import Ended, Worker

    shares = [files[x : x + _SHARE] for x in range(0, len(files), _SHARE)]
    workers: list[Worker[Reading]] = []
    try:
        with uninterrupted():
            workers += (Worker(partial(_shares, shares[x::jobs], instead)) for x in range(min(jobs, len(shares))))
        for number, share in enumerate(shares):
            reading.add(workers[number % jobs].take())
            for path, _ in share:
                progress(path)
    except Ended as error:
        said = "a process that read files was ended from outside; there may not be enough memory. Try `--jobs 1`."
        raise BadInput(said) from error
    finally:
        for worker in workers:
            worker.end()


def _shares(shares: Sequence[Sequence[tuple[str, bool]]], instead: Mapping[str, str]) -> Iterator[Reading]:
    return (_share(x, instead) for x in shares)


def _share(files: Sequence[tuple[str, bool]], instead: Mapping[str, str]) -> Reading:
    reading = Reading()
    for file in files:
        _read(file, instead, reading)
    return reading
