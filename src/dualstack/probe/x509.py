"""What a client checks in a certificate, read from its DER bytes.

The ssl module decodes a certificate only after it has verified it, and the one that fails is the one that matters here.
"""

from collections.abc import Iterator

from dualstack.model.address import canonical
from dualstack.model.probe import Certificate
from dualstack.model.text import printable

_ATTRIBUTES = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O", b"\x55\x04\x0b": "OU"}  # RFC 5280 appendix A.1
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"  # id-ce-subjectAltName, RFC 5280 section 4.2.1.6
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # GeneralName [2] and [7]
_EXTENSIONS = 0xA3  # TBSCertificate [3]
_UTC_TIME = 0x17


def certificate(der: bytes) -> Certificate | None:
    """Subject, issuer, end (ISO 8601, UTC) and subjectAltName (RFC 5280 section 4.1); None for other bytes."""
    try:
        return _certificate(der)
    except (ValueError, IndexError):
        return None


def _certificate(der: bytes) -> Certificate:
    ((_, outer),) = _items(der)
    (_, inner), *_ = _items(outer)
    body = list(_items(inner))
    if body[0][0] == 0xA0:  # version, left out by version 1
        del body[0]
    (_, _, (_, issuer), (_, validity), (_, subject), *rest) = body
    names, addresses = _alternatives(b"".join(value for tag, value in rest if tag == _EXTENSIONS))
    return Certificate(
        subject=_name(subject),
        names=names,
        addresses=addresses,
        not_after=_time(*list(_items(validity))[1]),
        issuer=_name(issuer),
    )


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each DER element (X.690 section 8.1), for the tags and lengths that X.509 uses."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            octets = size & 0x7F
            size, at = int.from_bytes(data[at : at + octets], "big"), at + octets
        if at + size > len(data):
            raise ValueError(at)
        yield tag, data[at : at + size]
        at += size


def _name(data: bytes) -> str:
    parts = []
    for _, relative in _items(data):
        for _, pair in _items(relative):
            (_, oid), (_, value) = _items(pair)
            if oid in _ATTRIBUTES:
                parts.append(f"{_ATTRIBUTES[oid]}={value.decode(errors='backslashreplace')}")
    return printable(", ".join(parts))


def _time(tag: int, value: bytes) -> str:
    """`2026-11-23T16:17:38Z`. UTCTime has a two-digit year, 50 and above for 19xx (RFC 5280 section 4.1.2.5.1)."""
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "5" else "20") + text
    return printable(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}Z")


def _alternatives(extensions: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: list[str] = []
    addresses: list[str] = []
    for _, sequence in _items(extensions):
        for _, extension in _items(sequence):
            (_, oid), *_, (_, value) = _items(extension)
            if oid == _SUBJECT_ALT_NAME:
                found = [x for _, inner in _items(value) for x in _items(inner)]
                names += [printable(x.decode(errors="backslashreplace")) for tag, x in found if tag == _DNS_NAME]
                addresses += [_address(x) for tag, x in found if tag == _IP_ADDRESS]
    return tuple(names), tuple(addresses)


def _address(packed: bytes) -> str:
    if len(packed) == 4:
        return ".".join(map(str, packed))
    return canonical(":".join(packed[at : at + 2].hex() for at in range(0, len(packed), 2)))
