"""How an API server is reached: the kubeconfig files that kubectl reads, or the account of the pod that this runs in.

Precedence and merging are kubectl's (k8s.io/client-go/tools/clientcmd): `--kubeconfig`, else the files of `KUBECONFIG`,
else `~/.kube/config`, else the service account; of entries with one name the first file's counts.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from dualstack.gather.errors import BadFile, BadInput
from dualstack.gather.regular import read
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, compose, items, scalar, text_at, value
from dualstack.model.question import Client
from dualstack.model.target import BadTarget, parse_target
from dualstack.reach.proxy import diverted, proxies, variable

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_DEFAULT = "~/.kube/config"
_WAY_OUT = "Name one with `--kubeconfig FILE`, or set KUBECONFIG."


class Plugin(msgspec.Struct, frozen=True):
    """A command that gives credentials (client.authentication.k8s.io); `hint` is how it is installed."""

    command: str
    words: tuple[str, ...] = ()
    environ: Mapping[str, str] = {}
    version: str = "client.authentication.k8s.io/v1"
    informed: bool = False
    hint: str = ""


class Access(msgspec.Struct, frozen=True):
    """How one API server is reached, and as whom.

    `authority`, `certificate` and `key` are in PEM. `token_file` and `certificate_files` (the certificate and the key)
    are read again when the server refuses what they held.
    """

    server: str
    context: str = ""
    namespace: str = "default"
    authority: bytes = b""
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""
    certificate: bytes = b""
    key: bytes = b""
    certificate_files: tuple[str, str] = ("", "")
    token: str = ""
    token_file: str = ""
    plugin: Plugin | None = None
    login: tuple[str, str] | None = None
    acting_as: tuple[tuple[str, str], ...] = ()


class _Entry(NamedTuple):
    """An entry of a list in a kubeconfig, and the file that has it."""

    body: Node
    file: str

    def said(self, *path: str) -> str:
        return text_at(self.body, *path)

    def near(self, path: str) -> str:
        """A path of the file, which is meant from its folder."""
        return os.path.join(os.path.dirname(self.file), path) if path else ""


def access(named: str, context: str, environ: Mapping[str, str]) -> Access:
    """How the API server of a context is reached, the current one where none is named. Raises BadInput."""
    files = _files(named, environ)
    if not files:
        return _account(environ)
    roots = [(_root(x), x) for x in files]  # once: what the shell calls /dev/fd/63 can be read no second time
    wanted = context or next(filter(None, (text_at(x, "current-context") for x, _ in roots)), "")
    if not wanted:
        raise BadInput(f"{files[0]}: has no `current-context`. Name one with `--context NAME`.")
    said = _entry(roots, "contexts", "context", wanted)
    if said is None:
        known = ", ".join(f"`{x}`" for x in _contexts(x for x, _ in roots)[:10]) or "none"
        raise BadInput(f"`{wanted}` is no context of {' or '.join(files)}. There are: {known}.")
    cluster = _entry(roots, "clusters", "cluster", said.said("cluster"))
    if cluster is None or not cluster.said("server"):
        raise BadInput(f"{said.file}: the context `{wanted}` names no cluster with a server.")
    user = _entry(roots, "users", "user", said.said("user"))
    if user is None and said.said("user"):
        raise BadInput(f"{said.file}: the context `{wanted}` names the user `{said.said('user')}`, which is not there.")
    found = Access(
        cluster.said("server").rstrip("/"),
        wanted,
        said.said("namespace") or "default",
        _pem(cluster, "certificate-authority"),
        cluster.said("insecure-skip-tls-verify").lower() == "true",
        cluster.said("tls-server-name"),
        cluster.said("proxy-url") or _proxy(cluster.said("server"), environ),
    )
    return _as(user, found) if user else found


def contexts(named: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of all contexts. Raises BadInput."""
    return _contexts(_root(x) for x in _files(named, environ))


def _contexts(roots: Iterable[Node]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text_at(x, "name") for root in roots for x in items(value(root, "contexts"))))


def _files(named: str, environ: Mapping[str, str]) -> list[str]:
    if named:
        return [named]
    listed = [x for x in environ.get("KUBECONFIG", "").split(os.pathsep) if x]
    home = os.path.expanduser(_DEFAULT)
    there = [x for x in listed or [home] if os.path.exists(x)]
    if listed and not there:
        raise BadInput(f"KUBECONFIG names {' and '.join(listed)}, which is not there. {_WAY_OUT}")
    if not there and "KUBERNETES_SERVICE_HOST" not in environ:
        raise BadInput(f"There is no kubeconfig: KUBECONFIG is not set, and {home} is not there. {_WAY_OUT}")
    return there


