"""The story: what the service promises its readers, editors and operators, played over HTTP and compared.

Each chapter says what is expected and what was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from feed.api_client import Api
from feed.clock import Clock
from feed.demo.paths import BEGUN, RELATED, WHY, places
from feed.demo.served import ServedPage, at_one_state, page
from feed.demo.server_process import ServerProcess
from feed.demo.telling import Seen, played

_EDITOR = ("demo-editor", "editor")
_MODERATOR = ("demo-moderator", "moderator")
_LASTS = 6 * 3600
_PIN_AT, _SECOND_PIN_AT = 2, 4


@dataclass(slots=True)
class Story:
    """Plays on one running server; ``readers`` are at least four that have a history."""

    server: ServerProcess
    readers: Sequence[str]
    clock: Clock
    told: list[Seen] = field(default_factory=list)
    pins: dict[int, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    opted_out: str = ""
    erased: str = ""

    @property
    def api(self) -> Api:
        """The server's API."""
        return self.server.api

    def play(self) -> list[Seen]:
        """Every chapter, in order."""
        chapters: tuple[Callable[[], Iterable[Seen]], ...] = (
            self.ready,
            self.personalized,
            self.click,
            self.opt_out,
            self.pin,
            self.suppress,
            self.take_down,
            self.erase,
            self.survive,
        )
        self.told += played(chapters)
        return self.told

    def ready(self) -> Iterable[Seen]:
        """Ready, with a model."""
        health = self.api.get("/readyz")
        model = self.api.get("/v1/models")["active"]
        yield Seen(
            "ready",
            "readyz says ready; a model serves",
            f"{health['status']}; model {model}",
            health["status"] == "ready" and bool(model),
        )

    def personalized(self) -> Iterable[Seen]:
        """A reader's own page is not the popular one."""
        reader = self.readers[0]
        own, popular = at_one_state(self.api, (reader, {}), (reader, {"mode": "popular"}))
        shared = len(set(own.ids) & set(popular.ids))
        reasons = sum(item["reason"]["code"] == "because_you_liked" for item in own.items)
        yield Seen(
            "personalized differs from popular",
            "items from the graph with reasons; another list than popular",
            f"{own.mode}: {own.sources['graph']} from the graph, {reasons} because of likes,"
            f" {shared} of {len(own.ids)} are on both",
            own.mode == "personalized" and own.ids != popular.ids and own.sources["graph"] > 0 and reasons > 0,
        )

    def click(self) -> Iterable[Seen]:
        """The first click counts on the next page."""
        reader = "newcomer-1"
        before = page(self.api, reader)
        clicked = next((item["id"] for item in before.items if item["source"] == "popular"), before.ids[0])
        taken = self._tell(reader, clicked, "click")
        after = page(self.api, reader)
        changed = len(set(after.ids) - set(before.ids))
        yield Seen(
            "a click changes the next page",
            "before nothing from the graph; after it some, and the clicked item has left",
            f"{taken['accepted']} event taken; {before.sources['graph']} then {after.sources['graph']} from the graph,"
            f" {changed} items are new",
            taken["accepted"] == 1
            and before.sources["graph"] == 0 < after.sources["graph"]
            and clicked not in after.ids,
        )

    def opt_out(self) -> Iterable[Seen]:
        """Opting out takes the past out of the page, byte for byte; what a reader hid stays hidden."""
        reader, other = self.readers[1], "newcomer-2"
        before = page(self.api, reader)
        chosen = self.api.get(f"/v1/readers/{_path(reader)}/settings", as_=(reader, "reader"))
        for one in (reader, other):
            self._choose(one, {"personalization": False, "hidden": chosen["hidden"]})
        self.opted_out = reader
        mine, theirs = at_one_state(self.api, (reader, {}), (other, {}))
        yield Seen(
            "opt-out equals another opted-out reader",
            "items identical byte for byte with those of a newcomer who hid the same; no longer personalized",
            f"{before.mode} before, now {mine.mode}: {_same(mine, theirs)}",
            before.mode == "personalized" != mine.mode and mine.raw == theirs.raw and len(mine.ids) > 0,
        )
        for item in mine.ids[:3]:
            self._tell(reader, item, "like")
        mine, theirs = at_one_state(self.api, (reader, {}), (other, {}))
        yield Seen(
            "what opted-out readers do has no effect",
            "still identical after three likes",
            _same(mine, theirs),
            mine.raw == theirs.raw and len(mine.ids) > 0,
        )

    def pin(self) -> Iterable[Seen]:
        """A pin is at its position for everybody, at once."""
        item = self._to_pin("newcomer-3", [])
        yield self._pinned(item, _PIN_AT, "a pin is at its position")

    def suppress(self) -> Iterable[Seen]:
        """A suppressed item is gone from every path, also for a session begun before."""
        yield from self._vanishes(self.readers[2], "suppress", _EDITOR, "a suppressed item is gone from every path")

    def take_down(self) -> Iterable[Seen]:
        """So is one that was taken down; its content is not served either."""
        yield from self._vanishes(self.readers[0], "takedown", _MODERATOR, "a taken-down item is gone from every path")
        answers = [
            self.api.ask("GET", f"/v1/items/{_path(item)}", as_=("newcomer-4", "reader")).status_code
            for item in self.gone
        ]
        yield Seen("nor is their content served", "404 for each", f"{answers}", set(answers) == {404})

    def erase(self) -> Iterable[Seen]:
        """An erased reader is a stranger."""
        reader, stranger = self.readers[3], "newcomer-5"
        own = (reader, "reader")
        short = {"limit": 10}
        before = page(self.api, reader, **short)
        receipt = self.api.send("DELETE", f"/v1/readers/{_path(reader)}", as_=own)
        self.erased = reader
        history = self.api.get(f"/v1/readers/{_path(reader)}/history", as_=own)["events"]
        mine, theirs = at_one_state(self.api, (reader, short), (stranger, short), explored=False)
        yield Seen(
            "erase removes influence",
            "a receipt; no history; from then on a stranger's page",
            f"{receipt['rows']['events']} events erased, {len(history)} left;"
            f" {before.sources['graph']} from the graph before, {mine.sources['graph']} now: {_same(mine, theirs)}",
            receipt["rows"]["events"] > 0 and not history and before.ids != mine.ids and mine.ids == theirs.ids,
        )

    def survive(self) -> Iterable[Seen]:
        """What was acknowledged survives kill -9."""
        reader = "newcomer-6"
        liked = page(self.api, reader, limit=60).ids[-1]
        item = self._to_pin(reader, [liked, *self.pins.values()])
        taken = self._tell(reader, liked, "like")
        decided = self._decide("pin", item, _EDITOR, position=_SECOND_PIN_AT)
        self.pins[_SECOND_PIN_AT] = item
        model = page(self.api, reader).model
        self.server.kill()
        self.server.start()
        history = [
            event["item"] for event in self.api.get(f"/v1/readers/{reader}/history", as_=(reader, "reader"))["events"]
        ]
        stored = self.api.get(f"/v1/decisions/{decided['decision']['id']}")
        now = page(self.api, "newcomer-7")
        yield Seen(
            "kill -9: acknowledged is durable",
            "the event and the decision acknowledged a moment before; the same model",
            f"{history}; revision {stored['revision']}; model {now.model}",
            taken["accepted"] == 1
            and history == [liked]
            and stored["revision"] == decided["decision"]["revision"]
            and now.model == model,
        )
        yield self._pins_hold("kill -9: pins stay")
        found = [place for item in self.gone for place in self._places(item, "newcomer-8")]
        yield Seen("kill -9: what was gone stays gone", "nowhere", ", ".join(found) or "nowhere", not found)
        mine, theirs = at_one_state(self.api, (self.opted_out, {}), ("newcomer-2", {}))
        erased = self.api.get(f"/v1/readers/{_path(self.erased)}/history", as_=(self.erased, "reader"))["events"]
        yield Seen(
            "kill -9: choices stay",
            "opted out still, and identical; erased still",
            f"{mine.mode}, {_same(mine, theirs)}; {len(erased)} events of the erased reader",
            mine.mode != "personalized" and mine.raw == theirs.raw and not erased,
        )

    def _vanishes(self, reader: str, act: str, who: tuple[str, ...], chapter: str) -> Iterable[Seen]:
        """Decide on an item that a session would come to, and look for it everywhere."""
        first = page(self.api, reader, limit=10)
        following = page(self.api, reader, limit=10, cursor=first.cursor)
        # What is explored is drawn anew for each page, and so need not be found a second time.
        item = next(one["id"] for one in following.items if one["source"] not in ("pin", "exploration"))
        before = self._places(item, reader, first.cursor, following.request_id)
        decided = self._decide(act, item, who)
        self.gone.append(item)
        found = self._places(item, reader, first.cursor, following.request_id)
        since = ".".join(map(str, first.state))
        revoked = self.api.get("/v1/revocations", as_=("demo-app", "feed"), since=since)
        told = revoked["reset"] or item in revoked["items"]
        yield Seen(
            chapter,
            "first in several places; then enforced, nowhere, and told to clients",
            f"first in {', '.join(before) or 'nowhere'}; {_enforced(decided)}; then in {', '.join(found) or 'nowhere'};"
            f" {'told' if told else 'not told'}",
            {BEGUN, WHY, RELATED} <= set(before) and _obeyed(decided) and not found and told,
        )

    def _places(self, item: str, reader: str, cursor: str = "", request_id: str = "") -> list[str]:
        return places(self.api, item, reader, self.opted_out, cursor=cursor, request_id=request_id)

    def _to_pin(self, reader: str, others: Sequence[str]) -> str:
        """Far down a reader's page, and hidden by nobody whose page is looked at: a hide goes before a pin."""
        hidden = set(others)
        for one in (self.readers[0], self.opted_out):
            hidden.update(self.api.get(f"/v1/readers/{_path(one)}/settings", as_=(one, "reader"))["hidden"])
        return next(item for item in reversed(page(self.api, reader, limit=60).ids) if item not in hidden)

    def _pinned(self, item: str, position: int, chapter: str) -> Seen:
        decided = self._decide("pin", item, _EDITOR, position=position)
        self.pins[position] = item
        held = self._pins_hold(chapter)
        return Seen(
            chapter, f"enforced; {held.expected}", f"{_enforced(decided)}; {held.seen}", _obeyed(decided) and held.kept
        )

    def _pins_hold(self, chapter: str) -> Seen:
        pages = {reader: page(self.api, reader) for reader in (self.readers[0], self.opted_out, "newcomer-9")}
        wrong = [
            f"{reader} has {one.ids[position]} at {position}"
            for reader, one in pages.items()
            for position, item in self.pins.items()
            if one.ids[position] != item or one.items[position]["source"] != "pin"
        ]
        places = ", ".join(f"{item} at {position}" for position, item in sorted(self.pins.items()))
        return Seen(chapter, f"{places}, for every reader", "; ".join(wrong) or "so it is", not wrong)

    def _tell(self, reader: str, item: str, kind: str) -> Mapping[str, Any]:
        client_id = f"story:{kind}:{item}"
        told: Mapping[str, Any] = self.api.events(
            [{"client_id": client_id, "reader": reader, "item": item, "kind": kind}]
        )
        return told

    def _choose(self, reader: str, settings: Mapping[str, object]) -> None:
        self.api.send("PATCH", f"/v1/readers/{_path(reader)}/settings", settings, as_=(reader, "reader"))

    def _decide(self, act: str, item: str, who: tuple[str, ...], **parameters: int) -> Mapping[str, Any]:
        decision = {
            "type": act,
            "subject": {"kind": "item", "id": item},
            "reason": "the story of the demo",
            "basis": {"kind": "editorial", "clause": "demo"},
            "expires_at": self.clock.now() + _LASTS,
            "parameters": parameters,
        }
        made: Mapping[str, Any] = self.api.send("POST", "/v1/decisions", decision, as_=who)
        return made


def _path(name: str) -> str:
    return quote(name, safe="")


def _same(one: ServedPage, other: ServedPage) -> str:
    return f"{len(one.raw)} and {len(other.raw)} bytes, {'identical' if one.raw == other.raw else 'different'}"


def _obeyed(decided: Mapping[str, Any]) -> bool:
    enforced = decided["enforced"]
    return bool(enforced["replicas"] == enforced["acked"] > 0 and not enforced["lagging"])


def _enforced(decided: Mapping[str, Any]) -> str:
    enforced = decided["enforced"]
    return f"{enforced['acked']} of {enforced['replicas']} replicas in {enforced['ms']:.0f} ms"
