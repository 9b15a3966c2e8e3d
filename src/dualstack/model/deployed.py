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

    `foreign` are those of other agents than the Collector: where they listen, and where they send OTLP.
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


class Lag(msgspec.Struct, frozen=True):
    """A ConfigMap that running pods read, and that is not what the Operator would write of its resource now.

    `resource` is the OpenTelemetryCollector, of the same namespace. `unmanaged` says that the Operator leaves what it
    made to others. `template` is the workload of the pods, such as `Deployment gw-collector`, where that has another
    ConfigMap by now.
    """

    namespace: str
    config_map: str
    resource: str
    unmanaged: bool = False
    template: str = ""


class Lags(msgspec.Struct, frozen=True):
    """Every such ConfigMap."""

    items: tuple[Lag, ...] = ()

    def of(self, namespace: str, config_map: str) -> Lag | None:
        """What is said of a ConfigMap; None where it is what the Operator would write, or nobody knows."""
        return next((x for x in self.items if (x.namespace, x.config_map) == (namespace, config_map)), None)
