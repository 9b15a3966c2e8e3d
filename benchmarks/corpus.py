"""Manifests as a platform team's repository holds them, the same ones for the same numbers.

Most have nothing to do with telemetry: of a hundred documents nineteen are Deployments, every fifth of which exports,
and one or two hold a Collector configuration.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

_NAMES = ("cart", "checkout", "frontend", "payment", "search", "shipping", "ledger", "mailer", "catalog", "identity")
_LARGEST = 12  # documents in one file


def write(folder: Path, count: int) -> None:
    """Write `count` documents below a folder, in files of one to twelve."""
    rng, left, number = random.Random(count), count, 0
    while left:
        size = min(left, rng.choice((1, 1, 1, 2, 3, 5, 8, _LARGEST)))
        path = folder / f"team-{number % 40}" / f"{rng.choice(_NAMES)}-{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("---\n".join(documents(rng, size)))
        left, number = left - size, number + 1


def documents(rng: random.Random, count: int) -> Iterator[str]:
    """Documents of every kind, as often as the table says."""
    makers = [make for make, share in _KINDS for _ in range(share)]
    for _ in range(count):
        yield rng.choice(makers)(rng, f"{rng.choice(_NAMES)}-{rng.randrange(10_000)}", f"team-{rng.randrange(40)}")


def _head(version: str, kind: str, name: str, namespace: str) -> str:
    return f"""apiVersion: {version}
kind: {kind}
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/part-of: shop
    app.kubernetes.io/managed-by: kustomize
"""


def _deployment(rng: random.Random, name: str, namespace: str) -> str:
    exports = rng.randrange(5) == 0
    variables = (
        """            - name: OTEL_EXPORTER_OTLP_ENDPOINT
              value: http://otel-collector.observability.svc:4318
            - name: OTEL_SERVICE_NAME
              value: shop
"""
        if exports
        else ""
    )
    return f"""{_head("apps/v1", "Deployment", name, namespace)}spec:
  replicas: {rng.randint(1, 9)}
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {name}
    spec:
      serviceAccountName: {name}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
      containers:
        - name: {name}
          image: registry.example/shop/{name}:1.{rng.randrange(90)}.{rng.randrange(9)}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef:
                  name: {name}
                  key: url
            - name: LOG_LEVEL
              value: info
{variables}          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            initialDelaySeconds: 5
            periodSeconds: 10
          readinessProbe:
            httpGet:
              path: /ready
              port: http
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
          volumeMounts:
            - name: config
              mountPath: /etc/{name}
      volumes:
        - name: config
          configMap:
            name: {name}
"""


def _service(rng: random.Random, name: str, namespace: str) -> str:
    return f"""{_head("v1", "Service", name, namespace)}spec:
  type: ClusterIP
  selector:
    app.kubernetes.io/name: {name}
  ports:
    - name: http
      port: {rng.choice((80, 8080, 9000))}
      targetPort: http
      protocol: TCP
"""


def _config_map(rng: random.Random, name: str, namespace: str) -> str:
    settings = "".join(f"    {word}.{rng.randrange(100)}.size = {rng.randrange(1000)}\n" for word in _NAMES * 3)
    return f"""{_head("v1", "ConfigMap", name, namespace)}data:
  application.properties: |
    server.port = 8080
{settings}"""


def _collector(rng: random.Random, name: str, namespace: str) -> str:
    host = rng.choice(("0.0.0.0", "0.0.0.0", "0.0.0.0", '"[::]', "${env:MY_POD_IP}", "localhost"))
    grpc, http = (f'{host}:{x}"' if host.startswith('"') else f"{host}:{x}" for x in (4317, 4318))
    return f"""{_head("v1", "ConfigMap", f"{name}-collector", namespace)}data:
  relay: |
    receivers:
      otlp:
        protocols:
          grpc:
            endpoint: {grpc}
          http:
            endpoint: {http}
    processors:
      memory_limiter:
        check_interval: 1s
        limit_percentage: 75
      batch: {{}}
    exporters:
      otlp:
        endpoint: gateway.observability.svc:4317
        tls:
          insecure: true
    extensions:
      health_check:
        endpoint: 0.0.0.0:13133
    service:
      extensions: [health_check]
      pipelines:
        traces:
          receivers: [otlp]
          processors: [memory_limiter, batch]
          exporters: [otlp]
