"""The workloads and Services of a resource of the Operator and of values of the chart, as their sources make them."""

from dualstack.gather import operated
from dualstack.gather.yaml_tree import Origin, compose, pairs
from dualstack.model.kube import Workload
from dualstack.model.otel import Holder

HOLDER = Holder("values", "", "x.yaml")


def resource(spec: str, metadata: str = "") -> Workload:
    origin = Origin(
        "x.yaml", f"kind: OpenTelemetryCollector\nmetadata: {{name: gw, namespace: obs{metadata}}}\nspec: {spec}\n"
    )
    root = compose(origin)
    assert root is not None
    return operated.resource(root, origin, HOLDER)


def values(text: str) -> Workload:
    origin = Origin("x.yaml", text)
    root = compose(origin)
    assert root is not None
    made = operated.values(root, next(pairs(root))[0], origin, HOLDER)
    assert made is not None
    return made


def test_a_port_of_the_resource_is_that_of_the_container_whatever_its_target() -> None:
    pod = resource("{ports: [{name: otlp, port: 80, targetPort: 4317, hostPort: 8080}]}")

    (port,) = pod.containers[0].ports
    assert (port.number.text, port.host and port.host.text) == ("80", "8080")
    assert [(x.number.text, x.target and x.target.text) for x in pod.made[0].ports] == [("80", "4317")]


def test_every_service_of_a_resource_has_its_families_and_a_sidecar_has_none() -> None:
    pod = resource("{ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6, IPv4]}")

    assert [x.meta.name for x in pod.made] == ["gw-collector", "gw-collector-headless", "gw-collector-monitoring"]
    assert {x.policy and x.policy.text for x in pod.made} == {"RequireDualStack"}
    assert not resource("{mode: sidecar}").made


def test_the_pods_of_a_resource_have_its_labels_and_those_of_the_operator() -> None:
    pod = resource("{}", ", labels: {team: a, app.kubernetes.io/name: mine, app.kubernetes.io/managed-by: me}")

    assert pod.labels == {
        "team": "a",
        "app.kubernetes.io/name": "mine",
        "app.kubernetes.io/component": "opentelemetry-collector",
        "app.kubernetes.io/instance": "obs.gw",
        "app.kubernetes.io/managed-by": "opentelemetry-operator",
        "app.kubernetes.io/part-of": "opentelemetry",
    }


def test_the_ports_of_the_chart_are_host_ports_of_a_daemonset_but_for_the_metrics() -> None:
    pod = values("mode: daemonset\nports: {metrics: {enabled: true}, zipkin: {enabled: false}}\n")

    found = {x.name: x.host and x.host.text for x in pod.containers[0].ports}
    assert found == {
        "otlp": "4317",
        "otlp-http": "4318",
        "jaeger-compact": "6831",
        "jaeger-thrift": "14268",
        "jaeger-grpc": "14250",
        "metrics": None,
    }
    assert not pod.made
    assert all(x.host is None for x in values("mode: deployment\n").containers[0].ports)


def test_a_service_of_the_chart_leads_from_its_port_to_that_of_the_container() -> None:
    off = "jaeger-compact: {enabled: false}, jaeger-thrift: {enabled: false}, jaeger-grpc: {enabled: false}"
    ports = (
        f"{{otlp: {{servicePort: 80}}, own: {{enabled: true, containerPort: 9000}}, zipkin: {{enabled: false}}, {off}}}"
    )
    (service,) = values(f"mode: deployment\nports: {ports}\n").made

    found = [(x.name, x.number.text, x.target and x.target.text) for x in service.ports]
    assert found == [("otlp", "80", "4317"), ("otlp-http", "4318", "4318"), ("own", "9000", "9000")]


def test_an_ingress_brings_the_service_of_the_chart_with_it() -> None:
    assert values("mode: daemonset\ningress: {enabled: true}\n").made
    assert not values("mode: deployment\nservice: {enabled: false}\n").made
