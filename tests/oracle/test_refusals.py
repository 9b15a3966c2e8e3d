"""What is said to be refused of a configuration, held against what a real Collector says of the same one."""

import pytest

from dualstack.gather.refusals import refusals
from dualstack.gather.yaml_tree import Origin, compose
from tests.real import collector

REST = """exporters: {debug: {}}
service:
  telemetry: {metrics: {level: none}}
"""
PIPELINE = "  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}\n"
GOOD = 'receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:0"}}}}\n'
TEXTS = {
    "good": GOOD + REST + PIPELINE,
    "null protocol": "receivers: {otlp: {protocols: {http: }}}\n" + REST + PIPELINE,
    "stray": "receivers: {otlp: {protocols: {endpoint: 'localhost:0', grpc: {}}}}\n" + REST + PIPELINE,
    "above": "receivers: {otlp: {endpoint: 'localhost:0', protocols: {grpc: {}}}}\n" + REST + PIPELINE,
    "misspelt protocol": "receivers: {otlp: {protocols: {gprc: {}, http: }}}\n" + REST + PIPELINE,
    "misspelt endpoint": "receivers: {otlp: {protocols: {grpc: {endpiont: 'localhost:0'}}}}\n" + REST + PIPELINE,
    "unused and misspelt": GOOD.replace("}}}}", "}}}, otlp/2: {protocls: {grpc: }}}") + REST + PIPELINE,
    "no protocol": "receivers: {otlp: }\n" + REST + PIPELINE,
    "no section": "receivers: {otlp: {protocols: }}\n" + REST + PIPELINE,
    "receiver": GOOD + REST + PIPELINE.replace("[otlp]", "[otlp, otlp/http]"),
    "processor": GOOD + REST + PIPELINE.replace("exporters", "processors: [batch], exporters"),
    "exporter": GOOD + REST + PIPELINE.replace("[debug]", "[debug, otlp]"),
    "removed": GOOD + REST.replace("debug: {}", "debug: {}, logging: {}") + PIPELINE,
    "gone": GOOD + REST.replace("debug: {}", "debug: {}, jaeger/a: {endpoint: 'localhost:14250'}") + PIPELINE,
    "gone extension": GOOD + "extensions: {memory_ballast: {size_mib: 1}}\n" + REST + PIPELINE,
    "new name": GOOD + REST.replace("debug: {}", "debug: {}, otlp_grpc: {endpoint: 'localhost:1'}") + PIPELINE,
    "new name over http": GOOD + REST.replace("debug: {}", "debug: {}, otlp_http: {endpoint: 'http://a:1'}") + PIPELINE,
    "address of metrics": GOOD + REST.replace("{level: none}", "{address: 'localhost:0'}") + PIPELINE,
    "too far to the right": GOOD.replace("}}}}", ", http: {endpoint: 'localhost:0'}}}}}") + REST + PIPELINE,
    "extension": GOOD + REST + "  extensions: [pprof]\n" + PIPELINE,
}


@pytest.mark.parametrize("version", ["0.139.0", collector.LATEST])
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_refused_is_what_the_collector_refuses(name: str, version: str) -> None:
    collector.binary(version)
    origin = Origin("c.yaml", TEXTS[name])
    root = compose(origin)
    assert root is not None
    said = [x.said for x in refusals(root, origin, version)]
    heard = ""

    try:
        with collector.start(TEXTS[name], version=version):
            pass
    except collector.DidNotStart as error:
        heard = str(error)

    assert bool(said) is bool(heard), heard
    assert not said or said[0] in heard
