"""Servers that lack a group, or a kind, of what newer ones have: that is no error, and not the same as having none."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dualstack.gather.ahead import Ahead
from dualstack.gather.cluster import Asker, of
from dualstack.gather.kube_api import Api
from dualstack.gather.kubeconfig import Access
from dualstack.gather.survey import survey
from dualstack.model.address import Family
from dualstack.model.target import KubeTarget
from dualstack.model.world import World
from tests.cluster import worlds as w

PLACES = {
    "Service": "/api/v1/namespaces/obs/services",
    "Pod": "/api/v1/namespaces/obs/pods",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/obs/endpointslices",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/obs/networkpolicies",
    "ServiceCIDR": "/apis/networking.k8s.io/v1/servicecidrs",
    "Node": "/api/v1/nodes",
    "ConfigMap": "/api/v1/namespaces/obs/configmaps",
}
Answers = dict[str, tuple[int, dict[str, Any]]]


@contextmanager
def server(lacking: str, made: tuple[int, dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """The healthy cluster of a server without one kind; `made` is what it answers to who creates a Service."""
    held = w.world(w.healthy())
    answers: Answers = {}
    for kind, place in PLACES.items():
        found = held.objects.get(kind, [])
        answers[place] = (200, {"metadata": {}, "items": found})
        answers |= {f"{place}/{x['metadata']['name']}": (200, dict(x)) for x in found}
    del answers[PLACES[lacking]]
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            self.say(*answers.get(path, (404, {"message": "the server could not find the requested resource"})))

        def do_POST(self) -> None:
            posted.append(self.path)
            self.say(*made)

        def say(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}", posted
        running.shutdown()


GIVEN = (201, {"spec": {"ipFamilies": ["IPv6", "IPv4"]}})


def gathered(lacking: str, made: tuple[int, dict[str, Any]] = GIVEN) -> tuple[World, list[str]]:
    with server(lacking, made) as (url, posted), Api(Access(url, "test"), 5) as api:
        return of(Asker(Ahead(api), "obs"), KubeTarget("svc", "otel")), posted


def test_without_service_ranges_the_server_is_asked_what_a_service_would_get() -> None:
    found, posted = gathered("ServiceCIDR")

    assert (found.gaps, found.unseen) == ([], set())
    assert found.cluster().families == (Family.IPV6, Family.IPV4)
    assert posted == ["/api/v1/namespaces/obs/services?dryRun=All"]


@pytest.mark.parametrize(("status", "gaps"), [(403, ["families of the Service ranges"]), (422, [])])
def test_a_server_that_does_not_say_leaves_the_services_and_nodes_to_tell(status: int, gaps: list[str]) -> None:
    found, _ = gathered("ServiceCIDR", (status, {"message": "no"}))

    assert [x.needs for x in found.gaps] == gaps
    assert found.cluster().families == (Family.IPV4, Family.IPV6)


def test_where_ranges_are_shown_nothing_is_pretended() -> None:
    assert gathered("NetworkPolicy")[1] == []


def test_a_server_without_slices_is_not_one_without_endpoints() -> None:
    found, _ = gathered("EndpointSlice")

    assert [x.needs for x in found.gaps] == ["endpointslices.discovery.k8s.io"]
    assert "EndpointSlice" in found.unseen


def test_all_of_a_namespace_is_listed_there() -> None:
    with server("NetworkPolicy", GIVEN) as (url, _), Api(Access(url, "test"), 5) as api:
        found = survey(Asker(Ahead(api), "obs"))

    assert {k: len(v) for k, v in found.objects.items() if v} == {
        "Service": 1, "EndpointSlice": 2, "Pod": 2, "Node": 2, "ServiceCIDR": 1, "ConfigMap": 1,
    }  # fmt: skip
    assert found.gaps == []
