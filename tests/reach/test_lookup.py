"""What a client's resolver makes of answers that contradict each other, as musl 1.2.3 was seen to do."""

import pytest

from dualstack.model.names import DnsAnswer, HostsEntry, Lookup, Names, ResolverFiles
from dualstack.reach.dial import parse_client
from dualstack.reach.lookup import as_taken

NAME = "collector.test"
GIVEN = DnsAnswer("10.9.0.53", NAME, "A", "NOERROR", ("10.9.0.7",))


def beside(rcode: str, server: str = "10.9.0.53", name: str = NAME) -> DnsAnswer:
    return DnsAnswer(server, name, "AAAA", rcode)


TOLD = {
    "denied": ((GIVEN, beside("NXDOMAIN")), "EAI_NONAME"),
    "silent": ((GIVEN, beside("TIMEOUT")), "EAI_AGAIN"),
    "failing": ((GIVEN, beside("SERVFAIL")), "EAI_AGAIN"),
    "refused": ((GIVEN, beside("REFUSED")), "EAI_AGAIN"),
    "no data": ((GIVEN, beside("NOERROR")), ""),
    "denied by another server": ((GIVEN, beside("NOERROR"), beside("NXDOMAIN", "10.9.0.54")), ""),
    "denied in another domain": ((GIVEN, beside("NOERROR"), beside("NXDOMAIN", name=f"{NAME}.example")), ""),
    "nothing known": ((), ""),
}


@pytest.mark.parametrize(("answers", "error"), TOLD.values(), ids=TOLD)
def test_musl_wants_both_answers(answers: tuple[DnsAnswer, ...], error: str) -> None:
    names = Names((Lookup(NAME, ("10.9.0.7",)),), answers)
    (musl, go) = (as_taken(names, parse_client(x)).lookup(NAME) for x in ("alpine", "go"))

    assert musl
    assert (musl.error, musl.addresses) == (error, () if error else ("10.9.0.7",))
    assert go == names.lookup(NAME)


def test_a_line_of_the_hosts_file_is_not_asked_for() -> None:
    files = ResolverFiles(hosts=(HostsEntry(1, "10.9.0.7", (NAME,)),))
    names = Names((Lookup(NAME, ("10.9.0.7",)),), (GIVEN, beside("NXDOMAIN")), files)

    assert as_taken(names, parse_client("musl")) == names
    assert as_taken(names, None) == names


def test_an_answer_that_comes_late_is_one_for_musl_too() -> None:
    names = Names((Lookup(NAME, ("fd09::7", "10.9.0.7")),), (GIVEN, beside("TIMEOUT")))

    assert as_taken(names, parse_client("musl")) == names