"""


def _operated(rng: random.Random, name: str, namespace: str) -> str:
    return f"""{_head("opentelemetry.io/v1beta1", "OpenTelemetryCollector", name, namespace)}spec:
  mode: {rng.choice(("deployment", "daemonset", "sidecar"))}
  config:
    receivers:
      otlp:
        protocols:
          grpc:
            endpoint: 0.0.0.0:4317
          http:
            endpoint: 0.0.0.0:4318
    exporters:
      otlp:
        endpoint: gateway.observability.svc:4317
    service:
      pipelines:
        traces:
          receivers: [otlp]
          exporters: [otlp]
"""


def _secret(rng: random.Random, name: str, namespace: str) -> str:
    held = "".join(f"  {word}: {rng.randbytes(30).hex()}\n" for word in _NAMES[:4])
    return f"""{_head("v1", "Secret", name, namespace)}type: Opaque
data:
{held}"""


def _role(rng: random.Random, name: str, namespace: str) -> str:
    rules = "".join(
        f"""  - apiGroups: ["{rng.choice(("", "apps", "batch"))}"]
    resources: ["{word}s"]
    verbs: ["get", "list", "watch"]
"""
        for word in _NAMES[:5]
    )
    return f"""{_head("rbac.authorization.k8s.io/v1", "Role", name, namespace)}rules:
{rules}"""


def _binding(_: random.Random, name: str, namespace: str) -> str:
    return f"""{_head("rbac.authorization.k8s.io/v1", "RoleBinding", name, namespace)}roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {name}
subjects:
  - kind: ServiceAccount
    name: {name}
    namespace: {namespace}
"""


def _account(_: random.Random, name: str, namespace: str) -> str:
    return _head("v1", "ServiceAccount", name, namespace)


def _ingress(_: random.Random, name: str, namespace: str) -> str:
    return f"""{_head("networking.k8s.io/v1", "Ingress", name, namespace)}spec:
  ingressClassName: nginx
  tls:
    - hosts: ["{name}.shop.example"]
      secretName: {name}-tls
  rules:
    - host: {name}.shop.example
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {name}
                port:
                  name: http
"""


def _policy(rng: random.Random, name: str, namespace: str) -> str:
    outside = rng.randrange(4) == 0
    peer = "ipBlock:\n            cidr: 10.0.0.0/8" if outside else "podSelector: {}"
    return f"""{_head("networking.k8s.io/v1", "NetworkPolicy", name, namespace)}spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {name}
  policyTypes: [Ingress]
  ingress:
    - from:
        - {peer}
      ports:
        - protocol: TCP
          port: 8080
"""


def _scaler(rng: random.Random, name: str, namespace: str) -> str:
    return f"""{_head("autoscaling/v2", "HorizontalPodAutoscaler", name, namespace)}spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {name}
  minReplicas: 2
  maxReplicas: {rng.randint(3, 30)}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 70
"""


def _definition(rng: random.Random, name: str, _: str) -> str:
    fields = "".join(
        f"""                {word}{number}:
                  description: The {word} of the thing, as the controller of it writes it down.
                  type: {rng.choice(("string", "integer", "boolean"))}
"""
        for number in range(4)
        for word in _NAMES
    )
    return f"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: {name}s.shop.example
spec:
  group: shop.example
  names:
    kind: Thing
    plural: {name}s
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
{fields}"""


def _monitor(_: random.Random, name: str, namespace: str) -> str:
    return f"""{_head("monitoring.coreos.com/v1", "ServiceMonitor", name, namespace)}spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  endpoints:
    - port: http
      interval: 30s
"""


_KINDS: tuple[tuple[Callable[[random.Random, str, str], str], int], ...] = (
    (_deployment, 38),
    (_service, 34),
    (_config_map, 28),
    (_collector, 2),
    (_operated, 1),
    (_secret, 16),
    (_role, 14),
    (_binding, 14),
    (_account, 14),
    (_ingress, 12),
    (_policy, 9),
    (_scaler, 8),
    (_definition, 6),
    (_monitor, 4),
)
"""How often each stands among 200 documents."""
