"""What clients do with a list of addresses: the arithmetic. `tests/oracle/test_clients.py` has the real ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.client import Dialled
from dualstack.model.question import Client
from dualstack.reach.dial import OUTCOMES, SYN_TIMEOUT, clients, describe, dial, parse_client
from dualstack.reach.select import behaviours, order

A6, B6, A4, B4 = "2001:db8:9::2", "2001:db8:9::3", "10.9.0.2", "10.9.0.3"
BOTH = (A6, B6, A4, B4)


def dialled(client: str, addresses: tuple[str, ...], said: str) -> Dialled:
    """How it ends where the addresses answer as `said`: one word each."""
    return dial(addresses, dict(zip(addresses, said.split(), strict=True)), parse_client(client))


DEAD_IPV6 = "timed_out timed_out accepted accepted"
REFUSED_IPV6 = "refused refused accepted accepted"


@pytest.mark.parametrize(
    ("client", "said", "connected", "waited", "attempts"),
    [
        ("python", DEAD_IPV6, A4, 2 * SYN_TIMEOUT, [A6, B6, A4]),
        ("python", REFUSED_IPV6, A4, 0, [A6, B6, A4]),
        ("python", "no_route no_route no_route refused", "", None, [A6, B6, A4, B4]),
        ("python-otel", DEAD_IPV6, A4, 20_000, [A6, B6, A4]),
        ("rust", "accepted accepted accepted accepted", A6, 0, [A6]),
        ("java", DEAD_IPV6, "", None, [A6]),
        ("node@18", REFUSED_IPV6, "", None, [A6]),
        ("node@20", DEAD_IPV6, A4, 250, [A6, A4]),
        ("node@20", "timed_out accepted timed_out accepted", B6, 500, [A6, A4, B6]),
        ("node@26", DEAD_IPV6, A4, 500, [A6, A4]),
        ("go", DEAD_IPV6, A4, 300, [A6, A4]),
        ("go", REFUSED_IPV6, A4, 0, [A6, B6, A4]),
        ("go", "refused timed_out accepted accepted", A4, 300, [A6, B6, A4]),
        ("go", "refused accepted accepted accepted", B6, 0, [A6, B6]),
        ("go", "timed_out accepted timed_out accepted", B6, SYN_TIMEOUT, [A6, A4, B6]),
        ("go", "refused timed_out refused refused", "", None, [A6, B6, A4, B4]),
        ("curl", DEAD_IPV6, A4, 200, [A6, A4]),
        ("grpc-go@1.70", DEAD_IPV6, "", None, [A6]),
        ("grpc-go@1.70", REFUSED_IPV6, A4, 0, [A6, B6, A4]),
        ("grpc-go@1.79", DEAD_IPV6, A4, 250, [A6, A4]),
        ("grpc-core@1.59", DEAD_IPV6, A4, 40_000, [A6, B6, A4]),
        ("grpc-core@1.60", DEAD_IPV6, A4, 250, [A6, A4]),
        ("grpc-core", "timed_out timed_out refused accepted", B4, 500, [A6, A4, B6, B4]),
        ("otelcol@0.149", DEAD_IPV6, A4, 0, list(BOTH)),
        ("otelcol@0.149", "refused timed_out refused refused", "", None, list(BOTH)),
    ],
)
def test_dialling(client: str, said: str, connected: str, waited: int | None, attempts: list[str]) -> None:
    found = dialled(client, BOTH, said)
    assert (found.connected, found.waited) == (connected, waited)
    assert [x.address for x in found.attempts] == attempts


@pytest.mark.parametrize(
    ("client", "waited"),
    [("python", 6000), ("node@18", None), ("node@20", 250), ("go", 300), ("curl", 200), ("rust", 6000)],
)
def test_an_error_that_takes_its_time_is_waited_for(client: str, waited: int | None) -> None:
    said = dict(zip(BOTH, ("no_route", "no_route", "accepted", "accepted"), strict=True))
    assert dial(BOTH, said, parse_client(client), took={A6: 3000, B6: 3000}).waited == waited


def test_what_a_client_never_dials_is_not_tried() -> None:
    assert dialled("java", BOTH, REFUSED_IPV6).not_tried == (B6, A4, B4)
    assert dialled("python", BOTH, DEAD_IPV6).not_tried == ()
    outcomes = {A4: "refused", A6: "accepted"}
    client = parse_client("java-ipv4-stack")
    assert dial(order((A6, A4), client.runtime, (), {}), outcomes, client).not_tried == (A6,)


def test_no_address_is_no_connection() -> None:
    for name in clients():
        assert dial((), {}, parse_client(name)) == Dialled("", None, ())


@pytest.mark.parametrize("outcomes", [{}, {A4: "fine"}])
def test_an_unknown_outcome_is_not_guessed(outcomes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"no outcome is known for 10\.9\.0\.2"):
        dial((A4,), outcomes, Client("go"))


@given(
    row=st.sampled_from(behaviours()),
    held=st.lists(st.sampled_from(BOTH), unique=True),
    said=st.lists(st.sampled_from(OUTCOMES), min_size=4, max_size=4),
)
def test_what_holds_for_every_client(row: object, held: list[str], said: list[str]) -> None:
    assert isinstance(row, type(behaviours()[0]))
    outcomes = dict(zip(held, said, strict=False))
    client = Client(row.runtime, (*row.until[:-1], row.until[-1] - 1) if row.until else ())
    found = dial(tuple(held), outcomes, client)
    made = [x.address for x in found.attempts]
    assert len(set(made)) == len(made)
    assert [x.at for x in found.attempts] == sorted(x.at for x in found.attempts)
    assert (found.connected == "") is (found.waited is None)
    assert all(x.outcome == outcomes[x.address] for x in found.attempts)
    assert set(made).isdisjoint(found.not_tried)
    if found.connected:
        assert outcomes[found.connected] == "accepted"
        assert found.waited == next(x.at for x in found.attempts if x.address == found.connected)
    elif row.strategy not in ("first", "shared"):
        assert "accepted" not in outcomes.values()
        assert sorted(made) == sorted(held)


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("node@18.1", Client("node", (18, 1))),
        ("JS@v20", Client("node", (20,))),
        (" otelcol ", Client("otelcol")),
        ("grpcio@1.60.0", Client("grpc-core", (1, 60, 0))),
        ("alpine", Client("musl")),
        ("requests", Client("requests")),
    ],
)
def test_parse_client(text: str, client: Client) -> None:
    assert parse_client(text) == client


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((x, r"known are .*go, .*node, ") for x in ("", "@1", "cobol")),
        *(
            (x, r"is no version\. Write `node@1\.2\.3`")
            for x in ("node@", "node@x", "node@1.", "node@3.11rc1", "node@\u0663")
        ),
        ("go@999999999", r"is no version\. Write `go@1\.2\.3`"),
    ],
)
def test_parse_client_refuses_with_the_way_out(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_client(text)


DESCRIBED = """
python | Python tries one address after the other and waits the kernel's SYN timeout (about 130 s) for each that does
  not answer. The order is that of the C library: glibc puts IPv6 first, unique local addresses too.