def _root(path: str) -> Node:
    try:
        text = read(path, pipe=True).decode()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}. {_WAY_OUT}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is no text. {_WAY_OUT}") from error
    root = compose(Origin(path, text))
    if not isinstance(root, MappingNode):
        raise BadFile(path, f"is no kubeconfig. {_WAY_OUT}")
    return root


def _entry(roots: list[tuple[Node, str]], section: str, key: str, name: str) -> _Entry | None:
    for root, file in roots:
        for item in items(value(root, section)):
            body = value(item, key)
            if text_at(item, "name") == name and body is not None:
                return _Entry(body, file)
    return None


def _pem(entry: _Entry, field: str) -> bytes:
    """What `field` names, or `field-data` holds; the data counts where both are there (client-go)."""
    data, path = entry.said(f"{field}-data"), entry.near(entry.said(field))
    try:
        return base64.b64decode(data, validate=True) if data else read(path) if path else b""
    except binascii.Error as error:
        raise BadInput(f"{entry.file}: `{field}-data` is not base64.") from error
    except OSError as error:
        raise BadInput(f"{entry.file}: `{field}: {path}` cannot be read: {error.strerror}.") from error


def _path(entry: _Entry, field: str) -> str:
    return "" if entry.said(f"{field}-data") else entry.near(entry.said(field))


def _as(user: _Entry, found: Access) -> Access:
    token_file = user.near(user.said("tokenFile"))
    login = (user.said("username"), user.said("password"))
    if value(user.body, "auth-provider") is not None:
        raise BadInput(f"{user.file}: `auth-provider` was taken out of Kubernetes 1.26. Use an `exec` plugin.")
    return msgspec.structs.replace(
        found,
        certificate=_pem(user, "client-certificate"),
        key=_pem(user, "client-key"),
        certificate_files=(_path(user, "client-certificate"), _path(user, "client-key")),
        token=user.said("token"),
        token_file=token_file,
        plugin=_plugin(user),
        login=login if any(login) else None,
        acting_as=tuple(_acting_as(user)),
    )


def _acting_as(user: _Entry) -> Iterator[tuple[str, str]]:
    """The headers of impersonation (Kubernetes documentation, Authenticating, User impersonation)."""
    if user.said("as"):
        yield "Impersonate-User", user.said("as")
    if user.said("as-uid"):
        yield "Impersonate-Uid", user.said("as-uid")
    yield from (("Impersonate-Group", scalar(x)) for x in items(value(user.body, "as-groups")))


def _plugin(user: _Entry) -> Plugin | None:
    said = value(user.body, "exec")
    if said is None:
        return None
    command = text_at(said, "command")
    return Plugin(
        user.near(command) if "/" in command else command,
        tuple(map(scalar, items(value(said, "args")))),
        {text_at(x, "name"): text_at(x, "value") for x in items(value(said, "env"))},
        text_at(said, "apiVersion") or "client.authentication.k8s.io/v1",
        text_at(said, "provideClusterInfo").lower() == "true",
        text_at(said, "installHint"),
    )


def _proxy(server: str, environ: Mapping[str, str]) -> str:
    """The proxy that the environment names for a server, as kubectl heeds it; empty for none."""
    try:
        (place,) = parse_target(server.partition("?")[0])
    except (BadTarget, ValueError):
        return ""
    said = proxies(environ)
    found = diverted(place, said, Client("go"))
    return environ.get(variable(place, said, found), "") if found else ""


def _account(environ: Mapping[str, str]) -> Access:
    """The account of the pod that this runs in."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        authority = read(f"{_ACCOUNT}/ca.crt")
        token = read(f"{_ACCOUNT}/token").decode().strip()
        namespace = read(f"{_ACCOUNT}/namespace").decode().strip()
    except OSError as error:
        raise BadInput(f"The service account of this pod cannot be read: {error.strerror}. {_WAY_OUT}") from error
    shown = f"[{host}]" if ":" in host else host
    server = f"https://{shown}:{port}"
    return Access(
        server, "in-cluster", namespace, authority, proxy=_proxy(server, environ), token=token,
        token_file=f"{_ACCOUNT}/token",
    )  # fmt: skip


def informed(plugin: Plugin, found: Access) -> str:
    """What a plugin is told of the cluster (KUBERNETES_EXEC_INFO)."""
    cluster = {"server": found.server}
    if found.authority:
        cluster["certificate-authority-data"] = base64.b64encode(found.authority).decode()
    spec: dict[str, object] = {"interactive": False}
    if plugin.informed:
        spec["cluster"] = cluster
    return json.dumps({"kind": "ExecCredential", "apiVersion": plugin.version, "spec": spec})
