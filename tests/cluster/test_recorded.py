"""What real API servers of several versions answered, asked again: one world, and the same diagnosis of it.

The answers are those of `tests/cluster/recorded`; `make recordings` makes them. A request that no recording
has is a fault: what is asked of a cluster has changed, and the recordings are to be made again.
"""

import functools
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cluster import replay
from tests.cluster.replay import PROBING, QUESTIONS, Words

VERSIONS = {
    "1.28.15": {"Deployment sidecar", "ServiceCIDR more"},
    "1.31.14": {"ServiceCIDR more"},
    "1.34.4": set[str](),
    "1.36.3": set[str](),
}
"""By version what it refuses of a world that is one of today."""
DUAL = [f"{x}-dual" for x in VERSIONS]
LATEST = DUAL[-1]

NONE: list[str] = []
FIRST = ["DS204 error ipv6"]
SECOND, LOCAL, BALANCED = "DS501 error ipv4", "DS510 error ipv4", "DS519 warning ipv6"
ENTERED = "DS510 warning ipv4"
"""Who comes to a node port is not known, and a balancer leaves out the nodes without an endpoint."""
WAITING, NOTHING = "DS507 error ipv4+ipv6", "DS509 error ipv4+ipv6"
VIEWED = ["DS204 error ipv6", "DS501 warning ipv4", "DS501 warning ipv6", WAITING, NOTHING, BALANCED]
"""Without nodes nobody knows that one of them lacks IPv6, nor that another one is without an endpoint."""

Right = dict[str, tuple[str, list[str]]]
UNHELD = "DS211 warning ipv4"
"""No pod of its node holds the port that the client sends to."""

RIGHT: Right = {
    "admin --all": (
        "degraded",
        ["DS204 error ipv6", SECOND, "DS501 warning ipv6", WAITING, NOTHING, LOCAL, ENTERED, BALANCED],
    ),
    "admin svc/otel": ("unknown", NONE),
    "admin svc/plain": ("unknown", ["DS501 warning ipv6"]),
    "admin svc/second": ("degraded", [SECOND]),
    "admin svc/require": ("unknown", NONE),
    "admin svc/headless": ("unknown", NONE),
    "admin svc/local": ("degraded", [LOCAL, ENTERED]),
    "admin svc/balanced": ("unknown", [BALANCED]),
    "admin svc/first": ("degraded", FIRST),
    "admin svc/waiting": ("broken", [WAITING]),
    "admin svc/sidecar": ("unknown", NONE),
    "admin svc/poor": ("unknown", NONE),
    "admin svc/gateway-collector": ("unknown", NONE),
    "admin svc/nothing": ("broken", [NOTHING]),
    "admin svc/alias": ("unknown", NONE),
    "admin svc/manual": ("unknown", NONE),
    "admin deploy/otel": ("degraded", [SECOND, LOCAL, ENTERED, BALANCED]),
    "admin ds/poor": ("unknown", NONE),
    "admin pod/first-5d8f-0": ("degraded", FIRST),
    "admin collector/gateway": ("unknown", NONE),
    "admin deploy/cart": ("unknown", NONE),
    "admin deploy/hosted": ("unknown", [UNHELD, "DS604 info ipv6"]),
    "view svc/otel": ("unknown", NONE),
    "view svc/poor": ("unknown", NONE),
    "view --all": ("degraded", VIEWED),
    "view --all -n obs": ("degraded", VIEWED),
}
"""By user and question the verdict and the causes, with which of their families they break: reasoned, not recorded."""


UNBRACKETED, HOSTED = "DS102 warning ipv6", "DS102 error ipv6"
"""An address of IPv6 before a colon and a port: in a Collector that says that it is ready, and in a client's URL."""
FIRST6 = [UNBRACKETED, "DS204 warning ipv4", "DS604 warning ipv4", "DS701 warning ipv4"]
"""Its policy is a warning: nothing shows that any is enforced here. What is refused anyway is not told of it."""


