"""The protocol: what cannot be read as HTTP never reaches the gate, and is answered as a problem all the same.

Owns the bounds of a request's head (its line and headers): its size, and the time it may take to come. A body is
bounded by ``feed.http.gate``.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from feed.http.problems import PROBLEMS
from feed.http.refusals import MEDIA_TYPE, Refusal

HEAD_BYTES = 32 << 10
"""Most bytes of a request's line and headers; a token has 8 KiB, a cursor of a whole session 3 KiB."""
HEAD_FIELDS = 100
"""Most headers of a request."""
HEAD_SECONDS = 10.0
"""Longest time for a head to come, from the connection or from its first byte on; then the connection ends."""
LAST_SECONDS = 1.0
"""For which a new connection may still ask when the server ends: its request may be on its way."""

_UNREADABLE = (
    "the request is not HTTP/1.1, or its method is none that is known; check the client, or what stands between"
)
_TOO_LARGE = f"the request's line and headers have more than {HEAD_BYTES} bytes or {HEAD_FIELDS} fields; send fewer"


class ProblemProtocol(HttpToolsProtocol):
    """Reads HTTP/1.1; answers a request that cannot be read by the problem ``request-unreadable``, and one whose head
    is beyond bounds by ``request-head-too-large``."""

    _in_head = True
    _head_size = 0
    _large = False
    _head_ends: asyncio.TimerHandle | None = None
    _last = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that is not whole yet may not grow, nor take its time."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._in_head:
            self._wait_no_more()
            return
        # The parser holds a field until it is whole, so that what came is counted here.
        self._head_size += len(data)
        if self._head_size > HEAD_BYTES:
            self._large = True
            self.send_400_response("")
        elif self._head_ends is None:
            self._wait()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head_size = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._large = size > HEAD_BYTES or len(self.headers) > HEAD_FIELDS
        if self._large:
            # The parser ends at an error of ours as at one of the sender's, and has it answered below.
            raise ValueError(_TOO_LARGE)
        self._in_head = False
        super().on_headers_complete()
        if self._last:
            self.cycle.keep_alive = False

    @property
    def _asked(self) -> bool:
        """Whether a request came yet."""
        return bool(self.cycle)

    def shutdown(self) -> None:
        """End, after the request that is being answered, or that the caller of a new connection is about to send."""
        if self._asked:
            super().shutdown()
        elif not self._last:
            self._last = True
            self.loop.call_later(LAST_SECONDS, self._end_unasked)

    def _end_unasked(self) -> None:
        if not self._asked:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer and close; the parser's own words in ``msg`` say less than the problem does."""
        del msg
        name, detail = ("request-head-too-large", _TOO_LARGE) if self._large else ("request-unreadable", _UNREADABLE)
        problem, body = PROBLEMS[name], bytes(Refusal(name, detail).response().body)
        head = (
            f"HTTP/1.1 {problem.status} {problem.title}\r\n"
            f"content-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\n"
            "x-content-type-options: nosniff\r\n"
            "cache-control: no-store\r\n"
            "connection: close\r\n\r\n"
        )
        self._wait_no_more()
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait(self) -> None:
        self._head_ends = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._head_ends is not None:
            self._head_ends.cancel()
            self._head_ends = None
