"""What the user typed as a target, as values."""

import re
from typing import NamedTuple

from dualstack.model.address import OTLP_PORTS, Family, Protocol, Target, canonical, family, is_address

_CLUSTER = {
    **dict.fromkeys(("svc", "service", "services"), "svc"),
    **dict.fromkeys(("po", "pod", "pods"), "pod"),
    **dict.fromkeys(("deploy", "deployment", "deployments"), "deploy"),
    **dict.fromkeys(("ds", "daemonset", "daemonsets"), "ds"),
    **dict.fromkeys(("sts", "statefulset", "statefulsets"), "sts"),
    **dict.fromkeys(("job", "jobs"), "job"),
    **dict.fromkeys(("cj", "cronjob", "cronjobs"), "cronjob"),
    **dict.fromkeys(("collector", "otelcol", "opentelemetrycollector", "opentelemetrycollectors"), "collector"),
}
"""Kinds of Kubernetes as kubectl takes them, and the Collectors of the Operator."""

_OBJECT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")  # RFC 1123 section 2.1, as Kubernetes names its objects
_SCHEMES = {
    "http": (Protocol.HTTP, False, 80),
    "https": (Protocol.HTTP, True, 443),
    "grpc": (Protocol.GRPC, False, 4317),
    "grpcs": (Protocol.GRPC, True, 4317),
}
"""Protocol, TLS and the port that clients use when the URL names none (RFC 9110 section 4.2 for http and https)."""

_SLIPS = re.compile(r"(?P<scheme>https?|grpcs?)(?::/|//|:(?=[^/]+:\d+(?:/|$)))(?P<rest>.*)", re.IGNORECASE)
"""A scheme whose `://` lost a character or two: `http:/host`, `http//host`, `http:host:4318`."""

_NAME = re.compile(
    r"(?=.{1,253}\.?$)(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?"
)  # RFC 1123 section 2.1
_DEVIATING = "\u00df\u03c2\u200c\u200d"
"""Characters of names that IDNA 2003 and 2008 read differently (UTS 46 section 2.3, Deviations)."""

_ZONE = re.compile(r"[A-Za-z0-9_.:@-]{1,15}")  # IFNAMSIZ in linux/if.h


class KubeTarget(NamedTuple):
    """An object of a cluster: its kind as kubectl abbreviates it, and its name."""

    kind: str
    name: str

    def __str__(self) -> str:
        """The target as a user writes it."""
        return f"{self.kind}/{self.name}" if self.name else f"--{self.kind}"


EVERYTHING = KubeTarget("all", "")
"""Every Service that clients send OTLP to, and every Collector, of a namespace or of the cluster."""


class BadTarget(ValueError):
    """A target that cannot be read; the text says what is wrong and the way out."""


def parse_target(text: str) -> tuple[Target, ...]:
    """The targets that `text` stands for: one, or one for each protocol where it leaves that open. Raises BadTarget."""
    stripped = text.strip()
    _refuse_later(stripped)
    scheme, separator, rest = stripped.partition("://")
    if separator:
        return (_url(stripped, scheme.lower(), rest),)
    _refuse_without_scheme(stripped)
    host, port = _host_and_port(stripped, stripped)
    if port is None:
        ports = {p: n for n, p in OTLP_PORTS.items()}
        return tuple(Target(stripped, host, ports[x], x, assumed=True) for x in (Protocol.GRPC, Protocol.HTTP))
    spoken = OTLP_PORTS.get(port)
    if spoken:
        return (Target(stripped, host, port, spoken),)
    return tuple(Target(stripped, host, port, x, assumed=True) for x in (Protocol.GRPC, Protocol.HTTP))


def kube_target(text: str) -> KubeTarget | None:
    """The object of a cluster that a target names, None for any other target. Raises BadTarget for a bad name."""
    kind, separator, name = text.strip().partition("/")
    if text == str(EVERYTHING):
        return EVERYTHING
    if not separator or kind.lower() not in _CLUSTER:
        return None
    if not _OBJECT.fullmatch(name):
        bare, colon, _ = name.partition(":")
        right = f"{kind}/{bare}" if colon and _OBJECT.fullmatch(bare) else "svc/otel-collector"
        more = ", without a port: all that are for OTLP are looked at" if colon else ""
        raise BadTarget(f"`{text}` names no object. Write the kind and the name, such as `{right}`{more}.")
    if _CLUSTER[kind.lower()] == "svc" and "." in name:
        bare, _, rest = name.partition(".")
        raise BadTarget(
            f"`{text}`: no Service has a dot in its name. Write `{kind}/{bare} -n {rest.partition('.')[0]}`."
        )
    return KubeTarget(_CLUSTER[kind.lower()], name)


def kind_of(word: str) -> str:
    """A kind as kubectl abbreviates it; empty for a word that is none."""
    return _CLUSTER.get(word.lower(), "")


def _refuse_later(text: str) -> None:
    if text == "env" or text.startswith("env:"):
        raise BadTarget(
            f"`{text}` is read by a later version. Write the endpoint itself, such as `http://localhost:4318`."
        )
    if not text:
        raise BadTarget("The target is empty. Write `http://host:4318` or `host:4317`, or leave it out.")