def single(family: str, first: list[str], hosted: list[str]) -> Right:
    """The same of a cluster of one family, which refuses Services of the other one; `first` is bound to one address."""
    waiting, nothing, local = (f"{x} error {family}" for x in ("DS507", "DS509", "DS510"))
    viewed, entered = [*first, waiting, nothing], f"DS510 warning {family}"
    changed: Right = {
        "admin --all": ("degraded", sorted([*viewed, *hosted, local, entered])),
        "admin svc/plain": ("unknown", NONE),
        "admin svc/local": ("degraded", [local, entered]),
        "admin svc/balanced": ("unknown", NONE),
        "admin svc/first": ("unknown", first),
        "admin svc/waiting": ("broken", [waiting]),
        "admin svc/nothing": ("broken", [nothing]),
        "admin deploy/otel": ("degraded", [local, entered]),
        "admin pod/first-5d8f-0": ("unknown", first),
        "admin deploy/hosted": ("broken", hosted) if hosted else ("unknown", [UNHELD]),
        "view --all": ("degraded", sorted([*viewed, *hosted])),
        "view --all -n obs": ("degraded", sorted(viewed)),
    }
    return {k: v for k, v in (RIGHT | changed).items() if k not in ("admin svc/second", "admin svc/require")}


def turned() -> Right:
    """The same of a cluster whose first family is IPv6: what one family was is the other one."""
    swap = {"ipv4": "ipv6", "ipv6": "ipv4"}
    plain = {k: (v, [f"{x[:-4]}{swap[x[-4:]]}" if "+" not in x else x for x in y]) for k, (v, y) in RIGHT.items()}
    both = [*FIRST6, "DS501 warning ipv4", WAITING, NOTHING, "DS519 warning ipv4"]
    viewed = [*both, "DS501 warning ipv6"]
    everything = [*both, "DS501 error ipv6", "DS510 error ipv6", "DS510 warning ipv6", HOSTED]
    changed: Right = {
        "admin --all": ("degraded", sorted(everything)),
        "admin svc/first": ("unknown", FIRST6),
        "admin pod/first-5d8f-0": ("unknown", FIRST6),
        "admin deploy/hosted": ("broken", [HOSTED]),
        "view --all": ("degraded", sorted([*viewed, HOSTED])),
        "view --all -n obs": ("degraded", sorted(viewed)),
    }
    return plain | changed


FORMS = {
    "1.34.4-ipv4": single("ipv4", NONE, NONE),
    "1.34.4-ipv6": single("ipv6", [UNBRACKETED], [HOSTED]),
    "1.34.4-ipv6-first": turned(),
}
SINGLE = ("1.34.4-ipv4", "1.34.4-ipv6")


class Answer(NamedTuple):
    """What the command line said: its exit status, the document or None, and what stood on stderr."""

    status: int
    document: Any
    told: str


def ask(url: str, folder: Path, user: str, *words: str) -> Answer:
    """A question to a server, by the command line."""
    config = replay.kubeconfig(folder / user, url, user)
    status, out, told = replay.command("diagnose", *words, "--format", "json", "--kubeconfig", config)
    return Answer(status, json.loads(out) if out else None, told)


@functools.cache
def answers(name: str) -> dict[str, Answer]:
    """Every question to what is recorded of one server; each of its requests has an answer there."""
    with replay.replayed(replay.read(name).answers) as server, tempfile.TemporaryDirectory() as folder:
        found = {
            called(user, words): ask(server.url, Path(folder), user, *words, "--no-probe")
            for user, questions in QUESTIONS.items()
            for words in questions
        }
    assert server.unknown == [], "what is asked has changed: `make recordings` asks it"
    return found


def called(user: str, words: Words) -> str:
    """A question as the tables name it."""
    return f"{user} {words[0] if words[0] != '--all' else ' '.join(words)}"


def causes(document: Any) -> list[str]:
    """The findings that nothing explains, each once."""
    found = {f"{x['code']} {x['severity']} {'+'.join(x['families'])}" for x in document["findings"] if not x["because"]}
    return sorted(found)


