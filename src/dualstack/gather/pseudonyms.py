"""Pseudonyms that keep what a diagnosis rests on: families, subnets, scopes, equality, and what names are made of.

Addresses are replaced bit by bit, each bit by a function of those before it (Crypto-PAn: Xu, Fan, Ammar, Moon, ICNP
2002), so that two addresses share as many leading bits as before. Bits that tell a special block from the rest stay.
Names are replaced token by token in the same way: `shop-canary` begins as `shop` does.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Iterator

from dualstack.knowledge import table

_LETTERS = "ghjklmnpqrstvwxz"
"""Letters of pseudonyms: none of them makes a word, a number or a part of an address."""
_DEVICES = ("", "lo", "eth0")
_TOKEN, _WHOLE, _LONGEST = 10, 16, 45
_BITS, _RUN = {4: 32, 6: 128}, 16
_EMBEDDED = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""Blocks whose addresses end in one of IPv4 (RFC 4291 section 2.5.5.2, RFC 6052 section 2.1)."""

_NAT64, _LAST = 96, 0xFFFFFFFF
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class Pseudonyms:
    """What stands for what, by a secret key. `known` has the original of each pseudonym that was given."""

    def __init__(self, key: bytes, translated: Iterable[ipaddress.IPv6Network] = ()) -> None:
        """Begin with nothing replaced. `translated` are further blocks of 32 bits that hold addresses of IPv4."""
        self._key = key
        self._translated = (*_EMBEDDED, *(x for x in translated if x.prefixlen == _NAT64))
        self.known: dict[str, str] = {}
        self._given: dict[str, str] = {}
        self._runs: dict[int, dict[str, str]] = {x: {} for x in _BITS}
        self._special = {x: frozenset(_prefixes(x)) for x in _BITS}
        self._names, self._ends, self._suffixes, self._values = map(_public, ("name", "end", "label", "value"))

    def _hash(self, *parts: str) -> int:
        said = "\0".join(parts).encode(errors="surrogatepass")
        return int.from_bytes(hashlib.blake2b(said, key=self._key, digest_size=16).digest(), "big")

    def address(self, text: str) -> str:
        """An address, with its zone if it has one, or a range as ADDRESS/BITS. Raises ValueError for anything else."""
        found, slash, bits = text.partition("/")
        bare, percent, zone = found.partition("%")
        ip = ipaddress.ip_address(bare)
        said = self._address(ip)
        if slash:
            rest = _BITS[ip.version] - int(bits)
            if int(ip) >> rest << rest == int(ip):
                said = type(ip)(int(said) >> rest << rest)
        shown = bare if said == ip else self._noted(_spelled(said, dotted="." in bare), bare)
        return f"{shown}{percent}{zone if zone in _DEVICES else self.host(zone)}{slash}{bits}"

    def _address(self, ip: _Ip) -> _Ip:
        said = self._bits(ip)
        if isinstance(ip, ipaddress.IPv6Address) and any(ip in x for x in self._translated):
            last = self._bits(ipaddress.IPv4Address(int(ip) & _LAST))
            return ipaddress.IPv6Address(said & ~_LAST | last)
        return type(ip)(said)

    def _bits(self, ip: _Ip) -> int:
        bits = f"{int(ip):0{_BITS[ip.version]}b}"
        special = self._special[ip.version]
        kept = next((x for x in range(len(bits)) if bits[:x] not in special), len(bits))
        return int("".join(self._run(bits[: x + _RUN], kept, ip.version) for x in range(0, len(bits), _RUN)), 2)

    def _run(self, bits: str, kept: int, version: int) -> str:
        """What becomes of the last bits of these; addresses of one subnet have most of their runs in common."""
        if bits not in self._runs[version]:
            start = len(bits) - _RUN
            self._runs[version][bits] = "".join(
                x if i < kept else str(int(x) ^ (self._hash(str(version), bits[:i]) & 1))
                for i, x in enumerate(bits[start:], start)
            )
        return self._runs[version][bits]

    def ambiguous(self, address: str, port: str) -> str:
        """`ADDRESS:PORT` without brackets: zero groups stay zero, so that it can be read in two ways still."""
        ip = ipaddress.IPv6Address(address)
        kept = zip(
            ip.exploded.split(":"), ipaddress.IPv6Address(int(self._address(ip))).exploded.split(":"), strict=True
        )
        said = str(ipaddress.IPv6Address(":".join("0" if x == "0000" else y for x, y in kept)))
        return f"{self._noted(said, address)}:{port}"

    def garbled(self, text: str) -> str:
        """What looks like an address and is none, digit by digit."""
        digits = iter(f"{self._hash('hex', text):032x}" * (1 + len(text) // 32))
        return re.sub(r"[0-9A-Fa-f]", lambda _: next(digits), text)

    def name(self, text: str) -> str:
        """One label of a name. Ends that programs add to names, such as `-collector`, stay."""
        if text in self._names or not text:
            return text
        if text not in self._given:
            stem, *ends = self._parted(text)
            said = self._stem(stem)
            while self.known.get("-".join([said, *ends]), text) != text:
                said += _LETTERS[-1]
            self._given[text] = self._noted("-".join([said, *ends]), text)
        return self._given[text]

    def _parted(self, text: str) -> list[str]:
        """A name without the ends that programs add, and these."""
        tokens = text.split("-")
        first = len(tokens)
        while first > 1 and tokens[first - 1] in self._ends:
            first -= 1
        return ["-".join(tokens[:first]), *tokens[first:]]

    def _stem(self, stem: str) -> str:
        tokens = stem.split("-")
        said = "-".join(self._token(x, "-".join(tokens[:i])) for i, x in enumerate(tokens))
        said = said if len(said) <= _LONGEST else self._letters(_WHOLE, "stem", stem)
        return said.upper() if stem.isupper() else said

    def _token(self, token: str, before: str) -> str:
        return self._letters(_TOKEN, "token", before, token) if token else ""

    def _letters(self, count: int, *parts: str) -> str:
        number = self._hash(*parts)
        return "".join(_LETTERS[number >> 4 * i & 15] for i in range(count))

    def host(self, text: str, *, behind: bool = False) -> str:
        """Labels with dots between; those that say nothing of anybody, such as `svc`, stay `behind` others."""
        first, *others = text.split(".")
        said = first if behind and first in self._suffixes else self.name(first)
        return ".".join([said, *(x if x in self._suffixes else self.name(x) for x in others)])

    def is_public_value(self, text: str) -> bool:
        """Whether this is what labels of any cluster say."""
        return text in self._values

    def opaque(self, text: str) -> str:
        """A text of which nothing is kept but its lines."""
        return "\n".join(self._noted(self._letters(_WHOLE, "text", x), x) if x else "" for x in text.split("\n"))

    def _noted(self, said: str, original: str) -> str:
        self.known.setdefault(said, original)
        return said


def _public(part: str) -> frozenset[str]:
    return frozenset(x["text"] for x in table("public_names") if x["part"] == part)


def _spelled(ip: _Ip, *, dotted: bool) -> str:
    mapped = isinstance(ip, ipaddress.IPv6Address) and dotted
    if not mapped:
        return str(ip)
    head = str(ipaddress.IPv6Address(int(ip) & ~0xFFFFFFFF | 0x10001))
    return f"{head.removesuffix('1:1')}{ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)}"


def _prefixes(version: int) -> Iterator[str]:
    """The bits, from the first on, of which more decide whether an address is in a special block."""
    for block in (ipaddress.ip_network(x["block"]) for x in table("special_blocks")):
        if block.version == version:
            bits = f"{int(block.network_address):0{_BITS[version]}b}"
            yield from (bits[:x] for x in range(block.prefixlen))
