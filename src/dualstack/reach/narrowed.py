"""Receivers that listen on one of the two addresses that a pod may have."""

from dualstack.model.kube import Container, Service, Variable
from dualstack.reach.landscape import Landscape
from dualstack.reach.ports import otlp
from dualstack.reach.settings import variable_of
from dualstack.reach.stacks import same
from dualstack.reach.unknowns import FIRST_ADDRESS, REFERENCE


def first_address(text: str, container: Container | None) -> Variable | None:
    """The variable in a text that is the first address of a pod or a node; None where there is none."""
    found = (variable_of(x, container) for x in REFERENCE.findall(text))
    return next((x for x in found if x and x.field in FIRST_ADDRESS), None)


def narrowed(service: Service, land: Landscape) -> str:
    """The endpoint of a receiver of OTLP behind a Service that is bound to such an address; empty where none is."""
    read = (x for x in land.leading.get(service.meta.name, ()) if any(same(service, y) for y in x.services))
    bound = (x.text for item in read for x in otlp(item.config) if first_address(x.effective, item.container))
    return next(bound, "")
