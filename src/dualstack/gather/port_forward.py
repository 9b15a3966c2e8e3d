"""A port of a pod as a local port: what `kubectl port-forward` does, over the WebSocket of the API server.

The kubelet dials `localhost` inside the network namespace of the pod, IPv4 first, and never the address of the pod
(containerd 1.6.20 and kubelet 1.34.4, measured). Each local connection is a WebSocket of its own, with one channel for
data and one for errors; each begins with the number of the port (k8s.io/kubelet, portforward/websocket.go).
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator

from dualstack.gather.kube_api import Api
from dualstack.gather.kube_websocket import NotUpgraded, WebSocket

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = b"\x00", b"\x01"
_DENIALS = (401, 403)
_CHUNK = 32 * 1024
_TURN = 0.05
"""Seconds after which a connection looks whether it is still wanted."""


class Forwarded:
    """A port of a pod on this host: `port` is the local one, `said` what the kubelet says of connections it failed.

    `denied` says that the user may not do this at all. Each connection is carried and closed by one thread.
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
        """Take no further connection, and end those that there are."""
        self._open = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # the thread that waits there closes it

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while self._open:
                local, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(local,), daemon=True).start()

    def _carry(self, local: socket.socket) -> None:
        with local:
            try:
                with self._api.websocket(self._path, {"ports": str(self._number)}, _PROTOCOL) as far:
                    self._relay(local, far)
            except NotUpgraded as error:
                self.denied = error.status in _DENIALS
                self.said.append(str(error))
            except OSError as error:
                self.said.append(str(error) or type(error).__name__)

    def _relay(self, local: socket.socket, far: WebSocket) -> None:
        greeted = {_DATA: False, _ERROR: False}
        with selectors.DefaultSelector() as selector:
            for each in (local, far):
                selector.register(each, selectors.EVENT_READ)
            ready: set[object] = {far}  # with the answer to the upgrade, messages may have come
            while self._open and not far.ended:
                for message in far.receive() if far in ready else ():
                    channel, body = message[:1], message[1:]
                    if not greeted.get(channel, True):
                        greeted[channel] = True
                    elif channel == _ERROR:
                        self.said.append(body.decode(errors="replace").strip())
                        return
                    else:
                        local.sendall(body)
                if local in ready and not far.ended:
                    chunk = local.recv(_CHUNK)
                    if not chunk:
                        return
                    far.send(_DATA + chunk)
                ready = {key.fileobj for key, _ in selector.select(_TURN)}


@contextlib.contextmanager
def forwarded(api: Api, namespace: str, pod: str, number: int) -> Iterator[Forwarded]:
    """A port of a pod on this host, for as long as it is asked for. Raises OSError."""
    found = Forwarded(api, namespace, pod, number)
    try:
        yield found
    finally:
        found.close()
