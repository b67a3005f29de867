"""Pages as the story compares them: ids in order, provenance, and the very bytes of ``items``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from feed.api_client import Api, ApiRefused

_APP = ("demo-app", "feed", "events")
_TRIES = 200


@dataclass(frozen=True, slots=True)
class ServedPage:
    """One answered page. ``raw`` is its ``items`` exactly as sent; ``state`` the position it was made at."""

    request_id: str
    mode: str
    state: tuple[int, int, int]
    model: str
    ids: tuple[str, ...]
    items: Sequence[Mapping[str, Any]]
    raw: bytes
    cursor: str
    corrections: Sequence[Mapping[str, Any]]

    @property
    def sources(self) -> Counter[str]:
        """How many items each source brought."""
        return Counter(str(item["source"]) for item in self.items)


def page(api: Api, reader: str, **query: str | int) -> ServedPage:
    """One page for a reader, asked for by an app; raises ``ApiRefused``."""
    answer = api.ask("GET", "/v1/feed", as_=_APP, query={"reader": reader, "limit": 30, **query})
    if not answer.is_success:
        raise ApiRefused("GET /v1/feed", answer.status_code, "", answer.text[:200])
    document = orjson.loads(answer.content)
    began = answer.content.index(b'"items":') + len(b'"items":')
    ended = answer.content.rindex(b',"corrections":')
    return ServedPage(
        document["request_id"],
        document["mode"],
        (document["revision"], document["edition"], document["as_of"]),
        document["model"],
        tuple(item["id"] for item in document["items"]),
        document["items"],
        answer.content[began:ended],
        document["cursor"] or "",
        document["corrections"],
    )


def session(api: Api, reader: str, pages: int, **query: str | int) -> list[ServedPage]:
    """Pages of one scroll, at most so many."""
    scroll = [page(api, reader, **query)]
    while len(scroll) < pages and scroll[-1].cursor:
        scroll.append(page(api, reader, **{**query, "cursor": scroll[-1].cursor}))
    return scroll


def at_one_state(api: Api, *asked: tuple[str, Mapping[str, str | int]], explored: bool = True) -> list[ServedPage]:
    """Several pages made at the same revision, edition and second; raises LookupError when time never stands still.

    With ``explored`` off, nothing on them was drawn for exploration, so that equal inputs make equal pages."""
    for _ in range(_TRIES):
        pages = [page(api, reader, **query) for reader, query in asked]
        drawn = any(one.sources["exploration"] for one in pages)
        if len({one.state for one in pages}) == 1 and (explored or not drawn):
            return pages
    raise LookupError(f"no two pages were made in the same second in {_TRIES} tries")
