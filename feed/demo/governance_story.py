"""The story of one item under governance: reported, taken down, stated, appealed against, restored, corrected, counted.

Everybody in it acts with a token of their own; the second moderator decides what the first one may not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from feed.api_client import Api
from feed.clock import Clock
from feed.demo.served import page
from feed.demo.telling import Seen, played

_ITEM, _AUTHOR = "story-of-the-well", "story-author"
_WRITER = (_AUTHOR, "author")
_FIRST, _SECOND = ("story-moderator-1", "moderator"), ("story-moderator-2", "moderator")
_AUDITOR = ("story-auditor", "auditor")
_BASIS = {"kind": "terms", "clause": "4.2", "category": "misleading"}
_LASTS = 7 * 86_400
_PATIENCE = 15.0
_PAUSE = 0.05

T = TypeVar("T")


@dataclass(slots=True)
class GovernanceStory:
    """Plays on a running server's API; the ``exposed`` readers were shown the item, the first of them reports it."""

    api: Api
    clock: Clock
    exposed: Sequence[str] = ("story-reader-1", "story-reader-2")
    told: list[Seen] = field(default_factory=list)
    report: str = ""
    takedown: str = ""
    statement: str = ""
    correction: str = ""

    def play(self) -> list[Seen]:
        """Every chapter, in order."""
        chapters: tuple[Callable[[], Iterable[Seen]], ...] = (
            self.published,
            self.reported,
            self.reviewed,
            self.stated,
            self.appealed,
            self.corrected,
            self.counted,
        )
        self.told += played(chapters)
        return self.told

    def published(self) -> Iterable[Seen]:
        """An author publishes, and two readers are shown it."""
        body = {"title": "The old well is poisoned", "text": "Do not drink from it.", "topics": ["local"]}
        self.api.send("PUT", f"/v1/items/{_ITEM}", body, as_=_WRITER)
        known = _eventually(self._verdict, lambda verdict: verdict is not None)
        taken = self.api.events(
            [
                {"client_id": f"story:{reader}", "reader": reader, "item": _ITEM, "kind": "impression"}
                for reader in self.exposed
            ]
        )
        yield Seen(
            "an item is published and shown",
            "on every replica with the next edition; two exposures",
            f"{'known' if known is not None else 'unknown'}; {taken['accepted']} exposures",
            known is not None and taken["accepted"] == len(self.exposed),
        )

    def reported(self) -> Iterable[Seen]:
        """A reader reports it, gets a receipt, and the case stands in the queue."""
        body = {"item": _ITEM, "category": "misleading", "text": "The well is fine."}
        receipt = self.api.send("POST", "/v1/reports", body, as_=(self.exposed[0], "reader"))
        self.report = receipt["id"]
        case = self._waiting("report")
        yield Seen(
            "a report has a receipt, a deadline and a case",
            "received; in the queue by severity and live reach",
            f"{receipt['state']}, due in {(receipt['due_at'] - receipt['at']) // 3600} h; priority {case['priority']}",
            receipt["state"] == "received" and case["priority"] > 0 and receipt["due_at"] > receipt["at"],
        )

    def reviewed(self) -> Iterable[Seen]:
        """A moderator claims the case and takes the item down; the reporter is told."""
        decision = {
            "type": "takedown",
            "subject": {"kind": "item", "id": _ITEM},
            "reason": "No authority confirms it.",
            "basis": _BASIS,
            "review_by": self.clock.now() + _LASTS,
        }
        self._resolve("report", _FIRST, "acted", "It was taken down.", [decision])
        told = self.api.get(f"/v1/reports/{self.report}", as_=(self.exposed[0], "reader"))
        found = self.api.get("/v1/decisions", as_=_AUDITOR, subject=_ITEM)["decisions"]
        self.takedown = _first((one for one in found if one["type"] == "takedown"), "takedown in the ledger")["id"]
        gone = self.api.ask("GET", f"/v1/items/{_ITEM}", as_=(self.exposed[1], "reader")).status_code
        evidence = _eventually(self._evidence, lambda found: found is not None)
        yield Seen(
            "a review takes it down, tells the reporter and keeps the evidence",
            "decided, acted; 404 to readers; evidence preserved",
            f"{told['state']}, {told['outcome']}; {gone}; {'nothing' if evidence is None else 'evidence'} preserved",
            (told["state"], told["outcome"], gone) == ("decided", "acted", 404) and evidence is not None,
        )

    def stated(self) -> Iterable[Seen]:
        """The author is told why, in the fields of the DSA Transparency Database, and how to object."""
        path = f"/v1/authors/{_AUTHOR}/statements"
        found = _eventually(
            lambda: self.api.get(path, as_=_WRITER)["statements"],
            lambda statements: any(one["decision"] == self.takedown for one in statements),
        )
        statement = _first((one for one in found if one["decision"] == self.takedown), "statement of the takedown")
        self.statement = statement["id"]
        fields = statement["fields"]
        others = self.api.ask("GET", path, as_=("another-author", "author")).status_code
        yield Seen(
            "the author gets one statement of reasons",
            "one, of content removed or disabled, by terms; nobody else's author reads it",
            f"{len(found)}: {', '.join(fields['decision_visibility'])}, {fields['decision_ground']}; {others}",
            len(found) == 1
            and fields["decision_ground"] == "DECISION_GROUND_INCOMPATIBLE_CONTENT"
            and bool(fields["decision_visibility"])
            and others == 403,
        )

    def appealed(self) -> Iterable[Seen]:
        """The author appeals; the moderator who decided may not decide again; another one upholds the appeal."""
        body = {"statement": self.statement, "text": "The laboratory's finding is attached."}
        appeal = self.api.send("POST", "/v1/appeals", body, as_=_WRITER)
        case = self._waiting("appeal")
        refused = self.api.ask("POST", f"/v1/cases/{case['id']}/claim", as_=_FIRST).status_code
        self._resolve("appeal", _SECOND, "upheld", "The finding is right: we were wrong.")
        told = self.api.get(f"/v1/appeals/{appeal['id']}", as_=_WRITER)
        shown = self.api.ask("GET", f"/v1/items/{_ITEM}", as_=(self.exposed[1], "reader")).status_code
        reversed_by = self.api.get(f"/v1/decisions/{self.takedown}", as_=_AUDITOR)["reversed_by"]
        yield Seen(
            "an appeal is upheld by another person, and the item restored",
            "the first moderator refused; upheld; the takedown reversed; 200 to readers",
            f"{refused}; {told['outcome']}; {'reversed' if reversed_by else 'in force'}; {shown}",
            400 <= refused < 500 and told["outcome"] == "upheld" and bool(reversed_by) and shown == 200,
        )

    def corrected(self) -> Iterable[Seen]:
        """Everybody who was exposed gets the correction with the next page; nobody else does."""
        decision = {
            "type": "correct",
            "subject": {"kind": "item", "id": _ITEM},
            "parameters": {"notice": "corrected", "text": "The laboratory found the water clean on Friday."},
            "reason": "The finding is new.",
            "basis": _BASIS,
            "review_by": self.clock.now() + _LASTS,
        }
        made = self.api.send("POST", "/v1/decisions", decision, as_=_FIRST)
        self.correction = made["decision"]["id"]
        cards = [_eventually(partial(self._cards, reader), bool) for reader in self.exposed]
        strangers = page(self.api, "story-stranger").corrections
        reach = self.api.get(f"/v1/corrections/{self.correction}", as_=_AUDITOR)
        told = sum(any(card["decision"] == self.correction for card in of) for of in cards)
        yield Seen(
            "a correction reaches everybody who was exposed",
            "both readers, no stranger; the reach is measured",
            f"{told} of {len(self.exposed)} told, {len(strangers)} strangers; {reach['exposed']} exposed",
            told == len(self.exposed) and not strangers and reach["exposed"] == len(self.exposed),
        )

    def counted(self) -> Iterable[Seen]:
        """The public report counts what was done, and what was undone."""
        report = self.api.get("/v1/transparency")
        acts, reports, appeals = report["acts"], report["reports"], report["appeals"]
        corrections = report["decisions"]["by_type"].get("correct", 0)
        yield Seen(
            "the public transparency report counts it",
            "an act of tier blocked, a report, an appeal upheld, a correction",
            f"{acts['by_tier'].get('blocked', 0)} acts of tier blocked, {reports['received']} reports,"
            f" {appeals['upheld']} of {appeals['made']} appeals upheld, {corrections} corrections",
            acts["by_tier"].get("blocked", 0) >= 1
            and reports["received"] >= 1
            and appeals["upheld"] >= 1
            and corrections >= 1,
        )

    def _cards(self, reader: str) -> Sequence[Mapping[str, Any]]:
        return page(self.api, reader).corrections

    def _verdict(self) -> Mapping[str, Any] | None:
        answer = self.api.ask("GET", f"/v1/items/{_ITEM}/verdict", as_=_WRITER)
        return answer.json() if answer.is_success else None

    def _evidence(self) -> Mapping[str, Any] | None:
        answer = self.api.ask("GET", f"/v1/decisions/{self.takedown}/evidence", as_=_AUDITOR)
        return answer.json() if answer.is_success else None

    def _waiting(self, kind: str) -> Mapping[str, Any]:
        cases = self.api.get("/v1/queue", as_=_FIRST, kind=kind)["cases"]
        return _first((one for one in cases if one["subject"]["id"] == _ITEM), f"{kind} in the queue")

    def _resolve(
        self, kind: str, who: tuple[str, ...], outcome: str, answer: str, decisions: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        path = f"/v1/cases/{self._waiting(kind)['id']}"
        self.api.send("POST", f"{path}/claim", as_=who)
        self.api.send(
            "POST", f"{path}/resolve", {"outcome": outcome, "answer": answer, "decisions": list(decisions)}, as_=who
        )


def _first(found: Iterable[Mapping[str, Any]], what: str) -> Mapping[str, Any]:
    for one in found:
        return one
    raise LookupError(f"no {what}")


def _eventually(ask: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """What is asked, once it holds, or as it is when patience ends."""
    pause = threading.Event()
    for _ in range(int(_PATIENCE / _PAUSE)):
        found = ask()
        if holds(found):
            return found
        pause.wait(_PAUSE)
    return ask()
