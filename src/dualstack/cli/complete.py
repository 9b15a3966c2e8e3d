"""What a shell completes: namespaces, contexts, and objects of a cluster by kind and name.

Turned on by `eval "$(_DUALSTACK_COMPLETE=bash_source dualstack)"`, or zsh_source or fish_source. A cluster that does
not answer at once completes nothing, and nothing is ever said of it.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_KINDS = ("svc/", "deploy/", "ds/", "sts/", "job/", "cronjob/", "pod/", "collector/")
_SECONDS = 2.0


def target(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG001 -- click's signature
    """`svc/`, then the names of that kind."""
    kind, slash, _ = incomplete.partition("/")
    if not slash:
        return _items(_KINDS, incomplete)
    return _items((f"{kind}/{x}" for x in _names(ctx, kind)), incomplete)


def namespace(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG001 -- click's signature
    """The namespaces of the cluster."""
    return _items(_names(ctx, ""), incomplete)


def context(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG001 -- click's signature
    """The contexts of the kubeconfig."""
    from dualstack.gather.errors import BadInput
    from dualstack.gather.kubeconfig import contexts

    try:
        return _items(contexts(ctx.params.get("kubeconfig") or "", os.environ), incomplete)
    except BadInput:
        return []


def _items(words: Iterable[str], incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    return [CompletionItem(x) for x in words if x.startswith(incomplete)]


def _names(ctx: click.Context, kind: str) -> Iterable[str]:
    """The names of the objects of a kind, or of the namespaces; none where anything is in the way."""
    from dualstack.gather import kinds
    from dualstack.gather.kube_api import Api
    from dualstack.gather.kubeconfig import access
    from dualstack.model.target import kind_of

    wanted = kinds.BY_TARGET.get(kind_of(kind)) if kind else kinds.NAMESPACES
    given = {x: ctx.params.get(x) or "" for x in ("kubeconfig", "context", "namespace")}
    try:
        found = access(given["kubeconfig"], given["context"], os.environ)
        with Api(found, _SECONDS) as api, api.within(_SECONDS):
            return api.names(wanted, given["namespace"] or found.namespace) if wanted else ()
    except Exception:  # noqa: BLE001 -- whatever it is, the user is in the middle of a word
        return ()
