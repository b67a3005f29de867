"""Vacancy: what is answered at an address while none of its workers does: 503, and when to ask again (law 10).

Callers would otherwise wait, unanswered, for a worker that may be long in coming.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from feed.http.refusals import Refusal

_DETAIL = "no worker of this address answers; each is started again by itself"
_MOST = 256
"""Connections refused in one turn."""
_READ = 65536


class Vacancy:
    """The refusing end of a listening socket that workers share."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._left: list[socket.socket] = []
        answer = Refusal("controls-stale", _DETAIL, headers={"Retry-After": "1", "Connection": "close"}).response()
        head = b"".join(b"%s: %s\r\n" % pair for pair in answer.raw_headers)
        self._answer = b"HTTP/1.1 503 Service Unavailable\r\n%s\r\n%s" % (head, bytes(answer.body))

    def refuse(self) -> None:
        """Answer whoever waits to be accepted; blocks nobody. Those answered before are left."""
        self.leave()
        # Shared with the workers, who set the same.
        self._listener.setblocking(False)
        while len(self._left) < _MOST:
            try:
                caller, _ = self._listener.accept()
            except OSError:  # nobody waits
                return
            caller.setblocking(False)
            with suppress(OSError):
                caller.recv(_READ)
            with suppress(OSError):
                caller.sendall(self._answer)
                caller.shutdown(socket.SHUT_WR)
            # Closed in the next turn: what a caller is still sending would make the system take the answer back.
            self._left.append(caller)

    def leave(self) -> None:
        """Close the connections of those answered before."""
        for caller in self._left:
            with caller, suppress(OSError):
                caller.recv(_READ)
        self._left = []
