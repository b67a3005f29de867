"""An oracle beside a deployment under load: it remembers all that was acknowledged, and what was shown against it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from feed.clock import SystemClock
from tests.journeys.faulty_machine import FaultyMachine
from tests.journeys.grown_service import LEASE, Grown, stored
from tests.journeys.http_service import decision, until

_PACE = 0.03
"""Seconds between a caller's requests: the processes under test share the machine with it."""

READERS = ("ada", "bob")
KINDS = ("decided", "reported", "looked", "chosen")


@dataclass
class Oracle:
    """What callers were told, and where that did not hold."""

    grown: Grown
    items: int
    events: dict[str, str] = field(default_factory=dict)
    """Acknowledged events: the reader by the client's id."""
    decisions: dict[str, str] = field(default_factory=dict)
    """Acknowledged decisions: the item by the decision's id."""
    blocked: dict[str, float] = field(default_factory=dict)
    """Since when nobody may serve an item, on the monotonic clock."""
    settings: dict[str, bool] = field(default_factory=dict)
    """Acknowledged personalization by reader."""
    done: Counter[str] = field(default_factory=Counter)
    """Requests that were answered as they should, by kind."""
    wrong: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    """Requests that were refused, with a time to ask again, or not answered: a fault may bring that about."""
    _over: threading.Event = field(default_factory=threading.Event)
    _epoch: int = 0

    @contextmanager
    def load(self) -> Iterator[None]:
        """Callers who go on for as long as this is open; afterwards nothing may have been wrong."""
        self._over.clear()
        self.wrong.clear()
        self._epoch += 1
        kinds = (self._decide, self._report, self._look, self._choose)
        threads = [threading.Thread(target=self._go_on, args=(kind,)) for kind in kinds]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)
        assert not self.wrong, self.wrong[:5]

    def goes_on(self, seconds: float = 40.0, more: int = 3, kinds: Sequence[str] = KINDS) -> None:
        """Wait until every kind of request was answered some times more."""
        before = Counter(self.done)
        until(lambda: bool(self.wrong) or all(self.done[kind] >= before[kind] + more for kind in kinds), seconds)

    def endures_a_slow_disk(self, disk: FaultyMachine, more: int = 3) -> None:
        """Under load, on a disk that is slow, then slower than anybody waits for: pages, decisions and choices go on;
        what takes too long is refused and told so, and sent again it is there once."""
        with self.load():
            self.goes_on()
            with disk.slow_disk(0.3):
                self.goes_on()
            before = len(self.unanswered)
            with disk.slow_disk(1.5):
                until(lambda: any("store-slow" in one for one in self.unanswered[before:]), 20)
                self.goes_on(kinds=("looked", "decided", "chosen"), more=more)
            self.goes_on()
        assert all(one.startswith("report 503") for one in self.unanswered), self.unanswered[:5]
        self.holds()

    def holds(self) -> None:
        """All that was acknowledged is stored, and every worker obeys it."""
        self.kept()
        until(self.grown.whole, 30)
        for worker in self.grown.workers() or [None]:
            shown = set(self.grown.page(worker=worker))
            assert shown and shown.isdisjoint(self.blocked), sorted(shown & set(self.blocked))[:5]

    def kept(self) -> None:
        """All that was acknowledged is stored, once."""
        store = stored(self.grown.settings)
        try:
            for reader in READERS:
                known = [event.client_id for event in store.events.of_reader(reader, 1_000_000)]
                assert len(known) == len(set(known)), "an event is there twice"
                mine = {event for event, whose in self.events.items() if whose == reader}
                assert mine <= set(known), sorted(mine - set(known))[:5]
            for reader, wanted in self.settings.items():
                assert orjson.loads(store.readers.get(reader).settings).get("personalization", True) is wanted
            for id, item in self.decisions.items():
                found = store.ledger.by_id(id)
                assert found is not None and found.subject.id == item, (id, item)
            made = [one for one in store.ledger.since(0, limit=1_000_000) if one.type == "suppress"]
            keys = [one.idempotency_key for one in made if one.idempotency_key]
            assert len(keys) == len(set(keys)), "a decision was made twice"
        finally:
            store.close()

    def _go_on(self, kind: Callable[[int], None]) -> None:
        turn = 0
        while not self._over.wait(_PACE):
            kind(turn)
            turn += 1

    def _until_told(self, kind: str, ask: Callable[[], Any], good: tuple[int, ...]) -> Any:
        """Ask again, with the same key, until it is answered; None when the load is over first."""
        while True:
            answer = ask()
            if answer.status in good:
                return answer
            self.unanswered.append(f"{kind} {answer.status} {answer.text[:200]}")
            if answer.status not in (0, 503) or (answer.status == 503 and not answer.again):
                self.wrong.append(f"{kind} {answer.status} {answer.text[:300]}")
                return None
            if self._over.wait(0.2):
                return None

    def _decide(self, turn: int) -> None:
        # The newest first: they are what pages show.
        item = f"item-{self.items - 1 - len(self.decisions)}"
        now = SystemClock().now()
        # Whatever the clocks show meanwhile, none of them ends.
        body = decision("suppress", item, now, expires_at=now + 86_400)
        answer = self._until_told(
            "decide", lambda: self.grown.tried("POST", "/v1/decisions", body, key=f"k-{item}"), (201,)
        )
        if answer is not None:
            told = answer.json
            late = 1.5 * LEASE if told["enforced"]["lagging"] else 0.0
            self.decisions[told["decision"]["id"]] = item
            self.blocked[item] = time.monotonic() + late
            self.done["decided"] += 1

    def _report(self, turn: int) -> None:
        reader, client = READERS[turn % len(READERS)], f"e{self._epoch}-{turn}"
        event = {"client_id": client, "reader": reader, "item": "item-0", "kind": "like"}
        answer = self._until_told("report", lambda: self.grown.tried("POST", "/v1/events", {"events": [event]}), (200,))
        if answer is not None:
            told = answer.json
            if told["accepted"] + told["duplicates"] != 1:
                self.wrong.append(f"an event was not taken: {told}")
            self.events[client] = reader
            self.done["reported"] += 1

    def _look(self, turn: int) -> None:
        began = time.monotonic()
        forbidden = {item for item, since in list(self.blocked.items()) if since <= began}
        answer = self._until_told("look", lambda: self.grown.tried("GET", "/v1/feed?reader=eve&limit=100"), (200,))
        if answer is not None:
            shown = {item["id"] for item in answer.json["items"]}
            if shown & forbidden:
                self.wrong.append(f"blocked and served: {sorted(shown & forbidden)} at {answer.json['revision']}")
            self.done["looked"] += 1

    def _choose(self, turn: int) -> None:
        wanted = bool(turn % 2)
        body = {"personalization": wanted}
        self.settings.pop("ida", None)
        if not self._until_told("choose", lambda: self.grown.tried("PATCH", "/v1/readers/ida/settings", body), (200,)):
            return
        self.settings["ida"] = wanted
        while not self._over.is_set():
            answer = self._until_told("page", lambda: self.grown.tried("GET", "/v1/feed?reader=ida&limit=1"), (200,))
            if answer is None or (answer.json["mode"] == "personalized") is wanted:
                self.done["chosen"] += answer is not None
                return
            if not wanted:
                self.wrong.append(f"a choice did not hold on the next page: {answer.text[:200]}")
                return
            # Who cannot be read while the database is gone is served as one who opted out, until the next page.
