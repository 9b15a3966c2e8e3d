"""The families of Services, as the API server grants them to what the files say.

Source: kubernetes pkg/registry/core/service/storage/alloc.go, initIPFamilyFields; 244 measured operations.
"""

from collections.abc import Iterable, Iterator

from dualstack.model.address import BOTH, OTLP_PORTS, Family, family, is_address
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Edit
from dualstack.model.kube import Service, Services, Workloads
from dualstack.model.question import Question
from dualstack.model.review import Former
from dualstack.model.source import Location, Written
from dualstack.reach.edits import added, replaced
from dualstack.reach.operator import OPERATED
from dualstack.reach.wiring import same_namespace

PREFER, REQUIRE, SINGLE = "PreferDualStack", "RequireDualStack", "SingleStack"
DUAL = (PREFER, REQUIRE)

_FAMILIES = {x.title: x for x in BOTH}


def judged(services: Services, workloads: Workloads) -> Iterator[Service]:
    """The Services that the API server will be asked for: those of the files, and the Operator's by its resources."""
    yield from (x for x in services.items if x.type != "ExternalName")
    yield from (y for x in workloads.items if x.meta.kind == OPERATED for y in x.made[:1])


def loose(service: Service) -> bool:
    """Whether it is headless without a selector: then any families are granted."""
    return service.headless and not service.selector


def policy(service: Service) -> str:
    """Its ipFamilyPolicy, or what stands for none."""
    return service.policy.text if service.policy else REQUIRE if loose(service) else SINGLE


def listed(service: Service) -> tuple[Family, ...]:
    """The families that the file names."""
    return tuple(_FAMILIES[x.text] for x in service.families if x.text in _FAMILIES)


def addresses(service: Service) -> tuple[Written, ...]:
    """The cluster addresses that the file names."""
    return tuple(x for x in service.cluster_ips if is_address(x.text))


def primary(service: Service, question: Question) -> tuple[Family, ...]:
    """The family of its first address; empty where neither the file nor the user says."""
    return (listed(service) or tuple(family(x.text) for x in addresses(service)) or question.cluster)[:1]


def granted(service: Service, question: Question) -> tuple[Family, ...]:
    """The families that it gets; empty where the files and the user do not say."""
    named, first = listed(service), primary(service, question)
    if policy(service) == SINGLE:
        return first
    if len(named) > 1:
        return named
    if policy(service) == PREFER and len(question.cluster) < len(BOTH):
        return question.cluster
    return tuple(dict.fromkeys((*first, *BOTH)))


def both_matter(question: Question) -> bool:
    """Whether the user has said that clients use both families."""
    possible = len(question.cluster) != 1
    return len(question.cluster) == len(BOTH) or (possible and len(question.expect) == len(BOTH))


def is_otlp(*words: str) -> bool:
    """Whether names and numbers of a port speak of OTLP."""
    return any("otlp" in x.lower() or x in map(str, OTLP_PORTS) for x in words)


def same(one: Service, other: Service) -> bool:
    """Whether two are one Service: by name and namespace."""
    return one.meta.name == other.meta.name and same_namespace(one.meta.namespace, other.meta.namespace)


def before(service: Service, former: Former | None) -> Service | None:
    """The Service as it was before the change under review; None where that is not known, or it had no address."""
    known = former.services if former and service.type != "ExternalName" else ()
    return next((x for x in known if _same_place(x, service) and x.type != "ExternalName"), None)


def _same_place(one: Service, other: Service) -> bool:
    return (one.meta.name, one.meta.namespace) == (other.meta.name, other.meta.namespace)


def policed(service: Service, among: Iterable[Service]) -> bool:
    """Whether another document of the same name, such as a patch of kustomize, gives it a policy."""
    return any(x is not service and x.policy and same(x, service) for x in among)


def with_policy(service: Service, text: str) -> tuple[Edit, ...]:
    """The edit that gives a Service a policy; the Operator would take back what is written into one of its own."""
    if by_resource(service):
        return ()
    return replaced(service.policy, text) if service.policy else added(service.room, ipFamilyPolicy=text)


def by_resource(service: Service, part: str = "spec") -> str:
    """Where the fields are written of a Service that the Operator makes, as the end of a sentence."""
    return next((f" in `{part}` of {x} {y}" for x, y in service.meta.owners if x == OPERATED), "")


def place(service: Service) -> Location:
    """Where its policy stands, or else its families, or where either would."""
    held = service.policy or service.listed
    return held.at if held else service.families_at or service.spec


def evidence(service: Service) -> tuple[Evidence, ...]:
    """What the file says of its families."""
    said = f"[{', '.join(x.text for x in service.families)}]" if service.families else "not set"
    facts = (f"ipFamilyPolicy: {service.policy.text if service.policy else 'not set'}", f"ipFamilies: {said}")
    return tuple(Evidence(x, service.meta.called, Layer.DECLARED) for x in facts)


def titles(families: Iterable[Family]) -> str:
    """`IPv4 and IPv6`."""
    return " and ".join(x.title for x in families)
