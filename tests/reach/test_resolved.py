"""What resolvers on nodes answer for a Service beats what its objects promise."""

import pytest
from msgspec.structs import replace

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.names import Lookup, Names
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.cluster_dns import SILENT
from dualstack.reach.resolved import (
    IN_NETWORK,
    OUTSIDE,
    UNANSWERED,
    UNFORWARDED,
    UNRESOLVED,
    UNTOLD,
    Heard,
    resolved,
)

NAME = "otel.obs.svc"


def trace(status: Status = Status.PASS) -> Trace:
    hops = tuple(TracedHop(x, status if x is Hop.RESOLVE else Status.PASS) for x in Hop)
    target = Target(NAME, NAME, 4317, Protocol.GRPC)
    return Trace("pods", target, Protocol.GRPC, Family.IPV6, ("fd00:96::9",), hops, Disposition.ACCEPTED)


def names(*addresses: str, error: str = "", name: str = NAME) -> Names:
    return Names((Lookup(name, addresses, error),))


V4, V6 = "10.96.0.9", "fd00:96::9"


@pytest.mark.parametrize(
    "seen",
    [
        (),
        (Heard("n1", names(V4, V6)),),
        (Heard("n1", names(V4)), Heard("n2", names(V4, V6))),
        (Heard("n1", names(V4, name="other")),),
        (Heard("n1", Names()),),
    ],
)
def test_what_is_given_or_was_not_asked_stays_as_predicted(seen: tuple[Heard, ...]) -> None:
    assert list(resolved([trace()], seen)) == [trace()]


@pytest.mark.parametrize(("status", "mark"), [(Status.PASS, UNTOLD), (Status.UNKNOWN, UNRESOLVED)])
def test_a_family_that_no_node_is_given_has_no_address(status: Status, mark: str) -> None:
    (found,) = resolved([trace(status)], [Heard("n1", names(V4)), Heard("n2", names(V4))])

    assert found.failing
    assert (found.failing.hop, found.failing.mark) == (Hop.RESOLVE, mark)
    assert found.required is (status is Status.PASS)
    assert (found.failing.why, found.disposition) == (f"`{NAME}` gives no IPv6 address", Disposition.NO_ADDRESS)
    assert found.failing.evidence[0].source == "getaddrinfo in a pod on the node n1"
    assert {x.status for x in found.hops} == {Status.PASS, Status.FAIL, Status.UNKNOWN}


def test_a_name_that_does_not_resolve_says_its_error() -> None:
    (found,) = resolved([trace()], [Heard("n1", names(error="EAI_NONAME"))])

    assert found.at(Hop.RESOLVE).why == f"`{NAME}` does not resolve: EAI_NONAME"


def test_what_fails_there_already_stays_and_the_lookup_is_evidence() -> None:
    lost = trace(Status.FAIL)
    (found,) = resolved([lost], [Heard("n1", names(V4))])

    assert [x.source for x in found.at(Hop.RESOLVE).evidence] == ["getaddrinfo in a pod on the node n1"]
    assert replace(found, hops=lost.hops) == lost


def test_what_clients_write_is_what_is_looked_up() -> None:
    asked = replace(trace(Status.UNKNOWN), asked="otel")

    assert list(resolved([asked], [Heard("n1", names(V6))])) == [asked]
    (found,) = resolved([replace(asked, addresses=())], [Heard("n1", names(V4, V6, name="otel"))])
    assert (found.addresses, found.at(Hop.RESOLVE).status) == ((V6,), Status.PASS)


@pytest.mark.parametrize(
    ("status", "before", "mark"),
    [
        (Status.PASS, "", UNANSWERED),
        (Status.UNKNOWN, SILENT, UNANSWERED),
        (Status.UNKNOWN, "", UNFORWARDED),
        (Status.UNKNOWN, OUTSIDE, OUTSIDE),
        (Status.UNKNOWN, IN_NETWORK, IN_NETWORK),
    ],
)
def test_a_nameserver_that_does_not_answer_is_the_one_that_was_asked(status: Status, before: str, mark: str) -> None:
    one = replace(trace(), hops=tuple(TracedHop(x, status, "", before * (x is Hop.RESOLVE)) for x in Hop))

    (found,) = resolved([one], [Heard("n1", names(error="EAI_AGAIN"))])

    assert (found.at(Hop.RESOLVE).mark, found.disposition) == (mark, Disposition.NO_ADDRESS)


def test_a_name_of_endpoints_of_which_none_is_ready_has_no_address_for_that_reason() -> None:
    said = {Hop.SERVICE: Status.NOT_APPLICABLE, Hop.ENDPOINTS: Status.FAIL}
    one = replace(trace(), hops=tuple(replace(x, status=said.get(x.hop, x.status)) for x in trace().hops))

    assert list(resolved([one], [Heard("n1", names(error="EAI_AGAIN"))])) == [one]
