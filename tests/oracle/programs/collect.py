"""Exports one span to each NAME:PORT through a real Collector: `collect.py VERSION grpc|http NAME:PORT…`.

It waits LIMIT seconds for the exporters, which work side by side.
"""

import os
import socket
import sys
import time

from tests.real.collector import start
from tests.real.export import export

CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{{exporters}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [{names}]}}}}
"""
KINDS = {"grpc": ("otlp", "{}"), "http": ("otlphttp", "http://{}")}

version, protocol, *targets = sys.argv[1:]
kind, endpoint = KINDS[protocol]
with socket.create_server(("127.0.0.1", 0)) as taken:
    port = taken.getsockname()[1]
names = [f"{kind}/{i}" for i in range(len(targets))]
exporters = ", ".join(
    f'{name}: {{endpoint: "{endpoint.format(target)}", tls: {{insecure: true}}}}'
    for name, target in zip(names, targets, strict=True)
)
with start(CONFIG.format(port=port, exporters=exporters, names=", ".join(names)), version=version):
    said = export("http", "127.0.0.1", str(port), "oracle")
    assert said == "accepted", said
    time.sleep(float(os.environ["LIMIT"]))
