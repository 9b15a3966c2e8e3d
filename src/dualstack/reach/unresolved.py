"""Why a name gives a client no address, from what its resolver reads and its nameservers say."""

from dualstack.model.evidence import Evidence
from dualstack.model.names import DnsAnswer, Lookup, Names
from dualstack.reach.lookup import answers_for, published
from dualstack.reach.resolver import DNS, FILES, NEVER, NO_AAAA, dead_end, disagreement, obstacle

WORDS = {  # getaddrinfo(3)
    "EAI_AGAIN": "the nameservers gave no usable answer",
    "EAI_FAIL": "a nameserver failed",
    "EAI_NODATA": "the name exists and has no address",
    "EAI_NONAME": "no such name",
}

_NO_ANSWER = {"TIMEOUT", "UNREACHABLE"}


def why(names: Names, found: Lookup) -> tuple[str, str]:
    """What keeps the addresses of a name from a client, and the way out."""
    return _in_the_hosts_file(names, found) or _in_dns(names, found) or _nowhere(names, found)


def fact(said: DnsAnswer) -> Evidence:
    """What a nameserver said."""
    held = " ".join((said.rcode, *said.cnames, *said.addresses))
    return Evidence(f"{said.name} {said.record}: {held}", f"DNS query to {said.server}")


def _in_the_hosts_file(names: Names, found: Lookup) -> tuple[str, str] | None:
    """What keeps a line of the hosts file from the client; glibc compares names with it as they stand."""
    stopped = obstacle(names.files.sources, FILES)
    if not stopped or found.name.endswith(".") or not names.files.hosts_of(found.name):
        return None
    said = f" `{names.files.hosts_path}` has it, and the lookup did not get that far: {_line(names)} {stopped} `files`."
    return said, "Put `files` first in the `hosts:` line of `/etc/nsswitch.conf`."


def _in_dns(names: Names, found: Lookup) -> tuple[str, str] | None:
    """What keeps the addresses that a nameserver has from the client."""
    held, stopped = ", ".join(published(names, found.name)), obstacle(names.files.sources, DNS)
    if not held:
        return None
    said, unlike = f" The nameservers have {held} for it", disagreement(names, found.name)
    if stopped == NEVER or (stopped and not unlike):
        return f"{said}, and {_line(names)} {stopped} `dns`.", "Let that line ask `dns`, such as `hosts: files dns`."
    if unlike:
        denied, given = unlike
        ask = f"`dig @{denied.server} {denied.name} {denied.record}` with `@{given.server}`"
        way = f"let both answer alike, or take the first out of `{names.files.resolv_path}`"
        first = f" `{denied.server}` is asked first and says that it has none ({denied.rcode}); resolvers take that."
        return f" `{given.server}` has {held} for it.{first}", f"Compare {ask}, and {way}."
    if NO_AAAA in names.files.options and "." not in held:
        way = f"Remove `{NO_AAAA}` from the options in `{names.files.resolv_path}`, or publish an A record."
        return f"{said}, and `{NO_AAAA}` keeps the resolver from asking for AAAA records.", way
    ask = f"Run `getent ahosts {found.name}` again, and compare it with what the nameservers say."
    return f"{said}, and the resolver does not take that.", ask


def _line(names: Names) -> str:
    return f"`hosts: {' '.join(names.files.sources)}` in `/etc/nsswitch.conf`"


def _nowhere(names: Names, found: Lookup) -> tuple[str, str]:
    said, dead = answers_for(names, found.name), dead_end(names, found.name)
    if dead:
        end, lacks = dead.cnames[-1], "does not exist" if dead.rcode == "NXDOMAIN" else "has no address"
        way = f"Correct the CNAME records of `{dead.name}`, or give `{end}` an address."
        return f" It is a CNAME that leads to `{end}`, which {lacks}, says `{dead.server}`.", way
    codes = dict.fromkeys(x.rcode for x in said)
    answer = f" The nameservers say {', '.join(codes)}." if codes else ""
    silent = codes and set(codes) <= _NO_ANSWER
    return " No nameserver answers." if silent else answer, _hint(names, found, said[0].server if said else "")


def _hint(names: Names, found: Lookup, server: str) -> str:
    if found.name == "localhost":
        return f"Add the line `127.0.0.1 localhost` to `{names.files.hosts_path}`, or send to `127.0.0.1`."
    if found.error == "EAI_AGAIN":
        ask = f"dig @{server} {found.name}" if server else f"dig {found.name}"
        return f"Run `{ask}`, and look at the nameservers in `{names.files.resolv_path}`: they are silent or failing."
    tried = ", ".join(names.files.search)
    short = f" The search list ({tried}) was tried." if tried and "." not in found.name else ""
    return f"Check the spelling of `{found.name}`, or write it with its whole domain.{short}"
