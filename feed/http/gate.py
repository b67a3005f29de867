"""The gate: one plain ASGI layer around every route, so that none can forget it.

Gives each request an id, its caller (``scope["state"]["caller"]``), a rate and a body limit; puts security and rate
headers on every answer; counts and times it; and answers the errors that nobody expected, without leaking them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import count
from time import perf_counter
from types import MappingProxyType

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feed.access.auth import Authenticator, anonymous
from feed.access.caller import Caller
from feed.clock import Clock
from feed.errors import BodyTooLarge, NotAuthenticated, TooManyRequests
from feed.http.overload import Overload
from feed.http.refusals import answer
from feed.limits import Rate, limited
from feed.observing import tracing
from feed.observing.logs import RequestLog
from feed.observing.metrics import Metrics
from feed.settings import Settings
from feed.storage.ports.sharing import Rates

IMPORT_PATH = "/v1/items/import"
"""The one route whose body may be longer, because it is read as a stream."""

PROBES = frozenset(("/livez", "/readyz", "/metrics"))
"""Paths that answer without looking at credentials or rates."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Never an API key, which somebody might put there by mistake: ids of requests are logged and sent back.
_REQUEST_ID = re.compile(rb"(?!wk_)[A-Za-z0-9_-]{8,64}")
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_UNLESS_SET = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}


class Gate:
    """Wraps the application; see the module."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        authenticator: Authenticator,
        metrics: Metrics,
        clock: Clock,
        rates: Rates,
        overload: Overload,
        straight: Mapping[str, Route] = MappingProxyType({}),
    ) -> None:
        """``straight`` routes, by their path without parameters, are called past the framework when asked with GET: it
        would only look for the route, and for handlers of errors that are answered here all the same."""
        self._app = app
        self._straight = straight
        self._overload = overload
        self._settings = settings
        self._authenticator = authenticator
        self._metrics = metrics
        self._clock = clock
        self._log = RequestLog(settings, PROBES)
        self._rates = rates
        self._process = os.urandom(4).hex().encode()
        self._numbers = count(1)
        self._personal = Rate(settings.rate_personal, settings.rate_burst)
        self._service = Rate(settings.rate_service, settings.rate_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 0
        authorization, length, asked_id = _read(scope)
        request_id = asked_id or b"%b%08x" % (self._process, next(self._numbers))
        state = scope.setdefault("state", {})
        state["request_id"] = request_id.decode()
        self._log.begin(state["request_id"])
        spans = tracing.current()
        span = None if spans is None else spans.request(scope["headers"], state["request_id"])
        told: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id), *_ALWAYS]

        async def out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                names = {name for name, _ in headers}
                headers += told
                headers += [(name, value) for name, value in _UNLESS_SET.items() if name not in names]
                message["headers"] = headers
            await send(message)

        self._metrics.in_flight.inc()
        left = _nothing
        try:
            if scope["path"] not in PROBES:
                left = self._overload.enter(scope["path"])
            state["caller"] = await self._admit(scope, authorization, told)
            straight = self._straight.get(scope["path"]) if scope["method"] == "GET" else None
            if straight is None:
                await self._app(scope, self._measured(scope, length, receive), out)
            else:
                scope["route"] = straight
                await straight.app(scope, receive, out)
        except Exception as error:
            if status:
                raise
            await answer(scope, error)(scope, receive, out)
        finally:
            left()
            if left is not _nothing:
                self._overload.answered(scope["path"], perf_counter() - began)
            self._metrics.in_flight.dec()
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("route"), "path", "other")
            ended = perf_counter()
            self._metrics.answered(route, method, status, ended - began)
            if span is not None:
                span.end(method, route, status)
            self._log.ended(method, route, status, ended - began, state.get("caller"), ended)

    async def _admit(self, scope: Scope, authorization: bytes | None, told: list[tuple[bytes, bytes]]) -> Caller:
        client = scope.get("client")
        address = client[0] if client else ""
        if scope["path"] in PROBES:
            return anonymous(address)
        try:
            caller = await self._authenticator.authenticate(authorization, address)
        except NotAuthenticated:
            # Guessing credentials is paid for by the address that guesses.
            self._charge(anonymous(address), told)
            raise
        self._charge(caller, told)
        return caller

    def _charge(self, caller: Caller, told: list[tuple[bytes, bytes]]) -> None:
        rate = self._personal if caller.personal else self._service
        if not rate.per_second:
            return
        allowance = self._rates.take(caller.account, rate, self._clock.monotonic())
        told += [(b"ratelimit-policy", rate.policy), (b"ratelimit", allowance.field)]
        if not allowance.allowed:
            wait = int(allowance.seconds) + 1
            raise TooManyRequests(
                f"more than {rate.per_second:g} requests a second; wait {wait} s",
                headers={"Retry-After": str(wait)},
            )

    def _measured(self, scope: Scope, length: int | None, receive: Receive) -> Receive:
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return receive
        limit = self._settings.import_limit if scope["path"] == IMPORT_PATH else self._settings.body_limit
        if length is None:
            return limited(receive, limit)
        if length > limit:
            raise BodyTooLarge(
                f"the body has {length} bytes, the limit is {limit}; send it in several requests",
                headers={"Connection": "close"},
            )
        return receive


def _nothing() -> None:
    """Nobody was let in, so nobody leaves."""


def _read(scope: Scope) -> tuple[bytes | None, int | None, bytes | None]:
    authorization: bytes | None = None
    length = asked_id = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            # Two of them are read as none that is known: which one a proxy saw cannot be told.
            authorization = value if authorization is None else b""
        elif name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            asked_id = value
    return authorization, length, asked_id
