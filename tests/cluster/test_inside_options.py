"""What the user says of exports holds for those from inside as far as nothing of it stays in the cluster."""

from collections.abc import Sequence

import pytest

from dualstack.gather import inside
from dualstack.gather.inside import Errand, Inside, inspections
from dualstack.gather.inspect import NoAnswer, words
from dualstack.gather.matrix import Order
from dualstack.model.cluster import Pod
from dualstack.model.decoders import converted
from dualstack.model.probe import Options
from tests.cluster import worlds as w

TARGETS = ("http://otel.obs.svc:4318",)
HEADERS = Options(1.0, headers=(("x-api-key", "s=1"),))


@pytest.mark.parametrize(
    ("options", "targets", "held"),
    [
        (Options(1.5), TARGETS, ["--timeout=1.5", *TARGETS]),
        (Options(1.0), ("https://otel.obs.svc:4318",), ["--timeout=1", "--insecure", "https://otel.obs.svc:4318"]),
        (HEADERS, TARGETS, ["--timeout=1", "--header=x-api-key=s=1", *TARGETS]),
        (HEADERS, (), ["--timeout=1", "--no-probe"]),
        (Options(1.0), (), ["--timeout=1"]),
    ],
)
def test_the_command_of_a_container_has_them(options: Options, targets: Sequence[str], held: list[str]) -> None:
    assert words(targets, options) == ["dualstack", "gather", "--quiet", "--output=-", *held]


def test_a_header_goes_to_jobs_and_never_into_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ephemeral container cannot be taken out of a pod again; a Job is removed."""
    asked, orders = list[Sequence[str]](), list[Order]()

    def look(_api: object, _namespace: str, _pod: str, _image: str, targets: Sequence[str], _: Options) -> None:
        asked.append(targets)
        raise NoAnswer("no")

    monkeypatch.setattr(inside, "inspect", look)
    monkeypatch.setattr(inside, "matrix", lambda _api, order, *_: orders.append(order) or iter(()))
    pod = converted(w.pod("otel-a", "n1"), Pod)
    allowed = Inside(pods=True, jobs=True)
    options = Options(1.0, cert="client.pem", headers=HEADERS.headers)
    found, gaps = inspections(None, allowed, Errand("obs", (pod,), ("n1",), TARGETS, options), lambda _: None)  # type: ignore[arg-type]

    assert (found, asked, [(x.targets, x.options) for x in orders]) == ([], [()], [(TARGETS, options)])
    assert [(x.needs, x.why) for x in gaps] == [
        ("exports from inside the pod otel-a", "a header would stay there to be read"),
        ("a look into the pod otel-a", "no"),
        ("exports from nodes with your certificate", "its file is not in the Jobs"),
    ]
