"""What is wrong with an address that something sends to, as URL parsers, gRPC and Go's net package read it."""

import re
from functools import lru_cache

import msgspec

from dualstack.model.address import Scope, is_address, scope, without_zone
from dualstack.model.patterns import pattern
from dualstack.reach.redacted import hides_host

_SCHEME = pattern(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_ONE_SLASH = pattern(r"(?P<scheme>https?):/(?=[^/\s@][^@]*$)", re.IGNORECASE)
_NAMED = pattern(r"(?P<scheme>dns|passthrough|xds):(?://[^/]*/)?(?P<rest>.*)", re.DOTALL)
_ELSEWHERE = ("unix:", "unix-abstract:", "vsock:", "npipe:", "ipv4:", "ipv6:")
_PORT = pattern(r"0*(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])")
_LIKE_IPV6 = pattern(r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:")
_FORMS = r"\$\{[^{}]*\}|\$\([^()]*\)"
_REFERENCE = pattern(_FORMS)
_UNREAD = pattern(rf"(?:{_FORMS})(?:://|$)")  # a variable that is all of it, or the scheme
_FIRST_MARK, _MARKS = 0x100000, 6400  # the characters for private use, each of which stands for a variable
_VARIABLE = pattern("[\U00100000-\U001018ff${]")
_WANTS_PORT = ("grpc",)


class Reading(msgspec.Struct, frozen=True):
    """A destination taken apart. `fault` is the code of what is wrong, empty where nothing is; `meant` mends it.

    `ambiguous` says that the text without brackets is also an address without a port. `scheme` is in lower case.
    """

    scheme: str = ""
    host: str = ""
    port: str = ""
    fault: str = ""
    meant: str = ""
    ambiguous: bool = False

    @property
    def wildcard(self) -> bool:
        """Whether it leads to every address, and so to none."""
        return is_address(self.host) and scope(self.host) is Scope.WILDCARD

    @property
    def loopback(self) -> bool:
        """Whether it leads to where the sender is."""
        return self.host == "localhost" or (is_address(self.host) and scope(self.host) is Scope.LOOPBACK)


@lru_cache(maxsize=4096)
def read(text: str, form: str) -> Reading:
    """A destination by its form: `url`, `grpc`, `hostport` or `host`.

    What a variable in it holds is not judged, nor what somebody hid.
    """
    if text.startswith(_ELSEWHERE) or not text.strip() or "," in text or _UNREAD.match(text) or hides_host(text):
        return Reading()
    if is_quoted(text):
        return Reading(fault="DS119")
    held = dict[str, str]()

    def mark(found: re.Match[str]) -> str:
        sign = chr(_FIRST_MARK + len(held) % _MARKS)
        held[sign] = found[0]
        return sign

    found = _read(_REFERENCE.sub(mark, text), form)
    parts = {x: "".join(held.get(y, y) for y in getattr(found, x)) for x in ("host", "port", "meant")}
    return msgspec.structs.replace(found, **parts)


def is_quoted(text: str) -> bool:
    """Whether quotes are part of a text, as in a ConfigMap that was made from a file for a shell."""
    return len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]


def slashed(text: str) -> str:
    """A URL with both slashes behind its scheme, where one is missing; empty for other texts.

    Such a text has a path and no host (RFC 3986 section 3): no client knows where to send to. One with an `@` may hold
    a password, and is not told.
    """
    found = _ONE_SLASH.match(text)
    return f"{found['scheme']}://{text[found.end() :]}" if found else ""


def _read(text: str, form: str) -> Reading:
    whole = slashed(text) if form == "url" else ""
    if whole:
        return msgspec.structs.replace(_read(whole, form), fault="DS119", meant=whole)
    named = _NAMED.fullmatch(text) if form in ("grpc", "url") else None
    if named and form == "url":
        return Reading(scheme=named["scheme"])  # some SDKs give it to gRPC, which takes it, and others read it as a URL
    found = named or _SCHEME.fullmatch(text)
    scheme, rest = (found["scheme"].lower(), found["rest"]) if found else ("", text)
    end = next((i for i, x in enumerate(rest) if x in "/?#"), len(rest))
    authority, after = rest[:end], rest[end:]
    user, at, place = authority.rpartition("@")
    before = text[: len(text) - len(rest)] + user + at
    said = _place(place, form, wrapped=bool(scheme) and not named)
    meant = f"{before}{said.meant}{after}" if said.meant else ""
    return msgspec.structs.replace(said, scheme=scheme, meant=meant)


def _place(place: str, form: str, *, wrapped: bool) -> Reading:
    if place.startswith("["):
        return _bracketed(place, form, wrapped=wrapped)
    if place.count(":") > 1:
        return _unbracketed(place, form)
    host, colon, port = place.partition(":")
    return Reading(host=host, port=port, fault=_port_fault(colon + port, form))


def _port_fault(after: str, form: str) -> str:
    """What is wrong with what stands behind a host; one with a variable in it is not judged."""
    if not after:
        return "DS105" if form in _WANTS_PORT else ""
    port = after.removeprefix(":")
    usable = _PORT.fullmatch(port) or _VARIABLE.search(port) or (not port and form == "url")
    return "" if usable and after.startswith(":") else "DS119"


def _bracketed(place: str, form: str, *, wrapped: bool) -> Reading:
    host, closed, rest = place[1:].partition("]")
    port, bare = rest.removeprefix(":"), without_zone(host)
    if not closed:
        return Reading(host=host, fault="DS101")
    # Go's dialler takes brackets around anything, a parser of URLs around IPv6 alone (RFC 3986 section 3.2.2).
    other = not _VARIABLE.search(host) and not (is_address(bare) and ":" in bare)
    if other and form == "url" and (wrapped or is_address(bare)):
        return Reading(host=host, port=port, fault="DS103", meant=f"{host}{rest}")
    return Reading(host=host, port=port, fault=_port_fault(rest, form))


def _unbracketed(place: str, form: str) -> Reading:
    head, _, tail = place.rpartition(":")
    with_port = is_address(head) and not _port_fault(f":{tail}", form)
    whole = is_address(place)
    if form == "host" and whole:
        return Reading(host=place)
    if not whole and not with_port:
        return Reading(host=place, fault="DS101" if _LIKE_IPV6.match(place) else "DS119")
    meant = f"[{head}]:{tail}" if with_port else f"[{place}]" if form == "url" else ""
    return Reading(
        host=head if with_port else place,
        port=tail if with_port else "",
        fault="DS101",
        meant=meant,
        ambiguous=whole and with_port,
    )
