"""What is asked of the objects of a cluster and what comes back, whoever holds them."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from dualstack.gather.errors import BadInput
from dualstack.model.world import part

T = TypeVar("T")

PAGE = 500
"""Objects in one answer, as kubectl asks for."""


NOT_STORED = "is not among what was stored"
"""Why nothing is said of an object that a snapshot or a folder may lack."""


class Kind(NamedTuple, Generic[T]):
    """A kind of object: its API group and version, its name in a URL and in an object, its fields that matter here."""

    group: str
    version: str
    plural: str
    kind: str
    type: type[T]
    namespaced: bool = True

    @property
    def path(self) -> str:
        """Where the API server has it."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    @property
    def api_version(self) -> str:
        """The group and the version as an object has them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def called(self) -> str:
        """The resource as a rule of RBAC names it: `endpointslices.discovery.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def place(self, namespace: str) -> str:
        """The path of its objects, in a namespace or, without one, in all."""
        where = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{self.path}{where}/{self.plural}"

    def whole(self, item: dict[str, Any]) -> dict[str, Any]:
        """An object as it stands alone: a list says once of what kind it is."""
        return {"apiVersion": self.api_version, "kind": self.kind, **slim(item)}


def slim(item: dict[str, Any]) -> dict[str, Any]:
    """An object without the list of who wrote which field; of a ConfigMap it stays known when its keys were written."""
    about = item.get("metadata")
    if isinstance(about, dict) and "managedFields" in about:
        written = ((x.get("time"), part(x, "fieldsV1")) for x in parts(about, "managedFields"))
        times = [{"time": at, "fieldsV1": {"f:data": x["f:data"]}} for at, x in written if "f:data" in x]
        del about["managedFields"]
        if times:
            about["managedFields"] = times
    return item


def parts(item: object, *keys: str) -> list[Mapping[str, Any]]:
    """The same for a list of such."""
    found = part(item, *keys[:-1]).get(keys[-1])
    return [x for x in found if isinstance(x, Mapping)] if isinstance(found, list) else []


def text(item: object, *keys: str) -> str:
    """The same for a text, which is empty where there is none."""
    found = part(item, *keys[:-1]).get(keys[-1])
    return found if isinstance(found, str) else ""


def texts(item: object, *keys: str) -> dict[str, str]:
    """The same for labels and what selects them."""
    return {k: v for k, v in part(item, *keys).items() if isinstance(v, str)}


def key(item: object) -> tuple[str, str]:
    """The namespace and the name of an object."""
    return text(item, "metadata", "namespace"), text(item, "metadata", "name")


class Listed(NamedTuple, Generic[T]):
    """Objects, how many more there are, and why some could not be read."""

    items: tuple[T, ...]
    more: int = 0
    odd: tuple[str, ...] = ()


class Refused(Exception):
    """The API server said no: `status` is that of HTTP, and the text what it says.

    `token` is where a list that took too long can go on.
    """

    def __init__(self, status: int, why: str, token: str = "") -> None:
        """Begin with what the server says."""
        super().__init__(why)
        self.status, self.why, self.token = status, why, token


class Unreachable(BadInput):
    """There is no API server to ask, or it does not know who asks."""