node@20 | Node.js tries one address after the other, the families by turns, and gives each but the last 250 ms. The
  order is that of the C library: glibc puts IPv6 first, unique local addresses too.
java | Java tries the first address alone and waits the kernel's SYN timeout (about 130 s) for it; no other address is
  tried. IPv4 addresses come first.
grpc-core | gRPC C-core starts with the next address every 250 ms, the families by turns, and keeps the first that
  answers. The order is that of gRPC's resolver: IPv4 comes before unique local IPv6, after global IPv6.
grpc-go@1.70 | The grpc-go client tries one address after the other within 20 s in all, then again from the first: it
  never leaves a first address that does not answer. The order is that of Go's resolver: IPv4 comes before unique local
  IPv6, after global IPv6.
"""


@pytest.mark.parametrize("row", DESCRIBED.strip().replace("\n  ", " ").splitlines())
def test_describe(row: str) -> None:
    client, said = row.split(" | ")
    assert describe(parse_client(client)) == said


@pytest.mark.parametrize("row", behaviours(), ids=lambda x: f"{x.runtime}-{x.until}")
def test_every_client_can_be_described(row: object) -> None:
    assert isinstance(row, type(behaviours()[0]))
    version = (*row.until[:-1], row.until[-1] - 1) if row.until else ()
    text = describe(Client(row.runtime, version))
    assert "None" not in text
    assert text.endswith(".")
    assert ("not from a run" in text) is not row.verified
