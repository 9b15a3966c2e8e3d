"""Names that do not resolve: what the finding says is guilty, and what it leaves alone."""

import pytest

from dualstack.model.finding import Finding
from dualstack.model.names import Names
from dualstack.reach.resolver import disagreement
from dualstack.reach.verdict import verdict
from tests.rules.test_incidents import judged

HERE, THERE = "10.9.0.53", "10.9.0.54"
HAS = "NOERROR 10.9.0.7"


def unresolved(*answers: str, name: str = "collector.example", error: str = "EAI_NONAME", more: str = "") -> Finding:
    """What is said of a name of which nobody gets an address; answers are `server record code …`."""
    said = ", ".join(f'"{x.split(maxsplit=1)[0]} {name} {x.split(maxsplit=1)[1]}"' for x in answers)
    _, findings = judged(f"target: 'http://{name}:4318'\nnames: {{{name}: {error}}}\ndns: [{said}]\n{more}")
    said = [x for x in findings if x.code == "DS408"]
    assert {x.code for x in findings} - {"DS408"} == {code for x in said for code in x.because}
    return said[0]


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "NOERROR"])
def test_a_nameserver_that_denies_what_the_next_one_has(rcode: str) -> None:
    found = unresolved(
        f"{HERE} A {rcode}", f"{HERE} AAAA {rcode}", f"{THERE} A {HAS}", f"{THERE} AAAA NOERROR", error="EAI_NODATA"
    )

    assert found.because == ("DS410",)
    assert f"`{THERE}` has 10.9.0.7 for it." in found.detail
    assert f"`{HERE}` is asked first and says that it has none ({rcode})" in found.detail
    assert f"`dig @{HERE} collector.example A` with `@{THERE}`" in found.hint
    assert "nsswitch" not in found.detail + found.hint


@pytest.mark.parametrize(
    "answers",
    [
        (f"{HERE} A {HAS}", f"{THERE} A NXDOMAIN"),
        (f"{HERE} A SERVFAIL", f"{HERE} AAAA NXDOMAIN", f"{THERE} A {HAS}"),
        (f"{HERE} A {HAS}", f"{HERE} AAAA NOERROR"),
    ],
    ids=["the first one has it", "the first one fails", "one server alone"],
)
def test_where_no_denial_explains_it_nobody_is_blamed(answers: tuple[str, ...]) -> None:
    found = unresolved(*answers)

    assert "the resolver does not take that" in found.detail
    assert found.hint.startswith("Run `getent ahosts collector.example`")


def test_the_option_that_forbids_aaaa_queries_hides_an_address() -> None:
    only = (f"{HERE} A NOERROR", f"{HERE} AAAA NOERROR fd00:9::7")
    found = unresolved(*only, error="EAI_NODATA", more="options: [no-aaaa]\n")

    assert "`no-aaaa` keeps the resolver from asking" in found.detail
    assert found.hint.startswith("Remove `no-aaaa` from the options in `/etc/resolv.conf`")


def test_nameservers_that_have_nothing_do_not_disagree() -> None:
    assert disagreement(Names(), "collector.example") is None


HOSTS = "hosts: ['10.9.0.7 collector.example']\n"
KEPT = {
    "a return after DNS": ("[dns, '[NOTFOUND=return]', files]", "can stop before"),
    "a return unless that is unavailable": ("[resolve, '[!UNAVAIL=return]', files]", "can stop before"),
    "no files at all": ("[dns]", "does not ask"),
}


@pytest.mark.parametrize(("line", "verb"), KEPT.values(), ids=KEPT)
def test_the_hosts_line_keeps_the_hosts_file_from_a_lookup(line: str, verb: str) -> None:
    found = unresolved(f"{HERE} A NXDOMAIN", more=f"{HOSTS}nsswitch: {line}\n")

    assert f"in `/etc/nsswitch.conf` {verb} `files`." in found.detail
    assert found.hint == "Put `files` first in the `hosts:` line of `/etc/nsswitch.conf`."


def test_localhost_in_a_hosts_file_that_is_not_asked() -> None:
    found = unresolved(name="localhost", more="hosts: ['127.0.0.1 localhost']\nnsswitch: [dns]\n")

    assert "`hosts: dns` in `/etc/nsswitch.conf` does not ask `files`" in found.detail


def test_localhost_is_no_business_of_a_nameserver() -> None:
    assert unresolved(name="localhost").hint.startswith("Add the line `127.0.0.1 localhost` to `/etc/hosts`")


@pytest.mark.parametrize(
    "more", [HOSTS, f"{HOSTS}nsswitch: [dns, '[SUCCESS=return TRYAGAIN=continue]', files]\n", "nsswitch: [dns]\n"]
)
def test_a_hosts_line_that_keeps_nothing_is_left_alone(more: str) -> None:
    found = unresolved(f"{HERE} A NXDOMAIN", more=more)

    assert "nsswitch" not in found.detail + found.hint
    assert "Check the spelling" in found.hint


def test_a_name_with_a_final_dot_is_not_looked_for_in_the_hosts_file() -> None:
    world = "target: 'http://collector.example.:4318'\nnames: {collector.example.: EAI_NONAME}\nnsswitch: [dns]\n"
    _, findings = judged(world + HOSTS)

    assert "nsswitch" not in findings[0].detail