def _refuse_without_scheme(text: str) -> None:
    """Refuse what only a URL can have, and say which URL it would be: one that this module reads."""
    slip = _SLIPS.fullmatch(text)
    if not slip and "/" not in text:
        return
    if not slip and re.match(r"\.{0,2}/(?!/)", text):
        raise BadTarget(f"`{text}` looks like a file. Give a Collector configuration with `--config FILE`.")
    meant = f"{slip['scheme']}://{slip['rest'].lstrip('/')}" if slip else f"http://{text.lstrip('/')}"
    parse_target(meant)
    raise BadTarget(f"`{text}` has no scheme with `://`. Write `{meant}`.")


def _url(text: str, scheme: str, rest: str) -> Target:
    if scheme not in _SCHEMES:
        known = ", ".join(f"`{x}://`" for x in _SCHEMES)
        raise BadTarget(f"`{text}` has the unknown scheme `{scheme}`. Use one of {known}.")
    protocol, tls, default = _SCHEMES[scheme]
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        raise BadTarget(f"`{scheme}://…@…` names a user. Leave it out and pass credentials with `--header`.")
    if any(x in rest for x in "?#"):
        raise BadTarget(f"`{text}` has a query or fragment. An OTLP endpoint has neither: leave it out.")
    host, port = _host_and_port(authority, text)
    return Target(text, host, port or default, protocol, tls, slash + path if path else "")


def _host_and_port(authority: str, text: str) -> tuple[str, int | None]:
    """Host without brackets and the port, None where there is none."""
    if authority.startswith("["):
        inside, bracket, after = authority[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise BadTarget(f"`{text}` has unbalanced brackets. Write `[::1]:4317`.")
        return _bracketed(inside, text), _port(after[1:], text) if after else None
    if authority.count(":") > 1:
        readings = _readings(authority, text)
        if is_address(authority) and len(readings) == 1 and authority == text:
            return _bracketed(authority, text), None
        raise BadTarget(_ambiguous(readings, text))
    host, colon, port = authority.partition(":")
    return _host(host, text), _port(port, text) if colon else None


def _bracketed(inside: str, text: str) -> str:
    address, percent, device = inside.partition("%")
    device = device.removeprefix("25") if "://" in text else device  # RFC 6874 section 2 writes the zone as %25
    if not is_address(address) or (family(address) is not Family.IPV6 and ":" not in address):
        raise BadTarget(f"`[{inside}]` in `{text}` is not an IPv6 address. Brackets are for IPv6 addresses only.")
    if percent and not _ZONE.fullmatch(device):
        raise BadTarget(f"`{text}` has the zone `{device}`, which is no interface name. Write `[fe80::1%eth0]:4317`.")
    return canonical(address) + (f"%{device}" if percent else "")


def _readings(authority: str, text: str) -> list[str]:
    """What colons without brackets may mean, each written as it should be."""
    before, _, after = text.partition(authority)
    protocol, *_ = _SCHEMES.get(before.removesuffix("://").lower(), (Protocol.GRPC,))
    port = next(x for x, spoken in OTLP_PORTS.items() if spoken is protocol)
    readings = [f"`{before}[{authority}]:{port}{after}` (the address {authority})"] if is_address(authority) else []
    head, _, tail = authority.rpartition(":")
    if is_address(head) and _number(tail):
        readings.append(f"`{before}[{head}]:{tail}{after}` (the address {head}, port {tail})")
    return readings


def _ambiguous(readings: list[str], text: str) -> str:
    if not readings:
        return f"`{text}` is neither a name nor an address with a port. Write `host:4317` or `[fd00::1]:4317`."
    if len(readings) == 1:
        return f"`{text}` is an IPv6 address without brackets. Write {readings[0]}."
    return f"`{text}` is ambiguous: an IPv6 address with a port needs brackets. Write {' or '.join(readings)}."


def _host(host: str, text: str) -> str:
    if not host:
        raise BadTarget(f"`{text}` has no host. Write `http://localhost:4318` or `localhost:4317`.")
    if is_address(host):
        return canonical(host)
    if host == "*":
        raise BadTarget(f"`{text}`: `*` is no host. Leave the target out to see every OTLP listener of this host.")
    ascii_host = host if host.isascii() else _ascii(host)
    numeric = ascii_host.replace(".", "").isdigit()
    if numeric and host.isascii():
        raise BadTarget(f"`{text[:80]}` is no whole IPv4 address. Write all four numbers, such as `127.0.0.1`.")
    if numeric or not _NAME.fullmatch(ascii_host):
        raise BadTarget(f"`{text[:80]}` is neither a host name nor an address, with or without a port.")
    return ascii_host


def _ascii(host: str) -> str:
    """The name as DNS has it (RFC 3490 section 4). Raises BadTarget where IDNA 2008, as curl has it, gives another."""
    if any(x in host for x in _DEVIATING):
        raise BadTarget(f"`{host[:80]}` has two forms in DNS. Write the one that is meant: it begins with xn--.")
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _port(port: str, text: str) -> int:
    number = _number(port)
    if not number:
        raise BadTarget(f"`{text}` has no usable port: `{port[:20]}`. A port is a number from 1 to 65535.")
    return number


def _number(port: str) -> int:
    """The port that `port` spells, 0 where it spells none."""
    digits = port.lstrip("0")
    usable = port.isascii() and port.isdigit() and 0 < len(digits) <= 5 and int(digits) < 65536
    return int(digits) if usable else 0