def judged(name: str) -> Right:
    """The verdict and the causes by question."""
    return {k: (x.document["verdict"], causes(x.document)) for k, x in answers(name).items() if x.document}


def told(document: Any) -> list[tuple[str, ...]]:
    """The words of each finding, and how each flow ends, but to the one Service that some versions refuse."""
    words = [(x["code"], x["severity"], x["summary"], x["detail"], *x["families"]) for x in document["findings"]]
    ends = [tuple(x[y] for y in ("vantage", "target", "protocol", "family", "disposition")) for x in document["traces"]]
    return words + [x for x in ends if not x[1].startswith("sidecar.")]


@pytest.mark.parametrize("name", DUAL)
def test_one_world_has_one_diagnosis_whatever_the_version(name: str) -> None:
    refused = replay.read(name).refused
    right = {k: v for k, v in RIGHT.items() if "Deployment sidecar" not in refused or k != "admin svc/sidecar"}

    assert judged(name) == right


@pytest.mark.parametrize("name", DUAL[:-1])
def test_versions_agree_word_for_word(name: str) -> None:
    found, right = answers(name), answers(LATEST)

    for question, one in found.items():
        if one.document:
            assert told(one.document) == told(right[question].document), question


@pytest.mark.parametrize("name", FORMS)
def test_a_cluster_of_another_form_has_the_causes_of_its_families(name: str) -> None:
    assert judged(name) == FORMS[name]


@pytest.mark.parametrize("name", SINGLE)
def test_where_there_is_one_family_nothing_is_said_of_the_other(name: str) -> None:
    (family,) = (x.lower() for x in replay.read(name).families)

    for question, one in answers(name).items():
        said = one.document or {"findings": [], "traces": []}
        assert {y for x in said["findings"] for y in x["families"]} <= {family}, question
        assert {x["family"] for x in said["traces"]} <= {family}, question


@pytest.mark.parametrize("name", DUAL)
def test_what_a_version_lacks(name: str) -> None:
    held = replay.read(name)
    asked = {x.partition("?")[2] for x in held.answers["admin"] if x.startswith("POST") and x.endswith("dryRun=All")}

    assert held.version == f"v{name.removesuffix('-dual')}"
    assert set(held.refused) == VERSIONS[name.removesuffix("-dual")]
    assert bool(asked) == ("ServiceCIDR more" in held.refused)  # a server without ranges says what a Service would get


@pytest.mark.parametrize("name", replay.names())
def test_what_may_not_be_seen_is_named_with_its_right(name: str) -> None:
    found = {k: [(x["needs"], x["why"]) for x in v.document["skipped"]] for k, v in answers(name).items() if v.document}
    named = [x for x in found["view svc/poor"] if x[0].startswith(("nodes", "servicecidrs"))]

    assert {x for x, _ in named} == {"nodes", "servicecidrs.networking.k8s.io"}
    assert any("verb `list` on `nodes`" in why for _, why in named)
    assert not [x for x in found["admin --all"] if "not allowed" in x[1]]
    assert "clients in other namespaces" in dict(found["view --all -n obs"])
    assert "clients in other namespaces" not in dict(found["view --all"])


@pytest.mark.parametrize("name", replay.names())
def test_a_service_that_is_not_there_is_answered_with_those_that_are(name: str) -> None:
    found = answers(name)["admin svc/absent"]

    assert (found.status, found.document) == (2, None)
    assert "There is no Service `absent` in the namespace `obs`. There are: `alias`, " in found.told


@pytest.mark.parametrize("name", replay.names())
def test_an_api_server_that_reaches_no_pod_breaks_nothing(name: str, tmp_path: Path) -> None:
    with replay.replayed(replay.read(name).answers) as server:
        found = ask(server.url, tmp_path, "admin", *PROBING)

    assert (found.document["verdict"], causes(found.document)) == ("unknown", NONE)
    assert "exports by port-forward" in {x["needs"] for x in found.document["skipped"]}
