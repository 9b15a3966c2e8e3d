"""A port of a pod as a local port: what `kubectl port-forward` does, over the WebSocket of the API server.

The kubelet dials `localhost` inside the network namespace of the pod, IPv4 first, and never the address of the pod
(containerd 1.6.20 and kubelet 1.34.4, measured). Each local connection is a WebSocket of its own, with one channel for
data and one for errors; each begins with the number of the port (k8s.io/kubelet, portforward/websocket.go).
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx2
import httpx2.websockets
from wsproto.utilities import LocalProtocolError

from dualstack.gather.kube_api import Api

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = b"\x00", b"\x01"
_DENIALS = (401, 403)
_CHUNK = 32 * 1024
_TURN = 0.05
"""Seconds after which a pump looks whether its other side has ended."""


class Forwarded:
    """A port of a pod on this host: `port` is the local one, `said` what the kubelet says of connections it failed.

    `denied` says that the user may not do this at all.
    """

    def __init__(self, api: Api, namespace: str, pod: str, number: int) -> None:
        """Listen on a free port of the loopback."""
        self._api, self._number = api, number
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = True
        self.port: int = self._listener.getsockname()[1]
        self.said: list[str] = []
        self.denied = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no further connection."""
        self._open = False
        self._listener.close()

    def _accept(self) -> None:
        while self._open:
            try:
                local, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(local,), daemon=True).start()

    def _carry(self, local: socket.socket) -> None:
        with local:
            try:
                with self._api.websocket(self._path, {"ports": str(self._number)}, _PROTOCOL) as far:
                    self._relay(local, far)
            except httpx2.websockets.WebSocketUpgradeError as error:
                self.denied = error.response.status_code in _DENIALS
                self.said.append(f"the API server answers {error.response.status_code}")
            except (httpx2.websockets.HTTPXWSException, httpx2.HTTPError, OSError) as error:
                self.said.append(str(error) or type(error).__name__)
            finally:
                with contextlib.suppress(OSError):
                    local.shutdown(socket.SHUT_RDWR)  # a thread that reads it holds it open

    def _relay(self, local: socket.socket, far: httpx2.websockets.WebSocketSession) -> None:
        greeted = {_DATA: False, _ERROR: False}
        sender = threading.Thread(target=_send, args=(local, far), daemon=True)
        sender.start()
        while self._open:
            try:
                message = far.receive_bytes(timeout=_TURN)
            except TimeoutError:
                if not sender.is_alive():
                    return
                continue
            except httpx2.websockets.WebSocketDisconnect:
                return
            channel, body = message[:1], message[1:]
            if not greeted.get(channel, True):
                greeted[channel] = True
            elif channel == _ERROR:
                self.said.append(body.decode(errors="replace").strip())
                return
            else:
                local.sendall(body)


def _send(local: socket.socket, far: httpx2.websockets.WebSocketSession) -> None:
    # A session that the far side has ended says so by either of two exceptions, one of httpx2 and one of wsproto.
    with contextlib.suppress(OSError, httpx2.websockets.HTTPXWSException, LocalProtocolError):
        while chunk := local.recv(_CHUNK):
            far.send_bytes(_DATA + chunk)


@contextlib.contextmanager
def forwarded(api: Api, namespace: str, pod: str, number: int) -> Iterator[Forwarded]:
    """A port of a pod on this host, for as long as it is asked for. Raises OSError."""
    found = Forwarded(api, namespace, pod, number)
    try:
        yield found
    finally:
        found.close()
