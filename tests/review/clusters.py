"""A Collector of Kubernetes, Services and clients as files, and what one rule says of them."""

from dualstack.model.finding import Finding
from dualstack.review import lint, mend
from dualstack.testing.files import file

COLLECTOR = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec:
      containers:
        - name: collector
          image: otel/opentelemetry-collector:0.139.0
          args: [--config=/conf/config.yaml%(args)s]
          ports: [{name: otlp, containerPort: 4317%(host)s}]
          volumeMounts: [{name: conf, mountPath: /conf}]
%(more)s      volumes: [{name: conf, configMap: {name: otel-collector}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: otel-collector}
data:
  config.yaml: |
    receivers:
      otlp: {protocols: {grpc: {endpoint: "%(grpc)s"}, http: {endpoint: "%(http)s"}}}
%(receivers)s
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp%(used)s], exporters: [debug]}}}
"""


def collector(**given: str) -> str:
    """A Collector of Kubernetes and its configuration."""
    plain = {"args": "", "host": "", "more": "", "grpc": "0.0.0.0:4317", "http": "0.0.0.0:4318", "receivers": ""}
    return COLLECTOR % {**plain, "used": "", **given}


def service(ports: str) -> str:
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: otel-collector}\n"
        f"spec: {{selector: {{app: otel-collector}}, ports: [{ports}]}}\n---\n"
    )


def client(protocol: str, endpoint: str) -> str:
    return (
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: shop}\nspec:\n  containers:\n    - name: shop\n      env:\n"
        f"        - {{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: {protocol}}}\n"
        f'        - {{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{endpoint}"}}\n'
    )


def found(text: str, code: str) -> list[Finding]:
    """The findings of one rule."""
    return [x for x in lint(file(text)).diagnosis.findings if x.code == code]


def mended(text: str, *, unsafe: bool = False) -> str:
    asked = file(text)
    return mend(asked, lint(asked), unsafe=unsafe).after.get(asked.stdin_name, text)


BOTH = service("{name: otlp-grpc, port: 4317}, {name: otlp-http, port: 4318}")
