"""The load's mix: what the apps behind many readers ask, made from what the service answered before.

Pages go on by the cursor they came with, events are of items that were on a page, ``why`` asks about a page that was
served. Everything is drawn from one seeded generator, so a run can be repeated as far as the answers allow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

import orjson

PAGE = 30
SHARES: Mapping[str, float] = {
    "feed": 0.58,
    "events": 0.22,
    "related": 0.05,
    "why": 0.03,
    "settings": 0.05,
    "revocations": 0.03,
    "items": 0.03,
    "decisions": 0.01,
}
"""Share of each kind of request. While nothing is known yet of what a kind needs, a page is asked instead."""

SHED = (429, 503)
"""Statuses by which a server sheds: come back later."""

FORESEEN: Mapping[str, frozenset[int]] = {
    "why": frozenset((404, 410)),  # the item was suppressed since, or the Serving was not kept
    "related": frozenset((404,)),
    "decisions": frozenset((409,)),
}
"""Refusals that belong to the mix, beside 2xx."""

SCOPES: Mapping[str, tuple[str, ...]] = {
    "app": ("feed", "events"),
    "operator": ("admin",),
    "editor": ("editor",),
}
"""The callers whose tokens the mix is given, with their scopes."""

_GOES_ON = 0.4
_KEPT = 2000
_ITEMS = 200
"""Ids that items are put under: they change, the catalogue does not grow with the load's length."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as bytes, its kind, and of whom it is."""

    kind: str
    wire: bytes
    reader: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    reader: str
    request_id: str
    items: Sequence[str]
    cursor: str


class Mix:
    """Draws requests; told every answer."""

    def __init__(self, tokens: Mapping[str, str], readers: Sequence[str], seed: int) -> None:
        """``tokens`` by the names of SCOPES."""
        self._rng = Random(seed)
        self._name = f"{seed:x}"
        self._heads = {
            who: f"\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n" for who, token in tokens.items()
        }
        self._readers = readers
        self._going_on: deque[_Page] = deque(maxlen=_KEPT)
        self._unreported: deque[_Page] = deque(maxlen=_KEPT)
        self._served: deque[_Page] = deque(maxlen=_KEPT)
        self._count = 0
        self._kinds, self._shares = list(SHARES), list(SHARES.values())
        self._makers: Mapping[str, Callable[[int], Ask]] = {
            "feed": self._feed,
            "events": self._events,
            "related": self._related,
            "why": self._why,
            "settings": self._settings,
            "revocations": self._revocations,
            "items": self._items,
            "decisions": self._decisions,
        }

    def draw(self, now: int) -> Ask:
        """The next request, at a wall-clock second."""
        (kind,) = self._rng.choices(self._kinds, self._shares)
        self._count += 1
        if kind in ("events", "related", "why", "decisions") and not self._served:
            kind = "feed"
        return self._makers[kind](now)

    def answered(self, ask: Ask, status: int, body: bytes) -> None:
        """Take what an answer told into what comes next."""
        if ask.kind != "feed" or status != 200:
            return
        told = orjson.loads(body)
        page = _Page(ask.reader, told["request_id"], [item["id"] for item in told["items"]], told["cursor"] or "")
        if page.items:
            self._unreported.append(page)
            self._served.append(page)
        if page.cursor:
            self._going_on.append(page)

    def _feed(self, now: int) -> Ask:
        if self._going_on and self._rng.random() < _GOES_ON:
            page = self._going_on.popleft() if self._rng.random() < 0.5 else self._going_on.pop()
            return self._get("feed", f"/v1/feed?reader={page.reader}&limit={PAGE}&cursor={page.cursor}", page.reader)
        reader = self._reader()
        return self._get("feed", f"/v1/feed?reader={reader}&limit={PAGE}", reader)

    def _events(self, now: int) -> Ask:
        page = self._unreported.popleft() if self._unreported else self._rng.choice(self._served)
        seen = page.items[: self._rng.randint(3, len(page.items)) if len(page.items) > 3 else len(page.items)]
        events = [
            _event(page, f"{self._name}-{self._count}-{n}", item, "impression", now) for n, item in enumerate(seen)
        ]
        if self._rng.random() < 0.5:
            item, kind = self._rng.choice(seen), self._rng.choice(("click", "like", "dwell", "more", "less"))
            events.append(_event(page, f"{self._name}-{self._count}-x", item, kind, now))
        return self._send("events", "POST", "/v1/events", {"events": events}, "app")

    def _related(self, now: int) -> Ask:
        page = self._rng.choice(self._served)
        item = quote(self._rng.choice(page.items), safe="")
        return self._get("related", f"/v1/items/{item}/related?reader={page.reader}&limit=10", page.reader)

    def _why(self, now: int) -> Ask:
        page = self._served.pop()
        item = quote(self._rng.choice(page.items), safe="")
        return self._get("why", f"/v1/feed/{page.request_id}/why/{item}", page.reader)

    def _settings(self, now: int) -> Ask:
        path = f"/v1/readers/{self._reader()}/settings"
        if self._rng.random() < 0.7:
            return self._get("settings", path, "", "operator")
        return self._send("settings", "PATCH", path, {"personalization": self._rng.random() < 0.9}, "operator")

    def _revocations(self, now: int) -> Ask:
        return self._get("revocations", "/v1/revocations?since=0")

    def _items(self, now: int) -> Ask:
        number = self._rng.randrange(_ITEMS)
        topics = [f"load-topic-{number % 7}"]
        item = {"author": f"load-author-{number % 20}", "title": f"Load {number}, {self._count}", "topics": topics}
        return self._send("items", "PUT", f"/v1/items/load-{number}", item, "operator")

    def _decisions(self, now: int) -> Ask:
        boost = self._rng.random() < 0.5
        decision = {
            "type": "boost" if boost else "suppress",
            "subject": {"kind": "item", "id": self._rng.choice(self._rng.choice(self._served).items)},
            "reason": "a decision of the load",
            "basis": {"kind": "operations", "clause": "load"},
            "expires_at": now + self._rng.randint(5, 60),
            "parameters": {"factor": 1.2} if boost else {},
        }
        return self._send("decisions", "POST", "/v1/decisions", decision, "editor")

    def _reader(self) -> str:
        """Some readers come often, many seldom."""
        return self._readers[int(len(self._readers) * self._rng.random() ** 2)]

    def _get(self, kind: str, path: str, reader: str = "", who: str = "app") -> Ask:
        return Ask(kind, f"GET {path} HTTP/1.1{self._heads[who]}\r\n".encode(), reader)

    def _send(self, kind: str, method: str, path: str, document: object, who: str) -> Ask:
        body = orjson.dumps(document)
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return Ask(kind, f"{method} {path} HTTP/1.1{self._heads[who]}{more}\r\n".encode() + body)


def _event(page: _Page, client_id: str, item: str, kind: str, now: int) -> dict[str, object]:
    return {
        "client_id": client_id,
        "reader": page.reader,
        "item": item,
        "kind": kind,
        "occurred_at": now,
        "request_id": page.request_id,
    }
