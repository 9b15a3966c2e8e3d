"""A file as it stands in the documentation of a rule, under review.

Its first line may say how `dualstack lint` is called:

    # dualstack lint --cluster-families IPv4,IPv6 --expect dual --collector-version 0.139.0 --stdin-filename app.env

Lines that begin with `#- ` are what the file held before the change that is under review.
"""

import shlex

from dualstack.model.address import BOTH, Family
from dualstack.model.question import Question
from dualstack.review import STDIN, Review

_CALL = "# dualstack lint "
_BEFORE = "#- "
_EXPECTED = {"ipv4": (Family.IPV4,), "ipv6": (Family.IPV6,), "dual": BOTH}


def file(text: str) -> Review:
    """The review that a text asks for. Raises KeyError and ValueError for options that are not understood."""
    first = text.partition("\n")[0]
    words = shlex.split(first.removeprefix(_CALL)) if first.startswith(_CALL) else []
    given = dict(zip(words[::2], words[1::2], strict=True))
    families = {x.title: x for x in BOTH}
    question = Question(
        expect=_EXPECTED[given.pop("--expect")] if "--expect" in given else (),
        cluster=tuple(families[x] for x in given.pop("--cluster-families", "").split(",") if x),
    )
    version, name = given.pop("--collector-version", ""), given.pop("--stdin-filename", "example.yaml")
    if given:
        msg = f"{', '.join(given)} is not understood here"
        raise ValueError(msg)
    before = "\n".join(x.removeprefix(_BEFORE) for x in text.splitlines() if x.startswith(_BEFORE))
    return Review(
        (STDIN,),
        stdin=text.encode(),
        stdin_name=name,
        question=question,
        collector_version=version,
        former={name: before} if before else {},
    )
