"""A look around inside a pod by an ephemeral container, whose answer comes back on its log.

The container runs as nobody and without capabilities, so that it is admitted at the pod security level `restricted`;
it ends by itself. Kubernetes keeps an ephemeral container in the pod's specification until the pod goes.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from dualstack.gather.errors import BadFile
from dualstack.gather.facts import decoded
from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import Refused
from dualstack.model.probe import Options
from dualstack.model.snapshot import Snapshot
from dualstack.reach.rights import refused, rights, said_of

IMAGE = "ghcr.io/dualstack/dualstack:latest"
_POLL = 0.3
_NOBODY = 65532
_DENIED = 403
_UNPULLED = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
FATAL = (*_UNPULLED, "CreateContainerError", "CreateContainerConfigError", "RunContainerError")

SECURITY: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": _NOBODY,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the level `restricted` asks for (Kubernetes documentation, Pod Security Standards)."""


_SECURE = ("https:", "grpcs:")


class NoAnswer(Exception):
    """A container that did not start or did not answer; the text says why."""


def why(error: Exception, feature: str) -> str:
    """Why a container saw nothing: the right that was lacking for a feature, or what was said."""
    denied = isinstance(error, Refused) and error.status == _DENIED
    return refused(said_of(str(error), rights([feature])[0]), feature) if denied else str(error)


def words(targets: Sequence[str], options: Options) -> list[str]:
    """The command of an inspector: the evidence of the place that it runs in, as one line on its output.

    With headers and without targets it makes no export. Files of this machine, such as certificates, are not there.
    """
    lenient = ["--insecure"] if any(x.startswith(_SECURE) for x in targets) else []  # nobody knows whom clients trust
    headers = [f"--header={k}={v}" for k, v in options.headers] if targets else ["--no-probe"][: len(options.headers)]
    timeout = f"--timeout={options.seconds:g}"
    return ["dualstack", "gather", "--quiet", "--output=-", timeout, *lenient, *headers, *targets]


def inspect(api: Api, namespace: str, pod: str, image: str, targets: Sequence[str], options: Options) -> Snapshot:
    """What a container inside a pod sees, and what its exports to the targets became.

    Raises Refused where the user may not, NoAnswer where the container does not, and Unreachable.
    """
    name = f"dualstack-{int(time.time())}"
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": words(targets, options),
        "securityContext": SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
    api.patch(f"{path}/ephemeralcontainers", {"spec": {"ephemeralContainers": [container]}})
    _wait(api, path, name, 60 + 4 * options.seconds)
    raw = api.text(f"{path}/log", {"container": name})
    try:
        return decoded(f"the log of {name} in {pod}", raw)
    except BadFile as error:
        said = raw.decode(errors="replace").strip()[-300:]
        raise NoAnswer(f"{error.sentence} It said: {said}") from error


def held_up(waiting: Mapping[str, Any]) -> str:
    """What keeps a container from running, by its state (ContainerStateWaiting); empty where nothing is said."""
    said = str(waiting.get("message") or waiting.get("reason") or "")
    return f"name an image that can be pulled, with `--image`; {said}" if waiting.get("reason") in _UNPULLED else said


def _wait(api: Api, path: str, name: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    said = "it was never started"
    while time.monotonic() < until:
        status = api.json(path).get("status") or {}
        mine = (x for x in status.get("ephemeralContainerStatuses") or () if x.get("name") == name)
        state = next((x.get("state") or {} for x in mine), {})
        if state.get("terminated"):
            return
        waiting = state.get("waiting") or {}
        said = held_up(waiting) or said
        if waiting.get("reason") in FATAL:
            break
        time.sleep(_POLL)
    raise NoAnswer(f"the ephemeral container did not run: {said}")
