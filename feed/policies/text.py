"""Policy texts as they come in: YAML or JSON, read from a body by hand."""

from __future__ import annotations

from starlette.requests import Request

from feed.errors import BodyUnreadable
from feed.http.wire import JSON_TYPES, require_type

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")

DOCUMENT_BODY = {
    "required": True,
    "description": "A policy document, in YAML or JSON",
    "content": {media: {"schema": {"type": "object"}} for media in ("application/yaml", "application/json")},
}
"""The body in OpenAPI's words."""


async def policy_text(request: Request) -> str:
    """The document in a request's body; raises ``MediaTypeRefused`` or ``BodyUnreadable``."""
    require_type(request, *YAML_TYPES, *JSON_TYPES)
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise BodyUnreadable("the body is not UTF-8; save the document as UTF-8") from None
