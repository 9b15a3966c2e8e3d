"""One incident, read from its file: the world, the question, and the answer that is right.

    title: A Rust receiver on 0.0.0.0 is asked over IPv6
    layout: pair                           # or routed, square, alone: the namespaces and cables of lab/topology.py
    client:                                # what differs in the namespace of that name
      addresses: {eth0: [10.231.7.1/24]}   # instead of those of the layout
      hosts: ["10.231.7.2 collector.test", "fd00:e7::2 collector.test"]     # after the lines of localhost
      nameservers: {10.231.7.53: {collector.test.: {A: [10.231.7.2]}}}      # an address of its own, and its zone
      etc: {nsswitch.conf: "hosts: dns files"}                              # other files, instead of /etc/…
      sysctls: {net.ipv6.bindv6only: 1}
      kernel_without_ipv6: true            # socket(AF_INET6) fails, as with ipv6.disable=1
      before: ["ip route add blackhole 192.0.2.0/24"]                       # commands before its servers start
      filters: "table inet lab { … }"      # for nft
      servers: [{run: rust, at: "0.0.0.0:4318"}]                            # lab/programs.py has the list
      after: ["ip address delete fd00:e7::1/64 dev eth0"]                   # and when all servers of all run
    certificates: {server: {names: [collector.test], addresses: [10.231.7.2], signed_by: ca}}
    ask: {by: client, targets: ["http://collector.test:4318"], options: [--client, node@18], env: {NO_PROXY: "*"}}
    expect:
      verdict: degraded
      causes: [DS205, [DS305, DS404]]      # all to be found, one of them first; a list is any of these; none: healthy
      flows: {ipv4: accepted, ipv6: refused}                                # or `ipv6 grpc`; a list is any of these
      also: [DS807]                        # may be said as well

`{dir}` in a configuration, an option or a command is the folder of the world: it holds `NAME.pem`, `NAME.key` and the
`ca.pem` of certificates, and `NAME.yaml` for the configuration of a server (`name`, else `config`).
"""

import importlib.resources
import os
from typing import Annotated, Any, TypeVar

import msgspec
import yaml

from dualstack.gather.errors import BadInput
from dualstack.lab.programs import PROGRAMS
from dualstack.lab.topology import LAYOUTS
from dualstack.model.diagnosis import Verdict

FOLDER = str(importlib.resources.files("dualstack.lab") / "incidents")
T = TypeVar("T")
AnyOf = str | list[str]
Code = Annotated[str, msgspec.Meta(pattern=r"^DS\d{3}$")]


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A program of `lab/programs.py` that listens `at` host:port. One with `starts: false` is expected to end."""

    run: str
    at: str = ""
    words: tuple[str, ...] = ()
    network: str = "tcp"
    version: str = "0.161.0"
    config: str = ""
    name: str = "config"
    env: dict[str, str] = {}
    starts: bool = True
    stopped: bool = False


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What differs in one namespace."""

    addresses: dict[str, tuple[str, ...]] = {}
    hosts: tuple[str, ...] = ()
    nameservers: dict[str, dict[str, Any]] = {}
    etc: dict[str, str] = {}
    sysctls: dict[str, int] = {}
    kernel_without_ipv6: bool = False
    before: tuple[str, ...] = ()
    filters: str = ""
    servers: tuple[Server, ...] = ()
    after: tuple[str, ...] = ()


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a certificate says; `signed_by` is `ca`, `itself`, or `stranger`: an authority that nobody trusts."""

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    common_name: str = "lab"
    days: int = 2
    signed_by: str = "ca"


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, the words after `dualstack diagnose`, and the variables of its environment."""

    by: str = "client"
    targets: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    env: dict[str, str] = {}


class Expect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The right answer. A cause is a code or a list of codes of which any will do."""

    verdict: Verdict | tuple[Verdict, ...]
    causes: tuple[Code | tuple[Code, ...], ...] = ()
    flows: dict[str, AnyOf] = {}
    also: tuple[Code, ...] = ()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Those that are right."""
        return (self.verdict,) if isinstance(self.verdict, Verdict) else self.verdict

    @property
    def roots(self) -> tuple[tuple[str, ...], ...]:
        """For each cause, the codes that name it."""
        return tuple((x,) if isinstance(x, str) else x for x in self.causes)


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file; `name` is that of the file, `places` the namespaces by name."""

    title: str
    ask: Ask
    expect: Expect
    layout: str = "pair"
    places: dict[str, Place] = {}
    certificates: dict[str, Certificate] = {}
    name: str = ""

    @property
    def healthy(self) -> bool:
        """Whether any error would be a false alarm."""
        return not self.expect.causes


def names() -> tuple[str, ...]:
    """The incidents that come with the program, in order."""
    return tuple(sorted(x.removesuffix(".yaml") for x in os.listdir(FOLDER) if x.endswith(".yaml")))


def load(name: str) -> Incident:
    """The incident of that name, or of that file (its name ends in `.yaml`). Raises BadInput."""
    path = name if name.endswith(".yaml") else os.path.join(FOLDER, f"{name}.yaml")
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file)
    except FileNotFoundError as error:
        said = f"`{name}` is no incident: `dualstack lab list` lists them, and a file ends in `.yaml`."
        raise BadInput(said) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return parse(document, os.path.basename(path).removesuffix(".yaml"), path)


def parse(document: object, name: str, path: str) -> Incident:
    """The incident that a YAML document describes. Raises BadInput that names the place in it."""
    if not isinstance(document, dict):
        raise BadInput(f"{path} is no incident: it is not a mapping.")
    layout = LAYOUTS.get(document.get("layout", "pair"))
    if layout is None:
        raise BadInput(f"{path}: `layout` is one of {', '.join(LAYOUTS)}.")
    rest = {k: v for k, v in document.items() if k not in layout.places}
    places = {x: _converted(document.get(x, {}), Place, f"{path}: in `{x}`") for x in layout.places}
    made = _converted({**rest, "places": places, "name": name}, Incident, path)
    _check(made, path)
    return made


def _converted(value: object, kind: type[T], place: str) -> T:
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise BadInput(f"{place}: {error}.") from error


def _check(incident: Incident, path: str) -> None:
    unknown = {x.run for place in incident.places.values() for x in place.servers} - set(PROGRAMS)
    if unknown:
        raise BadInput(f"{path}: `{min(unknown)}` is no program; there are {', '.join(PROGRAMS)}.")
    if incident.ask.by not in incident.places:
        raise BadInput(f"{path}: `ask.by` is one of {', '.join(incident.places)}.")
