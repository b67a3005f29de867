"""The story of an experiment: two readers in different arms see what theirs says, one who opted out is in none, and a
stop ends it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from feed.api_client import Api
from feed.clock import Clock
from feed.demo.telling import Seen, played

_APP = ("demo-app", "feed")
_EXPERIMENTER = ("story-experimenter", "experimenter")
_OPTED_OUT = "story-opted-out"
_NAME = "story-fresher"
_ONLY_FRESH = {"fresh_every": 1, "popular_every": 0, "editorial_every": 0, "explore_every": 0}
_LASTS = 86_400
_LIMIT = 20
_TRIES, _PAUSE = 100, 0.05


@dataclass(slots=True)
class ExperimentStory:
    """Plays on a running server's API; ``readers`` have a history, and are enough to come into both arms."""

    api: Api
    readers: Sequence[str]
    clock: Clock
    told: list[Seen] = field(default_factory=list)
    experiment: str = ""

    def play(self) -> list[Seen]:
        """Every chapter, in order."""
        chapters: tuple[Callable[[], Iterable[Seen]], ...] = (self.started, self.stopped)
        self.told += played(chapters)
        return self.told

    def started(self) -> Iterable[Seen]:
        """An experiment starts; pages say which arm made them, and are made as it says."""
        self.api.send(
            "PATCH", f"/v1/readers/{_OPTED_OUT}/settings", {"personalization": False}, as_=(_OPTED_OUT, "reader")
        )
        arms = [{"name": "usual", "share": 500}, {"name": "fresher", "share": 500, "sets": _ONLY_FRESH}]
        body: dict[str, object] = {"name": _NAME, "arms": arms, "outcome": "click", "reason": "the story of the demo"}
        body["expires_at"] = self.clock.now() + _LASTS
        decided = self.api.send("POST", "/v1/experiments", body, as_=_EXPERIMENTER)
        self.experiment = decided["decision"]["id"]
        pages: dict[str, dict[str, Any]] = {}
        for reader in self.readers:
            page = self._page(reader)
            if _NAME in page["arms"]:
                pages.setdefault(page["arms"][_NAME], page)
            if len(pages) == len(arms):
                break
        fresh = {arm: _fresh(page) for arm, page in pages.items()}
        out = self._page(_OPTED_OUT)["arms"]
        yield Seen(
            "an experiment: pages tell their arm and are made as it says",
            "readers in both arms; fresh items on most places in one, on few in the other; nobody who opted out",
            f"{', '.join(f'{arm}: {fresh[arm]} of {_LIMIT} fresh' for arm in sorted(fresh))};"
            f" opted out: {', '.join(out) or 'none'}",
            set(fresh) == {"usual", "fresher"} and fresh["fresher"] > _LIMIT // 2 > fresh["usual"] and not out,
        )

    def stopped(self) -> Iterable[Seen]:
        """It is stopped: no page has an arm any more, and what it showed can be read."""
        path = f"/v1/experiments/{quote(self.experiment, safe='')}"
        self.api.send("POST", f"{path}/stop", {"reason": "the story is told"}, as_=_EXPERIMENTER)
        left = [reader for reader in self.readers if self._page(reader)["arms"]]
        state = self.api.get(path, as_=_EXPERIMENTER)["state"]
        arms = self._judged(f"{path}/results")
        served = sum(arm["readers"] for arm in arms)
        concluded = arms[1]["conclusion"]
        yield Seen(
            "a stopped experiment is over at once, and is judged by who was served",
            "stopped; no page in an arm; readers counted, and nothing concluded from so few",
            f"{state}; {len(left)} pages in an arm; {served} readers, {concluded}",
            state == "stopped" and not left and served >= len(arms) and concluded == "few",
        )

    def _judged(self, path: str) -> list[dict[str, Any]]:
        """The arms of the results, once both have readers; pages are recorded a moment after they are answered."""
        pause = threading.Event()
        arms: list[dict[str, Any]] = []
        for _ in range(_TRIES):
            arms = self.api.get(path, as_=_EXPERIMENTER)["arms"]
            if all(arm["readers"] for arm in arms):
                break
            pause.wait(_PAUSE)
        return arms

    def _page(self, reader: str) -> dict[str, Any]:
        page: dict[str, Any] = self.api.get("/v1/feed", as_=_APP, reader=reader, limit=_LIMIT)
        return page


def _fresh(page: dict[str, Any]) -> int:
    return Counter(item["source"] for item in page["items"])["fresh"]
