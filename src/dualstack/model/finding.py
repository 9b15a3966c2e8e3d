"""What a rule has to say."""

import enum

import msgspec

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence
from dualstack.model.source import Location
from dualstack.model.trace import Hop


class Severity(enum.StrEnum):
    """How bad it is: a client fails, a client can fail or stalls, worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(enum.StrEnum):
    """What a finding rests on, strongest first."""

    PROBED = "probed"
    OBSERVED = "observed"
    DECLARED = "declared"
    INFERRED = "inferred"


class Applicability(enum.StrEnum):
    """Who may apply a fix: `fix` itself, `fix --unsafe`, or a person."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    MANUAL = "manual"


class Edit(msgspec.Struct, frozen=True):
    """One change. `target` is a file or a sysctl, `old` and `new` are texts at `location`."""

    target: str
    old: str
    new: str
    location: Location | None = None


class Fix(msgspec.Struct, frozen=True):
    """A way out: an imperative title, who may apply it, and the edits or commands that carry it out."""

    title: str
    applicability: Applicability = Applicability.MANUAL
    edits: tuple[Edit, ...] = ()
    commands: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """One fault, for a tired reader: `summary` in at most eight words, `detail` in sentences, `hint` in the imperative.

    `code`, `name`, `severity` and `hop` come from the rule. `flows` are the keys of the traces that it speaks of, and
    `because` holds the codes of other findings that explain this one; `causes` are those that may, where they are fewer
    than its rule says. `excerpt` is the line of the file at `location`. `met` says whether clients that are known meet
    it; None where it may be anybody's. `ports` are those of the listeners that it speaks of, where it is about these
    alone. `within` is the file that its causes have to be of, where no flows tell them.
    """

    summary: str
    detail: str
    hint: str = ""
    families: tuple[Family, ...] = ()
    confidence: Confidence = Confidence.OBSERVED
    evidence: tuple[Evidence, ...] = ()
    location: Location | None = None
    fix: Fix | None = None
    code: str = ""
    name: str = ""
    severity: Severity = Severity.ERROR
    hop: Hop | None = None
    because: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    excerpt: str = ""
    causes: tuple[str, ...] | None = None
    met: bool | None = None
    ports: tuple[int, ...] = ()
    within: str = ""


class Skipped(msgspec.Struct, frozen=True):
    """Evidence that was not there, why, and the rules that could not speak without it.

    `unreadable` is true of a file that should have been read and could not be; `location` is the place in it.
    """

    needs: str
    why: str
    codes: tuple[str, ...] = ()
    unreadable: bool = False
    location: Location | None = None
