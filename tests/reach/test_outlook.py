"""What is said of a client: the sentence, and which clients are spoken of."""

import pytest
from msgspec.structs import replace

from dualstack.model.client import Callers, Outlook, Proxies
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.reach.outlook import confidence, evidence, outlooks, sentence, spelled, through_proxies
from dualstack.reach.predict import predict
from dualstack.testing.incident import snapshot

V6, V4 = "fd00:9::7", "10.9.0.7"
OTEL = "The OpenTelemetry SDK"
NAME = f'target: http://collector:4318\nnames: {{collector: ["{V6}", {V4}]}}\n'


def said(v6: str, v4: str) -> str:
    return f'probes: ["[{V6}]:4318 http {v6}", "{V4}:4318 http {v4}"]\n'


def seen(world: str) -> tuple[Outlook, ...]:
    given = snapshot(world)
    question = given.having(Question) or Question()
    kinds = (given.having(x) for x in (Names, Routes, Probes, Callers))
    return outlooks(predict(given), question, *kinds)  # type: ignore[arg-type]


SENTENCES = {
    "at once": ("python", said("accepted", "accepted"), f"Python tries `{V6}` first, and connects at once."),
    "refused": (
        "python",
        said("refused", "accepted"),
        f"Python tries `{V6}` first, which refuses, and has `{V4}` at once.",
    ),
    "no receiver": (
        "python",
        said("silent", "accepted"),
        f"Python tries `{V6}` first, and connects at once; exports fail there.",
    ),
    "one signal": (
        "python",
        said("rejected HTTP 404 signals=metrics", "accepted"),
        f"Python tries `{V6}` first, and connects at once.",
    ),
    "late": (
        "python-otel",
        said("timed_out", "accepted"),
        f"{OTEL} for Python over HTTP tries `{V6}` first, which does not answer, and has `{V4}` after 10 s.",
    ),
    "a next hop that does not answer": (
        "python",
        f'routes: ["{V6} EHOSTUNREACH eth0 fd00:9::5"]\n'
        + said("unreachable errno=EHOSTUNREACH took=3074", "accepted"),
        f"Python tries `{V6}` first, which cannot be reached, and has `{V4}` after 3 s.",
    ),
    "the same, never": (
        "node@18",
        f'routes: ["{V6} EHOSTUNREACH eth0 fd00:9::5"]\n'
        + said("unreachable errno=EHOSTUNREACH took=3074", "accepted"),
        f"Node.js tries `{V6}` first, which cannot be reached, and never gets to `{V4}`.",
    ),
    "an error of the way at once": (
        "python",
        said("unreachable errno=ENETUNREACH took=3", "accepted"),
        f"Python tries `{V6}` first, which cannot be reached, and has `{V4}` at once.",
    ),
    "no route at all": (
        "node@18",
        f'routes: ["{V6} EHOSTUNREACH"]\n' + said("no_route errno=EHOSTUNREACH", "accepted"),
        f"Node.js tries `{V4}` first, and connects at once.",
    ),
    "never": (
        "node@18",
        said("refused", "accepted"),
        f"Node.js tries `{V6}` first, which refuses, and never gets to `{V4}`.",
    ),
    "never, by time": (
        "otel-ruby",
        said("timed_out", "accepted"),
        f"{OTEL} for Ruby tries `{V6}` first, which does not answer, and never gets to `{V4}`.",
    ),
    "nobody": ("go", said("refused", "refused"), f"Go tries `{V4}` first, which refuses, and gets no connection."),
    "too late": (
        "node@20",
        said("accepted took=400", "accepted took=400"),
        f"Node.js tries `{V6}` first, which answers too late, and has `{V4}` after 250 ms.",
    ),
    "not known": ("go", "", f"Go tries `{V4}` first; what answers it is not known."),
    "all": (
        "otelcol@0.161",
        said("timed_out", "accepted"),
        f"The Collector's gRPC exporter connects to every address at once: `{V4}` answers, `{V6}` does not answer.",
    ),
    "from the source": (
        "dotnet",
        said("accepted", "accepted"),
        f".NET tries `{V6}` first, and connects at once. This is from its source, not from a run.",
    ),
}


@pytest.mark.parametrize(("client", "probes", "sentence_"), SENTENCES.values(), ids=SENTENCES)
def test_the_sentence(client: str, probes: str, sentence_: str) -> None:
    (view,) = seen(f"{NAME}client: {client}\n{probes}")

    assert sentence(view) == sentence_


def test_a_single_address_is_called_that() -> None:
    (view,) = seen(f'target: http://{V4}:4318\nclient: go\nprobes: ["{V4}:4318 http refused"]\n')

    assert sentence(view) == f"Go tries `{V4}`, its only address, which refuses, and gets no connection."


def test_a_family_that_a_client_lacks() -> None:
    (view,) = seen(f'target: http://[{V6}]:4318\nclient: java-ipv4-stack\nprobes: ["[{V6}]:4318 http accepted"]\n')

    assert sentence(view).endswith("can use none of the addresses.")


@pytest.mark.parametrize(
    ("world", "caught"),
    [
        (f"target: http://[{V6}]:4318\nclient: curl\n", True),
        (f"target: http://[{V6}]:4318\nclient: node\n", False),
        (f"target: http://{V4}:4318\nclient: curl\n", True),
        (NAME + "client: curl\n", True),
        (f'target: http://[{V6}]:4318\ncallers: ["http://[{V6}]:4318 curl ESTABLISHED {V6} curl"]\n', False),
    ],
    ids=["IPv6", "heeds no variable", "IPv4", "a name", "found at the target itself"],
)
def test_a_client_that_a_proxy_catches(world: str, caught: bool) -> None:
    (view,) = through_proxies(seen(world + said("accepted", "accepted")), Proxies(("http_proxy",)))

    assert (f"sends to the proxy of http_proxy what is for `{view.target.host}`" in sentence(view)) is caught


def test_found_clients_speak_where_none_is_named() -> None:
    caller = f'callers: ["http://collector:4318 python SYN-SENT {V6} python3 shop.py"]\n'
    (found,) = seen(NAME + caller + said("timed_out", "accepted"))
    (named,) = seen(NAME + caller + said("timed_out", "accepted") + "client: go@1.26\n")

    assert (found.client.runtime, named.client.runtime) == ("python", "go")
    assert sentence(found).startswith("`python3` (Python) tries")
    assert evidence(found)[0].fact.endswith(f"`python3 shop.py`: SYN-SENT to [{V6}]:4318")
    assert (confidence(found), confidence(named), spelled(named.client)) == ("observed", "declared", "go@1.26")


def test_what_no_run_has_shown_is_inferred() -> None:
    (view,) = seen(NAME + "client: dotnet\n" + said("accepted", "accepted"))

    assert confidence(view) == "inferred"


def test_more_processes_of_a_kind_are_counted() -> None:
    caller = f'callers: ["http://collector:4318 curl SYN-SENT {V6} curl"]\n'
    (found,) = seen(NAME + caller + said("timed_out", "accepted"))
    assert found.caller

    many = replace(found, caller=replace(found.caller, more=11))

    assert evidence(many)[0].fact.endswith("; 11 more like it")


NOTHING = {
    "nobody": NAME,
    "no address": "target: http://collector:4318\nclient: go\nnames: {collector: NXDOMAIN}\n",
    "no names": NAME + "client: go\nwithheld: [Names]\n",
}


@pytest.mark.parametrize("world", NOTHING.values(), ids=NOTHING)
def test_where_nothing_is_known_nothing_is_said(world: str) -> None:
    assert seen(world) == ()
