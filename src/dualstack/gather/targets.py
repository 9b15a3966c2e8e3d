"""The pods of an object that was named: those that it made, or itself."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dualstack.gather import kinds
from dualstack.gather.kube_objects import parts, text, texts
from dualstack.model.target import KubeTarget
from dualstack.model.world import Object, part

if TYPE_CHECKING:
    from dualstack.gather.cluster import Asker

_FORMS = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}", "DoesNotExist": "!{key}"}
_NOT_BY_LABELS = ("pod", "cronjob", "collector")
_LABEL = 63  # characters of a label's value


def pods_of(ask: "Asker", target: KubeTarget, found: Object | None) -> list[Object]:
    """The pods that a workload or a Collector of the Operator made, or the one that was named."""
    if target.kind == "pod":
        return [found] if found else []
    if target.kind == "cronjob":
        jobs = [ask.one(kinds.WORKLOADS["Job"], text(x, "name")) for x in parts(found, "status", "active")]
        return [y for x in jobs for y in _selected(ask, x)]
    if target.kind == "collector":
        instance = f"{ask.namespace}.{target.name}"[:_LABEL]
        made = {"app.kubernetes.io/managed-by": "opentelemetry-operator", "app.kubernetes.io/instance": instance}
        return ask.some(kinds.PODS, ask.namespace, made) if found else []
    return _selected(ask, found)


def selected_by(target: KubeTarget, found: Object | None) -> str:
    """How a workload that was named selects its pods, as the API server takes it in a URL; empty where it does not."""
    return "" if target.kind in _NOT_BY_LABELS else _selector(part(found, "spec", "selector"))


def _selected(ask: "Asker", workload: Object | None) -> list[Object]:
    selector = _selector(part(workload, "spec", "selector"))
    return ask.some(kinds.PODS, ask.namespace, selector) if selector else []


def _selector(said: Mapping[str, Any]) -> str:
    """A LabelSelector as the API server takes it in a URL (apimachinery, labels.Selector)."""
    terms = [f"{k}={v}" for k, v in texts(said, "matchLabels").items()]
    for each in parts(said, "matchExpressions"):
        form, values = _FORMS.get(text(each, "operator"), ""), each.get("values")
        named = [x for x in values if isinstance(x, str)] if isinstance(values, list) else []
        terms.append(form.format(key=text(each, "key"), values=",".join(named)))
    return ",".join(filter(None, terms))