@pytest.mark.parametrize(
    ("line", "verb"), [("[files]", "does not ask"), ("[files, '[notfound=return]', dns]", "can stop before")]
)
def test_the_hosts_line_keeps_dns_from_a_lookup(line: str, verb: str) -> None:
    found = unresolved(f"{HERE} A {HAS}", more=f"nsswitch: {line}\n")

    assert f"in `/etc/nsswitch.conf` {verb} `dns`." in found.detail
    assert "`hosts: files dns`" in found.hint


def test_a_hosts_line_without_dns_is_guilty_before_the_nameservers_are() -> None:
    found = unresolved(f"{HERE} A NXDOMAIN", f"{THERE} A {HAS}", more="nsswitch: [files]\n")

    assert "does not ask `dns`" in found.detail


@pytest.mark.parametrize(("rcode", "lacks"), [("NXDOMAIN", "does not exist"), ("NOERROR", "has no address")])
def test_a_chain_of_aliases_without_an_end_names_it(rcode: str, lacks: str) -> None:
    found = unresolved(
        f"{HERE} A {rcode} alias.example gone.example", f"{HERE} AAAA {rcode} alias.example gone.example"
    )

    assert f"leads to `gone.example`, which {lacks}" in found.detail
    assert "give `gone.example` an address" in found.hint
    assert any("alias.example gone.example" in x.fact for x in found.evidence)


WAITS = {
    "": "wait 5 s a try (`timeout:5`, `attempts:2`)",
    "options: ['timeout:1', 'attempts:1', edns0]\n": "wait 1 s a try (`timeout:1`, `attempts:1`)",
    "options: ['timeout:9', 'timeout:x']\n": "wait 1 s a try (`timeout:1`, `attempts:2`)",
    "options: ['timeout:99', 'attempts:99']\n": "wait 30 s a try (`timeout:30`, `attempts:5`)",
}


@pytest.mark.parametrize(("options", "said"), WAITS.items())
def test_silence_lasts_as_long_as_the_resolver_is_told_to_wait(options: str, said: str) -> None:
    world = (
        "target: collector:4317\nnames: {collector: [10.9.0.7]}\nprobes: ['10.9.0.7:4317 grpc accepted']\n"
        f"dns: ['{HERE} collector A {HAS}', '{HERE} collector AAAA TIMEOUT']\n{options}"
    )
    _, findings = judged(world)

    assert [x.code for x in findings] == ["DS403"]
    assert said in findings[0].detail


def test_another_nameservers_address_that_does_not_answer_either_explains_nothing() -> None:
    _, findings = judged(
        f"target: collector:4317\nnames: {{collector: [10.9.0.7]}}\n"
        f"dns: ['{HERE} collector A NOERROR 10.9.0.7', '{THERE} collector A NOERROR 10.9.0.8']\n"
        "probes: ['10.9.0.7:4317 grpc timed_out', '10.9.0.8:4317 grpc refused']\n"
    )

    assert [x.code for x in findings] == ["DS906"]


@pytest.mark.parametrize(
    ("held", "hosts", "said"),
    [
        ('"fd00:9::7", 10.9.0.7', "[]", ("info", "healthy")),
        ("10.9.0.7", "[]", ("error", "degraded")),
        ('"fd00:9::7", 10.9.0.7', '["fd00:9::7 collector"]', ("error", "degraded")),
    ],
)
def test_an_aaaa_record_that_arrived_after_all_is_a_note(held: str, hosts: str, said: tuple[str, str]) -> None:
    world = (
        f"target: grpc://collector\nnames: {{collector: [{held}]}}\nhosts: {hosts}\n"
        f"dns: ['{HERE} collector A NOERROR 10.9.0.7', '{HERE} collector AAAA TIMEOUT']\n"
        'probes: ["[fd00:9::7]:4317 grpc accepted", "10.9.0.7:4317 grpc accepted"]\n'
    )
    traces, findings = judged(world)

    assert ([x.severity for x in findings if x.code == "DS403"], verdict(traces, findings)) == ([said[0]], said[1])


def seconds(*dns: str, more: str = "") -> tuple[list[str], str]:
    """The summaries of DS410 for a name whose address works, and the verdict."""
    world = "target: grpc://collector\nnames: {collector: [10.9.0.7]}\nprobes: ['10.9.0.7:4317 grpc accepted']\n"
    traces, findings = judged(f"{world}dns: {list(dns)}\n{more}")
    return [x.summary for x in findings if x.code == "DS410"], verdict(traces, findings)


def test_a_dead_nameserver_before_one_that_answers_is_a_note() -> None:
    dead, good = f"{HERE} collector A TIMEOUT", f"{THERE} collector A NOERROR 10.9.0.7"

    assert seconds(dead, good) == ([f"The nameserver `{HERE}` does not answer"], "healthy")
    assert seconds(good, dead) == ([], "healthy")
    assert seconds(dead) == ([], "healthy")
    assert seconds(f"{HERE} collector AAAA NOERROR", dead, good) == ([], "healthy")
    assert seconds(dead, good, more="hosts: ['10.9.0.7 collector']\n") == ([], "healthy")
