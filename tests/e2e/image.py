"""Container images without a builder: a docker-archive is a tar of layers, and a layer is a tar of files.

The image of this project is the interpreter that runs the tests, its shared libraries at the paths where the linker
found them, the project and what it requires: nothing is fetched, and nothing is moved that knows its own path.
"""

import hashlib
import importlib.metadata
import io
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import dualstack

Layer = Mapping[str, str | bytes]
"""By path in the image: the path of a file here, or the bytes of a program."""

SITE = "/usr/local/lib/dualstack"
_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "turtledemo", "pydoc_data",
             "site-packages", "dist-packages"}  # fmt: skip
_LIBRARY = re.compile(r"(/\S+) \(0x")
_ENTRY = b"#!%s\nfrom dualstack.__main__ import main\nmain()\n"


def write(path: str, tag: str, layers: Sequence[Layer], entrypoint: Sequence[str], env: Sequence[str] = ()) -> None:
    """Write the docker-archive of one image."""
    tars = [_tar(layer) for layer in layers]
    names = [hashlib.sha256(x).hexdigest() for x in tars]
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Entrypoint": [*entrypoint], "Env": [*env]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{x}" for x in names]},
    }).encode()  # fmt: skip
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": [f"{x}.tar" for x in names]}]
    with tarfile.open(path, "w") as archive:
        _add(archive, "config.json", config)
        _add(archive, "manifest.json", json.dumps(manifest).encode())
        for name, tar in zip(names, tars, strict=True):
            _add(archive, f"{name}.tar", tar)


def program(path: str, place: str) -> Layer:
    """A layer of one static program, at that place in the image."""
    return {place: path}


def interpreter() -> Layer:
    """A layer with the Python that runs here: its standard library and every shared library that it may load."""
    executable = os.path.realpath(sys.executable)
    stdlib = sysconfig.get_path("stdlib")
    files = {executable: executable, "/usr/local/bin/python3": executable}
    files |= {x: x for x in _files(stdlib)}
    return files | libraries(files.values())


def project() -> Layer:
    """A layer with this project, what it requires, and the command `dualstack`."""
    files = _packages(_required("dualstack"))
    return {
        **files,
        **libraries(files.values()),
        **_placed(str(Path(dualstack.__file__).parent), f"{SITE}/dualstack"),
        "/usr/local/bin/dualstack": _ENTRY % os.path.realpath(sys.executable).encode(),
    }


def exporter() -> Layer:
    """A layer with the OTLP clients of the tests: grpcio, and the messages of opentelemetry-proto."""
    files = _packages({"grpcio", "opentelemetry-proto", *_required("grpcio"), *_required("opentelemetry-proto")})
    here = str(Path(__file__).parent)
    return {**files, **libraries(files.values()), f"{SITE}/exports.py": f"{here}/exports.py"}


def environment() -> tuple[str, ...]:
    """The variables of an image with an interpreter."""
    return ("PATH=/usr/local/bin:/usr/bin:/bin", f"PYTHONPATH={SITE}", "PYTHONDONTWRITEBYTECODE=1", "HOME=/tmp")


def _required(name: str) -> set[str]:
    found: set[str] = set()
    for line in importlib.metadata.requires(name) or ():
        if ";" not in line:
            each = re.split(r"[^A-Za-z0-9_.-]", line)[0]
            found |= {each} | _required(each)
    return found


def _packages(names: Iterable[str]) -> dict[str, str]:
    listed = ((x, x.locate()) for name in names for x in importlib.metadata.files(name) or ())
    return {f"{SITE}/{x}": str(at) for x, at in listed
            if ".." not in x.parts and x.suffix != ".pyc" and os.path.isfile(str(at))}  # fmt: skip


def _placed(folder: str, place: str) -> dict[str, str]:
    return {place + x.removeprefix(folder): x for x in _files(folder)}


def _files(folder: str) -> Iterator[str]:
    for top, folders, names in os.walk(folder):
        folders[:] = [x for x in folders if x not in _LEFT_OUT and not x.startswith("config-")]
        yield from (os.path.join(top, x) for x in names if not x.endswith((".pyc", ".a")))


def libraries(files: Iterable[str]) -> dict[str, str]:
    """The shared libraries of programs, at the paths where the linker finds them here."""
    linked = [x for x in files if x.endswith(".so") or (os.access(x, os.X_OK) and _is_elf(x))]
    said = subprocess.run(["ldd", *linked], check=False, capture_output=True, text=True).stdout
    return {x: os.path.realpath(x) for x in _LIBRARY.findall(said)}


def _is_elf(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def _tar(layer: Layer) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for folder in sorted({str(y) for x in layer for y in Path(x).parents} | {"/tmp"} - {"/"}):
            about = tarfile.TarInfo(folder.lstrip("/"))
            about.type, about.mode = tarfile.DIRTYPE, 0o1777 if folder == "/tmp" else 0o755
            tar.addfile(about)
        for place, source in sorted(layer.items()):
            content = source if isinstance(source, bytes) else Path(source).read_bytes()
            runs = isinstance(source, bytes) or os.access(source, os.X_OK)
            _add(tar, place.lstrip("/"), content, 0o755 if runs else 0o644)
    return written.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), mode
    tar.addfile(about, io.BytesIO(content))
