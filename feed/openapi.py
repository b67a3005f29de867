"""The OpenAPI document: what FastAPI derives, with the scopes of every route and the shape of every problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from feed.access.caller import ADMIN, SCOPES
from feed.http.refusals import MEDIA_TYPE
from feed.http.wire import scopes_of
from feed.routes.hot_routes import SCOPES as HOT_SCOPES
from feed.routes.hot_routes import operations
from feed.schemas.events import EventsIn
from feed.schemas.items import ImportOut, ItemLine, LineOut
from feed.schemas.pages import PageOut

_READ_BY_HAND = (EventsIn, ItemLine, LineOut, ImportOut, PageOut)
"""Types that routes read or write themselves, so that FastAPI does not see them."""

_REF = "#/components/schemas/{model}"
_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457). The page of its type says what it means and what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/input-invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    "line": {"type": "integer"},
                },
            },
        },
    },
}
_DESCRIPTION = """A feed whose algorithm is governed: every rule and decision is explained, attributed and undoable.

Send `Authorization: Bearer <token or API key>`. Times are seconds since 1970 (UTC). Every refusal is a problem whose
`type` is stable; /problems lists them. Answers carry `RateLimit` and `X-Request-Id`.
"""


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an application, made once and kept."""
    if app.openapi_schema is None:
        app.openapi_schema = _described(app)
    return app.openapi_schema


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for kind in _READ_BY_HAND:
        schema = TypeAdapter[object](kind).json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[kind.__name__] = schema
    schemas["Problem"] = dict(_PROBLEM)
    # Replaced by Problem everywhere.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    listed = "; ".join(f"`{scope}`: {words}" for scope, words in SCOPES.items())
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": f"A JWT or an API key. Scopes: {listed}"}
    }
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], scopes_of(route))
    for path, operation in operations().items():
        _complete(operation, HOT_SCOPES)
        document["paths"].setdefault(path, {})["get"] = operation
    return document


def _complete(operation: dict[str, Any], scopes: tuple[str, ...]) -> None:
    if scopes:
        operation["security"] = [{"bearer": [scope]} for scope in dict.fromkeys((*scopes, ADMIN))]
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]  # the framework's own form of it, which nothing here answers in
    responses["default"] = {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
