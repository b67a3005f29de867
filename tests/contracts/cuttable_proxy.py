"""A TCP proxy on loopback that can be cut and mended, or stalled: what goes in then comes out later."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Passes connections on to a port."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._accepts = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut(self) -> None:
        """End all connections, and refuse new ones."""
        self._accepts = False
        self._end()

    def mend(self, target: int | None = None) -> None:
        """Let connections through again, perhaps to another port."""
        self._target = target or self._target
        self._accepts = True
        self._flows.set()

    def stall(self) -> None:
        """Let nothing through, without a word, until mended."""
        self._flows.clear()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        self._flows.set()
        self._end()

    def _end(self) -> None:
        with self._lock:
            ending, self._open = self._open, set()
        for end in ending:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._accepts:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 2)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy to a port of loopback."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
