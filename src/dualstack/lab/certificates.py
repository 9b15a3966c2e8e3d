"""Certificates for the servers of a world, made with openssl."""

import os
from collections.abc import Mapping

from dualstack.lab.incident import Certificate
from dualstack.lab.topology import run

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def make(folder: str, wanted: Mapping[str, Certificate]) -> None:
    """Write `NAME.pem` and `NAME.key` for each, and the authority `ca.pem`. Raises CannotBuild."""
    if not wanted:
        return
    for name in ("ca", "stranger"):
        _openssl(folder, "req", "-x509", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                 "-subj", f"/O=Lab/CN={name}")  # fmt: skip
    for name, each in wanted.items():
        with open(f"{folder}/extensions", "w", encoding="ascii") as file:
            alternatives = ",".join([f"DNS:{x}" for x in each.names] + [f"IP:{x}" for x in each.addresses])
            file.write(f"subjectAltName={alternatives}" if alternatives else "keyUsage=critical,digitalSignature")
        subject = ("-subj", f"/O=Lab/CN={each.common_name}")
        _openssl(folder, "req", *_KEY, "-keyout", f"{name}.key", "-out", "request", *subject)
        itself = ("-signkey", f"{name}.key")
        signer = itself if each.signed_by == "itself" else _authority(each.signed_by)
        os.chmod(f"{folder}/{name}.key", 0o644)  # a client without privileges shows it
        _openssl(folder, "x509", "-req", "-in", "request", *signer, "-out", f"{name}.pem",
                 "-days", str(each.days), "-extfile", "extensions")  # fmt: skip


def _authority(name: str) -> tuple[str, ...]:
    return ("-CA", f"{name}.pem", "-CAkey", f"{name}.key", "-CAcreateserial")


def _openssl(folder: str, *words: str) -> None:
    run("openssl", *words, cwd=folder)
