"""The wire: what every route takes from a request, and how it lays down its answer.

Routes are ``WireRoute``: bodies of another type than JSON are answered 415, JSON is read by orjson (no NaN, no lone
surrogates, bounded depth), and each route states who may call it with :class:`Allow`, which OpenAPI shows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from hashlib import blake2b, sha256
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Depends, Header
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.errors import Fault, InputInvalid, MediaTypeRefused
from feed.storage.ports.store import Once

_T = TypeVar("_T")

_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
JSON_TYPES = ("application/json", "application/merge-patch+json")
PRIVATE = "private, no-cache"
PUBLIC = "public, no-cache"


class _JsonRequest(Request):
    async def json(self) -> Any:
        return orjson.loads(await self.body())


class WireRoute(APIRoute):
    """A route whose body, if it has one, is JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the checks of the caller and of the body's type: no body is read for the uninvited."""
        handle = super().get_route_handler()
        reads = self.body_field is not None
        scopes = scopes_of(self)

        async def checked(request: Request) -> Response:
            require_once(request.scope["query_string"])
            if scopes:
                cast(Caller, request.state.caller).require(*scopes)
            if reads:
                require_type(request, *JSON_TYPES)
            return await handle(_JsonRequest(request.scope, request.receive))

        return checked

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As the framework, but that what answers GET answers HEAD (RFC 9110 section 9.3.2)."""
        match, child_scope = super().matches(scope)
        return (Match.FULL if match is Match.PARTIAL and self._heads(scope) else match), child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; the server leaves the body of an answer to HEAD out."""
        if self._heads(scope):
            await self.app(scope, receive, send)
        else:
            await super().handle(scope, receive, send)

    def _heads(self, scope: Scope) -> bool:
        return scope["method"] == "HEAD" and "GET" in (self.methods or ())


def require_once(query_string: bytes) -> None:
    """Raise ``InputInvalid`` for a name that stands twice in a query: which one a proxy saw cannot be told."""
    if query_string.count(b"=") < 2:
        return
    names = Counter(name for name, _ in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    if faults := [Fault(name, "is given more than once; give it once") for name, times in names.items() if times > 1]:
        raise InputInvalid(f"{faults[0].field} {faults[0].message}", faults=faults)


def router(noun: str) -> APIRouter:
    """The router of one noun."""
    return APIRouter(tags=[noun], route_class=WireRoute)


def require_type(request: Request, *types: str) -> str:
    """The body's media type without parameters; raises ``MediaTypeRefused`` unless it is one of ``types``."""
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said not in types:
        named = said if _MEDIA_TYPE.fullmatch(said) else "no media type" if said else "missing"
        raise MediaTypeRefused(f"the body's Content-Type is {named}; send {' or '.join(types)}")
    return said


class Allow:
    """Who may call a route: callers with one of the scopes (or ``admin``), or everybody when none is named."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    async def __call__(self, request: Request) -> Caller:
        """The caller; raises ``NotAuthenticated`` or ``ScopeMissing``."""
        caller = cast(Caller, request.state.caller)
        if self.scopes:
            caller.require(*self.scopes)
        return caller


def scopes_of(route: APIRoute) -> tuple[str, ...]:
    """The scopes of which a caller needs one (beside ``admin``); empty when the route is open to everybody."""
    return tuple(scope for allow in _allows(route.dependant) for scope in allow.scopes)


def _allows(dependant: Dependant) -> Iterator[Allow]:
    if isinstance(dependant.call, Allow):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _allows(inner)


async def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


ServiceNow = Annotated[Service, Depends(_service)]
"""The running Service."""


IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same request is done once, and answered alike ever after",
    ),
]
"""The request's ``Idempotency-Key``, or None."""


def key_of(caller: Caller, idempotency_key: str) -> str:
    """A client's key as the store keeps it, with a digest in place of who sent it, because keys outlast an erasure. No
    key has a tab: nobody meets another's key, or one of the service's own."""
    return f"{sha256(caller.subject.encode()).hexdigest()}\t{idempotency_key}"


async def _once(request: Request, idempotency_key: IdempotencyKey = None) -> Once | None:
    if idempotency_key is None:
        return None
    caller = cast(Caller, request.state.caller)
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    digest = sha256(asked + await request.body()).hexdigest()
    return Once(key_of(caller, idempotency_key), digest)


OnceOnly = Annotated[Once | None, Depends(_once)]
"""The request's ``Idempotency-Key`` with the digest of the request, or None."""


async def _expected_version(
    if_match: Annotated[
        str | None,
        Header(
            pattern=r'^(\*|(W/)?"?[0-9]{1,12}"?)$',
            description='Version that the change was made for, as the ETag told: "3"',
        ),
    ] = None,
) -> int | None:
    return None if if_match in (None, "*") else int(if_match.removeprefix("W/").strip('"'))


ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
"""The version that ``If-Match`` names, or None."""


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer. Dataclasses and enumerations are laid down as they are."""
    return Response(orjson.dumps(value), status, dict(headers or {}), "application/json")


def tagged(request: Request, value: object, cache: str = PRIVATE) -> Response:
    """A JSON answer with a strong ETag over its bytes, or 304 when the caller has them already (RFC 9110 13.1.2)."""
    return tagged_body(request, orjson.dumps(value), "application/json", cache)


def tagged_body(
    request: Request, body: bytes, media: str, cache: str = PRIVATE, more: Mapping[str, str] | None = None
) -> Response:
    """An answer of another media type, in the same way."""
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": cache, **(more or {})}
    had = [other.strip().removeprefix("W/") for other in request.headers.get("if-none-match", "").split(",")]
    if tag in had or had == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media)
