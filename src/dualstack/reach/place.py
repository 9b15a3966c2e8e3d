"""The form of an address that a program is about to bind: a word of the column `host` in `knowledge/bind.table`."""

import re

import msgspec

from dualstack.model.address import Family, Scope, canonical, family, is_address, scope, unmapped, zone
from dualstack.model.names import Lookup

# Go src/net/ipsock.go SplitHostPort, in its order: the first expression that fits the whole text names its form.
_TEXTS = (
    (r"[^:]*", "missing-port"),
    (r"\[[^]]*", "missing-bracket"),
    (r"\[(?P<host>[^][]*)\]:(?P<port>[^]:[]*)", ""),
    (r"\[[^]]*\]:.*:.*", "extra-colon"),
    (r"\[[^]]*\].*", "missing-port"),
    (r"(?P<host>[A-Za-z][A-Za-z0-9+.-]*):(?P<port>//[^]:[]*)", "url-without-port"),
    (r"(?P<host>[^]:[]*):(?P<port>[^]:[]*)", ""),
    (r".*://.*", "url"),
    (r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:.*", "unbracketed"),
    (r".*:.*:.*", "extra-colon"),
    (r".*\[.*", "stray-open-bracket"),
    (r".*", "stray-bracket"),
)
# Go src/net/port.go parsePort. A text that is no number is looked up as a service, in /etc/services as well
# (Go src/net/port_unix.go); names as in RFC 6335 section 5.1.
_PORTS = (
    (r"|0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])", ""),
    (r"[-+]?[0-9]+", "invalid-port"),
    (r"[0-9-]*[A-Za-z][A-Za-z0-9-]*", "service"),
    (r".*", "unknown-port"),
)
_NAME = r"[A-Za-z0-9_.-]+"  # Go src/net/dnsclient.go isDomainName
_NO_SUCH_NAME = {"EAI_NONAME", "EAI_NODATA"}


class Place(msgspec.Struct, frozen=True):
    """An address taken apart; `form` is a word of the table's column `host`."""

    form: str
    host: str = ""
    port: str = ""
    bracketed: bool = False

    @property
    def words(self) -> set[str]:
        """All that the column `host` can say of it."""
        return {self.form, self.host, f"bracketed-{self.form}" if self.bracketed else ""}

    @property
    def number(self) -> int:
        """The port, 0 where it is not a number."""
        return int(self.port.lstrip("0")[:5] or 0) if self.port.isdecimal() else 0


def placed(address: str, names: tuple[Lookup, ...]) -> Place:
    """The form of an address as Go and most others take it apart; `names` says which names have addresses."""
    form, found = _first_fit(_TEXTS, address)
    if form:
        parts = found.groupdict("")
        return Place(form, parts.get("host", ""), parts.get("port", ""))
    host, port = found["host"], found["port"]
    wrong_port, _ = _first_fit(_PORTS, port)
    if wrong_port:
        return Place(wrong_port, host, port)
    if is_address(host):
        return Place(_literal_form(host), canonical(host), port, bracketed="[" in address)
    return Place(_name_form(host, names), host, port)


def _first_fit(forms: tuple[tuple[str, str], ...], text: str) -> tuple[str, re.Match[str]]:
    return next((form, found) for pattern, form in forms if (found := re.fullmatch(pattern, text, re.DOTALL)))


def _literal_form(host: str) -> str:
    mapped, ipv4 = unmapped(host) != host, family(host) is Family.IPV4
    if scope(host) is Scope.WILDCARD:
        return "any-mapped" if mapped else "any4" if ipv4 else "any6"
    if ipv4:
        return "mapped" if mapped else "ipv4"
    if scope(host) is Scope.LINK_LOCAL:
        return "zoned" if zone(host) else "link-local"
    return "ipv6"


def _name_form(host: str, names: tuple[Lookup, ...]) -> str:
    if not host:
        return "none"
    if not re.fullmatch(_NAME, host):
        return "not-a-name"
    return "unresolvable" if any(x.name == host and x.error in _NO_SUCH_NAME for x in names) else "name"
