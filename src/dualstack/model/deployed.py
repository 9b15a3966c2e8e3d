"""What runs with which configuration and what sends where, as the files together say it."""

import msgspec

from dualstack.model.kube import Container, Service, Workload
from dualstack.model.otel import Declared, Destination


class Deployed(msgspec.Struct, frozen=True):
    """A configuration and who reads it; nobody where the files do not say. `services` lead to the pods."""

    config: Declared
    workload: Workload | None = None
    container: Container | None = None
    services: tuple[Service, ...] = ()


class Deployments(msgspec.Struct, frozen=True):
    """Every configuration, once for each container that reads it.

    `foreign` are those of other agents than the Collector: their endpoints alone.
    """

    items: tuple[Deployed, ...] = ()
    foreign: tuple[Deployed, ...] = ()


class Sender(msgspec.Struct, frozen=True):
    """A destination and who sends there: a container, or a configuration that nobody in the files reads."""

    destination: Destination
    workload: Workload | None = None
    container: Container | None = None
    service: Service | None = None


class Senders(msgspec.Struct, frozen=True):
    """Every destination. `service` of each is the Service in the files that its name stands for."""

    items: tuple[Sender, ...] = ()
