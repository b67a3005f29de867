"""The protocol: what cannot be read as HTTP never reaches the gate, and is answered as a problem all the same."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from feed.refusals import MEDIA_TYPE, Refusal

_DETAIL = "the request is not HTTP/1.1, or its method is none that is known; check the client, or what stands between"


class ProblemProtocol(HttpToolsProtocol):
    """Reads HTTP/1.1; answers a request that cannot be read by the problem ``request-unreadable``."""

    def send_400_response(self, msg: str) -> None:
        """Answer and close; the parser's own words in ``msg`` say less than the problem does."""
        del msg
        body = bytes(Refusal("request-unreadable", _DETAIL).response().body)
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\n"
            "x-content-type-options: nosniff\r\n"
            "cache-control: no-store\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
