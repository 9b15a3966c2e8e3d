"""Recorded answers in which fields are missing, empty or odd: always a diagnosis, and no cause that nothing shows."""

import functools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.cluster import replay
from tests.cluster.replay import Replay, Reply, Words

Place = tuple[str | int, ...]

GONE = object()
EMPTY: list[Any] = [GONE, None, [], {}, ""]
ODD: list[Any] = [
    *EMPTY,
    "odd\x1b[31m",
    7,
    -1,
    True,
    2**63,
    [None],
    [[]],
    [7],
    {"a": None},
    {"a": {"b": []}},
    "::",
    "0",
]
UNSAID = ("externalTrafficPolicy", "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "nodeName", "podCIDR",
          "podCIDRs", "sessionAffinity", "trafficDistribution")  # fmt: skip
"""Fields of a `spec` that are filled in by the server or a controller, or that say what is so without them."""
WORLDS = ("1.28.15-dual", "1.34.4-dual", "1.34.4-ipv4", "1.34.4-ipv6-first")
ASKED: list[tuple[str, Words]] = [
    ("admin", ("svc/otel", "-n", "obs")),
    ("admin", ("svc/headless", "-n", "obs")),
    ("admin", ("svc/local", "-n", "obs")),
    ("admin", ("svc/balanced", "-n", "obs")),
    ("admin", ("svc/first", "-n", "obs")),
    ("admin", ("svc/waiting", "-n", "obs")),
    ("admin", ("svc/manual", "-n", "obs")),
    ("admin", ("ds/poor", "-n", "obs")),
    ("admin", ("collector/gateway", "-n", "obs")),
    ("admin", ("deploy/cart", "-n", "shop")),
    ("admin", ("deploy/hosted", "-n", "shop")),
    ("view", ("svc/poor", "-n", "obs")),
    ("admin", ("--all",)),
]
BOUNDED = settings(phases=[Phase.generate], max_examples=120, derandomize=True, deadline=None, database=None)


class Question(NamedTuple):
    """Who asks what of which recorded server."""

    name: str
    user: str
    words: Words


class Change(NamedTuple):
    """What stands, or does not stand any more, at a place of an answer."""

    request: str
    place: Place
    value: Any


QUESTIONS = st.sampled_from([Question(x, user, words) for x in WORLDS for user, words in ASKED])


@pytest.fixture(scope="module")
def server() -> Iterator[Replay]:
    with replay.replayed({}) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd")


@functools.cache
def recorded(name: str) -> dict[str, dict[str, Reply]]:
    return replay.read(name).answers


def places(value: object, above: Place = ()) -> Iterator[Place]:
    """Every place inside a body, and the whole of it."""
    yield above
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield from places(inner, (*above, key))


def put(body: Any, place: Place, value: Any) -> Any:
    """A body with something else at a place; as it is where an earlier change took the place away."""
    if not place:
        return {} if value is GONE else value
    found = inner = deepcopy(body)
    try:
        for key in place[:-1]:
            inner = inner[key]
        if value is GONE:
            del inner[place[-1]]
        else:
            inner[place[-1]] = value
    except (KeyError, IndexError, TypeError):
        return body
    return found


def changed(question: Question, changes: list[Change]) -> Mapping[str, Mapping[str, Reply]]:
    """What the server answers after changes."""
    found = dict(recorded(question.name)[question.user])
    for request, place, value in changes:
        found[request] = found[request]._replace(body=put(found[request].body, place, value))
    return {question.user: found}


Answers = Mapping[str, Mapping[str, Reply]]


def ask(server: Replay, folder: Path, question: Question, answers: Answers, *more: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a question to a server with these answers."""
    server.answers = answers
    config = replay.kubeconfig(folder / question.user, server.url, question.user)
    return replay.command("diagnose", *question.words, "--no-probe", "--kubeconfig", config, *more)


def codes(out: str) -> set[str]:
    """The codes of the findings."""
    return {x["code"] for x in json.loads(out)["findings"]}


def blamed(out: str) -> set[str]:
    """The codes of what fails for certain and is explained by nothing else."""
    return {x["code"] for x in json.loads(out)["findings"] if x["severity"] == "error" and not x["because"]}


@functools.cache
def whole(question: Question) -> tuple[tuple[str, ...], set[str]]:
    """Of the answers as they were recorded: the requests that have one, and what is wrong."""
    held = recorded(question.name)
    mine = held[question.user]
    with replay.replayed(held) as server, tempfile.TemporaryDirectory() as folder:
        _, out, _ = ask(server, Path(folder), question, held, "--format", "json")
    return tuple(sorted(x for x in set(server.asked) if x in mine and isinstance(mine[x].body, dict))), codes(out)


@functools.cache
def fields(name: str, user: str, request: str) -> list[Place]:
    return list(places(recorded(name)[user][request].body))


def means_nothing(place: Place) -> bool:
    """Whether a field tells what was seen, or has a default: without it less is known, and nothing is broken."""
    if place and isinstance(place[-1], int):  # one of several that is gone was seen to be gone
        return False
    match [x for x in place if isinstance(x, str) and x != "items"]:
        case ("status", *rest):
            return bool(rest)
        case ("metadata", key, *_):
            return key not in ("name", "namespace", "labels", "ownerReferences", "continue")
        case ("spec", key, *_):
            return key in UNSAID
        case ("endpoints", key, *_):
            return key in ("conditions", "hints", "nodeName", "targetRef", "zone")
    return False


def changes(question: Question, fits: Callable[[Place], bool], values: list[Any]) -> st.SearchStrategy[list[Change]]:
    """Some places of the answers to a question, each with a value."""
    held = {x: [y for y in fields(question.name, question.user, x) if fits(y)] for x in whole(question)[0]}
    one = st.sampled_from([x for x, y in held.items() if y]).flatmap(
        lambda x: st.builds(Change, st.just(x), st.sampled_from(held[x]), st.sampled_from(values))
    )
    return st.lists(one, min_size=1, max_size=4)


def asked(fits: Callable[[Place], bool], values: list[Any]) -> st.SearchStrategy[tuple[Question, list[Change]]]:
    """A question with changes of its answers."""
    return QUESTIONS.flatmap(lambda x: st.tuples(st.just(x), changes(x, fits, values)))


@BOUNDED
@given(case=asked(lambda _: True, ODD))
def test_no_answer_ends_in_a_traceback(server: Replay, folder: Path, case: tuple[Question, list[Change]]) -> None:
    status, out, told = ask(server, folder, case[0], changed(*case))

    assert status in {0, 1, 2, 3}
    assert bool(out) == (status != 2)
    assert bool(told) or status != 2
    assert "\x1b" not in out + told


@BOUNDED
@given(case=asked(means_nothing, EMPTY))
def test_what_is_not_said_is_no_cause(server: Replay, folder: Path, case: tuple[Question, list[Change]]) -> None:
    status, out, _ = ask(server, folder, case[0], changed(*case), "--format", "json")

    assert status in {0, 1, 3}
    assert blamed(out) <= whole(case[0])[1]


@pytest.mark.parametrize("words", [x for user, x in ASKED if user == "admin"], ids=" ".join)
def test_what_may_not_be_read_is_no_cause(server: Replay, folder: Path, words: Words) -> None:
    question = Question("1.34.4-dual", "admin", words)
    requests, right = whole(question)
    for request in requests:
        held = recorded(question.name)["admin"] | {request: Reply(403, {}, {"message": "forbidden"})}

        status, out, _ = ask(server, folder, question, {"admin": held}, "--format", "json")

        assert status in {0, 1, 3}, request
        assert blamed(out) <= right, request
