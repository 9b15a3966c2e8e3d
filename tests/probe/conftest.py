"""Certificates of a test authority, made once with openssl."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_NAMES = {
    "good": "DNS:localhost,DNS:otel.example,IP:127.0.0.1,IP:::1",
    "ipv4": "DNS:otel.example,IP:127.0.0.1",
    "other": "DNS:other.example,DNS:*.other.example,IP:10.0.0.1,IP:fd00::5",
    "expired": "DNS:localhost",
    "client": "DNS:client.example",
    "localhost": "",
    "otel.example": "IP:127.0.0.1",
    "long": ",".join(f"DNS:{n}.otel.example" for n in range(150)),
}


@dataclass(frozen=True)
class Certificates:
    """A folder with `NAME.pem` and `NAME.key` for each name, and `ca.pem`."""

    folder: Path

    def pem(self, name: str) -> str:
        """The path of a certificate."""
        return str(self.folder / f"{name}.pem")

    def key(self, name: str) -> str:
        """The path of its key."""
        return str(self.folder / f"{name}.key")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, leaves for several names, one that is out of date, and one that signs itself."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "self"):
        _openssl(folder, "req", "-x509", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                 "-subj", f"/O=Tests/CN={name}", "-addext", "subjectAltName=DNS:localhost")  # fmt: skip
    for name, alternatives in _NAMES.items():
        days = "-1" if name == "expired" else "2"
        (folder / "extensions").write_text(
            f"subjectAltName={alternatives}" if alternatives else "keyUsage=critical,digitalSignature"
        )
        _openssl(folder, "req", *_KEY, "-keyout", f"{name}.key", "-out", "request", "-subj", f"/O=Tests/CN={name}")
        _openssl(folder, "x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                 "-out", f"{name}.pem", "-days", days, "-extfile", "extensions")  # fmt: skip
    return Certificates(folder)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
