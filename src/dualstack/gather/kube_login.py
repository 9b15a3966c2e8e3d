"""Who asks an API server, and which one it is: certificates, tokens, passwords and the plugins of a kubeconfig."""

import base64
import os
import ssl
import threading
from collections.abc import Mapping

import msgspec

from dualstack.gather.errors import BadInput
from dualstack.gather.kubeconfig import Access, Plugin, informed
from dualstack.gather.regular import read

_PLUGIN_SECONDS = 60


class Login:
    """The credentials of one context. `tls` is what connections are made with; what is renewed counts for later ones.

    What runs out while it is used (a token in a file, a certificate in a file, the word of a plugin) can be had anew.
    """

    def __init__(self, access: Access) -> None:
        """Ready to connect; a plugin is asked when somebody does. Raises BadInput for certificates that are none."""
        self._access, self._token, self._lock = access, access.token, threading.Lock()
        self._asked = 0
        self.tls = _tls(access)

    def headers(self) -> Mapping[str, str]:
        """What a request has to say. Raises BadInput."""
        if self._access.login and not self._token:
            pair = ":".join(self._access.login).encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        with self._lock:
            if not self._token and not self._asked:
                self._renew()
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    @property
    def age(self) -> int:
        """How often credentials were had; what `renew` is told by one who was refused."""
        return self._asked

    def renew(self, age: int) -> bool:
        """Have the credentials anew, once for all who were refused with those of that age. Raises BadInput.

        False where there are none but those that were refused.
        """
        with self._lock:
            if self._asked == age:
                before = (self._token, self._access.certificate)
                self._renew()
                return bool(self._access.plugin) or before != (self._token, self._access.certificate)
        return True

    def _renew(self) -> None:
        self._asked += 1
        access = self._access
        if access.token_file:
            try:
                self._token = read(access.token_file).decode().strip()
            except OSError as error:
                raise BadInput(f"The token in {access.token_file} cannot be read: {error.strerror}.") from error
        elif access.plugin:
            said = _credential(access.plugin, access)
            self._token = said.get("token", "")
            if said.get("clientCertificateData"):
                self._show(said["clientCertificateData"].encode(), said.get("clientKeyData", "").encode())
        if access.certificate_files != ("", ""):
            self._read_again(access)

    def _read_again(self, access: Access) -> None:
        """What was put in the place of a certificate and its key; while they are being replaced they may not fit."""
        try:
            both = zip(access.certificate_files, _pair(access), strict=True)
            certificate, key = (read(x) if x else y for x, y in both)
        except OSError:
            return
        if (certificate, key) != _pair(access):
            self._show(certificate, key)
            self._access = msgspec.structs.replace(access, certificate=certificate, key=key)

    def _show(self, certificate: bytes, key: bytes) -> None:
        try:
            _present(self.tls, certificate, key)
        except (ssl.SSLError, ValueError) as error:
            raise _unusable(self._access, error) from error


def _pair(access: Access) -> tuple[bytes, bytes]:
    return access.certificate, access.key


def _tls(access: Access) -> ssl.SSLContext:
    """The certificates that the server is held against, and those that it is shown."""
    try:
        if access.insecure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        else:
            context = ssl.create_default_context(cadata=access.authority.decode() if access.authority else None)
        if access.certificate:
            _present(context, access.certificate, access.key)
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(access, error) from error
    return context


def _unusable(access: Access, error: Exception) -> BadInput:
    return BadInput(f"The certificates of the context `{access.context}` cannot be used: {error}.")


def _present(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    import tempfile  # it loads every kind of archive

    with tempfile.NamedTemporaryFile(prefix="dualstack-") as file:  # ssl reads them from files alone; mode 600
        file.write(certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(file.name)


def _credential(plugin: Plugin, access: Access) -> Mapping[str, str]:
    """What a plugin says (ExecCredential.status). Raises BadInput."""
    import subprocess

    environ = {**os.environ, **plugin.environ, "KUBERNETES_EXEC_INFO": informed(plugin, access)}
    argv = (plugin.command, *plugin.words)
    try:
        done = subprocess.run(
            argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PLUGIN_SECONDS
        )
    except OSError as error:
        hint = plugin.hint or "Install it, or choose another context with `--context`."
        said = f"The kubeconfig asks for the command `{plugin.command}`: {error.strerror}. {hint}"
        raise BadInput(said) from error
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"`{plugin.command}` gave no credentials within {_PLUGIN_SECONDS} seconds.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise BadInput(f"`{plugin.command}` gave no credentials, it ended with {done.returncode}: {said or 'no word'}")
    try:
        status = msgspec.json.decode(done.stdout)["status"]
        return {k: v for k, v in status.items() if isinstance(v, str)}
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError) as error:
        raise BadInput(f"`{plugin.command}` did not answer with an ExecCredential.") from error
