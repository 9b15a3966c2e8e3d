"""Pods, programs of Compose and Collectors as files, and what the rules of listeners say of them."""

from dualstack.model.finding import Finding
from dualstack.review import lint
from dualstack.testing.files import file

MINE = {
    "DS110",
    "DS202",
    "DS203",
    "DS204",
    "DS205",
    "DS208",
    "DS209",
    "DS214",
    "DS216",
    "DS217",
    "DS604",
    "DS607",
}


def found(text: str) -> list[Finding]:
    answer = lint(file(text))
    assert not answer.errors
    return [x for x in answer.diagnosis.findings if x.code in MINE]


def told(text: str) -> list[str]:
    """What is found, as `CODE severity line`."""
    return [f"{x.code} {x.severity} {x.location.line}" for x in found(text) if x.location]


def pod(config: str, container: str = "", spec: str = "", service: str = "", kind: str = "Deployment") -> str:
    """A Collector with a configuration in a ConfigMap; the configuration begins on line 6."""
    indented = "\n".join(f"    {x}" for x in config.strip().splitlines())
    ports = f"""---
apiVersion: v1
kind: Service
metadata: {{name: otel}}
spec: {{selector: {{app: otel}}, ports: [{{port: {service}}}]}}
"""
    return f"""apiVersion: v1
kind: ConfigMap
metadata: {{name: otel}}
data:
  config.yaml: |
{indented}
---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: otel}}
spec:
  template:
    metadata: {{labels: {{app: otel}}}}
    spec:
      {spec or "hostNetwork: false"}
      containers:
        - name: otel
          image: otel/opentelemetry-collector:0.139.0
          volumeMounts: [{{name: config, mountPath: /conf}}]
          {container}
      volumes: [{{name: config, configMap: {{name: otel}}}}]
{ports if service else ""}"""


LOCAL = 'receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}'
BOTH = "# dualstack lint --cluster-families IPv4,IPv6"
POD_IP = 'receivers: {otlp: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}}'


RESOURCE = """apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: otel}}
spec:
  mode: {mode}
  {more}
  config: {{receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "localhost:4317"}}}}}}}}}}
"""


def compose(otel: str, rest: str = "", config: str = LOCAL, target: str = "/etc/otelcol/config.yaml") -> str:
    return f"""{config}
---
services:
  otel:
    image: otel/opentelemetry-collector:0.139.0
    volumes: ["./example.yaml:{target}:ro", "named:/data"]
    {otel}
{rest}
"""


def sender(where: str, more: str = "", annotations: str = "{}", spec: str = "", words: str = "") -> str:
    command = f'command: [sh, -c, "{words}"], ' if words else ""
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: shop, annotations: {annotations}}}
spec:
  {spec or "hostNetwork: false"}
  containers:
    - {{name: shop, image: shop, {command}env: [{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{where}"}}]}}
    {more}
"""
