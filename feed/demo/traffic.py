"""Traffic: simulated readers use the public API, and simulated authors and classifiers go on publishing.

Readers come back more or less often, look at a page or a few, and report what they did; nothing here has a path that
a client app does not have.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import orjson
from numpy.random import Generator, default_rng

from experiments.world import World
from feed.api_client import Api, ApiRefused, ApiUnreachable
from feed.clock import Clock
from ranking.reader import EventKind

PAGE = 12
_PAUSE = 0.25
_PUBLISHED_EVERY = 5
_PACE = 200.0
"""How much busier authors are than in the past, so that a person who watches sees new items come."""

_FURTHER = 0.4
"""Chance to go on to another page."""

_APP = ("demo-app", "feed", "events")


class Traffic:
    """Runs on a thread of its own until stopped."""

    def __init__(self, api: Api, world: World, readers: Sequence[str], clock: Clock, *, publishing: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._api = api
        self._world = world
        self._readers = readers
        self._clock = clock
        self._publishing = publishing
        self._rng: Generator = default_rng(clock.now())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weir-traffic", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the visit that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._api.close()

    def visit(self, reader: str) -> None:
        """One reader's session: a page or a few, and what they did."""
        cursor = ""
        place = 0
        while not self._stop.is_set():
            query: dict[str, str | int] = {"reader": reader, "limit": PAGE}
            page = self._api.get("/v1/feed", as_=_APP, **(query | ({"cursor": cursor} if cursor else {})))
            self.counts["pages"] += 1
            self._report(reader, page, place)
            place += len(page["items"])
            cursor = page["cursor"] or ""
            if not cursor or self._rng.random() > _FURTHER:
                return

    def publish(self) -> None:
        """What authors and classifiers did since the last time."""
        step = self._world.step(self._clock.now() - self._world.now, pace=_PACE)
        if step.items:
            lines = (
                orjson.dumps(
                    {
                        "type": "item",
                        "id": item.id,
                        "author": item.author,
                        "title": item.title,
                        "topics": item.topics,
                        "published_at": item.published_at,
                        "language": item.language,
                        "region": item.region,
                    }
                )
                for item in step.items
            )
            body = b"\n".join(lines)
            self._api.ask("POST", "/v1/items/import", body=body, media="application/x-ndjson")
            self.counts["items"] += len(step.items)
        if step.labels:
            labels = [
                {
                    "item": label.item,
                    "name": label.name,
                    "score": label.score,
                    "given_by": label.given_by,
                    "given_at": label.given_at,
                }
                for label in step.labels
            ]
            self._api.send("POST", "/v1/labels", {"labels": labels})
            self.counts["labels"] += len(step.labels)

    def _report(self, reader: str, page: dict[str, object], place: int) -> None:
        listed = page["items"]
        assert isinstance(listed, list)
        now = self._clock.now()
        reactions = self._world.react(reader, [item["id"] for item in listed], now, first_place=place)
        if reactions:
            self._api.events(
                [
                    {
                        "client_id": f"{page['request_id']}:{number}",
                        "reader": reader,
                        "item": reaction.item,
                        "kind": reaction.kind.name.lower(),
                        "occurred_at": min(reaction.occurred_at, now),
                        "dwell_ms": reaction.dwell_ms,
                        "request_id": page["request_id"],
                    }
                    for number, reaction in enumerate(reactions)
                ]
            )
            self.counts["events"] += len(reactions)
            self.counts["clicks"] += sum(reaction.kind is EventKind.CLICK for reaction in reactions)

    def _run(self) -> None:
        published = self._clock.now()
        while not self._stop.wait(_PAUSE):
            try:
                self.visit(self._readers[int(len(self._readers) * self._rng.random() ** 2)])
                if self._publishing and self._clock.now() >= published + _PUBLISHED_EVERY:
                    published = self._clock.now()
                    self.publish()
            except ApiUnreachable:
                self.counts["unreachable"] += 1
            except ApiRefused as refused:
                self.counts[f"refused {refused.problem}"] += 1
