"""A kubeconfig is read as kubectl reads it, and what is wrong in it is said with the way out."""

import base64
import os
from pathlib import Path

import pytest

from dualstack.gather.errors import BadInput
from dualstack.gather.kubeconfig import Plugin, access, contexts, informed

BASE = """
apiVersion: v1
kind: Config
current-context: prod
clusters:
  - {name: prod, cluster: {server: "https://[fd00::1]:6443/", tls-server-name: kubernetes, proxy-url: "http://p:3128"}}
  - {name: empty, cluster: {}}
contexts:
  - {name: prod, context: {cluster: prod, user: me, namespace: shop}}
  - {name: nobody, context: {cluster: prod, user: gone}}
  - {name: nowhere, context: {cluster: gone}}
  - {name: unset, context: {cluster: empty}}
  - {name: anonymous, context: {cluster: prod}}
users:
  - {name: me, user: {token: abc, as: jane, as-groups: [dev, ops], as-uid: "7"}}
"""


def written(folder: Path, text: str, name: str = "config") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_the_current_context_says_how(tmp_path: Path) -> None:
    found = access(written(tmp_path, BASE), "", {})

    assert (found.server, found.context, found.namespace) == ("https://[fd00::1]:6443", "prod", "shop")
    assert (found.token, found.server_name, found.proxy) == ("abc", "kubernetes", "http://p:3128")
    assert found.acting_as == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
    )


def test_of_several_files_the_first_one_counts(tmp_path: Path) -> None:
    first = written(tmp_path, "current-context: prod\nusers: [{name: me, user: {token: first}}]\n", "first")
    listed = os.pathsep.join([first, str(tmp_path / "absent"), written(tmp_path, BASE)])

    found = access("", "", {"KUBECONFIG": listed})

    assert (found.server, found.token) == ("https://[fd00::1]:6443", "first")
    assert contexts("", {"KUBECONFIG": listed})[0] == "prod"


def test_paths_are_meant_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"authority")
    data = base64.b64encode(b"inline").decode()
    text = f"""
current-context: a
clusters: [{{name: a, cluster: {{server: "https://a", certificate-authority: ca.pem}}}}]
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
users: [{{name: a, user: {{client-certificate-data: {data}, client-key-data: {data}, tokenFile: token}}}}]
"""
    found = access(written(tmp_path, text), "", {})

    assert (found.authority, found.certificate, found.key) == (b"authority", b"inline", b"inline")
    assert found.token_file == str(tmp_path / "token")


def test_a_plugin_is_a_command_with_its_variables(tmp_path: Path) -> None:
    text = BASE.replace(
        "{token: abc, as: jane",
        "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: bin/login, args: [-x],"
        " env: [{name: A, value: b}], provideClusterInfo: true, installHint: Install it.}, as: jane",
    )
    found = access(written(tmp_path, text), "", {})

    assert found.plugin == Plugin(
        str(tmp_path / "bin/login"), ("-x",), {"A": "b"}, "client.authentication.k8s.io/v1beta1", True, "Install it."
    )
    assert '"server": "https://[fd00::1]:6443"' in informed(found.plugin, found)
    assert "cluster" not in informed(Plugin("x"), found)


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("gone", "`gone` is no context of .*There are: `prod`, `nobody`"),
        ("nobody", "names the user `gone`, which is not there"),
        ("nowhere", "names no cluster with a server"),
        ("unset", "names no cluster with a server"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, context: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        access(written(tmp_path, BASE), context, {})


def test_a_context_without_a_user_is_anonymous(tmp_path: Path) -> None:
    found = access(written(tmp_path, BASE), "anonymous", {})

    assert (found.token, found.plugin, found.login) == ("", None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no kubeconfig"),
        ("- a", "is no kubeconfig"),
        ("a: [", "is not YAML"),
        ("clusters: []", "has no `current-context`"),
        (BASE.replace("token: abc", "auth-provider: {name: gcp}"), "taken out of Kubernetes"),
        (BASE.replace("token: abc", "client-key-data: '%%'"), "is not base64"),
        (BASE.replace("token: abc", "client-key: absent.pem"), "absent.pem. cannot be read: No such file"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        access(written(tmp_path, text), "", {})


def test_no_kubeconfig_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(BadInput, match=r"There is no kubeconfig: KUBECONFIG is not set"):
        access("", "", {})
    with pytest.raises(BadInput, match=r"KUBECONFIG names /absent"):
        access("", "", {"KUBECONFIG": "/absent"})
    with pytest.raises(BadInput, match=r"/absent: cannot be read"):
        access("/absent", "", {})
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(BadInput, match="is no text"):
        access(str(tmp_path / "binary"), "", {})
    with pytest.raises(BadInput, match="The service account of this pod cannot be read"):
        access("", "", {"KUBERNETES_SERVICE_HOST": "fd00::1"})
