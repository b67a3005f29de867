"""The hot routes: where they are, who may call them, and their words in the OpenAPI, which FastAPI cannot derive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.routing import Match, Route
from starlette.types import Scope

from controls.scopes import AgeClass
from feed.bootstrap import Service
from feed.readers.loading import ReaderLoading
from feed.routes.feed import DEFAULT_LIMIT, MOST, FeedEndpoint, RelatedEndpoint
from feed.schemas.fields import ID, LONGEST_ID
from feed.schemas.pages import PageOut
from ranking.reader import Mode

FEED = "/v1/feed"
RELATED = "/v1/items/{item}/related"
SCOPES = ("reader", "feed")
"""A ``reader`` token reaches its own pages; ``feed`` reaches any reader's."""


class _HotRoute(Route):
    """Leaves itself in the scope, as the framework's own routes do, so that metrics can name it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        child_scope["route"] = self
        return match, child_scope


def straight(routes: Iterable[Route]) -> dict[str, Route]:
    """Those without parameters in their path, by it: see ``feed.http.gate``."""
    return {route.path: route for route in routes if not route.param_convertors}


def hot_routes(service: Service) -> list[Route]:
    """The routes, to be tried before all others."""
    unread = service.metrics.unread_readers.labels()
    loading = ReaderLoading(service.readers, service.settings.reader_patience, unread)
    return [
        _HotRoute(FEED, FeedEndpoint(service, loading), methods=["GET"]),
        _HotRoute(RELATED, RelatedEndpoint(service, loading), methods=["GET"]),
    ]


def _parameter(name: str, description: str, schema: Mapping[str, Any], where: str = "query") -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "description": description, "schema": schema}


_ID = {"type": "string", "maxLength": LONGEST_ID, "pattern": f"^{ID}$"}
_WORD = {"type": "string", "maxLength": LONGEST_ID, "pattern": "^[A-Za-z]*$"}
_CURSOR = {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}
_PLACE = {"type": "string", "pattern": r"^(home|(topic|community):[^\x00-\x1f\x7f]{1,128})$", "default": "home"}
_PAGE = [
    _parameter("reader", "The reader; a reader's own token may leave it out", _ID),
    _parameter("limit", "Items wanted", {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT}),
    _parameter("cursor", "`cursor` of the page before; the session goes on and repeats no item", _CURSOR),
    _parameter(
        "mode",
        "How the page is made; left out, as the reader chose. Never personalized for a reader who opted out",
        {"type": "string", "enum": [mode.value for mode in Mode]},
    ),
    _parameter("region", "Tightens the audience's region: another one than is known makes it unknown", _WORD),
    _parameter("age", "Tightens the audience's age class", {"type": "string", "enum": [age.value for age in AgeClass]}),
    _parameter("language", "Tightens the audience's language", _WORD),
]
_SURFACE = _parameter("surface", "`home`, `topic:<topic>` or `community:<id>`", _PLACE)
_ITEM = _parameter("item", "The item that the others resemble", _ID, "path")


def operations() -> dict[str, dict[str, Any]]:
    """The OpenAPI operations of the hot routes, by path; all are GET."""
    return {
        FEED: _operation(
            "Fetch a page",
            "A page of the reader's feed. Every item says where it came from, its tier and why it is there. The next "
            "page is asked with the cursor: it obeys every decision made in between.",
            [*_PAGE[:1], _SURFACE, *_PAGE[1:]],
        ),
        RELATED: _operation(
            "Fetch related items",
            "A page of items similar to one that may be shown. Reads of the reader no more than explicit settings.",
            [_ITEM, *_PAGE],
        ),
    }


def _operation(summary: str, description: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{PageOut.__name__}"}
    return {
        "tags": ["feed"],
        "summary": summary,
        "description": description,
        "operationId": summary.lower().replace(" ", "_"),
        "parameters": parameters,
        "responses": {"200": {"description": "A page", "content": {"application/json": {"schema": schema}}}},
    }
