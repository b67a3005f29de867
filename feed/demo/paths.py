"""Every path on which an item's content could reach a reader (law 5)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from feed.api_client import Api
from feed.demo.served import session

BEGUN, WHY, RELATED = "the session begun before", "why", "what is related to it"

_PAGES, _LIMIT = 4, 50
"""How deep each path is looked through."""

_SOMEBODY = ("newcomer-4", "reader")


def places(api: Api, item: str, reader: str, opted_out: str, *, cursor: str = "", request_id: str = "") -> list[str]:
    """Where an item is found: in sessions of a reader and of one who opted out, in every mode, on its topics, in a
    session whose ``cursor`` was begun before, as the seed of related items, and in the why of the page ``request_id``.
    """
    name = quote(item, safe="")
    paths: dict[str, tuple[str, Mapping[str, str]]] = {
        "a new session": (reader, {}),
        "popular": (reader, {"mode": "popular"}),
        "latest": (reader, {"mode": "latest"}),
        "editorial": (reader, {"mode": "editorial"}),
        "an opted-out reader's session": (opted_out, {}),
    }
    if cursor:
        paths[BEGUN] = (reader, {"cursor": cursor})
    for topic in api.get(f"/v1/items/{name}")["topics"][:2]:
        paths[f"topic {topic}"] = (reader, {"surface": f"topic:{topic}"})
    found = [
        path
        for path, (who, query) in paths.items()
        if any(item in page.ids for page in session(api, who, _PAGES, limit=_LIMIT, **query))
    ]
    if api.ask("GET", f"/v1/items/{name}/related", as_=_SOMEBODY).is_success:
        found.append(RELATED)
    if request_id and api.ask("GET", f"/v1/feed/{request_id}/why/{name}", as_=(reader, "reader")).is_success:
        found.append(WHY)
    return found
