"""Which families a listener of a configuration takes, as far as the files tell."""

from collections.abc import Iterator, Sequence

from dualstack.model.address import BOTH, Family, family, is_address
from dualstack.model.deployed import Deployed
from dualstack.model.kube import Service
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.patterns import pattern
from dualstack.model.question import CLUSTER, Question
from dualstack.model.sockets import Runtime
from dualstack.reach import bind
from dualstack.reach.callers import host_of, is_literal, serves, services
from dualstack.reach.edits import widened
from dualstack.reach.families import has_both
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.settings import variable_of
from dualstack.reach.stacks import granted
from dualstack.reach.start import port
from dualstack.reach.unknowns import families, wanted

_VARIABLE_HOST = pattern(r"\[?(?P<reference>\$\{[^{}]*\})\]?:[^:]*")


def taken(endpoint: DeclaredEndpoint, question: Question) -> frozenset[Family]:
    """The families that a listener may take; none where it cannot be bound, or nobody can tell.

    Of the addresses of `localhost` Go takes one, and IPv4 first (Go src/net/ipsock.go).
    """
    if host_of(endpoint) == LOCALHOST:
        return frozenset({Family.IPV6 if endpoint.network.endswith("6") else Family.IPV4})
    request = bind.BindRequest(endpoint.effective, endpoint.network, endpoint.call, endpoint.runtime)
    sockets = (y for x in bind.possible(request, question.cluster) for y in x.sockets)
    return frozenset(z for x in sockets for z in bind.families(x) or ())


def pinned(endpoint: DeclaredEndpoint, question: Question) -> Family | None:
    """The one family that the transport leaves of a wildcard; None for any other listener."""
    if not endpoint.network.endswith(("4", "6")) or endpoint.problem or is_address(_bare(endpoint)):
        return None
    found = taken(endpoint, question)
    return next(iter(found)) if len(found) == 1 and host_of(endpoint) != LOCALHOST else None


def _bare(endpoint: DeclaredEndpoint) -> str:
    """The host of a listener where it is one address; empty for a wildcard."""
    host = host_of(endpoint)
    return host if is_literal(endpoint) or host.startswith("127.") or host == "::1" else ""


def single(item: Deployed, endpoint: DeclaredEndpoint, question: Question) -> tuple[Family, ...]:
    """The families that the one address of a listener can have; none where it is a wildcard or on the loopback.

    A variable that a pod of a cluster does not give its container is empty, so this is a wildcard, or the image has it.
    """
    found, given = _VARIABLE_HOST.fullmatch(endpoint.effective), item.container
    whole = given and not given.sources and not given.given and question.place == CLUSTER
    if found and whole and variable_of(found["reference"], given) is None:
        return ()
    if found:
        return families(found["reference"], given, question)
    return (family(host_of(endpoint)),) if is_literal(endpoint) else ()


def beside(item: Deployed, endpoint: DeclaredEndpoint, question: Question) -> frozenset[Family]:
    """The families that other listeners of the same configuration take on the same port."""
    others = (x for x in item.config.endpoints if x is not endpoint and x.transport is endpoint.transport)
    same = [x for x in others if port(x) == port(endpoint)]
    return frozenset(y for x in same for y in taken(x, question) or single(item, x, question))


def missing(has: tuple[Family, ...]) -> tuple[Family, ...]:
    """The families that a listener leaves out which has one of these; both where either is possible."""
    return (has[0].other,) if len(has) == 1 else BOTH


def wide(endpoint: DeclaredEndpoint) -> str:
    """What to write in the place of a listener's address, so that it takes both families; empty where nobody can tell.

    What is not Go takes IPv4 as well there while `net.ipv6.bindv6only` is 0. Where the port stands apart from the
    address, as in Fluent Bit, that stays so.
    """
    if endpoint.runtime == Runtime.GO:
        return widened(endpoint.text)
    return f"[::]:{port(endpoint)}" if endpoint.value == endpoint.text else "::"


def led(item: Deployed, endpoint: DeclaredEndpoint, question: Question) -> Iterator[tuple[str, bool | None]]:
    """Who leads clients there over a family that the one address of a listener has not, and whether for certain.

    A Service connects to the addresses of pods that have its families, whatever other families there are.
    """
    has, behind = single(item, endpoint, question), [x for x, _ in services(item, endpoint)]
    found = {_over(x, has, question): x.meta.called for x in behind}
    sure = next((x for x in found if x), None)
    if sure:
        yield f"{found[sure]} leads clients {sure} there", True
    elif None in found:
        unsure = "where the cluster has both; `--cluster-families` says so"
        yield f"{found[None]} leads clients of both families there {unsure}", None
    elif set(_expected(behind, question)) == set(BOTH) and serves(endpoint):
        yield "Clients of both families are expected", None


def _over(service: Service, has: tuple[Family, ...], question: Question) -> str | None:
    """Over what a Service leads clients to a listener that refuses some of it; empty for nothing, None if unsure."""
    both = has_both(service, question)
    if both or both is None:
        return "of both families" if both else None
    others = [x for x in granted(service, question) if len(has) == 1 and x not in has]
    return f"over {others[0].title}" if others else ""


def _expected(behind: Sequence[Service], question: Question) -> tuple[Family, ...]:
    """The families that clients use by the user's word; those of a cluster say nothing of who comes by a Service.

    Nor do they where they are what was seen of a cluster.
    """
    told = question.place == CLUSTER or (behind and all(granted(x, question) for x in behind))
    return question.expect if told else wanted(question)
